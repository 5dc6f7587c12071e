"""What the channel does by itself: the webhook is looked at, set where it is not ours, and looked at again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.channels.viber import ViberChannel
from bot.channels.viber_run import EVENTS
from bot.channels.viber_wire import Answer, Api, Refused, meaning
from bot.messages import Failure
from tests.channels.telegram_kit import Pauses
from tests.channels.viber_bot import Ear
from tests.channels.viber_kit import PATH, SITE, channel, delivery
from tests.fakes.viber import TOKEN, FakeViber

URL = f"{SITE}/viber/{PATH}"


@asynccontextmanager
async def running(bot: ViberChannel) -> AsyncIterator[ViberChannel]:
    task = asyncio.create_task(bot.run(), name="run")
    try:
        yield bot
        assert not task.done(), "run() ended by itself"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await bot.close()


@pytest.fixture
async def viber() -> AsyncIterator[FakeViber]:
    async with FakeViber() as server:
        yield server


def made(viber: FakeViber, pauses: Pauses | None = None, **more: Any) -> ViberChannel:
    return channel(api_url=viber.url, pause=pauses or Pauses(), **more)


async def known(bot: ViberChannel) -> None:
    async with asyncio.timeout(5):
        while not bot.link:  # noqa: ASYNC110  (the channel tells nobody)
            await asyncio.sleep(0)


async def test_a_webhook_that_is_ours_is_left_alone(viber: FakeViber) -> None:
    viber.pretend_webhook(URL)
    async with running(made(viber)) as bot:
        await known(bot)
        assert viber.counts["set_webhook"] == 0
        assert bot.link == f"viber://pa?chatURI={'%20'.join(bot._uri.split(' '))}&context="


@pytest.mark.parametrize("stored", ["", "https://bot.example/viber/old", "https://other.example/viber/x"])
async def test_a_webhook_that_is_not_ours_is_set(viber: FakeViber, stored: str) -> None:
    if stored:
        viber.pretend_webhook(stored)
    async with Ear() as ear:
        viber.leads_to(ear.url)
        async with running(made(viber)) as bot:
            await known(bot)
            (call,) = viber.of("set_webhook")
            assert call.params == {"url": URL, "event_types": list(EVENTS), "send_name": True, "send_photo": False}
            assert call.accepted


async def test_a_webhook_without_what_we_need_is_set_again(viber: FakeViber) -> None:
    async with Ear() as ear:
        viber.leads_to(ear.url)
        viber.pretend_webhook(URL, events=frozenset({"subscribed", "unsubscribed"}))
        async with running(made(viber)) as bot:
            await known(bot)
            assert viber.counts["set_webhook"] == 1


async def test_it_goes_on_trying_and_says_what_a_person_must_mend(
    viber: FakeViber, caplog: pytest.LogCaptureFixture
) -> None:
    viber.pretend_webhook(URL)
    for status in (2, 7, 9):
        viber.fail_next("get_account_info", status)
    viber.fail_next("get_account_info", http=502, times=3)
    pauses = Pauses()
    async with running(made(viber, pauses)) as bot:
        with caplog.at_level(logging.DEBUG):
            await known(bot)
    assert pauses.seconds[:6] == [60.0, 60.0, 60.0, 8.0, 16.0, 32.0]
    assert "BOT_VIBER_TOKEN" in caplog.text
    assert TOKEN not in caplog.text


async def test_a_webhook_that_viber_cannot_reach_is_tried_again(
    viber: FakeViber, caplog: pytest.LogCaptureFixture
) -> None:
    pauses = Pauses()
    viber.fail_next("set_webhook", 1)
    async with Ear() as ear:
        viber.leads_to(ear.url)
        async with running(made(viber, pauses)) as bot:
            await known(bot)
    assert pauses.seconds[0] == 60.0
    assert "BOT_PUBLIC_URL" in caplog.text


async def test_when_viber_has_lost_the_webhook_it_is_looked_at_at_once(viber: FakeViber) -> None:
    viber.pretend_webhook(URL)
    person = viber.user(7, subscribed=True)
    async with running(made(viber)) as bot:
        await known(bot)
        viber.fail_next("send_message", 10)
        outcome = await bot.send(delivery(user=person.id))
        assert isinstance(outcome, Failure)
        assert (outcome.code, outcome.channel_down) == ("no_webhook", True)
        await viber.wait_call("get_account_info", 2)
        await viber.wait_call("set_webhook", 1)  # though it looks like ours: a send was told that there is none


async def test_what_somebodys_app_can_do_may_be_asked_twice_in_twelve_hours(viber: FakeViber) -> None:
    viber.pretend_webhook(URL)
    person = viber.user(7, subscribed=True, api_version=4)
    api = Api(TOKEN, viber.url)
    answers = [await api.get_user_details(person.id) for _ in range(3)]
    await api.close()
    assert [one.data["user"]["api_version"] for one in answers if isinstance(one, Answer)] == [4, 4]
    assert answers[2] == Refused(meaning(12), 12)


async def test_closing_twice_is_as_good_as_once(viber: FakeViber) -> None:
    bot = made(viber)
    await bot.close()
    await bot.close()
