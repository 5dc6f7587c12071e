"""Today: what waits for one of the staff, each with its number, and where everything else is.

Each sees the lines of their own role; what is asked behind them is checked anew at every tap.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot import when
from bot.chat import Chat, Finish, Option, literal, words
from bot.texts import Lines, Words, day
from handlers import costs
from handlers.event_people import leaf, pager
from handlers.event_people import short as short_name
from handlers.events import in_rows, short
from storage import attendance, clock, staff, today
from storage.events import Event
from storage.staff import ALL, COORDINATOR, LEADS, TRAINER
from storage.today import Calls, Lost, Today

SCREENS: Sequence[tuple[str, str, frozenset[str]]] = (  # a command, its label, and whose it is
    ("agenda", "agenda.button", LEADS | {TRAINER}),
    ("announcements", "button.day_announcements", LEADS | {TRAINER}),
    ("questions", "button.day_questions", LEADS | {TRAINER}),
    ("find", "button.day_people", LEADS | {TRAINER}),
    ("add_person", "door.new", LEADS),
    ("people_in", "button.participant_list", LEADS),
    ("my_link", "button.day_link", LEADS),
    ("month", "button.day_month", ALL),
    ("team", "button.team", frozenset({COORDINATOR})),
)
STAFF = Option("/staff", "menu.staff")
MOST = 8  # events on one screen of a small phone


async def staff_menu(chat: Chat) -> None:
    """Where a working day begins."""
    waiting: Today = await chat.fetch(today.today, zone=chat.programme.zone)
    mine = [Option(f"/{command}", label) for command, label, roles in SCREENS if chat.person.role in roles]
    now = waiting.now.astimezone(chat.programme.zone)
    rows = _waiting(chat, waiting)
    told = [words("staff.today"), literal(f"🗓 {day(now)}")] + ([] if rows else [words("today.nothing")])
    told += await costs.shortage(chat)
    chat.card(Lines(tuple(told)), *rows, *in_rows([*mine, Option("/menu", "button.menu")], 2))


def _waiting(chat: Chat, found: Today) -> list[list[Option]]:
    """What is not zero, each a button of its own."""
    calls = sum(one.people for one in found.calls)
    return [
        *_counted("/questions", "button.day_asked", found.questions),
        *([_event(chat, found, event)] for event in found.events),
        *_counted("/to_call", "button.day_calls", calls),
        *([_heard(one)] for one in found.heard),
        *_counted(_to_list(found.unmarked), "button.day_unmarked", len(found.unmarked)),
        *_counted("/unreached", "button.day_lost", found.lost),
        *_counted("/newcomers", "button.day_new", found.fresh),
        *_counted("/results", "button.day_results", found.results),
    ]


def _counted(command: str, key: str, count: int) -> list[list[Option]]:
    return [[Option(command, words(key, count=count))]] if count else []


def _heard(one: Calls) -> Option:
    """„👍 Търсим шофьори: 3“: who was interested since yesterday."""
    return Option(f"/a_answers {one.broadcast_id} interested 0", literal(f"👍 {short(one.title)}: {one.people}"))


def _to_list(unmarked: Sequence[Event]) -> str:
    return f"/attend {unmarked[0].id} 0" if len(unmarked) == 1 else "/to_mark"


def _event(chat: Chat, found: Today, event: Event) -> Option:
    """„📅 17:30 · Родителска среща · 25/40“; with its day where that is not today."""
    zone = chat.programme.zone
    starts, now = event.starts_at.astimezone(zone), found.now.astimezone(zone)
    is_today = starts.date() == now.date()
    at = f"{starts:%H:%M}" if is_today else f"{when.day_label(starts.date(), now)} {starts:%H:%M}"
    come, asked = found.heads.get(event.id, (0, 0))
    heads = f" · {come}/{asked}" if asked else ""
    return Option(f"/event {event.id}", literal(f"📅 {at} · {short(event.title)}{heads}"))


async def to_call(chat: Chat) -> None:
    """The lists of people to call, each with how many are on it."""
    lists: Sequence[Calls] = await chat.fetch(today.to_call)
    chat.card("today.whom_to_call" if lists else "call.nobody", *([_list(one)] for one in lists), [STAFF])


def _list(one: Calls) -> Option:
    if one.event_id:
        return Option(f"/calls {one.event_id}", literal(f"📅 {short(one.title)}: {one.people}"))
    return Option(f"/a_calls {one.broadcast_id}", literal(f"📣 {short(one.title)}: {one.people}"))


async def to_mark(chat: Chat) -> None:
    """Events that are over, each leading to its list, to say who came."""
    over: Sequence[Event] = await chat.fetch(attendance.unmarked)
    now = (await chat.fetch(clock.now)).astimezone(chat.programme.zone)
    rows = ([_over(chat, event, now)] for event in over[:MOST])
    chat.card("today.to_mark" if over else "today.all_marked", *rows, [STAFF])


def _over(chat: Chat, event: Event, now: datetime) -> Option:
    day_ = when.day_label(event.starts_at.astimezone(chat.programme.zone).date(), now)
    return Option(f"/attend {event.id} 0", literal(f"☑️ {day_} · {short(event.title)}"))


async def unreached(chat: Chat) -> Finish:
    """Whom a message did not reach lately; each leads to their card, where the number is."""
    lost: Sequence[Lost] = await chat.fetch(today.unreached)
    title = words("today.lost", count=len(lost)) if lost else words("today.none_lost")
    return _list_of(chat, "unreached", title, lost)


async def newcomers(chat: Chat) -> Finish:
    """Who signed up lately; each leads to their card."""
    fresh: Sequence[Lost] = await chat.fetch(today.newcomers)
    title = words("today.new", count=len(fresh)) if fresh else words("today.none_new")
    return _list_of(chat, "newcomers", title, fresh)


def _list_of(chat: Chat, command: str, title: Words, people: Sequence[Lost]) -> Finish:
    """A page of people, each with the way to their card and from there back. Who saw their names is recorded."""
    page, number, pages = leaf(people, chat.given("page"))
    names = ([Option(f"/contact {one.contact_id} {command}", literal(f"👤 {short_name(one.name)}"))] for one in page)
    chat.card(title, *names, pager(f"/{command}", number, pages), [STAFF])
    return Finish(staff.audit, {"action": "see", "subject": command})
