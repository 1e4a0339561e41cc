"""Write a network as an ONNX file: one step, with the frame and the state in, the answer and the next state out.

  osdclean export default -o model.onnx
  osdclean export my.safetensors -o model.onnx --precision fp16
  osdclean export sttn:weights.pth -o sttn.onnx

WEIGHTS is what Inpaint takes as `model`. Batch, height and width are free; of the inpainting network chroma's
subsampling is part of the file. Inputs and outputs, their ranges and shapes, the configuration, the training and the
version are in the file's metadata. The file is written only if onnx accepts it and ONNX Runtime answers as torch does,
over 50 random frames at each of two sizes.

Use it in a script, or give it to other programs:

  core.osdclean.Inpaint(clip, mask, model="model.onnx", backend="onnxruntime")
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..cli.failure import CommandError
from ..networks import published
from .files import OPSET, OPSETS, SUBSAMPLINGS, export, packages, training_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `osdclean export`."""
    parser.add_argument("weights", metavar="WEIGHTS", help='"default", a weights file, or NETWORK:FILE')
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="the .onnx file to write")
    parser.add_argument(
        "--precision", choices=("fp32", "fp16"), default="fp32", help="of weights and arithmetic (default: fp32)"
    )
    parser.add_argument(
        "--subsampling",
        choices=tuple(SUBSAMPLINGS),
        default="420",
        help="of the clips' chroma; RGB is 444, Gray 420 (default: 420)",
    )
    parser.add_argument(
        "--opset",
        type=int,
        choices=OPSETS,
        default=OPSET,
        metavar="N",
        help=f"version of ONNX's operators, {OPSETS[0]} to {OPSETS[-1]} (default: {OPSET})",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the file where it exists")


def run(args: argparse.Namespace) -> int:
    packages()
    if args.out.suffix != ".onnx":
        raise CommandError(f"-o must name an .onnx file, passed {args.out}")
    if args.out.exists() and not args.overwrite:
        raise CommandError(f"{args.out} exists; give another name, or --overwrite to replace it")
    if not args.out.absolute().parent.is_dir():
        raise CommandError(f"the output folder {args.out.absolute().parent} does not exist; make it first (mkdir -p)")
    network = published.inpainting(args.weights)
    try:
        made = export(network, args.out, args.precision, args.subsampling, args.opset, training_of(args.weights))
    except OSError as error:
        raise CommandError(f"cannot write {args.out}: {error.strerror}") from None
    chroma = "" if published.network_of(args.weights) else f", chroma {made.subsampling}"
    answer, state = made.difference
    print(
        f"{args.out}: {made.network}, {made.precision}{chroma}, opset {made.opset}, "
        f"{args.out.stat().st_size / 2**20:.1f} MiB; from torch {answer:.1e} at most (state: {state:.1e})"
    )
    return 0
