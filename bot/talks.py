"""Which conversations there are, what opens each, and who may open it. Plain values: handlers fill them in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.chat import Script


@dataclass(frozen=True, slots=True)
class Command:
    """What may be typed or tapped anywhere: `/rsvp 12.34 yes` opens a conversation with two answers given."""

    script: str
    takes: Sequence[str] = ()  # the keys of the answers that stand behind the command, in their order
    given: Mapping[str, str] = field(default_factory=dict)  # answers that it always has
    unregistered: bool = False  # also for somebody who has not registered yet
    stopped: bool = False  # also for somebody who stopped our messages: a right does not end with „стоп“

    def answers(self, words: str) -> dict[str, str]:
        """The answers that a command's words give. The last one takes all that is left."""
        parts = words.split(maxsplit=max(len(self.takes) - 1, 0)) if self.takes else []
        return {**self.given, **dict(zip(self.takes, parts, strict=False))}


@dataclass(frozen=True, slots=True)
class Talks:
    """All that can be said."""

    scripts: Mapping[str, Script]
    menu: Sequence[tuple[str, str]]  # the lasting menu: a label's key and the conversation that it opens
    commands: Mapping[str, Command] = field(default_factory=dict)
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)  # who may open it; absent: everybody
    staff_menu: Sequence[tuple[str, str]] = ()  # what staff have in their menu besides

    def allows(self, script: str, role: str) -> bool:
        """Whether somebody with this role, or with none, may be in this conversation."""
        wanted = self.roles.get(script)
        return wanted is None or role in wanted

    def command_for(self, script: str) -> str:
        """The shortest command that opens a conversation without being told anything; empty if there is none."""
        bare = [name for name, command in self.commands.items() if command.script == script and not command.takes]
        return min(bare, key=len, default="")
