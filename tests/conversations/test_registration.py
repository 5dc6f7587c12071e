"""Whole registrations, on each channel and both databases, everything reloaded between every two messages."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from bot import abilities
from bot.messages import Kind
from storage.contacts import Child
from storage.tables import addresses, answers, consents, inbox
from storage.tables import contacts as contact_rows
from tests.conversations.client import Town
from tests.conversations.people import begin, line, profile_of, t


async def test_an_unemployed_man_registers(town: Town, channel: str) -> None:
    """From the first message to the menu; the profile is what he said."""
    ivan = town.person(channel, "100", name="Иван")
    assert line("registration.language") in await ivan.start("plakat-7")
    assert "👍" in await ivan.press("Български")
    assert "Община Видин" in await ivan.press("👍")
    assert line("registration.age") in await ivan.press("✅")
    assert line("registration.phone") in await ivan.press("✅")
    assert line("registration.name") in await ivan.say("0888 123 456")
    assert ivan.labels[0] == "Иван"
    assert line("registration.settlement") in await ivan.press("Иван")
    assert line("search.found") in await ivan.say("gen")
    assert "с. Генерал Мариново" in ivan.labels
    assert line("registration.purpose") in await ivan.press("с. Генерал")
    assert line("registration.work") in await ivan.press("🔧 Работа")
    assert line("registration.interests") in await ivan.press("търся работа")
    await ivan.press("Нова професия")
    summary = await ivan.press("Готово")
    assert "Иван" in summary
    assert "0888 123 456" in summary
    assert "с. Генерал Мариново" in summary
    done = await ivan.press("✅ Всичко")
    assert "записахме" in done.lower()
    if abilities.of(channel).one_keyboard:  # below the buttons of what was said a moment before
        assert ivan.labels[2:4] == [t("menu.events"), t("menu.activities")]
    else:
        assert ivan.last.menu[0] == (t("menu.events"), t("menu.activities"))
    mine = await profile_of(ivan)
    assert (mine.name, mine.phone, mine.settlement) == ("Иван", "+359888123456", "general-marinovo")
    assert (mine.purpose, mine.work, list(mine.interests)) == ("work", "no_searching", ["vocational"])
    row = (await town.look(lambda c: c.execute(select(contact_rows)).all()))[0]
    assert (row.source, row.status) == ("plakat-7", "active")
    given = await town.look(lambda c: c.execute(select(consents)).all())
    assert [(g.action, g.purpose, g.age_ok) for g in given] == [("given", f"channel_{channel}", True)]
    assert len(given[0].text_hash) == 64


async def test_a_mother_of_two_registers_for_the_school(town: Town, channel: str) -> None:
    """More than one child, typed and tapped; no child's name is ever asked."""
    mother = town.person(channel, "200", name="")
    await begin(mother)
    await mother.press("Нямам телефон")
    await mother.say("Ана Петрова")
    await mother.press("гр. Дунавци")
    await mother.press("🏫 Училището")
    await mother.press("Врачански")
    await mother.press("Звънче")
    await mother.press("Готово")
    assert "първа" in " ".join(mother.labels)
    await mother.press("втора")
    await mother.press("Готово")
    assert "клас" in mother.last.text
    await mother.say("3а")
    await mother.press("5")
    await mother.press("Готово")
    assert all("работа" not in label.lower() for label in mother.labels[:2])
    await mother.press("Срещи за родители")
    await mother.press("Готово")
    assert "3 а клас" in mother.last.text
    await mother.press("✅ Всичко")
    mine = await profile_of(mother)
    assert mine.phone == ""
    assert [(c.institution, c.group) for c in mine.children] == [
        ("zvanche", "втора"),
        ("sofroniy", "5"),
        ("sofroniy", "3 а"),
    ]
    assert Child("sofroniy", "5") in mine.children


@pytest.mark.parametrize("how", ["button", "друго", "Не знам"])
async def test_another_school_than_ours_holds_nobody_up(town: Town, channel: str, how: str) -> None:
    person = town.person(channel)
    await begin(person)
    await person.say("0888 123 456")
    await person.say("Мария")
    await person.press("гр. Видин")
    assert line("registration.institutions") in await person.press("🏫 Училището")
    other = t("button.other_school")
    assert line("registration.interests") in await (person.press(other) if how == "button" else person.say(how))
    assert other in await person.press(t("button.none_of_them"))
    await person.press(t("button.change"))
    assert line("registration.institutions") in await person.press(t("change.institutions"))
    assert line("summary.ask") in await person.press(other)
    await person.press("✅ Всичко")
    profile = await profile_of(person)
    assert (profile.purpose, list(profile.children)) == ("school", [])


async def test_back_goes_one_question_back_and_keeps_the_rest(town: Town, channel: str) -> None:
    person = town.person(channel)
    await begin(person)
    await person.say("0888123456")
    await person.say("Мария")
    assert line("registration.name") in await person.press("⬅")
    assert line("registration.phone") in await person.say("назад")
    await person.say("0899 111 222")
    assert line("registration.settlement") in await person.say("Мария Петрова")
    stored = await town.look(lambda c: {r.key: r.value for r in c.execute(select(answers))})
    assert stored["phone"] == {"number": "+359899111222", "own": False}
    assert stored["name"] == "Мария Петрова"


async def test_each_answer_can_be_changed_at_the_summary(town: Town, channel: str) -> None:
    person = town.person(channel)
    await begin(person)
    await person.say("0888123456")
    await person.say("Мария")
    await person.press("гр. Видин")
    await person.press("💬 Друго")
    await person.press("Нищо от тези")
    await person.press("Промени")
    assert "📞 Телефон" in person.labels
    assert line("registration.phone") in await person.press("📞 Телефон")
    assert line("summary.ask") in await person.say("0877 000 111")
    await person.press("Промени")
    await person.press("За какво идвам")
    assert line("registration.institutions") in await person.press("🏫 Училището")
    await person.press("Звънче")
    await person.press("Готово")
    await person.press("Не знам")
    await person.press("Нищо от тези")
    await person.press("✅ Всичко")
    mine = await profile_of(person)
    assert (mine.phone, mine.purpose, mine.name) == ("+359877000111", "school", "Мария")
    assert [(c.institution, c.group) for c in mine.children] == [("zvanche", "")]


async def test_under_fourteen_nothing_is_kept(town: Town, channel: str) -> None:
    child = town.person(channel)
    await child.start()
    await child.press("Български")
    await child.press("👍")
    await child.press("✅")
    assert line("registration.too_young") in await child.press("❌")
    async with town.service() as service:
        from storage import housekeeping

        await service.database.write(lambda c: housekeeping.often(c, town.now))
    for table in (contact_rows, addresses, answers):
        left = await town.look(lambda c, t=table: c.execute(select(func.count()).select_from(t)).scalar())  # type: ignore[misc]
        assert left == 0, table.name
    assert await town.look(lambda c: c.execute(select(func.count()).where(inbox.c.body.is_not(None))).scalar()) == 0


async def test_refusing_keeps_only_the_refusal_and_one_can_come_back(town: Town, channel: str) -> None:
    person = town.person(channel)
    await person.start()
    await person.press("Български")
    await person.press("👍")
    assert line("registration.declined") in await person.press("❌ Не искам")
    said = await town.look(lambda c: [(r.action, r.form) for r in c.execute(select(consents))])
    assert said == [("refused", "button")]
    assert line("registration.language") in await person.say("Здравей")


async def test_an_unfinished_registration_goes_on_the_next_day(town: Town, channel: str) -> None:
    person = town.person(channel)
    await begin(person)
    await person.say("0888123456")
    answer = await person.start()
    assert line("registration.name") in answer
    assert "Здравейте" not in answer


async def test_read_more_shows_the_long_words_and_then_asks_again(town: Town, channel: str) -> None:
    person = town.person(channel)
    await person.start()
    await person.press("Български")
    await person.press("👍")
    long = await person.press(t("button.more"))
    assert "Комисия за защита на личните данни" in long
    assert any("✅" in label for label in person.labels)
    assert line("registration.age") in await person.press("✅")


async def test_an_own_shared_number_is_marked_as_vouched_for(town: Town) -> None:
    person = town.person("telegram")
    await begin(person)
    assert any(button.shares_phone for row in person.last.rows for button in row)
    assert line("miss.phone_other") in await person.share_phone("+359888000000", own=False)
    await person.share_phone("+359888123456")
    await person.press("Мария")
    stored = await town.look(lambda c: {r.key: r.value for r in c.execute(select(answers))})
    assert stored["phone"] == {"number": "+359888123456", "own": True}


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("123", "miss.phone"),
        ("не знам", "miss.phone"),
        ("😀😀", "miss.phone"),
        ("+359 888 123 456", "registration.name"),
        ("00359888123456", "registration.name"),
        ("0040 721 234 567", "registration.name"),
        ("нямам телефон", "registration.name"),
    ],
)
async def test_phones_as_people_write_them(town: Town, typed: str, answer: str) -> None:
    person = town.person("web")
    await begin(person)
    assert line(answer) in await person.say(typed)


@pytest.mark.parametrize("kind", [Kind.OTHER, Kind.EDITED, Kind.PHONE])
async def test_a_sticker_an_edit_or_a_card_never_breaks_a_question(town: Town, kind: Kind) -> None:
    person = town.person("telegram")
    await begin(person)
    await person.say("0888123456")
    assert line("registration.name") in await person.send(kind, text="sticker", phone="+359888000000")
    assert line("registration.settlement") in await person.say("Мария")


async def test_an_old_button_is_answered_kindly_with_the_open_question(town: Town, channel: str) -> None:
    person = town.person(channel)
    await person.start()
    _, first = person.find("Български")
    await person.press("Български")
    await person.press("👍")
    assert line("stray.answered") in await person.press_data(first.press)
    assert line("stray.old_button") in await person.press_data("999.language.rom")
    assert line("stray.old_button") in await person.press_data("rubbish")


async def test_hidden_numbers_are_explained_and_the_question_stays(town: Town) -> None:
    person = town.person("telegram")
    await begin(person)
    await person.say("0888123456")
    answer = await person.say("[скрито]", hidden=("egn",))
    assert line("privacy.hidden") in answer
    assert line("registration.name") in answer
    stored = await town.look(lambda c: {r.key for r in c.execute(select(answers))})
    assert "name" not in stored


async def test_three_misses_lead_to_a_person(town: Town) -> None:
    person = town.person("telegram")
    await begin(person)
    await person.say("ъъъ")
    await person.say("ъъъ")
    assert "+359 94" in await person.say("ъъъ")


async def test_a_romani_speaker_sees_both_languages_until_a_speaker_has_approved_the_texts(town: Town) -> None:
    person = town.person("telegram")
    await person.start()
    await person.press("Романес")
    await person.press("👍")
    back = next(label for label in person.labels if label.startswith("⬅"))
    assert "Палпале" in back
    assert "Назад" in back
