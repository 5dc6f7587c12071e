"""One call for one row, or for several that say the same; and what became of each.

Must never raise: whatever breaks in a channel is a failure of which nobody knows whether it arrived.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from bot.channels import Channel, SendsTogether
from bot.messages import Failure, Sent
from storage.outbox import Held

log = logging.getLogger(__name__)

JOINT = 2  # calls to many that are under way at once: a crash leaves as many times their number in doubt


def together(channel: Channel) -> int:
    """To how many people one call may bring the same; a channel may be refused that for a while."""
    if not isinstance(channel, SendsTogether):
        return 1
    return int(getattr(channel, "together", channel.limits.together))


def by_call(rows: Sequence[Held]) -> list[list[Held]]:
    """By the call that brings them: each counted row begins one."""
    calls: list[list[Held]] = []
    for row in rows:
        if row.counted:
            calls.append([])
        calls[-1].append(row)
    return calls


async def outcomes(channel: Channel, rows: Sequence[Held]) -> Sequence[Sent | Failure]:
    """Make the call. Gives one outcome for each row, in their order."""
    try:
        if len(rows) > 1 and isinstance(channel, SendsTogether):
            found = await channel.send_together([row.delivery for row in rows])
        else:
            found = [await channel.send(row.delivery) for row in rows]
        return [outcome for _, outcome in zip(rows, found, strict=True)]
    except Exception as error:  # noqa: BLE001  (two of two: staff see it as uncertain or repeated, the person as a reply)
        log.error("sending %s broke: %s", rows[0].key, type(error).__name__)  # noqa: TRY400  (a trace could hold words)
        return [Failure("bug", type(error).__name__, retryable=True, ambiguous=True)] * len(rows)
