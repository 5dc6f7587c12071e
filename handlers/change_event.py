"""Changing what is published. Of another time or place, or that it is off, whoever knows of the event is told once.

Another name, other things to bring and more places only show from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

from bot import when
from bot.asking import HOURS, Number, When
from bot.chat import Chat, Finish, Option, Text, YesNo, literal, words
from bot.texts import Lines, Words
from handlers.audience import people
from handlers.costs import bill
from handlers.events import (
    AGENDA,
    LEADERS,
    SEATS,
    STAFF,
    Action,
    ask_place,
    can_change,
    can_hand_over,
    can_move,
    here,
    in_rows,
    local,
    meant,
    nothing_there,
    sealed,
    where,
)
from handlers.words import number_of
from storage import amendments, costs, digests, events, notifications, staff
from storage.events import PUBLISHED, Event
from storage.staff import Member


async def move(chat: Chat) -> Finish | None:
    """Another day or hour, and how many will be told."""
    event, way_out = await _meant(chat, can_move)
    if event is None:
        return way_out
    now, was = await here(chat), local(chat, event.starts_at)
    hours = sorted({*HOURS, time(was.hour, was.minute)})
    asked = words("event.ask_move", title=literal(event.title), when=literal(when.full(was, now)))
    answer = await chat.ask("starts", When(asked, now, hours=hours))
    starts = datetime.fromisoformat(answer).replace(tzinfo=chat.programme.zone)
    if starts == was:
        chat.card("event.same_time", [_back_to(event)])
        return None
    told = await _told(chat, await _with_slots(chat, event), moved=True)
    sure = words(
        "event.move_sure", before=literal(when.full(was, now)), after=literal(when.full(starts, now)), told=told.said
    )
    yes = words("event.yes_move", people=people(told.number)) if told.number else "event.yes_move_quietly"
    if not await chat.ask(sealed("sure", starts), YesNo(sure, yes, "button.no_keep", by_number=False)):
        return _card(event)
    values = {"event_id": event.id, "version": event.version, "starts_at": starts.astimezone(UTC)}
    return _done(chat, event, "moved", Finish(events.move, values))


async def change(chat: Chat) -> None:
    """What can be changed of an event now, one button each."""
    event = await meant(chat, chat.given("event").partition(".")[0])
    if event is None:
        nothing_there(chat)
        return
    now, off = await here(chat), event.status != PUBLISHED
    possible = [] if off else [one for one in CHANGES if one.fits(event, now, chat.person.role)]
    if not possible:
        chat.card("event.cancelled_already" if off else "event.too_late", [_back_to(event)], [AGENDA, STAFF])
        return
    buttons = [Option(one.command.format(id=event.id, version=event.version), one.label) for one in possible]
    chat.card(words("event.ask_change", title=literal(event.title)), *in_rows(buttons, 2), [_back_to(event)])


def _has_a_name(event: Event, now: datetime, role: str) -> bool:
    return event.kind != "slot" and can_change(event, now, role)


def _has_places(event: Event, now: datetime, role: str) -> bool:
    return event.kind != "appointment" and _has_a_name(event, now, role)


CHANGES = (
    Action("event.change_when", "/move {id}.{version}", can_move),
    Action("event.change_place", "/place {id}.{version}", can_change),
    Action("event.change_title", "/title {id}.{version}", _has_a_name),
    Action("event.change_bring", "/bring {id}.{version}", _has_a_name),
    Action("event.change_capacity", "/seats {id}.{version}", _has_places),
)


async def rename(chat: Chat) -> Finish | None:
    """Another name; nobody is written to because of it."""
    event, way_out = await _meant(chat, _has_a_name)
    if event is None:
        return way_out
    asked = words("event.ask_rename", title=literal(event.title))
    title = await chat.ask("title", Text(asked, max_length=120, letters=True))
    values = {"event_id": event.id, "version": event.version, "title": title}
    return _quietly(event, "amended", Finish(amendments.rename, values))


async def bring(chat: Chat) -> Finish | None:
    """What to take along; nobody is written to because of it."""
    event, way_out = await _meant(chat, _has_a_name)
    if event is None:
        return way_out
    asked = words("event.ask_bring_now", what=literal(event.bring)) if event.bring else Words("event.ask_bring")
    what = await chat.ask("bring", Text(asked, max_length=200, skip="event.bring_nothing"))
    values = {"event_id": event.id, "version": event.version, "bring": what}
    return _quietly(event, "amended", Finish(amendments.set_bring, values))


async def seats(chat: Chat) -> Finish | None:
    """How many places, no fewer than are taken; whoever waits and gets one is told."""
    event, way_out = await _meant(chat, _has_places)
    if event is None:
        return way_out
    now = words("event.line_seats", number=event.capacity) if event.capacity else Words("event.line_no_limit")
    asked = words("event.ask_seats", title=literal(event.title), now=now)
    number = await chat.ask("seats", Number(asked, 1, SEATS, (10, 12, 15, 20, 25, 30), none="event.no_limit"))
    values = {"event_id": event.id, "version": event.version, "capacity": number}
    return _done(chat, event, "resized", Finish(amendments.set_capacity, values))


async def relocate(chat: Chat) -> Finish | None:
    """Another place, and how many will be told."""
    event, way_out = await _meant(chat, can_change)
    if event is None:
        return way_out
    was = where(event.place, event.landmark)
    place, landmark = await ask_place(chat, words("event.ask_relocate", title=literal(event.title), where=was))
    if (place, landmark) == (event.place, event.landmark):
        chat.card("event.same_place", [_back_to(event)])
        return None
    told = await _told(chat, await _with_slots(chat, event))
    sure = words("event.relocate_sure", before=was, after=where(place, landmark), told=told.said)
    yes = words("event.yes_move", people=people(told.number)) if told.number else "event.yes_move_quietly"
    if not await chat.ask(sealed("sure", (place, landmark)), YesNo(sure, yes, "button.no_keep", by_number=False)):
        return _card(event)
    values = {"event_id": event.id, "version": event.version, "place": place, "landmark": landmark}
    return _done(chat, event, "relocated", Finish(events.relocate, values))


async def cancel(chat: Chat) -> Finish | None:
    """One date or all that are still to come; whether it is meant; and it is off."""
    event, way_out = await _meant(chat, can_change)
    if event is None:
        return way_out
    now, how, command = await here(chat), chat.given("how"), f"/cancel {event.id}.{event.version}"
    later = [one for one in await _of_course(chat, event) if one.id != event.id and one.ends_at > now]
    starts = literal(when.full(local(chat, event.starts_at), now))
    if later and how not in ("one", "all"):
        one, every = Option(f"{command} one", "event.only_this"), Option(f"{command} all", "event.all_dates")
        asked = words("event.cancel_which", title=literal(event.title), when=starts, number=len(later) + 1)
        chat.card(asked, [one], [every], [_back_to(event)])
        return None
    whole = bool(later) and how == "all"
    if chat.given("sure") != "yes":
        told = await _told(chat, [event, *later] if whole else await _with_slots(chat, event))
        key = "event.cancel_all_sure" if whole else "event.cancel_sure"
        sure = words(key, title=literal(event.title), when=starts, number=len(later) + 1, told=told.said)
        yes = words("event.yes_cancel", people=people(told.number)) if told.number else "event.yes_cancel_quietly"
        keep = Option(f"/event {event.id}", "button.no_keep")
        chat.card(sure, [Option(f"{command} {'all' if whole else 'one'} yes", yes)], [keep])
        return None
    values = {"event_id": event.id, "version": event.version, "whole": whole}
    return _done(chat, event, "cancelled", Finish(events.cancel, values))


async def leader(chat: Chat) -> Finish | None:
    """Who leads it instead, of the staff who can; for a coordinator. Of all others only they are told."""
    event = await meant(chat, chat.given("event"))
    if event is None:
        nothing_there(chat)
        return None
    off = event.status != PUBLISHED
    if off or not can_hand_over(event, await here(chat), chat.person.role):
        chat.card("event.cancelled_already" if off else "event.too_late", [_back_to(event)], [AGENDA, STAFF])
        return None
    team: Sequence[Member] = await chat.fetch(staff.members)
    others = [one for one in team if one.role in LEADERS and one.contact_id != event.mediator_id]
    chosen = number_of(chat.given("who"))
    if chosen in {one.contact_id for one in others}:
        after = _card(event, "handed")
        return Finish(digests.hand_to, {"event_id": event.id, "leader_id": chosen}, then=after.then, given=after.given)
    asked = words("event.ask_leads" if others else "event.no_other", title=literal(event.title))
    rows = [[Option(f"/leader {event.id} {one.contact_id}", literal(f"👤 {one.name}"))] for one in others]
    chat.card(asked, *rows, [_back_to(event)])
    return None


# --- what the three share -------------------------------------------------------------------------------------------


async def _meant(chat: Chat, fits: Callable[[Event, datetime, str], bool]) -> tuple[Event | None, Finish | None]:
    """The event that a command names, if it can be changed as it was seen; otherwise what follows instead."""
    typed, _, version = chat.given("what").partition(".")
    event = await meant(chat, typed)
    if event is None:
        nothing_there(chat)
    elif event.status != PUBLISHED:
        chat.card("event.cancelled_already", [_back_to(event)], [AGENDA, STAFF])
    elif not fits(event, await here(chat), chat.person.role):
        chat.card("event.too_late", [_back_to(event)], [AGENDA, STAFF])
    elif event.version != number_of(version):
        name = await chat.fetch(events.changed_by, event_id=event.id)
        who = literal(name) if name else words("event.somebody")
        chat.say(words("event.changed_meanwhile", who=who))
        return None, _card(event)
    else:
        return event, None
    return None, None


def _back_to(event: Event) -> Option:
    return Option(f"/event {event.id}", "event.button")


def _card(event: Event, note: str = "") -> Finish:
    return Finish(then="event_card", given={"event": str(event.id), "note": note})


def _quietly(event: Event, note: str, finish: Finish) -> Finish:
    after = _card(event, note)
    return Finish(finish.act, finish.values, then=after.then, given=after.given)


def _done(chat: Chat, event: Event, note: str, finish: Finish) -> Finish:
    return _quietly(event, note, Finish(finish.act, {**finish.values, "rules": chat.programme.rules}))


async def _with_slots(chat: Chat, event: Event) -> list[Event]:
    """What changes together: an appointment with its slots."""
    slots: list[Event] = await chat.fetch(events.dates, event_id=event.id) if event.kind == "appointment" else []
    return [event, *slots]


async def _of_course(chat: Chat, event: Event) -> list[Event]:
    dates: list[Event] = await chat.fetch(events.dates, event_id=event.id) if event.kind == "course" else []
    return dates


@dataclass(frozen=True, slots=True)
class Told:
    """Who will be told of a change, and what that costs."""

    number: int
    bill: Sequence[Words]

    @property
    def said(self) -> Lines:
        """In words."""
        who = words("event.will_tell", people=people(self.number)) if self.number else Words("event.will_tell_nobody")
        return Lines((who, *self.bill))


async def _told(chat: Chat, changed: Sequence[Event], *, moved: bool = False) -> Told:
    """How many people will be told of it."""
    asked = {"event_ids": [event.id for event in changed], "rules": chat.programme.rules, "moved": moved}
    told: int = await chat.fetch(notifications.hearers, **asked)
    paid = await chat.fetch(costs.of_change, **asked, kind=changed[0].kind) if chat.tariffs else {}
    return Told(told, await bill(chat, paid))
