"""What a queued message about a broadcast has to say: gathered by few queries for many rows, when they go out.

Whoever stopped, blocked us or left meanwhile is absent, and so is a broadcast that was stopped: nothing is sent then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, tuple_

from bot.calendar import Rules
from bot.chat import Acting
from storage import broadcasts, deliveries, events, recipients
from storage.audiences import IN_LINE
from storage.broadcasts import Broadcast
from storage.deliveries import APPROVE, DELETABLE, EDIT, PROGRESS, UNSEND
from storage.events import Event
from storage.orphans import LOST
from storage.recipients import Progress
from storage.tables import addresses, contacts, outbox, residents, staff
from storage.tables import broadcasts as broadcast_rows
from storage.tables import recipients as rows


@dataclass(frozen=True, slots=True)
class Told:
    """One message of a broadcast, and to whom it goes."""

    broadcast: Broadcast
    contact_id: int
    name: str
    language: str
    writer: str  # the name of whoever wrote it, as long as they are staff
    event: Event | None  # of whose guests the group is
    is_shared: bool  # somebody else behind the same address gets it too
    replaces: str = ""  # the platform's id of the message that it changes


@dataclass(frozen=True, slots=True)
class Standing:
    """How a broadcast stands, for whoever wrote it."""

    broadcast: Broadcast
    progress: Progress
    language: str
    other_ways: int = 0  # how many of those not reached have another channel
    replaces: str = ""
    is_report: bool = False  # it is over, and this says what came of it
    lost_by: str = ""  # who wrote it and may not any more; it stands as it is because of that


@dataclass(frozen=True, slots=True)
class Plea:
    """A broadcast, or other words for it, that waits for a second person: for one who may say yes."""

    broadcast: Broadcast
    writer: str
    language: str
    people: int  # how many would get it now


def told(connection: Connection, keys: Sequence[str]) -> Mapping[str, Told]:
    """The messages of broadcasts, by key."""
    found = _readers(connection, rows.c.message.in_(keys))
    running = (broadcasts.RUNNING, broadcasts.PAUSED, broadcasts.DONE)
    return {row.message: one for row, one in found if one.broadcast.status in running}


def changed(connection: Connection, keys: Sequence[str]) -> Mapping[str, Told]:
    """The changes of what was sent, by key; only of the latest version, and of what is there."""
    parts = {key: _numbers(key.removeprefix(f"{EDIT}:").replace(":", ".")) for key in keys}
    pairs = {(number, who) for number, _, who in parts.values()}
    those = tuple_(rows.c.broadcast_id, rows.c.contact_id).in_(pairs)
    known = {(one.broadcast.id, one.broadcast.version, one.contact_id): one for _, one in _readers(connection, those)}
    return {key: known[part] for key, part in parts.items() if part in known and known[part].replaces}


def removed(connection: Connection, keys: Sequence[str], now: datetime) -> Mapping[str, str]:
    """The platform's ids of what is to be taken out of the chats, by key."""
    parts = {key: _numbers(key.removeprefix(f"{UNSEND}:").replace(":", ".")) for key in keys}
    there = (outbox.c.sent_at > now - DELETABLE) & (outbox.c.platform_id != "")
    wanted = select(rows.c.broadcast_id, rows.c.contact_id, outbox.c.platform_id).join(
        outbox, outbox.c.key == rows.c.message
    )
    pairs = {key: (number, who) for key, (number, _, who) in parts.items()}
    those = tuple_(rows.c.broadcast_id, rows.c.contact_id).in_(set(pairs.values()))
    known = {(row[0], row[1]): row.platform_id for row in connection.execute(wanted.where(those, there))}
    return {key: known[pair] for key, pair in pairs.items() if pair in known}


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


# Whoever took an address over since must not read what names the one before them.
_still_there = (residents.c.address_id == outbox.c.address_id) & (residents.c.contact_id == rows.c.contact_id)


def _readers(connection: Connection, which: Any) -> list[tuple[Any, Told]]:
    """Rows of the ledger with their readers, as far as they may still be written to."""
    columns = (rows.c.message, rows.c.broadcast_id, rows.c.contact_id, outbox.c.address_id, outbox.c.platform_id)
    found = connection.execute(
        select(*columns, contacts.c.name, contacts.c.language)
        .select_from(rows.join(outbox, outbox.c.key == rows.c.message))
        .join(contacts, contacts.c.id == rows.c.contact_id)
        .join(addresses, addresses.c.id == outbox.c.address_id)
        .join(residents, _still_there)
        .where(which, rows.c.status == "queued", contacts.c.status == "active", addresses.c.status == "active")
    ).all()
    of = _broadcasts(connection, {row.broadcast_id for row in found})
    personal = {number for number, one in of.items() if deliveries.is_personal(one.words)}  # of others a home gets one
    shared = _shared(connection, {(r.broadcast_id, r.address_id) for r in found if r.broadcast_id in personal})
    writers = _writers(connection, {one.by_id for one in of.values() if one.by_id})
    about = {number: event_of(connection, one) for number, one in of.items()}
    return [
        (
            row,
            Told(
                of[row.broadcast_id], row.contact_id, row.name or "", row.language,
                writers.get(of[row.broadcast_id].by_id or 0, ""), about[row.broadcast_id],
                (row.broadcast_id, row.address_id) in shared, row.platform_id,
            ),
        )
        for row in found
    ]  # fmt: skip


def _broadcasts(connection: Connection, numbers: set[int]) -> Mapping[int, Broadcast]:
    wanted = select(broadcast_rows).where(broadcast_rows.c.id.in_(numbers))
    return {row.id: broadcasts.of_row(connection, row) for row in connection.execute(wanted).all()}


def _writers(connection: Connection, numbers: set[int]) -> Mapping[int, str]:
    """The names of those who are of the staff now: nobody else signs a message."""
    wanted = select(contacts.c.id, contacts.c.name).join(staff, staff.c.contact_id == contacts.c.id)
    return {row.id: row.name or "" for row in connection.execute(wanted.where(contacts.c.id.in_(numbers)))}


def _shared(connection: Connection, homes: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those of these broadcasts and addresses where more than one person gets it.

    By the few who live together: asked in one statement, a database would go through the whole ledger each time.
    """
    places = {place for _, place in homes}
    there: dict[int, list[int]] = {}
    living = select(residents.c.address_id, residents.c.contact_id).where(residents.c.address_id.in_(places))
    for place, who in connection.execute(living):
        there.setdefault(place, []).append(who)
    together = [(number, place) for number, place in homes if len(there.get(place, ())) > 1]
    if not together:
        return set()
    people = {who for _, place in together for who in there[place]}
    theirs = rows.c.broadcast_id.in_({number for number, _ in together}) & rows.c.contact_id.in_(people)
    ledger = select(rows.c.broadcast_id, rows.c.contact_id).where(theirs, rows.c.status.in_(IN_LINE))
    gets = {(row.broadcast_id, row.contact_id) for row in connection.execute(ledger)}
    return {(number, place) for number, place in together if sum((number, who) in gets for who in there[place]) > 1}


def event_of(connection: Connection, broadcast: Broadcast) -> Event | None:
    """The one event of whose guests the group is."""
    numbers: Sequence[int] = broadcast.audience.get("events") or ()
    return events.by_id(connection, numbers[0]) if len(numbers) == 1 else None


# --- for staff --------------------------------------------------------------------------------------------------------


def standing(connection: Connection, keys: Sequence[str], now: datetime) -> Mapping[str, Standing]:
    """How broadcasts stand, by the keys of the messages that tell it."""
    found = {}
    for key in keys:
        one = _standing(connection, key, now)
        if one is not None:
            found[key] = one
    return found


def _standing(connection: Connection, key: str, now: datetime) -> Standing | None:
    _, number, part = key.split(":", 2)
    if part.startswith(f"{LOST}:"):
        return _lost(connection, int(number), int(part.rpartition(":")[2]), now)
    by_id = connection.execute(select(broadcast_rows.c.by_id).where(broadcast_rows.c.id == int(number))).scalar()
    author = Acting(by_id or 0, 0, "", "", "", now)
    shown = broadcasts.for_staff(connection, author, int(number))
    is_first, is_last = part == "0", part.startswith("end")
    replaces = "" if is_first or is_last else _first_shown(connection, int(number))
    if shown is None or not (is_first or is_last or replaces):
        return None
    language = connection.execute(select(contacts.c.language).where(contacts.c.id == by_id)).scalar() or ""
    progress = recipients.progress(connection, author, broadcast_id=shown.id)
    ways = recipients.other_ways(connection, author, broadcast_id=shown.id) if is_last else 0
    return Standing(shown, progress, language, ways, replaces, is_last)


def _lost(connection: Connection, number: int, reader: int, now: datetime) -> Standing | None:
    """Of one whose author lost the right to write it, for one of the staff."""
    acting = Acting(reader, 0, "", "", "", now)
    shown = broadcasts.for_staff(connection, acting, number)
    if shown is None:
        return None
    writer = shown.by_id and connection.execute(select(contacts.c.name).where(contacts.c.id == shown.by_id)).scalar()
    language = connection.execute(select(contacts.c.language).where(contacts.c.id == reader)).scalar() or ""
    progress = recipients.progress(connection, acting, broadcast_id=number)
    return Standing(shown, progress, language, lost_by=writer or "—")


def _first_shown(connection: Connection, broadcast_id: int) -> str:
    first = outbox.c.key == f"{PROGRESS}:{broadcast_id}:0"
    return connection.execute(select(outbox.c.platform_id).where(first)).scalar() or ""


def pleas(connection: Connection, keys: Sequence[str], now: datetime, rules: Rules) -> Mapping[str, Plea]:
    """What waits for a second person, by key; absent once it was decided, or if its reader may not decide."""
    found = {}
    for key in keys:
        named, who = key.removeprefix(f"{APPROVE}:").split(":")
        number, reader = int(named.partition(".")[0]), int(who)  # „12“, or „12.2“ of words that were changed
        acting = Acting(reader, 0, "", "", "", now)
        one = broadcasts.for_staff(connection, acting, number)
        if one is None or not one.by_id or not broadcasts.may_approve(connection, acting, broadcast_id=number):
            continue
        language = connection.execute(select(contacts.c.language).where(contacts.c.id == reader)).scalar() or ""
        writer = _writers(connection, {one.by_id}).get(one.by_id, "")
        found[key] = Plea(one, writer, language, _number(connection, one, now, rules))
    return found


def _number(connection: Connection, one: Broadcast, now: datetime, rules: Rules) -> int:
    if one.started_at:
        return deliveries.in_line(connection, one.id)
    author = Acting(one.by_id or 0, 0, "", "", "", now)
    reached = broadcasts.reach(
        connection, author, audience=one.audience, words=one.words, rules=rules, media=one.media, again=one.again,
        corrects=one.corrects,
    )  # fmt: skip
    return reached.get
