"""The programme that the service works for: one data file of names, sums, places, activities and texts, read and checked.

Every mistake in the file is named at once, in a sentence, with its key or line. Must never know a channel or a person,
and must never be written to: another municipality replaces the file.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

from bot.alphabets import fold


class ProgrammeError(Exception):
    """The programme's file has mistakes: each on a line of its own, with the file and the key or line."""


# --- the shape of the file: each field is a key ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a text must be like."""

    longest: int = 4000
    pattern: str = ""
    wants: str = ""  # completes "Should be …" where the pattern is not kept
    one_of: tuple[str, ...] = ()
    may_be_empty: bool = False


_CODE, _CODE_WANTS = "[a-z0-9-]+", 'only small Latin letters, digits and "-"'
_PHONE_WANTS = 'a phone with its country code, like "+359 94 600 123"'
Text = Annotated[str, _Rule()]
Line = Annotated[str, _Rule(longest=400, pattern=r"[^\n]+", wants="one line")]
Code = Annotated[str, _Rule(longest=20, pattern=_CODE, wants=_CODE_WANTS)]
ShortCode = Annotated[str, _Rule(longest=12, pattern=_CODE, wants=_CODE_WANTS)]
LongCode = Annotated[str, _Rule(longest=24, pattern=_CODE, wants=_CODE_WANTS)]
Label = Annotated[str, _Rule(longest=22, pattern=r"[^\n]+", wants="one line")]
Emoji = Annotated[str, _Rule(longest=4, pattern=r"[^\w\s]+", wants="one picture")]
PhoneNumber = Annotated[str, _Rule(pattern=r"\+\d(?:[ ]?\d){7,14}", wants=_PHONE_WANTS)]
Mail = Annotated[str, _Rule(pattern=r"[^@\s]+@[^@\s]+\.[^@\s]+", wants='an e-mail address, like "name@example.org"')]


@dataclass(frozen=True, slots=True)
class Settlement:
    """A town or a village. `label` is how a resident sees it: „с. Иново“."""

    code: Code
    kind: Annotated[str, _Rule(one_of=("town", "village"))]
    name: Annotated[str, _Rule(longest=18)]  # without „гр.“ and „с.“, which label adds
    landmark: Annotated[str, _Rule(may_be_empty=True)] = ""

    @property
    def label(self) -> str:
        """„гр. Видин“, „с. Иново“."""
        return f"{'гр.' if self.kind == 'town' else 'с.'} {self.name}"


@dataclass(frozen=True, slots=True)
class Institution:
    """A kindergarten or a school that parents choose from. `groups` of a school are its classes: "1" to "7"."""

    code: ShortCode
    kind: Annotated[str, _Rule(one_of=("kindergarten", "school"))]
    name: Line
    short: Label
    settlement: Annotated[str, _Rule(may_be_empty=True)] = ""
    first_class: int = 0
    last_class: int = 0
    groups: tuple[Label, ...] = ()


@dataclass(frozen=True, slots=True)
class Activity:
    """One of the programme's activities: its official name, and what a resident reads."""

    code: LongCode
    fund: Code  # a contract's code
    official: Line
    name: Label
    emoji: Emoji
    text: Annotated[str, _Rule(longest=160)]
    audience: tuple[Annotated[str, _Rule(one_of=("work", "school", "everyone"))], ...]
    join: bool
    confidential: bool = False  # never named in a group message or on a lock screen
    responsible: Annotated[str, _Rule(may_be_empty=True)] = ""


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

    kind: Annotated[str, _Rule(one_of=("association", "company", "kindergarten", "school"))]
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

    period: Annotated[str, _Rule(one_of=("2014-2020", "2021-2027"))]
    header: Line
    statement: Line
    disclaimer: Text
    about: Text


@dataclass(frozen=True, slots=True)
class Profile:
    """What the chatbot says of itself in one language. Source of the limits: Telegram's setMyDescription and its kin."""

    description: Annotated[str, _Rule(longest=512)]
    short: Annotated[str, _Rule(longest=120)]


@dataclass(frozen=True, slots=True)
class Privacy:
    """What people are told of their data: the first screen, and everything that the law requires."""

    version: Line  # recorded with each consent; a new one asks again
    short: Text
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
    file: str = field(default="", metadata={"key": False})

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
        asked = _PREFIX.sub("", fold(typed))
        if not asked:
            return []
        ranked = ((_distance(asked, key), n, place) for n, (key, place) in enumerate(self._places))
        return [place for rank, _, place in sorted(r for r in ranked if r[0] <= _slips(asked))[:limit]]

    @cached_property
    def _places(self) -> tuple[tuple[str, Settlement], ...]:
        return tuple((fold(place.name), place) for place in self.settlements)
