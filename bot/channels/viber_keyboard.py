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
_TALL: Final = 5  # letters of a label to one column of its button, above which it needs two lines
_WIDTHS: Final = {1: (6,), 2: (3, 3), 3: (2, 2, 2), 4: (2, 1, 1, 2), 5: (1, 1, 2, 1, 1), 6: (1,) * 6}  # in a row
_LINKS: Final = ("https://", "http://")
# As our own page: dark teal on paper; what leads on is filled. Readable at a contrast of 6 to 1.
_INK, _SURFACE, _FILLED, _ON_FILLED, _PAPER = "#12616b", "#fffdf8", "#12616b", "#ffffff", "#efe9dc"

Keyboard = dict[str, Any]


def keyboard(message: Outgoing, *, shares: bool = True, first: Keyboard | None = None) -> Keyboard | None:
    """A message's own buttons, otherwise the lasting menu, below what shall stand first; None where there is nothing.

    `shares`: whether the reader's app can share a phone by a button. Where it cannot, they type it.
    """
    room = MOST_ROWS if first is None else MOST_ROWS - 1
    rows = _drawn(message.rows, shares=shares) or _menu(message.menu)
    placed = [_columns(row) for row in _fitting(rows, room)]
    if sum(row[0]["Rows"] for row in placed) > room:
        placed = [[{**shape, "Rows": 1} for shape in row] for row in placed]
    shapes = [*([first] if first else ()), *(shape for row in placed for shape in row)]
    return _board(shapes) if shapes else None


def _board(shapes: list[Keyboard]) -> Keyboard:
    return {"Type": "keyboard", "DefaultHeight": False, "BgColor": _PAPER, "Buttons": shapes}


def version(shapes: Keyboard | None) -> int:
    """The lowest API version that knows these buttons."""
    shared = any(shape["ActionType"] == "share-phone" for shape in (shapes or {}).get("Buttons", ()))
    return SHARE_VERSION if shared else 1


def opened(shapes: Keyboard | None) -> list[str]:
    """The pages that these buttons open."""
    return [shape["ActionBody"] for shape in (shapes or {}).get("Buttons", ()) if shape["ActionType"] == "open-url"]


def begin(label: str, code: str) -> Keyboard:
    """The one big button of a welcome. The code of a deep link travels in it: Viber tells it only once."""
    shape = {
        "Columns": COLUMNS, "Rows": 2, "ActionType": "reply", "ActionBody": f"{START}{code}", "BgColor": _FILLED,
        "Text": _text(label, _ON_FILLED), "TextSize": "large",
    }  # fmt: skip
    return _board([shape])


def opens(label: str, url: str, *, external: bool = False) -> Keyboard:
    """A button that opens a page; `external`: in the phone's own browser, not in Viber's."""
    shape = {
        "Columns": COLUMNS, "Rows": 1, "ActionType": "open-url", "ActionBody": url, "BgColor": _FILLED,
        "Text": _text(label, _ON_FILLED), "TextSize": "regular",
    }  # fmt: skip
    return {**shape, "OpenURLType": "external"} if external else shape


def _drawn(rows: Rows, *, shares: bool) -> list[list[Keyboard]]:
    drawn = ([shape for button in row if (shape := _shape(button, shares=shares))] for row in rows)
    return [row for row in drawn if row]


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
    """Side by side: six columns are shared out. Where one label is long, the whole row is two lines high."""
    shapes = [{**shape, "Columns": width} for shape, width in zip(row, _WIDTHS[len(row)], strict=True)]
    tall = any(_letters(shape) > _TALL * shape["Columns"] for shape in shapes)
    return [{**shape, "Rows": 2} for shape in shapes] if tall else shapes


def _letters(shape: Keyboard) -> int:
    text: str = shape["Text"]
    return len(unescape(text[text.index(">") + 1 : -len("</font>")]))


def _fitting(rows: Sequence[Sequence[Keyboard]], room: int) -> list[Sequence[Keyboard]]:
    """At most `room` rows: where there are more, neighbours share one. The order stays, and the last way out too."""
    fitting = [row[at : at + COLUMNS] for row in rows for at in range(0, len(row), COLUMNS)]
    for columns in (2, 3, COLUMNS):
        if len(fitting) <= room:
            return fitting
        joined: list[Sequence[Keyboard]] = []
        for row in fitting:
            if joined and len(joined[-1]) + len(row) <= columns:
                joined[-1] = [*joined[-1], *row]
            else:
                joined.append(row)
        fitting = joined
    return fitting if len(fitting) <= room else [*fitting[: room - 1], fitting[-1]]
