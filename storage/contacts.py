"""Contacts: registering, correcting, linking, stopping, erasing a person. Each runs in its event's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select, update

from bot.alphabets import fold
from bot.chat import Acting
from bot.messages import Address
from storage.cipher import cipher_of
from storage.people import INSERTS, hash_of
from storage.tables import (
    addresses,
    answers,
    consents,
    contacts,
    conversations,
    residents,
    search_tokens,
    staff,
)
from storage.tables import children as children_rows
from storage.tables import interests as interest_rows

TOKEN_LENGTHS = range(2, 13)  # beginnings of a name that staff may search by
ENDING = 3  # digits at the end of a number that are enough to search by: so many are shown of one that is masked


@dataclass(frozen=True, slots=True)
class Outcome:
    """To whom the address belongs after an act, and what the visit must know of them."""

    contact_id: int
    registered: bool
    language: str = ""
    erased: bool = False  # nothing of what was said may stay on a screen
    role: str | None = None  # what they have become among the staff; None: what they were


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
    consent_version: str = "",
) -> Outcome:  # fmt: skip
    """Keep what a registration gathered. Called again after a correction, it replaces what was there."""
    first = connection.execute(_since, {"who": acting.contact_id}).scalar() is None
    if first:
        agreed_at = connection.execute(_agreed_at, {"who": acting.contact_id}).scalar()
        consent(
            connection, replace(acting, now=agreed_at or acting.now), action="given", form="button",
            text=consent_text, version=consent_version, age_ok=True,
        )  # fmt: skip
    keep(
        connection, acting, name=name, phone=phone, phone_is_own=phone_is_own, settlement=settlement, purpose=purpose,
        work=work, children=children, again=not first,
    )  # fmt: skip
    set_interests(connection, acting, activities=interests)
    return Outcome(acting.contact_id, registered=True)


def keep(
    connection: Connection, acting: Acting, *, name: str, phone: str, phone_is_own: bool, settlement: str,
    purpose: str, work: str, children: Sequence[Child], again: bool,
) -> None:  # fmt: skip
    """Keep what is said of a contact, who is registered from then on. `again`: instead of what was said before."""
    said = {
        "who": acting.contact_id, "language_": acting.language, "name_": name, "phone_": phone or None,
        "own_": phone_is_own, "hash_": phone_hash(connection, phone) if phone else None, "settlement_": settlement,
        "purpose_": purpose, "work_": work or None, "now_": acting.now,
    }  # fmt: skip
    connection.execute(_register, said)
    if again:
        connection.execute(_forget_children, {"who": acting.contact_id})
        _forget_calls(connection, acting.contact_id, phone)
    index(connection, acting.contact_id, name, phone, again=again)
    who = acting.contact_id
    rows = [{"contact_id": who, "institution": c.institution, "group": c.group} for c in dict.fromkeys(children)]
    if rows:
        connection.execute(_add_child, rows)


# Statements that stand on the way of every registration are built once: building one costs as much as running it.
_since = select(contacts.c.registered_at).where(contacts.c.id == bindparam("who"))
_agreed_at = (  # the tap on „Да“, some minutes before the registration is finished
    select(answers.c.at)
    .join(conversations, conversations.c.id == answers.c.conversation_id)
    .where(
        conversations.c.contact_id == bindparam("who"), conversations.c.script == "registration",
        answers.c.key == "consent",
    )
    .order_by(answers.c.at.desc())
    .limit(1)
)  # fmt: skip
_register = (
    update(contacts)
    .where(contacts.c.id == bindparam("who"))
    .values(
        language=bindparam("language_"), name=bindparam("name_"), phone=bindparam("phone_"),
        phone_is_own=bindparam("own_"), phone_hash=bindparam("hash_"), settlement=bindparam("settlement_"),
        purpose=bindparam("purpose_"), work=bindparam("work_"),
        registered_at=func.coalesce(contacts.c.registered_at, bindparam("now_")),
    )
)  # fmt: skip
_forget_children = delete(children_rows).where(children_rows.c.contact_id == bindparam("who"))
_forget_tokens = delete(search_tokens).where(search_tokens.c.contact_id == bindparam("who"))
_add_child, _add_token = insert(children_rows), insert(search_tokens)


def _forget_calls(connection: Connection, contact_id: int, phone: str) -> None:
    """An address for calls by another number than the present one is theirs no more; a family may share it."""
    stale = (addresses.c.channel == "tel") & (addresses.c.lookup != hash_of(connection, Address("tel", phone)))
    theirs = select(addresses.c.id).join(residents, residents.c.address_id == addresses.c.id)
    gone = list(connection.execute(theirs.where(residents.c.contact_id == contact_id, stale)).scalars())
    if not gone:
        return
    connection.execute(delete(residents).where(residents.c.address_id.in_(gone), residents.c.contact_id == contact_id))
    unused = addresses.c.id.not_in(select(residents.c.address_id))
    connection.execute(delete(addresses).where(addresses.c.id.in_(gone), unused))


def set_interests(connection: Connection, acting: Acting, *, activities: Sequence[str]) -> None:
    """Replace which activities a contact would like."""
    unwanted = (interest_rows.c.contact_id == acting.contact_id) & interest_rows.c.activity.not_in(activities)
    connection.execute(delete(interest_rows).where(unwanted))
    rows = [{"contact_id": acting.contact_id, "activity": a, "created_at": acting.now} for a in activities]
    if rows:
        connection.execute(_like(connection.dialect.name), rows)


@cache
def _like(dialect: str) -> Any:
    return INSERTS[dialect](interest_rows).on_conflict_do_nothing(index_elements=["contact_id", "activity"])


def join(connection: Connection, acting: Acting, *, activity: str) -> None:
    """Note that a contact would like an activity. Saying it twice changes nothing."""
    row = {"contact_id": acting.contact_id, "activity": activity, "created_at": acting.now}
    connection.execute(_like(connection.dialect.name), row)


def leave(connection: Connection, acting: Acting, *, activity: str) -> None:
    """Take that back."""
    mine = (interest_rows.c.contact_id == acting.contact_id) & (interest_rows.c.activity == activity)
    connection.execute(delete(interest_rows).where(mine))


def consent(
    connection: Connection, acting: Acting, *, action: str, form: str, text: str = "", version: str = "",
    age_ok: bool | None = None, purpose: str = "",
) -> None:  # fmt: skip
    """Add a line to the record of consents: to this channel, or to something else.

    The exact words are kept by their hash and their version.
    """
    connection.execute(
        insert(consents).values(
            contact_id=acting.contact_id, purpose=purpose or f"channel_{acting.channel}", action=action, form=form,
            age_ok=age_ok, text_hash=sha256(text.encode()).hexdigest() if text else "", text_version=version,
            language=acting.language, event_key=acting.event_key, at=acting.now,
        )
    )  # fmt: skip


# --- finding --------------------------------------------------------------------------------------------------------


def phone_hash(connection: Connection, phone: str) -> bytes:
    """The blind index of an E.164 number."""
    return cipher_of(connection.dialect).lookup("phone", phone)


_by_phone = (
    select(contacts.c.id)
    .where(
        contacts.c.phone_hash == bindparam("hash"), contacts.c.registered_at.is_not(None),
        contacts.c.status != "archived",
        contacts.c.id.not_in(select(residents.c.contact_id).where(residents.c.address_id == bindparam("here"))),
        contacts.c.id.not_in(select(staff.c.contact_id)),  # to a role leads a code alone, and no office's telephone
    )
    .order_by(contacts.c.id)
    .limit(1)
)  # fmt: skip


def known_by_phone(connection: Connection, acting: Acting, *, phone: str) -> int:
    """An older registered contact with this number whom this address does not serve yet; 0 if none."""
    asked = {"hash": phone_hash(connection, phone), "here": acting.address_id}
    return int(connection.execute(_by_phone, asked).scalar() or 0)


def name_of(connection: Connection, acting: Acting, *, contact_id: int) -> str:
    """A contact's name; empty if it has none."""
    found: str | None = connection.execute(select(contacts.c.name).where(contacts.c.id == contact_id)).scalar()
    return found or ""


def profile(connection: Connection, acting: Acting) -> Profile:
    """All that is kept about the one who writes."""
    row = connection.execute(select(contacts).where(contacts.c.id == acting.contact_id)).one()
    kids = connection.execute(
        select(children_rows).where(children_rows.c.contact_id == row.id).order_by(children_rows.c.id)
    )
    liked = connection.execute(
        select(interest_rows.c.activity).where(interest_rows.c.contact_id == row.id).order_by(interest_rows.c.id)
    )
    return Profile(
        row.id, row.name or "", row.phone or "", row.phone_is_own, row.settlement or "", row.quarter or "",
        row.purpose or "", row.work or "", row.language, [Child(k.institution, k.group) for k in kids],
        list(liked.scalars()),
    )  # fmt: skip


def search(connection: Connection, typed: str) -> list[int]:
    """Contacts whose name has words that begin so, in any case and either alphabet; oldest first."""
    found = named(connection, typed)
    return list(connection.execute(found.order_by(search_tokens.c.contact_id)).scalars())


def named(connection: Connection, typed: str) -> Select[Any]:
    """The same to be asked within another question; nobody where nothing was typed."""
    tokens = [_token(connection, word[: TOKEN_LENGTHS[-1]]) for word in fold(typed).split()]
    return (
        select(search_tokens.c.contact_id)
        .where(search_tokens.c.token.in_(tokens))
        .group_by(search_tokens.c.contact_id)
        .having(func.count() == len(set(tokens)))
    )


def _token(connection: Connection, beginning: str) -> bytes:
    return cipher_of(connection.dialect).lookup("name", beginning)


def ending(connection: Connection, digits: str) -> bytes:
    """The blind index of the last digits of a number: these alone are typed, and the numbers are encrypted."""
    return cipher_of(connection.dialect).lookup("phone ending", digits[-ENDING:])


def index(connection: Connection, contact_id: int, name: str, phone: str, *, again: bool = True) -> None:
    """Let staff find a contact by the beginnings of a name and the end of a number, and by earlier ones no more."""
    if again:
        connection.execute(_forget_tokens, {"who": contact_id})
    beginnings = {word[:n] for word in fold(name).split() for n in TOKEN_LENGTHS if n <= len(word)}
    tokens = [_token(connection, b) for b in sorted(beginnings)]
    tokens += [ending(connection, phone)] if phone else []
    rows = [{"token": token, "contact_id": contact_id} for token in tokens]
    if rows:
        connection.execute(_add_token, rows)


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
