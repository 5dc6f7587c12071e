"""For whom something is: asked of staff by one thing or two, with the number of people, and put into words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

from bot.asking import Again
from bot.chat import Chat, Choice, Draft, Many, Option, Reading, Said, Search, literal, words
from bot.texts import Label, Lines, Words
from handlers.words import child_shown, class_of, languages
from storage import groups
from storage.groups import Reach

if TYPE_CHECKING:
    from bot.messages import Incoming
    from storage.programme import Activity, Programme

CRITERIA: Mapping[str, Label] = {
    "activities": "event.by_wish",
    "children": "event.by_class",
    "settlements": "event.by_place",
    "languages": "event.by_language",
    "all": "event.by_nothing",
}


async def ask_audience(chat: Chat, activity: Activity, kind: str) -> dict[str, Any]:
    """Whom to invite: by one thing, or by two that must both fit."""
    likely = {"meeting": "children", "outreach": "settlements", "public": "all"}.get(kind, "activities")
    order = [likely, *(criterion for criterion in CRITERIA if criterion != likely)]
    group = await _criterion(chat, "who", "event.ask_who", order, activity)
    reach = await _reach(chat, group, kind)
    narrower = [c for c in CRITERIA if c not in group and c != "all" and "all" not in group]
    narrow = [Option("narrow", "event.narrow")] if narrower and reach.people else []
    if await chat.ask("enough", _enough(chat, reach, group, narrow)) == "narrow":
        group |= await _criterion(chat, "also", "event.ask_narrower", narrower, activity)
        reach = await _reach(chat, group, kind)
        await chat.ask("surely", _enough(chat, reach, group, []))
    return group


async def _reach(chat: Chat, group: Mapping[str, Any], kind: str) -> Reach:
    found: Reach = await chat.fetch(groups.reach, group=group, rules=chat.programme.rules, kind=kind)
    return found


async def _criterion(chat: Chat, key: str, prompt: str, criteria: Sequence[str], activity: Activity) -> dict[str, Any]:
    by = await chat.ask(key, Choice(prompt, [_by(criterion, activity) for criterion in criteria]))
    match by:
        case "children":
            return {"children": await ask_classes(chat, key)}
        case "settlements":
            return {"settlements": [await ask_settlement(chat, key)]}
        case "languages":
            return {"languages": [await chat.ask(f"{key}-language", Choice("event.which_language", languages()))]}
        case "all":
            return {"all": True}
    return {"activities": [activity.code]}


def _by(criterion: str, activity: Activity) -> Option:
    named = criterion == "activities"
    return Option(criterion, words("event.by_wish", name=activity.name) if named else CRITERIA[criterion])


def _find(chat: Chat, typed: str) -> list[Option]:
    return [Option(s.code, literal(f"📍 {s.label}")) for s in chat.programme.suggest(typed)]


async def ask_settlement(chat: Chat, key: str) -> str:
    """One town or village, by its code."""
    towns = [Option(s.code, literal(f"📍 {s.label}")) for s in chat.programme.settlements if s.kind == "town"]
    code: str = await chat.ask(f"{key}-place", Search("event.which_place", towns, partial(_find, chat)))
    return code


@dataclass(frozen=True, slots=True)
class Classes(Many):
    """Classes, ticked one by one. „3 а“ after „3“ takes its place, and the other way round: both would mean „3“."""

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        """As of many; the last tick goes before what it is a part of."""
        reading = Many.read(self, incoming, code, draft, said)
        if not isinstance(reading, Draft):
            return reading
        before = self._ticks(draft)[0]
        ticked: list[str] = reading.value["ticked"]
        new = [one for one in ticked if one not in before]
        kept = [one for one in ticked if one in new or not any(_is_part(one, last) for last in new)]
        return replace(reading, value={**reading.value, "ticked": kept})


def _is_part(one: str, other: str) -> bool:
    """Whether one of the two is a class of the other, which is a whole year."""
    return one.startswith(f"{other} ") or other.startswith(f"{one} ")


async def ask_classes(chat: Chat, key: str, own: Mapping[str, int] | None = None) -> list[list[str]]:
    """Classes of one institution, or the whole of it. Where `own` counts people by institution, only of these."""
    known = [i for i in chat.programme.institutions if not own or own.get(i.code)]
    schools = [Option(i.code, literal(f"🏫 {i.short}{f' ({own[i.code]})' if own else ''}")) for i in known]
    code = await chat.ask(f"{key}-school", Choice("event.which_school", schools))
    school = chat.programme.institution(code)
    is_school = school.kind == "school"
    asked = words("event.which_class" if is_school else "event.which_group", school=literal(school.short))
    options = [Option(group, literal(group)) for group in school.groups]
    typed = partial(class_of, groups=school.groups)
    question = Classes(asked, options, none="event.whole_school", typed=typed, columns=4 if is_school else 1)
    return [[code, group] for group in await chat.ask(f"{key}-class-{code}", question) or [""]]


def _enough(chat: Chat, reach: Reach, group: Mapping[str, Any], narrow: Sequence[Option]) -> Again:
    """How many will be invited, and whether that is meant. Nobody is allowed too, but said."""
    known = [for_whom(chat.programme, group), *left_out(reach)]
    asked = words("event.will_invite", people=people(reach.people), lines=Lines(tuple(known)))
    prompt = asked if reach.people else words("event.will_invite_nobody", lines=known[0])
    fine = Option("yes", "event.yes_these" if reach.people else "event.yes_nobody")
    return Again(prompt, [fine, *narrow], again="event.other_people", withdraws=keys_of(chat))


def left_out(reach: Reach) -> list[Words]:
    """Those of them to whom we do not write, and why."""
    lines = [words("event.unreached", number=reach.unreached)] if reach.unreached else []
    lines += [words("event.stopped", number=reach.stopped)] if reach.stopped else []
    return [*lines, words("event.spared", number=reach.spared)] if reach.spared else lines


def keys_of(chat: Chat) -> tuple[str, ...]:
    """The keys of all answers that an audience is made of."""
    parts = ("school", "place", "language", *(f"class-{i.code}" for i in chat.programme.institutions))
    return ("enough", "surely", *(k for key in ("who", "also") for k in (key, *(f"{key}-{part}" for part in parts))))


# --- in words --------------------------------------------------------------------------------------------------------


def for_whom(programme: Programme, audience: Mapping[str, Any]) -> Words:
    """An audience in words."""
    parts: list[Words] = [Words("event.for_all")] if audience.get("all") else []
    parts += [words("event.for_wish", name=programme.activity(code).name) for code in audience.get("activities", ())]
    children = [child_shown(programme.institution(school), group) for school, group in audience.get("children", ())]
    parts += [words("event.for_parents", children=literal(", ".join(children)))] if children else []
    parts += [literal(programme.settlement(code).label) for code in audience.get("settlements", ())]
    parts += [o.label for o in languages() if o.code in audience.get("languages", ()) and isinstance(o.label, Words)]
    return words("event.line_for", whom=joined(parts))


def people(how_many: int) -> Words:
    """„1 човек“, „43 души“."""
    return Words("event.one_person") if how_many == 1 else words("event.many_people", number=how_many)


def joined(parts: Sequence[Words]) -> Words:
    """Several things on one line."""
    return reduce(lambda first, second: words("event.both", first=first, second=second), parts)
