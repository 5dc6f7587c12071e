"""Staff look at events and change them: who is told, what stays, and what happens when two change one at once."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, select, update

from bot.chat import Conflict
from storage import events
from storage.events import Event
from storage.tables import events as event_rows
from storage.tables import invitations, moments, notices, staff
from tests.conversations.client import Talker, Town, programme
from tests.conversations.event_kit import (
    HOUR,
    MORNING,
    SOFIA,
    all_events,
    deeds,
    made_by,
    parents,
    staff_member,
    told,
    waiting,
)
from tests.conversations.people import contact_of, line, rows, t
from tests.storage.events_kit import by

if TYPE_CHECKING:
    from sqlalchemy import Connection

DAY = timedelta(days=1)
MOVED = datetime(2026, 11, 27, 18, 0, tzinfo=SOFIA)
SCREENS = ("/event {id}", "/move {id}.1", "/place {id}.1", "/cancel {id}.1")


async def state(town: Town, event: Event) -> Event:
    """The event as it stands now."""
    found = await town.look(lambda c: events.by_id(c, event.id))
    assert found is not None
    return found


async def answered(town: Town, event: Event, *, yes: int, waiting_: int = 0, no: int = 0) -> None:
    """So many say yes, so many of them wait for a seat, so many say no."""

    def answer(connection: Connection) -> None:
        mine = invitations.c.event_id == event.id
        ids = list(connection.execute(select(invitations.c.contact_id).where(mine).order_by("contact_id")).scalars())
        parts = (
            (ids[:yes], "yes", "seat"),
            (ids[yes - waiting_ : yes], "yes", "waiting"),
            (ids[yes : yes + no], "no", ""),
        )
        for some, said, seat in parts:
            here = mine & invitations.c.contact_id.in_(some)
            connection.execute(update(invitations).where(here).values(rsvp=said, seat=seat))

    await town.change(answer)


async def move_to(person: Talker, typed: str, event: Event) -> str:
    """From the card to the last question."""
    await person.press_data(f"/event {event.id}")
    await person.press(t("event.act_change"))
    await person.press(t("event.change_when"))
    return await person.say(typed)


# --- the list and the card ------------------------------------------------------------------------------------------


async def test_the_agenda_shows_what_is_coming_with_its_numbers(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    assert t("agenda.none") in await mediator.press_data("/agenda")
    await parents(town, 4)
    event = await made_by(mediator)
    await made_by(mediator, MORNING + DAY, title="Среща на родители и учители за края на срока")
    await told(town, event)
    await answered(town, event, yes=2, no=1)
    assert t("agenda.title") in await mediator.press_data("/agenda")
    first, second, *more = mediator.labels
    assert first == "📅 чт 26.11 10:30 · Родителска среща · 2/4"
    assert second == "📅 пт 27.11 10:30 · Среща на родители и…"
    assert more == [t("agenda.new"), t("agenda.over"), t("menu.staff")]
    town.now = MORNING + 2 * HOUR
    await mediator.press_data("/agenda")
    assert not any("чт 26.11" in label for label in mediator.labels)
    assert t("agenda.past") in await mediator.press(t("agenda.over"))
    assert mediator.labels[0] == "📅 днес, чт 26.11 10:30 · Родителска среща · 2/4"


async def test_a_long_agenda_is_leafed_through(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    for n in range(10):
        await made_by(mediator, MORNING + n * DAY)
    async with town.awake():
        await mediator.press_data("/agenda")
        assert sum("Родителска" in label for label in mediator.labels) == 8
        await mediator.press(t("button.leaf"))
        assert sum("Родителска" in label for label in mediator.labels) == 2
        assert t("button.leaf") not in mediator.labels
        await mediator.press(t("button.back"))
        assert sum("Родителска" in label for label in mediator.labels) == 8
        for rubbish in ("/agenda x", "/agenda -1", "/agenda 99999999999999999999", "/past_events 7"):
            assert await mediator.say(rubbish), rubbish


async def test_the_card_says_how_an_event_stands(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    await parents(town, 40)
    event = await made_by(mediator, capacity=25, bring="тетрадка")
    assert t("event.line_nobody") in await mediator.say(f"/event {event.id}")
    await told(town, event)
    await answered(town, event, yes=28, waiting_=3, no=4)
    card = await mediator.say(f"/event {event.id}")
    assert "25 от 40 ще дойдат, 3 чакат, 8 не са отговорили" in card
    for said in (
        "четвъртък, 26.11, 10:30, до 11:30",
        "(до пазара)",
        "3 а клас",
        "Места: 25",
        "тетрадка",
        "Стоян Илиев",
    ):
        assert said in card, said
    await answered(town, event, yes=25)
    assert "25 от 40 ще дойдат" in await mediator.say(f"/event {event.id}")


ACTS = {  # hours from the beginning → what can be done
    -30: {"who", "calls", "change", "cancel"},
    -1: {"who", "calls", "attend", "change", "cancel"},
    0.5: {"who", "calls", "attend", "change"},
    1.5: {"who", "attend", "opinions"},
}


@pytest.mark.parametrize("hours", ACTS)
async def test_the_card_offers_what_fits_the_time_and_the_role(town: Town, hours: float) -> None:
    mediator = await staff_member(town, "web")
    trainer = await staff_member(town, "web", "trainer", "2", name="Вера Донева")
    event = await made_by(mediator, mediator_id=(await contact_of(trainer)).id)
    town.now = MORNING + hours * HOUR
    every = {name: t(f"event.act_{name}") for name in ("who", "calls", "attend", "opinions", "change", "cancel")}
    await mediator.press_data(f"/event {event.id}")
    assert {name for name, label in every.items() if label in mediator.labels} == ACTS[hours]
    await trainer.press_data(f"/event {event.id}")
    assert {name for name, label in every.items() if label in trainer.labels} == ACTS[hours] - {"change", "cancel"}


async def test_every_button_of_a_card_leads_somewhere(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator")
    await parents(town, 3)
    event = await made_by(coordinator, kind="course", dates=[MORNING + 7 * DAY])
    await told(town, event)
    town.now = MORNING + 2 * HOUR
    async with town.awake():
        nonsense = await coordinator.say("/nonsense")
        for number in (event.id, event.id + 1):
            await coordinator.press_data(f"/event {number}")
            card = coordinator.last
            for button in [button for row in card.rows for button in row]:
                assert await coordinator.press_data(button.press) != nonsense, button
                await coordinator.press_data("/menu")
    assert not await rows(town, notices)


# --- moving ---------------------------------------------------------------------------------------------------------


async def test_a_meeting_is_moved_and_whoever_knows_of_it_is_told(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    await parents(town, 5)
    event = await made_by(mediator)
    await told(town, event)
    await answered(town, event, yes=2, no=1)
    asked = await move_to(mediator, "27.11 18:00", event)
    assert "От: четвъртък, 26.11, 10:30" in asked
    assert "На: петък, 27.11, 18:00" in asked
    people = t("event.many_people", number=4)
    assert t("event.will_tell", people=people) in asked, "not the one who said no"
    card = await mediator.press(t("event.yes_move", people=people))
    assert t("event.moved") in card
    assert "петък, 27.11, 18:00, до 19:00" in card
    now = await state(town, event)
    assert (now.starts_at, now.ends_at, now.version) == (MOVED, MOVED + HOUR, 2)
    due = await waiting(town, event.id)
    assert due.keys() == {"change@2", "3d@2", "1d@2", "2h@2", "after@2"}
    assert (due["1d@2"], due["2h@2"]) == ("26.11 18:00", "27.11 16:00")
    assert await deeds(town) == [f"publish event:{event.id}", f"move event:{event.id}"]


async def test_what_nobody_has_heard_of_is_moved_without_a_word(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    await parents(town, 5)
    event = await made_by(mediator)
    async with town.awake():
        assert t("event.will_tell_nobody") in await move_to(mediator, "27.11 18:00", event)
        await mediator.press(t("event.yes_move_quietly"))
    assert (await state(town, event)).starts_at == MOVED
    assert "invite" in await waiting(town, event.id), "the invitation tells the new time"


async def test_moving_by_buttons_offers_the_old_hour_too(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    event = await made_by(mediator)
    async with town.awake():
        await mediator.press_data(f"/event {event.id}")
        await mediator.press(t("event.act_change"))
        await mediator.press(t("event.change_when"))
        await mediator.press("пт 27.11")
        await mediator.press("🕐 10:30")
        await mediator.press(t("button.no_keep"))
        assert "четвъртък, 26.11, 10:30" in mediator.last.text, "back at the card, and nothing has changed"
        await mediator.press(t("event.act_change"))
        await mediator.press(t("event.change_when"))
        assert t("event.same_time") in await mediator.say("26.11 10:30")
    assert (await state(town, event)).version == 1


WRONG = {
    "23.11 10:00": "asking.past",
    "31.02 10:00": "asking.no_such_day",
    "25:00": "asking.no_such_hour",
    "28.03.2027 03:30": "asking.skipped_hour",
    "25.11.2029 9:00": "asking.too_far",
    "друг път": "asking.when",
}


async def test_a_wrong_time_is_asked_again_with_a_reason(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    event = await made_by(mediator)
    async with town.awake():
        await mediator.press_data(f"/move {event.id}.1")
        for typed, hint in WRONG.items():
            said = await mediator.say(typed)
            assert line(hint) in said, typed
            assert line("event.ask_move").partition("„")[0] in mediator.last.text
    assert (await state(town, event)).version == 1


async def test_the_new_time_passes_before_it_is_confirmed(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    event = await made_by(mediator, MORNING + 3 * DAY)
    await move_to(mediator, "днес 12:00", event)
    town.now += 4 * HOUR
    assert t("event.past") in await mediator.press(t("event.yes_move_quietly"))
    assert "На: петък, 27.11, 18:00" in await mediator.say("27.11 18:00"), "seen before it is done"
    await mediator.press(t("event.yes_move_quietly"))
    assert (await state(town, event)).starts_at == MOVED


async def test_an_appointment_takes_its_slots_along_and_a_course_only_one_date(town: Town) -> None:
    mediator = await staff_member(town, "web")
    slots = [MORNING + n * HOUR / 2 for n in range(1, 3)]
    appointment = await made_by(mediator, kind="appointment", lasts=HOUR / 2, dates=slots)
    course = await made_by(mediator, kind="course", dates=[MORNING + 7 * DAY])
    async with town.awake():
        for event in (appointment, course):
            await move_to(mediator, "27.11 18:00", event)
            await mediator.press(t("event.yes_move_quietly"))
    starts = {event.id: event.starts_at for event in await all_events(town)}
    by_lead = [starts[e.id] for e in await all_events(town) if appointment.id in (e.id, e.lead_id)]
    assert by_lead == [MOVED, MOVED, MOVED + HOUR / 2, MOVED + HOUR]
    assert [starts[course.id], starts[course.id + 1]] == [MOVED, MORNING + 7 * DAY]


# --- another place --------------------------------------------------------------------------------------------------


async def test_another_place_typed_with_its_landmark(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    await parents(town, 1)
    event = await made_by(mediator)
    await told(town, event)
    await mediator.press_data(f"/event {event.id}")
    await mediator.press(t("event.act_change"))
    await mediator.press(t("event.change_place"))
    assert line("miss.long") in await mediator.say("я" * 121)
    await mediator.say("Читалището")
    sure = await mediator.say("до пощата")
    assert "Става: 📍 Читалището (до пощата)" in sure
    card = await mediator.press(t("event.yes_move", people=t("event.one_person")))
    assert t("event.relocated") in card
    assert "📍 Читалището (до пощата)" in card
    assert {"change@2", "1d", "2h"} <= (await waiting(town, event.id)).keys(), "the reminders of the time stay"
    assert (await deeds(town))[-1] == f"relocate event:{event.id}"


async def test_the_same_place_is_no_change(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    event = await made_by(mediator)
    async with town.awake():
        await mediator.press_data(f"/place {event.id}.1")
        assert t("event.same_place") in await mediator.press("📍")
    assert (await state(town, event)).version == 1


# --- cancelling -----------------------------------------------------------------------------------------------------


async def test_cancelling_says_how_many_are_told(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    await parents(town, 40)
    event = await made_by(mediator)
    await told(town, event)
    await mediator.press_data(f"/event {event.id}")
    asked = await mediator.press(t("event.act_cancel"))
    assert t("event.will_tell", people=t("event.many_people", number=40)) in asked
    assert (await state(town, event)).status == "published"
    card = await mediator.press("✅ Да, отмени и кажи на 40 души")
    assert t("event.cancelled") in card
    assert t("event.is_cancelled") in card
    left = [t("event.act_calls"), t("agenda.button"), t("menu.staff")]
    assert mediator.labels == left, "nothing is left but to call whom only a call reaches"
    assert (await state(town, event)).status == "cancelled"
    assert (await waiting(town, event.id)).keys() == {"change@2"}
    assert (await deeds(town))[-1] == f"cancel event:{event.id}"


@pytest.mark.parametrize(("choice", "left"), [("event.only_this", 2), ("event.all_dates", 0)])
async def test_one_date_of_a_course_or_all_that_are_to_come(town: Town, channel: str, choice: str, left: int) -> None:
    mediator = await staff_member(town, channel)
    course = await made_by(mediator, kind="course", dates=[MORNING + 7 * DAY, MORNING + 14 * DAY])
    async with town.awake():
        await mediator.press_data(f"/event {course.id + 1}")
        await mediator.press(t("event.act_cancel"))
        await mediator.press(t(choice))
        await mediator.press(t("event.yes_cancel_quietly"))
        assert t("event.is_cancelled") in mediator.last.text
    statuses = [event.status for event in await all_events(town)]
    assert statuses.count("published") == left
    assert statuses[1] == "cancelled"


async def test_the_last_date_of_a_course_is_cancelled_like_any_meeting(town: Town) -> None:
    mediator = await staff_member(town, "web")
    course = await made_by(mediator, kind="course", dates=[MORNING + 7 * DAY])
    town.now = MORNING + DAY
    async with town.awake():
        await mediator.press_data(f"/cancel {course.id + 1}.1")
        assert t("event.only_this") not in mediator.labels
        await mediator.press(t("event.yes_cancel_quietly"))
    assert [event.status for event in await all_events(town)] == ["published", "cancelled"]


async def test_a_tap_that_is_repeated_cancels_once(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    event = await made_by(mediator)
    for _ in range(2):
        await mediator.press_data(f"/cancel {event.id}.1 one yes")
    assert t("event.cancelled_already") in mediator.last.text
    assert (await deeds(town)).count(f"cancel event:{event.id}") == 1


# --- two at once ----------------------------------------------------------------------------------------------------


async def test_two_change_one_event_and_the_second_sees_what_the_first_did(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    coordinator = await staff_member(town, channel, "coordinator", "2", name="Ани Петрова")
    event = await made_by(mediator)
    async with town.awake():
        await move_to(mediator, "27.11 18:00", event)
        await move_to(coordinator, "28.11 10:00", event)
        await coordinator.press(t("event.yes_move_quietly"))
        said = await mediator.press(t("event.yes_move_quietly"))
        assert t("event.changed_meanwhile", who="Ани Петрова") in said
        assert "събота, 28.11, 10:00" in said, "and the card as it is now"
        await mediator.press(t("event.act_change"))
        await mediator.press(t("event.change_when"))
        await mediator.say("27.11 18:00")
        await mediator.press(t("event.yes_move_quietly"))
    assert ((await state(town, event)).starts_at, (await state(town, event)).version) == (MOVED, 3)


@pytest.mark.parametrize("command", ["/move", "/place", "/cancel", "/title", "/bring", "/seats"])
async def test_a_button_of_a_card_that_is_out_of_date_changes_nothing(town: Town, command: str) -> None:
    mediator = await staff_member(town, "telegram")
    event = await made_by(mediator)
    await mediator.press_data(f"/event {event.id}" if command == "/cancel" else f"/change {event.id}")
    (old,) = [button for row in mediator.last.rows for button in row if button.press.startswith(command)]
    me = by((await contact_of(mediator)).id, town.now)
    rules = programme().rules
    await town.change(lambda c: events.move(c, me, event_id=event.id, version=1, starts_at=MOVED, rules=rules))
    said = await mediator.press_data(old.press)
    assert t("event.changed_meanwhile", who="Стоян Илиев") in said
    assert "петък, 27.11, 18:00" in said


async def test_whoever_comes_second_within_one_moment_is_told_so_too(town: Town) -> None:
    """Between the look and the act: the storage refuses, and names whoever was first."""
    mediator = await staff_member(town, "web")
    event = await made_by(mediator)
    me, rules = by((await contact_of(mediator)).id, town.now), programme().rules

    def both(connection: Connection) -> None:
        events.relocate(connection, me, event_id=event.id, version=1, place="Залата", landmark="", rules=rules)
        with pytest.raises(Conflict) as refused:
            events.cancel(connection, me, event_id=event.id, version=1, rules=rules)
        assert refused.value.key == "sure"
        assert t("event.changed_meanwhile", who="Стоян Илиев") == town.world.texts(refused.value.why)
        connection.execute(update(staff_names()).values(name=None))
        with pytest.raises(Conflict) as refused:
            events.cancel(connection, me, event_id=event.id, version=1, rules=rules)
        assert t("event.somebody") in town.world.texts(refused.value.why)

    await town.change(both)


def staff_names() -> object:
    from storage.tables import contacts

    return contacts


# --- what cannot be changed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["/move", "/place", "/cancel", "/change", "/title", "/bring", "/seats"])
async def test_past_and_cancelled_events_are_left_alone_with_a_sentence(town: Town, channel: str, command: str) -> None:
    mediator = await staff_member(town, channel)
    event = await made_by(mediator)
    now, town.now = town.now, MORNING + 2 * HOUR
    assert t("event.too_late") in await mediator.press_data(f"{command} {event.id}.1")
    assert t("agenda.button") in mediator.labels
    town.now = now
    await town.change(lambda c: c.execute(update(event_rows).values(status="cancelled")))
    assert t("event.cancelled_already") in await mediator.press_data(f"{command} {event.id}.1")


@pytest.mark.parametrize("screen", SCREENS)
async def test_an_event_of_others_is_as_if_it_were_not_there(town: Town, channel: str, screen: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator", "2", name="Ани Петрова")
    mediator = await staff_member(town, channel)
    event = await made_by(coordinator)
    async with town.awake():
        said = {await mediator.say(screen.format(id=number)) for number in (event.id, 999, "x", "9" * 30)}
        assert said == {t("event.none_such")}
        assert "Родителска среща" not in " ".join([*said, *mediator.labels])
        await mediator.say("/agenda")
        assert not any("Родителска" in label for label in mediator.labels)
        assert t("event.none_such") not in await coordinator.say(screen.format(id=event.id))


async def test_a_mediator_changes_what_they_lead_though_somebody_else_made_it(town: Town) -> None:
    coordinator = await staff_member(town, "web", "coordinator", "2", name="Ани Петрова")
    mediator = await staff_member(town, "web")
    event = await made_by(coordinator, mediator_id=(await contact_of(mediator)).id)
    await move_to(mediator, "27.11 18:00", event)
    await mediator.press(t("event.yes_move_quietly"))
    assert (await state(town, event)).starts_at == MOVED


async def test_a_role_is_taken_away_before_the_last_tap(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    event = await made_by(mediator)
    await move_to(mediator, "27.11 18:00", event)
    await town.change(lambda c: c.execute(delete(staff)))
    assert t("staff.no_longer") in await mediator.press(t("event.yes_move_quietly"))
    assert (await state(town, event)).version == 1


async def test_the_event_is_given_to_somebody_else_before_the_last_tap(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, channel, "coordinator", "2", name="Ани Петрова")
    mediator = await staff_member(town, channel)
    event = await made_by(coordinator, mediator_id=(await contact_of(mediator)).id)
    await move_to(mediator, "27.11 18:00", event)
    await town.change(lambda c: c.execute(update(event_rows).values(mediator_id=None)))
    assert t("event.none_such") in await mediator.press(t("event.yes_move_quietly"))
    assert (await state(town, event)).version == 1


async def test_moments_of_a_moved_event_name_each_thing_once(town: Town) -> None:
    """Moved twice before anybody was told: one change is left to tell, and one reminder of each kind."""
    mediator = await staff_member(town, "telegram")
    event = await made_by(mediator, MORNING + 7 * DAY)
    async with town.awake():
        for typed in ("4.12 10:00", "5.12 10:00"):
            await move_to(mediator, typed, event)
            await mediator.press(t("event.yes_move_quietly"))
    due = await waiting(town, event.id)
    assert due.keys() == {"invite", "change@3", "3d@3", "1d@3", "2h@3", "after@3"}
    assert not [row for row in await rows(town, moments) if row.offset.endswith("@2")]


# --- anything in any order ------------------------------------------------------------------------------------------

OURS = ("agenda", "past_events", "event", "move", "place", "cancel", "new_event", "example", "staff")
TYPED = (
    "утре 17:30", "25:00", "31.02", "петък", "9:00", "2 часа", "8 дни", "25", "0", "-1", "Читалището", "до пощата",
    "3 а", "ино", "да", "не", "назад", "до 12:00", "я" * 300, "👍", "благодаря",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_staff_press_and_type_in_any_order(town: Town, seed: int) -> None:
    """No script breaks, everybody is answered, and every event that is left makes sense."""
    chance = random.Random(seed)
    people = [
        await staff_member(town, "telegram", "coordinator", "1", name="Ани Петрова"),
        await staff_member(town, "web", "mediator", "2"),
    ]
    await parents(town, 3)
    await made_by(people[0], kind="course", dates=[MORNING + 7 * DAY])
    await made_by(people[1], kind="appointment", lasts=HOUR / 2, dates=[MORNING + HOUR / 2])
    async with town.awake():
        for person in people:
            await person.press_data("/agenda")
        for _ in range(120):
            person = chance.choice(people)
            shown = [b.press for d in person.seen[-chance.choice((1, 1, 1, 1, 9)) :] for r in d.message.rows for b in r]
            fitting = [p for p in shown if not p.startswith("/") or p[1:].partition(" ")[0] in OURS]
            fitting = [p for p in fitting if not p.endswith(".back")]  # „назад“ is typed often enough
            if chance.random() < 0.2 or not fitting:
                assert await person.say(chance.choice((*TYPED, "/agenda", "/new_event")))
            else:
                assert await person.press_data(chance.choice(fitting))
    assert not await rows(town, notices), "a script broke"
    for event in await all_events(town):
        assert event.ends_at > event.starts_at
        assert event.ends_at - event.starts_at <= events.LONGEST
        due = await waiting(town, event.id)
        assert event.status == "published" or set(due) <= {f"change@{event.version}"}
        versions = {offset.partition("@")[2] for offset in due if offset.startswith(("3d", "1d", "2h", "after"))}
        assert len(versions) <= 1, "the reminders of one timetable"
