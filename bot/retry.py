"""What becomes of a message after its call: the only place where that is decided. Pure; time is given.

A failure is a value with what the channel knows; what follows from it, it does not say.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Final

from bot.messages import Failure, Lane, Sent
from storage import outbox
from storage.outbox import Held, Mark

RETRIES: Final = (2, 5, 15, 60, 300, 600, 1800)  # seconds before each further try; the eighth failure is final
UNPAID: Final = timedelta(minutes=10)  # until a message that the platform does not carry is looked at again


def decide(row: Held, outcome: Sent | Failure, now: datetime) -> Mark:
    """What becomes of a row after its call."""
    if isinstance(outcome, Sent):
        return Mark(
            row, "sent", platform_id=outcome.platform_id, ambiguous=row.ambiguous, at=now, billing=outcome.billing,
            shared=outcome.shared,
        )  # fmt: skip
    error = "".join(c for c in f"{outcome.code}: {outcome.text}" if c.isprintable())
    unsure = row.ambiguous + outcome.ambiguous
    marked = partial(Mark, row, error=error, ambiguous=unsure, lost_at=now if outcome.ambiguous else None)
    if unsure > (0 if row.key.startswith(f"{outbox.CODE}:") else 1):  # a login code is never sent twice
        return marked("uncertain")
    pause = _pause(row, outcome)
    if pause is None or outcome.contact_gone:
        return marked("failed", contact_gone=outcome.contact_gone)
    unpaid = (outcome.unpaid, now) if outcome.unpaid else None
    again = now + timedelta(seconds=pause)
    return marked("queued", again=again, unpaid=unpaid, untried=_is_untried(outcome), aside=_steps_aside(row, outcome))


def _pause(row: Held, failure: Failure) -> float | None:
    """Seconds until the next try; None when there shall be none."""
    if asked := failure.retry_after or failure.rest:
        return asked
    if failure.unpaid:
        return UNPAID.total_seconds()
    if failure.channel_down:
        return RETRIES[min(row.attempts, 2)]
    if not failure.retryable or row.attempts >= len(RETRIES):
        return None
    return RETRIES[row.attempts]


def _steps_aside(row: Held, failure: Failure) -> bool:
    """Whoever writes is answered, whatever else waits for them: for money, or until they have written."""
    return bool(failure.unpaid or (failure.rest and row.delivery.lane is not Lane.REPLY))


def _is_untried(failure: Failure) -> bool:
    """What the platform asks for, an outage of the channel and an empty purse use up no tries."""
    return bool(failure.retry_after or failure.rest or failure.unpaid or failure.channel_down)
