"""A question for a person, from the side of whoever asks: in words, as a voice note, with a photo.

Who answers and by when is said at once, as it was promised. What is said right after belongs to the same question.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from bot import when
from bot.alphabets import fold
from bot.chat import Answer, Chat, Choice, Finish, Miss, Option, Reading, Said, literal, words
from bot.messages import Incoming, Kind
from bot.texts import Lines, Phrase, Words
from handlers import event_words
from handlers.my_events import nearest
from handlers.words import activity_label, number_of, numbers_of
from storage import clock, invitations, ticket_about, tickets
from storage.invitations import NO

if TYPE_CHECKING:
    from datetime import datetime

    from storage.events import Event
    from storage.invitations import Guest
    from storage.programme import Activity, Programme
    from storage.ticket_about import Announced
    from storage.tickets import Received

LONGEST = 1000
GUESSES = 2
EVENT = "event-"  # before an event and its guest: a guess that is no activity
FEW_WORDS = 3  # „къде е това“ asks about what is next
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
    prompt, guesses = await _guessed(chat, said[0][0])
    step = await chat.ask("choice", OrWords(prompt, [*guesses, SEND]))
    if isinstance(step, dict):
        said.append(_parts(step))
        menu = [SEND, Option("activities", "menu.activities"), Option("my_events", "menu.events")]
        step = await chat.ask("again", OrWords("stray.menu", menu))
    if isinstance(step, dict):
        said.append(_parts(step))
        step = "send"
    if step == "send":
        text, media = "\n".join(text for text, _ in said if text), next((m for _, m in said if m), None)
        return _send(chat, text, media, about=await _announced(chat))
    if step in ("activities", "my_events"):
        return Finish(then=step)
    if step.startswith(EVENT):
        return Finish(then="meeting", given={"guest": step.removeprefix(EVENT)})
    return Finish(then="activities", given={"kind": "all", "which": step})


async def sent(chat: Chat) -> Finish:
    """A photo, a voice note or a file that nobody asked for; or words that go on with a question."""
    said = _parts(await chat.ask("said", Told("question.ask")))
    ticket = number_of(chat.given("ticket"))
    return _send(chat, *said, ticket_id=ticket, goes_on=True, about="" if ticket else await _announced(chat))


async def _announced(chat: Chat) -> str:
    """The announcement that somebody got a moment ago, where what they say fits nothing else; nothing confidential."""
    told: Announced | None = await chat.fetch(ticket_about.lately)
    secret = {a.code for a in chat.programme.activities if a.confidential}
    return told.about if told and secret.isdisjoint(told.activities) else ""


def _send(
    chat: Chat, text: str, media: Mapping[str, Any] | None = None, *, ticket_id: int = 0, goes_on: bool = False,
    about: str = "",
) -> Finish:  # fmt: skip
    about = chat.given("about") or about
    secret = any(a.confidential for a in chat.programme.activities if a.code == about)
    asked = {"text": text, "media": media, "about": about, "confidential": secret, "office": chat.programme.desk}
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
    promised = {"name": who_answers(chat.programme, got.who), "answer_within": _until(chat, got.due_at, got.now)}
    lines = [words(key or "question.sent", **promised)]
    if got.opens_at:
        lines.append(words("question.closed", when=literal(_shown(chat, got.opens_at, got.now))))
    slip = [Option(f"/slip {got.ticket_id}.{got.line_id}", "button.slip")] if got.kind else []
    chat.say(Lines(tuple(lines)), apart=True, buttons=slip)


def who_answers(programme: Programme, names: Sequence[str]) -> Words:
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
    """It came by mistake: it is deleted, if it is there still."""
    ticket, line = numbers_of(chat.given("said"))
    is_there = await chat.fetch(tickets.slipped, ticket_id=ticket, line_id=line)
    chat.card("question.slip" if is_there else "question.no_slip", [Option("/menu", "button.menu")])
    return Finish(tickets.take_back, {"ticket_id": ticket, "line_id": line, "office": chat.programme.desk})


async def thanked(chat: Chat) -> Finish:
    """The answer was what they needed. The answer itself stays on the screen: only a line comes below it."""
    chat.say("stray.thanks")
    return Finish(tickets.thank, {"ticket_id": number_of(chat.given("ticket"))})


async def more(chat: Chat) -> Finish:
    """Another question to whoever answered."""
    return Finish(then="question", given={"ticket": str(number_of(chat.given("ticket")))})


# --- a guess --------------------------------------------------------------------------------------------------------


async def _guessed(chat: Chat, text: str) -> tuple[Phrase, list[Option]]:
    """What typed words may be about: a coming event of theirs with its hour and place, an activity, or neither."""
    found = _guesses(chat.programme, text)
    mine: Sequence[Guest] = nearest([g for g in await chat.fetch(invitations.mine) if g.rsvp != NO])
    meant = _meant(chat, text, mine, [a.code for a in found])
    quoted = literal(_short(text))
    if meant is None:
        prompt = words("stray.guess" if found else "stray.no_guess", text=quoted)
        return prompt, [Option(a.code, activity_label(a)) for a in found]
    bare = _bare(chat, text)
    found = [] if _named(bare, [meant]) else _guesses(chat.programme, bare)
    others = [] if meant.event.activity in [a.code for a in found] else found[: GUESSES - 1]
    now = await chat.fetch(clock.now)
    prompt = words("stray.guess_event", text=quoted, event=Lines(tuple(_in_short(chat, meant.event, now))))
    code = f"{EVENT}{event_words.ticket(meant.event.id, meant.contact_id)}"
    return prompt, [Option(code, "button.that_event"), *(Option(a.code, activity_label(a)) for a in others)]


def _meant(chat: Chat, text: str, mine: Sequence[Guest], codes: Sequence[str]) -> Guest | None:
    """The event that „кога“ and „къде“ ask about: of an activity that fits, by its title, or the nearest."""
    if not mine or not _has(chat, "said.when", text):
        return None
    of_it = next((guest for guest in mine if guest.event.activity in codes), None)
    is_any = len(text.split()) <= FEW_WORDS or _has(chat, "said.meeting", text)
    return _named(text, mine) or of_it or (mine[0] if is_any else None)


def _named(text: str, mine: Sequence[Guest]) -> Guest | None:
    """The first event with a word in its title that begins like one that was typed."""
    beginnings = tuple(word[:5] for word in fold(text).split() if len(word) > 4)  # noqa: PLR2004  (says little)
    titled = (g for g in mine if any(own.startswith(beginnings) for own in fold(g.event.title).split()))
    return next(titled, None) if beginnings else None


def _has(chat: Chat, key: str, text: str) -> bool:
    """Whether one of the words listed under a key is among those that were typed."""
    typed = f" {' '.join(fold(word) for word in text.split())} "
    return any(f" {fold(one)} " in typed for one in chat.texts(key).split(","))


def _bare(chat: Chat, text: str) -> str:
    """Without the words that ask about any event: „среща“ is no wish for the activity that is called so."""
    asking = {fold(word) for key in ("said.when", "said.meeting") for word in re.split("[ ,]", chat.texts(key))}
    return " ".join(word for word in text.split() if fold(word) not in asking)


def _in_short(chat: Chat, event: Event, now: datetime) -> list[Words]:
    """Its title, when and where; of what is confidential only when."""
    at = event_words.when_line(event.starts_at, now, chat.programme.zone)
    if event_words.is_confidential(chat.programme, event):
        return [at]
    return [literal(event.title), at, event_words.place_line(event)]


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
