"""Groups: a saved way to choose contacts, kept as plain data and turned into one query.

A group is a mapping; within one key any of the values will do, and every key that is there must fit:
`{"children": [["sofroniy", "3 а"], ["mir", ""]], "settlements": ["vidin"]}`. Also `activities` (who wants one or takes
part in it), `languages`, `purposes`, and `all` for everybody who is registered. An empty group holds nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, false, func, or_, select, true

from bot.chat import Acting
from storage import notifications
from storage.tables import children, contacts, interests, participations

Group = Mapping[str, Any]

KEYS = ("all", "activities", "children", "languages", "purposes", "settlements")


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
    """How many contacts a group holds, and how many of them no message will reach, by the reason."""

    people: int
    stopped: int
    unreached: int  # no channel reaches them, or they blocked us on it


def reach(connection: Connection, acting: Acting, *, group: Group) -> Reach:
    """Whom a message to a group would reach now."""
    stopped = contacts.c.status == "stopped"
    cut_off = ~stopped & or_(contacts.c.status == "blocked", notifications.best_address().is_(None))

    def those(condition: ColumnElement[bool]) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    numbers = select(func.count(), those(stopped), those(cut_off)).select_from(contacts)
    found = connection.execute(numbers.where(contacts.c.id.in_(matching(group)))).one()
    return Reach(*map(int, found))


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


_CONDITIONS: Mapping[str, Callable[[Any], ColumnElement[bool]]] = {
    "all": lambda _: true(),
    "activities": _liking,
    "children": _parents,
    "languages": contacts.c.language.in_,
    "purposes": contacts.c.purpose.in_,
    "settlements": contacts.c.settlement.in_,
}
