"""Buttons as Viber draws them: a keyboard of six columns under the latest message.

Pure. Only fields that Viber documents, each with the lowest `min_api_version` that knows it. Source: Viber REST Bot
API, "Keyboards". Must never send a label as it was typed: Viber reads HTML in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape, unescape
from typing import Any, Final

from bot.channels.viber_event import PRESS, START
from bot.messages import Button, Outgoing, Rows

COLUMNS: Final = 6
MOST_ROWS: Final = 12  # in portrait (Viber's FAQ); a tall button takes two of them
SHARE_VERSION: Final = 3  # of the API, for share-phone
_LABEL: Final = 250  # letters, HTML and all; what is longer is cut
_TALL: Final = 30  # letters of a label, above which a button of full width needs two lines
_LINKS: Final = ("https://", "http://")
# As our own page: dark teal on paper; what leads on is filled. Readable at a contrast of 6 to 1.
_INK, _SURFACE, _FILLED, _ON_FILLED, _PAPER = "#12616b", "#fffdf8", "#12616b", "#ffffff", "#efe9dc"

Keyboard = dict[str, Any]


def keyboard(message: Outgoing, *, shares: bool = True) -> Keyboard | None:
    """A message's own buttons, otherwise the lasting menu; None where it has neither.

    `shares`: whether the reader's app can share a phone by a button. Where it cannot, they type it.
    """
    rows = [_row(row, shares=shares) for row in _fitting(message.rows)] if message.rows else _menu(message.menu)
    shapes = [shape for row in rows for shape in _columns(row)]
    if not shapes:
        return None
    if len(shapes) > MOST_ROWS or _height(rows) > MOST_ROWS:
        shapes = [{**shape, "Rows": 1} for shape in shapes]
    return _board(shapes)


def headed(first: Keyboard, board: Keyboard | None) -> Keyboard:
    """A keyboard with one button above all others."""
    return _board([first, *(board["Buttons"] if board else ())])


def _board(shapes: list[Keyboard]) -> Keyboard:
    return {"Type": "keyboard", "DefaultHeight": False, "BgColor": _PAPER, "Buttons": shapes}


def version(shapes: Keyboard | None) -> int:
    """The lowest API version that knows these buttons."""
    shared = any(shape["ActionType"] == "share-phone" for shape in (shapes or {}).get("Buttons", ()))
    return SHARE_VERSION if shared else 1


def begin(label: str, code: str) -> Keyboard:
    """The one big button of a welcome. The code of a deep link travels in it: Viber tells it only once."""
    shape = {
        "Columns": COLUMNS, "Rows": 2, "ActionType": "reply", "ActionBody": f"{START}{code}", "BgColor": _FILLED,
        "Text": _text(label, _ON_FILLED), "TextSize": "large",
    }  # fmt: skip
    return _board([shape])


def opens(label: str, url: str) -> Keyboard:
    """A button that opens a page."""
    return {
        "Columns": COLUMNS, "Rows": 1, "ActionType": "open-url", "ActionBody": url, "BgColor": _FILLED,
        "Text": _text(label, _ON_FILLED), "TextSize": "regular",
    }  # fmt: skip


def _row(row: Sequence[Button], *, shares: bool) -> list[Keyboard]:
    return [shape for button in row if (shape := _shape(button, shares=shares))]


def _menu(labels: Sequence[Sequence[str]]) -> list[list[Keyboard]]:
    """Labels that are sent as if they were typed."""
    return [[_plain(label, label) for label in row] for row in labels]


def _shape(button: Button, *, shares: bool) -> Keyboard | None:
    if button.shares_phone:
        if not shares:
            return None
        return {**_plain(button.label, f"{PRESS}{button.press or 'phone'}"), "ActionType": "share-phone"}
    if button.press:
        return _plain(button.label, f"{PRESS}{button.press}")
    if button.url.startswith(_LINKS):
        return {**_plain(button.label, button.url), "ActionType": "open-url"}
    return None


def _plain(label: str, body: str) -> Keyboard:
    return {
        "Columns": COLUMNS, "Rows": 1, "ActionType": "reply", "ActionBody": body, "BgColor": _SURFACE,
        "Text": _text(label, _INK), "TextSize": "regular",
    }  # fmt: skip


def _text(label: str, colour: str) -> str:
    """Escaped, then cut: an entity is never cut in two."""
    around = f'<font color="{colour}"></font>'
    inside = escape(" ".join(label.split()), quote=False)
    kept = label
    while len(inside) > _LABEL - len(around):
        kept = kept[:-1]
        inside = escape(" ".join(kept.split()), quote=False) + "…"
    return f'<font color="{colour}">{inside}</font>'


def _columns(row: Sequence[Keyboard]) -> list[Keyboard]:
    """Side by side: six columns are shared out, and the last gets what is left. Long labels are two lines high."""
    if not row:
        return []
    each = COLUMNS // len(row)
    shapes = [{**shape, "Columns": each} for shape in row]
    shapes[-1]["Columns"] = COLUMNS - each * (len(row) - 1)
    if any(_letters(shape) > _TALL // len(row) for shape in row):
        shapes = [{**shape, "Rows": 2} for shape in shapes]
    return shapes


def _letters(shape: Keyboard) -> int:
    text: str = shape["Text"]
    return len(unescape(text[text.index(">") + 1 : -len("</font>")]))


def _height(rows: Sequence[Sequence[Keyboard]]) -> int:
    return sum(max((shape["Rows"] for shape in _columns(row)), default=0) for row in rows)


def _fitting(rows: Rows) -> Rows:
    """At most so many rows: where there are more, neighbours share one. The order stays."""
    fitting = list(rows)
    for columns in (2, 3, COLUMNS):
        if len(fitting) <= MOST_ROWS:
            break
        joined: list[tuple[Button, ...]] = []
        for row in fitting:
            if joined and len(joined[-1]) + len(row) <= columns:
                joined[-1] = (*joined[-1], *row)
            else:
                joined.append(row)
        fitting = joined
    return tuple(row[:COLUMNS] for row in fitting)
