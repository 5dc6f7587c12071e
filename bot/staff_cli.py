"""`python3 -m bot staff`: who has a role, a code for the first coordinator, a role taken away.

For whoever has the server at hand, also while the service runs. What it prints holds names and codes: it goes to the
terminal alone, and must never go to a log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlencode

from sqlalchemy import Connection

from bot import app
from bot.problem import Problem
from bot.settings import Settings, master_key
from bot.texts import Texts
from storage import staff
from storage.database import Down
from storage.staff import COORDINATOR, ROLES

Job = Callable[[Connection], str]

LONGEST_NUMBER = 18  # digits that every database takes


def run(settings: Settings, argv: Sequence[str]) -> str:
    """What to print for one command. Problem when it cannot be done."""
    return asyncio.run(answer(settings, argv, datetime.now(UTC)))


async def answer(settings: Settings, argv: Sequence[str], now: datetime) -> str:
    """The same, inside a loop and at a given moment, in UTC."""
    job = _job(settings, argv, now)  # a mistyped command opens, and makes, no database
    async with app.open_database(settings, master_key(settings)) as database:
        try:
            return await database.write(job)
        except Down as down:
            raise Problem(
                bg=f"Базата сега не отговаря ({down}). Опитайте пак след малко.",
                en=f"The database does not answer now ({down}). Try again in a moment.",
            ) from None


def _job(settings: Settings, argv: Sequence[str], now: datetime) -> Job:
    match argv:
        case []:
            return _listed
        case ["invite"]:
            return partial(_invited, settings=settings, role=COORDINATOR, now=now)
        case ["invite", "--role", role] if role in ROLES:
            return partial(_invited, settings=settings, role=role, now=now)
        case ["invite", option] if option.removeprefix("--role=") in ROLES:
            return partial(_invited, settings=settings, role=option.removeprefix("--role="), now=now)
        case ["remove", number] if number.isascii() and number.isdigit() and len(number) <= LONGEST_NUMBER:
            return partial(_removed, number=int(number), now=now)
    raise Problem(
        bg="Така: python3 -m bot staff  ·  staff invite --role РОЛЯ  ·  staff remove НОМЕР\n"
        f"Ролите: {', '.join(ROLES)}. Номера показва първата команда.",
        en="Like this: python3 -m bot staff  ·  staff invite --role ROLE  ·  staff remove NUMBER\n"
        f"The roles: {', '.join(ROLES)}. The first command shows the numbers.",
    )


def _listed(connection: Connection) -> str:
    everybody = staff.roll(connection)
    if not everybody:
        return (
            "В екипа още няма никого. Започнете с: python3 -m bot staff invite\n"
            "Nobody is in the team yet. Begin with: python3 -m bot staff invite"
        )
    lines = []
    for role in ROLES:
        those = [member for member in everybody if member.role == role]
        lines += [_named(role), *(f"  {m.contact_id:>6}  {m.name}" for m in those)] if those else []
    return "\n".join(lines)


def _named(role: str) -> str:
    key = f"role.{role}"
    return f"{Texts.load()(key)} · {role}"


def _invited(connection: Connection, settings: Settings, role: str, now: datetime) -> str:
    code = staff.invite_by_command_line(connection, now, role)
    until = f"{(now + staff.VALID).astimezone(app.programme_of(settings).zone):%d.%m.%Y, %H:%M}"
    lines = [("Код · code", f"{code}  ({_named(role)})"), ("Страница · web page", _link(settings, code))]
    if settings.telegram_token.get_secret_value():
        lines.append(("Telegram", "отворете бота и напишете кода · open the bot and type the code"))
    lines.append(("Важи до · valid until", f"{until}, за един човек · for one person"))
    return "\n".join(f"{label + ':':<24}{text}" for label, text in lines)


def _link(settings: Settings, code: str) -> str:
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    base = settings.public_url or (f"http://{host}:{settings.port}" if settings.port else "")
    if not base:
        return "отворете я и напишете кода · open it and type the code"  # the system chooses another port each time
    return f"{base}/?{urlencode({'code': code})}"


def _removed(connection: Connection, number: int, now: datetime) -> str:
    if not staff.remove_by_command_line(connection, now, number):
        raise Problem(
            bg=f"Номер {number} не е в екипа. Вижте номерата: python3 -m bot staff",
            en=f"Number {number} is not in the team. See the numbers: python3 -m bot staff",
        )
    return f"Номер {number} вече не е в екипа.\nNumber {number} is not in the team any more."
