"""Letters: folding what people type so that it can be compared, and Romani between its two scripts.

People mix Cyrillic, Latin, look-alike letters and digits in one word; nobody may be missed for that. Must import
nothing of ours, know no word of any conversation, and never change a text that is shown except from script to script.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping

_BLANK_RANGES = (
    (0x00, 0x08), (0x0E, 0x1B), (0x7F, 0x84), (0x86, 0x9F), (0xAD, 0xAD), (0x034F, 0x034F), (0x0600, 0x0605),
    (0x061C, 0x061C), (0x06DD, 0x06DD), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F),
    (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xD800, 0xDFFF), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB), (0xE0000, 0xE0FFF),
)  # fmt: skip

INVISIBLE: Mapping[int, None] = {code: None for first, last in _BLANK_RANGES for code in range(first, last + 1)}
"""Controls (not white space), zero-width and direction marks, fillers, lone surrogates: a table for str.translate."""

# The official Bulgarian transliteration, one letter at a time, and what people use for the same sounds in Latin. "j" is
# read as ж, its use in typed Bulgarian; "x" as кс, since х is typed "h" and Alexandra must be found.
_FOLD = str.maketrans(
    {
        "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ж": "zh", "з": "z", "и": "i", "й": "y", "к": "k",
        "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "h",
        "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sht", "ъ": "a", "ь": "y", "ю": "yu", "я": "ya", "э": "e", "ы": "y",
        "і": "i", "ј": "y", "w": "v", "q": "ya", "c": "ts", "j": "zh", "x": "ks",
    }
)  # fmt: skip
# Letters of their own that Unicode takes for a letter with a mark, before all marks are taken off.
_OWN_LETTERS = str.maketrans({"й": "ј", "ё": "јо", "č": "ч", "š": "ш", "ž": "ж"})
_LATIN_LOOK_ALIKES = str.maketrans("abcehkmoptxy", "авсенкмортху")  # in capitals, folded to small letters before
_MIXED = re.compile(r"\b(?=\w*[a-z])(?=\w*[а-яё])\w+")
_FOREIGN_LATIN = re.compile(r"[df-gijlnq-suvwz]")  # Latin letters that pass for no Cyrillic one
_DIGIT_LETTERS = ((re.compile(r"(?<=[a-z])6(?=[a-z])"), "ш"), (re.compile(r"(?<=[a-z])4(?=[a-z])"), "ч"))
_IYA = re.compile(r"iy+a")
_SHORT_I = re.compile(r"(?<=[aeou])i(?![aeiouy])")
_CORE = re.compile(r"[^\W_](?:.*[^\W_])?", re.DOTALL)


def fold(text: str) -> str:
    """A key for comparing and searching: „Иванка“, "иванка!" and "Ivanka" are equal. Never shown to anybody.

    Small Latin letters, single spaces, nothing but letters and digits at both ends. Folding twice changes nothing.
    """
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).translate(INVISIBLE)
    text = _without_marks(read_look_alikes(text).translate(_OWN_LETTERS))
    for digit, letter in _DIGIT_LETTERS:
        text = digit.sub(letter, text)
    text = text.replace("ch", "ч").translate(_FOLD)
    text = _SHORT_I.sub("y", _IYA.sub("ia", text))
    core = _CORE.search(text)
    return " ".join(core[0].split()) if core else ""


def read_look_alikes(text: str, *, everywhere: bool = False) -> str:
    """Latin letters that stand for Cyrillic ones ("CTOП") as Cyrillic; whole Latin words only if `everywhere`.

    Expects folded case.
    """
    if everywhere:
        return text.translate(_LATIN_LOOK_ALIKES)
    return _MIXED.sub(_read_mixed, text)


def _read_mixed(word: re.Match[str]) -> str:
    return word[0] if _FOREIGN_LATIN.search(word[0]) else word[0].translate(_LATIN_LOOK_ALIKES)


def _without_marks(text: str) -> str:
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


_TO_CYRILLIC = {
    "čh": "чш", "dž": "дж", "kh": "кх", "ph": "пх", "th": "тх", "št": "щ", "ja": "я", "ju": "ю", "jo": "йо",
    "a": "а", "ă": "ъ", "b": "б", "c": "ц", "č": "ч", "d": "д", "e": "е", "f": "ф", "g": "г", "h": "х", "i": "и",
    "j": "й", "k": "к", "l": "л", "m": "м", "n": "н", "o": "о", "p": "п", "r": "р", "s": "с", "š": "ш", "t": "т",
    "u": "у", "v": "в", "x": "х", "z": "з", "ž": "ж",
}  # fmt: skip
_TO_LATIN = {
    "чш": "čh", "чх": "čh", "дж": "dž", "кх": "kh", "пх": "ph", "тх": "th", "ьо": "jo", "щ": "št", "я": "ja",
    "ю": "ju", "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ж": "ž", "з": "z", "и": "i", "й": "j",
    "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f",
    "х": "x", "ц": "c", "ч": "č", "ш": "š", "ъ": "ă", "ь": "", "э": "e", "ѝ": "i",
}  # fmt: skip
_CONSONANTS = frozenset("bcčdfghklmnprsštvxzž")
_LATIN_PARTS = re.compile("|".join(_TO_CYRILLIC), re.IGNORECASE)
_CYRILLIC_PARTS = re.compile("|".join(_TO_LATIN), re.IGNORECASE)
_SCHWAS = str.maketrans("ǎâêəǍÂÊƏ", "ăăăăĂĂĂĂ")
_KEPT = re.compile(
    r"\{[^{}]*\}|%\(\w+\)[sd]|</?[A-Za-z][^<>]*>"  # placeholders and markup
    r"|https?://\S+|www\.\S+|(?<![\w.+@-])(?:[\w-]+\.)+(?:(?:bg|com|eu|net|org)\b|[a-z]{2,}/)\S*"
    r"|(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.-]+|(?<!\w)@\w+|(?<![\w/])/[A-Za-z]\w*"
    r"|\b(?:Telegram|Viber|Мост)\b"
    r"|\b(?=\w*[qwyQWY])\w+"  # no Romani word has these letters
)


def romani_to_cyrillic(text: str) -> str:
    """Romani in the master's Latin letters, in the Cyrillic that Bulgarian readers know.

    Leaves alone: what is Cyrillic already, {placeholders}, links, e-mail, /commands, @names and brand names.
    """
    text = unicodedata.normalize("NFC", text)
    return _outside_kept(text, lambda part: _LATIN_PARTS.sub(_cyrillic, part.translate(_SCHWAS)))


def romani_to_latin(text: str) -> str:
    """The inverse of romani_to_cyrillic; „чх“ is read like „чш“."""
    return _outside_kept(unicodedata.normalize("NFC", text), lambda part: _CYRILLIC_PARTS.sub(_latin, part))


def _outside_kept(text: str, convert: Callable[[str], str]) -> str:
    out: list[str] = []
    done = 0
    for kept in _KEPT.finditer(text):
        out += (convert(text[done : kept.start()]), kept[0])
        done = kept.end()
    return "".join((*out, convert(text[done:])))


def _cyrillic(match: re.Match[str]) -> str:
    source = match[0].lower()
    before = match.string[max(match.start() - 1, 0) : match.start()].lower()
    if source == "jo" and before in _CONSONANTS:
        return _cased(match, "ьо")
    return _cased(match, _TO_CYRILLIC[source])


def _latin(match: re.Match[str]) -> str:
    return _cased(match, _TO_LATIN[match[0].lower()])


def _cased(match: re.Match[str], target: str) -> str:
    source = match[0]
    if not source[0].isupper():
        return target
    around = match.string[max(match.start() - 1, 0) : match.start()] + match.string[match.end() : match.end() + 1]
    shouted = source.isupper() and (len(source) > 1 or around.isupper())
    return target.upper() if shouted else target[:1].upper() + target[1:]
