"""The published networks, each one file."""

#: Networks by the name that `model` has for them, and the class in their file.
NETWORKS = {
    "recurrent-unet": ("recurrent_unet", "RecurrentUNet"),
    "sttn": ("sttn", "STTN"),
    "opn": ("opn", "OPN"),
    "rnot": ("rnot", "RNoT"),
    "vinet": ("vinet", "VINet"),
    "edsr3d": ("edsr3d", "EDSR3D"),
}
