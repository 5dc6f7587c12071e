"""What travels: plain frozen values shared by channels, dialog and outbox.

Must import nothing of ours, so that every room may import it. Nothing here knows a platform, a database or a language.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any


class Kind(StrEnum):
    """What a person did. A channel maps everything a platform can deliver onto these, and drops nothing silently."""

    TEXT = "text"  # typed words, in Incoming.text
    PRESS = "press"  # a button under a message, its data in Incoming.press
    START = "start"  # opened the chat, or came by a deep link; its code in Incoming.text
    OPENED = "opened"  # the same where we may not write before they do: the code is kept, and nothing is said
    PHONE = "phone"  # shared a contact card; the number in Incoming.phone
    OTHER = "other"  # sticker, photo, voice, file, place…: what it was in Incoming.text
    EDITED = "edited"  # changed an earlier message; the new words in Incoming.text
    BLOCKED = "blocked"  # blocked or left us on the platform
    UNBLOCKED = "unblocked"  # came back on the platform


class Lane(IntEnum):
    """Who goes first. A reply to someone who waits goes before reminders, and reminders before broadcasts."""

    REPLY = 0
    REMINDER = 1
    BROADCAST = 2


@dataclass(frozen=True, slots=True)
class Address:
    """One way to reach somebody on one channel: `telegram:123`, `web:…`."""

    channel: str
    external: str

    def __str__(self) -> str:
        return f"{self.channel}:{self.external}"


@dataclass(frozen=True, slots=True)
class Media:
    """A picture, a voice note or a file.

    What somebody sent lies with the platform that brought it, under a handle by which only that channel can send it
    on; once its content is kept, other channels show it by its number. What we draw ourselves comes as data.
    """

    kind: str  # photo, voice, document
    channel: str = ""  # whose handle it is
    handle: str = ""
    number: int = 0  # under which its content is kept
    filename: str = ""
    mime: str = ""
    size: int = 0  # bytes, as the platform says; 0 if it does not
    data: bytes = b""  # a code or a chart of ours

    def to_json(self) -> dict[str, Any]:
        """The shape that answers and the outbox keep. Empty fields are left out."""
        kept = {"kind": self.kind, "channel": self.channel, "handle": self.handle, "number": self.number}
        kept |= {"filename": self.filename, "mime": self.mime, "size": self.size}
        kept["data"] = base64.b64encode(self.data).decode()
        return {key: value for key, value in kept.items() if value}

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Media:
        """The inverse of to_json."""
        return cls(**{**raw, "data": base64.b64decode(raw.get("data", ""))})


@dataclass(frozen=True, slots=True)
class Incoming:
    """One thing a person did, as a channel understood it. Text is already free of ЕГН, card and bank numbers."""

    key: str  # unique for this event on this channel and bot: the inbox refuses it a second time
    address: Address
    kind: Kind
    text: str = ""
    press: str = ""
    phone: str = ""  # E.164 when it could be read as a number, otherwise as it came
    phone_is_own: bool = False  # the platform vouches that this is the sender's own number
    name: str = ""  # the profile's name, only ever offered, never taken over unasked
    shown: str = ""  # the platform's id of the message whose button was pressed
    reply_to: str = ""  # the platform's id of our message that this one answers
    media: Media | None = None  # what came with it: a photo, a voice note, a document
    reply_token: str = ""  # what the platform wants back to stop its spinner (a callback query's id)
    hidden: tuple[str, ...] = ()  # kinds of numbers that were taken out of text: "egn", "card", "iban"
    order: int = 0  # the platform's own order for one person; smaller came first
    sent_at: datetime | None = None  # UTC, by the platform's clock


@dataclass(frozen=True, slots=True)
class Button:
    """One thing to tap. Exactly one of press, url and shares_phone says what the tap does."""

    label: str
    press: str = ""  # comes back as Incoming.press; at most 64 bytes of UTF-8 (Telegram's callback_data)
    url: str = ""
    shares_phone: bool = False  # asks the platform for the person's own number, where it can


@dataclass(frozen=True, slots=True)
class Document:
    """A file for one person: their own data."""

    filename: str
    mime: str
    text: str


Rows = tuple[tuple[Button, ...], ...]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to one person. Plain text: no markup is ever interpreted."""

    text: str
    rows: Rows = ()  # buttons under this message
    menu: tuple[tuple[str, ...], ...] = ()  # the lasting menu's labels; sent as text when tapped
    document: Document | None = None
    media: Media | None = None  # the text is then its caption
    replaces: str = ""  # platform id of our earlier message, to be edited in place where the channel can
    removes: str = ""  # platform id of our earlier message, to be deleted; nothing else is then said
    clears: bool = False  # what stood in this chat before is erased: a page of ours shows it no longer

    def to_json(self) -> dict[str, Any]:
        """The shape that the outbox keeps. Empty fields are left out."""
        out: dict[str, Any] = {"text": self.text}
        if self.rows:
            out["rows"] = [[_button_json(b) for b in row] for row in self.rows]
        if self.menu:
            out["menu"] = [list(row) for row in self.menu]
        if self.document:
            out["document"] = [self.document.filename, self.document.mime, self.document.text]
        if self.media:
            out["media"] = self.media.to_json()
        if self.replaces:
            out["replaces"] = self.replaces
        if self.removes:
            out["removes"] = self.removes
        if self.clears:
            out["clears"] = True
        return out

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Outgoing:
        """The inverse of to_json."""
        document, media = raw.get("document"), raw.get("media")
        return cls(
            text=raw["text"],
            rows=tuple(tuple(Button(**b) for b in row) for row in raw.get("rows", ())),
            menu=tuple(tuple(row) for row in raw.get("menu", ())),
            document=Document(*document) if document else None,
            media=Media.from_json(media) if media else None,
            replaces=raw.get("replaces", ""),
            removes=raw.get("removes", ""),
            clears=raw.get("clears", False),
        )


def _button_json(button: Button) -> dict[str, Any]:
    out: dict[str, Any] = {"label": button.label}
    if button.press:
        out["press"] = button.press
    if button.url:
        out["url"] = button.url
    if button.shares_phone:
        out["shares_phone"] = True
    return out


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the sender hands to a channel: one outbox row, opened."""

    id: int  # the outbox row
    address: Address
    message: Outgoing
    lane: Lane = Lane.REPLY


@dataclass(frozen=True, slots=True)
class Sent:
    """The platform took the message."""

    platform_id: str = ""  # its id there, for edits and delivery reports
    billing: int | None = None  # by what rule the platform charges for it, in its own numbers; None: it says nothing
    shared: bool = False  # one answer for all whom a call reached: what it says of billing is nobody's own


@dataclass(frozen=True, slots=True)
class Failure:
    """The platform did not take the message, or we cannot know. The sender alone decides what follows."""

    code: str  # short and stable: "blocked", "bad_request", "timeout"…
    text: str = ""  # the platform's words, with no secret and no personal data
    retryable: bool = False
    retry_after: float = 0.0  # seconds the platform asked us to wait; 0 if it did not
    contact_gone: bool = False  # blocked, deactivated, chat not found: write no more to this address
    channel_down: bool = False  # nobody can be written to now (401, 409, no network): pause the channel
    ambiguous: bool = False  # the request left us and no answer came: it may have been delivered
    rest: float = 0.0  # seconds that this chat shall be left in peace, and nobody else
    unpaid: str = ""  # nobody is written to of our own accord: "quota" until the month ends, "balance" until it is paid


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a platform reports later of a message that it took. May come before the answer to the send, and twice."""

    address: Address
    platform_id: str  # of Sent; one of a message sent to many at once is the same for all
    status: str  # delivered, read (and with it all that was sent before), failed
    text: str = ""  # why it failed, with no personal data
    at: datetime | None = None  # UTC, by the platform's clock


@dataclass(frozen=True, slots=True)
class Limits:
    """What a channel may send. Rates are messages a second; bursts are messages."""

    bulk_rate: float = 1000.0
    bulk_burst: float = 29.0
    chat_rate: float = 1.0
    chat_burst: float = 20.0  # for replies; bulk to one chat never bursts
    concurrency: int = 32
    repeatable: bool = False  # a second call for the same row shows nothing twice
    together: int = 1  # people to whom one call can bring the same message; see SendsTogether
    text_length: int = 4096  # in the unit that the channel counts


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of a chat as its page shows it: what the person said, or what we said."""

    id: int  # rises within one chat for our messages; 0 for the person's own
    mine: bool  # the person wrote it
    message: Outgoing
    at: datetime  # UTC
    client_id: str = field(default="")  # the page's own id of a message that the person sent
    unasked: bool = False  # we wrote of our own accord: its buttons stay, whatever else is talked about
