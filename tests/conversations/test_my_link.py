"""One's own link and its picture on each channel and both databases: what is sent, who comes by it, whose they are."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from bot.messages import Media
from tests.conversations.event_kit import deeds
from tests.conversations.guests import staff_of
from tests.conversations.people import contact_of, line, register, t

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conversations.client import Talker, Town

LINKS = {"telegram": "https://t.me/most_vidin_bot?start=", "web": "https://most.example.org/?code="}


@pytest.fixture
def town(town: Town) -> Town:
    town.world = replace(town.world, links=lambda: LINKS)
    return town


def pictures(person: Talker) -> Sequence[Media]:
    return [d.message.media for d in person.seen if d.message.media]


def code_in(text: str) -> str:
    found = re.search(r"ot-\w{10}", text)
    assert found, text
    return found[0]


async def test_a_picture_for_each_channel_with_the_link_below_it(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    said = await mediator.say("/my_link")
    code = code_in(said)
    assert [before + code in said for before in LINKS.values()] == [True, True]
    for picture in pictures(mediator):
        drawn = Image.open(BytesIO(picture.data))
        assert (picture.kind, picture.mime, drawn.format) == ("photo", "image/png", "PNG")
        assert min(drawn.size) >= 500, "a camera across a table reads it"
    assert t("link.brought", came=0, registered=0) in mediator.last.text
    assert code_in(await mediator.say("/my_link")) == code, "what hangs on a wall goes on working"
    assert [deed.split()[0] for deed in await deeds(town)] == ["link"]


async def test_who_comes_by_it_is_counted_and_is_own_people(town: Town, channel: str) -> None:
    mediator, colleague = await staff_of(town, channel), await staff_of(town, channel, external="s2")
    code = code_in(await mediator.say("/my_link"))
    resident, passer_by = town.person(channel, "71"), town.person(channel, "72")
    await resident.start(code)
    await passer_by.start(code)
    await register(resident)
    assert t("link.brought", came=2, registered=1) in await mediator.say("/my_link")
    assert t("link.brought", came=0, registered=0) in await colleague.say("/my_link")
    number = (await contact_of(resident)).id
    assert "Мария Иванова" in await mediator.say(f"/contact {number}")
    assert t("contact.none") in await colleague.say(f"/contact {number}")


async def test_without_any_link_it_says_so(town: Town, channel: str) -> None:
    town.world = replace(town.world, links=dict)
    mediator = await staff_of(town, channel)
    assert t("link.none") in await mediator.say("/my_link")
    assert not pictures(mediator)


async def test_a_colleague_is_invited_by_a_link_too(town: Town, channel: str) -> None:
    coordinator = await staff_of(town, channel, "coordinator")
    said = await coordinator.say("/team_invite mediator")
    link = re.search(r"start=(ekip-\w{8})", said)
    assert link
    colleague = town.person(channel, "80")
    assert line("team.confirm").split("{")[0] in await colleague.start(link[1])
