"""A few words from one of the staff to one of their own people, of their own accord: so never in quiet hours.

Kept as a question that was answered before it was asked: what comes back finds the same person again. Words are opened
here, so it must never be logged.
"""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from bot import calendar
from bot.calendar import Rules
from bot.chat import Acting, Conflict
from bot.messages import Lane
from storage import charges, door, staff, ticket_view
from storage.notifications import best_address
from storage.tables import addresses, contacts, outbox, ticket_lines, tickets
from storage.ticket_copies import ANSWER_LIVES
from storage.ticket_view import ANSWER, Way


def way_to(connection: Connection, acting: Acting, *, contact_id: int) -> Way | None:
    """Where words reach one of one's own people; None for anybody else's, and for whom only a call reaches."""
    if staff.role_of(connection, acting.contact_id) not in staff.LEADS:
        return None
    if not charges.is_own(connection, acting, contact_id=contact_id):
        return None
    row = connection.execute(
        select(addresses.c.id, addresses.c.channel)
        .select_from(contacts)
        .join(addresses, addresses.c.id == best_address(contacts.c.id))
        .where(contacts.c.id == contact_id, contacts.c.status == "active", contacts.c.registered_at.is_not(None))
    ).first()
    return Way(row.id, row.channel, ticket_view.is_shared(connection, row.id)) if row else None


def write(connection: Connection, acting: Acting, *, contact_id: int, text: str, rules: Rules) -> None:
    """Send words to one of one's own people. Conflict on "words" if no way leads there any more."""
    way = way_to(connection, acting, contact_id=contact_id)
    if way is None:
        raise Conflict("words", "contact.no_way")
    now = acting.now
    about = {
        "contact_id": contact_id, "address_id": way.address_id, "text": "", "status": ticket_view.ANSWERED,
        "created_at": now, "due_at": now, "taken_by": acting.contact_id, "taken_at": now, "answered_at": now,
    }  # fmt: skip
    number = connection.execute(insert(tickets).values(about).returning(tickets.c.id)).scalar_one()
    said = {"ticket_id": number, "by_id": acting.contact_id, "side": ticket_view.STAFF, "text": text, "at": now}
    line = connection.execute(insert(ticket_lines).values(said).returning(ticket_lines.c.id)).scalar_one()
    opens = calendar.next_open(rules, now)
    row = {
        "key": f"{ANSWER}:{line}", "channel": way.channel, "address_id": way.address_id, "contact_id": contact_id,
        "lane": int(Lane.REMINDER), "status": "queued", "not_before": opens, "expires_at": opens + ANSWER_LIVES,
        "created_at": now,
    }  # fmt: skip
    connection.execute(insert(outbox).values(row))
    staff.audit(connection, acting, "write", f"contact:{contact_id}")
    door.forget_words(connection, acting, script="write")
