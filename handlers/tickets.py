"""Questions of residents for the team: what waits, one of them, taking it, passing it on, closing it.

Storage decides at every tap whether it is theirs; one that is not is answered like one that does not exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.chat import Chat, Finish, Option, literal, words
from bot.privacy import short_name
from bot.texts import Lines, Words
from handlers.events import STAFF
from handlers.ticket_words import Look, told, waits, ways
from handlers.words import number_of, phone_shown
from storage import directory, staff, ticket_desk, ticket_view
from storage.clock import now as time_now
from storage.staff import LEADS
from storage.ticket_view import OPEN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from storage.staff import Member
    from storage.ticket_desk import Row
    from storage.ticket_view import Ticket, Way

QUESTIONS = Option("/questions", "ticket.do_list")
ROWS = 8  # questions on one screen
BEGINNING = 18  # letters of a question on its button


async def questions(chat: Chat) -> None:
    """What waits first, the longest first; then what was settled lately."""
    page = number_of(chat.given("page"))
    found: Sequence[Row] = await chat.fetch(ticket_desk.questions, limit=ROWS * (page + 1) + 1)
    now = await chat.fetch(time_now)
    shown = found[ROWS * page : ROWS * (page + 1)]
    secret = {a.code for a in chat.programme.activities if a.confidential}
    rows = [[Option(f"/ticket {one.id}", _label(one, now, is_secret=one.about in secret))] for one in shown]
    if len(found) > ROWS * (page + 1):
        rows.append([Option(f"/questions {page + 1}", "button.leaf")])
    if page:
        rows.append([Option(f"/questions {page - 1}", "button.back")])
    waiting = any(one.status == OPEN for one in found)
    used = {_sign(one, now) for one in shown}
    legend = [words(key) for sign, key in LEGEND.items() if sign in used]
    title = words("ticket.waiting" if waiting else "ticket.none_waiting")
    chat.card(Lines((title, *legend)), *rows, [STAFF])


LEGEND = {"🔴": "ticket.sign_late", "🟠": "ticket.sign_waits", "🟡": "ticket.sign_taken", "✅": "ticket.sign_settled"}


def _sign(row: Row, now: datetime) -> str:
    if row.status != OPEN:
        return "✅"
    return "🔴" if row.due_at is not None and row.due_at <= now else "🟡" if row.taken_by else "🟠"


def _label(row: Row, now: datetime, *, is_secret: bool) -> Words:
    """„🔴 Мария И. · „А мога ли…““; of what is nobody else's business, or has no words, only how long it waits."""
    shown = {"sign": _sign(row, now), "who": literal(short_name(row.name))}
    text = "" if is_secret else " ".join(row.text.split())
    if text:
        return words("ticket.row_words", text=literal(_first_words(text)), **shown)
    if row.status != OPEN:
        return literal(f"✅ {short_name(row.name)}")
    return words("ticket.row", wait=waits(row.created_at, now), **shown)


def _first_words(text: str) -> str:
    """As many as fit a button beside a name."""
    if len(text) <= BEGINNING:
        return text
    cut = text[:BEGINNING]
    whole = cut.rpartition(" ")[0]
    return f"{whole if len(whole) > BEGINNING // 2 else cut}…"


# --- one of them ----------------------------------------------------------------------------------------------------


async def ticket(chat: Chat) -> Finish | None:
    """One question and what can be done about it. That it was looked at is recorded."""
    seen = await meant(chat)
    note = NOTES.get(chat.given("note"))
    if seen is None:
        chat.card(note or "ticket.none_such", [QUESTIONS], [STAFF])
        return None
    look = await look_of(chat)
    lines = told(seen, look)
    way: Way | None = await chat.fetch(ticket_view.way_back, ticket_id=seen.id)
    rows = ways(seen)
    if way is None and seen.status == OPEN:
        lines = [*lines, no_way(chat, seen)]
        rows = [*to_call(chat, seen), *rows[1:]]
    attached = [[Option(f"/ticket_files {seen.id}", "ticket.do_files")]] if seen.attached else []
    above = [note, literal("")] if note else []
    chat.card(Lines((*above, *lines)), *rows, *attached, [QUESTIONS, STAFF])
    return looked_at(seen)


def looked_at(seen: Ticket) -> Finish:
    """Who saw a question is recorded."""
    return Finish(staff.audit, {"action": "see", "subject": f"ticket:{seen.id}"})


NOTES = {
    "sent": Words("ticket.sent"),
    "promised": Words("ticket.sent_promise"),
    "passed": Words("ticket.passed"),
    "called": Words("ticket.noted_call"),
    "closed": Words("ticket.noted_closed"),
}


def no_way(chat: Chat, seen: Ticket) -> Words:
    """No channel leads to them: only a call. Its number is masked, and never a trainer's business."""
    if chat.person.role not in LEADS:
        return Words("ticket.let_call")
    return words("ticket.call_them", phone=literal(seen.phone)) if seen.phone else Words("ticket.no_phone")


def to_call(chat: Chat, seen: Ticket) -> list[list[Option]]:
    """The way to the number, and what to tap when it was called."""
    number = [[Option(f"/ticket_phone {seen.id}", "button.show_phone")]]
    shown = number if seen.phone and chat.person.role in LEADS else []
    return [*shown, [Option(f"/called_back {seen.id}", "ticket.do_called")]]


async def ticket_phone(chat: Chat) -> Finish | None:
    """The whole number of whoever asked, to be called; that it was looked at is recorded."""
    seen = await meant(chat)
    number = await chat.fetch(ticket_view.phone_of, ticket_id=seen.id) if seen else ""
    if seen is None or not number:
        chat.card("ticket.none_such", [QUESTIONS], [STAFF])
        return None
    shown = Lines((literal(f"👤 {seen.name}"), literal(f"📞 {phone_shown(number)}")))
    back = [Option(f"/ticket {seen.id}", "button.back")]
    chat.card(shown, [Option(f"tel:{number}", "call.did_dial")], back)
    return Finish(directory.phone_seen, {"contact_id": seen.contact_id})


async def meant(chat: Chat) -> Ticket | None:
    """The question whose number a command names, if whoever asks may see it."""
    found: Ticket | None = await chat.fetch(ticket_view.question_for, ticket_id=number_of(chat.given("ticket")))
    return found


async def look_of(chat: Chat) -> Look:
    """For whom it is shown."""
    return Look(chat.programme, chat.person.contact_id, await chat.fetch(time_now))


async def ticket_files(chat: Chat) -> Finish | None:
    """Everything that came with a question, each as its own message; that it was looked at is recorded."""
    seen = await meant(chat)
    if seen is None or not seen.attached:
        chat.card("ticket.none_such", [QUESTIONS], [STAFF])
        return None
    look = await look_of(chat)
    for said in seen.attached:
        chat.say(words("ticket.sent_at", when=literal(look.shown(said.at))), media=said.media)
    chat.say("ticket.that_is_all", buttons=[Option(f"/ticket {seen.id}", "ticket.do_open")], apart=True)
    return looked_at(seen)


# --- what is done ---------------------------------------------------------------------------------------------------


async def take(chat: Chat) -> Finish:
    """„Ще отговоря по-късно“: the others see it."""
    number = number_of(chat.given("ticket"))
    return Finish(ticket_desk.take, {"ticket_id": number}, then="ticket", given={"ticket": str(number)})


async def pass_on(chat: Chat) -> Finish | None:
    """To whom; or it is done at once, where that is said already."""
    seen, to = await meant(chat), number_of(chat.given("to"))
    team: Sequence[Member] = await chat.fetch(ticket_desk.colleagues)
    if seen is None or seen.status != OPEN:
        return Finish(then="ticket", given={"ticket": chat.given("ticket")})
    if any(member.contact_id == to for member in team):
        values = {"ticket_id": seen.id, "to": to, "office": chat.programme.desk}
        return Finish(ticket_desk.pass_on, values, then="ticket", given={"ticket": str(seen.id), "note": "passed"})
    rows = [[Option(f"/pass {seen.id} {m.contact_id}", literal(f"👤 {short_name(m.name)}"))] for m in team]
    chat.card("ticket.pass_to" if rows else "ticket.nobody_else", *rows, [Option(f"/ticket {seen.id}", "button.back")])
    return None


async def no_answer(chat: Chat) -> Finish:
    """It needs no answer. Whoever wrote hears nothing of it."""
    number = number_of(chat.given("ticket"))
    given = {"ticket": str(number), "note": "closed"} if await meant(chat) else {"ticket": str(number)}
    return Finish(ticket_desk.close, {"ticket_id": number}, then="ticket", given=given)


async def reopen(chat: Chat) -> Finish:
    """That was a slip."""
    number = number_of(chat.given("ticket"))
    values = {"ticket_id": number, "office": chat.programme.desk}
    return Finish(ticket_desk.reopen, values, then="ticket", given={"ticket": str(number)})


async def called_back(chat: Chat) -> Finish:
    """Whom no channel reaches was called."""
    number = number_of(chat.given("ticket"))
    given = {"ticket": str(number), "note": "called"} if await meant(chat) else {"ticket": str(number)}
    return Finish(ticket_desk.answered_by_phone, {"ticket_id": number}, then="ticket", given=given)
