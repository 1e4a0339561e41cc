"""Datasets: `Pairs` reads what `osdclean data clips` wrote, `Synthetic` makes pairs as they are asked for.

Both are plain sequences: torch's DataLoader takes them as they are, and neither needs torch.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import index
from pathlib import Path

import numpy as np

from ..errors import ArgumentError, OsdcleanError, PictureError
from ..footage import decoded
from ..holes import drawn
from ..picture import Planes
from ..synth import overlays
from ..synth.glyphs import Fonts
from . import decoder, excerpts, pairs, scan, videos

#: Excerpts of one video that `Synthetic` tries until one is without cut and black.
_TRIES = 8


@dataclass(frozen=True, kw_only=True)
class Pair:
    """T frames with and without an overlay.

    truth, overlaid: of each frame the planes Y [H, W], Cb and Cr [h, w], uint8, 4:2:0; masks: of each frame uint8
    [H, W], 255 where the overlay is, 0 elsewhere (where it stands still, all are one array).
    """

    name: str
    truth: Sequence[Planes]
    overlaid: Sequence[Planes]
    masks: Sequence[np.ndarray]

    def __post_init__(self) -> None:
        counts = len(self.truth), len(self.overlaid), len(self.masks)
        if len(set(counts)) > 1 or not counts[0]:
            raise PictureError(
                f"pair {self.name} must have as many frames of clip, mask_clip and mask, "
                f"passed {counts[0]}, {counts[1]} and {counts[2]}"
            )
        shapes = {frame[0].shape for frame in (*self.truth, *self.overlaid)} | {mask.shape for mask in self.masks}
        if len(shapes) > 1:
            raise PictureError(f"pair {self.name} must be of one size, passed {sorted(shapes)}")


class Pairs(Sequence[Pair]):
    """The pairs of a folder with clips/*.mp4, mask_clips/*.mp4, masks/*.png and, for some, frame_masks/*.mkv.

    Raises OsdcleanError where a folder is missing or empty, or a file has no partner of its name.
    """

    def __init__(self, folder: Path | str, frames: int | None = None) -> None:
        """frames: how many of each pair are read, from its first on; None: all."""
        if frames is not None and frames < 1:
            raise ArgumentError(f"frames must be at least 1, passed {frames}")
        self._folder, self._frames = Path(folder), frames
        needed = (pairs.CLEAN, pairs.OVERLAID, pairs.STATIC)
        names = {kind: self._names_in(kind) for kind in needed}
        everything = sorted(set.union(*names.values()))
        if not everything:
            raise OsdcleanError(f"a folder of pairs must hold clips/*.mp4, found none in {self._folder}")
        for name in everything:
            for kind in needed:
                if name not in names[kind]:
                    have = next(other for other in needed if name in names[other])
                    files = pairs.paths(self._folder, name)
                    raise OsdcleanError(f"{files[have]} has no partner: {files[kind]} is missing")
        self._names = everything

    @property
    def names(self) -> Sequence[str]:
        """Of the pairs, in their order."""
        return self._names

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, k: int) -> Pair:
        """Pair `k` by sorted name. Raises OsdcleanError where a file cannot be read."""
        name = self._names[index(k)]
        files = pairs.paths(self._folder, name)
        truth, _, _ = decoded(files[pairs.CLEAN], self._frames)
        overlaid, _, _ = decoded(files[pairs.OVERLAID], self._frames)
        if files[pairs.PER_FRAME].is_file():
            # Read as YUV, where white may be 235: a mask is what is above half.
            shown, _, _ = decoded(files[pairs.PER_FRAME], self._frames)
            masks = [_binary(frame[0]) for frame in shown]
        else:
            masks = [self.static_mask(k)] * len(truth)
        return Pair(name=name, truth=truth, overlaid=overlaid, masks=masks)

    def static_mask(self, k: int) -> np.ndarray:
        """uint8 [H, W], 255 where any frame of pair `k` shows any of the overlay."""
        return _binary(drawn(pairs.paths(self._folder, self._names[index(k)])[pairs.STATIC]))

    def _names_in(self, kind: str) -> set[str]:
        folder = self._folder / kind
        if not folder.is_dir():
            raise OsdcleanError(f"a folder of pairs must hold {kind}/, which is not in {self._folder}")
        return {path.stem for path in folder.glob(f"*{pairs.ENDINGS[kind]}") if not path.name.startswith(".")}


class Synthetic(Sequence[Pair]):
    """Pairs made on the fly from any folder of footage: item k is an excerpt of clip k (from the first again after the
    last) under an overlay. Excerpt and overlay depend on (seed, k) and the folder's files alone.

    left_out: a line for each file that is not used, because it cannot be read or is too short.
    """

    def __init__(
        self,
        places: Path | str | Sequence[Path | str],
        *,
        frames: int = 12,
        length: int | None = None,
        size: decoder.Size | None = None,
        kinds: Sequence[str] = pairs.KINDS,
        fonts: Fonts = None,
        seed: int = 1,
        report: Callable[[str], None] | None = None,
    ) -> None:
        """places: files and folders; length: items, as many as clips where None; size: (width, height) of all pictures,
        each clip's own where None; report: told what is left out, and how many; stderr where None.

        Raises OsdcleanError where nothing can be used.
        """
        for name, value, low in (("frames", frames, 1), ("length", length, 1), ("seed", seed, 0)):
            if value is not None and value < low:
                raise ArgumentError(f"{name} must be at least {low}, passed {value}")
        if size is not None:
            decoder.check_size(size)
        for kind in kinds:
            overlays.make(kind, 640, 360, 1, 25, 1, fonts)
        if not kinds:
            raise ArgumentError(f"kinds must be at least one of {', '.join(pairs.KINDS)}, passed none")
        self._frames, self._size, self._kinds, self._fonts = frames, size, tuple(kinds), fonts
        self._seed = seed
        given = [places] if isinstance(places, Path | str) else places
        found = videos.found([Path(place) for place in given])
        facts, self.left_out = videos.probed(found)
        for video, told in list(facts.items()):
            lack = self._lack(told)
            if lack:
                self.left_out.append(f"{video.path.name}: {lack}")
                del facts[video]
        report = report or (lambda line: print(line, file=sys.stderr))
        for line in self.left_out:
            report(f"left out {line}")
        if self.left_out:
            report(f"{len(self.left_out)} of {len(found)} sources were left out")
        if not facts:
            raise OsdcleanError(f"footage must hold a video of at least {frames} frames, found none in {places}")
        self._clips = list(facts.items())
        self._length = length or len(self._clips)

    def epoch(self, seed: int) -> Synthetic:
        """The same footage with another seed; nothing is looked at again."""
        if seed < 0:
            raise ArgumentError(f"seed must be at least 0, passed {seed}")
        other = copy.copy(self)
        other._seed = seed
        return other

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, k: int) -> Pair:
        """Item `k`. A clip that has no excerpt without cut and black, or turns out to be broken, gives way to the next;
        raises PictureError where none of them has one."""
        at = range(self._length)[index(k)]
        rng = np.random.default_rng([self._seed, at])
        reason = ""
        for step in range(len(self._clips)):
            video, facts = self._clips[(at + step) % len(self._clips)]
            try:
                truth = self._excerpt(video, facts, rng)
            except PictureError as error:
                reason = f"{video.path.name}: {error}"
                continue
            return self._laid(f"{video.name}_{at:06}", truth, facts, rng)
        raise PictureError(f"no clip has {self._frames} frames without a cut or black; the last was {reason}")

    def _lack(self, facts: videos.Facts) -> str:
        """Why a clip cannot be used, if so."""
        width, height = decoder.shape(facts, self._size)
        if min(width, height) < decoder.SMALLEST:
            return f"at least {decoder.SMALLEST}x{decoder.SMALLEST} pixels are needed, it has {width}x{height}"
        if facts.frames < self._frames:
            return f"at least {self._frames} frames are needed, it has {facts.frames}"
        return ""

    def _excerpt(self, video: videos.Video, facts: videos.Facts, rng: np.random.Generator) -> list[Planes]:
        """Frames without cut and black from a place drawn by `rng`."""
        for _ in range(_TRIES):
            # Half a frame early, so that rounding cannot pass the last place by.
            first = int(rng.integers(max(1, facts.frames - self._frames + 1)))
            seconds = float((first - Fraction(1, 2)) / facts.fps) if first else None
            frames = list(decoder.frames(video.path, facts, self._size, self._frames, seconds=seconds))
            meter = scan.Meter()
            for planes in frames:
                meter.add(scan.shrunk(planes[0]))
            one = excerpts.stretches(np.array(meter.difference), np.array(meter.brightness))
            if one == [range(self._frames)]:
                return frames
        raise PictureError(f"{_TRIES} places of it have a cut or black")

    def _laid(self, name: str, truth: list[Planes], facts: videos.Facts, rng: np.random.Generator) -> Pair:
        height, width = truth[0][0].shape
        _, _, overlay = pairs.drawn(rng, self._kinds, width, height, len(truth), float(facts.fps), self._fonts)
        overlaid = [overlays.lay_yuv420(planes, overlay.rgba(n)) for n, planes in enumerate(truth)]
        static = overlay.static_mask()
        masks = [overlay.mask(n) for n in range(len(truth))] if pairs.changes(overlay) else [static] * len(truth)
        return Pair(name=name, truth=truth, overlaid=overlaid, masks=masks)


def _binary(mask: np.ndarray) -> np.ndarray:
    return np.where(mask >= 128, np.uint8(255), np.uint8(0))
