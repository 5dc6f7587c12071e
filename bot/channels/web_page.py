"""What the chat page shows: a transcript folded into bubbles, buttons and menu, as HTML and as JSON for the script.

Nothing here reads a request or knows who asks. Every text is plain: it reaches the page escaped by the template, or as
text nodes made by the script; no markup in it is ever interpreted.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from bot.messages import Button, Outgoing, Shown

STATIC = Path(__file__).with_name("web_static")
MIME: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json"}
START = "/start"
START_LABEL = "▶ Започни"

REFUSALS: Final = {  # why: (HTTP status, title, what to do next)
    "forged": (403, "Отворете чата отново", "Тази страница е остаряла. Казаното дотук е запазено."),
    "unclear": (400, "Нещо се обърка по пътя", "Върнете се в чата и опитайте пак."),
    "empty": (400, "Съобщението е празно", "Върнете се в чата и напишете няколко думи."),
    "too_large": (413, "Съобщението е твърде дълго", "Напишете го по-кратко, на две-три изречения."),
    "slow_down": (429, "Малко по-бавно, моля", "Получихме много съобщения наведнъж. Изчакайте малко и натиснете бутона."),
    "too_soon": (429, "Натиснете още веднъж", "Така знаем, че пише човек."),
    "busy": (503, "Сега не успяхме да запишем", "Съобщението Ви е тук. Изчакайте малко и натиснете бутона."),
    "gone": (404, "Този файл вече го няма", "Върнете се в чата и го поискайте отново."),
}


@dataclass(frozen=True, slots=True)
class Title:
    """Whose chat this is: what the page's header, strip and side text say."""

    name: str  # the municipality
    subtitle: str = ""  # what the chat is, in a few words
    funding: str = "Европейски съюз · Европейски социален фонд"  # beside the EU emblem; empty: no strip
    person: str = ""  # who answers the phone
    phone: str = ""  # as it shall be read; dialled without its spaces
    about: str = ""  # the project and its funding in full, beside the phone frame on a desk
    zone: str = "Europe/Sofia"  # in which times are shown

    @property
    def dial(self) -> str:
        """The phone as an address that dials, or an empty string."""
        return _tel(self.phone) if self.phone else ""


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
    links: tuple[Button, ...]  # what leads elsewhere, at any time
    file: str
    client_id: str


@dataclass(frozen=True, slots=True)
class View:
    """A whole chat."""

    bubbles: tuple[Bubble, ...]
    menu: tuple[tuple[str, ...], ...]
    last: int  # the newest outbox id that is on the page


# --- texts ---------------------------------------------------------------------------------------------------------------

_LINK = re.compile(
    r"(?P<url>https://[^\s<>\"„“”«»]+[^\s<>\"„“”«».,;:!?)\]…])"
    r"|(?<![\w+./-])(?P<tel>(?:\+|00)\d[\d \-/()]{6,18}\d|0\d[\d \-/()]{5,14}\d)(?![\w/-])"
)
_DIGITS = range(8, 14)  # a shorter number is a date or an hour, a longer one is no phone


def parts_of(text: str) -> tuple[Part, ...]:
    """Split a text where it holds https links and phone numbers."""
    found: list[Part] = []
    done = 0
    for match in _LINK.finditer(text):
        href = match["url"] or _tel(match["tel"])
        if not href:
            continue
        if match.start() > done:
            found.append(Part(text[done : match.start()]))
        found.append(Part(match[0], href))
        done = match.end()
    if done < len(text):
        found.append(Part(text[done:]))
    return tuple(found)


def _tel(number: str) -> str:
    digits = re.sub(r"\D", "", number)
    if len(digits) not in _DIGITS:
        return ""
    if digits.startswith("00"):
        return f"tel:+{digits[2:]}"
    return f"tel:{'+' if number.lstrip().startswith('+') else ''}{digits}"


def _safe(url: str) -> bool:
    return url.startswith(("https://", "tel:"))


# --- a transcript folded ---------------------------------------------------------------------------------------------------


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
        bubbles.append(_bubble(line, root, zone, day=today if today != day else "", active=line is active, labels=labels))
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
        roots[str(line.id)] = root
        kept[root] = line
    return list(kept.items())


def _active(kept: Sequence[tuple[str, Shown]]) -> Shown | None:
    """The message whose buttons wait for an answer: our last one with buttons since the person spoke."""
    for _, line in reversed(kept):
        if line.mine:
            return None
        if _presses(line.message):
            return line
    return None


def _presses(message: Outgoing) -> tuple[tuple[Button, ...], ...]:
    rows = (tuple(b for b in row if b.press and not b.shares_phone) for row in message.rows)
    return tuple(row for row in rows if row)


def _links(message: Outgoing) -> tuple[Button, ...]:
    return tuple(b for row in message.rows for b in row if b.url and _safe(b.url))


def _bubble(line: Shown, root: str, zone: ZoneInfo, *, day: str, active: bool, labels: dict[str, str]) -> Bubble:
    text = line.message.text
    if line.mine:
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
        links=_links(line.message),
        file=line.message.document.filename if line.message.document else "",
        client_id=line.client_id,
    )


def _clock(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%H:%M}"


def line_json(line: Shown, zone: ZoneInfo) -> dict[str, Any]:
    """One of our messages for the page's script."""
    message = line.message
    return {
        "id": line.id,
        "at": _clock(line.at, zone),
        "stamp": line.at.isoformat(timespec="seconds"),
        "parts": [[p.text, p.href] if p.href else [p.text] for p in parts_of(message.text)],
        "rows": [[[b.label, b.press] for b in row] for row in _presses(message)],
        "links": [[b.label, b.url] for b in _links(message)],
        "menu": [list(row) for row in message.menu],
        "file": message.document.filename if message.document else "",
        "replaces": message.replaces,
    }


# --- pages and assets --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that the page needs, and the hash of its content by which browsers may keep it for a year."""

    body: bytes
    mime: str
    digest: str


class Pages:
    """The templates and assets, read once at the start."""

    def __init__(self, title: Title) -> None:
        self.title = title
        self.zone = ZoneInfo(title.zone)
        self.assets = {path.name: _asset(path.name, path.read_bytes()) for path in STATIC.iterdir() if path.suffix in MIME}
        self.assets["chat.webmanifest"] = _asset("chat.webmanifest", self._manifest())
        self._templates = Environment(
            loader=FileSystemLoader(STATIC), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._templates.globals.update(title=title, static=self.address, new_id=_new_id, start=START, start_label=START_LABEL)

    def address(self, name: str) -> str:
        """Where an asset is served; it changes with its content."""
        return f"/static/{name}?v={self.assets[name].digest}"

    def chat(self, lines: Sequence[Shown], *, csrf: str, code: str, chat: str) -> str:
        """The chat page."""
        view = fold(lines, self.zone)
        return self._chat.render(view=view, csrf=csrf, code=code, chat=chat, offer_start=not view.bubbles or bool(code))

    def sorry(self, why: str, fields: dict[str, str]) -> str:
        """A friendly page for a refusal; with `fields` its button tries the same message again."""
        _, heading, text = REFUSALS[why]
        return self._sorry.render(heading=heading, text=text, fields=fields)

    @cached_property
    def _chat(self) -> Any:  # noqa: ANN401  # Jinja's template
        return self._templates.get_template("chat.html")

    @cached_property
    def _sorry(self) -> Any:  # noqa: ANN401
        return self._templates.get_template("sorry.html")

    def _manifest(self) -> bytes:
        shown: dict[str, Any] = {
            "name": self.title.name,
            "short_name": self.title.name,
            "lang": "bg",
            "start_url": "/",
            "display": "standalone",
            "background_color": "#f5f1e8",
            "theme_color": "#fffdf8",
            "icons": [{"src": "/static/icon.svg", "sizes": "any", "type": "image/svg+xml"}],
        }
        return json.dumps(shown, ensure_ascii=False).encode()


def _asset(name: str, body: bytes) -> Asset:
    return Asset(body, MIME[Path(name).suffix], hashlib.sha256(body).hexdigest()[:12])


def _new_id() -> str:
    return str(uuid.uuid4())
