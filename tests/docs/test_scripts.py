"""The scripts on the pages run, as in an editor; what they read are stand-ins."""

import numpy as np
import pytest
import torch
import vapoursynth as vs
from clips import pixels
from pages import blocks
from published import SMALL, random_weights

#: Numbers of the pages that lie outside of the stand-ins, and inside.
INSIDE = {
    r'r"C:\flights\mask.png"': '"mask.png"',
    "width=60, height=150": "width=60, height=80", "frame=120, left=300, top=80": "frame=8, left=150, top=40",
}
BLOCKS = [block for block in blocks("python") if "core." in block.text]


@pytest.fixture
def models(files):
    """The weights that the pages name."""
    from osdclean.engine.networks import published

    (files / "runs" / "vinet").mkdir(parents=True)
    random_weights("vinet", files)
    (files / "vinet.safetensors").rename(files / "runs" / "vinet" / "weights.safetensors")
    (files / "models").mkdir()
    for name, config, path in (
        ("sttn", {"size": (240, 432)}, "models/sttn.pth"),
        ("recurrent-unet", {"tanh": True, "residual": True}, "epoch_50.pth"),
    ):
        of = published.known(name)
        torch.save(of(of.CONFIG(**{**SMALL[name], **config})).state_dict(), files / path)


@pytest.fixture
def exported(files):
    """An exported network: the default one's, drawn small."""
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    from osdclean.engine.export.files import export
    from osdclean.engine.network import InpaintingNetwork, NetworkConfig

    export(InpaintingNetwork(NetworkConfig(widths=(4, 6, 8), hidden=6)).eval(), files / "model.onnx")


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.where)
def test_scripts_run(block, files, request):
    if "model=" in block.text:
        request.getfixturevalue("exported" if "onnx" in block.text else "models")
    text = block.text
    for outside, inside in INSIDE.items():
        text = text.replace(outside, inside)
    core = vs.core
    clip = core.bs.VideoSource("flight.mp4")
    mask = core.bs.VideoSource("mask.png").resize.Point(format=vs.GRAY8, matrix_s="709")
    given = {"vs": vs, "core": core, "clip": clip, "mask": mask, "source": clip, "holes": mask}
    try:
        made = _values(text, given, block.where)
        outputs = {number: output.clip for number, output in vs.get_outputs().items()}
        if not made and not outputs and given["clip"] is not clip:  # for programs that take what is named clip
            made = [given["clip"]]
        assert made or outputs
        for result in (*made, *outputs.values()):
            assert (result.width, result.height, result.num_frames) == (clip.width, clip.height, clip.num_frames)
            frame = result.get_frame(5)
            assert all(np.asarray(frame[p]).any() for p in range(frame.format.num_planes))
        if outputs:
            last, source = (pixels(made.get_frame(5)) for made in (outputs[max(outputs)], clip))
            assert last != source
    finally:
        vs.clear_outputs()


def _values(text: str, given: dict, where: str) -> list[vs.VideoNode]:
    """Run a script; the clips that its lines make and keep nowhere."""
    import ast

    kept = []
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Expr):
            value = eval(compile(ast.Expression(statement.value), where, "eval"), given)
            kept += [value] if isinstance(value, vs.VideoNode) else []
        else:
            exec(compile(ast.Module([statement], []), where, "exec"), given)
    return kept


def test_datasets_are_read_in_python(files):
    (block,) = [block for block in blocks("python") if "Synthetic" in block.text]
    from osdclean.engine.cli.main import main

    assert main(["data", "clips", "films", "-o", "pairs", "--frames", "10", "--per-video", "1"]) == 0
    given = {}
    exec(compile(block.text, block.where, "exec"), given)
    assert len(given["pairs"]) == 1
    assert len(given["pair"].truth) == 12


def test_every_script_is_run_or_is_no_script():
    others = [block for block in blocks("python") if block not in BLOCKS and "Synthetic" not in block.text]
    assert [block.text.split("(")[0] for block in others] == ["def restore"]
    for block in others:
        compile(block.text, block.where, "exec")
