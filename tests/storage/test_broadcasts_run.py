"""A broadcast that runs: held, stopped, over, changed, sent another way; and what comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from bot.chat import Acting
from bot.messages import Lane, Outgoing
from storage import announcing, broadcasts, deliveries, outbox, recipients, stopping
from storage.broadcasts import HOLD, MANY, Broadcast
from storage.database import Database
from storage.recipients import CameBack, Progress, ToCall
from storage.tables import addresses, contacts, residents
from storage.tables import outbox as outbox_rows
from tests.bench.fill import count_on
from tests.storage.broadcasts_kit import SOON, WORDS, begin, begun, ledger, published, states, went
from tests.storage.events_kit import DAY, HOUR, NOW, RULES, by, fire, lead, settle
from tests.storage.events_kit import published as event_published
from tests.storage.test_broadcasts import PERSONAL, refusal

LATER = SOON + HOUR
LIMIT = dict.fromkeys(Lane, 100)


def seen(connection: Connection, number: int, acting: Acting | None = None) -> Broadcast:
    found = broadcasts.for_staff(connection, acting or by(), number)
    assert found is not None
    return found


def taken(connection: Connection, who: str = "me", now: datetime = SOON) -> list[outbox.Held]:
    """What a sender holds in its memory."""
    return outbox.claim(connection, "telegram", who, now, LIMIT, composed)


def composed(
    connection: Connection, unwritten: Sequence[outbox.Unwritten], now: datetime
) -> Mapping[int, Outgoing | None]:
    return {row.id: Outgoing("Здравейте") for row in unwritten}


def goes(connection: Connection, held: list[outbox.Held], who: str = "me") -> set[int]:
    """The readers to whom a sender may still send what it holds."""
    marked = outbox.on_wire(connection, [row.delivery.id for row in held], who)
    return {int(row.delivery.address.external) for row in held if row.delivery.id in marked}


# --- held, stopped ----------------------------------------------------------------------------------------------------


async def test_a_pause_holds_also_what_a_sender_has_in_its_hands_and_going_on_gives_it_back(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 4)
        number = published(connection, acting).id
        deliveries.start(connection, number, SOON, RULES)
        deliveries.bite(connection, number, SOON, RULES, 3)
        held = [row for row in taken(connection) if row.key.startswith("broadcast")]
        assert goes(connection, held[:1]) == {100}
        broadcasts.pause_(connection, acting, broadcast_id=number)
        assert goes(connection, held[1:]) == set()
        assert deliveries.bite(connection, number, SOON, RULES, 3) == 0
        assert outbox.expire(connection, LATER + 9 * DAY) == 0, "what is held does not grow old"
        broadcasts.go_on(connection, by(now=LATER + 9 * DAY), broadcast_id=number, rules=RULES)
        begin(connection, number, LATER)
        assert goes(connection, held[1:]) == set(), "it is claimed anew, with its words of now"
        assert recipients.progress(connection, acting, broadcast_id=number).waiting == 4
        fresh = taken(connection, "other", LATER + 9 * DAY)
        assert {row.contact_id for row in _rows(connection, fresh) if row.contact_id != 1} == {101, 102, 103}

    await database.write(go)


def _rows(connection: Connection, held: list[outbox.Held]) -> list[Any]:
    ids = [row.delivery.id for row in held]
    return list(connection.execute(select(outbox_rows).where(outbox_rows.c.id.in_(ids))))


async def test_what_was_on_the_wire_at_a_pause_and_failed_is_held_by_the_next_look(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1)
        number = begun(connection, acting)
        went(connection, SOON, "sending")
        broadcasts.pause_(connection, acting, broadcast_id=number)
        assert not deliveries.needs_a_hand(connection, number, SOON)
        went(connection, SOON, "queued")
        assert deliveries.needs_a_hand(connection, number, SOON)
        deliveries.wake(connection, number, SOON, RULES)
        assert states(connection) == {f"broadcast:{number}:100": "held"}

    await database.write(go)


@pytest.mark.parametrize("paused", [False, True])
async def test_stopped_nobody_else_gets_it_and_a_failed_call_is_not_tried_again(
    database: Database, paused: bool
) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 4)
        number = published(connection, acting).id
        deliveries.start(connection, number, SOON, RULES)
        deliveries.bite(connection, number, SOON, RULES, 3)
        held = [row for row in taken(connection) if row.key.startswith("broadcast")]
        goes(connection, held[:1])
        if paused:
            broadcasts.pause_(connection, acting, broadcast_id=number)
        broadcasts.stop(connection, acting, broadcast_id=number)
        assert goes(connection, held[1:]) == set()
        assert not deliveries.finish(connection, number, SOON), "one call is still under way"
        connection.execute(
            update(outbox_rows).where(outbox_rows.c.status == "sending").values(status="queued", owner="")
        )
        assert outbox.expire(connection, SOON) == 1
        assert deliveries.finish(connection, number, LATER)
        assert seen(connection, number).ended_at == LATER
        assert recipients.progress(connection, acting, broadcast_id=number) == Progress(
            4, 0, 0, 1, 0, 3, failures={"expired": 1}
        )
        assert (
            refusal(lambda: broadcasts.go_on(connection, acting, broadcast_id=number, rules=RULES))[1]
            == "announce.not_paused"
        )
        assert refusal(lambda: broadcasts.stop(connection, acting, broadcast_id=number))[1] == "announce.over"
        assert refusal(lambda: broadcasts.pause_(connection, acting, broadcast_id=number))[1] == "announce.not_running"

    await database.write(go)


async def test_others_may_neither_hold_nor_stop_nor_change_it(database: Database) -> None:
    def go(connection: Connection) -> None:
        lead(connection)
        settle(connection, 1)
        number = begun(connection, by())
        for acting in (lead(connection, 2, "mediator"), by(100)):
            for act in (broadcasts.pause_, broadcasts.stop, broadcasts.delete_sent, recipients.to_call_list):
                assert refusal(partial(act, connection, acting, broadcast_id=number))[1] == "announce.gone"
        assert states(connection) == {f"broadcast:{number}:100": "queued"}

    await database.write(go)


@pytest.mark.parametrize("change", ["stopped", "blocked", "archived"])
async def test_whoever_stops_or_blocks_meanwhile_gets_nothing(database: Database, change: str) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 3)
        number = published(connection, acting).id
        deliveries.start(connection, number, SOON, RULES)
        deliveries.bite(connection, number, SOON, RULES, 1)
        gone = contacts.c.id.in_((100, 101))
        connection.execute(update(contacts).where(gone).values(status=change))
        begin(connection, number)
        assert set(announcing.told(connection, list(states(connection)))) == {f"broadcast:{number}:102"}
        reason = "erased" if change == "archived" else change
        assert ledger(connection, number) == {100: "queued", 101: reason, 102: "queued"}

    await database.write(go)


async def test_of_somebody_erased_only_the_number_stays(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 2)
        number = begun(connection, acting, buttons=("call",))
        went(connection)
        recipients.answer(connection, by(100), broadcast_id=number, contact_id=100, code="call")
        count_on(connection)
        stopping.erase(connection, by(100), rules=RULES)
        assert recipients.call_list(connection, acting, broadcast_id=number) == []
        found = recipients.progress(connection, acting, broadcast_id=number)
        assert (found.total, found.sent, found.skipped) == (2, 1, {"erased": 1})

    await database.write(go)


# --- over -------------------------------------------------------------------------------------------------------------


async def test_it_is_over_when_the_last_is_out_and_its_author_gets_one_report(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 3)
        number = begun(connection, acting)
        went(connection, SOON, "sent", 100, 101)
        assert not deliveries.finish(connection, number, SOON)
        went(connection, SOON, "failed", 102, error="blocked: Forbidden")
        assert deliveries.finish(connection, number, LATER)
        assert not deliveries.finish(connection, number, LATER)
        assert (seen(connection, number).status, seen(connection, number).ended_at) == ("done", LATER)
        assert sorted(states(connection, "progress")) == [f"progress:{number}:0", f"progress:{number}:end"]
        assert deliveries.at_work(connection, LATER) == []

    await database.write(go)


async def test_progress_counts_everybody_once(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 7)
        settle(connection, 2, first=300, channel="")
        number = published(connection, acting).id
        assert recipients.progress(connection, acting, broadcast_id=number) == Progress(0, 0, 0, 0, 0, 0)
        deliveries.start(connection, number, SOON, RULES)
        deliveries.bite(connection, number, SOON, RULES, 6)
        went(connection, SOON, "sent", 100)
        went(connection, SOON, "uncertain", 101)
        went(connection, SOON, "failed", 102, error="blocked: Forbidden: bot was blocked by the user")
        went(connection, SOON, "failed", 103, error="bad_request: x")
        outbox.cancel(connection, contact_id=104)
        expected = Progress(
            9, 1, 2, 2, 1, 1, {"no_channel": 2}, {"blocked": 1, "bad_request": 1}, SOON + timedelta(seconds=2 / 25),
            {"telegram": 1},
        )  # fmt: skip
        assert recipients.progress(connection, by(now=SOON), broadcast_id=number) == expected
        assert recipients.progress(connection, by(100), broadcast_id=number).total == 0

    await database.write(go)


async def test_the_first_message_about_it_is_changed_every_two_seconds_where_it_can_be(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting, every = lead(connection), timedelta(seconds=2)
        settle(connection, 2)
        number = begun(connection, acting)
        first, at = f"progress:{number}:0", SOON + 3 * every
        assert not deliveries.show_again(connection, number, 1, at, every), "it is not out yet"
        sent = {"status": "sent", "platform_id": "5"}
        connection.execute(update(outbox_rows).where(outbox_rows.c.key == first).values(sent))
        assert deliveries.show_again(connection, number, 1, at, every)
        assert not deliveries.show_again(connection, number, 1, at + 2 * every, every), "the last one waits"
        (second,) = states(connection, "progress").keys() - {first}
        standing = announcing.standing(connection, [first, second], at)
        assert [standing[key].replaces for key in (first, second)] == ["", "5"]
        connection.execute(update(outbox_rows).where(outbox_rows.c.key == second).values(sent))
        assert not deliveries.show_again(connection, number, 1, at + every / 2, every)
        assert deliveries.show_again(connection, number, 1, at + 2 * every, every)
        assert len(states(connection, "progress")) == 2, "those before it are of no use any more"

    await database.write(go)


# --- changed ----------------------------------------------------------------------------------------------------------


async def test_changed_words_go_over_the_old_ones_and_out_to_those_who_wait(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting, new = lead(connection), {"bg": "В събота от 17:00"}
        settle(connection, 3)
        settle(connection, 1, first=200, channel="web")
        number = begun(connection, acting)
        went(connection, SOON, "sent", 100, 200)
        went(connection, SOON, "sending", 101)
        held = [row for row in taken(connection) if row.key == f"broadcast:{number}:102"]
        broadcasts.change_sent(connection, acting, broadcast_id=number, words=new)
        assert goes(connection, held) == set(), "the sender finds the new words"
        edits = states(connection, "edit")
        assert sorted(edits) == [f"edit:{number}.2:100", f"edit:{number}.2:101"]
        assert {
            key: (t.replaces, t.broadcast.words) for key, t in announcing.changed(connection, list(edits)).items()
        } == {f"edit:{number}.2:100": ("77", new)}
        broadcasts.change_sent(connection, acting, broadcast_id=number, words={"bg": "В неделя"})
        assert announcing.changed(connection, list(edits)) == {}, "only the latest words are shown"
        assert states(connection, "edit")[f"edit:{number}.2:100"] == "cancelled"
        again = refusal(lambda: broadcasts.change_sent(connection, acting, broadcast_id=number, words={"bg": "((х))"}))
        assert again == ("words", "announce.unknown_mark")

    await database.write(go)


async def test_what_was_sent_is_taken_out_of_the_chats_while_it_is_young_enough(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 4)
        settle(connection, 1, first=200, channel="web")
        number = begun(connection, acting)
        went(connection, SOON - 3 * DAY, "sent", 100)
        went(connection, SOON, "sent", 101, 200)
        went(connection, SOON, "failed", 102)
        broadcasts.delete_sent(connection, by(now=SOON), broadcast_id=number)
        keys = list(states(connection, "unsend"))
        assert keys == [f"unsend:{number}.2:101"]
        assert announcing.removed(connection, keys, LATER) == {keys[0]: "77"}
        assert announcing.removed(connection, keys, SOON + 2 * DAY) == {}
        assert states(connection)[f"broadcast:{number}:103"] == "cancelled"
        assert seen(connection, number).status == "stopped"

    await database.write(go)


async def test_before_it_starts_there_is_nothing_to_change(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1)
        number = published(connection, acting).id
        said = "announce.nothing_to_change"
        change = refusal(lambda: broadcasts.change_sent(connection, acting, broadcast_id=number, words=WORDS))
        assert (
            change == refusal(lambda: broadcasts.delete_sent(connection, acting, broadcast_id=number)) == ("sure", said)
        )
        broadcasts.take_back(connection, acting, broadcast_id=number)
        assert refusal(lambda: broadcasts.delete_sent(connection, acting, broadcast_id=number))[1] == said

    await database.write(go)


# --- what a message says ----------------------------------------------------------------------------------------------


async def test_a_message_knows_its_reader_its_writer_its_event_and_who_else_reads_there(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 2)
        settle(connection, 1, first=400, home=100)
        event = event_published(connection, acting, NOW + 9 * DAY)
        fire(connection, event, "invite", NOW)
        number = begun(connection, acting, words=PERSONAL, audience={"events": [event.id]})
        found = announcing.told(connection, list(states(connection)))
        told = {
            one.contact_id: (one.name, one.is_shared, one.writer, one.event and one.event.id) for one in found.values()
        }
        assert told[101] == ("Човек 101", False, "Човек 1", event.id)
        assert told[100][1] is told[400][1] is True
        broadcasts.stop(connection, acting, broadcast_id=number)
        assert announcing.told(connection, list(states(connection))) == {}

    await database.write(go)


async def test_who_may_say_yes_is_asked_only_as_long_as_it_waits(database: Database) -> None:
    def go(connection: Connection) -> None:
        author, colleague = lead(connection), lead(connection, 2, "mediator")
        settle(connection, MANY + 1)
        number = published(connection, author).id
        (key,) = states(connection, "approve")
        plea = announcing.pleas(connection, [key], NOW, RULES)[key]
        assert (plea.writer, plea.people, plea.broadcast.due_at) == ("Човек 1", MANY + 1, NOW + HOLD)
        broadcasts.refuse(connection, colleague, broadcast_id=number)
        assert announcing.pleas(connection, [key], NOW, RULES) == {}

    await database.write(go)


# --- what comes back --------------------------------------------------------------------------------------------------


async def test_the_latest_answer_of_each_counts_and_a_call_is_put_on_the_list(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 3)
        number = begun(connection, acting, buttons=("interested", "no", "call"))
        went(connection)
        for minutes, who, code in ((1, 100, "interested"), (2, 101, "call"), (3, 100, "no"), (4, 102, "call")):
            tap = by(who, SOON + timedelta(minutes=minutes))
            recipients.answer(connection, tap, broadcast_id=number, contact_id=who, code=code)
        recipients.answer(connection, by(102, LATER), broadcast_id=number, contact_id=102, code="interested")
        assert recipients.came_back(connection, acting, broadcast_id=number) == CameBack(
            {"no": 1, "call": 1, "interested": 1}, 1, 0, 1
        )
        for code, who in (("no", 100), ("call", 101), ("interested", 102)):
            heard = recipients.answers(connection, acting, broadcast_id=number, code=code, first=0, limit=9)
            assert [(one.contact_id, one.name) for one in heard] == [(who, f"Човек {who}")]
        assert [line.contact_id for line in recipients.call_list(connection, acting, broadcast_id=number)] == [101]
        assert recipients.answers(connection, by(100), broadcast_id=number, code="no", first=0, limit=9) == []
        assert recipients.came_back(connection, by(100), broadcast_id=number) == CameBack({}, 0, 0)

    await database.write(go)


NOT_ASKED = {
    "somebody else's": (101, 100, "call"), "nobody in it": (1, 1, "call"), "not asked for": (100, 100, "no"),
    "no such button": (100, 100, "x"), "left out": (102, 102, "call"),
}  # fmt: skip


@pytest.mark.parametrize(("taps", "for_whom", "code"), [pytest.param(*case, id=n) for n, case in NOT_ASKED.items()])
async def test_a_forged_answer_is_refused(database: Database, taps: int, for_whom: int, code: str) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 3)
        connection.execute(update(contacts).where(contacts.c.id == 102).values(status="stopped"))
        number = begun(connection, acting, buttons=("call",))
        answer = recipients.answer
        why = refusal(lambda: answer(connection, by(taps), broadcast_id=number, contact_id=for_whom, code=code))
        assert why == ("sure", "announce.not_asked")

    await database.write(go)


async def test_whoever_was_not_reached_is_called_but_nobody_who_stopped(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 6)
        settle(connection, 1, first=300, channel="")
        connection.execute(update(contacts).where(contacts.c.id == 105).values(status="stopped"))
        number = begun(connection, acting)
        went(connection, SOON, "sent", 100)
        went(connection, SOON, "failed", 101, error="blocked: Forbidden")
        went(connection, SOON, "failed", 102, error="bad_request: x")
        went(connection, SOON, "uncertain", 103)
        went(connection, SOON, "failed", 104)
        connection.execute(update(contacts).where(contacts.c.id == 104).values(status="stopped"))
        recipients.to_call_list(connection, acting, broadcast_id=number)
        recipients.called(connection, acting, broadcast_id=number, contact_id=101, outcome="no_answer")
        assert recipients.call_list(connection, acting, broadcast_id=number) == [
            ToCall(102, "Човек 102", "", "failed", ""), ToCall(103, "Човек 103", "", "unsure", ""),
            ToCall(300, "Човек 300", "", "no_channel", ""), ToCall(101, "Човек 101", "", "blocked", "no_answer"),
        ]  # fmt: skip
        for who, outcome in ((100, "yes"), (102, "maybe")):
            call = partial(recipients.called, connection, acting, broadcast_id=number, contact_id=who, outcome=outcome)
            said = refusal(call)
            assert said[1] == "announce.not_listed"

    await database.write(go)


async def test_those_not_reached_get_it_on_another_channel_once_and_the_author_hears_of_it(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 4)
        settle(connection, 3, first=200, channel="web", group="")
        for home, who in ((200, 100), (201, 101), (202, 103)):
            connection.execute(insert(residents).values(address_id=home, contact_id=who))
        number = begun(connection, acting)
        went(connection, SOON, "failed", 100, error="blocked: x")
        connection.execute(update(addresses).where(addresses.c.id == 100).values(status="blocked"))
        went(connection, SOON, "failed", 101, 102, error="bad_request: x")
        went(connection, SOON, "sent", 103)
        deliveries.finish(connection, number, SOON)
        assert recipients.other_ways(connection, acting, broadcast_id=number) == 2
        recipients.send_other_way(connection, by(now=LATER), broadcast_id=number, rules=RULES)
        fresh = {key: state for key, state in states(connection).items() if key.endswith(":2")}
        assert fresh == {f"broadcast:{number}:{who}:2": "queued" for who in (100, 101)}
        assert set(announcing.told(connection, list(fresh))) == fresh.keys()
        went(connection, LATER)
        assert deliveries.finish(connection, number, LATER)
        assert f"progress:{number}:end2" in states(connection, "progress")
        assert recipients.progress(connection, acting, broadcast_id=number).sent == 3
        assert refusal(lambda: recipients.send_other_way(connection, acting, broadcast_id=number, rules=RULES))[1] == (
            "announce.no_other_way"
        )

    await database.write(go)
