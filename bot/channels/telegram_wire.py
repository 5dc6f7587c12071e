"""The Bot API over one shared aiohttp session, under python-telegram-bot's Bot and its errors.

Must never put the token, a URL or a payload into an exception or a log, and never retry: a request that has left
may have been delivered (https://github.com/tdlib/telegram-bot-api/issues/482), so the errors tell whether it left.
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from telegram import Bot
from telegram.error import (
    BadRequest,
    Conflict,
    EndPointNotFound,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)
from telegram.request import BaseRequest, RequestData
from yarl import URL

from bot.channels import wire
from bot.channels.wire import ANSWER_SECONDS
from bot.messages import Failure

LONGEST_WAIT: Final = 7 * 24 * 3600  # a longer retry_after is garbage; values of hours have been seen
_CONNECTIONS: Final = 100
_JSON: Final = {"Content-Type": "application/json"}
_REFUSALS: Final[Mapping[int, type[TelegramError]]] = {
    401: InvalidToken,
    403: Forbidden,
    404: InvalidToken,  # also the answer to a token of the wrong shape
    409: Conflict,
}
_GONE: Final[Mapping[str, str]] = {
    "bot was blocked": "blocked",
    "user is deactivated": "deactivated",
    "can't initiate conversation": "never_met",
    "chat not found": "chat_not_found",
}
# A file that is refused today is refused tomorrow: unknown to Telegram, of another type, no picture after all, too big.
_BAD_MEDIA: Final = (
    *("wrong file identifier", "wrong remote file", "wrong file_id", "invalid file_id", "type of file mismatch"),
    *("wrong type of", "wrong padding in the string", "can't use file of type", "photo_invalid_dimensions"),
    *("image_process_failed", "photo_save_file_invalid", "photo_ext_invalid", "photo_content_type_invalid"),
    *("photo_content_url_empty", "file is too big", "request entity too large", "file must be non-empty"),
    *("file_parts_invalid", "media_empty", "media_invalid", "document_invalid", "voice_invalid"),
)
_UNSAFE_IN_FILENAME: Final = re.compile(r'[\x00-\x1f\x7f"\\/]')
_SCRUBBED_LENGTH: Final = 150
_TOKEN: Final = re.compile(r"\d{3,}:[A-Za-z0-9_-]{10,}")


class NoAnswer(NetworkError):
    """No decision of the Bot API's came back. `failure` says whether the request may have been carried out."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure


class Missing(TelegramError):
    """There is no file at its address, or no longer."""


class AiohttpRequest(BaseRequest):
    """python-telegram-bot's HTTP layer on aiohttp: two to seven times the requests a second of its default client."""

    def __init__(self, answer_seconds: float = ANSWER_SECONDS) -> None:
        # Without it, merely making a RetryAfter warns, and a warning is an error in our tests.
        os.environ.setdefault("PTB_TIMEDELTA", "1")
        self._answer_seconds = answer_seconds
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self._urls: dict[str, URL] = {}  # as many as methods in use; parsing one costs a tenth of a request
        self._timeouts: dict[float, aiohttp.ClientTimeout] = {}

    @property
    def read_timeout(self) -> float:
        """Seconds to wait for an answer where the caller names none."""
        return self._answer_seconds

    async def initialize(self) -> None:
        """Open the session on the running loop."""
        self._open()

    def _open(self) -> aiohttp.ClientSession:
        """The session, made at its first use. Raises InvalidURL once it was closed."""
        if self._closed:
            raise aiohttp.InvalidURL("closed")
        self._session = self._session or aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=wire.IDLE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        )
        return self._session

    async def shutdown(self) -> None:
        """Close all connections. Safe to call twice; requests after it are not sent."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Read the answer to an accepted request; python-telegram-bot's own would log what it cannot read."""
        data = _json_object(payload)
        if "result" not in data:
            raise NoAnswer(wire.unreadable("accepted, but the answer is not the Bot API's"))
        return data

    async def do_request(  # the signature is python-telegram-bot's
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = None,  # the time to answer covers writing: our bodies are small
        connect_timeout: Any = None,
        pool_timeout: Any = None,
    ) -> tuple[int, bytes]:
        """One request. Raises a TelegramError for everything but a whole answer with a status of 2xx."""
        seconds = read_timeout if isinstance(read_timeout, int | float) else self._answer_seconds
        try:
            status, payload = await self._exchange(url, method, request_data, seconds)
        except wire.NO_ANSWER as error:
            trouble: TelegramError = NoAnswer(wire.lost(error))
        else:
            if 200 <= status < 300:  # noqa: PLR2004
                return status, payload
            trouble = _refusal(status, payload)
        # Raised outside the except block: the original knows the URL, and so the token.
        raise trouble

    async def download(self, url: str, largest: int, seconds: float) -> bytes:
        """A file of at most `largest` bytes. Raises wire.TooLarge, and a TelegramError for everything else."""
        try:
            return await self._stream(url, largest, seconds)
        except wire.NO_ANSWER as error:
            trouble = NoAnswer(wire.lost(error))
        raise trouble  # outside the except block, as in do_request: the original knows the URL

    async def _stream(self, url: str, largest: int, seconds: float) -> bytes:
        async with self._open().get(URL(url), timeout=wire.timeout(seconds), allow_redirects=False) as answer:
            if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise NoAnswer(wire.no_decision(answer.status))
            if answer.status != HTTPStatus.OK:
                raise Missing(f"HTTP {answer.status}")
            return await wire.body(answer, largest)

    async def _exchange(self, url: str, method: str, data: RequestData | None, seconds: float) -> tuple[int, bytes]:
        body, headers = _body(data)
        async with self._open().request(
            method,
            self._urls.get(url) or self._urls.setdefault(url, URL(url)),
            data=body,
            headers=headers,
            timeout=self._timeouts.get(seconds) or self._timeouts.setdefault(seconds, wire.timeout(seconds)),
            allow_redirects=False,  # the token must not travel to another host
        ) as answer:
            return answer.status, await answer.read()


class Api:
    """Calls of the Bot API through python-telegram-bot's Bot, with answers left as JSON.

    `Bot.send_message` spends two thirds of its time on building a Message that nobody reads; `do_api_request` does not.
    """

    def __init__(self, token: str, api_url: str, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._request = AiohttpRequest(answer_seconds)
        self._files = f"{api_url.rstrip('/')}/file/bot{token}/"
        self.answer_seconds = answer_seconds
        self._bot = Bot(
            token,
            base_url=f"{api_url.rstrip('/')}/bot",
            request=self._request,
            get_updates_request=self._request,
        )

    async def call(self, method: str, params: Mapping[str, Any], *, seconds: float | None = None) -> Any:
        """Call `method` and return the result as JSON. `seconds`: to wait for the answer. Raises TelegramError."""
        # Lower case, because do_api_request warns of names that Bot has; the Bot API's names ignore case.
        return await self._bot.do_api_request(method.lower(), dict(params), read_timeout=seconds)

    async def download(self, path: str, largest: int) -> bytes:
        """The file at a path that getFile told, of at most `largest` bytes.

        Raises wire.TooLarge, Missing where nothing is there (any more), or another TelegramError.
        """
        return await self._request.download(self._files + path, largest, self.answer_seconds)

    async def close(self) -> None:
        """Release connections. Safe to call twice."""
        await self._request.shutdown()


def failure(error: TelegramError) -> Failure:
    """What an error of the Bot API means for the sender."""
    text = scrub(str(error))
    match error:
        case RetryAfter():
            return Failure("too_many_requests", text, retryable=True, retry_after=_as_seconds(error.retry_after))
        case Forbidden() | BadRequest():
            return _refused(error, text)
        case InvalidToken() | EndPointNotFound():
            return Failure("unauthorized", text, retryable=True, channel_down=True)
        case Conflict():
            return Failure("conflict", text, retryable=True, channel_down=True)
        case NoAnswer():
            return error.failure
    return wire.unreadable(text)


def _refused(error: Forbidden | BadRequest, text: str) -> Failure:
    for phrase, code in _GONE.items():
        if phrase in text.casefold():
            return Failure(code, text, contact_gone=True)
    if any(phrase in text.casefold() for phrase in _BAD_MEDIA):
        return Failure("bad_media", text)
    if "voice_messages_forbidden" in text.casefold():  # a setting of theirs; words still reach them
        return Failure("no_voice", text)
    return Failure("forbidden" if isinstance(error, Forbidden) else "bad_request", text)


def _as_seconds(asked: float | timedelta) -> float:
    return asked.total_seconds() if isinstance(asked, timedelta) else float(asked)


def quiet_loggers() -> None:
    """Silence the libraries below WARNING: at lower levels they print URLs, which hold the token, and payloads."""
    for name in ("httpx", "httpcore", "aiohttp", "telegram"):
        logging.getLogger(name).setLevel(logging.WARNING)


def scrub(text: str) -> str:
    """Text of a platform, short, without anything that looks like a token or that a database would refuse."""
    printable = "".join(letter for letter in text if letter.isprintable())  # a space is; NUL and a surrogate are not
    return _TOKEN.sub("[token]", printable)[:_SCRUBBED_LENGTH]


def _body(data: RequestData | None) -> tuple[bytes | aiohttp.FormData | None, Mapping[str, str] | None]:
    if data is None:
        return None, None
    if data.contains_files:
        return _form(data), None
    return json.dumps(data.parameters, ensure_ascii=False).encode("utf-8", "replace"), _JSON


def _form(data: RequestData) -> aiohttp.FormData:
    form = aiohttp.FormData(quote_fields=False)  # otherwise people would see a percent-encoded filename
    for name, value in data.json_parameters.items():
        form.add_field(name, value)
    for name, (filename, content, mime) in data.multipart_data.items():
        file = io.BytesIO(content) if isinstance(content, bytes) else content
        form.add_field(name, file, filename=_UNSAFE_IN_FILENAME.sub("_", filename), content_type=mime)
    return form


def _refusal(status: int, payload: bytes) -> TelegramError:
    """The error that an answer outside 2xx means. Decided by status and our own words: payloads may hold anything."""
    try:
        data = _json_object(payload)
    except TelegramError:
        return NoAnswer(wire.no_decision(status, f"HTTP {status} without a readable answer"))
    described = data.get("description")
    if not isinstance(described, str) or not 400 <= status < 500:  # noqa: PLR2004
        return NoAnswer(wire.no_decision(status))
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RetryAfter(_seconds(data.get("parameters")))
    return _REFUSALS.get(status, BadRequest)(scrub(described))


def _seconds(parameters: object) -> int:
    asked = parameters.get("retry_after") if isinstance(parameters, dict) else None
    if isinstance(asked, int) and not isinstance(asked, bool):
        return min(max(asked, 1), LONGEST_WAIT)
    return 1


def _json_object(payload: bytes) -> dict[str, Any]:
    try:
        data = json.loads(payload)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise NoAnswer(wire.unreadable("the answer is not the Bot API's"))
    return data
