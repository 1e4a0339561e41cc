"""What is written to a terminal only: colours, and the taking away of a line."""

from __future__ import annotations

import os
from typing import TextIO

#: What takes away the line that the cursor stands in.
CLEAR = "\r\x1b[K"
_COLOURS = {"red": 31, "green": 32, "yellow": 33}


def coloured(text: str, colour: str, stream: TextIO) -> str:
    """The text in a colour where `stream` is a terminal that shows them, and NO_COLOR (no-color.org) is not set."""
    if not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"
