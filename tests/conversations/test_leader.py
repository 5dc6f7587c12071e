"""Somebody else leads an event from now on: who may say so, what changes, and who signs what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, update

from storage import telling
from storage.tables import events as event_rows
from storage.tables import staff
from tests.conversations.client import Town
from tests.conversations.event_kit import HOUR, MORNING, all_events, deeds, made_by, parents, staff_member
from tests.conversations.people import contact_of, t
from tests.storage.events_kit import DAY, fire, queued

if TYPE_CHECKING:
    from sqlalchemy import Connection

ACT = t("event.act_leader")


async def test_a_coordinator_gives_an_event_to_somebody_else(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator", "2", name="Ани Петрова")
    mediator = await staff_member(town, channel)
    trainer = await staff_member(town, channel, "trainer", "3", name="Вера Донева")
    await staff_member(town, channel, "reporter", "4", name="Борис Отчетов")
    event = await made_by(mediator)
    async with town.awake():
        await coordinator.press_data(f"/event {event.id}")
        assert t("event.ask_leads", title="Родителска среща") in await coordinator.press(ACT)
        assert coordinator.labels == [
            "👤 Ани Петрова", "👤 Вера Донева", t("event.button"), *coordinator.work,
        ]  # fmt: skip
        said = await coordinator.press("Вера")
        assert t("event.handed") in said
        assert "Води: Вера Донева" in said
        assert "Родителска среща" in await trainer.press_data(f"/event {event.id}")
    chosen = (await contact_of(trainer)).id
    assert (await deeds(town))[-1] == f"lead event:{event.id} contact:{chosen}"


async def test_of_a_course_the_dates_to_come_and_of_an_appointment_all_slots(town: Town) -> None:
    coordinator = await staff_member(town, "web", "coordinator")
    trainer = (await contact_of(await staff_member(town, "web", "trainer", "2", name="Вера Донева"))).id
    dates = [MORNING + 2 * DAY, MORNING + 4 * DAY]
    course = await made_by(coordinator, kind="course", dates=dates)
    await made_by(coordinator, MORNING + DAY, kind="appointment", dates=[MORNING + DAY + HOUR], lasts=HOUR)
    first, second, third, lead, *slots = await all_events(town)
    assert (first.id, lead.kind) == (course.id, "appointment")
    await coordinator.press_data(f"/leader {second.id} {trainer}")
    await coordinator.press_data(f"/leader {slots[0].id} {trainer}")
    changed = {event.id for event in await all_events(town) if event.mediator_id == trainer}
    assert changed == {second.id, third.id, lead.id, *(slot.id for slot in slots)}


async def test_nobody_else_and_nothing_else_is_given_away(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    event = await made_by(mediator)
    await mediator.press_data(f"/event {event.id}")
    assert ACT not in mediator.labels
    unknown = await mediator.say("/no_such_command")
    assert await mediator.say(f"/leader {event.id}") == unknown, "as if it did not exist"
    coordinator = await staff_member(town, channel, "coordinator", "2", name="Ани Петрова")
    for rubbish in (event.id + 1, "x", "9" * 30):
        assert t("event.none_such") in await coordinator.say(f"/leader {rubbish}")
    own = (await contact_of(mediator)).id
    assert t("event.ask_leads", title="Родителска среща") in await coordinator.say(f"/leader {event.id} {own}")
    await town.change(lambda c: c.execute(delete(staff).where(staff.c.contact_id == own)))
    await coordinator.press_data(f"/leader {event.id} {(await contact_of(coordinator)).id}")
    assert t("event.no_other", title="Родителска среща") in await coordinator.say(f"/leader {event.id}")
    town.now = MORNING + 2 * HOUR
    assert t("event.too_late") in await coordinator.say(f"/leader {event.id}")
    town.now = MORNING - HOUR
    await town.change(lambda c: c.execute(update(event_rows).values(status="cancelled")))
    assert t("event.cancelled_already") in await coordinator.say(f"/leader {event.id}")


async def test_whoever_is_no_longer_staff_signs_nothing(town: Town) -> None:
    mediator = await staff_member(town, "web")
    await parents(town, 1)
    event = await made_by(mediator)

    def signed(connection: Connection) -> list[str]:
        facts = telling.facts(connection, queued(connection), town.now)
        return [about.mediator for one in facts.values() for about in one.about]

    await town.change(lambda c: fire(c, event, "invite", town.now))
    assert await town.look(signed) == ["Стоян"]
    await town.change(lambda c: c.execute(delete(staff)))
    assert await town.look(signed) == [""]
