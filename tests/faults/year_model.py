"""The town as the judge knows it: who is reached where, who is invited, what they said, who has a seat.

Built from the acts alone, by the rules as people were told them; never from what the service made of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.faults.year_history import AFTER, CHANGE, INVITE, MISSED, WEEK, Facts, Registered, Traits
from tests.faults.year_hours import first_allowed

RINGS = {"telegram": 0, "viber": 1, "web": 2}
SEAT, WAITS = "seat", "waiting"
OPEN_TO_ALL = ("public", "outreach")


@dataclass(slots=True)
class Person:
    traits: Traits
    activities: set[str]
    addresses: set[int] = field(default_factory=set)
    status: str = "active"


@dataclass(slots=True)
class Home:
    channel: str
    status: str = "active"
    residents: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Guest:
    source: str
    said: str = ""
    seat: str = ""
    since: datetime | None = None
    came: bool | None = None


class Model:
    """People, homes, events and guests. Every method applies one act."""

    def __init__(self) -> None:
        self.people: dict[int, Person] = {}
        self.homes: dict[int, Home] = {}
        self.events: dict[int, Facts] = {}
        self.guests: dict[int, dict[int, Guest]] = defaultdict(dict)
        self._behind: dict[int, list[int]] = defaultdict(list)  # lead → its later dates or slots
        self._marked: dict[int, set[int]] = defaultdict(set)  # contact → events at which they were expected
        self._touched: list[int] = []  # contacts who may have come into an audience, in order
        self._looked: dict[tuple[int, bool], int] = {}  # event → how many of those it has looked at

    def publish(self, events: Iterable[Facts]) -> None:
        for event in events:
            self.events[event.id] = event
            if event.lead:
                self._behind[event.lead].append(event.id)

    # --- people ---------------------------------------------------------------------------------------------------

    def register(self, entry: Registered) -> None:
        traits = entry.traits
        person = self.people[entry.contact] = Person(traits, set(traits.activities))
        for number, channel in entry.addresses:
            self.homes.setdefault(number, Home(channel)).residents.add(entry.contact)
            person.addresses.add(number)
        self._touched.append(entry.contact)

    def join(self, contact: int, activity: str) -> None:
        self.people[contact].activities.add(activity)
        self._touched.append(contact)

    def reached(self, contact: int) -> list[int]:
        """The addresses at which a message may reach somebody, the one that rings first."""
        homes = [(RINGS[h.channel], -n) for n, h in self._active(contact) if h.channel in RINGS]
        return [-number for _, number in sorted(homes)]

    def _active(self, contact: int) -> Iterator[tuple[int, Home]]:
        for number in self.people[contact].addresses:
            if self.homes[number].status == "active":
                yield number, self.homes[number]

    def stop(self, contact: int, address: int) -> None:
        self.people[contact].status = self.homes[address].status = "stopped"

    def resume(self, contact: int, address: int) -> None:
        self.people[contact].status = self.homes[address].status = "active"

    def block(self, address: int, contacts: Iterable[int]) -> None:
        """An address is gone; whoever has no other is cut off. A „стоп“ stays a „стоп“."""
        if self.homes[address].status != "stopped":
            self.homes[address].status = "blocked"
        for contact in contacts:
            if self.people[contact].status == "active" and not any(self._active(contact)):
                self.people[contact].status = "blocked"

    def unblock(self, address: int) -> None:
        """A home is back, and with it everybody there."""
        if self.homes[address].status != "stopped":
            self.homes[address].status = "active"
        for contact in self.homes[address].residents:
            if self.people[contact].status == "blocked":
                self.people[contact].status = "active"

    def erase(self, contact: int) -> None:
        person = self.people[contact]
        person.status = "archived"
        for number in person.addresses:
            self.homes[number].residents.discard(contact)
            if not self.homes[number].residents:
                self.homes[number].status = "leaving"
        person.addresses = set()
        for guests in self.guests.values():  # that somebody without a name came is kept, and nothing else
            if contact in guests and guests[contact].came is None:
                del guests[contact]

    # --- who is invited -------------------------------------------------------------------------------------------

    def matches(self, contact: int, event: Facts) -> bool:
        """Whether somebody belongs to an event's audience. Several values of one question are alternatives."""
        person = self.people[contact]
        if person.status == "archived" or not event.audience:
            return False
        said: dict[str, Callable[[Any], bool]] = {
            "all": lambda _: True,
            "activities": lambda wanted: bool(person.activities & set(wanted)),
            "children": lambda wanted: any(
                _same_class(mine, tuple(c)) for mine in person.traits.children for c in wanted
            ),
            "languages": lambda wanted: person.traits.language in wanted,
            "purposes": lambda wanted: person.traits.purpose in wanted,
            "settlements": lambda wanted: person.traits.settlement in wanted,
        }
        return all(said[key](values) for key, values in event.audience.items() if values)

    def series(self, event: Facts) -> list[Facts]:
        lead = event.lead or event.id
        dates = (self.events[number] for number in (lead, *self._behind[lead]))
        alive = (e for e in dates if e.status == "published" and e.kind != "appointment")
        return sorted(alive, key=lambda e: (e.starts, e.id))

    def fill(self, number: int, at: datetime, *, whole: bool) -> None:
        """Whoever belongs to the audience by now is invited; `whole`: to a course with all its dates."""
        event = self.events[number]
        if event.status != "published":
            return
        dates = [one for one in (self.series(event) if whole and event.kind == "course" else [event]) if one.ends > at]
        fresh = self._touched[self._looked.get((number, whole), 0) :]
        self._looked[number, whole] = len(self._touched)
        for contact in fresh:
            if self.matches(contact, event):
                for one in dates:
                    self.guests[one.id].setdefault(contact, Guest("audience"))

    def welcome(self, contact: int, at: datetime) -> list[int]:
        """Invite somebody to what is coming; gives the events of which they are to hear.

        Of a course they hear once: with its first date that begins after they hear of it, or else with the next.
        """
        ahead = (e for e in self.events.values() if e.status == "published" and e.starts > at)
        meant = [e for e in sorted(ahead, key=lambda e: (e.starts, e.id)) if self.matches(contact, e)]
        known = {e.lead or e.id for e in meant if contact in self.guests[e.id]}
        for event in meant:
            self.guests[event.id].setdefault(contact, Guest("audience"))
        told: dict[int, int] = {}
        for event in [*(e for e in meant if e.starts > first_allowed(INVITE, at)), *meant]:
            told.setdefault(event.lead or event.id, event.id)
        return [number for series, number in told.items() if series not in known]

    # --- answers and seats ----------------------------------------------------------------------------------------

    def answer(
        self, number: int, contact: int, said: str, at: datetime, *, whole: bool = False
    ) -> list[tuple[int, int]]:
        """Keep an answer. Gives to whom seats went because of it: event and contact."""
        event = self.events[number]
        if event.kind in ("appointment", "slot"):
            meant = self._with_hour(event, contact, said)
        else:
            dates = self.series(event) if whole else [event]
            meant = sorted((one for one in dates if one.ends > at or one.id == number), key=lambda one: one.id)
        return [won for one in meant for won in self._answer_one(one, contact, said, at)]

    def _with_hour(self, event: Facts, contact: int, said: str) -> list[Facts]:
        """An appointment and the hour somebody holds are answered together; an hour that is not theirs hardly."""
        lead = event.lead or event.id
        held = [n for n in self._behind[lead] if contact in self.guests[n] and self.guests[n][contact].seat == SEAT]
        if event.kind == "slot" and event.id not in held and (held or said == "yes"):
            return []
        return [self.events[n] for n in (lead, *held)]

    def _answer_one(self, event: Facts, contact: int, said: str, at: datetime) -> list[tuple[int, int]]:
        guest = self.guests[event.id].get(contact)
        if guest is None:
            return []
        had, guest.said = guest.seat, said
        if said == "no" or (said == "maybe" and had != SEAT):
            guest.seat = ""
        elif said == "yes" and had != SEAT and event.kind != "appointment":
            guest.seat = SEAT if self._has_room(event) else WAITS
        if guest.seat != had:
            guest.since = at if guest.seat == WAITS else None
        return self._promote(event, at) if had == SEAT and guest.seat != SEAT else []

    def _has_room(self, event: Facts) -> bool:
        taken = sum(g.seat == SEAT for g in self.guests[event.id].values())
        return event.capacity is None or taken < event.capacity

    def _promote(self, event: Facts, at: datetime) -> list[tuple[int, int]]:
        """A free seat goes to whoever waits longest and can be told."""
        if event.status != "published" or event.starts <= at or not self._has_room(event):
            return []
        waiting = [(g.since, c) for c, g in self.guests[event.id].items() if g.seat == WAITS]
        line = sorted((since, c) for since, c in waiting if since and self.people[c].status == "active")
        if not line:
            return []
        contact = line[0][1]
        self.guests[event.id][contact].seat, self.guests[event.id][contact].since = SEAT, None
        return [(event.id, contact)]

    def take_slot(self, lead: int, slot: int, contact: int, at: datetime) -> None:
        self._give_back(lead, contact)
        self.guests[slot].setdefault(contact, Guest("own"))
        self._answer_one(self.events[slot], contact, "yes", at)
        self._answer_one(self.events[lead], contact, "yes", at)

    def _give_back(self, lead: int, contact: int) -> None:
        for slot in self._behind[lead]:
            guest = self.guests[slot].get(contact)
            if guest and guest.seat == SEAT:
                guest.said, guest.seat = "no", ""

    def has_slot(self, lead: int, contact: int) -> bool:
        slots = (n for n in self._behind[lead] if self.events[n].kind == "slot")
        return any(contact in self.guests[n] and self.guests[n][contact].seat == SEAT for n in slots)

    def leave(self, contact: int, at: datetime) -> list[tuple[int, int]]:
        """Somebody was erased: their seats in what is to come go to others."""
        held = [n for n in sorted(self.events) if contact in self.guests[n] and self.guests[n][contact].seat]
        ahead = [n for n in held if self.events[n].starts > at]
        return [won for n in ahead for won in self._answer_one(self.events[n], contact, "no", at)]

    def forget_answers(self, event: int) -> None:
        for guest in self.guests[event].values():
            if self.events[event].kind != "slot" or guest.seat == SEAT:
                guest.said = ""

    # --- whom a moment is for -------------------------------------------------------------------------------------

    def meant(self, number: int, base: str, at: datetime, heard: set[int]) -> tuple[set[int], set[int]]:
        """Whom a moment is for; and those of whom nobody can say, because two of their meetings began together."""
        event, everybody = self.events[number], self.guests[number]
        guests = {c: g for c, g in everybody.items() if event.kind != "slot" or g.seat == SEAT}
        if base == "7d":
            marks = {c: self.marks(c, at) for c in guests}
            ties = {c for c, m in marks.items() if len(m) > 4 and m[3][0] == m[4][0]}
            return {c for c, m in marks.items() if sum(not came for _, came in m[:4]) >= 2} - ties, ties
        if base == WEEK:
            everyone = {c for date in self.course(number) for c in self.guests[date]}
            return {c for c in everyone if self.coming_week(number, c, at)}, set()
        fits: dict[str, Callable[[int, Guest], bool]] = {
            INVITE: lambda _, g: not g.said and g.source == "audience",
            CHANGE: lambda c, g: bool(g.seat) or g.source != "audience" or c in heard,
            AFTER: lambda _, g: bool(g.came) or (g.came is None and g.said == "yes" and g.seat == SEAT),
            MISSED: lambda _, g: g.came is False,
        }
        return {c for c, g in guests.items() if base not in fits or fits[base](c, g)}, set()

    # --- who came -------------------------------------------------------------------------------------------------

    def came(self, number: int, contact: int) -> None:
        event = self.events[number]
        self.guests[number][contact].came = True
        self._marked[contact].add(number)
        if event.kind not in OPEN_TO_ALL:
            self.join(contact, event.activity)

    def finish(self, number: int) -> None:
        """Who was expected and did not come was absent."""
        event = self.events[number]
        for one in self._behind[number] if event.kind == "appointment" else [number]:
            for contact, guest in self.guests[one].items():
                held = event.kind != "appointment" or guest.seat == SEAT
                if held and guest.came is None and self._expected(one, contact, guest):
                    guest.came = False
                    self._marked[contact].add(one)

    def _expected(self, number: int, contact: int, guest: Guest) -> bool:
        if guest.said == "no" or guest.seat == WAITS:
            return False
        lead = self.events[number].lead or number
        others = (n for n in (lead, *self._behind[lead]) if n != number)
        elsewhere = any(contact in self.guests[n] and self.guests[n][contact].came for n in others)
        return guest.said == "yes" or guest.source != "audience" or elsewhere

    def coming_week(self, number: int, contact: int, at: datetime) -> int | None:
        """The date of a course within a week for which somebody is to be encouraged: who comes, or came before."""
        course = self.events[number]
        lead = course.lead or number
        mine = [n for n in (lead, *self._behind[lead]) if contact in self.guests[n]]
        came = any(self.guests[n][contact].came for n in mine)
        for date in mine:
            event, said = self.events[date], self.guests[date][contact].said
            soon = event.status == "published" and at < event.starts <= at + timedelta(days=7)
            if soon and (said == "yes" or (not said and came)):
                return date
        return None

    def course(self, number: int) -> list[int]:
        """The numbers of all dates of a course."""
        lead = self.events[number].lead or number
        return [lead, *self._behind[lead]]

    def marks(self, contact: int, at: datetime) -> list[tuple[datetime, bool]]:
        """When they were expected and whether they came, the latest first."""
        mine = ((self.events[n].starts, self.guests[n][contact].came) for n in self._marked[contact])
        return sorted(((starts, bool(came)) for starts, came in mine if starts < at), reverse=True)


def _same_class(mine: tuple[str, str], wanted: tuple[str, ...]) -> bool:
    """Who said only „3“ may have a child in 3 а, and whoever asks for „3“ means every 3."""
    if mine[0] != wanted[0]:
        return False
    group = wanted[1]
    if not group or mine[1] in (group, group.partition(" ")[0]):
        return True
    return " " not in group and mine[1].startswith(f"{group} ")
