"""My data: see it all, correct it, have it as a file, delete it; and who else uses this chat."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from bot.chat import Chat, Choice, Finish, Option, YesNo, literal, words
from bot.messages import Document
from bot.privacy import initials
from bot.texts import Lines, Words
from handlers.registration import WITH_WORK
from handlers.words import child_shown, phone_shown
from storage import contacts, export, shared, stopping
from storage.contacts import Profile


async def my_data(chat: Chat) -> Finish | None:
    """What is kept, and what can be done with it."""
    mine = _of_today(chat, await chat.fetch(contacts.profile))
    linked = await chat.fetch(shared.is_linked)
    stopped = chat.person.status == "stopped"
    todo = ["correct", "file", "people", *(["unlink"] if linked else []), *([] if stopped else ["stop"]), "delete"]
    choice = await chat.ask("what", Choice(_shown(chat, mine), [Option(c, f"data.{c}") for c in todo]))
    match choice:
        case "correct":
            return _correction(mine)
        case "file":
            await _file(chat)
            return None
        case "people":
            return await people(chat)
        case "unlink":
            return await _sure(chat, "data.unlink_sure", "data.unlinked", Finish(shared.unlink, then="registration"))
        case "stop":
            chat.say("stopped.done", buttons=[Option("/resume", "button.resume")])
            return Finish(stopping.stop, {"form": "button"})
        case _:
            return await _sure(chat, "data.delete_sure", "data.deleted", _erase(chat))


async def forget(chat: Chat) -> Finish:
    """Somebody who never finished registering wants nothing of it to be kept."""
    return _gone(chat, "data.deleted", _erase(chat))


def _erase(chat: Chat) -> Finish:
    return Finish(stopping.erase, {"rules": chat.programme.rules})


async def _sure(chat: Chat, prompt: str, after: str, finish: Finish) -> Finish | None:
    if not await chat.ask("sure", YesNo(prompt, "button.yes_sure", "button.no_keep")):
        chat.say("data.kept")
        return None
    return _gone(chat, after, finish)


def _gone(chat: Chat, after: str, finish: Finish) -> Finish:
    chat.say(after, buttons=[] if finish.then else [Option("/start", "button.begin")])
    return finish


async def _file(chat: Chat) -> None:
    everything = await chat.fetch(export.everything)
    chat.say("data.file_ready", document=Document("moite-danni.json", "application/json", _pretty(everything)))


def _pretty(everything: dict[str, Any]) -> str:
    return json.dumps(everything, ensure_ascii=False, indent=1)


async def people(chat: Chat) -> Finish | None:
    """Several people behind one phone: only initials are shown. Also the way back for one who began by mistake."""
    here = [(number, name) for number, name in await chat.fetch(shared.people_here) if number != chat.person.contact_id]
    if not here and not chat.person.registered:
        return None
    others = [Option(f"c{number}", literal(f"👤 {initials(name)}")) for number, name in here]
    choice = await chat.ask("who", Choice("data.people_ask", [*others, Option("new", "data.people_new")]))
    if choice == "new":
        chat.say("data.people_welcome", buttons=[Option("/people", "data.people")])
        return Finish(shared.add_person if chat.person.registered else None, then="registration")
    number = int(choice[1:])
    if number not in dict(here):  # deleted meanwhile
        return Finish(then="people")
    chat.say(words("data.people_now", initials=initials(dict(here)[number])))
    return Finish(shared.switch_person, {"contact_id": number})


def _shown(chat: Chat, mine: Profile) -> Words:
    programme = chat.programme
    lines = [
        f"👤 {mine.name}",
        f"📞 {phone_shown(mine.phone)}" if mine.phone else "",
        f"📍 {programme.settlement(mine.settlement).label}" if mine.settlement else "",
        "🏫 " + ", ".join(child_shown(programme.institution(c.institution), c.group) for c in mine.children)
        if mine.children
        else "",
        "⭐ " + ", ".join(programme.activity(code).name for code in mine.interests) if mine.interests else "",
    ]
    parts = [literal(line) for line in lines if line]
    parts += [words(f"purpose.{mine.purpose}")] if mine.purpose else []
    parts += [words(f"work.{mine.work}")] if mine.work else []
    return words("data.shown", lines=Lines(tuple(parts)))


def _of_today(chat: Chat, mine: Profile) -> Profile:
    """Without activities that left the programme: nobody has a name for them any more."""
    return replace(mine, interests=[a.code for a in chat.programme.activities if a.code in mine.interests])


def _correction(mine: Profile) -> Finish:
    """The registration at its summary. Who came as staff was never asked for more than a name and a phone."""
    return Finish(then="registration", given=_given(mine)) if mine.purpose else Finish(then="details")


def _given(mine: Profile) -> dict[str, Any]:
    """A registration that is already answered, so that it begins at its summary."""
    given: dict[str, Any] = {
        "language": mine.language, "practice": "ok", "consent": "yes", "adult": True, "same": False,
        "phone": {"number": mine.phone, "own": mine.phone_is_own}, "name": mine.name, "settlement": mine.settlement,
        "purpose": mine.purpose, f"interests-{mine.purpose}": list(mine.interests),
    }  # fmt: skip
    if mine.work or mine.purpose in WITH_WORK:  # otherwise a new purpose asks
        given["work"] = mine.work or "skip"
    for child in mine.children:
        given.setdefault("institutions", []).append(child.institution)
        groups = given.setdefault(f"class-{child.institution}", [])
        groups += [child.group] if child.group else []  # none: „Не знам“ is an answer, and no group has an empty name
    if "institutions" in given:
        given["institutions"] = list(dict.fromkeys(given["institutions"]))
    return given
