"""Somebody who typed their number says that we know them already: from another chat, or from a mediator's list.

Whoever typed a number is asked, in the same words whether or not anybody has it, and hears the same until they have
typed the code that came to the older chat: nothing here tells a stranger who is registered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot import calendar
from bot.chat import Answer, Chat, Choice, Finish, Miss, Option, Reading, Said, literal, words
from bot.messages import Incoming, Kind
from bot.privacy import initials
from bot.texts import Phrase
from handlers.claim_notices import card_rows, card_words
from handlers.words import number_of
from storage import claim_desk, claims, clock

STAFF = Option("/staff", "menu.staff")
MENU = Option("/menu", "button.menu")
WROTE, MET = Option("/claim chat", "button.claim_wrote"), Option("/claim met", "button.claim_met")
NO_ACCESS = "none"
NOBODY = "nobody"
FEWEST, MOST = 4, 8  # digits of what may be meant as a code


async def offer(chat: Chat) -> None:
    """Whether we know them already; only where nobody vouches for their number."""
    if await chat.fetch(claims.may_claim):
        chat.say("claim.offer", buttons=[WROTE, MET], apart=True)


async def claim(chat: Chat) -> Finish | None:
    """„Писах и преди“ has a code sent; „от медиатор“ has those who know them look. By night no phone rings for it."""
    if not await chat.fetch(claims.may_claim):
        chat.say("claim.needless", buttons=[MENU])
        return None
    if chat.given("how") == "met":
        return _to_staff(chat)
    if calendar.is_quiet_hour(chat.programme.rules, await chat.fetch(clock.now)):
        chat.say("claim.night", buttons=[MET, MENU])
        return None
    return Finish(claims.begin, then="claim_code")


def _to_staff(chat: Chat) -> Finish:
    chat.say(words("claim.told_staff", phone=chat.programme.person.phone), buttons=[MENU])
    return Finish(claims.ask_staff, {"office": chat.programme.desk})


@dataclass(frozen=True, slots=True)
class Code:
    """Six digits, with any gaps; as many as may be meant so count as a try. Or that they have no way to them."""

    prompt: Phrase

    def says(self, draft: Any) -> Phrase:
        """What to look for, and where."""
        return self.prompt

    def options(self, draft: Any) -> list[Option]:
        """That nothing came, or they cannot look there."""
        return [Option(NO_ACCESS, "button.claim_no_access")]

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        """The digits alone."""
        if code == NO_ACCESS or said.among(self.options(draft), by_number=False):
            return Answer(NO_ACCESS)
        typed = "".join(incoming.text.split()).replace("-", "") if incoming.kind is Kind.TEXT else ""
        if typed.isascii() and typed.isdecimal() and FEWEST <= len(typed) <= MOST:
            return Answer(typed)
        return Miss("claim.six")


async def claim_code(chat: Chat) -> Finish | None:
    """The code from the older chat."""
    if await chat.fetch(claims.standing) != claim_desk.CODE:
        _ended(chat, await chat.fetch(claims.standing))
        return None
    code = await chat.ask("code", Code("claim.code"))
    if code == NO_ACCESS:
        return _to_staff(chat)
    return Finish(claims.prove, {"code": code}, then="claim_who")


async def claim_who(chat: Chat) -> Finish | None:
    """Who they are, of those who read the older chat: by initials, as everywhere."""
    standing = await chat.fetch(claims.standing)
    found = await chat.fetch(claims.candidates)
    if standing != claim_desk.PROVEN or not found:
        _ended(chat, standing)
        return None
    people = [Option(f"c{number}", literal(f"👤 {initials(name)}")) for number, name in found]
    who = await chat.ask("who", Choice("claim.who", [*people, Option(NOBODY, "button.claim_nobody")]))
    if who == NOBODY:
        chat.say("claim.stays", buttons=[MENU])
        return Finish(claims.give_up)
    return Finish(claims.link, {"contact_id": number_of(who[1:]), "rules": chat.programme.rules}, then="claim_done")


async def claim_done(chat: Chat) -> None:
    """They are one with the older contact; or that was taken back a moment before."""
    if await chat.fetch(claims.standing) == claim_desk.LINKED:
        chat.say("claim.linked")
    else:
        _ended(chat, "")


def _ended(chat: Chat, standing: str) -> None:
    if standing == claim_desk.ASKED:
        chat.say(words("claim.told_staff", phone=chat.programme.person.phone), buttons=[MENU])
    elif standing == claim_desk.LINKED:
        chat.say("claim.linked")
    else:
        late = standing == claim_desk.LATE
        chat.say("claim.late" if late else "claim.over", buttons=[WROTE, MET, MENU] if late else [MET, MENU])


async def claim_denied(chat: Chat) -> Finish:
    """„Не бях аз“, where a code came."""
    chat.say(words("claim.denied", phone=chat.programme.person.phone))
    given = {"claim_id": number_of(chat.given("claim")), "office": chat.programme.desk}
    return Finish(claims.deny, given)


# --- staff ------------------------------------------------------------------------------------------------------------


async def claim_card(chat: Chat) -> None:
    """Who says that they are whom, and how it stands."""
    found = await chat.fetch(claim_desk.shown, claim_id=number_of(chat.given("claim")))
    if found is None:
        chat.card("claim.none_such", [STAFF])
        return
    chat.card(card_words(found), *card_rows(found), [STAFF])


async def claim_word(chat: Chat) -> Finish:
    """The word of somebody who called: the same person, or another."""
    given: dict[str, Any] = {"claim_id": number_of(chat.given("claim")), "is_same": chat.given("word") == "yes"}
    again = {"claim": chat.given("claim")}
    if chat.given("word") not in ("yes", "no"):
        return Finish(then="claim_card", given=again)
    return Finish(claim_desk.decide, {**given, "rules": chat.programme.rules}, then="claim_card", given=again)
