"""A question for a person: kept as a ticket until somebody answers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.alphabets import fold
from bot.chat import Answer, Chat, Choice, Finish, Miss, Option, Reading, Said, Text, literal, words
from bot.messages import Incoming, Kind
from handlers.words import activity_label
from storage import tickets
from storage.programme import Activity, Programme

LONGEST = 1000
GUESSES = 2
SHOWN = 100  # letters of what was typed that are said back
SEND = Option("send", "button.send_question")


async def question(chat: Chat) -> Finish:
    """Asked for from the menu, or about an activity."""
    text = await chat.ask("text", Text("question.ask", max_length=LONGEST))
    return _send(chat, text)


async def stray(chat: Chat) -> Finish:
    """Words that fit nothing: first a guess, then the menu, then a person. Whatever is typed on the way goes along."""
    said = [await chat.ask("text", Text("question.ask", max_length=LONGEST))]
    guesses = [Option(a.code, activity_label(a)) for a in _guesses(chat.programme, said[0])]
    prompt = words("stray.guess" if guesses else "stray.no_guess", text=literal(_short(said[0])))
    step = await chat.ask("choice", OrWords(prompt, [*guesses, SEND]))
    if isinstance(step, dict):
        said.append(step["words"])
        menu = [SEND, Option("activities", "menu.activities"), Option("my_events", "menu.events")]
        step = await chat.ask("again", OrWords("stray.menu", menu))
    if isinstance(step, dict):
        said.append(step["words"])
        step = "send"
    if step == "send":
        return _send(chat, "\n".join(said))
    if step in ("activities", "my_events"):
        return Finish(then=step)
    return Finish(then="activities", given={"kind": "all", "which": step})


@dataclass(frozen=True, slots=True)
class OrWords(Choice):
    """A choice for which any other words are an answer too: {"words": …}."""

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        """An option where one fits, otherwise the words as they are."""
        reading = Choice.read(self, incoming, code, draft, said)
        if isinstance(reading, Miss) and incoming.kind is Kind.TEXT and incoming.text.strip():
            return Answer({"words": incoming.text})
        return reading


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN].rstrip()}…"


def _send(chat: Chat, text: str) -> Finish:
    who = chat.programme.person
    chat.say(words("question.sent", name=who.name, answer_within=chat.programme.answer_within), apart=True)
    return Finish(tickets.open_, {"text": text, "about": chat.given("about")})


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
