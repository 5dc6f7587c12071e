"""What time it is, for scripts: they have no clock of their own."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from bot.chat import Acting


def now(connection: Connection, acting: Acting) -> datetime:
    """The time of the message that is being answered, UTC."""
    return acting.now
