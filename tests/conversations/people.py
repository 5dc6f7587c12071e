"""Ways through the talk that many transcripts share, and what storage holds of somebody afterwards."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import LargeBinary, select, update

from bot.chat import Acting, words
from bot.messages import Incoming, Kind
from storage import contacts, people, staff
from storage.cipher import Cipher, Sealed
from storage.contacts import Profile
from storage.people import hash_of
from storage.tables import addresses, conversations, metadata
from storage.tables import contacts as contact_rows
from tests.conversations.client import KEY, START, Talker, Town, world

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

PHONE, PHONE_SHOWN = "0888 123 456", "0888 123 456"


def t(key: str, language: str = "bg", **values: Any) -> str:
    """A text of the catalogue, so that a better wording breaks no transcript."""
    texts = world().texts
    return texts(words(key, **values), language) if values else texts(key, language)


def line(key: str) -> str:
    """The first line of a text, without its values: enough to know it by."""
    return t(key).partition("\n")[0].partition("{")[0]


async def begin(person: Talker, *, code: str = "", language: str = "Български") -> None:
    """From the first message to the question about the phone."""
    await person.start(code)
    await person.press(language)
    await person.press("👍")
    await person.press("✅")
    await person.press("✅")


async def register(
    person: Talker, *, phone: str = PHONE, name: str = "Мария Иванова", own: bool = False, like: str = "Нова професия"
) -> None:
    """A whole registration of somebody who looks for work, in one life of the service."""
    async with person.town.awake():
        await begin(person)
        await (person.share_phone(phone) if own else person.say(phone))
        await finish_registering(person, name=name, like=like)


async def finish_registering(person: Talker, *, name: str = "Мария Иванова", like: str = "Нова професия") -> None:
    """From the name to the menu."""
    await person.say(name)
    await person.press("гр. Видин")
    await person.press("🔧 Работа")
    await person.press("търся работа")
    if like:
        await person.press(like)
    await person.press(t("button.done" if like else "button.none_of_them"))
    await person.press("✅ Всичко")


async def make_staff(town: Town, person: Talker, role: str = "coordinator", name: str = "Ани Петрова") -> None:
    """Give somebody a role without a word: also who never wrote, under this name; whoever has a name keeps it."""

    def enter(connection: Connection) -> None:
        met = Incoming("", person.address, Kind.TEXT)
        known = people.load(connection, [met], town.now)[person.address]
        acting = Acting(known.contact_id, known.address_id, person.address.channel, known.language, "", town.now)
        code = staff.invite_by_command_line(connection, town.now, role)
        assert staff.join(connection, acting, code=code, name=name, phone="")
        mine = (conversations.c.contact_id == known.contact_id) & (conversations.c.state == "open")
        connection.execute(update(conversations).where(mine).values(state="left"))

    async with town.open() as database:
        await database.write(enter)


async def contact_of(person: Talker) -> Any:
    """The contact to whom this address belongs now: its row."""

    def read(connection: Connection) -> Any:
        here = select(addresses.c.contact_id).where(addresses.c.lookup == hash_of(connection, person.address))
        return connection.execute(select(contact_rows).where(contact_rows.c.id == here.scalar_subquery())).one()

    return await person.town.look(read)


async def profile_of(person: Talker) -> Profile:
    """What storage knows of whoever writes at this address now."""
    row = await contact_of(person)
    acting = Acting(row.id, 0, person.address.channel, "bg", "", START)
    return await person.town.look(lambda c: contacts.profile(c, acting))


async def rows(town: Town, table: Table) -> list[Any]:
    """A whole table, opened."""
    return await town.look(lambda c: list(c.execute(select(table))))


async def everything_kept(town: Town, *, sealed: bool = False) -> str:
    """Every row of every table, with its personal values opened, or as it lies there."""

    def read(connection: Connection) -> str:
        parts = []
        for table in metadata.sorted_tables:
            raw = [c.cast(LargeBinary) if isinstance(c.type, Sealed) else c for c in table.columns]
            found = connection.execute(select(*raw) if sealed else select(table))
            parts += [f"{table.name}: {tuple(row)!r}" for row in found]
        return "\n".join(parts)

    return await town.look(read)


def lookup(kind: str, value: str) -> str:
    """The blind index of a value, as a row would show it."""
    return repr(Cipher(KEY).lookup(kind, value))


def opened(text: str) -> dict[str, Any]:
    """A document's JSON."""
    found: dict[str, Any] = json.loads(text)
    return found
