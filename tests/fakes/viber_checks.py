"""What the fake Viber demands of a message, and how it says no.

Fields, limits and codes: https://creators.viber.com/docs/bots-api/. Where Viber leaves a check to people's phones, or
only advises, the fake refuses: markup in a button that no phone can draw, a field nobody knows, more than 12 rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import unescape
from typing import Any
from urllib.parse import urlsplit

REQUEST_BYTES = 30 * 1024
TEXT, CAPTION, NAME, TRACKING = 7000, 768, 28, 4000
VIDEO_BYTES, FILE_BYTES = 27_262_976, 52_428_800
PICTURES = (".jpeg", ".jpg", ".png", ".gif")
REFUSED_FILES = (".exe", ".bat", ".cmd", ".msi", ".apk", ".app", ".sh", ".com", ".js", ".jar", ".vbs", ".ps1")
KEYBOARD_ROWS = 12
NAMES = {
    0: "ok", 1: "invalidUrl", 2: "invalidAuthToken", 3: "badData", 4: "missingData", 5: "Not found",
    6: "notSubscribed", 7: "publicAccountBlocked", 8: "publicAccountNotFound", 9: "publicAccountSuspended",
    10: "webhookNotSet", 11: "receiverNoSuitableDevice", 12: "Too many requests", 13: "apiVersionNotSupported",
    14: "incompatibleWithVersion", 15: "publicAccountNotAuthorized", 18: "noPublicChat", 19: "cannotSendBroadcast",
    20: "broadcastNotAllowed", 21: "unsupportedCountry", 23: "freeMessagesExceeded", 24: "noBalance",
}  # fmt: skip
"""Viber's numbers, and a text for each. Only the numbers are promised."""

_ROOT = frozenset(
    ("auth_token", "receiver", "broadcast_list", "type", "sender", "tracking_data", "min_api_version", "keyboard",
     "alt_text", "text", "media", "thumbnail", "size", "duration", "file_name", "contact", "location", "sticker_id",
     "rich_media", "chat_id", "from")
)  # fmt: skip
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_TAG = re.compile(r"<(/?)([a-z]+)((?:\s[^<>]*)?)>")
_TAGS = {"b": 1, "i": 1, "u": 1, "br": 1, "s": 4, "font": 1}

# name: (least api version, whether the value is good)
_OBJECT = lambda value: isinstance(value, dict)  # noqa: E731
_TEXT = lambda value: isinstance(value, str)  # noqa: E731
_FLAG = lambda value: isinstance(value, bool)  # noqa: E731


def _one(*values: str) -> Callable[[Any], bool]:
    return lambda value: value in values


def _whole(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= most


def _colour(value: Any) -> bool:
    return isinstance(value, str) and bool(_COLOUR.fullmatch(value))


def _paddings(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(map(_whole(0, 12), value))


Fields = Mapping[str, tuple[int, Callable[[Any], bool]]]
KEYBOARD: Fields = {
    "Type": (1, _one("keyboard", "rich_media")), "Buttons": (1, lambda value: isinstance(value, list) and bool(value)),
    "BgColor": (1, _colour), "DefaultHeight": (1, _FLAG), "CustomDefaultHeight": (3, _whole(40, 70)),
    "HeightScale": (3, _whole(20, 100)), "ButtonsGroupColumns": (4, _whole(1, 6)),
    "ButtonsGroupRows": (4, _whole(1, 7)), "InputFieldState": (4, _one("regular", "minimized", "hidden")),
    "FavoritesMetadata": (6, _OBJECT),
}  # fmt: skip
BUTTON: Fields = {
    "Columns": (1, _whole(1, 6)), "Rows": (1, _whole(1, 7)), "ActionType": (1, _TEXT),
    "ActionBody": (1, lambda value: isinstance(value, str) and 0 < len(value) <= 250), "Text": (1, _TEXT),
    "TextSize": (1, _one("small", "medium", "regular", "large")), "TextHAlign": (1, _one("left", "center", "right")),
    "TextVAlign": (1, _one("top", "middle", "bottom")), "TextOpacity": (1, _whole(0, 100)),
    "TextPaddings": (4, _paddings), "TextShouldFit": (6, _FLAG), "TextBgGradientColor": (1, _colour),
    "BgColor": (1, _colour), "BgMediaType": (1, _one("picture", "gif")), "BgMedia": (1, _TEXT), "BgLoop": (1, _FLAG),
    "BgMediaScaleType": (6, _one("crop", "fill", "fit")), "ImageScaleType": (6, _one("crop", "fill", "fit")),
    "Image": (1, _TEXT), "Silent": (1, _FLAG), "OpenURLType": (1, _one("internal", "external")),
    "OpenURLMediaType": (1, _one("not-media", "video", "gif", "picture", "audio")), "InternalBrowser": (3, _OBJECT),
    "Map": (6, _OBJECT), "Frame": (6, _OBJECT), "MediaPlayer": (6, _OBJECT),
}  # fmt: skip
ACTIONS: Mapping[str, int] = {
    "reply": 1, "open-url": 1, "": 1, "share-phone": 3, "location-picker": 3, "none": 3, "open-map": 6,
}  # fmt: skip


class RefusedError(Exception):
    """The API says no, in an answer of HTTP status 200."""

    def __init__(self, status: int, words: str = "") -> None:
        super().__init__(words or NAMES[status])
        self.status, self.words = status, words or NAMES[status]


def units(text: str) -> int:
    """Length as most phones count it."""
    return len(text.encode("utf-16-le")) // 2


def message(given: Mapping[str, Any], *, is_welcome: bool = False) -> None:
    """All that does not depend on who receives it. Raises RefusedError.

    The official client sends null for a keyboard that there is not, and a welcome without a sender.
    """
    body = {name: value for name, value in given.items() if value is not None or name == "tracking_data"}
    if unknown := body.keys() - _ROOT:
        raise RefusedError(3, f"object instance has properties which are not allowed by the schema: {sorted(unknown)}")
    if "sender" in body or not is_welcome:
        _sender(body)
    if not isinstance(body.get("tracking_data", ""), str) or units(body.get("tracking_data", "")) > TRACKING:
        raise RefusedError(3, "tracking_data is not valid")
    version = body.get("min_api_version", 1)
    if type(version) is not int or version < 1:
        raise RefusedError(3, "min_api_version is not valid")
    if "keyboard" in body:
        keyboard(body["keyboard"], version)
    if "type" not in body and "keyboard" in body:
        return
    check = _TYPES.get(required(body, "type"))
    if check is None:
        raise RefusedError(3, f"type is not valid: {body['type']!r}")
    check(body)


def required(body: Mapping[str, Any], name: str) -> Any:
    """The value of a field that must be there; RefusedError 4 otherwise."""
    if body.get(name) is None:
        raise RefusedError(4, f"missing {name}")
    return body[name]


def _sender(body: Mapping[str, Any]) -> None:
    sender = required(body, "sender")
    name = required(sender, "name") if isinstance(sender, dict) else None
    if not isinstance(name, str) or not 0 < units(name) <= NAME:
        raise RefusedError(3, "sender.name is not valid")


# --- by type ----------------------------------------------------------------------------------------------------------


def _words(body: Mapping[str, Any], limit: int, *, may_be_empty: bool = False) -> None:
    text = required(body, "text")
    if not isinstance(text, str) or units(text) > limit or not (text or may_be_empty):
        raise RefusedError(3, "text is not valid")


def _link(body: Mapping[str, Any], endings: tuple[str, ...] = (), limit: int = 2000) -> None:
    media = required(body, "media")
    parts = urlsplit(media) if isinstance(media, str) and len(media) <= limit else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.netloc:
        raise RefusedError(3, "media is not valid")
    if endings and not media.lower().endswith(endings):
        raise RefusedError(3, f"media is not valid: it ends in none of {endings}")


def _size(body: Mapping[str, Any], most: int) -> None:
    if not _whole(1, most)(required(body, "size")):
        raise RefusedError(3, "size is not valid")


def _text(body: Mapping[str, Any]) -> None:
    _words(body, TEXT)


def _picture(body: Mapping[str, Any]) -> None:
    _words(body, CAPTION, may_be_empty=True)
    _link(body, PICTURES)


def _video(body: Mapping[str, Any]) -> None:
    _link(body, (".mp4",))
    _size(body, VIDEO_BYTES)
    if not _whole(0, 180)(body.get("duration", 0)):
        raise RefusedError(3, "duration is not valid")


def _file(body: Mapping[str, Any]) -> None:
    _link(body)
    _size(body, FILE_BYTES)
    name = required(body, "file_name")
    if not isinstance(name, str) or len(name) > 256 or "." not in name or name.lower().endswith(REFUSED_FILES):
        raise RefusedError(3, "file_name is not valid")


def _contact(body: Mapping[str, Any]) -> None:
    card = required(body, "contact")
    name, number = required(card, "name"), required(card, "phone_number")
    if units(name) > NAME or units(number) > 18:
        raise RefusedError(3, "contact is not valid")


def _location(body: Mapping[str, Any]) -> None:
    place = required(body, "location")
    lat, lon = required(place, "lat"), required(place, "lon")
    if not (-90 <= float(lat) <= 90 and -180 <= float(lon) <= 180):
        raise RefusedError(3, "location is not valid")


def _sticker(body: Mapping[str, Any]) -> None:
    if type(required(body, "sticker_id")) is not int:
        raise RefusedError(3, "sticker_id is not valid")


def _rich_media(body: Mapping[str, Any]) -> None:
    if body.get("min_api_version", 1) < 2:
        raise RefusedError(14)
    keyboard(required(body, "rich_media"), max(4, body["min_api_version"]), kind="rich_media")


_TYPES: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
    "text": _text, "picture": _picture, "video": _video, "file": _file, "contact": _contact, "location": _location,
    "url": _link, "sticker": _sticker, "rich_media": _rich_media,
}  # fmt: skip


# --- keyboards --------------------------------------------------------------------------------------------------------


def keyboard(given: Any, version: int, kind: str = "keyboard") -> None:
    """A keyboard, or a carousel, against the version that the message declares. Raises RefusedError 3 or 14."""
    if not isinstance(given, dict):
        raise _invalid(kind, "instance type does not match any allowed primitive type")
    if missing := [name for name in ("Type", "Buttons") if name not in given]:
        raise _invalid(kind, f"object has missing required properties ({missing})")
    _fields(given, KEYBOARD, version, kind)
    if given["Type"] != kind:
        raise _invalid(kind, f'instance value ("{given["Type"]}") not found in enum')
    for button in given["Buttons"]:
        _button(button, version, kind)
    if kind == "keyboard" and sum(max(b.get("Rows", 1) for b in row) for row in rows(given)) > KEYBOARD_ROWS:
        raise _invalid(kind, f"more than {KEYBOARD_ROWS} rows")


def rows(given: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    """The buttons as the grid shows them: six columns, filled from the left, row by row."""
    lines: list[list[dict[str, Any]]] = []
    left = 0
    for button in given["Buttons"]:
        wide = button.get("Columns", 6)
        if wide > left:
            lines.append([])
            left = given.get("ButtonsGroupColumns", 6)
        lines[-1].append(button)
        left -= wide
    return lines


def label(button: Mapping[str, Any]) -> str:
    """What stands on a button: without markup, and cut as phones cut it."""
    return unescape(_TAG.sub(lambda tag: "\n" if tag[2] == "br" else "", button.get("Text", "")[:250]))


def _button(button: Any, version: int, kind: str) -> None:
    if not isinstance(button, dict):
        raise _invalid(kind, "a button is no object")
    action = button.get("ActionType", "reply")
    possible = [name for name, least in ACTIONS.items() if least <= version]
    if kind == "rich_media":
        possible = [name for name in possible if name not in ("share-phone", "location-picker")]
    if action not in possible:
        raise _invalid(kind, f'instance value ("{action}") not found in enum (possible values: {possible})')
    if "ActionBody" not in button:
        raise _invalid(kind, 'object has missing required properties (["ActionBody"])')
    _fields(button, BUTTON, version, kind)
    if kind == "keyboard" and button.get("Rows", 1) > 2:
        raise _invalid(kind, "Rows")
    if not any(button.get(name) for name in ("Text", "BgMedia", "Image", "BgColor")):
        raise _invalid(kind, "a button shows nothing")
    if action == "open-url" and urlsplit(button["ActionBody"]).scheme not in ("http", "https", "viber", "tel"):
        raise _invalid(kind, "ActionBody is no address")
    _markup(button.get("Text", ""), version, kind)


def _fields(given: Mapping[str, Any], known: Fields, version: int, kind: str) -> None:
    if unknown := given.keys() - known.keys():
        raise _invalid(kind, f"properties which are not allowed by the schema: {sorted(unknown)}")
    for name, value in given.items():
        least, is_good = known[name]
        if not is_good(value):
            raise _invalid(kind, f"{name} has no allowed value")
        if least > version:
            raise RefusedError(14, f"{name} needs min_api_version {least}")


def _markup(text: str, version: int, kind: str) -> None:
    """Only tags that phones draw, closed in order; any other < or & must be escaped."""
    open_tags: list[str] = []
    for closes, tag, _ in _TAG.findall(text):
        if tag not in _TAGS:
            raise _invalid(kind, f"Text: <{tag}>")
        if _TAGS[tag] > version:
            raise RefusedError(14, f"<{tag}> needs min_api_version {_TAGS[tag]}")
        if closes and (not open_tags or open_tags.pop() != tag):
            raise _invalid(kind, f"Text: </{tag}>")
        if not closes and tag != "br":
            open_tags.append(tag)
    rest = _TAG.sub("", text)
    if open_tags or "<" in rest or ">" in rest or re.search(r"&(?!(?:[a-z]+|#\d+|#x[0-9a-f]+);)", rest):
        raise _invalid(kind, "Text is not escaped")


def _invalid(kind: str, why: str) -> RefusedError:
    return RefusedError(3, f"{kind} is not valid. [{why}]")
