"""Everything that is kept about one person, for that person."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from bot.chat import Acting
from storage import contacts
from storage.tables import addresses, answers, consents, conversations, inbox, outbox, residents, staff, tickets
from storage.tables import contacts as contact_rows


def everything(connection: Connection, acting: Acting) -> dict[str, Any]:
    """The right of access: profile, consents, questions and messages, with times in UTC."""
    mine = contacts.profile(connection, acting)
    row = connection.execute(select(contact_rows).where(contact_rows.c.id == acting.contact_id)).one()
    return {
        "име": mine.name, "телефон": mine.phone, "телефонът е потвърден": mine.phone_is_own,
        "населено място": mine.settlement, "квартал": mine.quarter,
        "защо сте тук": mine.purpose, "работа": mine.work, "език": mine.language,
        "деца (училище, клас)": [[c.institution, c.group] for c in mine.children],
        "дейности": list(mine.interests),
        **_role(connection, acting.contact_id),
        "откъде дойдохте": row.source, "състояние": row.status,
        "първо съобщение": _when(row.created_at), "записване": _when(row.registered_at),
        "адреси": _addresses(connection, acting.contact_id),
        "съгласия": _consents(connection, acting.contact_id),
        "въпроси": _tickets(connection, acting.contact_id),
        "отговори": _answers(connection, acting.contact_id),
        "съобщения": _messages(connection, acting),
    }  # fmt: skip


def _when(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def _role(connection: Connection, contact_id: int) -> dict[str, str]:
    """For staff alone: a resident need not wonder about an empty one."""
    role = connection.execute(select(staff.c.role).where(staff.c.contact_id == contact_id)).scalar()
    return {"роля": role} if role else {}


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


def _answers(connection: Connection, contact_id: int) -> list[dict[str, Any]]:
    """What was answered in each conversation, also where it was never finished."""
    rows = connection.execute(
        select(conversations.c.script, answers.c.key, answers.c.value, answers.c.at)
        .join(conversations, conversations.c.id == answers.c.conversation_id)
        .where(conversations.c.contact_id == contact_id)
        .order_by(answers.c.at, answers.c.key)
    )
    return [{"разговор": r.script, "въпрос": r.key, "отговор": r.value, "кога": _when(r.at)} for r in rows]


def _messages(connection: Connection, acting: Acting) -> list[dict[str, str]]:
    """What we wrote to this person and what they wrote, not what others who share the chat did."""
    ours = connection.execute(
        select(outbox).where(outbox.c.contact_id == acting.contact_id, outbox.c.body.is_not(None))
    )
    lines = [(r.created_at, 1, "Мост", r.body["text"]) for r in ours]
    theirs = connection.execute(select(inbox).where(inbox.c.contact_id == acting.contact_id, inbox.c.body.is_not(None)))
    lines += [(r.received_at, 0, "Вие", said) for r in theirs if (said := r.body.get("text") or r.body.get("phone"))]
    return [{"кога": _when(at), "от": who, "текст": text} for at, _, who, text in sorted(lines)]
