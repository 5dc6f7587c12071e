"""Staff enter somebody in an activity, who has not come to any of its events yet."""

from __future__ import annotations

from collections.abc import Sequence

from bot.chat import Chat, Choice, Finish, Option, literal, words
from bot.privacy import initials
from handlers.event_people import SEARCHES, SHOWN, NameOrPhone, known
from handlers.question import OrWords
from handlers.words import activity_label, read_phone
from storage import door
from storage.door import Found

AGAIN = Option("again", "door.again")


async def enrol(chat: Chat) -> Finish | None:
    """First which activity, then who: found by name or phone."""
    offered = {a.code: a for a in chat.programme.activities if a.join}
    if (given := chat.given("activity")) and given not in offered:
        chat.card("activities.gone", [Option("/people_in", "button.back")])
        return None
    options = [Option(code, activity_label(activity)) for code, activity in offered.items()]
    code = await chat.ask("activity", Choice("enrol.activity", options))
    typed = await chat.ask("typed", NameOrPhone("enrol.who"))
    for number in range(SEARCHES):
        found: Sequence[Found] = await chat.fetch(door.find, typed=typed, phone=read_phone(typed))
        choice = await chat.ask(f"who-{number}", _whom(chat, found))
        if isinstance(choice, dict):
            typed = choice["words"]
            continue
        if choice == AGAIN.code:
            return Finish(then="enrol", given={"activity": code})
        one = next((one for one in found if f"c{one.contact_id}" == choice), None)
        name = "" if one is None else one.name if one.own else initials(one.name)
        chat.say(words("enrol.done", name=literal(name), activity=literal(offered[code].name)))
        said = {"contact_id": int(choice[1:]), "activity": code}
        return Finish(door.enrol, said, then="people_in", given={"activity": code})
    return Finish(then="people_in")


def _whom(chat: Chat, found: Sequence[Found]) -> OrWords:
    options = [known(chat.programme, one) for one in found[:SHOWN]]
    if not found:
        return OrWords("enrol.not_found", [AGAIN])
    return OrWords("door.too_many" if len(found) > SHOWN else "door.which", options)
