"""Two processes on one PostgreSQL: both take webhooks, one sends; when it is killed the other goes on."""

from __future__ import annotations

import asyncio
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import Connection, func, select

from bot.calendar import Rules, is_holiday
from storage import broadcasts, leases
from storage.broadcasts import Draft
from storage.cipher import Cipher
from storage.database import Database
from storage.tables import broadcasts as rows
from storage.tables import leases as lease_rows
from storage.tables import outbox
from tests.bench.fill import count_on
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_updates import Pending, Updates, Webhook
from tests.faults.announcer import noon, programme_at
from tests.faults.life import KEY
from tests.faults.service import Place, Service, free_port, nursery
from tests.storage.events_kit import CLASS, by, lead, settle

PEOPLE = 150
TALKERS = range(5000, 5012)
LONGEST = leases.LEASE.total_seconds() + 2


class Balanced(Updates):
    """Updates that are handed to two processes in turn, as a balancer before them would do."""

    ports: tuple[int, ...] = ()
    dead: int = 0
    took: Counter[int] | None = None

    def set_webhook(self, webhook: Webhook) -> None:
        super().set_webhook(webhook)
        self.took = self.took or Counter()

    async def _post(self, update: Pending) -> str:
        living = [port for port in self.ports if port != self.dead]
        port = living[update.id % len(living)]
        mine = self.webhook.url
        self.webhook.url = re.sub(r"https?://[^/]+", f"http://127.0.0.1:{port}", mine)
        failed = await super()._post(update)
        if not failed and self.took is not None:
            self.took[port] += 1
        return failed


@asynccontextmanager
async def two(url: str, folder: Path, fake: FakeTelegram) -> AsyncIterator[dict[int, Service]]:
    """Two services over one database; gives each by its port."""
    programme = programme_at(noon(), folder)
    settings = {
        "BOT_TELEGRAM_TOKEN": fake.token, "BOT_TELEGRAM_API_URL": fake.url, "BOT_PROGRAMME": str(programme),
        "BOT_PUBLIC_URL": "https://bot.example",
    }  # fmt: skip
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        found = {}
        for name in ("one", "two"):
            (folder / name).mkdir()
            place = Place(url, folder / name, free_port(), KEY)
            found[place.port] = await stack.enter_async_context(nursery(place, http, settings))
        yield found


def announced(connection: Connection) -> None:
    """An announcement that is due now."""
    acting = lead(connection)
    settle(connection, PEOPLE)
    count_on(connection)
    draft = Draft({"bg": "Елате в петък."}, {}, (), CLASS)
    broadcasts.publish(connection, by(now=datetime.now(UTC)), draft=draft, starts=None, rules=Rules(noon()))
    connection.execute(rows.update().values(due_at=datetime.now(UTC) - timedelta(seconds=1)))
    assert acting.contact_id == 1


def arrived(fake: FakeTelegram) -> int:
    """How many of the group have got it."""
    return len({who for who, _ in fake.copies if 100 <= who < 1000})


async def sender_of(database: Database, services: dict[int, Service]) -> int:
    """The port of whichever process sends for Telegram."""
    owner = await database.read(
        lambda c: c.execute(select(lease_rows.c.owner).where(lease_rows.c.name == "sender:telegram")).scalar_one()
    )
    for port, service in services.items():
        if f"|{service.number}|" in owner:
            return port
    raise AssertionError(owner)


async def put_off(database: Database) -> None:
    """Until one of the processes has looked at the announcement and moved it to another day."""
    due = select(rows.c.due_at)
    async with asyncio.timeout(LONGEST):
        while await database.read(lambda c: c.execute(due).scalar_one()) <= datetime.now(UTC):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("_new_database", ["postgres"], indirect=True)
async def test_the_other_process_goes_on_where_the_sender_was_killed(database_url: str, tmp_path: Path) -> None:
    async with FakeTelegram() as fake, two(database_url, tmp_path, fake) as services:
        fake.updates = Balanced(fake.clock, lambda tries: 0.05 * tries)
        fake.updates.changed, fake.updates.on_reply = fake._wake, fake._replied
        fake.updates.ports = tuple(services)
        async with Database(database_url, Cipher(KEY)) as database:
            await asyncio.gather(*(fake.user(n).start() for n in (1, *range(100, 100 + PEOPLE))))
            fake.updates.drop()
            await database.write(announced)
            for service in services.values():
                await service.start()
            if is_holiday(Rules(noon()), datetime.now(noon()).date()):
                await put_off(database)
                assert arrived(fake) == 0, "on a public holiday nobody is written to"
                return
            await fake.wait_until(lambda: arrived(fake) >= PEOPLE // 3, timeout=30)
            await asyncio.gather(*(fake.user(n).start() for n in TALKERS))
            await fake.wait_until(lambda: sum(who >= 5000 for who, _ in fake.copies) >= len(TALKERS), timeout=10)
            assert set(fake.updates.took or ()) == set(services), "both take webhooks"
            port = await sender_of(database, services)
            fake.updates.dead = port
            await services[port].end(signal.SIGKILL)
            assert arrived(fake) < PEOPLE, "it was killed in the middle"
            await fake.wait_until(lambda: arrived(fake) >= PEOPLE, timeout=LONGEST + 10)
            assert await sender_of(database, {p: s for p, s in services.items() if p != port}) != port
            waiting = select(func.count()).select_from(outbox).where(outbox.c.status.in_(("queued", "sending")))
            async with asyncio.timeout(LONGEST):
                while await database.read(lambda c: c.execute(waiting).scalar_one()):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        copies = Counter({who: n for (who, _), n in fake.copies.items() if 100 <= who < 1000})
        assert set(copies) == set(range(100, 100 + PEOPLE)), "nobody is skipped"
        assert max(copies.values()) <= 2
        assert sum(copies.values()) <= PEOPLE + 32, "at most what was on the wire came twice"
        for service in services.values():
            assert "Traceback" not in service.place.log.read_text(encoding="utf-8")
