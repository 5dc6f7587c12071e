"""Reads one update of the Bot API: raw JSON in, an Incoming or the reason why not out.

Pure, and must trust no type: whoever knows the webhook's address and secret could send anything. Reads the raw JSON,
because python-telegram-bot's `Update.de_json` costs 141 µs and takes every field as it comes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from bot.channels import fields
from bot.channels.fields import Ignored, Malformed, WrongFieldError, needed_object, needed_text
from bot.messages import Address, Incoming, Kind, Media

CHANNEL: Final = "telegram"
ALLOWED_UPDATES: Final = ("message", "edited_message", "callback_query", "my_chat_member")
STALE_SECONDS: Final = 48 * 3600  # Telegram keeps an update for 24 hours at most, so an older one is a replay

_LONGEST_ID: Final = 2**53  # ids have up to 52 significant bits
_WORD_BYTES: Final = 64  # of callback_data; ids of queries have twenty digits
_TYPED_LENGTH: Final = 4096  # of one message
_FILE_LENGTH: Final = 256  # of a file's handle; real ones stay under 100
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")  # a deep link's payload
_MIME: Final = re.compile(r"(?=.{3,64}$)[a-z]+/[a-z0-9.+-]+")  # whatever else it says is nothing to go by
# The first that is there names the message: an animation also comes as a document, a venue as a location.
_KINDS: Final = (
    *("photo", "voice", "audio", "video", "video_note", "sticker", "animation", "document", "venue", "location"),
    *("poll", "dice", "game", "story", "checklist", "paid_media", "invoice"),
)
_SERVICE: Final = (
    *("pinned_message", "message_auto_delete_timer_changed", "write_access_allowed", "chat_background_set"),
    *("connected_website", "successful_payment", "refunded_payment", "users_shared", "chat_shared", "web_app_data"),
    *("passport_data", "proximity_alert_triggered", "boost_added", "gift", "unique_gift", "giveaway_created"),
)


Read = Incoming | Ignored | Malformed


@dataclass(frozen=True, slots=True)
class _Sender:
    id: int
    name: str


def update_id(raw: object) -> int | None:
    """The update's own number, or None if it has none that can be one."""
    try:
        return _whole(raw, "update_id") if isinstance(raw, dict) else None
    except WrongFieldError:
        return None


def read_update(raw: object, bot_id: int, *, now: float) -> Read:
    """Read one update. `now` is in seconds since 1970 and judges only what is too old to be run."""
    try:
        if not isinstance(raw, dict):
            return Malformed("not an object")
        number = _whole(raw, "update_id")
        for kind, read in _READERS.items():
            if kind in raw:
                return read(needed_object(raw, kind), _Frame(f"{CHANNEL}:{bot_id}:{number}", number, now))
    except WrongFieldError as reason:
        return Malformed(str(reason))
    return Ignored("a kind of update that was not asked for")


@dataclass(frozen=True, slots=True)
class _Frame:
    """What every event of one update shares."""

    key: str
    order: int
    now: float

    def event(self, sender: _Sender, kind: Kind, **fields: Any) -> Incoming:
        address = Address(CHANNEL, str(sender.id))
        return Incoming(key=self.key, address=address, kind=kind, name=sender.name, order=self.order, **fields)


def _message(raw: Mapping[str, Any], frame: _Frame) -> Read:
    found = _fresh(raw, frame, "date")
    if isinstance(found, Ignored):
        return found
    sender, at = found
    if "text" in raw:
        return _text(needed_text(raw, "text"), _answered(raw), frame, sender, at)
    if "contact" in raw:
        return _contact(needed_object(raw, "contact"), frame, sender, at)
    if any(kind in raw for kind in _SERVICE):
        return Ignored("a service message")
    what = next((kind for kind in _KINDS if kind in raw), "unknown")
    caption, hidden = _words(needed_text(raw, "caption")) if "caption" in raw else ("", ())
    text = f"{what}\n{caption}".rstrip()
    media, answers = _media(raw, what), _answered(raw)
    return frame.event(sender, Kind.OTHER, text=text, media=media, reply_to=answers, hidden=hidden, sent_at=at)


def _text(typed: str, answers: str, frame: _Frame, sender: _Sender, at: datetime) -> Incoming:
    command, _, code = typed.partition(" ")
    if command != "/start":
        text, hidden = _words(typed)
        return frame.event(sender, Kind.TEXT, text=text, reply_to=answers, hidden=hidden, sent_at=at)
    # What is no code of a link was typed after the command by hand: it opens the chat and carries nothing.
    text, hidden = _words(code) if _CODE.fullmatch(code) else ("", ())
    return frame.event(sender, Kind.START, text="" if hidden else text, hidden=hidden, sent_at=at)


def _contact(raw: Mapping[str, Any], frame: _Frame, sender: _Sender, at: datetime) -> Incoming:
    own = "user_id" in raw and _whole(raw, "user_id") == sender.id
    phone, hidden = fields.phone(needed_text(raw, "phone_number"))
    return frame.event(sender, Kind.PHONE, phone=phone, phone_is_own=own, hidden=hidden, sent_at=at)


def _edited(raw: Mapping[str, Any], frame: _Frame) -> Read:
    found = _fresh(raw, frame, "edit_date" if "edit_date" in raw else "date")
    if isinstance(found, Ignored):
        return found
    sender, at = found
    field = next((name for name in ("text", "caption") if name in raw), None)
    if field is None:
        return Ignored("an edit without words")  # a live location moves every few seconds
    text, hidden = _words(needed_text(raw, field))
    return frame.event(sender, Kind.EDITED, text=text, hidden=hidden, sent_at=at)


def _press(raw: Mapping[str, Any], frame: _Frame) -> Read:
    token = _printable(raw, "id")
    if "message" not in raw or "data" not in raw:
        return Ignored("a press outside a chat with us")
    message = needed_object(raw, "message")
    sender = _private_sender(raw, needed_object(message, "chat"))
    if isinstance(sender, Ignored):
        return sender
    data, shown = _printable(raw, "data"), _whole(message, "message_id")
    return frame.event(sender, Kind.PRESS, press=data, shown=str(shown), reply_token=token)


def _membership(raw: Mapping[str, Any], frame: _Frame) -> Read:
    found = _fresh(raw, frame, "date")
    status = needed_text(needed_object(raw, "new_chat_member"), "status")
    if isinstance(found, Ignored):
        return found
    sender, at = found
    match status:
        case "kicked" | "left":
            return frame.event(sender, Kind.BLOCKED, sent_at=at)
        case "member":
            return frame.event(sender, Kind.UNBLOCKED, sent_at=at)
    return Ignored("another membership")


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any], _Frame], Read]]] = {
    "message": _message,
    "callback_query": _press,
    "edited_message": _edited,
    "my_chat_member": _membership,
}


def _words(text: str) -> tuple[str, tuple[str, ...]]:
    return fields.words(text, _TYPED_LENGTH)


def _fresh(raw: Mapping[str, Any], frame: _Frame, dated: str) -> tuple[_Sender, datetime] | Ignored:
    """Who did it and when, if it was done in a private chat within the last two days."""
    sender = _private_sender(raw, needed_object(raw, "chat"))
    if isinstance(sender, Ignored):
        return sender
    at = _date(raw, dated)
    return Ignored("stale") if frame.now - at.timestamp() > STALE_SECONDS else (sender, at)


def _private_sender(raw: Mapping[str, Any], chat: Mapping[str, Any]) -> _Sender | Ignored:
    if needed_text(chat, "type") != "private":
        return Ignored("not a private chat")
    sender = needed_object(raw, "from")
    number = _whole(sender, "id")
    if _whole(chat, "id") != number:
        raise WrongFieldError("chat.id: not the sender's")
    if _flag(sender, "is_bot"):
        return Ignored("a bot")
    return _Sender(number, _name(sender))


def _name(sender: Mapping[str, Any]) -> str:
    parts = (needed_text(sender, part) for part in ("first_name", "last_name") if part in sender)
    return fields.line(" ".join(parts))


def _printable(raw: Mapping[str, Any], field: str) -> str:
    """A short word that we or Telegram made: a button's data, a query's id."""
    value = needed_text(raw, field)
    if not value or not value.isprintable() or len(value.encode()) > _WORD_BYTES:
        raise WrongFieldError(f"{field}: empty, too long or not printable")
    return value


def _media(raw: Mapping[str, Any], what: str) -> Media | None:
    """What can be sent on: a photo in its largest size, a voice note, a document."""
    if what == "photo":
        file = _largest(raw.get("photo"))
        return Media(what, CHANNEL, _file(file), mime="image/jpeg", size=_size(file))
    if what not in ("voice", "document"):
        return None
    file = needed_object(raw, what)
    name = fields.line(needed_text(file, "file_name")) if "file_name" in file else ""
    mime = needed_text(file, "mime_type").lower() if "mime_type" in file else ""
    mime = mime if _MIME.fullmatch(mime) else ""
    return Media(what, CHANNEL, _file(file), filename=name, mime=mime, size=_size(file))


def _largest(sizes: object) -> Mapping[str, Any]:
    """Of one photo's sizes the one with most points; Telegram promises no order."""
    found = [size for size in sizes if isinstance(size, dict)] if isinstance(sizes, list) else []
    if not found:
        raise WrongFieldError("photo: no sizes")
    return max(found, key=lambda size: (_points(size), _points(size, "file_size")))


def _points(size: Mapping[str, Any], *fields: str) -> int:
    numbers = (size.get(field) for field in fields or ("width", "height"))
    return math.prod(number if type(number) is int and number > 0 else 0 for number in numbers)


def _size(raw: Mapping[str, Any]) -> int:
    """Bytes of a file; 0 where Telegram does not say, or says 0."""
    return _whole(raw, "file_size") if raw.get("file_size", 0) != 0 else 0


def _answered(raw: Mapping[str, Any]) -> str:
    """The message that this one was written as an answer to. Where it cannot be read, the words still count."""
    answered = raw.get("reply_to_message")
    number = answered.get("message_id") if isinstance(answered, dict) else None
    return str(number) if type(number) is int and 0 < number < _LONGEST_ID else ""


def _file(raw: Mapping[str, Any]) -> str:
    """By which the bot that got a file can send it on."""
    value = needed_text(raw, "file_id")
    if not value or not value.isprintable() or len(value) > _FILE_LENGTH:
        raise WrongFieldError("file_id: empty, too long or not printable")
    return value


def _flag(raw: Mapping[str, Any], field: str) -> bool:
    value = raw.get(field)
    if not isinstance(value, bool):
        raise WrongFieldError(f"{field}: {fields.fault(value)}")
    return value


def _whole(raw: Mapping[str, Any], field: str) -> int:
    """A whole number that can be an id. `type`, because a bool is an int to isinstance."""
    value = raw.get(field)
    if type(value) is not int:
        raise WrongFieldError(f"{field}: {fields.fault(value)}")
    if not 0 < value < _LONGEST_ID:
        raise WrongFieldError(f"{field}: out of range")
    return value


def _date(raw: Mapping[str, Any], field: str) -> datetime:
    seconds = _whole(raw, field)
    if seconds > fields.LAST_DATE:
        raise WrongFieldError(f"{field}: out of range")
    return datetime.fromtimestamp(seconds, UTC)
