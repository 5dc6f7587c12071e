"""An announcement in the words of its screens: when it goes, whom it does not reach, what stands for it in a list."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot import calendar, when
from bot.asking import clock
from bot.chat import literal, words
from bot.texts import Words
from handlers import bulletin
from storage import broadcasts
from storage.broadcasts import Broadcast, Reach

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bot.calendar import Rules
    from bot.chat import Acting
    from storage.programme import Programme

LETTERS = 60  # of an announcement that stand for it on a screen
WEEK = 7  # days, after which nobody has heard enough
_GREETING = re.compile(
    r"^(?:(?:здравей(?:те)?|привет|добър ден|добро утро|добър вечер|уважаем[аи] \w+|скъп[аи] \w+)\b"
    r"|\(\(име\)\)|[\s,.!–—-]|\bна всички\b)+",
    re.IGNORECASE,
)
_MARK = re.compile(r"\s*\(\(\s*име\s*\)\),?", re.IGNORECASE)


# --- when ------------------------------------------------------------------------------------------------------------


def moment(at: datetime, now: datetime) -> str:
    """„18:00“ today, „ср 8:30“ tomorrow, „нд 27.12, 10:00“ later. Both by the local clock."""
    days = (at.date() - now.date()).days
    day = when.day_label(at.date(), now).rpartition(", ")[2]
    if days == 0:
        return clock(at)
    return f"{day.partition(' ')[0]} {clock(at)}" if days == 1 else f"{day}, {clock(at)}"


def spoken(at: datetime, now: datetime) -> Words:
    """The same for a sentence, where there is room to say that it is tomorrow."""
    is_near = (at.date() - now.date()).days == 1
    return literal(f"{moment(at, now)} (утре)" if is_near else moment(at, now))


def why_later(rules: Rules, wanted: datetime, *, is_now: bool) -> str:
    """Why nothing goes at that hour of the local clock: the key of a sentence that says when it does."""
    if calendar.is_holiday(rules, wanted.date()):
        return "announce.goes_feast" if is_now else "announce.goes_feast_then"
    if f"{rules.quiet_until:%H:%M}" <= f"{wanted:%H:%M}" < f"{rules.quiet_from:%H:%M}":  # only Sundays begin later
        return "announce.goes_early"
    return "announce.goes_night" if is_now else "announce.goes_night_then"


# --- whom not --------------------------------------------------------------------------------------------------------


def left_out(reach: Reach) -> list[Words]:
    """„12 няма да получат: 7 с отказ, 3 без връзка с нас, 2 вече с това съобщение днес“."""
    reasons = {
        "announce.why_stopped": reach.stopped,
        "announce.why_unreached": reach.unreached,
        "announce.why_told": reach.told_today,
        "announce.why_week": reach.week_full,
        "announce.why_home": reach.household,
    }
    why = [words(key, number=number) for key, number in reasons.items() if number]
    number = sum(reasons.values())
    if not why:
        return []
    return [words("announce.left_one" if number == 1 else "announce.left_out", number=number, why=bulletin.listed(why))]


def free_on(connection: Connection, acting: Acting, *, rules: Rules, asked: Mapping[str, Any]) -> datetime | None:
    """About when, UTC, half of those who have heard enough can be told something again; None: not within a week."""
    enough = broadcasts.reach(connection, acting, **asked, rules=rules).week_full

    def is_free(days: int) -> bool:
        then = replace(acting, now=acting.now + timedelta(days=days))
        return 2 * broadcasts.reach(connection, then, **asked, rules=rules).get >= enough

    days = bisect_left(range(1, WEEK + 1), True, key=is_free) + 1
    return acting.now + timedelta(days=days) if enough and days <= WEEK else None


# --- what stands for it ----------------------------------------------------------------------------------------------


def title(one: Broadcast, most: int = LETTERS) -> str:
    """Its first useful words, on one line, without the greeting and the mark of a name; of a picture alone a sign."""
    whole = " ".join((one.words.get("bg") or one.words.get("rom") or "").split())
    text = _MARK.sub("", _GREETING.sub("", whole) or whole).strip() or "📎"
    text = text[0].upper() + text[1:]
    if len(text) <= most:
        return text
    cut = text[:most]
    whole_words = cut.rpartition(" ")[0]
    return f"{(whole_words if len(whole_words) > most // 2 else cut).rstrip(' .,;:–-')}…"


def whom_short(programme: Programme, group: Mapping[str, Any]) -> Words:
    """An audience as it fits a button: „3 а“, „гр. Видин“, „гости“."""
    children: Sequence[Sequence[str]] = group.get("children", ())
    parts = [place or programme.institution(code).short for code, place in children]
    parts += [programme.settlement(code).label for code in group.get("settlements", ())]
    parts += [programme.activity(code).name for code in group.get("activities", ())]
    if group.get("events") or not parts:
        return Words("announce.list_guests" if group.get("events") else "announce.list_all")
    return literal(parts[0] + (f" +{len(parts) - 1}" if len(parts) > 1 else ""))
