"""A month in a few numbers and one small picture, for staff. No group of people under five is shown."""

from __future__ import annotations

from collections.abc import Sequence

from bot import pictures
from bot.chat import Chat, Option, literal, words
from bot.messages import Media
from bot.pictures import Bar
from bot.texts import Lines, Words
from handlers import costs
from handlers.results import counted, month_name
from handlers.words import number_of
from storage import pulse
from storage.feedback import FEW
from storage.pulse import Pulse, Week
from storage.staff import REPORTER

LONGEST_AGO = 24
STAFF = Option("/staff", "menu.staff")
LOW = 0.5  # of five people: how tall a bar is whose number is too small to be shown


async def month(chat: Chat) -> None:
    """This month so far, or an earlier one."""
    ago = min(number_of(chat.given("ago")), LONGEST_AGO)
    found: Pulse = await chat.fetch(pulse.pulse, ago=ago, zone=chat.programme.zone)
    _draw(chat, found)
    title = words(
        "numbers.title" if ago else "numbers.so_far", month=month_name(found.begins.month), year=found.begins.year
    )
    own_work = chat.person.role != REPORTER  # few answers tell nothing about anybody to whoever gave them
    lines = [words(key, count=count) for key, count in (
        ("pulse.reached", counted(found.reached)), ("pulse.came", counted(found.came)),
        ("pulse.answered", literal(str(found.answered)) if own_work else counted(found.answered)),
        ("pulse.fresh", counted(found.fresh)),
    )]  # fmt: skip
    lines += [] if ago else await costs.month(chat)
    details = [[Option("/numbers last" if ago else "/numbers", "button.by_activity")]] if ago <= 1 else []
    chat.card(Lines((title, *lines)), *details, _months(ago), [STAFF])


def _months(ago: int) -> list[Option]:
    before = [Option(f"/month {ago + 1}", "button.month_before")] if ago < LONGEST_AGO else []
    return before + ([Option(f"/month {ago - 1}", "button.month_after")] if ago else [])


def _draw(chat: Chat, found: Pulse) -> None:
    """The weeks as bars, under a title that says what they show; nothing where there is too little to be shown."""
    came = [week.came for week in found.weeks]
    fresh = [week.fresh for week in found.weeks]
    for total, weekly, titles, measured in (
        (found.came, came, ("pulse.came_title", "pulse.came_most"), "pulse.came_measured"),
        (found.fresh, fresh, ("pulse.fresh_title", "pulse.fresh_most"), "pulse.fresh_measured"),
    ):
        if total >= FEW:
            said = _finding(found, total, weekly, titles)
            drawn = pictures.bars(chat.texts(said), chat.texts(measured), _bars(chat, found.weeks, weekly))
            chat.say(said, media=Media("photo", mime="image/png", data=drawn), apart=True)
            return


def _finding(found: Pulse, total: int, weekly: Sequence[int], titles: tuple[str, str]) -> Words:
    """„Дойдоха 48 души, най-много 15–21 ноември“; without the most where no week stands out."""
    best = _best(weekly)
    month_ = month_name(found.begins.month)
    if best is None or len(weekly) == 1:
        return words(titles[0], count=total, month=month_)
    return words(titles[1], count=total, days=_days(found.weeks[weekly.index(best)]), month=month_)


def _best(weekly: Sequence[int]) -> int | None:
    """The number of the one week that stands out; None where two are alike or all are too small to be shown."""
    best = max(weekly)
    return best if best >= FEW and list(weekly).count(best) == 1 else None


def _days(week: Week) -> str:
    return f"{week.first}–{week.last}" if week.first != week.last else str(week.first)


def _bars(chat: Chat, weeks: Sequence[Week], weekly: Sequence[int]) -> list[Bar]:
    best = _best(weekly)
    return [
        Bar(_days(week), _height(count), chat.texts(counted(count)), best=count == best)
        for week, count in zip(weeks, weekly, strict=True)
    ]


def _height(count: int) -> float:
    """As tall as the number; of a few people always the same, for a bar's height can be measured too."""
    return count if not 0 < count < FEW else LOW * FEW
