"""Who takes part, how a stay ends, and what came of it: asked of the person, confirmed by staff."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.messages import Button, Outgoing
from handlers.followup import compose_followup
from storage import attendance, export, followups, participation
from storage.followups import FollowUp
from storage.tables import addresses, audit, feedback, outbox, participations, results
from tests.conversations.client import Talker, Town, programme, world
from tests.conversations.guests import HOUR, acting_of, change, event, people, rules, set_columns, staff_of
from tests.conversations.people import contact_of, line, register, rows, t

DAY = timedelta(days=1)
CODE = "vocational"
RUBBISH = ("", "x", "0", "-1", "1.2", "9" * 15, "9" * 40, "٣", "'; drop--")


async def participant(town: Town, channel: str, **more: Any) -> tuple[Talker, Talker]:
    """Somebody who came to a training, and the mediator who led it."""
    person, mediator = town.person(channel), await staff_of(town, channel)
    await register(person)
    number = (await contact_of(person)).id
    made = await event(mediator, [number], after=2 * HOUR, **more)
    acting = await acting_of(mediator)
    came = {"event_id": made.id, "contact_id": number, "came": True}
    await change(town, lambda c: attendance.mark(c, acting, **came))
    town.now += 4 * HOUR
    return person, mediator


async def the_stay(town: Town) -> Any:
    (row,) = await rows(town, participations)
    return row


async def asked(town: Town, mediator: Talker, due: str = "4w") -> int:
    """The participant completes, and is asked; gives the number of what is asked."""
    await mediator.press_data(f"/leave_activity {(await the_stay(town)).id} completed")
    town.now += (15 if due == "4w" else 184) * DAY
    now = town.now
    assert await change(town, lambda c: followups.followups_due(c, now, rules())) == 1
    return int(next(row.id for row in await rows(town, results) if row.due == due))


async def result_of(town: Town, number: int) -> Any:
    return await town.look(lambda c: c.execute(select(results).where(results.c.id == number)).one())


# --- who takes part -------------------------------------------------------------------------------------------------


async def test_from_the_activity_to_the_person_and_out(town: Town, channel: str) -> None:
    _, mediator = await participant(town, channel)
    await mediator.say(t("menu.staff"))
    assert line("participant.activities") in await mediator.press(t("button.participant_list"))
    assert t("participant.list", activity="🛠️ Нова професия", inside=1, gone=0) in await mediator.press("Нова професия")
    assert "Мария Иванова" in await mediator.press("Мария Иванова")
    assert t("participant.since", day="вторник, 24 ноември") in mediator.last.text
    assert mediator.labels[:2] == [t("button.completed"), t("button.left")]
    assert t("participant.completed", day="вторник, 24 ноември") in await mediator.press(t("button.completed"))
    stay = await the_stay(town)
    assert (stay.exit_kind, stay.exit_reason) == ("completed", "")
    assert {row.state for row in await rows(town, results)} == {"waiting"}
    assert (
        t("button.completed") in await mediator.press(t("button.exit_back")) or t("button.completed") in mediator.labels
    )
    assert (await the_stay(town)).exit_at is None
    assert {row.state for row in await rows(town, results)} == {"dropped"}


async def test_whoever_leaves_has_a_reason_that_is_no_illness(town: Town, channel: str) -> None:
    _, mediator = await participant(town, channel)
    await mediator.press_data(f"/participant {(await the_stay(town)).id}")
    assert line("participant.why") in await mediator.press(t("button.left"))
    assert mediator.labels[: -1 - len(mediator.work)] == [
        t(f"reason.{code}") for code in ("work_found", "moved", "family", "no_interest", "other")
    ]
    assert t("reason.moved") in await mediator.press(t("reason.moved"))
    assert ((await the_stay(town)).exit_kind, (await the_stay(town)).exit_reason) == ("left", "moved")
    assert "🚪 Мария Иванова" in (await mediator.press_data(f"/people_in {CODE}") and mediator.labels)


async def test_a_list_is_leafed_through_in_eights(town: Town, channel: str) -> None:
    _, mediator = await participant(town, channel)
    acting = await acting_of(mediator)
    for number in await people(town, *(f"Човек {n:02}" for n in range(18))):
        who = {"contact_id": number, "activity": CODE}
        await change(town, lambda c, who=who: participation.enrol(c, acting, **who))  # type: ignore[misc]
    await mediator.press_data(f"/people_in {CODE}")
    assert sum("👤" in label for label in mediator.labels) == 8
    assert t("button.leaf_back") not in mediator.labels
    await mediator.press(t("button.leaf"))
    await mediator.press(t("button.leaf"))
    assert sum("👤" in label for label in mediator.labels) == 3
    assert t("button.leaf") not in mediator.labels
    await mediator.press(t("button.leaf_back"))
    assert sum("👤" in label for label in mediator.labels) == 8
    await mediator.press_data(f"/people_in {CODE} 999")
    assert sum("👤" in label for label in mediator.labels) == 3


async def test_participants_are_seen_by_those_who_lead(town: Town, channel: str) -> None:
    person, _ = await participant(town, channel)
    other = await staff_of(town, channel, "mediator", "s2")
    trainer = await staff_of(town, channel, "trainer", "s3")
    coordinator = await staff_of(town, channel, "coordinator", "s4")
    number = (await the_stay(town)).id
    commands = (f"/participant {number}", f"/leave_activity {number} completed")
    async with town.awake():
        for command in commands:
            assert await other.say(command) == t("participant.gone")
            for talker in (person, trainer):
                assert "Мария Иванова" not in await talker.say(command)
        for odd in RUBBISH:
            assert await coordinator.say(f"/participant {odd}") == t("participant.gone"), odd
        assert line("participant.nobody") in await other.say("/people_in")
        assert line("participant.activities") in await coordinator.say("/people_in nonsense 3")
        assert "Мария Иванова" in await coordinator.say(f"/leave_activity {number} nonsense")
    assert (await the_stay(town)).exit_at is None


# --- the message ----------------------------------------------------------------------------------------------------


def composed(activity: str = CODE, name: str = "Мария Иванова") -> Outgoing:
    facts = FollowUp(7, name, "bg", activity, "4w")
    return compose_followup(world().texts, programme(), facts, None)  # type: ignore[arg-type]


def test_the_message_names_the_person_and_the_activity_and_leads_to_the_questions() -> None:
    message = composed()
    assert message.text.startswith("Мария, ")
    assert "Нова професия" in message.text
    assert message.rows[0] == (Button(t("button.answer"), press="/result 7"),)
    assert composed(name="").text.startswith(t("notice.hello"))


def test_the_message_names_nothing_confidential() -> None:
    quiet = next(a for a in programme().activities if a.confidential)
    assert quiet.name not in composed(quiet.code).text
    assert t("result.quietly") in composed(quiet.code).text
    assert composed("left-the-programme").text


# --- the answers ----------------------------------------------------------------------------------------------------


async def test_two_questions_after_a_training_and_a_confirmation(town: Town, channel: str) -> None:
    person, mediator = await participant(town, channel)
    number = await asked(town, mediator)
    assert t("result.work") in await person.press_data(f"/result {number}")
    assert line("result.document") in await person.press(t("work.yes"))
    assert line("result.thanks") in await person.press(t("button.yes"))
    row = await result_of(town, number)
    assert (row.state, row.answers) == ("answered", {"work": "yes", "document": "yes", "by": "person"})
    assert await person.press_data(f"/result {number}") == t("result.already")
    await mediator.say("/staff")
    assert t("result.list", answered=1, silent=0) in await mediator.press(t("button.day_results", count=1))
    card = await mediator.press("Мария Иванова")
    assert t("result.said_work", answer=t("work.yes")) in card
    assert t("result.unsure") in card
    assert "0888 123 456" in card
    assert t("result.list_empty") in await mediator.press(t("button.confirm"))
    row = await result_of(town, number)
    assert (row.state, row.confirmed_by) == ("confirmed", (await contact_of(mediator)).id)
    assert {"look", "confirm"} <= {r.action for r in await rows(town, audit)}


async def test_no_document_is_asked_for_where_nobody_was_trained(town: Town, channel: str) -> None:
    person, mediator = await participant(town, channel, kind="meeting")
    number = await asked(town, mediator)
    await person.press_data(f"/result {number}")
    assert line("result.thanks") in await person.press(t("work.studying"))
    assert (await result_of(town, number)).answers == {"work": "studying", "by": "person"}


@pytest.mark.parametrize("worked", [True, False])
async def test_after_half_a_year_whoever_worked_before_is_asked_whether_it_is_better(town: Town, worked: bool) -> None:
    person, mediator = await participant(town, "telegram")
    said = "yes" if worked else "no_searching"
    await change(town, lambda c: c.execute(update(participations).values(entry_work=said)))
    number = await asked(town, mediator, "6m")
    await person.press_data(f"/result {number}")
    said = await person.press(t("work.yes"))
    assert (line("result.job") in said) == worked
    if worked:
        await person.press(t("job.better"))
    answers = (await result_of(town, number)).answers
    assert answers == {"work": "yes", **({"job": "better"} if worked else {}), "by": "person"}


async def test_what_was_said_lately_is_not_asked_again(town: Town) -> None:
    person, mediator = await participant(town, "telegram")
    number = await asked(town, mediator)
    await person.press_data(f"/result {number}")
    await person.press(t("work.yes"))
    await person.press(t("button.no"))
    acting = await acting_of(mediator)
    who = (await contact_of(person)).id
    await change(town, lambda c: participation.enrol(c, acting, contact_id=who, activity="parents"))
    other = next(row.id for row in await rows(town, participations) if row.activity == "parents")
    await mediator.press_data(f"/leave_activity {other} completed")
    town.now += 15 * DAY
    now = town.now
    await change(town, lambda c: followups.followups_due(c, now, rules()))
    second = next(r.id for r in await rows(town, results) if r.participation_id == other and r.due == "4w")
    assert line("result.thanks") in await person.press_data(f"/result {second}")
    assert (await result_of(town, second)).answers["work"] == "yes"


async def test_a_button_of_another_time_or_person_gets_one_clear_sentence(town: Town, channel: str) -> None:
    person, mediator = await participant(town, channel)
    number = await asked(town, mediator)
    stranger = town.person(channel, "99")
    await register(stranger, phone="0888 999 999")
    assert await stranger.press_data(f"/result {number}") == t("result.gone")
    later = next(row.id for row in await rows(town, results) if row.id != number)
    async with town.awake():
        assert await person.press_data(f"/result {later}") == t("result.gone"), "not asked yet"
        for odd in RUBBISH:
            assert await person.press_data(f"/result {odd}") == t("result.gone"), odd
    await set_columns(town, results, number, state="dropped")
    assert await person.press_data(f"/result {number}") == t("result.gone")


async def test_a_follow_up_in_the_middle_of_another_talk_does_not_lose_itself(town: Town, channel: str) -> None:
    person, mediator = await participant(town, channel)
    number = await asked(town, mediator)
    await person.say(t("menu.question"))
    assert t("result.work") in await person.press_data(f"/result {number}")
    await person.press_data("/person")
    assert t("result.work") in person.last.text


# --- by telephone ---------------------------------------------------------------------------------------------------


async def test_staff_enter_what_they_hear(town: Town, channel: str) -> None:
    person, mediator = await participant(town, channel)
    number = await asked(town, mediator)
    assert t("result.list_empty") in await mediator.say("/results")
    town.now += 3 * DAY
    assert t("result.list", answered=0, silent=1) in await mediator.say("/results")
    card = await mediator.press("Мария Иванова")
    assert t("result.silent", day="вторник, 22 декември") in card
    assert t("button.confirm") not in mediator.labels
    assert line("result.their_work") in await mediator.press(t("button.enter"))
    await mediator.press(t("work.no_searching"))
    assert t("result.list_empty") in await mediator.press(t("button.no"))
    row = await result_of(town, number)
    assert (row.state, row.answers["by"], row.answers["work"]) == ("confirmed", "staff", "no_searching")
    assert await person.press_data(f"/result {number}") == t("result.already")
    corrected = await mediator.press_data(f"/confirm {number}")
    assert t("result.confirmed") in corrected
    assert t("button.correct") in mediator.labels


async def test_what_is_too_late_or_not_theirs_cannot_be_entered(town: Town, channel: str) -> None:
    _, mediator = await participant(town, channel)
    number = await asked(town, mediator)
    other = await staff_of(town, channel, "mediator", "s2")
    async with town.awake():
        for command in (f"/confirm {number}", f"/confirm {number} yes", f"/result_facts {number}"):
            assert await other.say(command) == t("result.unknown")
        for odd in RUBBISH:
            assert await mediator.say(f"/confirm {odd}") == t("result.unknown"), odd
    await mediator.press_data(f"/confirm {number} yes")
    assert (await result_of(town, number)).state == "asked", "nothing was answered yet"
    await set_columns(town, results, number, state="dropped")
    assert t("result.late") in await mediator.say(f"/confirm {number}")
    assert t("result.late") in await mediator.say(f"/result_facts {number}")


async def test_a_person_without_a_channel_is_on_the_list(town: Town) -> None:
    person, mediator = await participant(town, "telegram")
    await mediator.press_data(f"/leave_activity {(await the_stay(town)).id} completed")
    hers = addresses.c.contact_id == (await contact_of(person)).id
    await change(town, lambda c: c.execute(update(addresses).where(hers).values(status="blocked")))
    town.now += 15 * DAY
    now = town.now
    assert await change(town, lambda c: followups.followups_due(c, now, rules())) == 0
    assert t("result.list", answered=0, silent=1) in await mediator.say("/results")


# --- one's rights ---------------------------------------------------------------------------------------------------


async def test_one_s_own_file_holds_it_and_erasing_leaves_only_what_the_law_keeps(town: Town, channel: str) -> None:
    person, mediator = await participant(town, channel)
    number = await asked(town, mediator)
    await person.press_data(f"/result {number}")
    await person.press(t("work.yes"))
    await person.press(t("button.yes"))
    acting = await acting_of(person)
    (stay,) = (await town.look(lambda c: export.everything(c, acting)))["участия"]
    assert (stay["дейност"], stay["как"], stay["после"][0]["отговори"]["work"]) == (CODE, "completed", "yes")
    await person.say(t("menu.data"))
    await person.press(t("data.delete"))
    await person.press(t("button.yes_sure"))
    assert [(r.state, r.answers) for r in await rows(town, results)] == [("dropped", None)] * 2
    assert (await the_stay(town)).activity == CODE
    assert await rows(town, feedback) == []
    assert "Мария" not in await mediator.press_data(f"/people_in {CODE}")
    assert "Мария" not in "".join(mediator.labels)
    assert not [row for row in await rows(town, outbox) if row.key.startswith("result:")]
