"""Who takes part in which activity, and how their stay ends: for staff. Why somebody left is never an illness."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.chat import Chat, Finish, Option, literal, words
from bot.texts import Lines, Words, day
from handlers.words import activity_label, number_of
from storage import participation
from storage.participation import COMPLETED, LEFT, REASONS, Crowd, Participation
from storage.staff import LEADS

PEOPLE = 8  # on one screen
STAFF = Option("/staff", "button.back")


async def people_in(chat: Chat) -> None:
    """The activities with their participants; of one of them, the people, a page at a time."""
    crowds: Sequence[Crowd] = await chat.fetch(participation.crowds)
    crowd = next((c for c in crowds if c.activity == chat.given("activity")), None)
    if crowd is not None:
        await _people(chat, crowd)
        return
    rows = [[Option(f"/people_in {c.activity}", _counted(chat, c))] for c in crowds]
    chat.card("participant.activities" if rows else "participant.nobody", *rows, _more(chat), [STAFF])


def _more(chat: Chat, activity: str = "") -> list[Option]:
    """The way to enter somebody, for those who may."""
    return [Option(f"/enrol {activity}".rstrip(), "enrol.button")] if chat.person.role in LEADS else []


def _counted(chat: Chat, crowd: Crowd) -> Words:
    return words("participant.line", activity=_activity(chat, crowd.activity), count=crowd.inside)


async def _people(chat: Chat, crowd: Crowd) -> None:
    code = crowd.activity
    everybody: Sequence[Participation] = await chat.fetch(participation.people, activity=code)
    last = max(0, len(everybody) - 1) // PEOPLE
    page = min(number_of(chat.given("page")), last)
    shown = everybody[page * PEOPLE : (page + 1) * PEOPLE]
    leaf = [Option(f"/people_in {code} {page - 1}", "button.leaf_back")] if page else []
    leaf += [Option(f"/people_in {code} {page + 1}", "button.leaf")] if page < last else []
    title = words("participant.list", activity=_activity(chat, code), inside=crowd.inside, gone=crowd.gone)
    people = [[Option(f"/participant {p.id}", _name(p))] for p in shown]
    chat.card(title, *people, leaf, _more(chat, code), [Option("/people_in", "button.back")])


def _name(stay: Participation) -> Words:
    return words(f"stay.{stay.exit_kind or 'inside'}", name=literal(stay.name))


async def participant(chat: Chat) -> None:
    """One person's stay, and how it ends."""
    stay = await _stay(chat)
    if stay is None:
        return
    parts = [
        words("participant.shown", name=literal(stay.name), activity=_activity(chat, stay.activity)),
        words("participant.since", day=_day(chat, stay.entry_at)),
    ]
    if stay.exit_at is None:
        ends = [[_end(stay, COMPLETED, "button.completed")], [_end(stay, LEFT, "button.left")]]
    else:
        over = "participant.completed" if stay.exit_kind == COMPLETED else "participant.left"
        parts.append(words(over, day=_day(chat, stay.exit_at)))
        parts += [words(f"reason.{stay.exit_reason}")] if stay.exit_reason else []
        ends = [[_end(stay, "back", "button.exit_back")]]
    chat.card(Lines(tuple(parts)), *ends, [_list(stay)])


def _end(stay: Participation, how: str, label: str) -> Option:
    return Option(f"/leave_activity {stay.id} {how}", label)


async def leave_activity(chat: Chat) -> Finish | None:
    """Completed, left and why, or back: kept at once, and taken back as easily."""
    stay = await _stay(chat)
    if stay is None:
        return None
    how, reason = chat.given("how"), chat.given("reason")
    if how == LEFT and reason not in REASONS:
        asked = words("participant.why", name=literal(stay.name))
        whys = [[Option(f"/leave_activity {stay.id} {LEFT} {code}", f"reason.{code}")] for code in REASONS]
        chat.card(asked, *whys, [Option(f"/participant {stay.id}", "button.back")])
        return None
    given = {"participation": str(stay.id)}
    if how == "back":
        return Finish(participation.come_back, {"participation_id": stay.id}, then="participant", given=given)
    if how not in (COMPLETED, LEFT):
        return Finish(then="participant", given=given)
    gone = {"kind": how, "reason": reason if how == LEFT else "", "zone": chat.programme.zone}
    return Finish(participation.leave, {"participation_id": stay.id, **gone}, then="participant", given=given)


async def _stay(chat: Chat) -> Participation | None:
    number = number_of(chat.given("participation"))
    stay: Participation | None = await chat.fetch(participation.by_id, participation_id=number) if number else None
    if stay is None:
        chat.card("participant.gone", [Option("/people_in", "button.back")])
    return stay


def _list(stay: Participation) -> Option:
    return Option(f"/people_in {stay.activity}", "button.back")


def _activity(chat: Chat, code: str) -> Words:
    return activity_label(chat.programme.activity(code))


def _day(chat: Chat, at: datetime) -> Words:
    return literal(day(at.astimezone(chat.programme.zone)))
