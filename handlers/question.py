"""A question for a person, from the side of whoever asks: in words, as a voice note, with a photo.

Who answers and by when is said at once, as it was promised. What is said right after belongs to the same question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from bot import when
from bot.alphabets import fold
from bot.chat import Answer, Chat, Choice, Finish, Miss, Option, Reading, Said, literal, words
from bot.messages import Incoming, Kind
from bot.texts import Lines, Phrase, Words
from handlers.words import activity_label, number_of, numbers_of
from storage import tickets

if TYPE_CHECKING:
    from datetime import datetime

    from storage.programme import Activity, Programme
    from storage.tickets import Received

LONGEST = 1000
GUESSES = 2
SHOWN = 100  # letters of what was typed that are said back
EITHER = 2  # names that are said; of more people it is „човек от екипа“
SEND = Option("send", "button.send_question")
GOT: Mapping[str, str] = {"voice": "question.got_voice", "photo": "question.got_photo"}
MEDIA = frozenset({"photo", "voice", "document"})


async def question(chat: Chat) -> Finish:
    """Asked for from the menu, about an activity, or once more under an answer."""
    said = await chat.ask("text", Told("question.ask"))
    return _send(chat, *_parts(said), ticket_id=number_of(chat.given("ticket")))


async def stray(chat: Chat) -> Finish:
    """Words that fit nothing: first a guess, then the menu, then a person. Whatever is said on the way goes along."""
    said = [_parts(await chat.ask("text", Told("question.ask")))]
    guesses = [Option(a.code, activity_label(a)) for a in _guesses(chat.programme, said[0][0])]
    prompt = words("stray.guess" if guesses else "stray.no_guess", text=literal(_short(said[0][0])))
    step = await chat.ask("choice", OrWords(prompt, [*guesses, SEND]))
    if isinstance(step, dict):
        said.append(_parts(step))
        menu = [SEND, Option("activities", "menu.activities"), Option("my_events", "menu.events")]
        step = await chat.ask("again", OrWords("stray.menu", menu))
    if isinstance(step, dict):
        said.append(_parts(step))
        step = "send"
    if step == "send":
        return _send(chat, "\n".join(text for text, _ in said if text), next((m for _, m in said if m), None))
    if step in ("activities", "my_events"):
        return Finish(then=step)
    return Finish(then="activities", given={"kind": "all", "which": step})


async def sent(chat: Chat) -> Finish:
    """A photo, a voice note or a file that nobody asked for; or words that go on with a question."""
    said = _parts(await chat.ask("said", Told("question.ask")))
    return _send(chat, *said, ticket_id=number_of(chat.given("ticket")), goes_on=True)


def _send(
    chat: Chat, text: str, media: Mapping[str, Any] | None = None, *, ticket_id: int = 0, goes_on: bool = False
) -> Finish:
    asked = {"text": text, "media": media, "about": chat.given("about"), "office": chat.programme.desk}
    given = {"ticket": str(ticket_id)} if ticket_id else {}
    return Finish(tickets.ask, asked | {"ticket_id": ticket_id, "goes_on": goes_on}, then="asked", given=given)


# --- what comes in --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """Words, or what says it without any. The answer is the words, or {"words": …, "media": …} with something else."""

    takes: ClassVar[frozenset[str]] = MEDIA
    prompt: Phrase

    def says(self, draft: Any) -> Phrase:
        """The question."""
        return self.prompt

    def options(self, draft: Any) -> Sequence[Option]:
        """None: one talks."""
        return ()

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        """What was typed, and what came with it."""
        text = " ".join(incoming.text.split()) if incoming.kind is Kind.TEXT else ""
        if len(text) > LONGEST:
            return Miss(words("miss.long", limit=LONGEST))
        if incoming.media and incoming.media.kind in MEDIA:
            return Answer({"words": text, "media": incoming.media.to_json()})
        return Answer(text) if text else Miss("miss.text")


@dataclass(frozen=True, slots=True)
class OrWords(Choice):
    """A choice for which any other words are an answer too, and a voice note: {"words": …}."""

    takes: ClassVar[frozenset[str]] = MEDIA

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        """An option where one fits, otherwise the words as they are."""
        reading = Choice.read(self, incoming, code, draft, said)
        text = incoming.text if incoming.kind is Kind.TEXT else ""
        if isinstance(reading, Miss) and incoming.media and incoming.media.kind in MEDIA:
            return Answer({"words": text, "media": incoming.media.to_json()})
        return Answer({"words": text}) if isinstance(reading, Miss) and text.strip() else reading


def _parts(said: str | Mapping[str, Any]) -> tuple[str, Mapping[str, Any] | None]:
    """The words and what came with them."""
    return (said, None) if isinstance(said, str) else (said.get("words", ""), said.get("media"))


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN].rstrip()}…"


# --- what is promised -----------------------------------------------------------------------------------------------


async def asked(chat: Chat) -> None:
    """Who answers and by when. Of what came without words: that it came, and a way to say that it was a slip."""
    ticket = number_of(chat.given("ticket"))
    got: Received | None = await chat.fetch(tickets.received, office=chat.programme.desk, ticket_id=ticket)
    if got is None:  # the chat turned to another person meanwhile
        within = chat.programme.answer_within
        chat.say(words("question.sent", name=chat.programme.person.name, answer_within=within), apart=True)
        return
    key = GOT.get(got.kind, "question.got_document") if got.kind else "question.added" if got.line_id else ""
    promised = {"name": _who(chat.programme, got.who), "answer_within": _until(chat, got.due_at, got.now)}
    lines = [words(key or "question.sent", **promised)]
    if got.opens_at:
        lines.append(words("question.closed", when=literal(_shown(chat, got.opens_at, got.now))))
    slip = [Option(f"/slip {got.ticket_id}.{got.line_id}", "button.slip")] if got.kind else []
    chat.say(Lines(tuple(lines)), apart=True, buttons=slip)


def _who(programme: Programme, names: Sequence[str]) -> Words:
    """„Росица“, „Росица или Ани“, „човек от екипа“; where there is no team yet, whoever the programme names."""
    first = [literal(name.partition(" ")[0]) for name in names if name]
    if not names:
        return literal(programme.person.name)
    if len(first) != len(names) or len(first) > EITHER:
        return Words("question.someone")
    return first[0] if len(first) == 1 else words("question.either", first=first[0], second=first[1])


def _until(chat: Chat, due: datetime, now: datetime) -> Words:
    return words("question.until", when=literal(_shown(chat, due, now)))


def _shown(chat: Chat, at: datetime, now: datetime) -> str:
    zone = chat.programme.zone
    return when.full(at.astimezone(zone), now.astimezone(zone))


# --- afterwards -----------------------------------------------------------------------------------------------------


async def slip(chat: Chat) -> Finish:
    """It came by mistake."""
    ticket, line = numbers_of(chat.given("said"))
    chat.card("question.slip", [Option("/menu", "button.menu")])
    return Finish(tickets.take_back, {"ticket_id": ticket, "line_id": line})


async def thanked(chat: Chat) -> Finish:
    """The answer was what they needed. The answer itself stays on the screen: only a line comes below it."""
    chat.say("stray.thanks")
    return Finish(tickets.thank, {"ticket_id": number_of(chat.given("ticket"))})


async def more(chat: Chat) -> Finish:
    """Another question to whoever answered."""
    return Finish(then="question", given={"ticket": str(number_of(chat.given("ticket")))})


# --- a guess --------------------------------------------------------------------------------------------------------


def _guesses(programme: Programme, text: str) -> list[Activity]:
    """The activities that typed words may be about, the likeliest first. A word that fits most says little."""
    typed = {word[:5] for word in fold(text).split() if len(word) > 3}  # noqa: PLR2004  (shorter words say nothing)
    scores = [0.0] * len(programme.activities)
    for word in typed:
        fits = [_fits(word, activity) for activity in programme.activities]
        if sum(map(bool, fits)) <= len(fits) / 2:
            scores = [score + fit / sum(fits) if fit else score for score, fit in zip(scores, fits, strict=True)]
    ranked = sorted(zip(scores, programme.activities, strict=True), key=lambda pair: -pair[0])
    return [activity for score, activity in ranked[:GUESSES] if score]


def _fits(word: str, activity: Activity) -> int:
    """How well: in the name counts three times as much as in the explanation."""
    named = any(own.startswith(word) for own in fold(activity.name).split())
    told = any(own.startswith(word) for own in fold(f"{activity.official} {activity.text}").split())
    return 3 * named + told
