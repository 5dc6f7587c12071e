"""Tickets: questions from contacts that wait for a person's answer."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from bot.chat import Acting
from storage.tables import addresses, answers, conversations, tickets

STRAY = "stray"  # the conversation that asks what words were meant for
DAY = timedelta(days=1)
PATIENCE = timedelta(hours=1)  # after which words that nobody went on with are a question all the same


def open_(connection: Connection, acting: Acting, *, text: str, about: str = "") -> None:
    """Keep a question until somebody answers it."""
    connection.execute(
        insert(tickets).values(
            contact_id=acting.contact_id, address_id=acting.address_id, text=text, status="open", about=about,
            created_at=acting.now,
        )
    )  # fmt: skip


def open_once(connection: Connection, acting: Acting, *, text: str, about: str) -> None:
    """The same for what a button says: tapped twice within a day, it is one question."""
    theirs = (tickets.c.contact_id == acting.contact_id) & (tickets.c.about == about) & (tickets.c.status == "open")
    lately = select(tickets.c.text).where(theirs, tickets.c.created_at > acting.now - DAY)
    if text not in connection.execute(lately).scalars().all():
        open_(connection, acting, text=text, about=about)


def rescue(connection: Connection, now: datetime) -> int:
    """Words that fitted nothing, and whose writer then went away: a person shall see them. Gives how many."""
    left = (
        (conversations.c.script == STRAY)
        & conversations.c.state.in_(("open", "left"))
        & (conversations.c.updated_at < now - PATIENCE)
    )
    talks = connection.execute(select(conversations.c.id, conversations.c.contact_id).where(left)).all()
    rescued = 0
    for talk in talks:
        closing = update(conversations).where(conversations.c.id == talk.id, left).values(state="done")
        if not connection.execute(closing).rowcount:  # its writer came back meanwhile
            continue
        rescued += 1
        if said := _said(connection, talk.id):
            row = {"contact_id": talk.contact_id, "text": said, "status": "open", "about": "", "created_at": now}
            connection.execute(insert(tickets), row | {"address_id": _address(connection, talk.contact_id)})
    return rescued


def _address(connection: Connection, contact_id: int) -> int | None:
    """Where an answer can reach the writer; none if this chat is somebody else's at present."""
    theirs = select(addresses.c.id).where(addresses.c.contact_id == contact_id).order_by(addresses.c.id).limit(1)
    found: int | None = connection.execute(theirs).scalar()
    return found


def _said(connection: Connection, talk: int) -> str:
    """Everything typed in such a talk, in the order of its questions."""
    rows = connection.execute(select(answers.c.key, answers.c.value).where(answers.c.conversation_id == talk))
    kept = {row.key: row.value for row in rows}
    further = [kept[key]["words"] for key in ("choice", "again") if isinstance(kept.get(key), dict)]
    return "\n".join(word for word in (kept.get("text"), *further) if word)
