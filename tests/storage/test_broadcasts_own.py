"""Whose people a broadcast's names, numbers and calls are, by the role and the charges of this moment."""

from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from storage import broadcasts, deliveries, recipients, today
from storage.calls import BY_STAFF
from storage.database import Database
from storage.recipients import CameBack, Heard, ToCall
from storage.tables import addresses, charges, contacts, outbox, residents, staff
from storage.tables import recipients as rows
from tests.storage.broadcasts_kit import SOON, begun, published, states, went
from tests.storage.events_kit import DAY, HOUR, NOW, RULES, by, fire, lead, settle
from tests.storage.events_kit import published as event_published
from tests.storage.test_broadcasts import refusal

PHONE = "+359888123456"
BUTTONS = ("interested", "no", "call")


def told(connection: Connection) -> int:
    """A mediator's own three: one wants a call, one says no, one was not reached and has a second channel."""
    acting = lead(connection, role="mediator")
    connection.execute(insert(charges).values(staff_id=1, kind="institution", code="sofroniy"))
    settle(connection, 3, phone=PHONE)
    settle(connection, 1, first=200, channel="web", group="")
    connection.execute(insert(residents).values(address_id=200, contact_id=102))
    number = begun(connection, acting, buttons=BUTTONS)
    went(connection, SOON, "sent", 100, 101)
    went(connection, SOON, "failed", 102, error="blocked: x")
    connection.execute(update(addresses).where(addresses.c.id == 102).values(status="blocked"))
    for who, code in ((100, "call"), (101, "no")):
        recipients.answer(connection, by(who), broadcast_id=number, contact_id=who, code=code)
    deliveries.finish(connection, number, SOON)
    return number


async def test_own_people_are_counted_named_and_called(database: Database) -> None:
    def go(connection: Connection) -> None:
        number, acting = told(connection), by()
        recipients.to_call_list(connection, acting, broadcast_id=number)
        back = recipients.came_back(connection, acting, broadcast_id=number)
        assert (back.answers, back.calls, back.missed) == ({"call": 1, "no": 1}, 2, 1)
        heard = partial(recipients.answers, connection, acting, broadcast_id=number, code="no")
        assert heard(first=0, limit=9) == [Heard(101, "Човек 101", NOW)]
        assert heard(first=1, limit=9) == []
        assert [line.phone for line in recipients.call_list(connection, acting, broadcast_id=number)] == ["", ""]
        one = recipients.one_to_call(connection, acting, broadcast_id=number, contact_id=102)
        assert one == ToCall(102, "Човек 102", PHONE, "blocked", "")
        assert recipients.one_to_call(connection, acting, broadcast_id=number, contact_id=101) is None
        assert recipients.other_ways(connection, acting, broadcast_id=number) == 1

    await database.write(go)


async def test_whose_people_they_are_no_more_learns_no_name_and_does_nothing_about_them(database: Database) -> None:
    def go(connection: Connection) -> None:
        number, acting = told(connection), by()
        connection.execute(delete(charges))
        recipients.to_call_list(connection, acting, broadcast_id=number)
        listed = connection.execute(select(rows.c.contact_id).where(rows.c.to_call)).scalars()
        assert list(listed) == [100], "only who asked for it"
        assert recipients.came_back(connection, acting, broadcast_id=number) == CameBack({}, 0, 0)
        assert recipients.answers(connection, acting, broadcast_id=number, code="no", first=0, limit=9) == []
        assert recipients.call_list(connection, acting, broadcast_id=number) == []
        assert recipients.one_to_call(connection, acting, broadcast_id=number, contact_id=100) is None
        call = partial(recipients.called, connection, acting, broadcast_id=number, contact_id=100, outcome="yes")
        assert refusal(call) == ("sure", "announce.not_listed")
        assert recipients.other_ways(connection, acting, broadcast_id=number) == 0
        another_way = partial(recipients.send_other_way, connection, acting, broadcast_id=number, rules=RULES)
        assert refusal(another_way) == ("sure", "announce.no_other_way")
        assert f"broadcast:{number}:102:2" not in states(connection)

    await database.write(go)


async def test_another_way_is_only_for_those_who_are_still_theirs(database: Database) -> None:
    def go(connection: Connection) -> None:
        number = told(connection)
        settle(connection, 1, first=201, channel="web", group="")
        connection.execute(insert(residents).values(address_id=201, contact_id=101))
        connection.execute(update(outbox).where(outbox.c.contact_id == 101).values(status="failed", error="x: y"))
        connection.execute(delete(charges))
        connection.execute(update(contacts).where(contacts.c.id == 101).values(source=f"{BY_STAFF}1"))
        recipients.send_other_way(connection, by(now=SOON), broadcast_id=number, rules=RULES)
        assert [key for key in states(connection) if key.endswith(":2")] == [f"broadcast:{number}:101:2"]

    await database.write(go)


async def test_a_trainer_sees_whom_to_call_and_no_number(database: Database) -> None:
    def go(connection: Connection) -> None:
        number = told(connection)
        connection.execute(update(staff).values(role="trainer"))
        assert recipients.call_list(connection, by(), broadcast_id=number) == [], "their guests only"
        event = event_published(connection, lead(connection, 5), NOW + 9 * DAY, mediator_id=1)
        fire(connection, event, "invite", NOW)
        one = recipients.one_to_call(connection, by(), broadcast_id=number, contact_id=100)
        assert one == ToCall(100, "Човек 100", "", "asked", "")

    await database.write(go)


async def test_how_many_were_not_reached_is_counted_without_opening_a_name(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def go(connection: Connection) -> None:
        told(connection)
        expected = len(today.unreached(connection, by(now=SOON)))
        monkeypatch.setattr(today, "Lost", None)  # whoever makes one opens a name
        assert today.lost(connection, by(now=SOON)) == expected == 1

    await database.write(go)


async def test_the_list_holds_what_waits_first_however_old_and_the_last_group_is_ones_own(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        other = lead(connection, 2)
        settle(connection, 1)
        late = published(connection, acting, starts=NOW + 9 * HOUR).id
        soon = published(connection, acting, starts=NOW + HOUR, words={"bg": "Второ"}).id
        done = [begun(connection, other, words={"bg": f"Новина {n}"}) for n in range(2)]
        assert [one.id for one in broadcasts.recent(connection, acting, limit=3)] == [soon, late, done[1]]
        assert [one.id for one in broadcasts.written(connection, acting, limit=9)] == [soon, late]
        went(connection)
        begun(connection, other, corrects=done[1])
        assert [one.id for one in broadcasts.written(connection, other, limit=9)] == done[::-1]

    await database.write(go)
