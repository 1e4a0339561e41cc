"""Stand-ins for shared libraries that a program is linked with but never calls.

torch from PyPI is built for CUDA: its CPU half is a library of its own, but what joins both to Python is linked with
CUDA's libraries, gigabytes that the loader wants to see on a machine without a GPU, too. For each of them a small
library of the same name is made here:

1. It defines the symbols that the libraries which stay take from the one that goes, under the versions that they ask
   for, and no others.
2. A function of a C interface answers with an error code, as CUDA does where there is no GPU.
3. Any other function ends the process, naming itself: what it should have returned cannot be known. `ANSWERED` holds
   those that are called while torch is loaded: they return the address of zeros.
4. Data is zeros of the same size; the type of a C++ class is a type of that name.

Linux only: it is there that the wheels are CUDA's (elsewhere PyPI has the CPU's).
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

#: cudaErrorNoDevice, and not zero, thus a failure, in each of the other C interfaces
ERROR = 100
#: Functions of rule 3 that torch's static objects call, by a part of their names: a place for a function's address.
ANSWERED = ("15get_gil_checkerEv",)
#: Versions of symbols that the C and C++ runtime define; a library may bring some of its own.
RUNTIME = ("GLIBC", "CXXABI", "GCC")


@dataclass(frozen=True, kw_only=True)
class Symbol:
    """One dynamic symbol. version: "" where it has none. kind: FUNC, OBJECT, NOTYPE..., as readelf names it."""

    name: str
    version: str
    kind: str
    size: int
    defined: bool


def symbols(library: Path) -> list[Symbol]:
    """The dynamic symbols of a library that are not local to it."""
    told = subprocess.run(["readelf", "--dyn-syms", "--wide", str(library)], capture_output=True, text=True, check=True)
    return list(parsed(told.stdout))


def parsed(table: str) -> Iterable[Symbol]:
    """The symbols in what `readelf --dyn-syms --wide` prints."""
    for line in table.splitlines():
        words = line.split()
        if len(words) < 8 or not re.fullmatch(r"\d+:", words[0]) or words[4] == "LOCAL":
            continue
        name, _, version = words[7].partition("@")
        yield Symbol(
            name=name, version=version.lstrip("@"), kind=words[3], size=int(words[2], 0), defined=words[6] != "UND"
        )


def taken(stay: Sequence[Path], go: Sequence[Path]) -> list[Symbol]:
    """What the libraries that stay need of those that go, as these define it."""
    table = [symbol for library in stay for symbol in symbols(library)]
    here = {symbol.name for symbol in table if symbol.defined}
    needed = {symbol.name for symbol in table if not symbol.defined and not symbol.version.startswith(RUNTIME)} - here
    # a library that goes may bring the C++ runtime's operators with it, which the runtime itself has
    offered = {
        symbol.name: symbol
        for library in go
        for symbol in symbols(library)
        if symbol.defined and not re.match(r"_Z(n|d|N?K?St)", symbol.name)
    }
    return [offered[name] for name in sorted(needed & offered.keys())]


def source(library: str, wanted: Iterable[Symbol]) -> str:
    """C of a library that defines the symbols by rules 2 to 4. library: its name, for what it says when called."""
    lines = ["#include <stdio.h>", "#include <stdlib.h>"]
    lines.append("extern char _ZTVN10__cxxabiv117__class_type_infoE[];")
    for symbol in wanted:
        name = symbol.name
        if symbol.kind == "OBJECT" and name.startswith("_ZTI"):
            start = "_ZTVN10__cxxabiv117__class_type_infoE + 16"
            lines.append(f'struct {{ void *t; const char *n; void *b; }} {name} = {{ {start}, "{name[4:]}", 0 }};')
        elif symbol.kind == "OBJECT":
            lines.append(f"char {name}[{max(1, symbol.size)}] __attribute__((aligned(64)));")
        elif any(part in name for part in ANSWERED):
            lines.append(f"void *{name}(void) {{ static void *zeros[8]; return zeros; }}")
        elif name.startswith("_Z"):
            said = f"osdclean: {library} is left out of this build, which is for the CPU: {name} was called"
            lines.append(f'void {name}(void) {{ fputs("{said}\\n", stderr); abort(); }}')
        else:
            lines.append(f"int {name}(void) {{ return {ERROR}; }}")
    return "\n".join(lines) + "\n"


def versions(wanted: Iterable[Symbol]) -> str:
    """The linker's version script of the symbols; "" where none has a version."""
    groups: dict[str, list[str]] = {}
    for symbol in wanted:
        if symbol.version:
            groups.setdefault(symbol.version, []).append(symbol.name)
    return "".join(f"{version} {{ global: {'; '.join(names)}; }};\n" for version, names in groups.items())


def compile_library(name: str, wanted: Sequence[Symbol], out: Path, compiler: Sequence[str]) -> Path:
    """Compile the stand-in for the library `name` into the folder `out`; returns its path."""
    out.mkdir(parents=True, exist_ok=True)
    code, script, library = out / f"{name}.c", out / f"{name}.map", out / name
    code.write_text(source(name, wanted))
    script.write_text(versions(wanted))
    scripted = [f"-Wl,--version-script={script}"] if script.stat().st_size else []
    # types of classes are made of parts of the C++ runtime
    runtime = ["-l:libstdc++.so.6"] if any(symbol.name.startswith("_ZTI") for symbol in wanted) else []
    command = [*compiler, "-shared", "-fPIC", "-O1", "-s", f"-Wl,-soname,{name}", *scripted, str(code), *runtime]
    subprocess.run([*command, "-o", str(library)], check=True)
    return library
