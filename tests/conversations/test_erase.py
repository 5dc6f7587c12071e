"""Staff erase somebody who asked them to and has no chat of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage.tables import contacts
from tests.conversations.event_kit import deeds
from tests.conversations.guests import event, invitation, people, set_columns, staff_of
from tests.conversations.people import contact_of, everything_kept, line, lookup, register, t

if TYPE_CHECKING:
    from tests.conversations.client import Talker, Town

NAME, PHONE = "Иванка Илиева", "+359888123456"


async def at_the_door(town: Town, staff: Talker) -> int:
    """Somebody whom this one of the staff registered, who is entered for an event of theirs."""
    (number,) = await people(town, NAME, phone=PHONE)
    await set_columns(town, contacts, number, source=f"staff-{(await contact_of(staff)).id}")
    made = await event(staff, [number])
    assert await invitation(town, made.id, number)
    return number


@pytest.mark.parametrize("role", ["mediator", "coordinator"])
async def test_whoever_was_registered_at_the_door_is_erased_at_their_wish(town: Town, channel: str, role: str) -> None:
    staff = await staff_of(town, channel, role)
    number = await at_the_door(town, staff)
    asked = await staff.say(f"/erase {number}")
    assert t("erase.ask", name=NAME) in asked
    assert t("button.no_keep") in staff.labels
    assert NAME in await everything_kept(town), "nothing has happened yet"
    assert t("erase.done") in await staff.press(t("erase.yes"))
    kept = await everything_kept(town)
    for secret in (NAME, PHONE, lookup("phone", PHONE), "Илиева"):
        assert secret not in kept, secret
    assert (await deeds(town))[-1] == f"erase contact:{number}"
    assert t("erase.none_such") in await staff.press_data(f"/erase {number} sure")
    assert (await deeds(town)).count(f"erase contact:{number}") == 1
    assert await staff.say("/staff"), "and whoever erased goes on with their work"


async def test_keeping_somebody_changes_nothing(town: Town, channel: str) -> None:
    staff = await staff_of(town, channel)
    number = await at_the_door(town, staff)
    await staff.say(f"/erase {number}")
    await staff.press(t("button.no_keep"))
    assert NAME in await everything_kept(town)


async def test_of_somebody_elses_person_nothing_shows(town: Town, channel: str) -> None:
    staff = await staff_of(town, channel)
    other = await staff_of(town, channel, external="s2")
    number = await at_the_door(town, other)
    for asked in (str(number), f"{number} sure", "999", "x", "9" * 30, ""):
        said = await staff.say(f"/erase {asked}".strip())
        assert line("erase.none_such") in said, asked
        assert NAME not in said
    assert NAME in await everything_kept(town)


async def test_nobody_of_the_team_and_nobody_by_a_trainer_or_resident(town: Town, channel: str) -> None:
    coordinator = await staff_of(town, channel, "coordinator")
    trainer = await staff_of(town, channel, "trainer", external="s2")
    number = await at_the_door(town, coordinator)
    theirs = (await contact_of(trainer)).id
    assert t("erase.none_such") in await coordinator.say(f"/erase {theirs} sure")
    resident = town.person(channel, "7")
    await register(resident)
    for person in (trainer, resident):
        nonsense = await person.say(f"/nonsense {number} sure")
        assert await person.say(f"/erase {number} sure") == nonsense
    assert NAME in await everything_kept(town)


async def test_a_coordinator_erases_somebody_who_writes_to_us_and_is_a_stranger_then(town: Town, channel: str) -> None:
    coordinator = await staff_of(town, channel, "coordinator")
    resident = town.person(channel, "7")
    await register(resident)
    number = (await contact_of(resident)).id
    await coordinator.say(f"/erase {number}")
    await coordinator.press(t("erase.yes"))
    assert "Мария Иванова" not in await everything_kept(town)
    assert "Мария" not in await resident.start()
    assert (await contact_of(coordinator)).status == "active"
