"""After an event: how was it, in one tap, and perhaps some words; or why somebody did not come.

Whatever is tapped is kept at once; another tap changes it. Must never ask about health.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from bot import abilities
from bot.chat import Answer, Chat, Finish, Miss, Option, Reading, Said, literal, words
from bot.messages import Incoming, Kind
from bot.texts import Lines, Phrase, Words
from handlers.event_words import details, is_confidential, shown_time
from handlers.notices import FACES, REASONS
from handlers.words import numbers_of
from storage import clock, feedback, invitations, tickets
from storage.events import Event
from storage.feedback import BAD, Asked

LONGEST = 1000
MENU = Option("/menu", "button.menu")
CALL_ME = "📞 Моля, обадете ми се."  # to staff, as if the person had written it


# --- how it was -----------------------------------------------------------------------------------------------------


async def face(chat: Chat) -> Finish | None:
    """One tap is kept; without one, the three are shown."""
    asked = await _asked(chat)
    if asked is None:
        return None
    who, said = chat.given("who"), chat.given("face")
    if said not in dict(FACES):
        chat.card(words("feedback.ask", title=_title(chat, asked.event)), *_faces(who))
        return None
    return Finish(feedback.keep, {**_whose(asked), "face": int(said)}, then="face_kept", given={"who": who})


async def face_kept(chat: Chat) -> None:
    """Thanks, and whether there is more to say."""
    asked = await _asked(chat)
    if asked is None:
        return
    who, label = chat.given("who"), dict(FACES)[str(asked.face)]
    chat.card(
        words("feedback.sorry" if asked.face == BAD else "feedback.thanks", face=words(label)),
        [Option(f"{feedback.ADD_WORDS}{who}", "button.add_words")],
        [Option("/thanks", "button.no_thanks")],
        [Option(f"/face {who}", "button.other_face")],
    )


async def thanks(chat: Chat) -> None:
    """Nothing more."""
    chat.card("feedback.bye", [MENU])


@dataclass(frozen=True, slots=True)
class Note:
    """Words, or a voice note where the channel brings one. The answer is {"words": …, "file": …}; empty for neither."""

    prompt: Phrase
    max_length: int = LONGEST
    takes: ClassVar[frozenset[str]] = frozenset({"voice"})  # the dialog asks before it lets one in

    def says(self, draft: Any) -> Phrase:
        return self.prompt

    def options(self, draft: Any) -> Sequence[Option]:
        return (Option("none", "button.no_thanks"),)

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        if code == "none" or said.among(self.options(draft)):
            return Answer({"words": "", "file": ""})
        text = incoming.text.strip() if incoming.kind is Kind.TEXT else ""
        if len(text) > self.max_length:
            return Miss(words("miss.long", limit=self.max_length))
        file = incoming.media.handle if incoming.media and incoming.media.kind == "voice" else ""
        return Answer({"words": text, "file": file}) if text or file else Miss("miss.text")


async def comment(chat: Chat) -> Finish | None:
    """Some words, or a voice."""
    asked = await _asked(chat)
    if asked is None:
        return None
    if not asked.face:
        return Finish(then="face", given={"who": chat.given("who")})
    voiced = "voice" in abilities.of(chat.person.channel).brings
    said = await chat.ask("note", Note("feedback.note_or_voice" if voiced else "feedback.note"))
    chat.say("feedback.kept" if any(said.values()) else "feedback.bye", apart=True)
    return Finish(feedback.note, {**_whose(asked), "text": said["words"], "file": said["file"]})


# --- why not --------------------------------------------------------------------------------------------------------


async def why(chat: Chat) -> Finish | None:
    """One tap is kept; without one, the reasons are shown."""
    asked = await _asked(chat)
    if asked is None:
        return None
    who, reason = chat.given("who"), chat.given("reason")
    if asked.attended:
        chat.card("why.came", *_faces(who))
        return None
    if reason not in dict(REASONS):
        reasons = [[Option(f"/why {who} {code}", label)] for code, label in REASONS]
        chat.card(words("why.ask", title=_title(chat, asked.event)), *reasons)
        return None
    given = {"who": who, "reason": reason}
    return Finish(invitations.missed_because, {**_whose(asked), "reason": reason}, then="why_kept", given=given)


async def why_kept(chat: Chat) -> None:
    """Thanks, when it is on again, and whether somebody shall call."""
    asked = await _asked(chat)
    if asked is None:
        return
    if chat.given("reason") == invitations.THERE:
        chat.card("why.there", [MENU])
        return
    event_id, contact_id = numbers_of(chat.given("who"))
    coming = await chat.fetch(feedback.next_date, activity=asked.event.activity, contact_id=contact_id)
    parts = [words("why.thanks"), *([await _next(chat, coming)] if coming else []), words("why.call")]
    more = [[details(coming, contact_id, "button.next_date")]] if coming else []
    call = [Option(f"/call_me {event_id}.{contact_id}", "button.call_me")]
    chat.card(Lines(tuple(parts)), call, *more, [Option("/thanks", "button.no_thanks")])


async def _next(chat: Chat, event: Event) -> Words:
    return words("why.next", when=shown_time(event.starts_at, await chat.fetch(clock.now), chat.programme.zone))


async def call_me(chat: Chat) -> Finish | None:
    """A mediator shall call: staff find it among the questions."""
    asked = await _asked(chat)
    if asked is None:
        return None
    chat.card(words("why.will_call", answer_within=chat.programme.answer_within), [MENU])
    about, secret = asked.event.activity, is_confidential(chat.programme, asked.event)
    values = {"text": CALL_ME, "about": about, "confidential": secret, "office": chat.programme.desk}
    return Finish(tickets.open_once, values)


# --- whose and of what ----------------------------------------------------------------------------------------------


async def _asked(chat: Chat) -> Asked | None:
    """What a button is about; said why not where it is nothing, not theirs, too early or long over."""
    event_id, contact_id = numbers_of(chat.given("who"))
    asked: Asked | None = None
    if event_id and contact_id:
        asked = await chat.fetch(feedback.asked, event_id=event_id, contact_id=contact_id)
    if asked is not None and asked.when == "open":
        return asked
    chat.card("feedback.early" if asked is not None and asked.when == "early" else "feedback.gone", [MENU])
    return None


def _title(chat: Chat, event: Event) -> Words:
    """What it is called; of something confidential, only that it was: others may look at the same screen."""
    return words("feedback.quietly") if is_confidential(chat.programme, event) else literal(event.title)


def _faces(who: str) -> list[list[Option]]:
    return [[Option(f"/face {who} {face}", label)] for face, label in FACES]


def _whose(asked: Asked) -> dict[str, int]:
    return {"event_id": asked.event.id, "contact_id": asked.contact_id}
