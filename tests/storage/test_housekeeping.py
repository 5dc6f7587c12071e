"""What is thrown away, and when: the table of retention, row by row, on both sides of its day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from bot.messages import Lane
from storage import contacts as people_of
from storage import export, housekeeping, participation, people, shared, staff, stopping, tickets
from storage.database import Database
from storage.people import Known
from storage.tables import (
    addresses,
    answers,
    consents,
    contacts,
    conversations,
    feedback,
    inbox,
    outbox,
    participations,
    residents,
)
from storage.tables import staff as staff_rows
from storage.tables import tickets as ticket_rows
from tests.storage.events_kit import RULES, published
from tests.storage.kit import DAY, NOW, acting, bulk, converse, enrol, everything, meet, queue, said

Fill = Callable[[Connection, Known], None]
Left = Callable[[Connection], object]


def registered(connection: Connection, known: Known) -> None:
    enrol(connection, known, name="Иванка", phone="+359888")


def heard(connection: Connection, known: Known) -> None:
    registered(connection, known)
    event = said(text="личен въпрос")
    people.take(connection, [event], NOW, known={event.address: known})


def answered(state: str) -> Fill:
    def fill(connection: Connection, known: Known) -> None:
        registered(connection, known)
        converse(connection, known, 1, state=state)
        row = {"conversation_id": 1, "key": "name", "value": "x", "complete": True, "at": NOW}
        connection.execute(insert(answers).values(row))

    return fill


def sent(connection: Connection, known: Known) -> None:
    registered(connection, known)
    bulk(connection, known, 1, "sent")


def asked(connection: Connection, known: Known) -> None:
    registered(connection, known)
    tickets.open_(connection, acting(known), text="кога?")


def consented(connection: Connection, known: Known) -> None:
    registered(connection, known)
    people_of.consent(connection, acting(known), action="given", form="button", text="x")


def remarked(connection: Connection, known: Known) -> None:
    registered(connection, known)
    event = published(connection, acting(known), NOW + DAY)
    row = {"event_id": event.id, "contact_id": known.contact_id, "face": 3, "comment": "дълга пейка", "at": NOW}
    connection.execute(insert(feedback).values(row))


def begun(connection: Connection, known: Known) -> None:
    converse(connection, known, 1)


def none(connection: Connection, known: Known) -> None:
    """Somebody who only opened the chat."""


def bodies(table: Any) -> Left:
    return lambda c: c.execute(select(table.c.id).where(table.c.body.is_not(None))).first()


def some(table: Any) -> Left:
    return lambda c: c.execute(select(table).limit(1)).first()


def open_talks(connection: Connection) -> object:
    return connection.execute(select(conversations.c.id).where(conversations.c.state == "open")).first()


RETENTION = [  # what, how it comes to be, days it is kept (None: until somebody asks), how to see it
    ("words that somebody wrote", heard, 90, bodies(inbox)),
    ("the key of an event", heard, 180, some(inbox)),
    ("words that we wrote", sent, 90, bodies(outbox)),
    ("that somebody was informed", sent, None, some(outbox)),
    ("answers of a finished talk", answered("done"), 90, some(answers)),
    ("answers of a talk that was left", answered("left"), 90, some(answers)),
    ("answers of an open talk that nobody touched", answered("open"), 90, some(answers)),
    ("an open talk that nobody touched", answered("open"), 90, open_talks),
    ("that there was a talk", answered("done"), None, some(conversations)),
    (
        "words of an opinion",
        remarked,
        90,
        lambda c: c.execute(select(feedback).where(feedback.c.comment.is_not(None))).first(),
    ),
    ("the opinion itself", remarked, None, some(feedback)),
    ("a registered contact", registered, None, some(contacts)),
    ("their address", registered, None, some(addresses)),
    ("a consent", consented, None, some(consents)),
    ("a question that waits", asked, None, some(ticket_rows)),
    ("a registration that was begun", begun, 30, some(contacts)),
    ("the answers to it", begun, 30, some(conversations)),
    ("the address of one who never came further", none, 30, some(addresses)),
]


@pytest.mark.parametrize(("fill", "days", "left"), [pytest.param(*row, id=what) for what, *row in RETENTION])
async def test_what_is_kept_goes_on_its_day_and_not_before(
    database: Database, fill: Fill, days: int | None, left: Left
) -> None:
    await database.write(lambda c: fill(c, meet(c)))
    last = NOW + (timedelta(days=days) if days else 3650 * DAY)
    await database.write(lambda c: housekeeping.daily(c, last))
    assert await database.read(left), "kept on the last day"
    if days:
        await database.write(lambda c: housekeeping.daily(c, last + timedelta(seconds=1)))
        assert not await database.read(left), "gone after it"


async def test_somebody_who_still_answers_is_not_forgotten_in_the_middle(database: Database) -> None:
    """A month after the beginning, a day after the last answer."""

    def fill(connection: Connection) -> None:
        converse(connection, meet(connection), 1, at=NOW + 29 * DAY)

    await database.write(fill)
    await database.write(lambda c: housekeeping.daily(c, NOW + 31 * DAY))
    assert await database.read(some(contacts))


async def test_a_phone_that_others_use_too_stays_theirs(database: Database) -> None:
    """A second person began to register there and left: the first must still be reached."""

    def fill(connection: Connection) -> Known:
        first = meet(connection)
        registered(connection, first)
        shared.add_person(connection, acting(first))
        assert meet(connection).contact_id != first.contact_id
        return first

    first = await database.write(fill)
    await database.write(lambda c: housekeeping.daily(c, NOW + 31 * DAY))
    look = await database.read(lambda c: [everything(c, t) for t in (contacts, addresses, residents)])
    assert [[row["id"] for row in look[0]], [row["contact_id"] for row in look[1]]] == [[first.contact_id]] * 2
    assert [row["contact_id"] for row in look[2]] == [first.contact_id]


async def test_more_forgotten_people_than_one_statement_takes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "SOME", 3)
    events = [said(n, external=f"{n}") for n in range(8)]
    await database.write(lambda c: people.load(c, events, NOW))
    await database.write(lambda c: registered(c, meet(c, "4")))
    await database.write(lambda c: housekeeping.daily(c, NOW + 31 * DAY))
    assert [len(await database.read(lambda c, t=t: everything(c, t))) for t in (contacts, addresses)] == [1, 1]


async def test_somebody_deleted_is_gone_when_the_farewell_is_out_and_not_before(database: Database) -> None:
    def erase(connection: Connection) -> None:
        known = meet(connection)
        registered(connection, known)
        stopping.erase(connection, acting(known), rules=RULES)
        queue(connection, meet(connection), "farewell")

    await database.write(erase)
    await database.write(lambda c: housekeeping.often(c, NOW))
    assert await database.read(some(addresses)), "the farewell waits"
    await database.write(lambda c: c.execute(update(outbox).values(status="sent")))
    await database.write(lambda c: housekeeping.often(c, NOW))
    assert not await database.read(some(addresses))
    rest = await database.read(lambda c: everything(c, contacts))
    assert [(row["status"], row["name"], row["phone"]) for row in rest] == [("archived", None, None)]


def _at_work(connection: Connection) -> Known:
    """A mediator who looked at somebody's card, typed a number, and was reminded of the day."""
    mediator = meet(connection, "m")
    registered(connection, mediator)
    connection.execute(insert(staff_rows).values(contact_id=mediator.contact_id, role="mediator", since=NOW))
    event = said(2, text="0888 777 666", external="m")
    people.take(connection, [event], NOW, known={event.address: mediator})
    for number, state in enumerate(("done", "open"), 1):
        converse(connection, mediator, number, state=state)
        connection.execute(update(conversations).where(conversations.c.id == number).values(script="enrol"))
        row = {"conversation_id": number, "key": "typed", "value": "0888 777 666", "complete": True, "at": NOW}
        connection.execute(insert(answers).values(row))
    bulk(connection, mediator, 1, "sent", lane=int(Lane.REPLY), body={"text": "Зорница"})
    bulk(connection, mediator, 1, "queued", lane=int(Lane.REPLY), body={"text": "още не е видяно"})
    bulk(connection, mediator, 1, "read", lane=int(Lane.REMINDER), body={"text": "утре"})
    return mediator


def _said_to_staff(connection: Connection) -> list[str]:
    kept = [row["body"]["text"] for row in everything(connection, outbox) if row["body"]]
    kept += [row["body"]["text"] for row in everything(connection, inbox) if row["body"]]
    return [*kept, *(row["value"] for row in everything(connection, answers))]


async def test_what_staff_typed_and_saw_is_kept_for_a_day(database: Database) -> None:
    await database.write(_at_work)
    await database.write(lambda c: heard(c, meet(c)))
    await database.write(lambda c: housekeeping.often(c, NOW + DAY))
    assert "Зорница" in await database.read(_said_to_staff), "kept on its day"
    await database.write(lambda c: housekeeping.often(c, NOW + DAY + timedelta(seconds=1)))
    assert await database.read(_said_to_staff) == ["утре", "личен въпрос"], "what residents wrote is kept as before"
    assert len(await database.read(lambda c: everything(c, outbox))) == 3, "that it was sent is kept"
    assert not await database.read(open_talks)


async def test_erasing_somebody_takes_them_from_the_screens_of_staff_at_once(database: Database) -> None:
    def erase(connection: Connection) -> None:
        _at_work(connection)
        known = meet(connection)
        registered(connection, known)
        participation.enrol(connection, acting(known), contact_id=known.contact_id, activity="vocational")
        connection.execute(update(participations).values(entry_work="yes"))
        stopping.erase(connection, acting(known), rules=RULES)

    await database.write(erase)
    assert await database.read(_said_to_staff) == ["още не е видяно", "утре"]
    assert [row["entry_work"] for row in await database.read(lambda c: everything(c, participations))] == [None]


async def test_whoever_is_no_longer_staff_keeps_no_screen(database: Database) -> None:
    def part(connection: Connection) -> None:
        mediator = _at_work(connection)
        staff.remove(connection, acting(meet(connection, "c")), contact_id=mediator.contact_id)

    await database.write(part)
    assert await database.read(_said_to_staff) == ["още не е видяно", "утре"]


async def test_the_file_of_somebody_of_the_staff_holds_nothing_of_others(database: Database) -> None:
    mediator = await database.write(_at_work)
    file = await database.read(lambda c: export.everything(c, acting(mediator)))
    assert [line["текст"] for line in file["съобщения"]] == ["утре"]
    assert not file["отговори"]


async def test_messages_that_came_too_late_are_marked_so(database: Database) -> None:
    await database.write(lambda c: queue(c, meet(c), "k"))
    await database.write(lambda c: housekeeping.often(c, NOW + timedelta(hours=1)))
    assert [row["status"] for row in await database.read(lambda c: everything(c, outbox))] == ["expired"]
