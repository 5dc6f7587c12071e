"""A mistake in what was sent: changed where it stands, corrected by a second message, or taken away.

Each way says how many it can reach before anything is done.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from bot.abilities import EDITS
from bot.chat import Chat, Conflict, Finish, Option, YesNo, literal, words
from bot.messages import Media
from bot.texts import Lines, Words
from handlers import bulletin
from handlers.announce_look import told_by_phone
from handlers.announce_whom import about
from handlers.announce_words import title
from handlers.announcement import back_to, meant, nothing_there, snippet
from handlers.audience import people
from handlers.events import here, sealed
from handlers.letter import Letter, letters
from storage import broadcasts, contacts, recipients, wording
from storage.broadcasts import PAUSED, RUNNING, Broadcast
from storage.deliveries import DELETABLE, Removed
from storage.recipients import Progress

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Connection

    from bot.chat import Acting


async def a_correct(chat: Chat) -> None:
    """The three ways, each with how many it reaches."""
    one = await _begun(chat)
    if one is None:
        return
    known: Progress = await chat.fetch(recipients.progress, broadcast_id=one.id)
    there = await _reachable(chat, one, known)
    got = known.sent + known.unsure
    why: str = await chat.fetch(broadcasts.may_correct, broadcast_id=one.id)
    rows = [[Option(f"/a_change {one.id}", words("announce.do_change", people=people(there)))]] if there else []
    rows += [[Option(f"/a_again {one.id}", words("announce.do_fix", people=people(got)))]] if got and not why else []
    rows += [[Option(f"/a_delete {one.id}", words("announce.do_delete", people=people(there)))]] if there else []
    lines = [literal(f"📣 {title(one)}"), words("announce.ask_fix"), *([] if why else _out_of_reach(there, got))]
    lines += await told_by_phone(chat, one.id)
    if why:
        lines.append(words(why))
    elif one.status in (RUNNING, PAUSED):
        lines.append(words("announce.stops_wrong"))
    chat.card(Lines(tuple(lines)), *rows, [back_to(one)])


def _out_of_reach(there: int, got: int) -> list[Words]:
    """On the other channels, and after two days, what was sent stays as it is."""
    return [words("announce.cannot_change", people=people(got - there))] if got > there else []


async def _reachable(chat: Chat, one: Broadcast, known: Progress) -> int:
    """How many have it where it can still be changed or taken away."""
    if one.deleted_at:
        removed: Removed = await chat.fetch(broadcasts.removed, broadcast_id=one.id)
        return removed.failed
    now: datetime = await here(chat)
    if one.started_at is None or now - one.started_at >= DELETABLE:
        return 0
    return sum(number for channel, number in known.seen_on.items() if channel in EDITS)


async def a_change(chat: Chat) -> Finish | None:
    """Other words in place of those that stand there."""
    one = await _begun(chat)
    if one is None:
        return None
    known: Progress = await chat.fetch(recipients.progress, broadcast_id=one.id)
    there = 0 if one.deleted_at else await _reachable(chat, one, known)
    if not there:
        chat.card("announce.was_deleted" if one.deleted_at else "announce.nothing_to_change", [back_to(one)])
        return None
    marks = wording.known_placeholders(one.audience)
    asked = words("announce.ask_change", people=people(there), before=literal(snippet(one, 200)))
    letter = await chat.ask("words", Letter(asked, letters(chat.person.role), marks, media=False))
    said = {**one.words, "bg": letter["text"], **await _in_romani(chat, one, marks)}
    await _show(chat, one, said)
    sure = words("announce.change_sure", people=people(there))
    yes = words("announce.do_yes_change", people=people(there))
    key = sealed("sure", (said, there))
    if not await chat.ask(key, YesNo(sure, yes, "button.no_keep", by_number=False)):
        return Finish(then="announcement", given={"announcement": str(one.id)})
    is_asked = await chat.fetch(broadcasts.needs_a_second, broadcast_id=one.id)
    given = {"announcement": str(one.id), "note": "asked" if is_asked else "changed"}
    return Finish(change, {"broadcast_id": one.id, "words": said, "key": key}, then="announcement", given=given)


async def _in_romani(chat: Chat, one: Broadcast, marks: Collection[str]) -> dict[str, str]:
    """Where it is written in Romani too: its other words, or the same."""
    before = one.words.get("rom")
    if not before:
        return {}
    asked = words("announce.ask_change_romani", before=literal(before))
    question = Letter(asked, letters(chat.person.role), marks, media=False, skip="announce.do_same_romani")
    letter = await chat.ask("rom", question)
    return {"rom": letter["text"] or before}


def change(connection: Connection, acting: Acting, *, broadcast_id: int, words: Mapping[str, str], key: str) -> None:
    """Change the words; what is wrong with them is said above the question for them."""
    try:
        broadcasts.change_sent(connection, acting, broadcast_id=broadcast_id, words=words)
    except Conflict as conflict:
        raise Conflict("words" if conflict.key == "words" else key, conflict.why) from None


async def _show(chat: Chat, one: Broadcast, said: Mapping[str, str]) -> None:
    """The new words, as they will stand there."""
    writer = await chat.fetch(contacts.name_of, contact_id=one.by_id) if one.by_id else ""
    reader = bulletin.Reader(
        chat.programme, chat.person.name, await about(chat, one.audience), writer, await here(chat), bool(one.corrects)
    )
    none: dict[str, Media] = {}
    for language in bulletin.languages(said, none):
        chat.say(bulletin.shown(said, none, language, reader).text, apart=True)


async def a_delete(chat: Chat) -> Finish | None:
    """Take it out of the chats, once that was said to be meant."""
    one = await _begun(chat)
    if one is None:
        return None
    known: Progress = await chat.fetch(recipients.progress, broadcast_id=one.id)
    there = await _reachable(chat, one, known)
    if not there:
        chat.card("announce.nothing_to_change", [back_to(one)])
        return None
    if chat.given("sure") != "yes":
        rest = _out_of_reach(there, known.sent + known.unsure)
        yes = Option(f"/a_delete {one.id} yes", words("announce.do_yes_delete", people=people(there)))
        lines = (literal(f"📣 {title(one)}"), words("announce.delete_sure", people=people(there)), *rest)
        chat.card(Lines(lines), [yes], [Option(f"/announcement {one.id}", "button.no_keep")])
        return None
    given: dict[str, Any] = {"announcement": str(one.id), "note": "deleted"}
    return Finish(broadcasts.delete_sent, {"broadcast_id": one.id}, then="announcement", given=given)


async def _begun(chat: Chat) -> Broadcast | None:
    """The announcement that is meant, if anything of it can have been sent; otherwise that is said."""
    one = await meant(chat)
    if one is None:
        nothing_there(chat)
        return None
    if one.started_at is None:
        chat.card("announce.nothing_to_change", [back_to(one)])
        return None
    return one
