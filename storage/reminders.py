"""Reminders: what a moment does when it comes.

It is decided over all whom it concerns by one statement, in bites, so that a reply of somebody who talks meanwhile
never waits for ten thousand others. Must never send: what is to be said goes into the outbox.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from bot.calendar import Rules
from storage import digests, invitations, moments, notifications
from storage.moments import AFTER, DONE, EXPIRED, INVITE, REMINDERS

BITE = 250  # people decided on in one transaction: 10 to 40 ms, which a reply may wait
WIDE_BITE = 1000  # where replies do not wait for it: each bite costs something of its own
_DIGESTS = {"1d": digests.AHEAD, AFTER: digests.MARKS}  # what whoever leads the event hears when such a moment is over


def fire(connection: Connection, event_id: int, offset: str, now: datetime, rules: Rules, bite: int = BITE) -> int:
    """Decide for the next people of a moment. Gives how many; 0 when it is over, or is not to be now.

    Call it again, each time in a transaction of its own, until it gives 0.
    """
    moment = moments.taken(connection, event_id, offset)
    if moment is None or moment.due > now:
        return 0
    opens = notifications.opens_at(rules, moment.base, now)
    late = max(now, opens) >= moment.until
    if not late and opens > now:
        moments.put_off(connection, moment, opens)
        return 0
    if moment.base in (*REMINDERS, INVITE) and not moment.begun:
        invitations.fill(connection, event_id, now, whole=moment.base == INVITE)
    decided = notifications.decide(connection, moment, now, rules, late=late, bite=bite)
    if decided < bite:
        moments.close(connection, moment, EXPIRED if late else DONE, now)
        if moment.base in _DIGESTS and not late:
            digests.queue(connection, event_id, now, moment.until, _DIGESTS[moment.base])
    else:
        moments.go_on(connection, moment, now)
    return decided
