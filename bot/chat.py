"""The words a conversation is written in: ask, say, fetch, and the kinds of question.

A script is a coroutine that the dialog drives; it is a pure function of its answers. Must never touch a clock, a
database or a channel: reading goes through `fetch`, and what shall be done is returned as Finish.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from bot.alphabets import fold
from bot.messages import Document, Incoming, Kind, Media
from bot.texts import LANGUAGES, Label, Phrase, Texts, Words, literal, words

if TYPE_CHECKING:
    from bot.money import Tariff
    from storage.programme import Programme

__all__ = [
    "Chat", "Choice", "Confirm", "Conflict", "Finish", "Many", "Option", "Person", "Phone", "Search", "Summary", "Text",
    "YesNo", "literal", "words",
]  # fmt: skip

BACK = "back"
PAGE = 7  # rows of buttons that fit a small phone together with the question
MAX_QUESTIONS = 60
_NUMBER = re.compile(r"\d+[.)]?")
_SKIN_TONES = "\ufe0f🏻🏼🏽🏾🏿"


@dataclass(frozen=True, slots=True)
class Person:
    """The one who writes, as far as scripts need to know them."""

    contact_id: int
    address_id: int
    channel: str
    language: str
    status: str = "active"
    name: str = ""
    registered: bool = False
    source: str = ""
    profile_name: str = ""  # what the platform calls them; only ever offered
    can_share_phone: bool = False
    role: str = ""  # among the staff; empty for everybody else


# --- what a question can make of an incoming message ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """The question is answered."""

    value: Any


@dataclass(frozen=True, slots=True)
class Draft:
    """A step towards an answer: ticked boxes, letters of a village. Kept, and the question is shown again."""

    value: Any
    in_place: bool = True  # the shown message may be edited instead of sending another


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take back earlier answers; each is asked again."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Miss:
    """It fits nothing here. The hint says what would, and the question is put again."""

    hint: Phrase = "miss.general"


Reading = Answer | Draft | Withdraw | Miss


@dataclass(frozen=True, slots=True)
class Option:
    """One way to answer: a code that is kept and a label that is seen."""

    code: str
    label: Label
    shares_phone: bool = False


class Question(Protocol):
    """What `ask` takes. Pure: the same message and draft always give the same reading."""

    def says(self, draft: Any) -> Phrase:
        """The question's words, given what is already there of the answer."""
        ...

    def options(self, draft: Any) -> Sequence[Option]:
        """The buttons under it, given the same."""
        ...

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        """What a message means as an answer. `code` is that of this question's button, empty when none was pressed."""
        ...


@dataclass(frozen=True, slots=True)
class Said:
    """Typed words against the labels of the options, in every language and either alphabet."""

    folded: str
    texts: Texts
    typed: str = ""  # as it came: a picture alone folds to nothing

    def among(self, options: Sequence[Option], *, by_number: bool = True) -> str:
        """The code of the option that was typed, by its label, or its number among several; empty if none."""
        if not self.folded:
            return self._by_picture(options)
        counted = by_number and len(options) > 1 and _NUMBER.fullmatch(self.typed.strip())  # „-1“ counts nothing
        for number, option in enumerate(options, 1):
            if (counted and self.folded == str(number)) or self.folded in self._forms(option.label):
                return option.code
        plain = "yes" if self.is_like("said.yes") else "no" if self.is_like("said.no") else ""
        return plain if any(option.code == plain for option in options) else ""

    def _by_picture(self, options: Sequence[Option]) -> str:
        """The only option whose label begins with the picture that was sent: „👍“."""
        picture = self.typed.rstrip(_SKIN_TONES)
        found = [o.code for o in options if picture and self.texts(o.label).startswith(picture)]
        return found[0] if len(found) == 1 else ""

    def is_like(self, key: str) -> bool:
        """Whether the typed words are among those listed, by commas, under a key."""
        return self.folded in self.texts.folded(key)

    def _forms(self, label: Label) -> frozenset[str]:
        if isinstance(label, str):
            return self.texts.folded(label)
        shown = (label.key,) if label.literal else (self.texts(label, language) for language in LANGUAGES)
        return frozenset(map(fold, shown))


# --- the kinds of question ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few buttons. The answer is the option's code. With `more`, a further button shows longer words first."""

    prompt: Phrase
    of: Sequence[Option]
    more: Phrase | None = None
    back_clears_draft: bool = True

    def says(self, draft: Any) -> Phrase:
        return self.more if draft and self.more else self.prompt

    def options(self, draft: Any) -> Sequence[Option]:
        return [*self.of, Option("more", "button.more")] if self.more and not draft else self.of

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        code = code or said.among(self.options(draft))
        if code == "more" and self.more:
            return Draft(True, in_place=False)
        return Answer(code) if any(o.code == code for o in self.of) else Miss("miss.choose")


@dataclass(frozen=True, slots=True)
class YesNo:
    """Yes or no. The answer is a bool."""

    prompt: Phrase
    yes: Label = "button.yes"
    no: Label = "button.no"
    by_number: bool = True  # off where „1“ would tell many people something

    def says(self, draft: Any) -> Phrase:
        return self.prompt

    def options(self, draft: Any) -> Sequence[Option]:
        return (Option("yes", self.yes), Option("no", self.no))

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        code = code or said.among(self.options(None), by_number=self.by_number)
        return Answer(code == "yes") if code in ("yes", "no") else Miss("miss.choose")


Confirm = YesNo


@dataclass(frozen=True, slots=True)
class Text:
    """Typed words. Offers are buttons whose label is the answer. Longer than max_length is asked again, never cut."""

    prompt: Phrase
    max_length: int = 80
    offers: Sequence[str] = ()
    skip: Label | None = None  # a button that answers with nothing
    letters: bool = False  # there must be a letter in it: a name cannot be a number

    def says(self, draft: Any) -> Phrase:
        return self.prompt

    def options(self, draft: Any) -> Sequence[Option]:
        offered = [Option(f"o{n}", literal(text)) for n, text in enumerate(self.offers)]
        return [*offered, Option("skip", self.skip)] if self.skip else offered

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        if code == "skip" or (self.skip and said.among([Option("skip", self.skip)])):
            return Answer("")
        if code.startswith("o") and code[1:].isdigit() and int(code[1:]) < len(self.offers):
            return Answer(self.offers[int(code[1:])])
        text = " ".join(incoming.text.split()) if incoming.kind is Kind.TEXT else ""
        if not text or (self.letters and not any(c.isalpha() for c in text)):
            return Miss("miss.text")
        return Answer(text) if len(text) <= self.max_length else Miss(words("miss.long", limit=self.max_length))


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone number. The answer is {"number": E.164 or "", "own": the platform vouches for it}."""

    prompt: Phrase
    can_share: bool
    read_number: Callable[[str], str]  # E.164, or "" when it is none

    def says(self, draft: Any) -> Phrase:
        return self.prompt

    def options(self, draft: Any) -> Sequence[Option]:
        share = [Option("share", "button.share_phone", shares_phone=True)] if self.can_share else []
        return [*share, Option("none", "button.no_phone")]

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        if code == "none" or said.among([Option("none", "button.no_phone")]):
            return Answer({"number": "", "own": False})
        if incoming.kind is Kind.PHONE and not incoming.phone_is_own:
            return Miss("miss.phone_other")
        number = self.read_number(incoming.phone or incoming.text)
        if not number:
            return Miss("miss.phone")
        return Answer({"number": number, "own": incoming.phone_is_own})


@dataclass(frozen=True, slots=True)
class Many:
    """Any number of buttons, ticked one by one, then done. The answer is a list of codes, in the options' order.

    More than a page of them are leafed through. The draft is {"ticked": codes, "page": number}.
    """

    prompt: Phrase
    of: Sequence[Option]
    none: Label | None = "button.none_of_them"  # the way on with nothing ticked; None when one must be
    typed: Callable[[str], str] | None = None  # a code for typed words that are no option: „3 а“
    columns: int = 1
    start: Sequence[str] = ()  # ticked before anybody has tapped

    def says(self, draft: Any) -> Phrase:
        return self.prompt

    def options(self, draft: Any) -> Sequence[Option]:
        ticked, page = self._ticks(draft)
        every = self._all(ticked)
        size = PAGE * self.columns
        start = page * size if page * size < len(every) else 0
        shown = [Option(o.code, _ticked(o) if o.code in ticked else o.label) for o in every[start : start + size]]
        shown += [Option("page", "button.leaf")] if len(every) > size else []
        if ticked:
            return [*shown, Option("done", "button.done")]
        return [*shown, Option("done", self.none)] if self.none else shown

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        ticked, page = self._ticks(draft)
        typed = self.typed(incoming.text) if self.typed and not code and incoming.kind is Kind.TEXT else ""
        if typed:  # said once more, it is still meant
            code = typed
            return Draft({"ticked": [*ticked, code] if code not in ticked else ticked, "page": page}, in_place=False)
        code = code or said.among(self.options(draft)) or said.among(self.of)
        if code == "done" and (ticked or self.none):
            return Answer([o.code for o in self._all(ticked) if o.code in ticked])
        if code == "page":
            last = (len(self._all(ticked)) - 1) // (PAGE * self.columns)
            return Draft({"ticked": ticked, "page": page + 1 if page < last else 0})
        if not any(o.code == code for o in self._all(ticked)):
            return Miss("miss.choose")
        return Draft({"ticked": [c for c in ticked if c != code] if code in ticked else [*ticked, code], "page": page})

    def _all(self, ticked: Sequence[str]) -> list[Option]:
        known = {o.code for o in self.of}
        return [*self.of, *(Option(code, literal(code)) for code in ticked if code not in known)]

    def _ticks(self, draft: Any) -> tuple[list[str], int]:
        return (list(draft["ticked"]), int(draft["page"])) if draft else (list(self.start), 0)


@dataclass(frozen=True, slots=True)
class Search:
    """A few buttons, or the first letters of something in a long list. The answer is the option's code."""

    prompt: Phrase
    near: Sequence[Option]  # buttons shown before anything is typed
    find: Callable[[str], Sequence[Option]]
    found: Phrase = "search.found"
    nothing: Phrase = "search.nothing"
    back_clears_draft: bool = True

    def says(self, draft: Any) -> Phrase:
        return self.found if draft else self.prompt

    def options(self, draft: Any) -> Sequence[Option]:
        return self.find(draft) if draft else self.near

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        if code:
            known = [*self.near, *(self.find(draft) if draft else ())]
            return Answer(code) if any(o.code == code for o in known) else Miss("miss.choose")
        typed = incoming.text if incoming.kind is Kind.TEXT else ""
        exact = said.among([*self.options(draft)]) if typed else ""
        if exact:
            return Answer(exact)
        found = self.find(typed)
        if not found:
            return Miss(self.nothing)
        sure = [o for o in found if said.among([o])]
        return Answer(sure[0].code) if len(sure) == 1 and len(found) == 1 else Draft(typed, in_place=False)


@dataclass(frozen=True, slots=True)
class Summary:
    """What was understood, with a "change" for each answer. The answer is True."""

    prompt: Phrase
    changes: Sequence[Option]  # the code is the key of the answer that is asked again
    withdraws: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # where a code stands for other keys
    yes: Label = "button.right"
    by_number: bool = True  # off where „1“ would tell many people something; the changes keep their numbers
    back_clears_draft: bool = True

    def says(self, draft: Any) -> Phrase:
        return self.prompt

    def options(self, draft: Any) -> Sequence[Option]:
        return self.changes if draft else (Option("yes", self.yes), Option("change", "button.change"))

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        code = code or said.among(self.options(draft), by_number=self.by_number or bool(draft))
        if code == "yes" or (not code and said.is_like("said.yes")):
            return Answer(True)
        if code == "change" or (not code and said.is_like("said.no")):
            return Draft(True)
        if any(o.code == code for o in self.changes):
            return Withdraw(self.withdraws.get(code, (code,)))
        return Miss("miss.choose")


def _ticked(option: Option) -> Words:
    label = option.label
    return words("button.ticked", label=label if isinstance(label, Words) else Words(label))


# --- what a script does -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finish:
    """What shall be done when the script ends: a query of storage, run in the same transaction."""

    act: Callable[..., Any] | None = None  # called with (connection, event: Acting, **values)
    values: Mapping[str, Any] = field(default_factory=dict)
    then: str = ""  # another conversation that begins at once
    given: Mapping[str, Any] = field(default_factory=dict)  # answers that it already has


@dataclass(frozen=True, slots=True)
class Acting:
    """For whom, where and when a Finish acts."""

    contact_id: int
    address_id: int
    channel: str
    language: str
    event_key: str  # the message that led to it
    now: datetime  # UTC


class Conflict(Exception):
    """What a script asked for cannot be done any more. Names the answer to withdraw, and why."""

    def __init__(self, key: str, why: Phrase) -> None:
        super().__init__(key)
        self.key = key
        self.why = why


@dataclass(frozen=True, slots=True)
class Ask:
    """The script waits for an answer."""

    key: str
    question: Question


@dataclass(frozen=True, slots=True)
class Fetch:
    """The script wants to read something."""

    query: Callable[..., Any]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """Something said on the way to the next question."""

    phrase: Phrase
    document: Document | None = None
    rows: Sequence[Sequence[Option]] = ()  # codes are commands such as "/menu"
    apart: bool = False  # a message of its own, not joined with the question after it
    in_place: bool = False  # the message whose button was pressed may become this one
    media: Media | None = None  # a picture, a voice note or a file; the words stand under it


class _Want:
    """The only thing a script can await: hands a request to the engine and gives back its answer."""

    def __init__(self, request: Ask | Fetch) -> None:
        self._request = request

    def __await__(self) -> Generator[Ask | Fetch, Any, Any]:
        return (yield self._request)


class Chat:
    """What a script holds in its hands."""

    def __init__(
        self, person: Person, programme: Programme, answers: Mapping[str, Any] | None = None,
        links: Mapping[str, str] = MappingProxyType({}), texts: Callable[[Phrase], str] = str,
        tariffs: Mapping[str, Tariff] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        self.person = person
        self.programme = programme
        self.links = links  # by channel: what stands before a code in the link that opens a chat with us there
        self.tariffs = tariffs  # by channel, where what we write of our own accord costs
        self.texts = texts  # the Bulgarian words, for what is drawn and not said
        self.lines: list[Line] = []
        self._answers = answers or {}

    def given(self, key: str) -> str:
        """What the command or conversation that opened this one said under a key; empty if it said nothing."""
        value = self._answers.get(key, "")
        return value if isinstance(value, str) else ""

    def ask(self, key: str, question: Question) -> _Want:
        """The answer kept under a key. The first time, the script is put aside until there is one."""
        return _Want(Ask(key, question))

    def fetch(self, query: Callable[..., Any], **values: Any) -> _Want:
        """What a query of storage reads. It is run anew each time, so it must be cheap."""
        return _Want(Fetch(query, values))

    def say(
        self, phrase: Phrase, *, document: Document | None = None, buttons: Sequence[Option] = (), apart: bool = False,
        media: Media | None = None,
    ) -> None:  # fmt: skip
        """Words that are shown once, before the next new question."""
        self.lines.append(Line(phrase, document, [[option] for option in buttons], apart, media=media))

    def card(self, phrase: Phrase, *rows: Sequence[Option]) -> None:
        """A screen that leads on by commands: it takes the place of the one whose button was pressed."""
        self.lines.append(Line(phrase, rows=rows, apart=True, in_place=True))


Script = Callable[[Chat], Coroutine[Any, Any, Finish | None]]
