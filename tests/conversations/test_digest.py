"""The day before an event whoever leads it hears who comes, and finds the call list one tap away."""

from __future__ import annotations

from sqlalchemy import delete

from storage.tables import staff
from tests.conversations.client import Town, programme
from tests.conversations.event_kit import HOUR, made_by, parents, staff_member
from tests.conversations.people import t
from tests.storage.events_kit import fire

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
