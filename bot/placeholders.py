"""„Здравейте, ((име))!“: what stands for something else in words that staff wrote.

Pure. Must never send a placeholder that it does not know: whoever writes is told first.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from bot.alphabets import fold

NAME, EVENT, WHEN, WHERE = "име", "събитие", "кога", "къде"
PHONE, HOURS = "телефон", "часове"  # of the office
IN_ANSWERS = (NAME, PHONE, HOURS)

_MARK = re.compile(r"\(\(([^()\n]{0,40})\)\)")
_GAP = re.compile(r"[ \t]*,?[ \t]*\(\(\s*\)\)")  # an empty one takes the comma before it along: „Здравейте, !“


def unknown(text: str, known: Collection[str]) -> list[str]:
    """What stands between double brackets and means nothing here, as it was typed, each once."""
    folded = set(map(fold, known))
    return list(dict.fromkeys(m[1].strip() for m in _MARK.finditer(text) if fold(m[1]) not in folded))


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with everything put in; one that has no value for this person leaves no gap. Unknown ones stay."""
    folded = {fold(name): value for name, value in values.items()}

    def put(match: re.Match[str]) -> str:
        value = folded.get(fold(match[1]))
        return match[0] if value is None else value or "(())"

    return _GAP.sub("", _MARK.sub(put, text)).strip()
