"""The plugin's entry: registers its functions. Runs at every core's start: nothing heavy is imported."""

from __future__ import annotations

from importlib import import_module

from _osdclean_host import ffi, lib

from . import faults

IDENTIFIER = b"io.github.osdclean"
#: VS_MAKE_VERSION(4, 0): all that is used is in the first interface, and frames stay in main memory.
API = 4 << 16
INPAINT = (
    b"clip:vnode;mask:vnode;model:data:opt;device:data:opt;precision:data:opt;grow:int:opt;period:int:opt;"
    b"warmup:int:opt;lookahead:int:opt;sc_threshold:float:opt;show:int:opt;cache:int:opt;backend:data:opt;"
)
DETECT = (
    b"clip:vnode;kind:data[]:opt;sensitivity:float:opt;left:int:opt;top:int:opt;width:int:opt;height:int:opt;"
    b"grow:int:opt;hold:int:opt;include:vnode:opt;exclude:vnode:opt;model:data:opt;device:data:opt;precision:data:opt;"
)
UNBLEND = b"clip:vnode;mask:vnode;grow:int:opt;inpainted:vnode:opt;"
TRACK = b"clip:vnode;frame:int;left:int;top:int;width:int;height:int;grow:int:opt;sc_threshold:float:opt;"


@ffi.def_extern(name="VapourSynthPluginInit2")
def register(plugin, vspapi) -> None:
    vspapi.configPlugin(IDENTIFIER, b"osdclean", b"Removal of burned-in overlays", 1, API, 0, plugin)
    vspapi.registerFunction(b"Inpaint", INPAINT, b"clip:vnode;", lib.osdclean_inpaint, ffi.NULL, plugin)
    vspapi.registerFunction(b"Detect", DETECT, b"clip:vnode;", lib.osdclean_detect, ffi.NULL, plugin)
    vspapi.registerFunction(b"Unblend", UNBLEND, b"clip:vnode;", lib.osdclean_unblend, ffi.NULL, plugin)
    vspapi.registerFunction(b"Track", TRACK, b"clip:vnode;", lib.osdclean_track, ffi.NULL, plugin)
    vspapi.registerFunction(b"Version", b"", b"version:data;", lib.osdclean_version, ffi.NULL, plugin)


@ffi.def_extern(name="osdclean_version")
def version(_arguments, out, _data, core, vsapi) -> None:
    def work() -> None:
        from importlib.metadata import version as installed

        text = installed("vapoursynth-osdclean").encode()
        vsapi.mapSetData(out, b"version", text, len(text), lib.dtUtf8, lib.maReplace)

    faults.report("Version", work, lambda line: vsapi.mapSetError(out, line), core, vsapi)


@ffi.def_extern(name="osdclean_inpaint")
def inpaint(arguments, out, _data, core, vsapi) -> None:
    _create("Inpaint", ".node", arguments, out, core, vsapi)


@ffi.def_extern(name="osdclean_detect")
def detect(arguments, out, _data, core, vsapi) -> None:
    _create("Detect", ".detect", arguments, out, core, vsapi)


@ffi.def_extern(name="osdclean_unblend")
def unblend(arguments, out, _data, core, vsapi) -> None:
    _create("Unblend", ".unblend", arguments, out, core, vsapi)


@ffi.def_extern(name="osdclean_track")
def track(arguments, out, _data, core, vsapi) -> None:
    _create("Track", ".track", arguments, out, core, vsapi)


def _create(name: str, module: str, arguments, out, core, vsapi) -> None:
    """Have the module make a node of the function `name`."""

    def work() -> None:
        # numpy, OpenCV and torch come with the first filter.
        import_module(module, __package__).create(arguments, out, core, vsapi)

    faults.report(name, work, lambda line: vsapi.mapSetError(out, line), core, vsapi)


@ffi.def_extern(name="osdclean_get_frame")
def get_frame(n, reason, instance, asked, context, core, vsapi):
    node = ffi.from_handle(instance)
    frame = faults.report(
        node.NAME,
        lambda: node.get_frame(n, reason, asked, context, core),
        lambda line: vsapi.setFilterError(line, context),
        core,
        vsapi,
    )
    return ffi.NULL if frame is None else frame


@ffi.def_extern(name="osdclean_free")
def free(instance, core, vsapi) -> None:
    node = ffi.from_handle(instance)
    faults.report(node.NAME, node.close, lambda _line: None, core, vsapi)
