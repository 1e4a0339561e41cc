"""What goes into the portable folder."""

import importlib.util
import shutil
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("place", "of_cuda"),
    [
        ("nvidia/cu13/lib/libcublas.so.13", True),
        ("nvidia_cublas-13.0.dist-info/METADATA", True),
        ("torch/lib/libtorch_cuda.so", True),
        ("libcudart.so.13", True),
        ("torch/lib/libtorch_cpu.so", False),
        # torch's own allocator for CUDA's memory, which the rest calls while it is loaded
        ("torch/lib/libc10_cuda.so", False),
        ("torch/cuda/__init__.py", False),
        ("libcurl.so.4", False),
        ("vapoursynth/libvapoursynth.so.4", False),
    ],
)
def test_files_of_cuda(place, of_cuda):
    import parts

    assert parts.is_of_cuda(place) is of_cuda


@pytest.mark.skipif(
    sys.platform != "linux" or not (shutil.which("gcc") and shutil.which("readelf")), reason="gcc or readelf is missing"
)
def test_only_what_is_linked_with_gets_a_stand_in(tmp_path):
    import parts

    (tmp_path / "a.c").write_text("int cudaOne(void) { return 0; }")
    (tmp_path / "b.c").write_text("int cudaOne(void); int two(void) { return cudaOne(); }")
    one, other, torch = tmp_path / "libcudart.so.13", tmp_path / "libcublas.so.13", tmp_path / "libtorch_cpu.so"
    for library in (one, other):
        subprocess.run(
            ["gcc", "-shared", "-fPIC", tmp_path / "a.c", f"-Wl,-soname,{library.name}", "-o", library], check=True
        )
    subprocess.run(["gcc", "-shared", "-fPIC", tmp_path / "b.c", one, "-o", torch], check=True)
    entries = [
        ("torch/lib/libtorch_cpu.so", str(torch), "BINARY"),
        ("nvidia/lib/libcudart.so.13", str(one), "BINARY"),
        ("nvidia/lib/libcublas.so.13", str(other), "BINARY"),
        ("libcudart.so.13", "nvidia/lib/libcudart.so.13", "SYMLINK"),
    ]
    entries = [entry for entry in entries if entry[2] != "SYMLINK"]
    kept = parts.cpu_only(entries, tmp_path / "made", ["gcc"])
    assert [place for place, _, _ in kept] == ["torch/lib/libtorch_cpu.so", "torch/lib/libcudart.so.13"]
    assert kept[0] == entries[0]
    assert parts.needed_libraries(torch)[0] == "libcudart.so.13"


def test_torch_says_that_it_was_built_without_cuda(tmp_path):
    import parts

    package = tmp_path / "torch"
    package.mkdir()
    (package / "_C.py").write_text("_has_cuda = True\n_c10d_init = _cuda_getDeviceCount = print\nother = 1\n")
    initial = package / "__init__.py"
    initial.write_text("if True:\n    from torch._C import *  # noqa: F403\n\nrest = 2\n")
    parts.without_cuda(initial)
    told = subprocess.run(
        [sys.executable, "-c", "import torch; print(sorted(n for n in vars(torch._C) if n[:2] != '__'), torch.rest)"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout == "['_has_cuda', 'other'] 2\n"
    assert "_has_cuda = False" in initial.read_text()


def test_another_torch_is_refused(tmp_path):
    import parts

    initial = tmp_path / "__init__.py"
    initial.write_text("import torch._other\n")
    with pytest.raises(ValueError, match="CUDA=1"):
        parts.without_cuda(initial)
    assert initial.read_text() == "import torch._other\n"


def test_the_installed_torch_is_as_expected():
    import parts

    found = importlib.util.find_spec("torch")
    with open(found.origin, encoding="utf-8") as file:
        assert parts._IMPORT in file.read()


def test_sources_are_compiled_for_good(tmp_path):
    import parts

    (tmp_path / "thing.py").write_text("print('compiled')\n")
    parts.compile_sources(tmp_path)
    # a source that changed since, by its time and its size, is not looked at
    (tmp_path / "thing.py").write_text("print('read again, at each start')\n")
    command = [sys.executable, "-c", "import thing"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert told.stdout == "compiled\n"


def test_the_standard_library_is_there_for_scripts():
    pytest.importorskip("PyInstaller", reason="PyInstaller is not installed (pip install '.[portable]')")
    import parts

    names = parts.standard_library()
    assert {"csv", "statistics", "sqlite3", "xml.etree.ElementTree", "zoneinfo"} <= set(names)
    assert not {"tkinter", "idlelib", "test", "readline", "curses"} & {name.partition(".")[0] for name in names}
