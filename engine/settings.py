"""What a user can ask of the inpainter, checked once."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import ArgumentError

PRECISIONS = ("auto", "fp32", "bf16", "fp16")
BACKENDS = ("torch", "onnxruntime")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Arguments of `Inpaint` that the engine obeys.

    model: "default", or the path of a weights file (safetensors); with onnxruntime also of an exported `.onnx` file.
    device: "auto" (CUDA when there is one), "cpu", "cuda" or "cuda:N"; with onnxruntime also "tensorrt" or "directml",
        each with ":N" or without.
    precision: of the network only; "auto" takes bf16 where the processor has it, fp16 on CUDA, else fp32.
    grow: pixels by which the mask is grown before filling, 0..64.
    period: frames per block, 1..1000.
    warmup, lookahead: frames read before and after a block, 0..500; the reach of propagation.
    sc_threshold: mean absolute luma difference (0..1) above which two neighbours are a scene cut, where the
        clip carries no `_SceneChangePrev`; 0 switches the measurement off.
    backend: what runs the network, "torch" or "onnxruntime", which knows no bf16.
    """

    model: str = "default"
    device: str = "auto"
    precision: str = "auto"
    grow: int = 2
    period: int = 48
    warmup: int = 48
    lookahead: int = 48
    sc_threshold: float = 0.15
    backend: str = "torch"

    def __post_init__(self) -> None:
        for name, low, high in (
            ("grow", 0, 64),
            ("period", 1, 1000),
            ("warmup", 0, 500),
            ("lookahead", 0, 500),
            ("sc_threshold", 0.0, 1.0),
        ):
            value = getattr(self, name)
            if not low <= value <= high:  # also refuses NaN
                raise ArgumentError(f"{name} must be {low} to {high}, passed {value}")
        if self.precision not in PRECISIONS:
            raise ArgumentError(f"precision must be one of {', '.join(PRECISIONS)}, passed {self.precision}")
        if self.backend not in BACKENDS:
            raise ArgumentError(f"backend must be one of {', '.join(BACKENDS)}, passed {self.backend}")
        if self.backend == "onnxruntime" and self.precision == "bf16":
            raise ArgumentError('precision must be auto, fp32 or fp16 with backend="onnxruntime", passed bf16')
