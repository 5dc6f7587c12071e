"""The telephone list of an event: whom to call and why, one person's card with the number, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.chat import Chat, Finish, Option, literal, words
from bot.texts import Lines, Words
from handlers.event_people import PAGE, SIGNS, head, leaf, numbers, pager, sheet_of, short, to_event
from handlers.words import phone_shown
from storage import calls as rows
from storage import invitations
from storage.attendance import Sheet
from storage.calls import NO_ANSWER, OUTCOMES, SILENT, TOLD, WRONG, Call, Callee
from storage.events import Event
from storage.invitations import NO, YES

WHY = {
    "changed": "call.changed", "failed": "call.failed", "remind": "call.remind", "no_channel": "call.no_channel",
    "silent": "call.silent", "stopped": "call.stopped",
}  # fmt: skip
NOTED = {TOLD: "🗣", NO_ANSWER: "📵", WRONG: "🚫"}
SPOKEN = {YES: "✅", NO: "❌", TOLD: "🗣", WRONG: "🚫"}
CAME_OF_IT = {
    YES: "call.did_yes", NO: "call.did_no", TOLD: "call.did_tell", NO_ANSWER: "call.did_ring", WRONG: "call.did_err",
}  # fmt: skip
UNDO = "undo"  # in place of an outcome
HOUR = "at"  # before a slot's number, in what came of a call


async def calls(chat: Chat) -> None:
    """Whom to call, one button a person. What was noted a moment ago stands above, and can be mended."""
    sheet = await sheet_of(chat, chat.given("event"))
    if sheet is None:
        return
    people: Sequence[Call] = await chat.fetch(rows.call_list, sheet=sheet)
    spoken: Sequence[Call] = await chat.fetch(rows.heard, sheet=sheet)
    noted = await _noted(chat, sheet)
    page, number, pages = leaf(people, chat.given("page"))
    event = sheet.event.id
    mend = [Option(f"/call {event}.{chat.given('last')}", "call.to_change")] if noted else []
    mend += [Option(f"/spoken {event} 0", words("call.to_heard", count=len(spoken)))] if spoken else []
    chat.card(
        Lines((*noted, *_how_many(sheet, people), *head(chat, sheet), literal(""), *map(_shown, page))),
        *([Option(f"/call {event}.{one.contact_id}", literal(f"📞 {short(one.name)}"))] for one in page),
        pager(f"/calls {event}", number, pages),
        mend,
        [to_event(sheet)],
    )


async def spoken(chat: Chat) -> None:
    """Who was called already and what came of it; each leads to their card, where it can be changed."""
    sheet = await sheet_of(chat, chat.given("event"))
    if sheet is None:
        return
    people: Sequence[Call] = await chat.fetch(rows.heard, sheet=sheet)
    page, number, pages = leaf(people, chat.given("page"))
    event = sheet.event.id
    chat.card(
        Lines((words("call.heard", count=len(people)), *head(chat, sheet))),
        *([Option(f"/call {event}.{c.contact_id}", literal(f"{SPOKEN[c.called]} {short(c.name)}"))] for c in page),
        pager(f"/spoken {event}", number, pages),
        [_to_list(sheet)],
        [to_event(sheet)],
    )


async def _noted(chat: Chat, sheet: Sheet) -> list[Words]:
    (contact,) = numbers(chat.given("last"), 1)
    last: Callee | None = await chat.fetch(rows.callee, sheet=sheet, contact_id=contact) if contact else None
    if last is None:
        return []
    sign = NOTED.get(last.called, SIGNS[last.standing])
    return [words("call.noted", who=literal(f"{sign} {last.name}")), literal("")]


def _how_many(sheet: Sheet, people: Sequence[Call]) -> list[Words]:
    if sheet.is_over:
        return [words("call.over")]
    said = [words("guests.cancelled")] if sheet.is_cancelled else []
    return [*said, words("call.list", count=len(people)) if people else words("call.nobody")]


def _shown(one: Call) -> Words:
    why = words(WHY[one.why])
    if one.called == NO_ANSWER and one.why == SILENT:
        return words("call.not_heard", name=literal(one.name))
    return words("call.again" if one.called == NO_ANSWER else "call.line", name=literal(one.name), why=why)


# --- one person -----------------------------------------------------------------------------------------------------


async def call(chat: Chat) -> Finish | None:
    """One person: the number, why, and what may come of it. That it was looked at is recorded."""
    event, contact = numbers(chat.given("call"), 2)
    sheet = await sheet_of(chat, str(event))
    if sheet is None:
        return None
    person: Callee | None = await chat.fetch(rows.callee, sheet=sheet, contact_id=contact)
    if person is None or sheet.is_over:
        chat.card("call.gone", [_to_list(sheet)])
        return None
    hours: Sequence[Event] = await _hours(chat, sheet)
    left = await chat.fetch(invitations.seats_left, event_id=sheet.event.id)
    lines = [*_known(chat, person), _why(person), *head(chat, sheet)]
    if person.hour:
        lines.append(words("call.hour", at=_at(chat, person.hour)))
    if left == 0 and person.standing in ("silent", "waiting"):
        lines.append(words("call.full"))
    chat.card(Lines(tuple(lines)), *_dial(person), *_outcomes(chat, sheet, person, hours), [_to_list(sheet)])
    return Finish(rows.opened, {"event_id": sheet.event.id, "contact_id": contact}) if person.phone else None


def _why(person: Callee) -> Words:
    """Why they are to be called, or what came of it when they were."""
    if person.due or not person.called:
        return words("call.why", why=words(WHY[person.why]))
    return words("call.was", what=words(CAME_OF_IT[person.called]))


async def _hours(chat: Chat, sheet: Sheet) -> Sequence[Event]:
    """The free hours of an appointment that one screen holds."""
    if sheet.event.kind != "appointment" or sheet.is_cancelled:
        return []
    free: Sequence[Event] = await chat.fetch(invitations.slots, event_id=sheet.event.id)
    return free[:PAGE]


def _known(chat: Chat, person: Callee) -> list[Words]:
    lines = [literal(f"👤 {person.name}")]
    if person.phone:
        lines.append(literal(f"📞 {phone_shown(person.phone)}"))
    else:
        lines.append(words("call.no_phone"))
    if person.settlement:
        lines.append(literal(f"📍 {chat.programme.settlement(person.settlement).label}"))
    if person.registered_by:
        lines.append(words("call.registered_by", name=literal(person.registered_by)))
    if person.called == NO_ANSWER:
        lines.append(words("call.rang"))
    return lines


def _dial(person: Callee) -> list[list[Option]]:
    return [[Option(f"tel:{person.phone}", "call.did_dial")]] if person.phone else []


def _outcomes(chat: Chat, sheet: Sheet, person: Callee, hours: Sequence[Event]) -> list[list[Option]]:
    said = f"/called {sheet.event.id}.{person.contact_id}"
    if sheet.is_cancelled:
        heard = [[Option(f"{said} {TOLD}", "call.did_tell")]]
    elif hours or person.hour:
        at = [Option(f"{said} {HOUR}{h.id}", literal(f"🕙 {_at(chat, h.starts_at)}")) for h in hours]
        theirs = [[Option(f"{said} {YES}", "call.did_hour")]] if person.hour else []
        heard = [*theirs, *(at[n : n + 2] for n in range(0, len(at), 2)), [Option(f"{said} {NO}", "call.did_no")]]
    else:
        heard = [[Option(f"{said} {YES}", "call.did_yes"), Option(f"{said} {NO}", "call.did_no")]]
    if person.phone:
        heard.append([Option(f"{said} {NO_ANSWER}", "call.did_ring"), Option(f"{said} {WRONG}", "call.did_err")])
    return [*heard, [Option(f"{said} {UNDO}", "call.to_undo")]] if person.called else heard


def _at(chat: Chat, time: datetime) -> str:
    return f"{time.astimezone(chat.programme.zone):%d.%m, %H:%M}"


async def called(chat: Chat) -> Finish | None:
    """Keep what came of a call, and go on with the next person."""
    event, contact = numbers(chat.given("call"), 2)
    sheet = await sheet_of(chat, str(event))
    if sheet is None:
        return None
    outcome = chat.given("outcome")
    slot = numbers(outcome.removeprefix(HOUR), 1)[0] if outcome.startswith(HOUR) else 0
    if slot and slot not in {one.id for one in await _hours(chat, sheet)}:
        chat.say("call.hour_gone")
        return Finish(then="call", given={"call": chat.given("call")})
    person: Callee | None = await chat.fetch(rows.callee, sheet=sheet, contact_id=contact)
    if person is None or sheet.is_over or (not slot and outcome not in (*OUTCOMES, UNDO)):
        chat.card("call.gone", [_to_list(sheet)])
        return None
    if outcome == UNDO:
        back = {"event_id": sheet.event.id, "contact_id": contact, "rules": chat.programme.rules}
        return Finish(rows.taken_back, back, then="calls", given={"event": str(sheet.event.id)})
    came_of_it = YES if slot else TOLD if sheet.is_cancelled and outcome in (YES, NO) else outcome
    said = {"event_id": sheet.event.id, "contact_id": contact, "outcome": came_of_it, "slot_id": slot}
    given = {"event": str(sheet.event.id), "last": str(contact)}
    return Finish(rows.called, {**said, "rules": chat.programme.rules}, then="calls", given=given)


def _to_list(sheet: Sheet) -> Option:
    return Option(f"/calls {sheet.event.id}", "guests.to_calls")
