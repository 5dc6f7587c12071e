"""What is queued about a question: to each of the staff whom it concerns, to the coordinators, and the answer.

Rows hold no words: those are found when the sender takes them, so that nobody is told of what was settled meanwhile.
A key that ends in MORE takes the place of the copy that its reader has; every other one rings.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, cast, literal, or_, select, true, update

from bot import calendar
from bot.abilities import ONE_KEYBOARD
from bot.calendar import Rules
from bot.chat import Acting
from bot.messages import Lane, Outgoing
from bot.office import Office, next_open
from storage import entering, notifications
from storage.people import upsert
from storage.staff import COORDINATOR
from storage.tables import addresses, contacts, media, outbox, residents, staff, ticket_lines, tickets
from storage.ticket_view import ANSWER, HANDLES, OPEN, RESIDENT, Said, Ticket, Way, is_shared, load, seen_by

TICKET, LATE, REMOVED = "ticket", "late", "unask"  # what outbox keys begin with, as ANSWER
MORE = "e"
LIVES = timedelta(days=7)  # a copy that reaches nobody within a week is of no use: the list has it
ANSWER_LIVES = timedelta(days=3)
DELETABLE = timedelta(hours=48)  # Telegram takes a message back for so long
JUST_NOW = timedelta(hours=1)  # whoever wrote so lately still has the phone in hand
WENT = ("sent", "delivered", "read")


@dataclass(frozen=True, slots=True)
class Copy:
    """A question as it goes to one of the staff."""

    ticket: Ticket
    reader: int
    language: str
    replaces: str  # the platform's id of the copy that they have
    is_late: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it goes to the resident."""

    ticket_id: int
    name: str
    language: str
    line: Said
    question: str
    about: str
    is_shared: bool  # others live behind the address: it must say whom it is for


# --- queueing -------------------------------------------------------------------------------------------------------


def ring(connection: Connection, ticket_id: int, who: Collection[int], now: datetime, office: Office) -> None:
    """A message to each of them, at work: whoever asked was told by when, so nobody needs to be woken for it.

    Where one is on its way already nothing more is queued: it will show everything.
    """
    pair = _pair(TICKET).concat(":")
    theirs = outbox.alias()
    on_the_way = (theirs.c.contact_id == staff.c.contact_id) & (theirs.c.status == "queued")
    rings = theirs.c.key.like(pair.concat("%")) & ~theirs.c.key.like(f"%{MORE}")
    fresh = ~select(theirs.c.id).where(on_the_way, rings).exists()
    those = (tickets.c.id == ticket_id) & staff.c.contact_id.in_(who) & staff.c.role.in_(HANDLES) & fresh
    _enter(connection, pair.concat(_stamp(now)), those, now, next_open(office, now))


def show(connection: Connection, ticket_id: int, now: datetime, *, but: Collection[int]) -> None:
    """What became of a question, in place of the copy that everybody else has.

    Where nothing can take a place, nothing is sent: it would ring, and cost, for what needs nobody. The list shows it.
    """
    pair = _pair(TICKET).concat(":")
    theirs = outbox.alias()
    about = theirs.c.key.like(pair.concat("%")) | theirs.c.key.like(_pair(LATE).concat(":%"))
    copies = (theirs.c.contact_id == staff.c.contact_id) & about
    went = select(theirs.c.id).where(copies, theirs.c.status.in_(WENT)).exists()
    waits = select(theirs.c.id).where(copies, theirs.c.status == "queued").exists()
    changes = addresses.c.channel.not_in(ONE_KEYBOARD)
    those = (tickets.c.id == ticket_id) & staff.c.contact_id.not_in(but) & went & ~waits & changes
    _enter(connection, pair.concat(f"{_stamp(now)}{MORE}"), those, now, now)


def escalate(connection: Connection, ids: Collection[int], now: datetime, office: Office) -> None:
    """The coordinators hear of questions that were promised an answer by now; each once for each promise."""
    those = tickets.c.id.in_(ids) & (staff.c.role == COORDINATOR)
    _enter(connection, _pair(LATE).concat(f":{_stamp(now)}"), those, now, next_open(office, now))


def _pair(kind: str) -> Any:
    """The beginning of a key: which kind, which question, which of the staff."""
    ticket, reader = cast(tickets.c.id, String), cast(staff.c.contact_id, String)
    return literal(f"{kind}:").concat(ticket).concat(":").concat(reader)


def _stamp(now: datetime) -> str:
    return str(int(now.timestamp() * 1000))


def _enter(connection: Connection, key: Any, which: ColumnElement[bool], now: datetime, opens: datetime) -> None:
    """One row of the outbox for each question and each of the staff whom a message reaches."""
    entering.enter(
        connection,
        select(*entering.row(key, staff.c.contact_id, Lane.REMINDER, opens=opens, until=opens + LIVES, now=now))
        .select_from(tickets.join(staff, true()))
        .join(contacts, contacts.c.id == staff.c.contact_id)
        .join(addresses, addresses.c.id == notifications.best_address(contacts.c.id))
        .where(which, contacts.c.status == "active"),
    )


def goes_at(ticket: Ticket, now: datetime, rules: Rules) -> datetime:
    """When an answer goes: at once to whoever wrote within the hour, otherwise not before the quiet hours end."""
    return now if now - ticket.spoke_at < JUST_NOW else calendar.next_open(rules, now)


def send(connection: Connection, ticket: Ticket, line_id: int, way: Way, now: datetime, rules: Rules) -> None:
    """Queue an answer. Whoever wrote within the hour waits for it: it goes like a reply, at any hour."""
    lane = Lane.REPLY if now - ticket.spoke_at < JUST_NOW else Lane.REMINDER
    opens = goes_at(ticket, now, rules)
    row = {
        "key": f"{ANSWER}:{line_id}", "channel": way.channel, "address_id": way.address_id,
        "contact_id": ticket.contact_id, "lane": int(lane), "status": "queued", "not_before": opens,
        "expires_at": opens + ANSWER_LIVES, "created_at": now,
    }  # fmt: skip
    connection.execute(upsert(connection, outbox).values(row).on_conflict_do_nothing())


def remove(connection: Connection, ticket_id: int, media_id: int, now: datetime) -> set[int]:
    """Take a picture or a voice note off the screens of staff. Gives who had it in a message about its question.

    Whatever showed it goes: its words come anew where they are still needed. Where no message can be taken back, its
    link leads to nothing from now on.
    """
    rows = _since(connection, ticket_id, media_id)
    shown = [row for row in rows if _shows(row, media_id)]
    messages = {(row.address_id, row.platform_id): row for row in shown}
    for row in messages.values():
        if row.channel in ONE_KEYBOARD:
            continue
        gone = {
            "key": f"{REMOVED}:{row.id}", "channel": row.channel, "address_id": row.address_id,
            "contact_id": row.contact_id, "lane": int(Lane.REPLY), "status": "queued", "not_before": now,
            "expires_at": now + DELETABLE, "created_at": now,
            "body": Outgoing("", removes=row.platform_id).to_json(),
        }  # fmt: skip
        connection.execute(upsert(connection, outbox).values(gone).on_conflict_do_nothing())
    gone_ids = [row.id for row in rows if (row.address_id, row.platform_id) in messages]
    emptied = {"body": None, "platform_id": ""}  # nothing can take the place of what is not there
    connection.execute(update(outbox).where(outbox.c.id.in_(gone_ids)).values(emptied))
    return {row.contact_id for row in shown if row.is_copy}


def stays(connection: Connection, acting: Acting, *, ticket_id: int, media_id: int) -> bool:
    """Whether it went where no message can be taken back: what is seen there is seen."""
    shown = (row for row in _since(connection, ticket_id, media_id) if _shows(row, media_id))
    return any(row.channel in ONE_KEYBOARD for row in shown)


def _since(connection: Connection, ticket_id: int, media_id: int) -> Sequence[Any]:
    """What the team and whoever got the question have had since it came."""
    came = select(media.c.created_at).where(media.c.id == media_id).scalar_subquery()
    went = outbox.c.status.in_(WENT) & (outbox.c.platform_id != "") & (outbox.c.created_at >= came)
    is_copy = _copies_of(ticket_id)
    theirs = or_(outbox.c.contact_id.in_(select(staff.c.contact_id)), is_copy)
    return connection.execute(select(outbox, is_copy.label("is_copy")).where(went, theirs)).all()


def _shows(row: Any, media_id: int) -> bool:
    """Whether a message carried it. Of a copy whose words are forgotten already it is to be supposed."""
    if row.body is None:
        return bool(row.is_copy)
    return bool((row.body.get("media") or {}).get("number") == media_id)


# --- what they say when they go -------------------------------------------------------------------------------------


def copies(connection: Connection, keys: Sequence[str], now: datetime) -> Mapping[str, Copy]:
    """What each copy shows today. Absent: its reader may see it no more, or there is nothing left to do for them."""
    asked = {key: _numbers(key) for key in keys}
    known = load(connection, {ticket for ticket, _ in asked.values()})
    readers = {reader for _, reader in asked.values()}
    languages = _languages(connection, readers)
    seen = {reader: seen_by(connection, reader, known) for reader in readers}
    found = {}
    for key, (number, reader) in asked.items():
        if number not in seen[reader]:
            continue
        ticket, takes_place = known[number], key.endswith(MORE)
        before = _copy_of(connection, number, reader) if takes_place else ""
        if before if takes_place else _is_news(ticket, reader, is_late=key.startswith(LATE)):
            found[key] = Copy(ticket, reader, languages.get(reader, ""), before, key.startswith(LATE))
    return found


def _is_news(ticket: Ticket, reader: int, *, is_late: bool) -> bool:
    """Whether somebody is still needed: what a colleague took in the meantime need not ring."""
    return ticket.status == OPEN and (is_late or ticket.taken_by in (None, reader))


def _numbers(key: str) -> tuple[int, int]:
    _, ticket, reader, *_ = key.split(":")
    return int(ticket), int(reader)


def _languages(connection: Connection, who: Collection[int]) -> Mapping[int, str]:
    rows = connection.execute(select(contacts.c.id, contacts.c.language).where(contacts.c.id.in_(who)))
    return {row.id: row.language for row in rows}


def _copy_of(connection: Connection, ticket_id: int, reader: int) -> str:
    """The platform's id of the copy that somebody got last; empty if none reached them."""
    mine = (outbox.c.contact_id == reader) & _copies_of(ticket_id, str(reader))
    went = outbox.c.status.in_(WENT) & (outbox.c.platform_id != "")
    found = select(outbox.c.platform_id).where(mine, went).order_by(outbox.c.id.desc()).limit(1)
    return connection.execute(found).scalar() or ""


def _copies_of(ticket_id: int, reader: str = "") -> ColumnElement[bool]:
    """Rows of the outbox that show a question: to one of the staff, or to all of them."""
    ends = f"{ticket_id}:{reader}:%" if reader else f"{ticket_id}:%"
    return or_(*(outbox.c.key.like(f"{kind}:{ends}") for kind in (TICKET, LATE)))


def replies(connection: Connection, keys: Sequence[str], now: datetime) -> Mapping[str, Reply]:
    """What each answer says. Absent: whoever asked has stopped, was erased, or lives behind that address no more."""
    lines = {int(key.partition(":")[2]): key for key in keys}
    here = (residents.c.contact_id == tickets.c.contact_id) & (residents.c.address_id == outbox.c.address_id)
    wanted = (
        select(ticket_lines.c.id, ticket_lines.c.ticket_id, outbox.c.address_id)
        .join(tickets, tickets.c.id == ticket_lines.c.ticket_id)
        .join(contacts, contacts.c.id == tickets.c.contact_id)
        .join(outbox, outbox.c.key == literal(f"{ANSWER}:").concat(cast(ticket_lines.c.id, String)))
        .join(residents, here)
        .where(ticket_lines.c.id.in_(lines), contacts.c.status == "active")
    )
    rows = connection.execute(wanted).all()
    known = load(connection, {row.ticket_id for row in rows})
    return {
        lines[row.id]: _reply(known[row.ticket_id], row.id, is_shared(connection, row.address_id)) for row in rows
    }  # fmt: skip


def _reply(ticket: Ticket, line_id: int, shared: bool) -> Reply:
    before = [one for one in ticket.said if one.side == RESIDENT and one.id < line_id and one.text]
    line = next(one for one in ticket.said if one.id == line_id)
    question = before[-1].text if before else ""
    return Reply(ticket.id, ticket.name, ticket.language, line, question, ticket.about, shared)
