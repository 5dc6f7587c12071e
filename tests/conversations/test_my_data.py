"""The rights of a person over what is kept: to see it, correct it, carry it away, and be forgotten."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from storage import housekeeping
from storage.contacts import Child
from storage.tables import addresses, consents, contacts, inbox, outbox, residents
from tests.conversations.client import START, Town, programme
from tests.conversations.people import (
    PHONE_SHOWN,
    begin,
    contact_of,
    everything_kept,
    finish_registering,
    line,
    lookup,
    opened,
    profile_of,
    register,
    rows,
    t,
)

if TYPE_CHECKING:
    from tests.conversations.client import Talker

NAME, PHONE, QUESTION, LATER = "Пламена Захариева", "0889 777 666", "Имате ли място за леля Гинка?", "а за чичо Спас?"
PLANTED = (NAME, "Пламена", "Захариева", "+359889777666", "0889 777 666", QUESTION, "Гинка", "Спас")


async def clear_up(town: Town) -> None:
    """What the clock does every few minutes."""
    async with town.service() as service:
        await service.database.write(lambda c: housekeeping.often(c, town.now))


async def test_everything_is_shown_and_several_things_corrected(town: Town, channel: str) -> None:
    """A correction begins at the summary, keeps what is not touched, and asks no consent again."""
    person = town.person(channel)
    await register(person)
    await person.press_data("/activity parents")
    await person.press(t("button.join"))
    shown = await person.say(t("menu.data"))
    for said in ("Мария Иванова", PHONE_SHOWN, "гр. Видин", "Нова професия", "Срещи за родители", t("purpose.work")):
        assert said in shown, said
    assert line("summary.ask") in await person.press(t("data.correct"))
    assert "Срещи за родители" in person.last.text
    await person.press(t("button.change"))
    await person.press(t("change.name"))
    await person.say("Мария Колева")
    await person.press(t("button.change"))
    await person.press(t("change.interests"))
    assert any("☑" in label and "Нова професия" in label for label in person.labels), "one slip costs no other tick"
    await person.press("Нова професия")
    await person.press("Собствен бизнес")
    await person.press(t("button.done"))
    await person.press(t("button.change"))
    await person.press(t("change.phone"))
    await person.say("0877 111 222")
    assert line("registration.corrected") in await person.press(t("button.right"))
    mine = await profile_of(person)
    assert (mine.name, mine.phone, mine.phone_is_own) == ("Мария Колева", "+359877111222", False)
    assert sorted(mine.interests) == ["parents", "self-employment"]
    assert [row.action for row in await rows(town, consents)] == ["given"]
    assert (await contact_of(person)).phone_hash is not None
    assert "Мария" in await person.press_data("/menu")


async def test_a_new_purpose_asks_what_is_new_and_keeps_what_was_joined(town: Town, channel: str) -> None:
    person = town.person(channel)
    await register(person)
    await person.say(t("menu.data"))
    await person.press(t("data.correct"))
    await person.press(t("button.change"))
    await person.press(t("change.purpose"))
    await person.press(t("purpose.school"))
    await person.press("Звънче")
    await person.press(t("button.done"))
    await person.press("втора")
    await person.press(t("button.done"))
    assert any("☑" in label and "Нова професия" in label for label in person.labels)
    await person.press("Срещи за родители")
    await person.press(t("button.done"))
    await person.press(t("button.right"))
    mine = await profile_of(person)
    assert (mine.purpose, mine.work, list(mine.children)) == ("school", "", [Child("zvanche", "втора")])
    assert sorted(mine.interests) == ["parents", "vocational"]
    shown = await person.say(t("menu.data"))
    assert t("purpose.school") in shown
    assert t("work.no_searching") not in shown
    await person.press(t("data.correct"))
    await person.press(t("button.change"))
    await person.press(t("change.institutions"))
    await person.press(t("button.done"))
    assert any("☑" in label and "втора" in label for label in person.labels), "the ticked group is still ticked"
    await person.press("първа")
    await person.press(t("button.done"))
    await person.press(t("button.right"))
    assert {child.group for child in (await profile_of(person)).children} == {"първа", "втора"}


async def test_whoever_begins_to_look_for_work_is_asked_about_it(town: Town, channel: str) -> None:
    """Also whoever skipped that question can still answer it, and a group nobody knew stays unknown, not nameless."""
    person = town.person(channel)
    async with town.awake():
        await begin(person)
        for said in (PHONE, NAME):
            await person.say(said)
        for label in ("гр. Видин", t("purpose.school"), "Звънче", t("button.done"), t("button.dont_know")):
            await person.press(label)
        for label in (t("button.none_of_them"), t("button.right")):
            await person.press(label)
        assert list((await profile_of(person)).children) == [Child("zvanche", "")]
        await person.say(t("menu.data"))
        for label in (t("data.correct"), t("button.change"), t("change.purpose")):
            await person.press(label)
        assert line("registration.work") in await person.press(t("purpose.both"))
        await person.press(t("button.skip"))
        await person.press(t("button.none_of_them"))
        assert t("summary.no_work") in person.last.text
        await person.press(t("button.right"))
        mine = await profile_of(person)
        assert (mine.purpose, mine.work, list(mine.children)) == ("both", "", [Child("zvanche", "")])
        await person.say(t("menu.data"))
        await person.press(t("data.correct"))
        assert t("summary.no_work") in person.last.text
        for label in (t("button.change"), t("change.institutions"), t("button.done")):
            await person.press(label)
        assert all(label.strip("☑️ ") for label in person.labels), "no button without a name"
        await person.press(t("button.dont_know"))
        for label in (t("button.change"), t("change.work"), t("work.yes"), t("button.right")):
            await person.press(label)
    mine = await profile_of(person)
    assert (mine.work, list(mine.children)) == ("yes", [Child("zvanche", "")])


async def test_the_record_of_a_consent_says_when_and_to_which_words(town: Town, channel: str) -> None:
    """The moment is that of the tap on „Да“, not of the end of the registration."""
    person = town.person(channel)
    async with town.awake():
        await begin(person)
        await person.press(t("button.no_phone"))
        await finish_registering(person)
    privacy = programme().privacy
    (given,) = await rows(town, consents)
    tapped = START + timedelta(seconds=60)  # the fourth thing done, 20 seconds apart
    assert (given.action, given.age_ok, given.at, given.text_version) == ("given", True, tapped, privacy.version)
    assert given.text_hash == sha256(privacy.short.encode()).hexdigest()


async def test_a_correction_left_in_the_middle_changes_nothing(town: Town) -> None:
    person = town.person("telegram")
    await register(person)
    before = await profile_of(person)
    await person.say(t("menu.data"))
    await person.press(t("data.correct"))
    await person.press(t("button.change"))
    await person.press(t("change.name"))
    await person.say("Друго Име")
    await person.press(t("button.menu"))
    assert await profile_of(person) == before


async def test_the_file_holds_everything_and_nobody_elses_words(town: Town, channel: str) -> None:
    neighbour = town.person(channel, "8", name="Стоян")
    await register(neighbour, name="Стоян Петров", phone="0888 999 000")
    await neighbour.say("тайният въпрос на Стоян")
    person = town.person(channel)
    await person.start("plakat-7")
    await register(person, name=NAME, phone=PHONE)
    await person.say(QUESTION)
    await person.press(t("button.send_question"))
    await person.say(LATER)
    await person.say(t("menu.data"))
    await person.press(t("data.file"))
    document = person.last.document
    assert document is not None
    assert (document.filename.rpartition(".")[2], document.mime) == ("json", "application/json")
    held = opened(document.text)
    assert (held["име"], held["телефон"], held["откъде дойдохте"]) == (NAME, "+359889777666", "plakat-7")
    assert (held["населено място"], held["дейности"], held["език"]) == ("vidin", ["vocational"], "bg")
    assert [row["въпрос"] for row in held["въпроси"]] == [QUESTION]
    assert [row["какво"] for row in held["съгласия"]] == ["given"]
    assert held["адреси"] == [channel]
    talk = [(row["от"], row["текст"]) for row in held["съобщения"]]
    asked = talk.index(("Вие", QUESTION))
    assert talk[asked + 1][0] == "Мост"
    assert ("Вие", LATER) in talk
    assert [said["текст"] for said in held["въпроси"][0]["разговор"]] == [LATER], "it follows the question"
    assert "Стоян" not in document.text
    assert "888999000" not in document.text


async def test_nothing_personal_lies_open_in_the_database(town: Town, channel: str) -> None:
    person = town.person(channel, "4242424242")
    await register(person, name=NAME, phone=PHONE)
    await person.say(QUESTION)
    kept = await everything_kept(town, sealed=True)
    assert not [word for word in (*PLANTED, "4242424242") if word in kept]
    assert not [word for word in (*PLANTED, "4242424242") if repr(word.encode())[2:-1] in kept]
    kept = await everything_kept(town)
    assert all(word in kept for word in (NAME, "+359889777666", QUESTION, "4242424242"))


async def test_deleting_says_goodbye_and_leaves_nothing_personal(town: Town, channel: str) -> None:
    """At once the words; the address when the farewell is out; what stays says only that somebody consented."""
    person = town.person(channel, "4242424242")
    await register(person, name=NAME, phone=PHONE)
    await person.say(QUESTION)
    await person.press(t("button.send_question"))
    await person.say(LATER)
    await person.say(t("menu.data"))
    await person.press(t("data.file"))
    stale = person.earlier(t("data.file"))
    await person.say(t("menu.data"))
    assert line("data.delete_sure") in await person.press(t("data.delete"))
    assert line("data.kept") in await person.press(t("button.no_keep"))
    await person.say(t("menu.data"))
    await person.press(t("data.delete"))
    assert line("data.deleted") in await person.press(t("button.yes_sure"))
    kept = await everything_kept(town)
    assert not [word for word in PLANTED if word in kept]
    assert lookup("phone", "+359889777666") not in kept
    await clear_up(town)
    kept = await everything_kept(town)
    assert "4242424242" not in kept
    assert lookup("address", str(person.address)) not in kept
    (shell,) = await rows(town, contacts)
    empty = (shell.name, shell.phone, shell.phone_hash, shell.settlement, shell.purpose, shell.work, shell.source)
    assert (shell.status, *empty) == ("archived", None, None, None, None, None, None, "")
    assert [row.action for row in await rows(town, consents)] == ["given"]
    for table in (addresses, residents, outbox, inbox):
        assert not [row for row in await rows(town, table) if getattr(row, "body", "") is not None], table.name
    assert line("stray.old_button") in await person.press_data(stale.press)
    assert line("registration.language") in person.last.text
    await register(person, name="Пламена Втора")
    assert (await profile_of(person)).name == "Пламена Втора"


async def test_writing_at_once_after_the_farewell_begins_anew(town: Town, channel: str) -> None:
    person = town.person(channel)
    await register(person)
    await person.say(t("menu.data"))
    await person.press(t("data.delete"))
    await person.press(t("button.yes_sure"))
    assert line("registration.language") in await person.press(t("button.begin"))
    await clear_up(town)
    await register(person, name="Пак Мария")
    await clear_up(town)
    assert (await profile_of(person)).name == "Пак Мария"


async def test_someone_in_the_middle_of_registering_may_be_forgotten_too(town: Town, channel: str) -> None:
    """„Данни“ is promised on the first screen, before anybody has registered."""
    person = town.person(channel)
    await begin(person)
    await person.say("0889 777 666")
    assert line("data.unfinished") in await person.say("ДАННИ")
    assert line("registration.name") in person.last.text
    assert line("data.deleted") in await person.press(t("data.delete"))
    kept = await everything_kept(town)
    assert "889777666" not in kept
    await forgotten(town, person)


async def test_the_button_to_be_forgotten_asks_whoever_has_registered_meanwhile(town: Town) -> None:
    person = town.person("telegram")
    await begin(person)
    await person.say("ДАННИ")
    _, forget = person.find(t("data.delete"))
    await person.say("0888123456")
    await finish_registering(person)
    assert line("data.shown") in await person.press_data(forget.press)
    assert (await contact_of(person)).status == "active"


async def forgotten(town: Town, person: Talker) -> None:
    await clear_up(town)
    for table in (addresses, contacts, residents, outbox):
        assert not await rows(town, table), table.name
    assert line("registration.language") in await person.say("Здравейте")


async def test_the_farewell_of_somebody_erased_is_newer_than_all_before_and_clears_the_page(town: Town) -> None:
    """A page asks for what is newer than its last line; a number that was given out again would never be shown."""
    person = town.person("web")
    await register(person)
    before = max(delivery.id for delivery in person.seen)
    await person.say("/data")
    await person.press(t("data.delete"))
    await person.press(t("button.yes_sure"))
    farewell = [delivery for delivery in person.seen if delivery.message.clears]
    assert len(farewell) == 1
    assert farewell[0].id > before
