"""What a question is about where that is an announcement of ours: the one they got a moment ago.

Its author is asked first, as long as they are staff and the person is theirs. Only reads; words are opened here, so it
must never be logged.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, or_, select

from bot.chat import Acting
from storage import charges
from storage import staff as roles
from storage.tables import broadcasts, contacts, events, outbox, recipients

ANNOUNCED = "broadcast:"  # before the number of an announcement, where else an activity's code stands
SOON = timedelta(hours=1)  # after it came, or after a tap on its buttons
LETTERS = 40  # of an announcement by which its author knows it again
_MARK = re.compile(r"[\s,]*\(\([^()]*\)\)")


@dataclass(frozen=True, slots=True)
class Announced:
    """An announcement that somebody may be asking about."""

    id: int
    activities: Sequence[str]  # that it was for, as codes: what is confidential is not to be told about

    @property
    def about(self) -> str:
        """How a question names it."""
        return f"{ANNOUNCED}{self.id}"


def lately(connection: Connection, acting: Acting) -> Announced | None:
    """The announcement that whoever writes got, or answered by a button, within the hour; the latest of several."""
    since = acting.now - SOON
    mine = (recipients.c.contact_id == acting.contact_id) & (recipients.c.status == "queued")
    found = (
        select(broadcasts.c.id, broadcasts.c.audience)
        .join(recipients, recipients.c.broadcast_id == broadcasts.c.id)
        .join(outbox, outbox.c.key == recipients.c.message)
        .where(mine, or_(outbox.c.sent_at > since, recipients.c.answered_at > since))
        .order_by(outbox.c.sent_at.desc(), broadcasts.c.id.desc())
        .limit(1)
    )
    row = connection.execute(found).first()
    return Announced(row.id, _activities(connection, row.audience)) if row else None


def _activities(connection: Connection, audience: Mapping[str, Any]) -> Sequence[str]:
    """Those that a group names, and those of the events whose guests it is."""
    of_events = select(events.c.activity).where(events.c.id.in_(audience.get("events") or ()))
    return [*(audience.get("activities") or ()), *connection.execute(of_events).scalars()]


def author(connection: Connection, about: str, contact_id: int) -> int:
    """Who wrote the announcement that a question is about, if they may see what this person asks now; 0 for nobody."""
    number = _number(about)
    written = select(broadcasts.c.by_id).where(broadcasts.c.id == number)
    by_id = connection.execute(written).scalar() if number else None
    role = roles.role_of(connection, by_id) if by_id else ""
    if not by_id or by_id == contact_id or role not in roles.LEADS:
        return 0
    theirs = (contacts.c.id == contact_id) & charges.own(by_id, role)
    return by_id if connection.execute(select(contacts.c.id).where(theirs)).first() else 0


def first_words(connection: Connection, abouts: Collection[str]) -> Mapping[str, str]:
    """How announcements begin, by how questions name them; without what was put in for each reader."""
    wanted = {_number(about): about for about in abouts if about.startswith(ANNOUNCED)}
    found = select(broadcasts.c.id, broadcasts.c.words).where(broadcasts.c.id.in_(wanted))
    rows = connection.execute(found).all() if wanted else []
    return {wanted[row.id]: beginning(row.words or {}) for row in rows}


def _number(about: str) -> int:
    number = about.removeprefix(ANNOUNCED)
    return int(number) if about.startswith(ANNOUNCED) and number.isdecimal() else 0


def beginning(said: Mapping[str, str], most: int = LETTERS) -> str:
    """The first words of an announcement; of a picture without any, that it is one."""
    text = " ".join(_MARK.sub("", said.get("bg") or said.get("rom") or "").split())
    if len(text) <= most:
        return text or "📎"
    cut = text[:most]
    return f"{cut.rpartition(' ')[0] or cut}…"
