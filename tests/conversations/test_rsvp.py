"""From an invitation to a seat, and every way off it, on each channel and both databases."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from sqlalchemy import Connection, insert, select, update

from bot.chat import Acting
from storage import events, invitations, reminders
from storage.events import Draft, Event
from storage.tables import addresses, contacts, conversations, outbox, tickets
from storage.tables import invitations as rows_of_invitations
from tests.conversations.client import START, Talker, Town, programme
from tests.conversations.people import begin, contact_of, finish_registering, line, make_staff, register, rows, t

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FRIDAY = START + 3 * DAY  # 27.11, 10:00 in Sofia
RULES = programme().rules
WISH = {"activities": ["vocational"]}


async def publish(town: Town, *, starts: datetime = FRIDAY, dates: tuple[datetime, ...] = (), **more: Any) -> Event:
    """An event that Ани leads, for whoever wants to learn a profession."""
    leader = town.person("telegram", "90", "Ани")
    if not [row for row in await rows(town, contacts) if row.name == "Ани Петрова"]:
        await make_staff(town, leader)
    number = (await contact_of(leader)).id
    values: dict[str, Any] = {
        "kind": "training", "activity": "vocational", "title": "Обучение", "place": "Клуб", "landmark": "до пазара",
        "bring": "химикалка", "capacity": None, "mediator_id": number, "audience": WISH,
        "offsets": ("7d", "3d", "1d", "2h"), "dates": [(at, at + HOUR) for at in (starts, *dates)],
    } | more  # fmt: skip

    def go(connection: Connection) -> Event | None:
        acting = Acting(number, 0, "telegram", "bg", "", town.now)
        connection.execute(update(contacts).where(contacts.c.id == number).values(phone="+359888000111"))
        events.publish(connection, acting, draft=Draft(**values), rules=RULES)
        return events.latest(connection, acting)

    made = await town.change(go)
    assert made is not None
    return made


async def fire(town: Town, event: Event | int, offset: str) -> None:
    """A moment comes, and what it has to say goes out."""
    number = event if isinstance(event, int) else event.id

    def go(connection: Connection) -> None:
        while reminders.fire(connection, number, offset, town.now, RULES):
            pass

    await town.change(go)
    await town.deliver()


async def invited(town: Town, person: Talker, **more: Any) -> Event:
    """Somebody who registered and was invited."""
    await register(person)
    event = await publish(town, **more)
    await fire(town, event, "invite")
    person.receive()
    return event


async def place_of(town: Town, person: Talker, event: Event | int) -> tuple[str, str, str]:
    """What was answered, the seat, and when they leave."""
    who, number = (await contact_of(person)).id, event if isinstance(event, int) else event.id
    (row,) = [r for r in await rows(town, rows_of_invitations) if (r.contact_id, r.event_id) == (who, number)]
    return row.rsvp, row.seat, row.leave_at


async def change(town: Town, what: Any, event: Event, **more: Any) -> None:
    acting = Acting(event.mediator_id or 0, 0, "telegram", "bg", "", town.now)
    await town.change(lambda c: what(c, acting, event_id=event.id, version=event.version, rules=RULES, **more))


# --- answering ------------------------------------------------------------------------------------------------------


async def test_an_invitation_is_answered_planned_and_taken_back(town: Town, channel: str) -> None:
    maria = town.person(channel)
    await register(maria)
    event = await publish(town, capacity=5)
    await fire(town, event, "invite")
    assert maria.receive().startswith("Мария, имате покана: Обучение.\n📅 петък, 27.11, 10:00\n📍 Клуб (до пазара)\n")
    assert "Стоп" in maria.last.text
    said = await maria.press(t("button.coming"))
    assert said.startswith(t("rsvp.yes_kept"))
    assert "петък, 27.11, 10:00" in said
    assert maria.last.text.endswith(t("notice.plan"))
    assert maria.labels == [
        "🚶 9:00", "🚶 9:30", "🚶 9:45", t("button.changed_mind"), t("button.details"), t("menu.events"), *maria.home,
    ]  # fmt: skip
    assert t("notice.leaving", at="9:30") in await maria.press("🚶 9:30")
    assert await place_of(town, maria, event) == ("yes", "seat", "09:30")
    assert (await maria.press(t("button.changed_mind"))).endswith(t("rsvp.no"))
    assert await place_of(town, maria, event) == ("no", "", "")
    assert t("notice.plan") in await maria.press(t("button.coming"))
    assert await place_of(town, maria, event) == ("yes", "seat", "")
    assert town.post == [], "nobody else hears of it"


async def test_an_answer_takes_the_place_of_the_message_that_asked(town: Town) -> None:
    maria = town.person("telegram")
    await invited(town, maria)
    asked = maria.seen[-1]
    await maria.press(t("button.cannot"))
    assert maria.last.replaces == f"m{asked.id}"


async def test_who_comes_too_late_waits_and_hears_when_a_place_is_free(town: Town, channel: str) -> None:
    maria, ivan, petar = (town.person(channel, n, name) for n, name in (("7", "Мария"), ("8", "Иван"), ("9", "Петър")))
    for number, (person, name) in enumerate(((maria, "Мария"), (ivan, "Иван"), (petar, "Петър"))):
        await register(person, phone=f"088811122{number}", name=f"{name} Колев")
    event = await publish(town, capacity=1)
    await fire(town, event, "invite")
    for person in (maria, ivan, petar):
        person.receive()
    await maria.press(t("button.coming"))
    assert (await ivan.press(t("button.coming"))).startswith(t("rsvp.waiting", number=1))
    assert (await petar.press(t("button.coming"))).startswith(t("rsvp.waiting", number=2))
    assert t("rsvp.in_line", number=2) in await petar.press(t("button.details"))
    assert town.post == []
    await maria.press(t("button.changed_mind"))
    assert {d.address for d in town.post} == {ivan.address}
    assert ivan.receive().startswith("Иван, освободи се място за Вас: Обучение.")
    assert (await ivan.press(t("button.coming"))).startswith(t("rsvp.yes_kept"))
    assert t("rsvp.in_line", number=1) in await petar.press_data(f"/meeting {event.id}.{(await contact_of(petar)).id}")
    await petar.press(t("button.changed_mind"))
    assert await place_of(town, petar, event) == ("no", "", "")


async def test_one_answer_to_a_whole_course_and_another_to_one_date(town: Town, channel: str) -> None:
    maria = town.person(channel)
    event = await invited(town, maria, kind="course", dates=(FRIDAY + 3 * DAY, FRIDAY + 7 * DAY), capacity=1)
    dates = [d.id for d in await town.look(lambda c: events.series(c, event))]
    said = await maria.press(t("button.coming"))
    assert said.startswith(t("rsvp.course", count=3, when="петък, 27.11, 10:00"))
    assert {await place_of(town, maria, date) for date in dates} == {("yes", "seat", "")}
    shown = await maria.press(t("button.details"))
    assert t("rsvp.dates", dates="пт 27.11, пн 30.11, пт 04.12") in shown
    assert t("rsvp.no") in await maria.press(t("button.changed_mind")), "of the date on the card"
    assert [(await place_of(town, maria, date))[0] for date in dates] == ["no", "yes", "yes"]
    who = (await contact_of(maria)).id
    assert t("rsvp.no_course") in await maria.press_data(f"/course {event.id}.{who} no")
    assert {(await place_of(town, maria, date))[0] for date in dates} == {"no"}
    assert line("rsvp.course") in await maria.press(t("button.coming"))


async def test_a_reminder_asks_who_is_silent_and_plans_with_who_comes(town: Town) -> None:
    maria = town.person("web")
    event = await invited(town, maria)
    town.now = FRIDAY - DAY + timedelta(minutes=1)
    await fire(town, event, "1d")
    assert maria.receive().endswith("Ще дойдете ли? – Ани")
    await maria.press(t("button.coming"))
    town.now = FRIDAY - 1.5 * HOUR
    await fire(town, event, "2h")
    assert maria.receive().startswith("Мария, започваме скоро: Обучение.\n📅 петък, 27.11, 10:00 (днес)")
    assert maria.labels == [t("button.cannot"), t("button.details")]


async def test_a_plan_that_is_tapped_after_a_no_is_a_yes(town: Town) -> None:
    maria = town.person("telegram")
    event = await invited(town, maria)
    who = (await contact_of(maria)).id
    await maria.press(t("button.cannot"))
    assert t("notice.leaving", at="9:00") in await maria.press_data(f"/leave {event.id}.{who} 09:00")
    assert await place_of(town, maria, event) == ("yes", "seat", "09:00")


# --- whatever else is open, or typed --------------------------------------------------------------------------------


async def test_an_answer_in_the_middle_of_another_talk_is_kept_and_the_question_comes_back(
    town: Town, channel: str
) -> None:
    maria = town.person(channel)
    event = await invited(town, maria)
    await maria.say(t("menu.question"))
    said = await maria.press_late(t("button.coming"))
    assert said.startswith(t("rsvp.yes"))
    assert maria.last.text == t("question.ask")
    assert (await place_of(town, maria, event))[:2] == ("yes", "seat")
    await maria.press(t("button.details"))
    assert maria.last.text == t("question.ask")
    assert line("question.sent") in await maria.say("Има ли автобус?")
    assert [row.text for row in await rows(town, tickets)] == ["Има ли автобус?"]


TYPED = {
    "ще дойда": "yes", "Идвам!": "yes", "да": "yes", "ДА": "yes", "da": "yes", "ка авав": "yes",
    "не мога": "no", "Няма да дойда.": "no", "не": "no", "ne": "no", "нащи": "no",
}  # fmt: skip


async def test_typed_words_answer_what_we_wrote_last(town: Town, channel: str) -> None:
    maria = town.person(channel)
    event = await invited(town, maria)
    async with town.awake():
        for typed, answer in TYPED.items():
            said = await maria.say(typed)
            assert t("rsvp.yes" if answer == "yes" else "rsvp.no") in said, typed
            assert event.title in said, "whoever types sees which event it was taken for"
            assert (await place_of(town, maria, event))[0] == answer, typed
        assert line("stray.hello") in await maria.say("ок")
        assert line("stray.thanks") in await maria.say("благодаря")
        assert "да, но ще закъснея" in await maria.say("да, но ще закъснея"), "more than an answer is for a person"
    assert [row.state for row in await rows(town, conversations)].count("open") == 1


async def test_typed_words_answer_nothing_that_was_said_long_ago_or_is_over(town: Town) -> None:
    maria = town.person("telegram")
    event = await invited(town, maria, starts=START + 8 * DAY)
    town.now = START + 5 * DAY
    assert line("stray.no_guess") in await maria.say("не мога")
    await maria.press_data("/menu")
    assert (await place_of(town, maria, event))[0] == ""
    await fire(town, event, "3d")
    maria.receive()
    await maria.say("не мога")
    assert (await place_of(town, maria, event))[0] == "no"
    town.now = START + 8 * DAY + HOUR
    assert "идвам" in await maria.say("идвам"), "a question for a person"


async def test_a_no_below_another_question_takes_nobody_s_place_away(town: Town) -> None:
    """„Има ли пречка?“ – „не“: that is no answer to the meeting of next week."""
    maria = town.person("telegram")
    event = await invited(town, maria, starts=START + 3 * DAY)
    await maria.press(t("button.coming"))
    who = (await contact_of(maria)).id

    def ask_something_else(connection: Connection) -> None:
        row = {
            "key": "result:9:1",
            "channel": "telegram",
            "lane": 1,
            "status": "sent",
            "body": {"text": "Работите ли?"},
        }
        at = {"created_at": town.now, "not_before": town.now, "expires_at": town.now + DAY}
        here = addresses.c.contact_id == who
        where = {"address_id": connection.execute(select(addresses.c.id).where(here)).scalar(), "contact_id": who}
        connection.execute(insert(outbox).values(row | at | where))

    await town.change(ask_something_else)
    await maria.say("не")
    assert (await place_of(town, maria, event))[:2] == ("yes", "seat")


async def test_a_typed_answer_to_the_invitation_to_a_course_is_for_all_of_it(town: Town) -> None:
    maria = town.person("web")
    await invited(town, maria, kind="course", dates=(FRIDAY + DAY,))
    assert line("rsvp.course") in await maria.say("идвам")


async def test_a_question_about_it_keeps_a_maybe_and_goes_to_a_person(town: Town, channel: str) -> None:
    maria = town.person(channel)
    event = await invited(town, maria)
    assert line("question.ask") in await maria.press(t("button.ask"))
    assert (await place_of(town, maria, event))[0] == "maybe"
    assert line("question.sent") in await maria.say("Мога ли да доведа и сестра си?")
    (ticket,) = await rows(town, tickets)
    assert (ticket.about, ticket.text) == ("vocational", "Мога ли да доведа и сестра си?")
    who = (await contact_of(maria)).id
    assert (await maria.press_data(f"/rsvp {event.id}.{who} maybe")).startswith(t("rsvp.maybe"))
    await maria.press(t("button.coming"))
    await maria.press_data(f"/ask_about {event.id}.{who}")
    assert (await place_of(town, maria, event))[0] == "yes", "a question takes no answer back"


async def test_a_question_from_an_activity_says_which(town: Town) -> None:
    maria = town.person("web")
    await register(maria)
    await maria.press_data("/activity parents")
    await maria.press(t("menu.question"))
    await maria.say("Кога?")
    assert [row.about for row in await rows(town, tickets)] == ["parents"]


# --- what cannot be answered ----------------------------------------------------------------------------------------


async def test_whatever_stands_behind_a_command_gets_one_clear_sentence_and_a_way_on(town: Town, channel: str) -> None:
    maria, ivan = town.person(channel), town.person(channel, "8", "Иван Петров")
    event = await invited(town, maria)
    await register(ivan, phone="0888999888", name="Иван Петров", like="")
    mine, his = (await contact_of(maria)).id, (await contact_of(ivan)).id
    async with town.awake():
        for behind in (
            "",
            "12",
            f"99999.{mine}",
            f"{event.id}.{his}",
            "x.y yes",
            "9" * 40 + ".1 yes",
            "'; drop",
            "-1.2",
        ):
            for command in ("rsvp", "course", "leave", "meeting", "slots", "ics", "ask_about"):
                assert await maria.press_data(f"/{command} {behind}") == t("rsvp.not_found"), (command, behind)
                assert maria.labels == [t("menu.events"), *maria.home]
        assert await ivan.press_data(f"/rsvp {event.id}.{mine} yes") == t("rsvp.not_found"), "somebody else's"
        for rubbish in ("", "да", "YES", "yes please", "25:00"):
            for command in ("rsvp", "course", "leave"):
                said = await maria.press_data(f"/{command} {event.id}.{mine} {rubbish}")
                assert said.startswith("Обучение\n📅 петък"), (command, rubbish)
        assert (await maria.press_data(f"/slots {event.id}.{mine}")).startswith("Обучение\n")
    assert (await place_of(town, maria, event)) == ("", "", "")


async def test_what_is_cancelled_or_over_takes_no_answer(town: Town, channel: str) -> None:
    maria = town.person(channel)
    gone = await invited(town, maria)
    who = (await contact_of(maria)).id
    await change(town, events.cancel, gone)
    assert await maria.press(t("button.coming")) == t("rsvp.cancelled")
    assert maria.labels == [t("menu.events"), *maria.home]
    assert t("rsvp.cancelled") in await maria.press_data(f"/meeting {gone.id}.{who}")
    assert t("rsvp.cancelled") in await maria.press_data(f"/ics {gone.id}.{who}")
    assert not maria.last.document
    past = await publish(town, starts=town.now + HOUR)
    await fire(town, past, "invite")
    maria.receive()
    town.now += 3 * HOUR
    for data in (f"/rsvp {past.id}.{who} yes", f"/course {past.id}.{who} yes"):
        assert await maria.press_data(data) == t("rsvp.over")
    assert t("rsvp.over") in await maria.press_data(f"/leave {past.id}.{who} 09:00")
    assert line("question.ask") in await maria.press_data(f"/ask_about {past.id}.{who}"), "one may always ask"
    assert (await place_of(town, maria, past))[0] == ""


async def test_a_moved_event_is_told_from_what_was_heard_and_asks_again(town: Town, channel: str) -> None:
    maria = town.person(channel)
    event = await invited(town, maria, capacity=3)
    await maria.press(t("button.coming"))
    await change(town, events.move, event, starts_at=FRIDAY + 3 * DAY + HOUR)
    await fire(town, event, "change@2")
    said = maria.receive()
    assert t("notice.moved", before="петък, 27.11, 10:00", after="понеделник, 30.11, 11:00") in said
    assert said.endswith(t("notice.ask_kept"))
    assert await place_of(town, maria, event) == ("", "seat", "")
    assert (await maria.press(t("button.coming"))).startswith(t("rsvp.yes_kept"))


# --- seeing it ------------------------------------------------------------------------------------------------------


async def test_the_card_shows_all_of_it_and_whom_to_call(town: Town, channel: str) -> None:
    maria = town.person(channel)
    await invited(town, maria)
    said = await maria.press(t("button.details"))
    assert said.splitlines() == [
        "Обучение", "📅 петък, 27.11, 10:00", "📍 Клуб (до пазара)", "🎒 Вземете: химикалка",
        "👤 Ани Петрова", "☎ 0888 000 111", t("rsvp.silent"),
    ]  # fmt: skip
    shown = [t(key) for key in ("button.coming", "button.cannot", "button.more_here", "menu.events")]
    assert maria.labels == [*shown, *maria.home]
    assert (await maria.press(t("button.more_here"))).splitlines()[0] == "Обучение"
    assert maria.in_place
    assert [t("button.back"), t("menu.events"), *maria.home] == maria.labels[-2 - len(maria.home) :]
    links = [button.url for row in maria.last.rows for button in row if button.url]
    assert [unquote(link) for link in links] == [
        "https://www.openstreetmap.org/search?query=Клуб, Видин", "tel:+359888000111",
    ]  # fmt: skip
    await maria.press(t("button.back"))
    await maria.press(t("button.coming"))
    assert t("rsvp.said_yes") in await maria.press(t("button.details"))
    await maria.press(t("button.changed_mind"))
    who = (await contact_of(maria)).id
    assert t("rsvp.said_no") in await maria.press_data(f"/meeting 1.{who}")


async def test_the_calendar_file_is_one_that_calendars_read(town: Town, channel: str) -> None:
    maria = town.person(channel)
    title = "Обучение, част 1; за всички, които търсят нова професия в Община Видин"
    event = await invited(town, maria, title=title, place="Клуб\\долу", bring="лична карта\nхимикалка")
    who = (await contact_of(maria)).id
    assert await maria.press_data(f"/ics {event.id}.{who}") == t("rsvp.calendar")
    document = maria.last.document
    assert document is not None
    assert (document.filename, document.mime) == ("sreshta.ics", "text/calendar")
    lines = document.text.split("\r\n")
    assert lines[-1] == ""
    assert max(len(one.encode()) for one in lines) <= 75
    assert "\n" not in "".join(lines)
    whole = document.text.replace("\r\n ", "").split("\r\n")
    assert whole[:3] == ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Most//events//BG"]
    for expected in (
        f"UID:event-{event.id}@most", "SEQUENCE:1", "DTSTART:20261127T080000Z", "DTEND:20261127T090000Z",
        "SUMMARY:Обучение\\, част 1\\; за всички\\, които търсят нова професия в Община Видин",
        "LOCATION:Клуб\\\\долу (до пазара)",
        "DESCRIPTION:лична карта\\nхимикалка\\nАни Петрова\\, 0888 000 111",
    ):  # fmt: skip
        assert expected in whole
    assert re.search(r"DTSTAMP:20261124T08\d{4}Z", document.text)
    await change(town, events.move, event, starts_at=FRIDAY + HOUR)
    await maria.press_data(f"/ics {event.id}.{who}")
    assert maria.last.document is not None
    assert f"UID:event-{event.id}@most\r\nSEQUENCE:2" in maria.last.document.text


SECRET = {"activity": "psychological-support", "title": "Разговор с психолог", "place": "Кабинет 5"}
TELLING = ("психолог", "Психолог", "Кабинет", "пазара")


async def test_what_is_confidential_is_shown_only_to_who_taps_for_it(town: Town, channel: str) -> None:
    maria = town.person(channel)
    await register(maria)
    event = await publish(town, **SECRET)
    await fire(town, event, "invite")
    assert maria.receive() == t("notice.quiet_invite", when="петък, 27.11, 10:00")
    assert maria.labels == [t("button.look"), *maria.home]
    said = await maria.press(t("button.look"))
    assert said.startswith(t("rsvp.quiet"))
    assert "Разговор с психолог\n📅 петък, 27.11, 10:00\n📍 Кабинет 5" in said
    for label in (t("button.coming"), "🚶 9:30"):
        answered = await maria.press(label)
        assert not [word for word in TELLING if word in answered]
    await maria.say(t("menu.events"))
    assert [label for label in maria.labels if t("events.private") in label]
    assert not [word for word in TELLING for label in maria.labels if word in label]
    who = (await contact_of(maria)).id
    await maria.press_data(f"/ics {event.id}.{who}")
    assert maria.last.document is not None
    assert "SUMMARY:Уговорка\r\n" in maria.last.document.text
    assert not [word for word in (*TELLING, "LOCATION", "DESCRIPTION") if word in maria.last.document.text]
    town.now = FRIDAY - DAY + timedelta(minutes=1)
    await fire(town, event, "1d")
    assert maria.receive() == t("notice.quiet", when="петък, 27.11, 10:00 (утре)")
    assert (await maria.say("идвам")).startswith(t("rsvp.yes"))
    assert not [word for word in TELLING if word in maria.last.text]


async def test_my_events_list_what_is_coming_with_what_was_answered(town: Town, channel: str) -> None:
    maria = town.person(channel)
    await register(maria)
    first = await publish(town, starts=START + DAY)
    await publish(town, title="Много дълго заглавие на среща", starts=START + 2 * DAY, capacity=0)
    course = await publish(town, kind="course", title="Курс", dates=(FRIDAY + DAY,))
    for event in (first, first.id + 1, course):
        await fire(town, event, "invite")
    maria.receive()
    who = (await contact_of(maria)).id
    await maria.press_data(f"/rsvp {first.id}.{who} yes")
    await maria.press_data(f"/rsvp {first.id + 1}.{who} yes")
    said = await maria.say(t("menu.events"))
    assert said.startswith(line("events.mine"))
    assert line("events.waiting") not in said, "there is a date now"
    assert maria.labels == [
        "✅ утре, ср 25.11, 10:00 · Обучение", "⏳ чт 26.11, 10:00 · Много дълго заглави…", "❓ пт 27.11, 10:00 · Курс",
        t("button.menu"),
    ]  # fmt: skip
    assert (await maria.press("❓ пт 27.11")).startswith("Курс\n")
    await maria.press(t("button.cannot"))
    await maria.press(t("menu.events"))
    assert "❌ пт 27.11, 10:00 · Курс" in maria.labels
    assert line("menu.home") in await maria.press(t("button.menu"))


# --- an hour of one's own -------------------------------------------------------------------------------------------


async def test_an_hour_is_chosen_changed_and_given_back(town: Town, channel: str) -> None:
    maria = town.person(channel)
    hours = (FRIDAY + HOUR, FRIDAY + 2 * HOUR)
    lead = await invited(town, maria, kind="appointment", title="Консултация", dates=hours)
    assert line("slot.ask") in await maria.press(t("button.choose_hour"))
    assert maria.labels == ["🕐 10:00", "🕐 11:00", "🕐 12:00", t("button.no_hour"), t("button.menu")]
    said = await maria.press("🕐 11:00")
    assert said.startswith(t("rsvp.hour"))
    assert "петък, 27.11, 11:00" in said
    assert (await place_of(town, maria, lead))[0] == "yes"
    await maria.say(t("menu.events"))
    assert [label for label in maria.labels if "Консултация" in label] == ["✅ пт 27.11, 11:00 · Консултация"]
    assert "петък, 27.11, 11:00" in await maria.press("Консултация")
    assert t("button.other_hour") in maria.labels
    await maria.press(t("button.other_hour"))
    assert "🕐 11:00" not in maria.labels, "it is theirs already"
    assert "петък, 27.11, 12:00" in await maria.press("🕐 12:00")
    old = f"{lead.id + 2}.{(await contact_of(maria)).id}"
    for said in ("no", "yes"):
        assert "петък, 27.11, 12:00" in await maria.press_data(f"/rsvp {old} {said}"), "shown instead of the old hour"
        assert (await place_of(town, maria, lead))[0] == "yes"
    assert t("rsvp.no_hour") in await maria.press(t("button.changed_mind"))
    assert (await place_of(town, maria, lead))[0] == "no"
    await maria.press(t("button.choose_hour"))
    assert "🕐 12:00" in maria.labels
    assert line("menu.home") in await maria.press(t("button.menu"))


async def test_an_hour_that_was_taken_meanwhile_is_asked_for_again(town: Town, channel: str) -> None:
    maria, ivan = town.person(channel), town.person(channel, "8", "Иван Петров")
    await register(ivan, phone="0888999888", name="Иван Петров")
    lead = await invited(town, maria, kind="appointment", dates=(FRIDAY + HOUR,))
    ivan.receive()
    await maria.press(t("button.choose_hour"))
    await ivan.press(t("button.choose_hour"))
    await ivan.press("🕐 10:00")
    assert await maria.press("🕐 10:00") == f"{t('slot.taken')}\n\n{t('slot.ask')}"
    assert maria.labels == ["🕐 11:00", t("button.no_hour"), t("button.menu")]
    number = (await contact_of(ivan)).id
    free = await town.look(lambda c: invitations.slots(c, Acting(number, 0, "", "bg", "", town.now), event_id=lead.id))
    await ivan.press_data(f"/slots {lead.id}.{number}")
    await ivan.press("🕐 11:00")
    assert len(free) == 1
    assert line("slot.ask") in await maria.press_data(f"/slots {lead.id}.{(await contact_of(maria)).id}"), (
        "10:00 is free"
    )
    await maria.press("🕐 10:00")
    assert [r.seat for r in await rows(town, rows_of_invitations) if r.seat] == ["seat", "seat"]


async def test_where_no_hour_is_left_a_person_is_asked(town: Town, channel: str) -> None:
    maria, ivan = town.person(channel), town.person(channel, "8", "Иван Петров")
    await register(ivan, phone="0888999888", name="Иван Петров")
    lead = await invited(town, maria, kind="appointment")
    ivan.receive()
    await maria.press(t("button.choose_hour"))
    await ivan.press(t("button.choose_hour"))
    await ivan.press("🕐 10:00")
    assert await maria.press("🕐 10:00") == f"{t('slot.taken')}\n\n{t('slot.none')}"
    assert line("question.ask") in await maria.press(t("button.ask"))
    assert (await place_of(town, maria, lead))[0] == "maybe"
    await maria.say("Може ли в понеделник?")
    assert [row.about for row in await rows(town, tickets)] == ["vocational"]


async def test_hours_on_several_days_are_chosen_by_day_first(town: Town) -> None:
    maria = town.person("telegram")
    lead = await invited(town, maria, kind="appointment", starts=START + DAY, dates=(FRIDAY, FRIDAY + HOUR))
    assert line("slot.day") in await maria.press(t("button.choose_hour"))
    assert maria.labels == ["📅 утре, ср 25.11", "📅 пт 27.11", t("button.menu")]
    await maria.press("📅 пт 27.11")
    assert maria.labels[:2] == ["🕐 10:00", "🕐 11:00"]
    await maria.press(t("button.back"))
    await maria.press("📅 утре")
    assert "сряда, 25.11, 10:00 (утре)" in await maria.press("🕐 10:00")
    await maria.say(t("menu.events"))
    assert "консултация" in (await maria.say("/slots")).lower() or line("rsvp.not_found") in maria.last.text
    assert (await maria.press_data(f"/rsvp {lead.id}.{(await contact_of(maria)).id} yes")).startswith("Обучение\n")


async def test_a_typed_yes_to_an_appointment_leads_to_its_hours(town: Town) -> None:
    maria = town.person("web")
    await invited(town, maria, kind="appointment")
    assert line("slot.ask") in await maria.say("да")
    assert (await maria.say("10:00")).startswith(t("rsvp.hour")), "an hour may be typed like its button"


# --- several people, coming and going -------------------------------------------------------------------------------


async def test_who_shares_a_telephone_answers_for_the_one_who_was_asked(town: Town, channel: str) -> None:
    maria = town.person(channel)
    event = await invited(town, maria)
    asked = maria.find(t("button.coming"))[1].press
    first = (await contact_of(maria)).id
    await maria.press_data("/people")
    await maria.press(t("data.people_new"))
    said = await maria.press_data(asked)
    assert said.startswith(t("rsvp.yes"))
    assert line("registration.language") in maria.last.text, "the newcomer's registration goes on"
    (row,) = [r for r in await rows(town, rows_of_invitations) if r.event_id == event.id]
    assert (row.contact_id, row.rsvp) == (first, "yes")
    assert t("menu.first_register") in await maria.press_data(f"/slots {event.id}.{first}")


async def test_whoever_registers_late_is_invited_to_what_is_coming(town: Town, channel: str) -> None:
    event = await publish(town)
    maria = town.person(channel)
    await fire(town, event, "invite")
    async with town.awake():
        await begin(maria)
        await maria.say("0888 123 456")
        await finish_registering(maria)
    assert maria.last.text.startswith("Мария, имате покана: Обучение.")
    assert (await maria.press(t("button.coming"))).startswith(t("rsvp.yes"))
    ivan = town.person(channel, "8", "Иван Петров")
    await register(ivan, phone="0888999888", name="Иван Петров", like="")
    assert "покана" not in ivan.last.text
    await ivan.press_data("/activity vocational")
    await ivan.press(t("button.join"))
    assert ivan.last.text.startswith("Иван, имате покана: Обучение.")
    assert town.post == []


async def test_whoever_is_erased_leaves_their_seat_to_the_next(town: Town, channel: str) -> None:
    maria, ivan = town.person(channel), town.person(channel, "8", "Иван Петров")
    await register(ivan, phone="0888999888", name="Иван Петров")
    event = await invited(town, maria, capacity=1)
    ivan.receive()
    await maria.press(t("button.coming"))
    await ivan.press(t("button.coming"))
    await maria.say("изтрий ме")
    await maria.press(t("data.delete"))
    await maria.press(t("button.yes_sure"))
    assert ivan.receive().startswith("Иван, освободи се място за Вас")
    assert (await place_of(town, ivan, event))[:2] == ("yes", "seat")
    assert len(await rows(town, rows_of_invitations)) == 1


@pytest.mark.parametrize("typed", ["да", "не мога", "идвам"])
async def test_without_an_event_these_words_mean_what_they_did(town: Town, typed: str) -> None:
    maria = town.person("telegram")
    await register(maria)
    assert typed in await maria.say(typed)
    assert t("button.send_question") in maria.labels


# --- what it is called ----------------------------------------------------------------------------------------------

SAID = {"meeting": "", "course": "_date", "appointment": "_hour"}


@pytest.mark.parametrize("kind", SAID)
async def test_what_is_off_or_over_is_called_by_what_it_is(town: Town, kind: str) -> None:
    """Who is invited to a course or to an hour of their own reads nothing of a „meeting“."""
    maria = town.person("telegram")
    event = await invited(town, maria, kind=kind, dates=(FRIDAY + DAY,) if kind == "course" else ())
    who = (await contact_of(maria)).id
    town.now = FRIDAY + 2 * DAY
    assert await maria.press_data(f"/rsvp {event.id}.{who} yes") == t(f"rsvp.over{SAID[kind]}")
    town.now = FRIDAY - DAY
    await change(town, events.cancel, event)
    assert await maria.press_data(f"/rsvp {event.id}.{who} yes") == t(f"rsvp.cancelled{SAID[kind]}")
    assert len({t(f"rsvp.over{one}") for one in SAID.values()}) == len(SAID)
    await fire(town, event, "change@2")
    title, when = event.title, "петък, 27.11, 10:00 (утре)"
    assert maria.receive().startswith(t(f"notice.cancelled{SAID[kind]}", name="Мария", title=title, when=when))
