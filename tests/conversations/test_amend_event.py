"""Staff change the small things of what is published: its name, what to bring, how many places there are."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from storage.tables import invitations, outbox
from tests.conversations.event_kit import HOUR, MORNING, all_events, deeds, made_by, parents, staff_member, told
from tests.conversations.guests import answered
from tests.conversations.people import line, rows, t

if TYPE_CHECKING:
    from storage.events import Event
    from tests.conversations.client import Talker, Town

DAY = timedelta(days=1)


async def the_event(town: Town) -> Event:
    return (await all_events(town))[0]


async def to(person: Talker, event: Event, thing: str) -> str:
    """From the card to the question."""
    await person.press_data(f"/event {event.id}")
    await person.press(t("event.act_change"))
    return await person.press(t(f"event.change_{thing}"))


async def written_to(town: Town) -> list[str]:
    return [row.key for row in await rows(town, outbox) if row.key.startswith("reminder:")]


async def test_another_name_and_what_to_bring_are_written_down_and_told_to_nobody(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    await parents(town, 2)
    event = await made_by(mediator)
    await told(town, event)
    before = await written_to(town)
    assert "Родителска среща" in await to(mediator, event, "title")
    assert line("miss.long") in await mediator.say("Я" * 121)
    assert line("miss.text") in await mediator.say("12")
    card = await mediator.say("Среща за 3 а")
    assert t("event.amended") in card
    assert "Среща за 3 а" in card
    assert t("event.ask_bring") in await to(mediator, event, "bring")
    assert "тетрадка" in await mediator.say("тетрадка")
    assert "тетрадка" in await to(mediator, event, "bring"), "what was to be brought is shown"
    assert "тетрадка" not in await mediator.press(t("event.bring_nothing"))
    now = await the_event(town)
    assert (now.title, now.bring, now.version) == ("Среща за 3 а", "", 4)
    assert await written_to(town) == before
    assert (await deeds(town))[1:] == [f"rename event:{event.id}", f"bring event:{event.id}", f"bring event:{event.id}"]


async def test_more_places_are_given_to_who_waits_and_fewer_than_taken_are_refused(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    await parents(town, 3)
    event = await made_by(mediator, capacity=1, kind="training")
    await told(town, event)
    for who in (5000, 5001, 5002):
        await answered(town, event.id, who, "yes")
    asked = await to(mediator, event, "capacity")
    assert t("event.line_seats", number=1) in asked
    for wrong, hint in (("0", "asking.range"), ("−1", "asking.range"), ("много", "asking.number")):
        assert line(hint) in await mediator.say(wrong)
    card = await mediator.say("2")
    assert t("event.resized") in card
    assert t("event.line_seats", number=2) in card
    seats = {row.contact_id: row.seat for row in await rows(town, invitations)}
    assert seats == {5000: "seat", 5001: "seat", 5002: "waiting"}
    assert f"reminder:{event.id}:place1:5001" in await written_to(town)
    await to(mediator, event, "capacity")
    said = await mediator.say("1")
    assert t("event.seats_taken", number=2) in said
    assert line("event.ask_seats").partition("„")[0] in said, "and it is asked again"
    assert t("event.resized") in await mediator.press(t("event.no_limit"))
    assert (await the_event(town)).capacity is None
    assert all(row.seat == "seat" for row in await rows(town, invitations))


THINGS: dict[str, dict[str, Any]] = {
    "when place title bring capacity": {"kind": "training"},
    "when place title bring": {"kind": "appointment", "lasts": HOUR / 2, "dates": [MORNING + HOUR / 2]},
}


@pytest.mark.parametrize("things", THINGS)
async def test_the_card_of_changes_offers_what_fits(town: Town, things: str) -> None:
    mediator = await staff_member(town, "web")
    event = await made_by(mediator, **THINGS[things])
    await mediator.press_data(f"/change {event.id}")
    every = ("when", "place", "title", "bring", "capacity")
    assert [one for one in every if t(f"event.change_{one}") in mediator.labels] == things.split()
    assert t("event.button") in mediator.labels
    town.now = MORNING + HOUR / 2
    if event.kind == "training":
        await mediator.press_data(f"/change {event.id}")
        assert t("event.change_when") in mediator.labels, "whoever cannot come themselves moves it then"
        assert t("event.change_title") not in mediator.labels
    town.now = MORNING + DAY
    assert t("event.too_late") in await mediator.press_data(f"/change {event.id}")


@pytest.mark.parametrize("command", ["/change", "/title", "/bring", "/seats"])
async def test_only_whoever_leads_it_may(town: Town, channel: str, command: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator", "2", name="Ани Петрова")
    mediator = await staff_member(town, channel)
    trainer = await staff_member(town, channel, "trainer", "3", name="Вера Донева")
    event = await made_by(coordinator)
    for number in (event.id, 999, "x"):
        assert await mediator.say(f"{command} {number}.1") == t("event.none_such")
    nonsense = await trainer.say("/nonsense 1")
    assert await trainer.say(f"{command} {event.id}.1") == nonsense
    assert (await the_event(town)).version == 1


async def test_somebody_else_is_quicker(town: Town) -> None:
    mediator = await staff_member(town, "web")
    coordinator = await staff_member(town, "web", "coordinator", "2", name="Ани Петрова")
    event = await made_by(mediator)
    await to(mediator, event, "title")
    await to(coordinator, event, "title")
    await coordinator.say("Празник")
    assert t("event.changed_meanwhile", who="Ани Петрова") in await mediator.say("Среща")
    assert (await the_event(town)).title == "Празник"
