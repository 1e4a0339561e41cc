"""Measure quality and speed on clean clips.

A synthetic overlay is laid over each clip, so the truth under it is known; osdclean (through vspipe, as
users run it) and other methods fill the same hole. Figures count the hole's samples alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from .. import outputs
from ..errors import OsdcleanError

_BASELINES = ("telea", "ns", "biharmonic", "median", "flow")
_OVERLAYS = ("telemetry", "telemetry-per-frame", "subtitles", "logo")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `osdclean bench`."""
    parser.add_argument("clips", nargs="*", metavar="CLIPS", help="clips without any overlay")
    parser.add_argument(
        "--speed", type=_size, metavar="WxH", help="no clips: measure the node's speed and memory at this size"
    )
    parser.add_argument(
        "--overlay", choices=(*_OVERLAYS, "all"), default="telemetry",
        help="what to lay over them; telemetry has one mask for all its states (default: telemetry)",
    )  # fmt: skip
    parser.add_argument(
        "--unblend", action="store_true",
        help="no baselines: half-transparent marks, Unblend against Inpaint alone (60 frames of each clip by default)",
    )  # fmt: skip
    parser.add_argument(
        "--find", action="store_true",
        help="no baselines: how well Detect finds overlays of all kinds; where a mask was drawn by hand, by that",
    )  # fmt: skip
    parser.add_argument(
        "--restore", action="store_true", help="with --find: measure what Inpaint makes of the found masks as well"
    )
    parser.add_argument(
        "--opacity", nargs="+", type=_share, metavar="A", help="with --unblend: the marks' (default: 0.3 0.5 0.7)"
    )
    parser.add_argument(
        "--compress", nargs="+", type=_crf, metavar="CRF",
        help="with --unblend: x264 after the mark, at each of these; none is without (default: none)",
    )  # fmt: skip
    parser.add_argument("--frames", type=_positive, metavar="N", help="frames of each clip (default: all)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="seed of the overlays (default: 1)")
    parser.add_argument(
        "--fonts", nargs="+", metavar="SHEET", help="glyph sheets or folders of them (default: drawn)"
    )
    parser.add_argument(
        "--baselines", default=",".join(_BASELINES), metavar="NAMES",
        help=f"comma-separated, of {', '.join(_BASELINES)}; none for osdclean alone (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--models", nargs="+", default=[], metavar="MODEL",
        help="further networks in the node, each a method of its own: weights files, or NAME:FILE",
    )  # fmt: skip
    parser.add_argument("--without-node", action="store_true", help="run the baselines alone")
    parser.add_argument(
        "--node",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="arguments of the node, such as model=my.safetensors",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures as JSON")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables as Markdown")
    parser.add_argument(
        "--pictures", type=Path, metavar="DIR",
        help="write pictures of the best and worst holes, and a contact sheet of whole frames before and after",
    )  # fmt: skip
    parser.add_argument("--cache", type=Path, metavar="DIR", help="keep the baselines' results between runs")


def _size(text: str) -> tuple[int, int]:
    width, times, height = text.partition("x")
    numbers = times and width.isdecimal() and height.isdecimal()
    if not numbers or int(width) % 4 or int(height) % 4 or min(int(width), int(height)) < 64:
        raise argparse.ArgumentTypeError(f"must be WxH, multiples of 4, at least 64 lines, passed {text}")
    return int(width), int(height)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, passed {value}")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"must be above 0 and below 1, passed {text}")
    return value


def _crf(text: str) -> int | None:
    if text == "none":
        return None
    if not text.isdecimal() or int(text) > 51:
        raise argparse.ArgumentTypeError(f"must be 0 to 51 or none, passed {text}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Run the bench, print the tables; 0. Raises OsdcleanError for what cannot be read, run or written."""
    from . import baselines, cases, models, pictures, table
    from .progress import Steps

    node_arguments = dict(_pair(text) for text in args.node)
    if bool(args.speed) == bool(args.clips):
        raise OsdcleanError("bench needs clips, or --speed WxH and none")
    if args.speed:
        from . import speed

        text = speed.run(*args.speed, args.frames or 192, args.seed, node_arguments)
        print(text, end="")
        _write(args.markdown, text)
        return 0
    for target in (args.json, args.markdown):
        if target and not target.parent.is_dir():
            raise OsdcleanError(f"the output folder {target.parent} does not exist; make it first (mkdir -p)")
    if args.unblend:
        return _unblend(args, node_arguments)
    if args.opacity or args.compress:
        raise OsdcleanError("--opacity and --compress go with --unblend")
    if args.find:
        return _find(args, node_arguments)
    if args.restore:
        raise OsdcleanError("--restore goes with --find")
    names = _chosen(args.baselines)
    for name in list(names):
        lack = baselines.missing(name)
        if lack:
            print(f"osdclean: {name} is left out: {lack}", file=sys.stderr)
            names.remove(name)
    if args.without_node and not names and not args.models:
        raise OsdcleanError("bench needs a method: --without-node and no baseline leave none")
    kinds = _OVERLAYS if args.overlay == "all" else (args.overlay,)
    networks = models.named(args.models)
    if not args.without_node:
        networks[table.OURS] = models.Model(arguments={}, parameters=models.parameters(node_arguments.get("model")))
    methods = [*names, *networks]

    rows = []
    steps = Steps(len(args.clips) * len(kinds) * len(methods))
    for kind in kinds:
        pairs = []
        for clip in args.clips:
            case = cases.load(clip, kind, args.seed, args.frames, args.fonts)
            rows.append(_measured(case, methods, networks, node_arguments, args, steps, pairs))
        if pairs:
            pictures.contact(args.pictures / f"contact-{kind}.png", pairs)
    steps.close()

    setting = {
        **_setting(args), "memory": "osdclean's is its whole vspipe process, a baseline's what this process grew by",
    }  # fmt: skip
    parameters = {name: network.parameters for name, network in networks.items()}
    _tell(args, table.markdown(rows, setting, parameters), table.report(rows, setting) | {"parameters": parameters})
    return 0


def _unblend(args: argparse.Namespace, node_arguments: dict[str, str]) -> int:
    """Un-blending against inpainting."""
    from . import unblend
    from .progress import Steps

    if args.pictures:
        raise OsdcleanError("--unblend writes no pictures; leave --pictures out")
    opacities, crfs = args.opacity or unblend.OPACITIES, args.compress or (None,)
    frames = args.frames or unblend.FRAMES
    rows = []
    steps = Steps(len(args.clips) * len(opacities) * len(crfs))
    for crf in crfs:
        for clip in args.clips:
            known = None
            for opacity in opacities:
                case = unblend.load(clip, opacity, crf, args.seed, frames, args.fonts)
                steps.begin(f"{case.name} {opacity:g}", case.length)
                if known is None or crf is not None:
                    known = unblend.run("static_mask.vpy", case, node_arguments, steps.update)
                rows.append(unblend.measure(case, opacity, crf, node_arguments, steps.update, known))
                steps.end()
    steps.close()
    setting = _setting(args)
    _tell(args, unblend.markdown(rows, setting), unblend.report(rows, setting))
    return 0


def _find(args: argparse.Namespace, node_arguments: dict[str, str]) -> int:
    """Finding overlays."""
    from . import detection
    from .progress import Steps

    own = [clip for clip in args.clips if detection.drawn(clip) is not None]
    clean = [clip for clip in args.clips if clip not in own]
    rows = []
    steps = Steps(len(clean) * len(detection.OVERLAYS) + len(own))
    for overlay in detection.OVERLAYS:
        for clip in clean:
            case = detection.load(clip, overlay, args.seed, args.frames, args.fonts)
            steps.begin(f"{case.name} {overlay}", case.length)
            restored = args.restore and overlay in detection.RESTORED
            rows.append(detection.measure(case, node_arguments, steps.update, restored, args.pictures))
            steps.end()
    for clip in own:
        steps.begin(Path(clip).stem, 1)
        rows += detection.measure_drawn(clip, node_arguments, args.pictures)
        steps.end()
    steps.close()
    setting = _setting(args)
    _tell(args, detection.markdown(rows, setting), detection.report(rows, setting))
    return 0


def _setting(args: argparse.Namespace) -> dict[str, object]:
    """What the figures depend on, beside the clips."""
    from . import table

    return {
        "machine": table.machine(), "versions": table.versions(), "seed": args.seed,
        "fonts": "glyph sheets" if args.fonts else "drawn",
    }  # fmt: skip


def _tell(args: argparse.Namespace, text: str, report: dict) -> None:
    """Print the tables, and write what is asked for."""
    print(text, end="")
    _write(args.markdown, text)
    _write(args.json, json.dumps(report, indent=1) + "\n")


def _measured(case, methods, networks, node_arguments, args, steps, pairs):
    """Row of one case; its pictures are written on the way, that of the contact sheet is added to `pairs`."""
    from ..settings import Settings
    from . import metrics, node, pictures, runs, table

    # The node grows its mask: the same hole is given to the others.
    holes = case.grown(int(node_arguments.get("grow", Settings.grow)))
    results = {}
    for method in methods:
        label = f"{case.name} {case.kind} {method}"
        steps.begin(label, case.length)
        if method in networks:
            results[method] = node.run(case, node_arguments | networks[method].arguments, steps.update)
        else:
            results[method] = runs.baseline(method, case, holes, args.cache, steps.update)
        steps.end()
    row = table.Row(
        clip=case.name, kind=case.kind, width=case.picture.width, height=case.picture.height,
        frames=case.length,
        coverage=case.coverage,
        scores={name: metrics.score(case, made.restored, holes) for name, made in results.items()},
        seconds={name: made.seconds for name, made in results.items()},
        memory={name: made.memory for name, made in results.items()},
    )  # fmt: skip
    if args.pictures:
        pictures.write(args.pictures, case, holes, {name: made.restored for name, made in results.items()})
        pairs.append(pictures.pair(case, results[methods[-1]].restored))
    return row


def _chosen(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip() not in ("", "none")]
    for name in names:
        if name not in _BASELINES:
            raise OsdcleanError(f"--baselines must be of {', '.join(_BASELINES)} or none, passed {name}")
    return names


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise OsdcleanError(f"--node must be NAME=VALUE, passed {text}")
    return name, value


def _write(target: Path | None, text: str) -> None:
    if target is None:
        return
    try:
        with outputs.whole(target) as beside:
            beside.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OsdcleanError(f"cannot write {target}: {error.strerror}") from None
