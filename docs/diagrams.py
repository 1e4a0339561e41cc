"""The diagrams of these pages, as SVG files in docs/images: `make docs-pictures`, or `python docs/diagrams.py`.

Rows of boxes joined by arrows. Each diagram brings its own white ground, so that it reads on dark pages too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

IMAGES = Path(__file__).with_name("images")
INK, SOFT, LINE = "#1f2933", "#52606d", "#7b8794"
PLAIN, WARM, COOL, DONE = "#f1f4f7", "#fdebd3", "#dcecf9", "#dff3e1"
ROW = 18


@dataclass(kw_only=True)
class Drawing:
    """An SVG picture in the making."""

    width: int
    height: int
    parts: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, words: str, bold: bool = False, anchor: str = "middle") -> None:
        look = f'fill="{INK}" font-weight="600"' if bold else f'fill="{SOFT}"'
        self.parts.append(f'<text x="{x}" y="{y}" text-anchor="{anchor}" {look}>{escape(words)}</text>')

    def box(self, x: float, y: float, width: float, lines: Sequence[str], fill: str = PLAIN) -> tuple[float, float]:
        """A box whose first line is its name; returns its top and bottom."""
        height = ROW * len(lines) + 14
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="{fill}" stroke="{LINE}"/>'
        )
        for k, line in enumerate(lines):
            self.text(x + width / 2, y + ROW * (k + 1), line, bold=k == 0)
        return y, y + height

    def arrow(self, path: str) -> None:
        """An arrow along an SVG path."""
        self.parts.append(f'<path d="{path}" fill="none" stroke="{LINE}" stroke-width="1.5" marker-end="url(#to)"/>')

    def write(self, name: str, told: str) -> None:
        """told: what a reader hears who cannot see it."""
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}"'
        head += f' height="{self.height}" font-family="system-ui, sans-serif" font-size="13" role="img">'
        arrow = '<marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        arrow += f'<path d="M0 0L8 4L0 8z" fill="{LINE}"/></marker>'
        ground = f'<rect width="{self.width}" height="{self.height}" fill="#fff"/>'
        lines = [head, f"<title>{escape(told)}</title>", f"<defs>{arrow}</defs>", ground, *self.parts, "</svg>", ""]
        path = IMAGES / f"{name}.svg"
        path.write_text("\n".join(lines), encoding="utf-8")
        print(path)


def frame() -> None:
    """The way of one frame through Inpaint."""
    d = Drawing(width=800, height=584)
    d.box(180, 12, 440, ["frame n is asked for", "which block, which window: plugin/node.py, blocks.py"])
    d.arrow("M400 62V82")
    d.box(120, 82, 560, ["the window's frames and masks", "the block and its reach: plugin/frames.py, masks.py"])
    d.arrow("M205 132V160")
    d.arrow("M595 132V160")
    told = "between neighbours; smooth inside the hole"
    d.box(20, 160, 370, ["motion and change of light", told, "engine/motion.py"], COOL)
    d.box(410, 160, 370, ["two fills from around the hole", "a plate and one under tension", "engine/spatial.py"], WARM)
    d.arrow("M205 228V256")
    told = "each sample followed until it is seen: before, after"
    d.box(20, 256, 370, ["sources", told, "engine/propagation.py, kernels.py"], COOL)
    d.arrow("M205 324V352")
    d.arrow("M595 228V352")
    d.box(120, 352, 560, ["tiles that cover the hole, with all of this in them", "engine/candidates.py, tiles.py"])
    d.arrow("M400 402V430")
    told = "weights for the blend, and a bounded residual: engine/network.py, runtime.py"
    d.box(120, 430, 560, ["the network", told])
    d.arrow("M680 468H720V444H680")
    for k, word in enumerate(("state, to", "the next", "frame")):
        d.text(726, 442 + 16 * k, word, anchor="start")
    d.arrow("M400 480V508")
    d.box(120, 508, 560, ["the hole's samples, over a copy of the frame", "engine/inpainter.py, plugin/node.py"], DONE)
    d.write("way-of-a-frame", "From a request for a frame through window, motion, sources and network to a patch")


def blocks() -> None:
    """What a pass reads and writes."""
    d = Drawing(width=800, height=190)
    d.text(40, 28, "the clip, cut into blocks of period = 48 frames from its first frame on", anchor="start")
    for k in range(4):
        d.box(40 + 180 * k, 40, 180, [f"block {k}", f"frames {48 * k} to {48 * k + 47}"], DONE if k == 1 else PLAIN)
    d.box(40, 120, 180, ["warmup: read"], COOL)
    d.box(220, 120, 180, ["read, and restored"], DONE)
    d.box(400, 120, 180, ["lookahead: read"], COOL)
    d.text(40, 172, "one pass, whichever frame of block 1 is asked for", anchor="start")
    d.write("blocks", "A pass restores one block and reads the frames of warmup before it and of lookahead after it")


def command() -> None:
    """What `osdclean clean` starts."""
    d = Drawing(width=800, height=240)
    d.box(20, 20, 150, ["flight.mp4"], WARM)
    d.arrow("M95 52V90")
    d.box(20, 90, 240, ["vspipe", "clean.vpy: read, Detect", "or mask, Inpaint"], COOL)
    d.arrow("M260 115H320")
    d.text(290, 105, "y4m")
    d.box(320, 90, 180, ["x265, x264 or ffv1", "what follows -- goes here"], COOL)
    d.arrow("M500 115H560")
    d.box(560, 90, 205, ["the time of each frame", "taken from the input"], COOL)
    d.arrow("M662 140V185")
    d.box(560, 185, 205, ["ffmpeg joins"], COOL)
    d.arrow("M560 201H500")
    d.box(320, 185, 180, ["clean.mkv"], DONE)
    d.arrow("M170 36H785V201H765")
    d.text(480, 30, "sound, subtitles, chapters, fonts, names")
    d.write("command", "osdclean clean: vspipe into an encoder, times from the input, joined with all else of it")


#: Of the small trainings of docs/networks.md, at each fifth of their steps: loss (L1 in the hole and a fifth of that
#: outside it, of vinet its "reconstruction") and PSNR in the hole on held-back scenes, dB.
CURVES = {
    "recurrent-unet": ((0.450, 0.364, 0.336, 0.306, 0.305), (15.39, 16.81, 18.64, 20.92, 21.07)),
    "sttn": ((0.526, 0.440, 0.383, 0.325, 0.360), (14.44, 15.81, 16.05, 16.92, 17.08)),
    "opn": ((0.388, 0.308, 0.277, 0.251, 0.230), (16.02, 18.72, 18.14, 19.30, 19.53)),
    "rnot": ((0.535, 0.498, 0.407, 0.369, 0.370), (12.72, 13.99, 16.32, 17.10, 17.42)),
    "vinet": ((0.503, 0.353, 0.297, 0.262, 0.256), (17.81, 19.23, 19.37, 20.08, 19.95)),
    "edsr3d": ((0.462, 0.386, 0.353, 0.261, 0.277), (15.03, 13.55, 15.13, 17.32, 17.59)),
}
COLOURS = dict(zip(CURVES, ("#0b7285", "#c92a2a", "#5f3dc4", "#e67700", "#2b8a3e", "#1f2933"), strict=True))


def curves() -> None:
    """How the published networks learn."""
    d = Drawing(width=800, height=330)
    panels = (("loss", 0, (0.2, 0.6), 0.1, 60), ("PSNR in the hole, dB", 1, (12, 21), 1, 450))
    for name, which, (low, high), step, left in panels:
        top, bottom, width = 40, 270, 310
        place = lambda k, v: (left + width * k / 5, bottom - (bottom - top) * (v - low) / (high - low))  # noqa: B023, E731
        d.text(left, 24, name, bold=True, anchor="start")
        for k in range(round((high - low) / step) + 1):
            y = place(0, low + k * step)[1]
            d.parts.append(f'<path d="M{left} {y:.1f}H{left + width}" stroke="{PLAIN}"/>')
            d.text(left - 8, round(y + 4, 1), f"{low + k * step:g}", anchor="end")
        for k in range(1, 6):
            d.text(left + width * k / 5, bottom + 18, f"{20 * k} %")
        for network, values in CURVES.items():
            points = " ".join("{:.1f},{:.1f}".format(*place(k, v)) for k, v in enumerate(values[which], 1))
            d.parts.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[network]}" stroke-width="2"/>')
    for k, network in enumerate(CURVES):
        x = 30 + 128 * k
        d.parts.append(f'<path d="M{x} 312h20" stroke="{COLOURS[network]}" stroke-width="3"/>')
        d.text(x + 26, 316, network, anchor="start")
    d.write("curves", "Loss and PSNR of six networks, each trained for the same processor time, by fifths of its steps")


if __name__ == "__main__":
    frame()
    blocks()
    command()
    curves()
