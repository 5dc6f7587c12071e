"""The programme that the service works for: its names, sums, places, activities and texts, from one checked data file.

Every mistake in the file is named at once, in a sentence, with its key or line. Must never know a channel or a person,
and must never be written to: another municipality replaces the file.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

from bot import placeholders
from bot.alphabets import fold
from bot.calendar import Rules
from bot.office import Office as Desk
from storage import places, toml_values
from storage.toml_values import Mistakes, Rule


class ProgrammeError(Exception):
    """The programme's file has mistakes: each on a line of its own, with the file and the key or line."""


# --- the shape of the file: each field is a key ----------------------------------------------------------------------


_CODE, _CODE_WANTS = "[a-z0-9-]+", 'only small Latin letters, digits and "-"'
_PHONE_WANTS = 'a phone with its country code, like "+359 94 600 123"'
Text = Annotated[str, Rule()]
Line = Annotated[str, Rule(longest=400, pattern=r"[^\n]+", wants="one line")]
Code = Annotated[str, Rule(longest=20, pattern=_CODE, wants=_CODE_WANTS)]
ShortCode = Annotated[str, Rule(longest=12, pattern=_CODE, wants=_CODE_WANTS)]
LongCode = Annotated[str, Rule(longest=24, pattern=_CODE, wants=_CODE_WANTS)]
Group = Annotated[str, Rule(longest=12, pattern=r"[^\n]+", wants="one line")]  # stands in a button's data too
Label = Annotated[str, Rule(longest=22, pattern=r"[^\n]+", wants="one line")]
Emoji = Annotated[str, Rule(longest=4, pattern=r"[^\w\s]+", wants="one picture")]
PhoneNumber = Annotated[str, Rule(pattern=r"\+\d(?:[ ]?\d){7,14}", wants=_PHONE_WANTS)]
Hour = Annotated[str, Rule(pattern=r"([01]\d|2[0-3]):[0-5]\d", wants='an hour, like "08:30"')]
Mail = Annotated[str, Rule(pattern=r"[^@\s]+@[^@\s]+\.[^@\s]+", wants='an e-mail address, like "name@example.org"')]


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Settlement:
    """A town or a village. `label` is how a resident sees it: „с. Иново“."""

    code: Code
    kind: Annotated[str, Rule(one_of=("town", "village"))]
    name: Annotated[str, Rule(longest=18)]  # without „гр.“ and „с.“, which label adds
    landmark: Annotated[str, Rule(may_be_empty=True)] = ""

    @property
    def label(self) -> str:
        """„гр. Видин“, „с. Иново“."""
        return f"{'гр.' if self.kind == 'town' else 'с.'} {self.name}"


@dataclass(frozen=True, slots=True)
class Institution:
    """A kindergarten or a school that parents choose from. `groups` of a school are its classes: "1" to "7"."""

    code: ShortCode
    kind: Annotated[str, Rule(one_of=("kindergarten", "school"))]
    name: Line
    short: Label
    settlement: Annotated[str, Rule(may_be_empty=True)] = ""
    first_class: int = 0
    last_class: int = 0
    groups: tuple[Group, ...] = ()


@dataclass(frozen=True, slots=True)
class Activity:
    """One of the programme's activities: its official name, and what a resident reads."""

    code: LongCode
    fund: Code  # a contract's code
    official: Line
    name: Label
    emoji: Emoji
    text: Annotated[str, Rule(longest=160)]
    audience: tuple[Annotated[str, Rule(one_of=("work", "school", "everyone"))], ...]
    join: bool
    confidential: bool = False  # never named in a group message or on a lock screen
    responsible: Annotated[str, Rule(may_be_empty=True)] = ""


@dataclass(frozen=True, slots=True)
class Contract:
    """One source of the money. Sums in the programme's currency; eu and national make total."""

    code: Code
    number: Line
    short: Line
    programme: Line
    axis: Line
    fund: Line
    eu: Decimal
    national: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class Partner:
    """An organisation that carries out the programme with the beneficiary."""

    kind: Annotated[str, Rule(one_of=("association", "company", "kindergarten", "school"))]
    name: Line


@dataclass(frozen=True, slots=True)
class Person:
    """Who answers and calls."""

    name: Line
    hours: Line
    phone: PhoneNumber
    mail: Mail
    placeholder: bool = False  # the phone and the mail are not real yet


@dataclass(frozen=True, slots=True)
class Contact:
    """The controller of personal data, and its data protection officer."""

    address: Line
    phone: PhoneNumber
    mail: Mail
    dpo: Line
    placeholder: bool = False


@dataclass(frozen=True, slots=True)
class Funding:
    """The texts that the funds require."""

    period: Annotated[str, Rule(one_of=("2014-2020", "2021-2027"))]
    header: Line
    statement: Line
    disclaimer: Text
    about: Text


@dataclass(frozen=True, slots=True)
class Profile:
    """What the chatbot says of itself in one language. The limits are those of Telegram's setMyDescription and kin."""

    description: Annotated[str, Rule(longest=512)]
    short: Annotated[str, Rule(longest=120)]


@dataclass(frozen=True, slots=True)
class Reminders:
    """When the programme may write of its own accord, and which reminders of an event are on. Hours are local."""

    quiet_from: Hour
    quiet_until: Hour
    sunday_until: Hour
    urgent_from: Hour
    last_call: Hour
    offsets: tuple[Annotated[str, Rule(one_of=("7d", "3d", "1d", "2h"))], ...]
    weekly: bool
    announcements_a_week: int
    feast_days: tuple[date, ...] = ()  # beside the official ones: Bayrams move with the moon


@dataclass(frozen=True, slots=True)
class Office:
    """When the staff answer questions. Hours are local."""

    days: tuple[Annotated[str, Rule(one_of=WEEKDAYS)], ...]
    open_from: Hour
    open_until: Hour


@dataclass(frozen=True, slots=True)
class Canned:
    """An answer that staff give often, with a picture and a name for its button."""

    name: Label
    text: Annotated[str, Rule(longest=600)]
    promises: bool = False  # something is still to be done: the question waits on, for whoever promised it


@dataclass(frozen=True, slots=True)
class Privacy:
    """What people are told of their data: the first screen, and everything that the law requires."""

    version: Line  # recorded with each consent
    short: Text
    aloud: Text  # the first screen again, as staff read it to somebody who has no chat
    full: Text
    audit_unknown: Line  # stands for {audit_until} until the date is known


@dataclass(frozen=True)
class Programme:
    """Everything the service knows of the programme. Texts are filled in already."""

    name: Line
    beneficiary: Line
    aim: Text
    starts: date
    ends: date
    zone: ZoneInfo
    language: Code  # of the profile shown in all languages that have none of their own
    answer_within: Line
    currency: Line
    total: Decimal
    audit_until: date | None
    settlements: tuple[Settlement, ...]
    institutions: tuple[Institution, ...]
    activities: tuple[Activity, ...]
    contracts: tuple[Contract, ...]
    partners: tuple[Partner, ...]
    associated_partners: tuple[Line, ...]
    person: Person
    contact: Contact
    funding: Funding
    profiles: Mapping[str, Profile]
    privacy: Privacy
    reminders: Reminders
    office: Office
    answers: tuple[Canned, ...] = ()

    @cached_property
    def desk(self) -> Desk:
        """When the staff are at work, as a promise is reckoned from it."""
        said = self.office
        days = frozenset(map(WEEKDAYS.index, said.days))
        return Desk(self.rules, days, time.fromisoformat(said.open_from), time.fromisoformat(said.open_until))

    @cached_property
    def rules(self) -> Rules:
        """The same as a calendar reckons with it."""
        said = self.reminders
        hours = {name: time.fromisoformat(getattr(said, name)) for name in _HOURS}
        more: dict[str, Any] = {**hours, "feast_days": said.feast_days, "offsets": said.offsets, "weekly": said.weekly}
        return Rules(self.zone, announcements_a_week=said.announcements_a_week, **more)

    @property
    def about(self) -> str:
        """The programme's name, numbers, sums, partners and funding text, for a resident."""
        return self.funding.about

    def placeholders(self) -> tuple[str, ...]:
        """The tables whose phones and addresses are not real yet: the program warns of them at its start."""
        tables = {"person": self.person.placeholder, "contact": self.contact.placeholder}
        return tuple(name for name, unreal in tables.items() if unreal)

    def profile(self, language: str = "") -> Profile:
        """In that language of a person's app, or in the programme's own."""
        return self.profiles.get(language, self.profiles[self.language])

    def settlement(self, code: str) -> Settlement:
        """By code. One that has left the file shows as its code: old answers stay readable."""
        return _by_code(self.settlements, code) or Settlement(code, "village", code)

    def institution(self, code: str) -> Institution:
        """By code. One that has left the file shows as its code."""
        return _by_code(self.institutions, code) or Institution(code, "school", code, code)

    def activity(self, code: str) -> Activity:
        """By code. One that has left the file shows as its code, and nobody can join it."""
        return _by_code(self.activities, code) or Activity(code, "", code, code, "", "", (), join=False)

    def activities_for(self, purposes: str | Collection[str]) -> tuple[Activity, ...]:
        """What a person can join who came for these: "work", "school", "both", or anything else."""
        wanted = {purposes} if isinstance(purposes, str) else set(purposes)
        wanted |= {"everyone", "work", "school"} if "both" in wanted else {"everyone"}
        return tuple(a for a in self.activities if a.join and not wanted.isdisjoint(a.audience))

    def suggest(self, typed: str, limit: int = 4) -> list[Settlement]:
        """The settlements that somebody may mean, the likeliest first: by first letters, then with small slips.

        Cyrillic or Latin letters, with or without „с.“, „село“, „гр.“.
        """
        return [self.settlements[number] for number in places.find(typed, self._places)[:limit]]

    @cached_property
    def _places(self) -> tuple[str, ...]:
        return tuple(fold(place.name) for place in self.settlements)


_Item = TypeVar("_Item", Settlement, Institution, Activity)


def _by_code(items: Iterable[_Item], code: str) -> _Item | None:
    return next((item for item in items if item.code == code), None)


# --- reading and checking --------------------------------------------------------------------------------------------


def load(path: Path) -> Programme:
    """Read and check the file.

    Raises:
        ProgrammeError: with every mistake, a line each: file, key or line, sentence.
    """
    mistakes: Mistakes = []
    try:
        raw = toml_values.parsed(path)
    except ValueError as error:
        raise ProgrammeError(f"{path}: {error}") from error
    programme: Programme = toml_values.table(Programme, raw, "", mistakes)
    for check in _CHECKS:
        mistakes += check(programme)
    if not mistakes:
        programme = _filled(programme, mistakes)
    if mistakes:
        raise ProgrammeError("\n".join(f"{path}: {key}: {sentence}" for key, sentence in mistakes))
    return programme


# --- what must agree -------------------------------------------------------------------------------------------------


def _sound(items: Iterable[Any] | None) -> list[tuple[int, Any]]:
    """The tables in which nothing is wrong so far, with their numbers in the file."""
    numbered = enumerate(items or ())
    return [(n, i) for n, i in numbered if i and None not in (getattr(i, f.name) for f in dataclasses.fields(i))]


def _same_twice(programme: Programme) -> Iterator[tuple[str, str]]:
    for table, key in (
        ("settlements", "code"), ("institutions", "code"), ("activities", "code"), ("contracts", "code"),
        ("settlements", "label"), ("institutions", "short"), ("activities", "name"),
    ):  # fmt: skip
        first: dict[str, int] = {}
        for number, item in _sound(getattr(programme, table)):
            value = getattr(item, key)
            if value in first:
                shown = "name" if key == "label" else key
                yield f"{table}[{number}].{shown}", f'"{value}" is already used by {table}[{first[value]}].'
            first.setdefault(value, number)


def _refer_to_nothing(programme: Programme) -> Iterator[tuple[str, str]]:
    for table, key, other in (("activities", "fund", "contracts"), ("institutions", "settlement", "settlements")):
        codes = {item.code for item in getattr(programme, other) or (None,) if item}
        if None in codes or not codes:
            continue  # what is wrong there is named already
        for number, item in _sound(getattr(programme, table)):
            value = getattr(item, key)
            if value and value not in codes:
                yield f"{table}[{number}].{key}", f'No code in {other} is "{value}".'
    if programme.profiles is not None and programme.language and programme.language not in programme.profiles:
        yield "language", f'There is no table profiles.{programme.language} for "{programme.language}".'


def _sums_disagree(programme: Programme) -> Iterator[tuple[str, str]]:
    contracts = _sound(programme.contracts)
    for number, contract in contracts:
        if contract.eu + contract.national != contract.total:
            made = contract.eu + contract.national
            yield f"contracts[{number}].total", f"eu and national make {made}, but total is {contract.total}."
    made = sum((contract.total for _, contract in contracts), Decimal())
    complete = programme.contracts is not None and len(contracts) == len(programme.contracts)
    if complete and programme.total is not None and made != programme.total:
        yield "total", f"The contracts make {made}, but total is {programme.total}."


def _classes_wrong(programme: Programme) -> Iterator[tuple[str, str]]:
    for number, place in _sound(programme.institutions):
        at = f"institutions[{number}]"
        if place.kind == "school" and not 1 <= place.first_class <= place.last_class <= 12:  # noqa: PLR2004  (classes)
            yield f"{at}.last_class", "A school needs first_class and last_class, from 1 to 12."
        if place.kind == "school" and place.groups:
            yield f"{at}.groups", "A school has classes, not groups."
        if place.kind == "kindergarten" and not place.groups:
            yield f"{at}.groups", "A kindergarten needs groups."


def _missing_or_late(programme: Programme) -> Iterator[tuple[str, str]]:
    for table in ("settlements", "activities", "contracts"):
        if getattr(programme, table) == ():
            yield table, "There must be at least one."
    for number, activity in _sound(programme.activities):
        if not activity.audience:
            yield f"activities[{number}].audience", "There must be at least one."
    if programme.starts and programme.ends and programme.starts > programme.ends:
        yield "ends", f"{programme.ends} is before starts, {programme.starts}."


def _hours_disagree(programme: Programme) -> Iterator[tuple[str, str]]:
    said = programme.reminders
    if said is None or None in (getattr(said, field.name) for field in dataclasses.fields(said)):
        return
    try:
        _ = programme.rules
    except ValueError as error:
        yield "reminders", f"{error}."


def _office_wrong(programme: Programme) -> Iterator[tuple[str, str]]:
    """The hours of the office, once those of the reminders are known to be right."""
    said = programme.office
    if said is None or None in (*(said.days or ()), said.days, said.open_from, said.open_until):
        return
    if programme.reminders is None or programme.zone is None or [*_hours_disagree(programme)]:
        return
    try:
        _ = programme.desk
    except ValueError as error:
        yield "office", f"{error}."


def _unknown_marks(programme: Programme) -> Iterator[tuple[str, str]]:
    for number, answer in _sound(programme.answers):
        for mark in placeholders.unknown(answer.text, placeholders.IN_ANSWERS):
            yield f"answers[{number}].text", f'No mark is called "(({mark}))".'


_HOURS = ("quiet_from", "quiet_until", "sunday_until", "urgent_from", "last_call")
_CHECKS = (
    _same_twice, _refer_to_nothing, _sums_disagree, _classes_wrong, _missing_or_late, _hours_disagree, _office_wrong,
    _unknown_marks,
)  # fmt: skip

# --- facts in texts --------------------------------------------------------------------------------------------------

_BRACES = re.compile(r"\{([^{}\n]*)\}")
_LONGEST_TEXT = 4000  # one message holds 4096
_SHORT_PRIVACY = 600  # a person reads it on one screen before agreeing


def _filled(programme: Programme, mistakes: Mistakes) -> Programme:
    """With the facts in the texts' braces, and a school's classes as its groups."""
    facts = _facts(programme)
    short = _fill(programme.privacy.short, facts, "privacy.short", mistakes, _SHORT_PRIVACY)
    aloud = _fill(programme.privacy.aloud, facts, "privacy.aloud", mistakes, _SHORT_PRIVACY)
    full = _fill(programme.privacy.full, facts, "privacy.full", mistakes)
    about = _fill(programme.funding.about, facts, "funding.about", mistakes)
    return dataclasses.replace(
        programme,
        privacy=dataclasses.replace(programme.privacy, short=short, aloud=aloud, full=full),
        funding=dataclasses.replace(programme.funding, about=about),
        institutions=tuple(_with_classes(place) for place in programme.institutions),
    )


def _with_classes(place: Institution) -> Institution:
    classes = tuple(str(number) for number in range(place.first_class, place.last_class + 1))
    return dataclasses.replace(place, groups=classes) if place.kind == "school" else place


def _fill(text: str, facts: Mapping[str, str], at: str, mistakes: Mistakes, longest: int = _LONGEST_TEXT) -> str:
    unknown = dict.fromkeys(name for name in _BRACES.findall(text) if name not in facts)
    mistakes += [(at, f'No fact is called "{{{name}}}".') for name in unknown]
    filled = _BRACES.sub(lambda braces: facts.get(braces[1], ""), text)
    if len(filled) > longest:
        mistakes.append((at, f"May have at most {longest} characters with its facts, but has {len(filled)}."))
    return filled


def _facts(programme: Programme) -> dict[str, str]:
    """Every name that may stand in braces, and what replaces it."""
    person, contact = programme.person, programme.contact
    until = programme.audit_until
    facts = {
        "name": programme.name, "beneficiary": programme.beneficiary, "total": _sum_shown(programme, programme.total),
        "starts": _day(programme.starts), "ends": _day(programme.ends), "header": programme.funding.header,
        "statement": programme.funding.statement, "person": person.name, "hours": person.hours,
        "person_phone": person.phone, "person_mail": person.mail, "phone": contact.phone, "mail": contact.mail,
        "address": contact.address, "dpo": contact.dpo, "answer_within": programme.answer_within,
        "audit_until": f"до {_day(until)}" if until else programme.privacy.audit_unknown,
        "partners": _listed(partner.name for partner in programme.partners),
        "associated_partners": _listed(programme.associated_partners),
    }  # fmt: skip
    for contract in programme.contracts:
        facts[f"number_{contract.code}"] = contract.number
        for name, money in (("total", contract.total), ("eu", contract.eu), ("national", contract.national)):
            facts[f"{name}_{contract.code}"] = _sum_shown(programme, money)
    return facts


def _listed(names: Iterable[str]) -> str:
    return "\n".join(f"• {name}" for name in names)


def _day(day: date) -> str:
    return f"{day:%d.%m.%Y} г."


def _sum_shown(programme: Programme, money: Decimal) -> str:
    """1 589 270,65 лв., with spaces that do not break a line."""
    return f"{money:,.2f}".replace(",", "\u00a0").replace(".", ",") + f"\u00a0{programme.currency}"
