"""A fake Viber for benchmarks: takes everything, and keeps what its callbacks would report of it.

It checks nothing; tests/fakes/viber.py is the one that behaves as Viber does. Must stay cheap.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from itertools import count
from re import sub
from typing import Any, Final, Self

from tests.bench.api import Heard
from tests.bench.fill import viber_id
from tests.bench.people import TYPED, Person, Tally
from tests.bench.wire import Listener, Posters, Reply

TOKEN: Final = "4dc0ffee4dc0ffee-4dc0ffee4dc0ffee-4dc0ffee4dc0ffee"
_PRESS: Final = "tap:"
_FIRST_TOKEN: Final = 5_741_311_803_571_000_000  # beyond 2^53, as Viber's are


class ViberApi:
    """The REST API of one bot."""

    def __init__(self) -> None:
        self.url = ""
        self.webhook = ""
        self.ready = asyncio.Event()
        self.listening: dict[int, Heard] = {}  # person → who hears what is said there
        self.receipts: deque[tuple[str, int]] = deque()  # to whom, and which message: they have it by now
        self.reached = 0  # people who got something that they did not wait for
        self._heard: dict[str, int] = {}
        self._tokens = count(_FIRST_TOKEN)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Listener(self._answer), "127.0.0.1", 0, backlog=1024)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/pa"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    def next_token(self) -> int:
        return next(self._tokens)

    def listen(self, number: int) -> None:
        """Somebody is about to talk."""
        self._heard[viber_id(number)] = number

    def _answer(self, path: bytes, body: bytes, reply: Reply) -> None:
        now, method, said = time.perf_counter(), path.rpartition(b"/")[2], json.loads(body)
        more: dict[str, Any] = {}
        if method == b"set_webhook":
            self.webhook = said["url"]
            self.ready.set()
        elif method in (b"send_message", b"broadcast_message"):
            more = {"message_token": self.next_token(), "billing_status": 1}
            for receiver in said.get("broadcast_list") or (said["receiver"],):
                self._arrived(receiver, said, more["message_token"], now)
        elif method == b"get_account_info":
            more = {"uri": "bench", "webhook": "", "event_types": []}
        reply(json.dumps({"status": 0, "status_message": "ok", **more}).encode())

    def _arrived(self, receiver: str, said: Mapping[str, Any], token: int, now: float) -> None:
        self.receipts.append((receiver, token))
        number = self._heard.get(receiver, 0)
        if number in self.listening:
            self.listening[number](as_telegram(said), now)
        else:
            self.reached += 1


def as_telegram(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same buttons as people.Person reads them."""
    buttons = said.get("keyboard", {}).get("Buttons", ())
    if any(button["ActionType"] == "share-phone" for button in buttons):
        return {"reply_markup": {"keyboard": [[{"request_contact": True}]]}}
    pressed = [button for button in buttons if button["ActionBody"].startswith(_PRESS)]
    if pressed:
        shown = [
            {"callback_data": b["ActionBody"].removeprefix(_PRESS), "text": unescape(sub("<[^>]*>", "", b["Text"]))}
            for b in pressed
        ]
        return {"reply_markup": {"inline_keyboard": [[button] for button in shown]}}
    return {"reply_markup": {"is_persistent": bool(buttons)}}


class Signed(Posters):
    """Callbacks with Viber's signature, and how long each waited for its 200."""

    def __init__(self, host: str, port: int, path: str, limit: int) -> None:
        head = f"POST {path} HTTP/1.1\r\nHost: bench.invalid\r\nContent-Type: application/json\r\n".encode()
        super().__init__(host, port, head, limit)
        self.seconds: list[float] = []
        self.refused = 0

    async def post(self, body: bytes, more: bytes = b"") -> int:
        """Post one callback; it is measured from now."""
        began = time.perf_counter()
        signature = hmac.digest(TOKEN.encode(), body, "sha256").hex().encode()
        status = await super().post(body, b"X-Viber-Content-Signature: %s\r\n%s" % (signature, more))
        self.seconds.append(time.perf_counter() - began)
        self.refused += status != 200
        return status


@dataclass
class Load:
    """What is posted, and how long each waited for its 200."""

    api: ViberApi
    messages: Signed
    receipts: Signed
    tally: Tally = field(default_factory=Tally)


class ViberPerson(Person):
    """Somebody who registers on Viber: types what stands on the buttons."""

    def _say(self, content: Mapping[str, Any]) -> bytes:
        api: Any = self._api
        api.listen(self.chat)
        self._question = self._question or "start"
        text = content.get("text", TYPED)
        said = {"type": "text", "text": "start:" if text == "/start" else text}
        if "contact" in content:
            said = {"type": "contact", "contact": {"phone_number": content["contact"]["phone_number"]}}
        sender = {"id": viber_id(self.chat), "name": "Иванка", "language": "bg", "country": "BG", "api_version": 10}
        return callback(api, "message", sender=sender, message=said, silent=False)


def callback(api: ViberApi, event: str, **more: Any) -> bytes:
    """One callback; a receipt brings the token of its message, all others get one of their own."""
    frame = {"event": event, "timestamp": int(time.time() * 1000), "message_token": api.next_token(), **more}
    return json.dumps(frame).encode()
