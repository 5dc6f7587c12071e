"""Stopping, blocking and erasing: what a person or a platform ends. Every change runs in its event's transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, case, delete, insert, or_, select, update

from bot.calendar import Rules
from bot.chat import Acting
from storage import claims, door, invitations, media, orphans, outbox, recipients, results, screens
from storage import staff as team
from storage.contacts import Outcome, consent
from storage.notifications import best_address
from storage.people import blank
from storage.tables import (
    addresses,
    contacts,
    conversations,
    feedback,
    inbox,
    links,
    notifications,
    participations,
    residents,
    search_tokens,
    staff,
    tickets,
)
from storage.tables import children as children_rows
from storage.tables import interests as interest_rows
from storage.tables import invitations as invitation_rows
from storage.tables import outbox as outbox_table


def stop(connection: Connection, acting: Acting, form: str) -> None:
    """No more messages, also those already queued. The platform's "block" counts as this for its address.

    That is no refusal to come: a seat stays theirs, and whoever leads the event finds them on the call list.
    """
    connection.execute(update(addresses).where(addresses.c.id == acting.address_id).values(status="stopped"))
    connection.execute(update(contacts).where(contacts.c.id == acting.contact_id).values(status="stopped"))
    consent(connection, acting, action="withdrawn", form=form)
    outbox.cancel(connection, contact_id=acting.contact_id, address_ids=[acting.address_id])


def resume(connection: Connection, acting: Acting, form: str) -> None:
    """They want to hear from us again."""
    connection.execute(update(addresses).where(addresses.c.id == acting.address_id).values(status="active"))
    connection.execute(update(contacts).where(contacts.c.id == acting.contact_id).values(status="active"))
    consent(connection, acting, action="given", form=form)


def block(connection: Connection, acting: Acting, at: datetime | None = None) -> None:
    """The platform says that this address is gone. The contact stays reachable by its others, if it has any.

    So do the others who share the phone. Whoever has said „стоп“ stays stopped: coming back on the platform does not
    take that back. `at`: when it was, where the platform may report it late.
    """
    consent(connection, acting, action="withdrawn", form="blocked")
    outbox.block(connection, [acting.address_id])
    _note(connection, acting, addresses.c.left_at, at)


def unblock(connection: Connection, acting: Acting, at: datetime | None = None) -> None:
    """They came back on the platform, or wrote after their data were deleted. With them whoever shares the phone."""
    here = (addresses.c.id == acting.address_id) & (addresses.c.status != "stopped")
    was = connection.execute(select(addresses.c.status).where(here)).scalar()
    connection.execute(update(addresses).where(here).values(status="active"))
    there = select(residents.c.contact_id).where(residents.c.address_id == acting.address_id)
    reached = or_(contacts.c.id == acting.contact_id, contacts.c.id.in_(there)) & (contacts.c.status == "blocked")
    connection.execute(update(contacts).where(reached).values(status="active"))
    registered = contacts.c.registered_at.is_not(None) & (contacts.c.id == acting.contact_id)
    if was == "blocked" and connection.execute(select(contacts.c.id).where(registered)).scalar():
        consent(connection, acting, action="given", form="came back")
    _note(connection, acting, addresses.c.heard_at, at)


def _note(connection: Connection, acting: Acting, column: Column[Any], at: datetime | None) -> None:
    """Keep the time of what the platform reports, unless a later one is known."""
    if at is not None:
        older = (addresses.c.id == acting.address_id) & or_(column.is_(None), column < at)
        connection.execute(update(addresses).where(older).values({column: at}))


def erase(connection: Connection, acting: Acting, *, rules: Rules) -> Outcome:
    """Delete a person: their words, name, phone and addresses go at once. Their seats go to others.

    What remains says only that they consented, and that somebody without a name came: of that the law keeps a list.
    What staff had on their screens lately goes with it, whoever it showed.
    An address that others use stays theirs. One that was theirs alone is deleted after the farewell has been sent.
    """
    gone = acting.contact_id
    invitations.leave_all(connection, acting, rules, gone)
    _forget_events(connection, gone)
    orphans.leave(connection, gone, acting.now)
    screens.forget(connection)
    served = select(residents.c.address_id).where(residents.c.contact_id == gone)
    mine = list(connection.execute(served).scalars())
    connection.execute(update(inbox).where(inbox.c.contact_id == gone).values(body=None))
    for table in (conversations, children_rows, interest_rows, search_tokens, links, staff, tickets, outbox_table):
        connection.execute(delete(table).where(table.c.contact_id == gone))
    claims.forget(connection, gone)
    media.sweep(connection, before=acting.now)
    outcome = Outcome(gone, registered=False)
    for address_id in mine:
        left = _leave_address(connection, acting, gone, address_id)
        if address_id == acting.address_id:
            outcome = left
    connection.execute(delete(contacts).where(contacts.c.id == gone, contacts.c.registered_at.is_(None)))
    connection.execute(update(contacts).where(contacts.c.id == gone).values(_EMPTY | {"archived_at": acting.now}))
    return replace(outcome, erased=True)


def erasable(connection: Connection, acting: Acting, *, contact_id: int) -> str | None:
    """The name of somebody whom whoever acts may erase; None if they may not, or there is nobody.

    A coordinator may everybody; the others whom they registered themselves and whom no channel reaches. Of the staff
    nobody: a role is taken away first.
    """
    theirs = contacts.c.source == door.mark_of(acting)
    may = case((theirs & best_address().is_(None), True), else_=False)
    here = (contacts.c.id == contact_id) & contacts.c.registered_at.is_not(None) & (contacts.c.status != "archived")
    of_the_team = contacts.c.id.in_(select(staff.c.contact_id))
    row = connection.execute(select(contacts.c.name, may.label("may")).where(here, ~of_the_team)).first()
    role = team.role_of(connection, acting.contact_id)
    if row is None or not (role in team.SEES_ALL or (role in team.LEADS and row.may)):
        return None
    return row.name or ""


def erase_by_staff(connection: Connection, acting: Acting, *, contact_id: int, rules: Rules) -> Outcome | None:
    """Delete somebody who asked for it by word of mouth, as they could themselves; nothing unless `erasable`."""
    connection.execute(select(contacts.c.id).where(contacts.c.id == contact_id).with_for_update())
    if erasable(connection, acting, contact_id=contact_id) is None:
        return None
    erase(connection, replace(acting, contact_id=contact_id, address_id=0), rules=rules)
    team.audit(connection, acting, "erase", f"contact:{contact_id}")
    return Outcome(acting.contact_id, registered=True, erased=True)


def _forget_events(connection: Connection, gone: int) -> None:
    """What is to come, and what was said of what is past. Participations stay, without a name and without answers."""
    mine = invitation_rows.c.contact_id == gone
    connection.execute(delete(invitation_rows).where(mine, invitation_rows.c.attended.is_(None)))
    connection.execute(update(invitation_rows).where(mine).values(leave_at="", miss_reason=""))
    connection.execute(delete(notifications).where(notifications.c.contact_id == gone))
    connection.execute(delete(feedback).where(feedback.c.contact_id == gone))
    results.forget(connection, gone)
    recipients.forget(connection, gone)
    connection.execute(update(participations).where(participations.c.contact_id == gone).values(entry_work=None))


_EMPTY: dict[str, Any] = {
    "status": "archived", "name": None, "phone": None, "phone_hash": None, "phone_is_own": False, "settlement": None,
    "quarter": None, "purpose": None, "work": None, "language": "", "source": "",
}  # fmt: skip


def _leave_address(connection: Connection, acting: Acting, gone: int, address_id: int) -> Outcome:
    connection.execute(delete(residents).where(residents.c.address_id == address_id, residents.c.contact_id == gone))
    others = (
        select(contacts.c.id, contacts.c.registered_at)
        .join(residents, residents.c.contact_id == contacts.c.id)
        .where(residents.c.address_id == address_id, contacts.c.status != "archived")
        .order_by(contacts.c.id)
    )
    rows = connection.execute(others).all()
    stays = next((row.id for row in rows if row.registered_at is not None), 0)
    if stays:
        talks = (addresses.c.id == address_id) & (addresses.c.contact_id == gone)  # whoever else talks there goes on
        connection.execute(update(addresses).where(talks).values(contact_id=stays))
        return Outcome(stays, registered=True)
    empty = blank(connection, acting.now, language=acting.language)
    connection.execute(insert(residents).values(address_id=address_id, contact_id=empty))
    connection.execute(update(addresses).where(addresses.c.id == address_id).values(contact_id=empty, status="leaving"))
    begun = [row.id for row in rows if row.id != gone]  # beginnings at this chat are as personal, and now nobody's
    connection.execute(delete(contacts).where(contacts.c.id.in_(begun)))
    return Outcome(empty, registered=False)


def bury(connection: Connection) -> int:
    """Delete addresses whose farewell is out, with the empty contacts behind them."""
    waiting = select(outbox_table.c.address_id).where(outbox_table.c.status.in_(("queued", "sending")))
    leaving = (addresses.c.status == "leaving") & addresses.c.id.not_in(waiting)
    rows = connection.execute(select(addresses.c.id, addresses.c.contact_id).where(leaving)).all()
    for row in rows:
        connection.execute(delete(addresses).where(addresses.c.id == row.id))
        blank_one = (contacts.c.id == row.contact_id) & contacts.c.registered_at.is_(None)
        connection.execute(delete(contacts).where(blank_one))
    return len(rows)
