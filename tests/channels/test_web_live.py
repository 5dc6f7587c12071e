"""The web chat's open streams: what arrives live, what follows a cut line, and how they end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest

from bot.channels import Unavailable
from bot.channels.web import Pace
from bot.channels.web_guard import Buckets, Recent
from bot.channels.web_live import Live, Stream, events
from bot.messages import Address, Outgoing, Shown
from tests.channels.web_visitor import Visitor, visiting
from tests.web.fake_bot import FakeBot, serving

HERE = Address("web", "here")
NEVER = Pace(fresh=3600, quiet=3600, ping=3600)
SOON = Pace(fresh=0.01, quiet=0.01, ping=3600)


@asynccontextmanager
async def online(bot: FakeBot, pace: Pace) -> AsyncIterator[tuple[Visitor, Address]]:
    """A visitor of a real server who has written once."""
    async with serving(bot.channel(pace=pace)) as url, httpx.AsyncClient(base_url=url, timeout=5) as http:
        visitor = Visitor(http)
        await visitor.open()
        assert (await visitor.json(text="здравейте")).status_code == 200
        yield visitor, bot.accepted[0].address


@asynccontextmanager
async def stream(visitor: Visitor, after: int = 0, **headers: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    async with visitor.http.stream("GET", f"/chat/live?after={after}", headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = response.aiter_lines()
        assert await anext(lines) == "retry: 2000"
        yield messages(lines)


async def messages(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, Any]]:
    number = ""
    async for line in lines:
        if line.startswith("id: "):
            number = line[4:]
        if line.startswith("data: "):
            told = json.loads(line[6:])
            assert number == str(told["id"])
            yield told


def texts(told: Sequence[dict[str, Any]]) -> list[str]:
    return ["".join(part[0] for part in message["parts"]) for message in told]


async def test_a_sent_message_arrives_at_once() -> None:
    bot = FakeBot()
    async with online(bot, NEVER) as (visitor, address), stream(visitor) as arriving:
        await bot.say(address, Outgoing("Здравейте!\nКак сте?"))
        await bot.say(Address("web", "somebody-else"), Outgoing("не за Вас"))
        await bot.say(address, Outgoing("Още нещо"))
        told = [await anext(arriving), await anext(arriving)]
    assert texts(told) == ["Здравейте!\nКак сте?", "Още нещо"]


async def test_what_another_process_sent_arrives_by_reading_again() -> None:
    bot = FakeBot()
    async with online(bot, SOON) as (visitor, address), stream(visitor) as arriving:
        bot.put(address, Outgoing("от другаде"))
        assert texts([await anext(arriving)]) == ["от другаде"]


@pytest.mark.parametrize(
    ("after", "last_event", "first"),
    [(0, "", "1"), (1, "", "2"), (1, "2", "3"), (2, "1", "3")],
    ids=["from the beginning", "from what the page has", "from where the line was cut", "the page knew more"],
)
async def test_a_renewed_line_continues_where_it_was_cut(after: int, last_event: str, first: str) -> None:
    bot = FakeBot()
    headers = {"Last-Event-ID": last_event} if last_event else {}
    async with online(bot, NEVER) as (visitor, address):
        for number in ("1", "2", "3"):
            bot.put(address, Outgoing(number))
        async with stream(visitor, after, **headers) as arriving:
            assert texts([await anext(arriving)]) == [first]


async def test_a_silent_stream_is_kept_open_by_pings() -> None:
    bot = FakeBot()
    pace = Pace(fresh=3600, quiet=3600, ping=0.01)
    async with online(bot, pace) as (visitor, _), visitor.http.stream("GET", "/chat/live?after=0") as response:
        lines = response.aiter_lines()
        assert [await anext(lines) for _ in range(5)] == ["retry: 2000", "", ": ping", "", ": ping"]


async def test_open_streams_end_when_the_channel_stops() -> None:
    bot = FakeBot()
    channel = bot.channel(pace=NEVER)
    async with serving(channel) as url, httpx.AsyncClient(base_url=url, timeout=5) as http:
        visitor = Visitor(http)
        await visitor.open()
        await visitor.json(text="здравейте")
        running = asyncio.create_task(channel.run(), name="channel")
        async with stream(visitor) as arriving:
            running.cancel()
            assert [m async for m in arriving] == []
        with pytest.raises(asyncio.CancelledError):
            await running
        await channel.close()
        assert (await http.get("/chat/live?after=0")).status_code == 503


def test_the_sixth_page_of_a_chat_ends_the_oldest() -> None:
    live = Live(per_chat=5)
    with ExitStack() as pages:
        opened = [pages.enter_context(live.listen(HERE)) for _ in range(6)]
        assert [page.over for page in opened] == [True] + [False] * 5
        live.wake(HERE)
        assert all(page.news.is_set() for page in opened)
    assert (live._open, live._count) == ({}, 0)


def test_all_streams_together_are_bounded() -> None:
    live = Live(total=3)
    with ExitStack() as pages:
        opened = [pages.enter_context(live.listen(Address("web", str(number)))) for number in range(3)]
        assert live.full
        live.close()
        live.close()
        assert all(page.over for page in opened)
    assert live.full, "a closed one takes nobody"


async def test_a_message_put_while_the_stream_reads_is_not_missed() -> None:
    stream_ = Stream()
    kept = [(1, "едно")]

    async def read(after: int) -> Sequence[tuple[int, str]]:
        found = [line for line in kept if line[0] > after]
        if len(kept) == 1:
            kept.append((2, "две"))
            stream_.news.set()
        return found

    got = [chunk async for chunk in taken(events(stream_, 0, read, NEVER), 3)]
    assert got[1:] == ["id: 1\ndata: едно\n\n", "id: 2\ndata: две\n\n"]


async def taken(chunks: AsyncIterator[str], count: int) -> AsyncIterator[str]:
    for _ in range(count):
        yield await asyncio.wait_for(anext(chunks), 5)


async def test_a_page_is_told_kindly_when_its_transcript_cannot_be_read() -> None:
    bot = FakeBot()
    channel = bot.channel()
    async with visiting(channel) as visitor:
        await visitor.open()
        await visitor.json(text="да")

        async def locked(_address: Address, _after: int) -> Sequence[Shown]:
            raise Unavailable

        channel._transcript = locked
        page = await visitor.http.get("/")
        polled = await visitor.http.get("/chat/messages?after=1", headers={"Accept": "application/json"})
    assert (page.status_code, polled.status_code) == (503, 503)
    assert "Към чата" in page.text
    assert polled.json()["error"] == "busy"


async def test_a_stream_lives_through_a_database_that_is_locked_for_a_while() -> None:
    bot = FakeBot()
    channel = bot.channel(pace=SOON)
    locked = 3

    async def transcript(address: Address, after: int) -> Sequence[Shown]:
        nonlocal locked
        locked -= 1
        if locked > 0:
            raise Unavailable
        return await bot.transcript(address, after)

    async with serving(channel) as url, httpx.AsyncClient(base_url=url, timeout=5) as http:
        visitor = Visitor(http)
        await visitor.open()
        channel._transcript = transcript
        assert (await visitor.json(text="рано")).status_code == 503
        channel._transcript, locked = bot.transcript, 3
        await visitor.json(text="да")
        bot.put(bot.accepted[0].address, Outgoing("Здравейте"))
        channel._transcript = transcript
        async with stream(visitor) as arriving:
            assert texts([await anext(arriving)]) == ["Здравейте"]
    assert locked <= 0


def test_buckets_refill_and_stay_few() -> None:
    buckets = Buckets(burst=2, each=0.5, size=3)
    assert [buckets.take("a", now) for now in (0, 0, 0, 1, 2)] == [0, 0, 2, 1, 0]
    for number in range(100):
        buckets.take(str(number), 3)
    assert len(buckets._left) == 3
    assert buckets.take("99", -100) == 0, "a clock that steps back takes nothing away"


def test_recent_chats_stay_few() -> None:
    recent = Recent(size=2)
    for name in ("a", "b", "a", "c"):
        recent.add(name)
    assert [name in recent for name in ("a", "b", "c")] == [True, False, True]
