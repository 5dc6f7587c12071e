"""What is said again, and what is not: tries that count for nothing, and replies in doubt that were overtaken."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, select, update

from bot.messages import Lane, Outgoing, Receipt
from storage import outbox, receipts
from storage.outbox import Draft, Mark
from storage.tables import addresses
from storage.tables import outbox as rows
from tests.storage.kit import NOW, meet

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from storage.database import Database

ALL = dict.fromkeys(Lane, 100)


def answer(connection: Connection, key: str, number: int, channel: str = "viber", **values: Any) -> None:
    """A reply to an event."""
    known = meet(connection, channel=channel)
    draft = Draft(key, known.address, known.address_id, known.contact_id, Outgoing(key), inbox_id=number)
    outbox.enqueue(connection, [draft], NOW, {})
    if values:
        connection.execute(update(rows).where(rows.c.key == key).values(**values))


def claim(connection: Connection, channel: str = "viber") -> list[str]:
    return [h.key for h in outbox.claim(connection, channel, "me", NOW, ALL)]


async def test_a_try_that_counts_for_nothing_is_given_back(database: Database) -> None:
    def go(connection: Connection) -> None:
        answer(connection, "a", 1, attempts=3)
        for untried, attempts in ((True, 3), (False, 4), (True, 4)):
            (held,) = outbox.claim(connection, "viber", "me", NOW, ALL)
            assert outbox.on_wire(connection, [held.delivery.id], "me")
            outbox.mark(connection, [Mark(held, "queued", again=NOW, untried=untried)], "me")
            assert connection.execute(select(rows.c.attempts)).scalar() == attempts

    await database.write(go)


@pytest.mark.parametrize("later", ["sending", "sent", "delivered", "read"])
async def test_a_reply_in_doubt_that_was_overtaken_is_not_said_again(database: Database, later: str) -> None:
    """On Viber it would stand below the newer one, with the buttons of a question that is answered."""

    def go(connection: Connection) -> None:
        answer(connection, "old", 1, ambiguous=1)
        answer(connection, "new", 2, status=later)
        assert claim(connection) == []
        assert dict(map(tuple, connection.execute(select(rows.c.key, rows.c.status)))) == {
            "old": "uncertain", "new": later,
        }  # fmt: skip

    await database.write(go)


@pytest.mark.parametrize(
    ("channel", "doubt", "number", "after"),
    [
        pytest.param("viber", 1, 1, {}, id="nothing newer has gone out"),
        pytest.param("viber", 0, 1, {"status": "sent"}, id="it is in no doubt"),
        pytest.param("viber", 1, None, {"status": "sent"}, id="it is no reply"),
        pytest.param("viber", 1, 1, {"status": "failed"}, id="the newer one never arrived"),
        pytest.param("viber", 1, 1, {"status": "sent", "inbox_id": None}, id="the newer one is none"),
        pytest.param("telegram", 1, 1, {"status": "sent"}, id="its buttons hang on itself"),
    ],
)
async def test_every_other_message_in_doubt_is_said_again(
    database: Database, channel: str, doubt: int, number: int | None, after: dict[str, Any]
) -> None:
    def go(connection: Connection) -> None:
        answer(connection, "old", 1, channel, ambiguous=doubt, inbox_id=number)
        answer(connection, "new", 2, channel, **after)
        assert "old" in claim(connection, channel)

    await database.write(go)


@pytest.mark.parametrize("what", ["a failure that is reported", "an address that is gone"])
async def test_people_are_locked_before_their_messages(database: Database, what: str) -> None:
    """As a talk does it. In another order, „стоп“ and a failure at one moment would wait for each other."""

    def go(connection: Connection) -> list[str]:
        answer(connection, "a", 1)
        (held,) = outbox.claim(connection, "viber", "me", NOW, ALL)
        outbox.on_wire(connection, [held.delivery.id], "me")
        outbox.mark(connection, [Mark(held, "sent", platform_id="7", at=NOW)], "me")
        done: list[str] = []
        event.listen(connection, "before_cursor_execute", lambda *said: done.append(said[2]))
        if what == "a failure that is reported":
            later = NOW + timedelta(hours=1)
            receipts.keep(connection, [Receipt(held.delivery.address, "7", "failed", at=later)], later)
        else:
            outbox.mark(connection, [Mark(held, "failed", contact_gone=True)], "me")
        assert connection.execute(select(addresses.c.status)).scalar() == "blocked"
        return done

    done = await database.write(go)
    if database.is_sqlite:  # which has one writer, and no locks of rows
        return
    locking = [
        said for said in done if "FOR NO KEY UPDATE" in said or "FOR UPDATE" in said or said.startswith("UPDATE")
    ]
    assert "addresses" in locking[0]
    assert "contacts" in locking[0]
    assert any("outbox" in said for said in locking[1:])
