"""A question for a person: kept as a ticket until somebody answers it."""

from __future__ import annotations

from bot.alphabets import fold
from bot.chat import Chat, Choice, Finish, Option, Text, literal, words
from handlers.words import activity_label
from storage import tickets
from storage.programme import Programme

LONGEST = 1000
GUESSES = 2


async def question(chat: Chat) -> Finish:
    """Asked for from the menu."""
    text = await chat.ask("text", Text("question.ask", max_length=LONGEST))
    return _send(chat, text)


async def stray(chat: Chat) -> Finish:
    """Words that fit nothing: first a guess, then the menu, then a person."""
    text = await chat.ask("text", Text("question.ask", max_length=LONGEST))
    options = [*_guesses(chat.programme, text), Option("send", "button.send_question"), Option("no", "button.menu")]
    choice = await chat.ask("choice", Choice(words("stray.guess", text=literal(text)), options))
    if choice == "send":
        return _send(chat, text)
    if choice == "no":
        chat.say("stray.never_mind")
        return Finish()
    return Finish(then="activities", given={"kind": "all", "which": choice})


def _send(chat: Chat, text: str) -> Finish:
    who = chat.programme.person
    chat.say(words("question.sent", name=who.name, answer_within=chat.programme.answer_within), apart=True)
    return Finish(tickets.open_, {"text": text})


def _guesses(programme: Programme, text: str) -> list[Option]:
    """Activities whose name or words occur in what was typed."""
    typed = {w for w in fold(text).split() if len(w) > 3}  # noqa: PLR2004  (shorter words say nothing)
    scored = []
    for activity in programme.activities:
        own = fold(f"{activity.name} {activity.official} {activity.text}").split()
        score = sum(any(w.startswith(t[:5]) for w in own) for t in typed)
        if score:
            scored.append((-score, len(scored), activity))
    return [Option(a.code, activity_label(a)) for _, _, a in sorted(scored)[:GUESSES]]
