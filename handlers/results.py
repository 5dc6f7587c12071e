"""What people said of events, and a month in numbers: for staff. Nobody's name is here, and no group under five."""

from __future__ import annotations

from collections.abc import Sequence

from bot.chat import Chat, Finish, Option, literal, words
from bot.messages import Media
from bot.texts import Lines, Words
from handlers.event_words import shown_time
from handlers.words import activity_label, number_of
from storage import clock, events, feedback, months, staff
from storage.events import Event
from storage.feedback import FEW, Opinions, Remark
from storage.months import Line

REMARKS = 5  # on one screen
STAFF = Option("/staff", "button.back")
MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
          "december")  # fmt: skip


# --- one event ------------------------------------------------------------------------------------------------------


async def opinions(chat: Chat) -> None:
    """The faces of an event, and what people said, a page at a time."""
    event = await _event(chat)
    if event is None:
        return
    said: Sequence[Remark] = await chat.fetch(feedback.remarks, event_id=event.id)
    first = number_of(chat.given("page")) * REMARKS
    shown = said[first : first + REMARKS]
    parts = [await _heading(chat, event), *await _counts(chat, event), *_told(chat, shown)]
    here = [(n, r) for n, r in enumerate(shown, first + 1) if _is_heard_here(chat, r)]
    notes = [[Option(f"/listen {event.id} {r.mark}", words("button.listen", number=n))] for n, r in here]
    more = [Option(f"/opinions {event.id} {first // REMARKS + 1}", "button.leaf")] if said[first + REMARKS :] else []
    chat.card(Lines(tuple(parts)), *notes, more, [Option(f"/event {event.id}", "button.back")])


async def _heading(chat: Chat, event: Event) -> Words:
    at = shown_time(event.starts_at, await chat.fetch(clock.now), chat.programme.zone)
    return words("opinions.title", title=literal(event.title), when=at)


async def _counts(chat: Chat, event: Event) -> list[Words]:
    ours: Opinions = await chat.fetch(feedback.of_event, event_id=event.id)
    every = await chat.fetch(feedback.of_activity, activity=event.activity, zone=chat.programme.zone)
    asked = words("opinions.asked", asked=max(ours.asked, ours.answered), answered=_answered(ours))
    return [_smiles(ours), asked, words("opinions.activity", faces=_smiles(every))]


def _told(chat: Chat, shown: Sequence[Remark]) -> list[Words]:
    """The words, without names and in an order that tells nothing; how many voices only another channel plays."""
    told = [words("opinions.words")] if shown else []
    told += [literal(f"• {remark.text}") for remark in shown if remark.text]
    elsewhere = sorted({r.channel.capitalize() for r in shown if r.file and not _is_heard_here(chat, r)})
    return [*told, *(words("opinions.elsewhere", channel=channel) for channel in elsewhere)]


def _is_heard_here(chat: Chat, remark: Remark) -> bool:
    """Only the channel that brought a voice note can play it."""
    return bool(remark.file) and remark.channel == chat.person.channel


async def listen(chat: Chat) -> Finish | None:
    """One voice note, to be heard."""
    event = await _event(chat)
    if event is None:
        return None
    said = await chat.fetch(feedback.remarks, event_id=event.id)
    remark = next((r for r in said if r.mark == chat.given("mark")), None)
    back = [Option(f"/opinions {event.id}", "button.back")]
    if remark is None or not _is_heard_here(chat, remark):
        chat.card("opinions.no_voice", back)
        return None
    chat.say(
        words("opinions.voice", title=literal(event.title)),
        media=Media("voice", remark.channel, remark.file),
        buttons=back,
        apart=True,
    )
    return Finish(staff.audit, {"action": "listen", "subject": f"event:{event.id}"})


async def _event(chat: Chat) -> Event | None:
    number = number_of(chat.given("event"))
    event: Event | None = await chat.fetch(events.for_staff, event_id=number) if number else None
    if event is None:
        chat.card("opinions.gone", [STAFF])
    return event


# --- a month --------------------------------------------------------------------------------------------------------


async def numbers(chat: Chat) -> None:
    """This month so far, or the last one."""
    ago = 1 if chat.given("month") == "last" else 0
    month = await chat.fetch(months.month, ago=ago, zone=chat.programme.zone)
    name = words(
        "numbers.title" if ago else "numbers.so_far", month=month_name(month.begins.month), year=month.begins.year
    )
    each = [part for line in month.activities for part in _of_activity(chat, line)]
    other = Option("/numbers" if ago else "/numbers last", "button.this_month" if ago else "button.last_month")
    chat.card(Lines((name, *_totals(month.total), *each)), [other], [STAFF])


def month_name(number: int) -> Words:
    """A month's name, within a sentence."""
    return words(f"month.{MONTHS[number - 1]}")


def _totals(total: Line) -> list[Words]:
    parts = [
        words("numbers.events", count=total.events),
        words("numbers.invited", count=counted(total.invited)),
        _answer_rate(total),
        words("numbers.came", count=counted(total.came)),
        *([words("numbers.walked_in", count=counted(total.walked_in))] if total.walked_in else []),
    ]
    return [*parts, _smiles(total.opinions)] if total.events else parts


def _of_activity(chat: Chat, line: Line) -> list[Words]:
    label = activity_label(chat.programme.activity(line.activity))
    counts = words("numbers.line", events=line.events, invited=counted(line.invited), came=counted(line.came))
    return [literal(""), label, counts, _smiles(line.opinions)]


def _answer_rate(line: Line) -> Words:
    """How many answered, and of a hundred, where that gives away nobody."""
    if line.answered < FEW:
        return words("numbers.answered", count=counted(line.answered))
    return words("numbers.answered_rate", count=line.answered, percent=round(100 * line.answered / line.invited))


def counted(count: int) -> Words:
    """A number of people, unless they are so few that it says who."""
    return literal(str(count)) if count == 0 or count >= FEW else words("numbers.few")


def _answered(opinions: Opinions) -> Words:
    return words("numbers.few") if opinions.few and not opinions.answered else literal(str(opinions.answered))


def _smiles(opinions: Opinions) -> Words:
    if not opinions.answered:
        return words("opinions.few" if opinions.few else "opinions.none")
    good, so_so, bad = opinions.faces
    return words("opinions.faces", good=good, so_so=so_so, bad=bad)
