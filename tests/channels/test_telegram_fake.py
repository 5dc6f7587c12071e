"""The fake Telegram keeps Telegram's rules, so that a test against it says something about the real one."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.fakes.telegram import TOKEN, FakeTelegram, Fault, Flood

Answer = tuple[int, Any]
ONE = {"inline_keyboard": [[{"text": "Да", "callback_data": "y"}]]}


class Client:
    """A bot without any library: the raw answers."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url, self.session = url, session

    async def __call__(self, method: str, token: str = TOKEN, **params: Any) -> Answer:
        async with self.session.post(f"{self.url}/bot{token}/{method}", json=params) as answer:
            body = await answer.json()
        return answer.status, body["result"] if body["ok"] else body["description"]


class Clock:
    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def fake(clock: Clock) -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram(clock=clock, backoff=lambda _: 0.0) as server:
        yield server


@pytest.fixture
async def bot(fake: FakeTelegram) -> AsyncIterator[Client]:
    await fake.user(7).start()
    async with aiohttp.ClientSession() as session:
        yield Client(fake.url, session)


def text(words: str = "x", **more: Any) -> dict[str, Any]:
    return {"chat_id": 7, "text": words, **more}


def buttons(**button: Any) -> dict[str, Any]:
    return text(reply_markup={"inline_keyboard": [[{"text": "Да", **button}]]})


REFUSED: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "unknown method": ("sendNothing", {}, 404, "Not Found: method not found"),
    "unknown chat": ("sendMessage", {"chat_id": 8, "text": "x"}, 400, "Bad Request: chat not found"),
    "no chat": ("sendMessage", {"text": "x"}, 400, "Bad Request: chat not found"),
    "a chat that is no number": ("sendMessage", {"chat_id": "me", "text": "x"}, 400, "Bad Request: invalid chat_id"),
    "no text": ("sendMessage", text(""), 400, "Bad Request: message text is empty"),
    "spaces": ("sendMessage", text(" \n"), 400, "Bad Request: message text is empty"),
    "4097 letters": ("sendMessage", text("я" * 4097), 400, "Bad Request: message is too long"),
    "data of 65 bytes": ("sendMessage", buttons(callback_data="ж" * 32 + "a"), 400, "Bad Request: BUTTON_DATA_INVALID"),
    "no data": ("sendMessage", buttons(), 400, "Bad Request: BUTTON_DATA_INVALID"),
    "a telephone link": ("sendMessage", buttons(url="tel:+359"), 400, "Bad Request: inline keyboard button URL"),
    "markup that is no JSON": ("sendMessage", text(reply_markup="{"), 400, "Bad Request: can't parse reply_markup"),
    "an open tag": ("sendMessage", text("<b>x", parse_mode="HTML"), 400, "Bad Request: can't parse entities: Can't"),
    "a bare <": ("sendMessage", text("1 < 2", parse_mode="HTML"), 400, "Bad Request: can't parse entities"),
    "a foreign tag": ("sendMessage", text("<p>x</p>", parse_mode="HTML"), 400, "Bad Request: can't parse entities"),
    "crossed tags": ("sendMessage", text("<b><i>x</b></i>", parse_mode="HTML"), 400, "Bad Request: can't parse entit"),
    "an edit of nothing": ("editMessageText", text(message_id=99), 400, "Bad Request: message to edit not found"),
    "a deletion of nothing": ("deleteMessage", text(message_id=99), 400, "Bad Request: message to delete not found"),
    "no file": ("sendDocument", text(), 400, "Bad Request: there is no document"),
    "a file of nobody": ("sendDocument", text(document="x"), 400, "Bad Request: wrong file identifier"),
    "a photo of nobody": ("sendPhoto", text(photo="x"), 400, "Bad Request: wrong file identifier"),
    "a voice note as a photo": ("sendPhoto", text(photo="voice-1"), 400, "Bad Request: type of file mismatch"),
    "a caption of 1025 letters": (
        "sendPhoto",
        text(photo="photo-1", caption="я" * 1025),
        400,
        "Bad Request: message caption is too long",
    ),
    "a caption of nothing": ("editMessageCaption", text(message_id=99), 400, "Bad Request: message to edit not found"),
    "a voice note of nobody": ("sendVoice", text(voice="x"), 400, "Bad Request: wrong file identifier"),
    "a photo as a voice note": ("sendVoice", text(voice="photo-1"), 400, "Bad Request: type of file mismatch"),
    "an unknown file": ("getFile", {"file_id": "x"}, 400, "Bad Request: wrong file_id"),
    "an unknown press": ("answerCallbackQuery", {"callback_query_id": "1"}, 400, "Bad Request: query is too old"),
    "a webhook without TLS": ("setWebhook", {"url": "http://most.example"}, 400, "Bad Request: bad webhook"),
    "a secret with a space": ("setWebhook", {"url": "https://x", "secret_token": "a b"}, 400, "Bad Request: secret"),
    "a command in capitals": ("setMyCommands", {"commands": [{"command": "Стоп"}]}, 400, "Bad Request: BOT_COMMAND"),
    "a long description": ("setMyDescription", {"description": "я" * 513}, 400, "Bad Request: bot description is too"),
}


@pytest.mark.parametrize(("method", "params", "status", "words"), REFUSED.values(), ids=REFUSED.keys())
async def test_it_refuses_what_telegram_refuses(
    method: str, params: dict[str, Any], status: int, words: str, fake: FakeTelegram, bot: Client
) -> None:
    answer = await bot(method, **params)
    assert answer[0] == status
    assert str(answer[1]).startswith(words)
    assert fake.user(7).messages == []
    assert [(call.accepted, call.status) for call in fake.calls] == [(False, status)]


@pytest.mark.parametrize(
    "params",
    [
        pytest.param(text("я" * 4096), id="4096 letters"),
        pytest.param(buttons(callback_data="ж" * 32), id="data of 64 bytes"),
        pytest.param(text("<b>x</b> &lt; y", parse_mode="HTML"), id="good markup"),
        pytest.param(text("1 < 2"), id="no markup"),
        pytest.param(text(reply_markup=json.dumps(ONE)), id="markup as text"),
    ],
)
async def test_it_takes_what_telegram_takes(params: dict[str, Any], fake: FakeTelegram, bot: Client) -> None:
    status, result = await bot("SENDmessage", **params)
    assert (status, result["message_id"]) == (200, fake.user(7).last.id)


async def test_a_form_and_a_query_are_read_like_json(fake: FakeTelegram, bot: Client) -> None:
    form = {"text": "от формуляр", "reply_markup": json.dumps(ONE)}
    async with bot.session.post(f"{fake.url}/bot{TOKEN}/sendMessage?chat_id=7", data=form) as answer:
        assert answer.status == 200
    assert (fake.user(7).last.text, fake.user(7).last.labels) == ("от формуляр", ["Да"])


async def test_a_foreign_token_is_unauthorized(bot: Client) -> None:
    assert await bot("getMe", token="1:x") == (401, "Unauthorized")


async def test_who_blocked_the_bot_cannot_be_written_to_until_they_come_back(fake: FakeTelegram, bot: Client) -> None:
    await fake.user(7).block()
    assert await bot("sendMessage", **text()) == (403, "Forbidden: bot was blocked by the user")
    await fake.user(7).start()
    assert (await bot("sendMessage", **text()))[0] == 200
    kinds = [list(update.raw)[1] for update in fake.updates.waiting()]
    assert kinds == ["message", "my_chat_member", "my_chat_member", "message"]


async def test_a_deleted_account_cannot_be_written_to(fake: FakeTelegram, bot: Client) -> None:
    fake.user(7).deactivated = True
    assert await bot("sendMessage", **text()) == (403, "Forbidden: user is deactivated")


async def test_an_edit_changes_what_is_seen_and_a_needless_one_is_refused(fake: FakeTelegram, bot: Client) -> None:
    _, sent = await bot("sendMessage", **text(reply_markup=ONE))
    again = text(message_id=sent["message_id"], reply_markup=ONE)
    assert (await bot("editMessageText", **again))[1].startswith("Bad Request: message is not modified")
    assert (await bot("editMessageText", **{**again, "text": "y"}))[0] == 200
    assert [(message.text, message.labels) for message in fake.user(7).messages] == [("y", ["Да"])]


class TestPresses:
    """Callback queries."""

    async def test_one_is_answered_once(self, fake: FakeTelegram, bot: Client) -> None:
        query = await self._press(fake, bot)
        assert await bot("answerCallbackQuery", callback_query_id=query) == (200, True)
        assert (await bot("answerCallbackQuery", callback_query_id=query))[0] == 400
        assert fake.user(7).spinning == set()

    @pytest.mark.parametrize(("seconds", "status"), [(150, 200), (151, 400)])
    async def test_one_expires(self, seconds: int, status: int, fake: FakeTelegram, bot: Client, clock: Clock) -> None:
        query = await self._press(fake, bot)
        clock.now += seconds
        assert (await bot("answerCallbackQuery", callback_query_id=query))[0] == status

    async def test_the_newest_button_of_that_label_is_pressed(self, fake: FakeTelegram, bot: Client) -> None:
        await bot("sendMessage", **text(reply_markup=ONE))
        newer = {"inline_keyboard": [[{"text": "Да", "callback_data": "z"}]]}
        await bot("sendMessage", **text(reply_markup=newer))
        await fake.user(7).press("Да")
        query = fake.updates.waiting()[-1].raw["callback_query"]
        assert (query["data"], query["message"]["message_id"]) == ("z", fake.user(7).last.id)

    async def test_a_label_of_the_reply_keyboard_is_said(self, fake: FakeTelegram, bot: Client) -> None:
        keyboard = {"keyboard": [["Меню", {"text": "Номер", "request_contact": True}]], "one_time_keyboard": True}
        await bot("sendMessage", **text(reply_markup=keyboard))
        assert fake.user(7).keyboard == [["Меню", "Номер"]]
        await fake.user(7).press("Номер")
        card = fake.updates.waiting()[-1].raw["message"]["contact"]
        assert (card["user_id"], card["phone_number"], fake.user(7).keyboard) == (7, fake.user(7).phone, [])

    async def test_a_label_that_is_nowhere_is_an_error_that_names_what_is(
        self, fake: FakeTelegram, bot: Client
    ) -> None:
        await bot("sendMessage", **text(reply_markup=ONE))
        with pytest.raises(LookupError, match=r"'Не'.*Да"):
            await fake.user(7).press("Не")

    async def _press(self, fake: FakeTelegram, bot: Client) -> str:
        await bot("sendMessage", **text(reply_markup=ONE))
        await fake.user(7).press("Да")
        return str(fake.updates.waiting()[-1].raw["callback_query"]["id"])


class TestPolling:
    """getUpdates."""

    async def test_only_an_offset_confirms(self, fake: FakeTelegram, bot: Client) -> None:
        await fake.user(7).say("две")
        _, first = await bot("getUpdates", limit=1)
        assert await bot("getUpdates", limit=1) == (200, first)
        _, rest = await bot("getUpdates", offset=first[0]["update_id"] + 1)
        assert [update["message"]["text"] for update in rest] == ["две"]
        assert await bot("getUpdates", offset=rest[0]["update_id"] + 1) == (200, [])
        assert fake.updates.delivered == 2

    async def test_a_negative_offset_drops_all_but_the_last(self, fake: FakeTelegram, bot: Client) -> None:
        await fake.user(7).say("две")
        _, last = await bot("getUpdates", offset=-1)
        assert [update["message"]["text"] for update in last] == ["две"]
        assert len(fake.updates.waiting()) == 1

    async def test_a_long_poll_ends_with_the_news(self, fake: FakeTelegram, bot: Client) -> None:
        _, old = await bot("getUpdates")
        async with asyncio.TaskGroup() as tasks:
            poll = tasks.create_task(bot("getUpdates", offset=old[0]["update_id"] + 1, timeout=50), name="poll")
            await fake.wait_until(lambda: not fake.updates.waiting())
            await fake.user(7).say("ново")
        assert [update["message"]["text"] for update in poll.result()[1]] == ["ново"]

    async def test_a_second_poller_ends_the_first(self, fake: FakeTelegram, bot: Client) -> None:
        _, old = await bot("getUpdates")
        offset = old[0]["update_id"] + 1
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(bot("getUpdates", offset=offset, timeout=50), name="first")
            await fake.wait_until(lambda: not fake.updates.waiting())
            second = await bot("getUpdates", offset=offset)
        assert second == (200, [])
        assert first.result()[0] == 409
        assert first.result()[1].startswith("Conflict: terminated by other getUpdates request")

    async def test_it_excludes_a_webhook(self, bot: Client) -> None:
        await bot("setWebhook", url="http://127.0.0.1:1/")
        status, words = await bot("getUpdates")
        assert (status, words[:28]) == (409, "Conflict: can't use getUpdat")

    async def test_what_was_not_asked_for_is_not_made(self, fake: FakeTelegram, bot: Client) -> None:
        await bot("getUpdates", allowed_updates=["message"])
        await fake.user(7).block()
        await fake.user(7).say("x")
        assert [list(update.raw)[1] for update in fake.updates.waiting()] == ["message", "message"]

    async def test_an_update_lives_for_a_day(self, bot: Client, clock: Clock) -> None:
        clock.now += 24 * 3600 + 1
        assert await bot("getUpdates") == (200, [])


class Hook:
    """A bot's webhook that answers as told."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        self.status: dict[str, list[int]] = {}

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        update = json.loads(await request.read())
        words = update.get("message", {}).get("text", "") or update["callback_query"]["data"]
        self.got.append((words, request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")))
        statuses = self.status.get(words, [])
        return web.Response(status=statuses.pop(0) if statuses else 200)


@pytest.fixture
async def hook() -> AsyncIterator[tuple[Hook, str]]:
    made = Hook()
    runner = web.ServerRunner(web.Server(made, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield made, f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


class TestWebhook:
    """setWebhook and what follows."""

    async def test_updates_carry_the_secret_and_wait_for_2xx_in_order(
        self, fake: FakeTelegram, bot: Client, hook: tuple[Hook, str]
    ) -> None:
        hook[0].status["/start"] = [500, 302, 503]
        await fake.user(7).say("две")
        await bot("setWebhook", url=hook[1], secret_token="abc")
        await fake.wait_until(lambda: fake.updates.delivered == 2)
        assert hook[0].got == [("/start", "abc")] * 4 + [("две", "abc")]
        assert fake.updates.repeated == 3

    async def test_one_chat_s_trouble_holds_back_no_other_and_no_press(
        self, fake: FakeTelegram, bot: Client, hook: tuple[Hook, str]
    ) -> None:
        hook[0].status["/start"] = [500] * 10_000
        await bot("sendMessage", **text(reply_markup=ONE))
        await fake.user(7).press("Да")
        await fake.user(8).say("друг")
        await bot("setWebhook", url=hook[1])
        await fake.wait_until(lambda: fake.updates.delivered == 2)
        assert {words for words, _ in hook[0].got} == {"/start", "y", "друг"}

    async def test_the_state_of_the_webhook_is_told(
        self, fake: FakeTelegram, bot: Client, hook: tuple[Hook, str], clock: Clock
    ) -> None:
        hook[0].status["/start"] = [500]
        await bot("setWebhook", url=hook[1], max_connections=3, allowed_updates=["message"])
        await fake.wait_until(lambda: fake.updates.delivered == 1)
        assert (await bot("getWebhookInfo"))[1] == {
            "url": hook[1],
            "has_custom_certificate": False,
            "pending_update_count": 0,
            "max_connections": 3,
            "allowed_updates": ["message"],
            "last_error_date": int(clock.now),
            "last_error_message": "Wrong response from the webhook: 500",
        }
        await bot("deleteWebhook")
        assert (await bot("getWebhookInfo"))[1]["url"] == ""

    @pytest.mark.parametrize(("drop", "left"), [(True, 0), (False, 1)])
    async def test_what_waits_is_dropped_only_when_asked(
        self, drop: bool, left: int, fake: FakeTelegram, bot: Client
    ) -> None:
        await bot("deleteWebhook", drop_pending_updates=drop)
        assert len(fake.updates.waiting()) == left


class TestFaults:
    """What goes wrong on demand."""

    async def test_before_nothing_is_carried_out_and_after_everything_is(self, fake: FakeTelegram, bot: Client) -> None:
        fake.fail_next("sendMessage", 500, "x")
        fake.fail_next("sendMessage", 500, "x", after=True)
        assert [await bot("sendMessage", **text()) for _ in range(2)] == [(500, "x"), (500, "x")]
        assert len(fake.user(7).messages) == 1
        assert [call.accepted for call in fake.calls] == [False, True]

    async def test_a_lasting_fault_lasts(self, fake: FakeTelegram, bot: Client) -> None:
        fake.fault = lambda method, _: Fault(503, "down") if method == "sendmessage" else None
        assert [(await bot("sendMessage", **text()))[0] for _ in range(3)] == [503] * 3
        assert (await bot("getMe"))[0] == 200

    async def test_copies_are_counted(self, fake: FakeTelegram, bot: Client) -> None:
        for words in ("а", "а", "б"):
            await bot("sendMessage", **text(words))
        assert (fake.copies[7, "а"], fake.duplicates()) == (2, 1)

    async def test_a_flood_is_held_and_told_how_long(self, fake: FakeTelegram, bot: Client, clock: Clock) -> None:
        fake.flood = Flood(rate=30, burst=30, chat_rate=1, chat_burst=3)
        assert [(await bot("sendMessage", **text()))[0] for _ in range(4)] == [200, 200, 200, 429]
        async with bot.session.post(f"{fake.url}/bot{TOKEN}/sendMessage", json=text()) as answer:
            assert (await answer.json())["parameters"] == {"retry_after": 1}
            assert answer.headers["Retry-After"] == "1"
        clock.now += 1
        assert (await bot("sendMessage", **text()))[0] == 200

    async def test_all_chats_together_are_held_too(self, fake: FakeTelegram, bot: Client) -> None:
        fake.flood = Flood(rate=30, burst=2)
        await fake.user(8).start()
        await fake.user(9).start()
        answers = [await bot("sendMessage", chat_id=chat, text="x") for chat in (7, 8, 9)]
        assert [status for status, _ in answers] == [200, 200, 429]


async def test_everything_a_person_can_do_arrives_as_a_sound_update(fake: FakeTelegram, bot: Client) -> None:
    person = fake.user(7, last_name="x")
    await person.edit("x")
    await person.send_sticker()
    await person.send_photo("ето")
    await person.send_voice()
    await person.send_document()
    await person.send_location()
    await person.share_phone("0888", own=False)
    _, updates = await bot("getUpdates")
    kinds = ["text", "text", "sticker", "photo", "voice", "document", "location", "contact"]
    bodies = [update.get("message") or update.get("edited_message") for update in updates]
    assert [kind for kind, body in zip(kinds, bodies, strict=True) if kind not in body] == []
    assert "user_id" not in bodies[-1]["contact"]


async def test_waiting_for_a_reply_sees_new_messages_and_edits_only(fake: FakeTelegram, bot: Client) -> None:
    _, sent = await bot("sendMessage", **text("първо"))
    await fake.user(7).say("нещо")
    with pytest.raises(TimeoutError, match="last saw 'първо'"):
        await fake.user(7).wait_reply(timeout=0.01)
    await bot("editMessageText", **text("второ", message_id=sent["message_id"]))
    assert (await fake.user(7).wait_reply()).text == "второ"


async def test_it_runs_in_a_process_of_its_own_and_is_steered_from_outside() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.telegram", "--port", "0", "--delay-ms", "1"),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout
    try:
        where = json.loads(await process.stdout.readline())
        async with aiohttp.ClientSession() as session:
            bot = Client(where["url"], session)
            await _steer(session, where["url"], user=7, do="start")
            await bot("sendMessage", **text("Да?", reply_markup=ONE))
            seen = await _steer(session, where["url"], user=7, do="press", args=["Да"])
            assert seen["messages"] == [{"id": 2, "text": "Да?", "labels": ["Да"]}]
            assert seen["spinning"] == 1
            await _steer(session, where["url"], fail="getMe", how={"status": 500})
            assert (await bot("getMe"))[0] == 500
            async with session.get(f"{where['url']}/control") as answer:
                state = await answer.json()
            assert (state["counts"], state["pending"]) == ({"sendmessage": 1, "getme": 1, "getme 500": 1}, 2)
    finally:
        process.terminate()
        await process.wait()


async def _steer(session: aiohttp.ClientSession, url: str, **order: Any) -> Any:
    async with session.post(f"{url}/control", json=order) as answer:
        assert answer.status == 200
        return await answer.json()
