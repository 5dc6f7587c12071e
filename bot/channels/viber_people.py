"""What the channel remembers while it lives: who can share a phone, how much each was sent, and which links.

Bounded, and lost at a restart without harm: Viber itself says when something is too much or too new. Must never be what
a decision rests on that cannot be undone.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

UNANSWERED: Final = 100  # messages to one person within an hour without a reply: more are refused with status 12
HOUR: Final = 3600.0
LATELY: Final = 60.0  # seconds
SHARES_FROM: Final = 3  # the API version that knows share-phone
_REMEMBERED: Final = 20_000
_ROWS: Final = 2_000
_LINKS: Final = 2_000


@dataclass(slots=True)
class _Person:
    api_version: int = 0  # 0: not known
    sent: deque[float] = field(default_factory=lambda: deque(maxlen=UNANSWERED))


class People:
    """By the id that Viber gives them for this bot."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._people: OrderedDict[str, _Person] = OrderedDict()
        self._refused: dict[str, float] = {}  # to whom "too many" was said, and when; those of the last minute
        self._tried: OrderedDict[int, None] = OrderedDict()
        self._linked: OrderedDict[str, None] = OrderedDict()

    def met(self, user: str, api_version: int, *, wrote: bool) -> None:
        """A callback came that is about them; who wrote may be sent a hundred again."""
        person = self._of(user)
        person.api_version = api_version or person.api_version
        if wrote:
            person.sent.clear()

    def sent(self, user: str) -> None:
        """A message went to them."""
        self._of(user).sent.append(self._clock())
        self._refused.pop(user, None)

    def refused(self, user: str) -> int:
        """Viber says "too many" of a message to them. Gives of how many people it did so within a minute."""
        now = self._clock()
        self._refused = {who: at for who, at in self._refused.items() if now - at < LATELY} | {user: now}
        return len(self._refused)

    def full(self, user: str) -> float:
        """Seconds until they may be sent another; 0 when at once."""
        person = self._people.get(user)
        if person is None or len(person.sent) < UNANSWERED:
            return 0.0
        return max(0.0, person.sent[0] + HOUR - self._clock())

    def shares_phone(self, user: str) -> bool:
        """Whether their app knows a button that shares a phone. Unknown counts as yes: Viber says if it is not so."""
        person = self._people.get(user)
        return person is None or not 0 < person.api_version < SHARES_FROM

    def first_try(self, row: int) -> bool:
        """Whether this row was not asked about before."""
        if row in self._tried:
            return False
        self._tried[row] = None
        if len(self._tried) > _ROWS:
            self._tried.popitem(last=False)
        return True

    def linked(self, url: str) -> None:
        """A button that opens this page was sent to somebody."""
        self._linked[url] = None
        self._linked.move_to_end(url)
        if len(self._linked) > _LINKS:
            self._linked.popitem(last=False)

    def was_linked(self, text: str) -> bool:
        """Whether a text is the address behind a button of ours, and nothing else."""
        return text in self._linked

    def _of(self, user: str) -> _Person:
        person = self._people.setdefault(user, _Person())
        self._people.move_to_end(user)
        if len(self._people) > _REMEMBERED:
            self._people.popitem(last=False)
        return person
