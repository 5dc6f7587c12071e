"""Who lives in the simulated town and what is planned there: drawn from the seed, made up throughout."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from bot.calendar import Rules
from storage.events import Draft
from tests.faults.year_history import TIMED, Traits
from tests.faults.year_hours import BAYRAMS, SOFIA

RULES = Rules(SOFIA, feast_days=BAYRAMS)
LANGUAGES, PURPOSES = ("bg", "bg", "rom"), ("work", "school", "both")
KINDS = ("training",) * 6 + ("meeting",) * 7 + ("course", "course", "appointment", "appointment", "outreach", "public")
# Days about which clocks change, and those around holidays: every year, however small, has events there.
SPECIAL = (
    "2026-03-29 15:00", "2026-03-30 09:00", "2026-03-29 04:30", "2026-10-25 11:00", "2026-10-26 09:15",
    "2026-10-25 03:30", "2026-04-14 10:00", "2026-04-13 17:00", "2026-05-24 12:00", "2026-05-26 08:00",
    "2026-03-03 14:00", "2026-03-04 10:00", "2026-09-08 17:30", "2026-12-27 15:00", "2026-12-29 11:00",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Map:
    """What the town is divided into: so much that an event concerns some thirty people."""

    classes: tuple[tuple[str, str], ...]
    settlements: tuple[str, ...]
    activities: tuple[str, ...]

    @classmethod
    def of(cls, people: int) -> Map:
        """For so many people."""
        rooms = [(f"school{n // 28}", f"{n // 4 % 7 + 1} {'абвг'[n % 4]}") for n in range(max(6, people // 28))]
        places, codes = range(max(4, people // 40)), range(max(4, people // 200))
        return cls(tuple(rooms), tuple(f"village{n}" for n in places), tuple(f"activity{n}" for n in codes))


@dataclass(frozen=True, slots=True)
class Settler:
    """Somebody and where they are reached: addresses of their own, and one they share."""

    contact: int
    traits: Traits
    addresses: tuple[tuple[int, str], ...]


def settlers(chance: random.Random, town: Map, number: int, first: int) -> list[Settler]:
    """So many people: alone or several at one phone, on one channel, on several, or on none."""
    found: list[Settler] = []
    while len(found) < number:
        crowd = chance.choice((1, 1, 1, 1, 2, 3, 4))
        shared = chance.choice(town.classes)
        home = first + len(found)
        for _ in range(min(crowd, number - len(found))):
            contact = first + len(found)
            own = _alone(chance, contact) if crowd == 1 else _at_home(chance, contact, home)
            found.append(Settler(contact, _traits(chance, town, shared if crowd > 1 else None), own))
    return found


def _alone(chance: random.Random, contact: int) -> tuple[tuple[int, str], ...]:
    """The numbers of addresses: a person's own, and a second one a million further."""
    kinds = chance.choice(("telegram",) * 6 + ("telegram web", "telegram web", "viber", "web", "tel", ""))
    return tuple((contact + 1_000_000 * n, kind) for n, kind in enumerate(kinds.split()))


def _at_home(chance: random.Random, contact: int, home: int) -> tuple[tuple[int, str], ...]:
    own = ((contact + 1_000_000, chance.choice(("telegram", "web"))),) if chance.random() < 0.15 else ()
    return ((home, "telegram"), *own)


def _traits(chance: random.Random, town: Map, shared: tuple[str, str] | None) -> Traits:
    children = chance.sample(town.classes, chance.choice((0, 0, 1, 1, 2)))
    if shared and shared not in children and chance.random() < 0.7:
        children.append(shared)
    if children and chance.random() < 0.1:
        school, group = children.pop()
        children.append((school, group.partition(" ")[0]))  # knows only the number of the class
    activities = tuple(chance.sample(town.activities, chance.choice((0, 0, 1, 2))))
    language, purpose = chance.choice(LANGUAGES), chance.choice(PURPOSES)
    return Traits(language, chance.choice(town.settlements), purpose, activities, tuple(sorted(children)))


def draft(chance: random.Random, town: Map, starts: datetime, leader: int) -> Draft:
    """An event, as staff would make it."""
    kind = chance.choice(KINDS)
    offsets = TIMED if chance.random() < 0.8 else tuple(chance.sample(TIMED, chance.randint(0, 3)))
    lasts = timedelta(minutes=chance.choice((30, 60, 90, 120, 180)))
    return Draft(
        kind, chance.choice(town.activities), "Среща", f"Зала {chance.randint(1, 9)}", "до пазара", "",
        _dates(chance, kind, starts, lasts), _capacity(chance, kind), leader, _audience(chance, town, kind), offsets,
    )  # fmt: skip


def _dates(chance: random.Random, kind: str, starts: datetime, lasts: timedelta) -> Sequence[tuple[datetime, datetime]]:
    match kind:
        case "course":
            begins = starts.astimezone(SOFIA)
            step = chance.choice((2, 3, 7, 7))
            days = [begins + timedelta(days=step * n) for n in range(chance.randint(3, 6))]  # by the clock on the wall
            return [(day.astimezone(UTC), day.astimezone(UTC) + lasts) for day in days]
        case "appointment":
            slots = [starts + timedelta(minutes=30 * n) for n in range(chance.randint(3, 6))]
            return [(slot, slot + timedelta(minutes=30)) for slot in slots]
    return [(starts, starts + lasts)]


def _capacity(chance: random.Random, kind: str) -> int | None:
    return chance.choice((None, 2, 4, 8)) if kind in ("training", "course", "outreach") else None


def _audience(chance: random.Random, town: Map, kind: str) -> dict[str, Any]:
    if kind == "meeting":
        school, group = chance.choice(town.classes)
        return {"children": [[school, chance.choice((*[group] * 9, group.partition(" ")[0]))]]}
    return chance.choice(
        [
            {"activities": [chance.choice(town.activities)], "settlements": chance.sample(town.settlements, 2)},
            {"settlements": [chance.choice(town.settlements)], "languages": ["rom"]},
            {"settlements": [chance.choice(town.settlements)], "purposes": ["work", "both"]},
            {"activities": [chance.choice(town.activities)], "languages": ["rom"], "purposes": ["work"]},
        ]
    )


def start_of(chance: random.Random, day: date) -> datetime:
    """A time at which something begins: mostly by day, now and then early, late, or at night."""
    hours = range(9, 19) if chance.random() < 0.85 else range(24)
    return datetime.combine(day, time(chance.choice(hours), chance.choice((0, 0, 15, 30, 40))), SOFIA).astimezone(UTC)


def special(number: int) -> datetime | None:
    """The first events of a year lie on its special days."""
    if number >= len(SPECIAL):
        return None
    return datetime.fromisoformat(SPECIAL[number]).replace(tzinfo=SOFIA).astimezone(UTC)
