"""Answering a question: in words, by a voice note or a photo, with an answer that is ready.

What will be sent, and to whom, stands above and on the button; nothing leaves without that tap. If a colleague has
answered or taken it meanwhile, that is shown first.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from bot import placeholders
from bot.chat import Answer, Chat, Finish, Miss, Option, Reading, Said, Withdraw, literal, words
from bot.messages import Incoming, Kind, Media
from bot.placeholders import HOURS, IN_ANSWERS, NAME, PHONE
from bot.privacy import short_name
from bot.texts import Lines, Phrase, Words
from handlers.events import STAFF
from handlers.letter import too_long, unknown_mark
from handlers.ticket_notices import answer_lines
from handlers.ticket_words import QUOTED, Look, told
from handlers.tickets import QUESTIONS, look_of, meant, no_way, to_call
from handlers.words import number_of
from storage import ticket_copies, ticket_desk, ticket_view
from storage.media import LARGEST
from storage.ticket_view import RESIDENT

if TYPE_CHECKING:
    from storage.programme import Canned, Programme
    from storage.ticket_view import Ticket, Way

LONGEST = 900  # letters: with the signature it still fits under a photo
MEDIA = frozenset({"photo", "voice", "document"})
MEGA = 1024 * 1024


async def answer(chat: Chat) -> Finish | None:
    """What to say, one look at it, and it goes."""
    seen = await meant(chat)
    if seen is None:
        chat.card("ticket.none_such", [QUESTIONS], [STAFF])
        return None
    way: Way | None = await chat.fetch(ticket_view.way_back, ticket_id=seen.id)
    if way is None:
        chat.card(Lines((Words("ticket.no_way"), no_way(chat, seen))), *to_call(chat, seen), [QUESTIONS, STAFF])
        return None
    look = await look_of(chat)
    asks = Lines((*told(seen, look), literal(""), words("ticket.ask_answer", name=literal(short_name(seen.name)))))
    said = await chat.ask("said", Written(asks, chat.programme.answers))
    text = filled(chat.programme, seen, said["text"])
    if said["media"]:
        chat.say("ticket.this_too", media=Media.from_json(said["media"]))
    await chat.ask("sure", _look(chat, seen, way, look, text, said["media"]))
    promises = bool(said.get("promises"))
    values = {
        "ticket_id": seen.id, "text": text, "media": said["media"], "rules": chat.programme.rules,
        "seen": ticket_desk.stamp(seen, look.reader), "promised": chat.programme.desk if promises else None,
    }  # fmt: skip
    note = "promised" if promises else "sent"
    return Finish(ticket_desk.answer, values, then="ticket", given={"ticket": str(seen.id), "note": note})


async def canned(chat: Chat) -> Finish:
    """An answer that is ready, by its number in the programme's file: it is only looked at before it goes."""
    ready, number = chat.programme.answers, number_of(chat.given("which"))
    said = {"said": _ready(ready[number - 1])} if 1 <= number <= len(ready) else {}
    return Finish(then="answer", given={"ticket": chat.given("ticket"), **said})


def _ready(one: Canned) -> dict[str, Any]:
    return {"text": one.text, "media": None, "promises": one.promises}


def filled(programme: Programme, seen: Ticket, text: str) -> str:
    """With everything put in for whoever asked."""
    first, who = seen.name.partition(" ")[0], programme.person
    return placeholders.fill(text, {NAME: first, PHONE: who.phone, HOURS: who.hours})


# --- what is written ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Written:
    """Words as they were typed, something recorded, or a ready answer. The answer is {"text": …, "media": …}.

    One that is ready and only promises something says so too: {…, "promises": true}.
    """

    takes: ClassVar[frozenset[str]] = MEDIA
    prompt: Phrase
    ready: Sequence[Canned]

    def says(self, draft: Any) -> Phrase:
        """The question that is answered, and that an answer is wanted."""
        return self.prompt

    def options(self, draft: Any) -> Sequence[Option]:
        """What is ready; it is still looked at before it goes."""
        return [Option(f"c{number}", literal(one.name)) for number, one in enumerate(self.ready, 1)]

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        """Lines and marks stay as they were typed."""
        if code[:1] == "c" and code[1:].isdecimal() and 1 <= int(code[1:]) <= len(self.ready):
            return Answer(_ready(self.ready[int(code[1:]) - 1]))
        text = incoming.text.strip() if incoming.kind is Kind.TEXT else ""
        media = incoming.media if incoming.media and incoming.media.kind in MEDIA else None
        problem = _problem(text, media)
        return Miss(problem) if problem else Answer({"text": text, "media": media.to_json() if media else None})


def _problem(text: str, media: Media | None) -> Phrase | None:
    if not text and media is None:
        return "ticket.words_or_voice"
    if media and media.size > LARGEST:
        return words("ticket.file_big", most=LARGEST // MEGA)
    return too_long(text, LONGEST) or unknown_mark(text, IN_ANSWERS)


# --- the look at it -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sure:
    """The last look. The button holds a seal of all that it sends and of what a colleague has done: no other will do.

    No number, no „да“ and no picture stands for it.
    """

    prompt: Phrase
    seal: str
    send: Words

    def says(self, draft: Any) -> Phrase:
        """All that will be sent, and how it stands."""
        return self.prompt

    def options(self, draft: Any) -> Sequence[Option]:
        """Send it, or write something else."""
        return [Option(f"send-{self.seal}", self.send), Option("change", "button.change")]

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        """Only the button itself, or its whole words."""
        code = code or said.among(self.options(draft), by_number=False)
        if code == "change":
            return Withdraw(("said",))
        if code == f"send-{self.seal}":
            return Answer(True)
        return Miss("ticket.changed" if code.startswith("send-") else "ticket.press_to_send")


def _look(chat: Chat, seen: Ticket, way: Way, look: Look, text: str, media: Mapping[str, Any] | None) -> Sure:
    for_whom = seen.name if way.is_shared else ""
    lines = answer_lines(chat.programme, for_whom, text, chat.person.name)
    goes = ticket_copies.goes_at(seen, look.now, chat.programme.rules)
    later = [words("ticket.goes_later", when=literal(look.shown(goes)))] if goes > look.now else []
    name = literal(short_name(seen.name))
    warned = [*meanwhile(seen, look), *later]
    above = [*warned, literal("")] if warned else []
    prompt = Lines((*above, words("ticket.will_get", name=name), literal(""), *lines))
    seal = zlib.crc32(repr((text, media, for_whom, ticket_desk.stamp(seen, look.reader))).encode())
    return Sure(prompt, f"{seal:x}", words("ticket.do_send", name=name))


def meanwhile(seen: Ticket, look: Look) -> list[Words]:
    """What a colleague has done about it: answered, in their words, or taken it."""
    given = seen.answer
    asked = max(one.id for one in seen.said if one.side == RESIDENT)
    if given is not None and given.by_id != look.reader and given.id > asked:
        text = given.text if len(given.text) <= QUOTED else f"{given.text[:QUOTED]}…"
        shown = f"„{text}“" if text else "🎤"
        return [words("ticket.answered_by", name=_first(given.by), text=literal(shown))]
    if seen.taken_by not in (None, look.reader):
        return [words("ticket.taken_by", name=_first(seen.taker))]
    return []


def _first(name: str) -> Words:
    return literal(name.partition(" ")[0]) if name else Words("ticket.a_colleague")
