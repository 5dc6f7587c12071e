"""Follow-ups: who is asked what came of a participation, what they answered, and what staff confirm.

A person is asked about one activity a day at most, and never again what they said lately. Names and answers are opened
here, so it must never be logged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select, update

from bot import calendar
from bot.alphabets import fold
from bot.calendar import Rules
from bot.chat import Acting
from bot.messages import Lane
from storage import notices, notifications, participation, staff
from storage.people import upsert
from storage.results import ANSWERED, ASKED, CONFIRMED, DROPPED, WAITING
from storage.tables import addresses, contacts, events, invitations, outbox, residents
from storage.tables import participations as stays
from storage.tables import results as rows

PREFIX = "result"  # of the outbox keys
APART = timedelta(hours=20)  # between two follow-ups to one person: the next day, if not quite at the same hour
PATIENCE = timedelta(days=3)  # after which staff see whom nobody has heard of
LATELY = timedelta(days=30)  # as long as what somebody said of their work is not asked once more


# --- asking ---------------------------------------------------------------------------------------------------------


def followups_due(connection: Connection, now: datetime, rules: Rules) -> int:
    """Queue the follow-ups whose time has come, and give up those whose time is over. Gives how many were queued.

    Whom no channel reaches stays waiting, and stands on the staff's list.
    """
    _give_up(connection, now)
    opens = calendar.next_open(rules, now)
    chosen = {row.contact_id: row for row in reversed(_waiting(connection, now, opens))}
    if not chosen:
        return 0
    drafts = [
        {
            "key": f"{PREFIX}:{row.id}:{row.ask_at:%Y%m%d}", "channel": row.channel, "address_id": row.address_id,
            "contact_id": row.contact_id, "lane": int(Lane.REMINDER), "status": "queued", "not_before": opens,
            "expires_at": row.until, "created_at": now,
        }
        for row in sorted(chosen.values(), key=lambda row: row.id)
    ]  # fmt: skip
    connection.execute(upsert(connection, outbox).on_conflict_do_nothing(), drafts)
    mine = rows.c.id.in_([row.id for row in chosen.values()])
    connection.execute(update(rows).where(mine).values(state=ASKED, asked_at=now))
    return len(drafts)


def _waiting(connection: Connection, now: datetime, opens: datetime) -> Sequence[Any]:
    """What may be asked now, with the address to ask at; the longest due first."""
    other, same = rows.alias(), stays.alias()
    lately = exists().where(
        same.c.id == other.c.participation_id, same.c.contact_id == stays.c.contact_id, other.c.asked_at > now - APART
    )
    return connection.execute(
        select(
            rows.c.id, rows.c.ask_at, rows.c.until, stays.c.contact_id, addresses.c.channel,
            addresses.c.id.label("address_id"),
        )
        .join(stays, stays.c.id == rows.c.participation_id)
        .join(contacts, contacts.c.id == stays.c.contact_id)
        .join(addresses, addresses.c.id == notifications.best_address(stays.c.contact_id))
        .where(rows.c.state == WAITING, rows.c.ask_at <= now, rows.c.until > opens, contacts.c.status == "active")
        .where(~lately)
        .order_by(rows.c.ask_at, rows.c.id)
        .with_for_update(of=rows)
    ).all()  # fmt: skip


def _give_up(connection: Connection, now: datetime) -> None:
    late = rows.c.state.in_((WAITING, ASKED)) & (rows.c.until <= now)
    count = connection.execute(update(rows).where(late).values(state=DROPPED)).rowcount
    if count:
        notices.add(connection, "follow_up", f"{count} follow-up(s) had no answer in time", now)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What one queued message asks about."""

    result_id: int
    name: str
    language: str
    activity: str
    due: str


def followup_facts(connection: Connection, keys: Sequence[str]) -> Mapping[str, FollowUp]:
    """The facts of queued messages; absent are those that need no answer any more, or whose reader left."""
    numbers = {int(key.split(":")[1]): key for key in keys}
    found = connection.execute(
        select(rows.c.id, rows.c.due, stays.c.activity, contacts.c.name, contacts.c.language)
        .join(stays, stays.c.id == rows.c.participation_id)
        .join(contacts, contacts.c.id == stays.c.contact_id)
        .where(rows.c.id.in_(numbers), rows.c.state == ASKED, contacts.c.status == "active")
    )
    return {numbers[r.id]: FollowUp(r.id, r.name or "", r.language, r.activity, r.due) for r in found}


# --- one result -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Result:
    """One follow-up, opened. Times are UTC."""

    id: int
    due: str
    state: str
    until: datetime
    contact_id: int
    name: str
    phone: str
    activity: str
    exit_at: datetime
    answers: Mapping[str, str]
    worked: bool  # before: the person's own word
    trained: bool  # they attended something that may end with a document


def mine(connection: Connection, acting: Acting, *, result_id: int) -> Result | None:
    """A follow-up, if it is about whoever acts or somebody behind the same address."""
    here = select(residents.c.contact_id).where(residents.c.address_id == acting.address_id)
    own = or_(stays.c.contact_id == acting.contact_id, stays.c.contact_id.in_(here))
    found = _opened(connection, own & (rows.c.id == result_id))
    return found[0] if found else None


def of_staff(connection: Connection, acting: Acting, *, result_id: int) -> Result | None:
    """A follow-up, if whoever acts may see whose it is."""
    found = _opened(connection, participation.visible(connection, acting) & (rows.c.id == result_id))
    return found[0] if found else None


def listed(connection: Connection, acting: Acting) -> Sequence[Result]:
    """What staff have to do: confirm what was answered, and call whom no message reached or who does not answer."""
    unreached = or_(contacts.c.status != "active", notifications.best_address(stays.c.contact_id).is_(None))
    silent = or_(
        and_(rows.c.state == ASKED, rows.c.asked_at <= acting.now - PATIENCE),
        and_(rows.c.state == WAITING, rows.c.ask_at <= acting.now, unreached),
    )
    to_call = and_(silent, rows.c.until > acting.now, contacts.c.status != "stopped")
    found = _opened(connection, participation.visible(connection, acting) & or_(rows.c.state == ANSWERED, to_call))
    return sorted(found, key=lambda r: (r.state != ANSWERED, r.until, fold(r.name), r.id))


def _opened(connection: Connection, which: ColumnElement[bool]) -> list[Result]:
    came = (invitations.c.contact_id == stays.c.contact_id) & invitations.c.attended.is_(True)
    lesson = (events.c.activity == stays.c.activity) & events.c.kind.in_(("training", "course"))
    trained = exists().where(events.c.id == invitations.c.event_id, came, lesson)
    found = connection.execute(
        select(
            rows, stays.c.contact_id, stays.c.activity, stays.c.exit_at, contacts.c.name, contacts.c.phone,
            stays.c.entry_work, trained.label("trained"),
        )
        .join(stays, stays.c.id == rows.c.participation_id)
        .join(contacts, contacts.c.id == stays.c.contact_id)
        .where(which, stays.c.exit_at.is_not(None), contacts.c.status != "archived")
    )  # fmt: skip
    return [
        Result(
            row.id, row.due, row.state, row.until, row.contact_id, row.name or "", row.phone or "", row.activity,
            row.exit_at, row.answers or {}, row.entry_work == "yes", bool(row.trained),
        )
        for row in found
    ]  # fmt: skip


def said_lately(connection: Connection, acting: Acting, *, contact_id: int) -> Mapping[str, str]:
    """What somebody answered about another activity within the last weeks."""
    theirs = (stays.c.contact_id == contact_id) & (rows.c.answered_at > acting.now - LATELY)
    found = connection.execute(
        select(rows.c.answers)
        .join(stays, stays.c.id == rows.c.participation_id)
        .where(theirs, rows.c.state.in_((ANSWERED, CONFIRMED)))
        .order_by(rows.c.answered_at.desc())
        .limit(1)
    ).scalar()
    return found or {}


# --- answers --------------------------------------------------------------------------------------------------------


def answer(connection: Connection, acting: Acting, *, result_id: int, facts: Mapping[str, str]) -> None:
    """Keep what somebody said of themselves. It counts once staff have confirmed it."""
    open_ = (rows.c.id == result_id) & (rows.c.state == ASKED)
    said = {"answers": {**facts, "by": "person"}, "answered_at": acting.now, "state": ANSWERED}
    connection.execute(update(rows).where(open_).values(said))


def looked_at(connection: Connection, acting: Acting, *, result_id: int) -> None:
    """Staff saw somebody's number and answers: that is recorded."""
    staff.audit(connection, acting, "look", f"result:{result_id}")


def confirm(connection: Connection, acting: Acting, *, result_id: int) -> None:
    """Staff stand for what somebody said."""
    said = (rows.c.id == result_id) & (rows.c.state == ANSWERED)
    sealed = {"state": CONFIRMED, "confirmed_by": acting.contact_id, "confirmed_at": acting.now}
    if connection.execute(update(rows).where(said).values(sealed)).rowcount:
        staff.audit(connection, acting, "confirm", f"result:{result_id}")


def enter(connection: Connection, acting: Acting, *, result_id: int, facts: Mapping[str, str]) -> None:
    """Staff heard it by telephone, or correct it: what they enter stands at once."""
    open_ = (rows.c.id == result_id) & (rows.c.state != DROPPED)
    heard = {
        "answers": {**facts, "by": "staff"}, "answered_at": acting.now, "state": CONFIRMED,
        "confirmed_by": acting.contact_id, "confirmed_at": acting.now,
    }  # fmt: skip
    if connection.execute(update(rows).where(open_).values(heard)).rowcount:
        staff.audit(connection, acting, "enter", f"result:{result_id}")
