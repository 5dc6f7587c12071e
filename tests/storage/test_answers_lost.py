"""An answer that does not arrive is heard of; what was promised twice and not kept is told twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, update

from storage import letters, stopping, ticket_copies, ticket_desk, ticket_view, tickets, today
from storage.database import Database
from storage.tables import outbox
from storage.tables import tickets as rows
from tests.storage.events_kit import DAY, HOUR, NOW, RULES, by, lead
from tests.storage.kit import steps
from tests.storage.test_ticket_desk import ANI, MARIA, OFFICE, ROSITSA, answered, asked, told, town

SOON = NOW + timedelta(minutes=20)


def arrives(connection: Connection, status: str = "sent", prefix: str = "") -> None:
    """What was queued is settled."""
    waits = (outbox.c.status == "queued") & outbox.c.key.like(f"{prefix}%")
    connection.execute(update(outbox).where(waits).values(status=status, platform_id="7", sent_at=NOW))


def state(connection: Connection) -> tuple[str, int | None]:
    row = connection.execute(select(rows)).one()
    return row.status, row.taken_by


@pytest.mark.parametrize("status", ["failed", "expired", "uncertain", "cancelled"])
async def test_a_question_whose_answer_did_not_arrive_waits_again_for_whoever_gave_it(
    database: Database, status: str
) -> None:
    def check(connection: Connection) -> None:
        town(connection)
        lead(connection, 4, "mediator")
        number = asked(connection)
        arrives(connection)
        answered(connection, by(ROSITSA), number)
        assert tickets.look(connection, NOW, OFFICE) == 0, "it is on its way"
        arrives(connection, status, "answer:")
        assert [one.contact_id for one in today.unreached(connection, by(ROSITSA, SOON))] == [MARIA]
        assert [tickets.look(connection, SOON, OFFICE) for _ in range(3)] == [1, 0, 0]
        assert state(connection) == ("open", ROSITSA)
        assert connection.execute(select(rows.c.due_at)).scalar() > SOON
        assert tickets.waiting(connection, by(ROSITSA, SOON)) == 1
        keys = connection.execute(select(outbox.c.key).where(outbox.c.status == "queued")).scalars().all()
        (key,) = [one for one in keys if one.startswith(f"ticket:{number}:{ROSITSA}:")]
        assert ticket_copies.copies(connection, [key], SOON)[key].ticket.is_lost
        assert told(connection, number) == {ROSITSA}

    await database.write(check)


async def test_an_answer_that_arrived_or_was_given_by_telephone_afterwards_ends_it(database: Database) -> None:
    def check(connection: Connection) -> None:
        town(connection)
        number = asked(connection)
        arrives(connection)
        answered(connection, by(ROSITSA), number)
        arrives(connection, "failed", "answer:")
        tickets.look(connection, SOON, OFFICE)
        ticket_desk.answered_by_phone(connection, by(ROSITSA, SOON), ticket_id=number)
        assert tickets.look(connection, SOON + HOUR, OFFICE) == 0
        assert state(connection)[0] == "answered"
        asked(connection, ticket_id=number)
        answered(connection, by(ROSITSA, SOON + HOUR), number)
        arrives(connection)
        assert tickets.look(connection, SOON + 2 * HOUR, OFFICE) == 0
        assert state(connection)[0] == "answered"

    await database.write(check)


async def test_who_stops_before_the_answer_goes_is_to_be_called(database: Database) -> None:
    def check(connection: Connection) -> None:
        town(connection)
        number = asked(connection)
        arrives(connection)
        answered(connection, by(ROSITSA, NOW + 12 * HOUR), number)
        stopping.stop(connection, by(MARIA, NOW + 12 * HOUR), form="typed")
        assert tickets.look(connection, NOW + 12 * HOUR, OFFICE) == 1
        assert ticket_view.way_back(connection, by(ROSITSA), ticket_id=number) is None
        assert [one.contact_id for one in today.unreached(connection, by(ROSITSA, NOW + DAY))] == [MARIA]

    await database.write(check)


async def test_a_letter_that_did_not_arrive_comes_back_to_its_writer(database: Database) -> None:
    def check(connection: Connection) -> None:
        town(connection)
        letters.write(connection, by(ROSITSA), contact_id=MARIA, text="Елате утре.", rules=RULES)
        arrives(connection, "expired", "answer:")
        assert tickets.look(connection, SOON, OFFICE) == 1
        assert state(connection) == ("open", ROSITSA)

    await database.write(check)


@pytest.mark.parametrize("_new_database", ["sqlite"], indirect=True)  # the words of a plan are SQLite's
async def test_the_look_at_what_was_lost_reads_a_small_index(database: Database) -> None:
    await database.write(town)
    plan = await steps(database, lambda c: tickets.look(c, NOW, OFFICE))
    assert any("ix_outbox_lost" in line for line in plan)
    assert not any("SCAN outbox" in line and "USING" not in line for line in plan)
    plan = await steps(database, lambda c: today.unreached(c, by(ANI)))
    assert any("ix_outbox_lost" in line for line in plan)


async def test_a_second_promise_that_is_not_kept_is_told_too(database: Database) -> None:
    def check(connection: Connection) -> None:
        town(connection)
        number = asked(connection)
        assert tickets.look(connection, NOW + 2 * DAY, OFFICE) == 1
        arrives(connection)
        answered(connection, by(ROSITSA, NOW + 2 * DAY), number)
        arrives(connection)
        asked(connection, ticket_id=number)
        arrives(connection)
        late = NOW + 6 * DAY  # Monday, while somebody is at work
        assert tickets.look(connection, late, OFFICE) == 1
        keys = connection.execute(select(outbox.c.key).where(outbox.c.status == "queued")).scalars().all()
        (key,) = [one for one in keys if one.startswith(f"late:{number}:{ANI}:")]
        copy = ticket_copies.copies(connection, [key], late)[key]
        assert copy.is_late
        assert ticket_desk.replied_to(connection, by(ANI), platform_id="7") == number, "and by the first copy too"

    await database.write(check)
