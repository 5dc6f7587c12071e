"""What staff write to many, as a question: words as they were typed, a picture, a voice note or a file.

Must never take anything out of what was typed: what cannot go as it is, is asked for again, with the reason.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from bot import placeholders
from bot.chat import Answer, Miss, Option, Reading, Said, literal, words
from bot.messages import Incoming, Kind, Media
from bot.placeholders import EVENT, NAME, WHEN, WHERE
from bot.texts import Label, Phrase, Words
from storage.broadcasts import LONGEST, SHORT
from storage.staff import SEES_ALL

BIGGEST = 10 * 1024 * 1024  # bytes of a file that every channel takes
MEGA = 1024 * 1024
MARKS = (NAME, EVENT, WHEN, WHERE)


@dataclass(frozen=True, slots=True)
class Letter:
    """Words as they were typed, a picture, a voice note or a file. The answer is {"text": …, "media": … or None}."""

    takes: ClassVar[frozenset[str]] = frozenset({"photo", "voice", "document"})
    prompt: Phrase
    most: int  # letters
    known: Collection[str] = MARKS  # what may stand between double brackets
    media: bool = True
    skip: Label | None = None

    def says(self, draft: Any) -> Phrase:
        """The question."""
        return self.prompt

    def options(self, draft: Any) -> Sequence[Option]:
        """The way on with nothing, where that is one."""
        return [Option("done", self.skip)] if self.skip else []

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        """Nothing is taken out of what was typed: lines and marks stay as they are."""
        if self.skip and (code == "done" or said.among([Option("done", self.skip)], by_number=False)):
            return Answer({"text": "", "media": None})
        text = incoming.text.strip() if incoming.kind is Kind.TEXT else ""
        media = incoming.media if self.media and incoming.media and incoming.media.kind in self.takes else None
        problem = self._problem(text, media)
        return Miss(problem) if problem else Answer({"text": text, "media": media.to_json() if media else None})

    def _problem(self, text: str, media: Media | None) -> Phrase | None:
        if not text and media is None:
            return "announce.words_or_file" if self.media else "miss.text"
        if media and media.size > BIGGEST:
            size = f"{media.size / MEGA:.1f}".replace(".", ",").removesuffix(",0")
            return words("announce.file_big", size=size, most=BIGGEST // MEGA)
        return too_long(text, self.most) or unknown_mark(text, self.known)


def too_long(text: str, most: int) -> Words | None:
    """How many letters too many."""
    over = len(text) - most
    return words("announce.too_many", count=len(text), most=most, over=over) if over > 0 else None


def unknown_mark(text: str, known: Collection[str]) -> Words | None:
    """What stands between double brackets and means nothing here."""
    wrong = placeholders.unknown(text, known)
    shown = ", ".join(f"(({mark}))" for mark in known)
    return words("announce.unknown_mark", mark=literal(f"(({wrong[0]}))"), known=literal(shown)) if wrong else None


def letters(role: str) -> int:
    """How long somebody's own words may be."""
    return LONGEST if role in SEES_ALL else SHORT
