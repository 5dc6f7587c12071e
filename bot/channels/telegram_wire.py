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
    TimedOut,
)
from telegram.request import BaseRequest, RequestData
from yarl import URL

from bot.messages import Failure

CONNECT_SECONDS: Final = 10.0  # for a free connection, name look-up, TCP and TLS together
ANSWER_SECONDS: Final = 20.0
LONGEST_WAIT: Final = 7 * 24 * 3600  # a longer retry_after is garbage; values of hours have been seen
_CONNECTIONS: Final = 100
_IDLE_SECONDS: Final = 30.0  # under the usual 60 to 75 of servers, so that we seldom write into a closed connection
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


class NotSent(NetworkError):
    """The request never left this machine, so it may be repeated. `down`: nothing listens there, or no such name."""

    def __init__(self, message: str, *, down: bool) -> None:
        super().__init__(message)
        self.down = down


class Unanswered(NetworkError):
    """The request left, and no answer that can be read came back: it may have been carried out."""


class ServerTrouble(NetworkError):
    """An answer that is no decision of the Bot API's: 5xx, or a page of something that stands between."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class TooLarge(TelegramError):
    """A file is larger than it may be; the rest of it was left where it is."""


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
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_IDLE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        )
        return self._session

    async def shutdown(self) -> None:
        """Close all connections. Safe to call twice; requests after it are NotSent."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Read the answer to an accepted request; python-telegram-bot's own would log what it cannot read."""
        data = _json_object(payload)
        if "result" not in data:
            raise Unanswered("accepted, but the answer is not the Bot API's")
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
        except (aiohttp.ClientError, OSError, ValueError) as error:
            trouble = _lost(error)
        else:
            if 200 <= status < 300:  # noqa: PLR2004
                return status, payload
            trouble = _refusal(status, payload)
        # Raised outside the except block: the original knows the URL, and so the token.
        raise trouble

    async def download(self, url: str, largest: int, seconds: float) -> bytes:
        """A file of at most `largest` bytes, read piece by piece. Raises a TelegramError for everything else."""
        try:
            return await self._stream(url, largest, seconds)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            trouble = _lost(error)
        raise trouble  # outside the except block, as in do_request: the original knows the URL

    async def _stream(self, url: str, largest: int, seconds: float) -> bytes:
        pieces, size = [], 0
        async with self._open().get(URL(url), timeout=_timeout(seconds), allow_redirects=False) as answer:
            if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise ServerTrouble(f"HTTP {answer.status}", status=answer.status)
            if answer.status != HTTPStatus.OK:
                raise Missing(f"HTTP {answer.status}")
            async for piece in answer.content.iter_any():
                size += len(piece)
                if size > largest:  # whatever Content-Length says; leaving closes the connection
                    raise TooLarge("too large")
                pieces.append(piece)
        return b"".join(pieces)

    async def _exchange(self, url: str, method: str, data: RequestData | None, seconds: float) -> tuple[int, bytes]:
        body, headers = _body(data)
        async with self._open().request(
            method,
            self._urls.get(url) or self._urls.setdefault(url, URL(url)),
            data=body,
            headers=headers,
            timeout=self._timeouts.get(seconds) or self._timeouts.setdefault(seconds, _timeout(seconds)),
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

        Raises TooLarge, Missing where nothing is there (any more), or another TelegramError.
        """
        return await self._request.download(self._files + path, largest, self.answer_seconds)

    async def close(self) -> None:
        """Release connections. Safe to call twice."""
        await self._request.shutdown()


def failure(error: TelegramError) -> Failure:  # noqa: PLR0911  # a table: one line a row
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
        case NotSent():
            return Failure("not_sent", text, retryable=True, channel_down=error.down)
        case ServerTrouble():  # below 500 it is a page of a proxy or a firewall: nobody can be written to
            return Failure(
                "server_error", text, retryable=True, channel_down=error.status < HTTPStatus.INTERNAL_SERVER_ERROR
            )
        case TimedOut():
            return Failure("timeout", text, retryable=True, ambiguous=True)
    return Failure("no_answer", text, retryable=True, ambiguous=True)


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


def _timeout(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=CONNECT_SECONDS + seconds, connect=CONNECT_SECONDS, sock_read=seconds)


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


def _lost(error: Exception) -> TelegramError:
    """What became of a request without a whole answer. Names the kind of trouble only."""
    kind = type(error).__name__
    match error:
        case aiohttp.ConnectionTimeoutError():
            return NotSent(f"no connection in time ({kind})", down=False)
        case aiohttp.ClientConnectorError() | aiohttp.ClientSSLError():
            return NotSent(f"no connection ({kind})", down=True)
        case aiohttp.InvalidURL():
            return NotSent("closed, or the address of the Bot API cannot be read", down=True)
        case TimeoutError():
            return TimedOut(f"no answer in time ({kind})")
    return Unanswered(f"the connection broke ({kind})")


def _refusal(status: int, payload: bytes) -> TelegramError:
    """The error that an answer outside 2xx means. Decided by status and our own words: payloads may hold anything."""
    try:
        data = _json_object(payload)
    except TelegramError:
        return ServerTrouble(f"HTTP {status} without a readable answer", status=status)
    described = data.get("description")
    if not isinstance(described, str) or not 400 <= status < 500:  # noqa: PLR2004
        return ServerTrouble(f"HTTP {status}", status=status)
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
        raise Unanswered("the answer is not the Bot API's")
    return data
