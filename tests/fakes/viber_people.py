"""The people of the fake Viber: what they do on their phones, and what they see there."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.fakes.viber_callbacks import Callback
from tests.fakes.viber_checks import label, rows
from tests.fakes.waiting import Reader


class Network(Protocol):
    """What a phone needs of the server."""

    token: str

    def now(self) -> float: ...
    def tell(self, person: Person, kind: str, fields: dict[str, Any], *, token: int = 0) -> Callback: ...
    def open_chat(self, person: Person, context: str) -> Callback: ...
    def keep_media(self, content: bytes, name: str) -> str: ...
    async def offered(self, person: Person) -> None: ...


@dataclass
class Message:
    """One message of the bot's."""

    token: int  # 0: a welcome, which came in the answer to an event
    body: dict[str, Any]  # as it was sent, with the names put in
    at: float  # seconds since 1970

    @property
    def type(self) -> str:
        return str(self.body.get("type", ""))

    @property
    def text(self) -> str:
        return str(self.body.get("text", ""))

    @property
    def media(self) -> str:
        return str(self.body.get("media", ""))

    @property
    def rows(self) -> list[list[dict[str, Any]]]:
        """The keyboard that came with it, row by row."""
        return rows(self.body["keyboard"]) if "keyboard" in self.body else []

    @property
    def labels(self) -> list[str]:
        return [label(button) for row in self.rows for button in row]


@dataclass
class Session:
    """What Viber counts for one person: what is free, and how much was sent without a reply."""

    began: float = float("-inf")  # with their first message of it
    unanswered: list[float] = field(default_factory=list)  # when each message since their last one was sent
    looked_up: list[float] = field(default_factory=list)  # get_user_details


@dataclass
class Person(Reader[Message]):
    """One person with one account. Actions return when Viber has offered them to the bot once."""

    number: int
    name: str
    network: Network
    language: str = "bg"
    country: str = "BG"
    phone: str = ""
    api_version: int = 10
    devices: int = 1  # each reports that a message was delivered
    desktop: str = ""  # how a computer sends what a button should share: "contact" or "text", without a number
    subscribed: bool = False
    gone: bool = False  # the account is no more
    refused: int = 0  # a status that the server gives for this person: 11, 21
    offline: bool = False  # messages wait, and nothing reports them delivered
    breaks: str = ""  # why the phone cannot show what comes: "failed" follows
    opened: list[str] = field(default_factory=list)  # addresses behind buttons that were pressed
    last_event: Callback | None = None  # the latest that this person caused
    id: str = field(init=False)
    tracking: str = ""  # of the newest message: it comes back with what they do
    session: Session = field(default_factory=Session)
    _unread: bool = False

    def __post_init__(self) -> None:
        """The id: 16 bytes in base64, another one with every bot."""
        own = hashlib.md5(f"{self.network.token}:{self.number}".encode(), usedforsecurity=False)
        self.id = base64.b64encode(own.digest()).decode()

    # What they see

    @property
    def keyboard(self) -> list[list[str]]:
        """The labels on the screen: those of the newest message, none if it has none."""
        return [[label(button) for button in row] for row in self.last.rows] if self.messages else []

    def _called(self) -> str:
        return f"{self.name} ({self.number})"

    # What they do

    async def start(self, code: str = "") -> None:
        """Open the chat, press the big button of the welcome, and so subscribe."""
        await self.open(code)
        if self.subscribed:
            return
        labels = [one for row in self.keyboard for one in row]
        await (self.press(labels[0]) if labels else self.say("Здравейте"))

    async def open(self, context: str = "") -> None:
        """Open the chat by its button, or by a deep link with a context; the bot may welcome."""
        self.last_event = self.network.open_chat(self, context)
        await self.network.offered(self)

    async def subscribe(self) -> None:
        """Switch on "Receive messages". Viber forgets the tracking data."""
        self.subscribed, self.tracking = True, ""
        await self._tell("subscribed", {"user": self.profile()})

    async def unsubscribe(self, *, silently: bool = False) -> None:
        """Switch the bot off, or block it; `silently`: the bot only learns it by sending."""
        self.subscribed = False
        if not silently:
            await self._tell("unsubscribed", {"user_id": self.id})

    async def say(self, text: str, *, silent: bool = False) -> None:
        await self._send({"type": "text", "text": text}, silent=silent)

    async def press(self, wanted: str) -> None:
        """Tap a button that is on the screen now. LookupError if there is none with this label."""
        shown = [button for row in self.last.rows for button in row] if self.messages else []
        button = next((button for button in shown if label(button) == wanted), None)
        if button is None:
            raise LookupError(f"{self.name} ({self.number}) finds no button {wanted!r}; there are {self.keyboard}")
        await self._tap(button)

    async def _tap(self, button: dict[str, Any]) -> None:
        body, silent = button["ActionBody"], bool(button.get("Silent"))
        match button.get("ActionType", "reply"):
            case "share-phone":
                await self.share_phone(text=body)
            case "location-picker":
                await self.send_location()
            case "none":
                return
            case "open-url":
                self.opened.append(body)
                await self.say(body, silent=silent)
            case _:
                await self.say(body, silent=silent)

    async def share_phone(self, number: str = "", *, text: str = "") -> None:
        """What a share-phone button does: a card without a name; a computer has no number to give."""
        own: dict[str, Any] = {"type": "contact", "contact": {"phone_number": number or self.phone}}
        shapes: dict[str, dict[str, Any]] = {"contact": {"type": "contact", "contact": {}}, "text": {"type": "text"}}
        await self._send({**shapes.get(self.desktop, own), **({"text": text} if text else {})})

    async def forward_contact(self, name: str, number: str) -> None:
        """A card out of the address book: it has a name."""
        await self._send({"type": "contact", "contact": {"name": name, "phone_number": number}})

    async def send_sticker(self, number: int = 40133) -> None:
        await self._send({"type": "sticker", "sticker_id": number, "media": self._media(b"", "sticker.png")})

    async def send_photo(self, caption: str = "", content: bytes = b"", *, name: str = "photo.jpg") -> None:
        media = self._media(content, name)
        words = {"text": caption} if caption else {}
        await self._send({"type": "picture", "media": media, "thumbnail": media, "file_name": name, **words})

    async def send_video(self, caption: str = "", content: bytes = b"") -> None:
        media = self._media(content, "video.mp4")
        words = {"text": caption} if caption else {}
        await self._send({"type": "video", "media": media, "size": len(content), "duration": 2, **words})

    async def send_document(self, content: bytes = b"", *, name: str = "a.pdf") -> None:
        media = self._media(content, name)
        await self._send({"type": "file", "media": media, "file_name": name, "size": len(content)})

    async def send_location(self, lat: Any = 43.99, lon: Any = 22.88) -> None:
        await self._send({"type": "location", "location": {"lat": lat, "lon": lon}})

    async def send_url(self, url: str) -> None:
        await self._send({"type": "url", "media": url})

    async def send(self, message: dict[str, Any]) -> None:
        """Anything at all, as an app of tomorrow might send it."""
        await self._send(message)

    async def read(self) -> None:
        """Look at the chat: one "seen", for the newest message."""
        shown = [message.token for message in self.messages if message.token]
        if self._unread and shown:
            self._unread = False
            await self._tell("seen", {"user_id": self.id}, token=shown[-1])

    async def come_online(self) -> None:
        """The phone is switched on: what waited is delivered."""
        self.offline = False
        for message in [message for message in self.messages if message.body.get("waits")]:
            del message.body["waits"]
            self._delivered(message)
        await self.network.offered(self)

    # What the network shows them

    def show(self, message: Message) -> None:
        """A new message of the bot's."""
        if self.breaks:
            self.network.tell(self, "failed", {"user_id": self.id, "desc": self.breaks}, token=message.token)
            return
        self.tracking = message.body.get("tracking_data", "")
        if self.offline:
            message.body["waits"] = True
        self.messages.append(message)
        self._unread = True
        if not self.offline:
            self._delivered(message)
        self.changed(news=True)

    def _delivered(self, message: Message) -> None:
        for _ in range(self.devices if message.token else 0):
            self.network.tell(self, "delivered", {"user_id": self.id}, token=message.token)

    def profile(self) -> dict[str, Any]:
        return {
            "id": self.id, "name": self.name, "avatar": "https://media-direct.cdn.example/avatar",
            "language": self.language, "country": self.country, "api_version": self.api_version,
        }  # fmt: skip

    def _media(self, content: bytes, name: str) -> str:
        return self.network.keep_media(content, name)

    async def _send(self, message: dict[str, Any], *, silent: bool = False) -> None:
        self.subscribed = True  # no event says so
        now = self.network.now()
        self.session.unanswered.clear()
        if now - self.session.began >= 24 * 3600:
            self.session.began = now
        if self.tracking:
            message["tracking_data"] = self.tracking
        await self._tell("message", {"sender": self.profile(), "message": message, "silent": silent})

    async def _tell(self, kind: str, fields: dict[str, Any], token: int = 0) -> None:
        self._seen = self._news
        self.last_event = self.network.tell(self, kind, fields, token=token)
        await self.network.offered(self)
