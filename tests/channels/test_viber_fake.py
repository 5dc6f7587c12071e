"""The fake Viber keeps Viber's rules for what a bot sends, so that a test against it says something about the real one.

What it delivers, and its faults: test_viber_fake_events.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.channels.viber_bot import Bot, Clock
from tests.fakes.viber import TOKEN, Contract, FakeViber
from tests.fakes.viber_people import Person

HOUR = 3600
SENDER = {"name": "Мост"}
CARD = {"name": "Ана", "phone_number": "359888111222"}
JPG, PDF = "https://bot.example/a.jpg", "https://bot.example/a.pdf"


def text(words: str = "x", **more: Any) -> dict[str, Any]:
    return {"sender": SENDER, "type": "text", "text": words, **more}


def typed(kind: str, **more: Any) -> dict[str, Any]:
    return {"sender": SENDER, "type": kind, **more}


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}


def keyed(*buttons: dict[str, Any], least: int = 1, **more: Any) -> dict[str, Any]:
    return text(min_api_version=least, keyboard={"Type": "keyboard", "Buttons": list(buttons), **more})


def button(**more: Any) -> dict[str, Any]:
    return {"ActionBody": "tap:1", "Text": "Да", **more}


SHARE = button(ActionType="share-phone")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def fake(clock: Clock) -> AsyncIterator[FakeViber]:
    async with FakeViber(clock=clock, schedule=lambda _: None) as server:
        server.pretend_webhook()
        yield server


@pytest.fixture
async def person(fake: FakeViber) -> Person:
    person = fake.user(7)
    await person.subscribe()
    return person


@pytest.fixture
async def bot(fake: FakeViber) -> AsyncIterator[Bot]:
    async with aiohttp.ClientSession() as session:
        yield Bot(fake.url, session)


REFUSED: dict[str, tuple[dict[str, Any], int]] = {
    "no sender": (without(text(), "sender"), 4),
    "no name of the sender": (text(sender={}), 4),
    "a name of 29 letters": (text(sender={"name": "я" * 29}), 3),
    "no type": (without(text(), "type"), 4),
    "a type of no message": (typed("voice"), 3),
    "a field nobody knows": (text(reply_to=5), 3),
    "no text": (typed("text"), 4),
    "an empty text": (text(""), 3),
    "7001 letters": (text("я" * 7001), 3),
    "tracking data of nothing": (text(tracking_data=None), 3),
    "4001 letters of tracking data": (text(tracking_data="x" * 4001), 3),
    "more than 30 KB": (text("я" * 6900, tracking_data="я" * 4000, alt_text="я" * 5000), 3),
    "a version that is no number": (text(min_api_version="3"), 3),
    "a picture without a caption": (typed("picture", media=JPG), 4),
    "a picture without an address": (typed("picture", text=""), 4),
    "a picture that is no picture": (typed("picture", text="", media=PDF), 3),
    "a picture with something after its ending": (typed("picture", text="", media=f"{JPG}?a=1"), 3),
    "a picture by a path": (typed("picture", text="", media="/a.jpg"), 3),
    "a caption of 769 letters": (typed("picture", text="я" * 769, media=JPG), 3),
    "a video without its size": (typed("video", media="https://bot.example/a.mp4"), 4),
    "a video of 27 MB": (typed("video", media="https://bot.example/a.mp4", size=27_262_977), 3),
    "a video of 181 seconds": (typed("video", media="https://bot.example/a.mp4", size=1, duration=181), 3),
    "a file without its name": (typed("file", media=PDF, size=1), 4),
    "a file that is a program": (typed("file", media=PDF, size=1, file_name="a.exe"), 3),
    "a file of more than 50 MB": (typed("file", media=PDF, size=52_428_801, file_name="a.pdf"), 3),
    "a card with a long number": (typed("contact", contact={**CARD, "phone_number": "1" * 19}), 3),
    "a place off the earth": (typed("location", location={"lat": 91, "lon": 0}), 3),
    "an address of 2001 letters": (typed("url", media=f"https://x.example/{'a' * 1983}"), 3),
    "a keyboard without Type": (text(keyboard={"Buttons": [button()]}), 3),
    "a keyboard without buttons": (keyed(), 3),
    "a keyboard in small letters": (text(keyboard={"type": "keyboard", "buttons": [button()]}), 3),
    "a button without a body": (keyed({"Text": "Да"}), 3),
    "a button that shows nothing": (keyed({"ActionBody": "a"}), 3),
    "seven columns": (keyed(button(Columns=7)), 3),
    "three rows": (keyed(button(Rows=3)), 3),
    "thirteen rows": (keyed(*[button()] * 13), 3),
    "a colour by name": (keyed(button(BgColor="red")), 3),
    "text that is not escaped": (keyed(button(Text="1 < 2 & 3")), 3),
    "a tag left open": (keyed(button(Text="<b>Да")), 3),
    "a tag that phones do not draw": (keyed(button(Text="<p>Да</p>")), 3),
    "an address that is none": (keyed(button(ActionType="open-url", ActionBody="tap:1")), 3),
    "a phone to share in version 2": (keyed(SHARE, least=2), 3),
    "a place to pick in version 2": (keyed(button(ActionType="location-picker"), least=2), 3),
    "a hidden field in version 3": (keyed(button(), least=3, InputFieldState="hidden"), 14),
    "a struck text in version 1": (keyed(button(Text="<s>Да</s>")), 14),
    "a carousel in version 1": (typed("rich_media", rich_media={"Type": "rich_media", "Buttons": [button()]}), 14),
    "a phone to share in a carousel": (
        typed("rich_media", min_api_version=7, rich_media={"Type": "rich_media", "Buttons": [SHARE]}),
        3,
    ),
    "a version above the phone's": (text(min_api_version=11), 13),
}


@pytest.mark.parametrize(("body", "status"), REFUSED.values(), ids=REFUSED.keys())
async def test_it_refuses_what_viber_refuses(
    body: dict[str, Any], status: int, fake: FakeViber, bot: Bot, person: Person
) -> None:
    answer = await bot("send_message", receiver=person.id, **body)
    assert (answer["status"], "message_token" in answer, person.messages) == (status, False, [])
    assert [(call.accepted, call.status) for call in fake.calls] == [(False, status)]


TAKEN: dict[str, dict[str, Any]] = {
    "7000 letters": text("a" * 7000),
    "tracking data": text(tracking_data="я" * 4000),
    "a name of 28 letters": text(sender={"name": "я" * 28}),
    "a picture": typed("picture", text="", media=JPG),
    "a caption of 768 letters": typed("picture", text="я" * 768, media=JPG),
    "a video": typed("video", media="https://bot.example/a.mp4", size=27_262_976),
    "a file": typed("file", media=PDF, size=5, file_name="програма.pdf"),
    "a card": typed("contact", contact=CARD),
    "a place": typed("location", location={"lat": "43.99", "lon": 22.88}),
    "an address": typed("url", media="https://bot.example/"),
    "a sticker": typed("sticker", sticker_id=46105),
    "a keyboard alone": {"sender": SENDER, "keyboard": {"Type": "keyboard", "Buttons": [button()]}},
    "twelve rows": keyed(*[button(Rows=2)] * 6),
    "24 small buttons": keyed(*[button(Columns=3)] * 24),
    "a phone to share": keyed(SHARE, least=3),
    "a good text": keyed(button(Text="<b>1 &lt; 2</b><br>&amp; 3")),
    "no field to type in": keyed(button(), least=4, InputFieldState="hidden"),
    "a carousel": typed("rich_media", min_api_version=2, rich_media={"Type": "rich_media", "Buttons": [button()]}),
    "an address behind a button": keyed(button(ActionType="open-url", ActionBody="https://bot.example/", Silent=True)),
}


@pytest.mark.parametrize("body", TAKEN.values(), ids=TAKEN.keys())
async def test_it_takes_what_viber_takes(body: dict[str, Any], bot: Bot, person: Person) -> None:
    answer = await bot("send_message", receiver=person.id, **body)
    assert (answer["status"], answer["message_token"]) == (0, person.last.token)
    assert 2**53 < answer["message_token"] < 2**63
    assert answer["chat_hostname"].startswith("SN-CHAT")


async def test_the_key_may_stand_in_the_header_or_in_the_body(fake: FakeViber, bot: Bot) -> None:
    assert (await bot("get_account_info"))["status"] == 0
    assert (await bot("get_account_info", "", auth_token=TOKEN))["status"] == 0
    assert (await bot("get_account_info", "0-0-0"))["status"] == 2
    none = await bot("get_account_info", "")
    assert (none["status"], none["status_message"]) == (2, "missing_auth_token")


async def test_what_is_no_json_is_bad_data_and_what_is_no_method_is_not_found(fake: FakeViber, bot: Bot) -> None:
    assert (await bot.raw("send_message", b"{"))["status"] == 3
    assert (await bot.raw("send_message", b"[1]"))["status"] == 3
    async with bot.session.post(f"{fake.url}/send_nothing", json={}) as answer:
        assert answer.status == 404
    async with bot.session.get(f"{fake.url}/send_message") as answer:
        assert answer.status == 405


async def test_who_may_be_written_to(fake: FakeViber, bot: Bot) -> None:
    person = fake.user(7)
    assert await bot.send("AAAAAAAAAAAAAAAAAAAAAA==") == 5
    assert await bot.send(person.id) == 6, "who only opened the chat is not subscribed"
    await person.say("Здравейте")
    assert await bot.send(person.id) == 0, "the first message subscribes"
    assert await bot.send(person.id.swapcase()) == 5, "ids are compared letter by letter"
    await person.unsubscribe()
    assert await bot.send(person.id) == 6
    await person.subscribe()
    assert await bot.send(person.id) == 0
    person.refused = 11
    assert await bot.send(person.id) == 11
    person.gone = True
    assert await bot.send(person.id) == 5
    assert person.id.endswith("==")
    assert len(person.id) == 24


async def test_nothing_is_sent_before_a_webhook_is_set(bot: Bot, fake: FakeViber, person: Person) -> None:
    fake.callbacks.webhook.url = ""
    assert await bot.send(person.id) == 10


async def test_a_hundred_messages_an_hour_without_a_reply(bot: Bot, clock: Clock, person: Person) -> None:
    assert {await bot.send(person.id) for _ in range(100)} == {0}
    assert await bot.send(person.id) == 12
    clock.now += HOUR
    assert await bot.send(person.id) == 0, "an hour later"
    assert {await bot.send(person.id) for _ in range(99)} == {0}
    assert await bot.send(person.id) == 12
    await person.say("Тук съм")
    assert await bot.send(person.id) == 0, "after a reply"


MONEY: dict[str, tuple[Contract, list[tuple[int, int]]]] = {
    # status and billing_status: in the session, after it, again, and next month
    "billable": (Contract(), [(0, 2), (0, 5), (0, 5), (0, 5)]),
    "billable, one free": (Contract(free=1), [(0, 2), (0, 4), (0, 5), (0, 4)]),
    "billable, money for one": (Contract(balance=1), [(0, 2), (0, 5), (24, -1), (24, -1)]),
    "not billable, one free": (Contract(billable=False, free=1), [(0, 1), (0, 3), (23, -1), (0, 3)]),
}


@pytest.mark.parametrize(("contract", "expected"), MONEY.values(), ids=MONEY.keys())
async def test_what_a_message_costs(
    contract: Contract, expected: list[tuple[int, int]], fake: FakeViber, bot: Bot, clock: Clock, person: Person
) -> None:
    """A session lasts 24 hours from the person's first message of it, whatever else they write."""
    fake.contract = contract
    await person.say("Здравейте")
    clock.now += 23 * HOUR
    await person.say("Още нещо")
    said = [await bot.billed(person.id)]
    for wait in (HOUR, 0, 31 * 24 * HOUR):
        clock.now += wait
        said.append(await bot.billed(person.id))
    assert said == expected


# --- to many ----------------------------------------------------------------------------------------------------------


async def test_a_broadcast_has_one_token_and_says_whom_it_did_not_reach(fake: FakeViber, bot: Bot) -> None:
    here, left, full = fake.user(1, "Ана"), fake.user(2), fake.user(3)
    for person in (here, left, full):
        await person.subscribe()
    await left.unsubscribe()
    for _ in range(100):
        await bot.send(full.id)
    ids = [here.id, left.id, "AAAAAAAAAAAAAAAAAAAAAA==", full.id]
    answer = await bot("broadcast_message", broadcast_list=ids, **text("Елате"))
    assert answer["status"] == 0
    assert {failed["receiver"]: failed["status"] for failed in answer["failed_list"]} == {
        ids[1]: 6,
        ids[2]: 5,
        ids[3]: 12,
    }
    assert (here.last.text, here.last.token) == ("Елате", answer["message_token"])
    assert "failed_list" not in await bot("broadcast_message", broadcast_list=[here.id], **text())


async def test_a_broadcast_puts_names_in(fake: FakeViber, bot: Bot) -> None:
    person = fake.user(1, 'Ана "А"')
    await person.subscribe()
    places = "replace_me_with_user_name|replace_me_with_receiver_id|replace_me_with_url_encoded_receiver_id"
    await bot("broadcast_message", broadcast_list=[person.id], **text(places, tracking_data=places))
    assert person.last.text.split("|")[:2] == ['Ана "А"', person.id]
    assert person.last.text.endswith("%3D%3D")
    assert person.tracking == person.last.text


async def test_how_many_a_broadcast_may_have(fake: FakeViber, bot: Bot) -> None:
    ids = [fake.user(number).id for number in range(301)]
    assert (await bot("broadcast_message", broadcast_list=ids, **text()))["status"] == 3
    assert (await bot("broadcast_message", broadcast_list=[ids[0]] * 2, **text()))["status"] == 3
    assert (await bot("broadcast_message", broadcast_list=[], **text()))["status"] == 3
    assert (await bot("broadcast_message", **text()))["status"] == 4
    assert len((await bot("broadcast_message", broadcast_list=ids[:300], **text()))["failed_list"]) == 300
    assert (await bot("broadcast_message", broadcast_list=ids[:300], **typed("text")))["status"] == 4


async def test_500_broadcasts_in_ten_seconds(fake: FakeViber, bot: Bot, clock: Clock, person: Person) -> None:
    body = {"broadcast_list": [person.id], **text()}
    said = [(await bot("broadcast_message", **body))["status"] for _ in range(501)]
    assert (set(said[:500]), said[500]) == ({0}, 12)
    clock.now += 10
    assert (await bot("broadcast_message", **body))["status"] == 0


@pytest.mark.parametrize("status", [19, 20])
async def test_broadcasts_may_be_switched_off(status: int, fake: FakeViber, bot: Bot, person: Person) -> None:
    fake.broadcasts = status
    assert (await bot("broadcast_message", broadcast_list=[person.id], **text()))["status"] == status
    assert person.messages == []
    assert await bot.send(person.id) == 0


# --- asking -----------------------------------------------------------------------------------------------------------


async def test_what_is_known_of_the_account_and_of_people(fake: FakeViber, bot: Bot, clock: Clock) -> None:
    person, stranger = fake.user(7), fake.user(8)
    await person.subscribe()
    info = await bot("get_account_info")
    assert (info["webhook"], info["subscribers_count"], info["uri"]) == (
        "https://bot.example/viber/hook",
        1,
        "mosttest",
    )
    assert (await bot("get_online", ids=[person.id, stranger.id]))["users"][1]["online_status"] == 4
    details = await bot("get_user_details", id=person.id)
    assert (details["user"]["id"], details["user"]["api_version"]) == (person.id, 10)
    assert (await bot("get_user_details", id=person.id))["status"] == 0
    assert (await bot("get_user_details", id=person.id))["status"] == 12, "twice within twelve hours"
    clock.now += 12 * HOUR
    assert (await bot("get_user_details", id=person.id))["status"] == 0
    assert (await bot("get_user_details", id=stranger.id))["status"] == 6
