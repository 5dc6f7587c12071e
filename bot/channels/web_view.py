"""A chat as its page shows it: a transcript folded into bubbles, with what may be pressed now, and the same as JSON.

Pure functions of the lines. Every text is plain: phones and https links in it can be tapped, and no markup in it is
ever interpreted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.channels.web_files import Attached, attached

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from bot.messages import Button, Outgoing, Shown

START = "/start"
START_LABEL = "▶ Започни"
ABOUT = "/about"
ABOUT_LABEL = "За проекта"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a text: plain words, or words that lead somewhere."""

    text: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message as the page shows it."""

    id: int
    root: str  # the id of the first message in a chain of replacements
    mine: bool
    parts: tuple[Part, ...]
    at: str  # 17:30
    stamp: str  # the same in ISO 8601, UTC
    day: str  # „24.11.2026“ above the first message of a day, else empty
    rows: tuple[tuple[Button, ...], ...]  # what may be pressed now
    card: bool  # they only lead to other screens: no question waits for an answer, and the menu stays
    aside: bool  # those buttons belong to no question: they leave the open one and the menu alone
    links: tuple[Button, ...]  # what leads elsewhere, at any time
    file: str
    media: Attached | None
    client_id: str


@dataclass(frozen=True, slots=True)
class View:
    """A whole chat."""

    bubbles: tuple[Bubble, ...]
    menu: tuple[tuple[str, ...], ...]
    last: int  # the newest outbox id that is on the page


_LINK = re.compile(
    r"(?P<url>https://[^\s<>\"„“”«»]+[^\s<>\"„“”«».,;:!?)\]…])"
    r"|(?<![\w+./-])(?P<tel>(?:\+|00)\d[\d \-/()]{6,18}\d|0\d[\d \-/()]{5,14}\d)(?![\w/-])"
)
ASIDES = 2  # messages of our own accord that keep their buttons; the page's script counts the same
_DIGITS = range(8, 14)  # a shorter number is a date or an hour, a longer one is no phone


def parts_of(text: str) -> tuple[Part, ...]:
    """Split a text where it holds https links and phone numbers."""
    found: list[Part] = []
    done = 0
    for match in _LINK.finditer(text):
        href = match["url"] or tel(match["tel"])
        if not href:
            continue
        if match.start() > done:
            found.append(Part(text[done : match.start()]))
        found.append(Part(match[0], href))
        done = match.end()
    if done < len(text):
        found.append(Part(text[done:]))
    return tuple(found)


def tel(number: str) -> str:
    """An address that dials this number, or an empty string where it is none."""
    digits = re.sub(r"\D", "", number)
    if len(digits) not in _DIGITS:
        return ""
    if digits.startswith("00"):
        return f"tel:+{digits[2:]}"
    return f"tel:{'+' if number.lstrip().startswith('+') else ''}{digits}"


def _safe(url: str) -> bool:
    return url.startswith(("https://", "tel:"))


def fold(lines: Sequence[Shown], zone: ZoneInfo) -> View:
    """What a page shows of a transcript.

    A message that replaces an earlier one takes its place away and stands at the end, where the eye and the thumb are:
    on a page that shows the person's own taps, an edit further up would be missed.
    """
    kept = _unreplaced(lines)
    active = _active(kept)
    labels = {b.press: b.label for line in lines for row in line.message.rows for b in row if b.press}
    bubbles: list[Bubble] = []
    day = ""
    for root, line in kept:
        today = f"{line.at.astimezone(zone):%d.%m.%Y}"
        bubbles.append(
            _bubble(line, root, zone, day=today if today != day else "", active=line in active, labels=labels)
        )
        day = today
    menus = [line.message.menu for line in lines if line.message.menu]
    return View(tuple(bubbles), menus[-1] if menus else (), max((line.id for line in lines), default=0))


def _unreplaced(lines: Iterable[Shown]) -> list[tuple[str, Shown]]:
    kept: dict[str, Shown] = {}
    roots: dict[str, str] = {}
    for number, line in enumerate(lines):
        if line.mine:
            kept[f"mine-{number}"] = line
            continue
        replaced = line.message.replaces
        root = roots.get(replaced, str(line.id))
        kept.pop(root, None)
        if line.message.removes:
            kept.pop(roots.get(line.message.removes, ""), None)
            continue
        roots[str(line.id)] = root
        kept[root] = line
    return list(kept.items())


def _active(kept: Sequence[tuple[str, Shown]]) -> list[Shown]:
    """The messages whose buttons may be pressed: our last answer since the person spoke, and the latest reminders.

    A question that was put again behind a screen leaves the screen its buttons: they lead elsewhere at any time.
    """
    ours = [line for _, line in kept if not line.mine and _presses(line.message)]
    reminders = [line for line in ours if line.unasked][-ASIDES:]
    after = next((n for n, (_, line) in enumerate(reversed(kept)) if line.mine), len(kept))
    since = [line for _, line in kept[len(kept) - after :]]
    asked = [line for line in ours if not line.unasked and line in since]
    screens = [line for line in asked if _is_card(line.message)][-1:]
    behind = [line for line in asked[-1:] if not _is_card(line.message)]
    return [*reminders, *screens, *behind]


def _presses(message: Outgoing) -> tuple[tuple[Button, ...], ...]:
    rows = (tuple(b for b in row if b.press and not b.shares_phone) for row in message.rows)
    return tuple(row for row in rows if row)


def _is_card(message: Outgoing) -> bool:
    presses = _presses(message)
    return bool(presses) and all(b.press.startswith("/") for row in presses for b in row)


def _links(message: Outgoing) -> tuple[Button, ...]:
    return tuple(b for row in message.rows for b in row if b.url and _safe(b.url))


def _bubble(line: Shown, root: str, zone: ZoneInfo, *, day: str, active: bool, labels: dict[str, str]) -> Bubble:
    text = line.message.text
    if line.mine:
        labels = labels | {ABOUT: ABOUT_LABEL}
        text = START_LABEL if text.partition(" ")[0] == START else labels.get(text, text)
    return Bubble(
        id=line.id,
        root=root,
        mine=line.mine,
        parts=(Part(text),) if line.mine else parts_of(text),
        at=_clock(line.at, zone),
        stamp=line.at.isoformat(timespec="seconds"),
        day=day,
        rows=_presses(line.message) if active else (),
        card=_is_card(line.message),
        aside=line.unasked,
        links=_links(line.message),
        file=line.message.document.filename if line.message.document else "",
        media=attached(line.message.media, line.id),
        client_id=line.client_id,
    )


def _clock(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%H:%M}"


def line_json(line: Shown, zone: ZoneInfo) -> dict[str, Any]:
    """One of our messages for the page's script."""
    message = line.message
    media = attached(message.media, line.id)
    return {
        "id": line.id,
        "at": _clock(line.at, zone),
        "stamp": line.at.isoformat(timespec="seconds"),
        "parts": [[p.text, p.href] if p.href else [p.text] for p in parts_of(message.text)],
        "rows": [[[b.label, b.press] for b in row] for row in _presses(message)],
        "card": _is_card(message),
        "links": [[b.label, b.url] for b in _links(message)],
        "clears": message.clears,
        "menu": [list(row) for row in message.menu],
        "file": message.document.filename if message.document else "",
        "media": [media.kind, media.href, media.label] if media else [],
        "replaces": message.replaces,
        "removes": message.removes,
        "unasked": line.unasked,
    }
