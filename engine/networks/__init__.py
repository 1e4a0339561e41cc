"""The published networks, each one file."""

from __future__ import annotations

#: Networks by the name that `model` has for them, and the class in their file.
NETWORKS = {
    "recurrent-unet": ("recurrent_unet", "RecurrentUNet"),
    "sttn": ("sttn", "STTN"),
    "opn": ("opn", "OPN"),
    "rnot": ("rnot", "RNoT"),
    "vinet": ("vinet", "VINet"),
    "edsr3d": ("edsr3d", "EDSR3D"),
}


def asked(model: str) -> tuple[str | None, str]:
    """Network and file of a `model`: "NAME:FILE", with switches of the network before the colon ("NAME+tanh:FILE"), or
    a file alone, which says itself of which network it is."""
    name, colon, path = model.partition(":")
    if colon and name.partition("+")[0] in NETWORKS:
        return name, path
    return None, model
