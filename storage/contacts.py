"""Contacts: registering, correcting, linking, stopping, erasing a person. Each runs in its event's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from bot.alphabets import fold
from bot.chat import Acting
from storage import outbox
from storage.cipher import cipher_of
from storage.people import blank, upsert
from storage.tables import (
    addresses,
    children,
    consents,
    contacts,
    conversations,
    inbox,
    interests,
    residents,
    search_tokens,
    tickets,
)
from storage.tables import outbox as outbox_table

TOKEN_LENGTHS = range(2, 13)  # beginnings of a name that staff may search by


@dataclass(frozen=True, slots=True)
class Outcome:
    """To whom the address belongs after an act, whether they are registered, and their language if it is another."""

    contact_id: int
    registered: bool
    language: str = ""


@dataclass(frozen=True, slots=True)
class Child:
    """Which class or group of which institution; never a name."""

    institution: str
    group: str


@dataclass(frozen=True, slots=True)
class Profile:
    """All that is kept about one contact, opened."""

    contact_id: int
    name: str
    phone: str
    phone_is_own: bool
    settlement: str
    quarter: str
    purpose: str
    work: str
    language: str
    children: Sequence[Child]
    interests: Sequence[str]


# --- registering ----------------------------------------------------------------------------------------------------


def register(
    connection: Connection, acting: Acting, *, name: str, phone: str, phone_is_own: bool, settlement: str,
    purpose: str, work: str, children: Sequence[Child], interests: Sequence[str], consent_text: str,
) -> Outcome:  # fmt: skip
    """Keep what a registration gathered. Called again after a correction, it replaces what was there."""
    who = select(contacts.c.registered_at).where(contacts.c.id == acting.contact_id)
    if connection.execute(who).scalar() is None:
        consent(connection, acting, action="given", form="button", text=consent_text, age_ok=True)
    connection.execute(
        update(contacts)
        .where(contacts.c.id == acting.contact_id)
        .values(
            language=acting.language, name=name, phone=phone or None, phone_is_own=phone_is_own,
            phone_hash=phone_hash(connection, phone) if phone else None, settlement=settlement, purpose=purpose,
            work=work or None, registered_at=func.coalesce(contacts.c.registered_at, acting.now),
        )
    )  # fmt: skip
    _index_name(connection, acting.contact_id, name)
    _replace_children(connection, acting.contact_id, children)
    set_interests(connection, acting, activities=interests)
    return Outcome(acting.contact_id, registered=True)


def _replace_children(connection: Connection, contact_id: int, wanted: Sequence[Child]) -> None:
    connection.execute(delete(children).where(children.c.contact_id == contact_id))
    rows = [{"contact_id": contact_id, "institution": c.institution, "group": c.group} for c in dict.fromkeys(wanted)]
    if rows:
        connection.execute(insert(children), rows)


def set_interests(connection: Connection, acting: Acting, *, activities: Sequence[str]) -> None:
    """Replace which activities a contact would like."""
    connection.execute(
        delete(interests).where(interests.c.contact_id == acting.contact_id, interests.c.activity.not_in(activities))
    )
    for activity in activities:
        join(connection, acting, activity=activity)


def join(connection: Connection, acting: Acting, *, activity: str) -> None:
    """Note that a contact would like an activity. Saying it twice changes nothing."""
    row = {"contact_id": acting.contact_id, "activity": activity, "created_at": acting.now}
    connection.execute(
        upsert(connection, interests).values(row).on_conflict_do_nothing(index_elements=["contact_id", "activity"])
    )


def leave(connection: Connection, acting: Acting, *, activity: str) -> None:
    """Take that back."""
    mine = (interests.c.contact_id == acting.contact_id) & (interests.c.activity == activity)
    connection.execute(delete(interests).where(mine))


def consent(
    connection: Connection, acting: Acting, *, action: str, form: str, text: str = "", age_ok: bool | None = None
) -> None:
    """Add a line to the record of consents. The exact words are kept by their hash."""
    connection.execute(
        insert(consents).values(
            contact_id=acting.contact_id, purpose=f"channel_{acting.channel}", action=action, form=form, age_ok=age_ok,
            text_hash=sha256(text.encode()).hexdigest() if text else "", language=acting.language,
            event_key=acting.event_key, at=acting.now,
        )
    )  # fmt: skip


# --- finding --------------------------------------------------------------------------------------------------------


def phone_hash(connection: Connection, phone: str) -> bytes:
    """The blind index of an E.164 number."""
    return cipher_of(connection.dialect).lookup("phone", phone)


def known_by_phone(connection: Connection, acting: Acting, *, phone: str) -> int:
    """An older registered contact with this number whom this address does not serve yet; 0 if none."""
    here = select(residents.c.contact_id).where(residents.c.address_id == acting.address_id)
    found = connection.execute(
        select(contacts.c.id)
        .where(
            contacts.c.phone_hash == phone_hash(connection, phone), contacts.c.registered_at.is_not(None),
            contacts.c.status != "archived", contacts.c.id.not_in(here),
        )
        .order_by(contacts.c.id)
        .limit(1)
    ).scalar()  # fmt: skip
    return int(found or 0)


def name_of(connection: Connection, acting: Acting, *, contact_id: int) -> str:  # noqa: ARG001  (fetch gives it)
    """A contact's name; empty if it has none."""
    found: str | None = connection.execute(select(contacts.c.name).where(contacts.c.id == contact_id)).scalar()
    return found or ""


def profile(connection: Connection, acting: Acting) -> Profile:
    """All that is kept about the one who writes."""
    row = connection.execute(select(contacts).where(contacts.c.id == acting.contact_id)).one()
    kids = connection.execute(select(children).where(children.c.contact_id == row.id).order_by(children.c.id))
    liked = connection.execute(
        select(interests.c.activity).where(interests.c.contact_id == row.id).order_by(interests.c.id)
    )
    return Profile(
        row.id, row.name or "", row.phone or "", row.phone_is_own, row.settlement or "", row.quarter or "",
        row.purpose or "", row.work or "", row.language, [Child(k.institution, k.group) for k in kids],
        list(liked.scalars()),
    )  # fmt: skip


def people_here(connection: Connection, acting: Acting) -> list[tuple[int, str]]:
    """Who registered at this address: contact and name, in the order they came."""
    rows = connection.execute(
        select(contacts.c.id, contacts.c.name)
        .join(residents, residents.c.contact_id == contacts.c.id)
        .where(
            residents.c.address_id == acting.address_id, contacts.c.registered_at.is_not(None),
            contacts.c.status != "archived",
        )
        .order_by(contacts.c.id)
    )  # fmt: skip
    return [(row.id, row.name or "") for row in rows]


def search(connection: Connection, typed: str) -> list[int]:
    """Contacts whose name has words that begin so, in any case and either alphabet; oldest first."""
    tokens = [_token(connection, word[: TOKEN_LENGTHS[-1]]) for word in fold(typed).split()]
    if not tokens:
        return []
    found = (
        select(search_tokens.c.contact_id)
        .where(search_tokens.c.token.in_(tokens))
        .group_by(search_tokens.c.contact_id)
        .having(func.count() == len(set(tokens)))
        .order_by(search_tokens.c.contact_id)
    )
    return list(connection.execute(found).scalars())


def _token(connection: Connection, beginning: str) -> bytes:
    return cipher_of(connection.dialect).lookup("name", beginning)


def _index_name(connection: Connection, contact_id: int, name: str) -> None:
    connection.execute(delete(search_tokens).where(search_tokens.c.contact_id == contact_id))
    beginnings = {word[:n] for word in fold(name).split() for n in TOKEN_LENGTHS if n <= len(word)}
    rows = [{"token": _token(connection, b), "contact_id": contact_id} for b in sorted(beginnings)]
    if rows:
        connection.execute(insert(search_tokens), rows)


# --- several people, several channels -------------------------------------------------------------------------------


def link(connection: Connection, acting: Acting, *, contact_id: int, consent_text: str) -> Outcome:
    """This address belongs to an older contact: its owner proved the phone and said so. Can be undone.

    What was said here goes with its writer, and so does the consent that they gave on the way.
    """
    newcomer = acting.contact_id
    connection.execute(
        insert(residents).values(address_id=acting.address_id, contact_id=contact_id, linked_at=acting.now)
    )
    _move_words(connection, acting, to=contact_id)
    connection.execute(update(consents).where(consents.c.contact_id == newcomer).values(contact_id=contact_id))
    writer = replace(acting, contact_id=contact_id)
    consent(connection, writer, action="given", form="button", text=consent_text, age_ok=True)
    again = contacts.c.id == contact_id
    connection.execute(update(contacts).where(again).values(status="active", language=acting.language))
    _turn_to(connection, acting, contact_id)
    connection.execute(delete(contacts).where(contacts.c.id == newcomer, contacts.c.registered_at.is_(None)))
    return Outcome(contact_id, registered=True)


def unlink(connection: Connection, acting: Acting) -> Outcome:
    """Undo a link: this address begins anew with what was said here, the older contact keeps what it had.

    Talks since then may have been either's, and what they led to is kept elsewhere: they go.
    """
    consent(connection, acting, action="withdrawn", form="unlinked")
    mine = (residents.c.address_id == acting.address_id) & (residents.c.contact_id == acting.contact_id)
    since = select(residents.c.linked_at).where(mine).scalar_subquery()
    doubtful = (conversations.c.contact_id == acting.contact_id) & (conversations.c.started_at >= since)
    connection.execute(delete(conversations).where(doubtful))
    connection.execute(delete(residents).where(mine))
    outcome = _newcomer(connection, acting)
    _move_words(connection, acting, to=outcome.contact_id)
    return outcome


def _move_words(connection: Connection, acting: Acting, *, to: int) -> None:
    """Words belong to whoever sat at the address, or one person's file would hold another's."""
    for table in (inbox, outbox_table, tickets):
        here = (table.c.address_id == acting.address_id) & (table.c.contact_id == acting.contact_id)
        connection.execute(update(table).where(here).values(contact_id=to))


def is_linked(connection: Connection, acting: Acting) -> bool:
    """Whether this address was joined to the contact by a phone number."""
    mine = (residents.c.address_id == acting.address_id) & (residents.c.contact_id == acting.contact_id)
    return connection.execute(select(residents.c.linked_at).where(mine)).scalar() is not None


def add_person(connection: Connection, acting: Acting) -> Outcome:
    """Another person begins to write from the same chat."""
    return _newcomer(connection, acting)


def switch_person(connection: Connection, acting: Acting, *, contact_id: int) -> Outcome:
    """Talk to another person who is registered at this address."""
    _turn_to(connection, acting, contact_id)
    theirs = connection.execute(select(contacts.c.language).where(contacts.c.id == contact_id)).scalar_one()
    return Outcome(contact_id, registered=True, language=theirs)


def _newcomer(connection: Connection, acting: Acting) -> Outcome:
    contact_id = blank(connection, acting.now, language=acting.language)
    connection.execute(insert(residents).values(address_id=acting.address_id, contact_id=contact_id))
    _turn_to(connection, acting, contact_id)
    return Outcome(contact_id, registered=False)


def _turn_to(connection: Connection, acting: Acting, contact_id: int) -> None:
    here = addresses.c.id == acting.address_id
    connection.execute(update(addresses).where(here).values(contact_id=contact_id, status="active"))
    open_ = (conversations.c.contact_id == acting.contact_id) & (conversations.c.state == "open")
    connection.execute(update(conversations).where(open_).values(state="left"))


# --- stopping and erasing -------------------------------------------------------------------------------------------


def stop(connection: Connection, acting: Acting, form: str) -> None:
    """No more messages, also those already queued. The platform's "block" counts as this for its address."""
    connection.execute(update(addresses).where(addresses.c.id == acting.address_id).values(status="stopped"))
    connection.execute(update(contacts).where(contacts.c.id == acting.contact_id).values(status="stopped"))
    consent(connection, acting, action="withdrawn", form=form)
    outbox.cancel(connection, contact_id=acting.contact_id, address_ids=[acting.address_id])


def resume(connection: Connection, acting: Acting, form: str) -> None:
    """They want to hear from us again."""
    connection.execute(update(addresses).where(addresses.c.id == acting.address_id).values(status="active"))
    connection.execute(update(contacts).where(contacts.c.id == acting.contact_id).values(status="active"))
    consent(connection, acting, action="given", form=form)


def block(connection: Connection, acting: Acting) -> None:
    """The platform says that this address is gone. The contact stays reachable by its others, if it has any.

    Whoever has said „стоп“ stays stopped: coming back on the platform does not take that back.
    """
    here = (addresses.c.id == acting.address_id) & (addresses.c.status != "stopped")
    connection.execute(update(addresses).where(here).values(status="blocked"))
    consent(connection, acting, action="withdrawn", form="blocked")
    outbox.cancel(connection, address_ids=[acting.address_id])
    others = (
        select(func.count())
        .select_from(residents.join(addresses, addresses.c.id == residents.c.address_id))
        .where(residents.c.contact_id == acting.contact_id, addresses.c.status == "active")
    )
    if not connection.execute(others).scalar():
        mine = (contacts.c.id == acting.contact_id) & (contacts.c.status == "active")
        connection.execute(update(contacts).where(mine).values(status="blocked"))


def unblock(connection: Connection, acting: Acting) -> None:
    """They came back on the platform, or wrote after their data were deleted."""
    here = (addresses.c.id == acting.address_id) & (addresses.c.status != "stopped")
    was = connection.execute(select(addresses.c.status).where(here)).scalar()
    connection.execute(update(addresses).where(here).values(status="active"))
    mine = (contacts.c.id == acting.contact_id) & (contacts.c.status == "blocked")
    connection.execute(update(contacts).where(mine).values(status="active"))
    registered = contacts.c.registered_at.is_not(None) & (contacts.c.id == acting.contact_id)
    if was == "blocked" and connection.execute(select(contacts.c.id).where(registered)).scalar():
        consent(connection, acting, action="given", form="came back")


def erase(connection: Connection, acting: Acting) -> Outcome:
    """Delete a person: their words, name, phone and addresses go at once; what remains says only that they consented.

    An address that others use stays theirs. One that was theirs alone is deleted after the farewell has been sent.
    """
    gone = acting.contact_id
    served = select(residents.c.address_id).where(residents.c.contact_id == gone)
    mine = list(connection.execute(served).scalars())
    connection.execute(update(inbox).where(inbox.c.contact_id == gone).values(body=None))
    for table in (conversations, children, interests, search_tokens, tickets, outbox_table):
        connection.execute(delete(table).where(table.c.contact_id == gone))
    outcome = Outcome(gone, registered=False)
    for address_id in mine:
        left = _leave_address(connection, acting, gone, address_id)
        if address_id == acting.address_id:
            outcome = left
    connection.execute(delete(contacts).where(contacts.c.id == gone, contacts.c.registered_at.is_(None)))
    connection.execute(update(contacts).where(contacts.c.id == gone).values(_EMPTY | {"archived_at": acting.now}))
    return outcome


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
        connection.execute(update(addresses).where(addresses.c.id == address_id).values(contact_id=stays))
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


def counts(connection: Connection) -> dict[str, int]:
    """How many contacts there are by status; those who never finished registering stand apart."""
    rows = connection.execute(
        select(contacts.c.status, contacts.c.registered_at.is_(None), func.count()).group_by(
            contacts.c.status, contacts.c.registered_at.is_(None)
        )
    )
    found: dict[str, int] = {}
    for status, unfinished, number in rows:
        label = "unregistered" if unfinished and status == "active" else status
        found[label] = found.get(label, 0) + number
    return found
