"""Faces are kept at a tap; staff get numbers and nameless words, and nobody can be found behind either."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select, update

from bot.chat import Acting
from storage import events, export, feedback, invitations, months, stopping, tickets
from storage.database import Database
from storage.events import Event
from storage.feedback import FEW, Opinions, together
from storage.tables import feedback as feedback_rows
from storage.tables import invitations as invitation_rows
from storage.tables import notifications
from storage.tables import tickets as ticket_rows
from tests.storage.events_kit import DAY, HOUR, NOW, RULES, by, lead, published, settle

ZONE = ZoneInfo("Europe/Sofia")
ANI, MEDIATOR, REPORTER = 1, 2, 3
MARIA, IVAN = 100, 101
AFTER = NOW + DAY + 2 * HOUR


def held(connection: Connection, acting: Acting, guests: Sequence[int] = range(100, 110), **more: Any) -> Event:
    """A training of tomorrow to which ten people are invited."""
    starts = more.pop("starts", NOW + DAY)
    event = published(
        connection, acting, starts, **{"kind": "training", "activity": "vocational", "audience": {}} | more
    )
    for person in guests:
        invitations.enrol(connection, acting, event_id=event.id, contact_id=person)
    return event


def town(connection: Connection, leader: int = ANI) -> Acting:
    """A coordinator and ten residents."""
    ani = lead(connection, leader)
    settle(connection, 10, first=MARIA, group="")
    return ani


def say(connection: Connection, event: Event, faces: Sequence[int], first: int = MARIA) -> None:
    for number, face in enumerate(faces, first):
        feedback.keep(connection, by(number, AFTER), event_id=event.id, contact_id=number, face=face)


def comment(connection: Connection, event: Event, number: int, text: str) -> None:
    feedback.comment(connection, by(number, AFTER), event_id=event.id, contact_id=number, text=text)


def rows(connection: Connection) -> list[Any]:
    return list(connection.execute(select(feedback_rows).order_by(feedback_rows.c.contact_id)))


# --- one's own ------------------------------------------------------------------------------------------------------


async def test_another_tap_changes_the_face_and_leaves_the_words(database: Database) -> None:
    def job(connection: Connection) -> None:
        event = held(connection, town(connection))
        say(connection, event, [3])
        comment(connection, event, MARIA, "Беше полезно")
        comment(connection, event, MARIA, "и топло")
        feedback.voice(connection, by(MARIA), event_id=event.id, contact_id=MARIA, file="AwAC")
        say(connection, event, [1])
        (row,) = rows(connection)
        assert (row.face, row.comment) == (1, "Беше полезно\nи топло")
        assert row.voice == {"channel": "telegram", "file": "AwAC"}

    await database.write(job)


async def test_words_without_a_face_are_kept_nowhere(database: Database) -> None:
    def job(connection: Connection) -> None:
        comment(connection, held(connection, town(connection)), MARIA, "x")
        assert rows(connection) == []

    await database.write(job)


@pytest.mark.parametrize(
    ("later", "when"),
    [
        pytest.param(-2 * DAY, "early", id="before"),
        pytest.param(timedelta(0), "open", id="it begins"),
        pytest.param(30 * DAY, "open", id="a month later"),
        pytest.param(32 * DAY, "over", id="long after"),
    ],
)
async def test_a_face_is_taken_from_the_beginning_for_a_month(database: Database, later: timedelta, when: str) -> None:
    def job(connection: Connection) -> None:
        event = held(connection, town(connection))
        her = by(MARIA, event.starts_at + later)
        asked = feedback.asked(connection, her, event_id=event.id, contact_id=MARIA)
        assert asked is not None
        assert (asked.when, asked.face, asked.attended) == (when, 0, None)

    await database.write(job)


async def test_nobody_speaks_for_a_stranger_or_of_what_was_cancelled(database: Database) -> None:
    def job(connection: Connection) -> None:
        ani = town(connection)
        event = held(connection, ani, [MARIA])
        for who, number, contact in ((IVAN, event.id, MARIA), (IVAN, event.id, IVAN), (MARIA, 10**9, MARIA)):
            assert feedback.asked(connection, by(who, AFTER), event_id=number, contact_id=contact) is None
        events.cancel(connection, ani, event_id=event.id, version=event.version, rules=RULES)
        asked = feedback.asked(connection, by(MARIA, AFTER), event_id=event.id, contact_id=MARIA)
        assert asked is not None
        assert asked.when == "over"

    await database.write(job)


async def test_the_next_date_is_one_to_which_they_are_invited(database: Database) -> None:
    def job(connection: Connection) -> None:
        ani = town(connection)
        missed = held(connection, ani, [MARIA])
        held(connection, ani, [IVAN], starts=NOW + 2 * DAY)
        held(connection, ani, [MARIA], starts=NOW + 3 * DAY, activity="health")
        hers = held(connection, ani, [MARIA], starts=NOW + 4 * DAY)

        def following() -> Event | None:
            her = by(MARIA, AFTER)
            return feedback.next_date(connection, her, activity=missed.activity, contact_id=MARIA)

        found = following()
        assert found is not None
        assert found.id == hers.id
        mine = invitation_rows.c.event_id == hers.id
        connection.execute(update(invitation_rows).where(mine).values(rsvp="no"))
        assert following() is None

    await database.write(job)


async def test_two_taps_ask_for_one_call(database: Database) -> None:
    def job(connection: Connection) -> None:
        town(connection)
        for hours, about in ((0, "health"), (1, "health"), (1, "work"), (25, "health")):
            tickets.open_once(connection, by(MARIA, NOW + hours * HOUR), text="Обадете ми се", about=about)
        assert list(connection.execute(select(ticket_rows.c.about)).scalars()) == ["health", "work", "health"]

    await database.write(job)


# --- numbers --------------------------------------------------------------------------------------------------------


def asked_all(connection: Connection, event: Event, number: int, status: str = "queued") -> None:
    entry = {"event_id": event.id, "offset": "after", "status": status, "at": AFTER}
    connection.execute(insert(notifications), [entry | {"contact_id": n} for n in range(MARIA, MARIA + number)])


async def test_an_event_s_faces_are_counted_and_few_are_not_told(database: Database) -> None:
    def job(connection: Connection) -> None:
        ani = town(connection)
        event = held(connection, ani)
        asked_all(connection, event, 8)
        entry = {"event_id": event.id, "offset": "after", "status": "skipped", "at": AFTER, "contact_id": MARIA + 8}
        connection.execute(insert(notifications).values(entry))

        def found() -> Opinions:
            return feedback.of_event(connection, ani, event_id=event.id)

        assert (found().asked, found().answered, found().few) == (8, 0, False)
        say(connection, event, [3, 3, 2, 1])
        assert (found().faces, found().answered, found().few) == ((0, 0, 0), 0, True)
        say(connection, event, [3, 3, 2, 1, 3, 3])
        assert (found().faces, found().answered, found().few) == ((4, 1, 1), 6, False)
        assert feedback.of_event(connection, ani, event_id=10**9) == Opinions()

    await database.write(job)


async def test_small_groups_count_in_a_larger_one_only_when_together_they_are_enough(database: Database) -> None:
    def job(connection: Connection) -> None:
        ani = town(connection)
        large, small, smaller = (held(connection, ani, starts=NOW + n * DAY) for n in (1, 2, 3))
        say(connection, large, [3] * 6)
        say(connection, small, [2] * 3)

        def of_all() -> Opinions:
            return feedback.of_activity(connection, ani, activity="vocational", zone=ZONE)

        assert (of_all().faces, of_all().few) == ((6, 0, 0), True), "or the three could be reckoned out"
        say(connection, smaller, [1] * 2)
        assert (of_all().faces, of_all().few) == ((6, 3, 2), False)

    await database.write(job)


Counts = st.tuples(*[st.integers(0, 4)] * 3)


@given(st.lists(st.lists(Counts, max_size=4), max_size=4))
def test_whoever_subtracts_finds_nobody_or_enough_to_hide_among(groups: list[list[tuple[int, int, int]]]) -> None:
    """Events in activities in a month: what each level shows more than the parts shown below it are FEW at least."""
    activities = []
    for group in groups:
        small = [sum(count) < FEW for count in group]
        parts = [Opinions(0, (0, 0, 0), c) if few else Opinions(0, c) for c, few in zip(group, small, strict=True)]
        activities.append(_checked(parts))
    _checked(activities)


def _checked(parts: list[Opinions]) -> Opinions:
    whole = together(parts)
    hidden = whole.answered - sum(part.answered for part in parts)
    assert hidden == 0 or hidden >= FEW
    every = sum(part.answered + sum(part.behind) for part in parts)
    assert whole.answered + sum(whole.behind) == every, "nobody is lost"
    assert sum(whole.behind) < FEW
    return whole


# --- words ----------------------------------------------------------------------------------------------------------


async def test_words_are_shown_from_five_answers_on_without_names_and_in_no_order(database: Database) -> None:
    def job(connection: Connection) -> None:
        ani = town(connection)
        event = held(connection, ani)
        say(connection, event, [3] * 4)
        said = ["Първо", "Второ", "Трето", "Четвърто", "Пето", "Шесто", "Седмо"]
        for number in range(4):
            comment(connection, event, MARIA + number, said[number])
        assert feedback.remarks(connection, ani, event_id=event.id) == []
        say(connection, event, [3] * 3, first=MARIA + 4)
        for number in range(4, 7):
            comment(connection, event, MARIA + number, said[number])
        shown = feedback.remarks(connection, ani, event_id=event.id)
        assert sorted(r.text for r in shown) == sorted(said)
        assert [r.text for r in shown] not in (said, said[::-1])
        assert shown == feedback.remarks(connection, ani, event_id=event.id), "but always the same"
        assert not {"contact_id", "name", "at"} & set(feedback.Remark.__slots__)

    await database.write(job)


async def test_a_voice_is_found_by_its_mark(database: Database) -> None:
    def job(connection: Connection) -> None:
        ani = town(connection)
        event = held(connection, ani)
        say(connection, event, [3] * 5)
        feedback.note(connection, by(MARIA), event_id=event.id, contact_id=MARIA, text="и думи", file="AwAC")
        feedback.note(connection, by(IVAN), event_id=event.id, contact_id=IVAN, text="", file="")
        found = {(r.text, r.channel, r.file) for r in feedback.remarks(connection, ani, event_id=event.id)}
        assert found == {("и думи", "", ""), ("", "telegram", "AwAC")}
        assert len({r.mark for r in feedback.remarks(connection, ani, event_id=event.id)}) == 2

    await database.write(job)


# --- a month --------------------------------------------------------------------------------------------------------


async def test_a_month_counts_people_once_and_only_what_was_held(database: Database) -> None:
    def job(connection: Connection) -> None:
        ani = town(connection)
        first, second = held(connection, ani), held(connection, ani, range(100, 104), starts=NOW + 2 * DAY)
        health = held(connection, ani, [MARIA], starts=NOW + 2 * DAY, activity="health")
        held(connection, ani, starts=NOW + 20 * DAY)  # in December
        gone = held(connection, ani)
        events.cancel(connection, ani, event_id=gone.id, version=gone.version, rules=RULES)
        mine = invitation_rows.c.event_id.in_((first.id, second.id)) & (invitation_rows.c.contact_id < 103)
        connection.execute(update(invitation_rows).where(mine).values(rsvp="yes", attended=True))
        say(connection, first, [3] * 5)
        say(connection, health, [1])
        month = months.month(connection, by(ANI, NOW + 5 * DAY), ago=0, zone=ZONE)
        assert f"{month.begins:%Y-%m-%d %H:%M}" == "2026-11-01 00:00"
        total = month.total
        assert (total.events, total.invited, total.answered, total.came) == (3, 10, 3, 3)
        assert (total.opinions.faces, total.opinions.few) == ((5, 0, 0), True)
        lines = {line.activity: (line.events, line.invited, line.came) for line in month.activities}
        assert lines == {"health": (1, 1, 0), "vocational": (2, 10, 3)}
        later = months.month(connection, by(ANI, NOW + 30 * DAY), ago=1, zone=ZONE)
        assert (later.begins, later.total) == (month.begins, month.total)
        assert months.month(connection, by(ANI, NOW + HOUR), ago=0, zone=ZONE).total.events == 0, "not held yet"

    await database.write(job)


@pytest.mark.parametrize(
    ("now", "ago", "first"),
    [
        ("2026-11-30 23:59", 0, "2026-11-01"),
        ("2026-12-01 00:00", 0, "2026-12-01"),
        ("2026-12-01 00:00", 1, "2026-11-01"),
        ("2027-01-31 12:00", 1, "2026-12-01"),
        ("2026-03-31 12:00", 1, "2026-02-01"),
    ],
)
def test_where_a_month_begins_and_ends(now: str, ago: int, first: str) -> None:
    begins, ends = months.bounds(datetime.fromisoformat(now).replace(tzinfo=ZONE), ago)
    assert f"{begins:%Y-%m-%d %H:%M}" == f"{first} 00:00"
    assert (ends.day, f"{ends:%H:%M}") == (1, "00:00")
    assert 28 <= (ends.date() - begins.date()).days <= 31


async def test_who_sees_whose_numbers(database: Database) -> None:
    def job(connection: Connection) -> None:
        ani = town(connection)
        lead(connection, MEDIATOR, "mediator")
        lead(connection, REPORTER, "reporter")
        held(connection, ani)
        held(connection, ani, mediator_id=MEDIATOR)
        now = NOW + 3 * DAY
        for who, seen in ((ANI, 2), (MEDIATOR, 1), (REPORTER, 2)):
            assert months.month(connection, by(who, now), ago=0, zone=ZONE).total.events == seen

    await database.write(job)


# --- one's rights ---------------------------------------------------------------------------------------------------


async def test_one_s_own_file_holds_it_and_erasing_leaves_none(database: Database) -> None:
    def job(connection: Connection) -> None:
        event = held(connection, town(connection, leader=900))  # PostgreSQL gives the number 1 to a new contact
        say(connection, event, [3])
        comment(connection, event, MARIA, "Благодаря")
        (mine,) = export.everything(connection, by(MARIA))["оценки за срещи"]
        assert (mine["среща"], mine["оценка от 1 до 3"], mine["думи"]) == (event.title, 3, "Благодаря")
        assert mine["глас"] is False
        assert export.everything(connection, by(IVAN))["оценки за срещи"] == []
        stopping.erase(connection, by(MARIA, AFTER), rules=RULES)
        assert rows(connection) == []

    await database.write(job)
