"""Questions in storage: who is told, where an answer goes, what two do at one moment, and what is forgotten when."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from bot.chat import Acting, Conflict
from bot.messages import Media
from bot.office import Office
from storage import charges, housekeeping, screens, ticket_about, ticket_copies, ticket_desk, ticket_view, tickets
from storage.database import Database
from storage.tables import (
    addresses,
    broadcasts,
    children,
    contacts,
    interests,
    media,
    outbox,
    recipients,
    residents,
    staff,
    ticket_lines,
)
from storage.tables import tickets as rows
from tests.storage.events_kit import DAY, HOUR, NOW, RULES, by, lead, settle
from tests.storage.kit import opened

OFFICE = Office(RULES, frozenset(range(5)), time(9), time(17))
ANI, ROSITSA, IVAN, MARIA = 1, 2, 3, 100  # a coordinator, two mediators, a resident
VOICE = Media("voice", "telegram", "v1")


def town(connection: Connection) -> None:
    """A coordinator, two mediators of whom one looks after Видин, and Мария who lives there."""
    lead(connection, ANI)
    lead(connection, ROSITSA, "mediator")
    lead(connection, IVAN, "mediator")
    settle(connection, 1, first=MARIA, settlement="vidin")
    connection.execute(
        update(contacts).where(contacts.c.id == MARIA).values(name="Мария Иванова", phone="+359888123456")
    )
    charge(connection, ROSITSA, charges.SETTLEMENT, "vidin")


def charge(connection: Connection, who: int, kind: str, code: str) -> None:
    charges.toggle(connection, by(ANI), staff_id=who, kind=kind, code=code)


def asked(connection: Connection, who: int = MARIA, text: str = "Кога?", **more: Any) -> int:
    """A question a moment ago; its number."""
    tickets.ask(connection, by(who), text=text, office=OFFICE, **more)
    return int(connection.execute(select(rows.c.id).order_by(rows.c.id.desc())).scalars().first() or 0)


def answered(connection: Connection, acting: Acting, number: int, text: str = "В сряда.") -> None:
    """An answer by somebody who has just looked."""
    seen = ticket_view.question_for(connection, acting, ticket_id=number)
    assert seen is not None
    stamp = ticket_desk.stamp(seen, acting.contact_id)
    ticket_desk.answer(connection, acting, ticket_id=number, text=text, media=None, seen=stamp, rules=RULES)


def told(connection: Connection, number: int) -> set[int]:
    """Who of the staff has a message about it queued."""
    found = connection.execute(select(outbox.c.contact_id, outbox.c.key)).all()
    return {row.contact_id for row in found if row.key.startswith(f"ticket:{number}:")}


# --- who is told ----------------------------------------------------------------------------------------------------


async def test_it_goes_to_whoever_looks_after_the_place_the_school_or_the_activity(database: Database) -> None:
    def check(connection: Connection) -> None:
        town(connection)
        assert told(connection, asked(connection)) == {ROSITSA}
        connection.execute(insert(children).values(contact_id=MARIA, institution="kiril", group="3"))
        charge(connection, IVAN, charges.INSTITUTION, "kiril")
        assert told(connection, asked(connection)) == {ROSITSA, IVAN}
        charge(connection, IVAN, charges.ACTIVITY, "vocational")
        connection.execute(insert(interests).values(contact_id=MARIA, activity="vocational", created_at=NOW))
        assert told(connection, asked(connection, about="vocational")) == {IVAN}

    await database.write(check)


async def test_nobody_in_charge_or_nobody_to_be_reached_are_the_coordinators(database: Database) -> None:
    def check(connection: Connection) -> None:
        town(connection)
        settle(connection, 1, first=101, settlement="inovo")
        assert told(connection, asked(connection, 101)) == {ANI}
        connection.execute(update(addresses).where(addresses.c.id == ROSITSA).values(status="blocked"))
        assert told(connection, asked(connection)) == {ANI}
        assert told(connection, asked(connection, ANI)) == {ANI}, "whoever tries it alone sees it"
        lead(connection, 4)
        assert told(connection, asked(connection, ANI)) == {4}, "and nobody answers themselves where others are"

    await database.write(check)


async def test_what_waits_is_counted_by_rights(database: Database) -> None:
    def check(connection: Connection) -> None:
        town(connection)
        number = asked(connection)
        counts = {who: tickets.waiting(connection, by(who)) for who in (ANI, ROSITSA, IVAN, MARIA)}
        assert counts == {ANI: 1, ROSITSA: 1, IVAN: 0, MARIA: 0}
        ticket_desk.pass_on(connection, by(ROSITSA), ticket_id=number, to=IVAN, office=OFFICE)
        counts = {who: tickets.waiting(connection, by(who)) for who in (ANI, ROSITSA, IVAN)}
        assert counts == {ANI: 0, ROSITSA: 0, IVAN: 1}
        late = {who: tickets.waiting(connection, by(who, NOW + 3 * DAY)) for who in (ANI, IVAN)}
        assert late == {ANI: 1, IVAN: 1}, "what is overdue is the coordinator's too"
        assert ticket_view.question_for(connection, by(IVAN), ticket_id=number)
        connection.execute(update(staff).where(staff.c.contact_id == IVAN).values(role="reporter"))
        assert ticket_view.question_for(connection, by(IVAN), ticket_id=number) is None

    await database.write(check)


async def test_nobody_whose_it_is_not_can_do_anything(database: Database) -> None:
    def check(connection: Connection) -> None:
        town(connection)
        number = asked(connection)
        for who in (IVAN, MARIA):
            ticket_desk.take(connection, by(who), ticket_id=number)
            ticket_desk.close(connection, by(who), ticket_id=number)
            ticket_desk.answered_by_phone(connection, by(who), ticket_id=number)
            ticket_desk.pass_on(connection, by(who), ticket_id=number, to=ANI, office=OFFICE)
            with pytest.raises(Conflict):
                ticket_desk.answer(connection, by(who), ticket_id=number, text="!", media=None, seen="", rules=RULES)
        ticket_desk.pass_on(connection, by(ROSITSA), ticket_id=number, to=MARIA, office=OFFICE)
        row = connection.execute(select(rows)).one()
        assert (row.status, row.taken_by) == ("open", None)

    await database.write(check)


async def test_about_an_announcement_its_author_is_asked_as_long_as_the_person_is_theirs(database: Database) -> None:
    def check(connection: Connection) -> None:
        town(connection)
        charge(connection, IVAN, charges.SETTLEMENT, "vidin")
        number = announced(connection, IVAN)
        assert told(connection, asked(connection, about=f"broadcast:{number}")) == {IVAN}
        charge(connection, IVAN, charges.SETTLEMENT, "vidin")
        assert told(connection, asked(connection, about=f"broadcast:{number}")) == {ROSITSA}, "no more theirs"
        connection.execute(staff.delete().where(staff.c.contact_id == IVAN))
        assert told(connection, asked(connection, about=f"broadcast:{number}")) == {ROSITSA}, "nor of the team"

    await database.write(check)


async def test_an_announcement_is_meant_within_an_hour_of_it_or_of_a_tap_on_its_button(database: Database) -> None:
    def check(connection: Connection) -> None:
        town(connection)
        number = announced(connection, ROSITSA)
        for after, tapped, meant in ((HOUR / 2, None, True), (2 * HOUR, None, False), (2 * HOUR, NOW + HOUR, False),
                                     (2 * HOUR, NOW + 3 * HOUR / 2, True)):  # fmt: skip
            connection.execute(update(recipients).values(answered_at=tapped))
            found = ticket_about.lately(connection, by(MARIA, NOW + after))
            assert (found.about if found else "") == (f"broadcast:{number}" if meant else "")
        assert ticket_about.lately(connection, by(IVAN)) is None, "nobody else's"

    await database.write(check)


def announced(connection: Connection, author: int) -> int:
    """An announcement that reached Мария a moment ago; its number."""
    row = {
        "by_id": author, "words": {"bg": "Курс"}, "buttons": [], "audience": {}, "fingerprint": bytes(16),
        "status": "done", "due_at": NOW, "created_at": NOW,
    }  # fmt: skip
    number = int(connection.execute(insert(broadcasts).values(row).returning(broadcasts.c.id)).scalar_one())
    sent = {
        "key": f"broadcast:{number}:{MARIA}", "channel": "web", "address_id": MARIA, "contact_id": MARIA, "lane": 3,
        "status": "sent", "not_before": NOW, "expires_at": NOW, "created_at": NOW, "sent_at": NOW,
    }  # fmt: skip
    connection.execute(insert(outbox).values(sent))
    got = {"broadcast_id": number, "contact_id": MARIA, "status": "queued", "message": sent["key"], "at": NOW}
    connection.execute(insert(recipients).values(got))
    return number


# --- where an answer goes -------------------------------------------------------------------------------------------


async def test_an_answer_goes_where_the_question_came_from_else_to_the_best_address(database: Database) -> None:
    def way(connection: Connection, number: int) -> tuple[int, bool] | None:
        found = ticket_view.way_back(connection, by(ROSITSA), ticket_id=number)
        return (found.address_id, found.is_shared) if found else None

    def check(connection: Connection) -> None:
        town(connection)
        settle(connection, 1, first=200, channel="web", group="")
        connection.execute(update(residents).where(residents.c.address_id == 200).values(contact_id=MARIA))
        number = asked(connection)
        assert way(connection, number) == (MARIA, False)
        connection.execute(update(addresses).where(addresses.c.id == MARIA).values(status="blocked"))
        assert way(connection, number) == (200, False)
        settle(connection, 1, first=201, home=200, group="")
        assert way(connection, number) == (200, True)
        connection.execute(update(contacts).where(contacts.c.id == MARIA).values(status="stopped"))
        assert way(connection, number) is None

    await database.write(check)


async def test_an_answer_whose_reader_stopped_meanwhile_has_nothing_to_say(database: Database) -> None:
    def check(connection: Connection) -> None:
        town(connection)
        answered(connection, by(ROSITSA), asked(connection))
        key = connection.execute(select(outbox.c.key).where(outbox.c.key.like("answer:%"))).scalar_one()
        assert ticket_copies.replies(connection, [key], NOW)[key].line.text == "В сряда."
        connection.execute(update(contacts).where(contacts.c.id == MARIA).values(status="stopped"))
        assert ticket_copies.replies(connection, [key], NOW) == {}

    await database.write(check)


# --- two at one moment ----------------------------------------------------------------------------------------------


async def test_of_two_answers_at_one_moment_one_goes_and_one_is_asked_again(database_url: str) -> None:
    async with opened(database_url) as one, opened(database_url) as other:
        await one.write(town)
        number = await one.write(asked)

        def look(connection: Connection, who: int) -> str:
            seen = ticket_view.question_for(connection, by(who), ticket_id=number)
            assert seen is not None
            return ticket_desk.stamp(seen, who)

        def send(connection: Connection, who: int, seen: str) -> bool:
            try:
                ticket_desk.answer(
                    connection, by(who), ticket_id=number, text=f"от {who}", media=None, seen=seen, rules=RULES
                )  # fmt: skip
            except Conflict as conflict:
                return conflict.key != "sure"
            return True

        first, second = await one.read(lambda c: look(c, ANI)), await one.read(lambda c: look(c, ROSITSA))
        sent = await asyncio.gather(
            one.write(lambda c: send(c, ANI, first)), other.write(lambda c: send(c, ROSITSA, second))
        )
        assert sorted(sent) == [False, True]
        assert len(await one.read(lambda c: c.execute(select(ticket_lines)).all())) == 1
        assert await one.write(lambda c: send(c, (ROSITSA if sent[0] else ANI), look(c, ROSITSA if sent[0] else ANI)))


async def test_taken_by_a_colleague_it_must_be_seen_first(database: Database) -> None:
    def check(connection: Connection) -> None:
        town(connection)
        number = asked(connection)
        seen = ticket_view.question_for(connection, by(ANI), ticket_id=number)
        assert seen is not None
        ticket_desk.take(connection, by(ROSITSA), ticket_id=number)
        ticket_desk.take(connection, by(ANI), ticket_id=number)
        assert connection.execute(select(rows.c.taken_by)).scalar() == ROSITSA
        with pytest.raises(Conflict):
            ticket_desk.answer(
                connection, by(ANI), ticket_id=number, text="!", media=None, seen=ticket_desk.stamp(seen, ANI),
                rules=RULES,
            )  # fmt: skip
        connection.execute(staff.delete().where(staff.c.contact_id == ROSITSA))
        ticket_desk.take(connection, by(ANI), ticket_id=number)
        assert connection.execute(select(rows.c.taken_by)).scalar() == ANI, "whoever left the team holds nobody up"

    await database.write(check)


async def test_two_processes_that_look_tell_each_coordinator_once(database_url: str) -> None:
    async with opened(database_url) as one, opened(database_url) as other:
        await one.write(town)
        for _ in range(3):
            await one.write(asked)
        late = NOW + 2 * DAY
        found = await asyncio.gather(*(d.write(lambda c: tickets.look(c, late, OFFICE)) for d in (one, other)))
        assert sorted(found) == [0, 3]
        keys = await one.read(
            lambda c: c.execute(select(outbox.c.key).where(outbox.c.key.like("late:%"))).scalars().all()
        )
        assert sorted(key.rpartition(":")[0] for key in keys) == [f"late:{n}:{ANI}" for n in (1, 2, 3)]


# --- what is kept, and how long -------------------------------------------------------------------------------------


async def test_copies_on_the_screens_of_staff_are_emptied_after_a_day(database: Database) -> None:
    def check(connection: Connection) -> None:
        town(connection)
        asked(connection)
        connection.execute(update(outbox).values(body={"text": "Кога?"}, status="sent", platform_id="7"))
        screens.forget(connection, before=NOW + HOUR)
        row = connection.execute(select(outbox)).one()
        assert (row.body, row.platform_id) == (None, "7")
        replying = replace(by(ROSITSA), address_id=ROSITSA)
        assert ticket_desk.replied_to(connection, replying, platform_id="7") == 1, "a reply finds its question still"
        assert ticket_desk.replied_to(connection, by(IVAN), platform_id="7") == 0

    await database.write(check)


async def test_what_was_said_is_forgotten_three_months_after_it_was_over(database: Database) -> None:
    def check(connection: Connection) -> None:
        town(connection)
        number, waits = asked(connection, media=VOICE.to_json()), asked(connection)
        answered(connection, by(ROSITSA), number)
        housekeeping.daily(connection, NOW + 89 * DAY)
        assert connection.execute(select(rows.c.text).where(rows.c.id == number)).scalar() == "Кога?"
        housekeeping.daily(connection, NOW + 91 * DAY)
        row = connection.execute(select(rows).where(rows.c.id == number)).one()
        assert (row.text, row.media_id, row.status) == ("", None, "answered")
        assert connection.execute(select(ticket_lines)).all() == []
        assert connection.execute(select(media)).all() == []
        assert connection.execute(select(rows.c.text).where(rows.c.id == waits)).scalar() == "Кога?", "it still waits"

    await database.write(check)


async def test_a_slip_deletes_what_was_sent_and_no_words(database: Database) -> None:
    def check(connection: Connection) -> None:
        town(connection)
        number = asked(connection, text="", media=VOICE.to_json())
        tickets.take_back(connection, by(ROSITSA), ticket_id=number, line_id=0, office=OFFICE)
        assert connection.execute(select(rows.c.media_id)).scalar(), "only whoever sent it"
        tickets.ask(connection, by(MARIA), text="ето", office=OFFICE, goes_on=True)
        tickets.take_back(connection, by(MARIA), ticket_id=number, line_id=0, office=OFFICE)
        row = connection.execute(select(rows)).one()
        assert (row.media_id, row.status) == (None, "open"), "the words still wait"
        assert timedelta() < (row.due_at - NOW)

    await database.write(check)


async def test_a_slip_goes_in_any_state_with_its_content_and_from_the_screens_of_staff(database: Database) -> None:
    def check(connection: Connection) -> None:
        town(connection)
        number = asked(connection, text="", media=VOICE.to_json())
        kept = connection.execute(select(rows.c.media_id)).scalar_one()
        carried = {"text": "❓", "media": {"kind": "voice", "number": kept}}
        connection.execute(update(outbox).values(body=carried, status="sent", platform_id="m7"))
        copy = connection.execute(select(outbox.c.id)).scalar_one()
        answered(connection, by(ROSITSA), number)
        assert tickets.slipped(connection, by(IVAN), ticket_id=number, line_id=0) == 0, "only whoever sent it"
        assert tickets.slipped(connection, by(MARIA), ticket_id=number, line_id=0) == kept
        tickets.take_back(connection, by(MARIA), ticket_id=number, line_id=0, office=OFFICE)
        row = connection.execute(select(rows)).one()
        assert (row.media_id, row.status) == (None, "answered")
        assert connection.execute(select(media)).all() == [], "its content too, at once"
        gone = connection.execute(select(outbox).where(outbox.c.key == f"unask:{copy}")).one()
        assert (gone.contact_id, gone.body["removes"]) == (ROSITSA, "m7")
        assert connection.execute(select(outbox.c.body).where(outbox.c.id == copy)).scalar() is None
        assert tickets.slipped(connection, by(MARIA), ticket_id=number, line_id=0) == 0, "once"

    await database.write(check)


async def test_words_beside_a_slip_come_anew_to_whoever_loses_the_message_that_showed_both(database: Database) -> None:
    def check(connection: Connection) -> None:
        town(connection)
        number = asked(connection, media=VOICE.to_json())
        connection.execute(update(outbox).values(body=None, status="sent", platform_id="m7"))
        later = replace(by(MARIA), now=NOW + HOUR)
        tickets.take_back(connection, later, ticket_id=number, line_id=0, office=OFFICE)
        keys = connection.execute(select(outbox.c.key).where(outbox.c.status == "queued")).scalars().all()
        assert sorted(key.partition(":")[0] for key in keys) == ["ticket", "unask"]
        (copy,) = [key for key in keys if key.startswith("ticket:")]
        shown = ticket_copies.copies(connection, [copy], NOW + HOUR)[copy]
        assert (shown.replaces, shown.ticket.said[0].text, shown.ticket.attached) == ("", "Кога?", [])

    await database.write(check)


async def test_words_under_a_photo_stay_when_it_is_taken_back(database: Database) -> None:
    def check(connection: Connection) -> None:
        town(connection)
        number = asked(connection)
        asked(connection, text="вижте", media=VOICE.to_json(), ticket_id=number)
        line = connection.execute(select(ticket_lines.c.id)).scalar_one()
        tickets.take_back(connection, by(MARIA), ticket_id=number, line_id=line, office=OFFICE)
        kept = connection.execute(select(ticket_lines)).one()
        assert (kept.text, kept.media_id) == ("вижте", None)

    await database.write(check)


# --- what is confidential -------------------------------------------------------------------------------------------


async def test_a_confidential_question_is_for_who_looks_after_that_activity(database: Database) -> None:
    def check(connection: Connection) -> None:
        town(connection)
        charge(connection, IVAN, charges.SETTLEMENT, "vidin")
        charge(connection, IVAN, charges.ACTIVITY, "health")
        number = asked(connection, about="health", confidential=True)
        assert told(connection, number) == {IVAN}
        seen = {who: bool(ticket_view.question_for(connection, by(who), ticket_id=number)) for who in (1, 2, 3)}
        assert seen == {ANI: True, ROSITSA: False, IVAN: True}
        assert ticket_desk.questions(connection, by(ROSITSA), limit=9) == []
        assert [tickets.waiting(connection, by(who)) for who in (ROSITSA, IVAN)] == [0, 1]
        ticket_desk.take(connection, by(ROSITSA), ticket_id=number)
        assert connection.execute(select(rows.c.taken_by)).scalar() is None
        ticket_desk.pass_on(connection, by(ANI), ticket_id=number, to=ROSITSA, office=OFFICE)
        assert ticket_view.question_for(connection, by(ROSITSA), ticket_id=number), "whom it was given to may"

    await database.write(check)


async def test_a_confidential_question_that_nobody_looks_after_is_the_coordinators(database: Database) -> None:
    def check(connection: Connection) -> None:
        town(connection)
        assert told(connection, asked(connection, about="health")) == {ROSITSA}
        assert told(connection, asked(connection, about="health", confidential=True)) == {ANI}

    await database.write(check)
