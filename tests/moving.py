"""A textured picture that slides by a known amount per frame, for tests of the engine."""

import cv2
import numpy as np


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth noise of several octaves, float32 [H, W], 40..215."""
    rng = np.random.default_rng(seed)
    out = np.zeros((height, width), np.float32)
    for octave in (4, 8, 16, 32):
        small = rng.standard_normal((height // octave + 2, width // octave + 2)).astype(np.float32)
        out += cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC) * octave**0.5
    return np.clip(127 + out * (60 / out.std() / 1.5), 40, 215)


def sliding(
    length: int, height: int, width: int, dx: float, dy: float = 0.0, seed: int = 0
) -> list[tuple[np.ndarray, ...]]:
    """YUV 4:2:0 frames, uint8: frame n shows the texture from (n * dx, n * dy) on."""
    reach_x, reach_y = int(abs(dx) * length) + 8, int(abs(dy) * length) + 8
    whole = [texture(height + 2 * reach_y, width + 2 * reach_x, seed + k) for k in range(3)]
    frames = []
    for n in range(length):
        at = np.array([[1, 0, reach_x + n * dx], [0, 1, reach_y + n * dy]], np.float32)
        planes = [cv2.warpAffine(p, at, (width, height), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP) for p in whole]
        planes[1:] = [cv2.resize(p, (width // 2, height // 2), interpolation=cv2.INTER_AREA) for p in planes[1:]]
        frames.append(tuple(np.clip(np.rint(p), 0, 255).astype(np.uint8) for p in planes))
    return frames


def psnr(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> float:
    error = ((a.astype(np.float64) - b) ** 2)[where].mean()
    return 10 * np.log10(255**2 / max(error, 1e-9))
