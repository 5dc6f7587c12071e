"""Whom staff register at the door: their consent, their address for calls, and that nothing is known of them twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import Connection, select

from bot.chat import Acting, Conflict
from bot.messages import Address
from storage import calls, contacts, door, events, invitations, notifications, shared, staff, stopping
from storage.attendance import Sheet
from storage.contacts import Child
from storage.database import Database
from storage.people import hash_of
from storage.tables import addresses, answers, audit, children, consents, participations, residents
from storage.tables import contacts as contact_rows
from storage.tables import invitations as invitation_rows
from tests.storage.events_kit import DAY, RULES, fire, ledger, published
from tests.storage.kit import NOW, acting, converse, everything, meet

PHONE = "+359888123456"
TEXT = "Прочетено на глас."
SOON = NOW + 2 * DAY


def somebody_of_staff(connection: Connection, role: str = "mediator", external: str = "s") -> Acting:
    """A mediator, at an address of their own."""
    by = acting(meet(connection, external))
    code = staff.invite_by_command_line(connection, NOW, role)
    staff.join(connection, by, code=code, name=f"Росица {external}", phone="")
    return by


def register(connection: Connection, by: Acting, **more: Any) -> int:
    """Somebody is registered at the door; gives their number."""
    values: dict[str, Any] = {
        "name": "Мария Петрова", "phone": PHONE, "settlement": "vidin", "purpose": "school",
        "children": [Child("sofroniy", "3 а")], "language": "rom", "consent_text": TEXT, "consent_version": "1",
        "rules": RULES,
    } | more  # fmt: skip
    door.register_by_staff(connection, by, **values)
    return int(connection.execute(select(contact_rows.c.id).order_by(contact_rows.c.id.desc()).limit(1)).scalar_one())


def names(found: Any) -> list[str]:
    return [one.name for one in found]


async def test_what_is_kept_of_somebody_at_the_door(database: Database) -> None:
    def go(connection: Connection) -> None:
        by = somebody_of_staff(connection)
        who = register(connection, by)
        mine = contacts.profile(connection, replace(by, contact_id=who))
        assert (mine.name, mine.phone, mine.phone_is_own, mine.settlement, mine.purpose, mine.language) == (
            "Мария Петрова", PHONE, False, "vidin", "school", "rom",
        )  # fmt: skip
        assert list(mine.children) == [Child("sofroniy", "3 а")]
        row = connection.execute(select(contact_rows).where(contact_rows.c.id == who)).one()
        assert (row.status, row.registered_at, row.source) == ("active", NOW, f"staff-{by.contact_id}")
        (given,) = everything(connection, consents)
        assert (given["contact_id"], given["purpose"], given["action"], given["form"], given["age_ok"]) == (
            who, "phone", "given", "read aloud by staff", True,
        )  # fmt: skip
        assert given["text_hash"] == sha256(TEXT.encode()).hexdigest()
        assert (given["text_version"], given["event_key"]) == ("1", "event")
        done = [(r["staff_id"], r["action"], r["subject"]) for r in everything(connection, audit)][-1]
        assert done == (by.contact_id, "register", f"contact:{who}")

    await database.write(go)


async def test_a_number_is_an_address_that_only_a_call_reaches(database: Database) -> None:
    """A family may share it; nobody is sent anything there, and the ledger says why."""

    def go(connection: Connection) -> None:
        by = somebody_of_staff(connection)
        one, other = register(connection, by), register(connection, by, name="Стефан Петров", children=[])
        without = register(connection, by, name="Ганка Петрова", phone="", children=[])
        (address,) = connection.execute(select(addresses).where(addresses.c.channel == "tel")).all()
        assert (address.external, address.lookup) == (PHONE, hash_of(connection, Address("tel", PHONE)))
        here = connection.execute(select(residents.c.contact_id).where(residents.c.address_id == address.id))
        assert set(here.scalars()) == {one, other}
        assert connection.execute(select(notifications.best_address(one))).scalar() is None
        event = published(connection, by, SOON, audience={"all": True})
        invitations.fill(connection, event.id, NOW)
        fire(connection, event, "1d", SOON - DAY)
        told = {who: said for (_, who), said in ledger(connection, event).items()}
        assert told == {one: "no_channel", other: "no_channel", without: "no_channel"}
        listed = calls.call_list(connection, by, sheet=Sheet(event, NOW, done=False))
        assert {one.contact_id: one.why for one in listed} == dict.fromkeys((one, other, without), "no_channel")

    await database.write(go)


async def test_whoever_is_registered_is_invited_to_what_is_coming(database: Database) -> None:
    def go(connection: Connection) -> None:
        by = somebody_of_staff(connection)
        event = published(connection, by, SOON)
        who = register(connection, by)
        row = connection.execute(select(invitation_rows).where(invitation_rows.c.contact_id == who)).one()
        assert (row.event_id, row.source, row.rsvp) == (event.id, "audience", "")

    await database.write(go)


async def test_entered_for_an_event_is_an_answer_and_a_walk_in_has_come(database: Database) -> None:
    def go(connection: Connection) -> None:
        by = somebody_of_staff(connection)
        full = published(connection, by, SOON, kind="training", capacity=1, audience={})
        first = register(connection, by, event_id=full.id)
        second = register(connection, by, event_id=full.id, phone="")
        came = register(connection, by, event_id=full.id, phone="", came=True)
        rows = {r["contact_id"]: r for r in everything(connection, invitation_rows)}
        assert [(rows[who]["rsvp"], rows[who]["seat"], rows[who]["source"]) for who in (first, second, came)] == [
            ("yes", "seat", "staff"), ("yes", "waiting", "staff"), ("", "", "walkin"),
        ]  # fmt: skip
        assert rows[first]["rsvp_by"] == by.contact_id
        assert [rows[who]["attended"] for who in (first, second, came)] == [None, None, True]
        assert [p["contact_id"] for p in everything(connection, participations)] == [came]

    await database.write(go)


async def test_a_course_is_entered_whole(database: Database) -> None:
    def go(connection: Connection) -> None:
        by = somebody_of_staff(connection)
        course = published(connection, by, SOON, kind="course", dates=[SOON + 7 * DAY], audience={})
        who = register(connection, by, event_id=course.id)
        rows = [r for r in everything(connection, invitation_rows) if r["contact_id"] == who]
        assert [(r["rsvp"], r["seat"]) for r in rows] == [("yes", "seat")] * 2

    await database.write(go)


async def test_an_hour_that_was_taken_meanwhile_keeps_nothing(database: Database) -> None:
    def go(connection: Connection) -> None:
        by = somebody_of_staff(connection)
        visit = published(
            connection, by, SOON, kind="appointment", dates=[SOON + timedelta(hours=1)], audience={}
        )  # fmt: skip
        slots = events.series(connection, visit)
        first = register(connection, by, event_id=visit.id, slot_id=slots[0].id)
        before = len(everything(connection, contact_rows))
        with pytest.raises(Conflict) as conflict:
            register(connection, by, event_id=visit.id, slot_id=slots[0].id, phone="")
        assert (conflict.value.key, len(everything(connection, contact_rows))) == ("slot", before)
        register(connection, by, event_id=visit.id, phone="")
        rows = {(r["event_id"], r["contact_id"]): r["rsvp"] for r in everything(connection, invitation_rows)}
        assert rows == {
            (visit.id, first): "yes", (slots[0].id, first): "yes", (visit.id, first + 1): "",
        }, "without an hour they stay to be called"  # fmt: skip

    await database.write(go)


async def test_somebody_known_is_only_entered(database: Database) -> None:
    def go(connection: Connection) -> None:
        by = somebody_of_staff(connection)
        event = published(connection, by, SOON, kind="training", audience={})
        who = register(connection, by)
        before = contacts.profile(connection, replace(by, contact_id=who))
        door.enter_known(
            connection, by, contact_id=who, consent_text=TEXT, consent_version="1", rules=RULES, event_id=event.id
        )
        assert contacts.profile(connection, replace(by, contact_id=who)) == before
        assert [r["contact_id"] for r in everything(connection, invitation_rows)] == [who]
        assert [r["form"] for r in everything(connection, consents)] == ["read aloud by staff"] * 2

    await database.write(go)


async def test_what_staff_typed_of_somebody_does_not_stay_with_the_staff(database: Database) -> None:
    def go(connection: Connection) -> None:
        known = meet(connection, "s")
        by = somebody_of_staff(connection)
        converse(connection, known, 1)
        connection.exec_driver_sql("UPDATE conversations SET script = 'add_person'")
        kept = {"conversation_id": 1, "key": "name", "value": "Мария Петрова", "complete": True, "at": NOW}
        connection.execute(answers.insert().values(kept))
        register(connection, by)
        assert everything(connection, answers) == []

    await database.write(go)


# --- finding --------------------------------------------------------------------------------------------------------


async def test_people_are_found_by_name_in_any_letters_or_by_phone(database: Database) -> None:
    def go(connection: Connection) -> None:
        by = somebody_of_staff(connection)
        for name, phone in (("Мария Петрова", PHONE), ("Мария Радева", ""), ("Константиноса О’Нийл", "")):
            register(connection, by, name=name, phone=phone)
        for typed, expected in {
            "мария": ["Мария Петрова", "Мария Радева"],
            "MARIA P": ["Мария Петрова"],
            "Мария П.": ["Мария Петрова"],
            "п": [],
            "петрова мария": ["Мария Петрова"],
            "константиноса": ["Константиноса О’Нийл"],
            "константинова": [],
            "": [],
            "'; drop table": [],
            "%": [],
        }.items():
            assert names(door.find(connection, by, typed=typed)) == expected, typed
        assert names(door.find(connection, by, typed="каквото и да е", phone=PHONE)) == ["Мария Петрова"]
        assert door.find(connection, by, phone="+359888000000") == []

    await database.write(go)


async def test_own_people_and_those_on_the_list_stand_first(database: Database) -> None:
    def go(connection: Connection) -> None:
        by, other = somebody_of_staff(connection), somebody_of_staff(connection, external="s2")
        coordinator = somebody_of_staff(connection, "coordinator", "s3")
        register(connection, other, name="Мария Андреева", children=[])
        register(connection, by, name="Мария Борисова", children=[])
        event = published(connection, by, SOON, kind="training", audience={})
        register(connection, other, name="Мария Ценова", children=[], event_id=event.id)
        found = door.find(connection, by, typed="мария", event_id=event.id)
        assert [(one.name, one.own, one.listed) for one in found] == [
            ("Мария Ценова", True, True), ("Мария Борисова", True, False), ("Мария Андреева", False, False),
        ]  # fmt: skip
        assert all(one.own for one in door.find(connection, coordinator, typed="мария"))

    await database.write(go)


async def test_the_same_name_from_the_same_place_is_alike(database: Database) -> None:
    def go(connection: Connection) -> None:
        by = somebody_of_staff(connection)
        register(connection, by)
        for name, settlement, expected in (
            ("мария  ПЕТРОВА", "vidin", 1), ("Мария Петрова", "inovo", 0), ("Мария", "vidin", 0),
        ):  # fmt: skip
            assert len(door.alike(connection, by, name=name, settlement=settlement)) == expected, name

    await database.write(go)


# --- later ----------------------------------------------------------------------------------------------------------


async def test_the_same_phone_in_a_chat_leads_to_the_same_contact(database: Database) -> None:
    def go(connection: Connection) -> None:
        by = somebody_of_staff(connection)
        who = register(connection, by)
        newcomer = acting(meet(connection, "77"))
        assert contacts.known_by_phone(connection, newcomer, phone=PHONE) == who
        shared.link(connection, newcomer, contact_id=who, consent_text="…")
        assert connection.execute(select(notifications.best_address(who))).scalar() == newcomer.address_id

    await database.write(go)


async def test_another_number_takes_the_old_address_for_calls_away(database: Database) -> None:
    def go(connection: Connection) -> None:
        by = somebody_of_staff(connection)
        who, other = register(connection, by), register(connection, by, name="Стефан Петров", children=[])
        for person, left in ((who, 1), (other, 0)):
            contacts.register(
                connection, replace(by, contact_id=person), name="Мария", phone="+359888000000", phone_is_own=False,
                settlement="vidin", purpose="work", work="", children=[], interests=[], consent_text="",
            )  # fmt: skip
            found = connection.execute(select(addresses).where(addresses.c.channel == "tel")).all()
            assert len(found) == left, "a family keeps it as long as one of them has it"

    await database.write(go)


async def test_erased_leaves_no_number_behind(database: Database) -> None:
    def go(connection: Connection) -> None:
        by = somebody_of_staff(connection)
        who = register(connection, by)
        newcomer = acting(meet(connection, "77"))
        shared.link(connection, newcomer, contact_id=who, consent_text="…")
        stopping.erase(connection, replace(newcomer, contact_id=who), rules=RULES)
        stopping.bury(connection)
        assert [r["channel"] for r in everything(connection, addresses)] == ["telegram"]
        assert everything(connection, children) == []
        assert door.find(connection, by, phone=PHONE) == []

    await database.write(go)
