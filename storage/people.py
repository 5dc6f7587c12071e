"""Who writes: address, contact, open conversation and answers of many people at once, in few statements.

Must never run a statement for each person: a batch of a hundred costs as many as a batch of one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bot.messages import Address, Incoming
from storage.cipher import cipher_of
from storage.tables import addresses, answers, contacts, conversations, inbox, residents, staff


@dataclass(slots=True)
class Known:
    """One address, whom we talk to there, and the conversation that is open."""

    address: Address
    address_id: int
    address_status: str
    contact_id: int
    status: str
    language: str
    name: str
    registered: bool
    source: str
    role: str = ""  # among the staff
    heard_at: datetime | None = None  # on the platform, where it has sessions; UTC
    left_at: datetime | None = None
    conversation_id: int = 0
    script: str = ""
    asked: str = ""
    misses: int = 0
    answers: dict[str, tuple[Any, bool]] = field(default_factory=dict)


def upsert(connection: Connection, table: Any) -> Any:
    """An INSERT that can say ON CONFLICT, on either database."""
    return INSERTS[connection.dialect.name](table)


INSERTS: Mapping[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


def take(
    connection: Connection, events: Sequence[Incoming], now: datetime, *,
    known: Mapping[Address, Known] = MappingProxyType({}), failed: Collection[str] = (),
) -> dict[str, int]:  # fmt: skip
    """Enter events into the inbox, with whoever wrote them. Gives the row of each that is new; a repeat is absent."""
    rows = [_entry(e, known.get(e.address), now, "failed" if e.key in failed else "done") for e in events]
    return {key: number for number, key in connection.execute(_take(connection.dialect.name), rows)}


@cache
def _take(dialect: str) -> Any:
    """Building a statement costs as much as running it, so each is built once."""
    fresh = INSERTS[dialect](inbox).on_conflict_do_nothing(index_elements=["key"])
    return fresh.returning(inbox.c.id, inbox.c.key)


def _entry(event: Incoming, known: Known | None, now: datetime, state: str) -> dict[str, Any]:
    return {
        "key": event.key, "channel": event.address.channel, "body": _body(event), "state": state, "received_at": now,
        "address_id": known.address_id if known else None, "contact_id": known.contact_id if known else None,
    }  # fmt: skip


def _body(event: Incoming) -> dict[str, Any]:
    kept = {"kind": event.kind.value, "text": event.text, "press": event.press, "phone": event.phone}
    return {k: v for k, v in kept.items() if v}


def load(connection: Connection, events: Sequence[Incoming], now: datetime) -> dict[Address, Known]:
    """Everybody who writes, locked against other processes; strangers are entered."""
    lookup = {hash_of(connection, e.address): e.address for e in events}
    found = _find(connection, lookup)
    strangers = {h: a for h, a in lookup.items() if a not in found}
    if strangers:
        _enter(connection, strangers, now)
        found |= _find(connection, strangers)
    _load_answers(connection, [k for k in found.values() if k.conversation_id])
    return found


def hash_of(connection: Connection, address: Address) -> bytes:
    """The blind index of an address."""
    return cipher_of(connection.dialect).lookup("address", str(address))


# Spelled out rather than bound, or the planner could not know that the index of open conversations will do.
_open = conversations.c.state == literal_column("'open'")
_known = (
    select(
        addresses.c.id, addresses.c.lookup, addresses.c.status.label("address_status"), addresses.c.contact_id,
        addresses.c.heard_at, addresses.c.left_at,
        contacts.c.status, contacts.c.language, contacts.c.name, contacts.c.registered_at, contacts.c.source,
        staff.c.role, conversations.c.id.label("conversation_id"), conversations.c.script, conversations.c.asked,
        conversations.c.misses,
    )
    .select_from(
        addresses.join(contacts, contacts.c.id == addresses.c.contact_id)
        .outerjoin(conversations, (conversations.c.contact_id == contacts.c.id) & _open)
        .outerjoin(staff, staff.c.contact_id == contacts.c.id)
    )
    .where(addresses.c.lookup.in_(bindparam("lookups", expanding=True)))
    .order_by(addresses.c.id)
)  # fmt: skip
_lock = (
    select(addresses.c.id, contacts.c.id)
    .join(contacts, contacts.c.id == addresses.c.contact_id)
    .where(addresses.c.lookup.in_(bindparam("lookups", expanding=True)))
    .order_by(contacts.c.id, addresses.c.id)  # one order everywhere, or two processes could wait for each other
    .with_for_update(key_share=True)  # what only refers to them, a reminder's line say, need not wait for the talk
)


def lock(connection: Connection, address_ids: Collection[int]) -> None:
    """Before rows of these addresses are locked that a talk would lock last: otherwise the two wait for each other."""
    if address_ids and connection.dialect.name == "postgresql":
        connection.execute(_lock_ids, {"ids": sorted(address_ids)}).all()


_lock_ids = (
    select(addresses.c.id, contacts.c.id)
    .join(contacts, contacts.c.id == addresses.c.contact_id)
    .where(addresses.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(contacts.c.id, addresses.c.id)
    .with_for_update(key_share=True)
)


def _find(connection: Connection, lookup: dict[bytes, Address]) -> dict[Address, Known]:
    if connection.dialect.name != "postgresql":
        return _look(connection, lookup)
    while True:  # first the locks, then the look: whoever waited here must see what the one before it committed
        locked = {(address, contact) for address, contact in connection.execute(_lock, {"lookups": list(lookup)})}
        found = _look(connection, lookup)
        if locked == {(known.address_id, known.contact_id) for known in found.values()}:
            return found
        # The one before us gave an address to another contact, whom nobody has locked yet. The address is ours now.


def _look(connection: Connection, lookup: dict[bytes, Address]) -> dict[Address, Known]:
    rows = connection.execute(_known, {"lookups": list(lookup)})
    return {lookup[bytes(row.lookup)]: _known_of(row, lookup[bytes(row.lookup)]) for row in rows}


def _known_of(row: Any, address: Address) -> Known:
    return Known(
        address, row.id, row.address_status, row.contact_id, row.status, row.language, row.name or "",
        row.registered_at is not None, row.source, row.role or "",
        row.heard_at, row.left_at, row.conversation_id or 0, row.script or "", row.asked or "", row.misses or 0,
    )  # fmt: skip


def _enter(connection: Connection, strangers: dict[bytes, Address], now: datetime) -> None:
    blanks = [{"status": "active", "language": "", "source": "", "created_at": now} for _ in strangers]
    made = list(connection.execute(_blank, blanks).scalars())
    met = sorted(strangers.items(), key=lambda pair: pair[0])  # one order everywhere, as with the locks
    rows = [
        {
            "channel": address.channel, "external": address.external, "lookup": lookup, "status": "active",
            "contact_id": contact, "created_at": now,
        }
        for (lookup, address), contact in zip(met, made, strict=True)
    ]  # fmt: skip
    statement = _meet(connection.dialect.name)
    entered = [{"address_id": a, "contact_id": c} for a, c in connection.execute(statement, rows)]
    if entered:
        connection.execute(_settle, entered)
    unused = set(made) - {row["contact_id"] for row in entered}
    if unused:  # another process met these strangers a moment ago
        connection.execute(delete(contacts).where(contacts.c.id.in_(unused)))


_blank = insert(contacts).returning(contacts.c.id)
_settle = insert(residents)


@cache
def _meet(dialect: str) -> Any:
    fresh = INSERTS[dialect](addresses).on_conflict_do_nothing(index_elements=["lookup"])
    return fresh.returning(addresses.c.id, addresses.c.contact_id)


def blank(connection: Connection, now: datetime, *, language: str = "", source: str = "") -> int:
    """A contact of whom nothing is known yet."""
    row = {"status": "active", "language": language, "source": source, "created_at": now}
    return int(connection.execute(_blank, row).scalar_one())


_answers = select(answers.c.conversation_id, answers.c.key, answers.c.value, answers.c.complete).where(
    answers.c.conversation_id.in_(bindparam("ids", expanding=True))
)


def _load_answers(connection: Connection, talking: Iterable[Known]) -> None:
    by_id = {k.conversation_id: k for k in talking}
    if not by_id:
        return
    for row in connection.execute(_answers, {"ids": list(by_id)}):
        by_id[row.conversation_id].answers[row.key] = (row.value, row.complete)


# --- writing -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Changes:
    """What a batch of events changes, gathered by table; written by one statement each."""

    answers: list[dict[str, Any]] = field(default_factory=list)
    removed: list[dict[str, Any]] = field(default_factory=list)
    opened: list[dict[str, Any]] = field(default_factory=list)
    conversations: list[dict[str, Any]] = field(default_factory=list)
    languages: list[dict[str, Any]] = field(default_factory=list)
    sources: list[dict[str, Any]] = field(default_factory=list)


_remove = delete(answers).where(answers.c.conversation_id == bindparam("talk"), answers.c.key == bindparam("gone"))
_set_talk = (
    update(conversations)
    .where(conversations.c.id == bindparam("talk"))
    .values(state=bindparam("to"), asked=bindparam("asks"), misses=bindparam("missed"), updated_at=bindparam("at"))
)
_open_talk = insert(conversations)
_set_language = update(contacts).where(contacts.c.id == bindparam("who")).values(language=bindparam("to"))
_set_source = (
    update(contacts).where(contacts.c.id == bindparam("who"), contacts.c.source == "").values(source=bindparam("to"))
)


def write(connection: Connection, changes: Changes) -> None:
    """Write what a batch changed."""
    for statement, rows in (
        (_set_talk, changes.conversations),  # first: a contact has one open conversation at most
        (_open_talk, changes.opened),
        (_remove, changes.removed),
        (_keep_answers(connection.dialect.name), changes.answers),
        (_set_language, changes.languages),
        (_set_source, changes.sources),
    ):
        if rows:
            connection.execute(statement, rows)


@cache
def _keep_answers(dialect: str) -> Any:
    statement = INSERTS[dialect](answers)
    fresh = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["conversation_id", "key"],
        set_={"value": fresh.value, "complete": fresh.complete, "at": fresh.at},
    )
