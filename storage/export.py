"""Everything that is kept about one person, for that person."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from bot.chat import Acting
from storage import contacts
from storage.tables import addresses, consents, inbox, outbox, residents, tickets


def everything(connection: Connection, acting: Acting) -> dict[str, Any]:
    """The right of access: profile, consents, questions and messages, with times in UTC."""
    mine = contacts.profile(connection, acting)
    return {
        "име": mine.name, "телефон": mine.phone, "населено място": mine.settlement, "квартал": mine.quarter,
        "защо сте тук": mine.purpose, "работа": mine.work, "език": mine.language,
        "деца (училище, клас)": [[c.institution, c.group] for c in mine.children],
        "дейности": list(mine.interests),
        "адреси": _addresses(connection, acting.contact_id),
        "съгласия": _consents(connection, acting.contact_id),
        "въпроси": _tickets(connection, acting.contact_id),
        "съобщения": _messages(connection, acting),
    }  # fmt: skip


def _addresses(connection: Connection, contact_id: int) -> list[str]:
    rows = connection.execute(
        select(addresses.c.channel)
        .join(residents, residents.c.address_id == addresses.c.id)
        .where(residents.c.contact_id == contact_id)
        .order_by(addresses.c.id)
    )
    return list(rows.scalars())


def _consents(connection: Connection, contact_id: int) -> list[dict[str, str]]:
    rows = connection.execute(select(consents).where(consents.c.contact_id == contact_id).order_by(consents.c.id))
    return [{"за": r.purpose, "какво": r.action, "кога": r.at.isoformat(), "как": r.form} for r in rows]


def _tickets(connection: Connection, contact_id: int) -> list[dict[str, str]]:
    rows = connection.execute(select(tickets).where(tickets.c.contact_id == contact_id).order_by(tickets.c.id))
    return [{"въпрос": r.text, "кога": r.created_at.isoformat(), "състояние": r.status} for r in rows]


def _messages(connection: Connection, acting: Acting) -> list[dict[str, str]]:
    """What we wrote to this person and what they wrote, not what others who share the chat did."""
    ours = connection.execute(
        select(outbox).where(outbox.c.contact_id == acting.contact_id, outbox.c.body.is_not(None))
    )
    lines = [(r.created_at, "Мост", r.body["text"]) for r in ours]
    theirs = connection.execute(select(inbox).where(inbox.c.contact_id == acting.contact_id, inbox.c.body.is_not(None)))
    lines += [(r.received_at, "Вие", r.body.get("text", "")) for r in theirs if r.body.get("text")]
    return [{"кога": at.isoformat(), "от": who, "текст": text} for at, who, text in sorted(lines, key=lambda x: x[0])]
