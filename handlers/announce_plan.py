"""An announcement as far as it is decided, while whoever writes it is still at it.

Must stay plain data: it goes on from one conversation to the next.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from bot import placeholders
from bot.chat import Chat
from bot.messages import Media
from handlers.events import here
from storage import broadcasts, wording
from storage.broadcasts import ANSWERS, Reach


@dataclass(frozen=True, slots=True)
class Plan:
    """An announcement as far as it is decided."""

    letter: Mapping[str, Any]
    group: Mapping[str, Any]
    romani: Mapping[str, Any] = field(default_factory=dict)
    buttons: bool = False
    at: str = ""  # by the local clock; empty: now
    again: bool | None = None  # nobody was asked yet
    corrects: int = 0
    instead: int = 0  # of one that waits, and is taken back when this goes
    seen: bool = False  # what comes with it was shown above already
    alone: bool = False  # it shall be shown to whoever writes as others get it

    @property
    def words(self) -> dict[str, str]:
        """What it says, by language."""
        romani = self.romani.get("text", "")
        return {"bg": self.letter["text"]} | ({"rom": romani} if romani else {})

    @property
    def media(self) -> dict[str, Media]:
        """What comes with it, by language."""
        found = {"bg": self.letter["media"], "rom": self.romani.get("media")}
        return {language: Media.from_json(raw) for language, raw in found.items() if raw}

    @property
    def codes(self) -> tuple[str, ...]:
        """The answers that it asks for."""
        return ANSWERS if self.buttons else ()

    def to_given(self) -> str:
        """All of it, for the conversation that goes on with it."""
        return json.dumps({one.name: getattr(self, one.name) for one in fields(self)})

    @classmethod
    def of_given(cls, given: str) -> Plan:
        """The inverse of to_given."""
        return cls(**json.loads(given))

    def draft(self) -> broadcasts.Draft:
        """The same for storage."""
        return broadcasts.Draft(
            self.words, self.media, self.codes, self.group, again=bool(self.again), corrects=self.corrects
        )

    def marks(self) -> list[str]:
        """What only the guests of one event can be told, where the group is no such guests."""
        known = wording.known_placeholders(self.group)
        return [mark for text in self.words.values() for mark in placeholders.unknown(text, known)]


@dataclass(frozen=True, slots=True)
class Found:
    """What was found out on the way here: nobody is asked, and nothing counted, a second time."""

    again: dict[str, bool] = field(default_factory=dict)  # what was said of the same words, by words and group
    reach: dict[str, Reach] = field(default_factory=dict)  # by all on which it depends


async def starts_at(chat: Chat, plan: Plan) -> datetime | None:
    """When it shall go, UTC; None for at once. An hour that has passed meanwhile is now."""
    at = local_moment(chat, plan.at)
    return at.astimezone(UTC) if at and at > await here(chat) else None


def local_moment(chat: Chat, kept: str) -> datetime | None:
    """A kept answer in the programme's zone."""
    return datetime.fromisoformat(kept).replace(tzinfo=chat.programme.zone) if kept else None
