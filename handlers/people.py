"""The people of one of the staff: found by a name or a number, and one person's card with what can be done.

Whose people they are is asked of storage at every tap. A number is masked until somebody asks for it, and that is kept
in the audit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot import abilities, calendar, when
from bot.chat import Answer, Chat, Choice, Draft, Finish, Miss, Option, Reading, Said, Text, literal, words
from bot.messages import Incoming, Kind
from bot.privacy import short_name
from bot.texts import BASE, Lines, Phrase, Words
from handlers.event_people import SEARCHES, SIGNS, NameOrPhone, short
from handlers.events import in_rows, sealed
from handlers.ticket_notices import answer_lines
from handlers.words import (
    child_shown,
    languages,
    number_of,
    numbers_of,
    phone_shown,
    read_phone,
)
from storage import attendance, clock, directory, door, letters, staff, stopping
from storage.attendance import Sheet
from storage.directory import Card, Found, Meeting
from storage.programme import Programme
from storage.staff import LEADS
from storage.ticket_view import Way

LONGEST = 500  # letters of a mediator's own words, as in an announcement
PAGE = 8  # names on one screen of a small phone
SILENT = "silent"
COUNTRY = "359"
LISTS = ("newcomers", "unreached")  # that lead to somebody's card
ANSWERS = "a"  # before the number of an announcement whose answers do
SOONEST = 2  # events on a card
WHOLE = 12  # digits of a number with its country's
NOTES = {"entered": "contact.entered", "written": "contact.written"}
FIND, STAFF = Option("/find", "button.find_again"), Option("/staff", "menu.staff")
NEW, AGAIN = Option("new", "door.new"), Option("again", "door.again")


# --- finding --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Whom:
    """Who of those found is meant; more of them are leafed through. Any other words are the next search."""

    programme: Programme
    found: Sequence[Found]
    last: Sequence[Option]

    def says(self, draft: Any) -> Phrase:
        """How many there are, or what to do now."""
        if not self.found:
            return "find.nobody"
        return "find.very_many" if len(self.found) >= directory.MANY else "find.which"

    def options(self, draft: Any) -> Sequence[Option]:
        """A page of people, and the way to more."""
        start = (draft or 0) * PAGE
        shown = [Option(f"c{one.contact_id}", self._label(one)) for one in self.found[start : start + PAGE]]
        more = [Option("page", "button.leaf")] if len(self.found) > PAGE else []
        return [*shown, *more, *self.last]

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        """Somebody, another page, or other words."""
        code = code or said.among(self.options(draft))
        if code == "page":
            next_ = (draft or 0) + 1
            return Draft(next_ if next_ * PAGE < len(self.found) else 0)
        known = {f"c{one.contact_id}" for one in self.found} | {option.code for option in self.last}
        if code in known:  # also of a page that was leafed over
            return Answer(code)
        typed = incoming.phone if incoming.kind is Kind.PHONE else incoming.text
        is_said = incoming.kind in (Kind.PHONE, Kind.TEXT) and typed.strip()
        return Answer({"words": typed}) if is_said and not code else Miss("miss.choose")

    def _label(self, one: Found) -> Words:
        """„Мария Иванова · с. Иново“: they are the reader's own people, of whom many have one first name."""
        name = short(one.name)
        place = f" · {self.programme.settlement(one.settlement).label}" if one.settlement else ""
        return literal(f"👤 {name}{place}")


async def find(chat: Chat) -> Finish:
    """One's own people by the beginning of a name, a number, or the end of one."""
    typed = await chat.ask("typed", NameOrPhone("find.ask"))
    for number in range(SEARCHES):
        found: Sequence[Found] = await chat.fetch(directory.find, typed=typed, phone=_number(typed))
        last = [NEW] if chat.person.role in LEADS else [AGAIN]
        choice = await chat.ask(f"who-{number}", Whom(chat.programme, found, last))
        if isinstance(choice, dict):
            typed = choice["words"]
            continue
        return _opened(number_of(choice[1:])) if choice not in (NEW.code, AGAIN.code) else _on(choice, typed)
    return Finish(then="find")


def _opened(contact: int) -> Finish:
    return Finish(door.forget_words, {"script": "find"}, then="contact", given={"contact": str(contact)})


def _on(choice: str, typed: str) -> Finish:
    if choice == AGAIN.code:
        return Finish(door.forget_words, {"script": "find"}, then="find")
    number = _number(typed)
    given: dict[str, Any] = {"phone": {"number": number, "own": False}} if number else {}
    given |= {"called": typed} if any(map(str.isalpha, typed)) else {}
    return Finish(door.forget_words, {"script": "find"}, then="add_person", given=given)


def _number(typed: str) -> str:
    """E.164, also of „359 88…“ without its plus."""
    digits = "".join(filter(str.isdigit, typed))
    is_bare = digits.startswith(COUNTRY) and len(digits) == WHOLE and "+" not in typed
    return read_phone(f"+{digits}" if is_bare else typed)


# --- one person -----------------------------------------------------------------------------------------------------


async def contact(chat: Chat) -> Finish | None:
    """What is known of one of one's own people, and what can be done. That it was looked at is recorded."""
    card = await _card(chat)
    if card is None:
        return None
    now = (await chat.fetch(clock.now)).astimezone(chat.programme.zone)
    note = [words(NOTES[chat.given("note")]), literal("")] if chat.given("note") in NOTES else []
    lines = [*note, *(_known(chat, card) if card.full else [literal(f"👤 {card.name}")])]
    lines += [_coming(chat, one, now) for one in card.coming[:SOONEST]]
    if card.last:
        lines.append(_last(chat, card.last, now))
    chat.card(Lines(tuple(lines)), *in_rows(await _deeds(chat, card), 2), [_back(chat.given("back")), STAFF])
    return Finish(staff.audit, {"action": "see", "subject": f"contact:{card.contact_id}"})


def _back(code: str) -> Option:
    """To the list that led here: „a12“ is that of the answers to an announcement."""
    if code in LISTS:
        return Option(f"/{code}", "button.back")
    announcement = number_of(code.removeprefix(ANSWERS)) if code.startswith(ANSWERS) else 0
    return Option(f"/a_answers {announcement}", "button.back") if announcement else FIND


async def _card(chat: Chat) -> Card | None:
    """Whom a button names, if they are one's own."""
    confidential = [a.code for a in chat.programme.activities if a.confidential]
    asked = {"contact_id": number_of(chat.given("contact").partition(".")[0]), "confidential": confidential}
    card: Card | None = await chat.fetch(directory.card, **asked)
    if card is None:
        chat.card("contact.none", [FIND, STAFF])
    return card


def _known(chat: Chat, card: Card) -> list[Words]:
    """A line for each kind of thing, so that the buttons below are seen on a small phone."""
    programme = chat.programme
    place = f" · {programme.settlement(card.settlement).label}" if card.settlement else ""
    phone_ = literal(f"📞 {card.phone}") if card.phone else words("door.without_phone")
    lines = [literal(f"👤 {card.name}{place}"), words("contact.both", first=phone_, second=_chat(card))]
    lines += [literal(f"🏫 {child_shown(programme.institution(c.institution), c.group)}") for c in card.children]
    wishes = [code for code in card.interests if code not in card.activities]
    for key, codes in (("contact.takes_part", card.activities), ("contact.wants", wishes)):
        if codes:
            shown = [programme.activity(code).name for code in dict.fromkeys(codes)]
            lines.append(words(key, what=literal(", ".join(shown))))
    return [*lines, *_status(card)]


def _chat(card: Card) -> Words:
    """„💬 Telegram“; and the language that is not the town's own."""
    titles = [abilities.of(channel).title for channel in card.channels]
    where = [literal(title) if title else words("contact.site") for title in titles]
    key = "contact.no_chat" if not where else "contact.writes" if len(where) == 1 else "contact.writes_both"
    shown = words(key, first=where[0], last=where[-1]) if where else words(key)
    spoken = next((o.label for o in languages() if o.code == card.language != BASE), None)
    return words("contact.both", first=shown, second=spoken) if spoken else shown


def _status(card: Card) -> list[Words]:
    states = {"stopped": "contact.stopped", "blocked": "contact.blocked"}
    return [words(states[card.status])] if card.status in states else []


def _coming(chat: Chat, one: Meeting, now: datetime) -> Words:
    local = one.starts_at.astimezone(chat.programme.zone)
    sign = SIGNS[one.standing] if one.standing != SILENT else "📅"
    return literal(f"{sign} {short(one.title)}: {when.day_label(local.date(), now)}, {local.hour}:{local:%M}")


def _last(chat: Chat, one: Meeting, now: datetime) -> Words:
    at = when.day_label(one.starts_at.astimezone(chat.programme.zone).date(), now)
    key = "contact.came_last" if one.came else "contact.missed_last"
    return words(key, at=literal(at))


async def _deeds(chat: Chat, card: Card) -> list[Option]:
    if chat.person.role not in LEADS:
        return []
    number = card.contact_id
    deeds = [Option(f"/phone {number}", "button.show_phone")] if card.phone else []
    if await chat.fetch(letters.way_to, contact_id=number):
        deeds.append(Option(f"/write {number}", "button.write_to"))
    deeds.append(Option(f"/enter {number}", "button.enter_event"))
    if await chat.fetch(stopping.erasable, contact_id=number) is not None:
        deeds.append(Option(f"/erase {number}", "button.erase_person"))
    return deeds


async def phone(chat: Chat) -> Finish | None:
    """The whole number, to be called; that it was looked at is recorded."""
    card = await _card(chat)
    if card is None:
        return None
    number = await chat.fetch(directory.phone_of, contact_id=card.contact_id)
    back = [Option(f"/contact {card.contact_id}", "button.back")]
    if not number:
        chat.card("door.without_phone", back)
        return None
    shown = Lines((literal(f"👤 {card.name}"), literal(f"📞 {phone_shown(number)}")))
    chat.card(shown, [Option(f"tel:{number}", "call.did_dial")], back)
    return Finish(directory.phone_seen, {"contact_id": card.contact_id})


async def enter(chat: Chat) -> Finish | None:
    """Which of the next events somebody will come to, as they said; then they are on its list."""
    card = await _card(chat)
    if card is None:
        return None
    _, event = numbers_of(chat.given("contact"))
    ahead: Sequence[Sheet] = await chat.fetch(attendance.ahead)
    if any(one.event.id == event for one in ahead):
        said = {"contact_id": card.contact_id, "event_id": event, "rules": chat.programme.rules}
        again = {"contact": str(card.contact_id), "note": "entered"}
        return Finish(door.enter_own, said, then="contact", given=again)
    theirs = {one.event_id for one in card.coming if one.standing == "yes"}
    rows = [[_to(chat, card, one)] for one in ahead if one.event.id not in theirs]
    back = [Option(f"/contact {card.contact_id}", "button.back")]
    asked = words("contact.which_event", name=literal(card.name))
    chat.card(asked if rows else "contact.no_event", *rows, back)
    return None


def _to(chat: Chat, card: Card, one: Sheet) -> Option:
    zone = chat.programme.zone
    day = when.day_label(one.event.starts_at.astimezone(zone).date(), one.now.astimezone(zone))
    return Option(f"/enter {card.contact_id}.{one.event.id}", literal(f"📅 {day}: {short(one.event.title)}"))


async def write(chat: Chat) -> Finish | None:
    """Words to one person: typed, looked at, and sent by a button that says to whom."""
    card = await _card(chat)
    if card is None:
        return None
    way: Way | None = await chat.fetch(letters.way_to, contact_id=card.contact_id)
    if way is None:
        chat.card("contact.no_way", [Option(f"/contact {card.contact_id}", "button.back")])
        return None
    text = await chat.ask("words", Text(words("contact.words", name=literal(card.name)), max_length=LONGEST))
    name = literal(short_name(card.name))
    now: datetime = await chat.fetch(clock.now)
    opens = calendar.next_open(chat.programme.rules, now).astimezone(chat.programme.zone)
    later = [literal(""), words("contact.goes_at", at=literal(f"{opens:%H:%M}"))] if opens > now else []
    look = answer_lines(chat.programme, card.name if way.is_shared else "", text, chat.person.name)
    asked = Lines((words("contact.look", name=literal(card.name)), literal(""), *look, *later))
    send = Option("send", words("button.send_to", name=name))
    await chat.ask(sealed("sure", (card.contact_id, text)), Choice(asked, [send]))
    said = {"contact_id": card.contact_id, "text": text, "rules": chat.programme.rules}
    return Finish(letters.write, said, then="contact", given={"contact": str(card.contact_id), "note": "written"})
