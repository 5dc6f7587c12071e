"""One announcement after its last button: on its way, held, under way, and what came of it, with the next step.

Every tap is decided by storage, not by what a screen showed: what is too late is said in a sentence, above the card as
it stands now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from bot.asking import clock
from bot.chat import Chat, Option, literal, words
from bot.texts import Lines, Words
from handlers import bulletin
from handlers.announce import ALL, NEW
from handlers.announce_look import told_by_phone
from handlers.announce_whom import about, whom_shown
from handlers.announce_words import left_out, moment, spoken, title, whom_short
from handlers.audience import people
from handlers.costs import bill
from handlers.events import STAFF, here, in_rows, local
from handlers.words import number_of
from storage import broadcasts, contacts, costs, recipients
from storage.broadcasts import DONE, PAUSED, REFUSED, RUNNING, STOPPED, WAITING, Broadcast
from storage.deliveries import Removed
from storage.recipients import CameBack, Progress

TAP = "tap"  # given with every command that does something: a tap that did nothing loses it
LETTERS = 60  # of an announcement that stand for it on a screen
ON_BUTTON = 22
ROWS = 8  # announcements on one screen
SOON = timedelta(minutes=5)  # until then seconds are counted
PICTURES = {WAITING: "🕐", RUNNING: "▶", PAUSED: "⏸", DONE: "📣", STOPPED: "⏹", REFUSED: "🚫"}
NOTES = {  # of what the state below does not say
    "on": "announce.went_on",
    "approved": "announce.approved", "refused": "announce.refused", "other": "announce.goes_other",
    "changed": "announce.words_changed", "asked": "announce.change_asked", "deleted": "announce.deleting",
}  # fmt: skip
JUDGED = ("approved", "refused")


# --- the list --------------------------------------------------------------------------------------------------------


async def announcements(chat: Chat) -> None:
    """What is still to go first, then the newest; one button each."""
    page = number_of(chat.given("page"))
    found: list[Broadcast] = await chat.fetch(broadcasts.recent, limit=ROWS * (page + 1) + 1)
    now = await here(chat)
    shown = found[ROWS * page : ROWS * (page + 1)]
    tallies = await chat.fetch(recipients.tallies, broadcast_ids=[one.id for one in shown])
    rows = [[_button(chat, one, now, *tallies.get(one.id, (0, 0)))] for one in shown]
    if len(found) > ROWS * (page + 1):
        rows.append([Option(f"/announcements {page + 1}", "button.leaf")])
    if page:
        rows.append([Option(f"/announcements {page - 1}", "button.back")])
    some_wait = any(one.status == WAITING for one in shown)
    head = ("announce.list_waiting" if some_wait else "announce.list") if shown else "announce.none"
    chat.card(head, *rows, [NEW], [STAFF])


def _button(chat: Chat, one: Broadcast, now: datetime, sent: int, total: int) -> Option:
    """„📣 Курс по готварство · 3 а · 10/12“."""
    whom = Words("announce.list_fix") if one.corrects else whom_short(chat.programme, one.audience)
    picture = "↩" if one.status == STOPPED and not one.started_at else PICTURES[one.status]
    head = literal(f"{picture} {title(one, ON_BUTTON)}")
    label = words("announce.in_list", title=head, whom=whom, stands=_in_brief(chat, one, now, sent, total))
    return Option(f"/announcement {one.id}", label)


def _in_brief(chat: Chat, one: Broadcast, now: datetime, sent: int, total: int) -> Words:
    """Where it stands, in a word or a number."""
    if one.status == WAITING:
        return words("announce.is_planned", when=literal(moment(local(chat, one.due_at), now)))
    if not one.started_at:
        return Words("announce.is_cancelled" if one.status == STOPPED else "announce.is_refused")
    if one.status in (STOPPED, PAUSED):
        key = "announce.is_stopped" if one.status == STOPPED else "announce.is_halted"
        return words(key, sent=sent, all=total)
    return literal(f"{sent}/{total}")


def snippet(one: Broadcast, most: int = LETTERS) -> str:
    """The beginning of its words, on one line; of a picture without any, that it is one."""
    text = " ".join((one.words.get("bg") or one.words.get("rom") or "").split()) or "📎"
    if len(text) <= most:
        return text
    cut = text[:most]
    return f"{cut.rpartition(' ')[0] or cut}…"


# --- one of them -----------------------------------------------------------------------------------------------------


async def announcement(chat: Chat) -> None:
    """How it stands, and what can be done. „latest“ is the one that was published a moment ago."""
    one, note = await meant(chat), chat.given("note")
    if one is None and note in JUDGED:  # decided, it is no colleague's matter any more
        due: datetime | None = await chat.fetch(broadcasts.goes_at, broadcast_id=number_of(chat.given("announcement")))
        chat.card(Lines((words(NOTES[note]), *_goes(chat, due, await here(chat)))), [ALL, STAFF])
        return
    if one is None:
        nothing_there(chat)
        return
    now = await here(chat)
    known: Progress = await chat.fetch(recipients.progress, broadcast_id=one.id)
    lines = [*([words(NOTES[note]), literal("")] if note in NOTES else []), literal(f"📣 {title(one)}")]
    if one.by_id is not None and one.by_id != chat.person.contact_id:
        lines.append(words("announce.by", name=literal(await chat.fetch(contacts.name_of, contact_id=one.by_id))))
    lines += [await whom_shown(chat, one.audience, one.by_id)] if not one.corrects else [
        words("announce.is_correction"), *await told_by_phone(chat, one.corrects)
    ]  # fmt: skip
    lines.append(literal(""))
    state = await _state(chat, one, known, now)
    rows = await _actions(chat, one, known)
    more = await _other_way(chat, one, known)
    chat.card(Lines((*lines, *state, *more)), *rows, [ALL, STAFF])


async def _state(chat: Chat, one: Broadcast, known: Progress, now: datetime) -> list[Words]:
    """Where it stands, in plain words."""
    lines = await _stands(chat, one, known, now)
    if not one.deleted_at:
        return lines
    removed: Removed = await chat.fetch(broadcasts.removed, broadcast_id=one.id)
    left = known.sent + known.unsure - removed.gone - removed.under_way
    numbers = {"announce.is_gone": removed.gone, "announce.goes_away": removed.under_way, "announce.not_gone": left}
    return [*lines, *(words(key, people=people(number)) for key, number in numbers.items() if number > 0)]


async def _stands(chat: Chat, one: Broadcast, known: Progress, now: datetime) -> list[Words]:
    if one.started_at and is_over(one, known) and not (one.status == STOPPED and known.cancelled):
        return report(known)
    match one.status:
        case "waiting":
            return [await _waits(chat, one, now), *await _would_get(chat, one)]
        case "running" | "paused":
            asked = [words("announce.new_words", at=clock(local(chat, one.due_at)))] if one.is_questioned else []
            return [*asked, _under_way(chat, one, known), *report(known)[1:]]
        case "stopped" if one.started_at:
            stopped = words("announce.was_stopped", sent=people(known.sent), rest=people(known.cancelled))
            return [stopped, *report(known)[1:]]
        case "refused":
            return [words(why_refused(one))]
    return [words("announce.was_undone")]


def why_refused(one: Broadcast) -> str:
    """A colleague said no to it; or whoever wrote it might not any more when it should have gone."""
    return "announce.was_refused" if one.held else "announce.lost_right"


def is_over(one: Broadcast, known: Progress) -> bool:
    """Whether nothing of it is left to go: it may be written down a moment later."""
    nothing_left = one.started_at is not None and known.total > 0 and not known.waiting and not one.is_questioned
    return one.status in (DONE, STOPPED) or nothing_left


async def _would_get(chat: Chat, one: Broadcast) -> list[Words]:
    """How many of one's own would get it as things are, and why others would not."""
    if one.by_id != chat.person.contact_id:
        return []
    asked = {"audience": one.audience, "words": one.words, "media": one.media, "again": one.again}
    reach = await chat.fetch(broadcasts.reach, **asked, corrects=one.corrects, rules=chat.programme.rules)
    lines = [words("announce.would_get", people=people(reach.get)), *left_out(reach)]
    if not chat.tariffs:
        return lines
    rules = chat.programme.rules
    paid = await chat.fetch(costs.of_announcement, **asked, corrects=one.corrects, rules=rules, at=one.due_at)
    return [*lines, *await bill(chat, paid, one.due_at)]


async def _other_way(chat: Chat, one: Broadcast, known: Progress) -> list[Words]:
    """What it costs to send it once more to those whom it did not reach."""
    if not chat.tariffs or not is_over(one, known):
        return []
    lines = await bill(chat, await chat.fetch(costs.of_other_way, broadcast_id=one.id))
    return [literal(""), words("costs.other_way"), *lines] if lines else []


async def _waits(chat: Chat, one: Broadcast, now: datetime) -> Words:
    due = local(chat, one.due_at)
    if one.held and not one.approved_by and await chat.fetch(broadcasts.colleagues, broadcast_id=one.id):
        return (
            words("announce.held", at=clock(due))
            if due - now < SOON
            else words("announce.held_until", when=spoken(due, now))
        )
    return _goes(chat, one.due_at, now)[0]


def _goes(chat: Chat, due: datetime | None, now: datetime) -> list[Words]:
    """When it goes, if that is still to come."""
    if due is None:
        return []
    at = local(chat, due)
    if at - now < SOON:
        return [words("announce.in_seconds", number=max(1, int((at - now).total_seconds())))]
    return [words("announce.goes_at", when=spoken(at, now))]


def _under_way(chat: Chat, one: Broadcast, known: Progress) -> Words:
    """„Изпратени 12 от 40, готово към 14:32“."""
    done = known.sent + known.failed + known.unsure
    numbers = {"sent": done, "all": done + known.waiting}
    if one.status == PAUSED:
        return words("announce.is_paused", **numbers)
    if known.ready_at is None:
        return words("announce.goes_out", **numbers)
    return words("announce.running", at=clock(local(chat, known.ready_at)), **numbers)


def report(known: Progress) -> list[Words]:
    """„35 го получиха. 5 не: 3 са блокирали бота, 2 нямат връзка с нас“."""
    why = _why_not(known)
    number = sum(count for count, _ in why)
    key = {0: "announce.got_none", 1: "announce.got_one"}.get(known.sent, "announce.got")
    lines = [words(key, number=known.sent)]
    if why:
        lines.append(words("announce.got_not", number=number, why=bulletin.listed([shown for _, shown in why])))
    if known.unsure:
        lines.append(words("announce.unsure", number=known.unsure))
    return lines


def _why_not(known: Progress) -> list[tuple[int, Words]]:
    """How many did not get it, by reason; the reasons that somebody can do something about first."""
    skipped, failures = known.skipped, known.failures
    blocked = skipped.get("blocked", 0) + failures.get("blocked", 0)
    plain = {"blocked", "no_channel", "stopped", "told_today", "week_full", "household", "self", "erased"}
    numbers: Mapping[str, int] = {
        "announce.not_blocked": blocked,
        "announce.not_connected": skipped.get("no_channel", 0),
        "announce.not_failed": known.failed - failures.get("blocked", 0),
        "announce.why_stopped": skipped.get("stopped", 0),
        "announce.why_told": skipped.get("told_today", 0),
        "announce.why_week": skipped.get("week_full", 0),
        "announce.why_home": skipped.get("household", 0),
        "announce.not_else": sum(n for why, n in skipped.items() if why not in plain),
    }
    return [(number, words(key, number=number)) for key, number in numbers.items() if number > 0]


async def _actions(chat: Chat, one: Broadcast, known: Progress) -> Sequence[Sequence[Option]]:
    """What can be done about it now."""
    number = one.id
    again, show = Option(f"/announcement {number}", "announce.do_look"), Option(f"/a_show {number}", "announce.do_show")
    match one.status:
        case "waiting" | "paused" if await chat.fetch(broadcasts.may_approve, broadcast_id=number):
            yes = Option(f"/a_approve {number}", "announce.do_approve")
            return [[show], [yes], [Option(f"/a_refuse {number}", "announce.do_refuse")]]
        case "waiting":
            undo = [Option(f"/a_undo {number}", "announce.do_undo")]
            soon = local(chat, one.due_at) - await here(chat) < SOON
            return [undo, [show, again]] if soon else [*_anew(chat, one), undo, [show]]
        case "running" if not is_over(one, known):
            stop = Option(f"/a_stop {number}", "announce.do_stop")
            return [[Option(f"/a_pause {number}", "announce.do_pause"), stop], [again], *await _after(chat, one, known)]
        case "paused" if not is_over(one, known):
            stop = Option(f"/a_stop {number}", "announce.do_stop")
            on = [] if one.is_questioned else [Option(f"/a_on {number}", "announce.do_on")]
            return [[*on, stop], *await _after(chat, one, known)]
    anew = _anew(chat, one) if one.status in (STOPPED, REFUSED) else []
    return [*(await _after(chat, one, known) if one.started_at else []), *anew, [show]]


def _anew(chat: Chat, one: Broadcast) -> list[list[Option]]:
    """One's own once more, as it is or at another hour."""
    if one.by_id != chat.person.contact_id or (one.corrects and one.status != WAITING):
        return []
    hour = [[Option(f"/a_reuse {one.id} when", "announce.do_other_time")]] if one.status == WAITING else []
    return [[Option(f"/a_reuse {one.id}", "announce.do_reuse")], *hour]


async def _after(chat: Chat, one: Broadcast, known: Progress) -> Sequence[Sequence[Option]]:
    """What there is to do about people: their answers, whom to call, another way, a mistake."""
    number, rows = one.id, list[Option]()
    back: CameBack = await chat.fetch(recipients.came_back, broadcast_id=number)
    if one.buttons:
        heard = sum(back.answers.values())
        rows.append(Option(f"/a_answers {number}", words("announce.do_answers", number=heard)))
    unreached = known.failed + sum(known.skipped.get(why, 0) for why in ("blocked", "no_channel"))
    if back.calls:
        rows.append(Option(f"/a_calls {number}", words("announce.do_calls", number=back.left)))
    if is_over(one, known):
        other = await chat.fetch(recipients.other_ways, broadcast_id=number)
        if other:
            rows.append(Option(f"/a_other {number}", words("announce.do_other_way", number=other)))
        if unreached and not back.missed:
            rows.append(Option(f"/a_to_calls {number}", words("announce.do_calls", number=unreached)))
    if one.deleted_at:
        removed: Removed = await chat.fetch(broadcasts.removed, broadcast_id=number)
        again = words("announce.do_delete_again", people=people(removed.failed))
        rows += [Option(f"/a_delete {number} yes", again)] if removed.failed else []
    elif known.sent or known.unsure:
        rows.append(Option(f"/a_correct {number}", "announce.do_correct"))
    return in_rows(rows, 1)


async def a_show(chat: Chat) -> None:
    """The whole of it, in each of its languages."""
    one = await meant(chat)
    if one is None:
        nothing_there(chat)
        return
    writer = await chat.fetch(contacts.name_of, contact_id=one.by_id) if one.by_id else ""
    reader = bulletin.Reader(
        chat.programme, chat.person.name, await about(chat, one.audience), writer, await here(chat), bool(one.corrects)
    )
    for language in bulletin.languages(one.words, one.media):
        shown = bulletin.shown(one.words, one.media, language, reader)
        chat.say(shown.text, media=shown.media, apart=True)
    chat.card("announce.this_was_all", [back_to(one)])


# --- what the screens share ------------------------------------------------------------------------------------------


async def meant(chat: Chat) -> Broadcast | None:
    """The announcement that a command names, if whoever asks may see it."""
    typed = chat.given("announcement")
    if typed == "latest":
        latest: Broadcast | None = await chat.fetch(broadcasts.latest)
        return latest
    found: Broadcast | None = await chat.fetch(broadcasts.for_staff, broadcast_id=number_of(typed))
    return found


def nothing_there(chat: Chat) -> None:
    """The same for one that is not there and for one that is not theirs."""
    chat.card("announce.none_such", [ALL, STAFF])


def back_to(one: Broadcast) -> Option:
    """The way to its card."""
    return Option(f"/announcement {one.id}", "announce.do_back")
