"""What is written about a claim: the code to the older chat, the card to staff, their word to whoever claimed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from bot import abilities
from bot.chat import Option, literal, words
from bot.messages import Outgoing
from bot.texts import Lines, Texts, Words
from handlers.ticket_notices import buttons
from storage.claim_desk import ASKED, DENIED, DOUBTED, LINKED, REFUSED

if TYPE_CHECKING:
    from storage.claim_desk import Claim, Word
    from storage.claims import Code
    from storage.programme import Programme

HALF = 3  # digits of a code between gaps
STATES = {
    DENIED: "claim.card_denied", DOUBTED: "claim.card_doubted", LINKED: "claim.card_linked",
    REFUSED: "claim.card_refused",
}  # fmt: skip


def compose_code(texts: Texts, programme: Programme, code: Code, now: datetime) -> Outgoing:
    """The code; nothing of whoever asked for it, who may be anybody."""
    told = words("claim.code_is", where=_where(code.channel), code=literal(f"{code.code[:HALF]} {code.code[HALF:]}"))
    rows = [[Option(f"/not_me {code.claim_id}", "button.claim_not_me")]]
    return Outgoing(texts(told, code.language), buttons(texts, rows, code.language))


def compose_card(texts: Texts, programme: Programme, claim: Claim, now: datetime) -> Outgoing:
    """A claim, with the buttons by which one of the staff gives their word."""
    return Outgoing(texts(card_words(claim), claim.language), buttons(texts, card_rows(claim), claim.language))


def compose_word(texts: Texts, programme: Programme, word: Word, now: datetime) -> Outgoing:
    """What became of it, in the chat in which they claimed."""
    told = words("claim.word_same") if word.is_same else words("claim.word_other", phone=programme.person.phone)
    rows = [[Option("/menu", "button.menu")]] if word.is_same else [[Option("/person", "button.person")]]
    return Outgoing(texts(told, word.language), buttons(texts, rows, word.language))


def _where(channel: str) -> Words:
    title = abilities.of(channel).title
    return literal(title) if title else words("claim.our_page")


def card_words(claim: Claim) -> Lines:
    """Who says that they are whom; with a name that is theirs to see."""
    name, known, phone = literal(claim.name), literal(claim.known_name), literal(claim.phone)
    if claim.status in STATES:
        told = words(STATES[claim.status], name=name, known=known)
        return Lines((told,))
    if not claim.known_id:
        return Lines((words("claim.card_unknown", name=name, phone=phone, where=_where(claim.channel)),))
    if claim.status != ASKED:
        return Lines((words("claim.card_past", known=known),))
    return Lines((words("claim.card", name=name, known=known, phone=phone, where=_where(claim.channel)),))


def card_rows(claim: Claim) -> list[list[Option]]:
    """What can be done with it now. Nobody can be the same as somebody whom we do not know."""
    about = claim.known_id or claim.contact_id
    phone = [Option(f"/phone {about}", "button.show_phone")]
    if claim.status != ASKED:
        return [[Option(f"/contact {about}", "button.claim_contact")]]
    other = [Option(f"/claimed {claim.id} no", "button.claim_other")]
    same = [[Option(f"/claimed {claim.id} yes", "button.claim_same")]] if claim.known_id else []
    return [*same, other, phone]
