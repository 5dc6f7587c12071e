"""Contents are fetched from the platform that brought them, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.channels import Unavailable
from bot.media import BITE, REST, Fetcher, message_reader, reader
from bot.messages import Failure, Limits, Media
from storage import media
from storage.database import Database, Down
from storage.media import LARGEST
from tests.channels.telegram_kit import Inbox, channel
from tests.fakes.pictures import JPEG, OGG
from tests.fakes.telegram import FakeTelegram
from tests.storage.kit import NOW, opened

PHOTO = Media("photo", "telegram", "photo-1")
Bring = Callable[[str], bytes | Failure]


@dataclass
class Bringer:
    """A channel that brings what it is told to."""

    bring: Bring
    name: str = "telegram"
    limits: Limits = field(default_factory=Limits)
    asked: list[str] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event | None = None

    async def fetch(self, handle: str, largest: int) -> bytes | Failure:
        assert largest == LARGEST
        self.asked.append(handle)
        self.reached.set()
        if self.gate:
            await self.gate.wait()
        return self.bring(handle)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url) as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


def fetching(database: Database, clock: Clock, *channels: Any) -> Fetcher:
    return Fetcher(database, channels, AsyncIOScheduler(), clock)


async def kept(database: Database, **more: Any) -> int:
    """Something that waits to be fetched."""
    sent = Media(**{"kind": "photo", "channel": "telegram", "handle": "photo-1", **more})
    return await database.write(lambda c: media.keep(c, sent, NOW))


async def test_what_waits_is_fetched_and_is_what_its_bytes_say(database: Database, clock: Clock) -> None:
    photo, voice = await kept(database, mime="text/html"), await kept(database, kind="voice", handle="voice-1")
    fetcher = fetching(database, clock, Bringer({"photo-1": JPEG, "voice-1": OGG}.__getitem__))
    assert await fetcher.look() == 2
    assert await fetcher.look() == 0
    read = reader(database)
    assert (await read(photo), await read(voice), await read(99)) == (JPEG, OGG, None)
    found = [await database.read(lambda c, n=n: media.load(c, n)) for n in (photo, voice)]
    assert [m.mime for m in found if m] == ["image/jpeg", "audio/ogg"]


async def test_a_channel_that_brings_nothing_is_left_alone(database: Database, clock: Clock) -> None:
    await kept(database, channel="web", handle="x")
    scheduler = AsyncIOScheduler()
    fetcher = Fetcher(database, [object()], scheduler, clock)  # type: ignore[list-item]
    fetcher.start()
    assert (await fetcher.look(), scheduler.get_jobs()) == (0, [])


async def test_it_looks_by_itself_as_long_as_the_scheduler_runs(database: Database, clock: Clock) -> None:
    scheduler = AsyncIOScheduler()
    Fetcher(database, [Bringer(lambda _: JPEG)], scheduler, clock).start()  # type: ignore[list-item]
    (job,) = scheduler.get_jobs()
    number = await kept(database)
    assert await job.func() == 1
    assert await reader(database)(number) == JPEG


LATER = Failure("not_there", retryable=True)
FAILED: dict[str, tuple[Failure, str, int]] = {  # what it says, the state, the attempts
    "a file that is too big": (Failure("too_big"), "lost", 1),
    "a handle that is none": (Failure("bad_media"), "lost", 1),
    "a path that has expired": (LATER, "waiting", 1),
    "a line that was cut": (Failure("no_answer", retryable=True, ambiguous=True), "waiting", 1),
    "a platform that cannot be reached": (Failure("not_sent", retryable=True, channel_down=True), "waiting", 0),
    "a flood": (Failure("too_many_requests", retryable=True, retry_after=7.0), "waiting", 0),
}


@pytest.mark.parametrize(("failure", "state", "attempts"), FAILED.values(), ids=FAILED.keys())
async def test_a_failure_is_counted_where_it_is_the_file_s(
    failure: Failure, state: str, attempts: int, database: Database, clock: Clock
) -> None:
    number = await kept(database)
    assert await fetching(database, clock, Bringer(lambda _: failure)).look() == 0
    row = await database.read(lambda c: c.exec_driver_sql("select state, attempts from media").one())
    assert tuple(row) == (state, attempts)
    assert await reader(database)(number) is None


async def test_one_bad_file_holds_no_other_up(database: Database, clock: Clock) -> None:
    await kept(database, handle="bad")
    good = await kept(database, handle="good")
    bringer = Bringer(lambda handle: JPEG if handle == "good" else LATER)
    assert await fetching(database, clock, bringer).look() == 1
    assert await reader(database)(good) == JPEG


@pytest.mark.parametrize(
    ("failure", "seconds"),
    [(Failure("not_sent", channel_down=True), REST), (Failure("too_many_requests", retry_after=7.0), 7)],
)
async def test_a_channel_in_trouble_rests_and_no_other_does(
    failure: Failure, seconds: int, database: Database, clock: Clock
) -> None:
    for _ in range(3):
        await kept(database)
    await kept(database, channel="viber", handle="url")
    down, up = Bringer(lambda _: failure), Bringer(lambda _: JPEG, name="viber")
    fetcher = fetching(database, clock, down, up)
    assert (await fetcher.look(), len(down.asked), len(up.asked)) == (1, 1, 1)
    clock.now += timedelta(seconds=seconds - 1)
    assert (await fetcher.look(), len(down.asked)) == (0, 1)
    clock.now += timedelta(seconds=1)
    down.bring = lambda _: JPEG
    assert await fetcher.look() == 3


async def test_a_look_takes_a_bite(database: Database, clock: Clock) -> None:
    for _ in range(BITE + 1):
        await kept(database)
    fetcher = fetching(database, clock, Bringer(lambda _: JPEG))
    assert [await fetcher.look(), await fetcher.look()] == [BITE, 1]


async def test_a_slow_file_is_not_fetched_twice_at_once(database: Database, clock: Clock) -> None:
    await kept(database)
    slow = Bringer(lambda _: JPEG, gate=asyncio.Event())
    fetcher = fetching(database, clock, slow)
    assert slow.gate
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(fetcher.look(), name="first")
        await slow.reached.wait()
        assert await fetcher.look() == 0
        slow.gate.set()
    assert (first.result(), len(slow.asked)) == (1, 1)


async def test_a_kill_between_the_platform_and_the_database_only_fetches_once_more(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await kept(database)
    bringer = Bringer(lambda _: JPEG)

    async def killed(job: Any) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(database, "write", killed)
        with pytest.raises(asyncio.CancelledError):
            await fetching(database, clock, bringer).look()
    assert await fetching(database, clock, bringer).look() == 1
    assert (await reader(database)(number), bringer.asked) == (JPEG, ["photo-1"] * 2)


async def test_a_database_that_is_down_is_waited_for(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await kept(database)
    bringer = Bringer(lambda _: JPEG)
    fetcher = fetching(database, clock, bringer)

    async def down(job: Any) -> None:
        raise Down("locked")

    with monkeypatch.context() as patch:
        patch.setattr(database, "write", down)
        assert await fetcher.look() == 0
        patch.setattr(database, "read", down)
        assert await fetcher.look() == 0
        with pytest.raises(Unavailable):
            await reader(database)(number)
        with pytest.raises(Unavailable):
            await message_reader(database)(1)
    assert await fetcher.look() == 1


@asynccontextmanager
async def telegram_that(**fault: Any) -> AsyncIterator[tuple[FakeTelegram, Any]]:
    async with FakeTelegram() as fake:
        if fault:
            fake.fail_next(fault.pop("method", "file"), **fault)
        made = channel(fake, Inbox(), answer_seconds=0.1)
        try:
            yield fake, made
        finally:
            await made.close()


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"status": 404}, id="a path that expired"),
        pytest.param({"half_body": True, "after": True}, id="a cut line"),
        pytest.param({"drop_before": True, "times": 2}, id="no line"),  # aiohttp asks once more by itself
        pytest.param({"hang": True}, id="a slow line"),
        pytest.param({"status": 500}, id="a server in trouble"),
        pytest.param(
            {"method": "getFile", "status": 400, "description": "Bad Request: file is temporarily unavailable"},
            id="a file that is away",
        ),
    ],
)
async def test_from_telegram_it_comes_after_all(fault: dict[str, Any], database: Database, clock: Clock) -> None:
    number = await kept(database)
    async with telegram_that(**fault) as (_, telegram):
        fetcher = fetching(database, clock, telegram)
        assert await fetcher.look() == 0
        assert await fetcher.look() == 0, "not at once"
        clock.now += timedelta(seconds=30)
        assert await fetcher.look() == 1
    assert await reader(database)(number) == b"p"


async def test_from_telegram_nothing_larger_than_the_limit_comes(database: Database, clock: Clock) -> None:
    async with telegram_that() as (fake, telegram):
        file = fake.files.add("document", bytes(LARGEST + 1))
        number = await kept(database, kind="document", handle=file.id)
        assert await fetching(database, clock, telegram).look() == 0
    assert await database.read(lambda c: media.coming(c, [number])) == set()
    assert await reader(database)(number) is None
