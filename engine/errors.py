"""Errors of the engine: each names the rule and both values; the plugin's one wrapper turns them into filter errors."""


class OsdcleanError(Exception):
    """Base of every error that osdclean raises on purpose; its text is one line for the user."""


class ArgumentError(OsdcleanError):
    """An argument is outside its documented range."""


class PictureError(OsdcleanError):
    """A clip, mask or sample value cannot be processed."""


class ModelError(OsdcleanError):
    """A weights file is missing, broken or of another network."""


class DeviceError(OsdcleanError):
    """The device asked for is not there, or ran out of memory."""


def in_a_line(error: BaseException, most: int = 300) -> str:
    """What another library's error says, in one line of at most so many characters."""
    return " ".join(str(error).split())[:most]
