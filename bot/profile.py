"""What Telegram shows of the bot before anybody writes: commands and descriptions, in each of its languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.programme import Programme

# Telegram knows no Romani (its languages have two letters), so those who chose it see the Bulgarian.
COMMANDS = {
    "bg": (
        ("menu", "🏠 Меню"),
        ("ask", "❓ Въпрос"),
        ("person", "☎ Човек, на когото да се обадите"),
        ("data", "👤 Моите данни"),
        ("language", "🔊 Език · Чшиб"),
        ("about", "🇪🇺 За проекта"),
        ("privacy", "🔒 Как пазим данните Ви"),
        ("stop", "🔇 Стоп, не ми пишете"),
    ),
    "en": (
        ("menu", "🏠 Menu"),
        ("ask", "❓ Ask a question"),
        ("person", "☎ Talk to a person"),
        ("data", "👤 My data"),
        ("language", "🔊 Language"),
        ("about", "🇪🇺 About the project"),
        ("privacy", "🔒 How we keep your data"),
        ("stop", "🔇 Stop the messages"),
    ),
}


Shown = tuple[tuple[tuple[str, str], ...], str, str]
"""Commands with what they do, the description, the short description."""


def by_language(programme: Programme) -> dict[str, Shown]:
    """By language code; the empty one is what everybody else sees, in the programme's own language."""
    shown: dict[str, Shown] = {}
    for language in ("", *programme.profiles):
        words = programme.profile(language)
        commands = COMMANDS.get(language or programme.language, COMMANDS["bg"])
        shown[language] = (commands, words.description, words.short)
    return shown
