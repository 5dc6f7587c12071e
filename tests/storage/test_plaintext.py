"""Nothing that a resident said lies readable in the database: looked for in the bytes after a registration."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from bot.messages import Kind
from storage.tables import metadata
from tests.conversations.client import Town
from tests.storage.kit import standing

PLANTED = {
    "the Telegram id": ("7770001777",),
    "the profile's name": ("Профилка", "Profilka"),
    "the name": ("Планка", "Засаденова"),
    "the phone": ("888999777", "88 899 9777", "888 999 777"),
    "a free question": ("грейпфрут",),
    "a note in the middle": ("пъпеш",),
}


async def a_whole_registration(town: Town) -> None:
    async with standing(town):
        person = town.person("telegram", "7770001777", name="Профилка Profilka")
        await person.start("plakat-7")
        for label in ("Български", "👍", "✅", "✅"):
            await person.press(label)
        await person.share_phone("+359888999777")
        await person.say("пъпеш пъпеш" * 20)  # too long for a name: a miss
        await person.say("Планка Засаденова")
        for label in ("гр. Видин", "🔧 Работа", "търся работа", "Нова професия", "Готово", "✅ Всичко"):
            await person.press(label)
        assert "Планка" in await person.say("Моите данни") or "Планка" in person.last.text
        await person.say("Как се бере грейпфрут?")
        await person.send(Kind.BLOCKED)


async def raw(url: str) -> bytes:
    """Everything that the database holds, as whoever steals its file or its dump would see it."""
    if url.startswith("sqlite"):
        path = Path(url.partition(":///")[2])
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        rows = [
            str(row)
            for table in metadata.sorted_tables
            for row in await connection.execute(text(f"SELECT t::text FROM {table.name} t"))
        ]
    await engine.dispose()
    return "\n".join(rows).encode()


async def test_nothing_that_was_said_is_readable_in_the_raw_database(database_url: str) -> None:
    await a_whole_registration(Town(database_url))
    found = await raw(database_url)
    assert b"registration" in found, "the bytes are those of the rows"
    readable = {what for what, words in PLANTED.items() for word in words if word.encode() in found}
    assert not readable
