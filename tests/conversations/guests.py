"""Events with people on their lists, for transcripts of what staff do with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import select, update

from bot.calendar import Rules
from bot.chat import Acting
from storage import contacts, events, invitations
from storage.events import Draft, Event
from storage.people import blank
from storage.tables import invitations as invitation_rows
from tests.conversations.client import Talker, Town, programme
from tests.conversations.people import contact_of, make_staff

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")
HOUR = timedelta(hours=1)


def rules() -> Rules:
    return programme().rules


async def change(town: Town, job: Callable[[Connection], T]) -> T:
    """Change the database, as something outside the talk does."""
    async with town.open() as database:
        return await database.write(job)


async def staff_of(town: Town, channel: str, role: str = "mediator", external: str = "s1") -> Talker:
    """Somebody of the staff, who has never written."""
    person = town.person(channel, external, "Росица")
    await make_staff(town, person, role, "Росица Димова")
    return person


async def acting_of(talker: Talker) -> Acting:
    """For whom an act of this person runs."""
    row = await contact_of(talker)
    return Acting(row.id, 1, talker.address.channel, "bg", "test", talker.town.now)


async def people(town: Town, *names: str, phone: str = "", settlement: str = "vidin") -> list[int]:
    """Registered contacts of these names, whom no channel reaches."""

    def enter(connection: Connection) -> list[int]:
        made = []
        for name in names:
            acting = Acting(blank(connection, town.now, language="bg"), 0, "tel", "bg", "test", town.now)
            contacts.keep(
                connection, acting, name=name, phone=phone, phone_is_own=False, settlement=settlement, purpose="work",
                work="", children=[], again=False,
            )  # fmt: skip
            made.append(acting.contact_id)
        return made

    return await change(town, enter)


async def event(
    talker: Talker, guests: Sequence[int] = (), *, after: timedelta = 48 * HOUR, kind: str = "training",
    further: Sequence[timedelta] = (), **more: Any,
) -> Event:  # fmt: skip
    """An event of somebody of the staff, with these people entered for it."""
    acting, now = await acting_of(talker), talker.town.now
    dates = [(now + later, now + later + HOUR) for later in (after, *further)]
    values: dict[str, Any] = {
        "kind": kind, "activity": "vocational", "title": "Заваряване", "place": "Читалището", "landmark": "",
        "bring": "", "dates": dates, "capacity": None, "mediator_id": acting.contact_id, "audience": {},
        "offsets": ("1d",),
    } | more  # fmt: skip

    def publish(connection: Connection) -> Event:
        events.publish(connection, acting, draft=Draft(**values), rules=rules())
        made = events.latest(connection, acting)
        assert made is not None
        for guest in guests:
            invitations.enrol(connection, acting, event_id=made.id, contact_id=guest, source="audience")
        return made

    return await change(talker.town, publish)


async def answered(town: Town, event_id: int, contact_id: int, said: str) -> None:
    """A resident's own answer."""
    acting = Acting(contact_id, 0, "telegram", "bg", "test", town.now)
    kept = {"event_id": event_id, "contact_id": contact_id, "said": said, "rules": rules()}
    await change(town, lambda c: invitations.answer(c, acting, **kept))


async def invitation(town: Town, event_id: int, contact_id: int) -> Any:
    """One row of an event's list; None if there is none."""
    mine = (invitation_rows.c.event_id == event_id) & (invitation_rows.c.contact_id == contact_id)
    return await town.look(lambda c: c.execute(select(invitation_rows).where(mine)).first())


async def set_columns(town: Town, table: Any, number: int, **values: Any) -> None:
    """Change one row from outside."""
    await change(town, lambda c: c.execute(update(table).where(table.c.id == number).values(**values)))
