"""Finding a town or village by what somebody typed: by its first letters, then with small slips. Must stay pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.alphabets import fold

_PREFIX = re.compile(r"^(?:selo|s|grad|gr)[.,:\s]+(?=\w)")
_EXACT, _BEGINS, _WORD_BEGINS, _SAID_WITHIN, _NEVER = -4, -3, -2, -1, 99
_LONGEST_TYPED = 40


def find(typed: str, names: Sequence[str]) -> list[int]:
    """The numbers of the folded `names` that may be meant, the likeliest first.

    Cyrillic or Latin letters, with or without „с.“, „село“, „гр.“; also a name within a sentence.
    """
    asked = _PREFIX.sub("", fold(typed))
    if not asked:
        return []
    slips = _slips(asked)
    found = sorted((_distance(asked, name, slips), number) for number, name in enumerate(names))
    best = 0 if found and found[0][0] == _EXACT else slips
    return [number for distance, number in found if distance <= best]


def _slips(asked: str) -> int:
    """How many wrong letters may be forgiven: none in a few letters, or everything would be found."""
    return 0 if len(asked) < 4 else 1 if len(asked) < 6 else 2  # noqa: PLR2004  (the scale is read here)


def _distance(asked: str, name: str, slips: int) -> int:
    """How far a name is from what was typed; small is near, and below zero all letters are right."""
    if name == asked:
        return _EXACT
    if name.startswith(asked):
        return _BEGINS
    if f" {asked}" in name:
        return _WORD_BEGINS
    if re.search(rf"\b{re.escape(name)}\b", asked):
        return _SAID_WITHIN
    if not slips or len(asked) > _LONGEST_TYPED:
        return _NEVER
    words = name.split()
    return min(_slips_to_begin(asked, " ".join(words[n:]), slips) for n in range(len(words)))


def _slips_to_begin(asked: str, name: str, most: int) -> int:
    """The fewest letters to change, add, drop or swap in `asked` so that `name` begins with it, up to `most`."""
    before: list[int] = []
    row = list(range(len(name) + 1))
    for i, letter in enumerate(asked):
        last, row, older = row, [i + 1], before
        for j, other in enumerate(name):
            best = min(last[j + 1] + 1, row[j] + 1, last[j] + (letter != other))
            if i and j and letter == name[j - 1] and asked[i - 1] == other:
                best = min(best, older[j - 1] + 1)
            row.append(best)
        if min(row) > most:
            return _NEVER
        before = last
    return min(row)
