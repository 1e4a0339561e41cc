"""What is made once and kept: whole or not at all, made anew when what it depends on changes."""

import threading

import pytest
import torch
from osdclean.engine import weights
from osdclean.engine.network import InpaintingNetwork, NetworkConfig

pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
from osdclean.engine import home
from osdclean.engine.export import cache


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    return home.cache()


def small(path, seed: int = 0) -> str:
    torch.manual_seed(seed)
    weights.save(InpaintingNetwork(NetworkConfig(widths=(2, 2, 2), hidden=2)), path)
    return str(path)


def exported(model: str):
    return cache.exported(weights.load, model, model, "fp32", "420")


def test_weights_are_exported_once_and_told_on_stderr_alone(kept, tmp_path, capsys):
    model = small(tmp_path / "w.safetensors")
    content = (tmp_path / "w.safetensors").read_bytes()
    first = exported(model)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("osdclean: exporting w.safetensors")
    assert said.err.count("\n") == 1
    (file,) = (kept / "onnx").iterdir()
    assert exported(model) == first
    assert capsys.readouterr().err == ""
    # Another content is another file, whatever its name; a broken one is made again.
    small(tmp_path / "w.safetensors", 1)
    assert exported(model) != first
    assert len(list((kept / "onnx").iterdir())) == 2
    (tmp_path / "w.safetensors").write_bytes(content)
    file.write_bytes(file.read_bytes()[:1000])
    assert exported(model).description == first.description
    assert len(list((kept / "onnx").iterdir())) == 2


def test_a_failure_leaves_nothing(kept, tmp_path, monkeypatch):
    def half(network, path, *_, **__):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(cache, "export", half)
    with pytest.raises(KeyboardInterrupt):
        exported(small(tmp_path / "w.safetensors"))
    assert list((kept / "onnx").iterdir()) == []


def test_two_at_once_do_not_hurt_each_other(kept, tmp_path, monkeypatch):
    met, export, model = threading.Barrier(2), cache.export, small(tmp_path / "w.safetensors")
    lock = threading.Lock()

    def together(*args, **kwargs):
        met.wait(30)
        with lock:  # the tracer itself serves one thread at a time
            return export(*args, **kwargs)

    monkeypatch.setattr(cache, "export", together)
    made = []
    threads = [threading.Thread(target=lambda: made.append(exported(model))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 2
    assert made[0].description == made[1].description
    assert len(list((kept / "onnx").iterdir())) == 1


def test_engines_are_kept_whole_and_once(kept):
    one, two = cache.Engines("graph", "GPU", "1"), cache.Engines("graph", "GPU", "1")
    assert one.folder == two.folder
    assert not one.there
    assert cache.Engines("graph", "GPU", "2").folder != one.folder
    for engines in (one, two):
        (engines.work / "engine").write_bytes(b"built")
        assert not list(kept.rglob("engine")) or engines is two
        engines.publish()
    assert [file.read_bytes() for file in kept.rglob("engine")] == [b"built"]
    later = cache.Engines("graph", "GPU", "1")
    assert later.there
    assert (later.work / "engine").read_bytes() == b"built"
    assert [path.name for path in one.folder.parent.iterdir()] == [one.folder.name]
