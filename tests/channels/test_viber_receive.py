"""What Viber delivers, and what the channel makes of it: one table of callbacks, one of raw requests."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

from bot.channels.fields import Ignored, Malformed, phone
from bot.channels.viber_event import Opened, Read, read_callback
from bot.channels.webhook import BODY_BYTES
from bot.messages import Address, Button, Incoming, Kind, Media, Receipt
from tests.channels.telegram_kit import Inbox
from tests.channels.viber_kit import (
    BOT,
    NOW,
    PATH,
    SENDER,
    TOKEN_OF_IT,
    USER,
    Desk,
    Hook,
    channel,
    delivery,
    raw,
    signature,
)
from tests.fakes.viber import TOKEN, FakeViber

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

AT = datetime.fromtimestamp(NOW / 1000, UTC)
WHO = {"id": USER, "name": "Мария", "avatar": "https://x", "country": "BG", "language": "bg", "api_version": 10}
CDN = "https://dl-media.viber.com/1/share/2/long/x"


def callback(event: str, **fields: Any) -> dict[str, Any]:
    common = {"timestamp": NOW, "chat_hostname": "SN-CALLBACK-04_", "message_token": TOKEN_OF_IT}
    return {"event": event, **common, **fields}


def message(**fields: Any) -> dict[str, Any]:
    return callback("message", sender=WHO, message=fields, silent=False)


def said(kind: Kind, event: str = "message", **fields: Any) -> Incoming:
    fields = {"name": "Мария", "sent_at": AT, "order": NOW, **fields}
    return Incoming(f"viber:{BOT}:{event}:{TOKEN_OF_IT}", Address("viber", USER), kind, **fields)


def text(words: str, **more: Any) -> tuple[dict[str, Any], Incoming]:
    return message(type="text", text=words), said(Kind.TEXT, text=more.pop("read", words), **more)


def opened(**fields: Any) -> dict[str, Any]:
    return callback("conversation_started", type="open", user=WHO, **fields)


def receipt(status: str, why: str = "") -> Receipt:
    return Receipt(Address("viber", USER), str(TOKEN_OF_IT), status, why, AT)


def without(body: dict[str, Any], *fields: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in fields}


PHOTO = Media("photo", "viber", CDN)
OWN = {"phone_number": "359888123456"}
READ: dict[str, tuple[Any, Read]] = {
    # what people do
    "words": text("Здравейте"),
    "words with tracking data": (message(type="text", text="да", tracking_data="q3"), said(Kind.TEXT, text="да")),
    "a time that is text": ({**message(type="text", text="да"), "timestamp": str(NOW)}, said(Kind.TEXT, text="да")),
    "an ЕГН": text("ЕГН 7501020018", read="ЕГН [скрито]", hidden=("egn",)),
    "eight thousand letters": text("я" * 8000, read="я" * 7000),
    "NUL among letters": text("а\0б", read="аб"),
    "a lone surrogate": text("а\ud800б", read="аб"),
    "words with thirty brackets": text("{" * 40),
    "no words": text(""),
    "a press": (message(type="text", text="tap:12.name.yes"), said(Kind.PRESS, press="12.name.yes")),
    "a silent press": ({**message(type="text", text="tap:/menu"), "silent": True}, said(Kind.PRESS, press="/menu")),
    "a press too long for one of ours": text("tap:" + "я" * 40),
    "a press of nothing": text("tap:"),
    "a label of the menu": text("🏠 Меню"),
    "start of the welcome": (message(type="text", text="start:"), said(Kind.START, press="/start")),
    "start with the code of a link": (
        message(type="text", text="start:ot-1a.B_2"),
        said(Kind.START, text="ot-1a.B_2", press="/start ot-1a.B_2"),
    ),
    "start with words of one's own": (message(type="text", text="start:здравей сам"), said(Kind.START, press="/start")),
    "start with an ЕГН": (
        message(type="text", text="start:7501020018"),
        said(Kind.START, press="/start", hidden=("egn",)),
    ),
    "a command that is typed": text("/start x"),
    "one's own number": (
        message(type="contact", text="tap:12.phone.share", contact=OWN),
        said(Kind.TEXT, text="+359888123456"),
    ),
    "one's own number, as an old app sends it": (
        message(type="contact", contact=OWN),
        said(Kind.TEXT, text="+359888123456"),
    ),
    "one's own number with a name, by the button": (
        message(type="contact", text="tap:12.phone.share", contact={**OWN, "name": "М"}),
        said(Kind.TEXT, text="+359888123456"),
    ),
    "a number from a desktop, as a card": (
        message(type="contact", text="tap:12.phone.share", contact={}),
        said(Kind.PRESS, press="12.phone.share"),
    ),
    "a number from a desktop, as words": (
        message(type="text", text="tap:12.phone.share"),
        said(Kind.PRESS, press="12.phone.share"),
    ),
    "another's card": (
        message(type="contact", contact={**OWN, "name": "Иван"}),
        said(Kind.PHONE, phone="+359888123456"),
    ),
    "a card without a number": (message(type="contact", contact={"name": "Иван"}), said(Kind.OTHER, text="contact")),
    "a card that is none": (message(type="contact", contact=7), said(Kind.OTHER, text="contact")),
    "a foreign number": (
        message(type="contact", contact={"phone_number": "40721234567"}),
        said(Kind.TEXT, text="+40721234567"),
    ),
    "a number that is none": (message(type="contact", contact={"phone_number": "12"}), said(Kind.TEXT, text="12")),
    "an ЕГН as a number": (
        message(type="contact", contact={"phone_number": "7501020018"}),
        said(Kind.TEXT, text="[скрито]", hidden=("egn",)),
    ),
    "a picture": (message(type="picture", media=CDN, thumbnail=CDN), said(Kind.OTHER, text="photo", media=PHOTO)),
    "a picture with words": (
        message(type="picture", media=CDN, text="Бележка"),
        said(Kind.OTHER, text="photo\nБележка", media=PHOTO),
    ),
    "a picture with a card's number": (
        message(type="picture", media=CDN, text="4111 1111 1111 1111"),
        said(Kind.OTHER, text="photo\n[скрито]", media=PHOTO, hidden=("card",)),
    ),
    "a picture without an address": (message(type="picture"), said(Kind.OTHER, text="photo")),
    "a picture of a file system": (message(type="picture", media="file:///etc/passwd"), said(Kind.OTHER, text="photo")),
    "an address of three thousand letters": (
        message(type="picture", media="https://" + "a" * 3000),
        said(Kind.OTHER, text="photo"),
    ),
    "a file": (
        message(type="file", media=CDN, file_name="cv.pdf", size=1234),
        said(Kind.OTHER, text="document", media=Media("document", "viber", CDN, filename="cv.pdf", size=1234)),
    ),
    "a file with its size by another name": (
        message(type="file", media=CDN, file_name="cv.pdf", file_size=9),
        said(Kind.OTHER, text="document", media=Media("document", "viber", CDN, filename="cv.pdf", size=9)),
    ),
    "a file of size minus one": (
        message(type="file", media=CDN, size=-1),
        said(Kind.OTHER, text="document", media=Media("document", "viber", CDN)),
    ),
    "a film": (
        message(type="video", media=CDN, size=5, duration=3),
        said(Kind.OTHER, text="video", media=Media("document", "viber", CDN, size=5)),
    ),
    "a sticker": (message(type="sticker", sticker_id=1, media=CDN), said(Kind.OTHER, text="sticker")),
    "a place": (message(type="location", location={"lat": "43.9", "lon": "22.8"}), said(Kind.OTHER, text="location")),
    "a link": (message(type="url", media="https://most.example/x"), said(Kind.TEXT, text="https://most.example/x")),
    "a link with words": (message(type="url", media="https://x.example", text="Вижте"), said(Kind.TEXT, text="Вижте")),
    "a kind nobody has told us of": (message(type="voice", media=CDN), said(Kind.OTHER, text="voice")),
    "a kind with a strange name": (message(type="a b\n"), said(Kind.OTHER, text="unknown")),
    "no name": (
        {**message(type="text", text="да"), "sender": {"id": USER}},
        said(Kind.TEXT, text="да", name=""),
    ),
    "a token as text": (
        {**message(type="text", text="да"), "message_token": str(TOKEN_OF_IT)},
        said(Kind.TEXT, text="да"),
    ),
    "no time": (
        without(message(type="text", text="да"), "timestamp"),
        said(Kind.TEXT, text="да", order=0, sent_at=None),
    ),
    # coming and going
    "the chat is opened": (opened(subscribed=False), Opened(said(Kind.OPENED, "conversation_started"))),
    "the chat is opened by a link": (
        opened(subscribed=False, context="ot-x"),
        Opened(said(Kind.OPENED, "conversation_started", text="ot-x")),
    ),
    "it does not say whether they subscribed": (opened(), Opened(said(Kind.OPENED, "conversation_started"))),
    "by a link with rubbish": (
        opened(subscribed=False, context="<b>\n"),
        Opened(said(Kind.OPENED, "conversation_started")),
    ),
    "a subscriber comes by a link": (
        opened(subscribed=True, context="ot-x"),
        Opened(said(Kind.OPENED, "conversation_started", text="ot-x")),
    ),
    "a subscriber opens the chat again": (opened(subscribed=True), Ignored("the chat was opened again")),
    "subscribed": (callback("subscribed", user=WHO), said(Kind.UNBLOCKED, "subscribed")),
    "unsubscribed": (callback("unsubscribed", user_id=USER), said(Kind.BLOCKED, "unsubscribed", name="")),
    # what became of messages
    "delivered": (callback("delivered", user_id=USER), receipt("delivered")),
    "seen": (callback("seen", user_id=USER), receipt("read")),
    "failed": (callback("failed", user_id=USER, desc="failure\ndescription"), receipt("failed", "failure description")),
    "failed without a word": (callback("failed", user_id=USER), receipt("failed")),
    # nothing follows
    "the webhook is tried": (without(callback("webhook"), "message_token"), Ignored("the webhook is tried")),
    "a payment": (callback("client_status"), Ignored("about payments, of which we know nothing")),
    "an unknown event": (callback("action"), Ignored("event 'action'")),
    "an unknown event with a strange name": (callback("a\nb"), Ignored("an unknown event")),
    # what Viber would not send
    "no object": ([1], Malformed("not an object")),
    "no event": ({}, Malformed("event: missing")),
    "an event that is a number": ({"event": 7}, Malformed("event: a int")),
    "no sender": (callback("message", message={"type": "text", "text": "x"}), Malformed("sender: missing")),
    "no message": (callback("message", sender=WHO), Malformed("message: missing")),
    "no kind": (message(text="x"), Malformed("message.type: no text")),
    "text that is none": (message(type="text", text=7), Malformed("text: a int")),
    "no id": ({**message(type="text", text="x"), "sender": {}}, Malformed("the person's id: missing")),
    "an id of spaces": (
        {**message(type="text", text="x"), "sender": {"id": " " * 24}},
        Malformed("the person's id: a str"),
    ),
    "no token": (without(message(type="text", text="x"), "message_token"), Malformed("message_token: missing")),
    "a token that is true": (
        {**message(type="text", text="x"), "message_token": True},
        Malformed("message_token: missing"),
    ),
    "a token beyond 2^64": (
        {**message(type="text", text="x"), "message_token": 2**64},
        Malformed("message_token: missing"),
    ),
    "a receipt without a token": (
        without(callback("seen", user_id=USER), "message_token"),
        Malformed("message_token: missing"),
    ),
    "a receipt of nobody": (callback("delivered"), Malformed("the person's id: missing")),
}


@pytest.mark.parametrize(("body", "read"), READ.values(), ids=READ)
def test_each_callback_is_read(body: Any, read: Read) -> None:
    assert read_callback(body, BOT) == read


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=8), inside, max_size=3),
    max_leaves=8,
)


@given(
    event=st.sampled_from(["message", "conversation_started", "subscribed", "unsubscribed", "delivered", "failed"]),
    fields=st.dictionaries(
        st.sampled_from(["sender", "user", "user_id", "message", "message_token", "timestamp", "context"]), json_values
    ),
)
def test_no_shape_of_callback_breaks_the_reader(event: str, fields: dict[str, Any]) -> None:
    assert read_callback({"event": event, **fields}, BOT) is not None


@pytest.mark.parametrize("number", ["359888123456", "+359888123456", "0888 123 456", "00359888123456"])
def test_a_number_is_read_however_it_is_written(number: str) -> None:
    assert phone(number) == ("+359888123456", ())


# --- who may call ---------------------------------------------------------------------------------------------------

BODY = raw(**message(type="text", text="Запишете ме"))
FORGED: dict[str, Callable[[bytes], str] | None] = {
    "no signature": None,
    "an empty one": lambda body: "",
    "a wrong one": lambda body: "0" * 64,
    "one of another token": lambda body: signature(body, "4dc0ffee4dc0ffee-4dc0ffee4dc0ffee-4dc0ffee4dc0ff00"),
    "one letter changed": lambda body: ("0" if signature(body)[0] != "0" else "1") + signature(body)[1:],
    "truncated": lambda body: signature(body)[:-1],
    "half of it": lambda body: signature(body)[:32],
    "one letter too many": lambda body: signature(body) + "0",
    "upper case": lambda body: signature(body).upper(),
    "with what GitHub puts before it": lambda body: f"sha256={signature(body)}",
    "with a space in it": lambda body: f"{signature(body)[:10]} {signature(body)[10:]}",
    "of a changed body": lambda body: signature(body.replace(b"A", b"B")),
    "of the body without a space": lambda body: signature(body.replace(b" ", b"")),
    "of the body written anew": lambda body: signature(json.dumps(json.loads(body), separators=(",", ":")).encode()),
    "of nothing": lambda body: signature(b""),
    "the token itself": lambda body: TOKEN,
    "letters outside ASCII": lambda body: "\xe9" * 64,
}


@pytest.mark.parametrize("sign", FORGED.values(), ids=FORGED)
async def test_a_forged_callback_is_refused_unread(
    sign: Callable[[bytes], str] | None, caplog: pytest.LogCaptureFixture
) -> None:
    inbox, desk = Inbox(), Desk()
    hook = Hook(channel(inbox, desk))
    with caplog.at_level(logging.DEBUG):
        assert (await hook.post(BODY, sign)).status_code == 403
        assert (await hook.post(raw(**callback("seen", user_id=USER)), sign)).status_code == 403
        assert (await hook.post(raw(**opened(subscribed=False)), sign)).status_code == 403
    assert (inbox.offered, desk.receipts) == ([], [])
    assert "Запишете" not in caplog.text
    assert (await hook.post(BODY)).status_code == 200, "the same body, signed, is taken"


async def test_a_signature_in_the_address_is_no_signature() -> None:
    inbox = Inbox()
    hook = Hook(channel(inbox))
    answer = await hook.http.post(f"/viber/{'p' * 20}?sig={signature(BODY)}", content=BODY)
    assert (answer.status_code, inbox.offered) == (403, [])


async def test_only_the_secret_path_and_only_post_lead_in() -> None:
    hook = Hook(channel())
    assert (await hook.http.get(f"/viber/{'p' * 20}")).status_code == 405
    for path in ("/viber/", "/viber/hook", f"/viber/{'p' * 19}"):
        assert (await hook.http.post(path, content=BODY)).status_code == 404


# --- what is answered -----------------------------------------------------------------------------------------------


async def test_a_callback_is_acknowledged_once_it_is_kept() -> None:
    inbox, desk = Inbox(), Desk()
    hook = Hook(channel(inbox, desk))
    assert (await hook.post(BODY)).text == ""
    assert (await hook.tell(**callback("delivered", user_id=USER))).status_code == 200
    assert ([e.text for e in inbox.events], [r.status for r in desk.receipts]) == (["Запишете ме"], ["delivered"])


async def test_a_link_of_ours_that_was_opened_is_nobodys_words() -> None:
    """Viber sends the address behind a button as text: the one of somebody's own data must reach no question."""
    inbox = Inbox()
    hook = Hook(channel(inbox))
    link = "https://bot.example/f/dr21-6b07f313.AAAAAAAAAAAAAAAAAAAAAAAA/moite-danni.json"
    assert (await hook.tell(**message(type="text", text=link))).status_code == 200
    assert (await hook.tell(**message(type="url", media=link))).status_code == 200
    assert (await hook.tell(**message(type="text", text=f" {link}\n"))).status_code == 200
    assert inbox.offered == []
    await hook.tell(**message(type="text", text="Вижте https://bot.example/f/x"))
    assert len(inbox.offered) == 1


async def test_a_page_that_was_opened_by_a_button_is_nobodys_words() -> None:
    inbox = Inbox()
    async with FakeViber() as viber:
        bot = channel(inbox, api_url=viber.url)
        hook, page = Hook(bot), "https://maps.example/x?q=1"
        await bot.send(delivery(rows=((Button("🗺 Карта", url=page),),)))
        await bot.close()
    assert (await hook.tell(**message(type="text", text=page))).status_code == 200
    assert inbox.offered == []
    await hook.tell(**message(type="text", text=f"{page}&of=theirs"))
    assert len(inbox.offered) == 1, "what no button of ours opens is theirs"


async def test_viber_is_told_to_repeat_what_could_not_be_kept() -> None:
    inbox, desk = Inbox(), Desk()
    inbox.refuse, desk.refuses = lambda _: True, True
    hook = Hook(channel(inbox, desk))
    assert (await hook.post(BODY)).status_code == 503
    assert (await hook.tell(**callback("seen", user_id=USER))).status_code == 503


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"event":' + b"[" * 40 + b"]" * 40 + b"}"],
    ids=lambda b: repr(b[:12]),
)
async def test_what_cannot_be_read_is_done_with(body: bytes) -> None:
    inbox = Inbox()
    assert (await Hook(channel(inbox)).post(body)).status_code == 200
    assert inbox.offered == []


UNSIGNED = {
    "nothing": "",
    "the hash's name": "sha256=" + "0" * 57,
    "too short": "0" * 63,
    "too long": "0" * 65,
    "upper case": "A" * 64,
    "no hex": "g" * 64,
    "digits that are none": "٣" * 64,
    "a line's end": "0" * 64 + "\n",
}


async def offered(header: str, receive: Callable[[], Awaitable[Any]]) -> int:
    """The status of a request whose body is to be had from `receive`."""
    answered: list[Any] = []

    async def send(part: Any) -> None:
        answered.append(part)

    headers = [(b"x-viber-content-signature", header.encode())] if header else []
    scope = {"type": "http", "method": "POST", "path": f"/viber/{PATH}", "headers": headers, "query_string": b""}
    await Starlette(routes=list(channel().routes()))(scope, receive, send)
    return int(answered[0]["status"])


@pytest.mark.parametrize("header", UNSIGNED.values(), ids=UNSIGNED)
async def test_of_a_body_without_anything_like_a_signature_no_byte_is_read(header: str) -> None:
    async def receive() -> Any:
        raise AssertionError("its body was read")

    assert await offered(header, receive) == 403


async def test_a_body_that_breaks_off_is_no_callback() -> None:
    async def receive() -> Any:
        return {"type": "http.disconnect"}

    assert await offered(signature(BODY), receive) == 400


async def test_a_body_too_large_is_not_read_to_its_end() -> None:
    assert (await Hook(channel()).post(b" " * (BODY_BYTES + 1))).status_code == 413


async def test_the_welcome_is_the_answer_to_who_opens_the_chat() -> None:
    inbox = Inbox()
    answer = await Hook(channel(inbox)).tell(**opened(subscribed=False, context="ot-1"))
    shown = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert (shown["type"], shown["text"], shown["sender"]) == ("text", "Здравейте! 👋", SENDER)
    assert "receiver" not in shown
    (big,) = shown["keyboard"]["Buttons"]
    assert (big["ActionBody"], big["ActionType"], big["Columns"], big["Rows"]) == ("start:ot-1", "reply", 6, 2)
    assert "▶ Започни" in big["Text"]
    assert [(e.kind, e.text) for e in inbox.events] == [(Kind.OPENED, "ot-1")]


async def test_whoever_opens_the_chat_is_welcomed_though_nothing_can_be_kept() -> None:
    inbox = Inbox()
    inbox.refuse = lambda _: True
    answer = await Hook(channel(inbox)).tell(**opened(subscribed=False, context="ot-1"))
    assert (answer.status_code, answer.json()["text"]) == (200, "Здравейте! 👋")


async def test_a_log_tells_nothing_of_anybody(caplog: pytest.LogCaptureFixture) -> None:
    inbox = Inbox()
    hook = Hook(channel(inbox))
    with caplog.at_level(logging.DEBUG):
        await hook.post(BODY)
        await hook.tell(**callback("failed", user_id=USER, desc="Мария"))
        await hook.tell(**callback("action", user_id=USER))
        inbox.refuse = lambda _: True
        await hook.tell(**opened(subscribed=False, context="ot-1"))
        await hook.tell(**{**message(type="text", text=7), "sender": WHO})
    for secret in (TOKEN, USER, "Запишете", "Мария", "ot-1", str(TOKEN_OF_IT)):
        assert secret not in caplog.text
