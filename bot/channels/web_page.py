"""The web chat's pages: whose chat it is, the templates, the assets, and the friendly words of each refusal.

Nothing here reads a request or knows who asks.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from bot.channels.web_view import ABOUT, ABOUT_LABEL, START, START_LABEL, fold, tel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.channels import web_demo
    from bot.messages import Shown

STATIC = Path(__file__).with_name("web_static")
MIME: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}

REFUSALS: Final = {  # why: (HTTP status, title, what to do next)
    "forged": (403, "Отворете чата отново", "Тази страница е остаряла. Казаното дотук е запазено."),
    "unclear": (400, "Нещо се обърка по пътя", "Върнете се в чата и опитайте пак."),
    "empty": (400, "Съобщението е празно", "Върнете се в чата и напишете няколко думи."),
    "too_large": (413, "Съобщението е твърде дълго", "Напишете го по-кратко, на две-три изречения."),
    "slow_down": (
        429,
        "Малко по-бавно, моля",
        "Получихме много съобщения наведнъж. Изчакайте малко и натиснете бутона.",
    ),
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
        return tel(self.phone) if self.phone else ""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that the page needs, and the hash of its content by which browsers may keep it for a year."""

    body: bytes
    mime: str
    digest: str


class Pages:
    """The templates and assets, read once at the start."""

    def __init__(self, title: Title, *, demo: bool = False) -> None:
        self.title = title
        self.zone = ZoneInfo(title.zone)
        files = [*STATIC.iterdir(), *((STATIC / "demo").iterdir() if demo else ())]
        self.assets = {path.name: _asset(path.name, path.read_bytes()) for path in files if path.suffix in MIME}
        self.assets["chat.webmanifest"] = _asset("chat.webmanifest", self._manifest())
        self._templates = Environment(
            loader=FileSystemLoader(STATIC),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(
            title=title,
            static=self.address,
            new_id=_new_id,
            start=START,
            start_label=START_LABEL,
            about=ABOUT,
            about_label=ABOUT_LABEL,
        )

    def address(self, name: str) -> str:
        """Where an asset is served; it changes with its content."""
        return f"/static/{name}?v={self.assets[name].digest}"

    def chat(
        self, lines: Sequence[Shown], *, csrf: str, code: str, chat: str, ribbon: web_demo.Shown | None = None
    ) -> str:
        """The chat page, in a demonstration with its ribbon."""
        view = fold(lines, self.zone)
        offer_start = not view.bubbles or bool(code)
        return self._chat.render(view=view, csrf=csrf, code=code, chat=chat, ribbon=ribbon, offer_start=offer_start)

    def sorry(self, why: str, fields: dict[str, str]) -> str:
        """A friendly page for a refusal; with `fields` its button tries the same message again."""
        _, heading, text = REFUSALS[why]
        return self._sorry.render(heading=heading, text=text, fields=fields)

    def render(self, template: str, **values: object) -> str:
        """Any other page of ours, by the name of its template."""
        return self._templates.get_template(template).render(**values)

    @cached_property
    def _chat(self) -> Template:
        return self._templates.get_template("chat.html")

    @cached_property
    def _sorry(self) -> Template:
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
