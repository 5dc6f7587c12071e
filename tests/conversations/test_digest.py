"""Whoever leads an event hears the day before who comes, afterwards whom to mark, and when it becomes theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, update

from storage import digests, invitations
from storage.events import Draft
from storage.tables import staff
from tests.conversations.client import Town, programme
from tests.conversations.event_kit import HOUR, all_events, made_by, parents, staff_member
from tests.conversations.people import contact_of, t
from tests.storage.events_kit import by, fire, settle

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

RULES = programme().rules


async def test_the_leader_hears_how_it_stands_and_whom_to_call(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    await parents(town, 3)
    event = await made_by(mediator, town.now + 25 * HOUR)
    await town.change(lambda c: fire(c, event, "invite", town.now, RULES))
    town.now += HOUR
    await town.change(lambda c: fire(c, event, "1d", town.now, RULES))
    await town.change(lambda c: fire(c, event, "1d", town.now, RULES))
    await town.deliver()
    said = mediator.receive()
    assert said.startswith(f"📅 {event.title}")
    assert t("digest.numbers", come=0, invited=3, silent=3) in said
    assert t("digest.to_call", number=3) in said
    assert said.count(event.title) == 1, "told once"
    await mediator.press(t("digest.calls"))
    assert "Човек 5000" in "".join(mediator.labels)


async def test_whoever_is_no_longer_staff_hears_nothing(town: Town) -> None:
    mediator = await staff_member(town, "telegram")
    await parents(town, 1)
    event = await made_by(mediator, town.now + 25 * HOUR)
    await town.change(lambda c: fire(c, event, "invite", town.now, RULES))
    town.now += HOUR
    await town.change(lambda c: fire(c, event, "1d", town.now, RULES))
    await town.change(lambda c: c.execute(delete(staff)))
    await town.deliver()
    assert mediator.receive() == ""


async def test_a_confidential_appointment_is_not_named_on_the_lock_screen(town: Town) -> None:
    mediator = await staff_member(town, "telegram")
    await parents(town, 1)
    event = await made_by(mediator, town.now + 25 * HOUR, activity="psychological-support", title="Среща с психолог")
    await town.change(lambda c: fire(c, event, "invite", town.now, RULES))
    town.now += HOUR
    await town.change(lambda c: fire(c, event, "1d", town.now, RULES))
    await town.deliver()
    said = mediator.receive()
    assert said.startswith("📅")
    assert "сихолог" not in said
    assert event.place not in said


# --- afterwards -----------------------------------------------------------------------------------------------------


async def test_the_leader_is_asked_afterwards_who_came_until_the_list_is_complete(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel, "trainer")
    await parents(town, 2)
    event = await made_by(mediator, town.now + 5 * HOUR)
    await town.change(lambda c: fire(c, event, "invite", town.now, RULES))
    town.now += 8 * HOUR
    await town.change(lambda c: fire(c, event, "after", town.now, RULES))
    await town.deliver()
    said = mediator.receive()
    assert said.startswith(f"📅 {event.title}")
    assert said.endswith(t("digest.who_came"))
    assert "Човек" not in said, "names open on a tap"
    await mediator.press(t("digest.mark"))
    assert t("attend.came", came=0, all=2) in mediator.last.text
    await mediator.press(t("button.done"))
    await town.change(lambda c: fire(c, event, "after", town.now + HOUR, RULES))
    await town.deliver()
    assert mediator.receive() == "", "once is enough"


async def test_whoever_has_marked_the_list_already_is_not_asked(town: Town) -> None:
    mediator = await staff_member(town, "web")
    await parents(town, 1)
    event = await made_by(mediator, town.now + HOUR)
    town.now += 1.5 * HOUR
    await mediator.press_data(f"/attended {event.id}")
    town.now += 7 * HOUR
    await town.change(lambda c: fire(c, event, "after", town.now, RULES))
    await town.deliver()
    assert mediator.receive() == ""


def _take(connection: Connection, who: int, now: datetime, lead: int, slot: int) -> None:
    invitations.take_slot(connection, by(who, now), event_id=lead, contact_id=who, slot_id=slot, rules=RULES)


async def test_of_an_appointment_the_leader_is_asked_once_and_when_its_last_hour_is_over(town: Town) -> None:
    mediator = await staff_member(town, "telegram")
    (guest,) = await town.change(lambda c: settle(c, 1, first=5000))
    begins = town.now + HOUR
    await made_by(mediator, begins, kind="appointment", dates=[begins + 8 * HOUR], lasts=HOUR)
    lead, first, second = await all_events(town)
    await town.change(lambda c: invitations.fill(c, lead.id, town.now))
    await town.change(lambda c: _take(c, guest, town.now, lead.id, first.id))
    town.now = begins + 7.5 * HOUR
    await town.change(lambda c: fire(c, first, "after", town.now, RULES))
    await town.deliver()
    assert mediator.receive() == "", "somebody is still to come"
    town.now = begins + 24 * HOUR
    await town.change(lambda c: fire(c, second, "after", town.now, RULES))
    await town.deliver()
    assert mediator.receive().endswith(t("digest.who_came"))
    assert mediator.find(t("digest.mark"))[1].press == f"/attend {lead.id} 0"


async def test_after_an_appointment_that_nobody_wanted_there_is_nobody_to_mark(town: Town) -> None:
    mediator = await staff_member(town, "telegram")
    await made_by(mediator, town.now + HOUR, kind="appointment", lasts=HOUR)
    _, slot = await all_events(town)
    town.now += 8 * HOUR
    await town.change(lambda c: fire(c, slot, "after", town.now, RULES))
    await town.deliver()
    assert mediator.receive() == ""


# --- whose it is ----------------------------------------------------------------------------------------------------


async def test_whoever_gets_an_event_is_told_and_the_one_before_hears_no_more_of_it(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator", "2", name="Ани Петрова")
    mediator = await staff_member(town, channel)
    trainer = await staff_member(town, channel, "trainer", "3", name="Вера Донева")
    event = await made_by(mediator, town.now + 25 * HOUR)
    town.now += HOUR
    await town.change(lambda c: fire(c, event, "1d", town.now, RULES))
    await coordinator.press_data(f"/leader {event.id} {(await contact_of(trainer)).id}")
    await town.deliver()
    assert trainer.receive().endswith(t("digest.led"))
    assert event.title in await trainer.press(t("digest.open"))
    assert mediator.receive() == coordinator.receive() == "", "what was queued for who led it before says nothing"


async def test_whoever_takes_an_event_themselves_knows_it_and_at_night_nobody_is_told(town: Town) -> None:
    coordinator = await staff_member(town, "web", "coordinator", "2", name="Ани Петрова")
    mediator = await staff_member(town, "web")
    event = await made_by(mediator, town.now + 48 * HOUR, kind="course", dates=[town.now + 72 * HOUR])
    await coordinator.press_data(f"/leader {event.id} {(await contact_of(coordinator)).id}")
    await town.deliver()
    assert coordinator.receive() == ""
    town.now += 14 * HOUR  # midnight
    await coordinator.press_data(f"/leader {event.id} {(await contact_of(mediator)).id}")
    await town.deliver()
    assert mediator.receive() == ""
    town.now += 10 * HOUR
    await town.deliver()
    assert mediator.receive().endswith(t("digest.led_course"))


async def test_whoever_is_named_as_the_leader_of_a_new_event_is_told(town: Town) -> None:
    coordinator = await staff_member(town, "web", "coordinator", "2", name="Ани Петрова")
    mediator = await staff_member(town, "web")
    draft = Draft(
        kind="meeting", activity="parents", title="Родителска среща", place="Клуб", landmark="", bring="",
        dates=[(town.now + 48 * HOUR, town.now + 49 * HOUR)], capacity=None,
        mediator_id=(await contact_of(mediator)).id, audience={}, offsets=(),
    )  # fmt: skip
    acting = by((await contact_of(coordinator)).id, town.now)
    await town.change(lambda c: digests.publish(c, acting, draft=draft, rules=RULES))
    await town.deliver()
    assert mediator.receive().endswith(t("digest.led"))
    assert coordinator.receive() == ""


async def test_a_reporter_leads_nothing_and_is_asked_nothing(town: Town) -> None:
    mediator = await staff_member(town, "telegram")
    event = await made_by(mediator, town.now + HOUR)
    await town.change(lambda c: c.execute(update(staff).values(role="reporter")))
    town.now += 8 * HOUR
    await town.change(lambda c: fire(c, event, "after", town.now, RULES))
    await town.deliver()
    assert mediator.receive() == ""
