"""A month in numbers and one picture, on each channel and both databases."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image
from sqlalchemy import update

from storage.tables import contacts, invitations
from tests.conversations.guests import event, people, staff_of
from tests.conversations.people import t

if TYPE_CHECKING:
    from bot.messages import Outgoing
    from tests.conversations.client import Talker, Town

DAY = timedelta(days=1)


async def came(mediator: Talker, number: int) -> None:
    """So many people came to an event of theirs that is over."""
    town = mediator.town
    guests = await people(town, *(f"Гост {n}" for n in range(number)))
    made = await event(mediator, guests, after=DAY)
    here = invitations.c.event_id == made.id
    await town.change(lambda c: c.execute(update(invitations).where(here).values(attended=True)))
    town.now += 2 * DAY


def picture(person: Talker) -> Outgoing | None:
    return next((d.message for d in reversed(person.seen) if d.message.media), None)


async def test_the_picture_says_how_many_came_and_when_most(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    await came(mediator, 7)
    said = await mediator.say("/month")
    drawn = picture(mediator)
    assert drawn
    assert drawn.media
    assert drawn.text == t("pulse.came_most", count=7, days="22–28", month=t("month.november"))
    assert Image.open(BytesIO(drawn.media.data)).size == (1080, 810)
    assert len(drawn.media.data) < 40_000, "it travels over a weak signal"
    assert t("pulse.came", count=7) in said
    assert t("numbers.so_far", month=t("month.november"), year=2026) in mediator.last.text


async def test_few_are_neither_named_nor_drawn(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    await came(mediator, 4)
    said = await mediator.say("/month")
    assert t("pulse.came", count=t("numbers.few")) in said
    assert picture(mediator) is None


async def test_another_month_is_one_tap_away(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    await came(mediator, 7)
    await mediator.say("/month")
    assert t("pulse.came", count=0) in await mediator.press(t("button.month_before"))
    assert t("pulse.came", count=7) in await mediator.press(t("button.month_after"))
    for odd in ("x", "-1", "9" * 30, "0", "99"):
        assert "2" in await mediator.say(f"/month {odd}")


async def test_a_colleagues_work_is_in_the_coordinators_and_the_reporters_numbers_alone(
    town: Town, channel: str
) -> None:
    mediator, colleague = await staff_of(town, channel), await staff_of(town, channel, external="s2")
    await came(mediator, 7)
    assert t("pulse.came", count=0) in await colleague.say("/month")
    for number, role in enumerate(("coordinator", "reporter")):
        said = await (await staff_of(town, channel, role, external=f"o{number}")).say("/month")
        assert t("pulse.came", count=7) in said


async def test_new_people_are_drawn_where_nobody_could_come_yet(town: Town, channel: str) -> None:
    coordinator = await staff_of(town, channel, "coordinator")
    await people(town, *(f"Гост {n}" for n in range(8)))
    await town.change(lambda c: c.execute(update(contacts).values(registered_at=town.now - DAY)))
    await coordinator.say("/month")
    drawn = picture(coordinator)
    assert drawn
    assert drawn.text == t("pulse.fresh_most", count=9, days="22–28", month=t("month.november"))
