"""A phone with Viber on it: one keyboard, that of the newest message; and a Viber whose deliveries are noted."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from bot.messages import Address, Button
from tests.fakes.viber import FakeViber
from tests.fakes.viber_callbacks import Callback
from tests.fakes.viber_checks import label
from tests.fakes.viber_people import Message, Person
from tests.faults.ledger import Ledger
from tests.faults.phones import Act, Messenger, Screen

TAP, START = "tap:", "start:"  # what stands before a button's data in its ActionBody
SUMMARY = "\n⭐ "  # a line of the summary; whom to call has its 👤 too
PROMISED = ("message", "subscribed", "unsubscribed")  # once acknowledged, they must be there


class WatchedViber(FakeViber):
    """A Viber whose deliveries and arrivals are noted, and whose every public name ends at the service."""

    def __init__(self, ledger: Ledger, service: str, delay: float) -> None:
        super().__init__(delay=delay, schedule=lambda tries: min(0.4, 0.05 * tries), keep_calls=False)
        self.ledger = ledger
        self.leads_to(service)
        self.callbacks.taken = self._taken

    def key(self, callback: Callback) -> str:
        """Under which the inbox keeps an event."""
        bot = sha256(self.token.encode()).hexdigest()[:12]
        return f"viber:{bot}:{callback.event['event']}:{callback.event['message_token']}"

    def _taken(self, callback: Callback) -> None:
        if callback.event["event"] in PROMISED:
            self.ledger.acknowledge(self.key(callback))

    def _show(self, person: Person, params: Mapping[str, Any], token: int) -> Message:
        if token:  # a welcome is no message of the outbox
            self.ledger.arrive(person.id, token, str(params.get("text", "")))
        return super()._show(person, params, token)


class ViberPhone(Messenger):
    """A chat on Viber. Whoever opened it sees the welcome, and may be written to after they said something."""

    person: Person

    def __init__(self, number: int, fake: WatchedViber, person: Person) -> None:
        super().__init__(number, person, fake.ledger, Address("viber", person.id))
        self._fake = fake
        self._pressed: Button | None = None

    async def begin(self) -> None:
        """Open the chat and press the big button; where no welcome came, say hello."""
        if not self.person.messages:
            await self.person.open()
            self.offered(kind="opened")
        shown = [button for row in self._shown() for button in row if button["ActionBody"].startswith(START)]
        await self.person.say(shown[0]["ActionBody"] if shown else "Здравейте")
        if shown:
            code = shown[0]["ActionBody"].removeprefix(START)
            self.offered(kind="start", text=code, press=f"/start {code}".strip())
        else:
            self.offered(kind="text", text="Здравейте")

    async def act(self, act: Act) -> None:
        """Whoever taps what is on the screen no longer had tapped it the moment before."""
        await self.person.read()
        await super().act(act)

    async def share(self, button: Button) -> None:
        await self.person.share_phone(text=f"{TAP}{button.press}")
        self.offered(kind="text", text=f"+{self.person.phone}")

    async def press(self, button: Button) -> None:
        self._pressed = button
        await self.person.say(f"{TAP}{button.press}")

    def key(self) -> str:
        assert self.person.last_event is not None
        return self._fake.key(self.person.last_event)

    def screen(self) -> Screen:
        """The newest message. Whoever saw the menu, or the button to it, is registered, whatever came after it."""
        if not self.person.messages:
            return Screen("", ())
        screen = _screen(self.person.last)
        been = any(_screen(message).registered for message in self.person.messages)
        # Each message of a reply has the buttons of its last: below a line that is said first, the summary is to come.
        buttons = () if screen.question == "confirm" and SUMMARY not in screen.text else screen.buttons
        return Screen(screen.text, buttons, registered=been)

    def older(self) -> Button | None:
        """A button tapped twice, before the next keyboard was there: of Viber's own old buttons none can be tapped."""
        return None if self._pressed is None or self._pressed.press.endswith(".no") else self._pressed

    def _shown(self) -> list[list[dict[str, Any]]]:
        return self.person.last.rows if self.person.messages else []


def _screen(message: Message) -> Screen:
    shown = [button for row in message.rows for button in row]
    buttons = tuple(
        Button(
            label(button),
            button["ActionBody"].removeprefix(TAP),
            shares_phone=button.get("ActionType") == "share-phone",
        )
        for button in shown
        if button["ActionBody"].startswith(TAP)
    )
    menu = any(button["ActionBody"] in (label(button), f"{TAP}/menu") for button in shown)
    return Screen(message.text, buttons, registered=menu)
