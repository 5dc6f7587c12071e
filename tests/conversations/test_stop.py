"""„Стоп“ works at once, in any spelling, anywhere; and so does coming back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.messages import Failure, Kind
from storage.tables import addresses, answers, consents, outbox
from tests.conversations.client import Talker, Town
from tests.conversations.people import begin, contact_of, finish_registering, line, register, rows, t

if TYPE_CHECKING:
    from collections.abc import Sequence

SPELLINGS = ("СТОП", "STOP", "спри", "отказвам се", "откажи", "/stop", "Стоп!!!", "с т о п", "CTOП", "/stop@most_bot")


async def test_every_spelling_stops_and_one_tap_returns(town: Town, channel: str) -> None:
    person = town.person(channel)
    await register(person)
    async with town.awake():
        for spelling in SPELLINGS:
            assert line("stopped.done") in await person.say(spelling), spelling
            assert (await contact_of(person)).status == "stopped"
            assert line("stopped.resumed") in await person.press(t("button.resume"))
            assert person.last.menu
            assert (await contact_of(person)).status == "active"
    given = [(row.action, row.form) for row in await rows(town, consents)]
    assert given[:3] == [("given", "button"), ("withdrawn", "typed word"), ("given", "resume")]
    assert len(given) == 1 + 2 * len(SPELLINGS)


async def test_stop_works_at_every_question_and_loses_no_answer(town: Town, channel: str) -> None:
    """From the first question to the summary; whoever comes back goes on where they were."""
    person = town.person(channel)
    async with town.awake():
        await person.start()
        for step in ("Български", "👍", "✅", "✅", "🚫", "Мария", "гр. Видин", "💬", "➖", "✅ Всичко"):
            question, labels = person.last.text, person.labels
            assert line("stopped.done") in await person.say("стоп")
            assert question in await person.press(t("button.resume"))
            assert person.labels == labels
            await (person.say(step) if step == "Мария" else person.press(step))
    assert person.last.menu


async def test_stop_takes_what_is_queued_with_it(town: Town, channel: str) -> None:
    person = town.person(channel)
    await register(person)
    recorder = town.channels[channel]
    works, recorder.outcome = recorder.outcome, lambda _: Failure("busy", retryable=True, retry_after=600)
    await person.say(t("menu.events"))
    await person.say(t("menu.person"))
    waiting = [row.id for row in await rows(town, outbox) if row.status == "queued"]
    assert len(waiting) >= 2
    recorder.outcome = works
    assert await person.say("стоп") == t("stopped.done")
    assert {row.status for row in await rows(town, outbox) if row.id in waiting} == {"cancelled"}


async def test_stopped_means_silence_but_for_an_answer_to_what_they_write(town: Town, channel: str) -> None:
    """Once more „стоп“ is no second withdrawal; rights last; starting again is coming back."""
    person = town.person(channel)
    await register(person)
    await person.say(t("menu.question"))
    await person.say("спри")
    assert line("stopped.done") in await person.say("стоп")
    for said in ("кога е срещата", "/activities", t("menu.question")):
        assert line("stopped.still") in await person.say(said)
        assert person.labels == [t("button.resume"), t("button.person"), t("menu.data")]
    assert line("person.card") in await person.press(t("button.person")), "a person stays one tap away"
    await person.say("ало")
    assert "Мария Иванова" in await person.press(t("menu.data"))
    assert not any(t("data.stop") in label for label in person.labels)
    await person.press(t("data.file"))
    assert person.last.document
    assert line("stopped.still") in await person.say("ало")
    assert (await contact_of(person)).status == "stopped"
    assert [row.action for row in await rows(town, consents)] == ["given", "withdrawn"]
    assert line("stopped.resumed") in await person.start()


async def test_whoever_stopped_before_registering_may_still_see_and_delete_what_they_typed(
    town: Town, channel: str
) -> None:
    person = town.person(channel)
    async with town.awake():
        await begin(person)
        await person.say("0888123456")
        await person.say("стоп")
        assert line("person.card") in await person.say("/person")
        assert line("registration.name") not in "".join(d.message.text for d in person.seen[-2:]), "nothing is asked"
        assert line("stopped.still") in await person.say("ало")
        assert line("data.unfinished") in await person.press(t("menu.data"))
        assert t("button.resume") in person.labels
        assert line("data.deleted") in await person.press(t("data.delete"))
    assert not [row for row in await rows(town, answers) if row.key == "phone"]


async def test_correcting_while_stopped_does_not_wake_the_messages(town: Town) -> None:
    person = town.person("telegram")
    await register(person)
    await person.say("стоп")
    await person.say("данни")
    await person.press(t("data.correct"))
    await person.press(t("button.change"))
    await person.press(t("change.name"))
    await person.say("Мария Колева")
    await person.press(t("button.right"))
    row = await contact_of(person)
    assert (row.name, row.status) == ("Мария Колева", "stopped")


async def test_the_stop_button_in_my_data(town: Town, channel: str) -> None:
    person = town.person(channel)
    await register(person)
    await person.say(t("menu.data"))
    assert line("stopped.done") in await person.press(t("data.stop"))
    assert line("stopped.still") in await person.say("ало")
    await person.press(t("button.resume"))
    assert (await contact_of(person)).status == "active"


async def test_blocking_on_the_platform_counts_as_stop_and_coming_back_as_return(town: Town, channel: str) -> None:
    person = town.person(channel)
    await register(person)
    before = len(person.seen)
    await person.send(Kind.BLOCKED)
    assert await statuses(town, person) == ("blocked", "blocked")
    await person.send(Kind.UNBLOCKED)
    assert await statuses(town, person) == ("active", "active")
    assert len(person.seen) == before, "nothing is said into a closed door"
    assert line("menu.home") in await person.start()
    assert [row.action for row in await rows(town, consents)] == ["given", "withdrawn", "given"]
    await person.send(Kind.BLOCKED)
    assert line("stray.hello") in await person.say("здравейте"), "whoever writes has come back"
    assert await statuses(town, person) == ("active", "active")


async def test_blocking_does_not_forget_that_somebody_said_stop(town: Town) -> None:
    person = town.person("telegram")
    await register(person)
    await person.say("стоп")
    await person.send(Kind.BLOCKED)
    await person.send(Kind.UNBLOCKED)
    assert await statuses(town, person) == ("stopped", "stopped")
    assert line("stopped.still") in await person.say("ало")


@pytest.mark.parametrize("kind", [Kind.BLOCKED, Kind.UNBLOCKED])
async def test_a_stranger_who_blocks_breaks_nothing(town: Town, kind: Kind) -> None:
    person = town.person("telegram")
    await person.send(kind)
    assert line("registration.language") in await person.start()


async def test_an_unfinished_registration_survives_a_block(town: Town) -> None:
    person = town.person("telegram")
    await begin(person)
    await person.say("0888123456")
    await person.send(Kind.BLOCKED)
    assert line("registration.name") in await person.start()
    assert "phone" in {row.key for row in await rows(town, answers)}
    await finish_registering(person)
    assert person.last.menu


async def statuses(town: Town, person: Talker) -> Sequence[str]:
    """Of the address and of its contact."""
    (address,) = await rows(town, addresses)
    return address.status, (await contact_of(person)).status
