"""Who stands at the door: found among the contacts, or registered by staff there and then, and entered for an event.

Whoever has no chat gets an address of the channel `tel`, which no sender serves: only a call reaches them. Consent is
read aloud and kept as such. Must never open a number; and must show the name of somebody else's person to nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, case, delete, exists, insert, select, update

from bot.alphabets import fold
from bot.calendar import Rules
from bot.chat import Acting, Conflict
from bot.messages import Address
from storage import attendance, charges, contacts, events, invitations, participation, staff
from storage.calls import BY_STAFF
from storage.contacts import Child
from storage.notifications import TEL
from storage.people import blank, hash_of, upsert
from storage.tables import addresses, answers, conversations, residents
from storage.tables import contacts as contact_rows
from storage.tables import invitations as invitation_rows

READ_ALOUD = "read aloud by staff"
MANY = 50  # people of one beginning of a name that are looked at; who has more needs more letters


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody who may be the one at the door."""

    contact_id: int
    name: str
    settlement: str  # the programme's code, or empty
    own: bool  # whoever asks may see the name
    listed: bool  # on the event's list already


# --- finding --------------------------------------------------------------------------------------------------------


def find(
    connection: Connection, acting: Acting, *, typed: str = "", phone: str = "", event_id: int = 0
) -> Sequence[Found]:
    """Contacts with this number, or whose name has words that begin so; whoever is expected and one's own first."""
    typed = fold(typed)
    if phone:
        who = contact_rows.c.phone_hash == contacts.phone_hash(connection, phone)
    else:
        long_enough = " ".join(word for word in typed.split() if len(word) >= contacts.TOKEN_LENGTHS[0])
        who = contact_rows.c.id.in_(contacts.search(connection, long_enough)[:MANY])
    role = staff.role_of(connection, acting.contact_id)
    listed = exists().where(invitation_rows.c.event_id == event_id, invitation_rows.c.contact_id == contact_rows.c.id)
    rows = connection.execute(
        select(
            contact_rows.c.id, contact_rows.c.name, contact_rows.c.settlement,
            case((charges.own(acting.contact_id, role), True), else_=False).label("own"),
            case((listed, True), else_=False).label("listed"),
        ).where(who, contact_rows.c.registered_at.is_not(None), contact_rows.c.status != "archived")
    )  # fmt: skip
    meant = [one for one in map(_found, rows) if phone or begins_so(one.name, typed)]
    return sorted(meant, key=lambda one: (not one.listed, not one.own, fold(one.name), one.contact_id))


def begins_so(name: str, typed: str) -> bool:
    """Whether words of a name begin like the folded ones. Also by the letter of „Мария П.“, which has no index."""
    parts = [part.strip(".") for part in fold(name).split()]
    return all(any(part.startswith(word.strip(".")) for part in parts) for word in typed.split())


def _found(row: Any) -> Found:
    return Found(row.id, row.name or "", row.settlement or "", bool(row.own), bool(row.listed))


def mark_of(acting: Acting) -> str:
    """The source of everybody whom whoever acts registered."""
    return f"{BY_STAFF}{acting.contact_id}"


def alike(connection: Connection, acting: Acting, *, name: str, settlement: str) -> Sequence[Found]:
    """Contacts of exactly this name from the same place: without a phone, people are easily registered twice."""
    found = find(connection, acting, typed=name)
    return [one for one in found if one.settlement == settlement and fold(one.name) == fold(name)]


# --- registering ----------------------------------------------------------------------------------------------------


def register_by_staff(
    connection: Connection, acting: Acting, *, name: str, phone: str, settlement: str, purpose: str,
    children: Sequence[Child], language: str, consent_text: str, consent_version: str, rules: Rules,
    event_id: int = 0, came: bool = False, slot_id: int = 0,
) -> None:  # fmt: skip
    """Register somebody who agreed when the text was read to them, and enter them for an event if there is one.

    Raises:
        Conflict: the hour that they chose was taken meanwhile; asks for `slot` again.
    """
    _refuse_taken(connection, acting, event_id, slot_id)
    who = blank(connection, acting.now, language=language, source=mark_of(acting))
    theirs = replace(acting, contact_id=who, language=language)
    contacts.keep(
        connection, theirs, name=name, phone=phone, phone_is_own=False, settlement=settlement, purpose=purpose,
        work="", children=children, again=False,
    )  # fmt: skip
    if phone:
        _answer_calls_at(connection, acting, who, phone)
    _agreed(connection, theirs, consent_text, consent_version)
    staff.audit(connection, acting, "register", f"contact:{who}")
    invitations.welcome(connection, theirs, rules)
    _enter(connection, acting, event_id, who, rules, came=came, slot_id=slot_id)
    forget_words(connection, acting, script="add_person")


def enter_known(
    connection: Connection, acting: Acting, *, contact_id: int, consent_text: str, consent_version: str, rules: Rules,
    event_id: int = 0, came: bool = False, slot_id: int = 0,
) -> None:  # fmt: skip
    """The same for somebody who is a contact already: what is known of them stays as it is.

    Whoever had stopped our messages may be called again, and only called.
    """
    _refuse_taken(connection, acting, event_id, slot_id)
    _may_be_called(connection, contact_id)
    _agreed(connection, replace(acting, contact_id=contact_id), consent_text, consent_version)
    _enter(connection, acting, event_id, contact_id, rules, came=came, slot_id=slot_id)
    forget_words(connection, acting, script="add_person")


def _refuse_taken(connection: Connection, acting: Acting, event_id: int, slot_id: int) -> None:
    """Before anything is written: a conflict leaves what was done before it."""
    if not slot_id:
        return
    events.by_id(connection, event_id, locked=True)
    if slot_id not in {slot.id for slot in invitations.slots(connection, acting, event_id=event_id)}:
        raise Conflict("slot", "slot.taken")


def _agreed(connection: Connection, theirs: Acting, text: str, version: str) -> None:
    contacts.consent(
        connection, theirs, action="given", form=READ_ALOUD, text=text, version=version, age_ok=True, purpose="phone"
    )


def _may_be_called(connection: Connection, contact_id: int) -> None:
    """Whoever stopped our messages and agrees to calls gets calls and nothing else: what is theirs alone is silent."""
    stopped = (contact_rows.c.id == contact_id) & (contact_rows.c.status == "stopped")
    if not connection.execute(update(contact_rows).where(stopped).values(status="active")).rowcount:
        return
    others = residents.c.contact_id != contact_id
    shared = exists().where(residents.c.address_id == addresses.c.id, others)
    mine = addresses.c.id.in_(select(residents.c.address_id).where(residents.c.contact_id == contact_id))
    theirs = mine & ~shared & (addresses.c.status == "active") & (addresses.c.channel != TEL)
    connection.execute(update(addresses).where(theirs).values(status="stopped"))


def _answer_calls_at(connection: Connection, acting: Acting, contact_id: int, phone: str) -> None:
    """An address that only a call reaches. A family may share one."""
    address = Address(TEL, phone)
    lookup = hash_of(connection, address)
    row = {
        "channel": TEL, "external": phone, "lookup": lookup, "status": "active", "contact_id": contact_id,
        "created_at": acting.now,
    }  # fmt: skip
    connection.execute(upsert(connection, addresses).values(row).on_conflict_do_nothing(index_elements=["lookup"]))
    here = select(addresses.c.id).where(addresses.c.lookup == lookup).scalar_subquery()
    connection.execute(insert(residents).values(address_id=here, contact_id=contact_id))


def _enter(
    connection: Connection, acting: Acting, event_id: int, who: int, rules: Rules, *, came: bool, slot_id: int
) -> None:
    event = events.by_id(connection, event_id) if event_id else None
    if event is None:
        return
    if came:
        attendance.walk_in(connection, acting, event_id=event_id, contact_id=who)
        return
    invitations.enrol(connection, acting, event_id=event_id, contact_id=who)
    if slot_id:
        invitations.take_slot(connection, acting, event_id=event_id, contact_id=who, slot_id=slot_id, rules=rules)
    elif event.kind != "appointment":  # without an hour nobody has an appointment yet: they stay to be called
        whole = event.kind == "course"
        invitations.answer(
            connection, acting, event_id=event_id, contact_id=who, said=invitations.YES, rules=rules, whole=whole,
            by_staff=True,
        )  # fmt: skip
    staff.audit(connection, acting, "enter", f"event:{event_id} contact:{who}")


def enter_own(connection: Connection, acting: Acting, *, contact_id: int, event_id: int, rules: Rules) -> None:
    """One of one's own people will come to one of one's own events, as they said to whoever acts; else nothing."""
    event = events.for_staff(connection, acting, event_id=event_id)
    if event is None or event.status != events.PUBLISHED or event.ends_at <= acting.now:
        return
    if charges.is_own(connection, acting, contact_id=contact_id):
        _enter(connection, acting, event_id, contact_id, rules, came=False, slot_id=0)


def walk_in(connection: Connection, acting: Acting, *, event_id: int, contact_id: int) -> None:
    """Somebody who is a contact already came without being on the list."""
    attendance.walk_in(connection, acting, event_id=event_id, contact_id=contact_id)
    forget_words(connection, acting, script="walkin")


def enrol(connection: Connection, acting: Acting, *, contact_id: int, activity: str) -> None:
    """Somebody who was found enters an activity."""
    participation.enrol(connection, acting, contact_id=contact_id, activity=activity)
    forget_words(connection, acting, script="enrol")


def forget_words(connection: Connection, acting: Acting, *, script: str) -> None:
    """What staff typed of somebody else is kept with that person alone, or it would outlive their erasure."""
    mine = (conversations.c.contact_id == acting.contact_id) & (conversations.c.script == script)
    talks = select(conversations.c.id).where(mine)
    connection.execute(delete(answers).where(answers.c.conversation_id.in_(talks)))
