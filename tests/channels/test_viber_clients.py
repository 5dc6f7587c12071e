"""The fake Viber takes what clients of others send: their own bytes, as viber_clients/record.py wrote them down."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.channels.viber_bot import Bot, Ear
from tests.fakes.viber import FakeViber
from tests.fakes.viber_clients.record import REQUESTS

RECORDED: list[dict[str, Any]] = json.loads(REQUESTS.read_text(encoding="utf-8"))


@pytest.fixture
async def bot(fake: FakeViber) -> AsyncIterator[Bot]:
    async with aiohttp.ClientSession() as session:
        yield Bot(fake.url, session)


@pytest.fixture
async def fake() -> AsyncIterator[FakeViber]:
    """The people of the recording."""
    async with Ear() as ear, FakeViber() as server:
        server.leads_to(ear.url)
        server.pretend_webhook()
        await server.user(1, "Ана").say("Здравейте")
        await server.user(3, "Борис").say("Здравейте")
        server.user(2)
        yield server


@pytest.mark.parametrize("request_", RECORDED, ids=[f"{n}-{r['method']}" for n, r in enumerate(RECORDED)])
async def test_it_answers_each_request_as_it_did_then(request_: dict[str, Any], fake: FakeViber, bot: Bot) -> None:
    answer = await bot.raw(request_["method"], request_["body"].encode(), request_["token"])
    assert answer["status"] == request_["status"]
    shown = fake.user(1).messages + fake.user(3).messages
    assert len(shown) == (request_["method"] in ("send_message", "broadcast_message") and request_["status"] == 0)


def test_the_recording_holds_both_clients_and_every_kind_of_message() -> None:
    clients = Counter(request["client"].partition("/")[0] for request in RECORDED)
    bodies = [json.loads(request["body"]) for request in RECORDED]
    assert min(clients["ViberBot-Node"], clients["axios"]) >= 15
    kinds = {body.get("type") for body in bodies if "sender" in body}
    kinds_of_viber = {"text", "picture", "video", "file", "contact", "location", "url", "sticker", "rich_media"}
    assert kinds == {None, *kinds_of_viber}
    assert {request["status"] for request in RECORDED} == {0, 4, 5, 6}
