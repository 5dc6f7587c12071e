"""Waiting until something is so, without looking again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Waiting:
    """Those who wait. Whoever changes something calls wake()."""

    _waiters: list[tuple[Callable[[], bool], asyncio.Future[None]]] = field(default_factory=list)

    async def until(
        self,
        true: Callable[[], bool],
        timeout: float = 5.0,  # noqa: ASYNC109
        saw: Callable[[], str] = lambda: "",
    ) -> None:
        """Return as soon as `true` holds; `saw` says for the TimeoutError what was there instead."""
        if true():
            return
        waiter = (true, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(timeout):
                await waiter[1]
        except TimeoutError:
            raise TimeoutError(f"waited {timeout} s {saw()}".strip()) from None
        finally:
            self._waiters.remove(waiter)

    def wake(self) -> None:
        for true, waiter in self._waiters:
            if not waiter.done() and true():
                waiter.set_result(None)
