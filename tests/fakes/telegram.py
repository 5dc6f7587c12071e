"""A Bot API server on loopback that behaves as the real one, with people and faults on demand.

The rules it keeps: https://core.telegram.org/bots/api.

In a test: `async with FakeTelegram() as fake:`, then `fake.url` and `fake.token` for the bot, `fake.user(7)` to act.
In its own process: `python -m tests.fakes.telegram --port 0 --delay-ms 40`, which prints its address and the token.
All state is here: the bot may be killed at any moment, and polling or webhook retries go on with the next one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl

from aiohttp import web

from tests.fakes.server import Call, Server, Trouble
from tests.fakes.telegram_api import BotApi
from tests.fakes.telegram_checks import Flood, RefusedError
from tests.fakes.telegram_files import UPLOAD
from tests.fakes.telegram_people import Person
from tests.fakes.telegram_updates import server_backoff

__all__ = ["TOKEN", "Call", "FakeTelegram", "Fault", "Flood"]

TOKEN = "7000000001:AAfake_token_of_the_tests_0123456789abc"


@dataclass(frozen=True)
class Fault(Trouble):
    """What goes wrong with one call."""

    status: int = 0
    description: str = ""
    retry_after: int = 0
    html: str = ""  # a page of some gateway; with status 200 if none is given


class FakeTelegram(BotApi, Server[Fault]):
    """The server, its one bot and its people."""

    refusals: ClassVar[int] = 400  # of HTTP; 0 if the line was cut

    def __init__(
        self,
        *,
        token: str = TOKEN,
        delay: float = 0.0,  # seconds before each answer except getUpdates'
        port: int = 0,
        clock: Callable[[], float] = time.time,
        backoff: Callable[[int], float] = server_backoff,
        flood: Flood | None = None,
        longest_poll: float = 50.0,  # seconds; the real cap, or less for a test that waits for an empty answer
        keep_calls: bool = True,
    ) -> None:
        BotApi.__init__(self, token, clock, backoff, flood)
        Server.__init__(self, delay=delay, port=port, keep_calls=keep_calls)
        self.longest_poll = longest_poll
        self.updates.changed = self._wake
        self.updates.on_reply = self._replied
        self.url = ""

    async def __aenter__(self) -> Self:
        self.url = await self._listen(web.Server(self._serve, request_factory=_request, access_log=None))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._let_go()
        await self.updates.close()
        await self._hang_up()

    # For tests

    def user(self, number: int, first_name: str = "Мария", language_code: str = "bg", **more: Any) -> Person:
        """The person with this id; made on the first mention."""
        if number not in self.people:
            phone = more.pop("phone", f"3598{80_000_000 + number % 10_000_000}")
            person = Person(number, first_name, self, language_code=language_code, phone=phone, **more)
            self.people[number] = person
        return self.people[number]

    def fail_next(self, method: str, status: int = 0, description: str = "", *, times: int = 1, **more: Any) -> None:
        """Let the next calls of `method` fail so. `more` as in Fault; drop_before, drop_after are short for drop."""
        self._let_fail(method, Fault, times, {"status": status, "description": description, **more})

    def duplicates(self) -> int:
        """Accepted messages beyond the first of the same text in the same chat."""
        return sum(count - 1 for count in self.copies.values())

    # HTTP

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path.startswith("/control"):
            return await self._control(request)
        if path.startswith(f"/file/bot{self.token}/"):
            return await self._file(request, path)
        if not path.startswith("/bot"):
            return _refuse(RefusedError(404, "Not Found"))
        token, _, method = path.removeprefix("/bot").partition("/")
        if token != self.token:
            return _refuse(RefusedError(401, "Unauthorized"))
        return await self._call(request, method.lower())

    async def _file(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """A download. Its faults are those of "file"."""
        fault = self._next_fault("file", {"path": path})
        content = self.files.at(path)
        found = content is not None
        response = web.Response(body=content) if found else _refuse(RefusedError(404, "Not Found"))
        self._note(Call("file", {"path": path}, found and not fault, 0 if fault else response.status))
        return await self._spoil(request, fault, response) if fault else response

    async def _call(self, request: web.BaseRequest, method: str) -> web.StreamResponse:
        params = await _params(request)
        fault = self._next_fault(method, params)
        if self.delay and method != "getupdates":
            await asyncio.sleep(self.delay)
        if fault and not fault.after:
            self._note(Call(method, params, accepted=False, status=fault.status))
            return await self._spoil(request, fault, _json({"ok": True, "result": True}))
        response, accepted = await self._answer(method, params)
        self._note(Call(method, params, accepted, 0 if fault else response.status))
        return await self._spoil(request, fault, response) if fault else response

    async def _replied(self, called: dict[str, Any]) -> None:
        """A call that came as the answer to a webhook. Nobody learns its result, but it is counted."""
        method = str(called.pop("method", "")).lower()
        response, accepted = await self._answer(method, called)
        self._note(Call(method, called, accepted, response.status))

    async def _answer(self, method: str, params: dict[str, Any]) -> tuple[web.Response, bool]:
        perform = self._methods.get(method)
        if perform is None:
            return _refuse(RefusedError(404, "Not Found: method not found")), False
        try:
            result = perform(params)
            if asyncio.iscoroutine(result):
                result = await result
        except RefusedError as refused:
            return _refuse(refused), False
        return _json({"ok": True, "result": result}), True

    async def _spoil(self, request: web.BaseRequest, fault: Fault, response: web.Response) -> web.StreamResponse:
        if half := await self._cut(request, fault, response):
            return half
        if fault.html:
            return web.Response(status=fault.status or 200, text=fault.html, content_type="text/html")
        if fault.status:
            return _refuse(RefusedError(fault.status, fault.description, retry_after=fault.retry_after))
        return response

    # Control from another process

    async def _control(self, request: web.BaseRequest) -> web.Response:
        """GET: the counters. POST {"user": 7, "do": "press", "args": ["Да"], "wait": 5}: act, and show what is seen."""
        if request.method == "GET":
            state = {"counts": self.counts, "duplicates": self.duplicates(), "pending": len(self.updates.waiting())}
            return _json({**state, "delivered": self.updates.delivered, "repeated": self.updates.repeated})
        order = await request.json()
        if "fail" in order:
            self.fail_next(order["fail"], **order.get("how", {}))
            return _json({})
        person = self.user(order["user"], **order.get("profile", {}))
        if "do" in order:
            await getattr(person, order["do"])(*order.get("args", []), **order.get("named", {}))
        if "wait" in order:
            await person.wait_reply(order["wait"])
        shown = [{"id": message.id, "text": message.text, "labels": message.labels} for message in person.messages[-5:]]
        return _json({"messages": shown, "keyboard": person.keyboard, "spinning": len(person.spinning)})


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    """A request whose body may be as large as Telegram takes it; aiohttp's own limit is a megabyte."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=UPLOAD + 1024 * 1024)


async def _params(request: web.BaseRequest) -> dict[str, Any]:
    """Query and body together: JSON, a form, or multipart with files as (filename, content, media type)."""
    params: dict[str, Any] = dict(request.query)
    match request.content_type:
        case "application/json":
            params |= json.loads(await request.read() or b"{}")
        case "application/x-www-form-urlencoded":
            params |= parse_qsl((await request.read()).decode(), keep_blank_values=True)
        case "multipart/form-data":
            for name, value in (await request.post()).items():
                file = value if isinstance(value, web.FileField) else None
                params[name] = (file.filename, file.file.read(), file.content_type) if file else value
    return params


def _json(body: object) -> web.Response:
    return web.Response(body=json.dumps(body, ensure_ascii=False).encode(), content_type="application/json")


def _refuse(refused: RefusedError) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error_code": refused.status, "description": refused.description}
    headers = {}
    if refused.retry_after:
        body["parameters"] = {"retry_after": refused.retry_after}
        headers["Retry-After"] = str(refused.retry_after)
    text = json.dumps(body, ensure_ascii=False)
    return web.Response(status=refused.status, text=text, content_type="application/json", headers=headers)


async def _main() -> None:
    parser = argparse.ArgumentParser(description="A fake Telegram on loopback.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--flood", action="store_true", help="30 a second in all, 1 a second to one chat")
    options = parser.parse_args()
    flood = Flood() if options.flood else None
    async with FakeTelegram(delay=options.delay_ms / 1000, port=options.port, flood=flood, keep_calls=False) as fake:
        print(json.dumps({"url": fake.url, "token": fake.token}), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_main())
