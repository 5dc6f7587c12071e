"""What each channel can do, as far as others must know it: one line a channel.

Storage and conversations ask here and never name a channel. What only the sender must know stands in the channel's own
Limits. Imports nothing of ours, so that every room may import it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Abilities:
    """One channel."""

    title: str  # as people call it; empty: our own page
    rings: int  # where somebody is written to first, of several ways: the smallest; a page rings no phone
    brings: frozenset[str] = frozenset()  # kinds of media that reach us from people there
    shares_phone: bool = False  # a button can share a phone
    edits: bool = False  # what was sent can be changed and taken back
    one_keyboard: bool = False  # only the buttons of the latest message can be pressed
    sessions: bool = False  # what we write of our own accord may cost, unless they have written within a day
    receipts: bool = False  # it reports later what became of a message, perhaps before the answer to the send
    longest: int = 4096  # of a text, in UTF-16 units: no platform counts more than that
    caption: int = 1024  # the same under a picture, a voice note or a file


ABILITIES: Final[Mapping[str, Abilities]] = {
    "telegram": Abilities(
        "Telegram", rings=0, brings=frozenset({"photo", "voice", "document"}), shares_phone=True, edits=True
    ),
    "viber": Abilities(
        "Viber",
        rings=1,
        brings=frozenset({"photo", "document"}),
        shares_phone=True,
        one_keyboard=True,
        sessions=True,
        receipts=True,
        longest=7000,
        caption=768,
    ),
    "web": Abilities("", rings=2, longest=16_000),
}
NONE: Final = Abilities("", rings=9)


def of(channel: str) -> Abilities:
    """What a channel can do; nothing where it is none of ours, as `tel`."""
    return ABILITIES.get(channel, NONE)


EDITS: Final = frozenset(name for name, can in ABILITIES.items() if can.edits)
ONE_KEYBOARD: Final = frozenset(name for name, can in ABILITIES.items() if can.one_keyboard)
SESSIONS: Final = frozenset(name for name, can in ABILITIES.items() if can.sessions)
RECEIPTS: Final = frozenset(name for name, can in ABILITIES.items() if can.receipts)
