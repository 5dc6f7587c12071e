"""What we write on our own initiative: invitations, reminders, changes, and the questions afterwards.

Pure: facts in, one message out, whatever it is about. Must never name a confidential activity, its title or its place:
such a message may be read on a lock screen, and by anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from bot import when
from bot.chat import Option, literal, words
from bot.messages import Button, Outgoing
from bot.texts import Lines, Texts, Words
from handlers import event_words as shown
from handlers.event_words import MY_EVENTS
from storage.invitations import MAYBE, SEAT, THERE, WAITS, YES

if TYPE_CHECKING:
    from storage.events import Event
    from storage.programme import Programme
    from storage.telling import About, Facts

NARROW = 18  # letters of a label beyond which two do not fit one row
FACES = (("3", "button.face_good"), ("2", "button.face_so_so"), ("1", "button.face_bad"))
REASONS = (  # why somebody did not come; nobody is asked about health
    ("way", "button.why_way"), ("child", "button.why_child"), ("work", "button.why_work"),
    ("forgot", "button.why_forgot"), ("other", "button.why_other"), (THERE, "button.why_there"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reader:
    """To whom a message goes, and when."""

    programme: Programme
    contact_id: int
    name: Words  # the first one; a greeting for who has none
    now: datetime  # UTC

    def moment(self, at: datetime) -> str:
        """A moment as this reader sees it."""
        return shown.shown_time(at, self.now, self.programme.zone)

    def day(self, at: datetime) -> str:
        """The same without the hour: „сряда, 25.11 (утре)“."""
        local = at.astimezone(self.programme.zone)
        return self.moment(at).replace(f", {local.hour}:{local:%M}", "")


@dataclass(frozen=True, slots=True)
class Note:
    """A message before a language is chosen."""

    lines: Sequence[Words]
    rows: Sequence[Sequence[Option]] = field(default=())


def compose(texts: Texts, programme: Programme, facts: Facts, now: datetime) -> Outgoing:
    """The message that tells these facts. `now` is in UTC."""
    note = note_of(programme, facts, now)
    rows = [[_button(texts, option, facts.language) for option in row] for row in note.rows]
    return Outgoing(texts(Lines(tuple(note.lines)), facts.language), tuple(r for row in rows for r in _fitting(row)))


def note_of(programme: Programme, facts: Facts, now: datetime) -> Note:
    """The same before a language is chosen: staff see an invitation so before it goes out."""
    first_name = facts.name.partition(" ")[0]
    reader = Reader(programme, facts.contact_id, literal(first_name) if first_name else words("notice.hello"), now)
    return _one(reader, facts.about[0]) if len(facts.about) == 1 else _several(reader, facts.about)


def _button(texts: Texts, option: Option, language: str) -> Button:
    return Button(texts(option.label, language), press=option.code)


def _fitting(row: Sequence[Button]) -> list[tuple[Button, ...]]:
    """A row as it is, or one button a row where they are too long to stand side by side."""
    return [tuple(row)] if all(len(b.label) <= NARROW for b in row) else [(b,) for b in row]


def _one(to: Reader, about: About) -> Note:
    if shown.is_confidential(to.programme, about.event):
        return _quiet(to, about)
    if about.event.kind == "appointment" and about.base not in ("after", "change", "missed"):
        return _hours(to, about)
    return _KINDS.get(about.base, _reminder)(to, about)


# --- one event ------------------------------------------------------------------------------------------------------


def _invitation(to: Reader, about: About) -> Note:
    event = about.event
    key = "notice.invite" if about.mediator else "notice.invite_by_us"
    first = words("notice.first_date", when=to.moment(event.starts_at))
    dates = [first, shown.place_line(event)] if event.kind == "course" else _when_and_where(to, about)
    lines = [words(key, name=to.name, title=event.title), *dates, _asked_by(about, to.programme.beneficiary)]
    return Note([*lines, words("notice.stop")], _asking(to, about))


def _hours(to: Reader, about: About) -> Note:
    """An appointment of which no slot is chosen yet."""
    event, guest = about.event, to.contact_id
    lines = [
        words("notice.choose", name=to.name, title=event.title),
        words("notice.hours_from", when=to.moment(event.starts_at)), shown.place_line(event),
    ]  # fmt: skip
    if about.base == "invite":
        lines += [literal(_signed(about, to.programme.beneficiary)), words("notice.stop")]
    return Note(lines, [[shown.choose(event, guest)], [shown.cannot(event, guest)], [shown.ask(event, guest)]])


def _reminder(to: Reader, about: About) -> Note:
    event, guest = about.event, to.contact_id
    lines = [_head(to, about), *_when_and_where(to, about)]
    lines += shown.bring_line(event) if about.base != "2h" else []
    if about.seat == WAITS:
        return Note(lines, _coming(to, about))
    if about.rsvp != YES:
        return Note([*lines, _asked_by(about)], _asking(to, about))
    times = shown.plan(event, guest, to.now, to.programme.zone) if about.base == "1d" else []
    if about.leave_at and about.base != "2h":
        lines.append(shown.leaving(about.leave_at))
    elif times:
        return Note([*lines, words("notice.plan")], [times, *_coming(to, about)])
    elif about.mediator and about.base != "2h":
        lines.append(literal(_signed(about)))
    return Note(lines, _coming(to, about))


def _head(to: Reader, about: About) -> Words:
    """What it is, and how the reader stands to it. A place is promised only to whom it belongs."""
    said_yes, kept = about.rsvp == YES, about.seat == SEAT
    if about.seat == WAITS:
        key = "notice.in_line"
    elif about.base == "2h":
        key = "notice.soon"
    elif kept and about.event.kind == "slot":
        key = "notice.kept_hour"
    elif kept and not (said_yes and about.base == "1d"):
        key = "notice.kept" if about.mediator else "notice.kept_by_us"
    else:
        key = "notice.expected" if said_yes else "notice.ahead"
    return words(key, name=to.name, title=about.event.title)


def _place(to: Reader, about: About) -> Note:
    """One came free."""
    lines = [words("notice.place", name=to.name, title=about.event.title), *_when_and_where(to, about)]
    return Note([*lines, words("notice.ask")], _asking(to, about))


def _after(to: Reader, about: About) -> Note:
    return Note([words("notice.after", name=to.name, title=about.event.title)], _faces(to, about))


def _missed(to: Reader, about: About) -> Note:
    return Note([words("notice.missed", name=to.name, title=about.event.title)], _reasons(to, about))


def _week(to: Reader, about: About) -> Note:
    dates = [shown.when_line(at, to.now, to.programme.zone) for at in about.dates]
    lines = [words("notice.week", name=to.name, title=about.event.title), *dates]
    lines.append(words("notice.week_ask", who=about.mediator or to.programme.beneficiary))
    return Note(lines, [[MY_EVENTS], [shown.ask(about.event, to.contact_id)]])


def _change(to: Reader, about: About) -> Note:
    """Told from what this very reader heard last."""
    event, guest, was = about.event, to.contact_id, about.before
    if event.status == "cancelled":
        time = to.moment(was.starts_at if was else event.starts_at)
        person = to.programme.person
        key = shown.of_kind(
            event.kind, "notice.cancelled", course="notice.cancelled_date", hour="notice.cancelled_hour"
        )
        lines = [
            words(key, name=to.name, title=event.title, when=time),
            words("notice.questions", who=about.mediator or person.name, phone=person.phone),
        ]
        return Note(lines, [[shown.ask(event, guest)], [MY_EVENTS]])
    lines = [words("notice.changed", name=to.name, title=event.title), *_what_changed(to, about)]
    if event.kind == "appointment":
        return Note(lines, _hours(to, about).rows)
    if about.rsvp == YES:
        return Note(lines, _coming(to, about))
    kept = about.seat == SEAT and event.capacity is not None  # where there is room for all, nothing is kept
    return Note([*lines, words("notice.ask_kept") if kept else words("notice.ask")], _asking(to, about))


def _what_changed(to: Reader, about: About) -> list[Words]:
    event, was, zone = about.event, about.before, to.programme.zone
    time, place = shown.when_line(event.starts_at, to.now, zone), shown.place_line(event)
    if was and was.starts_at != event.starts_at:
        time = words("notice.moved", before=to.moment(was.starts_at), after=to.moment(event.starts_at))
    if was and (was.place, was.landmark) != (event.place, event.landmark):
        place = words("notice.elsewhere", place=shown.place_of(event))
    return [time, place]


_KINDS: Mapping[str, Callable[[Reader, About], Note]] = {  # all others are reminders
    "after": _after,
    "change": _change,
    "invite": _invitation,
    "missed": _missed,
    "place": _place,
    "week": _week,
}


# --- what nobody else may understand --------------------------------------------------------------------------------


def _quiet(to: Reader, about: About) -> Note:
    """The time, and a button behind which the rest is."""
    if about.base == "after":
        return Note([words("notice.quiet_after")], _faces(to, about))
    if about.base == "missed":
        return Note([words("notice.quiet_missed")], _reasons(to, about))
    return Note([_quietly(to, about)], [[_look(to, about.event)]])


def _quietly(to: Reader, about: About) -> Words:
    event, was = about.event, about.before
    time = to.moment(event.starts_at)
    if about.base == "week":
        return words("notice.quiet_week")
    if event.status == "cancelled":
        return words("notice.quiet_cancelled", when=to.moment(was.starts_at) if was else time)
    if event.kind == "appointment":
        return words("notice.quiet_choose")
    if was and was.starts_at != event.starts_at:
        return words("notice.quiet_moved", before=to.moment(was.starts_at), after=time)
    if was and was.place != event.place:
        return words("notice.quiet_elsewhere", when=time)
    return words("notice.quiet_invite" if about.base == "invite" else "notice.quiet", when=time)


def _look(to: Reader, event: Event, label: Words | str = "button.look") -> Option:
    return shown.details(event, to.contact_id, label)


# --- several events -------------------------------------------------------------------------------------------------


def _several(to: Reader, every: Sequence[About]) -> Note:
    """One joint message: a line for each event, and a row of buttons for each."""
    if every[0].base == "week":
        week, rest = _one(to, every[0]), every[1:]
        others = _one(to, rest[0]) if len(rest) == 1 else _several(to, rest)
        return Note([*week.lines, literal(""), *others.lines], [*others.rows, *week.rows])
    days = {to.day(about.event.starts_at) for about in every}
    marks = _marks(to, every, one_day=len(days) == 1 and every[0].base != "invite")
    lines = [_announced(to, every, days), *(_listed(to, a, mark) for a, mark in zip(every, marks, strict=True))]
    if any(_is_asked(to, about) for about in every):
        lines.append(words("notice.ask"))
    if every[0].base == "invite":
        lines.append(words("notice.stop"))
    return Note(lines, [_row(to, about, mark) for about, mark in zip(every, marks, strict=True)])


def _marks(to: Reader, every: Sequence[About], *, one_day: bool) -> list[str]:
    """By what each event is told from the others: its hour, where all are on one day; otherwise its day too."""
    zone, now = to.programme.zone, to.now.astimezone(to.programme.zone)
    marks = []
    for about in every:
        local = about.event.starts_at.astimezone(zone)
        day = when.day_label(local.date(), now).rpartition(", ")[2]
        marks.append(f"{local.hour}:{local:%M}" if one_day else f"{day}, {local.hour}:{local:%M}")
    return [mark if marks.count(mark) == 1 else f"{mark} №{n}" for n, mark in enumerate(marks, 1)]


def _announced(to: Reader, every: Sequence[About], days: set[str]) -> Words:
    values = {"name": to.name, "count": len(every)}
    if every[0].base == "invite":
        return words("notice.joint_invite", **values)
    return words("notice.joint_day", day=min(days), **values) if len(days) == 1 else words("notice.joint", **values)


def _listed(to: Reader, about: About, mark: str) -> Words:
    if shown.is_confidential(to.programme, about.event):
        return words("notice.quiet_line", at=mark)
    said = "⏳ " if about.seat == WAITS else "✅ " if about.rsvp == YES else ""
    return literal(f"{said}{mark} – {about.event.title}, {about.event.place}")


def _is_asked(to: Reader, about: About) -> bool:
    open_ = about.rsvp != YES and about.event.kind != "appointment"
    return open_ and not shown.is_confidential(to.programme, about.event)


def _row(to: Reader, about: About, mark: str) -> list[Option]:
    event, guest = about.event, to.contact_id
    if shown.is_confidential(to.programme, event):
        return [_look(to, event, words("button.look_at", at=mark))]
    if event.kind == "appointment":
        return [shown.choose(event, guest)]
    if about.rsvp == YES:
        return [shown.details(event, guest, words("button.details_at", at=mark))]
    yes, no = _yes_no(to, about)
    return [
        Option(yes.code, words("button.coming_at", at=mark)), Option(no.code, words("button.cannot_at", at=mark)),
    ]  # fmt: skip


# --- parts ----------------------------------------------------------------------------------------------------------


def _when_and_where(to: Reader, about: About) -> list[Words]:
    event = about.event
    return [shown.when_line(event.starts_at, to.now, to.programme.zone), shown.place_line(event)]


def _signed(about: About, also: str = "") -> str:
    return "– " + ", ".join(name for name in (about.mediator, also) if name)


def _asked_by(about: About, also: str = "") -> Words:
    """The question, signed by who asks it."""
    if about.rsvp == MAYBE:
        return words("notice.decided")
    signed = _signed(about, also)
    return words("notice.ask_from", signed=signed) if about.mediator or also else words("notice.ask")


def _asking(to: Reader, about: About) -> list[list[Option]]:
    event, guest = about.event, to.contact_id
    return [[option] for option in (*_yes_no(to, about), shown.ask(event, guest), shown.details(event, guest))]


def _yes_no(to: Reader, about: About) -> tuple[Option, Option]:
    """An invitation to a course asks of all its dates; what is about one date asks of that."""
    event, guest = about.event, to.contact_id
    if event.kind == "course" and about.base == "invite":
        whole = f"/course {shown.ticket(event.id, guest)}"
        return Option(f"{whole} yes", "button.coming"), Option(f"{whole} no", "button.cannot")
    return shown.coming(event, guest), shown.cannot(event, guest)


def _coming(to: Reader, about: About) -> list[list[Option]]:
    """For who said yes: the way out stays open."""
    event, guest = about.event, to.contact_id
    other = [[shown.choose(event, guest, "button.other_hour")]] if event.kind == "slot" else []
    return [*other, [shown.cannot(event, guest)], [shown.details(event, guest)]]


def _faces(to: Reader, about: About) -> list[list[Option]]:
    here = shown.ticket(about.event.id, to.contact_id)
    return [[Option(f"/face {here} {face}", label)] for face, label in FACES]


def _reasons(to: Reader, about: About) -> list[list[Option]]:
    here = shown.ticket(about.event.id, to.contact_id)
    every = [Option(f"/why {here} {why}", label) for why, label in REASONS]
    return [every[n : n + 2] for n in range(0, len(every), 2)]
