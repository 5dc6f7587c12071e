"""Whether the moments of an event are those that its time asks for: each there, at its right hour, or of no use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from tests.faults.year_history import AFTER, TIMED, Facts, Planned, base_of
from tests.faults.year_hours import DAY, HOUR, SOFIA, allowed, local, may_lack, window


def faults_of(at: datetime, event: Facts, planned: Sequence[Planned], told: datetime) -> Iterator[str]:
    """What is wrong with a new timetable. Told: when people hear of the event anyway, so that none need come before."""
    found = {base_of(p.offset): p for p in planned}
    wanted = [offset for offset in event.offsets if event.kind != "appointment" or offset != "2h"]
    due = {base: p.due for base, p in found.items() if base in TIMED}
    for offset in wanted:
        rest = {base: when for base, when in due.items() if base != offset}
        if offset not in found and not may_lack(offset, event.starts, told, rest):
            yield f"event {event.id} has no {offset}"
    for base, when in due.items():
        if wrong := _wrong_time(event, base, found[base]):
            yield f"event {event.id}: {base} is planned for {local(when):%d.%m. %H:%M}: {wrong}"
        if base not in wanted:
            yield f"event {event.id}: nobody asked for {base}"
    if event.kind != "appointment" and AFTER not in found:
        yield f"event {event.id}: nobody asks how it was"


def _wrong_time(event: Facts, base: str, moment: Planned) -> str:
    hours = window(base, event.starts)
    if hours is None:
        return "there is no hour for it"
    if not hours[0] <= moment.due <= hours[1]:
        return f"not between {local(hours[0]):%d.%m. %H:%M} and {local(hours[1]):%d.%m. %H:%M}"
    a_day_before = (local(event.starts).replace(tzinfo=None) - DAY).replace(tzinfo=SOFIA).astimezone(UTC)
    last = {"1d": event.starts - 3 * HOUR, "2h": event.starts - timedelta(minutes=15)}.get(base, a_day_before)
    return "" if allowed(base, moment.due) and moment.until <= last else "at an hour when it may not go, or too long"
