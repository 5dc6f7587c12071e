"""What the channel sends, request by request, and what it makes of each answer."""

from __future__ import annotations

import logging
import traceback
from collections.abc import AsyncIterator
from typing import Any

import pytest
from telegram.error import RetryAfter, TelegramError

from bot.channels.telegram import TelegramChannel
from bot.channels.telegram_wire import Api, failure, scrub
from bot.lengths import split, units
from bot.messages import Address, Button, Delivery, Document, Failure, Outgoing, Rows, Sent
from tests.channels.telegram_kit import Inbox, channel
from tests.fakes.telegram import TOKEN, FakeTelegram
from tests.fakes.telegram_people import Person

HIM = Address("telegram", "7")
YES, NO = Button("👍 Да", press="r:q:yes"), Button("👎 Не", press="r:q:no")
PAGE = Button("🌐 Повече", url="https://vidin.bg/most")
CALL = Button("☎️ Обади се", url="tel:+359888123456")
SHARE = Button("📱 Моят номер", shares_phone=True)
INLINE_YES = {"text": "👍 Да", "callback_data": "r:q:yes"}
INLINE_NO = {"text": "👎 Не", "callback_data": "r:q:no"}
PLAIN = {"chat_id": 7, "text": "Здравейте!", "link_preview_options": {"is_disabled": True}}


@pytest.fixture
async def telegram(fake: FakeTelegram) -> AsyncIterator[TelegramChannel]:
    made = channel(fake, Inbox(), answer_seconds=0.1)
    yield made
    await made.close()
    await made.close()


def delivery(text: str = "Здравейте!", *, to: Address = HIM, **more: Any) -> Delivery:
    return Delivery(1, to, Outgoing(text, **more))


def keyboard(*rows: list[dict[str, Any]], **more: bool) -> dict[str, Any]:
    return {**PLAIN, "reply_markup": {"keyboard": list(rows), "resize_keyboard": True, **more}}


def inline(*rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {**PLAIN, "reply_markup": {"inline_keyboard": list(rows)}}


MENU = (("Моите събития", "Дейности"), ("Питай",))
REQUESTS: dict[str, tuple[Rows, tuple[tuple[str, ...], ...], dict[str, Any]]] = {
    "words": ((), (), PLAIN),
    "two buttons in a row": (((YES, NO),), (), inline([INLINE_YES, INLINE_NO])),
    "two rows": (((YES,), (NO,)), (), inline([INLINE_YES], [INLINE_NO])),
    "a page": (((PAGE,),), (), inline([{"text": "🌐 Повече", "url": "https://vidin.bg/most"}])),
    "a call, which Telegram cannot": (((YES, CALL),), (), inline([INLINE_YES])),
    "a row of calls": (((YES,), (CALL,)), (), inline([INLINE_YES])),
    "nothing but a call": (((CALL,),), (), PLAIN),
    "nothing but a call, and the menu": (
        ((CALL,),),
        (("Питай",),),
        keyboard([{"text": "Питай"}], is_persistent=True),
    ),
    "one's own number": (
        ((SHARE,), (YES, NO)),
        (),
        keyboard(
            [{"text": "📱 Моят номер", "request_contact": True}],
            [{"text": "👍 Да"}, {"text": "👎 Не"}],
            one_time_keyboard=True,
        ),
    ),
    "one's own number beside a page": (
        ((SHARE, PAGE),),
        (),
        keyboard([{"text": "📱 Моят номер", "request_contact": True}], one_time_keyboard=True),
    ),
    "the menu": (
        (),
        MENU,
        keyboard([{"text": "Моите събития"}, {"text": "Дейности"}], [{"text": "Питай"}], is_persistent=True),
    ),
    "buttons win over the menu": (((YES,),), MENU, inline([INLINE_YES])),
}


@pytest.mark.parametrize(("rows", "menu", "expected"), REQUESTS.values(), ids=REQUESTS.keys())
async def test_a_message_becomes_exactly_one_request(
    rows: Rows,
    menu: tuple[tuple[str, ...], ...],
    expected: dict[str, Any],
    fake: FakeTelegram,
    person: Person,
    telegram: TelegramChannel,
) -> None:
    assert await telegram.send(delivery(rows=rows, menu=menu)) == Sent(str(person.last.id))
    assert [(call.method, call.params) for call in fake.calls] == [("sendmessage", expected)]


@pytest.mark.parametrize("text", ["<b>не е код</b>", "a_b*c", "и\nнов ред", "👨‍👩‍👧", "х" * 4096, "שלום"])
async def test_words_arrive_as_they_are(text: str, person: Person, telegram: TelegramChannel) -> None:
    assert isinstance(await telegram.send(delivery(text)), Sent)
    assert person.last.text == text


async def test_a_file_arrives_with_its_name_and_words(
    fake: FakeTelegram, person: Person, telegram: TelegramChannel
) -> None:
    document = Document("моите данни.txt", "text/plain", "Име: Мария")
    sent = await telegram.send(delivery("Вашите данни", document=document, rows=((YES,),)))
    assert sent == Sent(str(person.last.id))
    assert person.last.document == ("моите данни.txt", "Име: Мария".encode(), "text/plain")
    assert (person.last.text, person.last.labels) == ("Вашите данни", ["👍 Да"])
    assert fake.counts["senddocument"] == 1


async def test_a_file_s_words_are_cut_where_a_caption_ends(person: Person, telegram: TelegramChannel) -> None:
    await telegram.send(delivery("дума " * 400, document=Document("x.txt", "text/plain", "x")))
    assert person.last.text.endswith("дума…")
    assert units(person.last.text) <= 1024


async def test_a_filename_cannot_break_out_of_its_header(person: Person, telegram: TelegramChannel) -> None:
    await telegram.send(delivery("x", document=Document('a"\r\nX: y/\\.txt', "text/plain", "z")))
    assert person.last.document == ("a___X: y__.txt", b"z", "text/plain")


class TestEditing:
    """A message that replaces an earlier one."""

    async def test_it_changes_in_place(self, fake: FakeTelegram, person: Person, telegram: TelegramChannel) -> None:
        first = await telegram.send(delivery(rows=((YES,),)))
        assert isinstance(first, Sent)
        assert await telegram.send(delivery("Готово", replaces=first.platform_id)) == first
        assert [(m.text, m.labels, m.edits) for m in person.messages] == [("Готово", [], 1)]
        assert fake.of("editMessageText")[0].params["link_preview_options"] == {"is_disabled": True}

    async def test_the_same_again_counts_as_sent(self, person: Person, telegram: TelegramChannel) -> None:
        first = await telegram.send(delivery())
        assert isinstance(first, Sent)
        assert await telegram.send(delivery(replaces=first.platform_id)) == first
        assert person.last.edits == 0

    @pytest.mark.parametrize("words", ["message to edit not found", "message can't be edited", "MESSAGE_ID_INVALID"])
    async def test_what_cannot_be_edited_is_sent_anew(
        self, words: str, fake: FakeTelegram, person: Person, telegram: TelegramChannel
    ) -> None:
        fake.fail_next("editMessageText", 400, f"Bad Request: {words}")
        assert await telegram.send(delivery("Ново", replaces="5")) == Sent(str(person.last.id))
        assert [call.method for call in fake.calls] == ["editmessagetext", "sendmessage"]

    async def test_another_refusal_of_the_edit_is_a_failure(
        self, fake: FakeTelegram, person: Person, telegram: TelegramChannel
    ) -> None:
        fake.fail_next("editMessageText", 400, "Bad Request: BUTTON_DATA_INVALID")
        failed = await telegram.send(delivery(replaces="5"))
        assert failed == Failure("bad_request", "Button_data_invalid")
        assert person.messages == []

    @pytest.mark.parametrize(
        "more",
        [
            pytest.param({"replaces": "5", "menu": (("Питай",),)}, id="the menu"),
            pytest.param({"replaces": "5", "rows": ((SHARE,),)}, id="one's own number"),
            pytest.param({"replaces": "w-5"}, id="an id of another channel"),
        ],
    )
    async def test_what_telegram_cannot_put_into_an_edit_is_sent_anew(
        self, more: dict[str, Any], fake: FakeTelegram, person: Person, telegram: TelegramChannel
    ) -> None:
        assert await telegram.send(delivery(**more)) == Sent(str(person.last.id))
        assert fake.counts["editmessagetext"] == 0


ANSWERS: dict[str, tuple[dict[str, Any], Failure]] = {
    "400": ({"status": 400, "description": "Bad Request: X"}, Failure("bad_request", "X")),
    "400 chat not found": (
        {"status": 400, "description": "Bad Request: chat not found"},
        Failure("chat_not_found", "Chat not found", contact_gone=True),
    ),
    "403 blocked": (
        {"status": 403, "description": "Forbidden: bot was blocked by the user"},
        Failure("blocked", "Forbidden: bot was blocked by the user", contact_gone=True),
    ),
    "403 deactivated": (
        {"status": 403, "description": "Forbidden: user is deactivated"},
        Failure("deactivated", "Forbidden: user is deactivated", contact_gone=True),
    ),
    "403 never met": (
        {"status": 403, "description": "Forbidden: bot can't initiate conversation with a user"},
        Failure("never_met", "Forbidden: bot can't initiate conversation with a user", contact_gone=True),
    ),
    "403 for another reason": (
        {"status": 403, "description": "Forbidden: other"},
        Failure("forbidden", "Forbidden: other"),
    ),
    "403 by a firewall": (
        {"status": 403, "html": "<h1>blocked by the user's firewall: bot was blocked</h1>"},
        Failure("server_error", "HTTP 403 without a readable answer", retryable=True, channel_down=True),
    ),
    "404 as a page": (
        {"status": 404, "html": "<h1>no</h1>"},
        Failure("server_error", "HTTP 404 without a readable answer", retryable=True, channel_down=True),
    ),
    "302": (
        {"status": 302, "html": "<h1>log in to the hotel's network</h1>"},
        Failure("server_error", "HTTP 302 without a readable answer", retryable=True, channel_down=True),
    ),
    "409": (
        {"status": 409, "description": "Conflict: x"},
        Failure("conflict", "Conflict: x", retryable=True, channel_down=True),
    ),
    "413": ({"status": 413, "description": "Too Large"}, Failure("bad_request", "Too Large")),
    "429": (
        {"status": 429, "description": "Too Many Requests: retry after 7", "retry_after": 7},
        Failure("too_many_requests", "Flood control exceeded. Retry in 0:00:07", retryable=True, retry_after=7.0),
    ),
    "429 without a number": (
        {"status": 429, "description": "x"},
        Failure("too_many_requests", "Flood control exceeded. Retry in 0:00:01", retryable=True, retry_after=1.0),
    ),
    "429 with a word": (
        {"status": 429, "html": '{"ok":false,"description":"x","parameters":{"retry_after":"soon"}}'},
        Failure("too_many_requests", "Flood control exceeded. Retry in 0:00:01", retryable=True, retry_after=1.0),
    ),
    "429 with a list": (
        {"status": 429, "html": '{"ok":false,"description":"x","parameters":[]}'},
        Failure("too_many_requests", "Flood control exceeded. Retry in 0:00:01", retryable=True, retry_after=1.0),
    ),
    "429 for a thousand years": (
        {"status": 429, "html": '{"ok":false,"description":"x","parameters":{"retry_after":31557600000}}'},
        Failure(
            "too_many_requests",
            "Flood control exceeded. Retry in 7 days, 0:00:00",
            retryable=True,
            retry_after=604800.0,
        ),
    ),
    "500": ({"status": 500, "description": "x"}, Failure("server_error", "HTTP 500", retryable=True)),
    "502 as a page": (
        {"status": 502, "html": "<html>Bad Gateway"},
        Failure("server_error", "HTTP 502 without a readable answer", retryable=True),
    ),
    "200 as a page": (
        {"html": "<html>"},
        Failure("no_answer", "the answer is not the Bot API's", retryable=True, ambiguous=True),
    ),
    "200 with a list": (
        {"html": "[]"},
        Failure("no_answer", "the answer is not the Bot API's", retryable=True, ambiguous=True),
    ),
    "200 with nothing": (
        {"html": "{}"},
        Failure("no_answer", "accepted, but the answer is not the Bot API's", retryable=True, ambiguous=True),
    ),
    "200 too deep to read": (
        {"html": "[" * 100_000},
        Failure("no_answer", "the answer is not the Bot API's", retryable=True, ambiguous=True),
    ),
    "cut before": (
        {"drop_before": True},
        Failure("no_answer", "the connection broke (ServerDisconnectedError)", retryable=True, ambiguous=True),
    ),
    "cut after": (
        {"drop_after": True},
        Failure("no_answer", "the connection broke (ServerDisconnectedError)", retryable=True, ambiguous=True),
    ),
    "half a body": (
        {"half_body": True, "after": True},
        Failure("no_answer", "the connection broke (ClientPayloadError)", retryable=True, ambiguous=True),
    ),
    "no answer": (
        {"hang": True},
        Failure("timeout", "no answer in time (SocketTimeoutError)", retryable=True, ambiguous=True),
    ),
    "no answer after it was carried out": (
        {"hang": True, "after": True},
        Failure("timeout", "no answer in time (SocketTimeoutError)", retryable=True, ambiguous=True),
    ),
}


@pytest.mark.parametrize(("how", "expected"), ANSWERS.values(), ids=ANSWERS.keys())
async def test_an_answer_becomes_exactly_one_failure_and_nothing_is_repeated(
    how: dict[str, Any], expected: Failure, fake: FakeTelegram, person: Person, telegram: TelegramChannel
) -> None:
    fake.fail_next("sendMessage", **how)
    assert await telegram.send(delivery()) == expected
    assert fake.counts["sendmessage"] == 1
    assert len(person.messages) == int(bool(how.get("after") or how.get("drop_after")))
    assert isinstance(await telegram.send(delivery()), Sent)


async def test_an_odd_success_is_sent_without_an_id(
    fake: FakeTelegram, person: Person, telegram: TelegramChannel
) -> None:
    fake.fail_next("sendMessage", html='{"ok":true,"result":true}')
    assert await telegram.send(delivery()) == Sent()
    assert person.messages == []


async def test_someone_who_never_wrote_cannot_be_reached(telegram: TelegramChannel) -> None:
    assert await telegram.send(delivery(to=Address("telegram", "8"))) == Failure(
        "chat_not_found", "Chat not found", contact_gone=True
    )


async def test_someone_who_blocked_us_cannot_be_reached(person: Person, telegram: TelegramChannel) -> None:
    await person.block()
    failed = await telegram.send(delivery())
    assert failed == Failure("blocked", "Forbidden: bot was blocked by the user", contact_gone=True)


async def test_a_refused_token_stops_the_channel_not_the_contact(fake: FakeTelegram) -> None:
    telegram = channel(fake, Inbox(), token="7000000001:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB")
    failed = await telegram.send(delivery())
    await telegram.close()
    assert isinstance(failed, Failure)
    assert (failed.code, failed.retryable, failed.channel_down, failed.contact_gone) == (
        "unauthorized",
        True,
        True,
        False,
    )


async def test_where_nobody_listens_nothing_was_sent(unused_tcp_port: int, fake: FakeTelegram) -> None:
    telegram = channel(fake, Inbox(), api_url=f"http://127.0.0.1:{unused_tcp_port}")
    failed = await telegram.send(delivery())
    await telegram.close()
    text = "no connection (ClientConnectorError)"
    assert failed == Failure("not_sent", text, retryable=True, channel_down=True)


async def test_after_closing_nothing_is_sent(fake: FakeTelegram, telegram: TelegramChannel) -> None:
    await telegram.close()
    failed = await telegram.send(delivery())
    assert isinstance(failed, Failure)
    assert (failed.code, failed.retryable, failed.ambiguous) == ("not_sent", True, False)
    assert fake.calls == []


@pytest.mark.parametrize(
    ("message", "code"),
    [
        pytest.param(delivery("а" * 4097), "too_long", id="a letter too long"),
        pytest.param(delivery("👍" * 2049), "too_long", id="an emoji too long, which counts two"),
        pytest.param(delivery(to=Address("telegram", "abc")), "bad_address", id="no number"),
        pytest.param(delivery(to=Address("telegram", "-5")), "bad_address", id="a group"),
    ],
)
async def test_what_telegram_would_refuse_does_not_leave(
    message: Delivery, code: str, fake: FakeTelegram, telegram: TelegramChannel
) -> None:
    failed = await telegram.send(message)
    assert isinstance(failed, Failure)
    assert (failed.code, failed.retryable, fake.calls) == (code, False, [])


def test_seconds_of_a_flood_are_read_as_number_and_as_timedelta(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    error = RetryAfter(9)
    assert failure(error).retry_after == 9.0
    monkeypatch.setattr(RetryAfter, "retry_after", 9)
    assert failure(error).retry_after == 9.0


async def test_the_token_is_in_no_error_and_in_no_log_at_any_level(
    fake: FakeTelegram, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    person = fake.user(7)
    await person.start()
    telegram = channel(fake, Inbox(), answer_seconds=0.05)
    errors: list[str] = []
    for how, _ in ANSWERS.values():
        fake.fail_next("sendMessage", **how)
        errors.append(repr(await telegram.send(delivery(f"Таен текст {len(errors)}"))))
        fake.fail_next("getMe", **how)
        errors.append(await _traced(fake.url, fake.token))
    fake.fail_next("getMe", 400, f"Bad Request: bad url https://api.telegram.org/bot{TOKEN}/x")
    errors += [await _traced("http://127.0.0.1:1", fake.token), await _traced("no://where", fake.token)]
    errors.append(await _traced(fake.url, fake.token))
    await telegram.close()
    written = capfd.readouterr()
    everything = "\n".join([*errors, caplog.text, written.out, written.err])
    assert "HTTP 500" in everything
    assert TOKEN.partition(":")[2] not in everything
    assert "Таен текст" not in everything


async def _traced(url: str, token: str) -> str:
    """The whole traceback of one failing call, causes and contexts included even where they are suppressed."""
    api = Api(token, url, 0.05)
    lines: list[str] = []
    try:
        await api.call("getMe", {})
    except TelegramError as error:
        seen: BaseException | None = error
        while seen is not None:
            lines += [*traceback.format_exception(seen, chain=True), repr(seen), repr(vars(seen))]
            seen = seen.__context__
    finally:
        await api.close()
    return "\n".join(lines)


def test_a_text_is_scrubbed_of_tokens_and_of_what_a_database_would_refuse_and_is_short() -> None:
    assert scrub(f"see bot{TOKEN}/getMe " + "x" * 500) == ("see bot[token]/getMe " + "x" * 500)[:150]
    assert scrub("Bad\x00 Request:\ud83d a\nb\u202e я") == "Bad Request: ab я"


SPLITS: dict[str, tuple[str, int, list[str]]] = {
    "short": ("едно", 10, ["едно"]),
    "nothing": ("", 10, [""]),
    "just fits": ("а" * 10, 10, ["а" * 10]),
    "between words": ("едно две три", 9, ["едно две", "три"]),
    "between lines before words": ("едно\nдве три", 10, ["едно\nдве", "три"]),
    "at a line past the half": ("едно две\nтри", 10, ["едно две", "три"]),
    "at a paragraph past the half": ("едно\n\nдве три", 9, ["едно", "две три"]),
    "a word without end": ("а" * 25, 10, ["а" * 10, "а" * 10, "а" * 5]),
    "emoji count two": ("👍" * 6, 10, ["👍" * 5, "👍"]),
    "never inside an emoji": ("а" + "👍" * 5, 10, ["а" + "👍" * 4, "👍"]),
    "never between a letter and its accent": ("аааааи\u0300", 6, ["ааааа", "и\u0300"]),
    "never inside a family": ("аа👨\u200d👩", 6, ["аа", "👨\u200d👩"]),
    "never before a skin tone": ("ааа👍🏽", 6, ["ааа", "👍🏽"]),
    "spaces only": (" " * 50, 10, [""]),
}


@pytest.mark.parametrize(("text", "limit", "expected"), SPLITS.values(), ids=SPLITS.keys())
def test_a_long_text_is_cut_where_a_reader_pauses(text: str, limit: int, expected: list[str]) -> None:
    assert split(text, limit) == expected


def test_4096_cyrillic_letters_are_one_message() -> None:
    assert split("я" * 4096) == ["я" * 4096]
    assert [units(piece) for piece in split("я" * 4097)] == [4096, 1]
