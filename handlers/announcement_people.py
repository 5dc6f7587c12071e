"""What came back from an announcement: who answered what, and whom to call, with the number and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bot.chat import Chat, Conflict, Finish, Option, literal, words
from bot.texts import Label, Lines, Words
from handlers import bulletin
from handlers.announcement import TAP, back_to, meant, nothing_there, snippet
from handlers.event_people import leaf, pager, short
from handlers.words import numbers_of, phone_shown
from storage import broadcasts, recipients, staff
from storage.broadcasts import Broadcast
from storage.recipients import OUTCOMES, Heard, ToCall

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bot.chat import Acting

WHY: Mapping[str, Words] = {
    "asked": Words("announce.call_asked"), "blocked": Words("announce.call_blocked"),
    "no_channel": Words("announce.call_channel"), "failed": Words("announce.call_failed"),
    "unsure": Words("announce.call_unsure"),
}  # fmt: skip
CAME_OF_IT: Mapping[str, Label] = {
    "yes": "announce.do_reached", "no": "announce.do_refused",
    "no_answer": "call.did_ring", "wrong_number": "call.did_err",
}  # fmt: skip
OPEN = ("", "no_answer")  # to be called still, or again
SIGNS: Mapping[str, str] = {"": "📞", "yes": "✅", "no": "❌", "no_answer": "📵", "wrong_number": "☎"}


# --- the answers -----------------------------------------------------------------------------------------------------


async def a_answers(chat: Chat) -> None:
    """How many pressed what; under one of the buttons, who they are, each with the way to them."""
    one = await meant(chat)
    if one is None:
        nothing_there(chat)
        return
    heard: Mapping[str, Sequence[Heard]] = await chat.fetch(recipients.answers, broadcast_id=one.id)
    code = chat.given("code")
    if code in one.buttons:
        _who_said(chat, one, code, list(reversed(heard.get(code, ()))))
        return
    rows = [[_said(one, code, len(heard.get(code, ())))] for code in one.buttons]
    number = sum(map(len, heard.values()))
    head = words("announce.answers", number=number) if number else Words("announce.no_answers")
    chat.card(Lines((head, literal(f"📣 {snippet(one)}"))), *rows, [back_to(one)])


def _said(one: Broadcast, code: str, number: int) -> Option:
    label = words("announce.answered", label=_label(code), number=number)
    return Option(f"/a_answers {one.id} {code} 0", label)


def _who_said(chat: Chat, one: Broadcast, code: str, people: Sequence[Heard]) -> None:
    """The newest first. Whoever wants a call is on the call list; of the others their card leads to the number."""
    page, number, pages = leaf(people, chat.given("page"))
    calls = code == "call"
    chat.card(
        Lines((words("announce.answered", label=_label(code), number=len(people)), literal(f"📣 {snippet(one)}"))),
        *([_way_to(one, who, calls=calls)] for who in page),
        pager(f"/a_answers {one.id} {code}", number, pages),
        [Option(f"/a_answers {one.id}", "announce.do_all_answers")],
        [back_to(one)],
    )


def _way_to(one: Broadcast, who: Heard, *, calls: bool) -> Option:
    command = f"/a_call {one.id}.{who.contact_id}" if calls else f"/contact {who.contact_id}"
    return Option(command, literal(f"{'📞' if calls else '👤'} {short(who.name)}"))


def _label(code: str) -> Words:
    label = bulletin.LABELS[code]
    return label if isinstance(label, Words) else Words(label)


# --- the call list ---------------------------------------------------------------------------------------------------


async def a_calls(chat: Chat) -> None:
    """Whom to call: first who asked for it; whoever was called stands at the end, and can be mended."""
    one = await meant(chat)
    if one is None:
        nothing_there(chat)
        return
    everybody: list[ToCall] = await chat.fetch(recipients.call_list, broadcast_id=one.id)
    ordered = sorted(everybody, key=lambda line: (line.called not in OPEN, bool(line.called), line.why != "asked"))
    page, number, pages = leaf(ordered, chat.given("page"))
    open_ = sum(line.called in OPEN for line in everybody)
    head = (
        words("announce.to_call", number=open_)
        if open_
        else Words("announce.all_called" if everybody else "announce.nobody_to_call")
    )
    chat.card(
        Lines((head, literal(f"📣 {snippet(one)}"), literal(""), *map(_line, page))),
        *([_call(one, line)] for line in page),
        pager(f"/a_calls {one.id}", number, pages),
        [back_to(one)],
    )


def _line(line: ToCall) -> Words:
    return words("announce.call_line", name=literal(f"{SIGNS.get(line.called, '')} {line.name}"), why=_why(line))


def _why(line: ToCall) -> Words:
    return WHY.get(line.why, WHY["failed"])


def _call(one: Broadcast, line: ToCall) -> Option:
    return Option(f"/a_call {one.id}.{line.contact_id}", literal(f"{SIGNS.get(line.called, '📞')} {short(line.name)}"))


async def a_call(chat: Chat) -> Finish | None:
    """One person: the number, why, and what may come of it. That it was looked at is recorded."""
    one, line = await _meant(chat)
    if one is None:
        nothing_there(chat)
        return None
    if line is None:
        chat.card("announce.not_listed", [_to_list(one)], [back_to(one)])
        return None
    phone = literal(f"📞 {phone_shown(line.phone)}") if line.phone else words("call.no_phone")
    lines = [literal(f"👤 {line.name}"), phone, _why(line)]
    if line.called in CAME_OF_IT:
        lines.append(words("announce.call_was", what=Words(str(CAME_OF_IT[line.called]))))
    said = f"/a_called {one.id}.{line.contact_id}"
    dial = [Option(f"tel:{line.phone}", "call.did_dial")] if line.phone else []
    outcomes = [Option(f"{said} {outcome}", CAME_OF_IT[outcome]) for outcome in OUTCOMES]
    chat.card(
        Lines((*lines, literal(""), literal(f"📣 {snippet(one)}"))), dial, outcomes[:2], outcomes[2:], [_to_list(one)]
    )
    subject = f"broadcast:{one.id} contact:{line.contact_id}"
    return Finish(staff.audit, {"action": "phone_seen", "subject": subject}) if line.phone else None


async def a_called(chat: Chat) -> Finish | None:
    """Keep what came of a call, and go on with the next person."""
    one, line = await _meant(chat)
    if one is None:
        nothing_there(chat)
        return None
    outcome = chat.given("outcome")
    if line is None or outcome not in OUTCOMES or not chat.given(TAP):
        chat.card("announce.not_listed", [_to_list(one)], [back_to(one)])
        return None
    values = {"broadcast_id": one.id, "contact_id": line.contact_id, "outcome": outcome}
    return Finish(called, values, then="a_calls", given={"announcement": str(one.id)})


def called(connection: Connection, acting: Acting, *, broadcast_id: int, contact_id: int, outcome: str) -> None:
    """Keep it; where it cannot be kept, the tap is taken back."""
    try:
        recipients.called(connection, acting, broadcast_id=broadcast_id, contact_id=contact_id, outcome=outcome)
    except Conflict as conflict:
        raise Conflict(TAP, conflict.why) from None


async def _meant(chat: Chat) -> tuple[Broadcast | None, ToCall | None]:
    """The announcement and the line of its call list that a command names."""
    number, contact = numbers_of(chat.given("call"))
    one: Broadcast | None = await chat.fetch(broadcasts.for_staff, broadcast_id=number)
    if one is None:
        return None, None
    lines: list[ToCall] = await chat.fetch(recipients.call_list, broadcast_id=one.id)
    return one, next((line for line in lines if line.contact_id == contact), None)


def _to_list(one: Broadcast) -> Option:
    return Option(f"/a_calls {one.id}", "guests.to_calls")
