"""Fields of a platform's JSON, of which no type is trusted, and the words, names and numbers that people put into them.

Pure. What is read here is free of numbers we must not hold; what is wrong is told by field and type, never by value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import phonenumbers

from bot import privacy

LAST_DATE: Final = 2**33  # in seconds since 1970; what is later is no date of ours
NAME_LENGTH: Final = 128
_PHONE_LENGTH: Final = 64
_REGION: Final = "BG"


@dataclass(frozen=True, slots=True)
class Ignored:
    """What a platform sends soundly, and nothing follows from."""

    reason: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """What no platform of ours would send. The reason names fields and types, never values."""

    reason: str


class WrongFieldError(Exception):
    """A field has the wrong type or is missing."""


def needed_object(raw: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """An object that must be there. Raises WrongFieldError."""
    value = raw.get(field)
    if not isinstance(value, dict):
        raise WrongFieldError(f"{field}: {fault(value)}")
    return value


def needed_text(raw: Mapping[str, Any], field: str) -> str:
    """A text that must be there. Raises WrongFieldError."""
    value = raw.get(field)
    if not isinstance(value, str):
        raise WrongFieldError(f"{field}: {fault(value)}")
    return value


def fault(value: object) -> str:
    """What is wrong with a value of the wrong type."""
    return "missing" if value is None else f"a {type(value).__name__}"


def words(text: str, longest: int) -> tuple[str, tuple[str, ...]]:
    """All that was typed, and the kinds of numbers hidden in it. What is too long is for the question to say."""
    return privacy.hide_numbers(privacy.clean(text, longest))


def line(text: str, longest: int = NAME_LENGTH) -> str:
    """A name of a person or a file, or a platform's own words: in one line."""
    return privacy.hide_numbers(" ".join(privacy.clean(text, longest).split()))[0]


def phone(number: str) -> tuple[str, tuple[str, ...]]:
    """A number as E.164 where it can be read as one, and the kinds of numbers hidden in what is none.

    Platforms give international numbers with or without `+`; cards of address books also hold national ones.
    """
    bare = number.strip()
    for attempt in (bare, f"+{bare}"):
        try:
            parsed = phonenumbers.parse(attempt[:_PHONE_LENGTH], _REGION)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(parsed):
            return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164), ()
    text, hidden = words(bare, _PHONE_LENGTH)
    return text[:_PHONE_LENGTH], hidden
