"""A whole registration on Viber against the whole service: welcome, buttons, a shared phone, a reminder's link."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from pydantic import SecretStr
from sqlalchemy import select

from bot.app import running
from bot.messages import Address, Lane, Media, Outgoing
from bot.settings import Settings
from storage import media, outbox
from storage.outbox import Draft
from storage.tables import addresses, contacts
from storage.tables import outbox as rows
from tests.fakes.pictures import png
from tests.fakes.viber import TOKEN, FakeViber
from tests.faults.service import free_port
from tests.registration import steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

    from storage.database import Database
    from tests.fakes.viber_people import Message, Person

SITE = "https://most.example"
STEPS = steps("Пращам")


@asynccontextmanager
async def town(folder: Path) -> AsyncIterator[tuple[FakeViber, Database, str]]:
    """A service whose Viber is on this machine."""
    port = free_port()
    async with FakeViber() as viber:
        viber.leads_to(f"http://127.0.0.1:{port}")
        settings = Settings(
            database_url=f"sqlite+aiosqlite:///{folder}/bot.db", data_dir=folder, port=port, public_url=SITE,
            viber_token=SecretStr(TOKEN), viber_api_url=viber.url, viber_name="Община Видин",
        )  # fmt: skip
        async with running(settings) as service:
            await viber.wait_until(lambda: viber.callbacks.webhook.url.startswith(SITE))
            yield viber, service.database, service.address


async def kept(database: Database) -> Sequence[Row[Any]]:
    """The messages, once none is on the wire: what became of them is written a moment after it is known."""
    async with asyncio.timeout(5):
        while True:
            found = await database.read(lambda c: c.execute(select(rows)).all())
            if all(row.status == "read" for row in found):
                return found


async def tap(person: Person, words: str) -> Message:
    """Press the button that has these words, or type."""
    if words.startswith("= "):
        await person.say(words[2:])
    else:
        await person.wait_until(lambda: any(words in label for row in person.keyboard for label in row))
        await person.press(next(label for row in person.keyboard for label in row if words in label))
    return await person.wait_reply()


async def test_a_registration_from_the_welcome_to_the_menu(tmp_path: Path) -> None:
    async with town(tmp_path) as (viber, database, _):
        person = viber.user(7)
        await person.open("plakat-1")
        assert person.keyboard == [["▶ Започни"]]
        assert not person.subscribed
        await tap(person, "Започни")
        for words, said in STEPS:
            await tap(person, words)
            await person.wait_text(said)
            assert person.keyboard, "no message leaves anybody without a button"
        who = await database.read(lambda c: c.execute(select(contacts)).one())
        assert (who.name, who.phone, who.phone_is_own, who.source) == (
            "Мария Иванова", f"+{person.phone}", False, "plakat-1",
        )  # fmt: skip
        assert any("Меню" in label or "срещи" in label for row in person.keyboard for label in row), "a way to the menu"
        assert person.last.body["sender"] == {"name": "Община Видин"}


async def test_what_became_of_a_message_is_kept_with_it(tmp_path: Path) -> None:
    async with town(tmp_path) as (viber, database, _):
        person = viber.user(7, devices=2)
        viber.receipts_first = True
        await person.start()
        await person.wait_reply()
        await person.read()
        await viber.callbacks.settled()
        found = await kept(database)
        assert {row.status for row in found} == {"read"}
        assert {row.billing for row in found} <= {0, 1, 2}, "an answer in a session costs nothing"
        assert all(int(row.platform_id) > 2**53 for row in found)


async def test_a_picture_and_a_voice_note_are_links_that_open(tmp_path: Path) -> None:
    async with town(tmp_path) as (viber, database, address):
        person = viber.user(7)
        await person.start()
        await person.wait_reply()

        def send(connection: Connection) -> None:
            here = connection.execute(select(addresses)).one()
            for kind, data in (("photo", png(40, 40)), ("voice", b"OggS" + b"\0" * 60)):
                number = media.keep(connection, Media(kind, data=data), here.created_at)
                message = Outgoing("Вижте", media=Media(kind, number=number))
                draft = Draft(f"x:{kind}", Address("viber", person.id), here.id, here.contact_id, message, Lane.REPLY)
                outbox.enqueue(connection, [draft], here.created_at, {})

        await database.write(send)
        await person.wait_until(lambda: sum(m.text.startswith("Вижте") for m in person.messages) == 2)
        picture, note = [m for m in person.messages if m.text.startswith("Вижте")]
        link = next(word for word in note.text.split() if word.startswith(SITE))
        async with aiohttp.ClientSession() as http:
            async with http.get(picture.media.replace(SITE, address.rstrip("/"))) as answer:
                assert (answer.status, answer.content_type) == (200, "image/png")
            async with http.get(link.replace(SITE, address.rstrip("/"))) as answer:
                assert (answer.status, answer.content_type) == (200, "text/html")
                assert "<audio" in await answer.text()


async def test_whoever_leaves_is_not_written_to_until_they_come_back(tmp_path: Path) -> None:
    async with town(tmp_path) as (viber, database, _):
        person = viber.user(7)
        await person.start()
        await person.wait_reply()
        await person.unsubscribe()
        status = select(addresses.c.status)
        assert await database.read(lambda c: c.execute(status).scalar()) == "blocked"
        person.subscribed = True
        await person.say("Ало")
        await person.wait_reply()
        assert await database.read(lambda c: c.execute(status).scalar()) == "active"
