"""My events: what is coming, with what was answered; and what somebody asked to be told about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot import when
from bot.chat import PAGE, Chat, Option, literal, words
from bot.texts import Lines
from handlers import event_words as shown
from handlers.words import activity_label
from storage import clock, contacts, invitations
from storage.invitations import NO, SEAT, WAITS, YES, Guest

TITLE = 20  # letters of a title that fit a button beside its day and hour


async def my_events(chat: Chat) -> None:
    """What the person waits for. Until there are dates, what they asked to be told about."""
    mine = nearest(await chat.fetch(invitations.mine))
    wishes = (await chat.fetch(contacts.profile)).interests
    dated = {guest.event.activity for guest in mine}
    names = [activity_label(a).key for a in chat.programme.activities if a.code in wishes and a.code not in dated]
    waiting = [words("events.waiting", names="\n".join(names))] if names else []
    if mine:
        local_now = (await chat.fetch(clock.now)).astimezone(chat.programme.zone)
        rows = [[_button(chat, guest, local_now)] for guest in mine[:PAGE]]
        more = [words("events.more", count=len(mine) - PAGE)] if len(mine) > PAGE else []
        chat.card(Lines((words("events.mine"), *more, *waiting)), *rows, [Option("/menu", "button.menu")])
    elif waiting:
        chat.say(waiting[0], apart=True)
    else:
        chat.say("events.none", buttons=[Option("/activities", "menu.activities")])


def nearest(mine: Sequence[Guest]) -> list[Guest]:
    """The next date of each course, and of an appointment the chosen slot, or the whole where none is chosen."""
    slots = [g for g in mine if g.event.kind == "slot" and g.seat == SEAT]
    chosen = {g.event.lead_id for g in slots}
    found: list[Guest] = []
    courses: set[int] = set()
    for guest in mine:
        event = guest.event
        if (event.kind == "slot" and guest not in slots) or event.id in chosen or event.series in courses:
            continue
        found.append(guest)
        courses |= {event.series} if event.kind == "course" else set()
    return found


def _button(chat: Chat, guest: Guest, local_now: datetime) -> Option:
    """Its day and hour, and what was answered. What is confidential is not named in a list."""
    event, local = guest.event, guest.event.starts_at.astimezone(chat.programme.zone)
    private = shown.is_confidential(chat.programme, event)
    at = f"{when.day_label(local.date(), local_now)}, {local.hour}:{local:%M}"
    title = words("events.private") if private else literal(_short(event.title))
    label = words("events.line", mark=_mark(guest), at=at, title=title)
    return Option(f"/meeting {shown.ticket(event.id, guest.contact_id)}", label)


def _short(title: str) -> str:
    return title if len(title) <= TITLE else f"{title[: TITLE - 1].rstrip()}…"


def _mark(guest: Guest) -> str:
    if guest.seat == WAITS:
        return "⏳"
    return {YES: "✅", NO: "❌"}.get(guest.rsvp, "❓")
