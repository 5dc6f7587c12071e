"""Who reads queued messages, as far as the buttons under them depend on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from storage.tables import addresses, contacts, outbox, staff


@dataclass(frozen=True, slots=True)
class Reader:
    """Whoever talks with us at an address now: a message may be about another of the family."""

    address_id: int
    registered: bool
    language: str
    role: str = ""  # among the staff


def of(connection: Connection, rows: Sequence[int]) -> Mapping[int, Reader]:
    """The readers of these outbox rows. Locks nobody: they may be talking at this moment."""
    if not rows:
        return {}
    found = connection.execute(
        select(outbox.c.id, outbox.c.address_id, contacts.c.registered_at, contacts.c.language, staff.c.role)
        .join(addresses, addresses.c.id == outbox.c.address_id)
        .join(contacts, contacts.c.id == addresses.c.contact_id)
        .outerjoin(staff, staff.c.contact_id == contacts.c.id)
        .where(outbox.c.id.in_(rows))
    )
    return {r.id: Reader(r.address_id, r.registered_at is not None, r.language, r.role or "") for r in found}
