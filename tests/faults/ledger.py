"""What happened, kept outside the service: every event offered, every acknowledgement, every message that arrived.

The checker believes this and the final database alone. Kept in memory, and as JSON lines for whoever wants to look.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Offer:
    """One event as it was offered, in the words in which the inbox keeps it."""

    person: int
    said: dict[str, str]


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message that the platform took for a chat."""

    number: int  # the platform's id of it, in that chat
    text: str
    at: float  # seconds since 1970


@dataclass(slots=True)
class Ledger:
    """An account of one run."""

    path: Path
    offered: dict[str, Offer] = field(default_factory=dict)  # the inbox's key → what it shall say
    acknowledged: set[str] = field(default_factory=set)
    arrived: dict[str, list[Arrival]] = field(default_factory=lambda: defaultdict(list))  # by chat
    restarts: list[float] = field(default_factory=list)  # seconds from a kill to the next answer of /healthz
    stops: list[float] = field(default_factory=list)  # seconds from a SIGTERM to the end
    repeated: int = 0  # answers given again by somebody who had waited too long
    changed: list[str] = field(default_factory=list)  # what a summary showed otherwise than it had been said
    moved: asyncio.Event = field(default_factory=asyncio.Event)  # a message arrived since it was cleared
    _lines: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.keep()

    def offer(self, key: str, person: int, **said: str) -> None:
        """A person did something."""
        offer = Offer(person, {name: value for name, value in said.items() if value})
        self.offered[key] = offer
        self.note("offered", key=key, person=person, **offer.said)

    def acknowledge(self, key: str) -> None:
        """The service says that it has kept this."""
        if key not in self.acknowledged:
            self.acknowledged.add(key)
            self.note("acknowledged", key=key)

    def arrive(self, chat: str, number: int, text: str) -> None:
        """A message reached a person."""
        self.arrived[chat].append(Arrival(number, text, time.time()))
        self.moved.set()
        self.note("arrived", chat=chat, number=number, text=text)

    def note(self, what: str, **more: Any) -> None:
        """Add a line."""
        line = {"at": round(time.time(), 4), "what": what, **more}
        self._lines.append(json.dumps(line, ensure_ascii=False) + "\n")

    def keep(self) -> None:
        """Write the lines down so that they outlive this process too. Called before each kill."""
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(self._lines)
            file.flush()
            os.fsync(file.fileno())
        self._lines.clear()
