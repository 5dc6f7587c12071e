"""One's own link and its picture: to be shown on a screen, hung on a wall or sent on; whoever comes by it counts."""

from __future__ import annotations

from bot import pictures
from bot.chat import Chat, Finish, Option, literal, words
from bot.messages import Media
from storage import charges

STAFF = Option("/staff", "menu.staff")


async def my_link(chat: Chat) -> Finish | None:
    """A picture for each channel that can be come by, with the link below it, and how many came."""
    code = await chat.fetch(charges.code_of)
    if not code:
        return Finish(charges.draw_code, then="my_link")
    if not chat.links:
        chat.card("link.none", [STAFF])
        return None
    for before in chat.links.values():
        link = f"{before}{code}"
        shown = words("link.caption", who=literal(chat.programme.beneficiary), link=literal(link))
        chat.say(shown, media=Media("photo", mime="image/png", data=pictures.qr(link)), apart=True)
    came, registered = await chat.fetch(charges.brought)
    chat.card(words("link.brought", came=came, registered=registered), [STAFF])
    return None
