"""The Viber REST API over one shared aiohttp session: a thin client, and what its refusals mean.

Must never put the token, a URL or a payload into an error or a log, and never retry: a request that has left may have
been carried out, and Viber knows no id of ours by which it would refuse a second.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from yarl import URL

from bot.channels import wire
from bot.channels.wire import ANSWER_SECONDS
from bot.messages import Failure

REQUEST_BYTES: Final = 30_000  # "30 KB of JSON", every endpoint; the smaller reading
TOGETHER: Final = 300  # ids in one broadcast_message
_CONNECTIONS: Final = 50


class Status(IntEnum):
    """What Viber says of a request; the numbers are stable, its words are not."""

    OK = 0
    INVALID_URL = 1
    INVALID_TOKEN = 2
    BAD_DATA = 3
    MISSING_DATA = 4
    NOT_REGISTERED = 5
    NOT_SUBSCRIBED = 6
    BLOCKED = 7
    NOT_FOUND = 8
    SUSPENDED = 9
    NO_WEBHOOK = 10
    NO_DEVICE = 11
    TOO_MANY = 12
    API_VERSION = 13
    INCOMPATIBLE = 14
    NOT_AUTHORIZED = 15
    CANNOT_BROADCAST = 19
    BROADCAST_NOT_ALLOWED = 20
    UNSUPPORTED_COUNTRY = 21
    FREE_EXCEEDED = 23
    NO_BALANCE = 24


@dataclass(frozen=True, slots=True)
class Answer:
    """Viber carried a request out."""

    data: Mapping[str, Any]

    @property
    def message_token(self) -> str:
        """The message's number, beyond 2^53; empty where there is none. Samples show it as a string too."""
        return token_of(self.data.get("message_token"))

    @property
    def billing(self) -> int | None:
        """By what rule the message is charged, 0 to 5."""
        found = self.data.get("billing_status")
        return found if type(found) is int and 0 <= found <= 99 else None  # noqa: PLR2004  (fits the column)

    @property
    def failed(self) -> Mapping[str, int]:
        """Of a broadcast: whom it does not reach, and the status for each. Missing or empty when all went well."""
        listed = self.data.get("failed_list")
        found = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        return {str(one.get("receiver", "")): _status(one.get("status")) for one in found}


@dataclass(frozen=True, slots=True)
class Refused:
    """Viber did not carry a request out, or we cannot know. `status` is its number, None where it gave none."""

    failure: Failure
    status: int | None = None


Result = Answer | Refused


@dataclass(slots=True)
class Api:
    """Calls of the REST API."""

    token: str = field(repr=False)
    url: str
    answer_seconds: float = ANSWER_SECONDS
    _session: aiohttp.ClientSession | None = None
    _closed: bool = False

    async def set_webhook(self, url: str, event_types: Sequence[str]) -> Result:
        """Have callbacks delivered to `url`, which Viber tries at once: the server must listen already."""
        wanted = {"url": url, "event_types": list(event_types), "send_name": True, "send_photo": False}
        return await self.call("set_webhook", wanted)

    async def send_message(self, receiver: str, message: Mapping[str, Any]) -> Result:
        """One message to one person."""
        return await self.call("send_message", {"receiver": receiver, **message})

    async def broadcast_message(self, receivers: Sequence[str], message: Mapping[str, Any]) -> Result:
        """The same message to as many as TOGETHER people."""
        return await self.call("broadcast_message", {"broadcast_list": list(receivers), **message})

    async def get_account_info(self) -> Result:
        """The bot's name, the `uri` that deep links need, and the stored webhook."""
        return await self.call("get_account_info", {})

    async def get_user_details(self, user_id: str) -> Result:
        """What a person's app can do. Viber allows two calls a person in twelve hours.

        The service does without it: each callback tells the same. For a look at one person by hand.
        """
        return await self.call("get_user_details", {"id": user_id})

    async def call(self, method: str, body: Mapping[str, Any]) -> Result:
        """One request. Never raises for the network's or Viber's sake."""
        payload = encoded(body)
        if len(payload) > REQUEST_BYTES:
            return Refused(Failure("too_long", "more than Viber takes in one request"))
        try:
            async with self._open().post(
                URL(f"{self.url}/{method}"), data=payload, allow_redirects=False,
                timeout=wire.timeout(self.answer_seconds),
                headers={"X-Viber-Auth-Token": self.token, "Content-Type": "application/json"},
            ) as answer:  # fmt: skip
                return _result(answer.status, await answer.read())
        except wire.NO_ANSWER as error:
            return Refused(wire.lost(error))

    async def download(self, url: URL, largest: int) -> bytes | Failure:
        """A file of at most `largest` bytes. The token does not travel with it."""
        try:
            async with self._open().get(
                url, timeout=wire.timeout(self.answer_seconds), allow_redirects=False
            ) as answer:
                if answer.status != HTTPStatus.OK:
                    gone = answer.status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE, HTTPStatus.FORBIDDEN)
                    return Failure("not_there", f"HTTP {answer.status}", retryable=not gone)
                return await wire.body(answer, largest)
        except wire.TooLarge:
            return Failure("too_big", "larger than what is kept")
        except wire.NO_ANSWER as error:
            return wire.lost(error)

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise aiohttp.InvalidURL("closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=wire.IDLE_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Accept"),
            )
        return self._session

    async def close(self) -> None:
        """Release connections. Safe to call twice; requests after it are not sent."""
        self._closed = True
        if self._session is not None:
            await self._session.close()


def encoded(body: Mapping[str, Any]) -> bytes:
    """JSON as it goes over the line: Cyrillic in UTF-8 is a third of what it is escaped."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def token_of(value: object) -> str:
    """A message's number as text, whether it came as a number or as a string; empty where it is neither."""
    if type(value) is int and 0 < value < 2**64:
        return str(value)
    return value if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 20 else ""  # noqa: PLR2004  (digits of 2^64)


# What a status means for one message. What is not here is a general error, and tried again.
_MEANS: Final[Mapping[int, Failure]] = {
    Status.INVALID_TOKEN: Failure("unauthorized", retryable=True, channel_down=True),
    Status.BAD_DATA: Failure("bad_request"),
    Status.MISSING_DATA: Failure("bad_request"),
    Status.NOT_REGISTERED: Failure("not_registered", contact_gone=True),
    Status.NOT_SUBSCRIBED: Failure("not_subscribed", contact_gone=True),
    Status.BLOCKED: Failure("bot_blocked", retryable=True, channel_down=True),
    Status.NOT_FOUND: Failure("bot_not_found", retryable=True, channel_down=True),
    Status.SUSPENDED: Failure("bot_suspended", retryable=True, channel_down=True),
    Status.NO_WEBHOOK: Failure("no_webhook", retryable=True, channel_down=True),
    Status.NO_DEVICE: Failure("no_device"),
    Status.TOO_MANY: Failure("too_many_requests", retryable=True),
    Status.API_VERSION: Failure("api_version", retryable=True, rest=1.0),
    Status.INCOMPATIBLE: Failure("bad_request"),
    Status.NOT_AUTHORIZED: Failure("not_authorized", retryable=True, channel_down=True),
    Status.CANNOT_BROADCAST: Failure("no_broadcast", retryable=True),
    Status.BROADCAST_NOT_ALLOWED: Failure("no_broadcast", retryable=True),
    Status.UNSUPPORTED_COUNTRY: Failure("country"),
    Status.FREE_EXCEEDED: Failure("quota", retryable=True, unpaid="quota"),
    Status.NO_BALANCE: Failure("balance", retryable=True, unpaid="balance"),
}


def meaning(status: int) -> Failure:
    """What a status of Viber's means for the sender."""
    return _MEANS.get(status) or Failure("server_error", f"status {status}", retryable=True)


def _result(code: int, payload: bytes) -> Result:
    """By the status in the JSON, which comes with HTTP 200; anything else is no decision of Viber's."""
    try:
        data = json.loads(payload)
    except (ValueError, RecursionError):
        data = None
    if code != HTTPStatus.OK:
        return Refused(wire.no_decision(code))
    if not isinstance(data, dict):
        return Refused(wire.unreadable("the answer is not Viber's"))
    status = _status(data.get("status"))
    return Answer(data) if status == Status.OK else Refused(meaning(status), status)


def _status(value: object) -> int:
    """A status; -1, a general error, for whatever is none."""
    return value if type(value) is int else -1
