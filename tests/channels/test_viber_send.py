"""What the channel sends: one table of messages and the exact requests, one of refusals and what they mean."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.channels.viber import ALONE, ViberChannel
from bot.messages import Button, Document, Failure, Lane, Media, Sent
from tests.channels.viber_kit import SENDER, SITE, board, button, channel, delivery
from tests.fakes.viber import TOKEN, FakeViber
from tests.fakes.viber_people import Person

YES, NO = Button("✅ Да", "12.sure.yes"), Button("❌ Не", "12.sure.no")
SHARE = Button("📱 Моят номер", "12.phone.share", shares_phone=True)
SITE_LINK = Button("🌐 Карта", url="https://maps.example/x")
MENU = (("🏠 Меню", "❓ Въпрос"), ("🔇 Стоп",))
JPEG = b"\xff\xd8\xff\xe0" + b"0" * 100
OPEN = {"BgColor": "#12616b", "TextSize": "regular", "Columns": 6, "Rows": 1, "ActionType": "open-url"}


def words(text: str = "Здравейте", **more: Any) -> dict[str, Any]:
    return {"type": "text", "sender": SENDER, "text": text, **more}


def opens(label: str, url: str, **more: Any) -> dict[str, Any]:
    return {**OPEN, "ActionBody": url, "Text": f'<font color="#ffffff">{label}</font>', **more}


def opens_outside(label: str, url: str) -> dict[str, Any]:
    return opens(label, url, OpenURLType="external")


SENDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "words": ({}, words()),
    "words with marks": ({"text": "<b>*Да*</b> & „не“"}, words("<b>*Да*</b> & „не“")),
    "one button": ({"rows": ((YES,),)}, words(keyboard=board(button("✅ Да", "tap:12.sure.yes")))),
    "two side by side": (
        {"rows": ((YES, NO),)},
        words(keyboard=board(button("✅ Да", "tap:12.sure.yes", 3), button("❌ Не", "tap:12.sure.no", 3))),
    ),
    "four side by side share six columns": (
        {"rows": ((YES, YES, YES, NO),)},
        words(
            keyboard=board(
                *(button("✅ Да", "tap:12.sure.yes", columns) for columns in (2, 1, 1)),
                button("❌ Не", "tap:12.sure.no", 2),
            )
        ),
    ),
    "one below the other": (
        {"rows": ((YES,), (NO,))},
        words(keyboard=board(button("✅ Да", "tap:12.sure.yes"), button("❌ Не", "tap:12.sure.no"))),
    ),
    "a label with marks is no HTML": (
        {"rows": ((Button("<i>А & Б</i>", "x"),),)},
        words(keyboard=board(button("&lt;i&gt;А &amp; Б&lt;/i&gt;", "tap:x"))),
    ),
    "a long label is two lines high": (
        {"rows": ((Button("Професионална квалификация и стаж", "x"),),)},
        words(keyboard=board(button("Професионална квалификация и стаж", "tap:x", rows=2))),
    ),
    "a link": (
        {"rows": ((SITE_LINK,),)},
        words(keyboard=board(button("🌐 Карта", "https://maps.example/x", action="open-url"))),
    ),
    "a link that is no page": ({"rows": ((Button("☎", url="tel:+359888"),),)}, words()),
    "a link that is no page, and the menu": (
        {"rows": ((Button("☎", url="tel:+359888"),),), "menu": MENU[1:]},
        words(keyboard=board(button("🔇 Стоп", "🔇 Стоп"))),
    ),
    "a phone to share": (
        {"rows": ((SHARE,), (NO,))},
        words(
            min_api_version=3,
            keyboard=board(
                button("📱 Моят номер", "tap:12.phone.share", action="share-phone"),
                button("❌ Не", "tap:12.sure.no"),
            ),
        ),
    ),
    "the lasting menu": (
        {"menu": MENU},
        words(
            keyboard=board(
                button("🏠 Меню", "🏠 Меню", 3), button("❓ Въпрос", "❓ Въпрос", 3), button("🔇 Стоп", "🔇 Стоп")
            )
        ),
    ),
    "a message's own buttons before the menu": (
        {"rows": ((YES,),), "menu": MENU},
        words(keyboard=board(button("✅ Да", "tap:12.sure.yes"))),
    ),
    "what replaces another is sent anew": (
        {"replaces": "77", "rows": ((YES,),)},
        words(keyboard=board(button("✅ Да", "tap:12.sure.yes"))),
    ),
    "a picture": (
        {"text": "Събота", "media": Media("photo", number=5)},
        {"type": "picture", "sender": SENDER, "text": "Събота", "media": f"{SITE}/f/5/file.jpg"},
    ),
    "a picture without words": (
        {"text": "", "media": Media("photo", number=5)},
        {"type": "picture", "sender": SENDER, "text": "", "media": f"{SITE}/f/5/file.jpg"},
    ),
    "a picture that we drew": (
        {"text": "Вашият код", "media": Media("photo", data=JPEG), "rows": ((YES,),)},
        {
            "type": "picture", "sender": SENDER, "text": "Вашият код", "media": f"{SITE}/f/1/file.jpg",
            "keyboard": board(button("✅ Да", "tap:12.sure.yes")),
        },
    ),
    "a picture of Telegram's": (
        {"text": "", "media": Media("photo", "telegram", "handle", 5)},
        {"type": "picture", "sender": SENDER, "text": "", "media": f"{SITE}/f/5/file.jpg"},
    ),
    "a voice note is a page that plays it": (
        {"text": "Чуйте ме", "media": Media("voice", number=5)},
        words(
            f"Чуйте ме\n\nНяма бутон? Натиснете тук:\n{SITE}/f/1/chuite",
            keyboard=board(opens("🔊 Чуйте", f"{SITE}/f/1/chuite")),
        ),
    ),
    "a voice note with buttons": (
        {"text": "", "media": Media("voice", number=5), "rows": ((YES,),)},
        words(
            f"🎤 Гласово съобщение\n\nНяма бутон? Натиснете тук:\n{SITE}/f/1/chuite",
            keyboard=board(opens("🔊 Чуйте", f"{SITE}/f/1/chuite"), button("✅ Да", "tap:12.sure.yes")),
        ),
    ),
    "a file is a link": (
        {"text": "Програмата", "media": Media("document", number=5, filename="plan.pdf"), "menu": MENU[1:]},
        words(
            f"Програмата\n\nНяма бутон? Натиснете тук:\n{SITE}/f/5/file.pdf",
            keyboard=board(opens_outside("📄 Отворете", f"{SITE}/f/5/file.pdf"), button("🔇 Стоп", "🔇 Стоп")),
        ),
    ),
    "a file without words is called by its name": (
        {"text": "", "media": Media("document", number=5, filename="plan.pdf")},
        words(
            f"📄 plan.pdf\n\nНяма бутон? Натиснете тук:\n{SITE}/f/5/file.pdf",
            keyboard=board(opens_outside("📄 Отворете", f"{SITE}/f/5/file.pdf")),
        ),
    ),
    "a file without words and without a name": (
        {"text": "", "media": Media("document", number=5)},
        words(
            f"📄 Файл\n\nНяма бутон? Натиснете тук:\n{SITE}/f/5/file.pdf",
            keyboard=board(opens_outside("📄 Отворете", f"{SITE}/f/5/file.pdf")),
        ),
    ),
    "somebody's own data are a link": (
        {"text": "Вашите данни", "document": Document("moite-danni.json", "application/json", "{}")},
        words(
            f"Вашите данни\n\nНяма бутон? Натиснете тук:\n{SITE}/f/1/moite-danni.json",
            keyboard=board(opens_outside("📄 Отворете", f"{SITE}/f/1/moite-danni.json")),
        ),
    ),
    "a calendar is a link": (
        {"text": "Сряда", "document": Document("sreshta.ics", "text/calendar", "…"), "menu": MENU[1:]},
        words(
            f"Сряда\n\nНяма бутон? Натиснете тук:\n{SITE}/f/1/sreshta.ics",
            keyboard=board(opens_outside("📅 В календара", f"{SITE}/f/1/sreshta.ics"), button("🔇 Стоп", "🔇 Стоп")),
        ),
    ),
}  # fmt: skip


async def content(number: int) -> bytes | None:
    return JPEG if number == 5 else None


@pytest.fixture
async def bot(viber: FakeViber) -> AsyncIterator[ViberChannel]:
    made = channel(api_url=viber.url, content=content, answer_seconds=0.3)
    yield made
    await made.close()


@pytest.fixture
def person(viber: FakeViber) -> Person:
    return viber.user(7, subscribed=True)


@pytest.mark.parametrize(("message", "body"), SENDS.values(), ids=SENDS)
async def test_each_message_is_this_request(
    viber: FakeViber, bot: ViberChannel, person: Person, message: dict[str, Any], body: dict[str, Any]
) -> None:
    sent = await bot.send(delivery(user=person.id, **message))
    assert sent == Sent(str(person.last.token), billing=viber_billing(sent)), sent
    (call,) = viber.of("send_message")
    assert call.params == {"receiver": person.id, **body}


def viber_billing(sent: Sent | Failure) -> int | None:
    assert isinstance(sent, Sent), sent
    assert int(sent.platform_id) > 2**53
    return sent.billing


FAILS: dict[str, tuple[dict[str, Any], Failure]] = {
    "nothing is taken back": ({"removes": "77"}, Failure("cannot_delete", "Viber takes nothing back")),
    "too long a text": ({"text": "я" * 7001}, Failure("too_long", "the text is longer than Viber takes")),
    "too long a caption": (
        {"text": "я" * 769, "media": Media("photo", number=5)},
        Failure("too_long", "the text is longer than Viber takes"),
    ),
    "a picture that is not here yet": (
        {"text": "", "media": Media("photo", "telegram", "handle", 6)},
        Failure("bad_media", "its content is not here yet", retryable=True),
    ),
    "a picture that is only on Telegram": (
        {"text": "", "media": Media("photo", "telegram", "handle")},
        Failure("bad_media", "its content is not here yet", retryable=True),
    ),
    "more than a request may hold": (
        {"text": "я" * 6000, "rows": tuple((Button("я" * 250, "ъ" * 31),) * 6 for _ in range(12))},
        Failure("too_long", "more than Viber takes in one request"),
    ),
}


@pytest.mark.parametrize(("message", "failure"), FAILS.values(), ids=FAILS)
async def test_what_cannot_be_sent_is_not_tried(
    viber: FakeViber, bot: ViberChannel, person: Person, message: dict[str, Any], failure: Failure
) -> None:
    assert await bot.send(delivery(user=person.id, **message)) == failure
    assert not viber.calls


GONE = {"contact_gone": True}
DOWN = {"retryable": True, "channel_down": True}
AGAIN = {"retryable": True}
STATUSES: dict[int, Failure] = {
    1: Failure("server_error", "status 1", **AGAIN),
    2: Failure("unauthorized", **DOWN),
    3: Failure("bad_request"),
    4: Failure("bad_request"),
    5: Failure("not_registered", **GONE),
    6: Failure("not_subscribed", **GONE),
    7: Failure("bot_blocked", **DOWN),
    8: Failure("bot_not_found", **DOWN),
    9: Failure("bot_suspended", **DOWN),
    10: Failure("no_webhook", **DOWN),
    11: Failure("no_device"),
    12: Failure("too_many_requests", "an hour's messages without a reply", retryable=True, rest=ALONE),
    13: Failure("api_version", retryable=True, rest=1.0),
    14: Failure("bad_request"),
    15: Failure("not_authorized", **DOWN),
    16: Failure("server_error", "status 16", **AGAIN),
    19: Failure("no_broadcast", **AGAIN),
    20: Failure("no_broadcast", **AGAIN),
    21: Failure("country"),
    22: Failure("server_error", "status 22", **AGAIN),
    23: Failure("quota", retryable=True, unpaid="quota"),
    24: Failure("balance", retryable=True, unpaid="balance"),
    99: Failure("server_error", "status 99", **AGAIN),
}


@pytest.mark.parametrize("bare", [False, True], ids=["with words", "without words"])
@pytest.mark.parametrize(("status", "failure"), STATUSES.items(), ids=map(str, STATUSES))
async def test_each_status_has_its_meaning(
    viber: FakeViber, bot: ViberChannel, person: Person, status: int, failure: Failure, bare: bool
) -> None:
    viber.fail_next("send_message", status, bare=bare)
    assert await bot.send(delivery(user=person.id, lane=Lane.REMINDER)) == failure


def unsure(code: str, text: str) -> Failure:
    return Failure(code, text, retryable=True, ambiguous=True)


BROKE = unsure("no_answer", "the connection broke (ServerDisconnectedError)")
TROUBLE: dict[str, tuple[dict[str, Any], Failure]] = {
    "a gateway's 502": ({"http": 502}, Failure("server_error", "HTTP 502", retryable=True)),
    "a firewall's 403": ({"http": 403}, Failure("server_error", "HTTP 403", retryable=True, channel_down=True)),
    "a page": ({"html": True}, unsure("no_answer", "the answer is not Viber's")),
    "no answer": ({"hang": True}, unsure("timeout", "no answer in time (SocketTimeoutError)")),
    "reset before": ({"drop_before": True}, BROKE),
    "reset after": ({"drop_after": True}, BROKE),
    "half an answer": ({"half_body": True}, unsure("no_answer", "the connection broke (ClientPayloadError)")),
}


@pytest.mark.parametrize(("fault", "failure"), TROUBLE.values(), ids=TROUBLE)
async def test_each_trouble_says_whether_it_may_have_arrived(
    viber: FakeViber, bot: ViberChannel, person: Person, fault: dict[str, Any], failure: Failure
) -> None:
    viber.fail_next("send_message", **fault)
    assert await bot.send(delivery(user=person.id)) == failure


async def test_nobody_listens() -> None:
    bot = channel(api_url="http://127.0.0.1:9/pa")
    outcome = await bot.send(delivery())
    assert isinstance(outcome, Failure)
    assert (outcome.code, outcome.channel_down, outcome.ambiguous) == ("not_sent", True, False)
    await bot.close()
    closed = await bot.send(delivery())
    assert isinstance(closed, Failure)
    assert closed.code == "not_sent"


async def test_a_reply_to_first_words_is_tried_once_more(viber: FakeViber, bot: ViberChannel, person: Person) -> None:
    viber.fail_next("send_message", 6, times=2)
    first = await bot.send(delivery(user=person.id))
    assert first == Failure("not_subscribed_yet", retryable=True, rest=3.0)
    assert await bot.send(delivery(user=person.id)) == Failure("not_subscribed", contact_gone=True)


async def test_an_old_app_gets_the_question_without_the_button(viber: FakeViber, bot: ViberChannel) -> None:
    old = viber.user(8, subscribed=True, api_version=2)
    ask = delivery(user=old.id, rows=((SHARE,), (NO,)))
    refused = await bot.send(ask)
    assert refused == Failure("api_version", retryable=True, rest=1.0)
    assert isinstance(await bot.send(ask), Sent)
    assert old.last.labels == ["❌ Не"]
    assert "min_api_version" not in old.last.body


async def test_everything_that_is_sent_looks_like_a_keyboard_to_viber(
    viber: FakeViber, bot: ViberChannel, person: Person
) -> None:
    many = tuple((Button(f"Дълго име на човек номер {n}", f"{n}"),) for n in range(30))
    assert isinstance(await bot.send(delivery(user=person.id, rows=many)), Sent)
    assert len(person.last.labels) == 30


async def test_no_log_and_no_failure_tells_anything_of_anybody(
    viber: FakeViber, bot: ViberChannel, person: Person, caplog: pytest.LogCaptureFixture
) -> None:
    faults: list[dict[str, Any]] = [{"status": n} for n in (2, 3, 6, 12, 20, 24)]
    faults += [{"http": 500}, {"html": True}, {"drop_after": True}, {"hang": True}]
    with caplog.at_level(logging.DEBUG):
        told = []
        for fault in faults:
            viber.fail_next("send_message", **fault)
            viber.fail_next("broadcast_message", **fault)
            told.append(await bot.send(delivery("Тайна", user=person.id)))
            told += await bot.send_together([delivery("Тайна", user=person.id)])
    assert all(isinstance(one, Failure) for one in told)
    for secret in (TOKEN, person.id, "Тайна", "127.0.0.1"):
        assert secret not in caplog.text
        assert secret not in repr(told)
    assert TOKEN not in repr(bot._api)


# --- contents -------------------------------------------------------------------------------------------------------


async def test_what_people_sent_is_fetched_from_viber_alone(
    viber: FakeViber, bot: ViberChannel, person: Person
) -> None:
    url = viber.keep_media(JPEG, "photo.jpg")
    assert await bot.fetch(url, 1000) == JPEG
    too_big = await bot.fetch(url, 10)
    assert isinstance(too_big, Failure)
    assert (too_big.code, too_big.retryable) == ("too_big", False)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data", "https://evil.example/x", "https://viber.com.evil.example/x",
        "http://dl-media.viber.com/x", "https://dl-media.viber.com:8443/x", "file:///etc/passwd", "ftp://x.viber.com/x",
        "http://127.0.0.1:1/x", "https://127.0.0.1/x", "https://localhost/x", "nonsense", "", "https://[::1", "https://notviber.com/x",
    ],
)  # fmt: skip
async def test_no_other_machine_is_asked(bot: ViberChannel, url: str) -> None:
    assert await bot.fetch(url, 1000) in (
        Failure("bad_media", "not one of Viber's addresses"),
        Failure("bad_media", "not an address"),
    )


@pytest.mark.parametrize(
    ("fault", "code", "retryable"),
    [
        ({"http": 404}, "not_there", False),
        ({"http": 500}, "not_there", True),
    ],
)
async def test_a_content_that_cannot_be_had_now_may_be_had_later(
    viber: FakeViber, bot: ViberChannel, fault: dict[str, Any], code: str, retryable: bool
) -> None:
    viber.fail_next("media", **fault)
    failed = await bot.fetch(viber.keep_media(JPEG, "photo.jpg"), 1000)
    assert isinstance(failed, Failure)
    assert (failed.code, failed.retryable) == (code, retryable)


def test_a_name_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="28"):
        channel(name="я" * 29)
