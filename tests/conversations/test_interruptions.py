"""A reminder in the middle of a conversation: the open question is put again behind it, and both can be answered."""

from __future__ import annotations

from storage.tables import invitations
from tests.conversations.client import Town, programme
from tests.conversations.event_kit import HOUR, made_by, staff_member
from tests.conversations.people import contact_of, line, register, rows, t
from tests.storage.events_kit import fire


async def test_a_question_left_hours_ago_is_not_put_again(town: Town, channel: str) -> None:
    mediator = await staff_member(town, "telegram", external="900")
    person = town.person(channel)
    await register(person)
    event = await made_by(mediator, town.now + 25 * HOUR, audience={"all": True}, activity="vocational")
    await person.say(t("menu.question"))
    town.now += 2 * HOUR
    await town.change(lambda c: fire(c, event, "invite", town.now, programme().rules))
    await town.deliver()
    said = person.receive()
    assert event.title in said
    assert line("question.ask") not in said, "an old question would only puzzle"


async def test_both_can_be_answered(town: Town, channel: str) -> None:
    mediator = await staff_member(town, "telegram", external="900")
    person = town.person(channel)
    await register(person)
    event = await made_by(mediator, town.now + 25 * HOUR, audience={"all": True}, activity="vocational")
    town.now += 1.1 * HOUR
    await person.say(t("menu.question"))
    await town.change(lambda c: fire(c, event, "invite", town.now, programme().rules))
    await town.deliver()
    said = person.receive()
    assert event.title in said
    assert said.endswith(t("question.ask")), "what waits comes last, where the eye is"
    assert line("question.ask") in await person.press(t("button.coming"))
    (mine,) = [r for r in await rows(town, invitations) if r.contact_id == (await contact_of(person)).id]
    assert mine.rsvp == "yes"
    assert line("question.sent") in await person.say("Има ли автобус?")
