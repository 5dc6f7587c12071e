"""Feedback after an event: a face, perhaps some words or a voice. Staff get numbers, and words without names.

A group of fewer than FEW answers is never shown, nor can it be reckoned out from what is. Who said what must not leave
this module, except to that very person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Row, and_, case, distinct, func, select, update

from bot.chat import Acting
from bot.messages import Outgoing
from storage import events, invitations, moments
from storage.events import Event
from storage.people import upsert
from storage.tables import events as event_rows
from storage.tables import feedback as rows
from storage.tables import invitations as guests
from storage.tables import notifications, outbox

FEW = 5
OFFERED = timedelta(hours=1)  # so long words below „Искате ли да добавите нещо?“ are an answer to it
ADD_WORDS = "/comment "
OPEN = timedelta(days=30)  # after an event's end: later nobody remembers how it was
GOOD, SO_SO, BAD = FACES = (3, 2, 1)


# --- the person's own side ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """One person's feedback on one event, as far as it is there."""

    event: Event
    contact_id: int
    face: int  # 0: none yet
    attended: bool | None
    when: Literal["early", "open", "over"]


def asked(connection: Connection, acting: Acting, *, event_id: int, contact_id: int) -> Asked | None:
    """What somebody may say of an event; None unless they, or somebody behind the same address, belong to it."""
    guest = invitations.guest(connection, acting, event_id=event_id, contact_id=contact_id, locked=False)
    if guest is None:
        return None
    face = connection.execute(select(rows.c.face).where(_is(event_id, contact_id))).scalar()
    return Asked(guest.event, contact_id, face or 0, guest.attended, _when(guest.event, acting.now))


def _when(event: Event, now: datetime) -> Literal["early", "open", "over"]:
    if event.status != events.PUBLISHED or now > event.ends_at + OPEN:
        return "over"
    return "open" if event.starts_at <= now else "early"


def keep(connection: Connection, acting: Acting, *, event_id: int, contact_id: int, face: int) -> None:
    """Keep a face, or another one instead; what was said besides stays."""
    said = {"face": face, "at": acting.now}
    fresh = upsert(connection, rows).values(event_id=event_id, contact_id=contact_id, **said)
    connection.execute(fresh.on_conflict_do_update(index_elements=["event_id", "contact_id"], set_=said))


def comment(connection: Connection, acting: Acting, *, event_id: int, contact_id: int, text: str) -> None:
    """Keep some words beside a face, below those that are there."""
    before = connection.execute(select(rows.c.comment).where(_is(event_id, contact_id))).scalar()
    words = f"{before}\n{text}" if before else text
    connection.execute(update(rows).where(_is(event_id, contact_id)).values(comment=words))


def voice(connection: Connection, acting: Acting, *, event_id: int, contact_id: int, file: str) -> None:
    """Keep where the channel holds a voice note; a later one takes its place."""
    note = {"channel": acting.channel, "file": file}
    connection.execute(update(rows).where(_is(event_id, contact_id)).values(voice=note))


def note(connection: Connection, acting: Acting, *, event_id: int, contact_id: int, text: str, file: str) -> None:
    """Keep what came: words, a voice note, or one with words under it."""
    if text:
        comment(connection, acting, event_id=event_id, contact_id=contact_id, text=text)
    if file:
        voice(connection, acting, event_id=event_id, contact_id=contact_id, file=file)


def offered(connection: Connection, acting: Acting) -> str:
    """Of what the last message here offered to say more, „event.contact“; empty where it is old, or was about else."""
    here = (outbox.c.address_id == acting.address_id) & (outbox.c.created_at > acting.now - OFFERED)
    last = connection.execute(select(outbox.c.body).where(here).order_by(outbox.c.id.desc()).limit(1)).scalar()
    presses = [b.press for row in Outgoing.from_json(last).rows for b in row] if last else []
    return next((press.removeprefix(ADD_WORDS) for press in presses if press.startswith(ADD_WORDS)), "")


def next_date(connection: Connection, acting: Acting, *, activity: str, contact_id: int) -> Event | None:
    """The next event of an activity that somebody is invited to; for whoever missed one."""
    row = connection.execute(
        select(event_rows)
        .join(guests, guests.c.event_id == event_rows.c.id)
        .where(guests.c.contact_id == contact_id, guests.c.rsvp != "no", event_rows.c.activity == activity)
        .where(event_rows.c.starts_at > acting.now, event_rows.c.status == events.PUBLISHED)
        .where(event_rows.c.kind.not_in(("appointment", "slot")))
        .order_by(event_rows.c.starts_at, event_rows.c.id)
        .limit(1)
    ).first()
    return events.event_of(row) if row else None


def _is(event_id: int, contact_id: int) -> ColumnElement[bool]:
    return and_(rows.c.event_id == event_id, rows.c.contact_id == contact_id)


# --- numbers --------------------------------------------------------------------------------------------------------

Count = tuple[int, int, int]  # good, so-so, bad
NONE: Count = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Opinions:
    """How people found something. `behind` are answers of groups too small to be shown: never to be said aloud."""

    asked: int = 0
    faces: Count = NONE
    behind: Count = NONE

    @property
    def answered(self) -> int:
        """How many of the answers are shown."""
        return sum(self.faces)

    @property
    def few(self) -> bool:
        """Whether there are answers that are not shown."""
        return any(self.behind)


def together(parts: Iterable[Opinions]) -> Opinions:
    """Several groups as one. Small ones are shown in it when together they are enough to hide among.

    So whoever subtracts what is shown of the parts from what is shown of the whole finds nobody, or FEW at least.
    """
    every = list(parts)
    faces, behind = _sum(p.faces for p in every), _sum(p.behind for p in every)
    if sum(behind) >= FEW:
        faces, behind = _sum((faces, behind)), NONE
    return Opinions(sum(p.asked for p in every), faces, behind)


def _sum(counts: Iterable[Count]) -> Count:
    good, so_so, bad = zip(NONE, *counts, strict=True)
    return sum(good), sum(so_so), sum(bad)


def of_event(connection: Connection, acting: Acting, *, event_id: int) -> Opinions:
    """The opinions of one event."""
    return together(one.opinions for one in _each(connection, event_rows.c.id == event_id))


def of_activity(connection: Connection, acting: Acting, *, activity: str, zone: ZoneInfo) -> Opinions:
    """The opinions of all events of an activity: reckoned by months, which are shown by themselves elsewhere."""
    every = _each(connection, event_rows.c.activity == activity)
    return together(_grouped(every, lambda one: f"{one.starts_at.astimezone(zone):%Y-%m}").values())


def of_month(connection: Connection, acting: Acting, *, which: ColumnElement[bool]) -> Mapping[str, Opinions]:
    """The opinions of some events by activity, and under "" of all of them."""
    found = _grouped(_each(connection, which), lambda one: one.activity)
    return found | {"": together(found.values())}


@dataclass(frozen=True, slots=True)
class _One:
    """The opinions of one event; kept behind if they are too few."""

    activity: str
    starts_at: datetime
    opinions: Opinions


def _grouped(every: Iterable[_One], by: Callable[[_One], str]) -> dict[str, Opinions]:
    parts: dict[str, list[Opinions]] = {}
    for one in every:
        parts.setdefault(by(one), []).append(one.opinions)
    return {name: together(some) for name, some in parts.items()}


def _each(connection: Connection, which: ColumnElement[bool]) -> Iterable[_One]:
    were_asked = _were_asked(connection, which)
    faces = [func.coalesce(func.sum(case((rows.c.face == face, 1), else_=0)), 0) for face in FACES]
    counted = connection.execute(
        select(event_rows.c.id, event_rows.c.activity, event_rows.c.starts_at, *faces)
        .outerjoin(rows, rows.c.event_id == event_rows.c.id)
        .where(which)
        .group_by(event_rows.c.id, event_rows.c.activity, event_rows.c.starts_at)
    )
    for number, activity, starts_at, *count in counted:
        said = (int(count[0]), int(count[1]), int(count[2]))
        enough = sum(said) >= FEW
        opinions = Opinions(were_asked.get(number, 0), said if enough else NONE, NONE if enough else said)
        yield _One(activity, starts_at, opinions)


def _were_asked(connection: Connection, which: ColumnElement[bool]) -> Mapping[int, int]:
    """How many were asked of each event."""
    rows_ = connection.execute(
        select(notifications.c.event_id, func.count(distinct(notifications.c.contact_id)))
        .join(event_rows, event_rows.c.id == notifications.c.event_id)
        .where(which, moments.of_kinds(notifications.c.offset, (moments.AFTER,)))
        .where(notifications.c.status.in_(("queued", "joint")))
        .group_by(notifications.c.event_id)
    )
    return {event_id: count for event_id, count in rows_}  # noqa: C416  (rows are no pairs to a type checker)


# --- words ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Remark:
    """What somebody said of an event. Nobody's name is known here."""

    mark: str  # by which it is found again; says nothing of who or when
    text: str
    channel: str = ""  # that holds the voice note
    file: str = ""


def remarks(connection: Connection, acting: Acting, *, event_id: int) -> Sequence[Remark]:
    """Everything said of an event, once FEW have answered; by a hash, so that the order tells nothing."""
    said = connection.execute(select(rows.c.comment, rows.c.voice).where(rows.c.event_id == event_id)).all()
    if len(said) < FEW:
        return []
    return sorted((r for row in said for r in _remarks(event_id, row)), key=lambda remark: remark.mark)


def _remarks(event_id: int, row: Row[Any, Any]) -> Iterable[Remark]:
    if row.comment:
        yield Remark(_mark(event_id, row.comment), row.comment)
    if row.voice:
        yield Remark(_mark(event_id, row.voice["file"]), "", row.voice["channel"], row.voice["file"])


def _mark(event_id: int, said: str) -> str:
    return sha256(f"{event_id} {said}".encode(errors="replace")).hexdigest()[:16]
