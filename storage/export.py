"""Everything that is kept about one person, for that person."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, false, not_, select, true

from bot.chat import Acting
from storage import contacts, screens
from storage.tables import (
    addresses,
    answers,
    consents,
    conversations,
    events,
    feedback,
    inbox,
    invitations,
    outbox,
    participations,
    residents,
    results,
    staff,
    ticket_lines,
    tickets,
)
from storage.tables import contacts as contact_rows
from storage.ticket_view import NOTE, RESIDENT, STAFF


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
        "срещи": _invitations(connection, acting.contact_id),
        "оценки за срещи": _feedback(connection, acting.contact_id),
        "участия": _participations(connection, acting.contact_id),
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


def _invitations(connection: Connection, contact_id: int) -> list[dict[str, Any]]:
    """Each event that they were invited to, what they answered, and whether they came."""
    rows = connection.execute(
        select(invitations, events.c.title, events.c.starts_at, events.c.place)
        .join(events, events.c.id == invitations.c.event_id)
        .where(invitations.c.contact_id == contact_id)
        .order_by(events.c.starts_at, events.c.id)
    )
    return [
        {
            "среща": r.title, "кога": _when(r.starts_at), "къде": r.place, "отговор": r.rsvp, "място": r.seat,
            "тръгване": r.leave_at, "обаждане": r.called, "присъствие": r.attended, "защо не": r.miss_reason,
        }
        for r in rows
    ]  # fmt: skip


def _feedback(connection: Connection, contact_id: int) -> list[dict[str, Any]]:
    rows = connection.execute(
        select(feedback, events.c.title)
        .join(events, events.c.id == feedback.c.event_id)
        .where(feedback.c.contact_id == contact_id)
        .order_by(feedback.c.at, feedback.c.event_id)
    )
    return [
        {
            "среща": r.title,
            "оценка от 1 до 3": r.face,
            "думи": r.comment or "",
            "глас": bool(r.voice),
            "кога": _when(r.at),
        }
        for r in rows
    ]


def _participations(connection: Connection, contact_id: int) -> list[dict[str, Any]]:
    """Each stay in an activity, with what was answered afterwards of what came of it."""
    mine = participations.c.contact_id == contact_id
    rows = connection.execute(select(participations).where(mine).order_by(participations.c.id)).all()
    said = connection.execute(
        select(results)
        .join(participations, participations.c.id == results.c.participation_id)
        .where(mine)
        .order_by(results.c.due)
    ).all()
    return [
        {
            "дейност": r.activity, "влизане": _when(r.entry_at), "излизане": _when(r.exit_at), "как": r.exit_kind,
            "защо": r.exit_reason,
            "после": [
                {"кога": _when(s.answered_at), "отговори": s.answers, "състояние": s.state}
                for s in said
                if s.participation_id == r.id and s.answers
            ],
        }
        for r in rows
    ]  # fmt: skip


_WHOSE = {RESIDENT: "Вие", STAFF: "екипа"}


def _tickets(connection: Connection, contact_id: int) -> list[dict[str, Any]]:
    """Each question with all that was said about it; not what colleagues noted for one another."""
    mine = tickets.c.contact_id == contact_id
    rows = connection.execute(select(tickets).where(mine).order_by(tickets.c.id)).all()
    said = connection.execute(
        select(ticket_lines)
        .join(tickets, tickets.c.id == ticket_lines.c.ticket_id)
        .where(mine, ticket_lines.c.side != NOTE)
        .order_by(ticket_lines.c.id)
    ).all()
    return [
        {
            "въпрос": r.text, "файл": bool(r.media_id), "кога": _when(r.created_at), "състояние": r.status,
            "разговор": [
                {"от": _WHOSE[s.side], "текст": s.text, "файл": bool(s.media_id), "кога": _when(s.at)}
                for s in said
                if s.ticket_id == r.id
            ],
        }
        for r in rows
    ]  # fmt: skip


def _answers(connection: Connection, contact_id: int) -> list[dict[str, Any]]:
    """What was answered in each conversation, also where it was never finished; not what staff typed of others."""
    rows = connection.execute(
        select(conversations.c.script, answers.c.key, answers.c.value, answers.c.at)
        .join(conversations, conversations.c.id == answers.c.conversation_id)
        .where(conversations.c.contact_id == contact_id, conversations.c.script.not_in(screens.ABOUT_OTHERS))
        .order_by(answers.c.at, answers.c.key)
    )
    return [{"разговор": r.script, "въпрос": r.key, "отговор": r.value, "кога": _when(r.at)} for r in rows]


def _messages(connection: Connection, acting: Acting) -> list[dict[str, str]]:
    """What we wrote to this person and what they wrote, not what others who share the chat did.

    What staff typed and saw at work is about others: it is left out.
    """
    of_ours, of_theirs = (
        (not_(screens.is_screen()), false()) if _role(connection, acting.contact_id) else (true(), true())
    )
    mine = (outbox.c.contact_id == acting.contact_id) & outbox.c.body.is_not(None)
    ours = connection.execute(select(outbox).where(mine, of_ours))
    lines = [(r.created_at, 1, "Мост", r.body["text"]) for r in ours]
    mine = (inbox.c.contact_id == acting.contact_id) & inbox.c.body.is_not(None)
    theirs = connection.execute(select(inbox).where(mine, of_theirs))
    lines += [(r.received_at, 0, "Вие", said) for r in theirs if (said := r.body.get("text") or r.body.get("phone"))]
    return [{"кога": _when(at), "от": who, "текст": text} for at, _, who, text in sorted(lines)]
