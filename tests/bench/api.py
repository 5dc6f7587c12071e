"""A fake Bot API for benchmarks: answers everything a bot asks with success, and notes when each message arrives.

It checks nothing; tests/fakes/telegram.py is the one that behaves as Telegram does. Must stay cheap.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import parse_qsl

from tests.bench.wire import Listener, Reply

SPOKEN: Final = frozenset({"sendmessage", "editmessagetext"})  # what a person sees
OK: Final = b'{"ok":true,"result":true}'
_EMPTY: Final[Mapping[str, Any]] = {
    "getupdates": [],
    "getmycommands": [],
    "getmydescription": {"description": ""},
    "getmyshortdescription": {"short_description": ""},
    "getwebhookinfo": {"url": "", "has_custom_certificate": False, "pending_update_count": 0},
}

Heard = Callable[[Mapping[str, Any], float], None]  # what was said, and the moment it arrived (perf_counter)


@dataclass(slots=True)
class Registered:
    """One bot that has introduced itself, and where it wants its updates."""

    url: str = ""
    secret: str = ""
    calls: Counter[str] = field(default_factory=Counter)
    ready: asyncio.Event = field(default_factory=asyncio.Event)


class Api:
    """The Bot API of any number of bots. `delay` is how long an answer takes, in seconds."""

    def __init__(self) -> None:
        self.delay = 0.0
        self.url = ""
        self.bots: dict[str, Registered] = {}
        self.listening: dict[int, Heard] = {}  # chat → who hears what is said there
        self.elsewhere: list[float] = []  # when something was said to chats that nobody listens to
        self._message = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Listener(self._answer), "127.0.0.1", 0, backlog=1024)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    def expect(self, token: str) -> Registered:
        """A place for a bot that is about to start."""
        self.bots[token] = Registered()
        return self.bots[token]

    def _answer(self, path: bytes, body: bytes, reply: Reply) -> None:
        now = time.perf_counter()
        token, _, method = path.decode().removeprefix("/bot").partition("/")
        method = method.lower()
        bot = self.bots[token]
        bot.calls[method] += 1
        answer = self._said(body, now) if method in SPOKEN else self._other(bot, token, method, body)
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, reply, answer)
        else:
            reply(answer)

    def _said(self, body: bytes, now: float) -> bytes:
        params = _params(body)
        chat = int(params["chat_id"])
        listener = self.listening.get(chat)
        if listener:
            listener(params, now)
        else:
            self.elsewhere.append(now)
        self._message += 1
        return (
            b'{"ok":true,"result":{"message_id":%d,"date":%d,"chat":{"id":%d,"type":"private","first_name":"A"},'
            b'"from":{"id":1,"is_bot":true,"first_name":"B","username":"bench_bot"},"text":"."}}'
            % (self._message, time.time(), chat)
        )

    def _other(self, bot: Registered, token: str, method: str, body: bytes) -> bytes:
        if method == "setwebhook":
            params = _params(body)
            bot.url, bot.secret = params["url"], params.get("secret_token", "")
            bot.ready.set()
        if method == "getme":
            number = int(token.partition(":")[0])
            me = {"id": number, "is_bot": True, "first_name": "B", "username": "bench_bot"}
            return json.dumps({"ok": True, "result": me}).encode()
        return json.dumps({"ok": True, "result": _EMPTY[method]}).encode() if method in _EMPTY else OK


def _params(body: bytes) -> Mapping[str, Any]:
    """A body in JSON, or a form with JSON in its fields, as the libraries send it."""
    if body.startswith(b"{"):
        params: dict[str, Any] = json.loads(body)
        return params
    form: dict[str, Any] = dict(parse_qsl(body.decode()))
    if "reply_markup" in form:
        form["reply_markup"] = json.loads(form["reply_markup"])
    return form
