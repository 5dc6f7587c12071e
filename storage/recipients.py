"""Recipients: the ledger of a broadcast, one row for each who was in the group when it started, and what came of it.

Read by whoever may see the broadcast, checked each time: the numbers of it are theirs, names and telephones only of who
is one of their people at that moment. Must never hold what was written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    case,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)

from bot.abilities import ABILITIES
from bot.alphabets import fold
from bot.calendar import Rules
from bot.chat import Acting, Conflict
from bot.messages import Lane
from storage import broadcasts, charges, deliveries, entering
from storage import staff as roles
from storage.broadcasts import Broadcast
from storage.deliveries import AGAIN, PREFIX
from storage.notifications import TEL
from storage.staff import audit
from storage.tables import addresses, contacts, outbox, residents
from storage.tables import broadcasts as broadcast_rows
from storage.tables import recipients as rows

PACE = 25  # messages a second, a little below what Telegram takes: for guessing when the last is out
_SENT = ("sent", "delivered", "read")
_LOST = ("failed", "expired")

OUTCOMES = ("yes", "no", "no_answer", "wrong_number")  # of a call: reached, does not want it…
OPEN = ("", "no_answer")  # to be called still, or again


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a broadcast is. total = sent + waiting + failed + unsure + cancelled + all that were skipped."""

    total: int  # in the group when it started; 0 before
    sent: int
    waiting: int  # also those held by a pause
    failed: int
    unsure: int  # may or may not have arrived
    cancelled: int  # it was stopped before, or they stopped or blocked meanwhile
    skipped: Mapping[str, int] = field(default_factory=dict)  # stopped, blocked, no_channel, told_today, week_full…
    failures: Mapping[str, int] = field(default_factory=dict)  # of `failed`, by short code: blocked, expired…
    ready_at: datetime | None = None  # about when the last goes out, UTC; None when paused or over
    seen_on: Mapping[str, int] = field(default_factory=dict)  # of `sent`, by channel: where it stands


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer, the latest of that person."""

    contact_id: int
    name: str
    at: datetime  # UTC


@dataclass(frozen=True, slots=True)
class CameBack:
    """How many of one's own people answered, and how many are to be called."""

    answers: Mapping[str, int]  # by code of the button
    calls: int  # on the call list
    missed: int  # of these, who did not ask for it
    left: int = 0  # of these, who are to be called still, or again


@dataclass(frozen=True, slots=True)
class ToCall:
    """One line of the call list."""

    contact_id: int
    name: str
    phone: str  # E.164; empty on the list, and for a trainer
    why: str  # asked (they pressed "call me"), or the reason: blocked, no_channel, failed, unsure
    called: str  # what came of the call, of OUTCOMES; empty: not yet called


def progress(connection: Connection, acting: Acting, *, broadcast_id: int) -> Progress:
    """How far it is; all zeros for who may not see it."""
    broadcast = broadcasts.for_staff(connection, acting, broadcast_id)
    if broadcast is None or broadcast.started_at is None:
        return Progress(0, 0, 0, 0, 0, 0)
    mine = rows.c.broadcast_id == broadcast_id
    ledger = select(rows.c.status, rows.c.reason, func.count()).where(mine).group_by(rows.c.status, rows.c.reason)
    by_row = {(status, reason): number for status, reason, number in connection.execute(ledger)}
    there = _outbox(mine).with_only_columns(outbox.c.status, outbox.c.channel, func.count())
    found = connection.execute(there.group_by(outbox.c.status, outbox.c.channel)).all()
    skipped = {reason: number for (status, reason), number in by_row.items() if status == "skipped"}
    queued = sum(number for (status, _), number in by_row.items() if status == "queued")
    sent, unsure = _sum(found, _SENT), _sum(found, ("uncertain",))
    failures = _failures(connection, mine) if _sum(found, _LOST) else {}
    failed, under_way = sum(failures.values()), _sum(found, ("queued", "sending", "held"))
    waiting = under_way + by_row.get(("waiting", ""), 0)
    return Progress(
        sum(by_row.values()), sent, waiting, failed, unsure,
        by_row.get(("stopped", ""), 0) + queued - sent - unsure - failed - under_way, skipped, failures,
        _ready_at(broadcast, sent, waiting, acting.now),
        _by_channel(found),
    )  # fmt: skip


def tallies(connection: Connection, acting: Acting, *, broadcast_ids: Sequence[int]) -> Mapping[int, tuple[int, int]]:
    """How many got each of these broadcasts, of how many in the group. Of those only that whoever acts may see."""
    seen = broadcasts.seen(connection, acting, broadcast_ids=broadcast_ids)
    mine = rows.c.broadcast_id.in_(seen) & (rows.c.reason != "self")
    number = (rows.c.broadcast_id, func.count())
    everybody = connection.execute(select(*number).where(mine).group_by(rows.c.broadcast_id))
    there = _outbox(mine & outbox.c.status.in_(_SENT)).with_only_columns(*number).group_by(rows.c.broadcast_id)
    got: dict[int, int] = dict(map(tuple, connection.execute(there)))
    return {of: (got.get(of, 0), n) for of, n in everybody}


def _by_channel(found: Sequence[Any]) -> dict[str, int]:
    channels = {channel for status, channel, _ in found if status in _SENT}
    return {channel: _sum([row for row in found if row[1] == channel], _SENT) for channel in sorted(channels)}


def _outbox(which: ColumnElement[bool]) -> Any:
    return (
        select(outbox)
        .select_from(rows.join(outbox, outbox.c.key == rows.c.message))
        .where(which, rows.c.status == "queued")
    )


def _sum(found: Sequence[Any], statuses: Sequence[str]) -> int:
    return sum(number for status, _, number in found if status in statuses)


def _failures(connection: Connection, mine: ColumnElement[bool]) -> dict[str, int]:
    """How many failed, by the short code that stands before the colon of the error."""
    lost = _outbox(mine).where(outbox.c.status.in_(_LOST))
    counted = lost.with_only_columns(outbox.c.status, outbox.c.error, func.count())
    by_code: dict[str, int] = {}
    for status, error, number in connection.execute(counted.group_by(outbox.c.status, outbox.c.error)):
        code = "expired" if status == "expired" else error.partition(":")[0] or "failed"
        by_code[code] = by_code.get(code, 0) + number
    return by_code


def _ready_at(broadcast: Broadcast, sent: int, waiting: int, now: datetime) -> datetime | None:
    """By the pace so far, once enough of it is seen."""
    if broadcast.status != broadcasts.RUNNING or not waiting or broadcast.started_at is None:
        return None
    seconds = (now - broadcast.started_at).total_seconds()
    pace = sent / seconds if sent > PACE and seconds > 1 else PACE
    return now + timedelta(seconds=waiting / pace)


# --- answers ----------------------------------------------------------------------------------------------------------


def came_back(connection: Connection, acting: Acting, *, broadcast_id: int) -> CameBack:
    """What there is to hear and to call, counted; nothing for who may not see it."""
    if broadcasts.for_staff(connection, acting, broadcast_id) is None:
        return CameBack({}, 0, 0)
    counted = (
        select(rows.c.answer, rows.c.to_call, rows.c.called, func.count())
        .join(contacts, contacts.c.id == rows.c.contact_id)
        .where(_own(connection, acting, broadcast_id), or_(rows.c.answer != "", rows.c.to_call))
        .group_by(rows.c.answer, rows.c.to_call, rows.c.called)
    )
    heard: dict[str, int] = {}
    calls = missed = left = 0
    for code, to_call, came_of_it, number in connection.execute(counted):
        if code:
            heard[code] = heard.get(code, 0) + number
        calls += number if to_call else 0
        missed += number if to_call and code != "call" else 0
        left += number if to_call and came_of_it in OPEN else 0
    return CameBack(heard, calls, missed, left)


def answers(
    connection: Connection, acting: Acting, *, broadcast_id: int, code: str, first: int, limit: int
) -> list[Heard]:
    """Who pressed this button, the newest first, from the one with this number on; nobody for who may not see it."""
    if broadcasts.for_staff(connection, acting, broadcast_id) is None:
        return []
    wanted = (
        select(rows.c.contact_id, contacts.c.name, rows.c.answered_at)
        .join(contacts, contacts.c.id == rows.c.contact_id)
        .where(_own(connection, acting, broadcast_id), rows.c.answer == code)
        .order_by(rows.c.answered_at.desc(), rows.c.contact_id.desc())
    )
    found = connection.execute(wanted.offset(first).limit(limit))
    return [Heard(row.contact_id, row.name or "", row.answered_at) for row in found]


def _own(connection: Connection, acting: Acting, broadcast_id: int) -> ColumnElement[bool]:
    """Whether a row, joined with its contact, is of this broadcast and of one of the people of whoever acts now."""
    own = charges.own(acting.contact_id, roles.role_of(connection, acting.contact_id))
    return _mine(broadcast_id) & own & (contacts.c.status != "archived")


def _own_rows(connection: Connection, acting: Acting, broadcast_id: int) -> ColumnElement[bool]:
    """The same for a statement that joins nothing."""
    own = _own(connection, acting, broadcast_id)
    theirs = select(contacts.c.id).where(contacts.c.id == rows.c.contact_id, own).correlate(rows).exists()
    return _mine(broadcast_id) & theirs


def answer(connection: Connection, acting: Acting, *, broadcast_id: int, contact_id: int, code: str) -> None:
    """Keep a resident's tap; the latest counts, and "call" puts them on the call list.

    The contact must live behind the address from which it comes, and have got the broadcast, which must ask for that.
    0: the one there who got it; where several did, the button says who.
    Conflict on "sure" ("announce.not_asked") otherwise.
    """
    asked = connection.execute(
        select(broadcast_rows.c.buttons).where(broadcast_rows.c.id == broadcast_id)
    ).scalar_one_or_none()
    if code not in (asked or ()):
        raise Conflict("sure", "announce.not_asked")
    here = select(residents.c.contact_id).where(residents.c.address_id == acting.address_id)
    got = (rows.c.broadcast_id == broadcast_id) & (rows.c.status == "queued") & rows.c.contact_id.in_(here)
    theirs = got & (rows.c.contact_id == (contact_id or _only(connection, got)))
    values = {"answer": code, "answered_at": acting.now}
    # Whoever changes their mind before the call need not be called; what came of a call stays.
    wish = (
        {"to_call": True, "called": ""} if code == "call" else {"to_call": rows.c.to_call & (rows.c.answer != "call")}
    )
    if not connection.execute(update(rows).where(theirs).values(values | wish)).rowcount:
        raise Conflict("sure", "announce.not_asked")


def _only(connection: Connection, got: ColumnElement[bool]) -> int:
    """The one to whom it applies; 0 for none, and for more than one."""
    found = list(connection.execute(select(rows.c.contact_id).where(got).limit(2)).scalars())
    return found[0] if len(found) == 1 else 0


def _one(broadcast_id: int, contact_id: int) -> ColumnElement[bool]:
    return (rows.c.broadcast_id == broadcast_id) & (rows.c.contact_id == contact_id)


# --- calls ------------------------------------------------------------------------------------------------------------


def call_list(connection: Connection, acting: Acting, *, broadcast_id: int) -> list[ToCall]:
    """Which of one's own people to call: those not yet called first, by name. Their numbers stay closed."""
    if broadcasts.for_staff(connection, acting, broadcast_id) is None:
        return []
    wanted = _listed(_own(connection, acting, broadcast_id))
    found = [ToCall(row.contact_id, row.name or "", "", _why(row), row.called) for row in connection.execute(wanted)]
    return sorted(found, key=lambda one: (bool(one.called), fold(one.name), one.contact_id))


def one_to_call(connection: Connection, acting: Acting, *, broadcast_id: int, contact_id: int) -> ToCall | None:
    """One of the call list, with the number, which a trainer does not get; None for who is not on it."""
    if broadcasts.for_staff(connection, acting, broadcast_id) is None:
        return None
    this = _own(connection, acting, broadcast_id) & (rows.c.contact_id == contact_id)
    row = connection.execute(_listed(this).add_columns(contacts.c.phone)).one_or_none()
    if row is None:
        return None
    may_see = roles.role_of(connection, acting.contact_id) in roles.LEADS
    return ToCall(row.contact_id, row.name or "", (may_see and row.phone) or "", _why(row), row.called)


def _listed(which: ColumnElement[bool]) -> Any:
    columns = (rows.c.contact_id, contacts.c.name, rows.c.answer, rows.c.reason, rows.c.called)
    return (
        select(*columns, outbox.c.status, outbox.c.error)
        .select_from(rows.join(contacts, contacts.c.id == rows.c.contact_id))
        .outerjoin(outbox, outbox.c.key == rows.c.message)
        .where(which, rows.c.to_call)
    )


def _why(row: Any) -> str:
    if row.answer == "call":
        return "asked"
    if row.reason:
        return str(row.reason)
    if row.status == "uncertain":
        return "unsure"
    return "blocked" if row.status == "cancelled" or row.error.startswith("blocked") else "failed"


def to_call_list(connection: Connection, acting: Acting, *, broadcast_id: int) -> None:
    """Put all of one's own people on the call list who were not reached. Nobody who stopped."""
    _seen(connection, acting, broadcast_id)
    missed = _own_rows(connection, acting, broadcast_id) & _missed(broadcast_id, unsure=True)
    connection.execute(update(rows).where(missed).values(to_call=True))
    audit(connection, acting, "announce_to_calls", f"broadcast:{broadcast_id}")


def called(connection: Connection, acting: Acting, *, broadcast_id: int, contact_id: int, outcome: str) -> None:
    """Keep what came of a call. Conflict on "sure" ("announce.not_listed") when they are not on the list."""
    _seen(connection, acting, broadcast_id)
    values = {"called": outcome, "called_at": acting.now, "called_by": acting.contact_id}
    mine = _own_rows(connection, acting, broadcast_id)
    listed = _one(broadcast_id, contact_id) & rows.c.to_call & mine
    if outcome not in OUTCOMES or not connection.execute(update(rows).where(listed).values(values)).rowcount:
        raise Conflict("sure", "announce.not_listed")
    audit(connection, acting, "announce_called", f"contact:{contact_id}")


def _seen(connection: Connection, acting: Acting, broadcast_id: int) -> Broadcast:
    found = broadcasts.for_staff(connection, acting, broadcast_id)
    if found is None:
        raise Conflict("sure", "announce.gone")
    return found


def _mine(broadcast_id: int) -> ColumnElement[bool]:
    return rows.c.broadcast_id == broadcast_id


def _missed(broadcast_id: int, *, unsure: bool) -> ColumnElement[bool]:
    """Whether somebody was meant to get it and did not: no channel, a failure, or they had blocked us."""
    person = select(contacts.c.status).where(contacts.c.id == rows.c.contact_id).scalar_subquery()
    left_out = (rows.c.status == "skipped") & rows.c.reason.in_(("blocked", "no_channel"))
    lost = [*_LOST, *(["uncertain"] if unsure else [])]
    failed = select(outbox.c.key).where(outbox.c.key == rows.c.message, outbox.c.status.in_(lost)).exists()
    # Their other messages were taken back when a channel found them gone; of one that was stopped all were.
    back = outbox.c.status == literal_column("'cancelled'")
    taken_back = select(outbox.c.key).where(outbox.c.key == rows.c.message, back).exists()
    stopped = select(broadcast_rows.c.status).where(broadcast_rows.c.id == broadcast_id).scalar_subquery() == "stopped"
    wanted: ColumnElement[bool] = or_(left_out, (rows.c.status == "queued") & or_(failed, taken_back & ~stopped))
    return wanted & person.in_(("active", "blocked"))


# --- another way ------------------------------------------------------------------------------------------------------


def other_ways(connection: Connection, acting: Acting, *, broadcast_id: int) -> int:
    """How many of one's own people who were not reached could be written to on another channel."""
    found = broadcasts.for_staff(connection, acting, broadcast_id)
    if found is None or found.deleted_at or found.status not in (broadcasts.RUNNING, broadcasts.DONE):
        return 0
    those = other_addresses(connection, acting, broadcast_id=broadcast_id).subquery()
    return connection.execute(select(func.count()).select_from(those)).scalar_one()


def other_addresses(connection: Connection, acting: Acting, *, broadcast_id: int) -> Select[Any]:
    """These people, each with the address where they would be written to."""
    those = _has_other_way(broadcast_id) & _own_rows(connection, acting, broadcast_id)
    return select(rows.c.contact_id, _other_address()).where(those)


def send_other_way(connection: Connection, acting: Acting, *, broadcast_id: int, rules: Rules) -> None:
    """Send it to them there. Conflict on "sure" ("announce.no_other_way") when there is nobody."""
    deliveries.taken(connection, broadcast_id)
    if not other_ways(connection, acting, broadcast_id=broadcast_id):
        raise Conflict("sure", "announce.no_other_way")
    key = literal(f"{PREFIX}:{broadcast_id}:").concat(cast(rows.c.contact_id, String)).concat(AGAIN)
    until = deliveries.lives_until(rules, acting.now)
    entering.enter(
        connection,
        select(*entering.row(key, rows.c.contact_id, Lane.BROADCAST, opens=acting.now, until=until, now=acting.now))
        .select_from(rows.join(addresses, addresses.c.id == _other_address()))
        .where(_has_other_way(broadcast_id), _own_rows(connection, acting, broadcast_id)),
    )
    entered = select(outbox.c.key).where(outbox.c.key == key).exists()
    values = {"status": "queued", "reason": "", "message": key, "at": acting.now}
    connection.execute(update(rows).where(_mine(broadcast_id), entered).values(values))
    again = {"status": broadcasts.RUNNING, "ended_at": None}  # until these are out too
    connection.execute(update(broadcast_rows).where(broadcast_rows.c.id == broadcast_id).values(again))
    audit(connection, acting, "announce_other_way", f"broadcast:{broadcast_id}")


def _has_other_way(broadcast_id: int) -> ColumnElement[bool]:
    active = select(contacts.c.status).where(contacts.c.id == rows.c.contact_id).scalar_subquery() == "active"
    first = rows.c.message.not_like(f"%:%:%{AGAIN}")
    there: ColumnElement[bool] = _other_address().is_not(None)
    return _mine(broadcast_id) & _missed(broadcast_id, unsure=False) & first & active & there


def _other_address() -> Any:
    """Where somebody could be written to beside the address that failed."""
    rings = case({name: can.rings for name, can in ABILITIES.items()}, value=addresses.c.channel, else_=9)
    tried = select(outbox.c.address_id).where(outbox.c.key == rows.c.message).correlate(rows).scalar_subquery()
    return (
        select(addresses.c.id)
        .join(residents, residents.c.address_id == addresses.c.id)
        .where(
            residents.c.contact_id == rows.c.contact_id, addresses.c.status == "active", addresses.c.channel != TEL,
            addresses.c.id != func.coalesce(tried, 0),
        )
        .order_by(rings, addresses.c.id.desc())
        .limit(1)
        .correlate_except(addresses, residents)
        .scalar_subquery()
    )  # fmt: skip


# --- somebody is erased -----------------------------------------------------------------------------------------------


def forget(connection: Connection, contact_id: int) -> None:
    """What stays of somebody erased is only that there was one more in the group."""
    values = {
        "status": "skipped", "reason": "erased", "message": "", "answer": "", "answered_at": None, "to_call": False,
        "called": "", "called_at": None,
    }  # fmt: skip
    connection.execute(update(rows).where(rows.c.contact_id == contact_id).values(values))
