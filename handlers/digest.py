"""What whoever leads an event is told: how it stands the day before, that it is theirs now, whom to mark afterwards."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from bot.chat import words
from bot.messages import Button, Outgoing
from bot.texts import Lines, Texts, Words
from handlers.event_words import is_confidential, of_kind, shown_time
from storage.digests import LED, MARKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.digests import Digest
    from storage.programme import Programme

Rows = list[tuple[str, str]]


def compose_digest(texts: Texts, programme: Programme, digest: Digest, now: datetime) -> Outgoing:
    """Its words and buttons. `now` is in UTC."""
    when = shown_time(digest.event.starts_at, now, programme.zone)
    quiet = is_confidential(programme, digest.event)  # it rings on a lock screen, where others read along
    head = words("digest.head_quiet", when=when) if quiet else words("digest.head", title=digest.event.title, when=when)
    tell = {LED: _led, MARKS: _marks}.get(digest.what, _ahead)
    lines, buttons = tell(digest)
    rows = tuple((Button(texts(label, digest.language), press=press),) for label, press in buttons)
    return Outgoing(texts(Lines((head, *lines)), digest.language), rows)


def _ahead(digest: Digest) -> tuple[Sequence[Words], Rows]:
    """Who comes, and whom to call."""
    event, tally = digest.event, digest.tally
    lines = [words("digest.numbers", come=tally.yes - tally.waiting, invited=tally.invited, silent=tally.silent)]
    buttons = [("digest.who", f"/who {event.id} 0")]
    if digest.to_call:
        lines.append(words("digest.to_call", number=digest.to_call))
        buttons.insert(0, ("digest.calls", f"/calls {event.id}"))
    return lines, buttons


def _marks(digest: Digest) -> tuple[Sequence[Words], Rows]:
    """It is over, and nobody has said that the list of who came is complete."""
    return [words("digest.who_came")], [("digest.mark", f"/attend {digest.event.id} 0")]


def _led(digest: Digest) -> tuple[Sequence[Words], Rows]:
    """Somebody else led it until now."""
    key = of_kind(digest.event.kind, "digest.led", course="digest.led_course", hour="digest.led_hours")
    return [words(key)], [("digest.open", f"/event {digest.event.id}")]
