"""Viber: limits, receive by webhook, send to one and to many.

Must never acknowledge a callback before what follows from it is kept (but for a welcome, which is given after two
seconds in any case: `_greet`), never parse anything of a stranger's, never repeat a request, and never log the token, a
text, a name or an id. The error table is `viber_wire.meaning`.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Protocol
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from yarl import URL

from bot.channels import Accept, Content, Report, Unavailable, nothing_kept, webhook
from bot.channels import viber_keyboard as keys
from bot.channels.fields import Ignored, Malformed
from bot.channels.viber_event import CHANNEL, Opened, read_callback, seen_in, typed_in
from bot.channels.viber_people import People
from bot.channels.viber_run import CHECK_SECONDS, receive
from bot.channels.viber_wire import TOGETHER, Answer, Api, Refused, Result, Status, meaning
from bot.channels.wire import ANSWER_SECONDS
from bot.lengths import units
from bot.messages import Delivery, Failure, Incoming, Kind, Lane, Limits, Media, Outgoing, Receipt, Sent

__all__ = ["API_URL", "LIMITS", "Public", "ViberChannel", "Welcome"]

API_URL: Final = "https://chatapi.viber.com/pa"
TEXT: Final = 7000  # letters; counted in UTF-16 units, the stricter reading
CAPTION: Final = 768
NAME: Final = 28
# Viber publishes no rate for send_message: a careful one. broadcast_message: 500 requests in 10 s, far above it.
LIMITS: Final = Limits(
    bulk_rate=20.0, bulk_burst=20.0, chat_rate=1.0, chat_burst=20.0, concurrency=16, together=TOGETHER, text_length=TEXT
)
SIGNATURE: Final = "x-viber-content-signature"
_SIGNED: Final = re.compile(r"[0-9a-f]{64}")  # lower-case hex of HMAC-SHA256
WELCOME_SECONDS: Final = 2.0  # of the five that Viber waits
NO_BROADCASTS: Final = 3600.0  # seconds until broadcast_message is tried again after it was refused
FIRST_WORDS: Final = 3.0  # seconds after which a reply is tried again to whom Viber does not count as subscribed yet
LISTED: Final = 600.0  # seconds that one chat rests when a broadcast's list says "too many" of it alone
ALONE: Final = 60.0  # seconds that one chat rests when a send is refused so; whoever writes meanwhile waits too
WAITED_FOR: Final = 10.0  # the same for a reply
SEVERAL: Final = 3  # people refused so within a minute: it is about all that we send, not about one chat's hundred
BACK_OFF: Final = (2.0, 4.0, 8.0, 15.0, 30.0, 60.0)  # seconds that bulk rests then
# What a whole broadcast is not refused for, or only by a fault: one by one each learns what is true of it alone.
_ONE_BY_ONE: Final = frozenset(
    {
        *(Status.CANNOT_BROADCAST, Status.BROADCAST_NOT_ALLOWED, Status.NOT_REGISTERED, Status.NOT_SUBSCRIBED),
        *(Status.NO_DEVICE, Status.API_VERSION, Status.UNSUPPORTED_COUNTRY),
    }
)
OPEN: Final = "📄 Отворете"
NO_BUTTON: Final = "Няма бутон? Натиснете тук:"
_PICTURES: Final = (".jpg", ".jpeg", ".png", ".gif")
_NOT_HERE: Final = Failure("bad_media", "its content is not here yet", retryable=True)

log = logging.getLogger(__name__)


class Public(Protocol):
    """Links of ours, for what Viber must fetch."""

    def link(self, delivery: Delivery, content: bytes | None) -> str:
        """The address of what a message brings."""
        ...

    def player(self, delivery: Delivery) -> str:
        """The page on which a voice note is heard."""
        ...

    def routes(self) -> Sequence[BaseRoute]:
        """What answers them."""
        ...


@dataclass(frozen=True, slots=True)
class Welcome:
    """What whoever opens the chat sees before they may be written to."""

    text: str
    button: str


class ViberChannel:
    """One bot. ValueError, with a sentence for whoever runs the service, on a name that is too long."""

    name: str = CHANNEL
    limits: Limits = LIMITS

    def __init__(
        self,
        token: str,
        accept: Accept,
        report: Report,
        *,
        name: str,
        public_url: str,
        path_secret: str,
        welcome: Welcome,
        public: Public,
        content: Content = nothing_kept,
        api_url: str = API_URL,
        answer_seconds: float = ANSWER_SECONDS,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if not 0 < len(name) <= NAME:
            raise ValueError(f"BOT_VIBER_NAME must be 1 to {NAME} characters.")
        self._key = token.encode()
        self._bot = sha256(self._key).hexdigest()[:12]  # two bots of one database are told apart, and nobody learns how
        self._accept, self._report, self._content = accept, report, content
        self._sender = {"name": name}
        self._welcome, self._public = welcome, public
        self._api = Api(token, api_url.rstrip("/"), answer_seconds)
        self._origin = URL(api_url).origin()
        self._path = f"/viber/{path_secret}"
        self._url = f"{public_url.rstrip('/')}{self._path}"
        self._ours = f"{public_url.rstrip('/')}/f/"  # what our links begin with; see bot.channels.public
        self._clock, self._pause = clock, pause
        self._people = People(clock)
        self._uri = ""
        self._single_until = 0.0
        self._refusals = 0  # "too many", one after the other
        self._look = asyncio.Event()

    @property
    def link(self) -> str:
        """Of the bot, once Viber has told its `uri`. Opens only where Viber is installed."""
        return f"viber://pa?chatURI={quote(self._uri, safe='')}&context=" if self._uri else ""

    @property
    def together(self) -> int:
        """To how many one call may bring the same: one, while Viber refuses broadcasts to this bot."""
        return 1 if self._clock() < self._single_until else TOGETHER

    def routes(self) -> Sequence[BaseRoute]:
        """The webhook, and what we link to."""
        return [Route(self._path, self._receive, methods=["POST"]), *self._public.routes()]

    async def run(self) -> None:
        """See that callbacks come here, at once and every hour, and when Viber says that they do not."""
        anew = False
        while True:
            self._uri = await receive(self._api, self._url, self._pause, anew=anew) or self._uri
            log.info("Viber: receiving")
            self._look.clear()
            anew = False
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    await self._look.wait()
            except TimeoutError:
                continue
            anew = True
            await self._pause(1.0)

    async def close(self) -> None:
        """Release connections. Safe to call twice."""
        await self._api.close()

    # Receive

    async def _receive(self, request: Request) -> Response:
        """The webhook. No body is read where no signature can be, and none as JSON before it is known to be Viber's."""
        given = request.headers.get(SIGNATURE, "")
        if not _SIGNED.fullmatch(given):
            return self._refuse()
        body = await webhook.read(request)
        if isinstance(body, Response):
            return body
        if not self._is_signed(body, given):
            return self._refuse()
        try:
            return await self._take(webhook.parsed(body), len(body))
        except Unavailable:
            return Response(status_code=503)

    def _refuse(self) -> Response:
        log.warning("Viber webhook: a request without the right signature was refused")
        return Response(status_code=403)

    def _is_signed(self, body: bytes, given: str) -> bool:
        """Over the raw body, as Viber sends it, and nothing that is merely alike."""
        return hmac.compare_digest(hmac.new(self._key, body, "sha256").hexdigest(), given)

    async def _take(self, raw: object, size: int) -> Response:
        """Hand one callback over; what cannot be read is done with. Raises Unavailable."""
        read = raw if isinstance(raw, Malformed) else read_callback(raw, self._bot)
        self._note(raw, read)
        if isinstance(read, Incoming) and read.kind is Kind.TEXT and self._is_link(typed_in(raw).strip()):
            read = Ignored("a link of ours was opened")
        match read:
            case Malformed(reason):
                log.warning("Viber: a callback of %d bytes cannot be read: %s", size, reason)
            case Ignored(reason):
                log.info("Viber: nothing follows from a callback: %s", reason)
            case Opened(event):
                return await self._greet(event)
            case Receipt():
                await self._report(read)
            case Incoming():
                await self._accept(read)
        return Response()

    def _is_link(self, typed: str) -> bool:
        """Whether it is the address of a button that opens a page: Viber sends it as if it had been typed.

        Whoever has one of our own pages' may read somebody's data by it: it is nobody's words, and is kept nowhere.
        """
        return typed.startswith(self._ours) or self._people.was_linked(typed)

    def _note(self, raw: object, read: object) -> None:
        """What is remembered of a person only as long as this process lives."""
        seen = seen_in(raw)
        if seen is not None and not isinstance(read, Malformed):
            self._people.met(seen.user, seen.api_version, wrote=isinstance(read, Incoming))

    async def _greet(self, event: Incoming) -> Response:
        """The welcome is the answer to this very call, and whoever looks at an empty chat waits for it.

        Where they came from is kept if that can be done in time; if not, „Започни“ brings it again.
        """
        try:
            async with asyncio.timeout(WELCOME_SECONDS):
                await self._accept(event)
        except (Unavailable, TimeoutError) as error:
            log.warning("Viber: somebody was welcomed, and could not be kept: %s", type(error).__name__)
        keyboard = keys.begin(self._welcome.button, event.text)
        return JSONResponse({**self._text(self._welcome.text), "keyboard": keyboard})

    # Send

    async def send(self, delivery: Delivery) -> Sent | Failure:
        """One message to one person. Never repeats, never raises for Viber's sake."""
        user = delivery.address.external
        if wait := self._people.full(user) if delivery.lane is not Lane.REPLY else 0.0:
            return Failure("too_many_requests", "an hour's messages without a reply", retryable=True, rest=wait)
        body = await self._body_of(delivery, shares=self._people.shares_phone(user))
        if isinstance(body, Failure):
            return body
        result = await self._api.send_message(user, body)
        if isinstance(result, Answer):
            self._people.sent(user)
            self._refusals = 0
            return Sent(result.message_token, result.billing)
        return self._refused(delivery, result)

    async def send_together(self, deliveries: Sequence[Delivery]) -> Sequence[Sent | Failure]:
        """The same message to many in one call; whom it does not reach, Viber names."""
        full = {d.id: self._people.full(d.address.external) for d in deliveries}
        going = [d for d in deliveries if not full[d.id]]
        outcomes: dict[int, Sent | Failure] = {
            number: Failure("too_many_requests", "an hour's messages without a reply", retryable=True, rest=wait)
            for number, wait in full.items()
            if wait
        }
        if going:
            shares = all(self._people.shares_phone(d.address.external) for d in going)
            body = await self._body_of(going[0], shares=shares)
            outcomes |= dict.fromkeys((d.id for d in going), body) if isinstance(body, Failure) else {}
            if not isinstance(body, Failure):
                result = await self._api.broadcast_message([d.address.external for d in going], body)
                outcomes |= self._came_of(going, result)
        return [outcomes[d.id] for d in deliveries]

    def _came_of(self, going: Sequence[Delivery], result: Result) -> Mapping[int, Sent | Failure]:
        if isinstance(result, Refused):
            if result.status in _ONE_BY_ONE:
                self._single_until = self._clock() + NO_BROADCASTS
                log.warning("Viber refused a broadcast (status %d): one by one for an hour", result.status)
                return dict.fromkeys((d.id for d in going), Failure("no_broadcast", retryable=True))
            all_of_it = result.status == Status.TOO_MANY
            refused = self._back_off(result.failure) if all_of_it else self._refused(going[0], result)
            return dict.fromkeys((d.id for d in going), refused)  # one call, one refusal
        self._refusals = 0
        failed, sent = result.failed, Sent(result.message_token, result.billing, shared=True)
        for d in going:
            if d.address.external not in failed:
                self._people.sent(d.address.external)
        return {d.id: self._listed(d, failed[user]) if (user := d.address.external) in failed else sent for d in going}

    def _listed(self, delivery: Delivery, status: int) -> Failure:
        """Of whom a broadcast's list says that it does not reach them. "Too many" is there about them alone."""
        if status == Status.TOO_MANY:
            wait = self._people.full(delivery.address.external) or LISTED
            return Failure(meaning(status).code, "an hour's messages without a reply", retryable=True, rest=wait)
        return self._refused(delivery, Refused(meaning(status), status))

    def _refused(self, delivery: Delivery, result: Refused) -> Failure:
        """What a refusal means, with what we know of this person and of what went before."""
        user, failure = delivery.address.external, result.failure
        match result.status:
            case Status.NOT_SUBSCRIBED if delivery.lane is Lane.REPLY and self._people.first_try(delivery.id):
                # Seen right after somebody's very first message: their subscription was on its way.
                return Failure("not_subscribed_yet", retryable=True, rest=FIRST_WORDS)
            case Status.TOO_MANY:
                wait = self._people.full(user)
                if not wait and self._people.refused(user) >= SEVERAL:
                    return self._back_off(failure)
                # Most likely this chat's own hundred: a restart forgets how many it was sent, and Viber does not.
                wait = wait or (WAITED_FOR if delivery.lane is Lane.REPLY else ALONE)
                return Failure(failure.code, "an hour's messages without a reply", retryable=True, rest=wait)
            case Status.API_VERSION:
                if not self._people.shares_phone(user):
                    return Failure(failure.code, "the app is too old for any of our messages")
                self._people.met(user, 1, wrote=False)
            case Status.NO_WEBHOOK:
                self._look.set()
        return failure

    def _back_off(self, failure: Failure) -> Failure:
        """Viber takes no more now, from anybody: nothing of our own accord goes for a while, ever longer."""
        self._refusals += 1
        again = BACK_OFF[min(self._refusals, len(BACK_OFF)) - 1]
        return Failure(failure.code, failure.text, retryable=True, retry_after=again)

    async def _body_of(self, delivery: Delivery, *, shares: bool) -> Mapping[str, Any] | Failure:
        """What send_message takes, without the receiver."""
        message = delivery.message
        if message.removes:
            return Failure("cannot_delete", "Viber takes nothing back")
        try:
            shown = await self._shown(delivery, message)
        except Unavailable:
            return Failure("not_sent", "a content could not be read", retryable=True)
        if isinstance(shown, Failure):
            return shown
        text, first = str(shown.get("text", "")), shown.pop("opens", None)
        if units(text) > (CAPTION if shown["type"] == "picture" else TEXT):
            return Failure("too_long", "the text is longer than Viber takes")
        keyboard = keys.keyboard(message, shares=shares, first=first)
        for url in keys.opened(keyboard):
            self._people.linked(url)
        version = keys.version(keyboard)
        newer = {"min_api_version": version} if version > 1 else {}
        return {**shown, **newer, **({"keyboard": keyboard} if keyboard else {})}

    async def _shown(self, delivery: Delivery, message: Outgoing) -> dict[str, Any] | Failure:
        """The message itself; what cannot be handed over is a link of ours."""
        if message.document:
            label = "📅 В календара" if message.document.mime == "text/calendar" else OPEN
            return self._linked(message.text, label, self._public.link(delivery, None), external=True)
        if message.media:
            return await self._attached(delivery, message.media)
        return self._text(message.text)

    async def _attached(self, delivery: Delivery, media: Media) -> dict[str, Any] | Failure:
        text = delivery.message.text
        content = media.data or (await self._content(media.number) if media.number else None)
        if content is None:
            return _NOT_HERE
        if media.kind == "voice":
            return self._linked(text or "🎤 Гласово съобщение", "🔊 Чуйте", self._public.player(delivery))
        link = self._public.link(delivery, content)
        if media.kind == "photo" and link.endswith(_PICTURES):
            return {"type": "picture", "sender": self._sender, "text": text, "media": link}
        return self._linked(text or f"📄 {media.filename or 'Файл'}", OPEN, link, external=True)

    def _linked(self, words: str, label: str, link: str, *, external: bool = False) -> dict[str, Any]:
        """Words, and a button that opens a link. The next message takes the button away, so the address is there too.

        `external`: in the phone's own browser, where a file can be saved.
        """
        opens = keys.opens(label, link, external=external)
        return {**self._text(f"{words}\n\n{NO_BUTTON}\n{link}".strip()), "opens": opens}

    def _text(self, text: str) -> dict[str, Any]:
        return {"type": "text", "sender": self._sender, "text": text}

    async def fetch(self, handle: str, largest: int) -> bytes | Failure:
        """What somebody sent, from Viber's own servers only: nobody may make us ask another machine."""
        try:
            url = URL(handle)
        except ValueError:
            return Failure("bad_media", "not an address")
        viber = url.scheme == "https" and (url.host or "").endswith(".viber.com") and url.port == 443  # noqa: PLR2004
        if not viber and not (url.is_absolute() and url.origin() == self._origin):
            return Failure("bad_media", "not one of Viber's addresses")
        return await self._api.download(url, largest)
