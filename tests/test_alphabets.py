"""Letters: what people type is found however they write it, and Romani reads the same in both scripts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.alphabets import fold, romani_to_cyrillic, romani_to_latin

EQUAL = [
    ("case and quotes", "„Иванка“", "иванка", "ivanka"),
    ("official transliteration", "Иванка", "Ivanka", "ivanka"),
    ("shch", "Щастливка", "Shtastlivka", "shtastlivka"),
    ("ts, ch, sh, zh", "Цанка Чавдарова-Шишкова Жекова", "Tsanka Chavdarova-Shishkova Zhekova", None),
    ("yu, ya", "Юлия Янева", "Yulia Yaneva", "yulia yaneva"),
    ("ъ as a", "Търняне", "Tarnyane", "tarnyane"),
    ("ь", "Синьо", "Sinyo", "sinyo"),
    ("й", "Николай", "Nikolay", "nikolay"),
    ("й typed i", "Андрей Тодоров", "Andrei Todorov", "andrey todorov"),
    ("names in -ия, both ways", "Мария", "Mariya", "maria"),
    ("names in -ия, as in passports", "Мария", "Maria", "maria"),
    ("x as кс", "Александра", "Alexandra", "aleksandra"),
    ("дж typed dj", "Джамбазки", "Djambazki", "dzhambazki"),
    ("6 for ш", "Кошава", "Ko6ava", "koshava"),
    ("4 for ч", "Вечер", "ve4er", "vecher"),
    ("q for я", "Бошняк", "Boshnqk", "boshnyak"),
    ("w for в", "Иво", "Iwo", "ivo"),
    ("c for ц", "Ивановци", "Ivanovci", "ivanovtsi"),
    ("j for ж", "Жеглица", "Jeglica", "zheglitsa"),
    ("look-alike letters", "СТОП", "CTOП", "stop"),
    ("one look-alike letter", "Елена", "Eлена", "elena"),
    ("zero-width letters", "Видин", "В\u200bи\u2060д\ufeffин", "vidin"),
    ("direction marks", "Видин", "\u202eВидин\u202c", "vidin"),
    ("full-width letters", "Vidin 12", "Ｖｉｄｉｎ　１２", "vidin 12"),
    ("й in two parts", "Майор", "Маи\u0306ор", "mayor"),
    ("accents", "Beyonce", "Beyoncé", "beyontse"),
    ("stress marks", "Видин", "Ви\u0301дин", "vidin"),
    ("spaces and new lines", "Бела Рада", "  Бела\n\t Рада ", "bela rada"),
    ("pictures around", "Да", "✅ Да! 👍🏽", "da"),
    ("bullets and dots around", "стоп", "...«стоп»?!", "stop"),
    ("Romani letters", "čhavo", "чhavo", "chhavo"),
]


@pytest.mark.parametrize(("one", "other", "key"), [row[1:] for row in EQUAL], ids=[row[0] for row in EQUAL])
def test_what_means_the_same_folds_to_the_same(one: str, other: str, key: str | None) -> None:
    """People mix scripts, cases and habits in one word; they are found all the same."""
    assert fold(one) == fold(other)
    assert key is None or fold(one) == key


DIFFERENT = [
    ("a class is no word", "6а", "ша"),
    ("a number is no word", "2024", "2ч"),
    ("a number at the end", "бл. 4", "бл. ч"),
    ("two names", "Иван", "Иванка"),
    ("б and в", "Бела", "Вела"),
    ("a Latin word stays Latin", "Hope", "Норе"),
    ("inner punctuation counts", "а-б", "аб"),
]


@pytest.mark.parametrize(("one", "other"), [row[1:] for row in DIFFERENT], ids=[row[0] for row in DIFFERENT])
def test_what_is_different_stays_different(one: str, other: str) -> None:
    """Loosening must not make one village of two."""
    assert fold(one) != fold(other)


@pytest.mark.parametrize("empty", ["", "  ", "👍", "?!…", "\u200b\u200d", "\ud83d", "\x00"])
def test_what_has_no_letters_folds_to_nothing(empty: str) -> None:
    """Pictures, punctuation and broken letters alone are no word."""
    assert fold(empty) == ""


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    """A stored key and a typed word may be folded any number of times."""
    assert fold(fold(text)) == fold(text)


@given(st.text(alphabet="абвгдежзийклмнопрстуфхцчшщъьюя ", max_size=40))
def test_bulgarian_folds_to_small_latin_letters(text: str) -> None:
    """Whatever is Bulgarian can be compared with what is typed in Latin."""
    assert set(fold(text)) <= set("abcdefghijklmnopqrstuvwxyz ")


# From the project's glossary, of which every row was checked.
PAIRS = [
    ("Lačho dives!", "Лачшо дивес!"),
    ("Lačhe avilen!", "Лачше авилен!"),
    ("Nais tuke", "Наис туке"),
    ("Ertisar man", "Ертисар ман"),
    ("Baxtalo nevo breš!", "Бахтало нево бреш!"),
    ("Našti", "Нащи"),
    ("Šajutno", "Шаютно"),
    ("Axaljovav", "Ахальовав"),
    ("numero e telefoneskoro", "нумеро е телефонескоро"),
    ("žuvli", "жувли"),
    ("žuvlja", "жувля"),
    ("čhave", "чшаве"),
    ("daj thaj dad", "дай тхай дад"),
    ("phral", "пхрал"),
    ("phen", "пхен"),
    ("kher", "кхер"),
    ("čhib", "чшиб"),
    ("Čhib", "Чшиб"),
    ("Mažutipe", "Мажутипе"),
    ("Angleder", "Англедер"),
    ("Bičhal", "Бичшал"),
    ("Phande", "Пханде"),
    ("Adžar", "Аджар"),
    ("Xazări", "Хазъри"),
    ("Panda ekhvar", "Панда екхвар"),
    ("avdive", "авдиве"),
    ("tasja", "тася"),
    ("vakti", "вакти"),
    ("beljate", "беляте"),
    ("tetradži", "тетраджи"),
    ("četvărtaki", "четвъртаки"),
    ("paraštuj", "паращуй"),
    ("enja", "еня"),
    ("dešujek", "дешуйек"),
    ("dešuštar", "дешущар"),
    ("bibukjarno", "бибукярно"),
    ("bi lovengoro", "би ловенгоро"),
    ("zanajati", "занаяти"),
    ("obština", "община"),
    ("othe", "отхе"),
    ("săbitie", "събитие"),
    ("Ka avav", "Ка авав"),
    ("Oven saste but baši tumaro dževapi.", "Овен састе бут баши тумаро джевапи."),
    ("Lačho dives! Me som boti. Me dav tuke mažutipe.", "Лачшо дивес! Ме сом боти. Ме дав туке мажутипе."),
    ("O kurso isi tetradži, ko 18 saxati.", "О курсо иси тетраджи, ко 18 сахати."),
    ("Xramosardăm tut.", "Храмосардъм тут."),
    ("Vaker e mediatoreja.", "Вакер е медиаторея."),
    ("Nais tuke! Ačh Devlesa!", "Наис туке! Ачш Девлеса!"),
]


@pytest.mark.parametrize(("latin", "cyrillic"), PAIRS, ids=[latin for latin, _ in PAIRS])
def test_romani_reads_the_same_in_both_scripts(latin: str, cyrillic: str) -> None:
    """The glossary's words, there and back, unchanged."""
    assert romani_to_cyrillic(latin) == cyrillic
    assert romani_to_latin(cyrillic) == latin


SPELT = [
    ("capital of two letters", "Čhib", "Чшиб"),
    ("all capitals", "BIČHAL", "БИЧШАЛ"),
    ("all capitals, one letter for two", "ŠTAR", "ЩАР"),
    ("one capital, one letter for two", "Štar", "Щар"),
    ("jo after a consonant", "axaljol", "ахальол"),
    ("jo at the beginning", "jon", "йон"),
    ("jo after a vowel", "majo", "майо"),
    ("ja after a consonant", "žuvlja", "жувля"),
    ("decomposed letters", "c\u030chib", "чшиб"),
    ("another schwa", "xazǎri", "хазъри"),
    ("bare h", "hakaj", "хакай"),
    ("double r", "rrom", "рром"),
]


@pytest.mark.parametrize(("latin", "cyrillic"), [row[1:] for row in SPELT], ids=[row[0] for row in SPELT])
def test_romani_is_spelt_by_the_rules(latin: str, cyrillic: str) -> None:
    """Longest match first, capitals copied."""
    assert romani_to_cyrillic(latin) == cyrillic


@pytest.mark.parametrize("cyrillic", ["БИЧШАЛ", "ЩАР", "Щар", "ДЖАНАВ", "ЯВИН", "Явин", "ЧШИБ"])
def test_capitals_survive_both_ways(cyrillic: str) -> None:
    """A word in capitals does not come back half small."""
    assert romani_to_cyrillic(romani_to_latin(cyrillic)) == cyrillic


def test_the_alternative_spelling_is_read_too() -> None:
    """„чхиб“ is how Wikipedia writes čhib."""
    assert romani_to_latin("чхиб") == "čhib"


KEPT = [
    ("a placeholder", "Alav: {name}", "Алав: {name}"),
    ("a printf placeholder", "Alav: %(name)s", "Алав: %(name)s"),
    ("markup", "<b>Alav</b>", "<b>Алав</b>"),
    ("a command", "Xramosar /start akana", "Храмосар /start акана"),
    ("a slash between words", "rom/romni", "ром/ромни"),
    ("a link", "Dikh https://vidin.bg/novini?a=b", "Дикх https://vidin.bg/novini?a=b"),
    ("a link without its beginning", "Dikh t.me/most_bot", "Дикх t.me/most_bot"),
    ("a host", "Dikh vidin.bg", "Дикх vidin.bg"),
    ("an e-mail", "Xramosar: info@vidin.bg", "Храмосар: info@vidin.bg"),
    ("a name on a platform", "Xramosar @most_vidin", "Храмосар @most_vidin"),
    ("brands", "Telegram thaj Viber", "Telegram тхай Viber"),
    ("a foreign word", "WhatsApp nanaj", "WhatsApp нанай"),
    ("what is Cyrillic already", "Kaj isi община Видин?", "Кай иси община Видин?"),
    ("digits and pictures", "📅 18:00, ko 3", "📅 18:00, ко 3"),
]


@pytest.mark.parametrize(("text", "shown"), [row[1:] for row in KEPT], ids=[row[0] for row in KEPT])
def test_what_is_not_romani_is_left_alone(text: str, shown: str) -> None:
    """A placeholder in Cyrillic letters would never be filled in, and a link never open."""
    assert romani_to_cyrillic(text) == shown


def test_brands_and_placeholders_are_left_alone_on_the_way_back() -> None:
    """„Мост“ is a name, not a Romani word."""
    assert romani_to_latin("Мост: {име} аври, Viber") == "Мост: {име} avri, Viber"


@given(st.lists(st.sampled_from([latin for latin, _ in PAIRS]), max_size=6).map(" ".join))
def test_sentences_of_known_words_survive_both_ways(text: str) -> None:
    """No word changes its neighbour."""
    assert romani_to_latin(romani_to_cyrillic(text)) == text
