"""Staff around one event: who comes, whom to call, who came; on each channel and both databases, and nobody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from bot.dialog import Stored
from bot.messages import Kind
from handlers import TALKS
from storage import attendance, invitations
from storage import events as event_acts
from storage.attendance import Line, Sheet, Tally
from storage.calls import Call, Callee
from storage.events import Event
from storage.tables import audit, contacts, events, notices, participations, tickets
from storage.tables import staff as staff_rows
from tests.conversations.client import START, Talker, Town, programme
from tests.conversations.guests import (
    HOUR,
    acting_of,
    answered,
    change,
    event,
    invitation,
    people,
    rules,
    set_columns,
    staff_of,
)
from tests.conversations.people import contact_of, line, register, rows, t
from tests.scripted import Table

ODD = ("Ёлка О’Нийл", "Йорданка-Мария Гюргева", "{name} %s", "Zoé 🌷", "а" * 80)
FAMILIES = ("Антова", "Белева", "Видева", "Гинева", "Дечева", "Енева", "Зорева", "Илиева")
FAR = str(10**14)


def names(person: Talker) -> list[str]:
    """The labels that are no way to somewhere else."""
    return [label for label in person.labels if label.startswith(("📞", "⬜", "☑️", "👤"))]


async def marked(town: Town, event_id: int, contact_id: int) -> bool | None:
    found: bool | None = (await invitation(town, event_id, contact_id)).attended
    return found


# --- who comes ------------------------------------------------------------------------------------------------------


async def test_nobody_is_invited_yet(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    made = await event(mediator)
    assert line("guests.nobody") in await mediator.say(f"/who {made.id} 0")
    assert line("attend.nobody") in await mediator.press(t("guests.to_attend"))
    assert line("call.nobody") in await mediator.press_data(f"/calls {made.id}")
    assert not names(mediator)


async def test_who_comes_in_numbers_first_and_then_by_name(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    guests = await people(town, *ODD)
    made = await event(mediator, guests, capacity=1)
    for guest, said in zip(guests, ("yes", "yes", "maybe", "no"), strict=False):
        await answered(town, made.id, guest, said)
    acting_for = {"event_id": made.id, "contact_id": guests[0], "at": "16:30"}
    await change(town, lambda c: invitations.leaves_at(c, None, **acting_for))  # type: ignore[arg-type]
    text = await mediator.say(f"/who {made.id}")
    assert text.splitlines() == [
        t("guests.one_comes", coming=1, all=5),
        t("guests.others", no=1, maybe=1, waiting=1, silent=1),
        t("guests.event", title="Заваряване", at="четвъртък, 26.11, 10:00"),
        "",
        t("guests.leaves", who="✅ Ёлка О’Нийл", at="16:30"),
        "⏳ Йорданка-Мария Гюргева",
        "❓ {name} %s",
        "· " + "а" * 80,
        "❌ Zoé 🌷",
    ]
    assert mediator.labels == [
        *(t(key) for key in ("guests.to_calls", "guests.to_attend", "guests.to_event")), *mediator.work,
    ]  # fmt: skip


async def test_twenty_five_people_are_leafed_through(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    made = await event(mediator, await people(town, *(f"Човек {n:02}" for n in range(25))))
    seen: list[str] = []
    text = await mediator.say(f"/who {made.id} 0")
    assert t("guests.come", coming=0, all=25) in text
    while True:
        seen += [one for one in text.splitlines() if one.startswith("· ")]
        if t("guests.to_next") not in mediator.labels:
            break
        text = await mediator.press(t("guests.to_next"))
        assert mediator.in_place, "of the page before it"
    assert seen == [f"· Човек {n:02}" for n in range(25)]
    assert "Човек 16" in await mediator.press(t("guests.to_before"))
    for page, last in (("3", "Човек 24"), ("99", "Човек 24"), ("-1", "Човек 00"), ("x", "Човек 00"), ("²", "Човек 00")):
        assert last in await mediator.say(f"/who {made.id} {page}"), page
    assert len(names_on(mediator, await mediator.say(f"/attend {made.id} 3"))) == 1
    assert len(names_on(mediator, await mediator.say(f"/calls {made.id} 1"))) == 8


def names_on(person: Talker, text: str) -> list[str]:
    assert text
    return names(person)


# --- who came -------------------------------------------------------------------------------------------------------


async def test_attendance_from_the_first_tap_to_the_end(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    guests = await people(town, "Ани Илиева", "Борис Ганев", "Вили Цонева")
    made = await event(mediator, guests, after=3 * HOUR)
    for guest in guests[:2]:
        await answered(town, made.id, guest, "yes")
    early = await mediator.say(f"/attend {made.id} 0")
    assert line("attend.early") in early
    assert line("attend.not_begun") in await mediator.press(t("button.done"))
    assert await marked(town, made.id, guests[0]) is None
    town.now += 3 * HOUR
    text = await mediator.press(t("guests.to_attend"))
    assert line("attend.early") not in text
    assert t("attend.came", came=0, all=3) in text
    assert names(mediator) == ["⬜ Ани Илиева", "⬜ Борис Ганев", "⬜ Вили Цонева"]
    assert t("attend.came", came=1, all=3) in await mediator.press("Ани")
    assert mediator.in_place
    assert names(mediator)[0] == "☑️ Ани Илиева"
    await mediator.press("Вили")
    assert t("attend.came", came=1, all=3) in await mediator.press("Вили"), "taken back"
    done = await mediator.press(t("button.done"))
    assert t("attend.finished", came=1, absent=1) in done
    assert line("attend.will_ask") in done
    assert [await marked(town, made.id, guest) for guest in guests] == [True, False, None]
    assert line("attend.done_before") in await mediator.press(t("attend.to_correct"))
    await mediator.press("Борис")
    done = await mediator.press(t("button.done"))
    assert t("attend.finished", came=2, absent=0) in done
    assert line("attend.will_ask") not in done
    assert not await rows(town, notices)


async def test_a_button_that_is_tapped_twice_and_two_lists_that_lie_open(town: Town, channel: str) -> None:
    """The button says what shall be: an old screen never takes back what somebody else marked."""
    mediator, other = await staff_of(town, channel), await staff_of(town, channel, "coordinator", "s2")
    (guest,) = await people(town, "Ани Илиева")
    made = await event(mediator, [guest], after=timedelta(minutes=5))
    await mediator.say(f"/attend {made.id} 0")
    await other.say(f"/attend {made.id} 0")
    _, button = mediator.find("Ани")
    for _ in range(2):
        await mediator.press_data(button.press)
    assert t("attend.came", came=1, all=1) in await other.press("Ани")
    assert await marked(town, made.id, guest) is True
    assert len(await rows(town, participations)) == 1
    assert [row.action for row in await rows(town, audit)].count("attendance") == 1


async def test_somebody_who_was_erased_meanwhile_is_gone_from_every_screen(town: Town, channel: str) -> None:
    mediator, resident = await staff_of(town, channel), town.person(channel)
    await register(resident)
    who = (await contact_of(resident)).id
    made = await event(mediator, [who], after=3 * HOUR)
    await mediator.say(f"/attend {made.id} 0")
    _, button = mediator.find("Мария")
    await resident.say(t("menu.data"))
    await resident.press(t("data.delete"))
    await resident.press(t("button.yes_sure"))
    assert line("attend.nobody") in await mediator.press_data(button.press)
    assert await invitation(town, made.id, who) is None
    assert line("call.gone") in await mediator.say(f"/call {made.id}.{who}")
    assert line("call.gone") in await mediator.say(f"/called {made.id}.{who} yes")
    assert line("guests.nobody") in await mediator.say(f"/who {made.id}")
    assert not await rows(town, notices)


async def test_a_course_and_an_appointment(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    guests = await people(town, "Ани Илиева", "Борис Ганев")
    course = await event(mediator, guests[:1], after=HOUR, kind="course", further=[25 * HOUR])
    later = (await rows(town, events))[1]
    await mediator.say(f"/attend {course.id} 0")
    assert mediator.labels[-1 - len(mediator.work)] == t("guests.to_course")
    await mediator.press("Ани")
    assert "25.11" in await mediator.say(f"/attend {later.id} 0")
    assert names(mediator) == ["⬜ Ани Илиева"], "each date has its own list"
    visit = await event(mediator, guests, kind="appointment", after=2 * HOUR, further=[3 * HOUR], title="Консултация")
    slots = [row.id for row in await rows(town, events) if row.lead_id == visit.id]
    await mediator.say(f"/calls {visit.id}")
    assert mediator.labels[-1 - len(mediator.work)] == t("guests.to_hours")
    await mediator.say(f"/call {visit.id}.{guests[0]}")
    assert t("call.did_yes") not in mediator.labels
    assert "✅ Ани Илиева" in await mediator.press("24.11, 13:0")
    held = await mediator.say(f"/call {visit.id}.{guests[0]}")
    assert "24.11, 13:0" in held.partition(t("call.hour", at=""))[2], "the hour that they have"
    assert t("call.noted", who="✅ Ани Илиева") in await mediator.press(t("call.did_hour"))
    assert line("call.hour_gone") in await mediator.say(f"/called {visit.id}.{guests[1]} at{slots[1]}")
    town.now += 2 * HOUR
    assert t("attend.came", came=0, all=1) in await mediator.say(f"/attend {slots[0]} 0")
    (name,) = names(mediator)
    assert name.startswith("⬜ 13:0")
    assert name.endswith(" Ани Илиева")
    await mediator.press("Ани")
    assert await marked(town, slots[1], guests[0]) is True
    assert "13:0" in await mediator.say(f"/who {visit.id}")


async def test_a_cancelled_event_is_not_marked_but_those_who_cannot_know_are_called(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    (guest,) = await people(town, "Ани Илиева", phone="+359888123456")
    made = await event(mediator, [guest], after=3 * HOUR)
    await answered(town, made.id, guest, "yes")
    town.now += HOUR
    acting = await acting_of(mediator)
    await change(town, lambda c: event_acts.cancel(c, acting, event_id=made.id, version=1, rules=rules()))
    for command in ("attend", "attended"):
        assert line("guests.cancelled") in await mediator.say(f"/{command} {made.id}")
    assert line("guests.cancelled") in await mediator.say(f"/mark {made.id}.{guest}.0 yes")
    assert await marked(town, made.id, guest) is None
    assert t("call.changed") in await mediator.say(f"/calls {made.id}")
    await mediator.press("Ани")
    assert t("call.did_yes") not in mediator.labels
    assert line("call.nobody") in await mediator.press(t("call.did_tell"))


# --- whom to call ---------------------------------------------------------------------------------------------------


async def test_calling_one_after_the_other(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    guests = await people(town, "Ани Илиева", "Борис Ганев", phone="+359888123456")
    guests += await people(town, "Вили Цонева", settlement="inovo")
    made = await event(mediator, guests)
    listed = await mediator.say(f"/calls {made.id}")
    assert t("call.list", count=3) in listed
    assert t("call.line", name="Ани Илиева", why=t("call.no_channel")) in listed
    assert "0888" not in listed, "a number stands on the card alone"
    card = await mediator.press("Ани")
    assert "📞 0888 123 456" in card
    assert t("call.why", why=t("call.no_channel")) in card
    dial = next(b for row in mediator.last.rows for b in row if b.label == t("call.did_dial"))
    assert (dial.url, dial.press) == ("tel:+359888123456", "")
    again = await mediator.press(t("call.did_ring"))
    assert t("call.noted", who="📵 Ани Илиева") in again
    assert names(mediator) == ["📞 Борис Ганев", "📞 Вили Цонева", "📞 Ани Илиева"], "the next person first"
    await mediator.press("Борис")
    assert t("call.noted", who="✅ Борис Ганев") in await mediator.press(t("call.did_yes"))
    card = await mediator.press("Вили")
    assert line("call.no_phone") in card
    assert programme().settlement("inovo").label in card
    assert t("call.did_ring") not in mediator.labels
    assert t("call.noted", who="❌ Вили Цонева") in await mediator.press(t("call.did_no"))
    assert line("call.rang") in await mediator.press("Ани")
    assert t("call.noted", who="🚫 Ани Илиева") in await mediator.press(t("call.did_err"))
    assert line("call.nobody") in mediator.last.text
    answers = [(await invitation(town, made.id, guest)).rsvp for guest in guests]
    assert answers == ["", "yes", "no"]
    seen = [row.subject for row in await rows(town, audit) if row.action == "phone_seen"]
    assert seen == [f"event:{made.id} contact:{who}" for who in (guests[0], guests[1], guests[0])]


async def test_a_slip_of_the_finger_is_mended_from_the_list(town: Town, channel: str) -> None:
    """At once by the button under what was noted, and later among those who were called."""
    mediator = await staff_of(town, channel)
    guests = await people(town, "Ани Илиева", "Борис Ганев", phone="+359888123456")
    made = await event(mediator, guests, capacity=1)
    await mediator.say(f"/calls {made.id}")
    await mediator.press("Ани")
    assert t("call.to_undo") not in mediator.labels, "nothing was noted yet"
    await mediator.press(t("call.did_no"))
    card = await mediator.press(t("call.to_change"))
    assert t("call.was", what=t("call.did_no")) in card
    assert t("call.noted", who="✅ Ани Илиева") in await mediator.press(t("call.did_yes"))
    await mediator.say(f"/calls {made.id}")
    assert t("call.heard", count=1).partition("\n")[0] in await mediator.press(t("call.to_heard", count=1))
    assert mediator.in_place
    await mediator.press("✅ Ани Илиева")
    assert t("call.list", count=2) in await mediator.press(t("call.to_undo"))
    row = await invitation(town, made.id, guests[0])
    assert (row.rsvp, row.seat, row.called, row.rsvp_by) == ("", "", "", None)
    assert t("call.to_heard", count=1) not in mediator.labels
    assert [row.action for row in await rows(town, audit)][-1] == "call_back"


async def test_a_wrong_number_that_was_right_is_called_again(town: Town) -> None:
    mediator = await staff_of(town, "telegram")
    (guest,) = await people(town, "Ани Илиева", phone="+359888123456")
    made = await event(mediator, [guest])
    await mediator.say(f"/called {made.id}.{guest} wrong_number")
    assert line("call.nobody") in mediator.last.text
    await mediator.press(t("call.to_heard", count=1))
    await mediator.press("🚫 Ани Илиева")
    await mediator.press(t("call.to_undo"))
    assert names(mediator) == ["📞 Ани Илиева"]


async def test_a_full_event_is_said_before_the_call(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    guests = await people(town, "Ани Илиева", "Борис Ганев", phone="+359888123456")
    made = await event(mediator, guests, capacity=1)
    await answered(town, made.id, guests[0], "yes")
    assert line("call.full") in await mediator.say(f"/call {made.id}.{guests[1]}")
    assert t("call.noted", who="⏳ Борис Ганев") in await mediator.press(t("call.did_yes"))


@pytest.mark.parametrize("said", ["", "maybe", "at", "at0", f"at{FAR}", "yes yes", "😀", "told'; drop"])
async def test_a_forged_outcome_changes_nothing(town: Town, said: str) -> None:
    mediator = await staff_of(town, "telegram")
    (guest,) = await people(town, "Ани Илиева")
    made = await event(mediator, [guest])
    await mediator.say(f"/called {made.id}.{guest} {said}")
    assert (await invitation(town, made.id, guest)).called == ""
    assert not await rows(town, notices)


async def test_after_the_event_nobody_is_called(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    (guest,) = await people(town, "Ани Илиева", phone="+359888123456")
    made = await event(mediator, [guest], after=HOUR)
    town.now += 3 * HOUR
    assert line("call.over") in await mediator.say(f"/calls {made.id}")
    assert "0888" not in await mediator.say(f"/call {made.id}.{guest}")
    await mediator.say(f"/called {made.id}.{guest} yes")
    assert (await invitation(town, made.id, guest)).rsvp == ""


# --- afterwards -----------------------------------------------------------------------------------------------------


async def test_after_the_marks_every_screen_speaks_of_who_came_and_a_walk_in_counts_apart(
    town: Town, channel: str
) -> None:
    mediator = await staff_of(town, channel)
    guests = await people(town, "Ани Илиева", "Борис Ганев", "Вили Цонева")
    made = await event(mediator, guests, after=HOUR)
    for guest in guests[:2]:
        await answered(town, made.id, guest, "yes")
    assert t("event.line_numbers", come=2, asked=3, silent=1) in await mediator.say(f"/event {made.id}")
    town.now += 3 * HOUR
    assert t("event.line_unmarked", come=2, asked=3) in await mediator.say(f"/event {made.id}")
    assert line("event.line_reminders") not in mediator.last.text
    assert t("guests.said_yes", coming=2, all=3) in await mediator.say(f"/who {made.id}")
    assert mediator.labels == [t("guests.to_attend"), t("guests.to_event"), *mediator.work], "nobody is called any more"
    await mediator.say(f"/mark {made.id}.{guests[0]}.0 yes")
    assert t("event.line_came", come=1, asked=3) in await mediator.say(f"/event {made.id}")
    (stranger,) = await people(town, "Гошо Пеев")
    acting = await acting_of(mediator)
    await change(town, lambda c: attendance.walk_in(c, acting, event_id=made.id, contact_id=stranger))
    await mediator.say(f"/attended {made.id}")
    assert t("event.line_came_more", come=1, asked=3, more=1) in await mediator.say(f"/event {made.id}")
    said = await mediator.say(f"/who {made.id}")
    assert t("guests.came", came=1, all=3) in said
    assert t("guests.came_besides", count=1) in said
    assert said.splitlines()[-4:] == ["☑️ Ани Илиева", "⬜ Борис Ганев", "☑️ Гошо Пеев", "· Вили Цонева"]
    await mediator.say("/past_events")
    assert any(label.endswith(" · 1/3") for label in mediator.labels)
    assert t("numbers.walked_in", count=t("numbers.few")) in await mediator.say("/numbers")


# --- somebody who was not expected ------------------------------------------------------------------------------------


async def test_somebody_came_who_was_not_on_the_list(town: Town, channel: str) -> None:
    """Found by name in any case and alphabet, or by phone; another's people by initials alone."""
    mediator = await staff_of(town, channel)
    made = await event(mediator, await people(town, "Ани Илиева"), after=timedelta(minutes=1))
    strangers = await people(town, "Борис Ганев", phone="+359888123456")
    await mediator.say(f"/attend {made.id} 0")
    assert line("door.who_came") in await mediator.press(t("attend.to_walkin"))
    assert line("door.not_found") in await mediator.say("Никой Такъв")
    assert line("door.which") in await mediator.say("boris gan")
    assert names(mediator) == ["👤 Б. Г., гр. Видин"], "somebody else's person"
    assert "Борис" not in mediator.last.text
    assert "👤 Ани Илиева, гр. Видин" in names_on(mediator, await mediator.say("ани"))
    assert "👤 Б. Г., гр. Видин" in names_on(mediator, await mediator.say("0888 123456"))
    text = await mediator.press("Б. Г.")
    assert t("door.came", name="Б. Г.") in text
    assert t("attend.came", came=1, all=2) in text
    assert "☑️ Борис Ганев" in names(mediator)
    row = await invitation(town, made.id, strangers[0])
    assert (row.source, row.attended) == ("walkin", True)
    assert not await rows(town, tickets), "a name that fits no button is no question"


async def test_a_shared_card_finds_too_and_a_coordinator_sees_the_name(town: Town, channel: str) -> None:
    coordinator = await staff_of(town, channel, "coordinator")
    made = await event(coordinator, after=timedelta(minutes=1))
    await people(town, *(f"Ани {n}" for n in FAMILIES), phone="+359888123456")
    await coordinator.say(f"/walkin {made.id}")
    await coordinator.send(Kind.PHONE, phone="+359888123456")
    assert len(names(coordinator)) == 6
    assert line("door.too_many") in coordinator.last.text
    assert line("door.which") in await coordinator.say("ани д.")
    assert names(coordinator) == ["👤 Ани Дечева, гр. Видин"]
    assert t("door.came", name="Ани Дечева") in await coordinator.press("Ани Дечева")


async def test_a_trainer_finds_people_but_registers_nobody(town: Town, channel: str) -> None:
    trainer = await staff_of(town, channel, "trainer")
    made = await event(trainer, await people(town, "Ани Илиева"), after=timedelta(minutes=1))
    await trainer.say(f"/walkin {made.id}")
    await trainer.say("Никой")
    assert t("door.new") not in trainer.labels
    assert line("door.who_came") in await trainer.press(t("door.again"))
    await trainer.say("Ани")
    await trainer.press("Ани")
    assert t("attend.came", came=1, all=1) in trainer.last.text
    assert line("menu.home") in await trainer.say("/add_person")


# --- nobody else ------------------------------------------------------------------------------------------------------


def commands(event_id: int, contact_id: int) -> list[str]:
    one = f"{event_id}.{contact_id}"
    return [
        f"/who {event_id} 0", f"/calls {event_id}", f"/call {one}", f"/called {one} yes", f"/attend {event_id} 0",
        f"/mark {one}.0 yes", f"/attended {event_id}", f"/walkin {event_id}", f"/add_person {event_id}",
        f"/spoken {event_id}",
    ]  # fmt: skip


async def test_for_a_resident_none_of_it_exists(town: Town, channel: str) -> None:
    mediator, resident = await staff_of(town, channel), town.person(channel)
    await register(resident)
    (guest,) = await people(town, "Ани Илиева", phone="+359888123456")
    made = await event(mediator, [guest], after=timedelta(minutes=1))
    before = await invitation(town, made.id, guest)
    nonsense = await resident.say("/nonsense")
    async with town.awake():
        for command in commands(made.id, guest):
            for send in (resident.say, resident.press_data):
                assert await send(command) == nonsense, command
    assert await invitation(town, made.id, guest) == before
    assert not [row for row in await rows(town, audit) if row.action not in ("invite", "join", "publish")]


async def test_another_mediators_event_is_none(town: Town, channel: str) -> None:
    """The same words as for an event that does not exist, and for numbers that are none."""
    mediator, other = await staff_of(town, channel), await staff_of(town, channel, external="s2")
    (guest,) = await people(town, "Ани Илиева", phone="+359888123456")
    made = await event(mediator, [guest], after=timedelta(minutes=1))
    before = await invitation(town, made.id, guest)
    async with town.awake():
        for own, none in zip(commands(made.id, guest), commands(10**14, guest), strict=True):
            said = await other.say(own)
            assert said == await other.say(none) == t("guests.no_event"), own
        for rubbish in ("", "x", "-1", "0", "9" * 40, "1.2.3.4", "²", "1 2 3"):
            for name in ("who", "calls", "call", "called", "spoken", "attend", "mark", "attended", "walkin"):
                assert line("guests.no_event") in await other.say(f"/{name} {rubbish}") or rubbish[:1] == "1", name
    assert await invitation(town, made.id, guest) == before
    assert not await rows(town, notices)


async def test_a_role_that_was_taken_away_in_between(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    guests = await people(town, "Ани Илиева")
    made = await event(mediator, guests, after=timedelta(minutes=1))
    await mediator.say(f"/attend {made.id} 0")
    _, button = mediator.find("Ани")
    await mediator.say(f"/walkin {made.id}")
    await change(town, lambda c: c.execute(delete(staff_rows)))
    answer = await mediator.say("Ани")
    assert line("staff.no_longer") in answer
    assert "Илиева" not in answer
    assert line("menu.home") in await mediator.press_data(button.press)
    assert await marked(town, made.id, guests[0]) is None


async def test_an_event_that_became_another_mediators_in_between(town: Town, channel: str) -> None:
    mediator, other = await staff_of(town, channel), await staff_of(town, channel, external="s2")
    guests = await people(town, "Ани Илиева")
    made = await event(mediator, guests, after=timedelta(minutes=1))
    await mediator.say(f"/walkin {made.id}")
    theirs = (await contact_of(other)).id
    await set_columns(town, events, made.id, mediator_id=theirs, created_by=theirs)
    answer = await mediator.say("Ани")
    assert line("guests.no_event") in answer
    assert "Илиева" not in answer
    assert line("guests.no_event") in await mediator.press_data(f"/mark {made.id}.{guests[0]}.0 yes")
    assert await marked(town, made.id, guests[0]) is None


async def test_whoever_said_stop_is_not_called(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    (guest,) = await people(town, "Ани Илиева", phone="+359888123456")
    made = await event(mediator, [guest])
    await set_columns(town, contacts, guest, status="stopped")
    assert line("call.nobody") in await mediator.say(f"/calls {made.id}")
    assert line("call.gone") in await mediator.say(f"/call {made.id}.{guest}")
    assert "Ани Илиева" in await mediator.say(f"/who {made.id}")
    assert await town.look(lambda c: c.execute(select(audit).where(audit.c.action == "phone_seen")).all()) == []


# --- the buttons themselves -------------------------------------------------------------------------------------------


BIG = 10**15 - 1  # a row's number could not be longer in a command


def crowded(query: str, values: Any) -> Any:
    """An event with the longest of everything."""
    at = START + timedelta(days=1)
    held = Event(
        BIG,
        "appointment",
        "vocational",
        "Я" * 120,
        "Я" * 120,
        "",
        "",
        at,
        at + HOUR,
        None,
        None,
        {},
        (),
        "published",
        1,
    )
    one = Line(BIG, "Я" * 80, "yes", "seat", "09:30", None, "audience", at)
    person = Callee(BIG, "Я" * 80, "+359888123456", "vidin", "Я" * 80, "changed", "no_answer", "silent", at)
    answers = {
        "sheet": Sheet(held, START, done=True), "people": [one] * 25, "at_the_door": [one] * 25, "callee": person,
        "call_list": [Call(BIG, "Я" * 80, "remind", "no_answer")] * 25,
        "heard": [Call(BIG, "Я" * 80, "silent", "yes")] * 25, "slots": [held] * 9, "seats_left": 0,
        "tally": Tally(25, 25, 0, 0, 0, 0, 12, 13),
    }  # fmt: skip
    return answers[query]


@pytest.mark.parametrize("script", ["who", "attend", "calls", "call", "spoken", "attendance_done"])
def test_every_button_fits_telegram_with_the_longest_numbers(script: str) -> None:
    given = {"event": Stored(str(BIG)), "page": Stored("1"), "call": Stored(f"{BIG}.{BIG}"), "last": Stored(str(BIG))}
    table = Table(TALKS.scripts[script], answers=given, found=crowded)
    table.open()
    assert table.turn is not None
    (message,) = table.shown(table.turn)
    buttons = [button for row in message.rows for button in row]
    assert buttons
    assert max(len(button.press.encode()) for button in buttons) <= 64
    assert max(len(button.label) for button in buttons) <= 40
    assert len(message.text) < 2000
