"""A bot as python-telegram-bot's own examples write it: ConversationHandler, answers in memory, a webhook on Starlette.

Started by the benchmark with TOKEN, API_URL, URL and PORT in the environment.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from telegram import KeyboardButton, ReplyKeyboardMarkup, ReplyKeyboardRemove, Update
from telegram.ext import Application, CommandHandler, ContextTypes, ConversationHandler, MessageHandler, filters

from tests.bench.questions import DONE, HOME, MENU, QUESTIONS

Context = ContextTypes.DEFAULT_TYPE


async def start(update: Update, _: Context) -> int:
    return await ask(update, 0)


async def answer(update: Update, context: Context, number: int) -> int:
    assert update.message is not None
    assert context.user_data is not None
    contact = update.message.contact
    context.user_data[QUESTIONS[number][0]] = contact.phone_number if contact else update.message.text
    if number + 1 < len(QUESTIONS):
        return await ask(update, number + 1)
    await update.message.reply_text(DONE)
    menu = ReplyKeyboardMarkup(MENU, is_persistent=True, resize_keyboard=True)
    await update.message.reply_text(HOME, reply_markup=menu)
    return ConversationHandler.END


async def ask(update: Update, number: int) -> int:
    assert update.message is not None
    key, prompt, labels = QUESTIONS[number]
    buttons = [[KeyboardButton(label, request_contact=key == "phone")] for label in labels]
    markup = ReplyKeyboardMarkup(buttons, one_time_keyboard=True) if buttons else ReplyKeyboardRemove()
    await update.message.reply_text(prompt, reply_markup=markup)
    return number


def state(number: int) -> list[Any]:
    async def answered(update: Update, context: Context) -> int:
        return await answer(update, context, number)

    return [MessageHandler((filters.TEXT & ~filters.COMMAND) | filters.CONTACT, answered)]


async def main() -> None:
    base = f"{os.environ['API_URL']}/bot"
    application = Application.builder().token(os.environ["TOKEN"]).base_url(base).updater(None).build()
    states: dict[object, list[Any]] = {number: state(number) for number in range(len(QUESTIONS))}
    application.add_handler(ConversationHandler([CommandHandler("start", start)], states, []))
    await application.bot.set_webhook(url=f"{os.environ['URL']}/telegram", allowed_updates=Update.ALL_TYPES)

    async def telegram(request: Request) -> Response:
        await application.update_queue.put(Update.de_json(data=await request.json(), bot=application.bot))
        return Response()

    web = Starlette(routes=[Route("/telegram", telegram, methods=["POST"])])
    config = uvicorn.Config(web, port=int(os.environ["PORT"]), host="127.0.0.1", log_level="warning", access_log=False)
    async with application:
        await application.start()
        await uvicorn.Server(config).serve()
        await application.stop()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
