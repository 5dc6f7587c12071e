"""Moments: when something about an event is due. The scheduler wakes up for them; what they send is decided then.

A moment is an event and an offset, never a person. An event that was moved has new moments, whose offsets carry the
version of its timetable („3d@2“), so that whoever was reminded of the old time is reminded of the new one too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, bindparam, case, delete, exists, func, or_, select, update

from bot import calendar
from bot.calendar import Moment, Rules
from storage.people import upsert
from storage.tables import events, invitations, moments, notifications, outbox

if TYPE_CHECKING:
    from storage.events import Event

TIMED = ("7d", "3d", "1d", "2h")
REMINDERS = (*TIMED, "week")
INVITE, CHANGE, AFTER, MISSED, PLACE = "invite", "change", "after", "missed", "place"
EVERY = (*REMINDERS, INVITE, CHANGE, AFTER, MISSED, PLACE)
WAITING, DONE, EXPIRED = "waiting", "done", "expired"
_decide_alone = select(func.pg_advisory_xact_lock(0x6D6F7374))  # „most“; until the transaction ends
SOME = 500  # keys in one statement: SQLite takes a limited number of values
ENOUGH = timedelta(hours=3)  # before an event: told later of a change, people are on their way


@dataclass(frozen=True, slots=True)
class Due:
    """A moment as it stands in the database. Times are UTC."""

    event_id: int
    offset: str
    due: datetime
    until: datetime
    begun: bool = False  # it has decided for some people already

    @property
    def base(self) -> str:
        """What kind of moment it is, without the version of the timetable or the week."""
        return base_of(self.offset)


def base_of(offset: str) -> str:
    """„3d@2“ is a 3d, „week-2026-W48“ a week, „place2“ a place."""
    base = offset.partition("@")[0].partition("-")[0]
    return PLACE if base.startswith(PLACE) else base


# --- which there are ------------------------------------------------------------------------------------------------


def invitation(event: Event, rules: Rules, now: datetime) -> Moment:
    """When people are invited: at once, or when the quiet hours end. Useful until the event begins.

    Where no invitation can come in time, that shows at once: whom to call stands on the list.
    """
    due = calendar.next_open(rules, now)
    return Moment(INVITE, due if due < event.starts_at else now, event.starts_at)


def change(before: Event, after: Event, rules: Rules, now: datetime) -> Moment:
    """When people are told of a change: at once, or when the quiet hours end; earlier where that would be too late."""
    first = min(before.starts_at, after.starts_at)
    due = calendar.next_open(rules, now)
    if due > first - ENOUGH:
        due = calendar.next_urgent(rules, now)
    last = before.starts_at if after.status == "cancelled" else max(before.starts_at, after.starts_at)
    return Moment(f"{CHANGE}@{after.version}", due, last)


def of_event(event: Event, rules: Rules, now: datetime) -> list[Moment]:
    """An event's reminders and the question afterwards, as its kind asks for them."""
    wanted = set(event.offsets) & set(rules.offsets)
    if event.kind == "appointment":  # its slots are reminded of; here only those are who have not chosen one
        wanted -= {"2h"}
    found = calendar.moments(rules, event.starts_at, event.ends_at, offsets=wanted, now=now)
    found = [*found, calendar.after(rules, event.ends_at)]  # of an appointment: for who came without an hour of it
    return [_versioned(moment, event.version) for moment in found]


def weekly(rules: Rules, starts: Sequence[datetime], now: datetime) -> list[Moment]:
    """A course's Sunday evenings."""
    return calendar.sundays(rules, starts, now) if rules.weekly else []


def missed(rules: Rules, now: datetime) -> Moment:
    """When those who did not come are asked why, after attendance was marked: the next day."""
    due = calendar.next_open(rules, now + timedelta(hours=15))
    return Moment(MISSED, due, due + timedelta(days=4))


def _versioned(moment: Moment, version: int) -> Moment:
    return moment if version == 1 else replace(moment, offset=f"{moment.offset}@{version}")


# --- keeping them in step -------------------------------------------------------------------------------------------


def add(connection: Connection, event_id: int, wanted: Iterable[Moment]) -> None:
    """Set moments. One that is there already gets the new time, unless it is done."""
    rows = [
        {"event_id": event_id, "offset": m.offset, "due_at": m.due, "until": m.until, "state": WAITING} for m in wanted
    ]
    if not rows:
        return
    statement = upsert(connection, moments)
    fresh = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["event_id", "offset"],
            set_={"due_at": fresh.due_at, "until": fresh.until},
            where=moments.c.state == WAITING,
        ),
        rows,
    )


def withdraw(connection: Connection, event_id: int, now: datetime, bases: Sequence[str]) -> None:
    """Take back an event's waiting moments of some kinds, and what they queued that has not gone out."""
    mine = (moments.c.event_id == event_id) & of_kinds(moments.c.offset, bases)
    connection.execute(delete(moments).where(mine, moments.c.state == WAITING))
    told = (notifications.c.event_id == event_id) & of_kinds(notifications.c.offset, bases)
    keys = select(notifications.c.message).where(told, notifications.c.status == "queued")
    cancelled = (
        update(outbox)
        .where(outbox.c.key.in_(keys), outbox.c.status == "queued")
        .values(status="cancelled", owner="")
        .returning(outbox.c.key)
    )
    gone = list(connection.execute(cancelled).scalars())
    for some in (gone[n : n + SOME] for n in range(0, len(gone), SOME)):
        _due_again(connection, some, now)


def call_back(connection: Connection, event_id: int) -> None:
    """What tells of an event and has not gone out is taken out of the sender's hands: its words are found anew."""
    telling = (notifications.c.event_id == event_id) & notifications.c.status.in_(("queued", "joint"))
    keys = select(notifications.c.message).where(telling)
    held = outbox.c.key.in_(keys) & (outbox.c.status == "queued") & (outbox.c.owner != "")
    connection.execute(update(outbox).where(held).values(owner=""))


def again(connection: Connection, event_ids: Iterable[int], bases: Sequence[str], due: datetime) -> None:
    """Let what is done come once more, for those who were not meant then. Whoever is in the ledger hears no more."""
    those = moments.c.event_id.in_(set(event_ids)) & (moments.c.state == DONE) & (moments.c.until > due)
    for base in bases:
        other = moments.alias()
        same = (other.c.event_id == moments.c.event_id) & of_kinds(other.c.offset, (base,))
        last = select(func.max(other.c.until)).where(same).scalar_subquery()  # not that of a time that was given up
        again_ = those & of_kinds(moments.c.offset, (base,)) & (moments.c.until == last)
        connection.execute(update(moments).where(again_).values(state=WAITING, due_at=due, done_at=None))


def told_at(connection: Connection, event_id: int) -> datetime | None:
    """When people will hear of an event anyway: by an invitation or a notice of a change that is yet to come."""
    date = events.alias()
    series = select(func.coalesce(date.c.lead_id, date.c.id)).where(date.c.id == event_id).scalar_subquery()
    dates = select(events.c.id).where(or_(events.c.id == series, events.c.lead_id == series))
    whole = moments.c.event_id.in_(dates) & (moments.c.offset == INVITE)
    own = (moments.c.event_id == event_id) & of_kinds(moments.c.offset, (CHANGE,))
    return connection.execute(
        select(func.max(moments.c.due_at)).where(or_(whole, own), moments.c.state == WAITING)
    ).scalar()


def hand_over(connection: Connection, event_id: int, heir_id: int) -> None:
    """Let the waiting moments that are about a whole course come with another of its dates."""
    about_all = (moments.c.event_id == event_id) & of_kinds(moments.c.offset, (INVITE, "week"))
    theirs = moments.alias()
    has_one = exists().where(theirs.c.event_id == heir_id, theirs.c.offset == moments.c.offset)
    connection.execute(update(moments).where(about_all, moments.c.state == WAITING, ~has_one).values(event_id=heir_id))


def of_kinds(column: Any, bases: Sequence[str]) -> ColumnElement[bool]:
    """Whether a column of offsets holds one of these kinds, of any version."""
    return or_(*(column.like(f"{base}%") for base in bases))


def _due_again(connection: Connection, keys: Sequence[str], now: datetime) -> None:
    """What messages that were taken back told of other events besides becomes due once more."""
    joint = notifications.c.message.in_(keys) & (notifications.c.status == "joint")
    others = delete(notifications).where(joint).returning(notifications.c.event_id, notifications.c.offset)
    for event_id, offset in {(row.event_id, row.offset) for row in connection.execute(others)}:
        one = (moments.c.event_id == event_id) & (moments.c.offset == offset) & (moments.c.until > now)
        connection.execute(update(moments).where(one, moments.c.state == DONE).values(state=WAITING, done_at=None))


def forget_answers(connection: Connection, event_id: int) -> None:
    """„I will come“ on Tuesday says nothing of Thursday. Seats are kept until the new answer.

    Of a slot only its holder's answer is forgotten: whoever gave it back is asked nothing more of it.
    """
    is_slot = exists().where(events.c.id == event_id, events.c.kind == "slot")
    connection.execute(
        update(invitations)
        .where(invitations.c.event_id == event_id, or_(invitations.c.seat == "seat", ~is_slot))
        .values(rsvp="", rsvp_at=None, rsvp_by=None, leave_at="")
    )


# --- for the scheduler ----------------------------------------------------------------------------------------------


def waiting(connection: Connection, before: datetime | None = None) -> list[Due]:
    """The moments still to come, the next first; with a time, only those due before it.

    Of those due together, after an outage say, an invitation and a change go first: what they tell is not repeated.
    """
    rows = connection.execute(_waiting) if before is None else connection.execute(_due_before, {"before": before})
    return [Due(*row) for row in rows]


_first = case((of_kinds(moments.c.offset, (INVITE, CHANGE)), 0), else_=1)
_waiting = (
    select(moments.c.event_id, moments.c.offset, moments.c.due_at, moments.c.until)
    .where(moments.c.state == WAITING)
    .order_by(moments.c.due_at, _first, moments.c.event_id, moments.c.offset)
)
_due_before = _waiting.where(moments.c.due_at < bindparam("before"))


def taken(connection: Connection, event_id: int, offset: str) -> Due | None:
    """A waiting moment, locked against other processes; None when it is done, moved away or withdrawn.

    One moment is decided at a time, over all processes: two at once would not see whom the other writes to.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_decide_alone)
    row = connection.execute(_taken, {"this_event": event_id, "this_offset": offset}).first()
    return Due(*row) if row else None


_this = (moments.c.event_id == bindparam("this_event")) & (moments.c.offset == bindparam("this_offset"))
_begun = moments.c.done_at.is_not(None)
_taken = (
    select(moments.c.event_id, moments.c.offset, moments.c.due_at, moments.c.until, _begun)
    .where(_this, moments.c.state == WAITING)
    .with_for_update()
)
_leave = update(moments).where(_this).values(state=bindparam("then"), done_at=bindparam("now"))


def put_off(connection: Connection, moment: Due, due: datetime) -> None:
    """Let a moment come later."""
    this = (moments.c.event_id == moment.event_id) & (moments.c.offset == moment.offset)
    connection.execute(update(moments).where(this).values(due_at=due, done_at=None))


def go_on(connection: Connection, moment: Due, now: datetime) -> None:
    """A moment has decided for some people, and others are left: whom it concerns is not looked up again."""
    close(connection, moment, WAITING, now)


def close(connection: Connection, moment: Due, state: str, now: datetime) -> None:
    """A moment is over: done, or too late to be of use."""
    values = {"this_event": moment.event_id, "this_offset": moment.offset, "then": state, "now": now}
    connection.execute(_leave, values)
