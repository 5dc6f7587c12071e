"""An event as its guest sees it: all that is to know, what they answered, and what can be done with it.

Every button names an event and a guest, and both are looked up anew: of what is not theirs, people learn nothing.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from bot import when
from bot.chat import Chat, Finish, Option, literal, words
from bot.messages import Document
from bot.texts import Lines, Words
from handlers import event_words as shown
from handlers import ics
from handlers.event_words import MY_EVENTS
from handlers.words import phone_shown
from storage import events, invitations
from storage.events import Event
from storage.invitations import MAYBE, NO, SEAT, WAITS, YES, Details
from storage.programme import Programme

TICKET = re.compile(r"(\d{1,15})\.(\d{1,15})", re.ASCII)
MAP = "https://www.openstreetmap.org/search?query="
DATES_SHOWN = 6  # of a course, on one card
PRIVATE = "Уговорка"  # what a calendar may show to anybody
CHANGED = "button.changed_mind"


async def seen_by(chat: Chat) -> Details | None:
    """What the command is about; None, after a sentence, where it is nothing that this person may see."""
    named = TICKET.fullmatch(chat.given("guest"))
    event_id, contact_id = (int(named[1]), int(named[2])) if named else (0, 0)
    seen: Details | None = await chat.fetch(invitations.details, event_id=event_id, contact_id=contact_id)
    if seen is None:
        chat.card("rsvp.not_found", [MY_EVENTS])
    return seen


def why_closed(seen: Details) -> str:
    """Why there is nothing to answer any more; empty while there is."""
    kind = seen.guest.event.kind
    if seen.guest.event.status != events.PUBLISHED:
        return shown.of_kind(kind, "rsvp.cancelled", course="rsvp.cancelled_date", hour="rsvp.cancelled_hour")
    return shown.of_kind(kind, "rsvp.over", course="rsvp.over_date", hour="rsvp.over_hour") if seen.is_over else ""


def whose(seen: Details) -> dict[str, Any]:
    """The event and the guest, for an act."""
    return {"event_id": seen.guest.event.id, "contact_id": seen.guest.contact_id}


def ticket_of(seen: Details, **more: str) -> dict[str, str]:
    """The same, for another of these conversations."""
    return {"guest": shown.ticket(seen.guest.event.id, seen.guest.contact_id), **more}


def is_hour(seen: Details) -> bool:
    """Whether it is an appointment, or one of its slots: there one comes at an hour of one's own."""
    return seen.guest.event.kind in ("appointment", "slot")


def has_other_hour(seen: Details) -> bool:
    """Whether it is a slot that they gave back for another one: an old message may still offer it."""
    return seen.guest.event.kind == "slot" and seen.slot is not None and seen.slot.event.id != seen.guest.event.id


def short(chat: Chat, seen: Details) -> list[Words]:
    """When and where."""
    event = seen.guest.event
    return [shown.when_line(event.starts_at, seen.now, chat.programme.zone), shown.place_line(event)]


# --- seeing and keeping ---------------------------------------------------------------------------------------------


async def meeting(chat: Chat) -> Finish | None:
    """All of an event: when, where, what to bring, who leads it, and what was answered.

    The answer stands first; what is needed less often waits behind „more“.
    """
    seen = await seen_by(chat)
    if seen is None:
        return None
    guest, event, programme = seen.guest, seen.guest.event, chat.programme
    if seen.slot and (event.kind == "appointment" or has_other_hour(seen)):
        return Finish(then="meeting", given={"guest": shown.ticket(seen.slot.event.id, guest.contact_id)})
    closed = why_closed(seen)
    name, phone, number = _whom_to_call(programme, seen)
    head = [words("rsvp.quiet")] if shown.is_confidential(programme, event) else []
    lines = [
        *head, literal(event.title), *short(chat, seen), *_dates(chat, seen), *shown.bring_line(event),
        words("rsvp.leader", name=name, phone=phone), words(closed) if closed else _said(seen),
    ]  # fmt: skip
    here = shown.ticket(event.id, guest.contact_id)
    people = [[Option(f"tel:{number}", "button.call")], [shown.ask(event, guest.contact_id)]]
    if closed:
        rows = people
    elif chat.given("more"):
        keep = [Option(f"/ics {here}", "button.calendar"), Option(_map(programme, event), "button.map")]
        rows = [keep, *people, [Option(f"/meeting {here}", "button.back")]]
    else:
        rows = [*_answers(seen), [Option(f"/meeting {here} more", "button.more_here")]]
    chat.card(Lines(tuple(lines)), *rows, [MY_EVENTS])
    return None


def _whom_to_call(programme: Programme, seen: Details) -> tuple[str, str, str]:
    """Who leads it and their phone, or the project's where there is none: as it is read, and as it is dialled."""
    name = seen.leader or programme.person.name
    if seen.phone:
        return name, phone_shown(seen.phone), seen.phone
    return name, programme.person.phone, programme.person.phone.replace(" ", "")


def _dates(chat: Chat, seen: Details) -> list[Words]:
    """The coming dates of a course, as far as they fit."""
    if seen.guest.event.kind != "course" or len(seen.dates) == 1:
        return []
    now = seen.now.astimezone(chat.programme.zone)
    days = [one.event.starts_at.astimezone(chat.programme.zone).date() for one in seen.dates]
    labels = [when.day_label(day, now).rpartition(", ")[2] for day in days[:DATES_SHOWN]]
    return [words("rsvp.dates", dates=", ".join(labels) + (" …" if len(days) > DATES_SHOWN else ""))]


def _said(seen: Details) -> Words:
    guest = seen.guest
    if guest.seat == WAITS:
        return words("rsvp.in_line", number=seen.line)
    known = {YES: "rsvp.said_yes", NO: "rsvp.said_no", MAYBE: "rsvp.said_maybe"}
    return words(known.get(guest.rsvp, "rsvp.silent"))


def _answers(seen: Details) -> list[list[Option]]:
    event, who, guest = seen.guest.event, seen.guest.contact_id, seen.guest
    if is_hour(seen) and guest.seat != SEAT:
        return [[shown.choose(event, who)], *([] if guest.rsvp == NO else [[shown.cannot(event, who)]])]
    if guest.rsvp == NO:
        return [[shown.coming(event, who)]]
    if guest.rsvp == YES:
        other = [[shown.choose(event, who, "button.other_hour")]] if is_hour(seen) else []
        return [*other, [shown.cannot(event, who, CHANGED)]]
    return [[shown.coming(event, who)], [shown.cannot(event, who)]]


def _map(programme: Programme, event: Event) -> str:
    """A search for the place, with the settlement that it lies in unless it is named already."""
    named = any(settlement.name in event.place for settlement in programme.settlements)
    meant = list(event.audience.get("settlements", ()))
    home = programme.settlement(meant[0]) if len(meant) == 1 else programme.settlements[0]
    return MAP + quote(event.place if named else f"{event.place}, {home.name}")


async def calendar_file(chat: Chat) -> Finish | None:
    """The event for the telephone's calendar, whose own reminders anybody may see."""
    seen = await seen_by(chat)
    if seen is None:
        return None
    if why_closed(seen):
        return Finish(then="meeting", given=ticket_of(seen))
    event = seen.guest.event
    name, phone, _ = _whom_to_call(chat.programme, seen)
    told = {"summary": event.title, "place": shown.place_of(event), "description": f"{event.bring}\n{name}, {phone}"}
    if shown.is_confidential(chat.programme, event):
        told = {"summary": PRIVATE}
    uid = f"event-{event.id}@most"
    text = ics.calendar(uid, event.version, event.starts_at, event.ends_at, seen.now, **told)
    chat.say("rsvp.calendar", document=Document("sreshta.ics", "text/calendar", text))
    return None
