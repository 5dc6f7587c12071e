"""The engine that runs a conversation: one incoming message gives answers to keep and words to send.

It drives the script itself, from the top, on every message; an answered question returns its row at once. So a restart
has nothing to restore. Must do no I/O but what `fetch` brings, and must never lose an answer to a script's mistake.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.alphabets import fold
from bot.chat import (
    BACK,
    MAX_QUESTIONS,
    Answer,
    Ask,
    Chat,
    Draft,
    Fetch,
    Finish,
    Line,
    Miss,
    Option,
    Said,
    Script,
    Withdraw,
)
from bot.messages import Button, Incoming, Kind, Outgoing, Rows
from bot.texts import Phrase, Texts

FetchNow = Callable[[Callable[..., Any], Mapping[str, Any]], Any]


class Broken(Exception):
    """A script broke a rule of conversations; the message names the script and the rule."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer as it is kept. Incomplete ones are steps towards an answer."""

    value: Any
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation as it lies in the database."""

    id: int
    script: str
    answers: Mapping[str, Stored] = field(default_factory=dict)
    misses: int = 0
    asked: str = ""


@dataclass(slots=True)
class Turn:
    """What one message did to a conversation."""

    talk: Talk
    saved: dict[str, Stored] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    lines: list[Line] = field(default_factory=list)
    ask: Ask | None = None  # the question that waits now
    finish: Finish | None = None
    ended: bool = False
    first: bool = False  # nothing to go back to
    misses: int = 0
    in_place: bool = False

    @property
    def answers(self) -> dict[str, Stored]:
        """All answers as they stand after this turn."""
        kept = {k: v for k, v in self.talk.answers.items() if k not in self.removed}
        return kept | self.saved

    @property
    def draft(self) -> Any:
        """What is already there of the answer that is waited for."""
        stored = self.answers.get(self.ask.key) if self.ask else None
        return stored.value if stored else None


class Play:
    """One run of a script from the top."""

    def __init__(self, name: str, script: Script, chat: Chat, answers: Mapping[str, Stored], fetch: FetchNow) -> None:
        self.path: list[str] = []
        self.finish: Finish | None = None
        self._name, self._chat, self._answers, self._fetch = name, chat, answers, fetch
        self._keys: set[str] = set()
        self._run = script(chat)
        if not inspect.iscoroutine(self._run):
            raise Broken(f"{name} is no coroutine")

    def forward(self, value: Any = None) -> Ask | None:
        """Run on to the next unanswered question; None when the script has ended."""
        while True:
            try:
                want = self._run.send(value)
            except StopIteration as end:
                self.finish = end.value
                return None
            if isinstance(want, Fetch):
                value = self._fetch(want.query, want.values)
                continue
            if not isinstance(want, Ask):
                raise Broken(f"{self._name} awaited something foreign: {type(want).__name__}")
            self._check(want.key)
            stored = self._answers.get(want.key)
            if stored is None or not stored.complete:
                return want
            self.path.append(want.key)
            self._chat.lines.clear()  # it was said when this question was first reached
            value = stored.value

    def close(self) -> None:
        """Put the script aside."""
        self._run.close()

    def _check(self, key: str) -> None:
        if key in self._keys:
            raise Broken(f"{self._name} asks {key!r} twice")
        self._keys.add(key)
        if len(self._keys) > MAX_QUESTIONS:
            raise Broken(f"{self._name} asks more than {MAX_QUESTIONS} questions")


@dataclass(frozen=True, slots=True)
class Stage:
    """What every run of one conversation needs."""

    script: Script
    chat: Callable[[Mapping[str, Stored]], Chat]  # a fresh Chat in the language of the answers
    texts: Texts
    fetch: FetchNow

    def play(self, talk: Talk, answers: Mapping[str, Stored]) -> tuple[Play, Chat]:
        """A run over these answers."""
        chat = self.chat(answers)
        return Play(talk.script, self.script, chat, answers, self.fetch), chat


def open_(stage: Stage, talk: Talk) -> Turn:
    """Begin a conversation, or put its open question again without repeating what was said before it."""
    turn = Turn(talk, misses=talk.misses)
    _settle(stage, turn, fresh=not talk.asked)
    return turn


def takes(stage: Stage, talk: Talk, kind: str) -> bool:
    """Whether the waiting question understands a photo, a voice note, a document: its class lists them in `takes`."""
    play, _ = stage.play(talk, talk.answers)
    ask = play.forward()
    play.close()
    return ask is not None and kind in getattr(ask.question, "takes", ())


def hear(stage: Stage, talk: Talk, incoming: Incoming, code: str = "") -> Turn:
    """One message to the waiting question. The code is that of a button of this very question, empty otherwise."""
    turn = Turn(talk)
    play, chat = stage.play(talk, talk.answers)
    ask = play.forward()
    if ask is None:
        return _end(turn, play, chat.lines)  # the script or what it reads has changed since it asked
    typed = fold(incoming.text) if incoming.kind is Kind.TEXT else ""
    said = Said(typed, stage.texts, incoming.text.strip() if incoming.kind is Kind.TEXT else "")
    draft = turn.talk.answers.get(ask.key)
    if code == BACK or (not code and typed and said.is_like("said.back")):
        play.close()
        return _back(stage, turn, ask, play.path)
    reading = ask.question.read(incoming, code, draft.value if draft else None, said)
    if isinstance(reading, Answer):
        turn.saved[ask.key] = Stored(reading.value)
        play, chat = _carry_on(stage, turn, ask, play, chat, reading)
        return turn
    play.close()
    match reading:
        case Draft(value, in_place):
            turn.saved[ask.key] = Stored(value, complete=False)
            turn.in_place = in_place
        case Withdraw(keys):
            turn.removed = {key for key in talk.answers if key in keys or key == ask.key}
            turn.saved = _ticked_again(talk, turn.removed)
        case Miss(hint):
            turn.misses = talk.misses + 1
            turn.lines.append(Line(hint))
    hints = turn.lines
    _settle(stage, turn, fresh=False)
    turn.lines = hints
    return turn


def _ticked_again(talk: Talk, removed: set[str]) -> dict[str, Stored]:
    """A list is what Many gave: it is asked again with everything still ticked, for one wrong tick among many."""
    lists = {key: talk.answers[key].value for key in removed if talk.answers[key].complete}
    return {k: Stored({"ticked": v, "page": 0}, complete=False) for k, v in lists.items() if isinstance(v, list)}


def withdraw(stage: Stage, turn: Turn, key: str, why: Phrase) -> Turn:
    """What a script asked for could not be done: take one answer back and ask only that again."""
    saved = {k: v for k, v in turn.saved.items() if k != key}
    again = Turn(turn.talk, saved=saved, removed=turn.removed | {key})
    _settle(stage, again, fresh=False)
    again.lines = [Line(why)]
    return again


def _carry_on(stage: Stage, turn: Turn, ask: Ask, play: Play, chat: Chat, reading: Answer) -> tuple[Play, Chat]:
    if ask.key == "language":  # what follows is said in the new language, so it is played in it from the top
        play.close()
        play, chat = stage.play(turn.talk, turn.answers)
        nxt = play.forward()
    else:
        chat.lines.clear()
        play.path.append(ask.key)
        nxt = play.forward(reading.value)
    if nxt is None:
        _end(turn, play, chat.lines)
    else:
        turn.ask, turn.first, turn.lines = nxt, not play.path, list(chat.lines)
        play.close()
    return play, chat


def _settle(stage: Stage, turn: Turn, *, fresh: bool) -> None:
    """Find the question that waits after this turn."""
    play, chat = stage.play(turn.talk, turn.answers)
    turn.ask = play.forward()
    turn.first = not play.path
    if turn.ask is None:
        _end(turn, play, chat.lines)
        return
    play.close()
    if fresh:
        turn.lines = list(chat.lines)


def _back(stage: Stage, turn: Turn, ask: Ask, path: list[str]) -> Turn:
    draft = turn.talk.answers.get(ask.key)
    steps_in_draft = draft is not None and getattr(ask.question, "back_clears_draft", False)
    turn.removed = {ask.key} if steps_in_draft or not path else {ask.key, path[-1]}
    turn.removed &= set(turn.talk.answers)
    turn.saved = _ticked_again(turn.talk, turn.removed)
    _settle(stage, turn, fresh=False)
    return turn


def _end(turn: Turn, play: Play, lines: list[Line]) -> Turn:
    turn.ended, turn.finish, turn.ask = True, play.finish, None
    turn.lines = list(lines)
    return turn


# --- how a turn is shown ------------------------------------------------------------------------------------------


def show(turn: Turn, texts: Texts, language: str, *, edit: str = "", footer: tuple[Option, ...] = ()) -> list[Outgoing]:
    """The messages of a turn. What is said just before a question stands in one message with it."""
    messages: list[Outgoing] = []
    above: list[str] = []

    def end() -> None:
        if above:
            messages.append(Outgoing("\n\n".join(above)))
            above.clear()

    for line in turn.lines:
        if line.apart or line.document or line.rows or line.media:
            end()
            rows: Rows = tuple(tuple(_command(option, texts, language) for option in row) for row in line.rows if row)
            replaces = edit if line.in_place else ""
            text = texts(line.phrase, language)
            messages.append(Outgoing(text, rows, document=line.document, media=line.media, replaces=replaces))
        else:
            above.append(texts(line.phrase, language))
    if turn.ask is None:
        end()
    else:
        above.append(texts(turn.ask.question.says(turn.draft), language))
        rows = _rows(turn, texts, language, footer)
        messages.append(Outgoing("\n\n".join(above), rows, replaces=edit if turn.in_place else ""))
    return messages


def press(talk_id: int, key: str, code: str) -> str:
    """A button's data: which conversation, which question, which answer. At most 64 bytes on Telegram."""
    data = f"{talk_id}.{key}.{code}"
    if len(data.encode()) > 64:  # noqa: PLR2004  (Bot API: callback_data, 1-64 bytes)
        raise Broken(f"the button {data!r} is longer than 64 bytes")
    return data


def read_press(data: str) -> tuple[int, str, str] | None:
    """The inverse of press; None for anything else."""
    number, _, rest = data.partition(".")
    key, _, code = rest.partition(".")
    return (int(number), key, code) if number.isascii() and number.isdigit() and key and code else None


def _rows(turn: Turn, texts: Texts, language: str, footer: tuple[Option, ...]) -> Rows:
    assert turn.ask is not None  # noqa: S101  (only called for a waiting question)
    talk, key = turn.talk.id, turn.ask.key
    buttons = [
        Button(texts(o.label, language), press(talk, key, o.code), shares_phone=o.shares_phone)
        for o in turn.ask.question.options(turn.draft)
    ]
    columns = getattr(turn.ask.question, "columns", 1)
    wide = [b for b in buttons if not b.press.endswith((".done", ".page"))]
    rows = [tuple(wide[i : i + columns]) for i in range(0, len(wide), columns)]
    rows += [(b,) for b in buttons if b not in wide]
    last = [Button(texts(o.label, language), press=o.code) for o in footer]
    if not turn.first or turn.draft is not None:
        last.insert(0, Button(texts("button.back", language), press(talk, key, BACK)))
    return (*rows, tuple(last)) if last else tuple(rows)


def _command(option: Option, texts: Texts, language: str) -> Button:
    label = texts(option.label, language)
    if option.code.startswith(("tel:", "https:")):
        return Button(label, url=option.code)
    return Button(label, press=option.code)


def language_of(answers: Mapping[str, Stored], otherwise: str) -> str:
    """An answer under the key "language" is the language of all that follows."""
    stored = answers.get("language")
    return stored.value if stored and stored.complete else otherwise
