"""Whose people are whose: which contacts one of the staff may see, write to and answer.

Deny by default: a mediator's are whom they brought, whom their events concern, and whoever chose an activity, has a
child in an institution or lives in a place that they look after. A trainer's are those of their events.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, delete, exists, false, func, insert, or_, select, true

from bot.chat import Acting
from storage import staff as roles
from storage.calls import BY_STAFF
from storage.people import upsert
from storage.staff import ALPHABET, COORDINATOR, MEDIATOR, audit
from storage.tables import charges, children, contacts, events, interests, invitations, links, participations, staff

ACTIVITY, INSTITUTION, SETTLEMENT = "activity", "institution", "settlement"
KINDS = (ACTIVITY, INSTITUTION, SETTLEMENT)
LINK, LENGTH = "ot-", 10  # of the code by which somebody's link and picture bring people: 50 bits


def own(staff_id: int, role: str) -> ColumnElement[bool]:
    """Whether a row of `contacts` is one of this member's people, by the role they have at this moment."""
    match role:
        case roles.COORDINATOR:
            return true()
        case roles.MEDIATOR:
            return or_(_brought(staff_id), _invited(staff_id), _looked_after(staff_id))
        case roles.TRAINER:
            return _invited(staff_id)
    return false()


def _brought(staff_id: int) -> ColumnElement[bool]:
    code = select(links.c.code).where(links.c.contact_id == staff_id).scalar_subquery()
    return or_(contacts.c.source == f"{BY_STAFF}{staff_id}", contacts.c.source == code)


def _invited(staff_id: int) -> ColumnElement[bool]:
    leads = or_(events.c.mediator_id == staff_id, events.c.created_by == staff_id)
    mine = (invitations.c.contact_id == contacts.c.id) & (events.c.id == invitations.c.event_id) & leads
    return exists().where(mine)


def _looked_after(staff_id: int) -> ColumnElement[bool]:
    def those(kind: str) -> ColumnElement[bool]:
        return (charges.c.staff_id == staff_id) & (charges.c.kind == kind)

    taking_part = (participations.c.contact_id == contacts.c.id) & participations.c.exit_at.is_(None)
    return or_(
        exists().where(those(SETTLEMENT), charges.c.code == contacts.c.settlement),
        exists().where(
            those(INSTITUTION), charges.c.code == children.c.institution, children.c.contact_id == contacts.c.id
        ),
        exists().where(
            those(ACTIVITY), charges.c.code == interests.c.activity, interests.c.contact_id == contacts.c.id
        ),
        exists().where(those(ACTIVITY), charges.c.code == participations.c.activity, taking_part),
    )


def is_own(connection: Connection, acting: Acting, *, contact_id: int) -> bool:
    """Whether a contact is one of the people of whoever asks, now."""
    role = roles.role_of(connection, acting.contact_id)
    here = select(contacts.c.id).where(contacts.c.id == contact_id, own(acting.contact_id, role))
    return connection.execute(here).first() is not None


def in_charge(connection: Connection, contact_id: int, about: str = "", *, confidential: bool = False) -> Sequence[int]:
    """Who of the staff looks after a contact, the mediators first; of an activity that it is about, only who has that.

    Nobody in charge: the coordinators. What is confidential goes past whoever does not look after that very activity.
    """
    mediators = connection.execute(select(staff.c.contact_id).where(staff.c.role == MEDIATOR)).scalars().all()
    theirs = [who for who in sorted(mediators) if _holds(connection, who, contact_id)]
    if about:
        mine = (charges.c.kind == ACTIVITY) & (charges.c.code == about)
        known = set(connection.execute(select(charges.c.staff_id).where(mine)).scalars())
        theirs = [who for who in theirs if who in known] or ([] if confidential else theirs)
    return theirs or coordinators(connection)


def _holds(connection: Connection, staff_id: int, contact_id: int) -> bool:
    theirs = (contacts.c.id == contact_id) & own(staff_id, MEDIATOR)
    return connection.execute(select(contacts.c.id).where(theirs)).first() is not None


def coordinators(connection: Connection) -> Sequence[int]:
    """All coordinators."""
    found = select(staff.c.contact_id).where(staff.c.role == COORDINATOR).order_by(staff.c.contact_id)
    return connection.execute(found).scalars().all()


# --- what is looked after -------------------------------------------------------------------------------------------


def of(connection: Connection, acting: Acting, *, staff_id: int) -> Sequence[tuple[str, str]]:
    """What one of the staff looks after: kind and code."""
    mine = select(charges.c.kind, charges.c.code).where(charges.c.staff_id == staff_id)
    return [(row.kind, row.code) for row in connection.execute(mine.order_by(charges.c.kind, charges.c.code))]


def toggle(connection: Connection, acting: Acting, *, staff_id: int, kind: str, code: str) -> None:
    """Let somebody look after something, or no more."""
    one = (charges.c.staff_id == staff_id) & (charges.c.kind == kind) & (charges.c.code == code)
    is_gone = connection.execute(delete(charges).where(one)).rowcount
    known = connection.execute(select(staff.c.contact_id).where(staff.c.contact_id == staff_id)).first()
    if not is_gone and known:
        connection.execute(insert(charges).values(staff_id=staff_id, kind=kind, code=code))
    audit(connection, acting, "uncharge" if is_gone else "charge", f"contact:{staff_id}:{kind}:{code}")


# --- a link of one's own --------------------------------------------------------------------------------------------


def code_of(connection: Connection, acting: Acting) -> str:
    """The code in the link and the picture of whoever asks; empty before it was drawn, and for no staff."""
    mine = (links.c.contact_id == acting.contact_id) & links.c.contact_id.in_(select(staff.c.contact_id))
    return connection.execute(select(links.c.code).where(mine)).scalar() or ""


def draw_code(connection: Connection, acting: Acting) -> None:
    """Draw that code, once and for good: a picture that hangs somewhere must go on bringing people.

    It stays with whoever leaves the team: meanwhile those whom it brings are the coordinators' alone, and afterwards
    it is theirs again.
    """
    if not roles.role_of(connection, acting.contact_id):
        return
    fresh = LINK + "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    row = {"contact_id": acting.contact_id, "code": fresh}
    drawing = upsert(connection, links).values(row).on_conflict_do_nothing(index_elements=["contact_id"])
    if connection.execute(drawing).rowcount:
        audit(connection, acting, "link", f"contact:{acting.contact_id}")


def brought(connection: Connection, acting: Acting) -> tuple[int, int]:
    """How many came by that code, and how many of them registered. Who was erased counts no more."""
    code = select(links.c.code).where(links.c.contact_id == acting.contact_id).scalar_subquery()
    counts = select(func.count(), func.count(contacts.c.registered_at)).where(contacts.c.source == code)
    came, registered = connection.execute(counts).one()
    return came, registered
