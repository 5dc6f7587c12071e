"""Another language, at any time."""

from __future__ import annotations

from bot.chat import Chat, Choice
from handlers.words import languages


async def language(chat: Chat) -> None:
    """The answer under the key "language" is the language of all that follows."""
    await chat.ask("language", Choice("registration.language", languages()))
    chat.say("language.done")
