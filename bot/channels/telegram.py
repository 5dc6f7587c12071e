"""Telegram: limits, receive by webhook or long polling, send.

Serves private chats only. Must never acknowledge an update before `accept` returned, never repeat a request, and never
log the token, a text, a name or a number. The error table is `telegram_wire.failure`.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from telegram import InputFile
from telegram.error import BadRequest, TelegramError

from bot.channels import Accept, Content, Unavailable, nothing_kept, webhook
from bot.channels import telegram_media as media
from bot.channels.fields import Ignored, Malformed
from bot.channels.telegram_run import Profile, answer_presses, persist, poll, register, set_profile
from bot.channels.telegram_update import CHANNEL, read_update
from bot.channels.telegram_wire import Api, failure, quiet_loggers
from bot.channels.wire import ANSWER_SECONDS
from bot.lengths import CAPTION, split, units
from bot.messages import Button, Delivery, Failure, Incoming, Limits, Media, Outgoing, Rows, Sent

__all__ = ["API_URL", "Profile", "TelegramChannel", "quiet_loggers", "split", "units"]

API_URL: Final = "https://api.telegram.org"
TEXT_UNITS: Final = 4096  # after parsing, in UTF-16 units: the unit of Telegram's entity offsets, and the stricter one
# About 30 messages a second in all and one a second a chat, with short bursts for replies (Bots FAQ).
LIMITS: Final = Limits(
    bulk_rate=29.5, bulk_burst=29.0, chat_rate=1.0, chat_burst=20.0, concurrency=32, text_length=TEXT_UNITS
)

SECRET_HEADER: Final = "x-telegram-bot-api-secret-token"  # noqa: S105  # its name is public

_TOKEN: Final = re.compile(r"([0-9]{1,16}):[A-Za-z0-9_-]{30,}")
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{32,256}")
_PATH_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{16,128}")
_LINKS: Final = ("https://", "http://", "tg://")  # Telegram refuses a message whose button has a tel: link
_ANSWERERS: Final = 8
_WAITING_PRESSES: Final = 1000
_CANNOT_EDIT: Final = (
    *("message to edit not found", "message can't be edited", "message_id_invalid"),
    *("there is no text in the message to edit", "there is no caption in the message to edit"),
)
_CANNOT_DELETE: Final = ("message to delete not found", "message can't be deleted", "message_id_invalid")

log = logging.getLogger(__name__)


class TelegramChannel:
    """One bot. Receives by webhook where `public_url` is set, otherwise by long polling.

    Raises ValueError, with a sentence for whoever runs the service, on a token or a secret of the wrong shape.
    """

    name: str = CHANNEL
    limits: Limits = LIMITS

    def __init__(
        self,
        token: str,
        accept: Accept,
        *,
        api_url: str = API_URL,
        public_url: str = "",
        webhook_secret: str = "",
        path_secret: str = "",
        profile: Mapping[str, Profile] | None = None,
        content: Content = nothing_kept,
        answer_seconds: float = ANSWER_SECONDS,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        shape = _TOKEN.fullmatch(token)
        if shape is None:
            raise ValueError("BOT_TELEGRAM_TOKEN has not the shape of a token: digits, a colon, letters and digits.")
        if public_url:
            _check_secrets(webhook_secret, path_secret)
        quiet_loggers()
        self.username = ""  # known once Telegram has answered getMe
        self._bot_id = int(shape[1])
        self._accept = accept
        self._content = content
        self._uploaded = _Uploaded()
        self._api = Api(token, api_url, answer_seconds)
        self._public_url = public_url.rstrip("/")
        self._secret = webhook_secret
        self._path = f"/telegram/{path_secret}"
        self._profile = profile or {}
        self._clock = clock
        self._pause = pause
        self._presses: asyncio.Queue[str] = asyncio.Queue(_WAITING_PRESSES)

    @property
    def link(self) -> str:
        """Of the bot, once Telegram has told its name."""
        return f"https://t.me/{self.username}?start=" if self.username else ""

    def routes(self) -> Sequence[BaseRoute]:
        """The webhook's route; none when polling, so that nothing can be posted."""
        return [Route(self._path, self._receive, methods=["POST"])] if self._public_url else []

    async def run(self) -> None:
        """Introduce the bot, set its profile, and receive until cancelled. Outlives every error of Telegram's."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(_ANSWERERS):
                tasks.create_task(answer_presses(self._api, self._presses), name=f"telegram-presses-{number}")
            me = await persist(self._api, "getMe", {}, self._pause)
            self.username = str(me.get("username", "")) if isinstance(me, dict) else ""
            tasks.create_task(set_profile(self._api, self._profile, self._pause), name="telegram-profile")
            if self._public_url:
                await register(self._api, self._public_url + self._path, self._secret, self._pause)
            else:
                await poll(self._api, self._kept, self._pause)

    async def close(self) -> None:
        """Release connections. Safe to call twice."""
        await self._api.close()

    # Receive

    async def _receive(self, request: Request) -> Response:
        """The webhook. The secret is checked first: nothing of a stranger's is read."""
        refused = self._refusal(request)
        if refused:
            return Response(status_code=refused)
        body = await webhook.read(request)
        if isinstance(body, Response):
            return body
        try:
            press = await self._take(webhook.parsed(body), len(body))
        except Unavailable:
            return Response(status_code=503)
        # The answer may itself be one call of which nobody learns the result: just right to stop a button's spinner.
        return JSONResponse({"method": "answerCallbackQuery", "callback_query_id": press}) if press else Response()

    def _refusal(self, request: Request) -> int:
        """The status for a request that is not Telegram's, or 0."""
        given = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(given.encode("latin-1"), self._secret.encode()):
            log.warning("Telegram webhook: a request without the right secret was refused")
            return 403
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return 415
        return 0

    async def _kept(self, raw: object) -> bool:
        """For polling: whether the update is done with, so that the offset may pass it."""
        try:
            press = await self._take(raw, 0)
        except Unavailable:
            return False
        if press and not self._presses.full():
            self._presses.put_nowait(press)
        return True

    async def _take(self, raw: object, size: int) -> str:
        """Hand one update over; gives the press that waits to be answered. Raises Unavailable.

        What cannot be read is done with: it must not block the queue.
        """
        read = raw if isinstance(raw, Malformed) else read_update(raw, self._bot_id, now=self._clock())
        match read:
            case Malformed(reason):
                log.warning("Telegram: an update of %d bytes cannot be read: %s", size, reason)
            case Ignored(reason):
                log.debug("Telegram: an update is not for us: %s", reason)
            case Incoming():
                await self._accept(read)
                return read.reply_token
        return ""

    # Send

    async def send(self, delivery: Delivery) -> Sent | Failure:
        """One message, edited in place where it replaces one. Never repeats, never raises for Telegram's sake."""
        if not delivery.address.external.isdecimal():
            return Failure("bad_address", "not a chat of Telegram's")
        if units(delivery.message.text) > TEXT_UNITS:
            return Failure("too_long", "the text is longer than Telegram takes")
        try:
            return await self._deliver(int(delivery.address.external), delivery.message)
        except TelegramError as error:
            return failure(error)
        except Unavailable:
            return Failure("not_sent", "a content could not be read", retryable=True)

    async def fetch(self, handle: str, largest: int) -> bytes | Failure:
        """The content of something that people sent to this bot."""
        return await media.fetch(self._api, handle, largest)

    async def _deliver(self, chat: int, message: Outgoing) -> Sent | Failure:
        params = _params(chat, message)
        if message.removes:
            return await self._remove(chat, message.removes)
        if message.document:
            document = media.document(message.document, message.text)
            return _sent(await self._api.call("sendDocument", {**params, **document}))
        if message.media:
            return await self._attach(params, message, message.media)
        params |= {"text": message.text, "link_preview_options": {"is_disabled": True}}
        if _can_replace(message):
            edited = await self._edit("editMessageText", {**params, "message_id": int(message.replaces)})
            if edited:
                return edited
        return _sent(await self._api.call("sendMessage", params))

    async def _attach(self, params: dict[str, Any], message: Outgoing, attached: Media) -> Sent | Failure:
        """Something with words under it; in place only the words change."""
        method = media.SENDS.get(attached.kind)
        if method is None:
            return Failure("bad_media", "neither a photo, a voice note nor a document")
        if units(message.text) > CAPTION:
            return Failure("too_long", "the text is longer than what stands under a picture")
        if _can_replace(message):
            words = {"caption": message.text, "message_id": int(message.replaces)}
            if edited := await self._edit("editMessageCaption", {**params, **words}):
                return edited
        file = await self._file(attached)
        if file is None:
            return Failure("bad_media", "its content is not kept")
        params |= {attached.kind: file, **media.caption(message.text)}
        seconds = self._api.answer_seconds * (1 if isinstance(file, str) else media.PATIENCE)
        result = await self._api.call(method, params, seconds=seconds)
        if attached.number and (handle := media.handle_in(result, attached.kind)):
            self._uploaded.add(attached.number, handle)
        return _sent(result)

    async def _file(self, attached: Media) -> str | InputFile | None:
        """By its handle where Telegram has it, otherwise its content; None where there is none."""
        if handle := attached.handle if attached.channel == self.name else self._uploaded.get(attached.number):
            return handle
        content = attached.data or (await self._content(attached.number) if attached.number else None)
        return media.uploaded(attached, content) if content else None

    async def _remove(self, chat: int, number: str) -> Sent | Failure:
        """Delete one of our messages, which Telegram allows for 48 hours."""
        if not number.isdecimal():
            return Failure("cannot_delete", "not a message of Telegram's")
        try:
            await self._api.call("deleteMessage", {"chat_id": chat, "message_id": int(number)})
        except BadRequest as error:
            if any(phrase in str(error).casefold() for phrase in _CANNOT_DELETE):
                return Failure("cannot_delete", failure(error).text)
            raise
        return Sent(number)

    async def _edit(self, method: str, params: Mapping[str, Any]) -> Sent | None:
        """Edit in place; None if the message is gone, or is of another kind, and has to be sent anew."""
        try:
            return _sent(await self._api.call(method, params))
        except BadRequest as error:
            text = str(error).casefold()
            if "message is not modified" in text:
                return Sent(str(params["message_id"]))
            if any(phrase in text for phrase in _CANNOT_EDIT):
                return None
            raise


class _Uploaded:
    """Handles of what was uploaded, by number: a picture for a thousand people is uploaded once. Bounded."""

    def __init__(self, size: int = 1000) -> None:
        self._size = size
        self._handles: OrderedDict[int, str] = OrderedDict()

    def get(self, number: int) -> str:
        return self._handles.get(number, "")

    def add(self, number: int, handle: str) -> None:
        self._handles[number] = handle
        if len(self._handles) > self._size:
            self._handles.popitem(last=False)


def _check_secrets(webhook_secret: str, path_secret: str) -> None:
    if not _SECRET.fullmatch(webhook_secret):
        raise ValueError(
            "The webhook's secret must be 32 to 256 characters of A-Z, a-z, 0-9, _ and -: "
            "without it anybody could write to the bot in anybody's name."
        )
    if not _PATH_SECRET.fullmatch(path_secret):
        raise ValueError("The webhook's path must be 16 to 128 characters of A-Z, a-z, 0-9, _ and -.")


def _params(chat: int, message: Outgoing) -> dict[str, Any]:
    markup = _markup(message)
    return {"chat_id": chat, "reply_markup": markup} if markup else {"chat_id": chat}


def _markup(message: Outgoing) -> dict[str, Any] | None:
    """One keyboard at most, as Telegram has it: a message's own buttons win over the lasting menu."""
    if _asks_phone(message.rows):
        rows = _keyboard(message.rows, _plain_button)
        return {"keyboard": rows, "resize_keyboard": True, "one_time_keyboard": True}
    if inline := _keyboard(message.rows, _inline_button):
        return {"inline_keyboard": inline}
    if message.menu:
        rows = [[{"text": label} for label in row] for row in message.menu]
        return {"keyboard": rows, "resize_keyboard": True, "is_persistent": True}
    return None


def _asks_phone(rows: Rows) -> bool:
    return any(button.shares_phone for row in rows for button in row)


def _keyboard(rows: Rows, draw: Callable[[Button], dict[str, Any] | None]) -> list[list[dict[str, Any]]]:
    drawn = ([shape for button in row if (shape := draw(button))] for row in rows)
    return [row for row in drawn if row]


def _inline_button(button: Button) -> dict[str, Any] | None:
    if button.press:
        return {"text": button.label, "callback_data": button.press}
    return {"text": button.label, "url": button.url} if button.url.startswith(_LINKS) else None


def _plain_button(button: Button) -> dict[str, Any] | None:
    if button.shares_phone:
        return {"text": button.label, "request_contact": True}
    return None if button.url else {"text": button.label}


def _can_replace(message: Outgoing) -> bool:
    """Only messages with inline buttons or none can be edited; the menu and the phone button need a new one."""
    plain = not _asks_phone(message.rows) and (bool(message.rows) or not message.menu)
    return plain and message.replaces.isdecimal()


def _sent(result: object) -> Sent:
    number = result.get("message_id") if isinstance(result, dict) else None
    return Sent(str(number) if isinstance(number, int) else "")
