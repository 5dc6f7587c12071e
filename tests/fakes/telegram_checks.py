"""What the fake Telegram demands of a request, and how it says no.

Limits and fields: https://core.telegram.org/bots/api; the words of refusals: https://github.com/tdlib/telegram-bot-api
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

_TAGS = frozenset(
    ("a", "b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "code", "pre", "blockquote", "tg-spoiler", "span")
)
_LINKS = ("http://", "https://", "tg://")


class RefusedError(Exception):
    """The API says no."""

    def __init__(self, status: int, description: str, *, retry_after: int = 0) -> None:
        super().__init__(description)
        self.status, self.description, self.retry_after = status, description, retry_after


@dataclass
class Flood:
    """Token buckets: what Telegram allows all in all and to one chat."""

    rate: float = 30.0
    burst: float = 30.0
    chat_rate: float = 1.0
    chat_burst: float = 20.0
    _buckets: dict[int, tuple[float, float]] = field(default_factory=dict)

    def check(self, chat: int, now: float) -> None:
        self._take(0, self.rate, self.burst, now)
        self._take(chat, self.chat_rate, self.chat_burst, now)

    def _take(self, key: int, rate: float, burst: float, now: float) -> None:
        left, at = self._buckets.get(key, (burst, now))
        left = min(burst, left + (now - at) * rate)
        if left < 1:
            seconds = max(1, round((1 - left) / rate))
            raise RefusedError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
        self._buckets[key] = (left - 1, now)


def whole(params: Mapping[str, Any], name: str, default: int) -> int:
    try:
        return int(params.get(name, default))
    except (TypeError, ValueError):
        raise RefusedError(400, f"Bad Request: invalid {name} specified") from None


def flag(params: Mapping[str, Any], name: str) -> bool:
    return params.get(name) in {True, "true", "True", "1"}


def nested(params: Mapping[str, Any], name: str) -> Any:
    """A nested value: an object in JSON bodies, JSON text in forms."""
    value = params.get(name)
    try:
        return json.loads(value) if isinstance(value, str) and value else value
    except ValueError:
        raise RefusedError(400, f"Bad Request: can't parse {name} JSON object") from None


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def text(params: Mapping[str, Any], name: str, limit: int) -> str:
    text = params.get(name, "")
    if not isinstance(text, str) or not text.strip():
        raise RefusedError(400, "Bad Request: message text is empty")
    if params.get("parse_mode", "").upper() == "HTML":
        text = _Entities.strip(text)
    if units(text) > limit:
        raise RefusedError(400, f"Bad Request: message {'is' if name == 'text' else 'caption is'} too long")
    return text


def short(params: Mapping[str, Any], name: str, limit: int) -> str:
    text = str(params.get(name, ""))
    if units(text) > limit:
        raise RefusedError(400, f"Bad Request: bot {name.replace('_', ' ')} is too long")
    return text


def markup(params: Mapping[str, Any]) -> dict[str, Any]:
    markup = nested(params, "reply_markup") or {}
    for button in (button for row in markup.get("inline_keyboard", []) for button in row):
        _check_button(button)
    for button in (button for row in markup.get("keyboard", []) for button in row):
        if not (button if isinstance(button, str) else button.get("text")):
            raise RefusedError(400, "Bad Request: can't parse keyboard button: Text buttons must be non-empty")
    return dict(markup)


def _check_button(button: Mapping[str, Any]) -> None:
    if not button.get("text"):
        raise RefusedError(400, "Bad Request: can't parse inline keyboard button: Text buttons are unallowed")
    if "url" in button:
        if not button["url"].startswith(_LINKS):
            raise RefusedError(400, f"Bad Request: inline keyboard button URL '{button['url']}' is invalid")
    elif not 1 <= len(button.get("callback_data", "").encode()) <= 64:
        raise RefusedError(400, "Bad Request: BUTTON_DATA_INVALID")


class _Entities(HTMLParser):
    """Rejects markup that Telegram rejects, and gives what is left to read."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.open: list[str] = []

    @classmethod
    def strip(cls, text: str) -> str:
        parser = cls()
        if re.search(r"<(?![/a-zA-Z])", text):
            raise RefusedError(400, "Bad Request: can't parse entities: Unsupported start tag")
        parser.feed(text)
        parser.close()
        if parser.open:
            raise RefusedError(400, f"Bad Request: can't parse entities: Can't find end tag of \"{parser.open[-1]}\"")
        return "".join(parser.words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            raise RefusedError(400, f'Bad Request: can\'t parse entities: Unsupported start tag "{tag}"')
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise RefusedError(400, "Bad Request: can't parse entities: Unmatched end tag")

    def handle_data(self, data: str) -> None:
        self.words.append(data)
