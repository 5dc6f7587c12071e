"""What it will cost to write to some people, before it is written: how many of them no session and no free way reaches.

An estimate from above: whoever writes to us meanwhile costs nothing. See storage.sessions and storage.spending.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from bot.abilities import SESSIONS
from storage import audiences, broadcasts, groups, notifications, spending, staff
from storage.broadcasts import Draft
from storage.spending import State
from storage.tables import addresses, contacts

if TYPE_CHECKING:
    from datetime import datetime

    from bot.calendar import Rules
    from bot.chat import Acting
    from bot.messages import Media
    from bot.money import Tariff
    from storage.groups import Group

Paid = Mapping[str, int]
"""By channel: how many people a message costs something for. Absent where it costs nothing."""


def of_announcement(
    connection: Connection, acting: Acting, *, audience: Group, words: Mapping[str, str], media: Mapping[str, Media],
    again: bool, corrects: int, rules: Rules, at: datetime,
) -> Paid:  # fmt: skip
    """Of those who would get an announcement at a time (UTC). Nobody for who may not write to them."""
    wish = broadcasts.wish_for(connection, acting, Draft(words, media, (), audience, again, corrects))
    if not audiences.may_write(wish, connection):
        return {}
    who = audiences.chosen(wish, acting.now, rules).subquery()
    return _paid(connection, select(who.c.contact_id).where(who.c.reason == ""), at)


def of_group(connection: Connection, acting: Acting, *, group: Group, at: datetime) -> Paid:
    """Of those in a group who can be written to: for an event's round of messages, at the time of the first (UTC)."""
    alive = contacts.c.status == "active"
    return _paid(connection, select(contacts.c.id).where(contacts.c.id.in_(groups.matching(group)), alive), at)


def _paid(connection: Connection, who: Select[Any], at: datetime) -> Paid:
    people = who.subquery()
    person = next(iter(people.c))
    here: ColumnElement[bool] = addresses.c.id == notifications.best_address(person)
    counted = (
        select(addresses.c.channel, func.count(person.distinct()))
        .select_from(people.join(addresses, here))
        .where(addresses.c.channel.in_(SESSIONS), spending.costs(at))
        .group_by(addresses.c.channel)
    )
    return {channel: number for channel, number in connection.execute(counted)}  # noqa: C416  (rows)


def states(connection: Connection, acting: Acting, *, tariffs: Mapping[str, Tariff]) -> Mapping[str, State]:
    """How the month of each channel stands that costs."""
    return {name: spending.state(connection, name, tariff, acting.now) for name, tariff in tariffs.items()}


def for_staff(connection: Connection, acting: Acting, *, tariffs: Mapping[str, Tariff]) -> Mapping[str, State]:
    """The same for who answers for the money: a coordinator; nothing for anybody else."""
    role = staff.role_of(connection, acting.contact_id)
    return states(connection, acting, tariffs=tariffs) if role in staff.SEES_ALL else {}
