"""Small readings and labels that several conversations share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import phonenumbers

from bot.chat import Option, literal
from bot.texts import Words

if TYPE_CHECKING:
    from storage.programme import Activity, Institution

REGION = "BG"
_CLASS = re.compile(r"^\s*(\d{1,2})\s*[-. ]?\s*([а-яa-z]?)\s*(?:клас)?\s*[\"“”„]*\s*$", re.IGNORECASE)
_LONGEST_NUMBER = 15  # digits that every database takes
_LATIN = str.maketrans("abvgdezi", "абвгдези")


def languages() -> list[Option]:
    """The languages, each under its own name."""
    return [Option("bg", literal("🇧🇬 Български")), Option("rom", literal("🟦🟩 Романес (ромски)"))]


def activity_label(activity: Activity) -> Words:
    """An activity on a button: its picture and its plain name."""
    return literal(f"{activity.emoji} {activity.name}")


def read_phone(typed: str) -> str:
    """E.164 for a number as people write it in Bulgaria, or with a country's code; empty when it is none."""
    try:
        number = phonenumbers.parse(typed, REGION)
    except phonenumbers.NumberParseException:
        return ""
    return (
        str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
        if phonenumbers.is_valid_number(number)
        else ""
    )


def phone_shown(number: str) -> str:
    """A number with the gaps that people are used to: 0888 123 456."""
    parsed = phonenumbers.parse(number, REGION)
    if parsed.country_code != phonenumbers.country_code_for_region(REGION):
        return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL))
    digits = f"0{parsed.national_number}"
    return f"{digits[:4]} {digits[4:7]} {digits[7:]}".strip()


def number_of(text: str) -> int:
    """The number of a row that a button names; 0 for anything else, which no row has."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER else 0


def numbers_of(text: str) -> tuple[int, int]:
    """The two numbers that a button names: „12.34“; 0 and 0 for anything else."""
    first, _, second = text.partition(".")
    return number_of(first), number_of(second)


def class_of(typed: str, groups: Sequence[str]) -> str:
    """„3 а“, „3а клас“ or "3a" as „3 а“, when the school has such a class; empty otherwise."""
    found = _CLASS.match(typed)
    if not found or not any(g.split()[0] == found[1] for g in groups):
        return ""
    letter = found[2].lower().translate(_LATIN)
    return f"{found[1]} {letter}".strip()


def child_shown(institution: Institution, group: str) -> str:
    """Where a child goes: „Име на училище, 3 а клас“."""
    if not group:
        return institution.short
    return f"{institution.short}, {group} клас" if institution.kind == "school" else f"{institution.short}, {group}"
