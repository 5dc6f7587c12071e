"""The team on each channel and both databases: coming by a code, leading others, going; nobody else sees any of it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.messages import Kind
from bot.visit import World
from storage import contacts, staff
from storage.staff import COORDINATOR, MEDIATOR, REPORTER, ROLES, TRAINER, Member
from storage.tables import audit, staff_invites, tickets
from storage.tables import staff as staff_rows
from tests.conversations.client import Talker, Town, programme
from tests.conversations.people import (
    begin,
    contact_of,
    everything_kept,
    line,
    make_staff,
    opened,
    profile_of,
    register,
    rows,
    t,
)

if TYPE_CHECKING:
    from collections.abc import Callable

HOME = t("menu.home").partition("}")[2].partition("\n")[0]
SCREENS = ("/staff", "/team", "/team_invite", "/team_invite mediator")  # and those of one member, by number


async def by_command_line(town: Town, role: str = COORDINATOR) -> str:
    """A code as whoever has the server gives it out."""
    async with town.open() as database:
        return await database.write(lambda c: staff.invite_by_command_line(c, town.now, role))


async def team_of(town: Town) -> dict[str, str]:
    """Names and roles as they are now."""
    return {member.name: member.role for member in await town.look(staff.roll)}


def code_in(text: str) -> str:
    found = re.search(r"ekip-\w{8}", text)
    assert found, text
    return found[0]


async def join(person: Talker, code: str, name: str = "Стоян Илиев", phone: str = "") -> str:
    """From a code to the menu, for somebody new."""
    await person.say(code)
    await person.press(t("button.yes"))
    await person.say(name)
    return await (person.say(phone) if phone else person.press(t("button.skip")))


def menu_of(person: Talker) -> list[str]:
    """The lasting menu as this person last got it."""
    latest = next(d.message.menu for d in reversed(person.seen) if d.message.menu)
    return [label for row in latest for label in row]


# --- coming ---------------------------------------------------------------------------------------------------------


async def test_a_team_from_the_first_code_to_the_mediators_menu(town: Town, channel: str) -> None:
    """The coordinator comes by the command line's code, invites from the screens, and whoever is invited joins."""
    ani, stoyan = town.person(channel, "1", name="Ани"), town.person(channel, "2", name="")
    asked = await ani.start(await by_command_line(town))
    assert t("role.coordinator") in asked
    assert t("duty.coordinator") in asked
    assert line("team.name") in await ani.press(t("button.yes"))
    assert ani.labels[0] == "Ани", "the profile's name is only offered"
    assert line("team.phone") in await ani.say("Ани Петрова")
    assert t("role.coordinator") in await ani.say("0888 123 456")
    assert t("menu.staff") in menu_of(ani), "at once, with the same message"

    assert t("staff.today") in await ani.say(t("menu.staff"))
    assert line("team.title") in await ani.press(t("button.team"))
    assert any("Ани Петрова" in label for label in ani.labels)
    assert t("team.invite_role") in await ani.press(t("button.invite"))
    shown = await ani.press(t("role.mediator"))
    assert line("team.title") in ani.last.text, "the code stays in the chat, to be sent on; the list comes back"
    code = code_in(shown)

    assert t("role.mediator") in await stoyan.say(f"  {code.upper()} ")
    assert t("duty.mediator") in stoyan.last.text
    done = await join(stoyan, code)
    assert t("team.joined").partition("{")[0] in done
    assert t("menu.staff") in menu_of(stoyan)
    assert await team_of(town) == {"Ани Петрова": COORDINATOR, "Стоян Илиев": MEDIATOR}
    assert (await profile_of(ani)).phone == "+359888123456"
    row = await contact_of(stoyan)
    assert (row.language, row.phone, row.source, row.purpose) == ("bg", None, "", None)
    assert row.registered_at
    assert await town.look(lambda c: contacts.search(c, "стоян")) == [row.id]
    assert [(r.action, r.subject) for r in await rows(town, audit)] == [
        ("invite", "role:coordinator"), ("join", "role:coordinator"), ("invite", "role:mediator"),
        ("join", "role:mediator"),
    ]  # fmt: skip


async def test_whoever_is_registered_is_only_asked_whether_they_want_it(town: Town, channel: str) -> None:
    person = town.person(channel)
    await register(person)
    before = await profile_of(person)
    code = await by_command_line(town, TRAINER)
    assert t("role.trainer") in await person.say(code)
    assert line("data.kept") in await person.press(t("button.no"))
    assert await team_of(town) == {}
    assert t("role.trainer") in await person.start(code), "saying no used nothing up"
    assert line("team.joined").rstrip() in await person.press(t("button.yes"))
    assert t("menu.staff") in menu_of(person)
    assert await team_of(town) == {"Мария Иванова": TRAINER}
    assert await profile_of(person) == before


async def test_a_stranger_who_declines_is_left_with_a_way_on(town: Town, channel: str) -> None:
    person = town.person(channel)
    code = await by_command_line(town)
    await person.say(code)
    assert await person.press(t("button.no")) == t("data.kept")
    assert line("registration.language") in await person.press(t("button.begin"))
    assert line("team.confirm") in await person.say(code)


async def test_a_code_in_the_middle_of_a_registration_goes_before_it(town: Town, channel: str) -> None:
    person = town.person(channel)
    code = await by_command_line(town, MEDIATOR)
    await begin(person)
    await join(person, code)
    assert await team_of(town) == {"Стоян Илиев": MEDIATOR}
    assert HOME in await person.say("/menu"), "no question of the registration waits"


WRITINGS: dict[str, Callable[[str], str]] = {
    "as it was given": lambda code: code,
    "in capitals": str.upper,
    "with spaces": lambda code: f"Ekip {code[5:7]} {code[7:10]} {code[10:]}",
    "with the first word in Cyrillic": lambda code: f"екип {code[5:]}",
    "with letters that look alike": lambda code: code.translate(str.maketrans("aekmtx", "аекмтх")),
    "with a full stop": lambda code: f"{code}.",
    "in one word": lambda code: code.replace("-", ""),
    "as the invitation was sent on": lambda code: t("team.code", role="медиатор", code=code),
}


@pytest.mark.parametrize("writing", WRITINGS)
async def test_a_code_is_read_however_it_is_written(town: Town, writing: str) -> None:
    person = town.person("web")
    typed = WRITINGS[writing](await by_command_line(town))
    assert line("team.confirm") in await person.say(typed)
    assert not await rows(town, tickets)


@pytest.mark.parametrize("way", ["deep link", "typed with start", "under a photo", "a correction"])
async def test_ways_by_which_a_code_comes(town: Town, way: str) -> None:
    person = town.person("telegram")
    code = await by_command_line(town)
    said = {
        "deep link": lambda: person.start(code),
        "typed with start": lambda: person.say(f"/start {code}"),
        "under a photo": lambda: person.send(Kind.OTHER, text=f"photo\n{code}"),
        "a correction": lambda: person.send(Kind.EDITED, text=code),
    }[way]
    assert line("team.confirm") in await said()
    assert (await contact_of(person)).source == ""


async def test_a_code_that_is_wrong_used_or_too_old_is_told_so_and_is_no_ticket(town: Town, channel: str) -> None:
    """To a stranger, in the middle of a registration, and to somebody registered; and it is no poster's code."""
    used, old, fresh = [await by_command_line(town, MEDIATOR) for _ in range(3)]
    stoyan, stranger, other = (town.person(channel, external) for external in "123")
    async with town.awake():
        await join(stoyan, used)
    town.now += staff.VALID
    await register(other)
    for code in (used, old, fresh, "ekip-23456789", "EKIP 2345 6789"):
        assert await stranger.say(code) == t("team.code_gone")
        assert stranger.labels == [t("button.begin")]
        assert await stranger.start(code) == t("team.code_gone")
        assert await other.say(code) == t("team.code_gone")
        assert other.last.menu
        assert await stoyan.say(code) == t("team.code_gone"), "staff too"
    await stranger.press(t("button.begin"))
    told = await stranger.say(used)
    assert told.startswith(t("team.code_gone"))
    assert line("registration.language") in told, "the open question comes back"
    assert not await rows(town, tickets)
    assert (await contact_of(stranger)).source == ""
    assert await team_of(town) == {"Стоян Илиев": MEDIATOR}


async def test_a_code_that_grows_too_old_while_somebody_answers(town: Town, channel: str) -> None:
    person = town.person(channel)
    await person.say(await by_command_line(town))
    await person.press(t("button.yes"))
    town.now += staff.VALID
    assert await person.say("Ани Петрова") == t("team.code_gone")
    assert await team_of(town) == {}


async def test_of_two_who_use_one_code_the_second_is_told_that_it_is_gone(town: Town, channel: str) -> None:
    one, two = town.person(channel, "1"), town.person(channel, "2")
    code = await by_command_line(town)
    for person in (one, two):
        await person.say(code)
        await person.press(t("button.yes"))
        await person.say("Ани Петрова")
    assert line("team.joined").rstrip() in await one.press(t("button.skip"))
    assert await two.press(t("button.skip")) == t("team.code_gone")
    assert len(await rows(town, staff_rows)) == 1
    assert not (await contact_of(two)).registered_at


async def test_two_words_in_latin_are_no_code(town: Town) -> None:
    """„Ekip pristiga“ has the letters of one; it stays a question for a person."""
    person = town.person("telegram")
    await register(person)
    assert "ekip pristiga" in await person.say("ekip pristiga")
    await person.press(t("button.send_question"))
    assert [row.text for row in await rows(town, tickets)] == ["ekip pristiga"]


async def test_a_coordinator_who_tries_a_code_keeps_both_their_role_and_the_code(town: Town, channel: str) -> None:
    ani, stoyan = town.person(channel, "1"), town.person(channel, "2")
    await make_staff(town, ani)
    code = code_in(await ani.say("/team_invite trainer"))
    assert line("team.already") in await ani.say(code)
    assert line("team.confirm") in await stoyan.say(code)
    assert await team_of(town) == {"Ани Петрова": COORDINATOR}


async def test_a_code_is_kept_only_as_a_hash_once_the_words_are_gone(town: Town) -> None:
    ani = town.person("telegram")
    await make_staff(town, ani)
    code = code_in(await ani.say("/team_invite mediator"))
    assert code not in await everything_kept(town, sealed=True)
    assert all(code not in repr(row) for row in [*await rows(town, staff_invites), *await rows(town, audit)])


# --- who sees what ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["", *ROLES])
async def test_each_sees_the_screens_of_their_role_alone(town: Town, role: str) -> None:
    """Typed and forged alike. To everybody else they are no commands at all."""
    person, ani = town.person("telegram", "1"), town.person("web", "2")
    await register(person)
    await make_staff(town, ani)
    if role:
        await make_staff(town, person, role)
    number = (await contact_of(ani)).id
    before = await rows(town, staff_rows)
    async with town.awake():
        await person.say("/menu")
        assert (t("menu.staff") in menu_of(person)) == bool(role)
        assert (t("staff.today") in await person.say(t("menu.staff"))) == bool(role)
        if role:
            assert (t("button.team") in person.labels) == (role == COORDINATOR)
            assert t("button.menu") in person.labels
        forged = (f"/member {number}", f"/member_role {number} trainer", f"/member_remove {number} yes")
        for command in (*SCREENS, *forged) if role != COORDINATOR else ():
            for send in (person.say, person.press_data):
                assert (HOME in await send(command)) == (not role or command != "/staff"), command
    assert await rows(town, staff_rows) == before
    assert len(await rows(town, staff_invites)) == 1 + bool(role), "those by which the two came"


async def test_a_role_that_is_taken_away_ends_the_conversation_that_needed_it(town: Town, channel: str) -> None:
    """In its middle: what was meant for it is not lost, but goes no further there."""
    ani, stoyan = town.person(channel, "1"), town.person(channel, "2")
    talks = replace(town.world.talks, roles={**town.world.talks.roles, "question": staff.LEADS})
    town.world = World(town.world.texts, programme(), talks).with_labels()
    await make_staff(town, ani)
    await make_staff(town, stoyan, MEDIATOR, "Стоян Илиев")
    await stoyan.say("/menu")
    assert line("question.ask") in await stoyan.say("/ask")
    number = (await contact_of(stoyan)).id
    await ani.press_data(f"/member_remove {number} yes")
    assert line("staff.no_longer") in await stoyan.say("Кога е срещата?")
    assert "Кога е срещата?" in stoyan.last.text
    assert await rows(town, tickets) == []


async def test_the_keyboard_of_a_former_member_leads_home_and_is_replaced(town: Town, channel: str) -> None:
    ani, stoyan = town.person(channel, "1"), town.person(channel, "2")
    await make_staff(town, ani)
    await make_staff(town, stoyan, MEDIATOR, "Стоян Илиев")
    await stoyan.say("/menu")
    await ani.press_data(f"/member_remove {(await contact_of(stoyan)).id} yes")
    assert t("menu.staff") in menu_of(stoyan)
    assert HOME in await stoyan.say(t("menu.staff"))
    assert t("menu.staff") not in menu_of(stoyan)


# --- leading ----------------------------------------------------------------------------------------------------------


async def test_a_member_gets_another_role_and_goes(town: Town, channel: str) -> None:
    """Every screen takes the place of the one before it, and each step can be taken back."""
    ani, stoyan = town.person(channel, "1"), town.person(channel, "2")
    await make_staff(town, ani)
    await make_staff(town, stoyan, MEDIATOR, "Стоян Илиев")
    await ani.say("/team")
    card = await ani.press("Стоян Илиев")
    assert ani.in_place
    for shown in ("Стоян Илиев", t("role.mediator"), t("summary.no_phone"), "вторник, 24 ноември"):
        assert shown in card
    assert "Стоян Илиев" in await ani.press(t("button.change_role"))
    assert t("role.trainer") in await ani.press(t("role.trainer"))
    assert ani.in_place
    assert await team_of(town) == {"Ани Петрова": COORDINATOR, "Стоян Илиев": TRAINER}
    assert "Стоян Илиев" in await ani.press(t("button.remove"))
    assert t("role.trainer") in await ani.press(t("button.no_keep"))
    await ani.press(t("button.remove"))
    assert line("team.title") in await ani.press(t("button.yes_remove"))
    assert "Стоян" not in " ".join(ani.labels)
    assert await team_of(town) == {"Ани Петрова": COORDINATOR}
    number = (await contact_of(stoyan)).id
    assert [(r.action, r.subject) for r in await rows(town, audit)][-2:] == [
        ("set_role", f"contact:{number}:trainer"), ("remove", f"contact:{number}"),
    ]  # fmt: skip
    for stale in (f"/member {number}", f"/member_role {number} trainer", f"/member_remove {number} yes"):
        assert t("team.gone") in await ani.press_data(stale)
        assert line("team.title") in ani.last.text


@pytest.mark.parametrize("rubbish", ["", "x", "0", "-1", "9" * 30, "٣", "1 yes yes", "'; drop table staff"])
async def test_a_number_that_is_none_changes_nothing(town: Town, rubbish: str) -> None:
    ani = town.person("telegram")
    await make_staff(town, ani)
    async with town.awake():
        for command in ("member", "member_role", "member_remove"):
            assert line("team.title") in await ani.say(f"/{command} {rubbish}") or "1" in rubbish
        assert t("team.invite_role") in await ani.say(f"/team_invite {rubbish}")
    assert await team_of(town) == {"Ани Петрова": COORDINATOR}


async def test_the_last_coordinator_can_neither_go_nor_step_down(town: Town, channel: str) -> None:
    ani, vera = town.person(channel, "1"), town.person(channel, "2")
    await make_staff(town, ani)
    await make_staff(town, vera, REPORTER, "Вера Колева")
    me, her = (await contact_of(ani)).id, (await contact_of(vera)).id
    await ani.press_data(f"/member {me}")
    assert await ani.press(t("button.remove")) == t("team.last")
    assert await ani.press_data(f"/member_role {me} trainer") == t("team.last")
    assert line("team.title") in await ani.press(t("button.team"))
    assert t("role.coordinator") in await ani.press_data(f"/member_role {me} coordinator"), "what they are they may be"
    await ani.press_data(f"/member_role {her} coordinator")
    assert t("staff.today") in await ani.press_data(f"/member_role {me} mediator")
    assert t("button.team") not in ani.labels, "at once"
    assert await team_of(town) == {"Ани Петрова": MEDIATOR, "Вера Колева": COORDINATOR}
    await vera.press_data(f"/member_role {me} coordinator")
    await vera.press_data(f"/member_remove {her}")
    assert await vera.press(t("button.yes_remove")) == t("team.left")
    assert t("menu.staff") not in menu_of(vera)
    assert await team_of(town) == {"Ани Петрова": COORDINATOR}


async def test_codes_of_a_coordinator_who_is_one_no_more_open_nothing(town: Town, channel: str) -> None:
    ani, vera, stoyan = (town.person(channel, external) for external in "123")
    await make_staff(town, ani)
    await make_staff(town, vera, COORDINATOR, "Вера Колева")
    code = code_in(await vera.say("/team_invite coordinator"))
    await ani.press_data(f"/member_remove {(await contact_of(vera)).id} yes")
    assert await stoyan.say(code) == t("team.code_gone")
    assert await vera.say(code) == t("team.code_gone")


async def test_every_button_of_the_screens_fits_telegram(town: Town) -> None:
    """With the longest numbers and names that there can be."""
    chat_of = town.person("telegram")
    await make_staff(town, chat_of, name="Я" * 80)
    async with town.awake():
        number = (await contact_of(chat_of)).id
        for screen in (*SCREENS, f"/member {number}", f"/member_role {number}", f"/member_remove {number}"):
            await chat_of.say(screen)
        presses = [b.press for d in chat_of.seen for row in d.message.rows for b in row]
    assert len(set(presses)) >= 15
    assert max(len(press.replace(f" {number}", f" {2**63}").encode()) for press in presses) <= 64


# --- their own data ---------------------------------------------------------------------------------------------------


async def test_staff_who_never_registered_see_correct_and_carry_away_what_is_kept(town: Town, channel: str) -> None:
    """Also when the role is gone: they were never asked what residents are."""
    ani, stoyan = town.person(channel, "1"), town.person(channel, "2", name="")
    await make_staff(town, ani)
    await make_staff(town, stoyan, MEDIATOR, "Стоян Илиев")
    for role, name, phone in ((MEDIATOR, "Стоян Колев", "0888 123 456"), (None, "Стоян Петров", t("button.skip"))):
        assert "Стоян" in await stoyan.say(t("menu.data"))
        assert line("team.name") in await stoyan.press(t("data.correct"))
        await stoyan.say(name)
        assert line("registration.corrected") in await stoyan.say(phone)
        assert (await profile_of(stoyan)).name == name
        assert (await profile_of(stoyan)).phone == "+359888123456", "skipped is not taken away"
        assert await town.look(lambda c, name=name: len(contacts.search(c, name))) == 1
        await stoyan.say(t("menu.data"))
        await stoyan.press(t("data.file"))
        assert stoyan.last.document
        assert opened(stoyan.last.document.text).get("роля") == role
        await ani.press_data(f"/member_remove {(await contact_of(stoyan)).id} yes")
    assert await town.look(lambda c: contacts.search(c, "Илиев")) == []


async def test_somebody_erased_has_no_role_and_leaves_no_name(town: Town, channel: str) -> None:
    ani, stoyan = town.person(channel, "1"), town.person(channel, "2", name="")
    await make_staff(town, ani)
    await make_staff(town, stoyan, MEDIATOR, "Стоян Илиев")
    await stoyan.say(t("menu.data"))
    await stoyan.press(t("data.delete"))
    assert line("data.deleted") in await stoyan.press(t("button.yes_sure"))
    assert await team_of(town) == {"Ани Петрова": COORDINATOR}
    assert line("registration.language") in await stoyan.say("/staff")
    assert "Стоян" not in await everything_kept(town)


async def test_a_shared_phone_leads_to_no_role(town: Town) -> None:
    """An office's number is nobody's: whoever proves it is a newcomer all the same."""
    ani, visitor = town.person("web", "1"), town.person("telegram", "2")
    code = await by_command_line(town)
    await join(ani, code, "Ани Петрова", "0888 123 456")
    await begin(visitor)
    assert line("registration.name") in await visitor.share_phone("+359888123456")


async def test_a_helper_of_tests_makes_staff_of_anybody(town: Town, channel: str) -> None:
    """Of who never wrote, who began, and who registered."""
    never, began, registered = (town.person(channel, external) for external in "123")
    await begin(began)
    await register(registered)
    for person in (never, began, registered):
        await make_staff(town, person, TRAINER)
        assert t("staff.today") in await person.say("/staff")
    members: list[Member] = await town.look(staff.roll)
    assert [m.name for m in members] == ["Ани Петрова", "Ани Петрова", "Мария Иванова"]
    assert {m.since for m in members} <= {town.now - timedelta(seconds=20 * n) for n in range(60)}
