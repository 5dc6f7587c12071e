"""People who register: each reads what the bot says, and answers as somebody would who always goes forward.

They know nothing of a bot but what Telegram would show them, so the same people walk through any of the bots.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from tests.bench.api import Api
from tests.bench.wire import Posters

PATIENCE: Final = 30.0  # seconds to wait for a reply before the measurement is called off
TYPED: Final = "Иванка Петрова"  # what is typed where there is nothing to press
_WAY_BACK: Final = frozenset({"back", "<", "more", "change"})

_chats = count(1_000_000_001)
_updates = count(1)


@dataclass(frozen=True, slots=True)
class Bot:
    """Where a bot takes its updates, and how people answer it: by pressing buttons or by typing what stands on them."""

    name: str
    webhook: Posters
    presses: bool = True


@dataclass(slots=True)
class Tally:
    """What was measured."""

    updates: int = 0
    people: int = 0  # who reached the end
    extra: int = 0  # messages beyond the first to an update
    refused: int = 0  # answers other than 200
    seconds: list[float] = field(default_factory=list)  # from update to the first message that answers it


class Person:
    """Somebody in the middle of a registration."""

    def __init__(self, api: Api, bot: Bot, tally: Tally) -> None:
        self.chat = next(_chats)
        self.done = False
        self._api, self._bot, self._tally = api, bot, tally
        self._shown: Mapping[str, Any] = {}
        self._question = ""
        self._reply: asyncio.Future[float] | None = None
        self._from = {"id": self.chat, "is_bot": False, "first_name": "Иванка", "language_code": "bg"}
        self._place = {"id": self.chat, "type": "private", "first_name": "Иванка"}
        api.listening[self.chat] = self._heard

    async def step(self, since: float = 0.0) -> None:
        """Send the next answer, and wait for 200 and for the reply. Since: when it was due, if that was earlier."""
        body = self._next()
        self._reply = asyncio.get_running_loop().create_future()
        since = since or time.perf_counter()
        async with asyncio.timeout(PATIENCE):
            status = await self._bot.webhook.post(body)
            arrived = await self._reply
        self._tally.updates += 1
        self._tally.refused += status != 200
        self._tally.seconds.append(arrived - since)
        if self.done:
            self._tally.people += 1

    def leave(self) -> None:
        """Listen no more."""
        self._api.listening.pop(self.chat, None)

    def _heard(self, said: Mapping[str, Any], now: float) -> None:
        markup = said.get("reply_markup") or {}
        self._shown = markup
        self.done = self.done or bool(markup.get("is_persistent"))  # the lasting menu
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(now)
        else:
            self._tally.extra += 1

    def _next(self) -> bytes:
        markup = self._shown
        if "inline_keyboard" in markup:
            return self._choose([button for row in markup["inline_keyboard"] for button in row])
        if "keyboard" not in markup:
            return self._say({"text": TYPED} if self._question else {"text": "/start"})
        first = markup["keyboard"][0][0]
        if first.get("request_contact"):
            self._question = "phone"
            number = f"+35988{self.chat % 10_000_000:07d}"
            return self._say({"contact": {"phone_number": number, "first_name": "Иванка", "user_id": self.chat}})
        self._question = "text"
        return self._say({"text": first["text"]})

    def _choose(self, buttons: list[dict[str, Any]]) -> bytes:
        """The first that goes forward; where a tick came back, "done"."""
        options = [b for b in buttons if _code(b) and _code(b) not in _WAY_BACK]
        question = _question(options[0]) if options else ""
        ticked, self._question = question == self._question, question or "text"
        if question == "name" or not options:
            return self._say({"text": TYPED})
        chosen = options[-1] if ticked and _code(options[-1]) == "done" else options[0]
        if not self._bot.presses:
            return self._say({"text": chosen["text"]})
        message = {"message_id": 1, "date": int(time.time()), "chat": self._place, "text": "."}
        press = {"id": str(next(_updates)), "chat_instance": "1", "data": chosen["callback_data"], "from": self._from}
        return _update({"callback_query": {**press, "message": message}})

    def _say(self, content: Mapping[str, Any]) -> bytes:
        self._question = self._question or "start"
        sent = {"message_id": 1, "date": int(time.time()), "chat": self._place, "from": self._from, **content}
        if content.get("text") == "/start":
            sent["entities"] = [{"type": "bot_command", "offset": 0, "length": 6}]
        return _update({"message": sent})


def _update(content: Mapping[str, Any]) -> bytes:
    return json.dumps({"update_id": next(_updates), **content}).encode()


def _code(button: Mapping[str, Any]) -> str:
    """The answer that a button gives: the end of `conversation.question.answer`; empty for commands and links."""
    return str(button.get("callback_data", "")).partition(".")[2].partition(".")[2]


def _question(button: Mapping[str, Any]) -> str:
    return str(button["callback_data"]).split(".")[1]
