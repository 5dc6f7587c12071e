"""Staff: who has which role, the codes by which people come to one, and the record of what staff did.

A code is shown once and kept only as a keyed hash. Must never leave nobody who may invite others, except where somebody
is erased or the command line says so; and must never log a name.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select, update

from bot.alphabets import fold
from bot.chat import Acting, Conflict
from storage import contacts, orphans, screens
from storage.cipher import cipher_of
from storage.contacts import Outcome
from storage.tables import audit as audit_rows
from storage.tables import contacts as contact_rows
from storage.tables import staff, staff_invites

COORDINATOR, MEDIATOR, TRAINER, REPORTER = "coordinator", "mediator", "trainer", "reporter"
ROLES = (COORDINATOR, MEDIATOR, TRAINER, REPORTER)
ALL = frozenset(ROLES)
LEADS = frozenset({COORDINATOR, MEDIATOR})  # who makes events
SEES_ALL = frozenset({COORDINATOR})  # every event, not only one's own

VALID = timedelta(days=7)
PREFIX = "ekip-"
ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # 32, so that eight are 40 bits; nothing that could be 0, 1, l or o
LENGTH = 8

_READ_AS = str.maketrans("авсенкмртху" + "l1", "abcehkmptxy" + "ii")  # a Bulgarian keyboard; a capital I read aloud
_BARE = re.compile(rf"(?:ekip|ekип)([{ALPHABET}]{{{LENGTH}}})")
_AMONG_WORDS = re.compile(rf"(?<!\w)(?:ekip|ekип)-?([{ALPHABET}]{{{LENGTH}}})(?!\w)")
_LONGEST = 40  # letters of a code alone, with the gaps that people leave in it


@dataclass(frozen=True, slots=True)
class Member:
    """One of the staff."""

    contact_id: int
    name: str
    phone: str  # E.164, or empty
    role: str
    since: datetime


# --- codes ----------------------------------------------------------------------------------------------------------


def find_code(typed: str) -> str:
    """The code that a message is, or holds, as it was given out; empty if there is none. In any case, with any gaps."""
    small = typed.casefold().translate(_READ_AS)
    found = _bare(typed) or _AMONG_WORDS.search(small)
    return PREFIX + found[1] if found else ""


def is_bare_code(typed: str) -> bool:
    """Whether a message is a code and nothing else. „Ekip pristiga“ is two words: it takes a digit or a dash."""
    return _bare(typed) is not None and re.search(r"[-–—\d]", typed) is not None


def _bare(typed: str) -> re.Match[str] | None:
    if len(typed) > _LONGEST:
        return None
    return _BARE.fullmatch("".join(filter(str.isalnum, typed.casefold())).translate(_READ_AS))


def new_code(connection: Connection, acting: Acting) -> str:
    """A code that nobody has yet. It opens nothing before it is given to `invite`."""
    return _draw()


def _draw() -> str:
    return PREFIX + "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def invite(connection: Connection, acting: Acting, *, role: str, code: str) -> None:
    """Let a code give a role, once and within a week, for as long as whoever made it is a coordinator."""
    _keep_invite(connection, code, role, acting.contact_id, acting.now)


def invite_by_command_line(connection: Connection, now: datetime, role: str) -> str:
    """A code for a role, from whoever has the server at hand: how the first coordinator comes in."""
    code = _draw()
    _keep_invite(connection, code, role, None, now)
    return code


def _keep_invite(connection: Connection, code: str, role: str, by: int | None, now: datetime) -> None:
    row = {"code_hash": _hash(connection, code), "role": role, "invited_by": by, "created_at": now}
    connection.execute(insert(staff_invites).values(row | {"expires_at": now + VALID}))
    _record(connection, by, "invite", f"role:{role}", now)


def invited(connection: Connection, acting: Acting, *, code: str) -> str:
    """The role that a code would give now; empty if it is unknown, used or too old."""
    role: str | None = connection.execute(
        select(staff_invites.c.role).where(_usable(connection, code, acting.now))
    ).scalar()
    return role or ""


def _usable(connection: Connection, code: str, now: datetime) -> ColumnElement[bool]:
    coordinators = select(staff.c.contact_id).where(staff.c.role == COORDINATOR)
    return and_(
        staff_invites.c.code_hash == _hash(connection, code), staff_invites.c.used_at.is_(None),
        staff_invites.c.expires_at > now,
        or_(staff_invites.c.invited_by.is_(None), staff_invites.c.invited_by.in_(coordinators)),
    )  # fmt: skip


def _hash(connection: Connection, code: str) -> bytes:
    return cipher_of(connection.dialect).lookup("staff invite", code)


# --- coming, changing, going ----------------------------------------------------------------------------------------


def join(
    connection: Connection, acting: Acting, *, code: str, name: str, phone: str, phone_is_own: bool = False
) -> Outcome | None:
    """Use a code up and take its role. What is known of the contact stays; name and phone fill what is missing.

    Nothing happens, and the code stays as it is, if the code is not valid any more or the contact has a role already.
    """
    mine = staff.c.contact_id == acting.contact_id
    if connection.execute(select(staff.c.role).where(mine)).scalar():
        return None
    # One statement asks and marks: of two who use a code at one moment, the second finds it used.
    use = update(staff_invites).where(_usable(connection, code, acting.now))
    use = use.values(used_by=acting.contact_id, used_at=acting.now)
    found = connection.execute(use.returning(staff_invites.c.role, staff_invites.c.invited_by)).one_or_none()
    if found is None:
        return None
    language = _introduce(connection, acting, name, phone, phone_is_own)
    row = {"contact_id": acting.contact_id, "role": found.role, "invited_by": found.invited_by, "since": acting.now}
    connection.execute(insert(staff).values(row))
    audit(connection, acting, "join", f"role:{found.role}")
    return Outcome(acting.contact_id, registered=True, language=language, role=found.role)


def _introduce(connection: Connection, acting: Acting, name: str, phone: str, phone_is_own: bool) -> str:
    """Keep who somebody is, as far as it was not known; gives their language."""
    mine = contact_rows.c.id == acting.contact_id
    known = connection.execute(select(contact_rows).where(mine)).one()
    language = known.language or acting.language or "bg"
    _set_details(connection, acting, "" if known.name else name, "" if known.phone else phone, phone_is_own)
    since = {"registered_at": known.registered_at or acting.now, "language": language}
    connection.execute(update(contact_rows).where(mine).values(since))
    return language


def correct(connection: Connection, acting: Acting, *, name: str, phone: str, phone_is_own: bool) -> None:
    """Another name and another phone for somebody who came by a code; an empty one leaves what is there."""
    _set_details(connection, acting, name, phone, phone_is_own)


def _set_details(connection: Connection, acting: Acting, name: str, phone: str, phone_is_own: bool) -> None:
    values: dict[str, Any] = {"name": name} if name else {}
    if phone:
        values |= {
            "phone": phone, "phone_hash": contacts.phone_hash(connection, phone), "phone_is_own": phone_is_own,
        }  # fmt: skip
    if values:
        connection.execute(update(contact_rows).where(contact_rows.c.id == acting.contact_id).values(values))
        mine = select(contact_rows.c.name, contact_rows.c.phone).where(contact_rows.c.id == acting.contact_id)
        known = connection.execute(mine).one()
        contacts.index(connection, acting.contact_id, known.name or "", known.phone or "")


def role_of(connection: Connection, contact_id: int) -> str:
    """The role that a contact has at this moment; empty for none."""
    return connection.execute(select(staff.c.role).where(staff.c.contact_id == contact_id)).scalar() or ""


def members(connection: Connection, acting: Acting) -> list[Member]:
    """All staff, by role and name."""
    return roll(connection)


def roll(connection: Connection) -> list[Member]:
    """The same, for the command line."""
    rows = connection.execute(
        select(contact_rows.c.id, contact_rows.c.name, contact_rows.c.phone, staff.c.role, staff.c.since).join(
            staff, staff.c.contact_id == contact_rows.c.id
        )
    )
    found = [Member(r.id, r.name or "", r.phone or "", r.role, r.since) for r in rows]
    return sorted(found, key=lambda m: (ROLES.index(m.role), fold(m.name), m.contact_id))


def set_role(connection: Connection, acting: Acting, *, contact_id: int, role: str) -> Outcome | None:
    """Give somebody of the staff another role. Conflict on "member" if nobody could invite others then."""
    if role != COORDINATOR:
        _refuse_for_the_last(connection, contact_id)
    changed = connection.execute(update(staff).where(staff.c.contact_id == contact_id).values(role=role)).rowcount
    if not changed:
        raise Conflict("member", "team.gone")
    if role != COORDINATOR:
        orphans.demote(connection, contact_id, acting.now)
    audit(connection, acting, "set_role", f"contact:{contact_id}:{role}")
    return _own(acting, contact_id, role)


def remove(connection: Connection, acting: Acting, *, contact_id: int) -> Outcome | None:
    """Take a role away, at once. Conflict on "member" if nobody could invite others then."""
    _refuse_for_the_last(connection, contact_id)
    if connection.execute(delete(staff).where(staff.c.contact_id == contact_id)).rowcount:
        screens.forget(connection, whose=contact_id)
        orphans.leave(connection, contact_id, acting.now)
        audit(connection, acting, "remove", f"contact:{contact_id}")
    return _own(acting, contact_id, "")


def remove_by_command_line(connection: Connection, now: datetime, contact_id: int) -> bool:
    """Take a role away, also the last coordinator's: a code for the next one comes from there too."""
    gone = connection.execute(delete(staff).where(staff.c.contact_id == contact_id)).rowcount
    if gone:
        screens.forget(connection, whose=contact_id)
        orphans.leave(connection, contact_id, now)
        _record(connection, None, "remove", f"contact:{contact_id}", now)
    return bool(gone)


def _refuse_for_the_last(connection: Connection, contact_id: int) -> None:
    # Locked: two coordinators who remove each other at one moment would otherwise both be gone.
    coordinators = select(staff.c.contact_id).where(staff.c.role == COORDINATOR).order_by(staff.c.contact_id)
    if list(connection.execute(coordinators.with_for_update()).scalars()) == [contact_id]:
        raise Conflict("member", "team.last")


def _own(acting: Acting, contact_id: int, role: str) -> Outcome | None:
    """What a visit must know when the change concerns the one who made it."""
    return Outcome(contact_id, registered=True, role=role) if contact_id == acting.contact_id else None


# --- the record -------------------------------------------------------------------------------------------------------


def audit(connection: Connection, acting: Acting, action: str, subject: str) -> None:
    """Record who did what, to whom. The subject names a row, such as "event:12"; never what was written."""
    _record(connection, acting.contact_id, action, subject, acting.now)


def _record(connection: Connection, staff_id: int | None, action: str, subject: str, now: datetime) -> None:
    connection.execute(insert(audit_rows).values(staff_id=staff_id, action=action, subject=subject, at=now))
