"""What whoever leads an event is told the day before it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from bot.chat import words
from bot.messages import Button, Outgoing
from bot.texts import Lines, Texts
from handlers.event_words import is_confidential, shown_time

if TYPE_CHECKING:
    from storage.digests import Digest
    from storage.programme import Programme


def compose_digest(texts: Texts, programme: Programme, digest: Digest, now: datetime) -> Outgoing:
    """Who comes, and whom to call. `now` is in UTC."""
    event, tally = digest.event, digest.tally
    when = shown_time(event.starts_at, now, programme.zone)
    quiet = is_confidential(programme, event)  # it rings on a lock screen, where others read along
    lines = [
        words("digest.head_quiet", when=when) if quiet else words("digest.head", title=event.title, when=when),
        words("digest.numbers", come=tally.yes - tally.waiting, invited=tally.invited, silent=tally.silent),
    ]
    buttons = [("digest.who", f"/who {event.id} 0")]
    if digest.to_call:
        lines.append(words("digest.to_call", number=digest.to_call))
        buttons.insert(0, ("digest.calls", f"/calls {event.id}"))
    rows = tuple((Button(texts(label, digest.language), press=press),) for label, press in buttons)
    return Outgoing(texts(Lines(tuple(lines)), digest.language), rows)
