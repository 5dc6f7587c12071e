"""How fast a channel may send: a bucket for all of it, and one for each chat. Time is given, never looked up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.messages import Lane, Limits

BITE = 75  # rows of a broadcast in one transaction: their words take half a millisecond each, and replies wait
SPARE = 6.0  # messages that bulk leaves in the bucket: replies wait for nobody, and must not provoke a refusal either
TOGETHER = 8  # that bulk sends at once, having waited for all: they share the commits of their marks
TINY = 1e-6  # of a message: what is only lost in reckoning
FORGET = 10_000  # chats remembered at most before the long quiet ones are dropped


def bites(limits: Mapping[Lane, int]) -> Iterator[dict[Lane, int]]:
    """How many rows of each lane to take, one transaction after the other: of a broadcast at most BITE in each."""
    left = limits.get(Lane.BROADCAST, 0)
    yield {**limits, Lane.BROADCAST: min(left, BITE)}
    for taken in range(BITE, left, BITE):
        yield {Lane.BROADCAST: min(left - taken, BITE)}


class Bucket:
    """Fills at a rate up to a burst. May be overdrawn by those who do not wait; the others wait longer."""

    __slots__ = ("_at", "_burst", "_level", "_rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate, self._burst, self._level, self._at = rate, burst, burst, now

    def wait(self, now: float, spare: float = 0.0) -> float:
        """Seconds until one may be taken and so many are left; 0 when at once."""
        self._fill(now)
        missing = 1.0 + min(spare, self._burst - 1.0) - self._level
        return missing / self._rate if missing > TINY else 0.0

    def take(self, now: float) -> None:
        """Take one, overdrawing if need be, down to a burst below zero."""
        self._fill(now)
        self._level = max(self._level - 1.0, -self._burst)

    def is_full(self, now: float) -> bool:
        """Whether nothing is remembered here that matters."""
        self._fill(now)
        return self._level >= self._burst

    def _fill(self, now: float) -> None:
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now


class Gate:
    """The limits of one channel. Replies go through at once but count; bulk waits for its turn."""

    def __init__(self, limits: Limits, now: float) -> None:
        self.limits = limits
        self.bulk_paused_until = 0.0
        self._gathers = False  # bulk waits until several may go
        self._all = Bucket(limits.bulk_rate, limits.bulk_burst, now)
        self._chats: dict[int, Bucket] = {}
        self._last: dict[int, float] = {}  # when anything last went to a chat, for bulk's one a second

    def wait_all(self, lane: Lane, now: float) -> float:
        """Seconds until a message of this lane may go to anybody."""
        if lane is Lane.REPLY:
            return 0.0
        several = SPARE + TOGETHER - 1
        self._gathers = self._all.wait(now, several if self._gathers else SPARE) > 0
        return max(self.bulk_paused_until - now, self._all.wait(now, several if self._gathers else SPARE))

    def wait_chat(self, lane: Lane, chat: int, now: float) -> float:
        """Seconds until a message of this lane may go to this chat."""
        if lane is Lane.REPLY:
            bucket = self._chats.get(chat)
            return bucket.wait(now) if bucket else 0.0
        return max(0.0, self._last.get(chat, -1e9) + 1.0 / self.limits.chat_rate - now)

    def took(self, chat: int, now: float, *, counted: bool = True) -> None:
        """A message goes out. `counted`: by a call of its own, or as the first of many that one call brings."""
        if counted:
            self._all.take(now)
        if chat not in self._chats:
            self._forget(now)
            self._chats[chat] = Bucket(self.limits.chat_rate, self.limits.chat_burst, now)
        self._chats[chat].take(now)
        self._last[chat] = now

    def _forget(self, now: float) -> None:
        if len(self._chats) < FORGET:
            return
        quiet = [chat for chat, bucket in self._chats.items() if bucket.is_full(now)]
        for chat in quiet:
            del self._chats[chat]
            self._last.pop(chat, None)
