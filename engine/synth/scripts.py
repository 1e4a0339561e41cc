"""Words of several scripts, and the faces on this machine that can draw them.

1. A face draws a script only where it has a picture of its own for every letter of the script's words.
2. Pillow draws the fonts of a folder or of the system where it is installed, OpenCV 5 otherwise. What has to be shaped
   (Arabic, Devanagari) needs Pillow with Raqm.
3. The faces inside OpenCV 5 draw what no file does; without any of these OpenCV's strokes write plain Latin.

Which faces there are is a matter of the machine: the same seed gives the same pixels on one machine.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from string import ascii_letters, digits

import cv2
import numpy as np

#: Words that make up lines; scripts without spaces have phrases.
WORDS = {
    "latin": (
        "Příliš žluťoučký kůň où êtes-vous déjà Straße über schön größer mañana señor ¿Quién? łąka źródło gęś çok "
        "güneş ışık đường không được våren små gå hjärta então não coração the wind is low tonight, turn left! "
        "Attendez... I'll be there at 12:30"
    ),
    "cyrillic": "Привет где ты был вчера? Поворачивай налево, там река. Ещё немного їжак живе у лісі Не бойся! мы тут",
    "greek": "Καλημέρα πού είσαι τώρα; Έλα γρήγορα, ο ήλιος δύει στη θάλασσα. Περίμενε λίγο ακόμη",
    "chinese": "你在哪里 我们回家吧 小心左边 天气很好 再飞高一点 谢谢你 明天见 不要碰它",
    "japanese": "どこにいるの もう少し左へ 気をつけて 明日また会おう 空がきれいだ 大丈夫です カメラを見て",
    "korean": "어디 있어요? 조금만 더 왼쪽으로 조심해 내일 다시 만나요 하늘이 맑다 괜찮아요",
    "hebrew": "שלום איפה אתה עכשיו לאט לאט הרוח חזקה היום אל תיגע בזה נתראה מחר",
    "arabic": "مرحبا أين أنت الآن انتبه إلى اليسار الريح قوية اليوم شكرا جزيلا نلتقي غدا",
    "devanagari": "नमस्ते तुम कहाँ हो अभी धीरे चलो हवा तेज़ है कल मिलेंगे धन्यवाद बहुत अच्छा",
}
_PLAIN = "the wind is low tonight, turn left! I told you not to go so far Wait... where are you? almost home"
_UNSPACED = ("chinese", "japanese")
_SHAPED = ("arabic", "devanagari")
_FOLDERS = {
    "win32": ("C:/Windows/Fonts",),
    "darwin": ("/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"),
}
_ENDINGS = (".ttf", ".otf", ".ttc")

Fonts = str | Path | Iterable[str | Path] | None


@dataclass(frozen=True, order=True)
class Face:
    """by: `pillow` (name: a font file), `opencv` (a font file or a face inside OpenCV 5), `strokes` (Hershey's)."""

    by: str
    name: str


STROKES = Face("strokes", "")


@lru_cache(1)
def _pillow() -> tuple[bool, bool]:
    """Whether Pillow draws type, and whether it shapes it."""
    if find_spec("PIL") is None:
        return False, False
    from PIL import features

    return bool(features.check("freetype2")), bool(features.check("raqm"))


@lru_cache(1)
def _system() -> tuple[Path, ...]:
    default = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts")
    folders = [Path(f).expanduser() for f in _FOLDERS.get(sys.platform, default)]
    return tuple(sorted(p for f in folders if f.is_dir() for p in f.rglob("*") if p.suffix.lower() in _ENDINGS))


def files(fonts: Fonts) -> list[Path]:
    """TrueType and OpenType files in folders (and right below them) or named; the system's where None."""
    if fonts is None:
        return list(_system())
    paths = [Path(fonts)] if isinstance(fonts, str | Path) else [Path(p) for p in fonts]
    found = [f for p in paths for f in ([*p.glob("*"), *p.glob("*/*")] if p.is_dir() else [p])]
    return sorted(f for f in found if f.suffix.lower() in _ENDINGS)


def typefaces(script: str | None, fonts: Fonts = None) -> list[Face]:
    """Faces of font files that can draw a script, plain Latin where None (rules 1 and 2)."""
    by = "pillow" if _pillow()[0] else "opencv" if hasattr(cv2, "FontFace") else None
    return [face for p in files(fonts) if covers(face := Face(by, str(p)), script)] if by else []


def faces(script: str, fonts: Fonts = None) -> list[Face]:
    """Faces that can draw a script, those of `fonts` alone where they can; empty where none can (rule 1).

    fonts: as in `files`; empty: plain Latin in strokes alone, which looks the same on every machine with this OpenCV.
    """
    plain = [STROKES] if script == "latin" else []
    if fonts is not None and not isinstance(fonts, str | Path):
        fonts = tuple(fonts)
        if not fonts:
            return plain
    found = typefaces(script, fonts)
    if hasattr(cv2, "FontFace") and (fonts is None or not found):
        found += [face for name in ("sans", "italic", "uni") if covers(face := Face("opencv", name), script)]
    return found or plain


@lru_cache(1024)
def covers(face: Face, script: str | None) -> bool:
    """Every letter of the script's words (of ASCII where None) has a picture, other than that for what is missing."""
    if face.by == "strokes" or (script in _SHAPED and not (face.by == "pillow" and _pillow()[1])):
        return False
    letters = set(WORDS[script]) if script else set(ascii_letters + digits)
    try:
        # A private-use character: nobody has a picture for it.
        missing = ink("\ue0f3", 20, face)
        return all(not _same(ink(c, 20, face), missing) for c in letters - set(" .,:;?!'-"))
    except (OSError, cv2.error):
        return False


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return not a.any() or np.array_equal(a, b)


@lru_cache(64)
def _loaded(face: Face, em: int) -> object:
    if face.by == "opencv":
        return cv2.FontFace(face.name)
    from PIL import ImageFont

    return ImageFont.truetype(face.name, em)


def ink(text: str, em: int, face: Face, bold: bool = False) -> np.ndarray:
    """A line of text as uint8 coverage [1.6 em, w], the baseline at 1.1 em, trimmed at the sides.

    em: pixels. bold: where the face itself can be so (OpenCV's).
    """
    height, baseline = round(1.6 * em), round(1.1 * em)
    if face.by == "pillow":
        from PIL import Image, ImageDraw

        font = _loaded(face, em)
        width = int(font.getlength(text)) + 2 * em
        drawn = Image.new("L", (width, height))
        ImageDraw.Draw(drawn).text((em, baseline), text, fill=255, font=font, anchor="ls")
        canvas = np.array(drawn)
    elif face.by == "opencv":
        if any("\u0590" <= c <= "\u05ff" for c in text):
            text = text[::-1]  # drawn from the left; Hebrew's letters do not change with their neighbours
        colour = np.zeros((height, em * (len(text) + 3), 3), np.uint8)
        cv2.putText(colour, text, (em, baseline), (255, 255, 255), _loaded(face, em), em, 700 if bold else 400)
        canvas = colour[..., 0]
    else:
        font, weight = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(em * (0.1 if bold else 0.07)))
        (_, tall), _ = cv2.getTextSize("H", font, 8.0, 1)
        scale = 8.0 * 0.7 * em / tall
        (width, _), _ = cv2.getTextSize(text, font, scale, weight)
        canvas = np.zeros((height, width + 2 * em), np.uint8)
        cv2.putText(canvas, text, (em, baseline), font, scale, 255, weight, cv2.LINE_AA)
    columns = np.flatnonzero(canvas.any(0))
    left, right = (int(columns[0]), int(columns[-1]) + 1) if len(columns) else (0, 1)
    return np.ascontiguousarray(canvas[:, left:right])


def line(rng: np.random.Generator, script: str, face: Face, count: int) -> str:
    """`count` words of a script; plain ones for strokes."""
    words = (_PLAIN if face.by == "strokes" else WORDS[script]).split()
    if script in _UNSPACED:
        return "".join(rng.choice(words, max(1, count // 3)))
    return " ".join(rng.choice(words, count))
