"""What Telegram delivers, and what the channel makes of it: one table of updates, one of raw requests."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

from bot.channels import Unavailable
from bot.channels.fields import Ignored, Malformed, phone
from bot.channels.telegram import TelegramChannel
from bot.channels.telegram_update import Read, read_update, update_id
from bot.channels.webhook import BODY_BYTES
from bot.messages import Address, Incoming, Kind, Media
from tests.fakes.telegram import TOKEN

NOW = 1_790_000_000
SENT = datetime.fromtimestamp(NOW, UTC)
BOT = 7_000_000_001
SECRET = "s" * 40
PATH = "p" * 20
PERSON = {"id": 42, "is_bot": False, "first_name": "Мария", "last_name": "Иванова", "language_code": "bg"}
CHAT = {"id": 42, "type": "private", "first_name": "Мария"}
GROUP = {"id": -1001, "type": "supergroup", "title": "Махала"}
FILE = {"file_id": "f", "file_unique_id": "u"}
PHOTO = Media("photo", "telegram", "f", mime="image/jpeg")


def message(**fields: Any) -> dict[str, Any]:
    return {"update_id": 9, "message": {"message_id": 1, "from": PERSON, "chat": CHAT, "date": NOW, **fields}}


def edited(**fields: Any) -> dict[str, Any]:
    return {"update_id": 9, "edited_message": message(edit_date=NOW, **fields)["message"]}


def press(**fields: Any) -> dict[str, Any]:
    shown = {"message_id": 5, "chat": CHAT, "date": NOW}
    return {"update_id": 9, "callback_query": {"id": "77", "from": PERSON, "message": shown, "data": "r:q:y", **fields}}


def member(status: object, **fields: Any) -> dict[str, Any]:
    body = {"chat": CHAT, "from": PERSON, "date": NOW, "new_chat_member": {"status": status}, **fields}
    return {"update_id": 9, "my_chat_member": body}


def without(update: dict[str, Any], *path: str) -> dict[str, Any]:
    """The update with one field taken out."""
    copy = json.loads(json.dumps(update))
    inside = copy
    for step in path[:-1]:
        inside = inside[step]
    del inside[path[-1]]
    return dict(copy)


def changed(update: dict[str, Any], *path: str, to: Any) -> dict[str, Any]:
    """The update with one field of another value."""
    copy = json.loads(json.dumps(update))
    inside = copy
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = to
    return dict(copy)


def size(handle: str, width: int, height: int) -> dict[str, Any]:
    return {"file_id": handle, "width": width, "height": height}


def event(kind: Kind, **fields: Any) -> Incoming:
    fields = {"sent_at": SENT, "name": "Мария Иванова", **fields}
    return Incoming(key=f"telegram:{BOT}:9", address=Address("telegram", "42"), kind=kind, order=9, **fields)


READ: dict[str, tuple[Any, Read]] = {
    # what people do
    "words": (message(text="Здравейте"), event(Kind.TEXT, text="Здравейте")),
    "start": (message(text="/start"), event(Kind.START)),
    "start by a link": (message(text="/start poster_1-a"), event(Kind.START, text="poster_1-a")),
    "start with words of one's own": (message(text="/start здравей"), event(Kind.START)),
    "start with a code too long": (message(text="/start " + "a" * 65), event(Kind.START)),
    "a word that begins like start": (message(text="/starter"), event(Kind.TEXT, text="/starter")),
    "another command": (message(text="/stop"), event(Kind.TEXT, text="/stop")),
    "an ЕГН": (message(text="ЕГН 7501020018"), event(Kind.TEXT, text="ЕГН [скрито]", hidden=("egn",))),
    "an ЕГН in a link's code": (message(text="/start 7501020018"), event(Kind.START, hidden=("egn",))),
    "ten thousand characters": (message(text="я" * 10_000), event(Kind.TEXT, text="я" * 4096)),
    "an emoji": (message(text="👍🏽"), event(Kind.TEXT, text="👍🏽")),
    "NUL among letters": (message(text="а\x00б"), event(Kind.TEXT, text="аб")),
    "a lone surrogate": (message(text="а\ud800б"), event(Kind.TEXT, text="аб")),
    "a press": (press(), event(Kind.PRESS, press="r:q:y", shown="5", reply_token="77", sent_at=None)),
    "a press on a message too old to be shown": (
        press(message={"message_id": 5, "chat": CHAT, "date": 0}),
        event(Kind.PRESS, press="r:q:y", shown="5", reply_token="77", sent_at=None),
    ),
    "one's own number": (
        message(contact={"phone_number": "359888123456", "first_name": "М", "user_id": 42}),
        event(Kind.PHONE, phone="+359888123456", phone_is_own=True),
    ),
    "another's number": (
        message(contact={"phone_number": "+359888123456", "first_name": "И", "user_id": 43}),
        event(Kind.PHONE, phone="+359888123456"),
    ),
    "a card of the address book": (
        message(contact={"phone_number": "0888 123 456", "first_name": "И"}),
        event(Kind.PHONE, phone="+359888123456"),
    ),
    "a foreign number": (
        message(contact={"phone_number": "4915123456789", "first_name": "М", "user_id": 42}),
        event(Kind.PHONE, phone="+4915123456789", phone_is_own=True),
    ),
    "a card without a number": (
        message(contact={"phone_number": "няма", "first_name": "М"}),
        event(Kind.PHONE, phone="няма"),
    ),
    "a photo": (message(photo=[FILE]), event(Kind.OTHER, text="photo", media=PHOTO)),
    "a photo in three sizes": (
        message(photo=[size("s", 90, 60), size("l", 900, 600), size("m", 300, 200)]),
        event(Kind.OTHER, text="photo", media=replace(PHOTO, handle="l")),
    ),
    "a photo whose sizes say how heavy they are": (
        message(photo=[{**FILE, "file_size": 9}, {"file_id": "s", "file_size": 0}, "?"]),
        event(Kind.OTHER, text="photo", media=replace(PHOTO, size=9)),
    ),
    "a photo with words": (message(photo=[FILE], caption="Ето"), event(Kind.OTHER, text="photo\nЕто", media=PHOTO)),
    "a photo with an ЕГН": (
        message(photo=[FILE], caption="ЕГН 7501020018"),
        event(Kind.OTHER, text="photo\nЕГН [скрито]", media=PHOTO, hidden=("egn",)),
    ),
    "a voice note": (
        message(voice={**FILE, "duration": 2, "mime_type": "audio/ogg", "file_size": 0}),
        event(Kind.OTHER, text="voice", media=Media("voice", "telegram", "f", mime="audio/ogg")),
    ),
    "a voice note with words": (
        message(voice=FILE, caption="Ето"),
        event(Kind.OTHER, text="voice\nЕто", media=Media("voice", "telegram", "f")),
    ),
    "a document": (
        message(document={**FILE, "file_name": "план\n1.pdf", "mime_type": "application/PDF", "file_size": 7}),
        event(
            Kind.OTHER,
            text="document",
            media=Media("document", "telegram", "f", filename="план 1.pdf", mime="application/pdf", size=7),
        ),
    ),
    "a document named by an ЕГН, of a kind that is none": (
        message(document={**FILE, "file_name": "7501020018.pdf", "mime_type": "x\x00"}),
        event(Kind.OTHER, text="document", media=Media("document", "telegram", "f", filename="[скрито].pdf")),
    ),
    "words that answer a message": (
        message(text="Да", reply_to_message={"message_id": 5, "chat": CHAT}),
        event(Kind.TEXT, text="Да", reply_to="5"),
    ),
    "a photo that answers a message": (
        message(photo=[FILE], reply_to_message={"message_id": 5}),
        event(Kind.OTHER, text="photo", media=PHOTO, reply_to="5"),
    ),
    "an answer to what cannot be read": (message(text="Да", reply_to_message=[5]), event(Kind.TEXT, text="Да")),
    "an answer to no number": (
        message(text="Да", reply_to_message={"message_id": True}),
        event(Kind.TEXT, text="Да"),
    ),
    "a sticker": (message(sticker=FILE), event(Kind.OTHER, text="sticker")),
    "a video": (message(video=FILE), event(Kind.OTHER, text="video")),
    "a round video": (message(video_note=FILE), event(Kind.OTHER, text="video_note")),
    "an animation, which is a document too": (
        message(animation=FILE, document=FILE),
        event(Kind.OTHER, text="animation"),
    ),
    "a place": (message(location={"latitude": 1, "longitude": 2}), event(Kind.OTHER, text="location")),
    "a poll": (message(poll={}), event(Kind.OTHER, text="poll")),
    "something of the future": (message(hologram={}), event(Kind.OTHER, text="unknown")),
    "an edit": (edited(text="не, да"), event(Kind.EDITED, text="не, да")),
    "an edited caption": (edited(photo=[FILE], caption="x"), event(Kind.EDITED, text="x")),
    "an old message edited now": (edited(text="x", date=NOW - 10**6), event(Kind.EDITED, text="x")),
    "blocked": (member("kicked"), event(Kind.BLOCKED)),
    "left": (member("left"), event(Kind.BLOCKED)),
    "came back": (member("member"), event(Kind.UNBLOCKED)),
    "no last name": (
        without(message(text="x"), "message", "from", "last_name"),
        event(Kind.TEXT, text="x", name="Мария"),
    ),
    "a name with NUL": (
        changed(message(text="x"), "message", "from", "last_name", to="И\x00"),
        event(Kind.TEXT, text="x", name="Мария И"),
    ),
    "a date ahead of our clock": (
        message(text="x", date=NOW + 600),
        event(Kind.TEXT, text="x", sent_at=datetime.fromtimestamp(NOW + 600, UTC)),
    ),
    # what is none of ours
    "a group": (message(text="x", chat=GROUP), Ignored("not a private chat")),
    "a channel, which has no sender": (
        without(message(text="x", chat={"id": -1, "type": "channel"}), "message", "from"),
        Ignored("not a private chat"),
    ),
    "a press in a group": (press(message={"message_id": 5, "chat": GROUP, "date": 1}), Ignored("not a private chat")),
    "a press on an inline message": (
        without(press(), "callback_query", "message"),
        Ignored("a press outside a chat with us"),
    ),
    "a game": (without(press(), "callback_query", "data"), Ignored("a press outside a chat with us")),
    "thrown out of a group": (member("kicked", chat=GROUP), Ignored("not a private chat")),
    "another membership": (member("restricted"), Ignored("another membership")),
    "a bot": (message(text="x", **{"from": {**PERSON, "is_bot": True}}), Ignored("a bot")),
    "older than 48 hours": (message(text="x", date=NOW - 48 * 3600 - 1), Ignored("stale")),
    "48 hours old": (
        message(text="x", date=NOW - 48 * 3600),
        event(Kind.TEXT, text="x", sent_at=datetime.fromtimestamp(NOW - 48 * 3600, UTC)),
    ),
    "a block older than 48 hours": (member("kicked", date=1), Ignored("stale")),
    "a live location that moves": (edited(location={}), Ignored("an edit without words")),
    "a pinned message": (message(pinned_message={}), Ignored("a service message")),
    "a kind not asked for": ({"update_id": 9, "poll_answer": {}}, Ignored("a kind of update that was not asked for")),
    "nothing in it": ({"update_id": 9}, Ignored("a kind of update that was not asked for")),
    # what Telegram would not send
    "a list": ([], Malformed("not an object")),
    "a word": ("update", Malformed("not an object")),
    "null": (None, Malformed("not an object")),
    "no number": (without(message(text="x"), "update_id"), Malformed("update_id: missing")),
    "a number in quotes": (changed(message(text="x"), "update_id", to="9"), Malformed("update_id: a str")),
    "a bool as number": (changed(message(text="x"), "update_id", to=True), Malformed("update_id: a bool")),
    "a fraction as number": (changed(message(text="x"), "update_id", to=9.0), Malformed("update_id: a float")),
    "a huge number": (changed(message(text="x"), "update_id", to=2**53), Malformed("update_id: out of range")),
    "a negative number": (changed(message(text="x"), "update_id", to=-9), Malformed("update_id: out of range")),
    "a message that is a list": ({"update_id": 9, "message": []}, Malformed("message: a list")),
    "no chat": (without(message(text="x"), "message", "chat"), Malformed("chat: missing")),
    "a chat without type": (without(message(text="x"), "message", "chat", "type"), Malformed("type: missing")),
    "no sender": (without(message(text="x"), "message", "from"), Malformed("from: missing")),
    "a bool as sender": (changed(message(text="x"), "message", "from", "id", to=True), Malformed("id: a bool")),
    "a huge sender": (changed(message(text="x"), "message", "from", "id", to=10**30), Malformed("id: out of range")),
    "someone else's chat": (
        changed(message(text="x"), "message", "chat", "id", to=43),
        Malformed("chat.id: not the sender's"),
    ),
    "is_bot in words": (changed(message(text="x"), "message", "from", "is_bot", to="no"), Malformed("is_bot: a str")),
    "a name that is a number": (
        changed(message(text="x"), "message", "from", "first_name", to=5),
        Malformed("first_name: a int"),
    ),
    "no date": (without(message(text="x"), "message", "date"), Malformed("date: missing")),
    "a date far away": (message(text="x", date=2**40), Malformed("date: out of range")),
    "text that is a number": (message(text=5), Malformed("text: a int")),
    "text that is null": (message(text=None), Malformed("text: missing")),
    "a caption that is a list": (message(photo=[FILE], caption=[]), Malformed("caption: a list")),
    "a photo without sizes": (message(photo=[]), Malformed("photo: no sizes")),
    "a photo that is text": (message(photo="f"), Malformed("photo: no sizes")),
    "a photo without a handle": (message(photo=[{"width": 1}]), Malformed("file_id: missing")),
    "a document of a size in words": (
        message(document={**FILE, "file_size": "big"}),
        Malformed("file_size: a str"),
    ),
    "a voice note that is text": (message(voice="f"), Malformed("voice: a str")),
    "a voice note without a handle": (message(voice={}), Malformed("file_id: missing")),
    "a voice note with a handle too long": (
        message(voice={"file_id": "f" * 257}),
        Malformed("file_id: empty, too long or not printable"),
    ),
    "a card that is text": (message(contact="359888123456"), Malformed("contact: a str")),
    "a number that is one": (message(contact={"phone_number": 359888123456}), Malformed("phone_number: a int")),
    "a bool as the card's owner": (
        message(contact={"phone_number": "359888123456", "user_id": True}),
        Malformed("user_id: a bool"),
    ),
    "a press without id": (without(press(), "callback_query", "id"), Malformed("id: missing")),
    "data that is an object": (press(data={}), Malformed("data: a dict")),
    "data too long": (press(data="ж" * 33), Malformed("data: empty, too long or not printable")),
    "data with NUL": (press(data="a\x00"), Malformed("data: empty, too long or not printable")),
    "data with a lone surrogate": (press(data="\ud800"), Malformed("data: empty, too long or not printable")),
    "a press on no message": (press(message="5"), Malformed("message: a str")),
    "a press with a bool as message": (
        press(message={"message_id": True, "chat": CHAT}),
        Malformed("message_id: a bool"),
    ),
    "a membership without one": (member(None), Malformed("status: missing")),
    "a status that is a number": (member(5), Malformed("status: a int")),
}


@pytest.mark.parametrize(("raw", "expected"), READ.values(), ids=READ.keys())
def test_an_update_is_read_exactly(raw: Any, expected: Read) -> None:
    assert read_update(raw, BOT, now=NOW) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=10), inside, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from([message(text="x"), press(), edited(text="x"), member("kicked")]), JSON, st.integers(0, 999))
def test_a_field_of_any_other_value_never_raises(update: dict[str, Any], value: Any, which: int) -> None:
    paths = list(_paths(update))
    raw = changed(update, *paths[which % len(paths)], to=None)
    _replace(raw, paths[which % len(paths)], value)
    assert isinstance(read_update(raw, BOT, now=NOW), Incoming | Ignored | Malformed)
    update_id(raw)


@given(JSON)
def test_no_json_raises(value: Any) -> None:
    assert isinstance(read_update(value, BOT, now=NOW), Ignored | Malformed)


def _paths(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for key, inside in value.items():
            yield (*path, key)
            yield from _paths(inside, (*path, key))


def _replace(value: dict[str, Any], path: tuple[str, ...], to: Any) -> None:
    for step in path[:-1]:
        value = value[step]
    value[path[-1]] = to


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("+359 88 812 3456", "+359888123456"),
        ("00359888123456", "+359888123456"),
        ("0888123456", "+359888123456"),
        ("359888123456", "+359888123456"),
        ("094601234", "+35994601234"),
        ("40721234567", "+40721234567"),
        ("12", "12"),
        ("", ""),
        ("9" * 5000, "9" * 64),
    ],
)
def test_a_number_becomes_e164_where_it_can_be_read(given: str, expected: str) -> None:
    assert phone(given)[0] == expected


# The webhook


class Inbox:
    """Stands for `accept`; refuses while `full`."""

    def __init__(self) -> None:
        self.events: list[Incoming] = []
        self.full = False

    async def __call__(self, event: Incoming) -> None:
        if self.full:
            raise Unavailable
        self.events.append(event)


def channel(inbox: Inbox, **more: Any) -> TelegramChannel:
    given = {"public_url": "https://most.example", "webhook_secret": SECRET, "path_secret": PATH, **more}
    return TelegramChannel(TOKEN, inbox, clock=lambda: NOW, **given)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def http(inbox: Inbox) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=list(channel(inbox).routes()))
    transport = httpx.ASGITransport(app)
    headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET, "Content-Type": "application/json"}
    async with httpx.AsyncClient(transport=transport, base_url="http://bot", headers=headers) as client:
        yield client


GOOD = json.dumps(message(text="Здравейте")).encode()
DEEP = b'{"update_id": 9, "message": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
NESTED = b'{"update_id": 9, "message": ' + b'{"a":' * 40 + b"1" + b"}" * 40 + b"}"
TWICE = GOOD[:-1] + b', "update_id": 11}'
BRACES = json.dumps(message(text="{[" * 200)).encode()
POSTS: dict[str, tuple[bytes, dict[str, str], int, int, str]] = {
    # body, headers that differ, status, events, part of the log line
    "a good update": (GOOD, {}, 200, 1, ""),
    "with a charset": (GOOD, {"Content-Type": "application/json; charset=utf-8"}, 200, 1, ""),
    "braces in the words": (BRACES, {}, 200, 1, ""),
    "the last of a key given twice counts": (TWICE, {}, 200, 1, ""),
    "no secret": (GOOD, {"X-Telegram-Bot-Api-Secret-Token": ""}, 403, 0, "without the right secret"),
    "a wrong secret": (GOOD, {"X-Telegram-Bot-Api-Secret-Token": "s" * 39 + "t"}, 403, 0, "without the right secret"),
    "a secret that is not ASCII": (GOOD, {"X-Telegram-Bot-Api-Secret-Token": "ÿ" * 40}, 403, 0, "without the right"),
    "a form": (GOOD, {"Content-Type": "application/x-www-form-urlencoded"}, 415, 0, ""),
    "text": (GOOD, {"Content-Type": "text/plain"}, 415, 0, ""),
    "nothing": (b"", {}, 200, 0, "0 bytes cannot be read: not JSON"),
    "no JSON": (b"<html>", {}, 200, 0, "6 bytes cannot be read: not JSON"),
    "half an update": (GOOD[:-9], {}, 200, 0, "not JSON"),
    "not UTF-8": (GOOD.replace(b"text", b"te\xff\xfe"), {}, 200, 0, "not JSON"),
    "UTF-16": (GOOD.decode().encode("utf-16"), {}, 200, 0, "not JSON"),
    "an integer of 5,000 digits": (b'{"update_id": ' + b"9" * 5000 + b"}", {}, 200, 0, "not JSON"),
    "deep enough to end the parser": (DEEP, {}, 200, 0, "not JSON"),
    "too deep": (NESTED, {}, 200, 0, "nested too deep"),
    "a field of the wrong type": (b'{"update_id": true}', {}, 200, 0, "update_id: a bool"),
    "a group": (json.dumps(message(text="x", chat=GROUP)).encode(), {}, 200, 0, ""),
    "as large as may be": (GOOD + b" " * (BODY_BYTES - len(GOOD)), {}, 200, 1, ""),
    "a byte too large": (GOOD + b" " * (BODY_BYTES + 1 - len(GOOD)), {}, 413, 0, ""),
}


@pytest.mark.parametrize(("body", "headers", "status", "events", "line"), POSTS.values(), ids=POSTS.keys())
async def test_a_post_gets_its_status_and_at_most_one_line(
    body: bytes,
    headers: dict[str, str],
    status: int,
    events: int,
    line: str,
    http: httpx.AsyncClient,
    inbox: Inbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in {**dict(http.headers), **headers}.items()]
    merged = {name.lower(): value for name, value in raw}
    with caplog.at_level(logging.INFO, logger="bot"):
        answer = await http.post(f"/telegram/{PATH}", content=body, headers=list(merged.items()))
    assert (answer.status_code, len(inbox.events), len(caplog.messages)) == (status, events, bool(line))
    assert line in caplog.text
    assert "Здравейте" not in caplog.text


async def test_a_stranger_s_body_is_not_even_read(http: httpx.AsyncClient) -> None:
    read: list[int] = []

    async def body() -> AsyncIterator[bytes]:
        read.append(1)
        yield GOOD

    answer = await http.post(f"/telegram/{PATH}", content=body(), headers={"X-Telegram-Bot-Api-Secret-Token": "no"})
    assert (answer.status_code, read) == (403, [])


async def test_a_body_without_length_is_cut_off_at_the_limit(http: httpx.AsyncClient, inbox: Inbox) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 65536

    answer = await http.post(f"/telegram/{PATH}", content=body())
    assert (answer.status_code, inbox.events) == (413, [])


async def test_telegram_is_told_to_repeat_what_could_not_be_kept(http: httpx.AsyncClient, inbox: Inbox) -> None:
    inbox.full = True
    assert (await http.post(f"/telegram/{PATH}", content=GOOD)).status_code == 503
    inbox.full = False
    assert (await http.post(f"/telegram/{PATH}", content=GOOD)).status_code == 200
    assert [event.key for event in inbox.events] == [f"telegram:{BOT}:9"]


async def test_only_the_secret_path_and_only_post_lead_in(http: httpx.AsyncClient, inbox: Inbox) -> None:
    assert (await http.post("/telegram/other", content=GOOD)).status_code == 404
    assert (await http.get(f"/telegram/{PATH}")).status_code == 405
    assert inbox.events == []


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        pytest.param({"webhook_secret": ""}, "webhook's secret must be 32", id="no secret"),
        pytest.param({"webhook_secret": "s" * 31}, "webhook's secret must be 32", id="a short secret"),
        pytest.param({"webhook_secret": "s" * 31 + "!"}, "webhook's secret must be 32", id="a foreign letter"),
        pytest.param({"webhook_secret": "я" * 32}, "webhook's secret must be 32", id="Cyrillic"),
        pytest.param({"webhook_secret": "s" * 32 + "\n"}, "webhook's secret must be 32", id="a line's end"),
        pytest.param({"path_secret": "short"}, "webhook's path must be 16", id="a short path"),
        pytest.param({"path_secret": "a/../../" + "b" * 16}, "webhook's path must be 16", id="a path with slashes"),
    ],
)
async def test_a_webhook_without_strong_secrets_is_refused(settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        channel(Inbox(), **settings)


@pytest.mark.parametrize("token", ["", "abc", "12345", "x:AAAAAAAAAAAAAAAAAAAA", "1:2", "7:AAAAAAAAAAAAAAAA\n"])
async def test_a_token_of_the_wrong_shape_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(ValueError, match="BOT_TELEGRAM_TOKEN has not the shape") as refused:
        TelegramChannel(token, Inbox())
    assert token.strip() not in str(refused.value) or not token.strip()


async def test_without_a_public_address_nothing_can_be_posted() -> None:
    assert list(TelegramChannel(TOKEN, Inbox()).routes()) == []
