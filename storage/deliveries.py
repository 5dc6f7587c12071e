"""Deliveries: how a broadcast runs. It starts, enters the outbox bite by bite, is held, goes on, and is over.

Each step is one transaction, and looks at what is there rather than at what was done: after a crash at any point the
next step goes on from there, in whichever process. Must never look at the group again once it has started.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    update,
)

from bot import calendar, placeholders
from bot.abilities import EDITS
from bot.calendar import Rules
from bot.messages import Lane
from storage import audiences, entering, notifications, orphans
from storage import staff as roles
from storage.audiences import Wish
from storage.people import upsert
from storage.tables import UtcTime, addresses, broadcasts, contacts, outbox, recipients, staff

PREFIX, EDIT, UNSEND, PROGRESS, APPROVE = "broadcast", "edit", "unsend", "progress", "approve"  # of the outbox keys
AGAIN = ":2"  # the end of the key of a message that went another way
LIVES = timedelta(days=3)  # news that comes later than that is none; see lives_until
MANY = 200  # people, beyond whom a second person approves or it waits longer
HOLD = timedelta(minutes=2)  # for that second person
REPORT_LIVES = timedelta(days=1)
DELETABLE = timedelta(hours=48)  # of Telegram's messages: https://core.telegram.org/bots/api#deletemessage
SETTLED = timedelta(seconds=10)  # by then what was on the wire has arrived, or is tried again
BITE, WIDE_BITE = 400, 2000  # people in one transaction: 30 ms where replies wait for it, more where they do not

_alone = select(func.pg_advisory_xact_lock(0x6D6F7374))  # the lock of moments: nobody else decides who has enough
_b, _r = broadcasts, recipients
# Spelled out, so that the planner knows that the small partial index will do.
_under_way = outbox.c.status.in_((literal_column("'queued'"), literal_column("'sending'")))


@dataclass(frozen=True, slots=True)
class Work:
    """A broadcast that may have something to be done for."""

    id: int
    status: str
    by_id: int | None


def at_work(connection: Connection, now: datetime) -> list[Work]:
    """The broadcasts that are due, run, are held, or were stopped and are not over yet; the oldest first."""
    due = (_b.c.status == "waiting") & (_b.c.due_at <= now)
    ending = (_b.c.status == "stopped") & _b.c.ended_at.is_(None)
    wanted = select(_b.c.id, _b.c.status, _b.c.by_id).where(or_(due, _b.c.status.in_(("running", "paused")), ending))
    return [Work(*row) for row in connection.execute(wanted.order_by(_b.c.id))]


def taken(connection: Connection, broadcast_id: int, *, wait: bool = True) -> Any:
    """The row, locked against other processes; None when there is none, or another is at it and we do not wait."""
    locked = select(_b).where(_b.c.id == broadcast_id).with_for_update(skip_locked=not wait)
    return connection.execute(locked).one_or_none()


def lives_until(rules: Rules, now: datetime) -> datetime:
    """When a message that is queued now is news no more. What would end on a holiday has the day after it."""
    end = calendar.next_open(rules, now) + LIVES
    opens = calendar.next_open(rules, end)
    return end if opens == end else opens + timedelta(days=1)


# --- it starts --------------------------------------------------------------------------------------------------------


def start(connection: Connection, broadcast_id: int, now: datetime, rules: Rules) -> bool:
    """Fix who gets it, and let it run. False when it is not to be now; in quiet hours it is put off to their end.

    Whoever has lost the right to write so meanwhile sends nothing, and is told. A group that has grown beyond MANY
    waits for a second person, as it would have when it was published.
    """
    row = taken(connection, broadcast_id, wait=False)
    if row is None or row.status != "waiting" or row.due_at > now:
        return False
    opens = calendar.next_open(rules, now)
    if opens > now:
        connection.execute(update(_b).where(_b.c.id == broadcast_id).values(due_at=opens))
        return False
    if connection.dialect.name == "postgresql":
        connection.execute(_alone)
    wish = wish_of(connection, row)
    if not audiences.may_write(wish, connection):
        values = {"status": "refused", "held": False, "ended_at": now}
        connection.execute(update(_b).where(_b.c.id == broadcast_id).values(values))
        orphans.tell(connection, broadcast_id, row.by_id, now)
        return False
    freeze(connection, broadcast_id, wish, now, rules)
    if not row.held and in_line(connection, broadcast_id) > MANY:
        connection.execute(delete(_r).where(_r.c.broadcast_id == broadcast_id))
        due = calendar.next_open(rules, now + HOLD)
        connection.execute(update(_b).where(_b.c.id == broadcast_id).values(held=True, due_at=due))
        ask_colleagues(connection, broadcast_id, wish.by_id, now, due, opens=now)
        return False
    connection.execute(update(_b).where(_b.c.id == broadcast_id).values(status="running", started_at=now))
    tell(connection, f"{PROGRESS}:{broadcast_id}:0", [wish.by_id], now)
    return True


def in_line(connection: Connection, broadcast_id: int) -> int:
    """How many are to get it."""
    mine = (_r.c.broadcast_id == broadcast_id) & _r.c.status.in_(audiences.IN_LINE)
    return connection.execute(select(func.count()).select_from(_r).where(mine)).scalar_one()


def wish_of(connection: Connection, row: Any) -> Wish:
    """Whom a broadcast is for, by the role that whoever wrote it has now."""
    role = roles.role_of(connection, row.by_id) if row.by_id else ""
    return Wish(
        row.by_id or 0, role, row.audience, row.fingerprint, row.again, row.corrects_id or 0, is_personal(row.words)
    )


def is_personal(words: Any) -> bool:
    """Whether the words name their reader: everything else that can be put in is the same for all."""
    return any(_with(text, "a") != _with(text, "b") for text in words.values())


def _with(text: str, name: str) -> str:
    return placeholders.fill(text, {placeholders.NAME: name})


def freeze(connection: Connection, broadcast_id: int, wish: Wish, now: datetime, rules: Rules) -> int:
    """Write the ledger: everybody in the group now, with the reason for each who gets nothing. Gives how many."""
    who = audiences.chosen(wish, now, rules).subquery()
    free = who.c.reason == ""
    rows = select(
        literal(broadcast_id), who.c.contact_id, case((free, "waiting"), else_="skipped"), who.c.reason,
        literal(now, UtcTime()),
    )  # fmt: skip
    columns = ("broadcast_id", "contact_id", "status", "reason", "at")
    return connection.execute(insert(_r).from_select(columns, rows)).rowcount


# --- it enters the outbox ---------------------------------------------------------------------------------------------


def bite(connection: Connection, broadcast_id: int, now: datetime, rules: Rules, size: int = BITE) -> int:
    """Queue it for the next people. Gives how many; 0 when there is nobody left, or it does not run."""
    row = taken(connection, broadcast_id, wait=False)
    if row is None or row.status != "running":
        return 0
    waiting = (_r.c.broadcast_id == broadcast_id) & (_r.c.status == "waiting")
    next_ones = select(_r.c.contact_id).where(waiting).order_by(_r.c.contact_id).limit(size).subquery()
    last = connection.execute(select(func.max(next_ones.c.contact_id))).scalar()
    if last is None:
        return 0
    these = waiting & (_r.c.contact_id <= last)
    _enter(connection, broadcast_id, these, now, lives_until(rules, now))
    return _note_entered(connection, broadcast_id, these, now)


def _enter(
    connection: Connection, broadcast_id: int, these: ColumnElement[bool], now: datetime, expires: datetime
) -> None:
    """Rows of the outbox for all of these who can still be written to. Their words are found when they go out."""
    entering.enter(
        connection,
        select(*entering.row(_key(broadcast_id), _r.c.contact_id, Lane.BROADCAST, opens=now, until=expires, now=now))
        .select_from(_r.join(contacts, contacts.c.id == _r.c.contact_id))
        .join(addresses, addresses.c.id == notifications.best_address())
        .where(these, contacts.c.status == "active")
        .order_by(_r.c.contact_id),
    )


def _note_entered(connection: Connection, broadcast_id: int, these: ColumnElement[bool], now: datetime) -> int:
    """Note in the ledger who has a message now; who has none stopped, or lost their last channel, since it began."""
    entered = exists().where(outbox.c.key == _key(broadcast_id))
    status = select(contacts.c.status).where(contacts.c.id == _r.c.contact_id).scalar_subquery()
    gone = case((status == "active", "no_channel"), (status == "archived", "erased"), else_=status)
    values = {
        "status": case((entered, "queued"), else_="skipped"), "reason": case((entered, ""), else_=gone),
        "message": case((entered, _key(broadcast_id)), else_=""), "at": now,
    }  # fmt: skip
    return connection.execute(update(_r).where(these).values(values)).rowcount


def _key(broadcast_id: int, end: str = "") -> ColumnElement[str]:
    return literal(f"{PREFIX}:{broadcast_id}:").concat(cast(_r.c.contact_id, String)).concat(end)


# --- it is held, goes on, is taken back -------------------------------------------------------------------------------


def needs_a_hand(connection: Connection, broadcast_id: int, now: datetime) -> bool:
    """Whether something of a paused one is in the queue, or its new words have waited long enough."""
    queued = outbox.c.status == literal_column("'queued'")
    if connection.execute(select(outbox.c.id).where(queued, _of(broadcast_id)).limit(1)).first() is not None:
        return True
    waited = (_b.c.id == broadcast_id) & (_b.c.due_at > _b.c.started_at) & (_b.c.due_at <= now) & _b.c.held
    return connection.execute(select(_b.c.id).where(waited)).first() is not None


def release(connection: Connection, broadcast_id: int, now: datetime, rules: Rules) -> None:
    """Put back what is held. It has its time again: to go on now is to want it now."""
    held = _messages(broadcast_id) & (outbox.c.status == "held")
    back = {"status": "queued", "owner": "", "expires_at": lives_until(rules, now)}
    connection.execute(update(outbox).where(held).values(back))


def cancel(connection: Connection, broadcast_id: int, now: datetime) -> None:
    """Nobody else gets it. What is on the wire cannot be taken back, but if that call fails it is not tried again."""
    waiting = (_r.c.broadcast_id == broadcast_id) & (_r.c.status == "waiting")
    connection.execute(update(_r).where(waiting).values(status="stopped", at=now))
    mine = _messages(broadcast_id)
    sending = mine & (outbox.c.status == literal_column("'sending'"))
    connection.execute(update(outbox).where(sending).values(expires_at=outbox.c.created_at))
    queued = mine & outbox.c.status.in_(("queued", "held"))
    connection.execute(update(outbox).where(queued).values(status="cancelled", owner=""))


def is_questioned(row: Any) -> bool:
    """Whether its words were changed on the way to many, and wait for a second person: until due_at at the longest."""
    return bool(row.status == "paused" and row.held and row.started_at and row.due_at > row.started_at)


def question(connection: Connection, row: Any, version: int, now: datetime) -> None:
    """Hold it with its new words, and ask a second person. What was sent stays as it is until then."""
    values = {
        "status": "paused", "due_at": now + HOLD, "approved_by": None, "approved_at": None, "ended_at": None,
    }  # fmt: skip
    connection.execute(update(_b).where(_b.c.id == row.id).values(values))
    orphans.hold(connection, row.id)
    ask_colleagues(connection, row.id, row.by_id, now, now + HOLD, opens=now, version=version)


def settle(connection: Connection, row: Any, now: datetime, rules: Rules) -> None:
    """The new words may stand: they go out, and over those that were sent."""
    values = {"status": "running", "due_at": row.started_at, "ended_at": None}
    connection.execute(update(_b).where(_b.c.id == row.id).values(values))
    release(connection, row.id, now, rules)
    enter_edits(connection, row.id, row.version, now)


def wake(connection: Connection, broadcast_id: int, now: datetime, rules: Rules) -> bool:
    """Let new words stand of which no second person said anything in time. False where none wait, or not long enough.

    Otherwise, what was on the wire at a pause, and failed, has come back into the queue: that is held too.
    """
    row = taken(connection, broadcast_id, wait=False)
    if row is None or row.status != "paused":
        return False
    if is_questioned(row) and row.due_at <= now:
        settle(connection, row, now, rules)
        return True
    orphans.hold(connection, broadcast_id)
    return False


def call_back(connection: Connection, broadcast_id: int) -> None:
    """What has not gone out is taken out of the sender's hands: its words are found anew."""
    held = _messages(broadcast_id) & (outbox.c.status == literal_column("'queued'")) & (outbox.c.owner != "")
    connection.execute(update(outbox).where(held).values(owner=""))


def _messages(broadcast_id: int) -> ColumnElement[bool]:
    """Its rows of the outbox."""
    return outbox.c.key.in_(select(_r.c.message).where(_r.c.broadcast_id == broadcast_id, _r.c.status == "queued"))


# --- it is over -------------------------------------------------------------------------------------------------------


def is_over(connection: Connection, broadcast_id: int) -> bool:
    """Whether nothing of it is left to do."""
    waiting = select(_r.c.contact_id).where(_r.c.broadcast_id == broadcast_id, _r.c.status == "waiting").limit(1)
    if connection.execute(waiting).first():
        return False
    return connection.execute(select(outbox.c.id).where(_under_way, _of(broadcast_id)).limit(1)).first() is None


def _of(broadcast_id: int) -> ColumnElement[bool]:
    """Its rows of the outbox, for where they are looked for among those that are under way."""
    return (outbox.c.lane == int(Lane.BROADCAST)) & outbox.c.key.like(f"{PREFIX}:{broadcast_id}:%")


def numbers(connection: Connection, broadcast_id: int) -> object | None:
    """What whoever wrote it is shown, to be compared with what it was; None where nothing that was sent can change."""
    shown = (
        (outbox.c.key == f"{PROGRESS}:{broadcast_id}:0") & outbox.c.channel.in_(EDITS) & (outbox.c.platform_id != "")
    )
    if connection.execute(select(outbox.c.id).where(shown)).first() is None:
        return None
    status = connection.execute(select(_b.c.status).where(_b.c.id == broadcast_id)).scalar()
    there = select(outbox.c.status, func.count()).where(_messages(broadcast_id)).group_by(outbox.c.status)
    by_status: dict[str, int] = {name: number for name, number in connection.execute(there)}  # noqa: C416  (rows)
    done = by_status.get("sent", 0) + by_status.get("delivered", 0) + by_status.get("read", 0)
    return status, done, by_status.get("failed", 0), by_status.get("uncertain", 0), sum(by_status.values())


def finish(connection: Connection, broadcast_id: int, now: datetime) -> bool:
    """Close one of which nothing is left to do, and report to whoever wrote it. False when it is not over."""
    row = taken(connection, broadcast_id, wait=False)
    open_ = row is not None and row.ended_at is None and row.status in ("running", "stopped")
    if not open_ or not is_over(connection, broadcast_id):
        return False
    status = "done" if row.status == "running" else "stopped"
    connection.execute(update(_b).where(_b.c.id == broadcast_id).values(status=status, ended_at=now))
    if row.by_id:
        _show_again(connection, broadcast_id, row.by_id, now)
        key = f"{PROGRESS}:{broadcast_id}:end"
        told = select(func.count()).select_from(outbox).where(_told(row.by_id, key))
        times = connection.execute(told).scalar_one()  # once more, when it was sent another way
        tell(connection, f"{key}{times + 1}" if times else key, [row.by_id], now, REPORT_LIVES)
    return True


# --- what staff are told ----------------------------------------------------------------------------------------------


def tell(connection: Connection, key: str, staff_ids: Sequence[int], now: datetime, lives: timedelta = LIVES) -> None:
    """Queue a message to some of the staff. With `{}` in the key their number stands in it."""
    entering.to_staff(connection, key, staff_ids, now, now, now + lives)


def ask_colleagues(
    connection: Connection, broadcast_id: int, by_id: int, now: datetime, due: datetime, *, opens: datetime,
    version: int = 1,
) -> None:  # fmt: skip
    """Ask those who may approve it, until it starts anyway; not before `opens`. Of changed words, by their version."""
    number = str(broadcast_id) if version == 1 else f"{broadcast_id}.{version}"
    entering.to_staff(connection, f"{APPROVE}:{number}:{{}}", colleagues(connection, by_id), now, opens, due)


def colleagues(connection: Connection, by_id: int) -> Sequence[int]:
    """Who may approve what this member wrote."""
    others = select(staff.c.contact_id).where(staff.c.role.in_(roles.LEADS), staff.c.contact_id != by_id)
    return connection.execute(others.order_by(staff.c.contact_id)).scalars().all()


def show_again(connection: Connection, broadcast_id: int, by_id: int, now: datetime, every: timedelta) -> bool:
    """Queue an edit of the first message about its progress, where it can be edited and was not lately."""
    if taken(connection, broadcast_id, wait=False) is None:
        return False
    lately = _told(by_id, f"{PROGRESS}:{broadcast_id}:") & or_(outbox.c.created_at > now - every, _under_way)
    if connection.execute(select(outbox.c.id).where(lately).limit(1)).first():
        return False
    return _show_again(connection, broadcast_id, by_id, now)


def _show_again(connection: Connection, broadcast_id: int, by_id: int, now: datetime) -> bool:
    first = f"{PROGRESS}:{broadcast_id}:0"
    shown = (outbox.c.key == first) & outbox.c.channel.in_(EDITS) & (outbox.c.platform_id != "")
    row = connection.execute(select(outbox.c.channel, outbox.c.address_id).where(shown)).first()
    if row is None:
        return False
    old = _told(by_id, f"{PROGRESS}:{broadcast_id}:") & (outbox.c.key != first) & outbox.c.key.not_like("%:end%")
    connection.execute(outbox.delete().where(old, ~_under_way))
    values = {
        "key": f"{PROGRESS}:{broadcast_id}:{int(now.timestamp() * 1000)}", "channel": row.channel,
        "address_id": row.address_id, "contact_id": by_id, "lane": int(Lane.REPLY), "status": "queued",
        "not_before": now, "expires_at": now + REPORT_LIVES, "created_at": now,
    }  # fmt: skip
    connection.execute(upsert(connection, outbox).values(values).on_conflict_do_nothing())
    return True


def _told(by_id: int, prefix: str) -> ColumnElement[bool]:
    """What was told to one of the staff under such keys. By contact, which has an index on either database."""
    return (outbox.c.contact_id == by_id) & outbox.c.key.like(f"{prefix}%")


# --- what was sent is changed -----------------------------------------------------------------------------------------


def enter_edits(connection: Connection, broadcast_id: int, version: int, now: datetime) -> int:
    """Queue a change of what was sent, where it can be changed. Gives how many."""
    old = outbox.c.key.like(f"{EDIT}:{broadcast_id}.%") & (outbox.c.status == literal_column("'queued'"))
    connection.execute(update(outbox).where(old).values(status="cancelled", owner=""))
    return _enter_over(connection, f"{EDIT}:{broadcast_id}.{version}:", broadcast_id, outbox.c.id > 0, now)


def enter_removals(connection: Connection, broadcast_id: int, version: int, now: datetime) -> int:
    """Queue the removal of what was sent, where that can be done and it is young enough. Gives how many.

    Again for those for whom it failed; not where it is done, or under way.
    """
    old = outbox.c.key.like(f"{EDIT}:{broadcast_id}.%") & (outbox.c.status == literal_column("'queued'"))
    connection.execute(update(outbox).where(old).values(status="cancelled", owner=""))
    young = or_(outbox.c.sent_at > now - DELETABLE, outbox.c.sent_at.is_(None))
    done = outbox.alias()
    these = done.c.key.like(f"{UNSEND}:{broadcast_id}.%") & done.c.status.in_((*_DONE, "queued", "sending"))
    again = _r.c.contact_id.not_in(select(done.c.contact_id).where(these, done.c.contact_id.is_not(None)))
    return _enter_over(connection, f"{UNSEND}:{broadcast_id}.{version}:", broadcast_id, young & again, now)


@dataclass(frozen=True, slots=True)
class Removed:
    """What came of taking it out of the chats, in people."""

    gone: int
    failed: int
    under_way: int


def removed(connection: Connection, broadcast_id: int) -> Removed:
    """The best that came of it for each person."""
    mine = outbox.c.key.like(f"{UNSEND}:{broadcast_id}.%")
    rank = case((outbox.c.status.in_(_DONE), 2), (outbox.c.status.in_(("queued", "sending")), 1), else_=0)
    each = select(func.max(rank).label("best")).where(mine).group_by(outbox.c.contact_id).subquery()
    counted = connection.execute(select(each.c.best, func.count()).group_by(each.c.best))
    by_rank: dict[int, int] = {best: number for best, number in counted}  # noqa: C416  (rows)
    return Removed(by_rank.get(2, 0), by_rank.get(0, 0), by_rank.get(1, 0))


_DONE = ("sent", "delivered", "read")


def _enter_over(
    connection: Connection, prefix: str, broadcast_id: int, these: ColumnElement[bool], now: datetime
) -> int:
    """One row over each message that is there, or on the wire: that one is looked at again when it has arrived."""
    on_wire = outbox.c.status == "sending"
    there = (outbox.c.platform_id != "") & outbox.c.status.in_(("sent", "delivered", "read"))
    opens = case((on_wire, literal(now + SETTLED, UtcTime())), else_=literal(now, UtcTime()))
    key = literal(prefix).concat(cast(_r.c.contact_id, String))
    return entering.enter(
        connection,
        select(*entering.row(key, _r.c.contact_id, Lane.BROADCAST, opens=opens, until=now + REPORT_LIVES, now=now))
        .select_from(_r.join(outbox, outbox.c.key == _r.c.message))
        .join(addresses, addresses.c.id == outbox.c.address_id)
        .where(_r.c.broadcast_id == broadcast_id, _r.c.status == "queued", outbox.c.channel.in_(EDITS))
        .where(or_(there, on_wire), these),
    )
