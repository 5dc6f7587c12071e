"""Who has entered which activity and left it; what is asked afterwards, of whom, when, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, insert, select, update

from bot.chat import Acting
from storage import attendance, followups, invitations, participation, results
from storage.database import Database
from storage.events import Event
from storage.participation import COMPLETED, LEFT, Participation
from storage.results import ANSWERED, ASKED, CONFIRMED, DROPPED, WAITING, months_later
from storage.tables import addresses, contacts, outbox, participations, residents
from storage.tables import audit as audit_rows
from storage.tables import notices as notice_rows
from storage.tables import results as result_rows
from tests.storage.events_kit import DAY, HOUR, NOW, RULES, by, lead, published, queued, settle

T = TypeVar("T")
ZONE = ZoneInfo("Europe/Sofia")
ANI, MEDIATOR, TRAINER = 1, 2, 3
MARIA, IVAN, ELENA = 100, 101, 102
ACTIVITY = "vocational"


def training(connection: Connection, acting: Acting, starts: datetime, **more: Any) -> Event:
    """A training to which Maria, Ivan and Elena are invited."""
    event = published(connection, acting, starts, **{"kind": "training", "activity": ACTIVITY, "audience": {}} | more)
    for person in (MARIA, IVAN, ELENA):
        invitations.enrol(connection, acting, event_id=event.id, contact_id=person)
    return event


def attended(connection: Connection, event: Event, contact_id: int, *, came: bool = True, now: datetime = NOW) -> None:
    attendance.mark(connection, by(ANI, now), event_id=event.id, contact_id=contact_id, came=came)


def town(connection: Connection) -> Acting:
    """A coordinator and three residents."""
    ani = lead(connection, ANI)
    settle(connection, 3, first=MARIA, group="")
    return ani


def rows_of(connection: Connection, contact_id: int = MARIA) -> list[Any]:
    mine = participations.c.contact_id == contact_id
    return list(connection.execute(select(participations).where(mine).order_by(participations.c.id)))


def the_one(connection: Connection, contact_id: int = MARIA) -> Any:
    (row,) = rows_of(connection, contact_id)
    return row


def follow_ups(connection: Connection) -> dict[str, Any]:
    """By when it is due."""
    return {row.due: row for row in connection.execute(select(result_rows))}


# --- entering -------------------------------------------------------------------------------------------------------


async def test_whoever_attends_enters_once_and_at_the_first_event(database: Database) -> None:
    def job(connection: Connection) -> None:
        ani = town(connection)
        first, second = (training(connection, ani, NOW + n * DAY) for n in (1, 2))
        attended(connection, second, MARIA)
        assert (the_one(connection).entry_at, the_one(connection).entry_event_id) == (second.starts_at, second.id)
        attended(connection, first, MARIA)  # a list that was filled in later
        entered = the_one(connection)
        assert (entered.activity, entered.entry_at, entered.entry_event_id) == (ACTIVITY, first.starts_at, first.id)
        assert (entered.entry_by, entered.exit_at, entered.exit_kind) == (ANI, None, "")
        attended(connection, second, MARIA)
        assert the_one(connection) == entered
        assert rows_of(connection, IVAN) == []

    await database.write(job)


@pytest.mark.parametrize("kind", ["public", "outreach"])
async def test_whoever_passes_by_is_no_participant(database: Database, kind: str) -> None:
    def job(connection: Connection) -> None:
        event = training(connection, town(connection), NOW + DAY, kind=kind)
        attended(connection, event, MARIA)
        participation.enter_by_event(connection, by(), event_id=10**9, contact_id=MARIA)
        assert rows_of(connection) == []

    await database.write(job)


async def test_a_tap_on_the_wrong_name_leaves_nothing(database: Database) -> None:
    def job(connection: Connection) -> None:
        ani = town(connection)
        first, second = (training(connection, ani, NOW + n * DAY) for n in (1, 2))
        for event in (first, second):
            attended(connection, event, MARIA)
        attended(connection, first, MARIA, came=False)
        assert (the_one(connection).entry_at, the_one(connection).entry_event_id) == (second.starts_at, second.id)
        attended(connection, second, MARIA, came=False)
        assert rows_of(connection) == []

    await database.write(job)


async def test_whom_staff_entered_stays_although_a_later_tap_was_wrong(database: Database) -> None:
    def job(connection: Connection) -> None:
        ani = town(connection)
        participation.enrol(connection, ani, contact_id=MARIA, activity=ACTIVITY)
        participation.enrol(connection, ani, contact_id=MARIA, activity=ACTIVITY)
        event = training(connection, ani, NOW + DAY)
        attended(connection, event, MARIA)
        attended(connection, event, MARIA, came=False)
        entered = the_one(connection)
        assert (entered.entry_at, entered.entry_event_id, entered.entry_by) == (NOW, None, ANI)

    await database.write(job)


# --- leaving and coming back ----------------------------------------------------------------------------------------


def stay_of(connection: Connection, acting: Acting, contact_id: int = MARIA) -> Participation:
    """Somebody who attended a training."""
    attended(connection, training(connection, acting, acting.now + HOUR), contact_id)
    found = participation.by_id(connection, acting, participation_id=the_one(connection, contact_id).id)
    assert found is not None
    return found


def leave(connection: Connection, stay: Participation, now: datetime, kind: str = COMPLETED, reason: str = "") -> None:
    participation.leave(connection, by(ANI, now), participation_id=stay.id, kind=kind, reason=reason, zone=ZONE)


async def test_an_exit_asks_after_two_weeks_and_after_half_a_year(database: Database) -> None:
    def job(connection: Connection) -> None:
        stay = stay_of(connection, town(connection))
        gone = NOW + 30 * DAY
        leave(connection, stay, gone, LEFT, "moved")
        leave(connection, stay, gone + DAY, COMPLETED)  # the second tap changes nothing
        row = the_one(connection)
        assert (row.exit_at, row.exit_kind, row.exit_reason, row.exit_by) == (gone, LEFT, "moved", ANI)
        asked = follow_ups(connection)
        assert (asked["4w"].ask_at, asked["4w"].until) == (gone + 14 * DAY, gone + 28 * DAY)
        half = datetime(2027, 6, 24, 7, 0, tzinfo=UTC)  # ten in the morning, in summer
        assert (asked["6m"].ask_at, asked["6m"].until) == (half, half + 30 * DAY)
        assert {row.state for row in asked.values()} == {WAITING}

    await database.write(job)


@pytest.mark.parametrize(
    ("at", "later"),
    [
        pytest.param("2026-08-31 10:00", "2027-02-28 10:00", id="a month without that day"),
        pytest.param("2023-08-31 10:00", "2024-02-29 10:00", id="a leap year"),
        pytest.param("2026-11-24 10:00", "2027-05-24 10:00", id="winter to summer: the same hour of the clock"),
        pytest.param("2026-06-30 23:30", "2026-12-30 23:30", id="shortly before midnight, in another month by UTC"),
        pytest.param("2026-07-01 01:30", "2027-01-01 01:30", id="shortly after midnight"),
        pytest.param("2026-12-31 00:00", "2027-06-30 00:00", id="over the year's end"),
    ],
)
def test_half_a_year_later(at: str, later: str) -> None:
    then = datetime.fromisoformat(at).replace(tzinfo=ZONE)
    found = months_later(then.astimezone(UTC), 6, ZONE)
    assert found == datetime.fromisoformat(later).replace(tzinfo=ZONE)
    assert found.tzinfo is UTC


async def test_coming_back_keeps_the_entry_and_asks_nothing(database: Database) -> None:
    def job(connection: Connection) -> None:
        ani = town(connection)
        stay = stay_of(connection, ani)
        leave(connection, stay, NOW + 10 * DAY)
        attended(connection, training(connection, ani, NOW + 5 * DAY), MARIA)  # marked late: they were still in then
        assert the_one(connection).exit_at == NOW + 10 * DAY
        attended(connection, training(connection, ani, NOW + 20 * DAY), MARIA)
        row = the_one(connection)
        assert (row.entry_at, row.entry_event_id) == (stay.entry_at, row.entry_event_id)
        assert (row.exit_at, row.exit_kind, row.exit_reason, row.exit_by) == (None, "", "", None)
        assert {row.state for row in follow_ups(connection).values()} == {DROPPED}
        leave(connection, stay, NOW + 40 * DAY)
        assert follow_ups(connection)["4w"].ask_at == NOW + 54 * DAY, "only the last exit counts"
        assert {row.state for row in follow_ups(connection).values()} == {WAITING}

    await database.write(job)


async def test_an_exit_can_be_taken_back_and_is_recorded(database: Database) -> None:
    def job(connection: Connection) -> None:
        ani = town(connection)
        stay = stay_of(connection, ani)
        leave(connection, stay, NOW + 10 * DAY)
        participation.come_back(connection, ani, participation_id=stay.id)
        assert the_one(connection).exit_at is None
        actions = list(
            connection.execute(select(audit_rows.c.action).where(audit_rows.c.action.like("exit%"))).scalars()
        )
        assert actions == ["exit", "exit_back"]

    await database.write(job)


# --- who sees whom ---------------------------------------------------------------------------------------------------


async def test_a_mediator_sees_only_whom_they_led_or_entered(database: Database) -> None:
    def job(connection: Connection) -> None:
        ani, rosi = town(connection), lead(connection, MEDIATOR, "mediator")
        attended(connection, training(connection, ani, NOW + DAY), MARIA)
        attended(connection, training(connection, ani, NOW + 2 * DAY, mediator_id=MEDIATOR), IVAN)
        participation.enrol(connection, rosi, contact_id=ELENA, activity="health")
        assert [(c.activity, c.inside, c.gone) for c in participation.crowds(connection, ani)] == [
            ("health", 1, 0), (ACTIVITY, 2, 0),
        ]  # fmt: skip
        assert [(c.activity, c.inside) for c in participation.crowds(connection, rosi)] == [
            ("health", 1),
            (ACTIVITY, 1),
        ]
        assert [p.contact_id for p in participation.people(connection, rosi, activity=ACTIVITY)] == [IVAN]
        hers = the_one(connection, MARIA).id
        assert participation.by_id(connection, rosi, participation_id=hers) is None
        assert participation.by_id(connection, ani, participation_id=hers) is not None

    await database.write(job)


async def test_a_list_is_by_name_with_those_who_left_below_and_without_the_erased(database: Database) -> None:
    def job(connection: Connection) -> None:
        ani = town(connection)
        names = {MARIA: "ярослава", IVAN: "Борис", ELENA: "асен"}
        for number, name in names.items():
            connection.execute(update(contacts).where(contacts.c.id == number).values(name=name))
            participation.enrol(connection, ani, contact_id=number, activity=ACTIVITY)
        stay = participation.by_id(connection, ani, participation_id=the_one(connection, ELENA).id)
        assert stay is not None
        leave(connection, stay, NOW)

        def listed() -> list[str]:
            return [p.name for p in participation.people(connection, ani, activity=ACTIVITY)]

        assert listed() == ["Борис", "ярослава", "асен"]
        connection.execute(update(contacts).where(contacts.c.id == IVAN).values(status="archived"))
        assert listed() == ["ярослава", "асен"]

    await database.write(job)


# --- asking afterwards ----------------------------------------------------------------------------------------------

GONE = NOW + DAY
TWO_WEEKS = GONE + 14 * DAY


def left(connection: Connection, acting: Acting, contact_id: int = MARIA) -> Participation:
    stay = stay_of(connection, acting, contact_id)
    leave(connection, stay, GONE)
    return stay


def due(connection: Connection, now: datetime) -> int:
    return followups.followups_due(connection, now, RULES)


async def test_a_follow_up_is_queued_once_when_it_is_due(database: Database) -> None:
    def job(connection: Connection) -> None:
        left(connection, town(connection))
        assert due(connection, TWO_WEEKS - HOUR) == 0
        assert [due(connection, TWO_WEEKS + n * HOUR) for n in (0, 0, 1)] == [1, 0, 0]
        row = connection.execute(select(outbox)).one()
        asked = follow_ups(connection)["4w"]
        assert row.key.startswith(f"result:{asked.id}:")
        assert (row.contact_id, row.address_id, row.channel, row.lane) == (MARIA, MARIA, "telegram", 1)
        assert (row.body, row.not_before, row.expires_at) == (None, TWO_WEEKS, asked.until)
        assert (asked.state, asked.asked_at) == (ASKED, TWO_WEEKS)
        assert follow_ups(connection)["6m"].state == WAITING

    await database.write(job)


async def test_nobody_is_asked_at_night(database: Database) -> None:
    def job(connection: Connection) -> None:
        left(connection, town(connection))
        evening = TWO_WEEKS.replace(hour=19)  # 21:00 in Sofia, before a Wednesday
        assert due(connection, evening) == 1
        local = connection.execute(select(outbox.c.not_before)).scalar_one().astimezone(ZONE)
        assert (local.day, f"{local:%H:%M}") == (evening.day + 1, "08:30")

    await database.write(job)


async def test_a_person_is_asked_about_one_activity_a_day(database: Database) -> None:
    def job(connection: Connection) -> None:
        ani = town(connection)
        left(connection, ani)
        participation.enrol(connection, ani, contact_id=MARIA, activity="health")
        other = participation.by_id(connection, ani, participation_id=rows_of(connection)[1].id)
        assert other is not None
        leave(connection, other, GONE)
        assert [due(connection, TWO_WEEKS + n * HOUR) for n in (0, 1, 23, 25)] == [1, 0, 1, 0]

    await database.write(job)


NOT_REACHED: dict[str, Callable[[Connection], Any]] = {
    "stopped": lambda c: c.execute(update(contacts).where(contacts.c.id == MARIA).values(status="stopped")),
    "blocked": lambda c: c.execute(update(contacts).where(contacts.c.id == MARIA).values(status="blocked")),
    "erased": lambda c: c.execute(update(contacts).where(contacts.c.id == MARIA).values(status="archived")),
    "no address": lambda c: c.execute(residents.delete().where(residents.c.contact_id == MARIA)),
    "only a telephone": lambda c: c.execute(update(addresses).where(addresses.c.id == MARIA).values(channel="tel")),
}


@pytest.mark.parametrize("why", NOT_REACHED)
async def test_whom_nothing_reaches_waits_and_is_given_up_with_a_notice(database: Database, why: str) -> None:
    def job(connection: Connection) -> None:
        ani = town(connection)
        left(connection, ani)
        NOT_REACHED[why](connection)
        assert due(connection, TWO_WEEKS) == 0
        assert follow_ups(connection)["4w"].state == WAITING
        listed = followups.listed(connection, by(ANI, TWO_WEEKS))
        assert [r.contact_id for r in listed] == ([] if why in ("stopped", "erased") else [MARIA])
        assert due(connection, GONE + 28 * DAY) == 0
        assert follow_ups(connection)["4w"].state == DROPPED
        notice = connection.execute(select(notice_rows)).one()
        assert notice.kind == "follow_up"
        assert "Човек" not in notice.text
        assert followups.listed(connection, by(ANI, GONE + 28 * DAY)) == []

    await database.write(job)


async def test_the_facts_of_a_message_are_todays(database: Database) -> None:
    def job(connection: Connection) -> None:
        left(connection, town(connection))
        due(connection, TWO_WEEKS)
        (key,) = queued(connection)
        (facts,) = followups.followup_facts(connection, [key]).values()
        assert (facts.name, facts.language, facts.activity, facts.due) == ("Човек 100", "bg", ACTIVITY, "4w")
        connection.execute(update(contacts).where(contacts.c.id == MARIA).values(status="stopped"))
        assert followups.followup_facts(connection, [key]) == {}
        connection.execute(update(contacts).where(contacts.c.id == MARIA).values(status="active"))
        answer(connection, facts.result_id)
        assert followups.followup_facts(connection, [key]) == {}, "it was answered by telephone meanwhile"

    await database.write(job)


async def test_whoever_left_twice_is_asked_twice(database: Database) -> None:
    def job(connection: Connection) -> None:
        ani = town(connection)
        stay = left(connection, ani)
        due(connection, TWO_WEEKS)
        attended(connection, training(connection, ani, TWO_WEEKS + DAY), MARIA)
        leave(connection, stay, TWO_WEEKS + 2 * DAY)
        assert due(connection, TWO_WEEKS + 16 * DAY) == 1
        assert len(queued(connection)) == 2

    await database.write(job)


# --- answers --------------------------------------------------------------------------------------------------------


def answer(connection: Connection, number: int, work: str = "yes") -> None:
    her = by(MARIA, TWO_WEEKS + HOUR)
    followups.answer(connection, her, result_id=number, facts={"work": work})


def asked(connection: Connection) -> int:
    """Maria is asked; gives the number of what she is asked."""
    left(connection, town(connection))
    due(connection, TWO_WEEKS)
    return int(follow_ups(connection)["4w"].id)


async def test_an_answer_counts_once_and_once_confirmed_it_stays(database: Database) -> None:
    def job(connection: Connection) -> None:
        number, ani = asked(connection), by(ANI, TWO_WEEKS + 2 * HOUR)
        followups.confirm(connection, ani, result_id=number)
        assert follow_ups(connection)["4w"].state == ASKED, "there is nothing to confirm yet"
        answer(connection, number)
        answer(connection, number, "no_searching")
        row = follow_ups(connection)["4w"]
        assert (row.state, row.answers) == (ANSWERED, {"work": "yes", "by": "person"})
        assert row.answered_at == TWO_WEEKS + HOUR
        assert (row.confirmed_by, row.confirmed_at) == (None, None)
        followups.confirm(connection, ani, result_id=number)
        row = follow_ups(connection)["4w"]
        assert (row.state, row.confirmed_by, row.confirmed_at) == (CONFIRMED, ANI, ani.now)
        answer(connection, number, "studying")
        assert follow_ups(connection)["4w"].answers == {"work": "yes", "by": "person"}

    await database.write(job)


async def test_what_staff_hear_stands_at_once_unless_it_is_too_late(database: Database) -> None:
    def job(connection: Connection) -> None:
        number, ani = asked(connection), by(ANI, TWO_WEEKS + DAY)
        followups.enter(connection, ani, result_id=number, facts={"work": "no_searching"})
        row = follow_ups(connection)["4w"]
        assert (row.state, row.answers, row.confirmed_by) == (CONFIRMED, {"work": "no_searching", "by": "staff"}, ANI)
        results.forget(connection, MARIA)
        followups.enter(connection, ani, result_id=follow_ups(connection)["6m"].id, facts={"work": "yes"})
        assert follow_ups(connection)["6m"].answers is None, "dropped"

    await database.write(job)


async def test_staff_see_what_waits_for_them_and_nobody_too_early(database: Database) -> None:
    def job(connection: Connection) -> None:
        number = asked(connection)
        for days, seen in ((1, []), (3, [MARIA]), (14, [])):
            listed = followups.listed(connection, by(ANI, TWO_WEEKS + days * DAY))
            assert [r.contact_id for r in listed] == seen, days
        answer(connection, number)
        (listed_one,) = followups.listed(connection, by(ANI, TWO_WEEKS + 20 * DAY))
        assert (listed_one.state, listed_one.trained, listed_one.worked) == (ANSWERED, True, False)
        rosi = lead(connection, MEDIATOR, "mediator")
        assert followups.listed(connection, rosi) == []
        assert followups.of_staff(connection, rosi, result_id=number) is None

    await database.write(job)


async def test_a_follow_up_is_its_persons_and_their_households(database: Database) -> None:
    def job(connection: Connection) -> None:
        number = asked(connection)
        assert followups.mine(connection, by(MARIA), result_id=number) is not None
        assert followups.mine(connection, by(IVAN), result_id=number) is None
        connection.execute(insert(residents).values(address_id=IVAN, contact_id=MARIA))
        assert followups.mine(connection, by(IVAN), result_id=number) is not None

    await database.write(job)


async def test_what_was_said_lately_is_known_and_what_is_old_is_not(database: Database) -> None:
    def job(connection: Connection) -> None:
        number = asked(connection)
        answer(connection, number, "studying")
        for days, said in ((1, "studying"), (40, None)):
            her = by(MARIA, TWO_WEEKS + days * DAY)
            assert followups.said_lately(connection, her, contact_id=MARIA).get("work") == said
        assert followups.said_lately(connection, by(IVAN, TWO_WEEKS), contact_id=IVAN) == {}

    await database.write(job)


async def test_of_the_erased_nothing_said_is_left_but_the_law_keeps_the_participation(database: Database) -> None:
    def job(connection: Connection) -> None:
        number = asked(connection)
        answer(connection, number)
        results.forget(connection, MARIA)
        assert [(r.state, r.answers) for r in follow_ups(connection).values()] == [(DROPPED, None)] * 2
        assert len(rows_of(connection)) == 1
        assert due(connection, TWO_WEEKS + 200 * DAY) == 0

    await database.write(job)
