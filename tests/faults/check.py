"""What is true in the end: compares the ledger with the final database, and nothing else."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Connection, Row, func, select, text

from bot import abilities
from bot.chat import Acting
from bot.messages import Address
from storage import contacts, tables
from storage.people import hash_of
from storage.pulse import ARRIVED
from tests.faults import announcer
from tests.faults.ledger import Arrival, Ledger
from tests.faults.people import Resident

SLACK = 0.05  # seconds: a mark is dated after its call, an arrival during it


@dataclass(slots=True)
class Findings:
    """What the checker counted. Every sentence in `wrong` is a promise that was not kept."""

    lost: int = 0
    duplicates: int = 0
    copies: int = 0  # the most that arrived of any one message
    uncertain: int = 0
    reminders: int = 0  # messages of our own accord
    wrong: list[str] = field(default_factory=list)


def pending(connection: Connection) -> int:
    """How many messages still have a way to go."""
    waiting = select(func.count()).where(tables.outbox.c.status.in_(("queued", "sending")))
    return int(connection.execute(waiting).scalar_one()) + announcer.due(connection)


def check(
    connection: Connection, ledger: Ledger, people: Sequence[tuple[Resident, Address]], made: Sequence[int] = ()
) -> Findings:
    """Everything that can be checked once the service has stopped. Made: the events that were published meanwhile."""
    found = Findings()
    _integrity(connection, found)
    _inbox(connection, ledger, found)
    for resident, address in people:
        _resident(connection, resident, address, found)
    _registrations(connection, len(people), found)
    _outbox(connection, ledger, found)
    found.wrong += announcer.check_told(connection, made)
    found.lost += len(ledger.changed)
    found.wrong += [f"a summary showed another answer than was given, to person {who}" for who in ledger.changed]
    return found


def _integrity(connection: Connection, found: Findings) -> None:
    """The file is whole. PostgreSQL has no such command: every row of every table is read and opened instead."""
    if connection.dialect.name == "sqlite":
        answers = [
            connection.execute(text(f"PRAGMA {name}")).all() for name in ("integrity_check", "foreign_key_check")
        ]
        if [list(map(tuple, rows)) for rows in answers] != [[("ok",)], []]:
            found.wrong.append(f"the database is damaged: {answers}")
    for table in tables.metadata.sorted_tables:
        connection.execute(select(table)).all()


def _inbox(connection: Connection, ledger: Ledger, found: Findings) -> None:
    rows = {row.key: row for row in connection.execute(select(tables.inbox))}
    for key in sorted(ledger.acknowledged & set(ledger.offered)):
        if key not in rows:
            found.wrong.append(f"{key} was acknowledged and is not there")
        elif rows[key].body != ledger.offered[key].said:
            found.wrong.append(f"{key} was kept otherwise than it was said")
        else:
            continue
        found.lost += 1
    broken = [row.key for row in rows.values() if row.state != "done"]
    found.wrong += [f"the script broke at {key}" for key in broken]
    found.wrong += [f"{key} was never offered" for key in sorted(set(rows) - set(ledger.offered))]


def _resident(connection: Connection, resident: Resident, address: Address, found: Findings) -> None:
    wish, who = resident.wish, f"person {resident.number}"
    at = tables.addresses.c
    here = connection.execute(select(at.id, at.contact_id).where(at.lookup == hash_of(connection, address))).first()
    if here is None:
        found.wrong.append(f"{who} is not there")
        return
    acting = Acting(here.contact_id, here.id, address.channel, wish.language, "", datetime.now(UTC))
    kept = contacts.profile(connection, acting)
    own = bool(wish.phone) and address.channel == "telegram"
    pairs = {
        "language": (kept.language, wish.language), "name": (kept.name, wish.name), "phone": (kept.phone, wish.phone),
        "own phone": (kept.phone_is_own, own), "settlement": (kept.settlement, wish.settlement),
        "purpose": (kept.purpose, wish.purpose), "work": (kept.work, wish.status),
        "children": (set(kept.children), wish.children),
        "interests": (set(kept.interests), set(wish.interests[wish.purpose])),
    }  # fmt: skip
    other = [f"{what} {is_!r} instead of {said!r}" for what, (is_, said) in pairs.items() if is_ != said]
    found.lost += len(other)
    found.wrong += [f"{who}: {difference}" for difference in other]


def _registrations(connection: Connection, people: int, found: Findings) -> None:
    """Everybody once: one contact, one consent, one finished registration, one address."""
    c, k, t, r = (tables.contacts.c, tables.consents.c, tables.conversations.c, tables.residents.c)
    counted = {
        "contacts": select(c.id),
        "registered contacts": select(c.id).where(c.registered_at.is_not(None)),
        "consents": select(k.contact_id).where(k.action == "given"),
        "finished registrations": select(t.contact_id).where(t.script == "registration", t.state == "done"),
        "people at addresses": select(r.contact_id),
    }
    for what, query in counted.items():
        each = Counter(connection.execute(query).scalars())
        if len(each) != people or max(each.values(), default=0) > 1:
            most = max(each.values(), default=0)
            found.wrong.append(f"{what}: {len(each)} for {people} people, at most {most} for one")


def _outbox(connection: Connection, ledger: Ledger, found: Findings) -> None:
    rows = connection.execute(
        select(tables.outbox, tables.addresses.c.external)
        .join(tables.addresses, tables.addresses.c.id == tables.outbox.c.address_id)
        .order_by(tables.outbox.c.id)
    ).all()
    found.reminders = sum(row.key.startswith("reminder:") and row.status in ARRIVED for row in rows)
    statuses = Counter(row.status for row in rows if not (row.status == "cancelled" and ":change" in row.key))
    found.uncertain = statuses.pop("uncertain", 0)
    for arrived in ARRIVED:
        statuses.pop(arrived, None)
    found.wrong += [f"{number} messages ended as {status}" for status, number in statuses.items()]
    chats: dict[str, list[Row[tuple[object, ...]]]] = defaultdict(list)
    for row in rows:
        if row.channel != "web" and row.body is not None:
            chats[row.external].append(row)
    for chat in chats.keys() | ledger.arrived.keys():
        _chat(chats[chat], ledger.arrived[chat], found)


def _chat(rows: Sequence[Row[tuple[object, ...]]], arrivals: Sequence[Arrival], found: Findings) -> None:
    """Give each arrival the row that it came from: the one that remembers its id, else a likely one."""
    by_id = {row.platform_id: row.id for row in rows if row.status in ARRIVED and not _is_edit(row)}
    numbers = {str(arrival.number) for arrival in arrivals}
    found.wrong += [f"message {row} counts as sent and never arrived" for n, row in by_id.items() if n not in numbers]
    copies = Counter(by_id[number] for number in numbers & by_id.keys())
    for arrival in arrivals:
        if str(arrival.number) in by_id:
            continue
        likely = [row.id for row in rows if _may_be(row, arrival)]
        if likely:
            copies[min(likely, key=lambda row: copies[row])] += 1
        else:
            found.wrong.append("a message arrived that is in no outbox")
    found.duplicates += sum(count - 1 for count in copies.values())
    found.copies = max(found.copies, *copies.values(), 0)
    if any(count > 2 for count in copies.values()):
        found.wrong.append("a message arrived three times")


def _may_be(row: Row[tuple[object, ...]], arrival: Arrival) -> bool:
    """Whether a send whose outcome was lost can have been of this row: same words, between its birth and its mark."""
    began = row.created_at.timestamp() - SLACK
    ended = row.sent_at.timestamp() + SLACK if row.sent_at else float("inf")
    return bool(row.body["text"] == arrival.text and not _is_edit(row) and began <= arrival.at <= ended)


def _is_edit(row: Row[tuple[object, ...]]) -> bool:
    """Whether it shows nothing new; where nothing can be edited it is sent anew."""
    return bool(row.body.get("replaces")) and row.channel in abilities.EDITS
