"""Questions in a town with a team, for transcripts: who looks after whom, the clock, and what lies in the tables."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.messages import Kind, Media
from storage import charges, tickets
from storage.tables import outbox
from tests.conversations.client import Talker, Town, programme
from tests.conversations.guests import acting_of
from tests.conversations.people import contact_of, make_staff, register, rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
VOICE = Media("voice", "telegram", "voice-1", mime="audio/ogg", size=2000)
PHOTO = Media("photo", "telegram", "photo-1", mime="image/jpeg", size=3000)
ASKED = "Кога ще дойде докторът?"


async def resident(town: Town, channel: str, external: str = "7", **more: str) -> Talker:
    """Мария, who lives in Видин and has nothing open."""
    person = town.person(channel, external)
    await register(person, **more)
    return person


async def mediator(
    town: Town, channel: str, external: str = "50", name: str = "Росица Димова", place: str = "vidin"
) -> Talker:
    """One of the team, who looks after a place."""
    person = town.person(channel, external, name)
    await make_staff(town, person, "mediator", name)
    acting = await acting_of(person)
    if place:
        await town.change(
            lambda c: charges.toggle(c, acting, staff_id=acting.contact_id, kind=charges.SETTLEMENT, code=place)
        )
    return person


async def coordinator(town: Town, channel: str, external: str = "90", name: str = "Ани Петрова") -> Talker:
    """Who sees everything."""
    person = town.person(channel, external, name)
    await make_staff(town, person, "coordinator", name)
    return person


async def ask(person: Talker, text: str = ASKED) -> str:
    """A question from the menu; whoever it goes to has it."""
    await person.press_data("/ask")
    said = await person.say(text)
    await person.town.deliver()
    return said


async def voice(person: Talker, media: Media = VOICE) -> str:
    """Something that is no words."""
    said = await person.send(Kind.OTHER, text=media.kind, media=media)
    await person.town.deliver()
    return said


async def clock(town: Town) -> int:
    """The scheduled look at what waits; what it queues goes out."""
    found = await town.change(lambda c: tickets.look(c, town.now, programme().desk))
    await town.deliver()
    return found


async def waiting(person: Talker) -> int:
    """How many questions wait for one of the team."""
    acting = await acting_of(person)

    def count(connection: Connection) -> int:
        return tickets.waiting(connection, acting)

    return await person.town.look(count)


async def queued(town: Town, prefix: str) -> list[Any]:
    """Rows of the outbox whose key begins so."""
    return [row for row in await rows(town, outbox) if row.key.startswith(prefix)]


async def number_of(person: Talker) -> int:
    """The contact's number."""
    return int((await contact_of(person)).id)


def shown(person: Talker) -> str:
    """The platform's id of the newest message."""
    return f"m{person.seen[-1].id}"
