"""An announcement in the making: what to say, to whom, one look at it as people will see it, and it goes.

Everything else has its usual answer already and is one button of the look: later, with buttons, in Romani too. What a
button sends, and to how many, stands on it; when that has changed meanwhile, it sends nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bot import abilities, when
from bot.asking import LOCAL, When
from bot.chat import Chat, Choice, Conflict, Finish, Option, Text, literal, words
from bot.texts import Label
from handlers.announce_look import AT, look, reached
from handlers.announce_plan import Found, Plan, starts_at
from handlers.announce_whom import ask_whom
from handlers.audience import people
from handlers.events import STAFF, here, local, sealed
from handlers.letter import Letter, letters
from handlers.words import number_of
from storage import broadcasts
from storage.broadcasts import STOPPED, WAITING, Broadcast

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bot.calendar import Rules
    from bot.chat import Acting

ROUNDS = 12  # looks in one conversation; whoever wants more goes on in another, with all that is decided
UNCHANGED = ("later", "now", "whom", "buttons")  # what leaves the announcement itself as it was shown
PLAIN = {"announce.ask_words": "announce.ask_plain", "announce.ask_romani": "announce.ask_romani_plain"}
VOICELESS = {**PLAIN, "announce.ask_words": "announce.ask_no_voice"}
DONE = Text("announce.ask_words")  # stands for a question that is answered: nobody sees it
NEW = Option("/announce", "announce.do_new")
ALL = Option("/announcements", "announce.do_list")


async def begin_announcement(chat: Chat) -> Finish:
    """A new one; from an event's card, to its guests."""
    event = number_of(chat.given("event"))
    return Finish(then="announce", given={"who": f"e{event}"} if event else {})


async def begin_correction(chat: Chat) -> Finish | None:
    """A new one to those who got the wrong one, and to nobody else."""
    wrong: Broadcast | None = await chat.fetch(broadcasts.for_staff, broadcast_id=number_of(chat.given("announcement")))
    if wrong is None or wrong.started_at is None:
        chat.card("announce.none_such", [ALL, STAFF])
        return None
    why: str = await chat.fetch(broadcasts.may_correct, broadcast_id=wrong.id)
    if why:
        chat.card(words(why), [NEW], [ALL, STAFF])
        return None
    return Finish(then="announce", given={"corrects": str(wrong.id)})


async def begin_reuse(chat: Chat) -> Finish | None:
    """One's own once more, with everything that is decided: what still waits goes in its new shape only."""
    one: Broadcast | None = await chat.fetch(broadcasts.for_staff, broadcast_id=number_of(chat.given("announcement")))
    if one is None or one.by_id != chat.person.contact_id:
        chat.card("announce.none_such", [ALL, STAFF])
        return None
    media = {language: found.to_json() for language, found in one.media.items()}
    letter, romani = ({"text": one.words.get(key, ""), "media": media.get(key)} for key in ("bg", "rom"))
    waits = one.status == WAITING
    at = local(chat, one.due_at).strftime(LOCAL) if waits else ""
    plan = Plan(letter, one.audience, romani, bool(one.buttons), at, corrects=one.corrects, instead=waits * one.id)
    step = {"step0": "later"} if chat.given("step") == "when" else {}
    return Finish(then="announce", given={"plan": plan.to_given(), **step})


# --- from the first word to the last button ---------------------------------------------------------------------------


async def announce(chat: Chat) -> Finish:
    """From the first word to the last button."""
    plan, found = await _begun(chat), Found()
    for n in range(ROUNDS):
        if not chat.given(f"step{n}"):
            plan = await _ask_again(chat, plan, found)
        said = await chat.ask(f"step{n}", DONE if chat.given(f"step{n}") else await look(chat, plan, found))
        if said == "send":
            values: dict[str, Any] = {"step": f"step{n}", "instead": plan.instead}
            values |= {"draft": plan.draft(), "starts": await starts_at(chat, plan), "rules": chat.programme.rules}
            given = {"announcement": "latest", "note": "published"}
            return Finish(publish, values, then="announcement", given=given)
        plan = await _changed(chat, plan, said, n)
    return Finish(then="announce", given={"plan": plan.to_given()})


async def _begun(chat: Chat) -> Plan:
    """What to say, and to whom; or what another conversation decided already."""
    if chat.given("plan"):
        return Plan.of_given(chat.given("plan"))
    corrects = number_of(chat.given("corrects"))
    wrong: Broadcast | None = await chat.fetch(broadcasts.for_staff, broadcast_id=corrects) if corrects else None
    letter = await chat.ask("words", _letter(chat, "announce.ask_right" if wrong else "announce.ask_words"))
    if wrong:
        return Plan(letter, wrong.audience, buttons=bool(wrong.buttons), corrects=wrong.id)
    return Plan(letter, await ask_whom(chat, "who"))


def _letter(chat: Chat, prompt: str, skip: Label | None = None) -> Letter:
    """The question for words; a picture or a voice is promised where it can be sent."""
    brings = abilities.of(chat.person.channel).brings
    instead = {} if "voice" in brings else VOICELESS if brings else PLAIN
    return Letter(instead.get(prompt, prompt), letters(chat.person.role), media=bool(brings), skip=skip)


def publish(
    connection: Connection, acting: Acting, *, step: str, draft: broadcasts.Draft, starts: datetime | None,
    rules: Rules, instead: int = 0,
) -> None:  # fmt: skip
    """Publish it; where that cannot be any more, the look at it is asked for once more, and why stands above."""
    try:
        _take_back(connection, acting, instead)
        broadcasts.publish(connection, acting, draft=draft, starts=starts, rules=rules)
    except Conflict as conflict:
        raise Conflict(step, conflict.why) from None


def _take_back(connection: Connection, acting: Acting, broadcast_id: int) -> None:
    """End the one that waits in its old shape, unless that was done already."""
    old = broadcasts.for_staff(connection, acting, broadcast_id) if broadcast_id else None
    if old and not (old.status == STOPPED and old.started_at is None):
        broadcasts.take_back(connection, acting, broadcast_id=old.id)


async def _changed(chat: Chat, plan: Plan, said: str, n: int) -> Plan:
    """The plan after one button of the look at it."""
    match said:
        case "later":
            plan = replace(plan, at=await chat.ask(f"when{n}", When("announce.ask_when", await here(chat))))
        case "now":
            plan = replace(plan, at="")
        case "buttons":
            plan = replace(plan, buttons=not plan.buttons)
        case "rom":
            romani = await chat.ask(f"rom{n}", _letter(chat, "announce.ask_romani", "announce.do_no_romani"))
            plan = replace(plan, romani=romani, again=None)
        case "words":
            plan = replace(plan, letter=await chat.ask(f"words{n}", _letter(chat, "announce.ask_words")), again=None)
        case "whom":
            plan = replace(plan, group=await ask_whom(chat, f"w{n}"), again=None)
        case _ if said.startswith(AT):
            plan = replace(plan, at=said.removeprefix(AT))
    return replace(plan, seen=said in UNCHANGED or said.startswith(AT), alone=said == "me")


# --- the same once more ----------------------------------------------------------------------------------------------


async def _ask_again(chat: Chat, plan: Plan, found: Found) -> Plan:
    """Where some of these people got the same words today: the others only, or all of them once more."""
    if plan.again is not None or plan.corrects:
        return plan
    told = {"words": plan.words, "media": plan.media, "audience": plan.group}
    before: tuple[datetime, int] | None = await chat.fetch(broadcasts.sent_before, **told)
    if before is None:
        return plan
    key = sealed("same", (plan.letter, plan.group))  # in Romani too it is the same
    if key not in found.again:
        found.again[key] = await chat.ask(key, await _same(chat, plan, found, *before)) == "all"
    return replace(plan, again=found.again[key])


async def _same(chat: Chat, plan: Plan, found: Found, at: datetime, number: int) -> Choice:
    reach = await reached(chat, plan, found)
    rest = [Option("rest", words("announce.do_rest", number=reach.get))] if reach.get else []
    sent = literal(when.full(local(chat, at), await here(chat)))
    asked = words("announce.sent_before", when=sent, people=people(number))
    return Choice(asked, [*rest, Option("all", "announce.do_again")])
