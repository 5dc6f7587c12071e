"""An announcement in the making: what to say, to whom, one look at it as people will see it, and it goes.

Everything else has its usual answer already and is one button of the look: later, with buttons, in Romani too. What a
button sends, and to how many, stands on it; when that has changed meanwhile, it sends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bot import calendar, placeholders, when
from bot.asking import When
from bot.chat import Answer, Chat, Choice, Conflict, Draft, Finish, Miss, Option, Reading, Said, Text, literal, words
from bot.messages import Incoming, Media
from bot.texts import Label, Lines, Phrase, Words
from handlers import bulletin
from handlers.announce_whom import about, ask_whom, whom_shown
from handlers.audience import people
from handlers.events import STAFF, here, local, sealed
from handlers.letter import Letter, letters
from handlers.words import number_of
from storage import broadcasts
from storage.broadcasts import ANSWERS, MANY, Broadcast, Reach

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bot.calendar import Rules
    from bot.chat import Acting

ROUNDS = 12  # looks at one announcement
UNCHANGED = ("later", "now", "whom")  # what leaves the announcement itself as it was shown
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
    return Finish(then="announce", given={"corrects": str(wrong.id)})


# --- what it will be -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plan:
    """An announcement as far as it is decided."""

    letter: Mapping[str, Any]
    group: Mapping[str, Any]
    romani: Mapping[str, Any] = field(default_factory=dict)
    buttons: bool = False
    at: str = ""  # by the local clock; empty: now
    again: bool | None = None  # nobody was asked yet
    corrects: int = 0
    seen: bool = False  # as it stands it was shown above already

    @property
    def words(self) -> dict[str, str]:
        """What it says, by language."""
        romani = self.romani.get("text", "")
        return {"bg": self.letter["text"]} | ({"rom": romani} if romani else {})

    @property
    def media(self) -> dict[str, Media]:
        """What comes with it, by language."""
        found = {"bg": self.letter["media"], "rom": self.romani.get("media")}
        return {language: Media.from_json(raw) for language, raw in found.items() if raw}

    @property
    def codes(self) -> tuple[str, ...]:
        """The answers that it asks for."""
        return ANSWERS if self.buttons else ()

    def draft(self) -> broadcasts.Draft:
        """The same for storage."""
        return broadcasts.Draft(
            self.words, self.media, self.codes, self.group, again=bool(self.again), corrects=self.corrects
        )

    def marks(self) -> list[str]:
        """What only the guests of one event can be told, where the group is no such guests."""
        known = broadcasts.known_placeholders(self.group)
        return [mark for text in self.words.values() for mark in placeholders.unknown(text, known)]


async def announce(chat: Chat) -> Finish | None:
    """From the first word to the last button."""
    corrects = number_of(chat.given("corrects"))
    wrong: Broadcast | None = await chat.fetch(broadcasts.for_staff, broadcast_id=corrects) if corrects else None
    most = letters(chat.person.role)
    letter = await chat.ask("words", Letter("announce.ask_right" if wrong else "announce.ask_words", most))
    group = wrong.audience if wrong else await ask_whom(chat, "who")
    plan = Plan(letter, group, corrects=wrong.id if wrong else 0)
    decided: dict[str, bool] = {}
    for n in range(ROUNDS):
        if not chat.given(f"step{n}"):
            plan = await _ask_again(chat, plan, decided)
        said = await chat.ask(f"step{n}", DONE if chat.given(f"step{n}") else await _look(chat, plan))
        if said == "send":
            values = {"draft": plan.draft(), "starts": await _starts(chat, plan), "rules": chat.programme.rules}
            given = {"announcement": "latest", "note": "published"}
            return Finish(publish, {"step": f"step{n}", **values}, then="announcement", given=given)
        plan = await _changed(chat, plan, said, n)
    chat.card("announce.start_over", [NEW], [STAFF])
    return None


def publish(
    connection: Connection, acting: Acting, *, step: str, draft: broadcasts.Draft, starts: datetime | None, rules: Rules
) -> None:
    """Publish it; where that cannot be any more, the look at it is asked for once more, and why stands above."""
    try:
        broadcasts.publish(connection, acting, draft=draft, starts=starts, rules=rules)
    except Conflict as conflict:
        raise Conflict(step, conflict.why) from None


async def _changed(chat: Chat, plan: Plan, said: str, n: int) -> Plan:
    """The plan after one button of the look at it."""
    most = letters(chat.person.role)
    match said:
        case "later":
            plan = replace(plan, at=await chat.ask(f"when{n}", When("announce.ask_when", await here(chat))))
        case "now":
            plan = replace(plan, at="")
        case "buttons":
            plan = replace(plan, buttons=not plan.buttons)
        case "rom":
            romani = await chat.ask(f"rom{n}", Letter("announce.ask_romani", most, skip="announce.do_no_romani"))
            plan = replace(plan, romani=romani, again=None)
        case "words":
            plan = replace(plan, letter=await chat.ask(f"words{n}", Letter("announce.ask_words", most)), again=None)
        case "whom":
            plan = replace(plan, group=await ask_whom(chat, f"w{n}"), again=None)
    return replace(plan, seen=said in UNCHANGED)


async def _starts(chat: Chat, plan: Plan) -> datetime | None:
    """When it shall go, UTC; None for at once. An hour that has passed meanwhile is now."""
    at = local_moment(chat, plan.at)
    return at.astimezone(UTC) if at and at > await here(chat) else None


def local_moment(chat: Chat, kept: str) -> datetime | None:
    """A kept answer in the programme's zone."""
    return datetime.fromisoformat(kept).replace(tzinfo=chat.programme.zone) if kept else None


# --- the same once more ----------------------------------------------------------------------------------------------


async def _ask_again(chat: Chat, plan: Plan, decided: dict[str, bool]) -> Plan:
    """Where some of these people got the same words today: the others only, or all of them once more.

    `decided` holds what was said of other words and groups on the way here: nobody is asked that twice.
    """
    if plan.again is not None or plan.corrects:
        return plan
    told = {"words": plan.words, "audience": plan.group}
    before: tuple[datetime, int] | None = await chat.fetch(broadcasts.sent_before, **told)
    if before is None:
        return plan
    key = sealed("same", told)
    if key not in decided:
        decided[key] = await chat.ask(key, await _same(chat, plan, *before)) == "all"
    return replace(plan, again=decided[key])


async def _same(chat: Chat, plan: Plan, at: datetime, number: int) -> Choice:
    reached: Reach = await _reach(chat, plan)
    rest = [Option("rest", words("announce.do_rest", number=reached.get))] if reached.get else []
    sent = literal(when.full(local(chat, at), await here(chat)))
    asked = words("announce.sent_before", when=sent, people=people(number))
    return Choice(asked, [*rest, Option("all", "announce.do_again")])


# --- the look at it --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ready:
    """One look at what will go, with everything that can still be done. The answer is what shall be done.

    The button that sends carries a seal of what it sends and to how many: pressed when that has changed, it sends
    nothing. No number and no „да“ stands for it.
    """

    prompt: Phrase
    seal: str
    send: Label | None  # none where nobody would get it
    ways: Sequence[Option]
    changes: Sequence[Option]
    back_clears_draft: bool = True

    def says(self, draft: Any) -> Phrase:
        """What will happen."""
        return self.prompt

    def options(self, draft: Any) -> Sequence[Option]:
        """What can be done; or what can be changed."""
        if draft:
            return self.changes
        send = [Option(f"send-{self.seal}", self.send)] if self.send else []
        return [*send, *self.ways, Option("change", "button.change")]

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        """A button, or its words."""
        code = code or said.among(self.options(draft), by_number=False)
        if code == "change":
            return Draft(True)
        if code.startswith("send"):
            return Answer("send") if self.send and code == f"send-{self.seal}" else Miss("announce.changed")
        return Answer(code) if any(o.code == code for o in (*self.ways, *self.changes)) else Miss("miss.choose")


DONE = Text("announce.ask_words")  # stands for a question that is answered: nobody sees it


async def _look(chat: Chat, plan: Plan) -> Ready:
    reach: Reach = await _reach(chat, plan)
    now, starts = await here(chat), await _starts(chat, plan)
    opens = calendar.next_open(chat.programme.rules, (starts or now).astimezone(UTC))
    is_later = opens > (starts or now)
    problem = _problem(plan, reach)
    if not plan.seen:
        await _show(chat, plan, now)
    lines = [
        *([problem] if problem else [words("announce.this_is_it", people=people(reach.get))]),
        await whom_shown(chat, plan.group) if not plan.corrects else Words("announce.to_the_same"),
        *left_out(reach),
        *([] if problem else _when(chat, starts, opens if is_later else None, now, reach)),
    ]
    seal = sealed("", (plan.draft(), starts, opens if is_later else None, reach.get))[1:]
    send = None if problem else words("announce.do_send", people=people(reach.get))
    changes = [Option("words", "announce.do_words"), *([] if plan.corrects else [Option("whom", "announce.do_whom")])]
    return Ready(Lines(tuple(lines)), seal, send, _ways(plan), changes)


def _ways(plan: Plan) -> list[Option]:
    return [
        Option("me", "announce.do_me"),
        Option("now", "announce.do_now") if plan.at else Option("later", "announce.do_later"),
        Option("buttons", "announce.do_no_buttons" if plan.buttons else "announce.do_buttons"),
        Option(
            "rom",
            "announce.do_other_romani" if "rom" in bulletin.languages(plan.words, plan.media) else "announce.do_romani",
        ),
    ]


def _problem(plan: Plan, reach: Reach) -> Words | None:
    """Why it cannot go as it is."""
    if marks := plan.marks():
        return words("announce.needs_event", mark=literal(f"(({marks[0]}))"))
    if not plan.group or not reach.people:
        return Words("announce.nobody")
    return None if reach.get else Words("announce.nobody_gets")


async def _reach(chat: Chat, plan: Plan) -> Reach:
    asked = {"audience": plan.group, "words": plan.words, "rules": chat.programme.rules}
    found: Reach = await chat.fetch(broadcasts.reach, **asked, again=bool(plan.again), corrects=plan.corrects)
    return found


async def _show(chat: Chat, plan: Plan, now: datetime) -> None:
    """The announcement in each language as people will get it, with buttons that only say that they are none yet."""
    me = chat.person.name
    reader = bulletin.Reader(chat.programme, me, await about(chat, plan.group), me, now)
    for language in bulletin.languages(plan.words, plan.media):
        shown = bulletin.shown(plan.words, plan.media, language, reader)
        buttons = [Option("/example", bulletin.LABELS[code]) for code in plan.codes]
        chat.say(shown.text, media=shown.media, buttons=buttons, apart=True)


def left_out(reach: Reach) -> list[Words]:
    """„12 няма да получат: 7 спрели, 3 без канал, 2 вече получиха днес“."""
    reasons = {
        "announce.why_stopped": reach.stopped,
        "announce.why_unreached": reach.unreached,
        "announce.why_told": reach.told_today,
        "announce.why_week": reach.week_full,
        "announce.why_home": reach.household,
    }
    why = [words(key, number=number) for key, number in reasons.items() if number]
    number = sum(reasons.values())
    if not why:
        return []
    return [words("announce.left_one" if number == 1 else "announce.left_out", number=number, why=bulletin.listed(why))]


def _when(chat: Chat, starts: datetime | None, opens: datetime | None, now: datetime, reach: Reach) -> list[Words]:
    """When it goes, and why not sooner."""
    held, at = reach.get > MANY, opens or starts
    if at is None:
        return [Words("announce.goes_held" if held else "announce.goes_now")]
    goes = words("announce.goes_quiet" if opens else "announce.goes_at", when=literal(when.full(local(chat, at), now)))
    return [goes, *([Words("announce.held_later")] if held else [])]
