"""What came back from an announcement: who answered what, and whom to call, with the number and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bot.chat import Chat, Conflict, Finish, Option, literal, words
from bot.texts import Label, Lines, Words
from handlers import bulletin
from handlers.announce_words import title
from handlers.announcement import TAP, back_to, meant, nothing_there
from handlers.event_people import leaf, pager, short
from handlers.words import numbers_of, phone_shown
from storage import broadcasts, recipients, staff
from storage.broadcasts import Broadcast
from storage.recipients import OPEN, OUTCOMES, CameBack, Heard, ToCall
from storage.staff import LEADS

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
SIGNS: Mapping[str, str] = {"": "📞", "yes": "✅", "no": "❌", "no_answer": "📵", "wrong_number": "☎"}


# --- the answers -----------------------------------------------------------------------------------------------------


async def a_answers(chat: Chat) -> Finish | None:
    """How many pressed what; under one of the buttons, who they are: that these were looked at is recorded."""
    one = await meant(chat)
    if one is None:
        nothing_there(chat)
        return None
    heard: CameBack = await chat.fetch(recipients.came_back, broadcast_id=one.id)
    code = chat.given("code")
    if code in one.buttons:
        await _who_said(chat, one, code, heard.answers.get(code, 0))
        return _looked_at(one, code)
    rows = [[_said(one, code, heard.answers.get(code, 0))] for code in one.buttons]
    number = sum(heard.answers.values())
    head = words("announce.answers", number=number) if number else Words("announce.no_answers")
    chat.card(Lines((head, literal(f"📣 {title(one)}"))), *rows, [back_to(one)])
    return None


def _looked_at(one: Broadcast, what: str) -> Finish:
    """Who saw names is recorded."""
    return Finish(staff.audit, {"action": "see", "subject": f"broadcast:{one.id}:{what}"})


def _said(one: Broadcast, code: str, number: int) -> Option:
    label = words("announce.answered", label=_label(code), number=number)
    return Option(f"/a_answers {one.id} {code} 0", label)


async def _who_said(chat: Chat, one: Broadcast, code: str, count: int) -> None:
    """The newest first. Whoever wants a call is on the call list; of the others their card leads to the number."""
    places, number, pages = leaf(range(count), chat.given("page"))  # only those of one page are read
    shown = {"code": code, "first": places[0] if places else 0, "limit": len(places)}
    page: Sequence[Heard] = await chat.fetch(recipients.answers, broadcast_id=one.id, **shown)
    calls = code == "call"
    chat.card(
        Lines((words("announce.answered", label=_label(code), number=count), literal(f"📣 {title(one)}"))),
        *([_way_to(one, who, calls=calls)] for who in page),
        pager(f"/a_answers {one.id} {code}", number, pages),
        [Option(f"/a_answers {one.id}", "announce.do_all_answers")],
        [back_to(one)],
    )


def _way_to(one: Broadcast, who: Heard, *, calls: bool) -> Option:
    command = f"/a_call {one.id}.{who.contact_id}" if calls else f"/contact {who.contact_id} a{one.id}"
    return Option(command, literal(f"{'📞' if calls else '👤'} {short(who.name)}"))


def _label(code: str) -> Words:
    label = bulletin.LABELS[code]
    return label if isinstance(label, Words) else Words(label)


# --- the call list ---------------------------------------------------------------------------------------------------


async def a_calls(chat: Chat) -> Finish | None:
    """Whom to call: first who asked for it; whoever was called stands at the end. That it was looked at is recorded."""
    one = await meant(chat)
    if one is None:
        nothing_there(chat)
        return None
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
        Lines((head, literal(f"📣 {title(one)}"))),
        *([_call(one, line)] for line in page),
        pager(f"/a_calls {one.id}", number, pages),
        [back_to(one)],
    )
    return _looked_at(one, "calls")


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
    lines = [literal(f"👤 {line.name}"), _phone(chat, line), _why(line)]
    if line.called in CAME_OF_IT:
        lines.append(words("announce.call_was", what=Words(str(CAME_OF_IT[line.called]))))
    said = f"/a_called {one.id}.{line.contact_id}"
    dial = [Option(f"tel:{line.phone}", "call.did_dial")] if line.phone else []
    outcomes = [Option(f"{said} {outcome}", CAME_OF_IT[outcome]) for outcome in OUTCOMES]
    chat.card(
        Lines((*lines, literal(""), literal(f"📣 {title(one)}"))), dial, outcomes[:2], outcomes[2:], [_to_list(one)]
    )
    subject = f"broadcast:{one.id} contact:{line.contact_id}"
    return Finish(staff.audit, {"action": "phone_seen", "subject": subject}) if line.phone else None


def _phone(chat: Chat, line: ToCall) -> Words:
    """The number; a trainer is told who has it."""
    if line.phone:
        return literal(f"📞 {phone_shown(line.phone)}")
    return words("call.no_phone" if chat.person.role in LEADS else "announce.phone_of_others")


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
    line: ToCall | None = await chat.fetch(recipients.one_to_call, broadcast_id=one.id, contact_id=contact)
    return one, line


def _to_list(one: Broadcast) -> Option:
    return Option(f"/a_calls {one.id}", "guests.to_calls")
