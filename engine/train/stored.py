"""Arrays that belong together, as a file of their own."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from .. import outputs


class Stored:
    """Base of a dataclass whose fields, named by FIELDS, are arrays."""

    FIELDS: ClassVar[tuple[str, ...]]

    def save(self, path: Path) -> None:
        """Write beside `path`, then rename."""
        with outputs.whole(path) as beside, open(beside, "wb") as f:
            np.savez(f, **{name: getattr(self, name) for name in self.FIELDS})

    @classmethod
    def load(cls, path: Path) -> Self:
        with np.load(path) as stored:
            return cls(**{name: stored[name] for name in cls.FIELDS})
