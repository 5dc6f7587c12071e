"""What can be done with one event inside its transaction: say, open a conversation, hear an answer, stop.

A visit gathers words to send and rows to change; nothing leaves it but through the batch that holds it. Must never know
a channel.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from bot import abilities, dialog, keyboards
from bot.alphabets import fold
from bot.chat import Acting, Chat, Conflict, Finish, Line, Option, Person
from bot.dialog import Stage, Stored, Talk, Turn
from bot.keyboards import WIDE
from bot.messages import Button, Incoming, Outgoing, Rows
from bot.parts import parts
from bot.talks import Talks
from bot.texts import Phrase, Texts
from storage import contacts
from storage.people import Changes, Known

if TYPE_CHECKING:
    from bot.money import Tariff
    from storage.programme import Programme

MENU = Option("/menu", "button.menu")
HUMAN = Option("/person", "button.person")
TEAM = Option("/staff", "menu.staff")


@dataclass(frozen=True, slots=True)
class World:
    """What every visit shares and nobody changes: the texts, the programme, the conversations."""

    texts: Texts
    programme: Programme
    talks: Talks
    labels: Mapping[str, str] = field(default_factory=dict)  # folded label of a menu → conversation
    links: Callable[[], Mapping[str, str]] = dict  # as Chat.links; asked each time: a platform tells our name late
    tariffs: Mapping[str, Tariff] = field(default_factory=dict)  # by channel, where messages cost

    def with_labels(self) -> World:
        """The same world, with the menus' labels ready for typed words."""
        entries = (*self.talks.menu, *self.talks.staff_menu)
        return replace(self, labels={fold(form): script for key, script in entries for form in self.texts.all(key)})


@dataclass(frozen=True, slots=True)
class Ways:
    """What leads somebody home: the lasting menu, and the buttons that stand for it where other buttons are shown."""

    menu: tuple[tuple[str, ...], ...] = ()
    home: tuple[Button, ...] = ()
    tapped: Rows = ()  # the lasting menu, as buttons below others


NO_WAYS = Ways()


def ways_home(world: World, language: str, role: str) -> Ways:
    """Those of somebody who is registered: staff have their own first."""
    talks = world.talks
    entries = [e for e in (*(talks.staff_menu if role else ()), *talks.menu) if talks.allows(e[1], role)]
    labels = [world.texts(key, language) for key, _ in entries]
    columns = 1 if any(len(label) > WIDE for label in labels) else 2
    menu = tuple(tuple(labels[i : i + columns]) for i in range(0, len(labels), columns))
    opens = {label: f"/{talks.command_for(script)}" for label, (_, script) in zip(labels, entries, strict=True)}
    tapped = tuple(tuple(Button(label, press=opens[label]) for label in row) for row in menu)
    home = (TEAM, MENU) if role else (MENU,)
    return Ways(menu, tuple(Button(world.texts(o.label, language), press=o.code) for o in home), tapped)


def one_keyboard(messages: Sequence[Outgoing], ways: Ways, above: Sequence[Rows] = ()) -> list[Outgoing]:
    """The same where only the latest buttons can be pressed: all of them under each message, and a way home.

    Under each, because a message without buttons takes away those that are there, and the next may come late. Where
    the last has none of its own, the whole menu stands below those of the others. `above`: buttons of messages before
    these, which shall not be lost.
    """
    *before, last = messages
    earlier = [rows for rows in (*above, *(message.rows for message in before)) if rows]
    if not last.rows and ways.menu:
        shown = replace(last, rows=keyboards.one(earlier, ways.tapped)) if earlier else replace(last, menu=ways.menu)
    else:
        shown = replace(last, rows=keyboards.one(earlier, last.rows, ways.home))
    return [*(replace(message, rows=shown.rows, menu=shown.menu) for message in before), shown]


@dataclass(slots=True)
class Visit:
    """One event of one person."""

    world: World
    connection: Connection
    event: Incoming
    known: Known
    inbox_id: int
    now: datetime
    changes: Changes
    messages: list[Outgoing] = field(default_factory=list)
    talk: Talk | None = None
    contact_id: int = 0
    registered: bool = False
    language: str = ""
    clears: bool = False  # somebody was erased: pages forget what stood before
    fresh: bool = False  # the conversation was opened by this very event and has no row yet

    def __post_init__(self) -> None:
        """Take over what is known."""
        known = self.known
        self.event = replace(self.event, text=_fit(self.event.text), name=_fit(self.event.name))
        self.contact_id, self.registered, self.language = known.contact_id, known.registered, known.language
        if known.conversation_id and known.script in self.world.talks.scripts:
            stored = {key: Stored(value, complete) for key, (value, complete) in known.answers.items()}
            self.talk = Talk(known.conversation_id, known.script, stored, known.misses, known.asked)
            self.language = dialog.language_of(stored, self.language)
        elif known.conversation_id:  # its script left the program: nobody can go on with it
            self._set_talk(Talk(known.conversation_id, known.script), "left", "", 0)

    # --- saying ---------------------------------------------------------------------------------------------------

    def say(self, phrase: Phrase, *buttons: Option) -> None:
        """One message of its own."""
        rows = tuple((Button(self._text(o.label), press=o.code),) for o in buttons)
        self.messages.append(Outgoing(self._text(phrase), rows))

    def _text(self, phrase: Phrase) -> str:
        return self.world.texts(phrase, self.language)

    def finished(self) -> list[Outgoing]:
        """All that is to be sent; what is too long in parts, and the lasting menu on what has no buttons of its own."""
        can = abilities.of(self.event.address.channel)
        found = [part for message in self.messages for part in parts(message, can)]
        if self.clears and found:
            found[0] = replace(found[0], clears=True)
        ways = ways_home(self.world, self.language, self.known.role) if self.registered else NO_WAYS
        if can.one_keyboard and found:
            return one_keyboard(found, ways)
        return [part if part.rows else replace(part, menu=ways.menu) for part in found]

    # --- conversations --------------------------------------------------------------------------------------------

    def open(self, script: str, given: Mapping[str, Any] | None = None) -> None:
        """Begin a conversation. The one that was open is left, unless this one only says something."""
        if not self.may(script):  # also where another conversation leads there
            self.say("staff.not_yours", MENU)
            return
        stored = {key: Stored(value) for key, value in (given or {}).items()}
        talk = Talk(secrets.randbits(40), script, stored)
        stage = self._stage(talk)
        turn = self._acted(stage, dialog.open_(stage, talk))
        if turn.ended:
            self._show(turn)
            self._finish(turn)
            return
        self.leave()
        self.talk, self.fresh = talk, True
        turn.saved |= {key: value for key, value in stored.items() if key not in turn.removed}
        self._keep(turn)

    def may(self, script: str) -> bool:
        """Whether this person may be in a conversation now: a role may have been taken away a moment ago."""
        return self.world.talks.allows(script, self.known.role)

    def hear(self, code: str = "") -> None:
        """Let the waiting question read the event."""
        assert self.talk is not None  # noqa: S101  (the router asks first)
        stage = self._stage(self.talk)
        self._keep(self._acted(stage, dialog.hear(stage, self.talk, self.event, code)))

    def takes_media(self) -> bool:
        """Whether the waiting question understands what came: a photo, a voice note, a document."""
        if self.talk is None or self.event.media is None:
            return False
        return dialog.takes(self._stage(self.talk), self.talk, self.event.media.kind)

    def put_again(self, *above: Phrase) -> None:
        """Show the waiting question once more, under a line or two."""
        if self.talk is None:
            return
        stage = self._stage(self.talk)
        turn = dialog.open_(stage, self.talk)
        turn.lines = [*(Line(phrase) for phrase in above), *(turn.lines if turn.ended else ())]
        self._keep(self._acted(stage, turn))

    def withdraw(self, key: str) -> None:
        """Take an answer of the open conversation back and ask it again."""
        assert self.talk is not None  # noqa: S101  (the router asks first)
        turn = Turn(self.talk, removed={key} & set(self.talk.answers))
        self.talk = replace(self.talk, answers=turn.answers)
        stage = self._stage(self.talk)
        again = dialog.open_(stage, self.talk)
        again.removed = turn.removed
        self._keep(self._acted(stage, again))

    def leave(self) -> None:
        """Close the open conversation unfinished."""
        if self.talk is not None and not self.fresh:
            self._set_talk(self.talk, "left", "", 0)
        self.talk = None

    def _stage(self, talk: Talk) -> Stage:
        script = self.world.talks.scripts[talk.script]
        return Stage(script, self._chat, self.world.texts, self._fetch)

    def _chat(self, answers: Mapping[str, Stored]) -> Chat:
        known, event = self.known, self.event
        person = Person(
            self.contact_id, known.address_id, event.address.channel, dialog.language_of(answers, self.language),
            known.status, known.name, self.registered, known.source, event.name,
            abilities.of(event.address.channel).shares_phone, known.role,
        )  # fmt: skip
        given = {key: stored.value for key, stored in answers.items()}
        return Chat(person, self.world.programme, given, self.world.links(), self.world.texts, self.world.tariffs)

    def _fetch(self, query: Any, values: Mapping[str, Any]) -> Any:
        return query(self.connection, self._acting(), **values)

    def _acting(self) -> Acting:
        channel = self.event.address.channel
        return Acting(self.contact_id, self.known.address_id, channel, self.language, self.event.key, self.now)

    def _acted(self, stage: Stage, turn: Turn) -> Turn:
        """The turn after its act, where the script has ended with one."""
        if turn.ended and turn.finish is not None and turn.finish.act is not None:
            return self._act(stage, turn, turn.finish)
        return turn

    def _act(self, stage: Stage, turn: Turn, finish: Finish) -> Turn:
        assert finish.act is not None  # noqa: S101  (the caller asks first)
        self.language = dialog.language_of(turn.answers, self.language)
        try:
            outcome = finish.act(self.connection, self._acting(), **finish.values)
        except Conflict as conflict:
            return dialog.withdraw(stage, turn, conflict.key, conflict.why)
        self._after(outcome)
        return turn

    def _after(self, outcome: contacts.Outcome | None) -> None:
        if outcome is None:
            return
        self.clears = self.clears or outcome.erased
        self.registered, self.language = outcome.registered, outcome.language or self.language
        if outcome.role is not None:
            self.known.role = outcome.role
        if outcome.contact_id != self.contact_id:  # the conversation went with the contact it belonged to
            self.contact_id, self.talk, self.known.role = outcome.contact_id, None, ""

    def _keep(self, turn: Turn) -> None:
        """Gather what a turn changed, show it, and go on to what follows it."""
        before, self.language = self.language, dialog.language_of(turn.answers, self.language)
        if self.language != before:
            self.changes.languages.append({"who": self.contact_id, "to": self.language})
        if self.talk is not None:
            self._write_turn(self.talk, turn)
            self.talk = (
                None if turn.ended else replace(self.talk, answers=turn.answers, asked=turn.ask.key if turn.ask else "")
            )
        self._show(turn)
        if turn.ended:
            self._finish(turn)

    def _write_turn(self, talk: Talk, turn: Turn) -> None:
        self.changes.removed += [{"talk": talk.id, "gone": key} for key in sorted(turn.removed - set(turn.saved))]
        if self.fresh:
            self.changes.opened.append(self._opened(talk, turn))
            self.fresh = False
        else:
            self._set_talk(talk, "done" if turn.ended else "open", turn.ask.key if turn.ask else "", turn.misses)
        self.changes.answers += [
            {"conversation_id": talk.id, "key": k, "value": s.value, "complete": s.complete, "at": self.now}
            for k, s in turn.saved.items()
        ]

    def _opened(self, talk: Talk, turn: Turn) -> dict[str, Any]:
        return {
            "id": talk.id, "contact_id": self.contact_id, "script": talk.script, "state": "open",
            "asked": turn.ask.key if turn.ask else "", "misses": 0, "started_at": self.now, "updated_at": self.now,
        }  # fmt: skip

    def _set_talk(self, talk: Talk, state: str, asks: str, missed: int) -> None:
        opened = next((row for row in self.changes.opened if row["id"] == talk.id), None)
        if opened is not None:  # by this very event: it has no row yet that could be changed
            opened |= {"state": state, "asked": asks, "misses": missed}
            return
        row = {"talk": talk.id, "to": state, "asks": asks, "missed": missed, "at": self.now}
        self.changes.conversations.append(row)

    def _show(self, turn: Turn) -> None:
        footer = (self._home_of(turn.talk.script),) if self.registered else (HUMAN,) if not turn.first else ()
        self.messages += dialog.show(turn, self.world.texts, self.language, edit=self.event.shown, footer=footer)

    def _home_of(self, script: str) -> Option:
        """The way out of a conversation: staff at work go back to their work, not to a resident's menu."""
        return TEAM if self.known.role and script in self.world.talks.roles else MENU

    def _finish(self, turn: Turn) -> None:
        if turn.finish is not None and turn.finish.then:
            self.open(turn.finish.then, turn.finish.given)


def _fit(text: str) -> str:
    """Without what no database and no platform takes, whatever a channel let through: NUL and lone surrogates."""
    return text.replace("\0", "").encode(errors="replace").decode()
