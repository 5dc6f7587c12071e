"""Claims: „this older contact is me“, of somebody whose number nobody vouches for: typed, or shared on Viber.

A code goes to an address of the older contact; whoever types it in the new chat reads both. Where no code can go, one
of the staff who looks after the older contact gives their word: see storage.claim_desk.

What a stranger can learn here is nothing. Everybody with a self-declared number is offered the same, in the same words.
A claim to a number that nobody has, or that was claimed too often, or that was denied, is kept like any other and looks
like one: its code is never right, its word never comes. Two limits hold: so many claims a day from one address, and so
many to one older contact; a thousand addresses still write to somebody three times a day at most. That somebody who is
registered was found shows only to whoever typed their code. Must never log a number, and must never lead to a role.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    and_,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from bot.alphabets import fold
from bot.calendar import Rules
from bot.chat import Acting, Conflict, words
from bot.messages import Lane
from bot.office import Office
from storage import absorbing, claim_desk, notifications
from storage.cipher import cipher_of
from storage.claim_desk import ASKED, CODE, DENIED, LATE, LINKED, OVER, PROVEN
from storage.contacts import Outcome
from storage.outbox import CODE as CODE_PREFIX
from storage.tables import addresses, claims, contacts, outbox, residents, staff

VALID = timedelta(minutes=15)
WORD = timedelta(days=7)  # in which one of the staff can give it
DAY = timedelta(days=1)
TRIES = 5
A_DAY = 3  # claims from one address, and claims to one contact
DIGITS = 6


@dataclass(frozen=True, slots=True)
class Code:
    """A code as it goes to an older contact."""

    claim_id: int
    code: str
    channel: str  # where somebody says that they are this contact
    language: str


@dataclass(frozen=True, slots=True)
class _Older:
    id: int
    name: str
    address_id: int | None  # where they can be written to
    channel: str


# --- claiming -------------------------------------------------------------------------------------------------------


def may_claim(connection: Connection, acting: Acting) -> bool:
    """Whether somebody has a number of which only they say that it is theirs. To a role leads a code alone."""
    return _own(connection, acting) is not None


def standing(connection: Connection, acting: Acting) -> str:
    """How the latest claim from this address stands, as whoever made it may know it; empty if there is none.

    A denied one is shown as one that waits for its code.
    """
    row = _latest(connection, acting)
    if row is None:
        return ""
    if row.status in (CODE, DENIED) and row.tries >= TRIES:
        return OVER
    if row.status in (CODE, DENIED, PROVEN, ASKED) and row.expires_at <= acting.now:
        return LATE
    return CODE if row.status == DENIED else str(row.status)


def begin(connection: Connection, acting: Acting) -> None:
    """Send a code to the older contact with this number, if there is one who can be written to. See the file's text."""
    if standing(connection, acting) in (CODE, PROVEN, ASKED) or _is_used_up(connection, acting):
        return
    known = _older(connection, acting)
    known = known if known and known.address_id and _is_open(connection, acting, known.id) else None
    number = _enter(connection, acting, CODE, known, acting.now + VALID)
    if known:
        row = {
            "key": f"{CODE_PREFIX}:{number}", "channel": known.channel, "address_id": known.address_id,
            "contact_id": known.id, "lane": int(Lane.REPLY), "status": "queued", "not_before": acting.now,
            "expires_at": acting.now + VALID, "created_at": acting.now,
        }  # fmt: skip
        connection.execute(insert(outbox).values(row))


def ask_staff(connection: Connection, acting: Acting, *, office: Office) -> None:
    """Have those who look after the older contact give their word; of a number that nobody has, those of the newcomer.

    They hear of it at work.
    """
    here = _latest(connection, acting)
    is_live = here is not None and here.expires_at > acting.now
    if is_live and here.status in (ASKED, DENIED, PROVEN):
        return
    goes_on = here is not None and here.status in (CODE, OVER) and here.created_at > acting.now - DAY
    if not may_claim(connection, acting) or (not goes_on and _is_used_up(connection, acting)):
        return
    known = _older(connection, acting)
    mine = here.id if goes_on and here is not None else 0
    if known and not _is_open(connection, acting, known.id, but=mine):
        known, silent = None, True
    else:
        silent = False
    until = acting.now + WORD
    if mine:
        values = {"status": ASKED, "known_id": known.id if known else None, "expires_at": until, "code_hash": None}
        connection.execute(update(claims).where(claims.c.id == mine).values(values))
    else:
        mine = _enter(connection, acting, ASKED, known, until)
    if not silent:
        claim_desk.ring(connection, mine, known.id if known else acting.contact_id, acting.now, office)


def _enter(connection: Connection, acting: Acting, status: str, known: _Older | None, until: datetime) -> int:
    row = {
        "address_id": acting.address_id, "known_id": known.id if known else None, "contact_id": acting.contact_id,
        "status": status, "created_at": acting.now, "expires_at": until,
    }  # fmt: skip
    return int(connection.execute(insert(claims).values(row).returning(claims.c.id)).scalar_one())


def _own(connection: Connection, acting: Acting) -> Any:
    """Whoever claims, if they may: registered, with a number that nobody vouches for, and none of the staff."""
    mine = (contacts.c.id == acting.contact_id) & contacts.c.registered_at.is_not(None)
    declared = contacts.c.phone_hash.is_not(None) & ~contacts.c.phone_is_own
    nobody = contacts.c.id.not_in(select(staff.c.contact_id))
    return connection.execute(select(contacts).where(mine, declared, nobody)).first()


def _latest(connection: Connection, acting: Acting) -> Any:
    mine = (claims.c.address_id == acting.address_id) & (claims.c.contact_id == acting.contact_id)
    return connection.execute(select(claims).where(mine).order_by(claims.c.id.desc()).limit(1)).first()


def _is_used_up(connection: Connection, acting: Acting) -> bool:
    lately = (claims.c.address_id == acting.address_id) & (claims.c.created_at > acting.now - DAY)
    return connection.execute(select(func.count()).select_from(claims).where(lately)).scalar_one() >= A_DAY


def _is_open(connection: Connection, acting: Acting, known_id: int, *, but: int = 0) -> bool:
    """Whether one more claim may reach an older contact today, from here: nobody has denied one."""
    # Locked: of two claims at one moment the second must see the first.
    connection.execute(select(contacts.c.id).where(contacts.c.id == known_id).with_for_update())
    today = (claims.c.created_at > acting.now - DAY) & (claims.c.id != but)
    theirs = claims.c.known_id == known_id
    denied = (claims.c.status == DENIED) & or_(theirs, claims.c.address_id == acting.address_id)
    if connection.execute(select(claims.c.id).where(today, denied).limit(1)).first():
        return False
    return connection.execute(select(func.count()).select_from(claims).where(today, theirs)).scalar_one() < A_DAY


# --- who may be meant -----------------------------------------------------------------------------------------------


def _meant(me: Any, address_id: int) -> ColumnElement[bool]:
    """Older registered contacts of one's number whom this address does not serve, as contacts.known_by_phone."""
    here = select(residents.c.contact_id).where(residents.c.address_id == address_id)
    return and_(
        contacts.c.phone_hash == me.phone_hash, contacts.c.registered_at.is_not(None), contacts.c.status != "archived",
        contacts.c.id.not_in(here), contacts.c.id.not_in(select(staff.c.contact_id)),
        or_(
            contacts.c.registered_at < me.registered_at,
            (contacts.c.registered_at == me.registered_at) & (contacts.c.id < me.id),
        ),
    )  # fmt: skip


def _older(connection: Connection, acting: Acting) -> _Older | None:
    """The older contact who is meant: of a household's one number the one whose name is most alike."""
    me = _own(connection, acting)
    if me is None:
        return None
    active = contacts.c.status == "active"
    way = (addresses.c.id == notifications.best_address(contacts.c.id)) & active
    wanted = (
        select(contacts.c.id, contacts.c.name, addresses.c.id.label("address_id"), addresses.c.channel)
        .select_from(contacts.outerjoin(addresses, way))
        .where(_meant(me, acting.address_id))
        .order_by(contacts.c.id)
    )
    found = [_Older(r.id, r.name or "", r.address_id, r.channel or "") for r in connection.execute(wanted)]
    return min(found, key=lambda one: _unlike(one.name, me.name or ""), default=None)


def _unlike(one: str, other: str) -> int:
    first, second = fold(one).split(), fold(other).split()
    return 0 if first == second else 1 if first[:1] == second[:1] else 2


# --- the code -------------------------------------------------------------------------------------------------------


def draw(connection: Connection, keys: Sequence[str], now: datetime) -> dict[str, Code]:
    """A code for each message that is about to go; only its keyed hash is kept here. Absent: it helps nobody any more.

    The message lives as long as the code does, and is never repeated: see storage.outbox.
    """
    numbers = {int(key.partition(":")[2]): key for key in keys}
    rows = connection.execute(
        select(claims.c.id, addresses.c.channel, contacts.c.language)
        .join(addresses, addresses.c.id == claims.c.address_id)
        .join(contacts, contacts.c.id == claims.c.known_id)
        .where(claims.c.id.in_(numbers), claims.c.status == CODE, claims.c.expires_at > now)
    ).all()
    found = {}
    for row in rows:
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        kept = {"code_hash": _hash(connection, row.id, code)}
        connection.execute(update(claims).where(claims.c.id == row.id).values(kept))
        found[numbers[row.id]] = Code(row.id, code, row.channel, row.language)
    return found


def _hash(connection: Connection, claim_id: int, code: str) -> bytes:
    return cipher_of(connection.dialect).lookup("claim", f"{claim_id}:{code}")


def prove(connection: Connection, acting: Acting, *, code: str) -> None:
    """Try a code. Conflict on "code" if it is wrong and may be typed again; the last wrong one ends the claim."""
    row = _latest(connection, acting)
    number = row.id if row is not None else 0
    waits = claims.c.status.in_((CODE, DENIED)) & (claims.c.tries < TRIES) & (claims.c.expires_at > acting.now)
    # Counted and read by one statement: no two tries share a number, and what is denied now opens nothing.
    trying = update(claims).where(claims.c.id == number, waits).values(tries=claims.c.tries + 1).returning(claims)
    tried = connection.execute(trying).first()
    if tried is None:
        return
    is_right = compare_digest(_hash(connection, number, code), tried.code_hash or secrets.token_bytes(16))
    if is_right and tried.status == CODE and candidates(connection, acting):
        proven = {"status": PROVEN, "expires_at": acting.now + VALID}
        connection.execute(update(claims).where(claims.c.id == number, claims.c.status == CODE).values(proven))
    elif tried.tries < TRIES:
        raise Conflict("code", words("claim.wrong", left=TRIES - tried.tries))


def candidates(connection: Connection, acting: Acting) -> Sequence[tuple[int, str]]:
    """Who may be meant by whoever reads what comes where the code went: contact and name."""
    row, me = _latest(connection, acting), _own(connection, acting)
    if row is None or me is None:
        return []
    went = select(outbox.c.address_id).where(outbox.c.key == f"{CODE_PREFIX}:{row.id}")
    there = select(residents.c.contact_id).where(residents.c.address_id.in_(went))
    found = select(contacts.c.id, contacts.c.name).where(_meant(me, acting.address_id), contacts.c.id.in_(there))
    return [(one.id, one.name or "") for one in connection.execute(found.order_by(contacts.c.id))]


def link(connection: Connection, acting: Acting, *, contact_id: int, rules: Rules) -> Outcome | None:
    """They typed the code and say who they are: from here on they are that older contact. Nothing if they are not."""
    connection.execute(select(contacts.c.id).where(contacts.c.id == contact_id).with_for_update())
    row = _latest(connection, acting)
    if row is None or contact_id not in {number for number, _ in candidates(connection, acting)}:
        return None
    proven = (claims.c.id == row.id) & (claims.c.status == PROVEN) & (claims.c.expires_at > acting.now)
    done = {"status": LINKED, "known_id": contact_id}
    if not connection.execute(update(claims).where(proven).values(done)).rowcount:
        return None
    absorbing.absorb(connection, acting, newcomer=acting.contact_id, known=contact_id, rules=rules)
    return Outcome(contact_id, registered=True, language=acting.language)


def give_up(connection: Connection, acting: Acting) -> None:
    """They are nobody of those who were found: they stay who they are."""
    mine = (claims.c.address_id == acting.address_id) & (claims.c.contact_id == acting.contact_id)
    connection.execute(update(claims).where(mine, claims.c.status == PROVEN).values(status=OVER))


# --- „not me“, and the end ------------------------------------------------------------------------------------------


def deny(connection: Connection, acting: Acting, *, claim_id: int, office: Office) -> None:
    """Whoever reads the known address says that it was not them. The staff hear of it, whatever came of it already.

    From anywhere else it does nothing.
    """
    here = select(residents.c.contact_id).where(residents.c.address_id == acting.address_id)
    went = select(outbox.c.address_id).where(outbox.c.key == f"{CODE_PREFIX}:{claim_id}")
    theirs = (claims.c.id == claim_id) & claims.c.known_id.in_(here) & (literal(acting.address_id).in_(went))
    waits = claims.c.status.in_((CODE, PROVEN, ASKED, OVER))
    soon = acting.now + VALID  # from outside it looks like one that waits for its code
    until = case((claims.c.expires_at < soon, claims.c.expires_at), else_=soon)
    values = {"status": DENIED, "expires_at": until}
    denying = update(claims).where(theirs, waits).values(values).returning(claims.c.known_id)
    known = connection.execute(denying).scalar()
    linked = theirs & (claims.c.status == LINKED) & (claims.c.created_at > acting.now - DAY)
    known = known or connection.execute(select(claims.c.known_id).where(linked)).scalar()
    if known:
        claim_desk.ring(connection, claim_id, known, acting.now, office, denied=True)


def forget(connection: Connection, gone: int) -> None:
    """Somebody is erased: nobody can be them any more, and what they claimed is nobody's."""
    connection.execute(delete(claims).where(claims.c.contact_id == gone))
    connection.execute(update(claims).where(claims.c.known_id == gone).values(known_id=None, code_hash=None))


def sweep(connection: Connection, now: datetime) -> None:
    """Codes that open nothing any more leave the words that were sent; claims go when no limit counts them."""
    used = or_(claims.c.expires_at <= now, claims.c.status != CODE)
    keys = select(literal(f"{CODE_PREFIX}:").concat(cast(claims.c.id, String))).where(used)
    went = outbox.c.key.in_(keys) & outbox.c.body.is_not(None) & outbox.c.status.not_in(("queued", "sending"))
    connection.execute(update(outbox).where(went).values(body=None))
    waits = claims.c.status.in_((CODE, DENIED, PROVEN, ASKED)) & (claims.c.expires_at > now)
    connection.execute(delete(claims).where(claims.c.created_at <= now - DAY, ~waits))
