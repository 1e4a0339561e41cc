"""Stand-ins: small libraries, compiled here, that are linked with one that goes."""

import os
import shutil
import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="stand-ins are made on Linux alone"),
    pytest.mark.skipif(not (shutil.which("g++") and shutil.which("readelf")), reason="g++ and binutils are missing"),
]

# what goes: a C interface with versions, a C++ one, a class with a type, data, a function that torch calls when loaded,
# and an operator that is the C++ runtime's
GOES = """
extern "C" int cudaGetDeviceCount(int *n) { *n = 1; return 0; }
extern "C" int cudaNeverUsed() { return 0; }
namespace nn { int answer() { return 42; } void **get_gil_checker() { static void *p; return &p; } int state[7]; }
struct Thing { virtual ~Thing(); virtual int id(); };
Thing::~Thing() {}
int Thing::id() { return 7; }
void operator delete(void *p, unsigned long) noexcept { __builtin_free(p); }
"""
STAYS = """
#include <typeinfo>
extern "C" int cudaGetDeviceCount(int *n);
namespace nn { int answer(); void **get_gil_checker(); extern int state[7]; }
struct Thing { virtual ~Thing(); virtual int id(); };
void **place = nn::get_gil_checker();
extern "C" int count() { int n = 0; return cudaGetDeviceCount(&n); }
extern "C" int answer() { return nn::answer(); }
extern "C" int placed() { return *place == 0 && nn::state[6] == 0; }
extern "C" int runtime() { delete new int; return 5; }
extern "C" const char *type() { return typeid(Thing).name(); }
"""
PROGRAM = "import ctypes, sys; l = ctypes.CDLL(sys.argv[1]); l.type.restype = ctypes.c_char_p; print(l.{call}())"


@pytest.fixture
def linked(tmp_path):
    """A library, the one that it is linked with, and a folder for the stand-in."""
    (tmp_path / "goes.cpp").write_text(GOES)
    (tmp_path / "stays.cpp").write_text(STAYS)
    (tmp_path / "versions").write_text("libgoes.so.1 { global: cuda*; }; \n")
    goes, stays = tmp_path / "libgoes.so.1", tmp_path / "libstays.so"
    shared = ["g++", "-shared", "-fPIC", "-Wl,-z,lazy"]
    script = f"-Wl,--version-script={tmp_path / 'versions'}"
    subprocess.run([*shared, script, f"-Wl,-soname,{goes.name}", tmp_path / "goes.cpp", "-o", goes], check=True)
    # the file is linked with as it was before symbols had versions as well
    subprocess.run([*shared, tmp_path / "stays.cpp", goes, "-o", stays], check=True)
    return stays, goes, tmp_path / "made"


def called(stays, folder, call):
    environment = dict(os.environ) | {"LD_LIBRARY_PATH": str(folder)}
    command = [sys.executable, "-c", PROGRAM.format(call=call), str(stays)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_what_is_taken_is_what_the_linker_needs(linked):
    import stand_ins

    stays, goes, _ = linked
    names = {symbol.name for symbol in stand_ins.taken([stays], [goes])}
    told = subprocess.run(["nm", "-D", "--undefined-only", stays], capture_output=True, text=True, check=True).stdout
    wanted = {line.split()[-1].partition("@")[0] for line in told.splitlines()}
    offered = {symbol.name for symbol in stand_ins.symbols(goes) if symbol.defined}
    assert "_ZdlPvm" in wanted & offered
    assert names == wanted & offered - {"_ZdlPvm"}
    assert "cudaGetDeviceCount" in names
    assert "cudaNeverUsed" not in names


def test_a_stand_in_is_loaded_in_place_of_its_library(linked):
    import stand_ins

    stays, goes, out = linked
    wanted = stand_ins.taken([stays], [goes])
    assert {s.version for s in wanted if s.name == "cudaGetDeviceCount"} == {"libgoes.so.1"}
    made = stand_ins.compile_library(goes.name, wanted, out, ["gcc"])
    assert called(stays, goes.parent, "count").stdout == "0\n"
    assert called(stays, made.parent, "count").stdout == f"{stand_ins.ERROR}\n"
    assert called(stays, made.parent, "placed").stdout == "1\n"
    assert called(stays, made.parent, "runtime").stdout == "5\n"
    assert called(stays, made.parent, "type").stdout == "b'5Thing'\n"


def test_what_cannot_be_answered_ends_the_process_and_says_what_was_called(linked):
    import stand_ins

    stays, goes, out = linked
    assert called(stays, goes.parent, "answer").stdout == "42\n"
    made = stand_ins.compile_library(goes.name, stand_ins.taken([stays], [goes]), out, ["gcc"])
    done = called(stays, made.parent, "answer")
    assert done.returncode < 0
    assert "libgoes.so.1 is left out" in done.stderr
    assert "_ZN2nn6answerEv" in done.stderr


def test_symbols_as_readelf_prints_them():
    import stand_ins

    table = """
     1: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND _ZdlPv@GLIBCXX_3.4 (5)
     2: 0000000000001000    16 FUNC    WEAK   DEFAULT   12 cudaFree@@libcudart.so.13
     3: 0000000000001000  0x10 OBJECT  LOCAL  DEFAULT   12 hidden
    """
    read = list(stand_ins.parsed(table))
    assert [(s.name, s.version, s.defined) for s in read] == [
        ("_ZdlPv", "GLIBCXX_3.4", False),
        ("cudaFree", "libcudart.so.13", True),
    ]


def test_what_is_wanted_in_the_runtimes_version_is_the_runtimes(monkeypatch):
    import stand_ins

    tables = {
        "stays": "1: 0 0 FUNC GLOBAL DEFAULT UND strerror@GLIBC_2.2.5 (5)\n2: 0 0 FUNC GLOBAL DEFAULT UND cudaFree",
        "goes": "1: 8 16 FUNC GLOBAL DEFAULT 12 strerror\n2: 8 16 FUNC GLOBAL DEFAULT 12 cudaFree@@libcudart.so.13",
    }
    monkeypatch.setattr(stand_ins, "symbols", lambda library: list(stand_ins.parsed(tables[library])))
    assert [symbol.name for symbol in stand_ins.taken(["stays"], ["goes"])] == ["cudaFree"]
