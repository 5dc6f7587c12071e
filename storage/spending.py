"""What a channel charged for in a month, what a budget still allows, and whether the platform carries anything more.

Only what we write of our own accord to people outside a session costs; see storage.sessions. Must never hold a reply.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
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

CHARGED: Final = 5  # Viber's billing_status of a message that is charged (REST Bot API, "billing_status")
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
    why = row.why if row and paused else BUDGET if left == 0 else ""
    return State(charged, left, paused, why, next_month(now) if why in (QUOTA, BUDGET) else None)


def room(connection: Connection, channel: str, tariff: Tariff | None, now: datetime) -> int | None:
    """How many messages that cost may be taken up now; None: as many as there are."""
    known = state(connection, channel, tariff, now)
    return 0 if known.paused_until else known.left


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
    )  # fmt: skip


# --- what happens ---------------------------------------------------------------------------------------------------


def stopped(connection: Connection, channel: str, tariff: Tariff | None, now: datetime) -> None:
    """Note that something was put off which would cost: by the budget, unless the platform has said why."""
    if not state(connection, channel, tariff, now).paused_until:
        pause(connection, channel, BUDGET, now)


def note(connection: Connection, billed: Iterable[tuple[str, int | None]], now: datetime) -> None:
    """Count what was charged, in the transaction that keeps it. `billed`: channel and billing of each message."""
    for channel, count in Counter(channel for channel, billing in billed if billing == CHARGED).items():
        _month(connection, channel, now)
        more = spending.c.charged + count
        connection.execute(update(spending).where(_this(channel, now)).values(charged=more))


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
