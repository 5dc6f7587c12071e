"""The programme's file: Vidin's own is complete, and a wrong one is refused with a sentence for each mistake."""

from __future__ import annotations

import time
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from storage.programme import Programme, ProgrammeError, load

VIDIN = Path(__file__).parents[2] / "storage" / "programmes" / "vidin.toml"


@pytest.fixture(scope="module")
def vidin() -> Programme:
    return load(VIDIN)


def test_vidins_sums_agree(vidin: Programme) -> None:
    """The contracts make the total, and the European and the national money make each contract, to the stotinka."""
    rchr, noir = vidin.contracts
    assert (rchr.eu, rchr.national, rchr.total) == (Decimal("1019458.47"), Decimal("179904.43"), Decimal("1199362.90"))
    assert (noir.eu, noir.national, noir.total) == (Decimal("331421.59"), Decimal("58486.16"), Decimal("389907.75"))
    assert rchr.eu + rchr.national == rchr.total
    assert noir.eu + noir.national == noir.total
    assert rchr.total + noir.total == vidin.total == Decimal("1589270.65")


def test_vidin_is_complete(vidin: Programme) -> None:
    """34 settlements, thirteen activities, four institutions, six partners: nothing was lost on the way."""
    assert len(vidin.settlements) == 34
    assert [s.label for s in vidin.settlements if s.kind == "town"] == ["гр. Видин", "гр. Дунавци"]
    assert len(vidin.activities) == 13
    assert [a.fund for a in vidin.activities] == ["rchr"] * 7 + ["noir"] * 6
    assert [i.short for i in vidin.institutions if i.kind == "kindergarten"] == ["ДГ „Мир“, Дунавци", "„Звънче“, Видин"]
    assert (len(vidin.partners), len(vidin.associated_partners)) == (6, 4)
    assert (vidin.starts, vidin.ends, vidin.audit_until) == (date(2022, 7, 5), date(2023, 6, 30), None)
    assert str(vidin.zone) == "Europe/Sofia"


def test_every_activity_says_that_it_is_free_in_short_sentences(vidin: Programme) -> None:
    """At most three sentences of at most fifteen words, addressed to „Вие“, and the price is named: none."""
    for activity in vidin.activities:
        sentences = [s for s in activity.text.replace("?", ".").split(".") if s.strip()]
        assert len(sentences) <= 3, activity.code
        assert max(len(s.split()) for s in sentences) <= 15, activity.code
        assert "езплатно" in activity.text, activity.code
        assert 1 <= len(activity.name.split()) <= 4, activity.code


def test_only_the_learning_environment_cannot_be_joined(vidin: Programme) -> None:
    """Residents can sign up for twelve of the thirteen."""
    assert [a.code for a in vidin.activities if not a.join] == ["learning-environment"]


def test_only_psychological_support_is_confidential(vidin: Programme) -> None:
    """It is never to be named in a group message."""
    assert [a.code for a in vidin.activities if a.confidential] == ["psychological-support"]


def test_schools_have_classes_and_kindergartens_groups(vidin: Programme) -> None:
    """Both as `groups`, so that whoever asks needs not know which it is."""
    assert vidin.institution("sofroniy").groups == ("1", "2", "3", "4", "5", "6", "7")
    assert vidin.institution("kiril").groups[-1] == "12"
    assert vidin.institution("mir").groups == ("първа", "втора", "трета", "четвърта")


REQUIRED = [
    ("controller", "Община Видин"),
    ("data protection officer", "длъжностно лице по защита на данните"),
    ("basis: public task", "буква „д“"),
    ("basis: law", "законът го изисква"),
    ("basis: consent", "само ако сте съгласни"),
    ("recipients: partners", "партньорите му"),
    ("recipients: authorities", "Управляващите органи"),
    ("recipients: hosting", "държи сървъра"),
    ("outside the Union", "извън Европейския съюз"),
    ("retention", "90 дни"),
    ("audit date", "управляващият орган"),
    ("access", "да видите данните си"),
    ("rectification", "да ги поправите"),
    ("erasure", "да ги изтриете"),
    ("restriction", "да не ги ползваме"),
    ("objection", "да възразите"),
    ("portability", "да ги получите като файл"),
    ("withdrawal", "СТОП"),
    ("complaint", "Комисия за защита на личните данни, София 1592, бул. „Проф. Цветан Лазаров“ № 2"),
    ("not compulsory", "Не сте длъжни да ни давате данни"),
    ("no automated decisions", "За Вас решават хора"),
]


@pytest.mark.parametrize("words", [words for _, words in REQUIRED], ids=[label for label, _ in REQUIRED])
def test_privacy_in_full_says_what_the_law_requires(vidin: Programme, words: str) -> None:
    """Article 13 of the regulation, point by point."""
    assert words in vidin.privacy.full


def test_texts_carry_the_facts(vidin: Programme) -> None:
    """No brace is left, and the phone, the sums and the numbers stand where they belong."""
    assert vidin.person.phone in vidin.privacy.short
    assert len(vidin.privacy.short) <= 600
    assert vidin.contact.dpo in vidin.privacy.full
    assert "1\u00a0589\u00a0270,65\u00a0лв." in vidin.about
    assert all(contract.number in vidin.about for contract in vidin.contracts)
    assert all(partner.name in vidin.about for partner in vidin.partners)
    assert not {"{", "}"} & set(vidin.about + vidin.privacy.short + vidin.privacy.full)


def test_a_known_audit_date_replaces_the_excuse(tmp_path: Path) -> None:
    """The date from the authority's letter, as a resident writes dates."""
    assert "до 31.12.2027 г." in load(changed(tmp_path, 'audit_until = ""', 'audit_until = "2027-12-31"')).privacy.full
    assert "до 31.12.2027 г." in load(changed(tmp_path, 'audit_until = ""', "audit_until = 2027-12-31")).privacy.full


def test_the_profile_of_an_unknown_language_is_the_programmes_own(vidin: Programme) -> None:
    """Somebody whose app speaks Turkish reads Bulgarian."""
    assert vidin.profile("tr") == vidin.profile() == vidin.profile("bg") != vidin.profile("en")


def test_unreal_phones_are_known_to_be_unreal(vidin: Programme, tmp_path: Path) -> None:
    """So that the program can warn at its start."""
    assert vidin.placeholders() == ("person", "contact")
    real = changed(tmp_path, "placeholder = true", "placeholder = false", count=-1)
    assert load(real).placeholders() == ()


PURPOSES = [
    ("work", "work", 7),
    ("school", "school", 7),
    ("both", "both", 12),
    ("both, as a set", {"work", "school"}, 12),
    ("something else", "other", 2),
    ("nothing", set[str](), 2),
]


@pytest.mark.parametrize(("purposes", "count"), [row[1:] for row in PURPOSES], ids=[row[0] for row in PURPOSES])
def test_people_are_offered_what_is_for_them_and_can_be_joined(
    vidin: Programme, purposes: str | set[str], count: int
) -> None:
    """What is for everyone is for them too."""
    offered = vidin.activities_for(purposes)
    assert len(offered) == count
    assert all(activity.join for activity in offered)
    assert {"health-social", "community"} <= {activity.code for activity in offered}


TYPED = [
    ("first letters", "ин", ["inovo"]),
    ("whole name", "Иново", ["inovo"]),
    ("with с.", "с. Иново", ["inovo"]),
    ("with с. and no space", "с.Иново", ["inovo"]),
    ("with село", "село иново", ["inovo"]),
    ("with гр.", "гр. Дунавци", ["dunavtsi"]),
    ("capitals", "КУТОВО", ["kutovo"]),
    ("second word", "бара", ["slana-bara"]),
    ("second word, begun", "Сим", ["tsar-simeonovo"]),
    ("both words", "долни бош", ["dolni-boshnyak"]),
    ("two that begin alike", "слан", ["slana-bara", "slanotran"]),
    ("official Latin", "Tarnyane", ["tarnyane"]),
    ("informal Latin: j and c", "Jeglica", ["zheglitsa"]),
    ("informal Latin: 6", "Ko6ava", ["koshava"]),
    ("informal Latin: q", "Dolni Boshnqk", ["dolni-boshnyak"]),
    ("informal Latin: u for ъ", "Turnyane", ["tarnyane"]),
    ("look-alike letters", "Kутoво", ["kutovo"]),
    ("two letters swapped", "Вдиин", ["vidin"]),
    ("a letter dropped", "Гмотарци", ["gomotartsi"]),
    ("a letter dropped in the second word", "маринво", ["general-marinovo"]),
    ("in a sentence", "живея във Видин", ["vidin"]),
    ("after the quarter", "кв. Химик, Видин", ["vidin"]),
    ("nothing like it", "Лондон", []),
    ("three wrong letters", "xyz", []),
    ("a picture", "🏠", []),
    ("nothing", "  ", []),
]


@pytest.mark.parametrize(("typed", "codes"), [row[1:] for row in TYPED], ids=[row[0] for row in TYPED])
def test_settlements_are_found_as_people_type_them(vidin: Programme, typed: str, codes: list[str]) -> None:
    """By first letters, then with small slips, in either script."""
    assert [place.code for place in vidin.suggest(typed)] == codes


def test_every_settlement_is_found_by_its_own_name_and_by_its_latin_code(vidin: Programme) -> None:
    """First of all suggestions, whichever way it is written."""
    for place in vidin.settlements:
        assert vidin.suggest(place.label)[0] == place
        assert vidin.suggest(place.name.upper())[0] == place
        assert vidin.suggest(place.code.replace("-", " "))[0] == place


def test_no_more_than_four_are_suggested(vidin: Programme) -> None:
    """More than four buttons are not read."""
    assert len(vidin.suggest("с")) == len(vidin.suggest("к")) == 4
    assert len(vidin.suggest("к", limit=2)) == 2


def test_endless_typing_finds_nothing_quickly(vidin: Programme) -> None:
    """Ten thousand letters are no village."""
    assert vidin.suggest("щ" * 10_000) == []


def test_codes_that_left_the_file_show_as_themselves(vidin: Programme) -> None:
    """A contact's old answers stay readable after the file has changed, and nobody can join what is gone."""
    assert vidin.settlement("atlantis").name == "atlantis"
    assert vidin.institution("gone").short == "gone"
    assert (vidin.activity("gone").name, vidin.activity("gone").join) == ("gone", False)


def test_reading_is_quick() -> None:
    """Start-up takes about a second in all; the programme's file may take 30 ms of it."""
    took = []
    for _ in range(5):
        began = time.process_time()
        load(VIDIN)
        took.append(time.process_time() - began)
    assert min(took) < 0.030


def changed(folder: Path, old: str, new: str, count: int = 1) -> Path:
    """Vidin's file with one thing changed."""
    text = VIDIN.read_text(encoding="utf-8")
    assert old in text, old
    path = folder / "town.toml"
    path.write_text(text.replace(old, new, count), encoding="utf-8")
    return path


BROKEN = [
    ("unknown key", 'currency = "лв."', 'currency = "лв."\ncolour = "green"', ["colour: This key is not known here."]),
    (
        "misspelt key",
        'emoji = "🤝"',
        'emojy = "🤝"',
        [
            'activities[0].emojy: This key is not known here. Did you mean "emoji"?',
            "activities[0].emoji: This key is missing.",
        ],
    ),
    ("missing key", 'zone = "Europe/Sofia"\n', "", ["zone: This key is missing."]),
    ("missing table", "[person]", "[mayor]", ["mayor: This key is not known here.", "person: This key is missing."]),
    ("text wanted", 'name = "Нова професия"', "name = 5", ["activities[2].name: Should be text in quotes, but is 5."]),
    ("yes or no wanted", "join = true", 'join = "да"', ['activities[0].join: Should be true or false, but is "да".']),
    ("number wanted", "last_class = 7", 'last_class = "7"', [
        'institutions[2].last_class: Should be a whole number, but is "7".']),
    ("no fractions", "last_class = 7", "last_class = true", [
        "institutions[2].last_class: Should be a whole number, but is true."]),
    ("list wanted", 'audience = ["work"]', 'audience = "work"', [
        'activities[0].audience: Should be a list in square brackets, or tables in double ones, but is "work".']),
    ("nobody to be there for", 'audience = ["work"]', "audience = []", [
        "activities[0].audience: There must be at least one."]),
    ("unknown audience", 'audience = ["work"]', 'audience = ["pets"]', [
        'activities[0].audience[0]: Should be "work" or "school" or "everyone", but is "pets".']),
    ("empty", 'name = "Помощ за работа"', 'name = " "', ["activities[0].name: Must not be empty."]),
    ("label too long", 'name = "Помощ за работа"', 'name = "Помощ за намиране на работа"', [
        "activities[0].name: May have at most 22 characters, but has 27."]),
    ("button too long", 'short = "„Звънче“, Видин"', 'short = "Детска градина „Звънче“, Видин"', [
        "institutions[1].short: May have at most 22 characters, but has 30."]),
    ("code in Cyrillic", 'code = "mir"', 'code = "мир"', [
        'institutions[0].code: Should be only small Latin letters, digits and "-", but is "мир".']),
    ("code too long", 'code = "mir"', 'code = "detska-gradina-mir"', [
        "institutions[0].code: May have at most 12 characters, but has 18."]),
    ("code twice", 'code = "kutovo"', 'code = "vidin"', [
        'settlements[22].code: "vidin" is already used by settlements[0].']),
    ("village twice", 'name = "Иново"', 'name = "Слана бара"', [
        'settlements[30].name: "с. Слана бара" is already used by settlements[18].']),
    ("activity twice", 'name = "Стъпка към работа"', 'name = "Помощ за работа"', [
        'activities[1].name: "Помощ за работа" is already used by activities[0].']),
    ("a contract does not add up", 'national = "179904.43"', 'national = "179904.42"', [
        "contracts[0].total: eu and national make 1199362.89, but total is 1199362.90."]),
    ("the total does not add up", 'total = "1589270.65"', 'total = "1589270.66"', [
        "total: The contracts make 1589270.65, but total is 1589270.66."]),
    ("a sum as people write it", 'total = "1589270.65"', 'total = "1 589 270,65"', [
        'total: Should be a sum in quotes, like "1589270.65", but is "1 589 270,65".']),
    ("a sum that a computer rounds", 'total = "1589270.65"', "total = 1589270.65", [
        'total: Should be a sum in quotes, like "1589270.65", but is 1589270.65.']),
    ("a fund that is none", 'fund = "noir"', 'fund = "noire"', [
        'activities[7].fund: No code in contracts is "noire".']),
    ("a town that is none", 'settlement = "vidin"', 'settlement = "sofia"', [
        'institutions[1].settlement: No code in settlements is "sofia".']),
    ("a zone that is none", "Europe/Sofia", "Europe/Vidin", [
        'zone: Should be a time zone, like "Europe/Sofia", but is "Europe/Vidin".']),
    ("a zone that leaves its folder", "Europe/Sofia", "../../etc/passwd", [
        'zone: Should be a time zone, like "Europe/Sofia", but is "../../etc/passwd".']),
    ("a phone that is none", '000"  # REPLACE with the project', 'къща"  # REPLACE with the project', [
        'person.phone: Should be a phone with its country code, like "+359 94 600 123", but is "+359 94 000 къща".']),
    ("a mail that is none", "project@example.org", "project at example", [
        'person.mail: Should be an e-mail address, like "name@example.org", but is "project at example".']),
    ("a date that is none", 'audit_until = ""', 'audit_until = "догодина"', [
        'audit_until: Should be a date, like "2027-12-31", or empty, but is "догодина".']),
    ("ends before it starts", "ends = 2023-06-30", "ends = 2021-06-30", [
        "ends: 2021-06-30 is before starts, 2022-07-05."]),
    ("classes upside down", "first_class = 1\nlast_class = 7", "first_class = 7\nlast_class = 1", [
        "institutions[2].last_class: A school needs first_class and last_class, from 1 to 12."]),
    ("a school with groups", "last_class = 7", 'last_class = 7\ngroups = ["първа"]', [
        "institutions[2].groups: A school has classes, not groups."]),
    ("a kindergarten without groups", 'groups = ["първа", "втора", "трета", "четвърта"]', "groups = []", [
        "institutions[0].groups: A kindergarten needs groups."]),
    ("no profile in its language", 'language = "bg"', 'language = "de"', [
        'language: There is no table profiles.de for "de".']),
    ("an unknown fact", "програма (бот) на {beneficiary}", "програма (бот) на {mayor}", [
        'privacy.short: No fact is called "{mayor}".']),
    ("a first screen too long", "Не съм човек.", "Не съм човек." + " Наистина." * 20, [
        "privacy.short: May have at most 600 characters with its facts, but has 654."]),
    ("a description too long", 'short = "Чатбот на Община Видин', 'short = "Чатбот на цялата Община Видин', [
        "profiles.bg.short: May have at most 120 characters, but has 123."]),
    ("a day that is none", 'days = ["mon",', 'days = ["понеделник",', [
        'office.days[0]: Should be "mon" or "tue" or "wed" or "thu" or "fri" or "sat" or "sun", but is "понеделник".']),
    ("an office that never works", 'days = ["mon", "tue", "wed", "thu", "fri"]', "days = []", [
        "office: there must be at least one working day."]),
    ("an office upside down", 'open_until = "17:00"', 'open_until = "08:00"', [
        "office: open_from must be before open_until."]),
    ("a ready answer with an unknown mark", "Записах Ви.", "Записах Ви за ((дата)).", [
        'answers[3].text: No mark is called "((дата))".']),
    ("a promise in words", 'promises = true\n\n[[answers]]\nname = "🏢', 'promises = "да"\n\n[[answers]]\nname = "🏢', [
        'answers[0].promises: Should be true or false, but is "да".']),
    ("settlements as text", "settlements = [", 'settlements = "Видин"\nvillages = [', [
        "villages: This key is not known here.",
        'settlements: Should be a list in square brackets, or tables in double ones, but is "Видин".',
        ]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "sentences"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_mistake_is_named_with_file_and_key(tmp_path: Path, old: str, new: str, sentences: list[str]) -> None:
    """One sentence a mistake, to the letter, and no second sentence that only follows from the first."""
    path = changed(tmp_path, old, new)
    with pytest.raises(ProgrammeError) as refused:
        load(path)
    assert str(refused.value).splitlines() == [f"{path}: {sentence}" for sentence in sentences]


UNREADABLE = [
    ("no sign of equality", 'currency = "лв."', "currency лв.", "line 13, column 10"),
    ("a quote left open", 'currency = "лв."', 'currency = "лв.', "line 13, column 16"),
    ("a key twice", 'currency = "лв."', 'currency = "лв."\ncurrency = "€"', "line 14, column 15"),
    ("a text without its end", '"""\naudit_unknown', "\naudit_unknown", "end of document"),
]


@pytest.mark.parametrize(("old", "new", "place"), [row[1:] for row in UNREADABLE], ids=[row[0] for row in UNREADABLE])
def test_what_is_not_toml_is_named_with_its_line(tmp_path: Path, old: str, new: str, place: str) -> None:
    """Where to look is ours to say; what is wrong there are the parser's own words."""
    path = changed(tmp_path, old, new)
    with pytest.raises(ProgrammeError) as refused:
        load(path)
    assert str(refused.value).startswith(f"{path}: {place}: ")
    assert str(refused.value).endswith(".")


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    """Nobody has to start the service five times to hear of five mistakes."""
    path = changed(tmp_path, 'currency = "лв."', 'currency = ""')
    text = path.read_text(encoding="utf-8")
    text = text.replace('eu = "331421.59"', 'eu = "331421.60"').replace('emoji = "🧭"', 'emoji = "kompas"')
    path.write_text(text.replace('code = "sofroniy"', 'code = "mir"'), encoding="utf-8")
    with pytest.raises(ProgrammeError) as refused:
        load(path)
    assert str(refused.value).splitlines() == [
        f"{path}: currency: Must not be empty.",
        f"{path}: activities[12].emoji: May have at most 4 characters, but has 6.",
        f'{path}: institutions[2].code: "mir" is already used by institutions[0].',
        f"{path}: contracts[1].total: eu and national make 389907.76, but total is 389907.75.",
    ]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A wrong path in the settings gets a sentence, not a traceback."""
    with pytest.raises(ProgrammeError, match=r"none\.toml: The file cannot be read: No such file or directory\.$"):
        load(tmp_path / "none.toml")


def test_a_file_in_an_old_encoding(tmp_path: Path) -> None:
    """Notepad's Windows-1251 is named as what it is."""
    path = tmp_path / "old.toml"
    path.write_bytes('name = "Видин"'.encode("cp1251"))
    with pytest.raises(ProgrammeError, match=r"old\.toml: The file must be saved as UTF-8 text\.$"):
        load(path)


def test_a_file_saved_by_notepad_is_read(tmp_path: Path) -> None:
    """A byte order mark and Windows line ends are not the coordinator's fault."""
    path = tmp_path / "notepad.toml"
    path.write_bytes(b"\xef\xbb\xbf" + VIDIN.read_bytes().replace(b"\n", b"\r\n"))
    assert load(path).settlements == load(VIDIN).settlements
