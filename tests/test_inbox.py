"""Receiving: each event once, in order, with all its consequences in one commit, whatever its neighbours do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, update

from bot import inbox as module
from bot.channels import Unavailable
from bot.chat import Chat, Finish, Text, literal
from bot.inbox import Inbox
from bot.messages import Address, Incoming, Kind, Outgoing
from bot.parts import parts
from bot.texts import words
from bot.visit import World
from storage import people
from storage.database import Database, Down
from storage.outbox import Held, Taker
from storage.tables import addresses, answers, conversations, inbox, notices, outbox, residents
from storage.tables import contacts as contact_rows
from tests.conversations.client import world
from tests.storage.kit import NOW, counted, enrol, everything, meet, opened

SECRET = "Гюлбахар 0888123456"  # must not be found outside sealed columns


async def fragile(chat: Chat) -> Finish:
    """Asks twice, and breaks on a certain word."""
    first = await chat.ask("first", Text(literal("Първо?")))
    if SECRET in first:
        raise ZeroDivisionError(first)
    second = await chat.ask("second", Text(literal("Второ?")))
    if SECRET in second:
        raise LookupError(second)
    chat.say(literal("Край."))
    return Finish()


def with_script(script: Any) -> World:
    talks = world().talks
    return replace(world(), talks=replace(talks, scripts={**talks.scripts, "registration": script})).with_labels()


FRAGILE = with_script(fragile)


@dataclass
class Watcher:
    """Stands where the senders stand: books places and sees what is handed to them."""

    places: int = 10
    booked: list[Mapping[str, int]] = field(default_factory=list)
    handed: list[tuple[list[str], int]] = field(default_factory=list)

    def book(self, wanted: Mapping[str, int]) -> Mapping[str, Taker]:
        self.booked.append(dict(wanted))
        return {channel: Taker("me", min(number, self.places)) for channel, number in wanted.items()}

    def hand(self, rows: Sequence[Held], booked: Mapping[str, Taker]) -> None:
        self.handed.append(([row.key for row in rows], sum(taker.places for taker in booked.values())))


@dataclass
class Post:
    """An inbox that works only while it is told to, so that what waits together is known."""

    inbox: Inbox
    database: Database

    async def take(self, *events: Incoming) -> list[BaseException | None]:
        """Hand all of them in before the first is looked at; what became of each."""
        waiting = [asyncio.ensure_future(self.inbox.accept(event)) for event in events]
        await asyncio.sleep(0)
        async with asyncio.TaskGroup() as tasks:
            work = tasks.create_task(self.inbox.run())
            results = await asyncio.gather(*waiting, return_exceptions=True)
            work.cancel()
        return results

    async def rows(self, table: Any) -> Sequence[Mapping[str, Any]]:
        return await self.database.read(lambda c: everything(c, table))

    async def replies(self, external: str = "1", channel: str = "telegram") -> list[str]:
        """All that was said to one address, in order."""
        known = await self.database.write(lambda c: meet(c, external, channel))
        return [row["body"]["text"] for row in await self.rows(outbox) if row["address_id"] == known.address_id]


@asynccontextmanager
async def open_post(url: str, here: World = FRAGILE, takers: Watcher | None = None) -> AsyncIterator[Post]:
    async with opened(url) as database:
        yield Post(Inbox(database, here, takers=takers, clock=lambda: NOW), database)


@pytest.fixture
async def post(database_url: str) -> AsyncIterator[Post]:
    async with open_post(database_url) as post:
        yield post


def event(number: int, text: str = "здравей", external: str = "1", channel: str = "telegram", **more: Any) -> Incoming:
    kind = more.pop("kind", Kind.TEXT)
    return Incoming(f"{channel}:{number}", Address(channel, external), kind, text=text, order=number, **more)


def start(number: int, external: str = "1", channel: str = "telegram") -> Incoming:
    return event(number, "", external, channel, kind=Kind.START)


# --- once -------------------------------------------------------------------------------------------------------------


async def test_an_event_that_is_offered_again_is_acknowledged_and_does_nothing(post: Post) -> None:
    seen: list[tuple[str, bool]] = []
    post.inbox.seen = lambda incoming, fresh, seconds: seen.append((incoming.key, fresh))
    for _ in range(3):
        assert await post.take(start(1)) == [None]
    assert len(await post.rows(inbox)) == len(await post.rows(outbox)) == 1
    assert seen == [("telegram:1", True), ("telegram:1", False), ("telegram:1", False)]


async def test_an_event_that_comes_twice_at_one_moment_counts_once(post: Post) -> None:
    assert await post.take(start(1), start(1), start(1)) == [None] * 3
    assert len(await post.rows(inbox)) == len(await post.rows(outbox)) == 1


async def test_an_event_that_is_offered_again_to_the_next_life_counts_once(database_url: str) -> None:
    for _ in range(2):
        async with open_post(database_url) as post:
            assert await post.take(start(1)) == [None]
    async with open_post(database_url) as post:
        assert len(await post.rows(outbox)) == 1


async def test_an_event_that_two_processes_get_at_one_moment_counts_once(database_url: str) -> None:
    async with open_post(database_url) as one, open_post(database_url) as two:
        events = [start(n, external=f"{n}") for n in range(10)]
        results = await asyncio.gather(one.take(*events), two.take(*events[::-1]))
        assert results == [[None] * 10, [None] * 10]
        assert len(await one.rows(inbox)) == len(await one.rows(outbox)) == 10


# --- in order ---------------------------------------------------------------------------------------------------------


async def test_what_one_person_sent_keeps_the_platforms_order_however_it_arrives(post: Post) -> None:
    """Two webhook calls may overtake each other on the way."""
    await post.take(start(1))
    assert await post.take(event(3, "после"), event(2, "първо")) == [None, None]
    assert [(r["key"], r["value"]) for r in await post.rows(answers)] == [("first", "първо"), ("second", "после")]
    assert [row["key"] for row in await post.rows(inbox)] == ["telegram:1", "telegram:2", "telegram:3"]


async def test_one_who_writes_from_two_channels_at_one_moment_is_one_person(post: Post) -> None:
    """The second event sees what the first one changed."""

    def link(connection: Connection) -> None:
        first, second = meet(connection, "1"), meet(connection, "2", "web")
        connection.execute(insert(residents).values(address_id=second.address_id, contact_id=first.contact_id))
        here = addresses.c.id == second.address_id
        connection.execute(update(addresses).where(here).values(contact_id=first.contact_id))

    await post.database.write(link)
    await post.take(start(1))
    assert await post.take(event(2, "първо"), event(2, "после", "2", "web")) == [None, None]
    assert [(r["key"], r["value"]) for r in await post.rows(answers)] == [("first", "първо"), ("second", "после")]
    assert len(await post.rows(conversations)) == 1
    assert await post.replies("2", "web") == ["Край."]


async def test_two_processes_that_get_one_persons_messages_lose_none(database_url: str) -> None:
    """One at a time for one person: kept by the database, since no process knows of the other."""
    async with open_post(database_url) as one, open_post(database_url) as two:
        await one.take(start(1))
        results = await asyncio.gather(one.take(event(2, "едно")), two.take(event(3, "друго")))
        assert results == [[None], [None]]
        found = await one.rows(answers)
        assert [row["key"] for row in found] == ["first", "second"]
        assert {row["value"] for row in found} == {"едно", "друго"}


# --- a script that fails ----------------------------------------------------------------------------------------------


async def begun(post: Post) -> None:
    await post.take(*(start(1, external=f"{n}", channel=c) for n, c in ((1, "telegram"), (2, "web"))), start(9, "9"))


async def test_an_event_whose_script_fails_does_not_spoil_its_neighbours(post: Post) -> None:
    await begun(post)
    outcome = await post.take(event(2, "едно", "2", "web"), event(10, f"{SECRET} x", "9"), event(3, "друго"))
    assert outcome == [None] * 3
    found = {row["value"] for row in await post.rows(answers)}
    assert found == {"едно", "друго"}
    assert [row["state"] for row in await post.rows(inbox)].count("failed") == 1


async def test_whoever_meets_a_failing_script_gets_an_apology_with_a_way_on(post: Post) -> None:
    await begun(post)
    await post.take(event(10, SECRET, "9"))
    apology = (await post.rows(outbox))[-1]["body"]
    who = world().programme.person
    assert apology["text"] == world().texts(words("sorry.broken", name=who.name, phone=who.phone))
    assert {button["press"] for row in apology["rows"] for button in row} == {"/menu", "/person"}


async def test_the_way_on_leads_to_a_person_even_while_the_script_still_fails(post: Post) -> None:
    """A broken registration must not keep anybody from the phone of somebody who helps."""
    await begun(post)
    await post.take(event(10, "добре", "9"))
    await post.take(event(11, SECRET, "9"))
    broken = Post(Inbox(post.database, with_script(always_fails), clock=lambda: NOW), post.database)
    await broken.take(event(12, "", "9", kind=Kind.PRESS, press="/person"))
    assert any(world().programme.person.name in text for text in await post.replies("9"))


async def always_fails(_chat: Chat) -> Finish:
    raise ZeroDivisionError


async def test_a_failing_script_loses_no_answer_and_the_mended_one_goes_on(post: Post) -> None:
    await begun(post)
    await post.take(event(10, "първо", "9"))
    await post.take(event(11, SECRET, "9"))
    assert [(r["key"], r["value"]) for r in await post.rows(answers)] == [("first", "първо")]
    await post.take(event(12, "второ", "9"))
    assert [r["value"] for r in await post.rows(answers)] == ["първо", "второ"]


async def test_staff_are_told_which_script_failed_where_and_nothing_about_whom(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    await begun(post)
    await post.take(event(10, "първо", "9"))
    await post.take(event(11, SECRET, "9"))
    (notice,) = await post.rows(notices)
    assert (notice["kind"], notice["text"].partition(":")[0]) == ("script", "registration")
    assert notice["text"].startswith("registration: LookupError in test_inbox.py:")
    assert "LookupError" in caplog.text
    for word in SECRET.split():
        assert word not in caplog.text + notice["text"]


async def test_an_event_that_cannot_even_be_apologised_for_is_offered_again(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(people, "write", breaks)
    (outcome,) = await post.take(start(1))
    assert isinstance(outcome, Unavailable)
    monkeypatch.undo()
    assert await post.rows(inbox) == []
    assert await post.take(start(1)) == [None]


# --- a database that cannot -------------------------------------------------------------------------------------------


async def test_while_the_database_is_down_every_event_is_left_with_its_platform(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(_job: object) -> None:
        raise Down("full")

    events = [start(n, external=f"{n}") for n in range(5)]
    monkeypatch.setattr(post.database, "write", down)
    outcome = await post.take(*events)
    assert [type(o) for o in outcome] == [Unavailable] * 5
    monkeypatch.undo()
    assert await post.rows(inbox) == await post.rows(notices) == []
    assert await post.take(*events) == [None] * 5


# --- few statements, one commit ---------------------------------------------------------------------------------------


async def test_many_people_at_one_moment_cost_as_many_statements_as_one_and_one_commit(post: Post) -> None:
    """Strangers who press start, and people in the middle of a talk."""
    costs: dict[tuple[str, int], list[str]] = {}
    for size, first in ((1, 0), (module.BATCH, 1000)):
        crowd = [f"{first + n}" for n in range(size)]
        for what, events in (
            ("start", [start(first + n, who) for n, who in enumerate(crowd)]),
            ("answer", [event(first + n + 500, "нещо", who) for n, who in enumerate(crowd)]),
        ):
            with counted(post.database) as seen:
                assert await post.take(*events) == [None] * size
            costs[what, size] = list(seen)
    for what in ("start", "answer"):
        alone, together = costs[what, 1], costs[what, module.BATCH]
        assert len(alone) == len(together), (alone, together)
        assert together.count("COMMIT") == 1
    assert len(await post.rows(answers)) == 1 + module.BATCH


async def test_a_hundred_people_at_one_moment_take_three_commits(post: Post) -> None:
    with counted(post.database) as seen:
        assert await post.take(*(start(n, f"{n}") for n in range(100))) == [None] * 100
    assert seen.count("COMMIT") == -(-100 // module.BATCH)
    assert len(seen) <= 13 * 3
    assert len(await post.rows(outbox)) == 100


# --- hand in hand with the sender -------------------------------------------------------------------------------------


async def test_replies_are_handed_to_the_sender_after_the_commit_with_the_places_kept_for_them(
    database_url: str,
) -> None:
    watcher = Watcher()
    async with open_post(database_url, takers=watcher) as post:
        await post.take(start(1), start(2, "2"))
        assert watcher.booked == [{"telegram": 2}]
        assert watcher.handed == [(["reply:1:0", "reply:2:0"], 2)]
        assert {row["status"] for row in await post.rows(outbox)} == {"sending"}


@pytest.mark.parametrize("fault", [Down("full"), ZeroDivisionError()], ids=["down", "a mistake"])
async def test_places_that_were_kept_for_nothing_are_given_back(
    database_url: str, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else every failure would make the sender slower, until it sent nothing at all."""
    watcher = Watcher()

    async def fails(_job: object) -> None:
        raise fault

    async with open_post(database_url, takers=watcher) as post:
        monkeypatch.setattr(post.database, "write", fails)
        await post.take(start(1))
        monkeypatch.undo()
        assert [keys for keys, _ in watcher.handed] == [[] for _ in watcher.booked]
        assert sum(places for _, places in watcher.handed) == sum(b["telegram"] for b in watcher.booked)


# --- floods -----------------------------------------------------------------------------------------------------------


async def test_a_flood_of_one_person_is_left_with_the_platform_and_others_are_served(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ONES_WAITING", 3)
    outcome = await post.take(*(event(n, "здравей") for n in range(1, 6)), start(9, "9"))
    assert [type(o) for o in outcome] == [type(None)] * 3 + [Unavailable] * 2 + [type(None)]


async def test_no_more_people_wait_in_memory_than_it_holds(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ALL_WAITING", 3)
    outcome = await post.take(*(start(n, f"{n}") for n in range(5)))
    assert [type(o) for o in outcome] == [type(None)] * 3 + [Unavailable] * 2
    assert await post.take(start(7, "7")) == [None]


async def test_a_caller_who_went_away_loses_nobody_elses_event(post: Post) -> None:
    gone = asyncio.ensure_future(post.inbox.accept(start(1)))
    await asyncio.sleep(0)
    gone.cancel()
    assert await post.take(start(2, "2")) == [None]
    assert "telegram:2" in {row["key"] for row in await post.rows(inbox)}


async def test_an_erased_contact_that_comes_back_begins_anew(post: Post) -> None:
    """The address was kept for the farewell: what is written then is a stranger's first word."""

    def farewell(connection: Connection) -> None:
        known = meet(connection)
        enrol(connection, known, status="archived", registered_at=NOW - timedelta(days=1))
        empty = people.blank(connection, NOW)
        connection.execute(insert(residents).values(address_id=known.address_id, contact_id=empty))
        connection.execute(update(addresses).values(contact_id=empty, status="leaving"))

    await post.database.write(farewell)
    assert await post.take(start(1)) == [None]
    assert [row["status"] for row in await post.rows(addresses)] == ["active"]
    assert [row["status"] for row in await post.rows(contact_rows)] == ["archived", "active"]
    assert await post.replies() == ["Първо?"]


async def test_what_somebody_sent_after_a_refused_message_is_refused_with_it(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform offers both again, in order; kept alone, the second would answer the first one's question."""
    real, failures = post.database.write, [Down("gone for a moment")]

    async def fails_once(job: Any) -> Any:
        if failures:
            raise failures.pop()
        return await real(job)

    monkeypatch.setattr(post.database, "write", fails_once)
    first, second = event(1, "първо", "9"), event(2, "второ", "9")
    results = await post.take(first, second)
    assert [type(result) for result in results] == [Unavailable, Unavailable]
    assert await post.rows(inbox) == []


def test_what_is_too_long_for_one_message_takes_nobodys_place() -> None:
    """Its end would stand where the old message was, above its own beginning."""
    found = parts(Outgoing("дума " * 2000, replaces="7"))
    assert len(found) > 1
    assert not any(part.replaces for part in found)
    assert parts(Outgoing("дума", replaces="7"))[0].replaces == "7"
