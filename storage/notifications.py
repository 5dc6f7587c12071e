"""The ledger of what was written to whom about which event, or why not.

One statement decides for all whom a moment concerns. The key (event, offset, contact) makes a second run, a second
process and a restart harmless. Texts are composed later, when the sender takes the row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    Subquery,
    and_,
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
from bot.calendar import Rules
from bot.chat import Acting
from bot.messages import Lane
from storage import moments
from storage.moments import AFTER, CHANGE, INVITE, MISSED, REMINDERS, TIMED, Due
from storage.people import upsert
from storage.tables import UtcTime, addresses, contacts, events, feedback, notifications, outbox, residents
from storage.tables import invitations as invitation_rows
from storage.tables import moments as moment_rows

RECENT = timedelta(days=7)
FRESH = timedelta(days=4)  # so long „да“ answers what we wrote last
PREFIX = "reminder"  # of the outbox keys
TEL = "tel"  # an address that only a call reaches

ONCE_A_HOME = (*REMINDERS, INVITE, AFTER)  # of a parents' meeting
SLACK = timedelta(minutes=15)  # in which ten thousand messages are out: what is due so long after is told at once
QUEUED, JOINT, SKIPPED, LATE = "queued", "joint", "skipped", "expired"

_i, _c, _n = invitation_rows, contacts, notifications
_COLUMNS = ("event_id", "offset", "contact_id", "status", "reason", "message", "at")


def opens_at(rules: Rules, base: str, now: datetime) -> datetime:
    """The earliest time, now or later, at which a message of this kind may go out.

    A change of today's plans may come early in the morning; the last reminder of something that happens on a holiday,
    and a course's Sunday, may come on that day. Everything else waits for the quiet hours to end.
    """
    if base == CHANGE:
        return calendar.next_urgent(rules, now)
    if base in ("2h", "week") and not calendar.is_quiet_hour(rules, now):
        return now
    return calendar.next_open(rules, now)


def decide(
    connection: Connection, moment: Due, now: datetime, rules: Rules, *, bite: int, late: bool = False,
    only: Sequence[int] = (), not_before: datetime | None = None,
) -> int:  # fmt: skip
    """Write the ledger for the next people whom a moment concerns, and queue what is to be sent. Gives how many.

    `late`: it helps nobody any more, and only that is noted. `only`: these people and nobody else.
    """
    concerned = _concerned(moment, rules, now, only).order_by(_i.c.contact_id).limit(bite)
    who = concerned.subquery() if late else _once_a_home(moment, concerned)
    status = case((who.c.reason == "", literal(LATE if late else QUEUED)), else_=literal(SKIPPED))
    rows = select(
        literal(moment.event_id), literal(moment.offset), who.c.contact_id, status,
        case((who.c.reason == "", literal("late" if late else "")), else_=who.c.reason),
        case((who.c.reason == "", _key(moment, who.c.contact_id)), else_=literal("")) if not late else literal(""),
        literal(now, UtcTime()),
    ).where(true())  # fmt: skip
    fresh = upsert(connection, notifications).from_select(_COLUMNS, rows)
    decided = connection.execute(fresh.on_conflict_do_nothing()).rowcount
    if decided and not late:
        _queue(connection, moment, now, not_before or now)
        if moment.base in (*REMINDERS, INVITE):
            _join(connection, moment, now, rules)
    return decided


def tell(connection: Connection, event_id: int, offset: str, who: Sequence[int], now: datetime, rules: Rules) -> None:
    """Tell some people of an event at once, or when the quiet hours end: a place that came free, a late invitation."""
    begins = connection.execute(select(events.c.starts_at).where(events.c.id == event_id)).scalar_one()
    moment = Due(event_id, offset, now, begins)
    opens = opens_at(rules, moment.base, now)
    decide(connection, moment, now, rules, bite=len(who), late=opens >= begins, only=who, not_before=opens)


def tell_together(
    connection: Connection, event_ids: Sequence[int], offset: str, contact_id: int, now: datetime, rules: Rules
) -> None:
    """Tell one person of several events in one message: it is queued for the first of which they are to hear."""
    message = ""
    for number in event_ids:
        if message:
            _tell_besides(connection, Due(number, offset, now, now), contact_id, message, rules)
            continue
        tell(connection, number, offset, [contact_id], now, rules)
        mine = (_n.c.event_id == number) & (_n.c.offset == offset) & (_n.c.contact_id == contact_id)
        message = connection.execute(select(_n.c.message).where(mine)).scalar() or ""


def _tell_besides(connection: Connection, moment: Due, contact_id: int, message: str, rules: Rules) -> None:
    """Tell somebody of one more event in a message that they get anyway."""
    who = _concerned(moment, rules, moment.due, [contact_id]).subquery()
    told = who.c.reason.in_(("", "week_full"))  # it is no message more
    row = select(
        literal(moment.event_id), literal(moment.offset), who.c.contact_id, case((told, JOINT), else_=SKIPPED),
        case((told, ""), else_=who.c.reason), case((told, message), else_=""), literal(moment.due, UtcTime()),
    ).where(true())  # fmt: skip
    connection.execute(upsert(connection, notifications).from_select(_COLUMNS, row).on_conflict_do_nothing())


def latest(connection: Connection, acting: Acting) -> tuple[int, bool] | None:
    """The coming event of which whoever acts was last written to, not long ago, and whether it was an invitation."""
    lately = _n.c.version.is_not(None) & (_n.c.at > acting.now - FRESH)
    coming = (events.c.status == "published") & (events.c.starts_at > acting.now)
    row = connection.execute(
        select(_n.c.event_id, _n.c.offset)
        .join(events, events.c.id == _n.c.event_id)
        .where(_n.c.contact_id == acting.contact_id, _n.c.status.in_((QUEUED, JOINT)), lately, coming)
        .order_by(_n.c.at.desc(), _n.c.status.desc(), events.c.starts_at, events.c.id)
        .limit(1)
    ).first()
    return (row.event_id, row.offset == INVITE) if row else None


def hearers(connection: Connection, acting: Acting, *, event_ids: Sequence[int], rules: Rules) -> int:
    """How many people would be told if these events were changed now."""
    change = Due(0, CHANGE, acting.now, acting.now)
    told = _meant(change, acting.now) & (_reason(change, rules, acting.now) == "")
    found = (
        select(func.count(_i.c.contact_id.distinct()))
        .select_from(_i.join(_c, _c.c.id == _i.c.contact_id).join(events, events.c.id == _i.c.event_id))
        .where(_i.c.event_id.in_(event_ids), told)
    )
    return connection.execute(found).scalar_one()


def next_offset(connection: Connection, event_id: int, contact_id: int, base: str) -> str:
    """An offset that this person was not told under yet: a place may come free twice."""
    told = (_n.c.event_id == event_id) & (_n.c.contact_id == contact_id) & moments.of_kinds(_n.c.offset, (base,))
    return f"{base}{connection.execute(select(func.count()).select_from(_n).where(told)).scalar_one() + 1}"


def _key(moment: Due, contact_id: Any) -> ColumnElement[str]:
    return literal(f"{PREFIX}:{moment.event_id}:{moment.offset}:").concat(cast(contact_id, String))


# --- whom a moment concerns, and why somebody is left out -----------------------------------------------------------


def _concerned(moment: Due, rules: Rules, now: datetime, only: Sequence[int]) -> Select[Any]:
    """Contacts of the event for whom nothing is in the ledger yet, each with the reason to leave them out, if any."""
    done = exists().where(
        _n.c.event_id == moment.event_id, _n.c.offset == moment.offset, _n.c.contact_id == _i.c.contact_id
    )
    return (
        select(
            _i.c.contact_id, _reason(moment, rules, now).label("reason"), best_address().label("address"),
            events.c.kind,
        )
        .select_from(_i.join(_c, _c.c.id == _i.c.contact_id).join(events, events.c.id == _i.c.event_id))
        .where(_i.c.event_id == moment.event_id, ~done, _meant(moment, now))
        .where(_i.c.contact_id.in_(only) if only else true())
    )  # fmt: skip


def _once_a_home(moment: Due, concerned: Select[Any]) -> Subquery:
    """Of those who would hear of a parents' meeting at one address now, only the first does."""
    who = concerned.subquery()
    nth = func.row_number().over(partition_by=(who.c.address, who.c.reason), order_by=who.c.contact_id)
    again = (who.c.kind == "meeting") & (who.c.reason == "") & (nth > 1)
    reason = case((again, "household"), else_=who.c.reason) if moment.base in ONCE_A_HOME else who.c.reason
    return select(who.c.contact_id, reason.label("reason")).subquery()


def _meant(moment: Due, now: datetime) -> Any:  # noqa: PLR0911  (one line for each kind)
    """Whom this kind of moment is for at all."""
    came = _i.c.attended.is_(True)
    match moment.base:
        case "7d":
            return _misses(now) >= 2  # noqa: PLR2004  (two of the last four)
        case base if base == INVITE:
            return (_i.c.rsvp == "") & (_i.c.source == "audience")
        case base if base == CHANGE:
            return _knows_of_it()
        case base if base == AFTER:
            told = exists().where(feedback.c.event_id == _i.c.event_id, feedback.c.contact_id == _i.c.contact_id)
            return or_(came, _i.c.attended.is_(None) & (_i.c.rsvp == "yes") & (_i.c.seat == "seat")) & ~told
        case base if base == MISSED:
            return _i.c.attended.is_(False) & (_i.c.miss_reason == "")
        case "week":
            return or_(came, _i.c.rsvp == "yes")
    return true()


def _knows_of_it() -> ColumnElement[bool]:
    """Whether a change concerns somebody: they were written to, have a seat, or were entered by hand.

    A slot that was given back is nobody's, whatever was written about it before.
    """
    told = exists().where(_n.c.event_id == _i.c.event_id, _n.c.contact_id == _i.c.contact_id, _n.c.version.is_not(None))
    knows = or_(told, _i.c.seat != "", _i.c.source != "audience")
    return knows & or_(events.c.kind != "slot", _i.c.seat == "seat")


def _misses(now: datetime) -> Any:
    """How many of their last four meetings a contact missed, as far as attendance was marked."""
    theirs, then = invitation_rows.alias(), events.alias()
    last_four = (
        select(theirs.c.attended)
        .join(then, then.c.id == theirs.c.event_id)
        .where(theirs.c.contact_id == _i.c.contact_id, theirs.c.attended.is_not(None), then.c.starts_at < now)
        .order_by(then.c.starts_at.desc())
        .limit(4)
        .correlate(_i)
        .subquery()
    )
    return select(func.count()).select_from(last_four).where(last_four.c.attended.is_(False)).scalar_subquery()


def _reason(moment: Due, rules: Rules, now: datetime) -> ColumnElement[str]:
    """Why somebody is left out: the first that fits. Empty: nothing speaks against it."""
    reasons: list[tuple[ColumnElement[bool], str]] = [
        (_c.c.status == "archived", "erased"),
        (_c.c.status == "stopped", "stopped"),
        (_c.c.status == "blocked", "blocked"),
        (best_address().is_(None), "no_channel"),
    ]
    base = moment.base
    if base in REMINDERS or base == CHANGE:
        reasons.append((_i.c.rsvp == "no", "said_no"))
    if base in TIMED:
        reasons.append(((_i.c.seat == "waiting") & (events.c.kind != "slot"), "waiting"))
    if base in (*TIMED, CHANGE):  # the slot that they chose has messages of its own
        reasons.append((_has_slot(), "chosen"))
    if base in ONCE_A_HOME:
        told = _told_at_home(_i.c.event_id, moment.offset, _i.c.contact_id, best_address())
        reasons.append(((events.c.kind == "meeting") & told, "household"))
    if base in REMINDERS:
        reasons.append((_reminded_since(now - rules.apart), "too_close"))
    if base == INVITE:
        reasons.append((_invited_since(now - RECENT) >= rules.announcements_a_week, "week_full"))
    return case(*((condition, literal(name)) for condition, name in reasons), else_=literal(""))


def best_address(contact_id: Any = None) -> Any:
    """The address to write to: where a message rings first, then the newest. NULL when no channel reaches them."""
    rings = case((addresses.c.channel == "telegram", 0), (addresses.c.channel == "viber", 1), else_=2)
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
    # Who lives there is looked up first, or each parent would go through the whole class.
    household = select(there.c.contact_id).where(there.c.address_id == address_id).correlate_except(there)
    return exists().where(
        told.c.event_id == event_id, told.c.offset == offset, told.c.contact_id.in_(household),
        told.c.contact_id != contact_id, told.c.status.in_((QUEUED, JOINT)), outbox.c.key == told.c.message,
        outbox.c.address_id == address_id,
    )  # fmt: skip


def _went_since(since: datetime) -> ColumnElement[bool]:
    """Whether a message was queued since then, or went out since then, or still waits. Not one that was taken back."""
    alive = outbox.c.status.not_in(("cancelled", "expired", "failed"))
    waits = outbox.c.status.in_(("queued", "sending"))
    return (
        (_n.c.contact_id == _i.c.contact_id) & (_n.c.status == QUEUED) & (_n.c.at > since - RECENT)
        & (outbox.c.key == _n.c.message) & alive & or_(_n.c.at > since, outbox.c.sent_at > since, waits)
    )  # fmt: skip


def _reminded_since(since: datetime) -> ColumnElement[bool]:
    """Whether a reminder went to them since then, or this event's own invitation or change."""
    about_this = (_n.c.event_id == _i.c.event_id) & moments.of_kinds(_n.c.offset, (INVITE, CHANGE))
    return exists().where(_went_since(since), or_(moments.of_kinds(_n.c.offset, REMINDERS), about_this))


def _invited_since(since: datetime) -> Any:
    """How many announcements of events went to them since then."""
    lately = _went_since(since) & (_n.c.offset == INVITE)
    return select(func.count()).select_from(_n.join(outbox, outbox.c.key == _n.c.message)).where(lately).scalar_subquery()


# --- one message for several events ---------------------------------------------------------------------------------


def _join(connection: Connection, moment: Due, now: datetime, rules: Rules) -> None:
    """What else would be due to the same people within hours, or about the same day, is told in the same message."""
    mine, theirs, other = _n.alias(), invitation_rows.alias(), events.alias()
    day_of = connection.execute(select(events.c.starts_at).where(events.c.id == moment.event_id)).scalar_one()
    morning, night = calendar.local_day(rules, day_of)
    kinds = (INVITE,) if moment.base == INVITE else TIMED
    same_day = (
        moment_rows.c.offset.like(f"{moment.base}%") & (other.c.starts_at >= morning) & (other.c.starts_at < night)
    )
    soon = moment_rows.c.due_at <= now + rules.apart + SLACK
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
            mine.c.event_id == moment.event_id, mine.c.offset == moment.offset, mine.c.status == QUEUED,
            mine.c.at == now, moment_rows.c.state == moments.WAITING, moment_rows.c.event_id != moment.event_id,
            moments.of_kinds(moment_rows.c.offset, kinds), ~unlike, or_(soon, same_day),
            other.c.status == "published", other.c.kind != "appointment", theirs.c.rsvp != "no",
            or_(theirs.c.seat != "waiting", other.c.kind == "slot"), moment_rows.c.until > now,
            (theirs.c.rsvp == "") & (theirs.c.source == "audience") if moment.base == INVITE else true(),
        )
        .subquery()
    )  # fmt: skip
    at_home = _told_at_home(found.c.event_id, found.c.offset, found.c.contact_id, found.c.address_id)
    rows = select(
        found.c.event_id, found.c.offset, found.c.contact_id, literal(JOINT), literal(""), found.c.message,
        literal(now, UtcTime()),
    ).where(or_(found.c.kind != "meeting", (found.c.nth == 1) & ~at_home))  # fmt: skip
    connection.execute(upsert(connection, notifications).from_select(_COLUMNS, rows).on_conflict_do_nothing())


def _queue(connection: Connection, moment: Due, now: datetime, not_before: datetime) -> None:
    """Enter what was decided into the outbox. Its words are composed when the sender takes it."""
    mine = and_(_n.c.event_id == moment.event_id, _n.c.offset == moment.offset, _n.c.status == QUEUED, _n.c.at == now)
    rows = (
        select(
            _n.c.message, addresses.c.channel, addresses.c.id, _n.c.contact_id, literal(int(Lane.REMINDER)),
            literal("queued"), literal(not_before, UtcTime()), literal(moment.until, UtcTime()),
            literal(now, UtcTime()),
        )
        .select_from(_n.join(addresses, addresses.c.id == best_address(_n.c.contact_id)))
        .where(mine)
    )  # fmt: skip
    columns = (
        "key", "channel", "address_id", "contact_id", "lane", "status", "not_before", "expires_at", "created_at",
    )  # fmt: skip
    connection.execute(upsert(connection, outbox).from_select(columns, rows).on_conflict_do_nothing())
