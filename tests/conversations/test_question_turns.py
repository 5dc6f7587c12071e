"""What a question is about, what a promise does to it, and how the team sees it: in each channel, on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, select, update

from storage.tables import addresses, broadcasts, outbox, recipients, tickets
from tests.conversations.client import programme
from tests.conversations.guests import event
from tests.conversations.people import contact_of, register, rows, t
from tests.conversations.ticket_kit import (
    DAY,
    HOUR,
    ask,
    clock,
    coordinator,
    mediator,
    number_of,
    resident,
    waiting,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tests.conversations.client import Talker, Town

SEND = t("ticket.do_send", name="Мария И.")


async def test_a_promise_is_no_answer_and_stays_with_whoever_gave_it(town: Town, channel: str) -> None:
    """„Проверявам“ promises: the question waits a working day more, also after „Благодаря“, and is nobody else's."""
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    await ask(maria)
    rositsa.receive()
    await rositsa.press(t("ticket.do_answer"))
    await rositsa.press("🔎 Проверявам")
    town.now += HOUR
    said = await rositsa.press(SEND)
    assert t("ticket.sent_promise") in said
    assert t("ticket.due", when="сряда, 25.11, 11:30 (утре)") in said
    assert t("ticket.yours") in said
    assert rositsa.labels[0] == t("ticket.do_answer")
    assert "Трябва да проверя" in maria.receive()
    await maria.press(t("button.thank_you"))
    (ticket,) = await rows(town, tickets)
    assert (ticket.status, ticket.taken_by, ticket.answered_at) == ("open", await number_of(rositsa), None)
    assert await waiting(rositsa) == 1
    town.now += DAY + HOUR
    assert await clock(town) == 1, "and what was promised comes to the coordinators like everything that is late"


async def test_something_may_be_added_to_an_answer_also_after_thanks(town: Town, channel: str) -> None:
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    await ask(maria)
    rositsa.receive()
    await rositsa.press(t("ticket.do_answer"))
    await rositsa.say("В сряда.")
    await rositsa.press(SEND)
    maria.receive()
    await maria.press(t("button.thank_you"))
    (ticket,) = await rows(town, tickets)
    await rositsa.press_data(f"/ticket {ticket.id}")
    assert rositsa.labels[0] == t("ticket.do_answer_again")
    await rositsa.press(t("ticket.do_answer_again"))
    await rositsa.say("Носете лична карта.")
    assert t("ticket.sent") in await rositsa.press(SEND)
    assert "Носете лична карта." in maria.receive()


async def told(town: Town, author: Talker, reader: Talker, text: str) -> int:
    """An announcement of theirs reached somebody a moment ago."""
    by, to = await number_of(author), await contact_of(reader)

    def enter(connection: Connection) -> int:
        row = {
            "by_id": by, "words": {"bg": text}, "buttons": [], "audience": {}, "fingerprint": bytes(16),
            "status": "done", "due_at": town.now, "created_at": town.now,
        }  # fmt: skip
        number = int(connection.execute(insert(broadcasts).values(row)).inserted_primary_key[0])
        key = f"broadcast:{number}:{to.id}"
        at = {"not_before": town.now, "expires_at": town.now, "created_at": town.now, "sent_at": town.now}
        where = connection.execute(select(addresses.c.id).where(addresses.c.contact_id == to.id)).scalar()
        sent = {"key": key, "channel": "web", "address_id": where, "contact_id": to.id, "lane": 3, "status": "sent"}
        connection.execute(insert(outbox).values(sent | at))
        got = {"broadcast_id": number, "contact_id": to.id, "status": "queued", "message": key, "at": town.now}
        connection.execute(insert(recipients).values(got))
        return number

    return await town.change(enter)


async def test_words_right_after_an_announcement_go_to_whoever_wrote_it(town: Town, channel: str) -> None:
    """To its author alone, who sees which one it was; the resident sees their name. An hour later it is over."""
    maria = await resident(town, channel)
    rositsa, ivan = await mediator(town, channel), await mediator(town, channel, "51", "Иван Колев")
    number = await told(town, ivan, maria, "Здравейте, ((име))! Безплатен курс по готварство от понеделник.")
    await maria.say("А мога ли с дете?")
    assert "Иван" in await maria.press(t("button.send_question"))
    await town.deliver()
    assert t("ticket.about_announcement", text="Здравейте! Безплатен курс по готварство…") in ivan.receive()
    assert rositsa.receive() == ""
    assert [one.about for one in await rows(town, tickets)] == [f"broadcast:{number}"]
    town.now += 2 * HOUR
    await maria.say("А друго мога ли?")
    await maria.press(t("button.send_question"))
    assert [one.about for one in await rows(town, tickets)][1] == ""


@pytest.mark.parametrize("typed", ["Кога е срещата?", "къде е", "в колко часа е заваряването", "koga e sreshtata"])
async def test_when_and_where_are_answered_by_the_event_itself(town: Town, channel: str, typed: str) -> None:
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    await event(rositsa, [await number_of(maria)])
    said = await maria.say(typed)
    assert "Заваряване\n📅 четвъртък, 26.11, 10:0" in said
    assert "📍 Читалището" in said
    assert maria.labels[:2] == [t("button.that_event"), t("button.send_question")]
    assert "Заваряване" in await maria.press(t("button.that_event"))
    assert t("button.coming") in maria.labels
    assert await rows(town, tickets) == []


async def test_other_words_are_no_question_about_an_event(town: Town) -> None:
    maria, rositsa = await resident(town, "telegram"), await mediator(town, "telegram")
    await maria.say("кога е срещата")
    assert t("button.that_event") not in maria.labels, "there is none"
    await maria.press_data("/menu")
    await event(rositsa, [await number_of(maria)])
    await maria.say("кога ще плащат тока на баба")
    assert t("button.that_event") not in maria.labels


async def test_the_list_shows_first_words_and_explains_its_own_signs(town: Town, channel: str) -> None:
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    await ask(maria)
    said = await rositsa.press_data("/questions")
    assert rositsa.labels[0] == "🟠 Мария И. · „Кога ще дойде…“"
    assert said.splitlines() == [t("ticket.waiting"), t("ticket.sign_waits")]
    (ticket,) = await rows(town, tickets)
    await town.change(lambda c: c.execute(update(tickets).values(confidential=True)))
    ani = await coordinator(town, channel)
    await ani.press_data("/questions")
    assert ani.labels[0] == t("ticket.row", sign="🟠", who="Мария И.", wait=t("ticket.minutes", number=0))
    await ani.press_data(f"/take {ticket.id}")
    assert t("ticket.sign_taken") in await ani.press_data("/questions")


async def test_a_letter_that_nobody_answered_is_no_question(town: Town, channel: str) -> None:
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    await rositsa.press_data(f"/write {await number_of(maria)}")
    await rositsa.say("Елате утре.")
    await rositsa.press(t("button.send_to", name="Мария И."))
    await town.deliver()
    maria.receive()
    await rositsa.press_data("/questions")
    assert rositsa.labels == [t("menu.staff")]
    await maria.say("Добре, ще дойда сутринта.")
    await rositsa.press_data("/questions")
    assert "Мария И." in rositsa.labels[0]


async def test_the_way_out_of_work_leads_to_work(town: Town, channel: str) -> None:
    maria, rositsa = await resident(town, channel), await mediator(town, channel)
    await ask(maria)
    rositsa.receive()
    await rositsa.press(t("ticket.do_answer"))
    assert t("button.menu") not in rositsa.labels
    assert (await rositsa.press(t("menu.staff"))).startswith(t("staff.today"))
    assert t("ticket.do_list") not in await rositsa.say("Здравейте"), "and nothing is asked any more"
    assert rositsa.last.menu[0][0] == t("menu.staff")


async def test_who_signs_up_hears_the_name_that_will_answer_them(town: Town, channel: str) -> None:
    """The mediator's, where one looks after them; otherwise the one that the programme names."""
    known = {"answer_within": programme().answer_within, "phone": programme().person.phone}
    for external, name in (("8", programme().person.name), ("9", "Росица")):
        person = town.person(channel, external)
        await register(person)
        said = [delivery.message.text for delivery in person.seen]
        assert t("registration.done", name=name, **known) in said
        if external == "8":
            await mediator(town, channel)
