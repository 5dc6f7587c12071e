"""One person on several channels, and several people behind one chat: joined only when proved, apart when asked."""

from __future__ import annotations

from sqlalchemy import func, select

from bot.messages import Kind
from storage import contacts
from storage.tables import addresses, consents, inbox, outbox, residents, tickets
from storage.tables import contacts as contact_rows
from tests.conversations.client import Talker, Town
from tests.conversations.people import (
    begin,
    contact_of,
    everything_kept,
    finish_registering,
    line,
    profile_of,
    register,
    rows,
    t,
)

PHONE = "+359888123456"


async def known_elsewhere(town: Town) -> tuple[Talker, Talker]:
    """Somebody who registered on the web with a typed number, and comes to Telegram with the same one, vouched for."""
    web, telegram = town.person("web", "w", name=""), town.person("telegram", "7", name="Мими")
    await register(web, phone=PHONE, name="Мария Петрова")
    async with town.awake():
        await begin(telegram)
        question = await telegram.share_phone(PHONE)
    assert line("registration.same") in question
    assert "М. П." in question
    assert "Мария" not in question
    assert "Петрова" not in question
    return web, telegram


async def test_a_proved_phone_joins_two_channels_and_one_tap_parts_them_again(town: Town) -> None:
    web, telegram = await known_elsewhere(town)
    assert line("registration.linked") in await telegram.press(t("button.yes"))
    assert telegram.last.menu
    assert (await contact_of(web)).id == (await contact_of(telegram)).id
    given = [(row.purpose, row.action, len(row.text_hash)) for row in await rows(town, consents)]
    assert given == [("channel_web", "given", 64), ("channel_telegram", "given", 64)]
    await telegram.say(t("menu.activities"))
    await telegram.press(t("activities.work"))
    assert "Собствен бизнес" in " ".join(telegram.labels)
    await web.say("Собствен бизнес")
    await web.press(t("button.join"))
    assert "Собствен бизнес" in await telegram.say(t("menu.data"))
    assert not any(t("data.unlink") in label for label in web.labels)
    await telegram.say("чужд въпрос")
    await telegram.press(t("button.send_question"))
    await telegram.say(t("menu.data"))
    assert line("data.unlink_sure") in await telegram.press(t("data.unlink"))
    assert line("data.unlinked") in await telegram.press(t("button.yes_sure"))
    assert line("registration.language") in telegram.last.text
    assert (await contact_of(web)).id != (await contact_of(telegram)).id
    assert (await profile_of(web)).name == "Мария Петрова"
    assert (await profile_of(telegram)).name == ""
    assert [row.action for row in await rows(town, consents)] == ["given", "given", "withdrawn"]
    await web.say(t("menu.data"))
    await web.press(t("data.file"))
    assert web.last.document is not None
    assert "чужд въпрос" not in web.last.document.text
    assert [row.contact_id for row in await rows(town, tickets)] == [(await contact_of(telegram)).id]


async def test_no_keeps_two_contacts_with_one_phone(town: Town) -> None:
    web, telegram = await known_elsewhere(town)
    assert line("registration.name") in await telegram.press(t("button.no"))
    await finish_registering(telegram, name="Стефка Илиева")
    assert (await profile_of(telegram)).name == "Стефка Илиева"
    assert (await profile_of(web)).name == "Мария Петрова"
    assert (await profile_of(web)).phone == (await profile_of(telegram)).phone == PHONE
    await telegram.say(t("menu.data"))
    assert line("summary.ask") in await telegram.press(t("data.correct")), "it is not asked again"


async def test_another_proved_phone_at_the_summary_asks_about_its_own_owner(town: Town) -> None:
    _, telegram = await known_elsewhere(town)
    await register(town.person("web", "w2", name=""), phone="+359899333444", name="Георги Илиев")
    async with town.awake():
        await telegram.press(t("button.no"))
        await telegram.say("Стефка")
        await telegram.press("гр. Видин")
        await telegram.press(t("purpose.other"))
        await telegram.press(t("button.none_of_them"))
        await telegram.press(t("button.change"))
        await telegram.press(t("change.phone"))
        assert "Г. И." in await telegram.share_phone("+359899333444")


async def test_a_typed_number_never_joins(town: Town, channel: str) -> None:
    first, second = town.person(channel, "1"), town.person(channel, "2")
    await register(first, name="Мария Петрова")
    async with town.awake():
        await begin(second)
        assert line("registration.name") in await second.say("0888123456")
        await finish_registering(second, name="Стефка Илиева")
    assert (await contact_of(first)).id != (await contact_of(second)).id


async def test_joining_keeps_what_was_said_and_deleting_takes_it_all(town: Town) -> None:
    """The words of both channels go with the one contact to whom they belong."""
    web, telegram = await known_elsewhere(town)
    await telegram.press(t("button.yes"))
    mine = (await contact_of(telegram)).id
    assert {row.contact_id for row in await rows(town, inbox)} == {mine}
    assert {row.contact_id for row in await rows(town, outbox)} == {mine}
    await web.say(t("menu.data"))
    await web.press(t("data.delete"))
    await web.press(t("button.yes_sure"))
    kept = await everything_kept(town)
    assert not [word for word in ("Мария Петрова", PHONE, "Петрова") if word in kept]
    assert line("registration.language") in await telegram.start()


async def test_whoever_had_stopped_and_joins_again_is_written_to_again(town: Town) -> None:
    web, telegram = town.person("web", "w", name=""), town.person("telegram")
    await register(web, phone=PHONE, name="Мария Петрова")
    await web.say("стоп")
    async with town.awake():
        await begin(telegram)
        await telegram.share_phone(PHONE)
        await telegram.press(t("button.yes"))
        assert line("data.shown") in await telegram.say(t("menu.data"))
    assert (await contact_of(telegram)).status == "active"
    assert line("stopped.still") in await web.say("ало"), "the chat that said „стоп“ stays silent"


async def test_a_second_person_registers_at_the_same_chat_with_data_apart(town: Town, channel: str) -> None:
    chat = town.person(channel, name="")
    await register(chat, name="Мария Иванова")
    await chat.say("въпросът на Мария")
    await chat.press(t("button.send_question"))
    await chat.say(t("menu.data"))
    assert line("data.people_ask") in await chat.press(t("data.people"))
    assert line("data.people_welcome") in await chat.press(t("data.people_new"))
    await register(chat, name="Иван Иванов", phone="0877 000 111")
    assert (await profile_of(chat)).name == "Иван Иванов"
    await chat.say(t("menu.data"))
    await chat.press(t("data.file"))
    assert chat.last.document is not None
    assert "Мария" not in chat.last.document.text
    await chat.say(t("menu.data"))
    await chat.press(t("data.people"))
    assert "М. И." in " ".join(chat.labels)
    assert "Мария" not in " ".join(chat.labels)
    assert "М. И." in await chat.press("М. И.")
    assert (await profile_of(chat)).phone == "+359888123456"
    await chat.say(t("menu.data"))
    await chat.press(t("data.delete"))
    await chat.press(t("button.yes_sure"))
    kept = await everything_kept(town)
    assert "Мария" not in kept
    assert "Иван Иванов" in kept
    assert (await profile_of(chat)).name == "Иван Иванов"
    assert line("data.shown") in await chat.say(t("menu.data"))
    (address,) = await rows(town, addresses)
    assert address.status == "active"


async def test_each_of_two_people_is_spoken_to_in_their_own_language(town: Town) -> None:
    chat = town.person("telegram", name="")
    await register(chat, name="Мария Иванова")
    await chat.say(t("menu.data"))
    await chat.press(t("data.people"))
    await chat.press(t("data.people_new"))
    async with town.awake():
        await chat.press("Романес")
        await chat.press("👍")
        for step in ("✅", "✅", "🚫"):
            await chat.press(step)
        await chat.say("Иван Иванов")
        for step in ("гр. Видин", "💬", "➖", "✅"):
            await chat.press(step)
    assert chat.last.menu[0][0] == t("menu.events", "rom")
    await chat.press_data("/people")
    assert t("data.people_now", initials="М. И.") in await chat.press("М. И.")
    assert chat.last.menu[0][0] == t("menu.events")


async def test_a_new_person_begun_by_mistake_leads_back(town: Town, channel: str) -> None:
    """The first person is never locked out by somebody who began and did not finish."""
    chat = town.person(channel, name="")
    await register(chat, name="Мария Иванова")
    await chat.say(t("menu.data"))
    await chat.press(t("data.people"))
    await chat.press(t("data.people_new"))
    await chat.press("Български")
    assert line("data.people_ask") in await chat.say("/people")
    await chat.press("М. И.")
    assert (await profile_of(chat)).name == "Мария Иванова"
    await chat.say(t("menu.data"))
    await chat.press(t("data.delete"))
    await chat.press(t("button.yes_sure"))
    assert [row.status for row in await rows(town, addresses)] == ["leaving"], "a mere beginning keeps no address"
    assert await town.look(lambda c: c.execute(select(func.count()).select_from(residents)).scalar()) == 1
    assert "Мария" not in await everything_kept(town)


async def test_nobody_else_here_means_nothing_to_choose(town: Town) -> None:
    person = town.person("web")
    await begin(person)
    assert await person.press_data("/people") == t("registration.phone")


async def test_the_person_chosen_may_have_been_deleted_from_another_chat(town: Town) -> None:
    """An old list of people offers only those who are still there."""
    web, telegram = await known_elsewhere(town)
    await telegram.press(t("button.yes"))
    await telegram.press_data("/people")
    await telegram.press(t("data.people_new"))
    async with town.awake():
        await telegram.press("Български")
        for step in ("👍", "✅", "✅", "🚫"):
            await telegram.press(step)
        await finish_registering(telegram, name="Иван Иванов")
        await telegram.press_data("/people")
        await web.say(t("menu.data"))
        await web.press(t("data.delete"))
        await web.press(t("button.yes_sure"))
        assert line("data.people_ask") in await telegram.press("М. П.")
        assert not any("М. П." in label for label in telegram.labels)
    assert (await profile_of(telegram)).name == "Иван Иванов"


async def test_a_shared_chat_that_is_blocked_comes_back_for_everybody(town: Town) -> None:
    chat = town.person("telegram", name="")
    await register(chat, name="Мария Иванова")
    await chat.press_data("/people")
    await chat.press(t("data.people_new"))
    await register(chat, name="Иван Иванов")
    await chat.send(Kind.BLOCKED)
    await chat.start()
    await chat.press_data("/people")
    await chat.press("М. И.")
    assert line("data.shown") in await chat.say(t("menu.data"))


async def test_staff_find_a_corrected_name_and_never_a_deleted_one(town: Town) -> None:
    person = town.person("telegram")
    await register(person, name="Иванка Стоева")
    assert await town.look(lambda c: contacts.search(c, "ивАнка")) == [(await contact_of(person)).id]
    await person.say(t("menu.data"))
    await person.press(t("data.delete"))
    await person.press(t("button.yes_sure"))
    assert await town.look(lambda c: contacts.search(c, "иванка")) == []
    assert [row.name for row in await rows(town, contact_rows)] == [None, None]
