"""What it will cost to write to some people, before it is written: how many of them no session and no free way reaches.

An estimate from above: whoever writes to us meanwhile costs nothing. See storage.sessions and storage.spending.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Select, case, exists, func, select

from bot import calendar
from bot.abilities import ABILITIES, SESSIONS
from storage import audiences, broadcasts, groups, notifications, recipients, sessions, spending, staff
from storage.broadcasts import Draft
from storage.spending import State
from storage.tables import addresses, contacts, residents

if TYPE_CHECKING:
    from datetime import datetime

    from bot.calendar import Rules
    from bot.chat import Acting
    from bot.messages import Media
    from bot.money import Tariff
    from storage.groups import Group


@dataclass(frozen=True, slots=True)
class Cost:
    """What some messages cost on one channel, at most."""

    messages: int
    people: int
    stuck: int  # of these: whom nothing free reaches, so that they get nothing where nothing more is paid


Paid = Mapping[str, Cost]
"""By channel. Absent where it costs nothing."""

_c = contacts


def of_announcement(
    connection: Connection, acting: Acting, *, audience: Group, words: Mapping[str, str], media: Mapping[str, Media],
    again: bool, corrects: int, rules: Rules, at: datetime,
) -> Paid:  # fmt: skip
    """Of those who would get an announcement at a time (UTC). Nobody for who may not write to them."""
    wish = broadcasts.wish_for(connection, acting, Draft(words, media, (), audience, again, corrects))
    if not audiences.may_write(wish, connection):
        return {}
    who = audiences.chosen(wish, acting.now, rules).subquery()
    person = who.c.contact_id
    return _paid(connection, select(person, notifications.best_address(person)).where(who.c.reason == ""), at)


def of_other_way(connection: Connection, acting: Acting, *, broadcast_id: int) -> Paid:
    """Of those whom an announcement did not reach, and who are written to another way now."""
    if not recipients.other_ways(connection, acting, broadcast_id=broadcast_id):
        return {}
    return _paid(connection, recipients.other_addresses(connection, acting, broadcast_id=broadcast_id), acting.now)


def of_group(
    connection: Connection, acting: Acting, *, group: Group, kind: str = "", hosts: Sequence[int] = (),
    times: Sequence[datetime],
) -> Paid:  # fmt: skip
    """Of an event's messages to a group, one at each of these times (UTC). Who makes or leads it gets none."""
    alive = (_c.c.status == "active") & _c.c.id.not_in([acting.contact_id, *hosts])
    who = select(_c.c.id, notifications.best_address()).where(_c.c.id.in_(groups.matching(group)), alive)
    later = acting.now + sessions.HOURS  # by then every session of now is over: all such rounds cost the same
    counted = {at: _paid(connection, who, at, homes=kind == "meeting") for at in {min(at, later) for at in times}}
    return _sum([counted[min(at, later)] for at in times])


def of_change(
    connection: Connection, acting: Acting, *, event_ids: Sequence[int], rules: Rules, moved: bool = False,
    kind: str = "",
) -> Paid:  # fmt: skip
    """Of those who would be told if these events were changed now."""
    at = calendar.next_open(rules, acting.now)
    return _paid(connection, notifications.hearing(event_ids, moved=moved), at, homes=kind == "meeting")


def _paid(connection: Connection, who: Select[Any], at: datetime, *, homes: bool = False) -> Paid:
    """Of contacts and the addresses where each is written to. `homes`: one message for all who read at one."""
    people = who.subquery()
    person, there = people.c
    one = addresses.c.id if homes else person
    stuck = func.count(case((~_has_free_way(person), one)).distinct())
    number = func.count(one.distinct())
    counted = (
        select(addresses.c.channel, number, number, stuck)
        .select_from(people.join(addresses, addresses.c.id == there))
        .where(addresses.c.channel.in_(SESSIONS), spending.costs(at))
        .group_by(addresses.c.channel)
    )
    return {channel: Cost(*numbers) for channel, *numbers in connection.execute(counted)}


def _has_free_way(person: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether somebody can be written to where nothing costs, as storage.spending does when money is short."""
    free, theirs = addresses.alias(), residents.alias()
    here = (theirs.c.address_id == free.c.id) & (theirs.c.contact_id == person) & (free.c.status == "active")
    return exists().where(here, free.c.channel.in_(set(ABILITIES) - SESSIONS)).correlate_except(free, theirs)


def _sum(rounds: Sequence[Paid]) -> Paid:
    """Several messages to the same people."""
    found: dict[str, Cost] = {}
    for name, cost in (pair for paid in rounds for pair in paid.items()):
        old = found.get(name, Cost(0, 0, 0))
        most = max(old.people, cost.people), max(old.stuck, cost.stuck)
        found[name] = Cost(old.messages + cost.messages, *most)
    return found


def states(
    connection: Connection, acting: Acting, *, tariffs: Mapping[str, Tariff], at: datetime | None = None
) -> Mapping[str, State]:
    """How the month of each channel stands that costs: this month, or that of a time to come (UTC)."""
    return {name: spending.state(connection, name, tariff, at or acting.now) for name, tariff in tariffs.items()}


def for_staff(connection: Connection, acting: Acting, *, tariffs: Mapping[str, Tariff]) -> Mapping[str, State]:
    """The same for who answers for the money: a coordinator; nothing for anybody else."""
    role = staff.role_of(connection, acting.contact_id)
    return states(connection, acting, tariffs=tariffs) if role in staff.SEES_ALL else {}
