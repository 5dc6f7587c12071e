"""Sessions: when they begin, and that noting them costs one statement where there are any, and none elsewhere."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from bot.messages import Incoming, Kind
from storage import sessions
from storage.database import Database
from storage.tables import addresses
from tests.storage.kit import NOW, counted, everything, meet, said
from tests.test_inbox import event, open_post, start

HOUR = timedelta(hours=1)


def here(connection: Connection) -> tuple[datetime | None, datetime | None]:
    row = everything(connection, addresses)[0]
    return row["heard_at"], row["session_at"]


async def heard(database: Database, *events: tuple[timedelta, Incoming]) -> tuple[datetime | None, datetime | None]:
    """Each event at its time."""

    def listen(connection: Connection) -> tuple[datetime | None, datetime | None]:
        known = meet(connection, channel="viber")
        for after, one in events:
            sessions.hear(connection, [(known.address_id, one)], NOW + after)
        return here(connection)

    return await database.write(listen)


def viber(at: timedelta | None = None, **more: Any) -> Incoming:
    return said(channel="viber", sent_at=None if at is None else NOW + at, **more)


CASES = {
    "the first message begins a session": ([(0 * HOUR, viber())], (0, 0)),
    "it is counted from the first, not from the last": ([(0 * HOUR, viber()), (5 * HOUR, viber())], (5, 0)),
    "a day later another begins": ([(0 * HOUR, viber()), (24 * HOUR, viber())], (24, 24)),
    "not a moment before": ([(0 * HOUR, viber()), (23 * HOUR, viber())], (23, 0)),
    "the platform's clock counts": ([(3 * HOUR, viber(1 * HOUR))], (1, 1)),
    "unless it is ahead of ours": ([(3 * HOUR, viber(4 * HOUR))], (3, 3)),
    "what comes late moves nothing back": ([(3 * HOUR, viber()), (4 * HOUR, viber(1 * HOUR))], (3, 3)),
    "a press is a message": ([(0 * HOUR, viber(kind=Kind.PRESS, press="/menu"))], (0, 0)),
    "so is the button that begins": ([(0 * HOUR, viber(kind=Kind.START))], (0, 0)),
    "with a code too": ([(0 * HOUR, viber(kind=Kind.START, text="school", press="/start school"))], (0, 0)),
    "a link with a code is none": ([(0 * HOUR, viber(kind=Kind.START, text="school"))], (0, None)),
    "and does not end one": ([(0 * HOUR, viber()), (30 * HOUR, viber(kind=Kind.START, text="school"))], (30, 0)),
    "a chat that was opened says nothing": ([(0 * HOUR, viber(kind=Kind.OPENED))], (None, None)),
    "nor does one that was left": ([(0 * HOUR, viber(kind=Kind.BLOCKED))], (None, None)),
    "nor one that was subscribed to": ([(0 * HOUR, viber(kind=Kind.UNBLOCKED))], (None, None)),
}


@pytest.mark.parametrize(("events", "then"), CASES.values(), ids=CASES)
async def test_when_somebody_was_heard_and_a_session_began(
    database: Database, events: list[tuple[timedelta, Incoming]], then: tuple[int | None, int | None]
) -> None:
    found = await heard(database, *events)
    assert found == tuple(None if hours is None else NOW + hours * HOUR for hours in then)


@pytest.mark.parametrize(
    ("began", "is_open"), [(None, False), (0 * HOUR, True), (23.9 * HOUR, True), (24 * HOUR, False), (90 * HOUR, False)]
)
async def test_a_session_is_open_for_a_day(database: Database, began: timedelta | None, is_open: bool) -> None:
    def look(connection: Connection) -> list[int]:
        known = meet(connection, channel="viber")
        at = None if began is None else NOW - began
        connection.execute(addresses.update().values(session_at=at))
        found = list(connection.execute(select(addresses.c.id).where(sessions.open_at(NOW))).scalars())
        assert set(found) <= {known.address_id}
        return found

    assert bool(await database.write(look)) is is_open


async def test_many_are_noted_by_one_statement_and_none_where_there_are_no_sessions(database: Database) -> None:
    def enter(connection: Connection) -> dict[str, int]:
        return {name: meet(connection, name, "viber").address_id for name in map(str, range(40))}

    ids = await database.write(enter)
    events = [(number, viber(n * HOUR - 50 * HOUR, external=name)) for n, (name, number) in enumerate(ids.items())]
    with counted(database) as seen:
        await database.write(lambda c: sessions.hear(c, events, NOW))
    assert len([s for s in seen if "heard_at" in s]) == 1
    others = [(number, said(external=name)) for name, number in ids.items()]
    with counted(database) as seen:
        await database.write(lambda c: sessions.hear(c, others, NOW))
    assert not [s for s in seen if "heard_at" in s]
    rows = await database.read(lambda c: everything(c, addresses))
    assert [row["heard_at"] for row in rows] == [NOW + n * HOUR - 50 * HOUR for n in range(40)]


async def test_the_inbox_notes_it_of_what_people_did_and_only_once(database_url: str) -> None:
    async with open_post(database_url) as post:
        early = NOW - HOUR
        await post.take(event(1, channel="viber", sent_at=early), start(2, "2", "telegram"), start(3, "3", "viber"))
        await post.take(event(1, channel="viber"))  # the same event, offered again
        rows = {row["external"]: row for row in await post.rows(addresses)}
    assert [(rows[name]["heard_at"], rows[name]["session_at"]) for name in "123"] == [
        (early, early), (None, None), (NOW, NOW),
    ]  # fmt: skip
