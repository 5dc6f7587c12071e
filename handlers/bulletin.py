"""An announcement as people read it: the words of their language with everything put in, who writes, and the buttons.

Pure: the look before it goes and the message itself come from here alike, so that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import TYPE_CHECKING

from bot import placeholders
from bot.chat import Option, literal, words
from bot.messages import Media
from bot.placeholders import EVENT, NAME, WHEN, WHERE
from bot.texts import LANGUAGES, Label, Lines, Words
from handlers.event_words import is_confidential, place_of, shown_time

if TYPE_CHECKING:
    from storage.events import Event
    from storage.programme import Programme

LABELS: Mapping[str, Label] = {
    "interested": "announce.do_interested",
    "no": "announce.do_not_me",
    "call": "announce.do_call_me",
}


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads it, of which event it tells, who writes, and when."""

    programme: Programme
    name: str
    event: Event | None
    writer: str
    now: datetime
    corrects: bool = False  # they got it wrong before, and are told so


@dataclass(frozen=True, slots=True)
class Bulletin:
    """What one person gets."""

    text: Lines
    media: Media | None


def shown(said: Mapping[str, str], media: Mapping[str, Media], language: str, reader: Reader) -> Bulletin:
    """The announcement in a language; where it is not written in that one, in Bulgarian."""
    text = placeholders.fill(said.get(language) or said.get("bg", ""), values(reader))
    found = media.get(language) or media.get("bg")
    head = [words("announce.correction")] if reader.corrects else []
    parts = [*head, *([literal(text)] if text else [])]
    return Bulletin(Lines((*parts, *signed(reader))), found)


def languages(said: Mapping[str, str], media: Mapping[str, Media]) -> list[str]:
    """In which it is written, Bulgarian first."""
    return [language for language in LANGUAGES if said.get(language) or language in media]


def values(reader: Reader) -> Mapping[str, str]:
    """What stands for each mark. Of no event: only the name."""
    event, first = reader.event, reader.name.partition(" ")[0]
    if event is None:
        return {NAME: first}
    when = shown_time(event.starts_at, reader.now, reader.programme.zone)
    if is_confidential(reader.programme, event):  # others read along on a lock screen
        return {NAME: first, EVENT: "", WHEN: when, WHERE: ""}
    return {NAME: first, EVENT: event.title, WHEN: when, WHERE: place_of(event)}


def signed(reader: Reader) -> list[Words]:
    """Who writes: people ask that first; and how to hear no more."""
    names = [reader.writer.partition(" ")[0], reader.programme.beneficiary]
    signed_by = literal("– " + ", ".join(name for name in names if name))
    return [signed_by, words("notice.stop")]


def answers(broadcast_id: int, contact_id: int, codes: Sequence[str]) -> list[list[Option]]:
    """The buttons under it, one a row. `contact_id`: 0 where only one behind the address got it.

    Then the buttons are the same for all, and one call can bring it to many.
    """
    who = f"{broadcast_id}.{contact_id}" if contact_id else f"{broadcast_id}"
    return [[Option(f"/heard {who} {code}", LABELS[code])] for code in codes]


def listed(parts: Sequence[Words]) -> Words:
    """„7 спрели, 3 без канал“."""
    return reduce(lambda first, second: words("announce.comma", first=first, second=second), parts)
