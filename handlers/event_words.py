"""How an event is put into words and buttons, in the messages about it and on its screens alike."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot import when
from bot.chat import Option, literal, words
from bot.texts import Words

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from storage.events import Event
    from storage.programme import Programme

BEFORE = (60, 30, 15)  # minutes before the beginning at which people may mean to leave home
MY_EVENTS = Option("/events", "menu.events")


def is_confidential(programme: Programme, event: Event) -> bool:
    """Whether neither its activity nor its title or place may be named. Of an activity that nobody knows: too."""
    return all(a.confidential for a in programme.activities if a.code == event.activity)


def of_kind(kind: str, plain: str, *, course: str, hour: str) -> str:
    """The text that fits a kind: of a course's date, of an appointment or one of its slots, or of all others."""
    return {"course": course, "appointment": hour, "slot": hour}.get(kind, plain)


def shown_time(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """„сряда, 25.11, 17:30 (утре)“."""
    return when.full(at.astimezone(zone), now.astimezone(zone))


def when_line(at: datetime, now: datetime, zone: ZoneInfo) -> Words:
    """The same on a line of its own."""
    return literal(f"📅 {shown_time(at, now, zone)}")


def place_of(event: Event) -> str:
    """Where it is, with the landmark that people know it by."""
    return f"{event.place} ({event.landmark})" if event.landmark else event.place


def place_line(event: Event) -> Words:
    """The same on a line of its own."""
    return literal(f"📍 {place_of(event)}")


def bring_line(event: Event) -> list[Words]:
    """What to take along, if anything."""
    return [words("events.bring", bring=event.bring)] if event.bring else []


def leaving(at: str) -> Words:
    """When they mean to leave home: „09:30“ is kept, „9:30“ is said."""
    return words("notice.leaving", at=at.removeprefix("0"))


# --- buttons --------------------------------------------------------------------------------------------------------


def ticket(event_id: int, contact_id: int) -> str:
    """An event and its guest, as buttons carry them: „12.34“."""
    return f"{event_id}.{contact_id}"


def coming(event: Event, guest: int, label: Words | str = "button.coming") -> Option:
    """To come."""
    return Option(f"/rsvp {ticket(event.id, guest)} yes", label)


def cannot(event: Event, guest: int, label: Words | str = "button.cannot") -> Option:
    """Not to come."""
    return Option(f"/rsvp {ticket(event.id, guest)} no", label)


def details(event: Event, guest: int, label: Words | str = "button.details") -> Option:
    """To see all of it."""
    return Option(f"/meeting {ticket(event.id, guest)}", label)


def ask(event: Event, guest: int) -> Option:
    """To ask a person about it."""
    return Option(f"/ask_about {ticket(event.id, guest)}", "button.ask")


def choose(event: Event, guest: int, label: Words | str = "button.choose_hour") -> Option:
    """To choose a slot of the appointment that it is, or is a slot of."""
    return Option(f"/slots {ticket(event.series, guest)}", label)


def plan(event: Event, guest: int, now: datetime, zone: ZoneInfo) -> list[Option]:
    """When to leave home: some times before the beginning that are still ahead."""
    starts = [event.starts_at - timedelta(minutes=before) for before in BEFORE]
    clocks = [at.astimezone(zone) for at in starts if at > now]
    here = ticket(event.id, guest)
    return [Option(f"/leave {here} {at:%H:%M}", words("button.leave_at", at=f"{at.hour}:{at:%M}")) for at in clocks]
