"""Whom a broadcast reaches and why not others, who may send it, and what can be done until it starts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, func, insert, select, update

from bot.chat import Acting, Conflict
from storage import audiences, broadcasts, deliveries
from storage.broadcasts import HOLD, MANY, UNDO, Reach
from storage.database import Database
from storage.tables import (
    addresses,
    audit,
    charges,
    children,
    contacts,
    invitations,
    outbox,
    recipients,
    residents,
    staff,
)
from storage.tables import broadcasts as rows
from tests.storage.broadcasts_kit import SOON, WORDS, begin, begun, ledger, published, states, went
from tests.storage.events_kit import CLASS, DAY, HOUR, NOW, RULES, by, fire, go_out, lead, settle
from tests.storage.events_kit import ledger as event_ledger
from tests.storage.events_kit import published as event_published
from tests.storage.kit import opened

ALL = {"all": True}
PERSONAL = {"bg": "Здравейте, ((име))! Елате в петък."}


def refusal(act: Callable[[], object]) -> tuple[str, str]:
    """The answer that a Conflict names, and why."""
    with pytest.raises(Conflict) as caught:
        act()
    why = caught.value.why
    return caught.value.key, why if isinstance(why, str) else getattr(why, "key", "")


def reached(connection: Connection, acting: Acting, **more: Any) -> Reach:
    asked: dict[str, Any] = {"audience": CLASS, "words": WORDS, "rules": RULES} | more
    return broadcasts.reach(connection, acting, **asked)


# --- who gets it ------------------------------------------------------------------------------------------------------


async def test_everybody_of_the_group_gets_one_message_however_often_a_step_is_repeated(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 5)
        settle(connection, 2, first=200, group="4 б")
        number = begun(connection, acting)
        assert not begin(connection, number)
        assert states(connection) == {f"broadcast:{number}:{n}": "queued" for n in range(100, 105)}
        assert ledger(connection, number) == dict.fromkeys(range(100, 105), "queued")

    await database.write(go)


async def test_why_somebody_gets_nothing_is_written_down(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 8)
        settle(connection, 1, first=300, channel="")
        settle(connection, 2, first=400, home=100)
        for number, status in ((101, "stopped"), (102, "blocked"), (103, "archived")):
            connection.execute(update(contacts).where(contacts.c.id == number).values(status=status))
        connection.execute(update(addresses).where(addresses.c.id == 104).values(status="blocked"))
        begun(connection, acting, audience={"children": [["sofroniy", "3 а"]], "purposes": []})
        went(connection)
        settle(connection, 1, first=500)
        number = begun(connection, by(now=NOW + HOUR), now=SOON + HOUR)
        assert ledger(connection, number) == {
            100: "told_today", 101: "stopped", 102: "blocked", 104: "no_channel", 105: "told_today",
            106: "told_today", 107: "told_today", 300: "no_channel", 400: "household", 401: "household", 500: "queued",
        }  # fmt: skip

    await database.write(go)


async def test_whoever_writes_gets_no_message_of_their_own(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1)
        number = begun(connection, acting, audience=ALL)
        assert ledger(connection, number) == {1: "self", 100: "queued"}
        assert reached(connection, acting, audience=ALL, words={"bg": "Друго"}).people == 1

    await database.write(go)


async def test_of_one_home_who_talks_there_gets_it_unless_the_words_name_their_reader(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1)
        settle(connection, 2, first=400, home=100)
        connection.execute(update(addresses).where(addresses.c.id == 100).values(contact_id=401))
        plain, personal = begun(connection, acting), begun(connection, acting, words=PERSONAL)
        assert ledger(connection, plain) == {100: "household", 400: "household", 401: "queued"}
        assert set(ledger(connection, personal).values()) == {"queued"}

    await database.write(go)


async def test_the_same_words_within_a_day_go_only_to_the_others_or_again_when_that_is_meant(
    database: Database,
) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 3)
        begun(connection, acting)
        went(connection, SOON, "sent", 100)
        went(connection, SOON, "failed", 101)
        shouted = {"bg": f"  {WORDS['bg'].upper()}\n"}
        later = by(now=NOW + 23 * HOUR)
        assert broadcasts.sent_before(connection, later, words=shouted, audience=CLASS) == (SOON, 2)
        assert reached(connection, later, words=shouted) == Reach(3, 1, 0, 0, told_today=2, week_full=0)
        assert reached(connection, later, again=True).get == 3
        next_day = by(now=NOW + 25 * HOUR)
        assert broadcasts.sent_before(connection, next_day, words=WORDS, audience=CLASS) is None
        assert reached(connection, next_day).get == 3

    await database.write(go)


async def test_a_week_holds_three_announcements_to_one_person_over_all_senders(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 2)
        event = event_published(connection, acting, NOW + 9 * DAY)
        fire(connection, event, "invite", NOW)
        go_out(connection, NOW)
        begun(connection, acting)
        begun(connection, lead(connection, 2), words={"bg": "Второ"})
        went(connection, SOON, "sent", 100)
        went(connection, SOON, "failed", 101)
        assert ledger(connection, begun(connection, acting, words={"bg": "Трето"})) == {100: "week_full", 101: "queued"}
        week_later = by(now=NOW + 7 * DAY + HOUR)
        assert reached(connection, week_later, words={"bg": "Четвърто"}).get == 2

    await database.write(go)


async def test_an_invitation_counts_broadcasts_too(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1)
        for text in "абв":
            begun(connection, acting, words={"bg": text})
        event = event_published(connection, acting, NOW + 9 * DAY)
        fire(connection, event, "invite", NOW + HOUR)
        assert event_ledger(connection) == {("invite", 100): "week_full"}

    await database.write(go)


async def test_a_correction_goes_to_all_who_got_what_was_wrong_and_to_nobody_else(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 5)
        for text in "аб":
            begun(connection, acting, words={"bg": text})
        went(connection)
        wrong = begun(connection, acting)
        went(connection, SOON, "sent", 100)
        went(connection, SOON, "uncertain", 101)
        went(connection, SOON, "failed", 102)
        went(connection, SOON, "sent", 103)
        connection.execute(update(contacts).where(contacts.c.id == 103).values(status="stopped"))
        settle(connection, 1, first=500)
        assert reached(connection, acting, corrects=wrong).get == 2
        number = begun(connection, by(now=NOW + HOUR), now=SOON + HOUR, corrects=wrong)
        assert ledger(connection, number) == {100: "queued", 101: "queued", 103: "stopped"}

    await database.write(go)


async def test_the_guests_of_an_event_are_those_who_have_not_said_no(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 3)
        event = event_published(connection, acting, NOW + 9 * DAY)
        fire(connection, event, "invite", NOW)
        connection.execute(update(invitations).where(invitations.c.contact_id == 101).values(rsvp="no"))
        assert sorted(ledger(connection, begun(connection, acting, audience={"events": [event.id]}))) == [100, 102]

    await database.write(go)


# --- rights -----------------------------------------------------------------------------------------------------------


async def test_a_mediator_reaches_own_people_and_a_trainer_the_guests_of_an_event_of_theirs(database: Database) -> None:
    def go(connection: Connection) -> None:
        mediator, trainer, other = (
            lead(connection, n, r) for n, r in ((2, "mediator"), (3, "trainer"), (4, "trainer"))
        )
        settle(connection, 3)
        settle(connection, 2, first=200, group="4 б")
        connection.execute(insert(charges).values(staff_id=2, kind="institution", code="sofroniy"))
        connection.execute(update(contacts).where(contacts.c.id == 201).values(source="staff:2"))
        connection.execute(delete_children_of(102))
        event = event_published(connection, lead(connection), NOW + 9 * DAY, mediator_id=3)
        fire(connection, event, "invite", NOW)
        assert reached(connection, mediator, audience=ALL).people == 4
        guests = {"events": [event.id]}
        assert reached(connection, trainer, audience=guests).people == 2
        assert reached(connection, trainer, audience=ALL) == Reach(0, 0, 0, 0, 0, 0)
        assert reached(connection, trainer, audience={"events": [event.id], "all": True}).people == 0
        assert reached(connection, other, audience=guests).people == 0
        assert reached(connection, by(100), audience=ALL).people == 0
        assert refusal(lambda: published(connection, other, audience=guests)) == ("audience", "announce.not_yours")

    await database.write(go)


def delete_children_of(number: int) -> Any:
    return delete(children).where(children.c.contact_id == number)


REFUSED: dict[str, tuple[str, dict[str, Any], tuple[str, str]]] = {
    "nothing": ("coordinator", {"words": {"bg": " "}}, ("words", "announce.no_words")),
    "only Romani": ("coordinator", {"words": {"rom": "Ба"}}, ("words", "announce.no_words")),
    "a mediator's long text": ("mediator", {"words": {"bg": "а" * 501}}, ("words", "announce.too_many")),
    "a coordinator's": ("coordinator", {"words": {"bg": "а" * 1001}}, ("words", "announce.too_many")),
    "a placeholder that nobody knows": (
        "coordinator", {"words": {"bg": "((град))"}}, ("words", "announce.unknown_mark"),
    ),
    "one of an event, without an event": (
        "coordinator", {"words": {"bg": "((събитие))"}}, ("words", "announce.unknown_mark"),
    ),
    "a group of nobody": ("coordinator", {"audience": {}}, ("audience", "announce.nobody")),
    "nobody's own people": ("mediator", {}, ("audience", "announce.nobody")),
    "a reporter": ("reporter", {}, ("audience", "announce.not_yours")),
    "a correction of nothing": ("coordinator", {"corrects": 99}, ("audience", "announce.not_yours")),
}  # fmt: skip


@pytest.mark.parametrize(("role", "more", "said"), [pytest.param(*case, id=name) for name, case in REFUSED.items()])
async def test_what_may_not_go_is_refused(
    database: Database, role: str, more: dict[str, Any], said: tuple[str, str]
) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection, role=role)
        settle(connection, 1)
        assert refusal(lambda: published(connection, acting, **more)) == said

    await database.write(go)


async def test_whoever_lost_their_role_before_it_starts_sends_nothing(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1)
        number = published(connection, acting).id
        connection.execute(delete(staff).where(staff.c.contact_id == 1))
        assert not begin(connection, number)
        assert states(connection) == {}
        assert broadcasts.for_staff(connection, acting, number) is None
        assert refusal(lambda: broadcasts.take_back(connection, acting, broadcast_id=number))[1] == "announce.gone"
        seen = broadcasts.for_staff(connection, lead(connection, 2), number)
        assert seen is not None
        assert seen.status == "refused"

    await database.write(go)


async def test_others_broadcasts_are_seen_by_coordinators_and_of_held_ones_by_who_may_approve(
    database: Database,
) -> None:
    def go(connection: Connection) -> None:
        author, colleague, chief = lead(connection, 2, "mediator"), lead(connection, 3, "mediator"), lead(connection, 4)
        settle(connection, MANY + 1)
        settle(connection, 1, first=900, group="4 б")
        connection.execute(insert(charges).values(staff_id=2, kind="institution", code="sofroniy"))
        held = published(connection, author).id
        small = published(connection, author, audience={"children": [["sofroniy", "4 б"]]}).id
        assert [one.id for one in broadcasts.recent(connection, author, limit=9)] == [small, held]
        assert [one.id for one in broadcasts.recent(connection, chief, limit=1)] == [small]
        assert broadcasts.recent(connection, colleague, limit=9) == []
        assert broadcasts.for_staff(connection, colleague, held) is not None
        assert broadcasts.for_staff(connection, colleague, small) is None
        assert broadcasts.for_staff(connection, by(100), held) is None

    await database.write(go)


# --- until it starts --------------------------------------------------------------------------------------------------

EVENING, MORNING = datetime(2026, 11, 24, 18, 30, tzinfo=UTC), datetime(2026, 11, 25, 6, 30, tzinfo=UTC)
STARTS: dict[str, tuple[datetime, datetime | None, datetime]] = {
    "half a minute to undo it": (NOW, None, NOW + UNDO),
    "at its hour": (NOW, NOW + 3 * HOUR, NOW + 3 * HOUR),
    "an hour that is past": (NOW, NOW - HOUR, NOW + UNDO),
    "in quiet hours, when they end": (EVENING, None, MORNING),
    "an hour of the night, when it ends": (NOW, EVENING, MORNING),
}


@pytest.mark.parametrize(("now", "asked", "due"), [pytest.param(*case, id=name) for name, case in STARTS.items()])
async def test_it_starts_when_it_should(
    database: Database, now: datetime, asked: datetime | None, due: datetime
) -> None:
    def go(connection: Connection) -> None:
        lead(connection)
        settle(connection, 1)
        made = published(connection, by(now=now), starts=asked)
        assert made.due_at == due
        assert [w.id for w in deliveries.at_work(connection, due - timedelta(seconds=1))] == []
        assert not begin(connection, made.id, due - timedelta(seconds=1))
        assert [w.id for w in deliveries.at_work(connection, due)] == [made.id]
        assert begin(connection, made.id, due)

    await database.write(go)


async def test_one_that_comes_late_waits_for_the_morning_and_its_people_are_fixed_then(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1)
        number = published(connection, acting).id
        assert not begin(connection, number, EVENING)
        settle(connection, 1, first=500)
        assert begin(connection, number, MORNING)
        assert sorted(ledger(connection, number)) == [100, 500]

    await database.write(go)


async def test_the_group_is_looked_at_once_and_never_again(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 4)
        number = published(connection, acting).id
        deliveries.start(connection, number, SOON, RULES)
        deliveries.bite(connection, number, SOON, RULES, 2)
        settle(connection, 1, first=500)
        connection.execute(delete_children_of(103))
        begin(connection, number)
        assert sorted(ledger(connection, number)) == [100, 101, 102, 103]

    await database.write(go)


async def test_it_can_be_taken_back_until_it_starts(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1)
        number, other = published(connection, acting).id, published(connection, acting, words={"bg": "Друго"}).id
        broadcasts.take_back(connection, acting, broadcast_id=number)
        assert not begin(connection, number)
        begin(connection, other)
        taken = broadcasts.for_staff(connection, acting, number)
        assert taken is not None
        assert (taken.status, taken.ended_at, taken.started_at) == ("stopped", NOW, None)
        assert refusal(lambda: broadcasts.take_back(connection, acting, broadcast_id=other))[1] == "announce.started"
        mine = select(audit.c.action).where(audit.c.subject == f"broadcast:{number}").order_by(audit.c.id)
        assert list(connection.execute(mine).scalars()) == ["announce", "announce_undo"]

    await database.write(go)


# --- a second person --------------------------------------------------------------------------------------------------


async def test_one_to_many_waits_two_minutes_and_colleagues_are_asked(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        for number, role in ((2, "coordinator"), (3, "mediator"), (4, "trainer"), (5, "reporter")):
            lead(connection, number, role)
        settle(connection, MANY)
        at_most, settled = published(connection, acting), settle(connection, 1, first=900)
        assert settled
        more = published(connection, acting)
        assert (at_most.held, at_most.due_at) == (False, NOW + UNDO)
        assert (more.held, more.due_at) == (True, NOW + HOLD)
        assert sorted(states(connection, "approve")) == [f"approve:{more.id}:2", f"approve:{more.id}:3"]
        assert not begin(connection, more.id, NOW + HOLD - timedelta(seconds=1))
        assert begin(connection, more.id, NOW + HOLD)

    await database.write(go)


async def test_a_yes_lets_it_go_after_the_half_minute_and_a_no_ends_it(database: Database) -> None:
    def go(connection: Connection) -> None:
        author, colleague, trainer = lead(connection), lead(connection, 2, "mediator"), lead(connection, 3, "trainer")
        settle(connection, MANY + 1)
        first, second = published(connection, author).id, published(connection, author, words={"bg": "Друго"}).id
        approve, refuse = broadcasts.approve, broadcasts.refuse
        assert refusal(lambda: approve(connection, author, broadcast_id=first, rules=RULES)) == (
            "sure",
            "announce.approve_own",
        )
        assert refusal(lambda: approve(connection, trainer, broadcast_id=first, rules=RULES)) == (
            "sure",
            "announce.gone",
        )
        stranger = refusal(lambda: approve(connection, by(100), broadcast_id=first, rules=RULES))
        assert stranger == ("sure", "announce.gone")
        assert broadcasts.may_approve(connection, colleague, broadcast_id=first)
        approve(connection, colleague, broadcast_id=first, rules=RULES)
        refuse(connection, colleague, broadcast_id=second)
        found = broadcasts.for_staff(connection, author, first)
        assert found is not None
        assert (found.due_at, found.approved_by, found.status) == (NOW + UNDO, 2, "waiting")
        assert refusal(lambda: refuse(connection, colleague, broadcast_id=first))[1] == "announce.decided"
        assert not begin(connection, second, NOW + HOUR)
        assert begin(connection, first, NOW + UNDO)
        assert (
            refusal(lambda: approve(connection, colleague, broadcast_id=second, rules=RULES))[1] == "announce.decided"
        )
        assert f"progress:{second}:end" in states(connection, "progress")

    await database.write(go)


async def test_a_yes_does_not_make_a_scheduled_one_earlier(database: Database) -> None:
    def go(connection: Connection) -> None:
        author, colleague = lead(connection), lead(connection, 2)
        settle(connection, MANY + 1)
        number = published(connection, author, starts=NOW + HOUR).id
        broadcasts.approve(connection, colleague, broadcast_id=number, rules=RULES)
        found = broadcasts.for_staff(connection, author, number)
        assert found is not None
        assert found.due_at == NOW + HOUR

    await database.write(go)


# --- what the screen promises -----------------------------------------------------------------------------------------

STATUSES = ("active", "active", "stopped", "blocked", "archived")
PERSON = st.tuples(
    st.sampled_from(STATUSES), st.sampled_from(("own", "none", "shared", "blocked")), st.integers(0, 3),
    st.booleans(),
)  # fmt: skip


@pytest.mark.parametrize("_new_database", ["sqlite"], indirect=True)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=st.lists(PERSON, min_size=1, max_size=9), names=st.booleans(), again=st.booleans())
def test_the_number_on_the_button_is_the_number_that_get_it(
    database_url: str, people: list[tuple[str, str, int, bool]], names: bool, again: bool
) -> None:
    words = PERSONAL if names else WORDS

    def town(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1, first=99, group="")
        for number, (status, home, heard, told) in enumerate(people, 100):
            channel = "telegram" if home in ("own", "blocked") else ""
            settle(connection, 1, first=number, channel=channel, status=status)
            if home == "shared":
                connection.execute(insert(residents).values(address_id=99, contact_id=number))
            if home == "blocked":
                connection.execute(update(addresses).where(addresses.c.id == number).values(status="blocked"))
            _heard(connection, number, heard, told, words)
        expected = reached(connection, acting, words=words, again=again)
        if not expected.get:
            assert refusal(lambda: published(connection, acting, words=words, again=again))[1] == "announce.nobody"
            return
        found = list(ledger(connection, begun(connection, acting, words=words, again=again)).values())
        unreached = found.count("blocked") + found.count("no_channel")
        numbers = (found.count(why) for why in ("told_today", "week_full", "household"))
        assert expected == Reach(len(found), found.count("queued"), found.count("stopped"), unreached, *numbers)
        assert len(states(connection)) - sum(h + t for _, _, h, t in people) == expected.get

    def undone(connection: Connection) -> None:
        nested = connection.begin_nested()
        town(connection)
        nested.rollback()

    async def run() -> None:
        async with opened(database_url) as database:
            await database.write(undone)

    asyncio.run(run())


def _heard(connection: Connection, number: int, others: int, told: bool, words: dict[str, str]) -> None:
    """What somebody got of late: other announcements, and these very words."""
    said = [{"bg": f"Друго {n}"} for n in range(others)] + ([words] if told else [])
    for one in said:
        mark = audiences.fingerprint(connection, one)
        row = {
            "by_id": 1, "words": one, "buttons": [], "audience": {}, "fingerprint": mark, "status": "done",
            "due_at": NOW - HOUR, "created_at": NOW - HOUR,
        }  # fmt: skip
        made = connection.execute(insert(rows).values(row).returning(rows.c.id)).scalar_one()
        key = f"broadcast:{made}:{number}"
        entry = {"broadcast_id": made, "contact_id": number, "status": "queued", "message": key, "at": NOW - HOUR}
        connection.execute(insert(recipients).values(entry))
        message = {
            "key": key, "channel": "telegram", "address_id": 99, "contact_id": number, "lane": 2, "status": "sent",
            "not_before": NOW, "expires_at": NOW, "created_at": NOW - HOUR, "sent_at": NOW - HOUR,
        }  # fmt: skip
        connection.execute(insert(outbox).values(message))


async def test_nobody_is_in_the_ledger_twice_though_two_processes_start_it(database: Database) -> None:
    def go(connection: Connection) -> int:
        acting = lead(connection)
        settle(connection, 5)
        return published(connection, acting).id

    number = await database.write(go)
    async with opened(database.url) as other:
        async with asyncio.TaskGroup() as tasks:
            started = [
                tasks.create_task(one.aside(lambda c: deliveries.start(c, number, SOON, RULES)))
                for one in (database, other)
            ]
        assert sorted(task.result() for task in started) == [False, True]
        async with asyncio.TaskGroup() as tasks:
            for one in (database, other, database, other, database, other):
                tasks.create_task(one.aside(lambda c: deliveries.bite(c, number, SOON, RULES, 2)))
    rows = await database.read(lambda c: c.execute(select(func.count()).select_from(outbox)).scalar_one())
    assert rows <= 5 + 1
