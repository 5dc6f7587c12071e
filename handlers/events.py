"""Events for staff: what is coming, and one event with everything that can be done about it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot import calendar, when
from bot.asking import Place, clock
from bot.chat import Chat, Option, Text, literal, words
from bot.texts import Label, Lines, Phrase, Words
from handlers.audience import for_whom, joined
from handlers.words import number_of
from storage import attendance, contacts, events
from storage.attendance import Tally
from storage.clock import now as time_now
from storage.events import PUBLISHED, Event
from storage.staff import COORDINATOR, LEADS, MEDIATOR, SEES_ALL, TRAINER

LEADERS = frozenset({COORDINATOR, MEDIATOR, TRAINER})  # who can lead an event, and so sees it
AGENDA = Option("/agenda", "agenda.button")
STAFF = Option("/staff", "menu.staff")
NEW = Option("/new_event", "agenda.new")
KINDS: Mapping[str, Label] = {
    "meeting": "event.kind_meeting",
    "training": "event.kind_training",
    "course": "event.kind_course",
    "appointment": "event.kind_appointment",
    "outreach": "event.kind_outreach",
    "public": "event.kind_public",
}
REMINDERS: Mapping[str, Words] = {
    "7d": Words("event.before_week"),
    "3d": Words("event.before_three"),
    "1d": Words("event.before_day"),
    "2h": Words("event.before_hours"),
}
NOTES: Mapping[str, Words] = {
    "moved": Words("event.moved"), "relocated": Words("event.relocated"), "cancelled": Words("event.cancelled"),
    "handed": Words("event.handed"), "amended": Words("event.amended"), "resized": Words("event.resized"),
}  # fmt: skip
ROWS = 8  # events on one screen
DATES, SLOTS = 8, 24  # of a series on a card
LETTERS = 22  # of a title on a button
SEATS = 1000  # the most that an event can have


# --- the list -------------------------------------------------------------------------------------------------------


async def agenda(chat: Chat) -> None:
    """What is coming, one button each; or what is over, the latest first."""
    is_past, page = chat.given("which") == "past", number_of(chat.given("page"))
    query, command = (events.past, "past_events") if is_past else (events.coming, "agenda")
    found: list[Event] = await chat.fetch(query, limit=ROWS * (page + 1) + 1)
    shown = found[ROWS * page : ROWS * (page + 1)]
    rows = await _buttons(chat, shown)
    if len(found) > ROWS * (page + 1):
        rows.append([Option(f"/{command} {page + 1}", "button.leaf")])
    if page:
        rows.append([Option(f"/{command} {page - 1}", "button.back")])
    if is_past:
        chat.card("agenda.past" if shown else "agenda.none_past", *rows, [AGENDA, STAFF])
        return
    more = [Option("/past_events", "agenda.over")]
    rows.append([NEW, *more] if chat.person.role in LEADS else more)
    chat.card("agenda.title" if shown else "agenda.none", *rows, [STAFF])


async def _buttons(chat: Chat, shown: Sequence[Event]) -> list[list[Option]]:
    now = await here(chat)
    heads = await chat.fetch(events.heads, event_ids=[event.id for event in shown])
    return [[_button(event, local(chat, event.starts_at), now, heads.get(event.id))] for event in shown]


def _button(event: Event, starts: datetime, now: datetime, heads: tuple[int, int] | None) -> Option:
    """„чт 26.11 17:30 · Родителска среща · 25/40“."""
    come = f" · {heads[0]}/{heads[1]}" if heads else ""
    at = f"{when.day_label(starts.date(), now)} {clock(starts)}"
    return Option(f"/event {event.id}", literal(f"📅 {at} · {short(event.title)}{come}"))


def short(title: str) -> str:
    """A title as it fits a button."""
    if len(title) <= LETTERS:
        return title
    cut = title[:LETTERS]
    whole = cut.rpartition(" ")[0]  # „Курс за…“ says nothing: rather a word that is cut than only short ones
    return f"{whole if len(whole) > LETTERS // 2 else cut}…"


# --- one event ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that staff can do about an event: a button, and whether it fits the event now."""

    label: Label
    command: str  # {id} and {version} stand for the event's
    fits: Callable[[Event, datetime, str], bool]  # the event, the time now, the role
    when_cancelled: bool = False  # it also makes sense then: whom only a call reaches must hear of it


def _always(event: Event, now: datetime, role: str) -> bool:
    return True


def _has_guests(event: Event, now: datetime, role: str) -> bool:
    return event.kind != "slot"


def _to_call(event: Event, now: datetime, role: str) -> bool:
    return event.kind != "slot" and now < event.ends_at


def _begins(event: Event, now: datetime, role: str) -> bool:
    return now >= event.starts_at - timedelta(hours=1)


def _is_over(event: Event, now: datetime, role: str) -> bool:
    return now >= event.ends_at


def can_move(event: Event, now: datetime, role: str) -> bool:
    """Also what has begun: whoever cannot come themselves moves it then. Not an appointment, whose slots go along."""
    return role in LEADS and now < (event.starts_at if event.kind == "appointment" else event.ends_at)


def can_change(event: Event, now: datetime, role: str) -> bool:
    """Only what has not begun: nobody could be told any more."""
    return role in LEADS and now < event.starts_at


def can_hand_over(event: Event, now: datetime, role: str) -> bool:
    """Somebody fell ill, or left the team: a coordinator says who leads instead."""
    return role in SEES_ALL and now < event.ends_at


ACTIONS = (
    Action("event.act_who", "/who {id} 0", _always),
    Action("announce.do_write", "/announce {id}", _has_guests),
    Action("event.act_calls", "/calls {id}", _to_call, when_cancelled=True),
    Action("event.act_attend", "/attend {id} 0", _begins),
    Action("event.act_opinions", "/opinions {id}", _is_over),
    Action("event.act_change", "/change {id}", can_move),
    Action("event.act_leader", "/leader {id}", can_hand_over),
    Action("event.act_cancel", "/cancel {id}.{version}", can_change),
)


async def event_card(chat: Chat) -> None:
    """How one event stands, and what can be done. „latest“ is the one that was published a moment ago."""
    latest = chat.given("event") == "latest"
    event = await chat.fetch(events.latest) if latest else await meant(chat, chat.given("event"))
    if event is None:
        nothing_there(chat)
        return
    now = await here(chat)
    lines = [*await _note(chat, event, now), *await _told(chat, event, now)]
    rows = await _series(chat, event, now) if event.status == PUBLISHED else []
    possible = [a for a in ACTIONS if event.status == PUBLISHED or a.when_cancelled]
    fitting = [a for a in possible if a.fits(event, now, chat.person.role)]
    does = [Option(a.command.format(id=event.id, version=event.version), a.label) for a in fitting]
    chat.card(Lines(tuple(lines)), *rows, *in_rows(does, 2), [AGENDA, STAFF])


async def _note(chat: Chat, event: Event, now: datetime) -> list[Words]:
    """What was done a moment ago."""
    note = chat.given("note")
    if note == "published":
        opens = calendar.next_open(chat.programme.rules, now)
        if opens >= event.starts_at:
            return [await _unheard(chat, event, opens, now), literal("")]
        later = words("event.published_later", when=literal(when.full(local(chat, opens), now)))
        return [later if opens > now else Words("event.published"), literal("")]
    return [NOTES[note], literal("")] if note in NOTES else []


async def _unheard(chat: Chat, event: Event, opens: datetime, now: datetime) -> Words:
    """No invitation comes in time; of a course, perhaps to its first date alone."""
    dates: list[Event] = await chat.fetch(events.dates, event_id=event.id) if event.kind == "course" else []
    if any(opens < date.starts_at for date in dates):
        return words("event.published_part", when=literal(when.full(local(chat, opens), now)))
    return Words("event.published_unheard")


async def _told(chat: Chat, event: Event, now: datetime) -> list[Words]:
    lines = [literal(f"{chat.programme.activity(event.activity).emoji} {event.title}".strip())]
    lines += [Words("event.is_cancelled")] if event.status != PUBLISHED else []
    lines += [lasting(chat, event.starts_at, event.ends_at, now), where(event.place, event.landmark)]
    lines += [for_whom(chat.programme, event.audience)] if event.audience else []
    lines += [await _numbers(chat, event, now)] if event.status == PUBLISHED else []
    lines += [words("event.line_seats", number=event.capacity)] if event.capacity and event.kind != "slot" else []
    leader = await chat.fetch(contacts.name_of, contact_id=event.mediator_id) if event.mediator_id else ""
    lines += [words("event.line_leads", name=literal(leader))] if leader else []
    lines += [words("event.line_bring", what=literal(event.bring))] if event.bring else []
    reminds = event.status == PUBLISHED and now < event.ends_at
    return [*lines, reminders(event.offsets)] if reminds else lines


async def _numbers(chat: Chat, event: Event, now: datetime) -> Words:
    """„25 от 40 ще дойдат, 3 чакат, 8 не са отговорили“; afterwards who came, or who said that they would."""
    tally: Tally = await chat.fetch(attendance.tally, event_id=event.id)
    if tally.came or tally.absent:
        return _came(tally)
    if tally.invited and now >= event.ends_at:
        return words("event.line_unmarked", come=tally.yes - tally.waiting, asked=tally.invited)
    if not tally.invited:
        return Words("event.line_free" if event.kind == "slot" else "event.line_nobody")
    come = {"come": tally.yes - tally.waiting, "asked": tally.invited, "silent": tally.silent}
    if tally.waiting:
        return words("event.line_waiting", waiting=tally.waiting, **come)
    return words("event.line_numbers", **come)


def _came(tally: Tally) -> Words:
    """„Дойдоха 18 от 25 и още 2 без покана“."""
    if not tally.invited:
        return words("event.line_came_only", come=tally.came)
    come = {"come": tally.came - tally.walked_in, "asked": tally.invited}
    return (
        words("event.line_came_more", more=tally.walked_in, **come)
        if tally.walked_in
        else words("event.line_came", **come)
    )


async def _series(chat: Chat, event: Event, now: datetime) -> list[list[Option]]:
    """An appointment's slots, or the other dates of a course that are still to come; from a slot, the way to all."""
    if event.kind == "slot":
        return [[Option(f"/event {event.lead_id}", "event.all_slots")]]
    if event.kind not in ("appointment", "course"):
        return []
    found: list[Event] = await chat.fetch(events.dates, event_id=event.id)
    ahead = [one for one in found if one.id != event.id and one.ends_at > now]
    if event.kind == "course":
        return await _buttons(chat, ahead[:DATES])
    heads = await chat.fetch(events.heads, event_ids=[slot.id for slot in ahead])
    taken = {number for number, (come, _) in heads.items() if come}
    shown = [(slot, "✅" if slot.id in taken else "🕐", local(chat, slot.starts_at)) for slot in ahead[:SLOTS]]
    return in_rows([Option(f"/event {slot.id}", literal(f"{sign} {clock(at)}")) for slot, sign, at in shown], 3)


# --- what the other screens about events share ----------------------------------------------------------------------


async def meant(chat: Chat, typed: str) -> Event | None:
    """The event whose number this is, if whoever asks may see it."""
    found: Event | None = await chat.fetch(events.for_staff, event_id=number_of(typed))
    return found


def nothing_there(chat: Chat) -> None:
    """The same for an event that is not there and for one that is not theirs."""
    chat.card("event.none_such", [AGENDA, STAFF])


async def here(chat: Chat) -> datetime:
    """The time now, by the programme's clock."""
    return local(chat, await chat.fetch(time_now))


def local(chat: Chat, at: datetime) -> datetime:
    """A moment by the programme's clock."""
    return at.astimezone(chat.programme.zone)


def lasting(chat: Chat, starts: datetime, ends: datetime, now: datetime) -> Words:
    """„🗓 сряда, 25.11, 17:30 (утре), до 19:00“, with the day on which it ends if that is another."""
    begins, ends = local(chat, starts), local(chat, ends)
    until = clock(ends) if ends.date() == begins.date() else f"{when.day_label(ends.date(), now)} {clock(ends)}"
    return words("event.line_when", when=literal(when.full(begins, now)), until=until)


def where(place: str, landmark: str) -> Words:
    """„📍 Читалището (до пощата)“."""
    return literal(f"📍 {place} ({landmark})" if landmark else f"📍 {place}")


def reminders(offsets: Sequence[str]) -> Words:
    """„🔔 3 дни · 1 ден · 2 часа“."""
    on = [shown for offset, shown in REMINDERS.items() if offset in offsets]
    return words("event.line_reminders", which=joined(on)) if on else Words("event.line_silent")


async def ask_place(chat: Chat, prompt: Phrase, also: Sequence[str] = ()) -> tuple[str, str]:
    """Where, and the landmark that people know; of a place that was used before it is known already."""
    last = await chat.fetch(events.places)
    known = {place for place, _ in last}
    found = await chat.ask("place", Place(prompt, [*last, *((place, "") for place in also if place not in known)]))
    if "landmark" in found:
        return found["place"], found["landmark"]
    asked = words("event.ask_landmark", place=literal(found["place"]))
    return found["place"], await chat.ask("landmark", Text(asked, max_length=120, skip="button.skip"))


def sealed(key: str, agreed: object) -> str:
    """The key of a last question, bound to what is agreed to: a button of an earlier one agrees to nothing new."""
    return f"{key}-{zlib.crc32(repr(agreed).encode()):x}"


def in_rows(options: Sequence[Option], columns: int) -> list[list[Option]]:
    """Buttons, so many in a row."""
    return [list(options[n : n + columns]) for n in range(0, len(options), columns)]
