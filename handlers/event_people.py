"""Who comes to an event and who came: lists for staff, leafed through and marked in place, and one who just came.

Every number in a command is checked against the rights of whoever tapped, each time: a list may have become another's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from bot import when
from bot.chat import Answer, Chat, Finish, Option, Reading, Said, Text, literal, words
from bot.messages import Incoming, Kind
from bot.privacy import initials
from bot.texts import Lines, Words
from handlers.event_words import of_kind
from handlers.question import OrWords
from handlers.words import read_phone
from storage import attendance, door
from storage.attendance import Line, Sheet
from storage.door import Found
from storage.programme import Programme
from storage.staff import LEADS

_Item = TypeVar("_Item")

PAGE = 8  # names on one screen of a small phone
SEARCHES = 20  # names that may be tried for one person
SHOWN = 6  # people of one name that are offered
LONGEST_LABEL = 30  # letters of a name on a button
LONGEST_NUMBER = 15  # digits of a row's number: no database has a longer one
SIGNS = {"yes": "✅", "waiting": "⏳", "maybe": "❓", "silent": "·", "no": "❌"}


# --- who comes ------------------------------------------------------------------------------------------------------


async def who(chat: Chat) -> None:
    """How many will come, and everybody by name."""
    sheet = await sheet_of(chat, chat.given("event"))
    if sheet is None:
        return
    people: list[Line] = await chat.fetch(attendance.people, event_id=sheet.event.id)
    page, number, pages = leaf(people, chat.given("page"))
    event = sheet.event.id
    chat.card(
        Lines((*_standing(sheet, people), *head(chat, sheet), literal(""), *(_shown(chat, one) for one in page))),
        pager(f"/who {event}", number, pages),
        [] if sheet.is_over else [Option(f"/calls {event}", "guests.to_calls")],
        [Option(f"/attend {event} 0", "guests.to_attend")],
        [to_event(sheet)],
    )


def _standing(sheet: Sheet, people: Sequence[Line]) -> list[Words]:
    """„25 от 40 ще дойдат“, and what the others said; once it was marked, how many came."""
    invited = [one for one in people if not one.walked_in]
    if any(one.attended is not None for one in people):
        return _who_came(people, invited)
    if not invited:
        return [words("guests.nobody")]
    counts = {code: sum(one.standing == code for one in invited) for code in SIGNS}
    key = "guests.said_yes" if sheet.is_over else "guests.one_comes" if counts["yes"] == 1 else "guests.come"
    coming = words(key, coming=counts["yes"], all=len(invited))
    others = {code: counts[code] for code in ("no", "maybe", "waiting", "silent")}
    return [coming, words("guests.others", **others)]


def _who_came(people: Sequence[Line], invited: Sequence[Line]) -> list[Words]:
    """„Дойдоха 18 от 25“, and how many besides."""
    came = [words("guests.came", came=sum(one.attended is True for one in invited), all=len(invited))]
    more = sum(one.attended is True for one in people if one.walked_in)
    return [*came, words("guests.came_besides", count=more)] if more else came


def _shown(chat: Chat, one: Line) -> Words:
    hour = f"{_clock(chat.programme, one.hour)} " if one.hour else ""
    sign = SIGNS[one.standing] if one.attended is None else "☑️" if one.attended else "⬜"
    name = literal(f"{sign} {hour}{one.name}")
    return words("guests.leaves", who=name, at=one.leave_at) if one.leave_at and one.attended is None else name


# --- who came -------------------------------------------------------------------------------------------------------


async def attend(chat: Chat) -> None:
    """Names to tap, and how many came."""
    sheet = await sheet_of(chat, chat.given("event"))
    if sheet is None:
        return
    if sheet.is_cancelled:
        chat.card(Lines((words("guests.cancelled"), *head(chat, sheet))), [to_event(sheet)])
        return
    event = sheet.event.id
    people: list[Line] = await chat.fetch(attendance.at_the_door, event_id=event)
    page, number, pages = leaf(people, chat.given("page"))
    chat.card(
        Lines((*_came(sheet, people), *head(chat, sheet))),
        *([_box(chat, event, number, one)] for one in page),
        pager(f"/attend {event}", number, pages),
        [Option(f"/walkin {event}", "attend.to_walkin")],
        [Option(f"/attended {event}", "button.done")],
        [to_event(sheet)],
    )


def _came(sheet: Sheet, people: Sequence[Line]) -> list[Words]:
    if not people:
        return [words("attend.nobody")]
    said = [words("attend.early")] if sheet.is_early else [words("attend.done_before")] if sheet.done else []
    came = sum(one.attended is True for one in people)
    hands = [words("attend.says_there")] if any(one.says_there and not one.attended for one in people) else []
    return [words("attend.ask"), *said, words("attend.came", came=came, all=len(people)), *hands]


def _box(chat: Chat, event: int, page: int, one: Line) -> Option:
    """A name with its tick. The button says what shall be, so that a second tap of it changes nothing more."""
    hour = f"{_clock(chat.programme, one.hour)} " if one.hour else ""
    box, wanted = ("☑️", "no") if one.attended else ("⬜ ✋" if one.says_there else "⬜", "yes")
    return Option(f"/mark {event}.{one.contact_id}.{page} {wanted}", literal(f"{box} {hour}{short(one.name)}"))


async def mark(chat: Chat) -> Finish | None:
    """Somebody came, or it was a tap on the wrong name; then the same page again."""
    event, contact, page = numbers(chat.given("mark"), 3)
    sheet = await sheet_of(chat, str(event))
    if sheet is None:
        return None
    again = {"event": str(sheet.event.id), "page": str(page)}
    if sheet.is_cancelled:
        return Finish(then="attend", given=again)
    said = {"event_id": sheet.event.id, "contact_id": contact, "came": chat.given("came") != "no"}
    return Finish(attendance.mark, said, then="attend", given=again)


async def attended(chat: Chat) -> Finish | None:
    """The list is complete. Before the beginning nobody can be missed."""
    sheet = await sheet_of(chat, chat.given("event"))
    if sheet is None:
        return None
    given = {"event": str(sheet.event.id)}
    if sheet.is_cancelled:
        return Finish(then="attend", given=given)
    if not sheet.has_begun:
        chat.card(Lines((words("attend.not_begun"), *head(chat, sheet))), [_to_list(sheet)], [to_event(sheet)])
        return None
    said = {"event_id": sheet.event.id, "rules": chat.programme.rules}
    return Finish(attendance.finish, said, then="attendance_done", given=given)


async def attendance_done(chat: Chat) -> None:
    """How many came and how many were missed."""
    sheet = await sheet_of(chat, chat.given("event"))
    if sheet is None:
        return
    found = await chat.fetch(attendance.tally, event_id=sheet.event.id)
    lines = [words("attend.finished", came=found.came, absent=found.absent), *head(chat, sheet)]
    if found.absent:
        lines.append(words("attend.will_ask"))
    chat.card(Lines(tuple(lines)), [_to_list(sheet)], [to_event(sheet)])


def _to_list(sheet: Sheet) -> Option:
    return Option(f"/attend {sheet.event.id} 0", "attend.to_correct" if sheet.done else "guests.to_attend")


# --- somebody who was not expected ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NameOrPhone(Text):
    """A name, or a number: typed, or as a card from the telephone's own list."""

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        """The words, or the shared number."""
        if incoming.kind is Kind.PHONE:
            return Answer(incoming.phone)
        return Text.read(self, incoming, code, draft, said)


async def walkin(chat: Chat) -> Finish | None:
    """Who came: found by name or phone, or somebody new."""
    sheet = await sheet_of(chat, chat.given("event"))
    if sheet is None:
        return None
    event = sheet.event.id
    typed = await chat.ask("typed", NameOrPhone("door.who_came"))
    for number in range(SEARCHES):
        found: Sequence[Found] = await chat.fetch(door.find, typed=typed, phone=read_phone(typed), event_id=event)
        choice = await chat.ask(f"who-{number}", _whom(chat, found))
        if not isinstance(choice, dict):
            return _picked(chat, event, choice, typed, found)
        typed = choice["words"]
    return Finish(then="attend", given={"event": str(event)})


def _whom(chat: Chat, found: Sequence[Found]) -> OrWords:
    options = [known(chat.programme, one) for one in found[:SHOWN]]
    if chat.person.role in LEADS:
        options.append(Option("new", "door.new"))
    if not found:
        return OrWords("door.not_found", options or [Option("again", "door.again")])
    return OrWords("door.too_many" if len(found) > SHOWN else "door.which", options)


def _picked(chat: Chat, event: int, choice: str, typed: str, found: Sequence[Found]) -> Finish:
    if choice == "again":
        return Finish(then="walkin", given={"event": str(event)})
    if choice == "new":
        given: dict[str, Any] = {"event": str(event), "came": "yes"}
        number = read_phone(typed)
        given |= {"phone": {"number": number, "own": False}} if number else {"called": typed}
        return Finish(door.forget_words, {"script": "walkin"}, then="add_person", given=given)
    one = next((one for one in found if f"c{one.contact_id}" == choice), None)
    if one is not None:
        chat.say(words("door.came", name=literal(one.name if one.own else initials(one.name))))
    contact = int(choice[1:])
    said = {"event_id": event, "contact_id": contact}
    return Finish(door.walk_in, said, then="attend", given={"event": str(event)})


def known(programme: Programme, one: Found) -> Option:
    """Somebody on a button: with their name only for those whose they are."""
    place = f", {programme.settlement(one.settlement).label}" if one.settlement else ""
    name = short(one.name) if one.own else initials(one.name)
    return Option(f"c{one.contact_id}", literal(f"👤 {name}{place}"))


# --- what the screens of one event share ------------------------------------------------------------------------------


async def sheet_of(chat: Chat, event: str) -> Sheet | None:
    """The list of the event that a button names. Of another's, or of none, only that there is none here."""
    (number,) = numbers(event, 1)
    sheet: Sheet | None = await chat.fetch(attendance.sheet, event_id=number)
    if sheet is None:
        chat.card("guests.no_event", [Option("/staff", "menu.staff")])
    return sheet


def numbers(said: str, count: int) -> list[int]:
    """The numbers of a command such as „12.34“; 0 for what is none."""
    parts = said.split(".")[:count]
    read = [int(p) if p.isascii() and p.isdigit() and len(p) <= LONGEST_NUMBER else 0 for p in parts]
    return read + [0] * (count - len(read))


def leaf(items: Sequence[_Item], page: str) -> tuple[Sequence[_Item], int, int]:
    """One page of a list, its number from 0, and how many there are; the last page for a number beyond it."""
    pages = max(1, -(-len(items) // PAGE))
    number = min(numbers(page, 1)[0], pages - 1)
    return items[number * PAGE : (number + 1) * PAGE], number, pages


def pager(command: str, number: int, pages: int) -> list[Option]:
    """The buttons to leaf with, where there is somewhere to go."""
    before = [Option(f"{command} {number - 1}", "guests.to_before")] if number else []
    return before + ([Option(f"{command} {number + 1}", "guests.to_next")] if number + 1 < pages else [])


def head(chat: Chat, sheet: Sheet) -> list[Words]:
    """Which event it is, and when."""
    zone = chat.programme.zone
    at = when.full(sheet.event.starts_at.astimezone(zone), sheet.now.astimezone(zone))
    return [words("guests.event", title=literal(sheet.event.title), at=at)]


def to_event(sheet: Sheet) -> Option:
    """Back to the event's own screen."""
    label = of_kind(sheet.event.kind, "guests.to_event", course="guests.to_course", hour="guests.to_hours")
    return Option(f"/event {sheet.event.id}", label)


def short(name: str) -> str:
    """A name that fits a button."""
    return name if len(name) <= LONGEST_LABEL else f"{name[: LONGEST_LABEL - 1].rstrip()}…"


def _clock(programme: Programme, at: datetime) -> str:
    return f"{at.astimezone(programme.zone):%H:%M}"
