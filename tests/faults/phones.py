"""What a person holds in the hand: the chat as it stands on a Telegram phone or on the web page, and ways to act there.

All keep an account of what was offered and what was acknowledged, as seen from outside.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import unescape
from typing import Any, Protocol

import aiohttp

from bot.messages import Address, Button
from tests.fakes import telegram_people, viber_people
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_files import File
from tests.fakes.telegram_people import Message, Person
from tests.fakes.telegram_updates import Pending, Updates, Webhook
from tests.faults.ledger import Ledger

_PRESS = re.compile(r"\d+\.([^.]+)\.(.+)")


@dataclass(frozen=True, slots=True)
class Screen:
    """The message that a person has before their eyes."""

    text: str
    buttons: tuple[Button, ...]
    registered: bool = False  # the lasting menu is there

    @property
    def question(self) -> str:
        """Which question stands, by its buttons; empty where none does."""
        keys = [found[1] for button in self.buttons if (found := _PRESS.fullmatch(button.press))]
        return "phone" if any(button.shares_phone for button in self.buttons) else (keys or [""])[0]

    def button(self, code: str) -> Button | None:
        """The button that gives this answer."""
        fitting = (b for b in self.buttons if (found := _PRESS.fullmatch(b.press)) and found[2] == code)
        return next(fitting, None)


@dataclass(frozen=True, slots=True)
class Act:
    """What a person does: taps a button, or types, or sends a picture."""

    button: Button | None = None
    text: str = ""
    sticker: bool = False


class Phone(Protocol):
    """A chat on a device. Actions return when the platform has taken them, if it ever does."""

    address: Address | None

    async def begin(self) -> None: ...

    async def act(self, act: Act) -> None: ...

    async def news(self, seconds: float) -> bool: ...

    def screen(self) -> Screen: ...

    def older(self) -> Button | None: ...


def _old(screens: Sequence[Screen]) -> Button | None:
    """A button from further up; never one by which somebody would refuse or leave."""
    buttons = [b for screen in screens for b in screen.buttons if b.press and not b.press.endswith(".no")]
    return buttons[len(buttons) // 2] if buttons else None


@dataclass(slots=True)
class Messenger:
    """A phone with a messenger's app on it: one person, and an account of each thing that they do."""

    number: int
    person: telegram_people.Person | viber_people.Person
    ledger: Ledger
    address: Address | None = None

    async def act(self, act: Act) -> None:
        """Tap, type, or send a sticker."""
        button = act.button
        if act.sticker:
            await self.person.send_sticker()
            self.offered(kind="other", text="sticker")
        elif button and button.shares_phone:
            await self.share(button)
        elif button and button.press:
            await self.press(button)
            self.offered(kind="press", press=button.press)
        else:
            text = button.label if button else act.text
            await self.person.say(text)
            self.offered(kind="text", text=text)

    async def share(self, button: Button) -> None:
        raise NotImplementedError

    async def press(self, button: Button) -> None:
        raise NotImplementedError

    def key(self) -> str:
        """Under which the inbox keeps what they did last."""
        raise NotImplementedError

    async def news(self, seconds: float) -> bool:
        try:
            await self.person.wait_reply(seconds)
        except TimeoutError:
            return False
        return True

    def offered(self, **said: str) -> None:
        self.ledger.offer(self.key(), self.number, **said)


# --- Telegram ---------------------------------------------------------------------------------------------------------


class WatchedUpdates(Updates):
    """Updates whose acknowledgement is noted, and a webhook on a public name that ends on this machine."""

    ledger: Ledger
    webhook_to: str = ""
    bot: str = ""

    def set_webhook(self, webhook: Webhook) -> None:
        webhook.url = re.sub(r"https://[^/]+", self.webhook_to, webhook.url)
        super().set_webhook(webhook)

    def _confirm(self, offset: int) -> None:
        before = {update.id for update in self.waiting()}
        super()._confirm(offset)
        for number in sorted(before - {update.id for update in self.waiting()}):
            self.ledger.acknowledge(f"telegram:{self.bot}:{number}")

    async def _post(self, update: Pending) -> str:
        failed = await super()._post(update)
        if not failed:
            self.ledger.acknowledge(f"telegram:{self.bot}:{update.id}")
        return failed


class WatchedTelegram(FakeTelegram):
    """A Telegram whose arrivals are noted."""

    def __init__(self, ledger: Ledger, service: str, delay: float) -> None:
        super().__init__(delay=delay, backoff=lambda tries: min(0.4, 0.05 * tries), keep_calls=False)
        self.ledger = ledger
        updates = WatchedUpdates(self.clock, self.updates.backoff)
        updates.ledger, updates.webhook_to, updates.bot = ledger, service, self.token.partition(":")[0]
        self.updates = updates

    def _show(self, person: Person, message: Message, file: File | None = None) -> dict[str, Any]:
        self.ledger.arrive(str(person.id), message.id, message.text)
        return super()._show(person, message, file)


class TelegramPhone(Messenger):
    """A phone with Telegram on it."""

    person: Person

    def __init__(self, number: int, fake: WatchedTelegram, person: Person) -> None:
        super().__init__(number, person, fake.ledger, Address("telegram", str(person.id)))
        self._bot = fake.token.partition(":")[0]

    async def begin(self) -> None:
        await self.person.start()
        self.offered(kind="start")

    async def share(self, button: Button) -> None:
        await self.person.share_phone(self.person.phone)
        self.offered(kind="phone", phone=f"+{self.person.phone}")

    async def press(self, button: Button) -> None:
        await self.person.press_data(button.press, self._holding(button))

    def key(self) -> str:
        return f"telegram:{self._bot}:{self.person.last_update}"

    def screen(self) -> Screen:
        """The newest message with a question, or the menu: what is above it is scrolled past."""
        for message in reversed(self.person.messages):
            screen = _telegram_screen(message)
            if screen.question or screen.registered:
                return screen
        return Screen("", ())

    def older(self) -> Button | None:
        return _old([_telegram_screen(message) for message in self.person.messages[:-1]])

    def _holding(self, button: Button) -> Message:
        shows = (m for m in reversed(self.person.messages) if any(b.press == button.press for b in _inline(m)))
        return next(shows, self.person.last)


def _telegram_screen(message: Message) -> Screen:
    keyboard = [button for row in message.markup.get("keyboard", ()) for button in row]
    if any(isinstance(b, dict) and b.get("request_contact") for b in keyboard):
        shown = (Button(b["text"], shares_phone=bool(b.get("request_contact"))) for b in keyboard)
        return Screen(message.text, tuple(shown))
    return Screen(message.text, _inline(message), registered=bool(keyboard))


def _inline(message: Message) -> tuple[Button, ...]:
    return tuple(Button(b["text"], b.get("callback_data", "")) for row in message.rows for b in row)


# --- the web ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class WebPhone:
    """A browser with the chat's page, as far as it talks to the server. Sends again until it is told "kept"."""

    number: int
    url: str
    http: aiohttp.ClientSession
    ledger: Ledger
    chance: random.Random
    patience: float
    address: Address | None = None
    _headers: dict[str, str] = field(default_factory=dict)
    _csrf: str = ""
    _chat: str = ""
    _lines: list[dict[str, Any]] = field(default_factory=list)
    _seen: int = 0
    _waiting: str = ""  # the id of what is being sent

    async def begin(self) -> None:
        # People come from many places: a proxy names each.
        self._headers = {"X-Forwarded-For": f"10.1.{self.number // 250}.{self.number % 250 + 1}"}
        page, (name, cookie) = await self._open()
        self._csrf = unescape(_found(r'name="csrf" value="([^"]+)"', page))
        self._chat = _found(r'data-chat="([^"]+)"', page)
        self.address = Address("web", cookie.rpartition(".")[0])
        self._headers |= {"Cookie": f"{name}={cookie}", "Accept": "application/json", "X-Chat": "1"}
        await self._send({"press": "/start"}, kind="start")

    async def _open(self) -> tuple[str, tuple[str, str]]:
        while True:
            try:
                async with self.http.get(f"{self.url}/", headers=self._headers) as answer:
                    given = next(iter(answer.cookies.values()))
                    return await answer.text(), (given.key, given.value)
            except (aiohttp.ClientError, OSError):
                await asyncio.sleep(self.chance.uniform(0.05, 0.2))

    async def act(self, act: Act) -> None:
        if act.button:
            press = act.button.press
            await self._send({"press": press, "shown": str(self._seen)}, kind="press", press=press)
        else:
            await self._send({"text": act.text}, kind="text", text=act.text)

    async def _send(self, fields: dict[str, str], **said: str) -> None:
        """Post until it is kept; whoever waits too long taps again, which is another message."""
        again = 0.0
        while True:
            if time.monotonic() > again:
                name = f"{self.chance.getrandbits(128):032x}"
                key = f"web:{self._chat}:{name}"
                self.ledger.repeated += again > 0
                self.ledger.offer(key, self.number, **said)
                again = time.monotonic() + self.patience
            wait = await self._post({**fields, "id": name, "csrf": self._csrf})
            if wait == 0:
                self.ledger.acknowledge(key)
                return
            await asyncio.sleep(wait)

    async def _post(self, form: dict[str, str]) -> float:
        """Zero once it is kept, otherwise the seconds until the next try."""
        try:
            async with self.http.post(f"{self.url}/chat/send", data=form, headers=self._headers) as answer:
                if answer.status == 200:
                    return 0.0
                if answer.status not in (429, 503):
                    raise AssertionError(f"the web chat answered {answer.status}")
                return float(answer.headers["Retry-After"])
        except (aiohttp.ClientError, OSError):
            return self.chance.uniform(0.05, 0.2)

    async def news(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            fresh = await self._fetch()
            if fresh:
                self._lines += fresh
                self._seen = fresh[-1]["id"]
                self.ledger.note("seen", person=self.number, texts=[_web_screen(line).text for line in fresh])
                return True
            await asyncio.sleep(0.1)
        return False

    async def _fetch(self) -> Sequence[dict[str, Any]]:
        try:
            async with self.http.get(f"{self.url}/chat/messages?after={self._seen}", headers=self._headers) as answer:
                return await answer.json() if answer.status == 200 else []
        except (aiohttp.ClientError, OSError):
            return []

    def screen(self) -> Screen:
        for line in reversed(self._lines):
            screen = _web_screen(line)
            if screen.question or screen.registered:
                return screen
        return Screen("", ())

    def older(self) -> Button | None:
        return _old([_web_screen(line) for line in self._lines[:-1]])


def _web_screen(line: dict[str, Any]) -> Screen:
    buttons = tuple(Button(label, press) for row in line["rows"] for label, press in row)
    return Screen("".join(part[0] for part in line["parts"]), buttons, registered=bool(line["menu"]))


def _found(pattern: str, page: str) -> str:
    found = re.search(pattern, page)
    assert found, f"the page has no {pattern}"
    return found[1]
