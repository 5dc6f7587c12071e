"""Registering somebody at the door in one's own chat, on each channel and both databases."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

from sqlalchemy import delete

from bot.messages import Kind
from storage import stopping
from storage.tables import addresses, answers, audit, children, consents, contacts, notices
from storage.tables import events as event_rows
from storage.tables import staff as staff_rows
from tests.conversations.client import Talker, Town, programme
from tests.conversations.guests import HOUR, change, event, invitation, people, staff_of
from tests.conversations.people import begin, contact_of, everything_kept, line, lookup, register, rows, t

PHONE, SHOWN = "+359888123456", "0888 123 456"


async def begun(person: Talker, command: str = "/add_person") -> None:
    """To the question about the phone."""
    await person.say(command)
    await person.press(t("door.did_agree"))
    await person.press(t("button.age_yes"))


async def described(person: Talker, *, name: str = "Мария Петрова", purpose: str = "🔧 Работа") -> None:
    """From the name to the language."""
    await person.say(name)
    await person.press("гр. Видин")
    await person.press(purpose)
    if purpose.startswith("🏫"):
        await person.press(programme().institutions[0].short)
        await person.press(t("button.done"))
        await person.press(programme().institutions[0].groups[0])
        await person.press(t("button.done"))
    await person.press("Български")


async def newest(town: Town) -> tuple[int, str, str]:
    """Number, name and phone of the contact that was made last."""
    row = (await rows(town, contacts))[-1]
    return row.id, row.name, row.phone


async def test_from_the_staff_menu_to_the_contact_with_its_consent(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    await mediator.say(t("menu.staff"))
    text = await mediator.press(t("door.new"))
    aloud = programme().privacy.aloud
    assert aloud in text
    assert programme().person.phone in aloud
    assert line("door.age") in await mediator.press(t("door.did_agree"))
    assert line("door.phone") in await mediator.press(t("button.age_yes"))
    assert line("miss.phone") in await mediator.say("не знам")
    assert line("door.name") in await mediator.say("0888 123 456")
    assert line("door.settlement") in await mediator.say("Мария О’Петрова-Ѝ")
    assert line("door.purpose") in await mediator.press("гр. Видин")
    await mediator.press("🏫 Училището")
    await mediator.press(programme().institutions[0].short)
    await mediator.press(t("button.done"))
    await mediator.press(programme().institutions[0].groups[0])
    assert line("door.language") in await mediator.press(t("button.done"))
    summary = await mediator.press("Романес")
    assert line("summary.ask") in summary
    for shown in ("👤 Мария О’Петрова-Ѝ", f"📞 {SHOWN}", "📍 гр. Видин", programme().institutions[0].short, "Романес"):
        assert shown in summary
    await mediator.press(t("button.change"))
    assert line("door.name") in await mediator.press(t("change.name"))
    await mediator.say("Мария Петрова")
    done = await mediator.press(t("button.right"))
    assert t("door.done", name="Мария Петрова", phone=programme().person.phone) in done
    assert mediator.labels == [t("door.to_another"), t("menu.staff")]
    number, name, phone = await newest(town)
    assert (name, phone) == ("Мария Петрова", PHONE)
    assert (await rows(town, contacts))[-1].language == "rom", "the staff's own language stays what it was"
    assert (await contact_of(mediator)).language != "rom"
    assert [(row.contact_id, row.group) for row in await rows(town, children)] == [
        (number, programme().institutions[0].groups[0])
    ]
    (consent,) = await rows(town, consents)
    assert (consent.contact_id, consent.purpose, consent.form) == (number, "phone", "read aloud by staff")
    assert consent.text_hash == sha256(aloud.encode()).hexdigest()
    assert consent.text_version == programme().privacy.version
    assert consent.event_key.startswith(f"{channel}:")
    done_by = [(row.staff_id, row.subject) for row in await rows(town, audit) if row.action == "register"]
    assert done_by == [((await contact_of(mediator)).id, f"contact:{number}")]
    assert {row.channel for row in await rows(town, addresses)} == {channel, "tel"}
    kept = [row.value for row in await rows(town, answers)]
    assert kept == [True], "the words stand with the person and not with whoever typed them"


async def test_a_refusal_and_a_child_leave_nothing(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    made = await event(mediator, after=timedelta(minutes=1))
    before = len(await rows(town, contacts))
    await mediator.say("/add_person")
    assert line("door.refused") in await mediator.press(t("door.did_refuse"))
    await mediator.say(f"/add_person {made.id}")
    await mediator.press(t("door.did_agree"))
    assert line("door.too_young") in await mediator.press(t("button.age_no"))
    assert mediator.labels == [t("guests.to_event"), *mediator.work]
    await mediator.say(f"/walkin {made.id}")
    await mediator.say("Мария Петрова")
    await mediator.press(t("door.new"))
    assert line("attend.nobody") in await mediator.press(t("door.did_refuse")), "back to the list"
    assert len(await rows(town, contacts)) == before
    assert await rows(town, consents) == []
    assert "Петрова" not in "".join(str(row.value) for row in await rows(town, answers) if row.key == "name")


async def test_without_a_phone_from_the_list_of_who_came(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    made = await event(mediator, after=timedelta(minutes=1))
    await mediator.say(f"/attend {made.id} 0")
    await mediator.press(t("attend.to_walkin"))
    await mediator.say("Ганка Илиева")
    await mediator.press(t("door.new"))
    await mediator.press(t("door.did_agree"))
    await mediator.press(t("button.age_yes"))
    assert line("door.name") in await mediator.press(t("door.no_phone"))
    await mediator.press("Ганка Илиева")
    await mediator.press("гр. Видин")
    await mediator.press("💬")
    assert t("door.without_phone") in await mediator.press("Български")
    text = await mediator.press(t("button.right"))
    assert t("door.came", name="Ганка Илиева") in text
    assert t("attend.came", came=1, all=1) in text
    assert "☑️ Ганка Илиева" in mediator.labels
    number, _, phone = await newest(town)
    assert phone is None
    row = await invitation(town, made.id, number)
    assert (row.source, row.attended) == ("walkin", True)
    assert [row.channel for row in await rows(town, addresses)] == [channel], "there is nothing to dial"
    assert not await rows(town, notices)


async def test_a_number_typed_at_the_door_is_not_asked_again(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    made = await event(mediator, after=timedelta(minutes=1))
    await mediator.say(f"/walkin {made.id}")
    await mediator.say("0888 123 456")
    await mediator.press(t("door.new"))
    await mediator.press(t("door.did_agree"))
    assert line("door.name") in await mediator.press(t("button.age_yes"))
    await described(mediator)
    await mediator.press(t("button.right"))
    assert (await newest(town))[1:] == ("Мария Петрова", PHONE)


async def test_a_card_from_the_telephone_will_do_but_not_ones_own(town: Town) -> None:
    mediator = await staff_of(town, "telegram")
    await begun(mediator)
    assert line("door.own_phone") in await mediator.share_phone("+359888999888")
    assert line("door.name") in await mediator.share_phone(PHONE, own=False)
    assert line("door.phone") in await mediator.press(t("button.back"))
    assert line("door.name") in await mediator.press(t("door.no_phone"))


async def test_a_known_number_may_be_theirs_or_anothers(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    made = await event(mediator)
    (known,) = await people(town, "Мария Петрова", phone=PHONE)
    await begun(mediator, f"/add_person {made.id}")
    assert line("door.is_it") in await mediator.say(SHOWN)
    assert "👤 М. П., гр. Видин" in mediator.labels, "another's person: only initials"
    assert line("door.entered") in await mediator.press("М. П.")
    assert (await invitation(town, made.id, known)).rsvp == "yes"
    assert [row.contact_id for row in await rows(town, consents)] == [known]
    await begun(mediator, f"/add_person {made.id}")
    await mediator.say(SHOWN)
    assert "👤 Мария Петрова, гр. Видин" in mediator.labels, "now one's own"
    assert line("door.name") in await mediator.press(t("door.is_other"))
    await described(mediator, name="Стефан Петров")
    await mediator.press(t("button.right"))
    assert (await newest(town))[1] == "Стефан Петров"
    assert (await newest(town))[0] != known


async def test_the_same_name_from_the_same_place_is_asked_about(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel, "coordinator")
    made = await event(mediator)
    (known,) = await people(town, "Мария Петрова")
    await begun(mediator, f"/add_person {made.id}")
    await mediator.press(t("door.no_phone"))
    await mediator.say("мария петрова")
    assert line("door.is_it") in await mediator.press("гр. Видин")
    await mediator.press("Мария Петрова")
    assert (await invitation(town, made.id, known)).seat == "seat"
    assert len(await rows(town, contacts)) == 2


async def test_which_event_is_chosen_among_ones_own(town: Town, channel: str) -> None:
    mediator, other = await staff_of(town, channel), await staff_of(town, channel, external="s2")
    made, theirs = await event(mediator, title="Моето"), await event(other, title="Чуждото")
    await begun(mediator)
    await mediator.press(t("door.no_phone"))
    await described(mediator)
    assert line("door.which_event") in await mediator.press(t("button.right"))
    assert [label for label in mediator.labels if label.startswith("📅")] == ["📅 чт 26.11: Моето"]
    await mediator.press("Моето")
    assert mediator.labels == [t("door.to_another"), t("guests.to_event"), *mediator.work]
    number, _, _ = await newest(town)
    assert (await invitation(town, made.id, number)).rsvp == "yes"
    assert await invitation(town, theirs.id, number) is None
    await begun(mediator)
    await mediator.press(t("door.no_phone"))
    await described(mediator, name="Друга Жена")
    await mediator.press(t("button.right"))
    await mediator.press(t("door.no_event"))
    assert (await newest(town))[1] == "Друга Жена"


async def test_an_appointment_needs_an_hour_and_a_taken_one_is_asked_again(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    made = await event(mediator, kind="appointment", further=[49 * HOUR])
    slots = [row.id for row in await rows(town, event_rows) if row.lead_id == made.id]
    await begun(mediator, f"/add_person {made.id}")
    await mediator.press(t("door.no_phone"))
    await described(mediator)
    assert line("door.slot") in await mediator.press(t("button.right"))
    _, first = mediator.find("26.11")
    await mediator.press_data(first.press)
    number, _, _ = await newest(town)
    assert (await invitation(town, slots[0], number)).seat == "seat"
    await begun(mediator, f"/add_person {made.id}")
    await mediator.press(t("door.no_phone"))
    await described(mediator, name="Друга Жена")
    await mediator.press(t("button.right"))
    hours = [label for label in mediator.labels if label.startswith("🕙")]
    assert len(hours) == 1
    await mediator.press(t("door.no_hour"))
    number, name, _ = await newest(town)
    assert name == "Друга Жена"
    assert (await invitation(town, made.id, number)).rsvp == ""


async def test_who_writes_later_with_the_same_number_is_the_same_contact(town: Town) -> None:
    mediator, resident = await staff_of(town, "telegram"), town.person("telegram", "77", "Мими")
    await begun(mediator)
    await mediator.say(SHOWN)
    await described(mediator)
    await mediator.press(t("button.right"))
    number, _, _ = await newest(town)
    async with town.awake():
        await begin(resident)
        assert line("registration.same") in await resident.share_phone(PHONE)
        assert line("registration.linked") in await resident.press(t("button.yes"))
    assert (await contact_of(resident)).id == number
    assert [row.purpose for row in await rows(town, consents)] == ["phone", "channel_telegram"]
    await resident.say(t("menu.data"))
    await resident.press(t("data.delete"))
    await resident.press(t("button.yes_sure"))
    await change(town, stopping.bury)
    kept = await everything_kept(town)
    outbox = "\n".join(row for row in kept.splitlines() if row.startswith("outbox"))
    inbox = "\n".join(row for row in kept.splitlines() if row.startswith("inbox"))
    rest = kept.replace(outbox, "").replace(inbox, "")
    assert "Петрова" not in rest
    assert PHONE not in rest
    assert lookup("phone", PHONE) not in rest


async def test_for_anybody_else_it_does_not_exist(town: Town, channel: str) -> None:
    resident, reporter = town.person(channel), await staff_of(town, channel, "reporter", "s2")
    await register(resident)
    for person in (resident, reporter):
        for send in (person.say, person.press_data):
            assert await send("/add_person") == await send("/nonsense")
    assert t("door.new") not in "".join(reporter.labels)


async def test_another_mediators_event_is_none(town: Town, channel: str) -> None:
    mediator, other = await staff_of(town, channel), await staff_of(town, channel, external="s2")
    made = await event(mediator)
    assert line("guests.no_event") in await other.say(f"/add_person {made.id}")
    assert line("guests.no_event") in await other.say("/add_person x")


async def test_a_role_that_was_taken_away_in_the_middle(town: Town, channel: str) -> None:
    mediator = await staff_of(town, channel)
    await begun(mediator)
    await mediator.say(SHOWN)
    await change(town, lambda c: c.execute(delete(staff_rows)))
    assert line("staff.no_longer") in await mediator.say("Мария Петрова")
    assert [row.name for row in await rows(town, contacts)] == ["Росица Димова"]


async def test_strange_answers_lose_nothing(town: Town) -> None:
    """Stickers, photos and edits at every step."""
    mediator = await staff_of(town, "telegram")
    await begun(mediator)
    for step in (t("door.no_phone"), "Мария", "гр. Видин", "💬", "Български"):
        question = mediator.last.text
        for kind in (Kind.OTHER, Kind.EDITED, Kind.TEXT):
            assert question in await mediator.send(kind, text=" " if kind is Kind.TEXT else "sticker")
        await (mediator.say(step) if step == "Мария" else mediator.press(step))
    assert line("summary.ask") in mediator.last.text
    assert not await rows(town, notices)
