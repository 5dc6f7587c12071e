"""What every fake platform does: it listens on loopback, keeps an account of the bot's calls, and fails on demand."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from aiohttp import web

from tests.fakes.waiting import Waiting


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What goes wrong with the line. `after`: only once the call was carried out, so that the bot cannot know."""

    hang: bool = False
    drop: bool = False
    half_body: bool = False
    after: bool = False


@dataclass(frozen=True)
class Call:
    """One request of the bot's. Accepted: it was carried out, whatever the bot was told."""

    method: str
    params: Mapping[str, Any]
    accepted: bool
    status: int  # the platform's own; none of them if no answer of its came


Fault = TypeVar("Fault", bound=Trouble)


class Server(Generic[Fault]):
    """A platform's side of the line. Names of methods count in any case."""

    refusals: ClassVar[int]  # the lowest status that is one

    def __init__(self, *, delay: float, port: int, keep_calls: bool) -> None:
        self.delay, self.port = delay, port
        self.calls: list[Call] = []
        self.counts: Counter[str] = Counter()  # calls by method, and refusals as "method 12"
        self.fault: Callable[[str, Mapping[str, Any]], Fault | None] | None = None
        self._faults: dict[str, list[Fault]] = {}
        self._keep_calls = keep_calls
        self._hanging: set[asyncio.Future[None]] = set()
        self._waiting = Waiting()
        self._runner: web.ServerRunner | None = None

    async def _listen(self, server: web.Server) -> str:
        """Gives the address, without a stroke at its end."""
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]
        return f"http://127.0.0.1:{self.port}"

    async def _hang_up(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    # For tests

    def of(self, method: str) -> list[Call]:
        """The calls of one method, in order."""
        return [call for call in self.calls if call.method == method.lower()]

    async def wait_until(self, true: Callable[[], bool], timeout: float = 5.0) -> None:  # noqa: ASYNC109
        """Return as soon as `true` holds; looked at after every call of the bot's and every delivery."""
        await self._waiting.until(true, timeout)

    async def wait_call(self, method: str, count: int = 1, timeout: float = 5.0) -> Call:  # noqa: ASYNC109
        """The `count`-th call of a method."""
        await self.wait_until(lambda: self.counts[method.lower()] >= count, timeout)
        return self.of(method)[count - 1]

    @property
    def hanging(self) -> int:
        """How many calls wait for their answer."""
        return len(self._hanging)

    def release(self) -> None:
        """Let the calls that hang go on, as slow answers."""
        for hanging in self._hanging:
            if not hanging.done():
                hanging.set_result(None)

    # Faults and the account

    def _let_fail(self, method: str, fault: Callable[..., Fault], times: int, how: dict[str, Any]) -> None:
        """The next calls of a method fail so; drop_before and drop_after are short for what they say."""
        if how.pop("drop_before", False):
            how["drop"] = True
        if how.pop("drop_after", False):
            how |= {"drop": True, "after": True}
        self._faults.setdefault(method.lower(), []).extend([fault(**how)] * times)

    def _next_fault(self, method: str, params: Mapping[str, Any]) -> Fault | None:
        if waiting := self._faults.get(method):
            return waiting.pop(0)
        return self.fault(method, params) if self.fault else None

    async def _cut(self, request: web.BaseRequest, fault: Fault, whole: web.Response) -> web.StreamResponse | None:
        """Let the line hang or break; gives half an answer where that is the fault."""
        if fault.hang:
            await self._hang()
        if fault.drop and request.transport:
            request.transport.abort()
        return await _half(request, whole) if fault.half_body else None

    async def _hang(self) -> None:
        hanging: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._hanging.add(hanging)
        self._wake()
        try:
            await hanging
        finally:
            self._hanging.discard(hanging)

    def _let_go(self) -> None:
        for hanging in self._hanging:
            hanging.cancel()

    def _note(self, call: Call) -> None:
        self.counts[call.method] += 1
        if call.status >= self.refusals:
            self.counts[f"{call.method} {call.status}"] += 1
        if self._keep_calls:
            self.calls.append(call)
        self._wake()

    def _wake(self) -> None:
        self._waiting.wake()


async def _half(request: web.BaseRequest, whole: web.Response) -> web.StreamResponse:
    body = bytes(whole.body) if isinstance(whole.body, bytes | bytearray) else b"{}"
    response = web.StreamResponse(status=whole.status, headers={"Content-Type": "application/json"})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport:
        request.transport.close()
    return response
