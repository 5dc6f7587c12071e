"""What happened in a simulated year: plain entries in their order, from which the judge forms a verdict of its own.

Acts are noted as they were asked for; decisions and messages as they were found afterwards. All times are UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

INVITE, CHANGE, AFTER, MISSED, WEEK, PLACE = "invite", "change", "after", "missed", "week", "place"
TIMED = ("7d", "3d", "1d", "2h")
REMINDERS = (*TIMED, WEEK)


def base_of(offset: str) -> str:
    """What kind of message an offset names: „3d@2“ a 3d, „week-2026-W48“ a week, „place1“ a place."""
    base = offset.partition("@")[0].partition("-")[0]
    return PLACE if base.startswith(PLACE) else base


@dataclass(frozen=True, slots=True)
class Traits:
    """What somebody said of themselves, as far as a group may ask for it."""

    language: str
    settlement: str
    purpose: str
    activities: tuple[str, ...] = ()
    children: tuple[tuple[str, str], ...] = ()  # institution and class


@dataclass(frozen=True, slots=True)
class Facts:
    """An event as it stands."""

    id: int
    lead: int | None
    kind: str
    activity: str
    starts: datetime
    ends: datetime
    place: str
    capacity: int | None
    audience: Mapping[str, Any]
    offsets: tuple[str, ...]
    status: str
    version: int


@dataclass(frozen=True, slots=True)
class Planned:
    """A moment as the database has it: when it is due, and from when on it helps nobody."""

    event: int
    offset: str
    due: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the ledger."""

    event: int
    offset: str
    contact: int
    status: str
    reason: str
    message: str

    @property
    def name(self) -> str:
        return f"event {self.event}, {self.offset}, contact {self.contact}"


@dataclass(frozen=True, slots=True)
class Part:
    """What a message says of one event."""

    event: int
    base: str
    starts: datetime
    place: str
    status: str


# --- what people and staff did --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Registered:
    at: datetime
    contact: int
    traits: Traits
    addresses: tuple[tuple[int, str], ...]  # each with its channel
    welcome: bool = False  # during the year: what is coming reaches them at once
    told: tuple[Row, ...] = ()  # what they were invited to then


@dataclass(frozen=True, slots=True)
class Joined:
    at: datetime
    contact: int
    activity: str
    told: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Published:
    at: datetime
    events: tuple[Facts, ...]
    planned: tuple[Planned, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """Events were moved, relocated or cancelled."""

    at: datetime
    events: tuple[Facts, ...]
    planned: tuple[Planned, ...]
    reopened: tuple[Row, ...] = ()  # what messages that were taken back had told besides: due once more


@dataclass(frozen=True, slots=True)
class Answered:
    at: datetime
    event: int
    contact: int
    said: str
    whole: bool = False  # for every coming date of the course
    told: tuple[Row, ...] = ()  # to whom the seat went that they gave up


@dataclass(frozen=True, slots=True)
class TookSlot:
    at: datetime
    lead: int
    slot: int
    contact: int


@dataclass(frozen=True, slots=True)
class Marked:
    at: datetime
    event: int
    contact: int


@dataclass(frozen=True, slots=True)
class Finished:
    at: datetime
    event: int
    planned: tuple[Planned, ...]


@dataclass(frozen=True, slots=True)
class Stopped:
    at: datetime
    contact: int
    address: int


@dataclass(frozen=True, slots=True)
class Resumed:
    at: datetime
    contact: int
    address: int


@dataclass(frozen=True, slots=True)
class Blocked:
    """A platform says that an address is gone, or a message found out: everybody there is cut off."""

    at: datetime
    address: int


@dataclass(frozen=True, slots=True)
class Unblocked:
    at: datetime
    contact: int
    address: int


@dataclass(frozen=True, slots=True)
class Erased:
    at: datetime
    contact: int
    told: tuple[Row, ...] = ()


# --- what the service did -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Silent:
    """The service was not running."""

    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Decided:
    """Lines that one step of a moment wrote, and what it told besides."""

    at: datetime
    event: int
    offset: str
    rows: tuple[Row, ...]
    joint: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Closed:
    """A moment is over."""

    at: datetime
    event: int
    offset: str
    state: str


@dataclass(frozen=True, slots=True)
class Sent:
    at: datetime
    key: str
    contact: int
    address: int
    language: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A message that will not go out."""

    at: datetime
    key: str
    status: str


Entry = (
    Registered | Joined | Published | Changed | Answered | TookSlot | Marked | Finished | Stopped | Resumed | Blocked
    | Unblocked | Erased | Silent | Decided | Closed | Sent | Dropped
)  # fmt: skip


@dataclass(slots=True)
class History:
    """A whole year, and how the seats stood at its end."""

    entries: list[Entry] = field(default_factory=list)
    ends: datetime | None = None
    seats: dict[tuple[int, int], tuple[str, str]] = field(default_factory=dict)  # event, contact → answer, seat
