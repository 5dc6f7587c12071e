"""The look at an announcement before it goes: to how many, when, the words as people get them, the button that sends.

What is rarer stands behind one more button, so that a small telephone shows the one that sends. What it sends, and to
how many, stands on it; when that has changed meanwhile, it sends nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot import calendar, when
from bot.asking import When
from bot.chat import Answer, Chat, Draft, Miss, Option, Reading, Said, literal, words
from bot.messages import Incoming, Kind
from bot.texts import Label, Lines, Phrase, Words
from handlers import bulletin
from handlers.announce_plan import Found, Plan, starts_at
from handlers.announce_whom import about, whom_shown
from handlers.announce_words import free_on, left_out, moment, spoken, why_later
from handlers.audience import people
from handlers.costs import bill
from handlers.events import here, local, sealed
from storage import broadcasts, costs, recipients, wording
from storage.broadcasts import MANY, PAUSED, RUNNING, Broadcast, Reach
from storage.recipients import ToCall

AT = "at-"  # before an hour that was typed under the look


@dataclass(frozen=True, slots=True)
class Ready:
    """One look at what will go, with everything that can still be done. The answer is what shall be done.

    The button that sends carries a seal of what it sends and to how many: pressed when that has changed, it sends
    nothing. No number and no „да“ stands for it.
    """

    prompt: Phrase
    seal: str
    send: Label | None  # none where nobody would get it
    ways: Sequence[Option]  # that are likely now
    more: Sequence[Option]  # that are behind one button
    when: When | None = None  # where an hour may be typed
    day: str = ""  # that is meant where an hour alone is typed
    back_clears_draft: bool = True

    def says(self, draft: Any) -> Phrase:
        """What will happen."""
        return self.prompt

    def options(self, draft: Any) -> Sequence[Option]:
        """What is likely, or all that is rarer."""
        if draft:
            return self.more
        send = [Option(f"send-{self.seal}", self.send)] if self.send else []
        return [*send, *self.ways, Option("more", "announce.do_more")]

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        """A button, or its words; or another hour."""
        code = code or said.among([*self.options(None), *self.more], by_number=False)
        if code == "more":
            return Draft(True)
        if code.startswith("send"):
            return Answer("send") if self.send and code == f"send-{self.seal}" else Miss("announce.changed")
        if any(option.code == code for option in (*self.ways, *self.more)):
            return Answer(code)
        return self._hour(incoming, said) if self.when and incoming.kind is Kind.TEXT else Miss("miss.choose")

    def _hour(self, incoming: Incoming, said: Said) -> Reading:
        """A number alone is no hour here."""
        found = self.when.read(incoming, "", {"day": self.day} if self.day else None, said) if self.when else None
        if isinstance(found, Answer) and not incoming.text.strip().isdigit():
            return Answer(f"{AT}{found.value}")
        return Miss("miss.choose")


async def look(chat: Chat, plan: Plan, found: Found) -> Ready:
    """How it stands now, with everything that can be done about it."""
    reach = await reached(chat, plan, found)
    now, starts = await here(chat), await starts_at(chat, plan)
    opens = calendar.next_open(chat.programme.rules, (starts or now).astimezone(UTC))
    is_later = opens > (starts or now)
    problem = _problem(plan, reach) or await _over(chat, plan)
    held = reach.get > MANY
    waits = is_later or starts is not None
    at = local(chat, broadcasts.comes(starts, now, chat.programme.rules, held=held)) if waits else None
    if plan.alone or (plan.media and not plan.seen):
        await _show(chat, plan, now)
    lines = [
        *([problem] if problem else []),
        await _to_whom(chat, plan, None if problem else reach.get),
        *([] if problem else _when(chat, local(chat, starts) if starts else now, at, now, is_quiet=is_later)),
        *([] if problem else await _second(chat, held=held, waits=waits)),
        *left_out(reach),
        *([] if problem else await _bill(chat, plan, opens)),
        *(await _free(chat, plan, now) if problem and reach.week_full and not reach.get else []),
        *await _about_the_wrong(chat, plan),
        *await _seen(chat, plan, now),
    ]
    seal = sealed("", (plan.draft(), starts, opens if is_later else None, reach.get))[1:]
    send = None if problem else _send(at, now, reach.get)
    ways = _likely(plan, stands=not problem, waits=waits)
    more = [option for option in _rarer(plan) if option.code not in {way.code for way in ways}]
    typed = When("announce.ask_when", now) if at else None
    return Ready(Lines(tuple(lines)), seal, send, ways, more, typed, f"{at:%Y-%m-%d}" if at else "")


def _send(at: datetime | None, now: datetime, number: int) -> Words:
    """What the button does, to how many, and when, if not at once."""
    if at is None:
        return words("announce.do_send", people=people(number))
    return words("announce.do_send_at", when=literal(moment(at, now)), people=people(number))


def _likely(plan: Plan, *, stands: bool, waits: bool) -> list[Option]:
    """What comes next beside sending: another hour for what waits; other words or people where it cannot go so."""
    if not stands:
        whom = [] if plan.corrects else [Option("whom", "announce.do_whom")]
        return [*whom, Option("words", "announce.do_words")] if plan.marks() or plan.media else whom
    if not waits:
        return []
    now = [Option("now", "announce.do_now")] if plan.at else []
    return [Option("later", "announce.do_other_time"), *now]


def _rarer(plan: Plan) -> list[Option]:
    is_romani = "rom" in bulletin.languages(plan.words, plan.media)
    return [
        Option("me", "announce.do_me"),
        Option("later", "announce.do_later"),
        Option("buttons", "announce.do_no_buttons" if plan.buttons else "announce.do_buttons"),
        Option("rom", "announce.do_other_romani" if is_romani else "announce.do_romani"),
        Option("words", "announce.do_words"),
        *([] if plan.corrects else [Option("whom", "announce.do_whom")]),
    ]


async def _to_whom(chat: Chat, plan: Plan, number: int | None) -> Words:
    """„👥 10 души · родители: ОУ …, 3 а клас“."""
    whom = Words("announce.to_the_same") if plan.corrects else (await whom_shown(chat, plan.group)).values["whom"]
    if number is None:
        return words("event.line_for", whom=whom)
    return words("announce.look", people=people(number), whom=whom)


async def _seen(chat: Chat, plan: Plan, now: datetime) -> list[Words]:
    """The announcement as people will get it; what comes with a picture stands above."""
    reader, lines = await _reader(chat, plan, now), [Words("announce.this_is_it")] if plan.media else list[Words]()
    for language in [] if plan.media else bulletin.languages(plan.words, plan.media):
        shown = bulletin.shown(plan.words, plan.media, language, reader)
        lines += [Words("announce.seen_rom" if language == "rom" else "announce.seen_so"), *shown.text.parts]
    if plan.codes:
        labels = {code: words(str(bulletin.LABELS[code])) for code in plan.codes}
        lines += [literal(""), words("announce.with_buttons", **labels)]
    return lines


async def _free(chat: Chat, plan: Plan, now: datetime) -> list[Words]:
    """When those who have heard enough this week can be told something again."""
    asked = {"audience": plan.group, "words": plan.words, "media": plan.media, "again": bool(plan.again)}
    day: datetime | None = await chat.fetch(free_on, rules=chat.programme.rules, asked=asked)
    if day is None:
        return [Words("announce.free_soon")]
    return [words("announce.free_on", day=literal(when.day_label(local(chat, day).date(), now)))]


def _problem(plan: Plan, reach: Reach) -> Words | None:
    """Why it cannot go as it is."""
    if marks := plan.marks():
        return words("announce.needs_event", mark=literal(f"(({marks[0]}))"))
    if not plan.group or not reach.people:
        return Words("announce.nobody")
    return None if reach.get else Words("announce.nobody_gets")


async def _over(chat: Chat, plan: Plan) -> Words | None:
    """With a picture there is room for fewer words, once everything is put in for a reader with a long name."""
    if not plan.media:
        return None
    over: int = await chat.fetch(wording.over_caption, said=plan.words, audience=plan.group)
    return words("announce.over_caption", over=over) if over else None


async def _about_the_wrong(chat: Chat, plan: Plan) -> list[Words]:
    """A correction ends what it corrects, where that still runs. Whoever heard that by telephone has to be called."""
    wrong: Broadcast | None = await chat.fetch(broadcasts.for_staff, broadcast_id=plan.corrects)
    if wrong is None or not plan.corrects:
        return []
    ends = [Words("announce.stops_wrong")] if wrong.status in (RUNNING, PAUSED) else []
    return [*ends, *await told_by_phone(chat, wrong.id)]


async def told_by_phone(chat: Chat, wrong: int) -> list[Words]:
    """How many were told by telephone what was wrong."""
    called: Sequence[ToCall] = await chat.fetch(recipients.call_list, broadcast_id=wrong)
    number = sum(one.called == "yes" for one in called)
    return [words("announce.told_by_phone", people=people(number))] if number else []


async def reached(chat: Chat, plan: Plan, found: Found) -> Reach:
    """Whom it reaches, counted once: it is the one thing here that grows with the number of people."""
    asked = {"audience": plan.group, "words": plan.words, "media": plan.media, "again": bool(plan.again)}
    key = repr((asked, plan.corrects))
    if key not in found.reach:
        rules = chat.programme.rules
        found.reach[key] = await chat.fetch(broadcasts.reach, **asked, corrects=plan.corrects, rules=rules)
    return found.reach[key]


async def _bill(chat: Chat, plan: Plan, at: datetime) -> list[Words]:
    """What it costs, where it does; asked of nobody's database where nothing costs."""
    if not chat.tariffs:
        return []
    asked = {"audience": plan.group, "words": plan.words, "media": plan.media, "again": bool(plan.again)}
    rules = chat.programme.rules
    paid = await chat.fetch(costs.of_announcement, **asked, corrects=plan.corrects, rules=rules, at=at)
    return await bill(chat, paid, at)


async def _show(chat: Chat, plan: Plan, now: datetime) -> None:
    """The announcement in each language as people will get it, with buttons that only say that they are none yet."""
    reader = await _reader(chat, plan, now)
    for language in bulletin.languages(plan.words, plan.media):
        shown = bulletin.shown(plan.words, plan.media, language, reader)
        buttons = [Option("/example", bulletin.LABELS[code]) for code in plan.codes]
        chat.say(shown.text, media=shown.media, buttons=buttons, apart=True)


async def _reader(chat: Chat, plan: Plan, now: datetime) -> bulletin.Reader:
    me, event = chat.person.name, await about(chat, plan.group)
    return bulletin.Reader(chat.programme, me, event, me, now, corrects=bool(plan.corrects))


def _when(chat: Chat, wanted: datetime, at: datetime | None, now: datetime, *, is_quiet: bool) -> list[Words]:
    """When it goes, and why not at the hour that is wanted."""
    if at is None:
        return []
    key = why_later(chat.programme.rules, wanted, is_now=wanted <= now) if is_quiet else "announce.goes_at"
    return [words(key, when=spoken(at, now))]


async def _second(chat: Chat, *, held: bool, waits: bool) -> list[Words]:
    """Who may stop it until then; when it goes, where that is soon."""
    if not held:
        return [] if waits else [Words("announce.goes_now")]
    seen = await chat.fetch(broadcasts.colleagues)
    if waits:
        return [Words("announce.held_later" if seen else "announce.held_alone")]
    return [Words("announce.goes_held" if seen else "announce.goes_alone")]
