"""What the judge has noted so far of a year, and what can be told from it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.faults.year_history import AFTER, CHANGE, INVITE, REMINDERS, TIMED, WEEK, Facts, Part, Planned, Row, base_of
from tests.faults.year_hours import DAY, HOUR, first_allowed, local
from tests.faults.year_model import WAITS, Guest, Model

APART, A_WEEK = 4 * HOUR, 3  # hours between two reminders; invitations in seven days
HOUSEHOLD = (*REMINDERS, INVITE, CHANGE, AFTER)  # of these a home hears once
TOLD = ("queued", "joint")


@dataclass(slots=True)
class Message:
    """One that was queued, and what became of it."""

    at: datetime
    event: int
    base: str
    contact: int
    until: datetime
    version: int
    state: str = "waiting"


class Books:
    """The town, what is to come, the ledger, and every message."""

    def __init__(self) -> None:
        self.model = Model()
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()
        self._up = datetime.min.replace(tzinfo=UTC)  # since when the service runs
        self._pending: dict[tuple[int, str], Planned] = {}
        self._closed: dict[tuple[int, str], Planned] = {}
        self._since: dict[tuple[int, str], datetime] = {}  # when a moment that was over became due once more
        self._ledger: dict[tuple[int, str], dict[int, Row]] = defaultdict(dict)
        self._messages: dict[str, Message] = {}
        self._waiting: dict[int, set[str]] = defaultdict(set)  # contact → keys of what has not gone out yet
        self._about: dict[int, list[str]] = defaultdict(list)  # event → its messages
        self._lines: dict[str, list[Row]] = defaultdict(list)  # what each message has to tell
        self._reminded: dict[int, list[datetime]] = defaultdict(list)
        self._invited: dict[int, list[datetime]] = defaultdict(list)
        self._of: dict[int, set[int]] = defaultdict(set)  # contact → events of which they were reminded
        self._heard: dict[tuple[int, int], Part] = {}  # event, contact → what they last heard of it
        self._homes: set[tuple[int, str, int]] = set()  # event, offset, address that heard of a meeting
        self._own: dict[tuple[int, int], list[datetime]] = defaultdict(list)  # invitations and changes of one event

    def say(self, at: datetime, text: str) -> None:
        self.wrong.append(f"{local(at):%a %d.%m. %H:%M} {text}")

    def _expect(self, at: datetime, event: int, planned: Sequence[Planned]) -> None:
        """These moments of an event are to come, and no others; what is due already comes now."""
        for key in [key for key in self._pending if key[0] == event]:
            del self._pending[key]
        for moment in planned:
            self._pending[moment.event, moment.offset] = moment
            self._since[moment.event, moment.offset] = at

    def _told_at(self, at: datetime, event: Facts, planned: Sequence[Planned]) -> datetime:
        """When people hear of an event anyway, so that no reminder need come before."""
        series = {event.id, event.lead or event.id, *(n for n, e in self.model.events.items() if e.lead == event.lead)}
        invitations = [p.due for (n, offset), p in self._pending.items() if n in series and offset == INVITE]
        own = [p.due for p in planned if base_of(p.offset) in (INVITE, CHANGE)]
        return max([at, *invitations, *own])

    def _enter(self, at: datetime, row: Row) -> None:
        lines = self._ledger[row.event, row.offset]
        if row.contact in lines:
            self.say(at, f"{row.name} was decided twice")
        lines[row.contact] = row
        if row.message:
            self._lines[row.message].append(row)

    def _meant(self, number: int, base: str, at: datetime) -> tuple[set[int], set[int]]:
        """Whom a moment is for; and those of whom nobody can say."""
        guests = self.model.guests[number]
        heard = {contact for contact in guests if (number, contact) in self._heard}
        meant, unknown = self.model.meant(number, base, at, heard)
        if base == CHANGE:  # a death may have met their message on its way: nobody knows what they heard
            met = {m.contact for m in map(self._messages.__getitem__, self._about[number]) if m.at < self._up}
            unknown |= met & guests.keys()
        return meant, unknown

    def _reasons(self, at: datetime, row: Row, told: Collection[int]) -> set[str]:
        """Everything that speaks against writing to somebody now."""
        base, contact = base_of(row.offset), row.contact
        number = (self.model.coming_week(row.event, contact, at) if base == WEEK else None) or row.event
        person, event = self.model.people[contact], self.model.events[number]
        guest = self.model.guests[number].get(contact) or Guest("nobody")
        states = {"archived": "erased", "stopped": "stopped", "blocked": "blocked"}
        found = {
            states.get(person.status, ""): person.status != "active",
            "no_channel": not self.model.reached(contact),
            "said_no": base in (*REMINDERS, CHANGE) and guest.said == "no",
            "waiting": base in TIMED and event.kind != "slot" and guest.seat == WAITS,
            "chosen": base in (*TIMED, CHANGE) and self.model.has_slot(row.event, contact),
            "household": event.kind == "meeting" and base in HOUSEHOLD and self._home_hears(row, told),
            "too_close": base in REMINDERS and self._lately_reminded(contact, number, at),
            "week_full": base == INVITE and self._invitations(contact, at - 7 * DAY) >= A_WEEK,
        }  # fmt: skip
        return {reason for reason, is_so in found.items() if is_so}

    def _home_hears(self, row: Row, told: Collection[int]) -> bool:
        """Whether somebody else hears of it at an address where this person lives too."""
        mine = self.model.people[row.contact].addresses
        before = {c for c, line in self._ledger[row.event, row.offset].items() if line.status in TOLD}
        others = (before | set(told)) - {row.contact}
        return any(self.model.reached(c)[:1] and self.model.reached(c)[0] in mine for c in others)

    def _lately_reminded(self, contact: int, event: int, at: datetime) -> bool:
        waiting = [self._messages[key] for key in self._waiting[contact]]
        if any(m.base in REMINDERS or (m.event == event and m.base in (INVITE, CHANGE)) for m in waiting):
            return True
        times = self._reminded[contact][-1:] + self._own[event, contact][-1:]
        return any(at - APART < then for then in times)

    def _invitations(self, contact: int, since: datetime) -> int:
        waiting = sum(self._messages[key].base == INVITE for key in self._waiting[contact])
        return waiting + sum(then > since for then in self._invited[contact][-A_WEEK:])

    def _has_change(self, event: int, contact: int) -> bool:
        versions = range(2, self.model.events[event].version + 1)
        return any(contact in self._ledger[event, f"{CHANGE}@{version}"] for version in versions)

    def _is_moot(self, row: Row) -> bool:
        """Whether there is nothing left to tell: said no, cancelled, or a change that was taken back."""
        event, guest = self.model.events[row.event], self.model.guests[row.event].get(row.contact)
        if guest is None:
            return True
        heard = self._heard.get((row.event, row.contact))
        knows = heard and (heard.starts, heard.place, heard.status) == (event.starts, event.place, event.status)
        told = base_of(row.offset) == CHANGE and (knows or not heard)
        return guest.said == "no" or told or (event.status == "cancelled" and base_of(row.offset) != CHANGE)

    def _could(self, message: Message) -> datetime:
        """The first time at which a message could go out."""
        return first_allowed(message.base, max(message.at, self._up), message.until)

    def _leaves(self, key: str, message: Message, state: str) -> None:
        message.state = state
        self._waiting[message.contact].discard(key)

    def _says_nothing(self, key: str, message: Message, at: datetime) -> bool:
        """Whether all that a message had to tell was taken back."""
        if message.base == WEEK:
            dates = self.model.series(self.model.events[message.event])
            mine = (d for d in dates if at < d.starts <= at + 7 * DAY and message.contact in self.model.guests[d.id])
            return all(self.model.guests[date.id][message.contact].said == "no" for date in mine)
        withdrawn = self.model.events[message.event].version != message.version
        return withdrawn or all(self._is_moot(row) for row in self._lines[key])

    def _lost_address(self, message: Message) -> bool:
        """Whether an address of theirs is gone: what was on its way there goes nowhere else."""
        homes = (self.model.homes[n] for n in self.model.people[message.contact].addresses)
        return any(home.status != "active" for home in homes)
