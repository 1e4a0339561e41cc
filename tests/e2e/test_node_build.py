"""The build: a wheel with plugin, manifest and weights; a clear line where it cannot be made."""

import importlib.util
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGINS = "vapoursynth/plugins/osdclean/"


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with the wheel and the sdist of a copy of the sources, under a path with a space."""
    if not importlib.util.find_spec("hatchling"):
        pytest.skip("hatchling is not installed")
    root = tmp_path_factory.mktemp("a tree") / "sources"
    for name in ("plugin", "engine", "vs_scripts", "docs"):
        copy(ROOT / name, root / name)
    for name in ("pyproject.toml", "README.md", "build/hook.py", "build/library.py", ".gitignore"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes((ROOT / name).read_bytes())
    (root / "engine" / "weights").mkdir(exist_ok=True)
    (root / "engine" / "weights" / "probe.safetensors").write_bytes(b"weights")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", "out"], cwd=root, check=True)
    return root / "out"


def copy(source: Path, target: Path) -> None:
    for path in source.rglob("*"):
        if path.is_file() and path.suffix not in (".pyc", ".safetensors"):
            new = target / path.relative_to(source)
            new.parent.mkdir(parents=True, exist_ok=True)
            new.write_bytes(path.read_bytes())


def test_the_wheel_holds_the_plugin_where_the_host_looks(built):
    (wheel,) = built.glob("*.whl")
    assert not wheel.name.endswith("none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        manifest = archive.read(PLUGINS + "manifest.vs").decode()
    assert manifest == "[VapourSynth Manifest V1]\nosdclean\n"
    assert any(name in names for name in (PLUGINS + "osdclean.so", PLUGINS + "osdclean.dylib"))
    assert "osdclean/engine/weights/probe.safetensors" in names
    assert "osdclean/plugin/entry.py" in names
    assert [name for name in names if name.startswith("osdclean/engine/kernels.") and not name.endswith(".py")]
    assert "osdclean/vs_scripts/__init__.py" in names


def test_the_sdist_holds_what_a_build_needs(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {
        "plugin/host.h",
        "build/hook.py",
        "build/library.py",
        "engine/weights/probe.safetensors",
        "docs/inpaint.md",
    }
    assert needed <= names
    assert not any(name.endswith(".so") for name in names)


@pytest.fixture
def library():
    spec = importlib.util.spec_from_file_location("library", ROOT / "build" / "library.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_without_a_compiler_the_build_says_what_to_install(library, monkeypatch, tmp_path):
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(library.BuildError, match=r"no C compiler found .*no-such-compiler.*apt install gcc"):
        library.build(ROOT, tmp_path)


def test_without_pythons_headers_too(library, monkeypatch, tmp_path):
    monkeypatch.setattr(library.sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    with pytest.raises(library.BuildError, match=r"headers are missing .*-dev"):
        library.build(ROOT, tmp_path)


def test_a_failing_compiler_is_quoted(library, monkeypatch, tmp_path):
    monkeypatch.setenv("CC", "cc --no-such-flag")
    with pytest.raises(
        library.BuildError, match=r"(?s)the C compiler failed: .*--no-such-flag.*\n.*no-such-flag"
    ):
        library.build(ROOT, tmp_path)


def test_kernels_that_do_not_translate_are_quoted(library, tmp_path):
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "kernels.py").write_text("import cython\n\nx = (\n")
    with pytest.raises(library.BuildError, match=r"(?s)Cython failed: .*kernels.py"):
        library.build_kernels(tmp_path, tmp_path / "out")


def test_the_library_stays_loaded_and_needs_no_python_library(library, tmp_path):
    if sys.platform != "linux":
        pytest.skip("ELF only")
    path = library.build(ROOT, tmp_path)
    dynamic = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True).stdout
    assert "NODELETE" in dynamic
    assert "libpython" not in dynamic
