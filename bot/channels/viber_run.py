"""What the Viber channel does by itself: learn its name, see that callbacks come to us, and see to that again.

Must never end by an error of Viber's: each is one log line and a rest. Never names the token or an address.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from bot.channels.viber_wire import Answer, Api, Refused, Result
from bot.messages import Failure

# `message` always comes, and the subscriptions; named all the same, as one cannot see which are optional tomorrow.
EVENTS: Final = ("delivered", "seen", "failed", "subscribed", "unsubscribed", "conversation_started")
CHECK_SECONDS: Final = 3600.0
_LONGEST_REST: Final = 60.0
_HINTS: Final[Mapping[str, str]] = {
    "unauthorized": "Viber refuses the token: check BOT_VIBER_TOKEN",
    "bot_blocked": "Viber has blocked the bot: write to Viber's support",
    "bot_not_found": "Viber knows no bot with this token: check BOT_VIBER_TOKEN",
    "bot_suspended": "Viber has suspended the bot: write to Viber's support, and see whether the contract is paid",
    "not_authorized": "Viber does not let this bot do that: write to Viber's support",
    "not_sent": "Viber cannot be reached: check the network and BOT_VIBER_API_URL",
    "webhook": "Viber cannot deliver to BOT_PUBLIC_URL: is the proxy up, and its certificate of a public authority?",
}
_NEEDS_A_PERSON: Final = frozenset(_HINTS) - {"not_sent"}

Pause = Callable[[float], Awaitable[None]]

log = logging.getLogger(__name__)


async def persist(call: Callable[[], Awaitable[Result]], what: str, pause: Pause) -> Mapping[str, Any]:
    """Call until it is carried out, however long that takes, and return the answer."""
    failed = 0
    while True:
        result = await call()
        if isinstance(result, Answer):
            return result.data
        failed += 1
        await _rest(what, result, failed, pause)


async def receive(api: Api, url: str, pause: Pause, *, anew: bool = False) -> str:
    """See that callbacks come to `url`; gives the bot's `uri`, which links need. The server must listen already.

    `anew`: set it even where what is stored looks like ours, because a send was answered that there is none.
    """
    known = await persist(api.get_account_info, "get_account_info", pause)
    if anew or not is_ours(known, url):
        await persist(lambda: api.set_webhook(url, EVENTS), "set_webhook", pause)
        log.info("Viber: the webhook is set")
    uri = known.get("uri")
    return uri if isinstance(uri, str) else ""


def is_ours(known: Mapping[str, Any], url: str) -> bool:
    """Whether what is stored at Viber leads here, with every event that we need. Lists may hold others too."""
    there = known.get("event_types")
    return known.get("webhook") == url and isinstance(there, list) and set(EVENTS) <= {str(one) for one in there}


async def _rest(what: str, why: Refused, failed: int, pause: Pause) -> None:
    """One log line, then wait: a minute for what a person must mend, otherwise ever longer."""
    failure = _named(what, why)
    seconds = _LONGEST_REST if failure.code in _NEEDS_A_PERSON else min(_LONGEST_REST, 2.0 ** min(failed - 1, 6))
    words = " ".join(filter(None, (_HINTS.get(failure.code, ""), f"({failure.text})" if failure.text else "")))
    log.warning("Viber %s: %s: %s; next try in %.0f s", what, failure.code, words, seconds)
    await pause(seconds)


def _named(what: str, why: Refused) -> Failure:
    """Of set_webhook, status 1 means that Viber tried to deliver and could not."""
    return Failure("webhook") if what == "set_webhook" and why.status == 1 else why.failure
