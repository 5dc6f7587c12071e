"""The web chat: a page like the phone people know, served and received here.

Limits: text of 1,000 letters in, a body of 64 KiB, 20 messages a minute from one chat. Our own page is the platform, so
sending is waking the pages that are open; one that is not finds the message in the transcript later. Never imports
storage: the transcript is handed in. Nothing of a person is kept before their first message.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from bot.channels import Accept, Content, Unavailable, nothing_kept, web_files
from bot.channels.web_demo import Ribbon, Stage
from bot.channels.web_guard import (
    NUMBER,
    Buckets,
    Keys,
    Rates,
    Recent,
    Refused,
    chat_id,
    check_origin,
    internet_address,
    newest_seen,
    read_form,
    wants_json,
)
from bot.channels.web_live import Live, Pace, events
from bot.channels.web_page import REFUSALS, Pages, Title
from bot.channels.web_view import START, line_json
from bot.messages import Address, Delivery, Failure, Incoming, Kind, Limits, Sent, Shown
from bot.privacy import clean, hide_numbers

__all__ = ["Pace", "Rates", "Title", "Transcript", "WebChannel"]

Transcript = Callable[[Address, int], Awaitable[Sequence[Shown]]]
"""All lines of a chat in order; with an id above 0, only our messages with a greater outbox id."""
Clock = Callable[[], datetime]
Endpoint = Callable[[Request], Awaitable[Response]]

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_FIELDS = frozenset({"id", "text", "press", "shown", "code", "csrf"})
_RATES = Rates()
_PACE = Pace()
_TEXT_LIMIT = 4096  # what is too long is for the question to say
_PRESS_LIMIT = 64  # bytes, as on the other platforms: Button.press promises no more
_CLIENT_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_CODE = re.compile(r"[A-Za-z0-9_-]{1,64}")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class WebChannel:
    """The page, its forms and its live streams."""

    name = "web"
    limits = Limits(
        bulk_rate=5000.0,
        bulk_burst=500.0,
        chat_rate=50.0,
        chat_burst=100.0,
        concurrency=64,
        text_length=16_000,
        repeatable=True,
    )

    def __init__(
        self,
        accept: Accept,
        transcript: Transcript,
        *,
        secret: bytes,
        title: Title,
        content: Content = nothing_kept,
        site: str = "",
        secure: bool = False,
        clock: Clock = _utc_now,
        rates: Rates = _RATES,
        pace: Pace = _PACE,
        stage: Stage | None = None,
    ) -> None:
        self.link = f"{site.rstrip('/')}/?code=" if site else ""
        self._accept = accept
        self._transcript = transcript
        self._content = content
        # A cookie of its own: a demonstration on the same address must not take the real chat's away.
        self._keys = Keys(secret, secure, "demo" if stage else "chat")
        self._pages = Pages(title, demo=stage is not None)
        self._ribbon = Ribbon(stage, self._keys, self._pages.zone) if stage else None
        self._clock = clock
        self._pace = pace
        self._form_age = rates.form_age
        self._chat_rate = Buckets(rates.chat_burst, rates.chat_each)
        self._hard_rate = Buckets(rates.hard_burst, rates.hard_each)
        self._newcomer_rate = Buckets(rates.newcomers_burst, rates.newcomers_each)
        self._known = Recent()
        self._live = Live()
        self._headers = _HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if secure else {})

    # --- the channel contract ---

    def routes(self) -> Sequence[BaseRoute]:
        """The page and everything it calls."""
        return [
            Route("/", self._guarded(self._page), methods=["GET"]),
            Route("/chat/send", self._guarded(self._send), methods=["GET", "POST"]),
            Route("/chat/live", self._guarded(self._stream), methods=["GET"]),
            Route("/chat/messages", self._guarded(self._messages), methods=["GET"]),
            Route("/chat/file/{id}", self._guarded(self._file), methods=["GET"]),
            Route("/chat/media/{id}", self._guarded(self._media), methods=["GET"]),
            Route("/static/{name}", self._guarded(self._static), methods=["GET"]),
            Route("/favicon.ico", self._guarded(self._icon), methods=["GET"]),
            *(self._ribbon.routes(self._guarded) if self._ribbon else ()),
        ]

    async def run(self) -> None:
        """End the open streams when cancelled: a server waits for them before it stops."""
        try:
            await asyncio.Event().wait()
        finally:
            await self.close()

    async def send(self, delivery: Delivery) -> Sent | Failure:
        """Wake this chat's open pages."""
        self._live.wake(delivery.address)
        return Sent(platform_id=str(delivery.id))

    async def close(self) -> None:
        """End the open streams."""
        self._live.close()

    # --- receive ---

    async def _send(self, request: Request) -> Response:
        if request.method != "POST":
            return RedirectResponse("/", status_code=303)  # a refusal's page, opened again by its address
        check_origin(request)
        token = self._keys.token_of(request)
        if not token:
            raise Refused("forged")
        now = self._clock().timestamp()
        if self._hard_rate.take(token, now):
            raise Refused("slow_down", retry_after=60)
        form = await read_form(request)
        made = self._keys.form_made(token, form.get("csrf", ""))
        incoming = _incoming(form, token, self._clock())
        again = {name: value for name, value in form.items() if name in _FIELDS}
        if wait := self._chat_rate.take(token, now):
            raise Refused("slow_down", retry_after=wait, fields=again)
        try:
            if token not in self._known:
                await self._greet(request, token, now - made, again)
            await self._accept(incoming)
        except Unavailable:
            raise Refused("busy", retry_after=2, fields=again) from None
        self._known.add(token)
        if wants_json(request):
            # A number that we took out shall not stay on the screen either: on a borrowed phone others would read it.
            return JSONResponse({"ok": True, "text": incoming.text} if incoming.hidden else {"ok": True})
        code = form.get("code", "")
        kept = f"/?code={code}" if incoming.kind is not Kind.START and _CODE.fullmatch(code) else "/"
        return RedirectResponse(kept, status_code=303)

    async def _greet(self, request: Request, token: str, form_age: float, again: dict[str, str]) -> None:
        """Before somebody new is stored: a sign of life, and no flood of newcomers from one place."""
        if await self._transcript(Address(self.name, token), 0):
            return
        if form_age < self._form_age and request.headers.get("x-chat") != "1":
            raise Refused("too_soon", retry_after=1, fields=again)
        if wait := self._newcomer_rate.take(internet_address(request), self._clock().timestamp()):
            raise Refused("slow_down", retry_after=wait, fields=again)

    # --- show ---

    async def _page(self, request: Request) -> Response:
        known = self._keys.token_of(request) or (self._ribbon.first if self._ribbon else "")
        token = known or self._keys.new_token()
        lines = await self._transcript(Address(self.name, token), 0) if known else ()
        code = request.query_params.get("code", "")
        body = self._pages.chat(
            lines,
            csrf=self._keys.form_token(token, self._clock().timestamp()),
            code=code if _CODE.fullmatch(code) else "",
            chat=chat_id(token),
            ribbon=self._ribbon.shown(token) if self._ribbon else None,
        )
        response = Response(body, media_type="text/html", headers={"Cache-Control": "no-store"})
        self._keys.give(response, token)
        return response

    async def _messages(self, request: Request) -> Response:
        address = self._address(request)
        lines = await self._newer(address, newest_seen(request))
        return JSONResponse([line for _, line in lines], headers={"Cache-Control": "no-store"})

    async def _stream(self, request: Request) -> Response:
        address = self._address(request)
        after = newest_seen(request)
        if self._live.full:
            raise Refused("busy", retry_after=30)

        async def read(newest: int) -> Sequence[tuple[int, str]]:
            try:
                return [(number, _compact(line)) for number, line in await self._newer(address, newest)]
            except Unavailable:
                return []  # the stream asks again soon, and the page keeps what it has

        async def body() -> Any:  # an async generator of str
            with self._live.listen(address) as stream:
                async for chunk in events(stream, after, read, self._pace):
                    yield chunk

        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(body(), media_type="text/event-stream", headers=headers)

    async def _newer(self, address: Address, after: int) -> Sequence[tuple[int, dict[str, Any]]]:
        lines = await self._transcript(address, after)
        return [(line.id, line_json(line, self._pages.zone)) for line in lines if not line.mine and line.id > after]

    async def _file(self, request: Request) -> Response:
        line = await self._line(request)
        if not line.message.document:
            raise Refused("gone")
        return web_files.document(line.message.document)

    async def _media(self, request: Request) -> Response:
        """A picture, a voice note or a file, for nobody but the chat that got it."""
        media = (await self._line(request)).message.media
        found = (media.data or (await self._content(media.number) if media.number else None)) if media else None
        if media is None or not found:
            raise Refused("gone")
        return web_files.content(media, found, request.headers.get("range", ""))

    async def _line(self, request: Request) -> Shown:
        """The line of ours that an address names, if it stands in this chat and was not taken away again."""
        address, wanted = self._address(request), request.path_params["id"]
        if not NUMBER.fullmatch(wanted):
            raise Refused("gone")
        lines = [line for line in await self._transcript(address, max(0, int(wanted) - 1)) if not line.mine]
        found = next((line for line in lines if line.id == int(wanted)), None)
        if found is None or any(line.message.removes == str(found.id) for line in lines):
            raise Refused("gone")
        return found

    async def _static(self, request: Request) -> Response:
        asset = self._pages.assets.get(request.path_params["name"])
        if asset is None:
            return PlainTextResponse("", status_code=404)
        named = request.query_params.get("v") == asset.digest
        keep = "public, max-age=31536000, immutable" if named else "no-cache"
        headers = {"Cache-Control": keep, "ETag": f'"{asset.digest}"'}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(asset.body, media_type=asset.mime, headers=headers)

    async def _icon(self, request: Request) -> Response:
        request.path_params["name"] = "icon.svg"
        return await self._static(request)

    # --- small ---

    def _address(self, request: Request) -> Address:
        token = self._keys.token_of(request)
        if not token:
            raise Refused("forged")
        return Address(self.name, token)

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        """Every answer carries the security headers, and every refusal is friendly."""

        async def guarded(request: Request) -> Response:
            try:
                response = await endpoint(request)
            except Refused as refused:
                response = self._refusal(request, refused)
            except Unavailable:
                response = self._refusal(request, Refused("busy", retry_after=2))
            response.headers.update(self._headers)
            return response

        return guarded

    def _refusal(self, request: Request, refused: Refused) -> Response:
        status, heading, text = REFUSALS[refused.why]
        headers = {"Cache-Control": "no-store"}
        if refused.retry_after:
            headers["Retry-After"] = str(max(1, round(refused.retry_after + 0.5)))
        if wants_json(request):
            return JSONResponse({"ok": False, "error": refused.why, "text": f"{heading}. {text}"}, status, headers)
        return Response(self._pages.sorry(refused.why, refused.fields), status, headers, "text/html")


def _incoming(form: dict[str, str], token: str, now: datetime) -> Incoming:
    """What a form says. Raises Refused for what our page cannot have sent."""
    client_id, press, shown = form.get("id", ""), form.get("press", ""), form.get("shown", "")
    if not _CLIENT_ID.fullmatch(client_id) or len(press.encode()) > _PRESS_LIMIT or not press.isprintable():
        raise Refused("unclear")
    key = f"web:{chat_id(token)}:{client_id}"
    address = Address("web", token)
    if press.partition(" ")[0] == START:
        code, hidden = _code(press.removeprefix(START).strip() or form.get("code", ""))
        return Incoming(key, address, Kind.START, text=code, hidden=hidden, sent_at=now)
    if press:
        shown = shown if NUMBER.fullmatch(shown) else ""
        return Incoming(key, address, Kind.PRESS, press=press, shown=shown, sent_at=now)
    text, hidden = hide_numbers(clean(form.get("text", ""), limit=_TEXT_LIMIT))
    if not text.strip():
        raise Refused("empty")
    return Incoming(key, address, Kind.TEXT, text=text, hidden=hidden, sent_at=now)


def _code(given: str) -> tuple[str, tuple[str, ...]]:
    """A code of a link, or nothing and the kinds of personal numbers that made it unfit to be kept."""
    if not _CODE.fullmatch(given):
        return "", ()
    _, hidden = hide_numbers(given)
    return "" if hidden else given, hidden


def _compact(line: dict[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"))
