"""One event as a calendar file, by RFC 5545: https://www.rfc-editor.org/rfc/rfc5545."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

LINE_OCTETS = 75  # section 3.1: longer lines are folded, without the break itself


def calendar(
    uid: str, version: int, starts: datetime, ends: datetime, now: datetime, *, summary: str, place: str = "",
    description: str = "",
) -> str:  # fmt: skip
    """A calendar with one event. The same `uid` with a higher version takes the place of what was saved before."""
    lines = [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Most//events//BG", "METHOD:PUBLISH", "BEGIN:VEVENT",
        f"UID:{uid}", f"SEQUENCE:{version}", f"DTSTAMP:{_utc(now)}", f"DTSTART:{_utc(starts)}", f"DTEND:{_utc(ends)}",
        f"SUMMARY:{_escaped(summary)}",
    ]  # fmt: skip
    lines += [f"LOCATION:{_escaped(place)}"] if place else []
    lines += [f"DESCRIPTION:{_escaped(description)}"] if description else []
    lines += ["END:VEVENT", "END:VCALENDAR"]
    return "".join(f"{part}\r\n" for line in lines for part in _folded(line))


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    """Section 3.3.11: a backslash before what would end the value, and breaks as letters."""
    for mark in ("\\", ";", ","):
        text = text.replace(mark, f"\\{mark}")
    return "\\n".join(filter(None, text.splitlines()))


def _folded(line: str) -> Iterator[str]:
    """Pieces of at most 75 octets, never within a letter; all but the first begin with a space."""
    piece = ""
    for letter in line:
        if len(f"{piece}{letter}".encode()) > LINE_OCTETS:
            yield piece
            piece = " "
        piece += letter
    yield piece
