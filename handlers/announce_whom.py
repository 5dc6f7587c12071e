"""To whom an announcement goes: the likely groups first, and in words.

Only the people of whoever writes are ever meant: storage leaves the others out of every group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bot import when
from bot.asking import Paged, clock
from bot.chat import Chat, Choice, Option, literal, words
from bot.texts import Words
from handlers.audience import ask_classes, ask_settlement, for_whom, joined
from handlers.events import here, local, short
from handlers.words import activity_label, number_of
from storage import broadcasts, contacts, directory, events
from storage.broadcasts import Broadcast
from storage.events import Event
from storage.staff import LEADS, SEES_ALL, role_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bot.chat import Acting

NEAR = 2  # events that are offered at once
EVENTS = 20  # that are offered when somebody looks for another
KEY = "events"  # of a group: the guests of these


async def ask_whom(chat: Chat, key: str) -> dict[str, Any]:
    """The guests of an event, the same people as last time, a class, a place, an activity, or all of one's own."""
    answered = chat.given(key)  # then nobody sees the question any more
    by = await chat.ask(key, Choice("announce.ask_whom", []) if answered else await _question(chat))
    if by == "event":
        by = await chat.ask(f"{key}-event", await _other_events(chat))
    match by:
        case "children":
            return {"children": await ask_classes(chat, key, await chat.fetch(directory.at_institutions))}
        case "settlements":
            return {"settlements": [await ask_settlement(chat, key)]}
        case "activities":
            offered = [Option(a.code, activity_label(a)) for a in chat.programme.activities]
            return {"activities": [await chat.ask(f"{key}-wish", Paged("announce.which_activity", offered))]}
        case "all":
            return {"all": True}
    return await _chosen(chat, by)


async def _chosen(chat: Chat, by: str) -> dict[str, Any]:
    """What a button with a number stands for: „e12“ is an event, „b7“ an announcement with its people."""
    kind, number = by[:1], number_of(by[1:])
    if kind == "e":
        return {KEY: [number]}
    before: Broadcast | None = await chat.fetch(broadcasts.for_staff, broadcast_id=number)
    return dict(before.audience) if before else {}


async def _question(chat: Chat) -> Choice:
    """A trainer writes to the guests of their own events, and to nobody else."""
    if chat.person.role not in LEADS:
        return await _other_events(chat)
    near: list[Event] = await chat.fetch(events.coming, limit=NEAR)
    options = await _guests(chat, near)
    options += await _last_time(chat)
    options += [
        Option("children", "announce.do_class"),
        Option("activities", "announce.do_wish"),
        Option("settlements", "announce.do_place"),
        Option("all", await _everybody(chat)),
    ]
    options += [Option("event", "announce.do_event")] if near else []
    return Choice("announce.ask_whom", options)


async def _everybody(chat: Chat) -> Words:
    """All of one's own people, with how many that are."""
    number: int = await chat.fetch(directory.how_many, staff_id=chat.person.contact_id)
    return words("announce.do_all" if chat.person.role in SEES_ALL else "announce.do_mine", number=number)


async def _everybody_of(chat: Chat, writer: int) -> Words:
    """All the people of whoever wrote: that is everybody only of a coordinator."""
    is_me = writer == chat.person.contact_id
    if (chat.person.role if is_me else await chat.fetch(_role, contact_id=writer)) in SEES_ALL:
        return Words("event.for_all")
    if is_me:
        return Words("announce.all_mine")
    name: str = await chat.fetch(contacts.name_of, contact_id=writer)
    return words("announce.people_of", name=literal(name.partition(" ")[0]))


def _role(connection: Connection, acting: Acting, *, contact_id: int) -> str:
    return role_of(connection, contact_id)


async def _last_time(chat: Chat) -> list[Option]:
    """The same people again, where that is no event that stands there already."""
    mine: Sequence[Broadcast] = await chat.fetch(broadcasts.written, limit=NEAR)
    one = next((b for b in mine if KEY not in b.audience and not b.audience.get("all")), None)
    if one is None:
        return []
    return [Option(f"b{one.id}", words("announce.do_last", whom=for_whom(chat.programme, one.audience).values["whom"]))]


async def _other_events(chat: Chat) -> Paged:
    coming: list[Event] = await chat.fetch(events.coming, limit=EVENTS)
    past: list[Event] = await chat.fetch(events.past, limit=EVENTS)
    return Paged(
        "announce.which_event" if coming or past else "announce.no_event", await _guests(chat, [*coming, *past])
    )


async def _guests(chat: Chat, found: Sequence[Event]) -> list[Option]:
    """„📅 чт 26.11 17:30 · Родителска среща · 👥 40“: an event with how many were asked to it."""
    now = await here(chat)
    heads = await chat.fetch(events.heads, event_ids=[event.id for event in found])
    return [Option(f"e{event.id}", _guest_label(chat, event, now, heads.get(event.id, (0, 0))[1])) for event in found]


def _guest_label(chat: Chat, event: Event, now: datetime, asked: int) -> Words:
    starts = local(chat, event.starts_at)
    at = f"{when.day_label(starts.date(), now)} {clock(starts)}"
    return literal(f"📅 {at} · {short(event.title)} · 👥 {asked}")


async def about(chat: Chat, group: Mapping[str, Any]) -> Event | None:
    """The event whose guests a group is; None where it is no such group, or of several."""
    if len(group.get(KEY, ())) != 1:
        return None
    event: Event | None = await chat.fetch(events.for_staff, event_id=group[KEY][0])
    return event


async def whom_shown(chat: Chat, group: Mapping[str, Any], by: int | None = None) -> Words:
    """A group in words; an event by its name. `by`: who wrote to it, where that is somebody else."""
    if group.get("all"):
        return words("event.line_for", whom=await _everybody_of(chat, by or chat.person.contact_id))
    guests = [await chat.fetch(events.for_staff, event_id=number) for number in group.get(KEY, ())]
    named = [words("announce.guests_of", title=literal(event.title)) for event in guests if event is not None]
    if not named and group and KEY not in group:
        return for_whom(chat.programme, group)
    return words("event.line_for", whom=joined(named or [Words("announce.other_guests")]))
