"""A REST API server on loopback that behaves as Viber's, with people and faults on demand.

The rules it keeps: https://creators.viber.com/docs/bots-api/.

In a test: `async with FakeViber() as fake:`, then `fake.url` and `fake.token` for the bot, `fake.user(7)` to act.
Viber delivers only to https addresses: `fake.leads_to("http://127.0.0.1:8080")` is where every public name ends then.
To test sending alone, `fake.pretend_webhook()`: nobody listens, and what would be delivered is in `fake.callbacks.log`.
All state is here: the bot may be killed at any moment, and the repetition of events goes on with the next one.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from aiohttp import web

from tests.fakes.server import Call, Server, Trouble
from tests.fakes.viber_api import BotApi, Contract
from tests.fakes.viber_callbacks import Webhook, server_schedule
from tests.fakes.viber_checks import NAMES, REQUEST_BYTES, RefusedError
from tests.fakes.viber_people import Person

__all__ = ["TOKEN", "Call", "Contract", "FakeViber", "Fault"]

TOKEN = "4dc0ffee4dc0ffee-4dc0ffee4dc0ffee-4dc0ffee4dc0ffee"
PUBLIC = "https://bot.example"


@dataclass(frozen=True)
class Fault(Trouble):
    """What goes wrong with one call."""

    status: int = 0  # Viber's own number, in an answer of HTTP status 200
    http: int = 0  # an HTTP status with a page of some gateway
    bare: bool = False  # without status_message
    html: bool = False  # a page with HTTP status 200


class FakeViber(BotApi, Server[Fault]):
    """The server, its one bot and its people."""

    refusals: ClassVar[int] = 1  # Viber's number; -1 if no answer of Viber's came

    def __init__(
        self,
        *,
        token: str = TOKEN,
        delay: float = 0.0,  # seconds before each answer
        port: int = 0,
        clock: Callable[[], float] = time.time,
        schedule: Callable[[int], float | None] = server_schedule,
        contract: Contract | None = None,
        keep_calls: bool = True,
    ) -> None:
        BotApi.__init__(self, token, clock, schedule, contract or Contract())
        Server.__init__(self, delay=delay, port=port, keep_calls=keep_calls)
        self.callbacks.changed = self._wake
        self.url = ""
        self.receipts_first = False  # "delivered" comes before the answer to the send

    async def __aenter__(self) -> Self:
        self.origin = await self._listen(web.Server(self._serve, access_log=None))
        self.url = f"{self.origin}/pa"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._let_go()
        await self.callbacks.close()
        await self._hang_up()

    # For tests

    def user(self, number: int, name: str = "Мария", **more: Any) -> Person:
        """The person with this number; made on the first mention. `more` as in Person."""
        if number not in self.people:
            more.setdefault("phone", f"3598{80_000_000 + number % 10_000_000}")
            person = Person(number, name, self, **more)
            self.people[number] = self._by_id[person.id] = person
        return self.people[number]

    def leads_to(self, address: str) -> None:
        """Where every public https address ends on this machine: the bot's own http address."""
        self.callbacks.leads_to = address

    def pretend_webhook(self, url: str = f"{PUBLIC}/viber/hook", **more: Any) -> None:
        """As if set_webhook had been called and gone well. `more` as in Webhook."""
        self.callbacks.webhook = Webhook(url, **more)

    def fail_next(self, method: str, status: int = 0, *, times: int = 1, **more: Any) -> None:
        """Let the next calls of `method` fail so. `more` as in Fault; drop_before, drop_after are short for drop."""
        self._let_fail(method, Fault, times, {"status": status, **more})

    def duplicates(self) -> int:
        """Accepted messages beyond the first of the same text to the same person."""
        return sum(count - 1 for count in self.copies.values())

    # HTTP

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith("/media/"):
            return self._media(request)
        folder, _, method = request.path.removeprefix("/").partition("/")
        if folder != "pa" or method not in self._methods:
            return web.Response(status=404, text="Not Found")
        if request.method != "POST" and (request.method, method) != ("GET", "get_account_info"):
            return web.Response(status=405, text="HTTP method not allowed")
        return await self._call(request, method)

    def _media(self, request: web.BaseRequest) -> web.Response:
        """What people sent, as it lies on Viber's own servers. Its faults are those of "media"."""
        found, fault = self.media.get(request.raw_path), self._next_fault("media", {"path": request.path})
        status = (fault.http if fault else 0) or (404 if fault or found is None else 200)
        self._note(Call("media", {"path": request.path}, accepted=status == 200, status=status))
        return web.Response(status=status, body=found[0] if found and not fault else b"")

    async def _call(self, request: web.BaseRequest, method: str) -> web.StreamResponse:
        raw = await request.read()
        params = _params(raw)
        fault = self._next_fault(method, params)
        if self.delay:
            await asyncio.sleep(self.delay)
        if fault and not fault.after:
            self._note(Call(method, params, accepted=False, status=_told(fault, -1)))
            return await self._spoil(request, fault, self._reply(0))
        try:
            result = await self._carry_out(request, method, raw, params)
            status, words = 0, "ok"
        except RefusedError as refused:
            result, status, words = {}, refused.status, refused.words
        self._note(Call(method, params, accepted=status == 0, status=_told(fault, status)))
        response = self._reply(status, words, **result)
        return await self._spoil(request, fault, response) if fault else response

    async def _carry_out(
        self, request: web.BaseRequest, method: str, raw: bytes, params: dict[str, Any]
    ) -> dict[str, Any]:
        """What the method gives. Raises RefusedError."""
        given = request.headers.get("X-Viber-Auth-Token") or params.get("auth_token")
        if given != self.token:
            raise RefusedError(2, "invalidAuthToken" if given else "missing_auth_token")
        if len(raw) > REQUEST_BYTES:
            raise RefusedError(3, "request is too long")
        if raw and not params and raw.strip() != b"{}":
            raise RefusedError(3, "the body is no object of JSON")
        result = self._methods[method](params)
        if asyncio.iscoroutine(result):
            result = await result
        if self.receipts_first and "message_token" in result:
            await self.callbacks.settled()
        done: dict[str, Any] = result
        return done

    async def _spoil(self, request: web.BaseRequest, fault: Fault, response: web.Response) -> web.StreamResponse:
        if half := await self._cut(request, fault, response):
            return half
        if fault.http or fault.html:
            page = "<html><body>Bad Gateway</body></html>"
            return web.Response(status=fault.http or 200, text=page, content_type="text/html")
        if fault.status or fault.bare:
            return self._reply(fault.status, "" if fault.bare else NAMES.get(fault.status, "generalError"))
        return response

    def _reply(self, status: int, words: str = "ok", **result: Any) -> web.Response:
        """HTTP status 200, whatever Viber says."""
        said = {"status_message": words} if words else {}
        body = {"status": status, **said, "chat_hostname": "SN-CHAT-05_", **result}
        return web.Response(body=json.dumps(body, ensure_ascii=False).encode(), content_type="application/json")


def _params(raw: bytes) -> dict[str, Any]:
    """The body; nothing where it is no object."""
    try:
        params = json.loads(raw or b"{}")
    except ValueError:
        return {}
    return params if isinstance(params, dict) else {}


def _told(fault: Fault | None, status: int) -> int:
    """The number that the bot sees."""
    if fault is None:
        return status
    cut = fault.hang or fault.drop or fault.half_body or fault.http or fault.html
    return -1 if cut else fault.status
