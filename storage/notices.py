"""Notices: what staff must see. Never personal data."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert

from storage.tables import notices


def add(connection: Connection, kind: str, text: str, now: datetime) -> None:
    """Leave a notice."""
    connection.execute(insert(notices).values(kind=kind, text=text[:300], at=now))
