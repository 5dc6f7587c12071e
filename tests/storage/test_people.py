"""Who writes: met once however many meet them at one moment, read and written in a fixed number of statements."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Connection, insert, make_url, select, text

from bot.messages import Incoming
from storage import contacts, people
from storage.database import Database
from storage.people import Changes
from storage.tables import addresses, answers, conversations, inbox, residents
from storage.tables import contacts as contact_rows
from tests.storage.kit import NOW, acting, converse, counted, enrol, everything, meet, opened, said, steps

# --- meeting ----------------------------------------------------------------------------------------------------------


async def test_a_stranger_is_entered_once_and_known_afterwards(database: Database) -> None:
    first = await database.write(lambda c: meet(c, "77"))
    again = await database.write(lambda c: meet(c, "77"))
    assert first == again
    assert (first.registered, first.status, first.address_status, first.language) == (False, "active", "active", "")
    row = (await database.read(lambda c: everything(c, residents)))[0]
    assert (row["address_id"], row["contact_id"], row["linked_at"]) == (first.address_id, first.contact_id, None)


async def test_one_number_on_two_channels_is_two_addresses(database: Database) -> None:
    both = await database.write(lambda c: {meet(c, "7", channel).contact_id for channel in ("telegram", "web")})
    assert len(both) == 2


async def test_what_is_known_of_a_contact_comes_with_the_open_conversation_and_its_answers(database: Database) -> None:
    def prepare(connection: Connection) -> Any:
        known = meet(connection)
        enrol(connection, known, name="Иванка", language="rom", source="plakat-7")
        converse(connection, known, 5, state="done")
        converse(connection, known, 6)
        rows = [
            {"conversation_id": talk, "key": key, "value": value, "complete": complete, "at": NOW}
            for talk, key, value, complete in ((5, "name", "old", True), (6, "name", "new", True), (6, "x", [1], False))
        ]
        connection.execute(insert(answers), rows)
        return meet(connection)

    known = await database.write(prepare)
    assert (known.name, known.language, known.source, known.registered) == ("Иванка", "rom", "plakat-7", True)
    assert (known.conversation_id, known.script, known.asked) == (6, "registration", "name")
    assert known.answers == {"name": ("new", True), "x": ([1], False)}


# --- how many statements ----------------------------------------------------------------------------------------------


def many(number: int, first: int = 0) -> list[Incoming]:
    return [said(first + n, external=f"{first + n}", text="здравейте") for n in range(number)]


def taken(connection: Connection, events: list[Incoming]) -> None:
    """All that the inbox does with a batch, apart from the scripts."""
    known = people.load(connection, events, NOW)
    people.take(connection, events, NOW, known=known)
    changes = Changes()
    for number, event in enumerate(events):
        who = known[event.address]
        talk = {"id": who.contact_id, "contact_id": who.contact_id, "script": "registration", "asked": "name"}
        if not who.conversation_id:
            changes.opened.append(talk | {"state": "open", "misses": 0, "started_at": NOW, "updated_at": NOW})
        else:
            changes.conversations.append(
                {"talk": talk["id"], "to": "open", "asks": f"q{number}", "missed": 0, "at": NOW}
            )
        changes.answers.append({"conversation_id": talk["id"], "key": "a", "value": 1, "complete": True, "at": NOW})
        changes.removed.append({"talk": talk["id"], "gone": "b"})
        changes.languages.append({"who": who.contact_id, "to": "rom"})
        changes.sources.append({"who": who.contact_id, "to": "plakat"})
    people.write(connection, changes)


async def test_a_hundred_people_cost_as_many_statements_as_one(database: Database) -> None:
    """For strangers and for people in the middle of a talk; nothing runs once a person."""
    costs = {}
    for size in (1, 100):
        for kind, again in (("strangers", 0), ("known", 10_000)):
            events = [
                Incoming(f"telegram:{size}:{again + n}", e.address, e.kind, text=e.text)
                for n, e in enumerate(many(size, first=size * 1000))
            ]
            with counted(database) as seen:
                await database.write(lambda c, events=events: taken(c, events))
            costs[kind, size] = len(seen)
    assert costs["strangers", 1] == costs["strangers", 100]
    assert costs["known", 1] == costs["known", 100] <= 12
    assert len(await database.read(lambda c: everything(c, answers))) == 101


@pytest.mark.parametrize("number", [1, 3])
async def test_a_repeat_is_absent_from_what_is_new(database: Database, number: int) -> None:
    await database.write(lambda c: people.take(c, many(number), NOW))
    fresh = await database.write(lambda c: people.take(c, many(4), NOW))
    assert sorted(fresh) == sorted(e.key for e in many(4)[number:])
    assert len(await database.read(lambda c: everything(c, inbox))) == 4


async def test_an_event_keeps_what_was_done_and_nothing_of_the_profile(database: Database) -> None:
    event = said(text="здравей", press="1.a.b", phone="+359888", name="Име от профила", hidden=("egn",))
    await database.write(lambda c: people.take(c, [event], NOW))
    row = (await database.read(lambda c: everything(c, inbox)))[0]
    assert row["body"] == {"kind": "text", "text": "здравей", "press": "1.a.b", "phone": "+359888"}
    assert (row["state"], row["received_at"]) == ("done", NOW)


async def test_changes_are_written_where_they_belong(database: Database) -> None:
    """A first source stays, an answer is replaced, a closed conversation makes room for the next."""

    def change(connection: Connection) -> None:
        known = meet(connection)
        converse(connection, known, 1)
        for n, source in enumerate(("plakat", "uchilishte")):
            key = {"conversation_id": 1, "key": "name"}
            changes = Changes(
                sources=[{"who": known.contact_id, "to": source}],
                languages=[{"who": known.contact_id, "to": "rom"}],
                answers=[key | {"value": f"v{n}", "complete": bool(n), "at": NOW}],
            )
            people.write(connection, changes)
        talk = {"id": 2, "contact_id": known.contact_id, "script": "question", "state": "open", "asked": "text"}
        people.write(
            connection,
            Changes(
                conversations=[{"talk": 1, "to": "left", "asks": "", "missed": 0, "at": NOW}],
                opened=[talk | {"misses": 0, "started_at": NOW, "updated_at": NOW}],
            ),
        )

    await database.write(change)
    look = await database.read(lambda c: [everything(c, t) for t in (contact_rows, answers, conversations)])
    assert (look[0][0]["source"], look[0][0]["language"]) == ("plakat", "rom")
    assert [(row["value"], row["complete"]) for row in look[1]] == [("v1", True)]
    assert [(row["id"], row["state"]) for row in look[2]] == [(1, "left"), (2, "open")]


async def test_a_contact_has_one_open_conversation_at_most(database: Database) -> None:
    def two(connection: Connection) -> None:
        known = meet(connection)
        converse(connection, known, 1)
        converse(connection, known, 2)

    with pytest.raises(Exception, match=r"uq_conversations_open|conversations\.contact_id"):
        await database.write(two)


# --- two processes ----------------------------------------------------------------------------------------------------


async def test_two_processes_that_meet_the_same_strangers_at_one_moment_enter_each_once(database_url: str) -> None:
    """Also in opposite orders, where each could wait for the other."""
    events = many(20)
    async with opened(database_url) as one, opened(database_url) as two:
        found = await asyncio.gather(
            one.write(lambda c: people.load(c, events, NOW)),
            two.write(lambda c: people.load(c, events[::-1], NOW)),
        )
        rows = await one.read(lambda c: [everything(c, t) for t in (addresses, contact_rows, residents)])
    assert [len(r) for r in rows] == [20, 20, 20]
    assert {a: k.contact_id for a, k in found[0].items()} == {a: k.contact_id for a, k in found[1].items()}


async def test_two_processes_that_share_people_never_lose_a_change_of_either(database_url: str) -> None:
    """Read, then written: each sees what the other committed, or waits for it."""
    events = many(6)

    def count_up(connection: Connection, mine: list[Incoming]) -> None:
        known = people.load(connection, mine, NOW)
        for who in known.values():
            already = int(who.source or 0)
            connection.execute(
                contact_rows.update().where(contact_rows.c.id == who.contact_id).values(source=f"{already + 1}")
            )

    async with opened(database_url) as one, opened(database_url) as two:
        await one.write(lambda c: people.load(c, events, NOW))
        jobs = []
        for turn in range(10):
            mine = events[turn % 3 :] if turn % 2 else events[::-1]
            jobs += [database.write(lambda c, mine=mine: count_up(c, mine)) for database in (one, two)]
        await asyncio.gather(*jobs)
        rows = await one.read(lambda c: everything(c, contact_rows))
    expected = {n: sum(2 for t in range(10) if not t % 2 or n >= t % 3) for n in range(6)}
    assert sorted(int(row["source"]) for row in rows) == sorted(expected.values())


async def test_one_who_waited_sees_the_contact_to_whom_the_address_was_given_meanwhile(database_url: str) -> None:
    """And has locked that one, not the contact that was there before."""
    if database_url.startswith("sqlite"):
        return await _one_writer_at_a_time(database_url)
    async with opened(database_url) as database:
        known = await database.write(meet)
        other = await database.write(lambda c: people.blank(c, NOW))
        plain = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
        holder = await asyncpg.connect(plain)
        try:
            with counted(database) as seen:
                async with holder.transaction():
                    await holder.execute(f"UPDATE addresses SET contact_id = {other} WHERE id = {known.address_id}")
                    waits = asyncio.ensure_future(database.write(meet))
                    blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = $1"
                    while not await holder.fetchval(blocked, make_url(database_url).database):
                        await holder.execute("SELECT pg_stat_clear_snapshot()")
                        assert not waits.done()
                assert (await waits).contact_id == other
        finally:
            await holder.close()
        assert sum("FOR NO KEY UPDATE" in statement for statement in seen) == 2, "the lock was taken once more"
    return None


async def _one_writer_at_a_time(url: str) -> None:
    """SQLite has one writer: whoever begins sees all that was committed."""
    async with opened(url) as one, opened(url) as two:
        known = await one.write(meet)
        other = await two.write(lambda c: people.blank(c, NOW))
        await two.write(lambda c: c.execute(addresses.update().values(contact_id=other)))
        assert (await one.write(meet)).contact_id == other != known.contact_id


# --- finding ----------------------------------------------------------------------------------------------------------


FINDS = ("иванка", "Ivanka", "ИВАНКА", "Иванка", "ivanka pet", "петр", "Ива", "  ПЕТРОВА иванка ")
FINDS_NOBODY = ("", "и", "Ивана", "Иванка Стоянова", "ванка", "123")


async def test_a_name_is_found_in_any_case_and_either_alphabet_and_nobody_else(database: Database) -> None:
    await database.write(_two_women)
    found = {
        typed: await database.read(lambda c, t=typed: len(contacts.search(c, t))) for typed in (*FINDS, *FINDS_NOBODY)
    }
    assert found == dict.fromkeys(FINDS, 1) | dict.fromkeys(FINDS_NOBODY, 0)


def _two_women(connection: Connection) -> None:
    for number, name in enumerate(("Иванка Петрова", "Мария Стоянова")):
        known = meet(connection, f"{number}")
        contacts.register(
            connection, acting(known), name=name, phone="", phone_is_own=False, settlement="", purpose="other", work="",
            children=[], interests=[], consent_text="",
        )  # fmt: skip


async def test_a_look_at_somebody_uses_indexes_alone(database: Database) -> None:
    """A hundred thousand contacts are no slower than one: no table is read through, on SQLite, whose planner tells."""
    await database.write(_two_women)
    if database.url.startswith("sqlite"):
        found = await steps(database, lambda c: meet(c, "1"))
        assert not [step for step in found if step.startswith("SCAN")], found
        assert any("uq_conversations_open" in step for step in found), found


def test_an_open_conversation_is_spelled_out_for_the_planner() -> None:
    """Bound as a value, the index of open conversations could not be used: an old contact's talks were read through."""
    assert str(select(text("1")).where(people._open)).endswith("= 'open'")
