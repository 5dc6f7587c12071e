"""Links of ours by which a platform, or a person, fetches what cannot be handed over: pictures, notes and files.

Whoever has a link can open it, so it is signed, and nothing is looked up before the signature is known to be ours. What
was sent to many has one link for all of them. A platform draws previews of links: nothing personal is given to a GET.
Never imports storage: contents and messages are handed in.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from weakref import WeakValueDictionary
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.alphabets import fold
from bot.channels import Content, Unavailable, web_files
from bot.channels.public_picture import redrawn, to_be_redrawn
from bot.channels.web_page import Pages, Title
from bot.kinds import UNKNOWN, ending_of, mime_of
from bot.messages import Delivery, Document, Media, Outgoing

Message = Callable[[int], Awaitable[Outgoing | None]]
"""The message of an outbox row; None where there is none (any more). Raises Unavailable."""
Clock = Callable[[], datetime]

PERSONAL = timedelta(hours=24)  # how long a link to somebody's own data lives
KEPT = timedelta(minutes=1)  # what was erased is shown no longer than that
REFUSALS: Final = {  # why: (HTTP status, title, what to do next)
    "unknown": (404, "Този адрес не е пълен", "Отворете го още веднъж от съобщението ни в чата."),
    "old": (410, "Този адрес вече не важи", "Личните файлове се свалят до един ден. В чата го поискайте отново."),
    "gone": (410, "Това вече не се пази", "Пишете ни в чата, ако Ви трябва. Ще помогнем."),
    "busy": (503, "Сега не успяхме да го отворим", "Изчакайте малко и опитайте пак."),
}
_CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_PRIVATE, _NEVER = "private, max-age=3600", "no-store"
_LARGEST = 12_000_000  # bytes; no content that is kept has more
_SIGNATURE = 18  # bytes: 144 bits, and 24 letters
_LETTERS = 24  # of a file's own name
_PATH = re.compile(
    r"(?P<what>(?P<role>[padfv])(?P<source>[nr])(?P<number>[0-9]{1,18})(?:-(?P<until>[0-9a-f]{1,10}))?)"
    r"\.(?P<sign>[A-Za-z0-9_-]{24})/(?P<name>[a-z0-9-]{1,30}(?:\.[a-z0-9]{1,5})?)"
)
_ENDING = re.compile(r"\.[a-z0-9]{1,5}")
_ROLES: Final = {"photo": "p", "voice": "a", "document": "f"}
_KINDS: Final = {role: kind for kind, role in _ROLES.items()}
_CALENDAR = "text/calendar"


_Key = tuple[int, bool]  # a media's number, and whether it is wanted as a picture


class _Refused(Exception):
    """A link that leads nowhere, and why: a key of REFUSALS."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a link names. Role: a picture, a sound, a file, a personal document, the page of a voice note."""

    role: str  # p a f d v
    by_row: bool  # by outbox row; otherwise by the number of a media
    number: int
    name: str
    until: datetime | None = None  # a personal document's link lives so long

    @property
    def what(self) -> str:
        """As it stands in the address, before the signature."""
        until = f"-{int(self.until.timestamp()):x}" if self.until else ""
        return f"{self.role}{'r' if self.by_row else 'n'}{self.number}{until}"


class Public:
    """Makes the links and answers them."""

    def __init__(
        self, site: str, secret: bytes, content: Content, message: Message, *, title: Title, clock: Clock | None = None
    ) -> None:
        """Take the public address of the site, a secret of its own, and where contents and messages are read."""
        self._site = site.rstrip("/")
        self._secret, self._content, self._message = secret, content, message
        self._clock = clock or _utc_now
        self._headers = _HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if site[:5] == "https" else {})
        self._pages = Pages(title)
        self._zone = ZoneInfo(title.zone)
        # Together at most 28 MB: a player asks for a long note piece by piece, and each piece would be read whole.
        self._kept, self._large = _Kept(16, 1_000_000), _Kept(1, _LARGEST)
        self._reading: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._drawing = asyncio.Lock()  # one large picture at a time: each takes some fifty megabytes

    # --- links ---

    def link(self, delivery: Delivery, content: bytes | None) -> str:
        """The address of the document or media that a row brings, under 120 letters for a site's name under 40.

        Whoever gets the same media gets the same address; a drawing and a document are addressed by their row. It ends
        as the content's first bytes say: .jpg, .png or .gif where it is a picture that a messenger draws. `content`:
        what is kept under the media's number; None where that is not known, and the name is made from what the sender
        said. ValueError where the row brings neither.
        """
        document, media = delivery.message.document, delivery.message.media
        if document:
            return self._address(self._of_document(delivery.id, document))
        if media is None:
            raise ValueError("a message that brings nothing has no address")
        by_row, number = (False, media.number) if media.number else (True, delivery.id)
        role = _ROLES.get(media.kind, "f")
        return self._address(_Wanted(role, by_row, number, _name(media, media.data or content)))

    def player(self, delivery: Delivery) -> str:
        """The address of the page that plays the voice note that a row brings. ValueError where it brings none."""
        media = delivery.message.media
        if media is None or media.kind != "voice":
            raise ValueError("only a voice note has a page that plays it")
        by_row, number = (False, media.number) if media.number else (True, delivery.id)
        return self._address(_Wanted("v", by_row, number, "chuite"))

    def _of_document(self, row: int, document: Document) -> _Wanted:
        name = _slug(document.filename)
        if document.mime == _CALENDAR:
            return _Wanted("f", True, row, name)
        return _Wanted("d", True, row, name, self._clock() + PERSONAL)

    def _address(self, wanted: _Wanted) -> str:
        return f"{self._site}{self._path(wanted)}"

    def _path(self, wanted: _Wanted) -> str:
        return f"/f/{wanted.what}.{self._sign(wanted.what, wanted.name)}/{wanted.name}"

    def _sign(self, what: str, name: str) -> str:
        signature = hmac.digest(self._secret, f"{what}/{name}".encode(), "sha256")[:_SIGNATURE]
        return base64.urlsafe_b64encode(signature).decode()

    # --- answers ---

    def routes(self) -> Sequence[BaseRoute]:
        """Everything below /f/; a HEAD is answered like its GET."""
        return [Route("/f/{rest:path}", self._answer, methods=["GET", "POST"])]

    async def _answer(self, request: Request) -> Response:
        try:
            response = await self._found(request)
        except _Refused as refused:
            response = self._sorry(str(refused))
        except Unavailable:
            response = self._sorry("busy")
        response.headers.update(self._headers)
        return response

    async def _found(self, request: Request) -> Response:
        wanted = self._read(request.path_params["rest"])
        if wanted.role == "d":
            return await self._personal(wanted, asked_for=request.method == "POST")
        if request.method == "POST":
            return Response("", 405, headers={"Allow": "GET, HEAD", "Cache-Control": _NEVER})
        if wanted.role == "v":
            return await self._player(wanted)
        return await self._media(wanted, request.headers.get("range", ""))

    def _read(self, path: str) -> _Wanted:
        """What a path names. Refused unless we signed it, and it may still be used."""
        match = _PATH.fullmatch(path)
        if match is None or not hmac.compare_digest(match["sign"], self._sign(match["what"], match["name"])):
            raise _Refused("unknown")
        until = datetime.fromtimestamp(int(match["until"], 16), UTC) if match["until"] else None
        if until and until <= self._clock():
            raise _Refused("old")
        return _Wanted(match["role"], match["source"] == "r", int(match["number"]), match["name"], until)

    async def _personal(self, wanted: _Wanted, *, asked_for: bool) -> Response:
        """Somebody's own data: a page first, because a messenger opens every link to draw a preview of it."""
        message = await self._message(wanted.number)
        if message is None or message.document is None:
            raise _Refused("gone")
        if asked_for:
            return web_files.document(message.document)
        until = f"{(wanted.until or self._clock()).astimezone(self._zone):%d.%m.%Y, %H:%M}"
        return self._page("personal.html", heading="Вашият файл", until=until)

    async def _player(self, wanted: _Wanted) -> Response:
        found = await self._read_content(wanted)
        name = f"voice{ending_of(mime_of(found))}"
        sound = _Wanted("a", wanted.by_row, wanted.number, name)
        return self._page("player.html", heading="Гласово съобщение", sound=self._path(sound))

    async def _media(self, wanted: _Wanted, asked: str) -> Response:
        if wanted.by_row and wanted.role == "f":
            message = await self._message(wanted.number)
            if message and message.document and message.document.mime == _CALENDAR:
                return web_files.document(message.document)
        found = await self._read_content(wanted)
        media = Media(_KINDS[wanted.role], filename=wanted.name)
        response = web_files.content(media, found, asked)
        response.headers["Cache-Control"] = _NEVER if wanted.by_row else _PRIVATE
        return response

    async def _read_content(self, wanted: _Wanted) -> bytes:
        """The bytes behind a link, a picture as a messenger takes it. Refused where they are kept no longer."""
        if wanted.by_row:
            message = await self._message(wanted.number)
            found = message.media.data if message and message.media else None
            return await self._fit(wanted, found)
        lock = self._reading.setdefault(wanted.number, asyncio.Lock())
        async with lock:  # a thousand phones open the same picture at once: the first one reads it
            now, key = self._clock(), (wanted.number, wanted.role == "p")
            if (known := self._kept.get(key, now) or self._large.get(key, now)) is not None:
                return known
            found = await self._fit(wanted, await self._content(wanted.number))
            (self._kept if self._kept.takes(found) else self._large).put(key, found, now)
            return found

    async def _fit(self, wanted: _Wanted, found: bytes | None) -> bytes:
        if not found:
            raise _Refused("gone")
        if wanted.role != "p" or not to_be_redrawn(found):
            return found
        async with self._drawing:
            return await asyncio.to_thread(redrawn, found)

    # --- pages ---

    def _page(self, template: str, status: int = 200, **values: object) -> Response:
        headers = {"Cache-Control": _NEVER}
        return Response(self._pages.render(template, **values), status, media_type="text/html", headers=headers)

    def _sorry(self, why: str) -> Response:
        status, heading, text = REFUSALS[why]
        response = self._page("public.html", status, heading=heading, text=text, again=why == "busy")
        if why == "busy":
            response.headers["Retry-After"] = "2"
        return response


class _Kept:
    """Contents that are asked for by many, or in many pieces, at once: some, each of a bounded size, for a minute."""

    def __init__(self, size: int, largest: int) -> None:
        self._size, self._largest = size, largest
        self._there: OrderedDict[_Key, tuple[datetime, bytes]] = OrderedDict()

    def get(self, key: _Key, now: datetime) -> bytes | None:
        """What was put there lately."""
        at, found = self._there.get(key, (now, None))
        return found if now - at < KEPT else None

    def takes(self, found: bytes) -> bool:
        """Whether it is no larger than what is kept here."""
        return len(found) <= self._largest

    def put(self, key: _Key, found: bytes, now: datetime) -> None:
        """Keep it, and drop what is old, or the oldest of too many."""
        self._there.pop(key, None)
        while self._there and (len(self._there) >= self._size or now - next(iter(self._there.values()))[0] >= KEPT):
            self._there.popitem(last=False)
        if self.takes(found):
            self._there[key] = (now, found)


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _name(media: Media, content: bytes | None) -> str:
    """What the address of a media ends with."""
    mime = mime_of(content) if content else media.mime
    ending = ending_of(mime)
    if media.kind == "photo":
        again = to_be_redrawn(content) if content else ending not in (".png", ".gif")
        return f"photo{'.jpg' if again else ending}"
    if media.kind == "voice":
        return f"voice{ending or ('' if content else '.ogg')}"
    return _slug(media.filename or "file", ending if mime != UNKNOWN else "")


def _slug(filename: str, ending: str = "") -> str:
    """A file's name in Latin letters: `plan-za-sreshtata.pdf`. What its content says wins over its own ending."""
    stem, dot, last = filename.rpartition(".")
    own = f".{last.lower()}" if dot and _ENDING.fullmatch(f".{last.lower()}") else ""
    said = stem if own else filename
    latin = re.sub(r"[^a-z0-9]+", "-", said.lower() if said.isascii() else fold(said))[:_LETTERS].strip("-")
    return f"{latin or 'file'}{ending or own}"
