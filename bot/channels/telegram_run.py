"""What the Telegram channel does by itself: introduce itself, set its profile, register or poll, answer presses.

Must never end by an error of Telegram's: each is one log line and a rest. Never moves the poll's offset past an update
that is not committed, and never names the token.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from telegram.error import BadRequest, TelegramError

from bot.channels.telegram_update import ALLOWED_UPDATES, update_id
from bot.channels.telegram_wire import Api, failure
from bot.messages import Failure

POLL_SECONDS: Final = 25  # the server's cap is 50; shorter than most proxies' patience
_ANSWER_MARGIN: Final = 10
_LONGEST_REST: Final = 60.0
_MAX_CONNECTIONS: Final = 40  # Telegram's own default for a webhook
_HINTS: Final[Mapping[str, str]] = {
    "unauthorized": "Telegram refuses the token: check BOT_TELEGRAM_TOKEN",
    "conflict": "another program receives with this token, or a webhook is set: stop the other one",
    "bad_request": "Telegram refuses the request",
    "not_sent": "Telegram cannot be reached: check the network and BOT_TELEGRAM_API_URL",
}
_NEEDS_A_PERSON: Final = frozenset({"unauthorized", "bad_request", "forbidden"})

Pause = Callable[[float], Awaitable[None]]
Take = Callable[[Any], Awaitable[bool]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Profile:
    """What Telegram shows of the bot in one language of the app. Source of the limits: setMyCommands and its kin."""

    commands: tuple[tuple[str, str], ...] = ()  # name (a-z, 0-9, _; up to 32) and what it does (up to 256)
    description: str = ""  # up to 512; shown in the empty chat
    short_description: str = ""  # up to 120; shown on the bot's page and beside shared links


async def persist(api: Api, method: str, params: Mapping[str, Any], pause: Pause) -> Any:
    """Call until it is answered with success, however long that takes, and return the result."""
    failed = 0
    while True:
        try:
            return await api.call(method, params)
        except TelegramError as error:
            failed += 1
            await _rest(method, failure(error), failed, pause)


async def set_profile(api: Api, profile: Mapping[str, Profile], pause: Pause) -> None:
    """Set commands and descriptions for each language ("" is the default) where Telegram's differ."""
    for language, wanted in profile.items():
        scope = {"language_code": language} if language else {}
        commands = [{"command": name, "description": words} for name, words in wanted.commands]
        for what, field, value in (
            ("MyCommands", "commands", commands),
            ("MyDescription", "description", wanted.description),
            ("MyShortDescription", "short_description", wanted.short_description),
        ):
            present = await persist(api, f"get{what}", scope, pause)
            if (present.get(field, "") if isinstance(present, dict) else present) != value:
                await _try_set(api, f"set{what}", {**scope, field: value}, pause)


async def _try_set(api: Api, method: str, params: Mapping[str, Any], pause: Pause) -> None:
    """Persist, but give up on what Telegram refuses: a text too long must not be offered for ever."""
    failed = 0
    while True:
        try:
            await api.call(method, params)
        except BadRequest as error:
            log.error("Telegram %s: refused, the profile stays as it was: %s", method, failure(error).text)  # noqa: TRY400
        except TelegramError as error:
            failed += 1
            await _rest(method, failure(error), failed, pause)
            continue
        return


async def register(api: Api, url: str, secret: str, pause: Pause) -> None:
    """Have updates sent to `url`. Set at every start, because a changed secret cannot be seen from outside."""
    present = await persist(api, "getWebhookInfo", {}, pause)
    if isinstance(present, dict) and present.get("last_error_message"):
        waiting = present.get("pending_update_count")
        log.warning("Telegram could not deliver to this address lately; %s updates are waiting", waiting)
    params = {
        "url": url,
        "secret_token": secret,
        "allowed_updates": ALLOWED_UPDATES,
        "max_connections": _MAX_CONNECTIONS,
        "drop_pending_updates": False,
    }
    await persist(api, "setWebhook", params, pause)
    log.info("Telegram: receiving by webhook")


async def poll(api: Api, take: Take, pause: Pause) -> None:
    """Fetch updates for ever. `take` returns True when an update and its consequences are committed."""
    await _stop_webhook(api, pause)
    log.info("Telegram: receiving by long polling")
    offset, failed = 0, 0
    while True:
        batch = await _fetch(api, offset)
        if isinstance(batch, Failure):
            failed += 1
            await _rest("getUpdates", batch, failed, pause)
            if batch.code == "conflict":
                await _stop_webhook(api, pause)
            continue
        kept = all(await asyncio.gather(*(take(raw) for raw in batch)))
        known = [number for raw in batch if (number := update_id(raw)) is not None]
        if kept and (known or not batch):
            # An empty answer has confirmed all; then no offset, since after a quiet week ids may start lower.
            offset, failed = (max(known) + 1 if known else 0), 0
            continue
        failed += 1
        why = "updates without a number" if kept else "updates could not be kept, and will be fetched again"
        await _rest("getUpdates", Failure("waiting", why), failed, pause)


async def _fetch(api: Api, offset: int) -> Sequence[Any] | Failure:
    params: dict[str, Any] = {"timeout": POLL_SECONDS, "allowed_updates": ALLOWED_UPDATES}
    if offset:
        params["offset"] = offset
    try:
        batch = await api.call("getUpdates", params, seconds=POLL_SECONDS + _ANSWER_MARGIN)
    except TelegramError as error:
        return failure(error)
    return batch if isinstance(batch, list) else Failure("garbage", "the answer is no list of updates")


async def _stop_webhook(api: Api, pause: Pause) -> None:
    """Make polling possible, without dropping what waits."""
    present = await persist(api, "getWebhookInfo", {}, pause)
    if isinstance(present, dict) and present.get("url"):
        await persist(api, "deleteWebhook", {"drop_pending_updates": False}, pause)


async def answer_presses(api: Api, tokens: asyncio.Queue[str]) -> None:
    """Stop the spinners of pressed buttons, best effort: a late or second answer is refused, and nobody minds."""
    while True:
        token = await tokens.get()
        try:
            await api.call("answerCallbackQuery", {"callback_query_id": token})
        except TelegramError as error:
            log.debug("Telegram answerCallbackQuery: %s", failure(error).code)


async def _rest(method: str, why: Failure, failed: int, pause: Pause) -> None:
    """One log line, then wait: as long as was asked, or a minute for what a person must mend, or ever longer."""
    seconds = why.retry_after or min(_LONGEST_REST, 2.0 ** min(failed - 1, 6))
    if why.code in _NEEDS_A_PERSON:
        seconds = _LONGEST_REST
    words = f"{_HINTS[why.code]} ({why.text})" if why.code in _HINTS else why.text
    log.warning("Telegram %s: %s: %s; next try in %.0f s", method, why.code, words, seconds)
    await pause(seconds)
