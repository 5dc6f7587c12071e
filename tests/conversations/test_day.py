"""A mediator's day on each channel and both databases: what waits, their people, a number, and what is not theirs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, update

from bot.chat import Acting
from bot.messages import Lane
from handlers import TALKS
from handlers.staff_menu import SCREENS
from storage import contacts, staff, tickets
from storage.people import blank
from storage.tables import broadcasts, outbox, recipients
from storage.tables import contacts as contact_rows
from tests.conversations.client import Talker, Town
from tests.conversations.event_kit import deeds
from tests.conversations.guests import acting_of, answered, event, staff_of
from tests.conversations.people import contact_of, line, register, rows, t

if TYPE_CHECKING:
    from sqlalchemy import Connection

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOME = t("menu.home").partition("}")[2].partition("\n")[0]  # what a command that is not theirs leads to


async def folk(staff_member: Talker, *names: str, phone: str = "", settlement: str = "vidin") -> list[int]:
    """People whom this member registered at the door."""
    town, acting = staff_member.town, await acting_of(staff_member)

    def enter(connection: Connection) -> list[int]:
        made = []
        for name in names:
            source = f"staff-{acting.contact_id}"
            who = Acting(blank(connection, town.now, language="bg", source=source), 0, "tel", "bg", "", town.now)
            contacts.keep(
                connection, who, name=name, phone=phone, phone_is_own=False, settlement=settlement, purpose="work",
                work="", children=[], again=False,
            )  # fmt: skip
            made.append(who.contact_id)
        return made

    return await town.change(enter)


# --- today ----------------------------------------------------------------------------------------------------------


async def test_a_quiet_morning_says_the_day_and_that_nothing_waits(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    said = await mediator.say("/staff")
    assert said.splitlines() == [t("staff.today"), "🗓 вторник, 24 ноември", t("today.nothing")]
    assert mediator.labels[0] == t("agenda.button")
    assert len(mediator.labels) <= 10
    assert all(len(row) <= 2 for row in mediator.last.rows)


@pytest.mark.parametrize(
    ("role", "there"),
    [
        (
            "trainer",
            [
                "agenda.button",
                "button.day_announcements",
                "button.day_questions",
                "button.day_people",
                "button.day_month",
            ],
        ),
        ("reporter", ["button.day_month"]),
    ],
)
async def test_each_sees_what_is_theirs(town: Town, channel: str, role: str, there: list[str]) -> None:
    person = await staff_of(town, channel, role)
    await person.say("/staff")
    assert person.labels == [*map(t, there), t("button.menu")]


def test_every_button_of_the_menu_opens_for_whoever_sees_it() -> None:
    for command, _, seen_by in SCREENS:
        assert seen_by <= TALKS.roles[TALKS.commands[command].script], command


async def test_what_waits_stands_first_each_with_its_number(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    maria, ivan = await folk(mediator, "Мария Иванова", "Иван Петров", phone="+359888123456")
    made = await event(mediator, [maria, ivan], after=6 * HOUR)
    await answered(town, made.id, maria, "yes")
    await ask(town, maria)
    await fail(town, ivan)
    await mediator.say("/staff")
    assert mediator.labels[:4] == [
        t("button.day_asked", count=1), "📅 16:00 · Заваряване · 1/2", t("button.day_calls", count=1),
        t("button.day_lost", count=1),
    ]  # fmt: skip
    assert line("today.whom_to_call") in await mediator.press(t("button.day_calls", count=1))
    assert "📅 Заваряване: 1" in mediator.labels
    assert t("call.list", count=1) in await mediator.press("📅 Заваряване: 1")
    await mediator.say("/staff")
    assert t("today.lost", count=1) in await mediator.press(t("button.day_lost", count=1))
    assert "Иван Петров" in await mediator.press("Иван Петров")


async def test_people_whom_an_announcement_did_not_reach_are_on_a_list_of_their_own(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    (maria,) = await folk(mediator, "Мария Иванова")
    number = await announced(mediator, maria)
    await mediator.say("/to_call")
    button = mediator.find("📣 Търсим шофьори")[1]
    assert (button.label, button.press) == ("📣 Търсим шофьори: 1", f"/a_calls {number}")
    await mediator.say(f"/a_calls {number}")
    buttoned = update(broadcasts).where(broadcasts.c.id == number).values(buttons=["interested"])
    await town.change(lambda c: c.execute(buttoned))
    await mediator.say(f"/a_answers {number}")
    await mediator.say(f"/a_answers {number} interested 0")
    assert await deeds(town) == [f"see broadcast:{number}:calls", f"see broadcast:{number}:interested"]


async def test_who_did_not_pick_up_is_still_to_be_called(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    (maria,) = await folk(mediator, "Мария Иванова")
    await announced(mediator, maria)
    for came, waits in (("no_answer", True), ("yes", False)):
        await town.change(lambda c, came=came: c.execute(update(recipients).values(called=came)))
        await mediator.say("/staff")
        assert (t("button.day_calls", count=1) in mediator.labels) is waits


async def test_whom_an_announcement_interested_since_yesterday_is_on_the_days_list(town: Town, channel: str) -> None:
    mediator, colleague = await staff_of(town, channel), await staff_of(town, channel, external="s2")
    maria, ivan = await folk(mediator, "Мария Иванова", "Иван Петров")
    number = await announced(mediator, maria)
    await announced(mediator, ivan)
    said = update(recipients).where(recipients.c.contact_id == maria)
    await town.change(lambda c: c.execute(said.values(answer="interested", answered_at=town.now)))
    await mediator.say("/staff")
    assert mediator.find("👍")[1].press == f"/a_answers {number} interested 0"
    await colleague.say("/staff")
    assert not any("👍" in label for label in colleague.labels)
    town.now += 2 * DAY
    await mediator.say("/staff")
    assert not any("👍" in label for label in mediator.labels), "an old story"


async def test_an_event_whose_list_nobody_finished_waits_for_whoever_leads_it(town: Town, channel: str) -> None:
    mediator, colleague = await staff_of(town, channel), await staff_of(town, channel, external="s2")
    (maria,) = await folk(mediator, "Мария Иванова")
    await event(mediator, [maria], after=HOUR)
    await event(mediator, [maria], after=2 * HOUR, title="Уроци")
    town.now += DAY
    await colleague.say("/staff")
    assert not any("☑️" in label for label in colleague.labels)
    await mediator.say("/staff")
    assert line("today.to_mark") in await mediator.press(t("button.day_unmarked", count=2))
    await mediator.press("Уроци")
    await mediator.press(t("button.done"))
    await mediator.say("/staff")
    await mediator.press(t("button.day_unmarked", count=1))
    assert "Заваряване" in mediator.last.text, "the only one is opened at once"
    await mediator.press(t("button.done"))
    assert t("today.all_marked") in await mediator.say("/to_mark")


async def test_who_signed_up_lately_is_new_to_whoever_looks_after_them(town: Town, channel: str) -> None:
    coordinator = await staff_of(town, channel, "coordinator", external="s2")
    resident = town.person(channel, "77")
    await register(resident)
    await coordinator.say("/staff")
    assert t("today.new", count=1) in await coordinator.press(t("button.day_new", count=1))
    await coordinator.press("Мария Иванова")
    assert t("today.new", count=1) in await coordinator.press(t("button.back")), "and back to where they came from"
    town.now += 4 * DAY
    assert t("today.none_new") in await coordinator.say("/newcomers")


async def test_what_waits_for_a_colleague_is_not_shown(town: Town, channel: str) -> None:
    mediator, colleague = await staff_of(town, channel), await staff_of(town, channel, external="s2")
    (maria,) = await folk(colleague, "Мария Иванова", phone="+359888123456")
    await event(colleague, [maria], after=6 * HOUR)
    await ask(town, maria)
    await fail(town, maria)
    await announced(colleague, maria)
    assert t("today.nothing") in await mediator.say("/staff")
    assert t("call.nobody") in await mediator.say("/to_call")
    assert t("today.none_lost") in await mediator.say("/unreached")


async def test_a_message_that_arrived_later_ends_the_matter(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    (maria,) = await folk(mediator, "Мария Иванова")
    await fail(town, maria)
    await fail(town, maria, status="sent")
    assert t("today.none_lost") in await mediator.say("/unreached")


async def ask(town: Town, contact: int) -> None:
    acting = Acting(contact, await _address(town, contact), "tel", "bg", "", town.now)
    await town.change(lambda c: tickets.open_(c, acting, text="Кога е курсът?"))


async def fail(town: Town, contact: int, *, status: str = "failed") -> None:
    """A reminder to somebody came to nothing, or arrived."""
    known = await rows(town, outbox)
    row: dict[str, Any] = {
        "key": f"reminder:{len(known)}:{contact}", "channel": "telegram", "address_id": await _address(town, contact),
        "contact_id": contact, "lane": int(Lane.REMINDER), "status": status, "not_before": town.now,
        "expires_at": town.now, "created_at": town.now,
    }  # fmt: skip
    await town.change(lambda c: c.execute(insert(outbox).values(row)))


async def _address(town: Town, contact: int) -> int:
    """Any address at all: a row must have one."""
    from storage.tables import addresses

    def enter(connection: Connection) -> int:
        row = {"channel": "tel", "external": str(contact), "lookup": contact.to_bytes(16, "big"), "status": "active"}
        row |= {"contact_id": contact, "created_at": town.now}
        found = connection.execute(addresses.select().where(addresses.c.lookup == row["lookup"])).first()
        return found.id if found else connection.execute(insert(addresses).values(row)).inserted_primary_key[0]

    return await town.change(enter)


async def announced(author: Talker, contact: int) -> int:
    """An announcement of theirs that did not reach somebody, who is to be called."""
    acting, now = await acting_of(author), author.town.now

    def enter(connection: Connection) -> int:
        row = {
            "by_id": acting.contact_id, "words": {"bg": "Търсим шофьори"}, "buttons": [], "audience": {},
            "fingerprint": bytes(16), "status": "done", "due_at": now, "created_at": now,
        }  # fmt: skip
        number = connection.execute(insert(broadcasts).values(row)).inserted_primary_key[0]
        to = {"broadcast_id": number, "contact_id": contact, "status": "skipped", "reason": "no_channel"}
        connection.execute(insert(recipients).values(to | {"to_call": True, "at": now}))
        return int(number)

    return await author.town.change(enter)


# --- finding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    ["мария", "МАРИЯ ИВАНОВА", "Mariya", "ivanova ma", "Мария И.", "0888 123 456", "+359888123456", "359 888 123456",
     "3456", "123-456", "456"],
)  # fmt: skip
async def test_somebody_is_found_however_it_is_typed(town: Town, channel: str, typed: str) -> None:
    mediator = await staff_of(town, channel)
    await folk(mediator, "Мария Иванова", phone="+359888123456", settlement="inovo")
    assert line("find.ask") in await mediator.say("/find")
    assert line("find.which") in await mediator.say(typed)
    card = await mediator.press("Мария Иванова · с. Иново")
    assert "👤 Мария Иванова · с. Иново" in card
    assert not [a for a in await everything_typed(town) if a == typed], "what was typed is not kept"


async def everything_typed(town: Town) -> list[Any]:
    from storage.tables import answers

    return [row.value for row in await rows(town, answers)]


async def test_several_are_buttons_with_their_place_and_more_are_leafed_through(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    await folk(mediator, *(f"Мария {family}ова" for family in "АБВГДЖЗИКЛ"))
    await mediator.say("/find")
    assert line("find.which") in await mediator.say("Мария")
    assert mediator.labels[0] == "👤 Мария Аова · гр. Видин"
    assert sum("👤" in label for label in mediator.labels) == 8
    await mediator.press(t("button.leaf"))
    assert sum("👤" in label for label in mediator.labels) == 2
    assert "👤 Мария Зова" in await mediator.press("Мария Зова")


async def test_people_of_one_name_are_told_apart_by_the_whole_of_it(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    await folk(mediator, "Мария Иванова", "Мария Илиева")
    await mediator.say("/find")
    await mediator.say("мария")
    assert [label for label in mediator.labels if "👤" in label] == [
        "👤 Мария Илиева · гр. Видин", "👤 Мария Иванова · гр. Видин"
    ]  # fmt: skip


async def test_nobody_found_is_somebody_new(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    await mediator.say("/find")
    assert line("find.nobody") in await mediator.say("Гергана")
    assert line("door.read_aloud") in await mediator.press(t("door.new"))


async def test_only_own_people_are_found_and_a_coordinators_are_all(town: Town, channel: str) -> None:
    mediator, colleague = await staff_of(town, channel), await staff_of(town, channel, external="s2")
    coordinator = await staff_of(town, channel, "coordinator", external="s3")
    (maria,) = await folk(colleague, "Мария Иванова", phone="+359888123456")
    for typed in ("Мария", "0888123456", "3456"):
        await mediator.say("/find")
        assert line("find.nobody") in await mediator.say(typed)
    assert t("contact.none") in await mediator.say(f"/contact {maria}")
    await coordinator.say("/find")
    await coordinator.say("мария")
    assert "👤 Мария Иванова" in await coordinator.press("Мария Иванова")


# --- one person -----------------------------------------------------------------------------------------------------


async def test_a_card_says_what_helps_and_masks_the_number(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    (maria,) = await folk(mediator, "Мария Иванова", phone="+359888123456")
    made = await event(mediator, [maria])
    await answered(town, made.id, maria, "yes")
    card = await mediator.say(f"/contact {maria}")
    assert "📞 +359 88… 456" in card
    assert "888123456" not in card.replace(" ", "")
    assert "✅ Заваряване: чт 26.11, 10:00" in card
    assert t("contact.no_chat") in card
    assert card.count("\n") <= 3, "the buttons below it are seen on a small phone"
    assert len(mediator.last.rows) <= 3


async def test_a_number_is_shown_when_asked_for_and_that_is_recorded(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    (maria,) = await folk(mediator, "Мария Иванова", phone="+359888123456")
    await mediator.say(f"/contact {maria}")
    assert "phone" not in " ".join(await deeds(town))
    assert "📞 0888 123 456" in await mediator.press(t("button.show_phone"))
    assert mediator.find(t("call.did_dial"))[1].url == "tel:+359888123456"
    assert await deeds(town) == [f"see contact:{maria}", f"phone contact:{maria}"]


async def test_who_stopped_us_is_known_for_it_and_where_they_write(town: Town, channel: str) -> None:
    coordinator = await staff_of(town, channel, "coordinator")
    resident = town.person(channel, "77")
    await register(resident)
    number = (await contact_of(resident)).id
    where = resident.can.title or t("contact.site")
    assert t("contact.writes", first=where) in await coordinator.say(f"/contact {number}")
    await resident.say("стоп")
    assert t("contact.stopped") in await coordinator.say(f"/contact {number}")


async def test_somebody_is_entered_for_an_event_from_their_card(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    (maria,) = await folk(mediator, "Мария Иванова")
    made = await event(mediator)
    await mediator.say(f"/contact {maria}")
    assert t("contact.which_event", name="Мария Иванова") in await mediator.press(t("button.enter_event"))
    assert t("contact.entered") in await mediator.press("Заваряване")
    assert f"enter event:{made.id} contact:{maria}" in await deeds(town)
    assert t("contact.no_event") in await mediator.press(t("button.enter_event"))


async def test_a_trainer_sees_names_of_their_own_event_and_never_a_number(town: Town, channel: str) -> None:
    trainer, mediator = await staff_of(town, channel, "trainer"), await staff_of(town, channel, external="s2")
    maria, ivan = await folk(mediator, "Мария Иванова", "Иван Петров", phone="+359888123456")
    await event(trainer, [maria])
    await event(mediator, [maria], title="Тайна среща")
    await trainer.say("/find")
    await trainer.say("Мария")
    card = await trainer.press("Мария Иванова")
    assert "Мария Иванова" in card
    assert "Заваряване" in card
    for hidden in ("Тайна среща", "888", "Видин"):
        assert hidden not in card
    assert trainer.labels == [t("button.find_again"), t("menu.staff")]
    assert t("contact.none") in await trainer.say(f"/contact {ivan}")
    assert HOME in await trainer.say(f"/phone {maria}")
    await trainer.say("/find")
    assert line("find.nobody") in await trainer.say("3456"), "nor by guessing its digits"


async def test_what_is_confidential_is_seen_by_who_looks_after_it_alone(town: Town, channel: str) -> None:
    mediator, other = await staff_of(town, channel), await staff_of(town, channel, "coordinator", external="s2")
    (maria,) = await folk(mediator, "Мария Иванова")
    secret = next(a for a in town.world.programme.activities if a.confidential)
    await event(other, [maria], activity=secret.code, title="Разговор")
    acting = Acting(maria, 0, "tel", "bg", "", town.now)
    await town.change(lambda c: contacts.join(c, acting, activity=secret.code))
    card = await mediator.say(f"/contact {maria}")
    assert secret.name not in card
    assert "Разговор" not in card
    card = await other.say(f"/contact {maria}")
    assert secret.name in card
    assert "Разговор" in card


# --- words to one person ----------------------------------------------------------------------------------------------


async def somebody(town: Town, channel: str, mediator: Talker) -> tuple[Talker, int]:
    """A resident with a chat, who came by the mediator's event."""
    resident = town.person(channel, "77")
    await register(resident)
    number = (await contact_of(resident)).id
    await event(mediator, [number])
    return resident, number


async def test_words_go_to_one_person_by_a_button_that_names_them(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    resident, number = await somebody(town, channel, mediator)
    resident.receive()
    await mediator.say(f"/contact {number}")
    assert t("contact.words", name="Мария Иванова") in await mediator.press(t("button.write_to"))
    look = await mediator.say("Елате утре в 10. <b>Нося</b> формулярите.")
    assert resident.receive() == "", "nothing goes before it was looked at"
    assert "Елате утре в 10. <b>Нося</b> формулярите." in look
    assert t("contact.written") in await mediator.press(t("button.send_to", name="Мария И."))
    await town.deliver()
    came = resident.receive()
    assert "Елате утре в 10. <b>Нося</b> формулярите." in came
    assert "Росица" in came
    assert f"write contact:{number}" in await deeds(town)
    assert "Елате" not in "".join(map(str, await everything_typed(town)))


async def test_in_quiet_hours_it_waits_for_the_morning_and_the_look_says_so(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    resident, number = await somebody(town, channel, mediator)
    resident.receive()
    town.now = town.now.replace(hour=20)  # ten in the evening in Sofia
    await mediator.say(f"/write {number}")
    assert line("contact.goes_at") in await mediator.say("Елате утре.")
    await mediator.press(t("button.send_to", name="Мария И."))
    await town.deliver()
    assert resident.receive() == ""


async def test_whom_no_chat_reaches_is_not_written_to(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    (maria,) = await folk(mediator, "Мария Иванова")
    await mediator.say(f"/contact {maria}")
    assert t("button.write_to") not in mediator.labels
    assert t("contact.no_way") in await mediator.say(f"/write {maria}")


async def test_who_stops_meanwhile_gets_nothing(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    resident, number = await somebody(town, channel, mediator)
    await mediator.say(f"/write {number}")
    await mediator.say("Елате утре.")
    await resident.say("стоп")
    said = await mediator.press(t("button.send_to", name="Мария И."))
    assert t("contact.no_way") in said
    assert "write" not in " ".join(await deeds(town))


# --- what nobody may --------------------------------------------------------------------------------------------------


async def test_a_resident_cannot_open_a_screen_of_staff(town: Town, channel: str) -> None:
    resident = town.person(channel)
    await register(resident)
    mediator = await staff_of(town, channel)
    (maria,) = await folk(mediator, "Мария Иванова", phone="+359888123456")
    forged = (
        "/staff", "/find", f"/contact {maria}", f"/phone {maria}", f"/write {maria}", f"/enter {maria}.1", "/to_call",
        "/unreached", "/my_link", "/month", f"/charges {maria}", f"/charge {maria}.settlement.vidin",
    )  # fmt: skip
    async with town.awake():
        for command in forged:
            for send in (resident.say, resident.press_data):
                assert HOME in await send(command), command
    assert await deeds(town) == []


async def test_a_role_taken_away_closes_every_button(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    coordinator = await staff_of(town, channel, "coordinator", external="s2")
    (maria,) = await folk(mediator, "Мария Иванова", phone="+359888123456")
    await mediator.say(f"/contact {maria}")
    await mediator.say("/find")
    me, by = (await contact_of(mediator)).id, await acting_of(coordinator)
    await town.change(lambda c: staff.remove(c, by, contact_id=me))
    assert "0888" not in await mediator.press_late(t("button.show_phone"))
    assert "phone" not in " ".join(await deeds(town))
    said = await mediator.say("Мария")
    assert "Иванова" not in said


@pytest.mark.parametrize("number", ["", "0", "x", "999999", "12.34", "9" * 40, "-1"])
@pytest.mark.parametrize("command", ["contact", "phone", "enter", "write"])
async def test_a_number_that_is_nobodys_says_so_in_a_sentence(
    town: Town, channel: str, command: str, number: str
) -> None:
    mediator = await staff_of(town, channel)
    assert t("contact.none") in await mediator.say(f"/{command} {number}")


async def test_who_was_erased_is_found_no_more(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    (maria,) = await folk(mediator, "Мария Иванова", phone="+359888123456")
    archived = update(contact_rows).where(contact_rows.c.id == maria).values(status="archived")
    await town.change(lambda c: c.execute(archived))
    assert t("contact.none") in await mediator.say(f"/contact {maria}")
