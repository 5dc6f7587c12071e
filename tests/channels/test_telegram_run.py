"""What the channel does by itself, against the fake: polling, webhook, profile, presses, every trouble on the way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette

from bot.channels.telegram import Profile, TelegramChannel
from bot.messages import Address, Button, Delivery, Kind, Outgoing, Sent
from tests.channels.telegram_kit import Inbox, Pauses, channel, running
from tests.fakes.telegram import TOKEN, FakeTelegram

SECRET = "s" * 40
PATH = "p" * 20
ALLOWED = ["message", "edited_message", "callback_query", "my_chat_member"]


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram(longest_poll=0.02, backoff=lambda _: 0.0) as server:
        yield server


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
async def telegram(fake: FakeTelegram, inbox: Inbox, pauses: Pauses) -> TelegramChannel:
    return channel(fake, inbox, pause=pauses)


async def confirmed(fake: FakeTelegram) -> None:
    """Until Telegram holds no update any more."""
    await fake.wait_until(lambda: not fake.updates.waiting())


class TestPolling:
    """No public address: getUpdates."""

    async def test_the_offset_moves_only_after_the_commit(
        self, fake: FakeTelegram, inbox: Inbox, pauses: Pauses, telegram: TelegramChannel
    ) -> None:
        inbox.refuse = lambda _: len(inbox.offered) <= 2
        person = fake.user(7)
        await person.start()
        async with running(telegram):
            await inbox.wait(1)
            await fake.wait_call("getUpdates", 4)
        first = person.last_update
        assert first is not None
        offsets = [call.params.get("offset", 0) for call in fake.of("getUpdates")]
        assert inbox.offered == [f"telegram:7000000001:{first}"] * 3
        assert offsets[:4] == [0, 0, 0, first + 1]
        assert pauses.seconds == [1.0, 2.0]

    async def test_one_that_cannot_be_kept_holds_the_offset_and_not_the_others(
        self, fake: FakeTelegram, inbox: Inbox, telegram: TelegramChannel
    ) -> None:
        inbox.refuse = lambda event: event.text == "две" and inbox.offered.count(event.key) < 3
        for words in ("едно", "две", "три"):
            await fake.user(7).say(words)
        async with running(telegram):
            await inbox.wait(3)
            await confirmed(fake)
        assert [event.text for event in inbox.events] == ["едно", "три", "две"]
        assert fake.updates.delivered == 3

    async def test_what_waits_is_handed_over_at_once_and_not_one_by_one(
        self, fake: FakeTelegram, telegram: TelegramChannel
    ) -> None:
        together: list[int] = []
        gate = asyncio.Barrier(50)

        async def accept(_: object) -> None:
            await gate.wait()
            together.append(1)

        telegram._accept = accept
        for number in range(50):
            await fake.user(number + 1).start()
        async with running(telegram):
            await confirmed(fake)
        assert len(together) == 50

    async def test_what_cannot_be_read_never_blocks(
        self, fake: FakeTelegram, inbox: Inbox, telegram: TelegramChannel, caplog: pytest.LogCaptureFixture
    ) -> None:
        fake.updates.push_raw({"update_id": 600_000, "message": {"text": "тайна"}})
        fake.updates.push_raw({"update_id": 600_001, "message": []})
        await fake.user(7).say("след тях")
        async with running(telegram):
            await inbox.wait(1)
            await confirmed(fake)
        assert caplog.text.count("cannot be read") == 2
        assert "тайна" not in caplog.text

    async def test_updates_without_a_number_neither_block_nor_spin(
        self, fake: FakeTelegram, inbox: Inbox, pauses: Pauses, telegram: TelegramChannel
    ) -> None:
        fake.fail_next("getUpdates", html='{"ok":true,"result":[{"message":{}},5]}', times=2)
        await fake.user(7).say("после")
        async with running(telegram):
            await inbox.wait(1)
        assert pauses.seconds == [1.0, 2.0]

    async def test_after_a_quiet_week_numbers_may_start_lower(
        self, fake: FakeTelegram, inbox: Inbox, telegram: TelegramChannel
    ) -> None:
        await fake.user(7).say("преди")
        async with running(telegram):
            await inbox.wait(1)
            await confirmed(fake)
            quiet = fake.counts["getupdates"] + 2
            await fake.wait_until(lambda: fake.counts["getupdates"] >= quiet)
            fake.updates.next_id = 1000
            await fake.user(7).say("след")
            await inbox.wait(2)
        assert [event.order for event in inbox.events] == [500_001, 1000]

    async def test_a_webhook_left_behind_is_removed_and_what_waits_is_not(
        self, fake: FakeTelegram, inbox: Inbox, telegram: TelegramChannel
    ) -> None:
        await fake.user(7).say("чака")
        fake.updates.webhook.url = "https://old.example"
        async with running(telegram):
            await inbox.wait(1)
        assert fake.of("deleteWebhook")[0].params == {"drop_pending_updates": False}

    async def test_it_asks_for_the_updates_it_reads_and_waits_long(
        self, fake: FakeTelegram, telegram: TelegramChannel
    ) -> None:
        async with running(telegram):
            call = await fake.wait_call("getUpdates")
        assert call.params == {"timeout": 25, "allowed_updates": ALLOWED}

    async def test_a_restart_goes_on_where_the_last_one_committed(self, fake: FakeTelegram, inbox: Inbox) -> None:
        await fake.user(7).say("едно")
        async with running(channel(fake, inbox)):
            await inbox.wait(1)
        await fake.user(7).say("две")
        async with running(channel(fake, inbox)):
            await inbox.wait(2)
            await confirmed(fake)
        assert [event.text for event in inbox.events] == ["едно", "две"]


TROUBLES: dict[str, tuple[dict[str, Any], float, str]] = {
    "400": ({"status": 400, "description": "Bad Request: x"}, 60.0, "bad_request: Telegram refuses the request"),
    "401": ({"status": 401, "description": "Unauthorized"}, 60.0, "unauthorized: Telegram refuses the token: check"),
    "403": ({"status": 403, "description": "Forbidden: x"}, 60.0, "forbidden"),
    "404": ({"status": 404, "description": "Not Found"}, 60.0, "unauthorized: Telegram refuses the token: check"),
    "409": ({"status": 409, "description": "Conflict: x"}, 1.0, "conflict: another program receives with this token"),
    "429": ({"status": 429, "description": "x", "retry_after": 17}, 17.0, "too_many_requests"),
    "500": ({"status": 500, "description": "x"}, 1.0, "server_error: HTTP 500"),
    "502 as a page": ({"status": 502, "html": "<html>"}, 1.0, "server_error: HTTP 502 without a readable answer"),
    "a page": ({"html": "<html>"}, 1.0, "no_answer: the answer is not the Bot API's"),
    "no list": ({"html": '{"ok":true,"result":5}'}, 1.0, "garbage: the answer is no list of updates"),
    "cut": ({"drop_before": True}, 1.0, "no_answer: the connection broke"),
    "half a body": ({"half_body": True, "after": True}, 1.0, "no_answer: the connection broke"),
}


@pytest.mark.parametrize(("how", "rest", "line"), TROUBLES.values(), ids=TROUBLES.keys())
async def test_trouble_while_polling_is_one_line_and_a_rest(
    how: dict[str, Any],
    rest: float,
    line: str,
    fake: FakeTelegram,
    inbox: Inbox,
    pauses: Pauses,
    telegram: TelegramChannel,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fake.fail_next("getUpdates", **how)
    await fake.user(7).say("тайна")
    async with running(telegram):
        await inbox.wait(1)
    assert pauses.seconds == [rest]
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert f"Telegram getUpdates: {line}" in caplog.text
    assert TOKEN.partition(":")[2] not in caplog.text
    assert "тайна" not in caplog.text


async def test_rests_grow_to_a_minute_and_shrink_after_success(
    fake: FakeTelegram, inbox: Inbox, pauses: Pauses, telegram: TelegramChannel
) -> None:
    fake.fail_next("getUpdates", 500, "x", times=8)
    await fake.user(7).say("едно")
    async with running(telegram):
        await inbox.wait(1)
        fake.fail_next("getUpdates", 500, "x")
        await fake.user(7).say("две")
        await inbox.wait(2)
    assert pauses.seconds == [1, 2, 4, 8, 16, 32, 60, 60, 1]


async def test_a_wrong_token_at_the_start_is_said_clearly_and_tried_slowly(
    fake: FakeTelegram, inbox: Inbox, pauses: Pauses, telegram: TelegramChannel, caplog: pytest.LogCaptureFixture
) -> None:
    fake.fail_next("getMe", 401, "Unauthorized", times=3)
    await fake.user(7).start()
    async with running(telegram):
        await inbox.wait(1)
    assert pauses.seconds == [60, 60, 60]
    assert caplog.text.count("Telegram refuses the token: check BOT_TELEGRAM_TOKEN") == 3
    assert telegram.username == "most_test_bot"


async def test_without_a_network_it_waits_for_one(
    unused_tcp_port: int, fake: FakeTelegram, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    tried = asyncio.Event()

    async def pause(_: float) -> None:
        tried.set()
        await asyncio.Event().wait()

    async with running(channel(fake, inbox, api_url=f"http://127.0.0.1:{unused_tcp_port}", pause=pause)):
        await tried.wait()
    assert "not_sent: Telegram cannot be reached: check the network and BOT_TELEGRAM_API_URL" in caplog.text


FULL = Profile((("start", "Начало"), ("stop", "Спри")), "Описание", "Кратко")
PROFILE = {"": FULL, "bg": FULL, "en": Profile((("start", "Begin"),), "About", "Short")}


def _profile_calls(fake: FakeTelegram) -> list[tuple[str, Any]]:
    return [(call.method, call.params) for call in fake.calls if call.method.startswith("setmy")]


async def _set_up(fake: FakeTelegram, telegram: TelegramChannel, gets: int) -> None:
    async with running(telegram):
        await fake.wait_until(lambda: fake.counts["getmyshortdescription"] == gets)
        asked = fake.counts["getupdates"] + 2
        await fake.wait_until(lambda: fake.counts["getupdates"] >= asked)


async def test_the_profile_is_set_only_where_it_differs(fake: FakeTelegram, inbox: Inbox) -> None:
    fake.profile["description", "bg"] = "Описание"
    fake.profile["commands", "en"] = [{"command": "start", "description": "Begin"}]
    await _set_up(fake, channel(fake, inbox, profile=PROFILE), 3)
    commands = [{"command": "start", "description": "Начало"}, {"command": "stop", "description": "Спри"}]
    assert _profile_calls(fake) == [
        ("setmycommands", {"commands": commands}),
        ("setmydescription", {"description": "Описание"}),
        ("setmyshortdescription", {"short_description": "Кратко"}),
        ("setmycommands", {"commands": commands, "language_code": "bg"}),
        ("setmyshortdescription", {"short_description": "Кратко", "language_code": "bg"}),
        ("setmydescription", {"description": "About", "language_code": "en"}),
        ("setmyshortdescription", {"short_description": "Short", "language_code": "en"}),
    ]
    fake.calls.clear()
    await _set_up(fake, channel(fake, inbox, profile=PROFILE), 6)
    assert _profile_calls(fake) == []


async def test_a_refused_part_of_the_profile_is_named_and_the_rest_is_set(
    fake: FakeTelegram, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    await _set_up(fake, channel(fake, inbox, profile={"": Profile((), "я" * 513, "Кратко")}), 1)
    assert "Telegram setMyDescription: refused, the profile stays as it was" in caplog.text
    assert fake.profile == {("short_description", ""): "Кратко"}


async def test_trouble_with_the_profile_does_not_delay_receiving(fake: FakeTelegram, inbox: Inbox) -> None:
    fake.fail_next("getMyCommands", hang=True)
    await fake.user(7).start()
    async with running(channel(fake, inbox, profile=PROFILE)):
        await inbox.wait(1)


class TestPresses:
    """The spinner on a pressed button."""

    async def test_it_stops_after_the_press_is_kept(self, fake: FakeTelegram, inbox: Inbox) -> None:
        person = fake.user(7)
        await person.start()
        telegram = channel(fake, inbox)
        async with running(telegram):
            await inbox.wait(1)
            await telegram.send(Delivery(1, Address("telegram", "7"), Outgoing("Да?", ((Button("Да", press="y"),),))))
            await person.press("Да")
            assert person.spinning
            await person.wait_until(lambda: not person.spinning)
        assert [(event.kind, event.press) for event in inbox.events[1:]] == [(Kind.PRESS, "y")]

    async def test_a_late_answer_is_nobody_s_trouble(
        self, fake: FakeTelegram, inbox: Inbox, pauses: Pauses, caplog: pytest.LogCaptureFixture
    ) -> None:
        await _press_once(fake)
        fake._queries.clear()
        async with running(channel(fake, inbox, pause=pauses)):
            await fake.wait_call("answerCallbackQuery")
            await fake.user(7).say("още")
            await inbox.wait(3)
        assert (pauses.seconds, caplog.text) == ([], "")

    async def test_a_hanging_answer_holds_nothing_up(self, fake: FakeTelegram, inbox: Inbox) -> None:
        fake.fail_next("answerCallbackQuery", hang=True, times=20)
        await _press_once(fake, times=20)
        async with running(channel(fake, inbox)):
            await inbox.wait(21)
            await fake.user(7).say("още")
            await inbox.wait(22)


async def _press_once(fake: FakeTelegram, times: int = 1) -> None:
    person = fake.user(7)
    await person.start()
    fake._do_sendMessage({"chat_id": 7, "text": "Да?"})
    for _ in range(times):
        await person.press_data("y")


@asynccontextmanager
async def serving(telegram: TelegramChannel, port: int) -> AsyncIterator[None]:
    """The channel's routes on a real port, and its run()."""
    app = Starlette(routes=list(telegram.routes()))
    server = uvicorn.Server(uvicorn.Config(app, port=port, lifespan="off", log_config=None, access_log=False))
    task = asyncio.create_task(server.serve(), name="uvicorn")
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0)
    try:
        async with running(telegram):
            yield
    finally:
        server.should_exit = True
        await task


class TestWebhook:
    """A public address: Telegram comes to us."""

    @pytest.fixture
    def hooked(self, fake: FakeTelegram, inbox: Inbox, unused_tcp_port: int) -> TelegramChannel:
        url = f"http://127.0.0.1:{unused_tcp_port}/"
        return channel(fake, inbox, public_url=url, webhook_secret=SECRET, path_secret=PATH)

    async def test_it_registers_once_a_start_and_drops_nothing(
        self, fake: FakeTelegram, inbox: Inbox, hooked: TelegramChannel, unused_tcp_port: int
    ) -> None:
        await fake.user(7).say("чакаше")
        async with serving(hooked, unused_tcp_port):
            await inbox.wait(1)
            await fake.wait_until(lambda: fake.updates.delivered == 1)
        assert [call.params for call in fake.of("setWebhook")] == [
            {
                "url": f"http://127.0.0.1:{unused_tcp_port}/telegram/{PATH}",
                "secret_token": SECRET,
                "allowed_updates": ALLOWED,
                "max_connections": 40,
                "drop_pending_updates": False,
            }
        ]
        assert fake.counts["getupdates"] == 0

    async def test_a_button_s_spinner_stops_with_the_answer_to_the_webhook(
        self, fake: FakeTelegram, inbox: Inbox, hooked: TelegramChannel, unused_tcp_port: int
    ) -> None:
        await _press_once(fake)
        async with serving(hooked, unused_tcp_port):
            await inbox.wait(2)
            await fake.wait_call("answerCallbackQuery")
        assert [call.accepted for call in fake.of("answerCallbackQuery")] == [True]

    async def test_what_could_not_be_kept_comes_again_in_order(
        self, fake: FakeTelegram, inbox: Inbox, hooked: TelegramChannel, unused_tcp_port: int
    ) -> None:
        inbox.refuse = lambda event: event.text == "едно" and len(inbox.offered) < 4
        await fake.user(7).say("едно")
        await fake.user(7).say("две")
        async with serving(hooked, unused_tcp_port):
            await inbox.wait(2)
            await fake.wait_until(lambda: fake.updates.delivered == 2)
        assert [event.text for event in inbox.events] == ["едно", "две"]
        assert fake.updates.repeated == 3
        assert fake.updates.webhook.last_error == "Wrong response from the webhook: 503"

    async def test_what_cannot_be_read_does_not_block_the_queue(
        self, fake: FakeTelegram, inbox: Inbox, hooked: TelegramChannel, unused_tcp_port: int
    ) -> None:
        fake.updates.push_raw(b"<html>", queue="chat", owner=7)
        await fake.user(7).say("след него")
        async with serving(hooked, unused_tcp_port):
            await inbox.wait(1)
            await fake.wait_until(lambda: fake.updates.delivered == 2)
        assert fake.updates.repeated == 0

    async def test_a_press_stops_spinning(
        self, fake: FakeTelegram, inbox: Inbox, hooked: TelegramChannel, unused_tcp_port: int
    ) -> None:
        await _press_once(fake)
        async with serving(hooked, unused_tcp_port):
            await fake.user(7).wait_until(lambda: not fake.user(7).spinning)
        assert len(inbox.events) == 2

    async def test_a_forged_update_is_refused_by_its_secret(
        self, fake: FakeTelegram, inbox: Inbox, hooked: TelegramChannel, unused_tcp_port: int
    ) -> None:
        async with serving(hooked, unused_tcp_port):
            await fake.wait_call("setWebhook")
            fake.updates.webhook.secret = "t" * 40
            await fake.user(7).say("от чуждо име")
            await fake.wait_until(lambda: fake.updates.repeated > 0)
            assert fake.updates.webhook.last_error == "Wrong response from the webhook: 403"
        assert inbox.events == []

    async def test_earlier_trouble_of_the_address_is_reported(
        self, fake: FakeTelegram, hooked: TelegramChannel, unused_tcp_port: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        fake.updates.webhook.last_error = "Connection refused"
        async with serving(hooked, unused_tcp_port):
            await fake.wait_call("setWebhook")
        assert "Telegram could not deliver to this address lately; 0 updates are waiting" in caplog.text
        assert PATH not in caplog.text


async def test_sending_works_while_receiving(fake: FakeTelegram, inbox: Inbox, telegram: TelegramChannel) -> None:
    await fake.user(7).start()
    async with running(telegram):
        await inbox.wait(1)
        sent = await telegram.send(Delivery(1, Address("telegram", "7"), Outgoing("Здравейте!")))
        assert sent == Sent(str((await fake.user(7).wait_reply()).id))
