"""Commands, deep links, interruptions and old buttons: whatever is typed or tapped, the open question comes back."""

from __future__ import annotations

from dataclasses import replace

from bot.messages import Kind
from bot.visit import World
from storage.tables import answers, conversations, notices, tickets
from tests.conversations.client import Town, programme
from tests.conversations.people import begin, contact_of, finish_registering, line, profile_of, register, rows, t

COMMANDS = {  # what is typed → what a registered person reads; the same without its slash comes from a button
    "/start": "menu.home",
    "/menu": "menu.home",
    "/help": "person.card",
    "/person": "person.card",
    "/privacy": "",
    "/about": "",
    "/data": "data.shown",
    "/language": "registration.language",
    "/ask": "question.ask",
    "/activities": "activities.kind",
    "/events": "events.waiting",
    "/ask@most_bot": "question.ask",
    "/MENU": "menu.home",
    "/people": "data.people_ask",
    "/nonsense": "stray.command",
    "/": "menu.home",
    "/activity": "activities.which",
    "/activity '; drop table": "activities.gone",
    "/stop": "stopped.done",
}
FULL = {"/privacy": programme().privacy.full.strip(), "/about": programme().about.strip()}


async def test_each_command_in_the_middle_of_a_registration_comes_back_to_it(town: Town, channel: str) -> None:
    person = town.person(channel)
    await begin(person)
    await person.say("0888123456")
    async with town.awake():
        for command in COMMANDS:
            answer = await person.say(command)
            if command == "/language":
                await person.press("Български")
            elif command == "/stop":
                assert line("stopped.done") in answer
                await person.press(t("button.resume"))
            assert line("registration.name") in person.last.text, command
            assert t("button.person") in person.labels
            if command in FULL:
                assert FULL[command][:200] in answer, command
        await finish_registering(person)
    assert (await profile_of(person)).phone == "+359888123456"


async def test_each_command_after_the_registration_typed_and_tapped(town: Town, channel: str) -> None:
    person = town.person(channel)
    await register(person)
    async with town.awake():
        for command, answer in COMMANDS.items():
            for send in (person.say, person.press_data):
                said = await send(command)
                assert (FULL[command][:200] if command in FULL else line(answer)) in said, command
        assert line("stopped.still") in await person.say("/menu")


ASIDES = ("/person", "/about", "/privacy", "/help", "/events", "/nonsense", t("menu.person"), t("menu.events"), "помощ")


async def test_an_interruption_returns_to_the_open_question(town: Town, channel: str) -> None:
    person = town.person(channel)
    await register(person)
    await person.say(t("menu.question"))
    async with town.awake():
        for aside in ASIDES:
            await person.say(aside)
            assert line("question.ask") in person.last.text, aside
    assert line("question.sent") in await person.say("Кога е следващият курс?")
    assert [row.text for row in await rows(town, tickets)] == ["Кога е следващият курс?"]


async def test_the_card_of_the_third_miss_stands_above_the_question(town: Town) -> None:
    person = town.person("web")
    await begin(person)
    for _ in range(2):
        await person.say("ъъъ")
    assert programme().person.phone in await person.say("ъъъ")
    assert line("registration.phone") in person.last.text


CODES = {
    "plakat-7": "plakat-7",
    "school_3": "school_3",
    " poster ": "poster",
    "Училище": "Училище",
    "": "",
    "x" * 64: "x" * 64,
    "x" * 65: "",
    "two words": "",
    "\x00\ud800": "",
    "<script>": "",
    "a\u202eb": "",
}


async def test_the_first_code_that_is_one_is_kept(town: Town, channel: str) -> None:
    async with town.awake():
        people = {code: town.person(channel, str(number)) for number, code in enumerate(CODES)}
        for code, person in people.items():
            assert line("registration.language") in await person.start(code)
            await person.start("later-1")
    for code, person in people.items():
        assert (await contact_of(person)).source == (CODES[code] or "later-1"), ascii(code)


async def test_a_code_typed_with_start_is_kept_and_survives_the_registration(town: Town) -> None:
    person = town.person("telegram")
    await person.say("/start mediator-3")
    await register(person)
    await person.start("plakat-9")
    assert (await contact_of(person)).source == "mediator-3"


async def test_an_identity_number_is_no_code_of_a_poster(town: Town) -> None:
    person = town.person("telegram")
    for code in ("6101057509", "mediator-6101057509"):
        await person.start(code)
        await person.say(f"/start {code}")
    assert (await contact_of(person)).source == ""
    assert "6101057509" not in repr(await contact_of(person))


async def test_an_unknown_command_leads_home_where_no_question_waits(town: Town, channel: str) -> None:
    person = town.person(channel)
    await register(person)
    assert line("menu.home") in await person.say("/nonsense")


async def test_old_buttons_never_do_a_wrong_thing(town: Town, channel: str) -> None:
    """From the registration, from a talk that ended, from another person's talk: a kind line, and where we are now."""
    person, other = town.person(channel, "1"), town.person(channel, "2")
    await register(person)
    await register(other)
    async with town.awake():
        await other.say(t("menu.data"))
        _, foreign = other.find(t("data.delete"))
        confirm = person.earlier(t("button.right"))
        await person.press_data("/activity parents")
        _, join = person.find(t("button.join"))
        await person.press_data("/menu")
        for stale in (confirm, join, foreign):
            assert line("menu.home") in await person.press_data(stale.press), "nothing follows that could be announced"
            assert person.last.menu
        await person.say(t("menu.question"))
        for stale in (confirm, join, foreign):
            assert line("stray.old_button") in await person.press_data(stale.press)
            assert line("question.ask") in person.last.text
    assert (await profile_of(person)).interests == ["vocational"]
    assert (await profile_of(other)).name == "Мария Иванова"


RUBBISH = ("1", "1.", "1.a", "..", "9" * 60 + ".a.b", "-1.a.b", "1.a.b.c", "٣.a.b", "🎉", " ", "/", "/ ", "\ud800")


async def test_rubbish_instead_of_a_button_gets_the_open_question(town: Town) -> None:
    person = town.person("telegram")
    async with town.awake():
        await begin(person)
        for data in RUBBISH:
            assert line("registration.phone") in await person.press_data(data), ascii(data)


async def test_pressing_twice_joins_once(town: Town, channel: str) -> None:
    person = town.person(channel)
    await register(person, like="")
    await person.press_data("/activity vocational")
    _, join = person.find(t("button.join"))
    await person.press_data(join.press)
    await person.press_data(join.press)
    assert (await profile_of(person)).interests == ["vocational"]
    assert person.last.menu


async def test_a_talk_whose_script_left_the_program_gives_way(town: Town) -> None:
    person = town.person("telegram")
    await register(person)
    await person.say(t("menu.question"))
    talks = town.world.talks
    kept = {name: script for name, script in talks.scripts.items() if name != "question"}
    menu = [entry for entry in talks.menu if entry[1] != "question"]
    talks = replace(talks, scripts=kept, menu=menu)
    town.world = World(town.world.texts, programme(), talks).with_labels()
    assert line("activities.kind") in await person.say(t("menu.activities"))
    assert sorted(row.state for row in await rows(town, conversations)) == ["done", "left", "open"]
    assert not await rows(town, notices)


async def test_a_refusal_and_a_child_are_left_with_a_way_on(town: Town, channel: str) -> None:
    person = town.person(channel)
    async with town.awake():
        await person.start()
        await person.press("Български")
        await person.press("👍")
        await person.press(t("button.disagree"))
        assert line("registration.language") in await person.press(t("button.begin"))
        for step in ("Български", "👍", "✅", t("button.age_no")):
            await person.press(step)
        assert line("registration.language") in await person.press(t("button.begin"))


async def test_what_no_question_can_read_loses_no_answer(town: Town) -> None:
    """Stickers, cards, edits and empty words at every step of a registration."""
    person = town.person("telegram")
    async with town.awake():
        await person.start()
        for step in ("Български", "👍", "✅", "✅", t("button.no_phone"), "Мария", "гр. Видин", "💬", "➖"):
            question = person.last.text
            before = {row.key for row in await rows(town, answers)}
            for kind in (Kind.OTHER, Kind.EDITED, Kind.TEXT):
                assert question in await person.send(kind, text=" " if kind is Kind.TEXT else "sticker")
            assert before <= {row.key for row in await rows(town, answers)}
            await (person.say(step) if step == "Мария" else person.press(step))
    assert line("summary.ask") in person.last.text
