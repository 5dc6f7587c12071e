"""What we write of our own accord: after it the open question is put again, and nobody loses a button to press.

Where only the buttons of the latest message can be pressed, such a message takes everybody's away: so it has a way home
beside its own, and the question behind it has the message's above its own. That costs no message more than elsewhere.
Must never touch an answer: it only shows what waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot import abilities
from bot.messages import Address, Button, Incoming, Kind, Lane, Outgoing, Rows
from bot.parts import parts
from bot.visit import HUMAN, NO_WAYS, Visit, Ways, World, one_keyboard, ways_home
from storage import outbox, people, readers
from storage.outbox import Draft, Interruption, Unwritten
from storage.people import Changes
from storage.readers import Reader
from storage.transcript import AGAIN

FRESH = timedelta(hours=1)  # an older question was left for good, and would only puzzle beside a reminder

PART = "part:"  # of a message that is too long for one: its key, beside the number of the row that begins it

Written = Mapping[int, Outgoing | None]
Interrupt = Callable[[Connection, Sequence[Unwritten], Written, datetime], Written]
"""What is to be sent of rows whose words were found, in the order in which they go."""


def nobody_talks(connection: Connection, rows: Sequence[Unwritten], written: Written, now: datetime) -> Written:
    """They are sent as they are, and nothing is put again."""
    return written


def putting_again(world: World) -> Interrupt:
    """Put the open question again behind each row whose reader is in a conversation, and keep all buttons in reach."""

    def interrupt(connection: Connection, rows: Sequence[Unwritten], written: Written, now: datetime) -> Written:
        fresh = [row for row in rows if _is_new(row, written.get(row.id))]
        found = _with_ways(world, connection, fresh, written)
        first = [row for row in fresh if not row.has_words]
        shown = _in_parts(connection, fresh, found, now)
        _put_again(world, connection, first, found, now)
        return shown

    return interrupt


def _is_new(row: Unwritten, message: Outgoing | None) -> bool:
    """Whether it stands below everything else; where nothing can take a place, so does what was meant to."""
    if message is None or message.removes:
        return False
    return not message.replaces or _is_narrow(row)


def _is_narrow(row: Unwritten) -> bool:
    return abilities.of(row.address.channel).one_keyboard


def _with_ways(world: World, connection: Connection, rows: Sequence[Unwritten], written: Written) -> Written:
    """The same, with a way home where the message takes the place of the one before it."""
    narrow = [row.id for row in rows if _is_narrow(row)]
    found = dict(written)
    for number, reader in readers.of(connection, narrow).items():
        if message := found[number]:
            (found[number],) = one_keyboard([replace(message, replaces="")], _ways_of(world, reader))
    return found


def _in_parts(connection: Connection, rows: Sequence[Unwritten], written: Written, now: datetime) -> Written:
    """The same, with what is too long for its channel cut: the further parts are queued behind the first."""
    cut: dict[int, list[Outgoing]] = {}
    for row in rows:
        whole = written[row.id]
        pieces = parts(whole, abilities.of(row.address.channel)) if whole else []
        if len(pieces) > 1:
            cut[row.id] = pieces
    new = [row for row in rows if row.id in cut and not row.has_words]
    known = readers.of(connection, [row.id for row in new])
    drafts = [
        Draft(f"{PART}{row.id}:{n}", row.address, known[row.id].address_id, row.contact_id, piece, row.lane)
        for row in new
        for n, piece in enumerate(cut[row.id][1:], 1)
    ]
    outbox.enqueue(connection, drafts, now, {})
    return {**written, **{number: pieces[0] for number, pieces in cut.items()}}


def _ways_of(world: World, reader: Reader) -> Ways:
    """Whoever has no menu yet has a person: with nothing to press they would not know where to turn."""
    if reader.registered:
        return ways_home(world, reader.language, reader.role)
    return Ways(home=(Button(world.texts(HUMAN.label, reader.language), press=HUMAN.code),))


def _put_again(
    world: World, connection: Connection, rows: Sequence[Unwritten], written: Written, now: datetime
) -> None:
    lanes = {row.id: row.lane for row in rows}
    all_found = outbox.interrupts(connection, list(lanes), now - FRESH)
    found = {row.address: row for row in all_found}  # behind the last of several
    if not found:
        return
    nothing = [Incoming("", address, Kind.OTHER) for address in found]
    known = people.load(connection, nothing, now)
    changes, drafts = Changes(), []
    for event in nothing:
        row = found[event.address]
        visit = Visit(world, connection, event, known[event.address], 0, now, changes)
        if visit.contact_id == row.contact_id and visit.talk is not None:
            visit.put_again()
            shown = _under(all_found, event.address, written, visit.finished())
            drafts += [_draft(row, lanes, n, message) for n, message in enumerate(shown)]
    people.write(connection, changes)
    outbox.enqueue(connection, drafts, now, {})


def _draft(row: Interruption, lanes: Mapping[int, Lane], n: int, message: Outgoing) -> Draft:
    # In the lane of what it stands behind: one that is quicker would overtake it.
    return Draft(f"{AGAIN}{row.id}:{n}", row.address, row.address_id, row.contact_id, message, lanes[row.id])


def _under(
    rows: Iterable[Interruption], address: Address, written: Written, messages: list[Outgoing]
) -> Sequence[Outgoing]:
    """The question as it stands below what interrupted it: with the buttons of both, where that is needed."""
    if not messages or not abilities.of(address.channel).one_keyboard:
        return messages
    said = (written[row.id] for row in rows if row.address == address)
    above: list[Rows] = [message.rows for message in said if message is not None]
    return one_keyboard(messages, NO_WAYS, above)
