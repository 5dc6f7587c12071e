"""How long a text is, as messengers count, and where it may be cut. Imports nothing of ours."""

from __future__ import annotations

import unicodedata

LONGEST = 4096  # Telegram's limit for a text after parsing, in UTF-16 units; the other channels take more
CAPTION = 1024  # the same under a picture, a voice note or a file


def units(text: str) -> int:
    """The length in UTF-16 units: an emoji counts two."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def split(text: str, limit: int = LONGEST) -> list[str]:
    """Cut a text into pieces of at most `limit` UTF-16 units: between paragraphs, lines or words where it can."""
    pieces, rest = [], text.strip()
    while units(rest) > limit:
        cut = _cut(rest, limit)
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*pieces, rest] if rest or not pieces else pieces


def _cut(text: str, limit: int) -> int:
    """Where the first piece ends. At least half a piece is filled before a paragraph or a line may end it."""
    fits = _fitting(text, limit)
    for border, least in (("\n\n", fits // 2), ("\n", fits // 2), (" ", 1)):
        at = text.rfind(border, least, fits + 1)
        if at > 0:
            return at
    cut = fits
    while cut > 1 and _joined(text[cut - 1], text[cut]):
        cut -= 1
    return cut if cut > 1 else fits


def _fitting(text: str, limit: int) -> int:
    """How many of the first characters take at most `limit` units; at least one, so that cutting ends."""
    used = 0
    for index, character in enumerate(text):
        used += 2 if character > "\uffff" else 1
        if used > limit:
            return max(index, 1)
    return len(text)


def _joined(left: str, right: str) -> bool:
    """Whether the two are drawn as one: an accent, a joiner, a variation or a skin tone."""
    return left == "\u200d" or right in "\u200d\ufe0f" or "🏻" <= right <= "🏿" or unicodedata.combining(right) > 0
