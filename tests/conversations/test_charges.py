"""What a mediator looks after, on each channel and both databases: ticked by a coordinator, and what it opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conversations.event_kit import deeds
from tests.conversations.guests import people, staff_of
from tests.conversations.people import contact_of, t

if TYPE_CHECKING:
    from tests.conversations.client import Talker, Town


async def both(town: Town, channel: str) -> tuple[Talker, Talker, int]:
    coordinator = await staff_of(town, channel, "coordinator", external="c1")
    mediator = await staff_of(town, channel)
    return coordinator, mediator, (await contact_of(mediator)).id


async def test_a_place_is_ticked_and_its_people_are_the_mediators(town: Town, channel: str) -> None:
    coordinator, mediator, number = await both(town, channel)
    maria, ivan = await people(town, "Мария Иванова"), await people(town, "Иван Петров", settlement="inovo")
    await coordinator.say(f"/member {number}")
    assert t("charge.people", count=0) in await coordinator.press(t("button.charge"))
    await coordinator.press(t("button.charge_places", count=0))
    await coordinator.press("⬜ гр. Видин")
    assert "☑️ гр. Видин" in coordinator.labels
    assert t("charge.people", count=1) in await coordinator.press(t("button.done"))
    assert t("button.charge_places", count=1) in coordinator.labels
    assert "Мария Иванова" in await mediator.say(f"/contact {maria[0]}")
    assert t("contact.none") in await mediator.say(f"/contact {ivan[0]}")
    await coordinator.press(t("button.charge_places", count=1))
    await coordinator.press("☑️ гр. Видин")
    assert t("contact.none") in await mediator.say(f"/contact {maria[0]}"), "at once"
    assert [deed for deed in await deeds(town) if "charge" in deed] == [
        f"charge contact:{number}:settlement:vidin", f"uncharge contact:{number}:settlement:vidin"
    ]  # fmt: skip


async def test_places_are_leafed_through_and_a_tick_stays_on_its_page(town: Town, channel: str) -> None:
    coordinator, _, number = await both(town, channel)
    await coordinator.say(f"/charges {number} settlement")
    await coordinator.press(t("guests.to_next"))
    box = coordinator.labels[0]
    await coordinator.press(box)
    assert coordinator.labels[0] == box.replace("⬜", "☑️")


@pytest.mark.parametrize("kind", ["activity", "institution"])
async def test_activities_and_institutions_are_ticked_alike(town: Town, channel: str, kind: str) -> None:
    coordinator, _, number = await both(town, channel)
    await coordinator.say(f"/charges {number} {kind}")
    box = coordinator.labels[0]
    await coordinator.press(box)
    assert coordinator.labels[0] == box.replace("⬜", "☑️")
    (deed,) = await deeds(town)
    code = coordinator.last.rows[0][0].press.partition(f".{kind}.")[2].partition(" ")[0]
    assert deed == f"charge contact:{number}:{kind}:{code}"


@pytest.mark.parametrize("what", ["settlement.nowhere", "planet.mars", "settlement", "", "activity.vidin"])
async def test_what_the_programme_does_not_know_is_charged_to_nobody(town: Town, channel: str, what: str) -> None:
    coordinator, _, number = await both(town, channel)
    assert t("charge.people", count=0) in await coordinator.say(f"/charge {number}.{what}")
    assert await deeds(town) == []


async def test_only_a_mediator_is_charged_and_only_by_a_coordinator(town: Town, channel: str) -> None:
    coordinator, mediator, number = await both(town, channel)
    me = (await contact_of(coordinator)).id
    (resident,) = await people(town, "Мария Иванова")
    for other in (me, resident, 0, 999999):
        assert t("charge.only_mediators") in await coordinator.say(f"/charges {other}")
        assert t("charge.only_mediators") in await coordinator.say(f"/charge {other}.settlement.vidin")
    await mediator.say(f"/charge {number}.settlement.vidin")
    assert await deeds(town) == []
