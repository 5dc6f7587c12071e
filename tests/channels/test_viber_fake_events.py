"""The fake Viber delivers as Viber does, and breaks as it is told to. What it takes: test_viber_fake.py."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.channels.viber_bot import Bot, Clock, Ear
from tests.fakes.viber import PUBLIC, TOKEN, FakeViber
from tests.fakes.viber_people import Person

URL = f"{PUBLIC}/viber/hook"
SENDER = {"name": "Мост"}
BEGIN = {"ActionBody": "tap:/start село", "Text": "Започни"}
WELCOME = {
    "sender": SENDER,
    "type": "text",
    "text": "Добре дошли!",
    "keyboard": {"Type": "keyboard", "Buttons": [BEGIN]},
}


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    async with Ear() as listening:
        yield listening


@pytest.fixture
async def fake(ear: Ear) -> AsyncIterator[FakeViber]:
    async with FakeViber(clock=Clock(), schedule=lambda number: 0.0 if number < 4 else None) as server:
        server.leads_to(ear.url)
        server.pretend_webhook(URL, send_name=True)
        yield server


@pytest.fixture
def person(fake: FakeViber) -> Person:
    return fake.user(7)


@pytest.fixture
async def bot(fake: FakeViber) -> AsyncIterator[Bot]:
    async with aiohttp.ClientSession() as session:
        yield Bot(fake.url, session)


async def keyed(bot: Bot, person: Person, *buttons: dict[str, Any]) -> None:
    board = {"Type": "keyboard", "Buttons": list(buttons)}
    assert await bot.send(person.id, "Избор", min_api_version=3, keyboard=board) == 0


# --- set_webhook ------------------------------------------------------------------------------------------------------


async def test_an_event_comes_before_the_webhook_is_set(fake: FakeViber, bot: Bot, ear: Ear) -> None:
    fake.callbacks.webhook.url = ""
    answer = await bot("set_webhook", url=URL, event_types=["delivered"])
    assert (answer["status"], answer["event_types"]) == (0, ["delivered", "message", "subscribed", "unsubscribed"])
    assert ear.kinds == ["webhook"]
    assert (await bot("get_account_info"))["webhook"] == URL
    assert {*(await bot("set_webhook", url=URL))["event_types"]} > {"seen", "failed", "conversation_started"}
    assert (await bot("set_webhook", url=""))["status"] == 0
    assert (await bot("get_account_info"))["webhook"] == ""


@pytest.mark.parametrize(
    ("params", "status"),
    [
        pytest.param({"url": "http://bot.example/"}, 1, id="without TLS"),
        pytest.param({}, 4, id="no address"),
        pytest.param({"url": URL, "event_types": ["typing"]}, 3, id="an event that there is not"),
    ],
)
async def test_a_webhook_that_is_refused(params: dict[str, Any], status: int, bot: Bot, ear: Ear) -> None:
    assert (await bot("set_webhook", **params))["status"] == status
    assert ear.events == []


async def test_a_webhook_that_does_not_answer_is_not_set(fake: FakeViber, bot: Bot, ear: Ear) -> None:
    ear.answer = lambda _: 404
    refused = await bot("set_webhook", url=f"{PUBLIC}/other")
    assert (refused["status"], "404" in refused["status_message"]) == (1, True)
    fake.callbacks.limit, ear.slow = 0.01, asyncio.Event()
    late = await bot("set_webhook", url=f"{PUBLIC}/other")
    ear.slow.set()
    assert (late["status"], "5000 ms" in late["status_message"]) == (1, True)
    assert (await bot("get_account_info"))["webhook"] == URL, "the earlier one stays"


async def test_only_what_was_asked_for_is_delivered(fake: FakeViber, bot: Bot, ear: Ear, person: Person) -> None:
    fake.pretend_webhook(URL, events=frozenset({"seen"}))
    await person.open()
    await person.say("Здравейте")
    await bot.send(person.id)
    await person.read()
    assert ear.kinds == ["message", "seen"]
    assert "name" not in ear.events[0]["sender"], "names only for who asked for them"


# --- what people do ---------------------------------------------------------------------------------------------------

Does = Callable[[Person], Coroutine[Any, Any, None]]
SAYS: dict[str, tuple[Does, dict[str, Any]]] = {
    "text": (lambda p: p.say("Да"), {"type": "text", "text": "Да"}),
    "a sticker": (lambda p: p.send_sticker(5), {"type": "sticker", "sticker_id": 5}),
    "a photo": (lambda p: p.send_photo("Вижте", b"jpg"), {"type": "picture", "text": "Вижте"}),
    "a video": (lambda p: p.send_video(content=b"mp4"), {"type": "video", "size": 3}),
    "a file": (lambda p: p.send_document(b"pdf"), {"type": "file", "file_name": "a.pdf", "size": 3}),
    "a place": (lambda p: p.send_location(), {"type": "location", "location": {"lat": 43.99, "lon": 22.88}}),
    "an address": (lambda p: p.send_url("https://x.example"), {"type": "url", "media": "https://x.example"}),
    "a card": (
        lambda p: p.forward_contact("Ана", "+359888111222"),
        {"type": "contact", "contact": {"name": "Ана", "phone_number": "+359888111222"}},
    ),
    "their number": (lambda p: p.share_phone(), {"type": "contact", "contact": {"phone_number": "359880000007"}}),
    "anything": (lambda p: p.send({"type": "hologram"}), {"type": "hologram"}),
}


@pytest.mark.parametrize(("does", "message"), SAYS.values(), ids=SAYS.keys())
async def test_what_people_send(does: Does, message: dict[str, Any], ear: Ear, person: Person) -> None:
    await does(person)
    (event,) = ear.events
    assert message.items() <= event["message"].items()
    assert (event["event"], event["sender"]["id"], event["silent"]) == ("message", person.id, False)
    assert (event["sender"]["name"], "avatar" in event["sender"]) == ("Мария", False)
    assert event["timestamp"] == 1_790_000_000_000
    assert event["message_token"] > 2**53
    assert person.subscribed


async def test_every_delivery_is_signed_over_its_bytes(ear: Ear, person: Person) -> None:
    await person.say("Здравейте")
    ((signature, body),) = ear.signatures
    assert signature == hmac.new(TOKEN.encode(), body, hashlib.sha256).hexdigest()


async def test_what_is_sent_can_be_fetched(fake: FakeViber, ear: Ear, person: Person) -> None:
    await person.send_photo(content=b"jpg", name="снимка.jpg")
    url = ear.events[0]["message"]["media"]
    assert (await fake.callbacks.get(url))[::2] == (200, b"jpg")
    fake.fail_next("media", http=503)
    assert (await fake.callbacks.get(url))[0] == 503
    assert (await fake.callbacks.get(f"{fake.origin}/media/9/x.jpg"))[0] == 404


async def test_the_welcome_is_the_answer_to_opening_the_chat(fake: FakeViber, ear: Ear, person: Person) -> None:
    ear.answer = lambda event: web.json_response(WELCOME) if event["event"] == "conversation_started" else 200
    await person.open("село")
    assert (ear.events[0]["type"], ear.events[0]["context"], ear.events[0]["subscribed"]) == ("open", "село", False)
    assert (person.last.text, person.keyboard, person.last.token) == ("Добре дошли!", [["Започни"]], 0)
    assert not person.subscribed, "it subscribes nobody"
    await person.press("Започни")
    assert ear.events[1]["message"]["text"] == "tap:/start село"
    assert ear.kinds == ["conversation_started", "message"], "the first message subscribes, without an event"
    await person.open()
    assert (ear.events[-1]["subscribed"], "context" in ear.events[-1]) == (True, False)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param({**WELCOME, "receiver": "x"}, "without a receiver", id="a receiver"),
        pytest.param({**WELCOME, "type": "voice"}, "type", id="no message"),
        pytest.param({**WELCOME, "min_api_version": 11}, "apiVersion", id="too new"),
        pytest.param([], "without a receiver", id="a list"),
    ],
)
async def test_a_welcome_that_is_not_shown(answer: Any, why: str, fake: FakeViber, ear: Ear, person: Person) -> None:
    ear.answer = lambda _: web.json_response(answer)
    await person.open()
    assert person.messages == []
    assert [why in said for said in fake.bad_welcomes] == [True]


async def test_starting_is_opening_and_pressing_the_big_button(ear: Ear, person: Person) -> None:
    await person.start("x")
    assert ear.events[-1]["message"]["text"] == "Здравейте", "without a welcome they greet"
    before = len(ear.events)
    await person.start("y")
    assert [event["event"] for event in ear.events[before:]] == ["conversation_started"]


async def test_subscribing_and_leaving(ear: Ear, fake: FakeViber, bot: Bot, person: Person) -> None:
    await person.subscribe()
    await bot.send(person.id, tracking_data="q1")
    await person.unsubscribe()
    await person.subscribe()
    await person.unsubscribe(silently=True)
    kinds = [event for event in ear.events if event["event"] != "delivered"]
    assert [event["event"] for event in kinds] == ["subscribed", "unsubscribed", "subscribed"]
    assert (kinds[0]["user"]["id"], kinds[1]["user_id"]) == (person.id, person.id)
    assert person.tracking == "", "forgotten"
    assert await bot.send(person.id) == 6


async def test_tracking_data_comes_back(ear: Ear, bot: Bot, person: Person) -> None:
    await person.say("a")
    await bot.send(person.id, tracking_data="q1")
    await person.say("b")
    await bot.send(person.id)
    await person.say("c")
    said = [event["message"].get("tracking_data") for event in ear.events if event["event"] == "message"]
    assert said == [None, "q1", None]


# --- buttons ----------------------------------------------------------------------------------------------------------


async def test_only_the_newest_message_has_buttons(ear: Ear, bot: Bot, person: Person) -> None:
    await person.say("a")
    await keyed(bot, person, {"ActionBody": "tap:1", "Text": "<b>Да &amp; не</b>", "Silent": True})
    await person.press("Да & не")
    assert (ear.events[-1]["message"]["text"], ear.events[-1]["silent"]) == ("tap:1", True)
    await bot.send(person.id, "без копчета")
    with pytest.raises(LookupError, match="Да & не"):
        await person.press("Да & не")


async def test_the_grid_has_six_columns(bot: Bot, person: Person) -> None:
    await person.say("a")
    widths = (3, 3, 2, 2, 2, 4, 3)
    await keyed(bot, person, *({"ActionBody": "x", "Text": f"{n}", "Columns": w} for n, w in enumerate(widths)))
    assert person.keyboard == [["0", "1"], ["2", "3", "4"], ["5"], ["6"]]


@pytest.mark.parametrize(
    ("desktop", "message"),
    [
        pytest.param(
            "", {"type": "contact", "contact": {"phone_number": "359880000007"}, "text": "tap:share"}, id="a phone"
        ),
        pytest.param("contact", {"type": "contact", "contact": {}, "text": "tap:share"}, id="a computer"),
        pytest.param("text", {"type": "text", "text": "tap:share"}, id="another computer"),
    ],
)
async def test_sharing_the_number(desktop: str, message: dict[str, Any], ear: Ear, bot: Bot, person: Person) -> None:
    """No name in the card, no proof whose number it is; and from a computer no number at all."""
    await person.say("a")
    await keyed(bot, person, {"ActionBody": "tap:share", "Text": "Сподели", "ActionType": "share-phone"})
    person.desktop = desktop
    await person.press("Сподели")
    assert ear.events[-1]["message"] == message


async def test_an_address_is_opened_and_said(ear: Ear, bot: Bot, person: Person) -> None:
    await person.say("a")
    url = "https://bot.example/x"
    await keyed(bot, person, {"ActionBody": url, "Text": "Карта", "ActionType": "open-url"})
    await person.press("Карта")
    assert (person.opened, ear.events[-1]["message"]["text"]) == ([url], url)


# --- receipts ---------------------------------------------------------------------------------------------------------


async def test_every_device_reports_and_reading_is_reported_once(fake: FakeViber, ear: Ear, bot: Bot) -> None:
    person = fake.user(7, devices=2)
    await person.subscribe()
    await bot.send(person.id, "първо")
    await bot.send(person.id, "второ")
    await person.read()
    await person.read()
    assert ear.kinds == ["subscribed", *["delivered"] * 4, "seen"]
    tokens = [message.token for message in person.messages]
    assert [event["message_token"] for event in ear.events[1:]] == [tokens[0]] * 2 + [tokens[1]] * 3
    assert {event["user_id"] for event in ear.events[1:]} == {person.id}


async def test_a_phone_that_is_off_reports_later(ear: Ear, bot: Bot, person: Person) -> None:
    await person.subscribe()
    person.offline = True
    await bot.send(person.id)
    await person.say("тук съм")
    assert ear.kinds == ["subscribed", "message"]
    await person.come_online()
    assert ear.kinds == ["subscribed", "message", "delivered"]


async def test_a_message_that_the_phone_cannot_show_fails_after_it_was_taken(
    ear: Ear, bot: Bot, person: Person
) -> None:
    await person.subscribe()
    person.breaks = "keyboard is not valid"
    assert await bot.send(person.id) == 0
    await person.subscribe()
    assert person.messages == []
    assert (ear.kinds[1], ear.events[1]["desc"]) == ("failed", "keyboard is not valid")


async def test_a_receipt_can_come_before_the_answer(fake: FakeViber, ear: Ear, bot: Bot, person: Person) -> None:
    await person.subscribe()
    fake.receipts_first = True
    body: dict[str, Any] = {"receiver": person.id, "sender": SENDER, "type": "text", "text": "x"}
    answer = await bot("send_message", **body)
    assert ear.events[-1]["message_token"] == answer["message_token"]


# --- tries ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [500, 404, 204, 302])
async def test_only_200_is_taken(status: int, fake: FakeViber, ear: Ear, person: Person) -> None:
    answers = iter((status, status, 200))
    ear.answer = lambda _: next(answers)
    await person.say("a")
    await fake.callbacks.settled()
    assert [event["message"]["text"] for event in ear.events] == ["a"] * 3
    assert len({event["message_token"] for event in ear.events}) == 1
    assert (fake.callbacks.delivered, fake.callbacks.repeated, fake.callbacks.lost) == (1, 2, [])


async def test_what_is_never_taken_is_lost(fake: FakeViber, ear: Ear, person: Person) -> None:
    ear.answer = lambda _: 500
    await person.say("a")
    await fake.callbacks.settled()
    assert (len(ear.events), len(fake.callbacks.lost)) == (4, 1)


async def test_a_late_answer_is_none(fake: FakeViber, ear: Ear, person: Person) -> None:
    fake.callbacks.limit, ear.slow = 0.01, asyncio.Event()
    await person.say("a")
    fake.callbacks.limit = 5.0
    ear.slow.set()
    await fake.callbacks.settled()
    assert ear.kinds == ["message", "message"]


async def test_a_failure_holds_back_nothing_newer(fake: FakeViber, ear: Ear, person: Person) -> None:
    fails = iter((500,))
    ear.answer = lambda _: next(fails, 200)
    await person.say("a")
    await person.say("b")
    await fake.callbacks.settled()
    assert sorted(event["message"]["text"] for event in ear.events) == ["a", "a", "b"]


async def test_events_come_twice_and_in_another_order_on_demand(fake: FakeViber, ear: Ear, person: Person) -> None:
    fake.callbacks.copies = lambda event: 2
    await person.say("a")
    fake.callbacks.copies = lambda event: 1
    async with fake.callbacks.reordered():
        await person.say("b")
        await person.say("c")
    assert person.last_event is not None
    assert await fake.callbacks.again(person.last_event) == 200
    assert [event["message"]["text"] for event in ear.events] == ["a", "a", "c", "b", "c"]


# --- faults -----------------------------------------------------------------------------------------------------------

FAULTS: dict[str, tuple[dict[str, Any], type[Exception] | int, int]] = {
    # how, what the bot sees, and how many messages came
    "12": ({"status": 12}, 12, 0),
    "23": ({"status": 23}, 23, 0),
    "24": ({"status": 24}, 24, 0),
    "7": ({"status": 7}, 7, 0),
    "9": ({"status": 9}, 9, 0),
    "a number that nobody knows": ({"status": 77}, 77, 0),
    "a gateway's page": ({"http": 500}, AssertionError, 0),
    "cut before": ({"drop_before": True}, aiohttp.ServerDisconnectedError, 0),
    "cut after": ({"drop_after": True}, aiohttp.ServerDisconnectedError, 1),
    "half an answer": ({"half_body": True, "after": True}, aiohttp.ClientPayloadError, 1),
    "HTML with 200": ({"html": True}, aiohttp.ContentTypeError, 0),
}


@pytest.mark.parametrize(("how", "seen", "came"), FAULTS.values(), ids=FAULTS.keys())
async def test_a_call_can_fail(
    how: dict[str, Any], seen: type[Exception] | int, came: int, fake: FakeViber, bot: Bot, person: Person
) -> None:
    await person.subscribe()
    fake.fail_next("send_message", **how)
    if isinstance(seen, int):
        assert await bot.send(person.id) == seen
    else:
        with pytest.raises(seen):
            await bot.send(person.id)
    assert (len(person.messages), fake.of("send_message")[0].accepted) == (came, bool(came))
    assert await bot.send(person.id) == 0, "once"


async def test_a_call_can_be_slow_or_without_words(fake: FakeViber, bot: Bot, person: Person) -> None:
    await person.subscribe()
    fake.fail_next("send_message", hang=True, after=True)
    sending = asyncio.create_task(bot.send(person.id))
    await fake.wait_call("send_message")
    await person.wait_reply()
    assert not sending.done()
    await fake.wait_until(lambda: fake.hanging == 1)
    fake.release()
    assert await sending == 0
    fake.fail_next("send_message", 12, bare=True)
    body: dict[str, Any] = {"receiver": person.id, "sender": SENDER, "type": "text", "text": "x"}
    assert await bot("send_message", **body) == {"status": 12, "chat_hostname": "SN-CHAT-05_"}


async def test_a_burst_of_failures(fake: FakeViber, bot: Bot, person: Person) -> None:
    await person.subscribe()
    fake.fail_next("send_message", 12, times=3)
    assert [await bot.send(person.id) for _ in range(4)] == [12, 12, 12, 0]
    assert fake.counts["send_message 12"] == 3
    assert fake.duplicates() == 0
    await bot.send(person.id)
    assert fake.duplicates() == 1
