"""What staff do with claims: they hear of one, call the older contact, and give their word that it is the same person.

Rights are asked for at every act, whatever a screen showed: only who may see the older contact may see that somebody
claims to be them. Names are opened here, so it must never be logged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from bot import calendar
from bot.calendar import Rules
from bot.chat import Acting
from bot.messages import Lane
from bot.office import Office, next_open
from bot.privacy import masked
from storage import absorbing, charges, entering
from storage import staff as roles
from storage.tables import addresses, claims, contacts, outbox, residents, staff

CODE, DENIED, PROVEN, ASKED = "code", "denied", "proven", "asked"  # it waits: for a code, or for somebody's word
LINKED, REFUSED, OVER, LATE = "linked", "refused", "over", "late"
DOUBTED = "doubted"  # „не бях аз“ came when the two were one already
# What outbox keys begin with: a card to one of the staff, another that somebody said „не бях аз“, the word given.
CARD, DENIAL, TOLD = "claim", "denial", "claimed"
LIVES = timedelta(days=3)
JUST_NOW = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Claim:
    """Who says that they are whom, as one of the staff may see it."""

    id: int
    status: str
    contact_id: int  # who says so; once they are one, the older contact
    name: str
    channel: str  # where they write
    known_id: int  # 0: nobody has that number
    known_name: str
    phone: str  # masked
    language: str = ""  # of the reader


@dataclass(frozen=True, slots=True)
class Word:
    """What the newcomer is told when staff have given their word."""

    is_same: bool
    name: str
    language: str


# --- hearing of it --------------------------------------------------------------------------------------------------


def ring(
    connection: Connection, claim_id: int, about: int, now: datetime, office: Office, *, denied: bool = False
) -> None:
    """A card to each of the staff who look after a contact, when somebody is at work."""
    opens = next_open(office, now)
    key = f"{DENIAL if denied else CARD}:{claim_id}:{{}}"
    entering.to_staff(connection, key, charges.in_charge(connection, about), now, opens, opens + LIVES)


def cards(connection: Connection, keys: Sequence[str], now: datetime) -> Mapping[str, Claim]:
    """What each card shows today. Absent: its reader may see it no more, or it was settled meanwhile."""
    found = {}
    for key in keys:
        kind, claim_id, reader = key.split(":")
        theirs = Acting(int(reader), 0, "", _language(connection, int(reader)), "", now)
        claim = shown(connection, theirs, claim_id=int(claim_id))
        if claim is not None and kind == DENIAL:
            found[key] = replace(claim, status=DOUBTED if claim.status == LINKED else DENIED)
        elif claim is not None and claim.status == ASKED:
            found[key] = claim
    return found


def _language(connection: Connection, contact_id: int) -> str:
    return connection.execute(select(contacts.c.language).where(contacts.c.id == contact_id)).scalar() or ""


def shown(connection: Connection, acting: Acting, *, claim_id: int) -> Claim | None:
    """A claim to be one of one's own people, or by one of them if nobody has the number; None for any other."""
    known = contacts.alias()
    row = connection.execute(
        select(
            claims, contacts.c.name, contacts.c.phone, known.c.name.label("known_name"), addresses.c.channel
        )
        .join(contacts, contacts.c.id == claims.c.contact_id)
        .join(addresses, addresses.c.id == claims.c.address_id)
        .outerjoin(known, known.c.id == claims.c.known_id)
        .where(claims.c.id == claim_id)
    ).first()  # fmt: skip
    if row is None or roles.role_of(connection, acting.contact_id) not in roles.LEADS:
        return None
    if not charges.is_own(connection, acting, contact_id=row.known_id or row.contact_id):
        return None
    status = LATE if row.status == ASKED and row.expires_at <= acting.now else row.status
    return Claim(
        row.id, status, row.contact_id, row.name or "", row.channel, row.known_id or 0, row.known_name or "",
        masked(row.phone or ""), acting.language,
    )  # fmt: skip


# --- the word -------------------------------------------------------------------------------------------------------


def decide(connection: Connection, acting: Acting, *, claim_id: int, is_same: bool, rules: Rules) -> None:
    """One of the staff gives their word. Of two at one moment the first counts; whoever claimed is told either way.

    Nothing happens to a claim that is not theirs to see, that waits no more, or whose two contacts fit no longer: one
    of them was erased, has another number now, or came to a role.
    """
    claim = shown(connection, acting, claim_id=claim_id)
    if claim is None or claim.status != ASKED:
        return
    if is_same and not (claim.known_id and _fit(connection, claim)):
        return
    settled = {"status": LINKED if is_same else REFUSED, "expires_at": acting.now}
    waits = (claims.c.id == claim_id) & (claims.c.status == ASKED)
    giving = update(claims).where(waits).values(settled).returning(claims.c.address_id)
    address_id = connection.execute(giving).scalar()
    if address_id is None:
        return
    if is_same:
        newcomer, known = claim.contact_id, claim.known_id
        absorbing.absorb(connection, acting, newcomer=newcomer, known=known, rules=rules)
    _tell(connection, claim_id, acting.now, rules)
    subject = f"contact:{claim.known_id}:{claim.contact_id}"
    roles.audit(connection, acting, "same_person" if is_same else "other_person", subject)


def _fit(connection: Connection, claim: Claim) -> bool:
    """Whether the two can still be one; locked, in one order everywhere, until this transaction ends."""
    both = select(contacts).where(contacts.c.id.in_((claim.contact_id, claim.known_id)))
    rows = connection.execute(both.order_by(contacts.c.id).with_for_update()).all()
    known = all(row.registered_at is not None and row.status != "archived" and row.phone_hash for row in rows)
    alike = len({bytes(row.phone_hash) for row in rows if row.phone_hash}) == 1
    numbers = [row.id for row in rows]
    team = connection.execute(select(staff.c.contact_id).where(staff.c.contact_id.in_(numbers))).first()
    return len(rows) == len((claim.contact_id, claim.known_id)) and known and alike and team is None


def _tell(connection: Connection, claim_id: int, now: datetime, rules: Rules) -> None:
    """Queue what the newcomer is told, in the chat in which they claimed; never in quiet hours."""
    row = connection.execute(
        select(claims.c.address_id, claims.c.contact_id, addresses.c.channel)
        .join(addresses, addresses.c.id == claims.c.address_id)
        .join(residents, residents.c.address_id == addresses.c.id)
        .where(claims.c.id == claim_id, residents.c.contact_id == claims.c.contact_id)
    ).first()
    if row is None:
        return
    opens = calendar.next_open(rules, now)
    connection.execute(
        insert(outbox).values(
            key=f"{TOLD}:{claim_id}", channel=row.channel, address_id=row.address_id, contact_id=row.contact_id,
            lane=int(Lane.REMINDER), status="queued", not_before=opens, expires_at=opens + LIVES, created_at=now,
        )
    )  # fmt: skip


def told(connection: Connection, keys: Sequence[str]) -> Mapping[str, Word]:
    """What became of each claim, for whoever made it. Absent: they have stopped, or left."""
    numbers = {int(key.partition(":")[2]): key for key in keys}
    rows: Sequence[Any] = connection.execute(
        select(claims.c.id, claims.c.status, contacts.c.name, contacts.c.language)
        .join(contacts, contacts.c.id == claims.c.contact_id)
        .where(claims.c.id.in_(numbers), claims.c.status.in_((LINKED, REFUSED)), contacts.c.status == "active")
    ).all()
    return {numbers[r.id]: Word(r.status == LINKED, r.name or "", r.language) for r in rows}
