"""A broadcast from the look that starts it to the phone: what arrives, what whoever wrote it sees, how it is held."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import Connection, insert, select, update

from bot.broadcasts import Broadcasts
from bot.messages import Address, Delivery, Lane, Limits, Media, Outgoing
from bot.reminders import opens
from storage import broadcasts, deliveries
from storage.broadcasts import MANY
from storage.cipher import Cipher
from storage.database import Database
from storage.outbox import Held
from storage.tables import addresses, contacts, conversations, events
from storage.tables import broadcasts as ours
from storage.tables import outbox as rows
from tests.faults import life as lives
from tests.faults.life import KEY, Clock, Life, Recorder, life
from tests.storage.broadcasts_kit import published
from tests.storage.events_kit import DAY, NOW, RULES, by, fire, lead, settle
from tests.storage.events_kit import published as event_published

QUICK = Limits(bulk_rate=10_000, bulk_burst=1000, chat_rate=1000)
LATER = 31.0  # seconds after it was published: nobody took it back

world = cache(lives.world)


@dataclass
class Desk:
    """A service whose broadcasts are taken further by hand."""

    process: Life
    job: Broadcasts
    channel: Recorder
    clock: Clock

    async def do(self, job: Callable[[Connection], Any]) -> Any:
        return await self.process.database.write(job)

    async def step(self, seconds: float = 0) -> list[Delivery]:
        """One look, and what arrives by it."""
        self.clock.pass_by(seconds)
        before = len(self.channel.calls)
        await self.job.step()
        await self.process.sender._claim()
        await self.process.sender.settled()
        return self.channel.calls[before:]

    async def act(self, act: Callable[..., None], **more: Any) -> None:
        acting = by(now=self.clock())
        await self.do(lambda c: act(c, acting, broadcast_id=1, **more))


@asynccontextmanager
async def desk(url: str, town: Callable[[Connection], Any], limits: Limits = QUICK) -> AsyncIterator[Desk]:
    clock, channel = Clock(NOW), Recorder(limits=limits)
    async with Database(url, Cipher(KEY)) as database:
        await database.write(town)
    async with life(url, channel, clock, all_of=world()) as process:
        yield Desk(
            process, Broadcasts(process.database, RULES, AsyncIOScheduler(timezone="UTC"), clock), channel, clock
        )


def to(calls: list[Delivery], who: int) -> list[Outgoing]:
    """What one person got."""
    return [call.message for call in calls if call.address.external == str(who)]


def presses(message: Outgoing) -> list[str]:
    return [button.press for row in message.rows for button in row]


# --- what arrives -----------------------------------------------------------------------------------------------------


async def test_each_reader_gets_their_language_their_name_and_buttons_of_their_own(database_url: str) -> None:
    photo = Media("photo", "telegram", "AgAC-7")

    def town(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 2)
        settle(connection, 1, first=400, home=100)
        connection.execute(update(contacts).where(contacts.c.id == 101).values(language="rom", name="Росен Илиев"))
        connection.execute(update(contacts).where(contacts.c.id == 400).values(name="Ана Колева"))
        said = {"bg": "Здравейте, ((име))! <b>Утре</b> *елате*.", "rom": "Ав, ((име))!"}
        published(connection, acting, words=said, media={"bg": photo}, buttons=("interested", "call"))

    async with desk(database_url, town) as at:
        assert to(await at.step(), 100) == []
        calls = await at.step(LATER)
    for_ana = next(m for m in to(calls, 100) if "Ана" in m.text)
    assert for_ana.text.startswith("За Ана:\nЗдравейте, Ана! <b>Утре</b> *елате*.")
    assert presses(for_ana) == ["/heard 1.400 interested", "/heard 1.400 call"]
    assert (for_ana.media and for_ana.media.handle) == photo.handle
    assert len(to(calls, 100)) == 2, "both who live there"
    (romani,) = to(calls, 101)
    assert romani.text.startswith("Ав, Росен!")
    assert romani.media == for_ana.media, "the Bulgarian picture, where there is no other"


async def test_of_an_event_its_title_time_and_place_are_put_in(database_url: str) -> None:
    def town(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1)
        event = event_published(connection, acting, NOW + 9 * DAY)
        fire(connection, event, "invite", NOW)
        words = {"bg": "((събитие)) ще бъде ((кога)), ((къде))."}
        published(connection, acting, words=words, audience={"events": [event.id]})
        connection.execute(update(rows).values(status="sent"))

    async with desk(database_url, town) as at:
        (message,) = to(await at.step(LATER), 100)
    assert "Родителска среща ще бъде четвъртък, 03.12, 10:00, ОУ „Епископ Софроний“ (до пазара)." in message.text


async def test_a_confidential_event_is_named_by_nothing_but_its_hour(database_url: str) -> None:
    def town(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1)
        event = event_published(connection, acting, NOW + 9 * DAY)
        fire(connection, event, "invite", NOW)
        connection.execute(update(events).values(activity="nobody_knows_it"))
        published(connection, acting, words={"bg": "((събитие)): ((кога)), ((къде))"}, audience={"events": [event.id]})
        connection.execute(update(rows).values(status="sent"))

    async with desk(database_url, town) as at:
        (message,) = to(await at.step(LATER), 100)
    assert "Родителска" not in message.text
    assert "Софроний" not in message.text
    assert "03.12, 10:00" in message.text


async def test_the_open_question_is_put_again_behind_it_and_not_behind_a_change_of_it(database_url: str) -> None:
    def town(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1)
        published(connection, acting)
        row = {"id": 5, "contact_id": 100, "script": "question", "state": "open", "asked": "text", "misses": 0}
        connection.execute(insert(conversations).values(row | {"started_at": NOW, "updated_at": NOW}))

    async with desk(database_url, town) as at:
        first = to([*await at.step(LATER), *await at.step(1)], 100)
        await at.act(broadcasts.change_sent, words={"bg": "В събота"})
        second = to([*await at.step(1), *await at.step(1)], 100)
    assert len(first) == 2
    assert [bool(message.replaces) for message in second] == [True]


# --- what whoever wrote it sees ---------------------------------------------------------------------------------------


async def test_its_author_sees_one_message_change_and_gets_one_report(database_url: str) -> None:
    def town(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 3)
        settle(connection, 1, first=300, channel="")
        published(connection, acting)

    async with desk(database_url, town) as at:
        calls = await at.step(LATER)
        for seconds in (1, 1, 3, 3):
            calls += await at.step(seconds)
        seen = to(calls, 1)
        place = next(n for n, call in enumerate(at.channel.calls, 1) if call.address.external == "1")
    assert [m.replaces for m in seen] == ["", str(place), ""]
    assert "0 от 3" in seen[0].text
    assert presses(seen[0])[:2] == ["/a_pause 1", "/a_stop 1"]
    assert "3 го получиха" in seen[1].text
    assert "3 го получиха" in seen[2].text
    assert presses(seen[2]) == ["/a_to_calls 1", "/announcement 1"]


async def test_where_a_message_cannot_be_changed_there_is_one_at_the_start_and_one_at_the_end(
    database_url: str,
) -> None:
    def town(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 3)
        connection.execute(update(addresses).where(addresses.c.id == 1).values(channel="web"))
        published(connection, acting)

    async with desk(database_url, town) as at:
        for _ in range(4):
            await at.step(LATER)
        keys = await at.do(lambda c: list(c.execute(select(rows.c.key).where(rows.c.contact_id == 1)).scalars()))
    assert sorted(keys) == ["progress:1:0", "progress:1:end"]


async def test_a_colleague_is_shown_the_words_and_how_many_it_goes_to(database_url: str) -> None:
    def town(connection: Connection) -> None:
        author, _ = lead(connection), lead(connection, 2)
        settle(connection, MANY + 1)
        published(connection, author)

    async with desk(database_url, town) as at:
        (asked,) = to(await at.step(), 2)
    assert "201 души" in asked.text
    assert "В петък от 17:00 училището" in asked.text
    assert presses(asked) == ["/announcement 1", "/a_approve 1", "/a_refuse 1"]


# --- held, stopped, changed -------------------------------------------------------------------------------------------

SLOW = Limits(bulk_rate=0.001, bulk_burst=11, chat_rate=1000)


@pytest.mark.parametrize("act", [broadcasts.pause_, broadcasts.stop])
async def test_what_a_sender_holds_in_its_memory_is_held_and_stopped_too(database_url: str, act: Any) -> None:
    def town(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 40)
        published(connection, acting)

    async with desk(database_url, town, SLOW) as at:
        at.clock.pass_by(LATER)
        await at.job.step()
        await at.process.sender._claim()
        await at.channel.called(5)
        sender = at.process.sender
        assert sum(map(len, sender._line.chains.values())) > 5
        await at.act(act)
        sender._line.gate.limits, sender._line.gate._all._rate, sender._line.gate._all._burst = QUICK, 10_000, 1000
        sender._line.gate._all._level = 1000
        sender._wake.set()
        await sender.settled()
        assert len([call for call in at.channel.calls if call.address.external != "1"]) <= 5
        if act is broadcasts.pause_:
            await at.act(broadcasts.go_on, rules=RULES)
            for _ in range(4):  # a sender takes some at a time
                await at.step(1)
            got = [call.address.external for call in at.channel.calls if call.address.external != "1"]
            assert sorted(got) == sorted(map(str, range(100, 140))), "each of them once"


async def test_a_row_that_was_called_back_and_claimed_anew_takes_its_own_place(database_url: str) -> None:
    def held(text: str) -> Held:
        message = Delivery(7, Address("telegram", "7"), Outgoing(text), Lane.BROADCAST)
        return Held(message, "broadcast:1:7", 7, 0, 0, NOW, NOW + DAY)

    async with desk(database_url, lambda c: None, SLOW) as at:
        sender = at.process.sender
        sender.hand([held("старо")])
        sender.hand([held("ново")])
        assert [row.delivery.message.text for chain in sender._line.chains.values() for _, _, row in chain] == ["ново"]


async def test_a_change_of_what_was_sent_goes_by_night_and_news_do_not() -> None:
    night = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
    message = Delivery(7, Address("telegram", "7"), Outgoing("x"), Lane.BROADCAST)
    at = opens(RULES)
    silent = ("edit:1.2:7", "unsend:1.2:7")
    assert [at(Held(message, key, 7, 0, 0, night, night + DAY), night) for key in silent] == [night, night]
    assert at(Held(message, "broadcast:1:7", 7, 0, 0, night, night + DAY), night) > night


async def test_two_processes_that_look_at_once_send_it_once(database_url: str) -> None:
    def town(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 60)
        published(connection, acting)

    async with desk(database_url, town) as at, Database(database_url, Cipher(KEY)) as other:
        beside = Broadcasts(other, RULES, AsyncIOScheduler(timezone="UTC"), at.clock, bite=7)
        at.clock.pass_by(LATER)
        for _ in range(3):
            await at.job.step()
            await beside.step()
            await at.step()
        got = [call.address.external for call in at.channel.calls if call.address.external != "1"]
        ended = await at.do(lambda c: c.execute(select(ours.c.status)).scalar_one())
    assert sorted(got) == sorted(map(str, range(100, 160)))
    assert ended == "done"


async def test_a_sender_that_claims_meanwhile_finds_no_words_for_who_stopped(database_url: str) -> None:
    def town(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 2)
        published(connection, acting)

    def meanwhile(connection: Connection) -> None:
        """In one transaction, or the sender of this life could be quicker than whoever stops."""
        now = at.clock()
        assert deliveries.start(connection, 1, now, RULES)
        assert deliveries.bite(connection, 1, now, RULES) == 2
        connection.execute(update(contacts).where(contacts.c.id == 100).values(status="stopped"))

    async with desk(database_url, town) as at:
        at.clock.pass_by(LATER)
        await at.do(meanwhile)
        await at.step()
        calls = at.channel.calls
        states = await at.do(lambda c: dict(c.execute(select(rows.c.contact_id, rows.c.status)).all()))
    assert to(calls, 100) == []
    assert len(to(calls, 101)) == 1
    assert states[100] == "cancelled"
