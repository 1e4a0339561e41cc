"""Who restores a clip: the inpainter with its own network, or a published network, as `model` says."""

from __future__ import annotations

from .errors import ModelError
from .framewise import Framewise
from .inpainter import Inpainter
from .networks import published
from .picture import PictureFormat
from .settings import Settings

type Restorer = Inpainter | Framewise


def restorer(picture: PictureFormat, length: int, settings: Settings) -> Restorer:
    """What restores blocks of a clip of `length` frames. `close` it once. Raises ModelError and DeviceError."""
    return (Inpainter if _is_own(settings) else Framewise)(picture, length, settings)


def _is_own(settings: Settings) -> bool:
    """Whether `model` is of the inpainter's own network. Raises ModelError and DeviceError."""
    if not settings.model.endswith(".onnx"):
        return published.network_of(settings.model) is None
    if settings.backend != "onnxruntime":
        raise ModelError(f'model may be an .onnx file with backend="onnxruntime" alone, passed {settings.model}')
    from .export import files

    return files.read(settings.model).description.network == files.INPAINTING
