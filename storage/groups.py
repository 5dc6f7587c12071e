"""Groups: a saved way to choose contacts, kept as plain data and turned into one query.

A group is a mapping; within one key any of the values will do, and every key that is there must fit:
`{"children": [["sofroniy", "3 а"], ["mir", ""]], "settlements": ["vidin"]}`. Also `activities` (who wants one or takes
part in it), `languages`, `purposes`, `events` (their guests, without those who said no), and `all` for everybody who is
registered. An empty group holds nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, false, func, or_, select, true

from bot import calendar
from bot.calendar import Rules
from bot.chat import Acting
from storage import notifications
from storage.enough import has_enough
from storage.tables import children, contacts, events, interests, invitations, participations

Group = Mapping[str, Any]

KEYS = ("all", "activities", "children", "events", "languages", "purposes", "settlements")


def matching(group: Group) -> Select[Any]:
    """The contacts of a group, as a query of one column: registered and not erased, whether or not we may write."""
    unknown = set(group) - set(KEYS)
    if unknown:
        raise ValueError(f"a group knows no {', '.join(sorted(unknown))}")
    wanted = [_CONDITIONS[key](group[key]) for key in KEYS if group.get(key)]
    here = contacts.c.registered_at.is_not(None) & (contacts.c.status != "archived")
    return select(contacts.c.id).where(here, and_(*wanted) if wanted else false())


def count(connection: Connection, group: Group) -> int:
    """How many contacts a group holds now."""
    return connection.execute(select(func.count()).select_from(matching(group).subquery())).scalar_one()


def holds(connection: Connection, group: Group, contact_id: int) -> bool:
    """Whether a group holds this contact now."""
    return connection.execute(matching(group).where(contacts.c.id == contact_id)).first() is not None


@dataclass(frozen=True, slots=True)
class Reach:
    """How many contacts would be invited, how many of them no message will reach, and how many get one."""

    people: int
    stopped: int
    unreached: int  # no channel reaches them, or they blocked us on it
    told: int = 0

    @property
    def spared(self) -> int:
        """How many could be written to and are not: somebody at home is, or they were invited to enough this week."""
        return self.people - self.stopped - self.unreached - self.told


def reach(
    connection: Connection, acting: Acting, *, group: Group, rules: Rules, kind: str = "", hosts: Sequence[int] = ()
) -> Reach:
    """Whom an invitation of a group reaches if whoever acts publishes it now: those whom the ledger will say were told.

    Whoever makes an event or leads it (`hosts`) is not invited. Of a parents' meeting a home hears once.
    """
    stopped = contacts.c.status == "stopped"
    address = notifications.best_address()
    cut_off = ~stopped & or_(contacts.c.status == "blocked", address.is_(None))
    enough = has_enough(contacts.c.id, calendar.next_open(rules, acting.now), rules)
    heard = case((~stopped & ~cut_off & ~enough, address if kind == "meeting" else contacts.c.id))

    def those(condition: ColumnElement[bool]) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    numbers = select(func.count(), those(stopped), those(cut_off), func.count(heard.distinct())).select_from(contacts)
    invited = contacts.c.id.in_(matching(group)) & contacts.c.id.not_in([acting.contact_id, *hosts])
    return Reach(*map(int, connection.execute(numbers.where(invited)).one()))


def _liking(codes: Sequence[str]) -> ColumnElement[bool]:
    wishes = select(interests.c.contact_id).where(interests.c.activity.in_(codes))
    taking_part = participations.c.activity.in_(codes) & participations.c.exit_at.is_(None)
    return or_(contacts.c.id.in_(wishes), contacts.c.id.in_(select(participations.c.contact_id).where(taking_part)))


def _parents(classes: Sequence[Sequence[str]]) -> ColumnElement[bool]:
    theirs = select(children.c.contact_id).where(or_(*(_class(*one) for one in classes)))
    return contacts.c.id.in_(theirs)


def _class(institution: str, group: str) -> ColumnElement[bool]:
    """One class of an institution, or all of it. Who said only „3“ may have a child in 3 а, and is meant too."""
    here = children.c.institution == institution
    if not group:
        return here
    number, _, letter = group.partition(" ")
    named = [children.c.group == group]
    if letter:
        named.append(children.c.group == number)
    else:
        named.append(children.c.group.like(f"{number} %"))
    return here & or_(*named)


def _guests(numbers: Sequence[int]) -> ColumnElement[bool]:
    """Who is invited to these events and has not said no; of a course or an appointment, to any of its dates."""
    dates = select(events.c.id).where(or_(events.c.id.in_(numbers), events.c.lead_id.in_(numbers)))
    theirs = invitations.c.event_id.in_(dates) & (invitations.c.rsvp != "no")
    return contacts.c.id.in_(select(invitations.c.contact_id).where(theirs))


_CONDITIONS: Mapping[str, Callable[[Any], ColumnElement[bool]]] = {
    "all": lambda _: true(),
    "activities": _liking,
    "children": _parents,
    "events": _guests,
    "languages": contacts.c.language.in_,
    "purposes": contacts.c.purpose.in_,
    "settlements": contacts.c.settlement.in_,
}
