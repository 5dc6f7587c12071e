"""Staff enter somebody in an activity: they take part before their first meeting, and how they came is kept."""

from __future__ import annotations

from sqlalchemy import update

from storage.tables import answers, contacts, participations
from tests.conversations.client import Town
from tests.conversations.event_kit import staff_member
from tests.conversations.guests import people
from tests.conversations.people import line, register, rows, t


async def test_somebody_is_found_and_entered_once(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    (number,) = await people(town, "Сашо Младенов")
    await town.change(lambda c: c.execute(update(contacts).where(contacts.c.id == number).values(work="no_searching")))
    for _ in range(2):
        await mediator.press_data("/enrol vocational")
        await mediator.say("саш")
        said = await mediator.press("👤")
        assert line("enrol.done") in said
    await town.change(lambda c: c.execute(update(contacts).where(contacts.c.id == number).values(work="yes")))
    assert "typed" not in {row.key for row in await rows(town, answers)}, "what was typed is kept with them alone"
    (row,) = await rows(town, participations)
    assert (row.contact_id, row.activity, row.entry_work) == (number, "vocational", "no_searching")


async def test_an_unknown_name_and_an_activity_that_nobody_joins(town: Town) -> None:
    mediator = await staff_member(town, "telegram")
    assert t("activities.gone") in await mediator.press_data("/enrol learning-environment")
    await mediator.press_data("/enrol vocational")
    assert line("enrol.not_found") in await mediator.say("Никой Такъв")
    assert not await rows(town, participations)


async def test_a_resident_cannot_enter_anybody(town: Town) -> None:
    person = town.person("telegram")
    await register(person)
    unknown = await person.press_data("/no_such_command")
    assert await person.press_data("/enrol vocational") == unknown, "as if it did not exist"
    assert not await rows(town, participations)
