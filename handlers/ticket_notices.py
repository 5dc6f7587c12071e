"""What is written about a question: to each of the team whom it concerns, and the answer to whoever asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from bot.chat import Option, literal, words
from bot.messages import Button, Outgoing, Rows
from bot.texts import Lines, Texts, Words
from handlers.ticket_words import QUOTED, UNDER_MEDIA, Look, last_attached, told, ways

if TYPE_CHECKING:
    from storage.programme import Programme
    from storage.ticket_copies import Copy, Reply

SHORT = 60  # letters of a question by which whoever asked it knows it again


def compose_copy(texts: Texts, programme: Programme, copy: Copy, now: datetime) -> Outgoing:
    """A question with its buttons; what came with it last is shown or played on the spot."""
    look = Look(programme, copy.reader, now)
    sent = last_attached(copy.ticket)
    lines = told(copy.ticket, look, quoted=UNDER_MEDIA if sent else QUOTED)
    head = [Words("ticket.head_late")] if copy.is_late and not copy.replaces else []
    rows = [*ways(copy.ticket), *_more(copy)]
    text = texts(Lines((*head, *lines)), copy.language)
    return Outgoing(
        text, buttons(texts, rows, copy.language), media=sent.media if sent else None, replaces=copy.replaces
    )


def _more(copy: Copy) -> list[list[Option]]:
    """The way to what does not fit a message."""
    return [[Option(f"/ticket {copy.ticket.id}", "ticket.do_open")]] if len(copy.ticket.said) > 1 else []


def compose_reply(texts: Texts, programme: Programme, reply: Reply, now: datetime) -> Outgoing:
    """The answer, who gave it, and to which question; whom it is for, where several people read one phone."""
    lines = answer_lines(programme, reply.name if reply.is_shared else "", reply.line.text, reply.line.by)
    quoted = _quoted(programme, reply)
    rows = [
        [Option(f"/thanks_close {reply.ticket_id}", "button.thank_you")],
        [Option(f"/more {reply.ticket_id}", "button.ask_more")],
    ]
    text = texts(Lines((*quoted, *lines)), reply.language)
    return Outgoing(text, buttons(texts, rows, reply.language), media=reply.line.media)


def _quoted(programme: Programme, reply: Reply) -> list[Words]:
    """The beginning of the question; not where others read along, nor of what is nobody else's business."""
    secret = any(a.confidential for a in programme.activities if a.code == reply.about)
    if not reply.question or reply.is_shared or secret:
        return []
    text = reply.question.partition("\n")[0]
    short = text if len(text) <= SHORT else f"{text[:SHORT].rstrip()}…"
    return [words("question.answer_to", text=literal(short)), literal("")]


def answer_lines(programme: Programme, for_whom: str, text: str, by: str) -> list[Words]:
    """What whoever asked reads: the look at it before it goes is made of the same lines."""
    first = for_whom.partition(" ")[0]
    head = [words("question.for_whom", name=literal(first))] if first else []
    signed = [words("question.signed", name=literal(by.partition(" ")[0]))] if by else []
    return [*head, *([literal(text)] if text else []), *signed]


def buttons(texts: Texts, rows: Sequence[Sequence[Option]], language: str) -> Rows:
    """Buttons of commands, as a message carries them."""
    return tuple(tuple(Button(texts(option.label, language), press=option.code) for option in row) for row in rows)
