"""Audiences: who of a group gets a broadcast, and why the others do not.

One query answers both what the screen promises and what is written down when it starts, so that they cannot differ.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, case, exists, func, literal, or_, select

from bot import calendar
from bot.calendar import Rules
from bot.messages import Media
from storage import charges, groups, notifications
from storage import staff as roles
from storage.cipher import cipher_of
from storage.enough import has_enough
from storage.tables import addresses, broadcasts, contacts, events, outbox, recipients, residents

NONE: Mapping[str, Media] = MappingProxyType({})
_WORD = re.compile(r"\w+")

SAME = timedelta(hours=24)  # in which nobody gets the same words twice, unless that is meant
IN_LINE = ("waiting", "queued")  # of recipients: it is on its way to them, or went

_r, _c = recipients, contacts


@dataclass(frozen=True, slots=True)
class Wish:
    """Whom a broadcast is for, as far as that decides who gets it."""

    by_id: int
    role: str  # of whoever writes, at this moment
    audience: Mapping[str, Any]
    fingerprint: bytes
    again: bool
    corrects: int  # 0: it corrects none
    is_personal: bool  # its words differ from one reader to the next


def fingerprint(connection: Connection, words: Mapping[str, str], media: Mapping[str, Media] = NONE) -> bytes:
    """A keyed hash of the Bulgarian words as people would compare them: of what is sent with them if there are none.

    Neither a full stop nor a translation makes them others.
    """
    said = words.get("bg", "")
    same = " ".join(_WORD.findall(said.casefold())) or said.strip() or _of_media(media) or words.get("rom", "")
    return cipher_of(connection.dialect).lookup("broadcast", same)


def _of_media(media: Mapping[str, Media]) -> str:
    one = media.get("bg")
    return f"media:{one.handle or sha256(one.data).hexdigest()}" if one else ""


def chosen(wish: Wish, now: datetime, rules: Rules) -> Select[Any]:
    """Everybody whom it is for, with the reason to leave them out: empty for who gets it."""
    # The offset is a fence: without it PostgreSQL looks for the address anew wherever it is named, four times each.
    people = select(_c.c.id, _c.c.status, notifications.best_address().label("address")).where(_meant(wish))
    each = people.offset(0).subquery()
    why = _reason(each.c, wish, now, rules).label("reason")
    who = select(each.c.id.label("contact_id"), why, each.c.address).offset(0).subquery()
    if wish.is_personal:
        return select(who.c.contact_id, who.c.reason)
    # One message for a home: whoever talks there at present gets it.
    talks = case((addresses.c.contact_id == who.c.contact_id, 0), else_=1)
    nth = func.row_number().over(partition_by=(who.c.address, who.c.reason), order_by=(talks, who.c.contact_id))
    told = func.max(case((who.c.reason == "told_today", 1), else_=0)).over(partition_by=who.c.address)
    reason = case(((who.c.reason == "") & or_(nth > 1, told == 1), "household"), else_=who.c.reason)
    return select(who.c.contact_id, reason.label("reason")).select_from(
        who.outerjoin(addresses, addresses.c.id == who.c.address)
    )


def may_write(wish: Wish, connection: Connection) -> bool:
    """Whether the role of whoever writes allows this audience: a trainer's are the guests of events of theirs."""
    if wish.role in roles.LEADS:
        return True
    wanted = wish.audience.get("events") or ()
    if wish.role != roles.TRAINER or not wanted or set(wish.audience) != {"events"}:
        return False
    leads = or_(events.c.mediator_id == wish.by_id, events.c.created_by == wish.by_id)
    theirs = select(func.count()).select_from(events).where(events.c.id.in_(wanted), leads)
    return bool(connection.execute(theirs).scalar_one() == len(set(wanted)))


def _meant(wish: Wish) -> ColumnElement[bool]:
    """Own people only. A correction is for all who got what was wrong, whosever people they are by now."""
    if wish.corrects:
        got = select(_r.c.contact_id).where(got_it(wish.corrects))
        return _c.c.id.in_(got) & (_c.c.status != "archived")
    return _c.c.id.in_(groups.matching(wish.audience)) & charges.own(wish.by_id, wish.role)


def own_people(wish: Wish) -> Select[Any]:
    """The numbers of all whom it is for, whether or not they get it."""
    return select(_c.c.id).where(_meant(wish))


def got_it(broadcast_id: int) -> ColumnElement[bool]:
    """Whether a row of the ledger is of somebody who got it, as far as anybody can know."""
    went = exists().where(outbox.c.key == _r.c.message, notifications.went_out())
    return (_r.c.broadcast_id == broadcast_id) & (_r.c.status == "queued") & went


def _reason(who: Any, wish: Wish, now: datetime, rules: Rules) -> ColumnElement[str]:
    """Why somebody is left out: the first that fits; empty if nothing does."""
    reasons: list[tuple[ColumnElement[bool], str]] = [
        (who.id == wish.by_id, "self"),
        (who.status == "stopped", "stopped"),
        (who.status == "blocked", "blocked"),
        (who.address.is_(None), "no_channel"),
    ]
    if not wish.corrects:
        if not wish.again:
            reasons.append((_told(who.id, wish.fingerprint, now - SAME), "told_today"))
        then = calendar.next_open(rules, now)
        reasons.append((_home_has_enough(who.address, then, rules), "week_full"))
    return case(*((condition, literal(name)) for condition, name in reasons), else_=literal(""))


def _home_has_enough(address: ColumnElement[int], then: datetime, rules: Rules) -> ColumnElement[bool]:
    """Whether one more is too much for somebody who reads at this address: it is one telephone that rings."""
    theirs = select(residents.c.contact_id).where(residents.c.address_id == address)
    full = theirs.where(has_enough(residents.c.contact_id, then, rules))
    return exists(full.correlate_except(residents))


def _told(contact_id: ColumnElement[int], mark: bytes, since: datetime) -> ColumnElement[bool]:
    """Whether the same words are on their way to somebody or went to them since then."""
    theirs = same_words(mark, since).where(_r.c.contact_id == contact_id)
    return exists(theirs.correlate_except(_r, broadcasts, outbox))


def same_words(mark: bytes, since: datetime) -> Select[Any]:
    """The rows of the ledger about these words since then, but for what was taken back or failed."""
    alive = or_(outbox.c.status.is_(None), outbox.c.status.not_in(("cancelled", "expired", "failed")))
    return (
        select(_r.c.contact_id, _r.c.at)
        .select_from(
            _r.join(broadcasts, broadcasts.c.id == _r.c.broadcast_id).outerjoin(outbox, outbox.c.key == _r.c.message)
        )
        .where(broadcasts.c.fingerprint == mark, _r.c.status.in_(IN_LINE), _r.c.at > since, alive)
    )
