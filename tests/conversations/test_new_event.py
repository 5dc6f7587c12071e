"""Staff make an event in their own chat: in a dozen steps, whatever is typed on the way, and nothing is ever lost."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, select, update

from bot.texts import Words
from handlers.audience import CRITERIA
from handlers.events import KINDS
from handlers.new_event import _changes
from storage.tables import answers, conversations, event_versions, interests, notices, staff
from storage.tables import contacts as contact_rows
from storage.tables import events as event_rows
from tests.conversations.client import Talker, Town, programme
from tests.conversations.event_kit import SOFIA, all_events, deeds, made_by, parents, staff_member, waiting
from tests.conversations.people import contact_of, line, register, rows, t

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHOOL = "ОУ „Епископ Софроний Врачански“"
MEETING = ("Още", "Срещи за родители", "Родителска среща", "💡 Родителска среща", SCHOOL, "утре", "17:30", "⏱ 1 ч")
CLASS = ("Училище", "Софр")
PUBLISH = "📢"
SUMMED_UP = ("сряда, 25.11, 17:30 (утре), до 18:30", SCHOOL, "3 а клас", "Стоян Илиев", "3 дни · 1 ден · 2 часа")


async def walk(person: Talker, steps: Sequence[str]) -> str:
    """Press each button; „=…“ is typed."""
    said = ""
    for step in steps:
        said = await (person.say(step[1:]) if step.startswith("=") else person.press(step))
    return said


async def to_the_summary(person: Talker) -> str:
    """A parents' meeting up to its last question."""
    await person.press_data("/new_event")
    return await walk(person, (*MEETING, *CLASS, "=3 а", "Готово", t("event.yes_these")))


async def kept(town: Town) -> dict[str, object]:
    """The answers of the open conversation."""
    here = select(answers).join(conversations).where(conversations.c.state == "open", answers.c.complete)
    return {row.key: row.value for row in await town.look(lambda c: list(c.execute(here)))}


def local(at: datetime) -> str:
    return f"{at.astimezone(SOFIA):%d.%m.%Y %H:%M}"


# --- the whole way --------------------------------------------------------------------------------------------------


async def test_a_mediator_publishes_a_parents_meeting_in_a_dozen_taps(town: Town, channel: str) -> None:
    """Between every two of them the whole service is loaded anew, so nothing is lost by a restart at any step."""
    mediator = await staff_member(town, channel)
    await parents(town, 3)
    await parents(town, 1, first=5100, status="stopped")
    await parents(town, 1, first=5200, channel="")
    await parents(town, 1, first=5300, group="4 б")
    assert t("agenda.new") in await labels_after(mediator, "/agenda")
    asked = [await mediator.press(t("agenda.new"))]
    asked += [await walk(mediator, [step]) for step in (*MEETING, *CLASS, "=3а", "Готово", t("event.yes_these"))]
    asked = [text.partition("\n")[0] for text in asked[:-1]]
    assert len(set(asked) - {asked[1]}) <= 12, "so many questions, the leafing aside"
    summary = mediator.last.text
    for said in SUMMED_UP:
        assert said in summary, said
    assert t("event.unreached", number=1) in summary
    assert t("event.stopped", number=1) in summary
    card = await mediator.press(t("event.publish", people=t("event.many_people", number=3)))
    assert t("event.published") in card
    assert "Родителска среща" in card

    (event,) = await all_events(town)
    me = (await contact_of(mediator)).id
    assert (event.kind, event.activity, event.title, event.place) == ("meeting", "parents", "Родителска среща", SCHOOL)
    assert (local(event.starts_at), event.ends_at - event.starts_at) == ("25.11.2026 17:30", timedelta(hours=1))
    assert (event.capacity, event.mediator_id, event.created_by, event.bring) == (None, me, me, "")
    assert event.audience == {"children": [["sofroniy", "3 а"]]}
    assert event.offsets == ("3d", "1d", "2h")
    due = await waiting(town, event.id)
    assert due.keys() == {"invite", "1d", "2h", "after"}, "what the invitation says needs no reminder of three days"
    assert (due["1d"], due["2h"], due["after"]) == ("24.11 17:30", "25.11 15:30", "25.11 19:00")
    assert await deeds(town) == [f"publish event:{event.id}"]
    assert not await rows(town, notices)


async def labels_after(person: Talker, command: str) -> list[str]:
    await person.press_data(command)
    return person.labels


async def test_the_preview_is_the_invitation_and_its_buttons_are_only_shown(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    await parents(town, 1)
    async with town.awake():
        said = await to_the_summary(mediator)
        preview, summary = (d.message for d in mediator.seen[-2:])
        invitation = line("notice.invite").partition("{")[0]
        assert invitation in preview.text
        assert said == f"{preview.text}\n---\n{summary.text}"
        assert t("event.only_example") in await mediator.press(t("button.coming"))
        assert mediator.last.text == summary.text, "the question is still there"
        assert any(PUBLISH in label for label in mediator.labels)
        await mediator.press(PUBLISH)
    (event,) = await all_events(town)
    assert event.status == "published"


async def test_a_confidential_activity_is_named_in_no_preview(town: Town) -> None:
    mediator = await staff_member(town, "telegram")
    await parents(town, 1)
    steps = ("Още", "Разговор с психолог", "по часове", "💡 Разговор", "=Кабинет 5", "Пропускам", "утре", "9:00")
    async with town.awake():
        await mediator.press_data("/new_event")
        await walk(mediator, (*steps, "30 мин", "=до 12:00", "Всички записани", t("event.yes_these"), "Пропускам"))
        preview = mediator.seen[-2].message
    assert "психолог" not in preview.text.lower()
    assert "Кабинет" not in preview.text


async def test_a_coordinator_says_who_leads(town: Town, channel: str) -> None:
    trainer = await staff_member(town, channel, "trainer", "2", name="Вера Донева")
    await staff_member(town, channel, "reporter", "3", name="Петър Нинов")
    coordinator = await staff_member(town, channel, "coordinator")
    async with town.awake():
        await to_the_summary_of_nobody(coordinator)
        assert [label for label in coordinator.labels if label.startswith(("🙋", "👤"))] == ["🙋 Аз", "👤 Вера Донева"]
        await coordinator.press("Вера")
        await coordinator.press(PUBLISH)
    (event,) = await all_events(town)
    assert event.mediator_id == (await contact_of(trainer)).id
    assert "Родителска среща" in " ".join(await labels_after(trainer, "/agenda")), "whoever leads it sees it"


async def test_whoever_is_alone_in_the_team_is_not_asked_who_leads(town: Town) -> None:
    coordinator = await staff_member(town, "web", "coordinator")
    async with town.awake():
        assert "Води: Стоян Илиев" in await to_the_summary_of_nobody(coordinator)
        await coordinator.press(t("button.change"))
        assert t("event.change_leader") not in coordinator.labels


async def to_the_summary_of_nobody(person: Talker) -> str:
    """A meeting to which nobody is invited yet, in one life of the service."""
    async with nullcontext() if person.town.running else person.town.awake():
        await person.press_data("/new_event")
        return await walk(person, (*MEETING, *CLASS, "=3 а", "Готово", t("event.yes_nobody")))


# --- other kinds ----------------------------------------------------------------------------------------------------

COURSE = ("Нова професия", "Курс с няколко", "💡 Курс", "=Читалището", "=до пощата", "=петък 9 ч.", "⏱ 2 ч")


async def test_a_course_every_week_keeps_its_local_hour(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    town.now = datetime(2026, 10, 12, 8, 0, tzinfo=SOFIA)  # two weeks before the clock goes back
    async with town.awake():
        await mediator.press_data("/new_event")
        await walk(mediator, (*COURSE, "Всяка седмица", "4", "Искат", t("event.yes_nobody"), "15", "=тетрадка"))
        await mediator.press(PUBLISH)
    lead, *later = await all_events(town)
    assert [local(e.starts_at) for e in (lead, *later)] == [f"{d} 09:00" for d in DATES]
    assert {e.lead_id for e in later} == {lead.id}
    assert {(e.capacity, e.bring, e.landmark, e.ends_at - e.starts_at) for e in (lead, *later)} == {
        (15, "тетрадка", "до пощата", timedelta(hours=2))
    }
    assert "invite" in await waiting(town, lead.id)
    assert sum(offset.startswith("week-") for offset in await waiting(town, lead.id)) == 3
    for one in later:
        assert (await waiting(town, one.id)).keys() == {"3d", "1d", "after"}, "at 9:00 nobody is reached before"


DATES = ("16.10.2026", "23.10.2026", "30.10.2026", "06.11.2026")


async def test_a_course_on_dates_of_its_own(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    async with town.awake():
        await mediator.press_data("/new_event")
        await walk(mediator, (*COURSE, t("event.other_dates"), "ср 02.12"))
        wrong = await mediator.say("1.12")
        assert line("asking.after") in wrong
        assert "📅 ср 02.12 9:00" in wrong, "what is there already stands below"
        await walk(mediator, ("=11.12 10:30", t("event.dates_done"), "Искат", t("event.yes_nobody"), "15", "Пропускам"))
        assert "Дати: 3, последната: пт 11.12" in mediator.last.text
        await mediator.press(PUBLISH)
    found = [local(e.starts_at) for e in await all_events(town)]
    assert found == ["27.11.2026 09:00", "02.12.2026 09:00", "11.12.2026 10:30"]


async def test_an_appointment_is_cut_into_slots(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    steps = ("Собствен бизнес", "по часове", "💡 Собствен", "=Читалището", "Пропускам", "=утре 9:00")
    async with town.awake():
        await mediator.press_data("/new_event")
        await walk(mediator, (*steps, "30 мин"))
        assert line("asking.slots_range") in await mediator.say("до 8:00")
        await walk(mediator, ("=до 11:00", "Искат", t("event.yes_nobody"), "Пропускам"))
        assert "🪑" not in mediator.last.text, "an appointment has as many places as slots"
        await mediator.press(PUBLISH)
        assert [label for label in mediator.labels if ":" in label] == ["🕐 9:00", "🕐 9:30", "🕐 10:00", "🕐 10:30"]
        assert t("event.line_free") in await mediator.press("9:30")
        await mediator.press(t("event.all_slots"))
    lead, *slots = await all_events(town)
    assert (lead.kind, lead.capacity, local(lead.ends_at)) == ("appointment", None, "25.11.2026 11:00")
    assert {(slot.kind, slot.capacity, slot.lead_id) for slot in slots} == {("slot", 1, lead.id)}
    assert len(slots) == 4


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_can_be_made_of_every_first_offer(town: Town, kind: str) -> None:
    """The first button of each question: no kind stops anywhere."""
    mediator = await staff_member(town, "web")
    async with town.awake():
        await mediator.press_data("/new_event")
        await mediator.press("Заедно")
        await mediator.press(t(str(KINDS[kind])))
        for _ in range(20):
            if PUBLISH in " ".join(mediator.labels):
                break
            buttons = [b for row in mediator.last.rows for b in row if not b.press.endswith((".back", ".again"))]
            buttons = [b for b in buttons if not b.press.startswith("/")]
            first = next((b for b in buttons if b.press.endswith(".done")), buttons[0] if buttons else None)
            if first is None or line("event.ask_landmark") in mediator.last.text:
                await mediator.say("До моста")
            else:
                await mediator.press_data(first.press)
        await mediator.press(PUBLISH)
    assert (await all_events(town))[0].kind == kind


# --- what is typed wrong --------------------------------------------------------------------------------------------

AT = {  # a question's key → wrong answers and what is said of each
    "title": [("я" * 2000, "miss.long"), ("123", "miss.text")],
    "place": [("я" * 121, "miss.long"), ("7", "miss.text")],
    "starts": [
        ("20.11 17:30", "asking.past"), ("31.02 10:00", "asking.no_such_day"), ("25:00", "asking.no_such_hour"),
        ("28.03.2027 03:30", "asking.skipped_hour"), ("1.5.2029 9:00", "asking.too_far"), ("скоро", "asking.when"),
    ],
    "length": [("8 дни", "asking.too_long"), ("10 дни", "asking.too_long"), ("дълго", "asking.length")],
    "who-class-sofroniy": [("9 я", "miss.choose"), ("всичките", "miss.choose")],
    "capacity-training": [
        ("0", "asking.range"), ("-1", "asking.range"), ("100000", "asking.range"), ("много", "asking.number"),
    ],
    "bring-training": [("я" * 201, "miss.long")],
}  # fmt: skip
TRAINING = (
    "Още", "Помощ с уроците", "🎓 Обучение", "=Уроци", SCHOOL, "=утре 10:00", "⏱ 2 ч", *CLASS, "=3 а", "Готово",
    "event.yes_nobody", "15", "Пропускам",
)  # fmt: skip


async def test_every_wrong_answer_gets_one_clear_sentence_and_loses_nothing(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    async with town.awake():
        await mediator.press_data("/new_event")
        seen = set()
        for step in TRAINING:
            asked = next(row.asked for row in await rows(town, conversations) if row.state == "open")
            before, question = await kept(town), mediator.last
            for typed, hint in AT.get(asked, ()):
                said = await mediator.say(typed)
                assert said.partition("\n\n")[2] == question.text, typed
                assert line(hint) in said, typed
                assert mediator.last.rows == question.rows, "and the same question with the same buttons"
                assert await kept(town) == before, typed
                seen.add(asked)
            await walk(mediator, [t(step) if step.startswith("event.") else step])
        assert seen == AT.keys()
        assert line("event.confirm") in mediator.last.text


async def test_a_day_and_an_hour_may_come_one_by_one_in_any_order(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    async with town.awake():
        await mediator.press_data("/new_event")
        await walk(mediator, MEETING[:5])
        assert "17:30" in await mediator.say("17:30")
        assert "сряда, 25.11, 17:30 (утре)" in await mediator.press("утре")
        await mediator.press(t("button.back"))
        assert "ср 25.11" in await mediator.say("утре")
        assert line("asking.no_such_hour") in await mediator.say("25:00")
        assert "ср 25.11" in mediator.last.text, "the day is kept"
        assert "сряда, 25.11, 18:15 (утре)" in await mediator.say("18.15 ч.")


async def test_time_passes_while_the_draft_lies_there(town: Town, channel: str) -> None:
    """Only the time is asked again; and what is published was seen before."""
    mediator = await staff_member(town, channel)
    await to_the_summary_of_nobody(mediator)
    town.now += timedelta(days=3)
    said = await mediator.press(PUBLISH)
    assert t("event.past") in said
    assert line("event.ask_when") in said
    assert not await all_events(town)
    assert line("event.confirm") in await mediator.say("утре 18:00"), "the new time is seen before it is published"
    await mediator.press(PUBLISH)
    (event,) = await all_events(town)
    assert local(event.starts_at) == "28.11.2026 18:00"


# --- for whom -------------------------------------------------------------------------------------------------------


async def test_an_audience_of_nobody_is_said_and_allowed(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    async with town.awake():
        await mediator.press_data("/new_event")
        said = await walk(mediator, (*MEETING, *CLASS, "=3 а", "Готово"))
        assert line("event.will_invite_nobody") in said
        await mediator.press(t("event.other_people"))
        assert line("event.ask_who") in mediator.last.text, "and other people can be chosen"
        await walk(mediator, ("Село", "=ино", "с. Иново", t("event.yes_nobody")))
        assert "душ" not in " ".join(mediator.labels)
        await mediator.press(t("event.publish_quietly"))
    (event,) = await all_events(town)
    assert event.audience == {"settlements": ["inovo"]}


@pytest.mark.parametrize("criterion", CRITERIA)
async def test_each_way_to_say_for_whom_is_counted(town: Town, criterion: str) -> None:
    mediator = await staff_member(town, "web")
    await parents(town, 2, language="rom", settlement="inovo")
    await parents(town, 3, first=5100, settlement="vidin", group="4 б")
    like = {"contact_id": 5101, "activity": "parents", "created_at": town.now}
    await town.change(lambda c: c.execute(interests.insert().values(like)))
    ways = {
        "activities": (["Искат"], 1, {"activities": ["parents"]}),
        "children": ([*CLASS, "=3 а", "Готово"], 2, {"children": [["sofroniy", "3 а"]]}),
        "settlements": (["Село", "гр. Видин"], 3, {"settlements": ["vidin"]}),
        "languages": (["Един език", "Романес"], 2, {"languages": ["rom"]}),
        "all": (["Всички записани"], 5, {"all": True}),  # whoever makes it is there anyway
    }
    steps, number, audience = ways[criterion]
    async with town.awake():
        await mediator.press_data("/new_event")
        said = await walk(mediator, (*MEETING, *steps))
        people = t("event.one_person") if number == 1 else t("event.many_people", number=number)
        assert t("event.will_invite", people=people, lines="").partition("\n")[0] in said
        await mediator.press(t("event.yes_these"))
        await mediator.press(t("event.publish", people=people))
    (event,) = await all_events(town)
    assert event.audience == audience


async def test_two_things_may_be_combined_and_no_third(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    await parents(town, 4)
    await parents(town, 2, first=5100, settlement="inovo")
    async with town.awake():
        await mediator.press_data("/new_event")
        await walk(mediator, (*MEETING, *CLASS, t("event.whole_school")))
        assert t("event.many_people", number=6) in mediator.last.text
        await mediator.press(t("event.narrow"))
        assert t("event.by_class") not in mediator.labels, "not the same thing twice"
        await walk(mediator, ("Село", "=inovo", "с. Иново"))
        assert t("event.many_people", number=2) in mediator.last.text
        assert t("event.narrow") not in mediator.labels
        await walk(mediator, (t("event.yes_these"), PUBLISH))
    (event,) = await all_events(town)
    assert event.audience == {"children": [["sofroniy", ""]], "settlements": ["inovo"]}


# --- the summary ----------------------------------------------------------------------------------------------------

CHANGED = {  # what is changed → steps, and what the summary says then
    "activity": (("Заедно",), "🎉"),
    "kind": (("🎉 Събитие за всички",), ""),
    "title": (("=Среща на класа",), "Среща на класа"),
    "place": (("=Залата", "=до двора"), "📍 Залата (до двора)"),
    "starts": (("=27.11 18:00",), "петък, 27.11, 18:00, до 19:00"),
    "length": (("2 ч",), "до 19:30"),
    "who": (("Всички записани", "event.yes_these"), "всички записани"),
    "capacity": (("25",), "Места: 25"),
    "mediator": (("Вера",), "Води: Вера Донева"),
    "bring": (("=химикал",), "Да носят: химикал"),
    "offsets": (("3 дни", "Готово"), "Напомняме преди: 1 ден · 2 часа"),
}


@pytest.mark.parametrize("code", CHANGED)
async def test_each_answer_can_be_changed_on_the_summary(town: Town, code: str) -> None:
    await staff_member(town, "web", "trainer", "2", name="Вера Донева")
    mediator = await staff_member(town, "web")
    steps, said = CHANGED[code]
    change = _changes(chat_of(town), "meeting")[code]
    async with town.awake():
        await to_the_summary_of_nobody(mediator)
        await mediator.press(t("button.change"))
        await mediator.press(t(str(change.label)))
        await walk(mediator, [t(step) if step.startswith("event.") else step for step in steps])
        assert line("event.confirm") in mediator.last.text
        assert said in mediator.last.text
        await mediator.press(PUBLISH)
    assert len(await all_events(town)) == 1


def chat_of(town: Town) -> object:
    """As much of a chat as the list of changes looks at."""
    return type("C", (), {"programme": programme()})


def test_the_summary_offers_a_change_of_everything_that_fits_its_kind() -> None:
    chat = type("C", (), {"programme": programme()})
    assert set(_changes(chat, "meeting")) == set(CHANGED)
    assert set(_changes(chat, "course")) == {*CHANGED, "dates"}
    assert set(_changes(chat, "appointment")) == {*CHANGED, "slot"} - {"length", "capacity"}
    assert all(isinstance(change.label, str | Words) for change in _changes(chat, "course").values())


@pytest.mark.parametrize("typed", ["1", "-1", "–1", "1."])
async def test_a_number_publishes_nothing(town: Town, typed: str) -> None:
    mediator = await staff_member(town, "telegram")
    await parents(town, 2)
    await to_the_summary(mediator)
    assert t("miss.choose") in await mediator.say(typed)
    assert not await all_events(town)


async def test_the_button_of_an_older_summary_publishes_nothing(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    async with town.awake():
        await to_the_summary_of_nobody(mediator)
        _, old = mediator.find(PUBLISH)
        await walk(mediator, (t("button.change"), t("event.change_when"), "=27.11 18:00"))
        await mediator.press_data(old.press)
        assert line("event.confirm") in mediator.last.text
        assert not await all_events(town)
        await mediator.press(PUBLISH)
        await mediator.press_data(old.press)
    assert len(await all_events(town)) == 1


async def test_a_changed_time_takes_the_later_dates_along(town: Town) -> None:
    mediator = await staff_member(town, "telegram")
    async with town.awake():
        await mediator.press_data("/new_event")
        await walk(mediator, (*COURSE, t("event.other_dates"), "ср 02.12", t("event.dates_done")))
        await walk(mediator, ("Искат", t("event.yes_nobody"), "15", "Пропускам"))
        await walk(mediator, (t("button.change"), t("event.change_when"), "=11.12 9:00"))
        assert line("event.ask_date") in mediator.last.text, "they were after another first one"
        await walk(mediator, ("пн 14.12", t("event.dates_done"), PUBLISH))
    assert [local(e.starts_at) for e in await all_events(town)] == ["11.12.2026 09:00", "14.12.2026 09:00"]


async def test_the_last_places_are_offered_with_their_landmarks(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    await made_by(mediator, place="Читалището", landmark="до пощата")
    other = await staff_member(town, channel, "coordinator", "2", name="Ани Петрова")
    await made_by(other, place="Залата", landmark="")
    async with town.awake():
        await mediator.press_data("/new_event")
        await walk(mediator, MEETING[:4])
        assert mediator.labels[:2] == ["📍 Читалището", "📍 Залата"], "one's own first"
        await mediator.press("Читалището")
        assert line("event.ask_when") in mediator.last.text, "nobody is asked what is known"


# --- who may --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["trainer", "reporter", ""])
async def test_for_others_it_does_not_exist(town: Town, channel: str, role: str) -> None:
    person = town.person(channel)
    await register(person)
    if role:
        person = await staff_member(town, channel, role, "2")
    async with town.awake():
        nonsense = await person.say("/nonsense")
        for command in ("/new_event", "/example", "/move 1.1", "/place 1.1", "/cancel 1.1"):
            assert await person.say(command) == nonsense, command
        if role != "trainer":
            for command in ("/agenda", "/past_events", "/event 1"):
                assert await person.say(command) == nonsense, command


async def test_a_role_is_taken_away_in_the_middle(town: Town, channel: str) -> None:
    mediator = await staff_member(town, channel)
    await to_the_summary_of_nobody(mediator)
    await town.change(lambda c: c.execute(delete(staff)))
    assert t("staff.no_longer") in await mediator.press(PUBLISH)
    assert not await all_events(town)
    assert not await rows(town, event_versions)


async def test_somebody_left_the_team_while_they_were_chosen_to_lead(town: Town) -> None:
    trainer = await staff_member(town, "web", "trainer", "2", name="Вера Донева")
    coordinator = await staff_member(town, "web", "coordinator")
    await to_the_summary_of_nobody(coordinator)
    await coordinator.press("Вера")
    gone = (await contact_of(trainer)).id
    await town.change(lambda c: c.execute(delete(staff).where(staff.c.contact_id == gone)))
    await coordinator.press(PUBLISH)
    assert "Води: Стоян Илиев" in coordinator.last.text, "the summary is shown anew, since it is another one"
    await coordinator.press(PUBLISH)
    (event,) = await all_events(town)
    assert event.mediator_id == (await contact_of(coordinator)).id


async def test_invitations_of_the_evening_wait_for_the_morning_and_it_is_said(town: Town) -> None:
    mediator = await staff_member(town, "web")
    town.now = datetime(2026, 11, 24, 21, 0, tzinfo=SOFIA)
    await to_the_summary_of_nobody(mediator)
    assert t("event.published_later", when="сряда, 25.11, 8:30 (утре)") in await mediator.press(PUBLISH)


async def test_the_programme_may_switch_a_reminder_off(town: Town) -> None:
    known = programme()
    town.world = replace(town.world, programme=replace(known, reminders=replace(known.reminders, offsets=("1d", "2h"))))
    mediator = await staff_member(town, "web")
    async with town.awake():
        await to_the_summary_of_nobody(mediator)
        await walk(mediator, (t("button.change"), t("event.change_reminders")))
        assert [label for label in mediator.labels if "🔔" in label] == ["☑️ 🔔 1 ден преди", "☑️ 🔔 2 часа преди"]
        await walk(mediator, ("1 ден", "2 часа", t("event.no_reminders"), PUBLISH))
    (event,) = await all_events(town)
    assert event.offsets == ()
    assert (await waiting(town, event.id)).keys() == {"invite", "after"}


async def test_a_name_without_a_contact_breaks_nothing(town: Town) -> None:
    """Somebody was erased: their name is empty, and an event of theirs still shows."""
    mediator = await staff_member(town, "web")
    event = await made_by(mediator)
    await town.change(lambda c: c.execute(update(contact_rows).values(name=None)))
    await town.change(lambda c: c.execute(update(event_rows).values(place="Залата")))
    assert "Залата" in await mediator.say(f"/event {event.id}")


async def test_invitations_that_would_come_too_late_are_calls_and_it_is_said(town: Town) -> None:
    mediator = await staff_member(town, "web")
    town.now = datetime(2026, 11, 24, 22, 0, tzinfo=SOFIA)
    async with town.awake():
        await mediator.press_data("/new_event")
        await walk(mediator, (*MEETING[:5], "=утре 8:00", MEETING[7], *CLASS, "=3 а", "Готово", t("event.yes_nobody")))
        assert t("event.published_unheard") in await mediator.press(PUBLISH)
        assert t("event.act_calls") in mediator.labels


async def test_a_course_whose_first_date_comes_too_early_is_announced_with_the_next(town: Town) -> None:
    mediator = await staff_member(town, "web")
    town.now = datetime(2026, 11, 24, 22, 0, tzinfo=SOFIA)
    await parents(town, 2)
    steps = (*COURSE[:5], "=утре 8:00", *COURSE[6:], "Всяка седмица", "4")
    async with town.awake():
        await mediator.press_data("/new_event")
        await walk(mediator, (*steps, "Всички записани", t("event.yes_these"), "15", "Пропускам"))
        card = await mediator.press(t("event.publish", people=t("event.many_people", number=2)))
    assert t("event.published_part", when="сряда, 25.11, 8:30 (утре)") in card
    first, second, *_ = await all_events(town)
    assert (await waiting(town, first.id))["invite"].startswith("24.11 22:"), "at once, so that it is called about"
    assert (await waiting(town, second.id))["invite"] == "25.11 08:30"
