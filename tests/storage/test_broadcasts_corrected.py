"""What was wrong: one correction, which ends the wrong one; and what was taken out of the chats stays out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, insert, update

from bot.chat import Acting, Conflict
from storage import announcing, broadcasts, deliveries, recipients
from storage.database import Database
from storage.deliveries import Removed
from storage.tables import addresses, contacts, outbox, residents
from tests.storage.broadcasts_kit import SOON, begin, begun, draft, ledger, published, states, went
from tests.storage.events_kit import DAY, HOUR, NOW, RULES, by, lead, settle
from tests.storage.test_broadcasts import refusal

RIGHT = {"bg": "Грешка: в четвъртък."}


def over(connection: Connection, number: int) -> None:
    """All of it is out."""
    went(connection)
    deliveries.finish(connection, number, SOON)


def corrected(connection: Connection, wrong: int, words: str, hours: int = 1) -> int:
    """A correction that went to all."""
    acting = by(now=NOW + hours * HOUR)
    number = published(connection, acting, words={"bg": words}, corrects=wrong).id
    assert begin(connection, number, SOON + hours * HOUR)
    over(connection, number)
    return number


def why_not(connection: Connection, acting: Acting, wrong: int) -> str:
    """Why there is no correction, which is the same on the card and at the last button."""
    said = broadcasts.may_correct(connection, acting, broadcast_id=wrong)
    assert refusal(lambda: published(connection, acting, words=RIGHT, corrects=wrong)) == ("audience", said)
    return said


# --- a correction -----------------------------------------------------------------------------------------------------


async def test_there_is_one_correction_of_each_and_of_a_correction_one_more(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 2)
        wrong = begun(connection, acting)
        over(connection, wrong)
        first = corrected(connection, wrong, "вярно")
        assert why_not(connection, by(now=NOW + HOUR), wrong) == "announce.was_corrected"
        second = corrected(connection, first, "по-вярно", hours=2)
        assert why_not(connection, by(now=NOW + 2 * HOUR), second) == "announce.was_corrected"

    await database.write(go)


async def test_a_correction_that_was_taken_back_leaves_room_for_another(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 2)
        wrong = begun(connection, acting)
        over(connection, wrong)
        number = published(connection, acting, words=RIGHT, corrects=wrong).id
        assert why_not(connection, acting, wrong) == "announce.was_corrected"
        broadcasts.take_back(connection, acting, broadcast_id=number)
        assert broadcasts.may_correct(connection, acting, broadcast_id=wrong) == ""
        corrected(connection, wrong, "вярно")

    await database.write(go)


@pytest.mark.parametrize(("later", "said"), [(2 * DAY - HOUR, ""), (2 * DAY + HOUR, "announce.too_old")])
async def test_what_is_older_than_two_days_is_corrected_no_more(
    database: Database, later: timedelta, said: str
) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 2)
        wrong = begun(connection, acting)
        over(connection, wrong)
        assert broadcasts.may_correct(connection, by(now=NOW + later), broadcast_id=wrong) == said

    await database.write(go)


async def test_only_the_first_correction_is_left_out_of_what_a_week_holds(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1)
        wrong = begun(connection, acting)
        over(connection, wrong)
        second = corrected(connection, corrected(connection, wrong, "вярно"), "по-вярно", hours=2)
        assert ledger(connection, second) == {100: "queued"}
        later = SOON + 3 * HOUR
        number = begun(connection, by(now=NOW + 3 * HOUR), now=later, words={"bg": "трето"})
        assert ledger(connection, number) == {100: "queued"}, "the wrong one, the second correction, and this"
        said = refusal(lambda: published(connection, by(now=NOW + 4 * HOUR), words={"bg": "четвърто"}))
        assert said == ("audience", "announce.nobody")

    await database.write(go)


async def test_a_correction_ends_what_was_wrong_so_that_nobody_gets_it_after(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 4)
        wrong = published(connection, acting).id
        deliveries.start(connection, wrong, SOON, RULES)
        deliveries.bite(connection, wrong, SOON, RULES, 3)
        went(connection, SOON, "sent", 100, 101)
        number = published(connection, by(now=SOON), words=RIGHT, corrects=wrong).id
        assert states(connection)[f"broadcast:{wrong}:102"] == "cancelled"
        assert deliveries.bite(connection, wrong, SOON, RULES, 3) == 0
        assert ledger(connection, wrong)[103] == "stopped"
        assert begin(connection, number, SOON + HOUR)
        assert ledger(connection, number) == {100: "queued", 101: "queued"}
        assert deliveries.finish(connection, wrong, SOON)

    await database.write(go)


async def test_a_correction_that_is_refused_ends_nothing(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 2)
        wrong = begun(connection, acting)
        went(connection, SOON, "sent", 100)
        with pytest.raises(Conflict):
            broadcasts.publish(
                connection, acting, draft=draft(words={"bg": ""}, corrects=wrong), starts=None, rules=RULES
            )
        assert states(connection)[f"broadcast:{wrong}:101"] == "queued"

    await database.write(go)


# --- taken out of the chats -------------------------------------------------------------------------------------------


def gone(connection: Connection) -> tuple[Acting, int]:
    """An announcement that was deleted: with one of two that failed, and one who had blocked that channel."""
    acting = lead(connection)
    settle(connection, 3)
    number = begun(connection, acting)
    went(connection, SOON, "failed", 102, error="blocked: gone")
    over(connection, number)
    broadcasts.delete_sent(connection, by(now=SOON), broadcast_id=number)
    result(connection, 100, "sent")
    result(connection, 101, "failed")
    return by(now=SOON), number


def result(connection: Connection, who: int, status: str) -> None:
    mine = outbox.c.key.like(f"unsend:%:{who}") & (outbox.c.status == "queued")
    connection.execute(update(outbox).where(mine).values(status=status))


async def test_what_came_of_it_is_counted_by_people_and_failures_are_tried_again(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting, number = gone(connection)
        assert broadcasts.removed(connection, acting, broadcast_id=number) == Removed(1, 1, 0)
        broadcasts.delete_sent(connection, acting, broadcast_id=number)
        assert broadcasts.removed(connection, acting, broadcast_id=number) == Removed(1, 0, 1)
        waiting = [key for key, status in states(connection, "unsend").items() if status == "queued"]
        assert waiting == [f"unsend:{number}.3:101"]
        assert announcing.removed(connection, waiting, SOON) == {waiting[0]: "77"}
        broadcasts.delete_sent(connection, acting, broadcast_id=number)
        assert len(states(connection, "unsend")) == 3, "what is under way is not tried twice"
        result(connection, 101, "sent")
        assert broadcasts.removed(connection, acting, broadcast_id=number) == Removed(2, 0, 0)
        assert broadcasts.removed(connection, by(100), broadcast_id=number) == Removed(0, 0, 0)

    await database.write(go)


async def test_deleted_words_go_no_other_way_and_are_neither_changed_nor_corrected(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting, number = gone(connection)
        row = {"id": 900, "channel": "web", "external": "900", "status": "active", "contact_id": 102}
        connection.execute(insert(addresses).values(**row, lookup=b"0" * 16, created_at=NOW))
        connection.execute(insert(residents).values(address_id=900, contact_id=102))
        connection.execute(update(contacts).where(contacts.c.id == 102).values(status="active"))
        assert recipients.other_ways(connection, acting, broadcast_id=number) == 0
        other = refusal(lambda: recipients.send_other_way(connection, acting, broadcast_id=number, rules=RULES))
        assert other == ("sure", "announce.no_other_way")
        change = refusal(lambda: broadcasts.change_sent(connection, acting, broadcast_id=number, words=RIGHT))
        assert change == ("sure", "announce.was_deleted")
        assert why_not(connection, acting, number) == "announce.was_deleted"

    await database.write(go)


async def test_a_change_that_waits_is_not_put_over_what_is_deleted(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1)
        number = begun(connection, acting)
        over(connection, number)
        broadcasts.change_sent(connection, acting, broadcast_id=number, words=RIGHT)
        edits = list(states(connection, "edit"))
        broadcasts.delete_sent(connection, by(now=SOON), broadcast_id=number)
        assert states(connection, "edit") == {edits[0]: "cancelled"}
        assert announcing.changed(connection, edits) == {}

    await database.write(go)
