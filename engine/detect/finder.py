"""Finding overlays by the network, block by block.

Policy of time (cited below as #1..#8):
1. Frame n belongs to block n // PERIOD, whatever was asked before.
2. A block is cut into STRANDS of equal length. On each the recurrent state runs in over SETTLE frames before it, so
   strands need not wait for each other.
3. What stands still is what the survey found all along, and what the frame and the survey's mean say together: a logo
   hardly flickers, and its letters count though each frame alone would take them for a display's.
4. A caption comes and goes. Where one stands along most of the clip, the network takes it for shown in frames that lack
   it, and may miss letters where it is. There a frame is looked at once more, as if it were the whole clip: a line of
   which next to nothing is seen then is none, and one that is known for the most part has all that is seen then.
5. Beside a stroke that is sure a sample has to be likely itself: odds fall off slowly, and a mask that is wider than
   the overlay leaves less to fill from. Before #6 and #7, which steady what this takes away in one frame alone.
6. What was found in a neighbouring frame and looks the same here is here as well: lettering appears and goes from one
   frame to the next, and the network is late by one at times.
7. Masks are closed along time (greatest, then least, of `hold` frames to either side): a gap of up to twice `hold`
   frames is filled, and nothing is marked before an overlay comes or after it has gone.
8. Nothing is derived from the number of processors, requests, free memory or the clock.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import torch

from ..picture import PictureFormat
from . import evidence
from .detector import EVEN, LEVELS
from .evidence import Seen
from .runner import THREADS, Runner
from .settings import LEARNED, PERIOD, DetectSettings
from .survey import Learned

#: Strands that a block is cut into, and frames over which the state runs in.
STRANDS, SETTLE = THREADS, 4
#: Log odds from which on the network is believed of each kind: what is missed costs more than what is marked in vain,
#: but of what it takes for moving marks much is none. Chosen on ten clips that were held back from training.
BELIEVED = {"osd": -1.5, "logo": -1.0, "subtitle": -1.5, "moving": 0.0}
#: Log odds of a caption in a frame alone from which on it is seen there, and share of a line that has to be; share of
#: what is seen of a line either way from which on it is known; and what joins its letters (#4). Chosen on clips that
#: were held back from training.
SEEN, SHARE, KNOWN, LINE = -9.0, 0.1, 0.7, np.ones((9, 21), np.uint8)
#: Levels by which odds may lie below the greatest in a square of NEAR pixels around them (#5). Chosen on clips that
#: were held back from training.
BELOW, NEAR = 64, 5
#: Mean change of luma (code values) up to which a part of a mask looks the same in the next frame.
SAME = 8


class Finder:
    """Finds overlays of the kinds that the network tells apart. Thread-safe; `close` it once."""

    def __init__(self, picture: PictureFormat, length: int, settings: DetectSettings) -> None:
        """Raises ModelError and DeviceError."""
        self.length, self._hold, self._kinds = length, settings.hold, settings.learned
        self._runner = Runner(picture, settings)

    def block_of(self, n: int) -> int:
        return n // PERIOD  # 1

    def window(self, block: int) -> range:
        """Frames that `find` reads for `block`, clamped to the clip."""
        marked = self._marked(block)
        return range(max(0, marked.start - SETTLE - 1), min(self.length, marked.stop + 1))

    def find(self, block: int, seen: Mapping[int, Seen], learned: Learned) -> dict[int, np.ndarray]:
        """Odds of the block's frames by number, uint8 [h, w] at working size: see `detector.EVEN`.

        seen: every frame of `window(block)`; learned: of a `Survey` of the clip.
        """
        marked, rest = self._marked(block), self._runner.tensor(learned.still)
        size = -(-len(marked) // STRANDS)
        strands = [marked[k : k + size] for k in range(0, len(marked), size)]  # 2
        odds: dict[int, np.ndarray] = {}
        for part in self._runner.workers.map(lambda strand: self._strand(strand, seen, rest, learned), strands):
            odds |= part
        shared = self._runner.workers.map(lambda n: with_neighbours(n, odds, seen), marked)  # 6
        odds = dict(zip(marked, shared, strict=True))
        return closed(odds, range(block * PERIOD, min(self.length, (block + 1) * PERIOD)), self._hold)

    def close(self) -> None:
        self._runner.close()

    def _marked(self, block: int) -> range:
        """Frames whose odds are wanted for the masks of a block (#7)."""
        reach = 2 * self._hold + 1
        return range(max(0, block * PERIOD - reach), min(self.length, (block + 1) * PERIOD + reach))

    def _strand(
        self, strand: range, seen: Mapping[int, Seen], still: torch.Tensor, learned: Learned
    ) -> dict[int, np.ndarray]:
        state, odds = None, {}
        for n in range(max(0, strand.start - SETTLE), strand.stop):
            near = [seen[min(max(0, k), self.length - 1)] for k in (n, n - 1, n + 1)]
            logits, state = self._runner.run(near, still, state)
            if n in strand:
                logits = logits.cpu()
                if "subtitle" in self._kinds:
                    self._looked_at_again(logits[LEARNED.index("subtitle")], near[0], learned)
                odds[n] = tight(self._levels(logits, learned))  # 5
        return odds

    @torch.inference_mode()
    def _looked_at_again(self, captions: torch.Tensor, frame: Seen, learned: Learned) -> None:
        """Mend the log odds [h, w] of captions that stand along most of the clip (#4)."""
        least = BELIEVED["subtitle"]
        marked = (captions > least).numpy()
        lasting = marked & (learned.captions > 0)
        if not lasting.any():
            return
        itself, _ = self._runner.run([frame] * 3, self._runner.tensor(evidence.still([frame.luma])), None)
        alone = itself[LEARNED.index("subtitle")].cpu()
        either = marked | (alone > least).numpy()
        _, lines = cv2.connectedComponents(cv2.dilate(either.view(np.uint8), LINE))
        count = lambda where: np.bincount(lines[where], minlength=lines.max() + 1)  # noqa: E731
        stays = count(lasting) > 0
        gone = stays & (count(marked & (alone > SEEN).numpy()) <= SHARE * count(marked))
        known = stays & ~gone & (count(marked) >= KNOWN * count(either))
        captions.masked_fill_(torch.from_numpy(gone[lines]), -np.inf)
        torch.maximum(captions, alone.masked_fill(torch.from_numpy(~known[lines]), -np.inf), out=captions)

    @torch.inference_mode()
    def _levels(self, logits: torch.Tensor, learned: Learned) -> np.ndarray:
        """The odds of one frame as levels. logits: [kinds, h, w]."""
        if "logo" in self._kinds:  # 3
            logo = logits[LEARNED.index("logo")]
            torch.maximum((logo + torch.from_numpy(learned.logo)) / 2, torch.from_numpy(learned.stands), out=logo)
        best = torch.stack([logits[LEARNED.index(kind)] - BELIEVED[kind] for kind in self._kinds]).amax(0)
        return (best * LEVELS + EVEN).round_().clamp_(0, 255).to(torch.uint8).numpy()


def with_neighbours(n: int, odds: Mapping[int, np.ndarray], seen: Mapping[int, Seen]) -> np.ndarray:
    """Odds of frame `n`, and those of the parts of its neighbours' masks that look the same in it (#6)."""
    best = odds[n]
    for k in (n - 1, n + 1):
        if k in odds:
            _, parts = cv2.connectedComponents((odds[k] > EVEN).view(np.uint8))
            change = cv2.absdiff(seen[k].luma, seen[n].luma)
            same = np.bincount(parts.ravel(), change.ravel()) < SAME * np.bincount(parts.ravel())
            same[0] = False
            best = np.maximum(best, odds[k] * same[parts])
    return best


def closed(odds: Mapping[int, np.ndarray], wanted: range, hold: int) -> dict[int, np.ndarray]:
    """Odds of the frames `wanted`, closed along time over `hold` frames to either side as far as there are (#7)."""

    def over(frames: Mapping[int, np.ndarray], n: int, most: np.ufunc) -> np.ndarray:
        return most.reduce([frames[k] for k in range(n - hold, n + hold + 1) if k in frames])

    if not hold:
        return {n: odds[n] for n in wanted}
    # Beyond the clip's ends as well: what comes soon after its start did not begin before it.
    widened = {n: over(odds, n, np.maximum) for n in range(wanted.start - hold, wanted.stop + hold)}
    return {n: over(widened, n, np.minimum) for n in wanted}


def tight(odds: np.ndarray) -> np.ndarray:
    """Odds of one frame, lowered where a greater one is more than BELOW above them in the square around (#5)."""
    greatest = cv2.dilate(odds, np.ones((NEAR, NEAR), np.uint8))
    lower = cv2.subtract(odds, cv2.subtract(greatest, EVEN + BELOW))
    return np.where(lower > EVEN, odds, lower)
