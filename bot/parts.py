"""One message as the rows that it takes: each is one call of a platform, sent and repeated by itself."""

from __future__ import annotations

from dataclasses import replace

from bot.abilities import NONE, Abilities
from bot.lengths import split, units
from bot.messages import Outgoing


def parts(message: Outgoing, can: Abilities = NONE) -> list[Outgoing]:
    """A message in as many as its words need on a channel; no word is lost, and the buttons stand under the last.

    Words that do not fit under a picture, a voice note or a file follow it. In parts a message takes nobody's place:
    its end would stand where the old message was, above its own beginning.
    """
    if message.document or message.removes:
        return [message]
    if message.media and units(message.text) > can.caption:
        return [Outgoing("", media=message.media), *parts(replace(message, media=None, replaces=""), can)]
    if len(message.text) < can.longest // 2:
        return [message]
    *before, last = split(message.text, can.longest)
    if not before:
        return [message]
    return [*(Outgoing(text) for text in before), replace(message, text=last, replaces="")]
