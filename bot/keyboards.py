"""The buttons of a channel where only those of the latest message can be pressed: one keyboard that holds all of them.

What a tired person needs of it: the question that is asked now keeps its buttons as wide as ever, one below the other,
and the ways out stay last, where they always are. What was said a moment before stands above it, in the order in which
it was said, two short buttons to a row. Only where that is more than a keyboard shows do the rows grow narrower.

Pure. Must never let the last way out of a screen fall off it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.messages import Button, Rows

MOST: Final = 12  # rows that a keyboard shows in portrait (Viber's FAQ)
WIDE: Final = 22  # letters of a label beyond which two do not fit one row of a small phone
WAYS_OUT: Final = ("/menu", "/staff", "/person")  # the buttons at the end of every screen
HOMES: Final = frozenset({"/menu", "/staff", "/start", "/resume"})  # those that lead to a lasting menu
_FEW: Final = 3  # ways out that fit one row
_ANY: Final = 250  # letters: as many as a label can have

Row = tuple[Button, ...]


def one(above: Sequence[Rows], last: Rows = (), home: Row = ()) -> Rows:
    """The keyboard of the last message: the buttons of those before it above its own.

    Of two that do the same, or are called the same, the later one stays: whoever reads a label twice cannot know which
    is meant. `home` is added where nothing else leads there.
    """
    earlier, ways = _without_later(above, last)
    own, footer = _footer_of(last, ways)
    rows = _fitting(_joined(earlier, 2, WIDE), own, footer)
    there = {button.press for row in rows for button in row}
    missing = tuple(button for button in home if button.press not in there)
    return rows if there & HOMES or not missing else _fitting((), rows, missing)


def _without_later(above: Sequence[Rows], last: Rows) -> tuple[list[Row], list[Button]]:
    """The rows of earlier messages without what comes again below, and the ways out that stood among them."""
    kept: list[Row] = []
    ways: list[Button] = []
    does, called = _seen(last)
    for rows in reversed(above):
        fresh = [tuple(b for b in row if _does(b) not in does and b.label not in called) for row in rows]
        ways = [b for row in fresh for b in row if b.press in WAYS_OUT] + ways
        kept = [row for row in (tuple(b for b in row if b.press not in WAYS_OUT) for row in fresh) if row] + kept
        here = _seen(tuple(fresh))  # what was itself left out stands for nothing
        does, called = does | here[0], called | here[1]
    return kept, ways


def _seen(rows: Rows) -> tuple[set[str], set[str]]:
    buttons = [button for row in rows for button in row]
    return {_does(button) for button in buttons}, {button.label for button in buttons}


def _does(button: Button) -> str:
    return button.press or button.url or button.label


def _footer_of(rows: Rows, ways: Sequence[Button]) -> tuple[Rows, Row]:
    """The last row, where it leads out, with the ways out of earlier messages; and what stands above it."""
    *own, end = rows or ((),)
    if not any(button.press in WAYS_OUT for button in end):
        own, end = list(rows), ()
    footer = (*end, *ways)
    return (tuple(own), footer) if len(footer) <= _FEW else ((*own, end), tuple(ways))


def _fitting(above: Sequence[Row], own: Sequence[Row], footer: Row) -> Rows:
    """As many rows as a keyboard shows: first the question's own grow narrower, then all, down to six in a row."""
    room = MOST - bool(footer)
    rows = [*above, *own]
    if len(rows) > room:
        rows = [*above, *_joined(own, 2, WIDE)]
    for columns in (2, 3, 6):
        if len(rows) > room:
            rows = _joined(rows, columns, _ANY)
    return (*rows[-room:], footer) if footer else tuple(rows[-room:])


def _joined(rows: Sequence[Row], columns: int, widest: int) -> list[Row]:
    """Neighbouring rows as one, as far as they fit so many columns and no label is longer than that."""
    joined: list[Row] = []
    for row in rows:
        before = joined[-1] if joined else ()
        fits = len(before) + len(row) <= columns and all(len(b.label) <= widest for b in (*before, *row))
        if before and fits:
            joined[-1] = (*before, *row)
        else:
            joined.append(row)
    return joined
