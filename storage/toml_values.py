"""A TOML file as frozen dataclasses: each field is a key, its annotation says what the value must be like.

Nothing is guessed or put right: what is wrong is named with its key, and all of it at once. Must know nothing of what
the values mean.
"""

from __future__ import annotations

import builtins
import collections.abc
import dataclasses
import difflib
import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

Mistakes = list[tuple[str, str]]
"""Keys, like `activities[3].name`, each with a sentence."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a text must be like."""

    longest: int = 4000
    pattern: str = ""
    wants: str = ""  # completes "Should be …" where the pattern is not kept
    one_of: tuple[str, ...] = ()
    may_be_empty: bool = False


def parsed(path: Path) -> dict[str, Any]:
    """The file's keys and values.

    Raises:
        ValueError: what is wrong with the file as a whole, in a sentence that begins with the line where there is one.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ValueError(f"The file cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ValueError("The file must be saved as UTF-8 text.") from error
    except tomllib.TOMLDecodeError as error:
        said, _, place = str(error).rstrip(")").rpartition(" (at ")
        raise ValueError(f"{place}: {said}.") from error


def table(kind: type[Any], raw: object, at: str, mistakes: Mistakes) -> Any:
    """A value of that dataclass. What is wrong stays None, so that all the rest can still be checked."""
    if not isinstance(raw, dict):
        return _wrong(at, "a table of keys", raw, mistakes)
    hints = get_type_hints(kind, include_extras=True)
    fields = {f.name: f for f in dataclasses.fields(kind)}
    mistakes += [(_under(at, key), _unknown(key, fields)) for key in raw if key not in fields]
    values: dict[str, Any] = {}
    for key, spec in fields.items():
        if key in raw:
            values[key] = _value(hints[key], raw[key], _under(at, key), mistakes)
        elif spec.default is dataclasses.MISSING:
            values[key] = None
            mistakes.append((_under(at, key), "This key is missing."))
    return kind(**values)


def _under(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key


def _unknown(key: str, fields: Collection[str]) -> str:
    near = difflib.get_close_matches(key, fields, 1)
    return "This key is not known here." + (f' Did you mean "{near[0]}"?' if near else "")


def _value(hint: Any, raw: object, at: str, mistakes: Mistakes) -> Any:
    rule = None
    if get_origin(hint) is Annotated:
        hint, rule = get_args(hint)
    match get_origin(hint) or hint:
        case collections.abc.Mapping:
            return _named(get_args(hint)[1], raw, at, mistakes)
        case builtins.tuple:
            return _listed(get_args(hint)[0], raw, at, mistakes)
        case type() as kind if dataclasses.is_dataclass(kind):
            return table(kind, raw, at, mistakes)
    return _text(rule, raw, at, mistakes) if rule else _READERS[hint](raw, at, mistakes)


def _named(hint: Any, raw: object, at: str, mistakes: Mistakes) -> Any:
    if not isinstance(raw, dict):
        return _wrong(at, "a table of keys", raw, mistakes)
    return {key: _value(hint, item, _under(at, key), mistakes) for key, item in raw.items()}


def _listed(hint: Any, raw: object, at: str, mistakes: Mistakes) -> Any:
    if not isinstance(raw, list):
        return _wrong(at, "a list in square brackets, or tables in double ones", raw, mistakes)
    return tuple(_value(hint, item, f"{at}[{n}]", mistakes) for n, item in enumerate(raw))


def _wrong(at: str, wanted: str, raw: object, mistakes: Mistakes) -> Any:
    shown = f'"{raw}"' if isinstance(raw, str) else str(raw).lower() if isinstance(raw, bool) else _shown(raw)
    mistakes.append((at, f"Should be {wanted}, but is {shown}."))


def _shown(raw: object) -> str:
    return "a table" if isinstance(raw, dict) else "a list" if isinstance(raw, list) else str(raw)


def _text(rule: Rule, raw: object, at: str, mistakes: Mistakes) -> Any:
    if not isinstance(raw, str):
        return _wrong(at, "text in quotes", raw, mistakes)
    text = raw.strip()
    if not text and rule.may_be_empty:
        return text
    if not text:
        mistakes.append((at, "Must not be empty."))
    elif rule.one_of and text not in rule.one_of:
        _wrong(at, " or ".join(f'"{one}"' for one in rule.one_of), text, mistakes)
    elif len(text) > rule.longest:
        mistakes.append((at, f"May have at most {rule.longest} characters, but has {len(text)}."))
    elif rule.pattern and not re.fullmatch(rule.pattern, text):
        _wrong(at, rule.wants, text, mistakes)
    else:
        return text
    return None


def _plain(kind: type, wanted: str) -> Callable[[object, str, Mistakes], Any]:
    def read(raw: object, at: str, mistakes: Mistakes) -> Any:
        return raw if type(raw) is kind else _wrong(at, wanted, raw, mistakes)

    return read


def _money(raw: object, at: str, mistakes: Mistakes) -> Any:
    if isinstance(raw, str) and re.fullmatch(r"[0-9]{1,12}\.[0-9]{2}", raw):
        return Decimal(raw)
    return _wrong(at, 'a sum in quotes, like "1589270.65"', raw, mistakes)


def _zone(raw: object, at: str, mistakes: Mistakes) -> Any:
    try:
        return ZoneInfo(raw if isinstance(raw, str) else "")
    except (LookupError, ValueError, OSError):
        return _wrong(at, 'a time zone, like "Europe/Sofia"', raw, mistakes)


def _maybe_date(raw: object, at: str, mistakes: Mistakes) -> Any:
    if raw == "" or type(raw) is date:
        return raw or None
    try:
        return date.fromisoformat(raw if isinstance(raw, str) else "")
    except ValueError:
        return _wrong(at, 'a date, like "2027-12-31", or empty', raw, mistakes)


_READERS: Mapping[Any, Callable[[object, str, Mistakes], Any]] = {
    bool: _plain(bool, "true or false"),
    int: _plain(int, "a whole number"),
    date: _plain(date, "a date without quotes, like 2022-07-05"),
    date | None: _maybe_date,
    Decimal: _money,
    ZoneInfo: _zone,
}
