"""What is written about a broadcast: the announcement itself, how it goes on, what came of it, who has to say yes.

Pure: facts in, one message out. The announcement's words come from handlers.bulletin, as its preview's do, and a report
says what the card says.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from bot.chat import Option, literal, words
from bot.messages import Button, Outgoing
from bot.texts import Lines, Texts, Words
from handlers import bulletin
from handlers.announce_words import title
from handlers.announcement import is_over, report, snippet, why_refused
from handlers.audience import people
from handlers.event_words import shown_time

if TYPE_CHECKING:
    from storage.announcing import Plea, Standing, Told
    from storage.programme import Programme

LOOK = 200  # letters of the words that whoever has to say yes sees at once


def compose_broadcast(texts: Texts, programme: Programme, told: Told, now: datetime) -> Outgoing:
    """The announcement for one reader. `now` is in UTC."""
    one, first = told.broadcast, told.name.partition(" ")[0]
    reader = bulletin.Reader(programme, told.name, told.event, told.writer, now, corrects=bool(one.corrects))
    shown = bulletin.shown(one.words, one.media, told.language, reader)
    for_whom = [words("broadcast.for_one", name=literal(first))] if told.is_shared and first else []
    text = texts(Lines((*for_whom, *shown.text.parts)), told.language)
    whose = told.contact_id if told.is_shared else 0
    rows = _buttons(texts, bulletin.answers(one.id, whose, one.buttons), told.language)
    return Outgoing(text, rows, media=shown.media)


def compose_progress(texts: Texts, programme: Programme, standing: Standing, now: datetime) -> Outgoing:
    """How it goes on, or what came of it, with what can be done next."""
    one = standing.broadcast
    lines = _came_of_it(standing) if standing.is_report else (_lost(standing) or [_goes_on(standing)])
    options = _next_steps(standing) if standing.is_report else _controls(standing)
    text = texts(Lines((literal(f"📣 {title(one)}"), *lines)), standing.language)
    return Outgoing(text, _buttons(texts, options, standing.language), replaces=standing.replaces)


def compose_plea(texts: Texts, programme: Programme, plea: Plea, now: datetime) -> Outgoing:
    """Somebody wants to write to many, and a colleague shall look at it first."""
    one = plea.broadcast
    asked = "broadcast.plea_change" if one.started_at else "broadcast.plea"
    lines = [
        words(asked, name=literal(plea.writer.partition(" ")[0]), people=people(plea.people)),
        literal(f"📣 {snippet(one, LOOK)}"),
        words("broadcast.plea_ends", when=literal(shown_time(one.due_at, now, programme.zone))),
    ]
    options = [
        [Option(f"/announcement {one.id}", "announce.do_show")],
        [Option(f"/a_approve {one.id}", "announce.do_approve"), Option(f"/a_refuse {one.id}", "announce.do_refuse")],
    ]
    return Outgoing(texts(Lines(tuple(lines)), plea.language), _buttons(texts, options, plea.language))


def _lost(standing: Standing) -> list[Words]:
    """Why it did not go, or does not go on, though nobody pressed anything."""
    if not standing.lost_by:
        return []
    name = literal(standing.lost_by.partition(" ")[0])
    if standing.broadcast.status == "refused":
        return [words("broadcast.lost", name=name)]
    return [words("broadcast.lost_paused", name=name), _goes_on(standing)]


def _goes_on(standing: Standing) -> Words:
    progress = standing.progress
    done = progress.sent + progress.failed + progress.unsure
    if is_over(standing.broadcast, progress):
        return report(progress)[0]
    key = "announce.is_paused" if standing.broadcast.status == "paused" else "announce.goes_out"
    return words(key, sent=done, all=done + progress.waiting)


def _controls(standing: Standing) -> list[list[Option]]:
    number, status = standing.broadcast.id, standing.broadcast.status
    stop, see = Option(f"/a_stop {number}", "announce.do_stop"), [_open(number)]
    match status:
        case "running":
            return [[Option(f"/a_pause {number}", "announce.do_pause"), stop], see]
        case "paused":
            return [[Option(f"/a_on {number}", "announce.do_on"), stop], see]
    return [see]


def _came_of_it(standing: Standing) -> list[Words]:
    one, progress = standing.broadcast, standing.progress
    if one.status == "refused":
        return [words(why_refused(one))]
    if one.status == "stopped" and progress.cancelled:
        stopped = words("announce.was_stopped", sent=people(progress.sent), rest=people(progress.cancelled))
        return [stopped, *report(progress)[1:]]
    return report(progress)


def _next_steps(standing: Standing) -> list[list[Option]]:
    one, progress = standing.broadcast, standing.progress
    missed = progress.failed + sum(progress.skipped.get(why, 0) for why in ("blocked", "no_channel"))
    ways = [Option(f"/a_other {one.id}", words("announce.do_other_way", number=standing.other_ways))]
    calls = [Option(f"/a_to_calls {one.id}", words("announce.do_calls", number=missed))]
    return [*([ways] if standing.other_ways else []), *([calls] if missed else []), [_open(one.id)]]


def _open(number: int) -> Option:
    return Option(f"/announcement {number}", "broadcast.open")


def _buttons(texts: Texts, rows: Sequence[Sequence[Option]], language: str) -> tuple[tuple[Button, ...], ...]:
    return tuple(tuple(Button(texts(o.label, language), press=o.code) for o in row) for row in rows)
