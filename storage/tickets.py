"""Tickets: questions from contacts that wait for a person's answer, as those who ask see them.

A question is kept, told to whoever shall answer it and promised an answer in one transaction. What staff do with it
stands in ticket_desk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, literal_column, or_, select, update

from bot.chat import Acting
from bot.messages import Media
from bot.office import Office, is_open, next_open, promise
from storage import media as kept_media
from storage import staff as roles
from storage import ticket_copies, ticket_view
from storage.staff import SEES_ALL
from storage.tables import addresses, answers, contacts, conversations, outbox, ticket_lines, tickets
from storage.tables import media as media_rows
from storage.ticket_view import ANSWER, ANSWERED, CLOSED, LOST, NOTE, OPEN, RESIDENT, STAFF, is_theirs

STRAY = "stray"  # the conversation that asks what words were meant for
DAY = timedelta(days=1)
PATIENCE = timedelta(hours=1)  # after which words that nobody went on with are a question all the same
LOOKED_BACK = timedelta(days=60)  # what was emptied earlier need not be emptied every day
HEARD_OF = timedelta(days=7)  # what did not arrive is looked for so long: an answer itself lives three days
SOON = timedelta(hours=1)  # within which further words belong to the question before them


@dataclass(frozen=True, slots=True)
class Received:
    """What somebody just asked or added, and what they can be promised. Times are UTC."""

    ticket_id: int
    line_id: int  # 0: the question itself
    kind: str  # of what came with no words: photo, voice, document; empty for words
    who: Sequence[str]  # the names of those whom it goes to
    due_at: datetime
    opens_at: datetime | None  # when the office opens, if nobody is at work now
    now: datetime


# --- asking ---------------------------------------------------------------------------------------------------------


def ask(
    connection: Connection, acting: Acting, *, text: str, office: Office, media: Mapping[str, Any] | None = None,
    about: str = "", confidential: bool = False, ticket_id: int = 0, goes_on: bool = False,
) -> None:  # fmt: skip
    """Keep a question; or add it to the one that is named, or, with `goes_on`, to the one that was asked just now."""
    number = ticket_id if ticket_id and _is_theirs(connection, acting, ticket_id) else 0
    number = number or (going_on(connection, acting) if goes_on else 0)
    sent = Media.from_json(dict(media)) if media else None
    if number:
        _add(connection, acting, number, text, sent, office)
    else:
        open_(connection, acting, text=text, about=about, confidential=confidential, media=sent, office=office)


def open_(
    connection: Connection, acting: Acting, *, text: str, about: str = "", confidential: bool = False,
    media: Media | None = None, office: Office | None = None,
) -> None:  # fmt: skip
    """Keep a question until somebody answers it. Without an office it is handed out within a minute.

    A confidential one is seen only by those of their mediators who look after the activity that it is about.
    """
    row = {
        "contact_id": acting.contact_id, "address_id": acting.address_id, "text": text, "status": OPEN, "about": about,
        "confidential": confidential, "media_id": kept_media.keep(connection, media, acting.now) or None,
        "created_at": acting.now,
    }  # fmt: skip
    made = connection.execute(insert(tickets).values(row).returning(tickets.c.id)).scalar_one()
    if office is not None:
        _hand_out(connection, made, acting.now, office)


def open_once(
    connection: Connection, acting: Acting, *, text: str, about: str, confidential: bool = False,
    office: Office | None = None,
) -> None:  # fmt: skip
    """The same for what a button says: tapped twice within a day, it is one question."""
    theirs = (tickets.c.contact_id == acting.contact_id) & (tickets.c.about == about) & (tickets.c.status == OPEN)
    lately = select(tickets.c.text).where(theirs, tickets.c.created_at > acting.now - DAY)
    if text not in connection.execute(lately).scalars().all():
        open_(connection, acting, text=text, about=about, confidential=confidential, office=office)


def _hand_out(connection: Connection, ticket_id: int, now: datetime, office: Office) -> None:
    """Promise an answer, and tell whoever shall give it."""
    due = {"due_at": promise(office, now), "escalated_at": None}
    connection.execute(update(tickets).where(tickets.c.id == ticket_id).values(due))
    ticket_copies.ring(connection, ticket_id, ticket_view.answerers(connection, ticket_id), now, office)


def _add(
    connection: Connection, acting: Acting, ticket_id: int, text: str, media: Media | None, office: Office
) -> None:
    """Further words. To a question that was answered they are a new one: it waits again, for the same person."""
    status = connection.execute(_locked(ticket_id)).scalar_one()
    number = kept_media.keep(connection, media, acting.now) or None
    line = {"ticket_id": ticket_id, "side": RESIDENT, "text": text, "media_id": number, "at": acting.now}
    connection.execute(insert(ticket_lines).values(line))
    if status == OPEN:
        ticket_copies.ring(connection, ticket_id, ticket_view.answerers(connection, ticket_id), acting.now, office)
        return
    again = {"status": OPEN, "closed_at": None, "closed_by": None}
    connection.execute(update(tickets).where(tickets.c.id == ticket_id).values(again))
    _hand_out(connection, ticket_id, acting.now, office)


def _locked(ticket_id: int) -> Any:
    return select(tickets.c.status).where(tickets.c.id == ticket_id).with_for_update()


def _is_theirs(connection: Connection, acting: Acting, ticket_id: int) -> bool:
    mine = select(tickets.c.id).where(tickets.c.id == ticket_id, is_theirs(acting))
    return connection.execute(mine).first() is not None


# --- what those who ask see and do ----------------------------------------------------------------------------------


def going_on(connection: Connection, acting: Acting) -> int:
    """The question that somebody asked, or was answered, within the hour: what they say now belongs to it. 0 if none.

    A closed one is over: „Благодаря“ ends a talk.
    """
    said = select(func.max(ticket_lines.c.at)).where(ticket_lines.c.ticket_id == tickets.c.id).scalar_subquery()
    mine = (tickets.c.contact_id == acting.contact_id) & tickets.c.status.in_((OPEN, ANSWERED))
    lately = or_(tickets.c.created_at > acting.now - SOON, said > acting.now - SOON)
    found = select(tickets.c.id).where(mine, lately).order_by(tickets.c.id.desc()).limit(1)
    return connection.execute(found).scalar() or 0


def received(connection: Connection, acting: Acting, *, office: Office, ticket_id: int = 0) -> Received | None:
    """What whoever writes asked last, or added to a question that is named."""
    mine = (tickets.c.contact_id == acting.contact_id) if not ticket_id else (tickets.c.id == ticket_id)
    line = select(func.max(ticket_lines.c.id)).where(
        ticket_lines.c.ticket_id == tickets.c.id, ticket_lines.c.side == RESIDENT
    )
    said = select(func.max(ticket_lines.c.at)).where(ticket_lines.c.ticket_id == tickets.c.id).scalar_subquery()
    latest = func.coalesce(said, tickets.c.created_at)
    wanted = select(tickets.c.id, tickets.c.due_at, line.scalar_subquery().label("line")).where(mine, is_theirs(acting))
    row = connection.execute(wanted.order_by(latest.desc(), tickets.c.id.desc()).limit(1)).first()
    if row is None:
        return None
    ticket = ticket_view.load(connection, [row.id])[row.id]
    last = next(one for one in ticket.said if one.id == (row.line or 0))
    who = _names(connection, ticket_view.answerers(connection, row.id))
    opens = None if is_open(office, acting.now) else next_open(office, acting.now)
    kind = last.media.kind if last.media and not last.text else ""
    return Received(row.id, last.id, kind, who, row.due_at or promise(office, acting.now), opens, acting.now)


def _names(connection: Connection, who: Sequence[int]) -> Sequence[str]:
    found = select(contacts.c.name).where(contacts.c.id.in_(who)).order_by(contacts.c.id)
    return [name or "" for name in connection.execute(found).scalars()] if who else []


def take_back(connection: Connection, acting: Acting, *, ticket_id: int, line_id: int, office: Office) -> None:
    """A photo or a voice note came by mistake: it goes, also from the screens of staff, whatever became of it.

    Nobody need answer it any more. Words are not taken back so.
    """
    connection.execute(_locked(ticket_id))
    number = slipped(connection, acting, ticket_id=ticket_id, line_id=line_id)
    if not number:
        return
    had_it = ticket_copies.remove(connection, ticket_id, number, acting.now)
    connection.execute(delete(media_rows).where(media_rows.c.id == number))
    ticket = ticket_view.load(connection, [ticket_id])[ticket_id]
    empty = [one.id for one in ticket.said if one.id == line_id and not one.text]
    connection.execute(delete(ticket_lines).where(ticket_lines.c.id.in_(empty)))
    if ticket.status == OPEN and not any(one.text or one.media for one in ticket.said):
        over = {"status": CLOSED, "closed_at": acting.now, "closed_by": None}
        connection.execute(update(tickets).where(tickets.c.id == ticket_id).values(over))
    elif ticket.status == OPEN:
        ticket_copies.ring(connection, ticket_id, had_it, acting.now, office)
    ticket_copies.show(connection, ticket_id, acting.now, but=had_it)


def slipped(connection: Connection, acting: Acting, *, ticket_id: int, line_id: int) -> int:
    """Under which number that is kept what a question of theirs, or a line of it, came with; 0 if there is nothing."""
    whole = select(tickets.c.media_id).where(tickets.c.id == ticket_id, is_theirs(acting))
    line = (ticket_lines.c.id == line_id) & (ticket_lines.c.side == RESIDENT)
    part = select(ticket_lines.c.media_id).join(tickets, tickets.c.id == ticket_lines.c.ticket_id)
    part = part.where(line, tickets.c.id == ticket_id, is_theirs(acting))
    return connection.execute(part if line_id else whole).scalar() or 0


def thank(connection: Connection, acting: Acting, *, ticket_id: int) -> None:
    """Whoever asked has their answer: it is over. Nobody is written to because of it."""
    theirs = (tickets.c.id == ticket_id) & (tickets.c.status == ANSWERED) & is_theirs(acting)
    over = {"status": CLOSED, "closed_at": acting.now, "closed_by": None}
    connection.execute(update(tickets).where(theirs).values(over))


def replied_to(connection: Connection, acting: Acting, *, platform_id: str) -> int:
    """The question whose answer a message replies to, however late; 0 for every other message of ours."""
    mine = (outbox.c.address_id == acting.address_id) & (outbox.c.platform_id == platform_id)
    keys = connection.execute(select(outbox.c.key).where(mine)).scalars()
    lines = [int(key.partition(":")[2]) for key in keys if key.startswith(f"{ANSWER}:")]
    found = select(ticket_lines.c.ticket_id).where(ticket_lines.c.id.in_(lines)).limit(1)
    return connection.execute(found).scalar() or 0


def answered_lately(connection: Connection, acting: Acting) -> int:
    """The question to which „благодаря“ is meant, typed right after an answer; 0 if there is none."""
    line = ticket_lines.c.ticket_id == tickets.c.id
    lately = (ticket_lines.c.side == STAFF) & (ticket_lines.c.at > acting.now - DAY)
    mine = (tickets.c.contact_id == acting.contact_id) & (tickets.c.status == ANSWERED)
    found = select(tickets.c.id).join(ticket_lines, line).where(mine, lately).order_by(ticket_lines.c.id.desc())
    return connection.execute(found.limit(1)).scalar() or 0


# --- what waits -----------------------------------------------------------------------------------------------------


def waiting(connection: Connection, acting: Acting) -> int:
    """How many questions wait for whoever asks: nobody has taken them, or they have; overdue ones for coordinators."""
    role = roles.role_of(connection, acting.contact_id)
    mine: ColumnElement[bool] = or_(tickets.c.taken_by.is_(None), tickets.c.taken_by == acting.contact_id)
    if role in SEES_ALL:
        mine = or_(mine, tickets.c.due_at <= acting.now)
    joined = tickets.join(contacts, contacts.c.id == tickets.c.contact_id)
    seen = ticket_view.visible(acting.contact_id, role)
    count = select(func.count()).select_from(joined).where(tickets.c.status == OPEN, mine, seen)
    return connection.execute(count).scalar_one()


def look(connection: Connection, now: datetime, office: Office) -> int:
    """Hand out what was kept without a promise, or whose answer did not arrive; tell the coordinators of what is late.

    Gives how many there were.
    """
    waits = tickets.c.status == OPEN
    fresh = connection.execute(select(tickets.c.id).where(waits, tickets.c.due_at.is_(None))).scalars().all()
    for number in fresh:
        _hand_out(connection, number, now, office)
    lost = _reopen_lost(connection, now, office)
    if not is_open(office, now):  # at night there is nobody to tell: it is said when the office opens
        return len(fresh) + lost
    late = waits & (tickets.c.due_at <= now) & tickets.c.escalated_at.is_(None)
    marked = update(tickets).where(late).values(escalated_at=now).returning(tickets.c.id)
    overdue = connection.execute(marked).scalars().all()
    if overdue:
        ticket_copies.escalate(connection, overdue, now, office)
    return len(fresh) + lost + len(overdue)


def _reopen_lost(connection: Connection, now: datetime, office: Office) -> int:
    """A question whose last answer did not arrive waits again, for whoever gave it. Gives how many."""
    # Spelled out rather than bound, or the planner could not know that the small partial index will do.
    gone = or_(*(outbox.c.status == literal_column(f"'{status}'") for status in LOST))
    lately = outbox.c.not_before > now - HEARD_OF
    keys = connection.execute(select(outbox.c.key).where(gone, lately, outbox.c.key.like(f"{ANSWER}:%"))).scalars()
    lines = [int(key.partition(":")[2]) for key in keys]
    if not lines:
        return 0
    later = ticket_lines.alias()
    by_staff = later.c.side.in_((STAFF, NOTE)) & (later.c.ticket_id == tickets.c.id)
    latest = select(func.max(later.c.id)).where(by_staff).scalar_subquery()
    those = (tickets.c.status == ANSWERED) & latest.in_(lines)
    again = {"status": OPEN, "closed_by": None, "closed_at": None}
    reopening = update(tickets).where(those, _mentions(lines)).values(again).returning(tickets.c.id)
    found = connection.execute(reopening).scalars().all()
    for number in found:
        _hand_out(connection, number, now, office)
    return len(found)


def _mentions(lines: Sequence[int]) -> ColumnElement[bool]:
    return tickets.c.id.in_(select(ticket_lines.c.ticket_id).where(ticket_lines.c.id.in_(lines)))


def forget(connection: Connection, *, before: datetime) -> None:
    """Empty what was said in questions that were over before a day; that they were asked is kept."""
    ended = func.coalesce(tickets.c.closed_at, tickets.c.answered_at, tickets.c.created_at)
    old = (tickets.c.status != OPEN) & (ended < before) & (ended > before - LOOKED_BACK)
    those = ticket_lines.c.ticket_id.in_(select(tickets.c.id).where(old))
    connection.execute(delete(ticket_lines).where(those))
    connection.execute(update(tickets).where(old).values(text="", media_id=None))


# --- words that nobody went on with ---------------------------------------------------------------------------------


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
        said, sent = _said(connection, talk.id)
        if said or sent:
            row = {"contact_id": talk.contact_id, "text": said, "status": OPEN, "about": "", "created_at": now}
            row |= {"address_id": _address(connection, talk.contact_id)}
            connection.execute(insert(tickets), row | {"media_id": kept_media.keep(connection, sent, now) or None})
    return rescued


def _address(connection: Connection, contact_id: int) -> int | None:
    """Where an answer can reach the writer; none if this chat is somebody else's at present."""
    theirs = select(addresses.c.id).where(addresses.c.contact_id == contact_id).order_by(addresses.c.id).limit(1)
    found: int | None = connection.execute(theirs).scalar()
    return found


def _said(connection: Connection, talk: int) -> tuple[str, Media | None]:
    """Everything said in such a talk, in the order of its questions, and the first thing that was sent in it."""
    rows = connection.execute(select(answers.c.key, answers.c.value).where(answers.c.conversation_id == talk))
    kept = {row.key: row.value for row in rows}
    kept["text"] = kept.get("text", "") if isinstance(kept.get("text"), dict) else {"words": kept.get("text", "")}
    parts = [_parts(kept[key]) for key in ("text", "choice", "again") if key in kept]
    sent = next((media for _, media in parts if media), None)
    return "\n".join(words for words, _ in parts if words), Media.from_json(sent) if sent else None


def _parts(value: Any) -> tuple[str, dict[str, Any] | None]:
    """Words and what came with them, as an answer holds them: {"words": …, "media": …}, or words alone."""
    if isinstance(value, dict):
        return value.get("words", ""), value.get("media")
    return "", None
