"""What coordinators are told of money: that most of a month's budget is used, and that nothing more goes that costs.

Once a month of each, by the key of the message: a restart or a second process says nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, select

from bot import calendar
from storage import charges, entering, spending
from storage.spending import BUDGET, State
from storage.staff import COORDINATOR
from storage.tables import contacts, outbox, staff

if TYPE_CHECKING:
    from bot.calendar import Rules
    from bot.money import Tariff

PREFIX: Final = "money"  # of the outbox keys
NEAR: Final = "near"  # most of the budget is used
MOST: Final = 0.8  # of the budget
LIVES: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Told:
    """How a channel's month stands, for one coordinator."""

    channel: str
    what: str  # near, budget, quota, balance
    state: State
    language: str


def tell(connection: Connection, tariffs: Mapping[str, Tariff], rules: Rules, now: datetime) -> int:
    """Queue what there is to tell. Gives how many messages."""
    told = 0
    for channel, tariff in tariffs.items():
        state = spending.state(connection, channel, tariff, now)
        near = NEAR if is_near(state, tariff) else ""
        what = state.why if state.why != BUDGET or tariff.messages else ""  # a budget of nothing is a wish, and no news
        if what := what or near:
            key = f"{PREFIX}:{channel}:{spending.month_of(now)}:{what}:{{}}"
            opens = calendar.next_open(rules, now)
            told += entering.to_staff(connection, key, charges.coordinators(connection), now, opens, opens + LIVES)
    return told


def is_near(state: State, tariff: Tariff) -> bool:
    """Whether most of the budget is used."""
    most = tariff.messages
    return bool(most) and state.charged >= most * MOST  # type: ignore[operator]  # none is no limit


def facts(
    connection: Connection, keys: Sequence[str], now: datetime, tariffs: Mapping[str, Tariff]
) -> Mapping[str, Told]:
    """What each message says; absent where its reader coordinates no more."""
    reads = (
        select(outbox.c.key, contacts.c.language)
        .join(contacts, contacts.c.id == outbox.c.contact_id)
        .join(staff, staff.c.contact_id == contacts.c.id)
        .where(outbox.c.key.in_(keys), staff.c.role == COORDINATOR)
    )
    found = {}
    for key, language in connection.execute(reads):
        _, channel, _, what, _ = key.split(":")
        state = spending.state(connection, channel, tariffs.get(channel), now)
        found[key] = Told(channel, what, state, language)
    return found
