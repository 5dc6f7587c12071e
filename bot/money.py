"""What messages cost, and how many a budget still pays for. Pure; imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Final

CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Tariff:
    """What one message of our own accord costs on a channel, outside a session, and what a month may cost. In euros.

    Prices depend on the country of the reader's number and change: the setting is an estimate, never a bill.
    """

    price: Decimal
    budget: Decimal | None = None  # for one calendar month in UTC, as the platform counts; None: no limit

    @property
    def messages(self) -> int | None:
        """How many messages a month the budget pays for; None: no limit."""
        if self.budget is None or self.price <= 0:
            return None
        return int(self.budget / self.price)

    def cost(self, messages: int) -> Decimal:
        """Euros for so many messages, rounded up to a cent."""
        return (self.price * messages).quantize(CENT, ROUND_CEILING)


def shown(euros: Decimal) -> str:
    """„0,50 €“."""
    return f"{euros:.2f} €".replace(".", ",")
