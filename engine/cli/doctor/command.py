"""Check the installation, and say how to mend what is wrong.

  osdclean doctor
  osdclean doctor --quick          (without making frames)
  osdclean doctor --json           (for programs, and for reports of faults)

Exit status: 0 where all that is needed works, 1 where something is to be mended. What an extra needs, and what is only
worth knowing, does not count.
"""

from __future__ import annotations

import argparse
import json
import sys

from ..terminal import coloured
from .check import FAIL, NONE, OK, WARN, Check
from .checks import checks

_COLOURS = {OK: "green", WARN: "yellow", FAIL: "red", NONE: "yellow"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="make no frames")
    parser.add_argument("--json", action="store_true", help="write what was found to stdout as JSON")


def run(args: argparse.Namespace) -> int:
    done: list[Check] = []
    for check in checks(args.quick):
        done.append(check)
        if not args.json:
            print(line(check), flush=True)
    faults = sum(check.state == FAIL for check in done)
    if args.json:
        print(json.dumps({"ok": not faults, "checks": [vars(check) for check in done]}, indent=2))
    else:
        print(f"{faults} to mend" if faults else "all well")
    return 1 if faults else 0


def line(check: Check) -> str:
    """One check, for people."""
    state = coloured(f"{check.state:<4}", _COLOURS[check.state], sys.stdout)
    return f"{state}  {check.name:<24}{check.found}" + (f"\n      mend: {check.mend}" if check.mend else "")
