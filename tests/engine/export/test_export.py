"""Exported files: what they do, what they tell of themselves, what is refused."""

import json

import numpy as np
import pytest
import torch
from osdclean.engine import weights
from osdclean.engine.errors import DeviceError, ModelError, OsdcleanError
from osdclean.engine.network import InpaintingNetwork, Inputs, NetworkConfig
from osdclean.engine.networks import published
from published import SMALL
from tiles import inputs

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
from osdclean.engine.export import files, parity, session  # noqa: E402


@pytest.fixture(scope="module")
def network():
    """A small inpainting network whose every part says something."""
    torch.manual_seed(5)
    made = InpaintingNetwork(NetworkConfig(widths=(4, 6, 8), hidden=6)).eval()
    torch.nn.init.normal_(made.head.weight, std=0.1)
    return made


@pytest.fixture(scope="module")
def exported(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "small.onnx"
    files.export(network, path, training={"steps": 7})
    return path


@torch.inference_mode()
@pytest.mark.parametrize(("k", "h", "w"), [(1, 16, 16), (2, 32, 48), (3, 80, 96)])
def test_any_size_steps_as_torch_from_the_first_frame_on(network, exported, k, h, w):
    other = session.Inpainting(files.read(exported), session.CPU)
    state = theirs = None
    for n in range(50):
        given = inputs(k, h, w, n)
        want, state = network(given, state)
        got, theirs = other(given, theirs)
        for a, b in zip((*want, *state), (*got, *theirs), strict=True):
            assert a.shape == b.shape
            torch.testing.assert_close(b, a, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_a_first_step_is_one_from_zeros_that_are_not_valid(network):
    given = inputs(2, 32, 48)
    none, _ = network(given)
    zeros, _ = network(given, type(network.start(given))(*(torch.zeros_like(t) for t in network.start(given))))
    for a, b in zip(none, zeros, strict=True):
        torch.testing.assert_close(b, a, atol=1e-6, rtol=0)


def test_metadata_tell_all_that_is_needed(network, exported):
    graph = onnx.load(exported)
    onnx.checker.check_model(graph, full_check=True)
    told = {one.key: one.value for one in graph.metadata_props}
    assert told["kind"] == "osdclean-onnx"
    assert told["network"] == "inpainting"
    assert json.loads(told["config"]) == {"widths": [4, 6, 8], "hidden": 6, "blocks": 1, "calm": False}
    assert json.loads(told["training"]) == {"steps": 7}
    assert graph.opset_import[0].version == json.loads(told["opset"]) == files.OPSET
    ports = json.loads(told["ports"])
    names = [one.name for one in graph.graph.input]
    assert names[:5] == list(Inputs._fields)
    assert names[5:] == ["state_h", "state_c", "state_luma", "state_chroma", "state_valid"]
    assert [port["name"] for port in ports["inputs"]] == names
    assert all(port["meaning"] for port in ports["inputs"])
    assert max(json.loads(told["difference"])) < 1e-4
    assert files.read(exported).description.config["hidden"] == network.config.hidden


def test_half_precision_is_near_and_half_the_size(network, exported, tmp_path):
    made = files.export(network, tmp_path / "half.onnx", "fp16")
    assert made.precision == "fp16"
    kinds = {one.data_type for one in onnx.load(tmp_path / "half.onnx").graph.initializer if len(one.dims) == 4}
    assert kinds == {onnx.TensorProto.FLOAT16}
    assert (tmp_path / "half.onnx").stat().st_size < exported.stat().st_size
    assert 0 < made.difference[0] < 1e-2


@pytest.mark.parametrize("name", ["recurrent-unet", "vinet", "edsr3d", "rnot"])
def test_published_networks_step_as_torch(name, tmp_path):
    torch.manual_seed(3)
    of = published.known(name)
    network = of(of.CONFIG(**SMALL[name])).eval()
    path = tmp_path / "network.onnx"
    assert max(files.export(network, path).difference) < 1e-4
    other = session.WholeFrames(files.read(path), session.CPU)
    assert (other.GROUP, other.MULTIPLE, other.RECURRENT) == (network.GROUP, network.MULTIPLE, network.RECURRENT)
    scene = range(-1000, 1000)
    state = theirs = None
    for count in {1, network.GROUP}:
        seen = network.sees(range(count), scene)
        assert other.sees(range(count), scene) == seen
        frames = 2 * torch.rand(1, count + len(seen), 3, 32, 48) - 1
        masks = (torch.rand(1, count + len(seen), 1, 32, 48) > 0.7).float()
        with torch.inference_mode():
            for _ in range(3):  # the first has no state
                want, state = network.restore(frames, masks, count, state)
                got, theirs = other.restore(frames, masks, count, theirs)
                torch.testing.assert_close(got, want, atol=1e-4, rtol=1e-4)


def test_what_differs_from_torch_is_not_written(network, tmp_path, monkeypatch):
    monkeypatch.setattr(parity, "TOLERANCE", {"fp32": (1e-12, 1e-12)})
    with pytest.raises(OsdcleanError, match=r"answer must differ from torch's by 1e-12 at most, found .*not written"):
        files.export(network, tmp_path / "bad.onnx")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_exported_file_is_refused(exported, tmp_path):
    path = tmp_path / "x.onnx"

    def refused(match: str) -> None:
        with pytest.raises(ModelError, match=match):
            files.read(path)

    refused("does not exist")
    path.write_bytes(b"\x80\x04no model")
    refused("must be an ONNX file")
    whole = exported.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused("must be")
    graph = onnx.load(exported)

    def changed(**props: str) -> None:
        told = {one.key: one.value for one in graph.metadata_props} | props
        other = onnx.ModelProto()
        other.CopyFrom(graph)
        onnx.helper.set_model_props(other, told)
        onnx.save(other, path)

    changed(kind="another")
    refused("osdclean export wrote")
    changed(format="99")
    refused("of export format 1, passed .* of format 99")
    changed(ports=json.dumps({"inputs": [], "outputs": [], "state": 0, "frames": 0}))
    refused("does not fit its own description")
    changed(network="unheard-of")
    refused("does not fit its own description")
    changed()
    strange = onnx.load(path)
    strange.graph.node[0].domain = "com.strange"
    onnx.save(strange, path)
    refused("ONNX's own operators alone")
    changed()
    strange = onnx.load(path)
    strange.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    path.write_bytes(strange.SerializeToString())
    refused("must be one file")


def test_what_is_no_checkpoint_is_not_exported(tmp_path):
    from osdclean.engine.cli.main import main

    class Runs:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"weights": Runs()}, tmp_path / "evil.pth")
    for given in (f"sttn:{tmp_path / 'evil.pth'}", str(tmp_path / "none.safetensors"), str(tmp_path / "evil.pth")):
        assert main(["export", given, "-o", str(tmp_path / "model.onnx")]) == 1
    assert sorted(one.name for one in tmp_path.iterdir()) == ["evil.pth"]


def test_the_command_writes_and_says_so(network, tmp_path, capsys):
    from osdclean.engine.cli.main import main

    weights.save(network, tmp_path / "w.safetensors", {"note": "short"})
    command = ["export", str(tmp_path / "w.safetensors"), "-o", str(tmp_path / "m.onnx"), "--subsampling", "444"]
    assert main([*command, "--opset", "18"]) == 0
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "opset 18" in said
    told = files.read(tmp_path / "m.onnx").description
    assert (told.opset, told.subsampling, told.training) == (18, "444", {"note": "short"})
    assert main(command) == 1
    assert "--overwrite" in capsys.readouterr().err


def test_a_missing_package_is_named_with_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(DeviceError, match=r"onnxruntime is not installed.*pip install 'vapoursynth-osdclean\[onnx\]'"):
        session.place_of("cpu")


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("gpu", "device must be .*passed gpu"),
        ("cpu:1", "passed cpu:1"),
        ("cuda:x", "passed cuda:x"),
        ("directml", "passed directml where onnxruntime offers .*cpu.*onnxruntime-directml"),
    ],
)
def test_a_device_that_is_not_there_is_told(name, match, monkeypatch):
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(DeviceError, match=match):
        session.place_of(name)


def test_a_provider_is_chosen_by_name(monkeypatch):
    import onnxruntime

    assert session.place_of("cpu") is session.CPU
    offered = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "DmlExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: offered)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert str(session.place_of("auto")) == "cuda:0"
    assert session.place_of("tensorrt:1").tensors == torch.device("cuda:1")
    assert session.place_of("directml").tensors == torch.device("cpu")
    with pytest.raises(DeviceError, match="torch finds 2 CUDA"):
        session.place_of("cuda:2")


def test_tensorrt_is_told_of_all_shapes_of_tiles(exported):
    from osdclean.engine import runtime
    from osdclean.engine.tiles import SHAPES

    read = files.read(exported)
    low, usual, high = session._profile(read)
    for h, w in SHAPES:
        for k in (1, runtime.SAMPLES // (h * w)):
            for of, size in (("batch", k), ("height", h), ("width", w)):
                assert low[of] <= size <= high[of]
    assert np.prod(read.description.ports.inputs[0].sized(usual)) > 0
