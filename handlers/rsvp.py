"""What a guest answers: whether they come, when they leave home, which hour suits them, what they want to ask.

Each answer is kept by an act, and what was understood is shown after it, from what storage knows then.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from bot import when
from bot.chat import Chat, Choice, Finish, Miss, Option, Reading, Said, literal, words
from bot.messages import Incoming
from bot.texts import Lines, Words
from handlers import event_words as shown
from handlers.event_words import MY_EVENTS
from handlers.meeting import CHANGED, has_other_hour, is_hour, seen_by, short, ticket_of, whose, why_closed
from storage import events, invitations
from storage.events import Event
from storage.invitations import MAYBE, NO, SEAT, WAITS, YES, Details

CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d", re.ASCII)
FEW = 6  # hours that fit one column


# --- answering ------------------------------------------------------------------------------------------------------


async def rsvp(chat: Chat) -> Finish | None:
    """Yes, no or maybe; what is not one of them leads to the event."""
    seen = await seen_by(chat)
    if seen is None:
        return None
    said, closed = chat.given("said"), why_closed(seen)
    if closed:
        chat.card(closed, [MY_EVENTS])
        return None
    if said not in (YES, NO, MAYBE):
        return Finish(then="meeting", given=ticket_of(seen))
    if is_hour(seen) and seen.guest.seat != SEAT and (said == YES or has_other_hour(seen)):
        return Finish(then="meeting" if seen.slot else "slots", given=ticket_of(seen))
    values = {**whose(seen), "said": said, "rules": chat.programme.rules}
    return Finish(invitations.answer, values, then="answered", given=ticket_of(seen))


async def answered(chat: Chat) -> None:
    """What was understood, and how to take it back."""
    seen = await seen_by(chat)
    if seen is None:
        return
    guest, event = seen.guest, seen.guest.event
    match guest.rsvp:
        case "yes" if guest.seat == WAITS:
            _tell(chat, seen, words("rsvp.waiting", number=seen.line), [shown.cannot(event, guest.contact_id, CHANGED)])
        case "yes":
            _tell_coming(chat, seen)
        case "no":
            again = shown.choose if is_hour(seen) else shown.coming
            key = "rsvp.no_hour" if is_hour(seen) else "rsvp.no"
            chat.card(Lines((_which(chat, seen), words(key))), [again(event, guest.contact_id)], [MY_EVENTS])
        case _:
            yes = shown.choose if is_hour(seen) else shown.coming
            rows = ([yes(event, guest.contact_id)], [shown.cannot(event, guest.contact_id)])
            _tell(chat, seen, words("rsvp.maybe"), *rows)


def _which(chat: Chat, seen: Details) -> Words:
    """Which event an answer was understood of: somebody who typed „не“ must see it."""
    event = seen.guest.event
    time = shown.shown_time(event.starts_at, seen.now, chat.programme.zone)
    if shown.is_confidential(chat.programme, event):
        return words("rsvp.which_quiet", when=time)
    return words("rsvp.which", title=literal(event.title), when=time)


def _tell_coming(chat: Chat, seen: Details) -> None:
    guest, event = seen.guest, seen.guest.event
    zone = chat.programme.zone
    is_slot, limited = event.kind == "slot", event.capacity is not None
    head = words("rsvp.hour" if is_slot else "rsvp.yes_kept" if limited else "rsvp.yes")
    out = [shown.cannot(event, guest.contact_id, CHANGED)]
    if guest.leave_at:
        _tell(chat, seen, head, out, last=[shown.leaving(guest.leave_at)])
    elif times := shown.plan(event, guest.contact_id, seen.now, zone):
        _tell(chat, seen, head, times, out, last=[words("notice.plan")])
    else:
        _tell(chat, seen, head, out)


def _tell(chat: Chat, seen: Details, head: Words, *rows: Sequence[Option], last: Sequence[Words] = ()) -> None:
    """A head, the event in short, and the way to more. What is confidential is named only behind „📍“."""
    event = seen.guest.event
    lines = [head]
    if shown.is_confidential(chat.programme, event):
        lines.append(shown.when_line(event.starts_at, seen.now, chat.programme.zone))
    else:
        lines += [literal(event.title), *short(chat, seen)]
    chat.card(Lines((*lines, *last)), *rows, [shown.details(event, seen.guest.contact_id)], [MY_EVENTS])


async def course_rsvp(chat: Chat) -> Finish | None:
    """One answer for every date of a course that is still to come."""
    seen = await seen_by(chat)
    if seen is None:
        return None
    said, event = chat.given("said"), seen.guest.event
    if event.kind != "course":
        return Finish(then="rsvp", given=ticket_of(seen, said=said))
    if not seen.dates:
        chat.card(why_closed(seen) or "rsvp.over_date", [MY_EVENTS])
        return None
    if said not in (YES, NO):
        return Finish(then="meeting", given=ticket_of(seen))
    values = {**whose(seen), "said": said, "rules": chat.programme.rules, "whole": True}
    return Finish(invitations.answer, values, then="course_answered", given=ticket_of(seen))


async def course_answered(chat: Chat) -> None:
    """What was understood of all dates together."""
    seen = await seen_by(chat)
    if seen is None:
        return
    guest, event = seen.guest, seen.guest.event
    here = shown.ticket(event.id, guest.contact_id)
    coming = [one for one in seen.dates if one.rsvp == YES]
    if not coming:
        said = Lines((_which(chat, seen), words("rsvp.no_course")))
        chat.card(said, [Option(f"/course {here} yes", "button.coming")], [MY_EVENTS])
        return
    first = coming[0].event
    time = shown.shown_time(first.starts_at, seen.now, chat.programme.zone)
    lines = [words("rsvp.course", count=len(coming), when=time)]
    if not shown.is_confidential(chat.programme, event):
        lines += [literal(event.title), shown.place_line(first)]
    if waiting := sum(one.seat == WAITS for one in coming):
        lines.append(words("rsvp.course_waiting", count=waiting))
    out = Option(f"/course {here} no", CHANGED)
    chat.card(Lines(tuple(lines)), [out], [shown.details(first, guest.contact_id)], [MY_EVENTS])


async def leave_plan(chat: Chat) -> Finish | None:
    """When somebody means to leave home. Who says that comes, whatever they said before."""
    seen = await seen_by(chat)
    if seen is None:
        return None
    at, guest = chat.given("at"), seen.guest
    if why_closed(seen) or not CLOCK.fullmatch(at):
        return Finish(then="meeting", given=ticket_of(seen))
    if guest.rsvp == YES and guest.seat != WAITS:
        return Finish(invitations.leaves_at, {**whose(seen), "at": at}, then="answered", given=ticket_of(seen))
    if guest.rsvp == YES or is_hour(seen):
        return Finish(then="rsvp", given=ticket_of(seen, said=YES))
    values = {**whose(seen), "said": YES, "rules": chat.programme.rules}
    return Finish(invitations.answer, values, then="leave_plan", given=ticket_of(seen, at=at))


# --- slots of an appointment ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hours(Choice):
    """Many short buttons, side by side. One that is gone was taken by somebody else since it was shown."""

    columns: int = 1

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        """An hour, or none of them."""
        reading = Choice.read(self, incoming, code, draft, said)
        return Miss("slot.taken") if isinstance(reading, Miss) and code.isdigit() else reading


async def slots(chat: Chat) -> Finish | None:
    """Choose an hour of an appointment, or say that none suits."""
    seen = await seen_by(chat)
    if seen is None:
        return None
    if not is_hour(seen) or seen.guest.event.status != events.PUBLISHED:
        return Finish(then="meeting", given=ticket_of(seen))
    lead, who = seen.guest.event.series, seen.guest.contact_id
    free: list[Event] = await chat.fetch(invitations.slots, event_id=lead)
    hour = await chat.ask("slot", _hours(chat, seen, await _of_one_day(chat, seen, free)))
    if hour == "none":
        return Finish(then="ask_about", given={"guest": shown.ticket(lead, who)})
    values = {"event_id": lead, "contact_id": who, "slot_id": int(hour), "rules": chat.programme.rules}
    return Finish(invitations.take_slot, values, then="answered", given={"guest": shown.ticket(int(hour), who)})


async def _of_one_day(chat: Chat, seen: Details, free: Sequence[Event]) -> Sequence[Event]:
    """The free hours of a day that is asked for first, where there are several."""
    zone = chat.programme.zone
    days: dict[date, list[Event]] = {}
    for slot in free:
        days.setdefault(slot.starts_at.astimezone(zone).date(), []).append(slot)
    if len(days) <= 1:
        return free
    now = seen.now.astimezone(zone)
    offered = [Option(day.isoformat(), words("button.day", day=when.day_label(day, now))) for day in days]
    chosen = await chat.ask("day", Choice("slot.day", offered))
    return days.get(date.fromisoformat(chosen), free)


def _hours(chat: Chat, seen: Details, free: Sequence[Event]) -> Hours:
    zone, now = chat.programme.zone, seen.now.astimezone(chat.programme.zone)
    local = {slot.id: slot.starts_at.astimezone(zone) for slot in free}
    one_day = len({at.date() for at in local.values()}) == 1
    offered = [
        Option(str(number), words("button.hour", at=f"{at.hour}:{at:%M}" if one_day else when.full(at, now)))
        for number, at in local.items()
    ]
    if not offered:
        return Hours("slot.none", [Option("none", "button.ask")])
    return Hours("slot.ask", [*offered, Option("none", "button.no_hour")], columns=1 if len(offered) <= FEW else 2)


# --- asking ---------------------------------------------------------------------------------------------------------


async def ask_about(chat: Chat) -> Finish | None:
    """A question about an event. Who has not answered yet may come; who has, has."""
    seen = await seen_by(chat)
    if seen is None:
        return None
    about = {"about": seen.guest.event.activity}
    if seen.guest.rsvp or why_closed(seen):
        return Finish(then="question", given=about)
    values = {**whose(seen), "said": MAYBE, "rules": chat.programme.rules}
    return Finish(invitations.answer, values, then="question", given=about)
