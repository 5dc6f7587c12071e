"""The texts: complete and plain in Bulgarian, an honest draft in Romani, and no key in the code without its words."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from bot.alphabets import romani_to_cyrillic, romani_to_latin
from bot.chat import Chat, Choice, Person, Summary
from bot.dialog import Play, Stored
from bot.texts import LANGUAGES, Entry, Lines, Missing, Texts, day, literal, words
from handlers import TALKS
from handlers.activities import KINDS
from handlers.followup import JOB
from handlers.my_data import _given
from handlers.registration import PURPOSES, WORK
from handlers.results import MONTHS
from storage import contacts, shared
from storage.contacts import Child, Profile
from storage.participation import COMPLETED, LEFT, REASONS
from storage.programme import load
from storage.staff import ROLES
from tests import ROOT

ALWAYS_BULGARIAN = (  # consent, age, deletion: the Bulgarian text is the valid one, and its answers stand beside it
    "button.age_no",
    "button.age_yes",
    "button.agree",
    "button.disagree",
    "data.delete_sure",
    "privacy.hidden",
    "registration.age",
    "registration.declined",
    "registration.too_young",
)
LABELS = re.compile(
    r"(button|change|job|purpose|reason|stay|work)\.|menu\.(?!home$|first_register$)|activities\.(work|school|everyone)$"
    r"|data\.(correct|file|people|people_new|unlink|stop|delete)$"
    r"|event\.(act|change|kind|by|yes)_|event\.(button|all_slots|narrow|other_people|weekly|other_dates|dates_done)$"
    r"|(announce|ticket)\.do_|agenda\.(button|new|over)$|asking\.\w+_label$"
    r"|(attend|call|door|guests)\.(to|did)_|door\.(again|is_other|new|no_event|no_hour|no_phone)$"
)
NOT_KEYS = {
    "events.id",
    "feedback.comment",
    "feedback.voice",
    "privacy.aloud",
    "privacy.full",
    "privacy.short",
    "sorry.html",
    "staff.contact_id",
}  # the programme's file has such keys; a page is called so
WORDS_TO_RECOGNISE = "said."  # lists that are compared with what people type, and never shown
SOMEBODY = Profile(
    1, "Мария Иванова", "+359888123456", True, "vidin", "", "both", "yes", "bg", [Child("mir", "втора")], ["parents"]
)  # fmt: skip


def paths(language: str) -> list[Path]:
    return sorted((ROOT / "locales" / language / "LC_MESSAGES").glob("*.po"))


@cache
def catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, abort_invalid=True)


def messages(language: str) -> dict[str, Message]:
    return {str(message.id): message for path in paths(language) for message in catalogue(path) if message.id}


def written(language: str) -> dict[str, str]:
    return {key: str(message.string) for key, message in messages(language).items()}


@cache
def texts() -> Texts:
    return Texts.load()


def shown(language: str) -> dict[str, str]:
    return {key: text for key, text in written(language).items() if not key.startswith(WORDS_TO_RECOGNISE)}


def labels(language: str) -> dict[str, str]:
    return {key: text for key, text in written(language).items() if LABELS.match(key)}


def placeholders(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


ROMANI = pytest.mark.parametrize("key", written("rom"))
BULGARIAN = pytest.mark.parametrize("key", shown("bg"))
BOTH = pytest.mark.parametrize("language", LANGUAGES)


# --- the files ------------------------------------------------------------------------------------------------------


@BOTH
def test_file_is_well_formed_and_names_each_key_once(language: str) -> None:
    written_out = "\n".join(path.read_text(encoding="utf-8") for path in paths(language))
    assert sorted(re.findall(r'^msgid "(.+)"$', written_out, re.MULTILINE)) == sorted(messages(language))
    assert all(message.string for message in messages(language).values())
    assert not [path for path in paths(language) if catalogue(path).obsolete]


@BOTH
def test_header_says_the_language_and_how_it_counts(language: str) -> None:
    for path in paths(language):
        head = path.read_text(encoding="utf-8").partition("\n\n")[0]
        assert f'"Language: {language}\\n"' in head
        assert r'"Plural-Forms: nplurals=2; plural=(n != 1);\n"' in head  # pybabel update drops it from Romani files
        assert "fuzzy" not in head.split('msgid ""')[1]
        assert not catalogue(path).fuzzy  # Babel would skip the whole file


# --- the code and its words -----------------------------------------------------------------------------------------


def nodes() -> Iterator[ast.AST]:
    for room in ("bot", "handlers", "storage"):
        for path in (ROOT / room).rglob("*.py"):
            yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def keys_in_code() -> set[str]:
    """Name every literal that looks like a key: its first part is the first part of some Bulgarian key."""
    rooms = {key.partition(".")[0] for key in written("bg")}
    literals = {node.value for node in nodes() if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    keys = {text for text in literals if re.fullmatch(r"[a-z]+\.[a-z_]+", text)}
    return {key for key in keys if key.partition(".")[0] in rooms} - NOT_KEYS


def families_in_code() -> set[str]:
    """Name what stands before the braces where a key is made: f"purpose.{code}"."""
    rooms = {key.partition(".")[0] for key in written("bg")}
    made = (node.values for node in nodes() if isinstance(node, ast.JoinedStr) and len(node.values) == 2)
    stems = {str(first.value).partition(".") for first, _ in made if isinstance(first, ast.Constant)}
    return {room for room, dot, rest in stems if room in rooms and dot and not rest}


def waiting_question(script: str, answers: Mapping[str, Any]) -> Any:
    """Run a conversation over answers, for somebody who has all that can be had, and give the question it stops at."""
    chat = Chat(Person(1, 1, "web", "bg", registered=True), load(ROOT / "storage/programmes/vidin.toml"))
    reads: dict[Any, Any] = {contacts.profile: SOMEBODY, shared.is_linked: True}
    stored = {key: Stored(value) for key, value in answers.items()}
    play = Play(script, TALKS.scripts[script], chat, stored, lambda query, _: reads.get(query))
    ask = play.forward()
    play.close()
    assert ask is not None
    return ask.question


def keys_of_families() -> dict[str, set[str]]:
    summary, data = waiting_question("registration", _given(SOMEBODY)), waiting_question("my_data", {})
    assert isinstance(summary, Summary)
    assert isinstance(data, Choice)
    return {
        "activities": {f"activities.{kind}" for kind in KINDS},
        "change": {str(option.label) for option in summary.changes},
        "data": {str(option.label) for option in data.of},
        "duty": {f"duty.{role}" for role in ROLES},
        "job": {f"job.{job}" for job in JOB},
        "month": {f"month.{month}" for month in MONTHS},
        "purpose": {f"purpose.{purpose}" for purpose in PURPOSES},
        "reason": {f"reason.{reason}" for reason in REASONS},
        "role": {f"role.{role}" for role in ROLES},
        "stay": {f"stay.{kind}" for kind in ("inside", COMPLETED, LEFT)},
        "work": {f"work.{work}" for work in WORK},
    }


def test_every_key_in_the_code_has_bulgarian_words_and_no_words_are_left_over() -> None:
    used = keys_in_code().union(*keys_of_families().values())
    assert sorted(used - set(written("bg"))) == []
    assert sorted(set(written("bg")) - used) == []


def test_every_way_to_make_a_key_is_known_to_the_test_above() -> None:
    assert families_in_code() == set(keys_of_families())


def test_scripts_that_the_scan_stands_on_are_the_real_ones() -> None:
    assert {option.code for option in waiting_question("activities", {}).of} == set(KINDS)
    assert "registration.name" in keys_in_code()


def test_words_that_exist_in_no_language_are_an_error() -> None:
    with pytest.raises(Missing, match=r"registration\.nothing"):
        texts()("registration.nothing", "rom")


# --- Bulgarian, for a person who is tired and reads little ----------------------------------------------------------


@BULGARIAN
def test_bulgarian_text_is_short(key: str) -> None:
    text = written("bg")[key]
    assert len(text) <= 300
    lines = text.splitlines()
    assert len(lines) <= 4
    assert max(map(len, lines)) <= 100


@BULGARIAN
def test_bulgarian_speaks_politely_to_man_and_woman_alike(key: str) -> None:
    text = written("bg")[key]
    assert not re.search(r"\b(вие|ви|вас|ваш\w*|ти|теб|твой\w*|твоя\w*)\b", text), "„Вие“, with a capital letter"
    assert not re.search(r"/[аи]\b|\([аи]\)|\w(?:ен|на|ъл|ла|ал) съм\b", text), "one form for everybody"


@pytest.mark.parametrize("key", labels("bg"))
def test_label_is_a_picture_and_few_words(key: str) -> None:
    text = written("bg")[key]
    picture, _, rest = text.partition(" ")
    assert unicodedata.category(picture[0]) == "So"
    assert rest
    assert len(text) <= 40
    assert not re.search(r"[.?!\n]", text)


def test_texts_that_name_a_button_use_its_words() -> None:
    said = [quoted for text in shown("bg").values() for quoted in re.findall(r"„(\W+ [^{}]+?)“", text)]
    assert said
    assert sorted(set(said) - set(labels("bg").values())) == []


# --- Romani: an honest draft ------------------------------------------------------------------------------------------


def test_every_romani_text_has_a_bulgarian_one() -> None:
    assert sorted(set(written("rom")) - set(written("bg"))) == []


def test_missing_romani_is_listed_and_shown_in_bulgarian() -> None:
    missing = sorted(set(written("bg")) - set(written("rom")))
    assert texts().missing("rom") == missing
    assert texts().missing("bg") == []
    assert [key for key in missing if texts()(key, "rom") != texts()(key, "bg")] == []


def test_consent_and_law_are_always_in_bulgarian() -> None:
    legal = {*ALWAYS_BULGARIAN, *(key for key in written("bg") if key.startswith("privacy."))}
    assert sorted(legal - set(written("bg"))) == []
    assert sorted(legal - set(texts().missing("rom"))) == []


@ROMANI
def test_romani_is_a_draft_until_a_speaker_signs_it(key: str) -> None:
    message = messages("rom")[key]
    assert message.fuzzy or any(comment.startswith("reviewed ") for comment in message.user_comments)
    assert re.match(r"(attested|derived|guess)\b", message.user_comments[0]), "how sure we are, and from where"
    assert texts().catalogues["rom"][key].reviewed is not message.fuzzy


@ROMANI
def test_romani_has_the_same_values_and_the_same_picture(key: str) -> None:
    text = written("rom")[key]
    bulgarian = written("bg")[key]
    assert placeholders(text) == placeholders(bulgarian)
    if LABELS.match(key):
        assert text.partition(" ")[0] == bulgarian.partition(" ")[0]


@ROMANI
def test_romani_is_about_as_long_as_bulgarian(key: str) -> None:
    text = written("rom")[key]
    assert len(text) <= 1.6 * len(written("bg")[key]) + 10
    if LABELS.match(key):
        assert len(texts()(key, "rom")) <= 40, "both together still fit on a button"


@ROMANI
def test_romani_is_written_in_the_letters_of_the_master(key: str) -> None:
    text = written("rom")[key]
    plain = re.sub(r"\{\w+\}|\bМост\b", "", text).lower()
    assert {letter for letter in plain if letter.isalpha()} <= set("aăbcčdefghijklmnoprsštuvxzž")
    assert not re.search(r"(?<![čkpt])h", plain), "h stands only in čh, kh, ph, th"
    assert text == unicodedata.normalize("NFC", text)


@ROMANI
def test_romani_survives_the_way_to_cyrillic_and_back(key: str) -> None:
    text = written("rom")[key]
    cyrillic = romani_to_cyrillic(text)
    assert not re.search(r"[a-zăčšž]", re.sub(r"\{\w+\}", "", cyrillic), re.IGNORECASE)
    assert romani_to_latin(cyrillic) == text
    assert texts().catalogues["rom"][key].text == cyrillic


# --- how both are shown -----------------------------------------------------------------------------------------------


def two(bulgarian: str, romani: str, *, reviewed: bool) -> Texts:
    return Texts({"bg": {"key": Entry(bulgarian, True)}, "rom": {"key": Entry(romani, reviewed)}})


@pytest.mark.parametrize(
    ("bulgarian", "romani", "together"),
    [
        pytest.param("✅ Да", "✅ Ва", "✅ Ва · Да", id="a label with its picture once"),
        pytest.param("Да", "Ва", "Ва · Да", id="a label without a picture"),
        pytest.param("✅ Да", "👌 Ва", "👌 Ва · ✅ Да", id="different pictures"),
        pytest.param("Къде живеете?", "Кай бешес?", "Кай бешес?\n\nКъде живеете?", id="a short question"),
        pytest.param("Да опитаме пак.", "Панда екхвар", "Панда екхвар\n\nДа опитаме пак.", id="a short sentence"),
        pytest.param("Име\nТелефон", "Алав", "Алав\n\nИме\nТелефон", id="two lines"),
        pytest.param("Ало", "Ало", "Ало", id="the same word"),
        pytest.param("а" * 40, "б" * 40, "б" * 40 + "\n\n" + "а" * 40, id="too long for one line"),
    ],
)
def test_unreviewed_romani_is_shown_with_the_bulgarian_and_reviewed_alone(
    bulgarian: str, romani: str, together: str
) -> None:
    assert two(bulgarian, romani, reviewed=False)("key", "rom") == together
    assert two(bulgarian, romani, reviewed=True)("key", "rom") == romani
    assert two(bulgarian, romani, reviewed=False)("key", "bg") == bulgarian


def test_every_draft_is_shown_with_its_bulgarian() -> None:
    for key, entry in texts().catalogues["rom"].items():
        if not entry.reviewed:
            together = texts()(key, "rom")
            assert together.startswith(entry.text), key
            assert together.endswith(written("bg")[key].partition(" ")[2] or written("bg")[key]), key


def test_values_are_filled_in_both_languages() -> None:
    both = two("Име: {name}", "Алав: {name}", reviewed=False)
    assert both(words("key", name="Мария {x}"), "rom") == "Алав: Мария {x} · Име: Мария {x}"
    assert both(words("key", name=literal("Мария")), "bg") == "Име: Мария"


def test_several_phrases_stand_one_below_the_other() -> None:
    both = two("✅ Да", "✅ Ва", reviewed=False)
    lines = Lines((words("key"), literal("Видин"), words("key")))
    assert both(lines, "bg") == "✅ Да\nВидин\n✅ Да"
    assert both(lines, "rom") == "✅ Ва · Да\nВидин\n✅ Ва · Да"


def test_typed_label_is_known_in_every_form() -> None:
    assert two("⬅ Назад", "⬅ Палпале", reviewed=False).all("key") == {"⬅ Назад", "⬅ Палпале", "⬅ Палпале · Назад"}


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (date(2026, 11, 25), "сряда, 25 ноември"),
        (date(2026, 3, 3), "вторник, 3 март"),
        (datetime(2027, 1, 1, 18, 30, tzinfo=UTC), "петък, 1 януари"),
    ],
)
def test_date_has_its_weekday_and_digits(when: date, expected: str) -> None:
    assert day(when) == expected
