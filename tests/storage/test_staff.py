"""Staff: codes that work once, roles that always leave somebody who may invite, and a record of what was done."""

from __future__ import annotations

import asyncio
import math
import secrets
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat import Conflict
from bot.privacy import hide_numbers
from storage import contacts, export, staff, stopping
from storage.contacts import Outcome
from storage.staff import ALPHABET, COORDINATOR, LENGTH, MEDIATOR, REPORTER, ROLES, TRAINER
from storage.tables import audit, staff_invites
from storage.tables import contacts as contact_rows
from storage.tables import staff as staff_rows
from tests.conversations.client import programme
from tests.storage.kit import NOW, acting, enrol, everything, meet, opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from bot.chat import Acting
    from storage.database import Database

codes = st.text(ALPHABET, min_size=LENGTH, max_size=LENGTH).map(lambda letters: f"ekip-{letters}")
gaps = st.lists(st.sampled_from(("", " ", "-", " – ", "  ")), min_size=9, max_size=9)


def comes(connection: Connection, external: str, role: str, name: str = "Ани Петрова") -> Acting:
    """Somebody who joined by the command line's code."""
    who = acting(meet(connection, external))
    code = staff.invite_by_command_line(connection, NOW, role)
    assert staff.join(connection, who, code=code, name=name, phone="")
    return who


def deeds(connection: Connection) -> list[tuple[Any, str, str]]:
    return [(row["staff_id"], row["action"], row["subject"]) for row in everything(connection, audit)]


def roles(connection: Connection) -> dict[int, str]:
    return {row["contact_id"]: row["role"] for row in everything(connection, staff_rows)}


# --- codes ------------------------------------------------------------------------------------------------------------


def test_a_code_cannot_be_guessed_and_has_no_letter_that_looks_like_another() -> None:
    assert math.log2(len(ALPHABET)) * LENGTH >= 40
    assert len(set(ALPHABET)) == len(ALPHABET)
    assert not set("0o1l") & set(ALPHABET)
    assert ALPHABET.islower()


@given(codes, gaps, st.booleans())
def test_a_code_is_found_in_any_case_and_with_any_gaps_and_never_taken_for_a_personal_number(
    code: str, gaps: Sequence[str], capitals: bool
) -> None:
    letters = code.replace("-", "")
    typed = letters[:4] + "".join(gap + letter for gap, letter in zip(gaps, letters[4:], strict=False))
    typed = typed.upper() if capitals else typed
    if len(typed) <= 40:
        assert staff.find_code(typed) == code
    assert staff.find_code(f"Код {code}, моля") == code
    assert staff.is_bare_code(code)
    assert hide_numbers(code) == (code, ())


@pytest.mark.parametrize(
    "words",
    [
        "", "ekip", "екип", "ekip-", "ekip-2345678", "ekip-234567899", "eki-23456789", "ekip-2345678o", "🎉",
        "екипажите са тук", "Кога ще дойде екипът?", "x" * 50 + "ekip-23456789x", "ekip-23456789" * 9,
        "ekip 2345 678 и още нещо",
    ],
)  # fmt: skip
def test_other_words_are_no_code(words: str) -> None:
    assert staff.find_code(words) == ""
    assert not staff.is_bare_code(words)


@pytest.mark.parametrize(("words", "bare"), [("ekip pristiga", False), ("ekip-pristiga", True), ("EKIP7KQ2M9X4", True)])
def test_words_that_could_be_a_code_are_one_only_with_a_digit_or_a_dash(words: str, bare: bool) -> None:
    assert staff.find_code(words)
    assert staff.is_bare_code(words) is bare


def test_a_capital_i_that_was_read_as_another_letter_is_understood() -> None:
    assert {staff.find_code(f"ekip-7kq2m9x{read}") for read in "iIl1"} == {"ekip-7kq2m9xi"}


async def test_only_a_keyed_hash_of_a_code_is_kept(database: Database) -> None:
    code = await database.write(lambda c: staff.invite_by_command_line(c, NOW, MEDIATOR))
    (row,) = await database.read(lambda c: everything(c, staff_invites))
    assert row["code_hash"] == database.cipher.lookup("staff invite", code)
    assert code[5:] not in repr(dict(row))
    assert (row["role"], row["invited_by"], row["expires_at"]) == (MEDIATOR, None, NOW + timedelta(days=7))


async def test_a_code_is_valid_for_a_week_and_once(database: Database) -> None:
    def check(connection: Connection) -> None:
        code = staff.invite_by_command_line(connection, NOW, TRAINER)
        who = acting(meet(connection))
        later = {days: replace(who, now=NOW + timedelta(days=days)) for days in (6, 7)}
        assert staff.invited(connection, later[6], code=code) == TRAINER
        assert staff.invited(connection, later[7], code=code) == ""
        assert staff.join(connection, later[7], code=code, name="Ани", phone="") is None
        assert staff.invited(connection, who, code="ekip-23456789") == ""
        assert staff.join(connection, who, code="ekip-23456789", name="Ани", phone="") is None
        assert roles(connection) == {}
        assert staff.join(connection, who, code=code, name="Ани", phone="")
        assert staff.invited(connection, who, code=code) == ""
        other = acting(meet(connection, "2"))
        assert staff.join(connection, other, code=code, name="Вера", phone="") is None
        assert roles(connection) == {who.contact_id: TRAINER}
        (row,) = everything(connection, staff_invites)
        assert (row["used_by"], row["used_at"]) == (who.contact_id, NOW)

    await database.write(check)


async def test_a_code_used_by_two_at_one_moment_takes_one(database_url: str) -> None:
    """Two processes, two people: the second waits, looks again, and finds it used."""
    async with opened(database_url) as one, opened(database_url) as two:
        people = await one.write(lambda c: [acting(meet(c, external)) for external in ("1", "2")])
        for _ in range(10):
            code = await one.write(lambda c: staff.invite_by_command_line(c, NOW, MEDIATOR))
            tried = await asyncio.gather(
                *(
                    database.write(partial(staff.join, acting=who, code=code, name="Ани", phone=""))
                    for database, who in zip((one, two), people, strict=True)
                )
            )
            assert sum(outcome is not None for outcome in tried) == 1
            assert len(await one.read(roles)) == 1
            await one.write(lambda c: c.execute(staff_rows.delete()))


async def test_a_code_works_only_while_whoever_made_it_is_a_coordinator(database: Database) -> None:
    def check(connection: Connection) -> None:
        ani, vera = comes(connection, "1", COORDINATOR), comes(connection, "2", COORDINATOR, "Вера")
        guest = acting(meet(connection, "3"))
        code = staff.new_code(connection, vera)
        assert staff.invited(connection, guest, code=code) == "", "drawn, and not given out"
        staff.invite(connection, vera, role=REPORTER, code=code)
        assert staff.invited(connection, guest, code=code) == REPORTER
        staff.set_role(connection, ani, contact_id=vera.contact_id, role=MEDIATOR)
        assert staff.invited(connection, guest, code=code) == ""
        staff.set_role(connection, ani, contact_id=vera.contact_id, role=COORDINATOR)
        stopping.erase(connection, vera, rules=programme().rules)
        assert staff.join(connection, guest, code=code, name="Ива", phone="") is None

    await database.write(check)


# --- joining ----------------------------------------------------------------------------------------------------------


async def test_joining_enters_a_stranger_by_name_and_phone(database: Database) -> None:
    def check(connection: Connection) -> None:
        who = acting(meet(connection))
        code = staff.invite_by_command_line(connection, NOW, MEDIATOR)
        outcome = staff.join(connection, who, code=code, name="Стоян Илиев", phone="+359888123456", phone_is_own=True)
        assert outcome == Outcome(who.contact_id, registered=True, language="bg", role=MEDIATOR)
        (row,) = everything(connection, contact_rows)
        assert (row["name"], row["phone"], row["phone_is_own"]) == ("Стоян Илиев", "+359888123456", True)
        assert (row["registered_at"], row["language"]) == (NOW, "bg")
        assert contacts.search(connection, "илиев") == [who.contact_id]
        assert staff.members(connection, who) == [
            staff.Member(who.contact_id, "Стоян Илиев", "+359888123456", MEDIATOR, NOW)
        ]
        assert meet(connection).role == MEDIATOR
        assert export.everything(connection, who)["роля"] == MEDIATOR
        assert contacts.known_by_phone(connection, acting(meet(connection, "2")), phone="+359888123456") == 0

    await database.write(check)


async def test_joining_keeps_what_is_known_of_a_contact(database: Database) -> None:
    before = NOW - timedelta(days=30)

    def check(connection: Connection) -> None:
        known = meet(connection)
        enrol(connection, known, name="Мария Иванова", language="rom", registered_at=before)
        code = staff.invite_by_command_line(connection, NOW, TRAINER)
        outcome = staff.join(connection, acting(known), code=code, name="Друго Име", phone="+359888123456")
        assert outcome is not None
        assert outcome.language == "rom"
        (row,) = everything(connection, contact_rows)
        assert (row["name"], row["phone"], row["registered_at"]) == ("Мария Иванова", "+359888123456", before)
        assert contacts.search(connection, "друго") == []

    await database.write(check)


async def test_whoever_has_a_role_uses_no_code_up(database: Database) -> None:
    def check(connection: Connection) -> None:
        ani = comes(connection, "1", COORDINATOR)
        code = staff.invite_by_command_line(connection, NOW, REPORTER)
        assert staff.join(connection, ani, code=code, name="Ани", phone="") is None
        assert staff.invited(connection, ani, code=code) == REPORTER
        assert roles(connection) == {ani.contact_id: COORDINATOR}

    await database.write(check)


# --- roles ------------------------------------------------------------------------------------------------------------


async def test_members_stand_by_role_and_name(database: Database) -> None:
    def check(connection: Connection) -> list[tuple[str, str]]:
        for number, (role, name) in enumerate(
            ((REPORTER, "Ани"), (MEDIATOR, "Яна"), (MEDIATOR, "Борис"), (COORDINATOR, "Вера"), (TRAINER, "Ива"))
        ):
            comes(connection, f"{number}", role, name)
        return [(m.role, m.name) for m in staff.roll(connection)]

    assert await database.write(check) == [
        (COORDINATOR, "Вера"), (MEDIATOR, "Борис"), (MEDIATOR, "Яна"), (TRAINER, "Ива"), (REPORTER, "Ани"),
    ]  # fmt: skip


async def test_everything_done_is_on_record_without_a_name(database: Database) -> None:
    def check(connection: Connection) -> None:
        ani = comes(connection, "1", COORDINATOR)
        staff.invite(connection, ani, role=TRAINER, code="ekip-23456789")
        ivo = acting(meet(connection, "2"))
        staff.join(connection, ivo, code="ekip-23456789", name="Иво Колев", phone="")
        me, him = ani.contact_id, ivo.contact_id
        assert staff.set_role(connection, ani, contact_id=him, role=MEDIATOR) is None
        assert staff.remove(connection, ani, contact_id=him) is None
        assert staff.remove(connection, ani, contact_id=him) is None, "gone already"
        with pytest.raises(Conflict) as caught:
            staff.set_role(connection, ani, contact_id=him, role=MEDIATOR)
        assert (caught.value.key, caught.value.why) == ("member", "team.gone")
        assert staff.remove_by_command_line(connection, NOW, me)
        assert not staff.remove_by_command_line(connection, NOW, me)
        assert deeds(connection) == [
            (None, "invite", "role:coordinator"), (me, "join", "role:coordinator"), (me, "invite", "role:trainer"),
            (him, "join", "role:trainer"), (me, "set_role", f"contact:{him}:mediator"),
            (me, "remove", f"contact:{him}"), (None, "remove", f"contact:{me}"),
        ]  # fmt: skip
        assert roles(connection) == {}

    await database.write(check)


@pytest.mark.parametrize("role", [None, *ROLES])
async def test_the_last_coordinator_stays_one(database: Database, role: str | None) -> None:
    def check(connection: Connection) -> None:
        ani = comes(connection, "1", COORDINATOR)
        comes(connection, "2", MEDIATOR, "Вера")

        def change() -> Outcome | None:
            if role is None:
                return staff.remove(connection, ani, contact_id=ani.contact_id)
            return staff.set_role(connection, ani, contact_id=ani.contact_id, role=role)

        if role != COORDINATOR:
            with pytest.raises(Conflict) as caught:
                change()
            assert caught.value.why == "team.last"
            assert roles(connection)[ani.contact_id] == COORDINATOR
            comes(connection, "3", COORDINATOR, "Ива")
        assert change() == Outcome(ani.contact_id, registered=True, role=role or "")
        assert roles(connection).get(ani.contact_id) == role

    await database.write(check)


async def test_two_coordinators_who_remove_each_other_at_one_moment_leave_one(database_url: str) -> None:
    async with opened(database_url) as one, opened(database_url) as two:
        for turn in range(5):
            ani, vera = await one.write(lambda c, t=turn: [comes(c, f"{t}-{n}", COORDINATOR) for n in (1, 2)])
            await asyncio.gather(
                one.write(partial(staff.remove, acting=ani, contact_id=vera.contact_id)),
                two.write(partial(staff.remove, acting=vera, contact_id=ani.contact_id)),
                return_exceptions=True,
            )
            assert len(await one.read(roles)) == 1
            await one.write(lambda c: c.execute(staff_rows.delete()))


async def test_erasing_takes_the_role_and_keeps_the_record(database: Database) -> None:
    def check(connection: Connection) -> None:
        ani = comes(connection, "1", COORDINATOR)
        stopping.erase(connection, ani, rules=programme().rules)
        assert roles(connection) == {}
        assert meet(connection, "1").role == ""
        assert deeds(connection)[-1] == (ani.contact_id, "join", "role:coordinator")
        assert contacts.search(connection, "ани") == []
        assert "роля" not in export.everything(connection, ani)

    await database.write(check)


async def test_a_correction_replaces_what_is_found_and_an_empty_one_nothing(database: Database) -> None:
    def check(connection: Connection) -> None:
        ani = comes(connection, "1", MEDIATOR)
        staff.correct(connection, ani, name="Анна Колева", phone="+359888123456", phone_is_own=False)
        staff.correct(connection, ani, name="", phone="", phone_is_own=False)
        (member,) = staff.members(connection, ani)
        assert (member.name, member.phone) == ("Анна Колева", "+359888123456")
        found = {typed: contacts.search(connection, typed) for typed in ("Анна", "Колева", "Петрова")}
        assert found == {"Анна": [ani.contact_id], "Колева": [ani.contact_id], "Петрова": []}

    await database.write(check)


def test_codes_are_drawn_by_the_systems_own_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(ALPHABET * 2)
    monkeypatch.setattr(secrets, "choice", lambda letters: next(drawn))
    assert [staff._draw(), staff._draw()] == ["ekip-abcdefgh", "ekip-ijkmnpqr"]
