"""The ledger of what was written to whom about which event, or why not.

One statement decides for all whom a moment concerns. The key (event, offset, contact) makes a second run, a second
process and a restart harmless. Texts are composed later, when the sender takes the row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    String,
    Subquery,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    true,
)

from bot import calendar
from bot.abilities import ABILITIES
from bot.calendar import Rules
from bot.chat import Acting
from bot.messages import Lane
from storage import enough, moments
from storage.enough import JOINT, QUEUED
from storage.moments import AFTER, CHANGE, INVITE, PLACE, REMINDERS, TIMED, Due
from storage.people import INSERTS
from storage.tables import BigId, UtcTime, addresses, contacts, events, feedback, notifications, outbox, residents
from storage.tables import invitations as invitation_rows
from storage.tables import moments as moment_rows

RECENT = timedelta(days=7)
FRESH = timedelta(days=4)  # so long „да“ answers what we wrote last
PREFIX = "reminder"  # of the outbox keys
TEL = "tel"  # an address that only a call reaches

ONCE_A_HOME = (*REMINDERS, INVITE, CHANGE, AFTER)  # of a parents' meeting
SLACK = timedelta(minutes=15)  # in which ten thousand messages are out: what is due so long after is told at once
SKIPPED, LATE = "skipped", "expired"

_i, _c, _n = invitation_rows, contacts, notifications
_COLUMNS = ("event_id", "offset", "contact_id", "status", "reason", "message", "at")


def opens_at(rules: Rules, base: str, now: datetime, until: datetime | None = None) -> datetime:
    """The earliest time, now or later, at which a message of this kind may go out.

    A change of today's plans may come early in the morning; the last reminder of something that happens on a holiday,
    and a course's Sunday, may come on that day; so may a place that came free, if the event is then (`until`).
    Everything else waits for the quiet hours to end.
    """
    if base == CHANGE:
        return calendar.next_urgent(rules, now)
    if base in ("2h", "week") and not calendar.is_quiet_hour(rules, now):
        return now
    if base == PLACE and until is not None:
        hour = calendar.next_hour(rules, now)
        if calendar.local_day(rules, hour) == calendar.local_day(rules, until):
            return hour
    return calendar.next_open(rules, now)


def decide(
    connection: Connection, moment: Due, now: datetime, rules: Rules, *, bite: int, late: bool = False,
    only: Sequence[int] = (), not_before: datetime | None = None,
) -> int:  # fmt: skip
    """Write the ledger for the next people whom a moment concerns, and queue what is to be sent. Gives how many.

    `late`: it helps nobody any more, and only that is noted. `only`: these people and nobody else.
    """
    _by_index(connection)
    statement = _deciding(connection.dialect.name, moment.base, late=late, some=bool(only))
    values = _values(moment, now, rules) | {"bite": bite, "these": list(only)}
    decided = connection.execute(statement, values).rowcount
    if decided and not late:
        _queue(connection, moment, now, not_before or now)
        if moment.base in (*REMINDERS, INVITE):
            _join(connection, moment, now, rules)
    return decided


_WAYS = ("seqscan", "hashjoin", "mergejoin", "bitmapscan", "sort")


def _by_index(connection: Connection) -> None:
    """Keep PostgreSQL to the indexes: a bite is small, and every look-up has one.

    It knows nothing yet of rows that came a moment ago, and would go through whole tables for each person, or sort
    all guests of an event for each bite; in the order of their index it stops when the bite is full.
    """
    if connection.dialect.name == "postgresql":
        off = (func.set_config(f"enable_{way}", "off", True) for way in _WAYS)
        # A plan of its own each time: one that was made for an empty ledger would be kept for a full one.
        connection.execute(select(*off, func.set_config("plan_cache_mode", "force_custom_plan", True)))


@cache
def _deciding(dialect: str, base: str, *, late: bool, some: bool) -> Any:
    """Building a statement takes longer than running it for a class of thirty, so each is built once."""
    concerned = _concerned(base, some=some).order_by(_i.c.contact_id).limit(bindparam("bite", type_=Integer))
    who = concerned.subquery() if late else _once_a_home(base, concerned)
    free = who.c.reason == ""
    key = literal("") if late else case((free, _KEY.concat(cast(who.c.contact_id, String))), else_=literal(""))
    rows = select(
        _EVENT, _OFFSET, who.c.contact_id, case((free, literal(LATE if late else QUEUED)), else_=literal(SKIPPED)),
        case((free, literal("late" if late else "")), else_=who.c.reason), key, _NOW,
    ).where(true())  # fmt: skip
    return INSERTS[dialect](notifications).from_select(_COLUMNS, rows).on_conflict_do_nothing()


def _values(moment: Due, now: datetime, rules: Rules) -> dict[str, Any]:
    """What is bound in the statements about a moment."""
    return {
        "this_event": moment.event_id, "this_offset": moment.offset, "now": now,
        "this_key": f"{PREFIX}:{moment.event_id}:{moment.offset}:", "long_ago": now - rules.apart - RECENT,
        "hours_ago": now - rules.apart, "weeks_ago": now - RECENT - RECENT, "a_week_ago": now - RECENT,
        "full": rules.announcements_a_week, "in_a_week": now + RECENT,
    }  # fmt: skip


def tell(connection: Connection, event_id: int, offset: str, who: Sequence[int], now: datetime, rules: Rules) -> None:
    """Tell some people of an event at once, or when the quiet hours end: a place that came free, a late invitation."""
    begins = connection.execute(select(events.c.starts_at).where(events.c.id == event_id)).scalar_one()
    moment = Due(event_id, offset, now, begins)
    opens = opens_at(rules, moment.base, now, begins)
    decide(connection, moment, now, rules, bite=len(who), late=opens >= begins, only=who, not_before=opens)


def tell_together(
    connection: Connection, event_ids: Sequence[int], offset: str, contact_id: int, now: datetime, rules: Rules
) -> None:
    """Tell one person of several events in one message: it is queued for the first of which they are to hear."""
    message = ""
    for number in event_ids:
        if message:
            values = _values(Due(number, offset, now, now), now, rules) | {"these": [contact_id], "message_": message}
            connection.execute(_telling_besides(connection.dialect.name, moments.base_of(offset)), values)
            continue
        tell(connection, number, offset, [contact_id], now, rules)
        mine = (_n.c.event_id == number) & (_n.c.offset == offset) & (_n.c.contact_id == contact_id)
        message = connection.execute(select(_n.c.message).where(mine)).scalar() or ""


@cache
def _telling_besides(dialect: str, base: str) -> Any:
    """Tell somebody of one more event in a message that they get anyway."""
    who = _concerned(base, some=True).subquery()
    told = who.c.reason.in_(("", "week_full"))  # it is no message more
    message = bindparam("message_", type_=String)
    row = select(
        _EVENT, _OFFSET, who.c.contact_id, case((told, literal(JOINT)), else_=literal(SKIPPED)),
        case((told, literal("")), else_=who.c.reason), case((told, message), else_=literal("")), _NOW,
    ).where(true())  # fmt: skip
    return INSERTS[dialect](notifications).from_select(_COLUMNS, row).on_conflict_do_nothing()


def latest(connection: Connection, acting: Acting) -> tuple[int, bool] | None:
    """The coming event of which our last message asked whether they come, and whether it was an invitation.

    None where the last one asked something else, or nothing: „не“ below „Има ли пречка?“ is no answer to an older one.
    """
    mine = (outbox.c.contact_id == acting.contact_id) & outbox.c.inbox_id.is_(None) & went_out()
    lately = (outbox.c.created_at > acting.now - FRESH) & outbox.c.key.not_like("again:%")
    last = connection.execute(select(outbox.c.key).where(mine, lately).order_by(outbox.c.id.desc()).limit(1)).scalar()
    asks = moments.of_kinds(_n.c.offset, (*TIMED, INVITE, CHANGE, PLACE))
    coming = (events.c.status == "published") & (events.c.starts_at > acting.now)
    row = connection.execute(
        select(_n.c.event_id, _n.c.offset)
        .join(events, events.c.id == _n.c.event_id)
        .where(_n.c.message == last, _n.c.contact_id == acting.contact_id, asks, coming)
        .order_by(_n.c.status.desc(), events.c.starts_at, events.c.id)
        .limit(1)
    ).first()
    return (row.event_id, row.offset == INVITE) if row else None


def hearers(
    connection: Connection, acting: Acting, *, event_ids: Sequence[int], rules: Rules, moved: bool = False
) -> int:
    """How many people would be told if these events were changed now; of a parents' meeting, how many homes.

    `moved`: to another time, of which also those are told who said no to the one before.
    """
    who = hearing(event_ids, moved=moved).add_columns(events.c.kind).subquery()
    one = case((who.c.kind == "meeting", who.c.address), else_=who.c.contact_id)
    return connection.execute(select(func.count(one.distinct()))).scalar_one()


def hearing(event_ids: Sequence[int], *, moved: bool) -> Select[Any]:
    """These people, each with the address where they would be told."""
    told = _meant(CHANGE) & (_reason(CHANGE, anew=moved) == "")
    return (
        select(_i.c.contact_id, best_address().label("address"))
        .select_from(_i.join(_c, _c.c.id == _i.c.contact_id).join(events, events.c.id == _i.c.event_id))
        .where(_i.c.event_id.in_(event_ids), told)
        .params(this_offset=CHANGE)
    )


def next_offset(connection: Connection, event_id: int, contact_id: int, base: str) -> str:
    """An offset that this person was not told under yet: a place may come free twice."""
    told = (_n.c.event_id == event_id) & (_n.c.contact_id == contact_id) & moments.of_kinds(_n.c.offset, (base,))
    return f"{base}{connection.execute(select(func.count()).select_from(_n).where(told)).scalar_one() + 1}"


# --- whom a moment concerns, and why somebody is left out -----------------------------------------------------------


# What is bound in them when they run.
_EVENT, _NOW = bindparam("this_event", type_=BigId), bindparam("now", type_=UtcTime())
_OFFSET, _KEY = bindparam("this_offset", type_=String), bindparam("this_key", type_=String)
_THESE = bindparam("these", type_=BigId, expanding=True)


def _concerned(base: str, *, some: bool) -> Select[Any]:
    """Contacts of the event for whom nothing is in the ledger yet, each with the reason to leave them out, if any."""
    # Counted, not "not exists": PostgreSQL would compare everybody with everybody who was decided on before.
    mine = (_n.c.event_id == _EVENT) & (_n.c.offset == _OFFSET) & (_n.c.contact_id == _i.c.contact_id)
    fresh = select(func.count()).select_from(_n).where(mine).correlate(_i).scalar_subquery() == 0
    comes = case(((_i.c.rsvp == "yes") | (_i.c.seat != ""), 0), else_=1)
    columns = (_i.c.contact_id, _reason(base).label("reason"), best_address().label("address"), events.c.kind)
    return (
        select(*columns, comes.label("turn"))
        .select_from(_i.join(_c, _c.c.id == _i.c.contact_id).join(events, events.c.id == _i.c.event_id))
        .where(_rows_of(base), fresh, _holds_it(), _meant(base))
        .where(_i.c.contact_id.in_(_THESE) if some else true())
    )


def _rows_of(base: str) -> ColumnElement[bool]:
    """The rows that a moment concerns: the event's own; of a Sunday, for each person one of the coming week."""
    if base != "week":
        return _i.c.event_id == _EVENT
    date, theirs = events.alias(), invitation_rows.alias()
    coming = (date.c.starts_at > _NOW) & (date.c.starts_at <= bindparam("in_a_week", type_=UtcTime()))
    week = select(date.c.id).where(_of_the_course(date), coming, date.c.status == "published")
    one = (
        select(func.min(theirs.c.event_id))
        .where(theirs.c.contact_id == _i.c.contact_id, theirs.c.event_id.in_(week), _stays(theirs))
        .correlate(_i)
        .scalar_subquery()
    )
    return _i.c.event_id.in_(week) & (_i.c.event_id == one)


def _of_the_course(date: Any) -> ColumnElement[bool]:
    this = events.alias()
    lead = select(func.coalesce(this.c.lead_id, this.c.id)).where(this.c.id == _EVENT).scalar_subquery()
    return or_(date.c.id == lead, date.c.lead_id == lead)


def _stays(theirs: Any) -> ColumnElement[bool]:
    """Whether somebody said yes to a date of a course, or has said nothing of it but has been there before."""
    date, before = events.alias(), invitation_rows.alias()
    came = exists().where(
        before.c.contact_id == theirs.c.contact_id, before.c.attended.is_(True), date.c.id == before.c.event_id,
        _of_the_course(date),
    )  # fmt: skip
    return or_(theirs.c.rsvp == "yes", (theirs.c.rsvp == "") & came)


def _once_a_home(base: str, concerned: Select[Any]) -> Subquery:
    """Of those who would hear of a parents' meeting at one address now, only one does: whoever means to come."""
    who = concerned.subquery()
    nth = func.row_number().over(partition_by=(who.c.address, who.c.reason), order_by=(who.c.turn, who.c.contact_id))
    again = (who.c.kind == "meeting") & (who.c.reason == "") & (nth > 1)
    reason = case((again, "household"), else_=who.c.reason) if base in ONCE_A_HOME else who.c.reason
    return select(who.c.contact_id, reason.label("reason")).subquery()


def _holds_it() -> ColumnElement[bool]:
    """A slot concerns whoever holds it. One that was given back is nobody's, whatever was written about it before."""
    return or_(events.c.kind != "slot", _i.c.seat == "seat")


def _meant(base: str) -> Any:
    """Whom this kind of moment is for at all."""
    came = _i.c.attended.is_(True)
    match base:
        case "7d":
            return _misses() >= 2  # noqa: PLR2004  (two of the last four)
        case moments.INVITE:
            return (_i.c.rsvp == "") & (_i.c.source == "audience")
        case moments.CHANGE:
            return _knows_of_it()
        case moments.AFTER:
            told = exists().where(feedback.c.event_id == _i.c.event_id, feedback.c.contact_id == _i.c.contact_id)
            return or_(came, _i.c.attended.is_(None) & (_i.c.rsvp == "yes") & (_i.c.seat == "seat")) & ~told
        case moments.MISSED:
            return _i.c.attended.is_(False) & (_i.c.miss_reason == "")
    return true()


def _knows_of_it() -> ColumnElement[bool]:
    """Whether a change concerns somebody: something went out to them, they have a seat, or were entered by hand."""
    told = (_n.c.event_id == _i.c.event_id) & (_n.c.contact_id == _i.c.contact_id) & _n.c.version.is_not(None)
    heard = exists().where(told, outbox.c.key == _n.c.message, went_out())
    return or_(heard, _i.c.seat != "", _i.c.source != "audience") & _holds_it()


def went_out() -> ColumnElement[bool]:
    """Whether a message has reached somebody, as far as anybody can know."""
    return or_(outbox.c.status.in_(("sending", "sent", "delivered", "read", "uncertain")), outbox.c.ambiguous > 0)


def _misses() -> Any:
    """How many of their last four meetings a contact missed, as far as attendance was marked."""
    theirs, then = invitation_rows.alias(), events.alias()
    last_four = (
        select(theirs.c.attended)
        .join(then, then.c.id == theirs.c.event_id)
        .where(theirs.c.contact_id == _i.c.contact_id, theirs.c.attended.is_not(None), then.c.starts_at < _NOW)
        .order_by(then.c.starts_at.desc())
        .limit(4)
        .correlate(_i)
        .subquery()
    )
    return select(func.count()).select_from(last_four).where(last_four.c.attended.is_(False)).scalar_subquery()


def _reason(base: str, *, anew: bool = False) -> ColumnElement[str]:
    """Why somebody is left out: the first that fits; empty if nothing does. `anew`: answers count no more."""
    reasons: list[tuple[ColumnElement[bool], str]] = [
        (_c.c.status == "archived", "erased"),
        (_c.c.status == "stopped", "stopped"),
        (_c.c.status == "blocked", "blocked"),
        (best_address().is_(None), "no_channel"),
    ]
    if base in (*REMINDERS, CHANGE) and not anew:
        reasons.append((_i.c.rsvp == "no", "said_no"))
    if base in TIMED:
        reasons.append(((_i.c.seat == "waiting") & (events.c.kind != "slot"), "waiting"))
    if base in (*TIMED, CHANGE):  # the slot that they chose has messages of its own
        reasons.append((_has_slot(), "chosen"))
    if base in ONCE_A_HOME:
        told = _told_at_home(_i.c.event_id, _OFFSET, _i.c.contact_id, best_address())
        reasons.append(((events.c.kind == "meeting") & told, "household"))
    if base in REMINDERS:
        reasons.append((_reminded_lately(), "too_close"))
    if base == INVITE:
        heard = enough.announcements(_time("a_week_ago"), _time("weeks_ago"), _i.c.contact_id)
        reasons.append((heard >= bindparam("full", type_=Integer), "week_full"))
    return case(*((condition, literal(name)) for condition, name in reasons), else_=literal(""))


def best_address(contact_id: Any = None) -> Any:
    """The address to write to: where a message rings first, then the newest. NULL when no channel reaches them."""
    rings = case({name: can.rings for name, can in ABILITIES.items()}, value=addresses.c.channel, else_=9)
    return (
        select(addresses.c.id)
        .join(residents, residents.c.address_id == addresses.c.id)
        .where(
            residents.c.contact_id == (_c.c.id if contact_id is None else contact_id),
            addresses.c.status == "active",
            addresses.c.channel != TEL,
        )
        .order_by(rings, addresses.c.id.desc())
        .limit(1)
        .correlate_except(addresses, residents)  # however deep it stands, it is about whoever is asked for
        .scalar_subquery()
    )


def _has_slot() -> ColumnElement[bool]:
    """Whether somebody has chosen a slot of this appointment."""
    slot, theirs = events.alias(), invitation_rows.alias()
    chosen = (slot.c.lead_id == _i.c.event_id) & (slot.c.kind == "slot") & (theirs.c.event_id == slot.c.id)
    return exists().where(chosen, theirs.c.contact_id == _i.c.contact_id, theirs.c.seat == "seat")


def _told_at_home(event_id: Any, offset: Any, contact_id: Any, address_id: Any) -> ColumnElement[bool]:
    """Whether somebody else who lives at an address was told there already: one message for a household."""
    told, there = _n.alias(), residents.alias()
    # Counted for each who lives there: joined, PostgreSQL would go through the whole class for each of its parents.
    messages = (
        select(func.count())
        .select_from(told.join(outbox, outbox.c.key == told.c.message))
        .where(
            told.c.event_id == event_id, told.c.offset == offset, told.c.contact_id == there.c.contact_id,
            told.c.status.in_((QUEUED, JOINT)), outbox.c.address_id == there.c.address_id,
        )
        .correlate_except(told, outbox)
        .scalar_subquery()
    )  # fmt: skip
    others = (there.c.address_id == address_id) & (there.c.contact_id != contact_id) & (messages > 0)
    return select(literal(1)).select_from(there).where(others).correlate_except(there).exists()


def _time(name: str) -> Any:
    return bindparam(name, type_=UtcTime())


def _reminded_lately() -> ColumnElement[bool]:
    """Whether a reminder went to them within hours, or this event's own invitation or change."""
    about_this = (_n.c.event_id == _i.c.event_id) & moments.of_kinds(_n.c.offset, (INVITE, CHANGE))
    kinds = or_(moments.of_kinds(_n.c.offset, REMINDERS), about_this)
    return exists().where(enough.told_since(_time("hours_ago"), _time("long_ago"), _i.c.contact_id), kinds)


# --- one message for several events ---------------------------------------------------------------------------------


def _join(connection: Connection, moment: Due, now: datetime, rules: Rules) -> None:
    """What else would be due to the same people within hours, or about the same day, is told in the same message."""
    day_of = connection.execute(select(events.c.starts_at).where(events.c.id == moment.event_id)).scalar_one()
    morning, night = calendar.local_day(rules, day_of)
    values = {"morning": morning, "night": night, "soon": now + rules.apart + SLACK}
    connection.execute(_joining(connection.dialect.name, moment.base), _values(moment, now, rules) | values)


@cache
def _joining(dialect: str, base: str) -> Any:
    mine, theirs, other = _n.alias(), invitation_rows.alias(), events.alias()
    kinds = (INVITE,) if base == INVITE else TIMED
    morning, night, soon = (bindparam(name, type_=UtcTime()) for name in ("morning", "night", "soon"))
    same_day = moment_rows.c.offset.like(f"{base}%") & (other.c.starts_at >= morning) & (other.c.starts_at < night)
    unlike = moment_rows.c.offset.like("7d%")  # only for some, which is not asked again here
    nth = func.row_number().over(
        partition_by=(moment_rows.c.event_id, moment_rows.c.offset, outbox.c.address_id), order_by=mine.c.contact_id
    )
    found = (
        select(
            moment_rows.c.event_id, moment_rows.c.offset, mine.c.contact_id, mine.c.message, outbox.c.address_id,
            other.c.kind, nth.label("nth"),
        )
        .select_from(mine)
        .join(outbox, outbox.c.key == mine.c.message)
        .join(theirs, theirs.c.contact_id == mine.c.contact_id)
        .join(moment_rows, moment_rows.c.event_id == theirs.c.event_id)
        .join(other, other.c.id == theirs.c.event_id)
        .where(
            mine.c.event_id == _EVENT, mine.c.offset == _OFFSET, mine.c.status == QUEUED, mine.c.at == _NOW,
            moment_rows.c.state == moments.WAITING, moment_rows.c.event_id != _EVENT,
            moments.of_kinds(moment_rows.c.offset, kinds), ~unlike, or_(moment_rows.c.due_at <= soon, same_day),
            other.c.status == "published", other.c.kind != "appointment", theirs.c.rsvp != "no",
            case((other.c.kind == "slot", theirs.c.seat == "seat"), else_=theirs.c.seat != "waiting"),
            moment_rows.c.until > _NOW,
            (theirs.c.rsvp == "") & (theirs.c.source == "audience") if base == INVITE else true(),
        )
        .subquery()
    )  # fmt: skip
    at_home = _told_at_home(found.c.event_id, found.c.offset, found.c.contact_id, found.c.address_id)
    rows = select(
        found.c.event_id, found.c.offset, found.c.contact_id, literal(JOINT), literal(""), found.c.message, _NOW,
    ).where(or_(found.c.kind != "meeting", (found.c.nth == 1) & ~at_home))  # fmt: skip
    return INSERTS[dialect](notifications).from_select(_COLUMNS, rows).on_conflict_do_nothing()


def _queue(connection: Connection, moment: Due, now: datetime, not_before: datetime) -> None:
    """Enter what was decided into the outbox. Its words are composed when the sender takes it."""
    values = {"this_event": moment.event_id, "this_offset": moment.offset, "now": now}
    more = {"opens": not_before, "closes": moment.until}
    connection.execute(_queueing(connection.dialect.name), values | more)


@cache
def _queueing(dialect: str) -> Any:
    opens, closes = bindparam("opens", type_=UtcTime()), bindparam("closes", type_=UtcTime())
    mine = and_(_n.c.event_id == _EVENT, _n.c.offset == _OFFSET, _n.c.status == QUEUED, _n.c.at == _NOW)
    rows = (
        select(
            _n.c.message, addresses.c.channel, addresses.c.id, _n.c.contact_id, literal(int(Lane.REMINDER)),
            literal("queued"), opens, closes, _NOW,
        )
        .select_from(_n.join(addresses, addresses.c.id == best_address(_n.c.contact_id)))
        .where(mine)
    )  # fmt: skip
    columns = (
        "key", "channel", "address_id", "contact_id", "lane", "status", "not_before", "expires_at", "created_at",
    )  # fmt: skip
    return INSERTS[dialect](outbox).from_select(columns, rows).on_conflict_do_nothing()
