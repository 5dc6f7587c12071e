"""Claims of people whose number nobody vouches for: who finds the words of what is sent about them.

Must never decide a claim, and must never send: storage does the one, the senders the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from bot.messages import Outgoing
from bot.reminders import Writer
from storage import claim_desk, claims
from storage.claim_desk import CARD, DENIAL, TOLD, Claim, Word
from storage.claims import Code
from storage.outbox import CODE


def writers(
    code: Callable[[Code, datetime], Outgoing], card: Callable[[Claim, datetime], Outgoing],
    word: Callable[[Word, datetime], Outgoing],
) -> dict[str, Writer]:  # fmt: skip
    """Who finds the words, by what stands before the colon of a key."""

    def codes(connection: Connection, keys: Sequence[str], now: datetime) -> Mapping[str, Outgoing]:
        return {key: code(one, now) for key, one in claims.draw(connection, keys, now).items()}

    def cards(connection: Connection, keys: Sequence[str], now: datetime) -> Mapping[str, Outgoing]:
        return {key: card(one, now) for key, one in claim_desk.cards(connection, keys, now).items()}

    def words(connection: Connection, keys: Sequence[str], now: datetime) -> Mapping[str, Outgoing]:
        return {key: word(one, now) for key, one in claim_desk.told(connection, keys).items()}

    return {CODE: codes, CARD: cards, DENIAL: cards, TOLD: words}
