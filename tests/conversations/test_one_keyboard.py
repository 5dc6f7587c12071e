"""On Viber only the buttons of the latest message can be pressed: whatever comes, nobody loses a way on."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, ClassVar

import pytest

from bot import dialog, keyboards
from bot.keyboards import HOMES, MOST
from bot.visit import HUMAN, MENU, TEAM
from handlers import TALKS
from storage.tables import invitations
from tests.conversations.announce_kit import class_of, go_on, latest, looked_at, sent
from tests.conversations.client import LABEL, Talker, Town, programme
from tests.conversations.event_kit import HOUR, made_by, staff_member
from tests.conversations.people import (
    PHONE,
    begin,
    contact_of,
    finish_registering,
    line,
    profile_of,
    register,
    rows,
    t,
)
from tests.conversations.ticket_kit import PHOTO, ask, mediator, resident
from tests.scripted import TEXTS, Table
from tests.storage.events_kit import fire
from tests.test_buttons import stretched, walk

if TYPE_CHECKING:
    from bot.dialog import Turn
    from bot.messages import Outgoing, Rows
    from storage.events import Event


@pytest.fixture
def channel() -> str:
    return "viber"


async def tell(town: Town, event: Event, offset: str = "invite") -> None:
    await town.change(lambda c: fire(c, event, offset, town.now, programme().rules))
    await town.deliver()


async def invited(town: Town, person: Talker) -> Event:
    """An event for everybody, of which they are about to be told."""
    leads = await staff_member(town, "telegram", external="900")
    await register(person)
    event = await made_by(leads, town.now + 25 * HOUR, audience={"all": True}, activity="vocational")
    town.now += 1.1 * HOUR
    return event


def presses(person: Talker) -> list[str]:
    return [button.press for row in person.newest.message.rows for button in row]


# --- what we write of our own accord --------------------------------------------------------------------------------


async def test_in_the_middle_of_a_registration_it_can_be_answered_and_the_registration_goes_on(
    town: Town, channel: str
) -> None:
    """Мария is invited while her sister registers at the same phone."""
    chat = town.person(channel)
    event = await invited(town, chat)
    await chat.say("/people")
    await chat.press(t("data.people_new"))
    await begin_again(chat)
    asked = chat.labels
    await tell(town, event)
    said = chat.receive()
    assert event.title in said
    assert line("registration.phone") in said, "what waits comes last, where the eye is"
    assert t("button.coming") in chat.labels[0]
    assert chat.labels[-len(asked) :] == asked, "as wide and in the same place as before"
    assert t("rsvp.yes") in await chat.press(t("button.coming"))
    assert line("registration.phone") in chat.last.text
    await chat.say("0888 777 666")
    await finish_registering(chat, name="Гинка Иванова")
    assert (await profile_of(chat)).name == "Гинка Иванова"
    assert [row.rsvp for row in await rows(town, invitations)].count("yes") == 1


async def begin_again(chat: Talker) -> None:
    for label in ("Български", "👍", "✅", "✅"):
        await chat.press(label)


async def test_whoever_is_asked_nothing_gets_one_message_with_its_buttons_and_the_menu(
    town: Town, channel: str
) -> None:
    person = town.person(channel)
    event = await invited(town, person)
    before = len(town.channels[channel].sent)
    await tell(town, event)
    assert len(town.channels[channel].sent) == before + 1, "each message of our own accord may cost"
    person.receive()
    assert person.labels[-1] == t("button.menu")
    assert t("button.coming") in person.labels[0]
    assert line("menu.home") in await person.press(t("button.menu"))
    assert person.last.menu[0][0] == t("menu.events")
    await person.press(t("menu.events"))
    await person.press(event.title)
    await person.press(t("button.coming"))
    (mine,) = [row for row in await rows(town, invitations) if row.contact_id == (await contact_of(person)).id]
    assert mine.rsvp == "yes", "what was pushed aside is found behind the menu"


async def test_two_of_them_at_once_put_the_question_again_only_once(town: Town, channel: str) -> None:
    person = town.person(channel)
    event = await invited(town, person)
    other = await made_by(
        await staff_member(town, "telegram", external="901"), town.now + 27 * HOUR, audience={"all": True},
        activity="vocational", title="Второ",
    )  # fmt: skip
    await person.say(t("menu.question"))
    before = len(town.channels[channel].sent)
    await town.change(lambda c: fire(c, other, "invite", town.now, programme().rules))
    await tell(town, event)
    assert len(town.channels[channel].sent) == before + 3
    assert person.receive().endswith(t("question.ask"))
    assert len(person.labels) == len(set(person.labels)), "nobody can know which of two „Ще дойда“ is meant"
    assert t("rsvp.yes") in await person.press(t("button.coming"))


async def test_a_question_to_staff_at_work_keeps_both_in_reach(town: Town, channel: str) -> None:
    maria, rositsa = await resident(town, "telegram"), await mediator(town, channel)
    asked = await rositsa.say("/find")
    await ask(maria)
    got = rositsa.receive()
    assert "Кога ще дойде докторът?" in got
    assert got.endswith(asked.rpartition("\n---\n")[2])
    assert t("ticket.yours") in await rositsa.press(t("ticket.do_take"))
    assert rositsa.last.text == asked, "and still it is asked"
    await rositsa.say("Мария")
    assert any("Мария И" in label for label in rositsa.labels)


async def test_staff_who_are_asked_nothing_get_their_own_menu_beside_it(town: Town, channel: str) -> None:
    maria, rositsa = await resident(town, "telegram"), await mediator(town, channel)
    await ask(maria)
    rositsa.receive()
    assert rositsa.labels[-2:] == rositsa.work
    await rositsa.press(t("menu.staff"))
    assert "/questions" in presses(rositsa)


async def test_somebody_who_has_no_menu_has_a_person(town: Town, channel: str) -> None:
    """Whoever never finished a registration, and left it long ago."""
    person = town.person(channel)
    await begin(person)
    await person.say(PHONE)
    rositsa = await mediator(town, "telegram")
    await person.say("/person")
    assert programme().person.phone in person.seen[-2].message.text
    assert t("button.person") in person.labels
    assert rositsa.seen == []


async def test_an_announcement_is_answered_changed_and_left_for_the_menu(town: Town, channel: str) -> None:
    coordinator = await staff_member(town, "telegram", "coordinator")
    (person,) = await class_of(town, channel, 1)
    number = await sent(coordinator, answers=True)
    await go_on(town)
    assert "няма занимания" in person.receive()
    assert person.labels[-1] == t("button.menu")
    assert t("announce.thanks_interested") in await person.press(t("announce.do_interested"))
    assert t("announce.do_interested") not in person.labels
    assert t("announce.thanks_no") in await person.press(t("announce.do_not_me")), "minds change"
    assert line("menu.home") in await person.press(t("button.menu"))
    assert person.last.menu
    assert t("announce.thanks_call") in await person.press_late(t("announce.do_call_me")), "from a slow phone"
    assert (await latest(town)).id == number


async def test_more_words_than_fit_under_a_picture_follow_it_with_the_buttons(town: Town, channel: str) -> None:
    """Viber takes fewer than Telegram, where they were written."""
    coordinator = await staff_member(town, "telegram", "coordinator")
    (person,) = await class_of(town, channel, 1)
    text = "дума " * 160
    await looked_at(coordinator, text, media=PHOTO)
    await coordinator.press("📣 Изпрати на 1 човек")
    before = len(person.town.channels[channel].sent)
    await go_on(town)
    person.receive()
    picture, words = (d.message for d in town.channels[channel].sent[before:])
    assert picture.media is not None
    assert (picture.media.handle, picture.text, picture.rows) == (PHOTO.handle, "", ())
    assert text.strip() in words.text
    assert words.media is None
    assert person.last.rows or person.last.menu


# --- within one talk ------------------------------------------------------------------------------------------------


async def test_a_card_above_a_question_that_is_put_again_keeps_its_buttons(town: Town, channel: str) -> None:
    """Somebody looks at a card in the middle of a question: both can be gone on with."""
    person = town.person(channel)
    event = await invited(town, person)
    await tell(town, event)
    await person.say(t("menu.question"))
    mine = (await contact_of(person)).id
    said = await person.press_data(f"/meeting {event.id}.{mine}")
    assert said.endswith(t("question.ask"))
    assert t("button.coming") in person.labels
    assert person.labels.count(t("button.menu")) == 1
    assert person.seen[-2].message.rows == person.last.rows, "a message without buttons takes away those that are there"
    assert t("rsvp.yes") in await person.press(t("button.coming"))
    assert line("question.sent") in await person.say("Има ли автобус?")


async def test_a_card_in_place_is_simply_sent_anew(town: Town, channel: str) -> None:
    rositsa = await mediator(town, channel)
    await rositsa.say("/agenda")
    await rositsa.press_data("/staff")
    assert rositsa.last.rows
    assert not rositsa.last.replaces


async def test_an_old_button_is_answered_kindly_with_what_is_asked_now(town: Town, channel: str) -> None:
    person = town.person(channel)
    await begin(person)
    await person.say(PHONE)
    await person.say("Мария Иванова")
    for stale in ("✅", "👍", "Български"):
        said = await person.press_late(stale)
        assert line("stray.answered") in said or line("stray.old_button") in said
        assert line("registration.settlement") in person.last.text
        assert person.labels
    assert line("stray.old_button") in await person.press_data("77.name.yes")


async def test_behind_the_buttons_of_another_message_the_whole_menu_stands_below_them(town: Town, channel: str) -> None:
    """After a registration, say: „Менюто Ви е долу“ is true."""
    person = town.person(channel)
    await register(person)
    assert person.labels[-6:] == [
        t(f"menu.{name}") for name in ("events", "activities", "question", "person", "language", "data")
    ]
    assert len(person.labels) > 6
    assert line("question.ask") in await person.press(t("menu.question"))


async def test_a_label_of_the_lasting_menu_is_typed_by_the_tap(town: Town, channel: str) -> None:
    person = town.person(channel)
    await register(person)
    await person.say("/menu")
    assert person.last.menu
    assert not person.last.rows
    assert line("question.ask") in await person.press(t("menu.question"))


# --- the number of a phone ------------------------------------------------------------------------------------------


async def test_a_number_that_is_shared_links_nobody_to_an_older_contact(town: Town, channel: str) -> None:
    """Viber vouches for no number: what is shared is as good as typed."""
    known = town.person("telegram")
    await register(known, own=True)
    stranger = town.person(channel)
    await begin(stranger)
    assert stranger.last.rows[0][0].shares_phone
    await stranger.share_phone("+359888123456")
    assert (await contact_of(stranger)).id != (await contact_of(known)).id
    assert stranger.labels or stranger.last.rows, "the registration goes on"
    assert "Мария" not in stranger.last.text, "nothing of the other one is shown"


async def test_the_button_on_a_computer_asks_to_type_the_number(town: Town, channel: str) -> None:
    """There it brings no number, only its own code."""
    person = town.person(channel)
    await begin(person)
    (share,) = [b for row in person.last.rows for b in row if b.shares_phone]
    said = await person.press_data(share.press)
    assert line("miss.phone") in said
    assert line("registration.name") in await person.say(PHONE)


# --- every screen there is ------------------------------------------------------------------------------------------


class Recorded(Table):
    """A table that keeps every screen it shows."""

    screens: ClassVar[dict[Rows, tuple[Rows, ...]]] = {}

    def shown(self, turn: Turn) -> list[Outgoing]:
        found = dialog.show(turn, TEXTS, "bg", footer=(MENU,))
        if found:
            every = tuple(message.rows for message in found)
            self.screens[sum(every, ())] = every
        return found


def test_no_screen_has_more_rows_than_a_keyboard_and_none_of_its_buttons_is_lost() -> None:
    """Also the longest of them behind the longest other one."""
    chance, known = random.Random(11), stretched(12)
    for name in TALKS.scripts:
        for _ in range(12):
            walk(name, known, chance, Recorded)
    home = tuple(dialog._command(option, TEXTS, "bg") for option in (TEAM, MENU))
    screens = sorted(Recorded.screens.values(), key=lambda every: sum(map(len, every)))
    assert sum(map(len, screens[-1])) >= 10, "the walk came to long ones"
    for above in ([], list(screens[-1])):
        for *before, last in screens:
            shown = keyboards.one([*above, *before], last, home)
            assert len(shown) <= MOST, last
            assert all(len(button.label) <= LABEL for row in shown for button in row)
            assert all(len(row) <= 6 for row in shown)
            pressed = {button.press or button.url for row in shown for button in row}
            assert pressed >= {button.press or button.url for row in last for button in row}
            assert pressed & (HOMES | {HUMAN.code})
