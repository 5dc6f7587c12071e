"""What we draw ourselves: a code that a telephone's camera reads, and a month's weeks as bars.

Pure: the same values give the same picture. Imports nothing of ours and knows no word: every label is handed in. The
font lies beside this file, because Pillow's own has no Cyrillic and a server may have none at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

import segno
from PIL import Image, ImageDraw, ImageFont

FONTS = Path(__file__).parent / "fonts"
SIZE = (1080, 810)  # pixels: 4:3, which no messenger crops
PAPER, INK, QUIET, GRID = "#ffffff", "#1c2733", "#5b6875", "#dfe4ea"
BAR, BEST = "#9db9dd", "#1f5fae"  # one colour, and its strong form for what the title speaks of
MARGIN, TITLE, LABEL, VALUE = 64, 50, 32, 44  # pixels; letters of 32 are read on a telephone held at arm's length
FLOOR = SIZE[1] - 104  # the line on which the bars stand
TALLEST, LOWEST = 380, 12
WIDEST = 132


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what stands below it, how tall it is, and what stands on it."""

    label: str
    height: float
    value: str
    best: bool = False


def qr(link: str) -> bytes:
    """A PNG of a code that leads to a link, with the quiet border that cameras need."""
    out = BytesIO()
    segno.make(link, error="m", micro=False).save(out, kind="png", scale=16, border=4)
    return out.getvalue()


def bars(title: str, measured: str, bars: Sequence[Bar]) -> bytes:
    """A PNG of some bars under a title that says what is to be seen, and a line that says what was measured."""
    picture = Image.new("RGB", SIZE, PAPER)
    draw = ImageDraw.Draw(picture)
    _title(draw, title, measured)
    draw.line((MARGIN, FLOOR, SIZE[0] - MARGIN, FLOOR), fill=GRID, width=4)
    step = (SIZE[0] - 2 * MARGIN) / max(len(bars), 1)
    tallest = max((bar.height for bar in bars), default=0) or 1
    for number, bar in enumerate(bars):
        _bar(draw, bar, MARGIN + step * (number + 0.5), min(WIDEST, step * 0.62), TALLEST * bar.height / tallest)
    out = BytesIO()
    picture.quantize(64).save(out, "PNG", optimize=True)
    return out.getvalue()


def _title(draw: ImageDraw.ImageDraw, title: str, measured: str) -> None:
    lines, font = [""], _font(TITLE, bold=True)
    for word in title.split():
        longer = f"{lines[-1]} {word}".strip()
        if draw.textlength(longer, font=font) <= SIZE[0] - 2 * MARGIN:
            lines[-1] = longer
        else:
            lines.append(word)
    top, height = MARGIN - 8, round(TITLE * 1.3)
    for number, line in enumerate(lines):
        draw.text((MARGIN, top + number * height), line, font=font, fill=INK)
    draw.text((MARGIN, top + len(lines) * height + 12), measured, font=_font(LABEL), fill=QUIET)


def _bar(draw: ImageDraw.ImageDraw, bar: Bar, middle: float, width: float, height: float) -> None:
    height = max(height, LOWEST) if height else 0
    left, right, top = middle - width / 2, middle + width / 2, FLOOR - height
    if height:
        round_ = min(14, height / 2)
        shape = (left, top, right, FLOOR - 2)
        draw.rounded_rectangle(shape, round_, fill=BEST if bar.best else BAR, corners=(True, True, False, False))
    draw.text(
        (middle, top - 14), bar.value, font=_font(VALUE, bold=bar.best), fill=BEST if bar.best else INK, anchor="ms"
    )
    draw.text((middle, FLOOR + 44), bar.label, font=_font(LABEL), fill=QUIET, anchor="ms")


@cache
def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONTS / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"), size)
