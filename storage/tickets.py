"""Tickets: questions from contacts that wait for a person's answer."""

from __future__ import annotations

from sqlalchemy import Connection, insert

from bot.chat import Acting
from storage.tables import tickets


def open_(connection: Connection, acting: Acting, *, text: str, about: str = "") -> None:
    """Keep a question until somebody answers it."""
    connection.execute(
        insert(tickets).values(
            contact_id=acting.contact_id, address_id=acting.address_id, text=text, status="open", about=about,
            created_at=acting.now,
        )
    )  # fmt: skip
