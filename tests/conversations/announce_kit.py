"""What transcripts of announcements share: the way to the last look, the work that sends it, and who got it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from bot.broadcasts import Broadcasts
from bot.messages import Address, Delivery, Failure, Lane, Sent
from storage.tables import broadcasts, contacts
from tests.conversations.client import Talker, Town, programme
from tests.conversations.event_kit import parents
from tests.conversations.people import t

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

SIGNED = "\n– Стоян, Община Видин\nАко не искате да Ви пишем: Стоп"
WORDS = "Здравейте, ((име))!\nВ сряда няма занимания."
FIRST = 5000  # the contact and the address of the first parent
UNDO = timedelta(seconds=31)


@asynccontextmanager
async def one_life(town: Town) -> AsyncIterator[None]:
    """One life of the service for several messages, where none is running yet."""
    if town.running is not None:
        yield
        return
    async with town.awake():
        yield


async def looked_at(person: Talker, text: str = WORDS, **more: Any) -> str:
    """From the command to the look at it, for class 3 а."""
    async with one_life(person.town):
        await person.press_data("/announce")
        await person.say(text, **more)
        return await for_class(person)


async def for_class(person: Talker) -> str:
    """The group of most transcripts: the parents of 3 а."""
    await person.press(t("announce.do_class"))
    await person.press("ОУ „Софр.")
    await person.say("3 а")
    return await person.press(t("button.done"))


async def further(person: Talker, label: str) -> str:
    """What stands behind „➕ Още…“ under the look."""
    async with one_life(person.town):
        await person.press(t("announce.do_more"))
        return await person.press(label)


async def sent(person: Talker, text: str = WORDS, *, answers: bool = False) -> int:
    """An announcement whose last button was pressed. Gives its number."""
    async with one_life(person.town):
        await looked_at(person, text)
        if answers:
            await further(person, t("announce.do_buttons"))
        await person.press("📣 Изпрати на")
    return int((await latest(person.town)).id)


async def latest(town: Town) -> Any:
    """The newest announcement's row; None before there is one."""
    newest = select(broadcasts).order_by(broadcasts.c.id.desc()).limit(1)
    return await town.look(lambda c: c.execute(newest).one_or_none())


async def go_on(town: Town, after: timedelta = UNDO, looks: int = 3) -> None:
    """Time passes, the work looks at what is due, and what it queued goes out."""
    town.now += after
    before = town._counts()  # also what the new life sends before the first look
    async with town.awake():
        assert town.running is not None
        work = Broadcasts(town.running.database, programme().rules, None, town.clock)  # type: ignore[arg-type]
        for _ in range(looks):
            await work.step()
            await town.running.quiet()
            town.now += timedelta(seconds=3)
    town.post += town._since(before)


async def class_of(town: Town, channel: str, number: int, **more: Any) -> list[Talker]:
    """So many parents of 3 а, who can talk."""
    first = more.pop("first", FIRST)
    await parents(town, number, first=first, channel=channel, **more)
    return [town.person(channel, str(first + n), f"Човек {first + n}") for n in range(number)]


async def set_contact(town: Town, number: int, **values: Any) -> None:
    """What is known of somebody changes from outside."""
    await town.change(lambda c: c.execute(update(contacts).where(contacts.c.id == number).values(**values)))


def refuse(town: Town, which: Callable[[Delivery], bool], failure: Failure) -> None:
    """From now on the platforms refuse some messages."""
    for recorder in town.channels.values():
        before = recorder.outcome
        recorder.outcome = _refusing(before, which, failure)


def _refusing(
    before: Callable[[Delivery], Sent | Failure], which: Callable[[Delivery], bool], failure: Failure
) -> Callable[[Delivery], Sent | Failure]:
    return lambda delivery: failure if which(delivery) else before(delivery)


def blocks(town: Town, address: Address) -> None:
    """Somebody blocks us on the platform, and we are not told before we write."""
    refuse(town, lambda d: d.address == address, Failure("blocked", contact_gone=True))


def jams(town: Town) -> None:
    """Nothing in bulk goes out: the platform asks for an hour of patience."""
    refuse(town, lambda d: d.lane == Lane.BROADCAST, Failure("too_many", retryable=True, retry_after=3600))


def flows(town: Town) -> None:
    """The platforms take everything again."""
    for recorder in town.channels.values():
        recorder.outcome = lambda d: Sent(f"m{d.id}")
