"""Erasing somebody who asked staff for it: the same as „изтрий всичко“ in one's own chat, for who has none."""

from __future__ import annotations

from bot.chat import Chat, Finish, Option, literal, words
from handlers.words import number_of
from storage import stopping

STAFF = Option("/staff", "menu.staff")


async def erase_person(chat: Chat) -> Finish | None:
    """Whether it is meant, with the name; then all of it goes."""
    contact = number_of(chat.given("contact"))
    name = await chat.fetch(stopping.erasable, contact_id=contact)
    if name is None:
        chat.card("erase.none_such", [STAFF])
        return None
    if chat.given("sure") != "sure":
        sure = Option(f"/erase {contact} sure", "erase.yes")
        chat.card(words("erase.ask", name=literal(name)), [sure], [Option(f"/contact {contact}", "button.no_keep")])
        return None
    chat.card("erase.done", [STAFF])
    return Finish(stopping.erase_by_staff, {"contact_id": contact, "rules": chat.programme.rules})
