"""Somebody at a script, without a database: between every two messages only the rows of the answers remain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot import dialog
from bot.chat import Chat, Person, Script, Text, literal
from bot.dialog import Stage, Stored, Talk, Turn
from bot.messages import Address, Incoming, Kind, Outgoing
from storage.programme import Programme
from tests.conversations.client import programme, world

TEXTS = world().texts
HERE = Address("telegram", "1")
LONGEST_TALK = 2**40 - 1  # conversations' numbers are drawn below it


@dataclass
class Table:
    """Somebody at a script: between every two messages only the rows of the answers remain."""

    script: Script
    answers: dict[str, Stored] = field(default_factory=dict)
    asked: str = ""
    misses: int = 0
    turn: Turn | None = None
    fetched: list[str] = field(default_factory=list)
    programme: Programme = field(default_factory=programme)
    person: Person = field(default_factory=lambda: Person(1, 1, "telegram", "bg", can_share_phone=True))
    found: Callable[[str, Mapping[str, Any]], Any] = lambda query, values: None

    def open(self) -> str:
        return self._done(dialog.open_(self.stage, self.talk))

    def say(self, text: str, **more: Any) -> str:
        return self._hear(Incoming("k", HERE, Kind.TEXT, text=text, **more))

    def press(self, code: str) -> str:
        return self._hear(Incoming("k", HERE, Kind.PRESS, press="x"), code)

    def send(self, kind: Kind, **more: Any) -> str:
        return self._hear(Incoming("k", HERE, kind, **more))

    @property
    def values(self) -> dict[str, Any]:
        return {key: stored.value for key, stored in self.answers.items() if stored.complete}

    @property
    def stage(self) -> Stage:
        return Stage(self.script, self._chat, TEXTS, self._fetch)

    @property
    def talk(self) -> Talk:
        return Talk(LONGEST_TALK, "a_script", dict(self.answers), self.misses, self.asked)

    def shown(self, turn: Turn) -> list[Outgoing]:
        return dialog.show(turn, TEXTS, dialog.language_of(turn.answers, "bg"))

    def _hear(self, incoming: Incoming, code: str = "") -> str:
        return self._done(dialog.hear(self.stage, self.talk, incoming, code))

    def _done(self, turn: Turn) -> str:
        self.answers = {key: Stored(s.value, s.complete) for key, s in turn.answers.items()}
        self.turn, self.asked, self.misses = turn, turn.ask.key if turn.ask else "", turn.misses
        return " | ".join(message.text for message in self.shown(turn))

    def _chat(self, answers: Mapping[str, Stored]) -> Chat:
        return Chat(replace(self.person, language=dialog.language_of(answers, "bg")), self.programme)

    def _fetch(self, query: Callable[..., Any], values: Mapping[str, Any]) -> Any:
        self.fetched.append(query.__name__)
        return self.found(query.__name__, values)


def text(prompt: str) -> Text:
    return Text(literal(prompt))
