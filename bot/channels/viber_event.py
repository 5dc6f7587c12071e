"""Reads one callback of Viber's: raw JSON in, an Incoming, a Receipt or the reason why neither out.

Pure, and must trust no type. Tolerant, because Viber's own pages and its traffic differ: numbers come as text, names
are missing, kinds that are listed nowhere arrive. Source: Viber REST Bot API, "Callbacks".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from bot import privacy
from bot.channels import fields
from bot.channels.fields import Ignored, Malformed, WrongFieldError, needed_object, needed_text
from bot.channels.viber_wire import token_of
from bot.messages import Address, Incoming, Kind, Media, Receipt

CHANNEL: Final = "viber"
PRESS: Final = "tap:"  # what stands before a button's data in its ActionBody: a press arrives as text that says this
START: Final = "start:"  # the same for „Започни“, with the code of a deep link behind it

_ID: Final = re.compile(r"[A-Za-z0-9+/=_-]{8,60}")  # base64 of 16 bytes; compared with its case
_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_PRESS_BYTES: Final = 64
_TYPED_LENGTH: Final = 7000
_URL_LENGTH: Final = 2000
_TEXT_LENGTH: Final = 150


@dataclass(frozen=True, slots=True)
class Opened:
    """Somebody opened the chat who may not be written to yet: the welcome is the answer to this very call."""

    event: Incoming


@dataclass(frozen=True, slots=True)
class Seen:
    """What else a callback tells of a person: the newest features that all their devices know."""

    user: str
    api_version: int  # 0: it says nothing


Read = Incoming | Opened | Receipt | Ignored | Malformed


@dataclass(frozen=True, slots=True)
class _Frame:
    """What every callback has."""

    bot: str
    event: str
    token: str
    at: datetime | None
    order: int

    def said(self, who: Mapping[str, Any], kind: Kind, **more: Any) -> Incoming:
        key = f"{CHANNEL}:{self.bot}:{self.event}:{self.token}"
        address, name = Address(CHANNEL, _user(who.get("id"))), fields.line(_optional(who, "name"))
        return Incoming(key, address, kind, name=name, order=self.order, sent_at=self.at, **more)


def read_callback(raw: object, bot: str) -> Read:
    """Read one callback. `bot` tells apart what two bots of one database are told."""
    try:
        if not isinstance(raw, dict):
            return Malformed("not an object")
        event = needed_text(raw, "event")
        read = _READERS.get(event)
        if read is None:
            return Ignored(f"event {event[:30]!r}" if event.isidentifier() else "an unknown event")
        order = _millis(raw.get("timestamp"))
        token = token_of(raw.get("message_token"))
        at = datetime.fromtimestamp(order / 1000, UTC) if order else None
        return read(raw, _Frame(bot, event, token, at, order))
    except WrongFieldError as reason:
        return Malformed(str(reason))


def typed_in(raw: object) -> str:
    """The text of a message as it came: what an ActionBody of ours can be told by."""
    message = raw.get("message") if isinstance(raw, dict) else None
    return (_optional(message, "text") or _optional(message, "media")) if isinstance(message, dict) else ""


def seen_in(raw: object) -> Seen | None:
    """Whom a callback is about, and what their app knows; None where it says nothing of that."""
    who = (raw.get("sender") or raw.get("user")) if isinstance(raw, dict) else None
    if not isinstance(who, dict) or not isinstance(who.get("id"), str):
        return None
    version = who.get("api_version")
    return Seen(who["id"], version if type(version) is int and version > 0 else 0)


# --- events ---------------------------------------------------------------------------------------------------------


def _message(raw: Mapping[str, Any], frame: _Frame) -> Read:
    _need_token(frame)
    who, message = needed_object(raw, "sender"), needed_object(raw, "message")
    match message.get("type"):
        case "text":
            return _text(who, needed_text(message, "text"), frame)
        case "contact":
            return _contact(who, message, frame)
        case "url":
            return _text(who, _optional(message, "text") or needed_text(message, "media"), frame)
        case str(what):
            return _other(who, what, message, frame)
    raise WrongFieldError("message.type: no text")


def _text(who: Mapping[str, Any], typed: str, frame: _Frame) -> Incoming:
    """Typed words, or a button: which of the two, its ActionBody says."""
    if typed.startswith(START):
        code, hidden = _code(typed.removeprefix(START)), privacy.hide_numbers(typed)[1]
        # Pressed, and so a word of theirs: a session begins with it, as it does not when somebody opens the chat.
        return frame.said(who, Kind.START, text=code, press=f"/start {code}".strip(), hidden=hidden)
    press = typed.removeprefix(PRESS)
    if press != typed and 0 < len(press.encode("utf-8", "replace")) <= _PRESS_BYTES and press.isprintable():
        return frame.said(who, Kind.PRESS, press=press)
    text, hidden = _words(typed)
    return frame.said(who, Kind.TEXT, text=text, hidden=hidden)


def _contact(who: Mapping[str, Any], message: Mapping[str, Any], frame: _Frame) -> Incoming:
    """A number. The button's is the sender's own word; a card with a name is somebody else's; a desktop sends none."""
    card = message.get("contact")
    card = card if isinstance(card, dict) else {}
    phone, hidden = fields.phone(str(card.get("phone_number") or ""))
    pressed = _optional(message, "text").startswith(PRESS)
    if not phone:
        return _text(who, _optional(message, "text"), frame) if pressed else frame.said(who, Kind.OTHER, text="contact")
    if card.get("name") and not pressed:
        return frame.said(who, Kind.PHONE, phone=phone, hidden=hidden)
    return frame.said(who, Kind.TEXT, text=phone, hidden=hidden)


def _other(who: Mapping[str, Any], what: str, message: Mapping[str, Any], frame: _Frame) -> Incoming:
    """A picture, a film, a file, a sticker, a place, or what nobody has told us of."""
    named = {"picture": "photo", "file": "document"}.get(what, what if what.isidentifier() else "unknown")
    caption, hidden = _words(_optional(message, "text"))
    text = f"{named[:30]}\n{caption}".rstrip()
    return frame.said(who, Kind.OTHER, text=text, media=_media(what, message), hidden=hidden)


_MEDIA: Final[Mapping[str, str]] = {"picture": "photo", "file": "document", "video": "document"}


def _media(what: str, message: Mapping[str, Any]) -> Media | None:
    url, kind = _optional(message, "media"), _MEDIA.get(what)
    if kind is None or not url.startswith(("https://", "http://")) or len(url) > _URL_LENGTH or not url.isprintable():
        return None
    name = fields.line(_optional(message, "file_name"))
    sizes = (message.get("size"), message.get("file_size"))
    size = next((one for one in sizes if type(one) is int and 0 < one < 2**53), 0)
    return Media(kind, CHANNEL, url, filename=name if kind == "document" else "", size=size)


def _opened(raw: Mapping[str, Any], frame: _Frame) -> Read:
    _need_token(frame)
    who, code = needed_object(raw, "user"), _code(_optional(raw, "context"))
    if raw.get("subscribed") is True and not code:
        return Ignored("the chat was opened again")  # perhaps each time: it must not disturb what is talked about
    # To open a link is no word: a „стоп“ stays, a question stays open, and „Започни“ brings the code when it is tapped.
    return Opened(frame.said(who, Kind.OPENED, text=code))


def _subscribed(raw: Mapping[str, Any], frame: _Frame) -> Read:
    _need_token(frame)
    return frame.said(needed_object(raw, "user"), Kind.UNBLOCKED)


def _unsubscribed(raw: Mapping[str, Any], frame: _Frame) -> Read:
    _need_token(frame)
    return frame.said({"id": raw.get("user_id")}, Kind.BLOCKED)


def _receipt(raw: Mapping[str, Any], frame: _Frame) -> Read:
    _need_token(frame)
    status = {"delivered": "delivered", "seen": "read", "failed": "failed"}[frame.event]
    why = fields.line(_optional(raw, "desc"), _TEXT_LENGTH)
    return Receipt(Address(CHANNEL, _user(raw.get("user_id"))), frame.token, status, why, frame.at)


def _webhook(raw: Mapping[str, Any], frame: _Frame) -> Read:
    return Ignored("the webhook is tried")


def _client_status(raw: Mapping[str, Any], frame: _Frame) -> Read:
    return Ignored("about payments, of which we know nothing")


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any], _Frame], Read]]] = {
    "message": _message,
    "conversation_started": _opened,
    "subscribed": _subscribed,
    "unsubscribed": _unsubscribed,
    "delivered": _receipt,
    "seen": _receipt,
    "failed": _receipt,
    "webhook": _webhook,
    "client_status": _client_status,
}


# --- fields ---------------------------------------------------------------------------------------------------------


def _words(text: str) -> tuple[str, tuple[str, ...]]:
    return fields.words(text, _TYPED_LENGTH)


def _code(context: str) -> str:
    return context if _CODE.fullmatch(context) and not privacy.hide_numbers(context)[1] else ""


def _user(value: object) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise WrongFieldError(f"the person's id: {fields.fault(value)}")
    return value


def _millis(value: object) -> int:
    """Of a time, as a number or as text; 0 for whatever is none."""
    millis = int(token_of(value) or 0)
    return millis if millis < fields.LAST_DATE * 1000 else 0


def _need_token(frame: _Frame) -> None:
    if not frame.token:
        raise WrongFieldError("message_token: missing")


def _optional(raw: Mapping[str, Any], field: str) -> str:
    value = raw.get(field)
    return value if isinstance(value, str) else ""
