"""How the service is watched: /healthz, /readyz and /metrics. Numbers only, never personal data."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.messages import Incoming, Lane
from storage import contacts, leases, outbox
from storage.database import Database, Down
from storage.outbox import Held, Mark

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)
LEAST_DISK = 100 * 1024 * 1024  # bytes free below which we say that we are not ready

Clock = Callable[[], datetime]


class Watch:
    """The figures of one running service."""

    def __init__(self, database: Database, data: Path, clock: Clock) -> None:
        self._database, self._data, self._clock = database, data, clock
        self._registry = CollectorRegistry()
        self._contacts = self._gauge("bot_contacts", "Contacts by status", "status")
        self._outbox = self._gauge("bot_outbox_messages", "Messages in the outbox", "channel", "lane", "status")
        self._events = self._counter("bot_inbox_events", "Events taken in")
        self._repeats = self._counter("bot_inbox_repeats", "Events offered again")
        self._commit = self._seconds("bot_event_to_commit_seconds", "From an event's arrival to its commit")
        self._send = self._seconds("bot_event_to_send_seconds", "From an event's commit until its reply was taken")

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self._registry)

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(name, text, ["channel"], registry=self._registry)

    def _seconds(self, name: str, text: str) -> Histogram:
        return Histogram(name, text, ["channel"], buckets=SECONDS, registry=self._registry)

    def routes(self) -> Sequence[Route]:
        """What a monitor asks for."""
        return [Route("/healthz", _alive), Route("/readyz", self._ready), Route("/metrics", self._metrics)]

    def seen(self, event: Incoming, fresh: bool, seconds: float) -> None:
        """An event was committed, or was known already."""
        channel = event.address.channel
        (self._events if fresh else self._repeats).labels(channel).inc()
        self._commit.labels(channel).observe(seconds)

    def sent(self, row: Held, mark: Mark) -> None:
        """A row got its outcome."""
        if mark.at is not None:
            waited = (mark.at - row.not_before).total_seconds()
            self._send.labels(row.delivery.address.channel).observe(max(waited, 0.0))

    async def _ready(self, _: Request) -> Response:
        free = shutil.disk_usage(self._data if self._data.exists() else Path()).free
        found = {"database": await self._can_write(), "disk": free > LEAST_DISK}
        return JSONResponse(found, status_code=200 if all(found.values()) else 503)

    async def _can_write(self) -> bool:
        now = self._clock()
        try:
            await self._database.write(lambda connection: leases.probe(connection, now))
        except Down:
            return False
        return True

    async def _metrics(self, _: Request) -> Response:
        with contextlib.suppress(Down):  # what needs no database is told all the same
            self._count(*await self._database.read(lambda c: (contacts.counts(c), outbox.counts(c))))
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

    def _count(self, people: Mapping[str, int], messages: Sequence[tuple[str, int, str, int]]) -> None:
        self._contacts.clear()
        for status, number in people.items():
            self._contacts.labels(status).set(number)
        self._outbox.clear()
        for channel, lane, status, number in messages:
            self._outbox.labels(channel, Lane(lane).name.lower(), status).set(number)


async def _alive(_: Request) -> Response:
    return PlainTextResponse("ok\n")
