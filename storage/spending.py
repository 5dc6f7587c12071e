"""What a channel charged for in a month, what a budget still allows, and whether the platform carries anything more.

Only what we write of our own accord to people outside a session costs; see storage.sessions. Must never hold a reply.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import ColumnElement, Connection, case, func, insert, literal_column, or_, select, update

from bot.abilities import ABILITIES, SESSIONS
from bot.messages import Lane
from storage import sessions
from storage.people import upsert
from storage.tables import addresses, notices, outbox, residents, spending

if TYPE_CHECKING:
    from bot.money import Tariff

# Viber's billing_status (REST Bot API): 5 is charged; 0, 3 and 4 are free though nobody wrote within a day.
CHARGED, FREE = 5, (0, 3, 4)
QUOTA, BALANCE, BUDGET = "quota", "balance", "budget"  # why nothing more goes that costs
BALANCE_REST: Final = timedelta(hours=1)  # then it is tried again: somebody may have paid


@dataclass(frozen=True, slots=True)
class State:
    """How a channel's month stands."""

    charged: int = 0  # messages
    left: int | None = None  # that the budget still pays for, those on their way taken off; None: no limit
    paused_until: datetime | None = None  # UTC; the platform itself refuses until then
    why: str = ""  # quota or balance while it is paused, budget when nothing is left; empty: it goes
    resumes: datetime | None = field(default=None, compare=False)  # UTC, by the calendar; None: nobody knows


@dataclass(frozen=True, slots=True)
class Billed:
    """A message that went out, or may have."""

    channel: str
    address_id: int
    at: datetime  # UTC
    billing: int | None = None
    shared: bool = False  # the billing is that of a whole call
    lost: bool = False  # the platform's answer was lost: it may have been charged

    @property
    def is_charged(self) -> bool | None:
        """Whether it was; None: it was if it went to somebody outside a session."""
        if not self.shared and not self.lost and self.billing is not None:
            return self.billing == CHARGED
        return False if self.billing in FREE else None


def month_of(now: datetime) -> str:
    """The calendar month in UTC, as platforms count: "2026-11"."""
    return f"{now.astimezone(UTC):%Y-%m}"


def next_month(now: datetime) -> datetime:
    """When it begins anew, UTC."""
    here = now.astimezone(UTC)
    return datetime(here.year + here.month // 12, here.month % 12 + 1, 1, tzinfo=UTC)


def state(connection: Connection, channel: str, tariff: Tariff | None, now: datetime) -> State:
    """How a channel's month stands. Nothing is counted where nothing costs."""
    if channel not in SESSIONS:
        return State()
    row = connection.execute(select(spending).where(_this(channel, now))).one_or_none()
    charged = row.charged if row else 0
    paused = row.paused_until if row and row.paused_until and row.paused_until > now else None
    most = tariff.messages if tariff else None
    left = None if most is None else max(0, most - charged - _on_their_way(connection, channel, now))
    why = row.why if row and paused else BUDGET if most is not None and charged >= most else ""
    return State(charged, left, paused, why, next_month(now) if why in (QUOTA, BUDGET) else None)


def room(connection: Connection, channel: str, tariff: Tariff | None, now: datetime) -> int | None:
    """How many messages that cost may be taken up now; None: as many as there are."""
    known = state(connection, channel, tariff, now)
    return 0 if known.paused_until else known.left


def is_paused(connection: Connection, channel: str, now: datetime) -> bool:
    """Whether the platform itself carries nothing that costs."""
    paused = select(spending.c.channel).where(_this(channel, now), spending.c.paused_until > now)
    return connection.execute(paused).first() is not None


def _on_their_way(connection: Connection, channel: str, now: datetime) -> int:
    """Messages that were taken up and may yet be charged."""
    held = ((outbox.c.status == literal_column("'queued'")) & (outbox.c.owner != "")) | (
        outbox.c.status == literal_column("'sending'")
    )
    mine = held & (outbox.c.channel == channel) & (outbox.c.lane != int(Lane.REPLY))
    counted = select(func.count()).select_from(outbox.join(addresses, addresses.c.id == outbox.c.address_id))
    return connection.execute(counted.where(mine, costs(now))).scalar_one()


def costs(now: datetime) -> ColumnElement[bool]:
    """Whether what we write to an address of our own accord costs now. On addresses."""
    return ~sessions.open_at(now)


def reroute(connection: Connection, channel: str, lane: Lane, now: datetime) -> int:
    """Send what is due and would cost by a free way, where its reader has one. Gives how much."""
    other = addresses.alias()
    rings = case({name: can.rings for name, can in ABILITIES.items()}, value=other.c.channel, else_=9)
    free = (
        select(other.c.id)
        .join(residents, residents.c.address_id == other.c.id)
        .where(
            residents.c.contact_id == outbox.c.contact_id, other.c.status == "active",
            other.c.channel.in_([name for name in ABILITIES if name not in SESSIONS]),
        )
        .order_by(rings, other.c.id.desc())
        .limit(1)
        .correlate(outbox)
        .scalar_subquery()
    )  # fmt: skip
    named = select(other.c.channel).where(other.c.id == free).correlate(outbox).scalar_subquery()
    moved = update(outbox).where(_due(channel, lane, now), free.is_not(None))
    return connection.execute(moved.values(channel=named, address_id=free)).rowcount


def hold(connection: Connection, channel: str, lane: Lane, now: datetime, until: datetime) -> int:
    """Put off what is due and would cost, so that nobody looks at it again and again. Gives how much."""
    return connection.execute(update(outbox).where(_due(channel, lane, now)).values(not_before=until)).rowcount


def _due(channel: str, lane: Lane, now: datetime) -> ColumnElement[bool]:
    """What waits for somebody to take it up, and would cost."""
    paid = select(addresses.c.id).where(costs(now))
    return (
        (outbox.c.channel == channel) & (outbox.c.status == literal_column("'queued'")) & (outbox.c.owner == "")
        & (outbox.c.lane == int(lane)) & (outbox.c.not_before <= now) & outbox.c.address_id.in_(paid)
        & outbox.c.inbox_id.is_(None)  # what answers a word of theirs is never held
    )  # fmt: skip


# --- what happens ---------------------------------------------------------------------------------------------------


def stopped(connection: Connection, channel: str, tariff: Tariff | None, now: datetime) -> None:
    """Note that something was put off because the budget is used up. One of nothing is a wish, and no news."""
    if tariff and tariff.messages and state(connection, channel, tariff, now).why == BUDGET:
        pause(connection, channel, BUDGET, now)


def note(connection: Connection, billed: Sequence[Billed]) -> None:
    """Count what was charged, in the transaction that keeps it; where nobody can know, what would cost is counted."""
    billed = [one for one in billed if one.channel in SESSIONS]
    asked = {one.address_id for one in billed if one.is_charged is None}
    closed = set()
    if asked:
        outside = select(addresses.c.id).where(addresses.c.id.in_(asked), costs(max(one.at for one in billed)))
        closed = set(connection.execute(outside).scalars())
    charged = Counter(
        (one.channel, month_of(one.at))
        for one in billed
        if one.is_charged or (one.is_charged is None and one.address_id in closed)
    )
    for (channel, month), count in charged.items():
        _add(connection, channel, month, count)


def note_lost(connection: Connection, channel: str, lost: ColumnElement[bool], now: datetime) -> None:
    """Count what was on the wire when a process died, as far as it would cost: `lost` says which rows of the outbox."""
    counted = select(func.count()).select_from(outbox.join(addresses, addresses.c.id == outbox.c.address_id))
    if number := connection.execute(counted.where(lost, costs(now))).scalar_one():
        _add(connection, channel, month_of(now), number)


def _add(connection: Connection, channel: str, month: str, count: int) -> None:
    row = {"channel": channel, "month": month, "charged": count, "why": ""}
    more = {"charged": spending.c.charged + count}
    entering = upsert(connection, spending).values(row)
    connection.execute(entering.on_conflict_do_update(index_elements=["channel", "month"], set_=more))


def pause(connection: Connection, channel: str, why: str, now: datetime) -> None:
    """Take up nothing more that costs: until the month ends (quota), for an hour (balance); of the budget only a note.

    The first time in a month staff are told why.
    """
    until = {QUOTA: next_month(now), BALANCE: now + BALANCE_REST}.get(why)
    _month(connection, channel, now)
    new = or_(spending.c.why != why, spending.c.why == "")
    first = connection.execute(update(spending).where(_this(channel, now), new).values(why=why)).rowcount
    if until is not None:
        connection.execute(update(spending).where(_this(channel, now)).values(paused_until=until))
    if first:
        text = {QUOTA: "free messages", BALANCE: "no balance", BUDGET: "the month's budget"}[why]
        connection.execute(insert(notices).values(kind="spending", text=f"{channel}: {text}", at=now))


def _month(connection: Connection, channel: str, now: datetime) -> None:
    blank = {"channel": channel, "month": month_of(now), "charged": 0, "why": ""}
    connection.execute(upsert(connection, spending).values(blank).on_conflict_do_nothing())


def _this(channel: str, now: datetime) -> ColumnElement[bool]:
    return (spending.c.channel == channel) & (spending.c.month == month_of(now))
