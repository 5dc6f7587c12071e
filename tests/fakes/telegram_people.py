"""The people of the fake Telegram: what they do on their phones, and what they see there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.fakes.telegram_files import File
from tests.fakes.waiting import Reader


class Network(Protocol):
    """What a phone needs of the server."""

    def now(self) -> int: ...
    def new_message_id(self, person: Person) -> int: ...
    def push(self, kind: str, owner: int, body: dict[str, Any]) -> int | None: ...
    def open_query(self, person: Person) -> str: ...
    def bot(self) -> dict[str, Any]: ...
    def keep_file(self, kind: str, content: bytes, name: str, mime: str) -> File: ...


@dataclass
class Message:
    """One message of the bot's, as it stands in the chat now."""

    id: int
    text: str
    date: int
    rows: list[list[dict[str, Any]]] = field(default_factory=list)  # inline buttons
    markup: dict[str, Any] = field(default_factory=dict)  # as it was sent
    document: tuple[str, bytes, str] | None = None  # filename, content, media type
    voice: str = ""  # the handle of a voice note
    photo: str = ""  # the handle of a photo
    edits: int = 0

    @property
    def is_text(self) -> bool:
        return not (self.document or self.voice or self.photo)

    @property
    def labels(self) -> list[str]:
        return [button["text"] for row in self.rows for button in row]


@dataclass
class Person(Reader[Message]):
    """One person with one phone. Actions return when Telegram has taken them, not when the bot has.

    Of the messages, edits are applied and deleted ones gone.
    """

    id: int
    first_name: str
    network: Network
    last_name: str = ""
    language_code: str = "bg"
    phone: str = ""
    started: bool = False
    blocked: bool = False
    deactivated: bool = False
    spinning: set[str] = field(default_factory=set)  # presses that were not answered yet
    last_update: int | None = None  # the number of the latest update this person caused
    _menu: list[list[dict[str, Any]]] = field(default_factory=list)
    _one_time: bool = False
    _own_message: int = 0

    # What they see

    @property
    def keyboard(self) -> list[list[str]]:
        """The labels of the reply keyboard, row by row."""
        return [[button["text"] for button in row] for row in self._menu]

    def _called(self) -> str:
        return f"{self.first_name} ({self.id})"

    # What they do

    async def start(self, code: str = "") -> None:
        """Press the start button, or open a deep link."""
        if self.blocked:
            await self.unblock()
        text = f"/start {code}" if code else "/start"
        self._send(text=text, entities=[{"type": "bot_command", "offset": 0, "length": 6}])

    async def say(self, text: str, *, answers: Message | None = None) -> None:
        """Write; `answers`: by swiping the message that is meant."""
        self._send(answers, text=text)

    async def edit(self, text: str) -> None:
        """Change the latest own message."""
        body = {**self._message(self._own_message), "edit_date": self.network.now(), "text": text}
        self._push("edited_message", body)

    async def press(self, label: str) -> None:
        """Tap what carries this label: the newest inline button, otherwise the reply keyboard's."""
        for message in reversed(self.messages):
            for button in (button for row in message.rows for button in row if button["text"] == label):
                self._tap(message, button)
                return
        for button in (button for row in self._menu for button in row if button["text"] == label):
            if self._one_time:
                self._menu = []
            if button.get("request_contact"):
                await self.share_phone(self.phone)
            else:
                await self.say(label)
            return
        seen = [*self.keyboard, *(message.labels for message in self.messages[-3:])]
        raise LookupError(f"{self.first_name} ({self.id}) finds no button {label!r}; there are {seen}")

    async def press_data(self, data: str, message: Message | None = None) -> None:
        """Tap a button that may be long gone."""
        self._tap(message or self.last, {"text": "", "callback_data": data})

    async def share_phone(self, number: str, *, own: bool = True) -> None:
        """Share a contact card: one's own by the keyboard's button, or another's from the address book."""
        card: dict[str, Any] = {"phone_number": number, "first_name": self.first_name}
        self._send(contact={**card, "user_id": self.id} if own else {**card, "first_name": "Другият"})

    async def send_sticker(self) -> None:
        self._send(sticker={**_file("sticker"), "width": 512, "height": 512, "emoji": "👍", "type": "regular"})

    async def send_photo(
        self, caption: str = "", content: bytes = b"", *, answers: Message | None = None, **more: Any
    ) -> None:
        """The phone shrinks a photo; Telegram offers several sizes of it. `more` as in a message."""
        file = self.network.keep_file("photo", content, "", "") if content else None
        large = file.described(width=1280, height=960) if file else {**_file("photo"), "width": 1280, "height": 960}
        small = {**_file("photo"), "width": 90, "height": 67, "file_size": 1000}
        self._send(answers, photo=[small, large], **({"caption": caption} if caption else {}), **more)

    async def send_voice(self, caption: str = "", content: bytes = b"", *, answers: Message | None = None) -> None:
        file = self.network.keep_file("voice", content, "", "audio/ogg").described() if content else _file("voice")
        words = {"caption": caption} if caption else {}
        self._send(answers, voice={**file, "duration": 2, "mime_type": "audio/ogg"}, **words)

    async def send_document(
        self, caption: str = "", content: bytes = b"", *, name: str = "a.pdf", answers: Message | None = None
    ) -> None:
        kept = self.network.keep_file("document", content, name, "application/pdf") if content else None
        file = kept.described() if kept else _file("document")
        words = {"caption": caption} if caption else {}
        self._send(answers, document={**file, "file_name": name, "mime_type": "application/pdf"}, **words)

    async def send_location(self) -> None:
        self._send(location={"latitude": 43.99, "longitude": 22.88})

    async def block(self) -> None:
        self.blocked = True
        self._membership("member", "kicked")

    async def unblock(self) -> None:
        self.blocked = False
        self._membership("kicked", "member")

    # What the network shows them

    def show(self, message: Message) -> None:
        """A new message of the bot's."""
        self.messages.append(message)
        markup = message.markup
        if "keyboard" in markup:
            self._menu = [[_button(button) for button in row] for row in markup["keyboard"]]
            self._one_time = bool(markup.get("one_time_keyboard"))
        elif markup.get("remove_keyboard"):
            self._menu = []
        self.changed(news=True)

    def profile(self) -> dict[str, Any]:
        profile = {"id": self.id, "is_bot": False, "first_name": self.first_name, "language_code": self.language_code}
        return {**profile, "last_name": self.last_name} if self.last_name else profile

    def chat(self) -> dict[str, Any]:
        return {"id": self.id, "type": "private", "first_name": self.first_name}

    def _send(self, answers: Message | None = None, /, **content: Any) -> None:
        self.started = True
        self._own_message = self.network.new_message_id(self)
        replied = {"reply_to_message": self._of_the_bot(answers)} if answers else {}
        self._push("message", {**self._message(self._own_message), **replied, **content})

    def _of_the_bot(self, message: Message) -> dict[str, Any]:
        words = {"text" if message.is_text else "caption": message.text}
        return {"message_id": message.id, "from": self.network.bot(), "chat": self.chat(), "date": message.date} | words

    def _message(self, number: int) -> dict[str, Any]:
        return {"message_id": number, "from": self.profile(), "chat": self.chat(), "date": self.network.now()}

    def _membership(self, old: str, new: str) -> None:
        bot = self.network.bot()
        body = {
            "chat": self.chat(),
            "from": self.profile(),
            "date": self.network.now(),
            "old_chat_member": {"status": old, "user": bot},
            "new_chat_member": {"status": new, "user": bot, **({"until_date": 0} if new == "kicked" else {})},
        }
        self._push("my_chat_member", body)

    def _tap(self, message: Message, button: dict[str, Any]) -> None:
        if "callback_data" not in button:
            raise LookupError(f"{button['text']!r} opens a page and tells the bot nothing")
        shown = {**self._of_the_bot(message), "reply_markup": {"inline_keyboard": message.rows}}
        query = {"id": self.network.open_query(self), "from": self.profile(), "chat_instance": str(self.id * 7919)}
        self._push("callback_query", {**query, "message": shown, "data": button["callback_data"]})

    def _push(self, kind: str, body: dict[str, Any]) -> None:
        self._seen = self._news
        self.last_update = self.network.push(kind, self.id, body)


def _button(button: dict[str, Any] | str) -> dict[str, Any]:
    return {"text": button} if isinstance(button, str) else button


def _file(kind: str) -> dict[str, Any]:
    return {"file_id": f"{kind}-1", "file_unique_id": f"u-{kind}-1", "file_size": 1000}
