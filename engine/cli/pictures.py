"""Pictures that commands write, of what vspipe makes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .failure import CommandError


def of_planes(raw: bytes, width: int, height: int) -> np.ndarray:
    """A frame of RGB24 that vspipe wrote, as uint8 BGR [H, W, 3]. Raises CommandError where it is not whole."""
    if len(raw) != 3 * width * height:
        raise CommandError(f"vspipe wrote {len(raw)} bytes, {3 * width * height} were expected")
    # vspipe's order of planes is green, blue, red.
    planes = np.frombuffer(raw, np.uint8).reshape(3, height, width)[[1, 0, 2]]
    return np.ascontiguousarray(planes.transpose(1, 2, 0))


def write(file: Path, picture: np.ndarray) -> None:
    """Write a picture, uint8 [H, W] or BGR [H, W, 3], in the format of the file's suffix. Raises CommandError."""
    import cv2

    done, data = cv2.imencode(file.suffix, picture)
    if not done:
        raise CommandError(f"the picture cannot be written as {file.suffix}; name it .png")
    file.write_bytes(data.tobytes())
