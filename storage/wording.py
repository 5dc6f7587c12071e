"""Wording: whether the words of an announcement may go as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from bot import placeholders
from bot.chat import Acting, Conflict, literal, words
from bot.lengths import CAPTION, units
from storage import deliveries, events
from storage import staff as roles

Group = Mapping[str, Any]

LONGEST = 1000  # letters
FRAME = 90  # of what handlers.bulletin puts around: that it is a correction, the municipality, how to hear no more
SHORT = 500  # letters of a mediator's own words
LONG_NAME, LONG_TIME = "Константин-Александър", "понеделник, 28.11, 17:30 (вдругиден)"  # when lengths are foretold
AROUND = 130  # letters that stand around the words: that it corrects others, who writes, how to hear no more


def known_placeholders(audience: Group) -> Sequence[str]:
    """What may stand between double brackets: the name, and what is known of an event if it goes to its guests."""
    of_one = len(audience.get("events") or ()) == 1
    return (placeholders.NAME, *((placeholders.EVENT, placeholders.WHEN, placeholders.WHERE) if of_one else ()))


def check(
    connection: Connection, acting: Acting, said: Mapping[str, str], audience: Group, role: str, *, has_media: bool
) -> None:
    """Refuse what cannot go: Conflict on "words"."""
    if not has_media and not said.get("bg", "").strip():
        raise Conflict("words", "announce.no_words")
    most = LONGEST if role == roles.COORDINATOR else SHORT
    count = max(map(len, said.values()), default=0)
    if count > most:
        raise Conflict("words", words("announce.too_many", count=count, most=most, over=count - most))
    known = known_placeholders(audience)
    if wrong := [name for text in said.values() for name in placeholders.unknown(text, known)]:
        shown = ", ".join(f"(({name}))" for name in known)
        raise Conflict("words", words("announce.unknown_mark", mark=literal(f"(({wrong[0]}))"), known=literal(shown)))
    over = over_caption(connection, acting, said=said, audience=audience) if has_media else 0
    if over:
        raise Conflict("words", words("announce.over_caption", over=over))


def over_caption(connection: Connection, acting: Acting, *, said: Mapping[str, str], audience: Group) -> int:
    """How many letters too many the words under a picture get, with everything put in for a reader of a long name."""
    fixed = {placeholders.NAME: LONG_NAME, placeholders.WHEN: LONG_TIME}
    numbers: Sequence[int] = audience.get("events") or ()
    event = events.by_id(connection, numbers[0]) if len(numbers) == 1 else None
    if event is not None:
        fixed |= {placeholders.EVENT: event.title, placeholders.WHERE: f"{event.place} ({event.landmark})"}
    home = units(f"За {LONG_NAME}:\n") if deliveries.is_personal(said) else 0
    longest = max((units(placeholders.fill(text, fixed)) for text in said.values()), default=0)
    return max(0, longest + home + AROUND - CAPTION) if longest else 0
