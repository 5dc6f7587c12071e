"""What staff typed and what their screens showed: names and numbers of others, which are kept for hours only.

Everything that matters of it is kept with the person whom it is about, and goes when that person is erased. The rows
stay, with their keys and states; only what they said is emptied.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, or_, select, true, update

from bot.messages import Lane
from storage.tables import answers, conversations, inbox, outbox, staff
from storage.transcript import AGAIN

KEPT = timedelta(hours=24)
ABOUT_OTHERS = (  # talks in which staff type whom they mean, or words to and about somebody
    "a_change", "add_person", "announce", "answer", "enrol", "find", "walkin", "write",
)  # fmt: skip
COPIES = ("ticket:", "late:")  # keys of questions that were sent to staff: words of others, on a screen of theirs
ON_THE_WAY = ("queued", "sending")


def is_screen() -> ColumnElement[bool]:
    """Whether an outbox row answers what somebody did, or shows a question of somebody else's.

    Not what else we wrote of our own accord.
    """
    shown = (outbox.c.key.startswith(prefix) for prefix in (AGAIN, *COPIES))
    return or_(outbox.c.lane == int(Lane.REPLY), *shown)


def forget(connection: Connection, *, before: datetime | None = None, whose: int | None = None) -> None:
    """Empty what is older than `before`, or all of it; of all staff, or of one who is or was of them."""
    who = select(staff.c.contact_id) if whose is None else [whose]
    shown = outbox.c.contact_id.in_(who) & is_screen() & outbox.c.body.is_not(None)
    out = outbox.c.status.not_in(ON_THE_WAY) & _older(outbox.c.created_at, before)
    connection.execute(update(outbox).where(shown, out).values(body=None))
    typed = inbox.c.contact_id.in_(who) & inbox.c.body.is_not(None) & _older(inbox.c.received_at, before)
    connection.execute(update(inbox).where(typed).values(body=None))
    _forget_talks(connection, who, before)


def _forget_talks(connection: Connection, who: Any, before: datetime | None) -> None:
    """Also one that nobody finished; it is left first, or it would go on without what was answered."""
    theirs = conversations.c.contact_id.in_(who) & conversations.c.script.in_(ABOUT_OTHERS)
    old = theirs & _older(conversations.c.updated_at, before)
    connection.execute(update(conversations).where(old, conversations.c.state == "open").values(state="left"))
    connection.execute(delete(answers).where(answers.c.conversation_id.in_(select(conversations.c.id).where(old))))


def _older(column: Any, before: datetime | None) -> ColumnElement[bool]:
    return true() if before is None else column < before
