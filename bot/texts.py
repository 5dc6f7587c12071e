"""Languages: the catalogues in locales/, what is shown when a text is missing or unreviewed, and dates.

A text is looked up by its key. Bulgarian is complete and every other language falls back to it. A Romani text that no
speaker has approved (flagged fuzzy) is always shown together with the Bulgarian. Must never build a sentence by gluing
words: Romani cases differ by gender and dialect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from babel.dates import format_date
from babel.messages.pofile import read_po

from bot.alphabets import fold, romani_to_cyrillic

LOCALES = Path(__file__).parent.parent / "locales"
BASE = "bg"
LANGUAGES = ("bg", "rom")


@dataclass(frozen=True, slots=True)
class Words:
    """Something to say, before a language is chosen: a key with its values, or words taken as they are."""

    key: str
    values: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    literal: bool = False


def words(key: str, **values: Any) -> Words:
    """A text of the catalogue. A value may itself be Words."""
    return Words(key, values)


def literal(text: str) -> Words:
    """Words that are the same in every language: a name, a place, a number."""
    return Words(text, literal=True)


@dataclass(frozen=True, slots=True)
class Lines:
    """Several things to say, one below the other."""

    parts: tuple[Words, ...]


Label = Words | str
"""What a button may say."""

Phrase = Words | Lines | str
"""What a script may say: a key, Words, or several of them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One text of one catalogue."""

    text: str
    reviewed: bool


class Missing(KeyError):
    """A key that not even the Bulgarian catalogue has."""


class Texts:
    """Every catalogue, read once."""

    def __init__(self, catalogues: Mapping[str, Mapping[str, Entry]]) -> None:
        self.catalogues = catalogues
        self._folded: dict[str, frozenset[str]] = {}  # asked for with every message, and never different

    @classmethod
    def load(cls, folder: Path = LOCALES) -> Texts:
        """Read locales/*/LC_MESSAGES/*.po: a file a subject. Romani is written in Latin there and shown in Cyrillic."""
        return cls({language: _read(folder, language) for language in LANGUAGES})

    def __call__(self, phrase: Phrase, language: str = BASE) -> str:
        """The words in a language; together with the Bulgarian while unreviewed."""
        if isinstance(phrase, str):
            phrase = Words(phrase)
        if isinstance(phrase, Lines):
            return "\n".join(self(part, language) for part in phrase.parts)
        if phrase.literal:
            return phrase.key
        base = self._fill(self._base(phrase.key), phrase.values, BASE)
        entry = self.catalogues.get(language, {}).get(phrase.key) if language != BASE else None
        if entry is None:
            return base
        own = self._fill(entry.text, phrase.values, language)
        return own if entry.reviewed or own == base else _together(own, base)

    def all(self, key: str) -> set[str]:
        """Every form in which a label may come back to us as typed words."""
        forms = {self(key, language) for language in LANGUAGES}
        return forms | {entry.text for c in self.catalogues.values() if (entry := c.get(key))}

    def folded(self, key: str) -> frozenset[str]:
        """The same forms as typed words are compared: in one case and alphabet. Under said.* stand several each."""
        known = self._folded.get(key)
        if known is None:
            every = (
                part for form in self.all(key) for part in (form.split(",") if key.startswith("said.") else (form,))
            )
            known = self._folded[key] = frozenset(map(fold, every))
        return known

    def missing(self, language: str) -> list[str]:
        """Keys that a language lacks, and so are shown in Bulgarian."""
        return sorted(set(self.catalogues[BASE]) - set(self.catalogues[language]))

    def _base(self, key: str) -> str:
        try:
            return self.catalogues[BASE][key].text
        except KeyError:
            raise Missing(key) from None

    def _fill(self, text: str, values: Mapping[str, Any], language: str) -> str:
        if not values:
            return text
        shown = {name: self(v, language) if isinstance(v, Words | Lines) else v for name, v in values.items()}
        return text.format(**shown)


def _together(own: str, base: str) -> str:
    """Both languages: on one line for a label, one above the other for a message. A label has no full stop."""
    if any(mark in base for mark in "\n.?!") or "\n" in own or len(own) + len(base) > 60:  # noqa: PLR2004  (a phone's line)
        return f"{own}\n\n{base}"
    icon, _, rest = base.partition(" ")
    if rest and own.startswith(icon + " "):
        return f"{own} · {rest}"
    return f"{own} · {base}"


def _read(folder: Path, language: str) -> dict[str, Entry]:
    convert = romani_to_cyrillic if language == "rom" else str
    found: dict[str, Entry] = {}
    for path in sorted((folder / language / "LC_MESSAGES").glob("*.po")):
        with path.open("rb") as file:
            catalogue = read_po(file)
        found |= {
            str(message.id): Entry(convert(str(message.string)), not message.fuzzy)
            for message in catalogue
            if message.id and message.string
        }
    return found


def day(when: date | datetime) -> str:
    """„сряда, 25 ноември“: the weekday always stands with the date. Romani speakers use the Bulgarian names."""
    return format_date(when, "EEEE, d MMMM", locale="bg")
