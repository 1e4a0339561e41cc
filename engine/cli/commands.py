"""The register of commands. Each is one module with `add_arguments(parser)` and `run(args) -> int`.

Only the module of the command that was asked for is imported, so that help stays quick and one command that
lacks a package does not spoil the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command's name, the module that does it, and its line in `osdclean --help`."""

    name: str
    module: str
    summary: str

    def load(self) -> ModuleType:
        """The command's module; raises ImportError where a package it needs is missing."""
        return import_module(self.module)


COMMANDS = (
    Command(
        name="clean",
        module="osdclean.engine.cli.clean",
        summary="remove an overlay from a video, keeping sound, subtitles and timing",
    ),
    Command(
        name="mask",
        module="osdclean.engine.cli.mask",
        summary="find an overlay and write its mask, or show it over the picture",
    ),
    Command(
        name="preview",
        module="osdclean.engine.cli.preview",
        summary="write one frame as a picture: before, hole and after, side by side",
    ),
    Command(
        name="demo",
        module="osdclean.engine.cli.demo",
        summary="make a moving scene with telemetry over it, clean it and measure the result",
    ),
    Command(
        name="bench",
        module="osdclean.engine.bench.command",
        summary="measure quality and speed on clean clips against other methods",
    ),
    Command(
        name="train",
        module="osdclean.engine.train.command",
        summary="train the network on your own clips",
    ),
    Command(
        name="data",
        module="osdclean.engine.data.command",
        summary="make datasets out of footage: stills, and clips with and without an overlay",
    ),
    Command(
        name="finetune",
        module="osdclean.engine.train.finetune",
        summary="train the network further on one video of your own",
    ),
    Command(
        name="export",
        module="osdclean.engine.export.command",
        summary="write a network as an ONNX file, checked against torch",
    ),
    Command(
        name="doctor",
        module="osdclean.engine.cli.doctor.command",
        summary="check the installation, and say how to mend what is wrong",
    ),
    Command(
        name="completion",
        module="osdclean.engine.cli.completion",
        summary="write the completions of a shell: what Tab offers behind osdclean",
    ),
)
