"""A mediator's people in storage: found by the end of a number however many there are, and their link for good."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from bot.chat import Acting
from storage import charges, contacts, directory, staff, stopping
from storage.database import Database
from storage.tables import contacts as rows
from storage.tables import search_tokens
from tests.storage.events_kit import NOW, RULES, by, lead, settle

ANI, ROSITSA, MARIA = 1, 2, 100


def known(connection: Connection, number: int, phone: str, name: str = "Мария Иванова", **more: Any) -> None:
    who = Acting(number, 0, "tel", "bg", "", NOW)
    contacts.keep(
        connection, who, name=name, phone=phone, phone_is_own=False, settlement="vidin", purpose="work", work="",
        children=[], again=more.get("again", False),
    )  # fmt: skip


def found(connection: Connection, typed: str, who: int = ANI) -> list[int]:
    return [one.contact_id for one in directory.find(connection, by(who), typed=typed)]


async def test_the_oldest_of_many_is_found_by_the_last_digits(database: Database) -> None:
    def fill(connection: Connection) -> None:
        lead(connection, ANI)
        settle(connection, 5100, first=MARIA, phone="+359888000111")
        connection.execute(update(rows).where(rows.c.id > MARIA).values(phone_hash=b"2" * 16))
        known(connection, MARIA, "+359888999777")

    await database.write(fill)
    assert await database.read(lambda c: found(c, "9777")) == [MARIA]
    assert await database.read(lambda c: found(c, "99 97 77")) == [MARIA]
    assert await database.read(lambda c: found(c, "779777")) == []
    assert await database.read(lambda c: found(c, "77")) == [], "too few to mean anybody"


async def test_another_number_is_found_by_its_end_and_the_old_one_no_more(database: Database) -> None:
    def check(connection: Connection) -> None:
        lead(connection, ANI)
        settle(connection, 1, first=MARIA, channel="")
        known(connection, MARIA, "+359888999777")
        known(connection, MARIA, "+359888123456", again=True)
        assert (found(connection, "9777"), found(connection, "3456")) == ([], [MARIA])
        staff.correct(connection, by(MARIA), name="", phone="+359888000111", phone_is_own=True)
        assert (found(connection, "3456"), found(connection, "0111")) == ([], [MARIA])
        assert found(connection, "мария") == [MARIA], "and by the name as before"
        staff.correct(connection, by(MARIA), name="Петя Иванова", phone="", phone_is_own=True)
        assert (found(connection, "0111"), found(connection, "мария")) == ([MARIA], [])
        stopping.erase(connection, by(MARIA), rules=RULES)
        assert connection.execute(select(search_tokens)).all() == []

    await database.write(check)


# --- a link ---------------------------------------------------------------------------------------------------------


async def test_a_link_goes_on_when_its_owner_comes_back_to_the_team(database: Database) -> None:
    """A picture on a wall is not taken down; meanwhile those whom it brings are the coordinators' alone."""

    def check(connection: Connection) -> None:
        lead(connection, ANI)
        lead(connection, ROSITSA, "mediator")
        charges.draw_code(connection, by(ROSITSA))
        code = charges.code_of(connection, by(ROSITSA))
        assert code.startswith("ot-")
        settle(connection, 1, first=MARIA, group="", source=code)
        staff.remove(connection, by(ANI), contact_id=ROSITSA)
        assert charges.code_of(connection, by(ROSITSA)) == ""
        assert not charges.is_own(connection, by(ROSITSA), contact_id=MARIA)
        assert charges.is_own(connection, by(ANI), contact_id=MARIA)
        charges.draw_code(connection, by(ROSITSA))
        again = staff.invite_by_command_line(connection, NOW, "mediator")
        staff.join(connection, by(ROSITSA), code=again, name="Росица", phone="")
        charges.draw_code(connection, by(ROSITSA))
        assert charges.code_of(connection, by(ROSITSA)) == code
        assert charges.is_own(connection, by(ROSITSA), contact_id=MARIA)
        assert charges.brought(connection, by(ROSITSA)) == (1, 1)

    await database.write(check)
