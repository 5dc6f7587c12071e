"""A bot as aiogram's own examples write it: states and answers in SQLite through aiosqlite, a webhook on aiohttp.

Started by the benchmark with TOKEN, API_URL, URL, PORT and DATABASE in the environment.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import aiosqlite
from aiogram import Bot, Dispatcher, F, Router
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.filters import CommandStart
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.fsm.storage.base import BaseStorage, StateType, StorageKey
from aiogram.types import KeyboardButton, Message, ReplyKeyboardMarkup, ReplyKeyboardRemove
from aiogram.webhook.aiohttp_server import SimpleRequestHandler, setup_application
from aiohttp import web

from tests.bench.questions import DONE, HOME, MENU, QUESTIONS


class Registration(StatesGroup):
    """One state a question."""

    (language, practice, consent, adult, phone, name, settlement, purpose, work, interests, more, confirm) = (
        State() for _ in QUESTIONS
    )


class SqliteStorage(BaseStorage):
    """States and data in one table, each change its own commit."""

    def __init__(self, path: str) -> None:
        self._path = path

    async def open(self) -> None:
        self._db = await aiosqlite.connect(self._path)
        await self._db.execute("PRAGMA journal_mode=WAL")
        await self._db.execute("PRAGMA synchronous=FULL")
        await self._db.execute("CREATE TABLE IF NOT EXISTS fsm (key TEXT PRIMARY KEY, state TEXT, data TEXT)")
        await self._db.commit()

    async def close(self) -> None:
        await self._db.close()

    async def set_state(self, key: StorageKey, state: StateType = None) -> None:
        value = state.state if isinstance(state, State) else state
        await self._db.execute(
            "INSERT INTO fsm (key, state) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET state = excluded.state",
            (_key(key), value),
        )
        await self._db.commit()

    async def get_state(self, key: StorageKey) -> str | None:
        row = await self._row(key)
        return row[0] if row else None

    async def set_data(self, key: StorageKey, data: Mapping[str, Any]) -> None:
        await self._db.execute(
            "INSERT INTO fsm (key, data) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET data = excluded.data",
            (_key(key), json.dumps(dict(data))),
        )
        await self._db.commit()

    async def get_data(self, key: StorageKey) -> dict[str, Any]:
        row = await self._row(key)
        return json.loads(row[1]) if row and row[1] else {}

    async def _row(self, key: StorageKey) -> Any:
        async with self._db.execute("SELECT state, data FROM fsm WHERE key = ?", (_key(key),)) as cursor:
            return await cursor.fetchone()


def _key(key: StorageKey) -> str:
    return f"{key.bot_id}:{key.chat_id}:{key.user_id}"


router = Router()
STATES = Registration.__states__


@router.message(CommandStart())
async def start(message: Message, state: FSMContext) -> None:
    await ask(message, state, 0)


async def ask(message: Message, state: FSMContext, number: int) -> None:
    key, prompt, labels = QUESTIONS[number]
    buttons = [[KeyboardButton(text=label, request_contact=key == "phone")] for label in labels]
    markup = ReplyKeyboardMarkup(keyboard=buttons, one_time_keyboard=True) if buttons else ReplyKeyboardRemove()
    await state.set_state(STATES[number])
    await message.answer(prompt, reply_markup=markup)


async def answer(message: Message, state: FSMContext, number: int) -> None:
    said = message.contact.phone_number if message.contact else message.text
    await state.update_data({QUESTIONS[number][0]: said})
    if number + 1 < len(QUESTIONS):
        await ask(message, state, number + 1)
        return
    await state.set_state(None)
    await message.answer(DONE)
    menu = [[KeyboardButton(text=label) for label in row] for row in MENU]
    markup = ReplyKeyboardMarkup(keyboard=menu, is_persistent=True, resize_keyboard=True)
    await message.answer(HOME, reply_markup=markup)


def expect(number: int) -> None:
    @router.message(STATES[number], F.text | F.contact)
    async def answered(message: Message, state: FSMContext) -> None:
        await answer(message, state, number)


for _number in range(len(QUESTIONS)):
    expect(_number)


def main() -> None:
    storage = SqliteStorage(os.environ["DATABASE"])
    dispatcher = Dispatcher(storage=storage)
    dispatcher.include_router(router)

    @dispatcher.startup()
    async def on_startup(bot: Bot) -> None:
        await storage.open()
        await bot.set_webhook(f"{os.environ['URL']}/telegram", secret_token="benchmark")

    session = AiohttpSession(api=TelegramAPIServer.from_base(os.environ["API_URL"]))
    bot = Bot(token=os.environ["TOKEN"], session=session)
    app = web.Application()
    SimpleRequestHandler(dispatcher=dispatcher, bot=bot, secret_token="benchmark").register(app, path="/telegram")
    setup_application(app, dispatcher, bot=bot)
    web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), print=None, access_log=None)


if __name__ == "__main__":
    main()
