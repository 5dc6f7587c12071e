"""The queue of messages to send: entered with their reason, claimed by one process, marked before and after the call.

Must never lose the difference between "not yet sent" and "nobody knows": only `sending` is ambiguous after a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, bindparam, func, insert, literal_column, or_, select, update

from bot.abilities import ONE_KEYBOARD, RECEIPTS, SESSIONS
from bot.messages import Address, Delivery, Lane, Outgoing
from storage import people, reported, spending
from storage.spending import Billed
from storage.tables import addresses, contacts, conversations, notices, outbox, residents

if TYPE_CHECKING:
    from bot.money import Tariff

CODE = "code"  # what the key of a login code begins with: it is never sent a second time
REPLY_LIVES = timedelta(hours=1)  # an answer to something long forgotten confuses more than it helps
HELD = timedelta(minutes=10)  # until what would cost and may not is looked at again: a session may have begun
SWEPT_LATER = timedelta(seconds=2)  # after a crash, so that the head of the queue is not hit by the next one again


@dataclass(frozen=True, slots=True)
class Held:
    """A row that a process holds in its hands."""

    delivery: Delivery
    key: str
    address_id: int
    attempts: int
    ambiguous: int
    not_before: datetime
    expires_at: datetime
    marked: bool = False  # already on the wire in the database: its place was booked before it was written
    counted: bool = True  # it takes one of the channel's places; of those that one call brings to many, the first does


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be queued."""

    key: str
    address: Address
    address_id: int
    contact_id: int
    message: Outgoing
    lane: Lane = Lane.REPLY
    inbox_id: int | None = None


@dataclass(frozen=True, slots=True)
class Taker:
    """The sender of a channel in this process, and how many calls it will start the moment they are committed."""

    owner: str
    places: int = 0
    crowded: frozenset[int] = frozenset()  # addresses where something goes before: a place there would be held idle


def enqueue(connection: Connection, drafts: Sequence[Draft], now: datetime, takers: Mapping[str, Taker]) -> list[Held]:
    """Queue messages in the transaction of their reason.

    Takers: for each channel whose sender lives in this process. It sends them without claiming them first, and the
    first message to each address, as far as its places go, is marked on the wire at once: that spares a commit.
    Gives only the rows that are so held.
    """
    if not drafts:
        return []
    marked = _booked(drafts, takers)
    rows = [_entry(d, now, takers, on_wire=d.key in marked) for d in drafts]
    ids = {key: number for number, key in connection.execute(_insert, rows)}
    until = now + REPLY_LIVES
    return [
        Held(Delivery(ids[d.key], d.address, d.message, d.lane), d.key, d.address_id, 0, 0, now, until, d.key in marked)
        for d in drafts
        if d.address.channel in takers
    ]


_insert = insert(outbox).returning(outbox.c.id, outbox.c.key)


def _booked(drafts: Sequence[Draft], takers: Mapping[str, Taker]) -> set[str]:
    """The keys of those that go at once."""
    left = {channel: taker.places for channel, taker in takers.items()}
    seen: set[int] = set()
    booked: set[str] = set()
    for draft in drafts:
        free = draft.address_id not in seen and left.get(draft.address.channel, 0) > 0
        if free and draft.address_id not in takers[draft.address.channel].crowded:
            left[draft.address.channel] -= 1
            booked.add(draft.key)
        seen.add(draft.address_id)
    return booked


def _entry(draft: Draft, now: datetime, takers: Mapping[str, Taker], *, on_wire: bool) -> dict[str, Any]:
    taker = takers.get(draft.address.channel)
    return {
        "key": draft.key, "channel": draft.address.channel, "address_id": draft.address_id,
        "contact_id": draft.contact_id, "inbox_id": draft.inbox_id, "lane": int(draft.lane),
        "body": draft.message.to_json(), "status": "sending" if on_wire else "queued", "attempts": int(on_wire),
        "not_before": now, "expires_at": now + REPLY_LIVES, "owner": taker.owner if taker else "", "created_at": now,
    }  # fmt: skip


# Spelled out rather than bound, or the planner could not know that the small partial index will do.
_queued = outbox.c.status == literal_column("'queued'")
_sending = outbox.c.status == literal_column("'sending'")
_waiting = _queued & (outbox.c.owner == "")


@dataclass(frozen=True, slots=True)
class Unwritten:
    """A row that was queued together with thousands of others: its words are yet to be found, or found anew."""

    id: int
    key: str
    contact_id: int
    address: Address
    lane: Lane
    has_words: bool = False  # it was taken before and has not gone out: what it says may be so no longer


Compose = Callable[[Connection, Sequence[Unwritten], datetime], Mapping[int, Outgoing | None]]
"""The words of rows, by number. None: it has nothing to say any more and is cancelled. A row that is absent keeps
the words it has, and is cancelled if it has none."""


def nothing(connection: Connection, rows: Sequence[Unwritten], now: datetime) -> Mapping[int, Outgoing | None]:
    """Nobody here can compose."""
    return {}


def claim(
    connection: Connection, channel: str, owner: str, now: datetime, limits: dict[Lane, int],
    compose: Compose = nothing, tariff: Tariff | None = None,
) -> list[Held]:  # fmt: skip
    """Take waiting rows, for each lane at most so many, oldest first. Only for the holder of the channel's lease.

    What would cost is taken only as far as the month's budget goes, and while the platform carries it; replies always.
    """
    taken: list[Held] = []
    for lane, limit in limits.items():
        most = _affordable(connection, channel, lane, limit, tariff, now) if channel in SESSIONS else limit
        if most > 0:
            taken += _claim_lane(connection, channel, owner, now, lane, most, compose)
    return taken


def _affordable(
    connection: Connection, channel: str, lane: Lane, limit: int, tariff: Tariff | None, now: datetime
) -> int:
    """How many rows of a lane may be taken.

    Where nothing may that costs, such rows go by a free way or are put off, and staff are told.
    """
    if lane is Lane.REPLY:
        if limit > 0 and spending.is_paused(connection, channel, now):
            spending.reroute(connection, channel, lane, now)
        return limit
    room = spending.room(connection, channel, tariff, now)
    if room is None or room >= limit:
        return limit
    if room == 0:
        spending.reroute(connection, channel, lane, now)
    if room == 0 and spending.hold(connection, channel, lane, now, now + HELD):
        spending.stopped(connection, channel, tariff, now)
    return room or limit


def _claim_lane(
    connection: Connection, channel: str, owner: str, now: datetime, lane: Lane, limit: int, compose: Compose
) -> list[Held]:
    values = {"here": channel, "this_lane": int(lane), "now": now, "some": limit}
    due = list(connection.execute(_due, values).scalars())
    ids = list(connection.execute(_take, {"ids": due, "me": owner}).scalars()) if due else []
    if not ids:
        return []
    rows = connection.execute(_taken, {"ids": ids}).all()
    if channel in ONE_KEYBOARD and any(row.ambiguous and row.inbox_id for row in rows):
        rows = _without_overtaken(connection, rows)
    asked = [
        Unwritten(row.id, row.key, row.contact_id, Address(channel, row.external), lane, row.body is not None)
        for row in rows
        if lane is not Lane.REPLY or row.body is None
    ]
    written = _write(connection, asked, now, compose) if asked else {}
    return [_row(row, written.get(row.id)) for row in rows if written.get(row.id, row.body) is not None]


def _without_overtaken(connection: Connection, rows: Sequence[Row[Any]]) -> Sequence[Row[Any]]:
    """Leave out replies in doubt after which another has gone out: said again, they would take its buttons away."""
    later = outbox.alias()
    newer = select(later.c.id).where(
        later.c.address_id == outbox.c.address_id, later.c.id > outbox.c.id, later.c.inbox_id.is_not(None),
        later.c.status.in_(("sending", "sent", "delivered", "read")),
    )  # fmt: skip
    doubted = [row.id for row in rows if row.ambiguous and row.inbox_id]
    overtaken = outbox.c.id.in_(doubted) & newer.exists()
    given_up = update(outbox).where(overtaken).values(status="uncertain", owner="", ambiguous=2)
    gone = set(connection.execute(given_up.returning(outbox.c.id)).scalars())
    return [row for row in rows if row.id not in gone]


_due = (
    select(outbox.c.id)
    .where(
        _waiting, outbox.c.channel == bindparam("here"), outbox.c.lane == bindparam("this_lane"),
        outbox.c.not_before <= bindparam("now"),
    )
    .order_by(outbox.c.id)
    .limit(bindparam("some"))
)  # fmt: skip
# By their numbers: PostgreSQL, while it has not counted what was just queued, looks once more for each row of the table
# when it is told how to look. The condition again: one who lost the lease without knowing may be claiming right now.
_take = (
    update(outbox)
    .where(outbox.c.id.in_(bindparam("ids", expanding=True)), _waiting)
    .values(owner=bindparam("me"))
    .returning(outbox.c.id)
)
_taken = (
    select(outbox, addresses.c.external)
    .join(addresses, addresses.c.id == outbox.c.address_id)
    .where(outbox.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(outbox.c.id)
)


def _write(
    connection: Connection, rows: Sequence[Unwritten], now: datetime, compose: Compose
) -> Mapping[int, Outgoing | None]:
    """Compose rows and keep their words: a page shows them. None stands for a row that was cancelled."""
    found = compose(connection, rows, now)
    words = {number: message for number, message in found.items() if message is not None}
    if words:
        connection.execute(_put_words, [{"row": number, "words": m.to_json()} for number, m in words.items()])
    silent = [row.id for row in rows if row.id not in words and (row.id in found or not row.has_words)]
    if silent:
        connection.execute(update(outbox).where(outbox.c.id.in_(silent)).values(status="cancelled", owner=""))
    return {**words, **dict.fromkeys(silent)}


_put_words = update(outbox).where(outbox.c.id == bindparam("row")).values(body=bindparam("words"))


def _row(row: Row[Any], written: Outgoing | None) -> Held:
    address = Address(row.channel, row.external)
    message = written or Outgoing.from_json(row.body)
    delivery = Delivery(row.id, address, message, Lane(row.lane))
    return Held(delivery, row.key, row.address_id, row.attempts, row.ambiguous, row.not_before, row.expires_at)


_to_wire = (
    update(outbox)
    .where(outbox.c.id.in_(bindparam("ids", expanding=True)), _queued, outbox.c.owner == bindparam("me"))
    .values(status="sending", attempts=outbox.c.attempts + 1)
    .returning(outbox.c.id)
)


def on_wire(connection: Connection, ids: Sequence[int], owner: str) -> set[int]:
    """Mark rows just before their call. Rows absent from the answer were cancelled meanwhile: do not send them."""
    return set(connection.execute(_to_wire, {"ids": list(ids), "me": owner}).scalars())


_mark = (
    update(outbox)
    .where(outbox.c.id == bindparam("row"), outbox.c.owner == bindparam("me"))
    .values(
        status=bindparam("to"), platform_id=bindparam("platform"), error=bindparam("why"),
        ambiguous=bindparam("unsure"), not_before=bindparam("again"), owner=bindparam("holder"),
        sent_at=bindparam("done"), billing=bindparam("charge"),
        attempts=outbox.c.attempts - bindparam("back"),
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mark:
    """What became of one row. A row that goes back to the queue has no owner."""

    row: Held
    status: str
    platform_id: str = ""
    error: str = ""
    again: datetime | None = None
    ambiguous: int = 0
    at: datetime | None = None
    contact_gone: bool = False
    billing: int | None = None
    shared: bool = False  # as Sent.shared
    lost_at: datetime | None = None  # when its answer was lost: it may have arrived, and been charged
    unpaid: tuple[str, datetime] | None = None  # as Failure.unpaid, and when
    untried: bool = False  # this try counts for nothing
    aside: bool = False  # it waits by itself: what follows for its address need not wait with it
    counted: bool = True  # it took one of the channel's places; those that only wait behind another did not


def mark(connection: Connection, marks: Sequence[Mark], owner: str) -> None:
    """Write what became of rows that this process holds; a row that another process took over is left alone."""
    rows = [
        {
            "row": m.row.delivery.id, "me": owner, "to": m.status, "platform": m.platform_id, "why": m.error[:200],
            "unsure": m.ambiguous, "again": m.again or m.row.not_before, "done": m.at, "charge": m.billing,
            "back": int(m.untried),
            "holder": "" if m.status == "queued" else owner,
        }
        for m in sorted(marks, key=lambda m: m.row.delivery.id)  # receipts lock the same rows in this order
    ]  # fmt: skip
    people.lock(connection, {m.row.address_id for m in marks if m.contact_gone})
    connection.execute(_mark, rows)
    _count_costs(connection, [m for m in marks if m.row.delivery.address.channel in SESSIONS])
    gone = {m.row.address_id for m in marks if m.contact_gone} | _reported_before(connection, marks)
    if gone:
        block(connection, sorted(gone))


def _count_costs(connection: Connection, marks: Sequence[Mark]) -> None:
    billed = [
        Billed(m.row.delivery.address.channel, m.row.address_id, at, m.billing, shared=m.shared, lost=m.at is None)
        for m in marks
        if (at := m.at or m.lost_at)
    ]
    if billed:
        spending.note(connection, billed)
    for channel, why, at in {(m.row.delivery.address.channel, *m.unpaid) for m in marks if m.unpaid}:
        spending.pause(connection, channel, why, at)


def _reported_before(connection: Connection, marks: Sequence[Mark]) -> frozenset[int]:
    """Join what the platform reported before it answered the send. Gives the addresses that are lost by it."""
    sent = [m.row.delivery.id for m in marks if m.platform_id and m.row.delivery.address.channel in RECEIPTS]
    return reported.join(connection, sent) if sent else frozenset()


def block(connection: Connection, gone: Sequence[int]) -> None:
    """Write no more to these addresses, and count those who have no other as blocked.

    One that leaves is deleted all the same; where they said „стоп“, that stays so when the platform has them back.
    """
    lost = addresses.c.id.in_(gone) & addresses.c.status.not_in(("leaving", "stopped"))
    connection.execute(update(addresses).where(lost).values(status="blocked"))
    cancel(connection, address_ids=gone)
    served = select(residents.c.contact_id).where(residents.c.address_id.in_(gone))
    reached = (
        select(residents.c.contact_id)
        .join(addresses, addresses.c.id == residents.c.address_id)
        .where(addresses.c.status == "active")
    )
    cut_off = contacts.c.id.in_(served) & contacts.c.id.not_in(reached) & (contacts.c.status == "active")
    connection.execute(update(contacts).where(cut_off).values(status="blocked"))


def recover(connection: Connection, channel: str, now: datetime, *, repeatable: bool = False) -> tuple[int, int]:
    """After taking a channel over: free what its last sender held. Gives how many were freed and how many are unsure.

    Nobody else may hold rows of this channel now, so whatever is `sending` was on the wire when that process ended:
    it is repeated once; the second time it becomes `uncertain`, and staff see it. A login code is never repeated. On a
    channel where a repetition shows nothing twice, it is simply repeated.
    """
    held = (outbox.c.channel == channel) & (outbox.c.owner != "")
    freed = connection.execute(update(outbox).where(held, _queued).values(owner="")).rowcount
    lost = held & _sending
    if channel in SESSIONS:
        spending.note_lost(connection, channel, lost, now)
    if repeatable:
        again = connection.execute(update(outbox).where(lost).values(status="queued", owner="")).rowcount
        return freed + again, 0
    # Whatever else waits for such an address waits with it, or it would overtake.
    doubted = select(outbox.c.address_id).where(lost)
    behind = (outbox.c.channel == channel) & _queued & outbox.c.address_id.in_(doubted)
    connection.execute(update(outbox).where(behind).values(not_before=now + SWEPT_LATER))
    once = (outbox.c.ambiguous >= 1) | outbox.c.key.like(f"{CODE}:%")
    given_up = connection.execute(
        update(outbox).where(lost, once).values(status="uncertain", owner="", ambiguous=2)
    ).rowcount
    repeated = connection.execute(
        update(outbox).where(lost).values(status="queued", owner="", ambiguous=1, not_before=now + SWEPT_LATER)
    ).rowcount
    if given_up:
        text = f"{given_up} message(s) may or may not have arrived"
        connection.execute(insert(notices).values(kind="uncertain", text=text, at=now))
    return freed + repeated, given_up


def adopt(connection: Connection, channel: str, owner: str) -> None:
    """Free rows that a process committed for itself after it had lost the channel. Only for the lease's holder."""
    strays = (outbox.c.channel == channel) & _queued & outbox.c.owner.not_in(("", owner))
    connection.execute(update(outbox).where(strays).values(owner=""))


def let_go(connection: Connection, channel: str, owner: str) -> None:
    """Free rows that a stopping process held but never began to send."""
    mine = (outbox.c.channel == channel) & (outbox.c.owner == owner) & _queued
    connection.execute(update(outbox).where(mine).values(owner=""))


def cancel(connection: Connection, *, contact_id: int | None = None, address_ids: Sequence[int] = ()) -> int:
    """Take back what is queued for a contact or an address; gives how many.

    What is on the wire cannot be taken back, but if that call fails it is not tried again.
    """
    who = or_(outbox.c.contact_id == contact_id, outbox.c.address_id.in_(address_ids))
    connection.execute(update(outbox).where(who, _sending).values(expires_at=outbox.c.created_at))
    done = connection.execute(update(outbox).where(who, _queued).values(status="cancelled", owner=""))
    return done.rowcount


@dataclass(frozen=True, slots=True)
class Interruption:
    """A row that reaches somebody in the middle of a conversation."""

    id: int
    address: Address
    address_id: int
    contact_id: int


def interrupts(connection: Connection, rows: Sequence[int], since: datetime) -> list[Interruption]:
    """Those of these rows whose reader is in a conversation that went on since then."""
    talking = (conversations.c.state == literal_column("'open'")) & (conversations.c.updated_at > since)
    # What concerns another of the family disturbs only where it takes the buttons away.
    disturbs = (outbox.c.contact_id == addresses.c.contact_id) | outbox.c.channel.in_(ONE_KEYBOARD)
    found = connection.execute(
        select(outbox.c.id, outbox.c.channel, addresses.c.external, outbox.c.address_id, addresses.c.contact_id)
        .join(addresses, addresses.c.id == outbox.c.address_id)
        .join(conversations, conversations.c.contact_id == addresses.c.contact_id)
        .where(outbox.c.id.in_(rows), disturbs, talking)
        .order_by(outbox.c.id)
    )
    return [Interruption(r.id, Address(r.channel, r.external), r.address_id, r.contact_id) for r in found]


def expire(connection: Connection, now: datetime) -> int:
    """Rows that came too late to be of use."""
    late = _waiting & (outbox.c.expires_at <= now)
    return connection.execute(update(outbox).where(late).values(status="expired")).rowcount


def next_due(connection: Connection, channel: str) -> datetime | None:
    """When the earliest waiting row of a channel wants to go, UTC; None when nothing waits."""
    found: datetime | None = connection.execute(
        select(func.min(outbox.c.not_before)).where(_waiting, outbox.c.channel == channel)
    ).scalar()
    return found


def counts(connection: Connection) -> list[tuple[str, int, str, int]]:
    """How many rows there are by channel, lane and status."""
    grouped = select(outbox.c.channel, outbox.c.lane, outbox.c.status, func.count()).group_by(
        outbox.c.channel, outbox.c.lane, outbox.c.status
    )
    return [(channel, lane, status, number) for channel, lane, status, number in connection.execute(grouped)]
