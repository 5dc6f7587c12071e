"""What only needs saying: about the programme, a person to call, how data are kept."""

from __future__ import annotations

from bot.chat import Chat, Option, literal, words


async def about(chat: Chat) -> None:
    """The programme's name, numbers, partners, and who pays for it."""
    chat.say(literal(chat.programme.about), apart=True)


async def person(chat: Chat) -> None:
    """A human being: who, when, and a number that dials."""
    who = chat.programme.person
    chat.say(
        words("person.card", name=who.name, hours=who.hours, phone=who.phone),
        buttons=[Option(f"tel:{who.phone.replace(' ', '')}", "button.call")],
    )


async def privacy(chat: Chat) -> None:
    """How data are kept, in full. Always in Bulgarian: that text is the valid one."""
    chat.say(literal(chat.programme.privacy.full), apart=True)
