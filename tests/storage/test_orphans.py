"""Whoever loses the right to write loses what is on its way: it is held or ended, and somebody hears of it."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, insert, select, update

from storage import announcing, broadcasts, staff, stopping
from storage.database import Database
from storage.tables import charges, outbox
from storage.tables import staff as staff_rows
from tests.bench.fill import count_on
from tests.storage.broadcasts_kit import begin, begun, published, states
from tests.storage.events_kit import DAY, NOW, RULES, by, lead, settle

ANI, AUTHOR = 2, 1


def town(connection: Connection, role: str = "mediator") -> None:
    lead(connection, ANI)
    lead(connection, AUTHOR, role)
    settle(connection, 3)
    connection.execute(insert(charges).values(staff_id=AUTHOR, kind="institution", code="sofroniy"))


def heard(connection: Connection) -> dict[int, tuple[str, str]]:
    """Who is told that an author may not any more: how it stands, and whose it was."""
    mine = outbox.c.key.like("progress:%:lost:%")
    keys = {row.key: row.contact_id for row in connection.execute(select(outbox).where(mine))}
    told = announcing.standing(connection, list(keys), NOW)
    return {keys[key]: (one.broadcast.status, one.lost_by) for key, one in told.items()}


@pytest.mark.parametrize("how", ["by a coordinator", "by the command line"])
async def test_a_role_taken_away_holds_what_runs_and_ends_what_waits(database: Database, how: str) -> None:
    def go(connection: Connection) -> None:
        town(connection)
        running = begun(connection, by(AUTHOR))
        waiting = published(connection, by(AUTHOR), words={"bg": "Друго"}, starts=NOW + DAY).id
        if how == "by a coordinator":
            staff.remove(connection, by(ANI), contact_id=AUTHOR)
        else:
            assert staff.remove_by_command_line(connection, NOW, AUTHOR)
        found = {one.id: one.status for one in broadcasts.recent(connection, by(ANI), limit=9)}
        assert found == {running: "paused", waiting: "refused"}
        assert set(states(connection).values()) == {"held"}
        keys = [key for key in states(connection, "progress") if ":lost:" in key]
        assert len(keys) == 2
        assert heard(connection).keys() == {ANI}
        assert {one.lost_by for one in announcing.standing(connection, keys, NOW).values()} == {f"Човек {AUTHOR}"}

    await database.write(go)


async def test_an_author_who_is_erased_leaves_nothing_running_and_no_name(database: Database) -> None:
    def go(connection: Connection) -> None:
        town(connection)
        running = begun(connection, by(AUTHOR))
        waiting = published(connection, by(AUTHOR), words={"bg": "Друго"}, starts=NOW + DAY).id
        count_on(connection)
        stopping.erase(connection, by(AUTHOR), rules=RULES)
        found = {one.id: one.status for one in broadcasts.recent(connection, by(ANI), limit=9)}
        assert found == {running: "paused", waiting: "refused"}
        assert set(states(connection).values()) == {"held"}
        assert heard(connection).keys() == {ANI}
        assert {name for _, name in heard(connection).values()} == {"—"}

    await database.write(go)


@pytest.mark.parametrize(
    ("role", "status"), [("trainer", "paused"), ("mediator", "paused"), ("coordinator", "running")]
)
async def test_a_smaller_role_holds_what_runs_and_a_larger_one_does_not(
    database: Database, role: str, status: str
) -> None:
    def go(connection: Connection) -> None:
        town(connection, "coordinator" if role == "mediator" else "mediator")
        number = begun(connection, by(AUTHOR))
        staff.set_role(connection, by(ANI), contact_id=AUTHOR, role=role)
        found = broadcasts.for_staff(connection, by(ANI), number)
        assert found is not None
        assert found.status == status
        assert heard(connection) == ({ANI: ("paused", f"Човек {AUTHOR}")} if status == "paused" else {})

    await database.write(go)


@pytest.mark.parametrize(("role", "listener"), [("trainer", AUTHOR), ("", ANI)])
async def test_what_may_not_start_is_said_to_its_author_or_where_they_are_gone_to_the_coordinators(
    database: Database, role: str, listener: int
) -> None:
    def go(connection: Connection) -> None:
        town(connection)
        one = published(connection, by(AUTHOR), starts=NOW + DAY)
        mine = staff_rows.c.contact_id == AUTHOR
        if role:
            connection.execute(update(staff_rows).where(mine).values(role=role))
        else:
            connection.execute(staff_rows.delete().where(mine))
        assert not begin(connection, one.id, one.due_at)
        assert heard(connection) == {listener: ("refused", f"Човек {AUTHOR}")}
        assert states(connection) == {}
        found = broadcasts.for_staff(connection, by(ANI), one.id)
        assert found is not None
        assert not found.held, "which tells it from one that a colleague refused"

    await database.write(go)
