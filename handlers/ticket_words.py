"""How a question is shown to the team: on its screen and in the message about it alike. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bot import when
from bot.chat import Option, literal, words
from bot.privacy import short_name
from bot.texts import Words
from storage.ticket_view import ANSWERED, CLOSED, NOTE, OPEN, STAFF

if TYPE_CHECKING:
    from storage.programme import Programme
    from storage.ticket_view import Said, Ticket

QUOTED, LATEST = 600, 5  # letters of each thing that was said, and how many of them: the rest opens on a tap
UNDER_MEDIA = 220  # letters where it all stands under a picture or a voice note
PICTURES = {"voice": "🎤", "photo": "🖼", "document": "📎"}
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Look:
    """For whom a question is shown, and when."""

    programme: Programme
    reader: int
    now: datetime  # UTC

    def shown(self, at: datetime) -> str:
        """„сряда, 25.11, 17:30 (утре)“."""
        zone = self.programme.zone
        return when.full(at.astimezone(zone), self.now.astimezone(zone))


# --- the words ------------------------------------------------------------------------------------------------------


def told(ticket: Ticket, look: Look, *, quoted: int = QUOTED) -> list[Words]:
    """Who asks, what was said, and how it stands."""
    latest = _latest(ticket, 2 if quoted < QUOTED else LATEST)
    shown = [_line(one, quoted) for one in latest if one.text or one.media or one.side == NOTE]
    return [_head(ticket, look), *_about(ticket, look), *shown, *how(ticket, look)]


def _head(ticket: Ticket, look: Look) -> Words:
    """„❓ Мария И. · с. Иново“."""
    where = look.programme.settlement(ticket.settlement).label if ticket.settlement else ""
    return literal("❓ " + " · ".join(part for part in (short_name(ticket.name), where) if part))


def _about(ticket: Ticket, look: Look) -> list[Words]:
    """The activity or the announcement; not what is nobody else's business: a message lights up where others read."""
    if ticket.announced:
        return [words("ticket.about_announcement", text=literal(ticket.announced))]
    known = [a for a in look.programme.activities if a.code == ticket.about and not a.confidential]
    return [literal(f"{a.emoji} {a.name}") for a in known]


def _latest(ticket: Ticket, number: int) -> Sequence[Said]:
    """The question and what was said last."""
    return ticket.said if len(ticket.said) <= number else [ticket.said[0], *ticket.said[-(number - 1) :]]


def _line(said: Said, quoted: int) -> Words:
    text = said.text if len(said.text) <= quoted else f"{said.text[:quoted].rstrip()}…"
    picture = PICTURES.get(said.media.kind, "📎") if said.media else ""
    name = said.by.partition(" ")[0]
    if said.side == NOTE:
        return words("ticket.called", name=literal(name)) if name else Words("ticket.called_by_someone")
    if said.side == STAFF:
        shown = f"{picture} {text}".strip()
        return words("ticket.said", name=literal(name), text=literal(shown)) if name else literal(f"↪ {shown}")
    return literal(f"{picture} „{text}“".strip() if text else picture or "…")


def how(ticket: Ticket, look: Look) -> list[Words]:
    """How it stands: by when an answer is promised, who means to give it, or that it is settled."""
    if ticket.status == ANSWERED:
        return [Words("ticket.is_lost" if ticket.is_lost else "ticket.is_answered")]
    if ticket.status == CLOSED:
        return [_why_closed(ticket)]
    lines = [Words("ticket.is_lost")] if ticket.is_lost else []
    if ticket.due_at:
        late = ticket.due_at <= look.now
        lines.append(words("ticket.late" if late else "ticket.due", when=literal(look.shown(ticket.due_at))))
    if ticket.taken_by == look.reader:
        lines.append(Words("ticket.yours"))
    elif ticket.taken_by:
        lines.append(words("ticket.theirs", name=literal(ticket.taker.partition(" ")[0])))
    return lines


def _why_closed(ticket: Ticket) -> Words:
    if ticket.closed_by:
        return words("ticket.not_needed", name=literal(ticket.closer.partition(" ")[0]))
    return Words("ticket.thanked" if ticket.answered_at else "ticket.withdrawn")


def waits(since: datetime, now: datetime) -> Words:
    """„20 мин“, „3 ч“, „2 дни“: how long somebody has been waiting."""
    passed = max(now - since, timedelta())
    if passed < _HOUR:
        return words("ticket.minutes", number=int(passed.total_seconds()) // 60)
    if passed < _DAY:
        return words("ticket.hours", number=passed // _HOUR)
    days = passed // _DAY
    return Words("ticket.one_day") if days == 1 else words("ticket.days", number=days)


# --- what can be done -----------------------------------------------------------------------------------------------


def ways(ticket: Ticket) -> list[list[Option]]:
    """The buttons that fit it now."""
    number = ticket.id
    answer = Option(f"/answer {number}", "ticket.do_answer")
    if ticket.status == CLOSED and ticket.closed_by:
        return [[Option(f"/reopen {number}", "ticket.do_reopen")]]
    if ticket.answered_at and ticket.status != OPEN:  # also after thanks: something may have come up since
        return [[Option(f"/answer {number}", "ticket.do_answer_again")]]
    if ticket.status == CLOSED:
        return []
    take = [] if ticket.taken_by else [Option(f"/take {number}", "ticket.do_take")]
    passing, nothing = Option(f"/pass {number}", "ticket.do_pass"), Option(f"/no_answer {number}", "ticket.do_nothing")
    return [[answer], *([take] if take else []), [passing], [nothing]]


def last_attached(ticket: Ticket) -> Said | None:
    """What the resident sent last that is more than words."""
    return ticket.attached[-1] if ticket.attached else None
