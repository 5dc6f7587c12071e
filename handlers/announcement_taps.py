"""One tap at an announcement: staff hold it, stop it, let it go; residents answer it.

Storage decides whether that can be done. Where it cannot, the tap is taken back and the reason said.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bot import abilities
from bot.chat import Chat, Conflict, Finish
from handlers import bulletin
from handlers.announcement import TAP, is_over, meant, nothing_there
from handlers.words import number_of, numbers_of
from storage import broadcasts, recipients
from storage.broadcasts import ANSWERS, DONE, RUNNING

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bot.chat import Acting


# --- one tap ---------------------------------------------------------------------------------------------------------


async def a_undo(chat: Chat) -> Finish | None:
    """Take it back before it goes."""
    return await _tapped(chat, broadcasts.take_back, "undone")


async def a_pause(chat: Chat) -> Finish | None:
    """Hold what has not gone out."""
    return await _tapped(chat, broadcasts.pause_, "paused")


async def a_on(chat: Chat) -> Finish | None:
    """Go on with what is held."""
    return await _tapped(chat, broadcasts.go_on, "on", rules=chat.programme.rules)


async def a_stop(chat: Chat) -> Finish | None:
    """End it for good."""
    return await _tapped(chat, broadcasts.stop, "stopped")


async def a_approve(chat: Chat) -> Finish | None:
    """Let a colleague's go."""
    return _judged(chat, broadcasts.approve, "approved", rules=chat.programme.rules)


async def a_refuse(chat: Chat) -> Finish | None:
    """Let a colleague's not go."""
    return _judged(chat, broadcasts.refuse, "refused")


async def a_other(chat: Chat) -> Finish | None:
    """Once more to those not reached, another way."""
    return await _tapped(chat, recipients.send_other_way, "other", rules=chat.programme.rules)


async def a_to_calls(chat: Chat) -> Finish | None:
    """All who were not reached onto the call list, and there."""
    one = await meant(chat)
    if one is None or not chat.given(TAP):
        nothing_there(chat)
        return None
    given = {"announcement": str(one.id)}
    return Finish(recipients.to_call_list, {"broadcast_id": one.id}, then="a_calls", given=given)


async def _tapped(chat: Chat, act: Callable[..., Any], note: str, **more: Any) -> Finish | None:
    """Do one thing to the announcement that is meant, and show how it stands then."""
    one = await meant(chat)
    if one is None:
        nothing_there(chat)
        return None
    card = {"announcement": str(one.id)}
    if not chat.given(TAP):
        return Finish(then="announcement", given=card)
    values = {"act": act, "broadcast_id": one.id, **more}
    return Finish(tapped, values, then="announcement", given={**card, "note": note})


def _judged(chat: Chat, act: Callable[..., Any], note: str, **more: Any) -> Finish | None:
    """Decide on a colleague's; whether they may, storage says, for a moment later it is nothing of theirs to see."""
    if not chat.given(TAP):
        return None
    number = number_of(chat.given("announcement"))
    given = {"announcement": str(number), "note": note}
    return Finish(tapped, {"act": act, "broadcast_id": number, **more}, then="announcement", given=given)


def tapped(connection: Connection, acting: Acting, *, act: Callable[..., Any], broadcast_id: int, **more: Any) -> None:
    """Do it; where it is too late, the tap is taken back, and why stands above how things are."""
    if act in (broadcasts.pause_, broadcasts.stop) and _all_gone(connection, acting, broadcast_id):
        raise Conflict(TAP, "announce.all_gone")
    try:
        act(connection, acting, broadcast_id=broadcast_id, **more)
    except Conflict as conflict:
        raise Conflict(TAP, conflict.why) from None


def _all_gone(connection: Connection, acting: Acting, broadcast_id: int) -> bool:
    """Whether there is nothing left to hold or to stop."""
    one = broadcasts.for_staff(connection, acting, broadcast_id)
    if one is None or one.status not in (RUNNING, DONE):
        return False
    return one.status == DONE or is_over(one, recipients.progress(connection, acting, broadcast_id=broadcast_id))


# --- what people answer ----------------------------------------------------------------------------------------------


async def heard(chat: Chat) -> Finish | None:
    """A resident presses a button under an announcement; the latest counts."""
    if not chat.given(TAP):  # taken back below, and why has been said
        return None
    code = chat.given("code")
    broadcast, contact = numbers_of(chat.given("who"))
    if code not in ANSWERS:
        chat.say("announce.not_asked")
        return None
    values = {"broadcast_id": broadcast, "contact_id": contact, "code": code}
    return Finish(answer, values, then="heard_thanks", given={"code": code, "who": chat.given("who")})


def answer(connection: Connection, acting: Acting, *, broadcast_id: int, contact_id: int, code: str) -> None:
    """Keep the answer; where it cannot be kept, nobody is thanked for it."""
    try:
        recipients.answer(connection, acting, broadcast_id=broadcast_id, contact_id=contact_id, code=code)
    except Conflict as conflict:
        raise Conflict(TAP, conflict.why) from None


async def heard_thanks(chat: Chat) -> None:
    """A short thanks that says what follows; with the other answers, where those under the announcement are gone."""
    code = chat.given("code")
    others = ANSWERS if abilities.of(chat.person.channel).one_keyboard else ()
    rows = bulletin.answers(*numbers_of(chat.given("who")), [one for one in others if one != code])
    buttons = [option for row in rows for option in row]
    match code:
        case "interested":
            chat.say("announce.thanks_interested", buttons=buttons)
        case "call":
            chat.say("announce.thanks_call", buttons=buttons)
        case _:
            chat.say("announce.thanks_no", buttons=buttons)
