"""Somebody with a typed number says that we know them already: by a code to the older chat, or by a mediator's word."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from bot.messages import Failure
from storage import claims as claim_store
from storage import housekeeping
from storage.tables import addresses, children, claims, consents, contacts, outbox, residents
from tests.conversations.client import CHANNELS
from tests.conversations.event_kit import deeds
from tests.conversations.guests import change, event, invitation, people, set_columns, staff_of
from tests.conversations.people import contact_of, line, make_staff, profile_of, register, rows, t

if TYPE_CHECKING:
    from tests.conversations.client import Talker, Town

PHONE = "0888 123 456"
WROTE, MET = "Писах и преди", "медиатор"


def other(channel: str) -> str:
    """Where the older chat is: another channel than the new one."""
    return next(name for name in CHANNELS if name != channel)


async def older(town: Town, channel: str, name: str = "Мария Иванова") -> Talker:
    """Somebody who has been registered for a while, in another chat."""
    person = town.person(other(channel), "70", name)
    await register(person, name=name)
    town.now += timedelta(days=3)
    return person


async def newer(town: Town, channel: str, external: str = "71", name: str = "Мария Иванова") -> Talker:
    """The same number, typed in a new chat."""
    person = town.person(channel, external, name)
    await register(person, name=name, like="")
    return person


def code_in(text: str) -> str:
    """The six digits."""
    found = re.search(r"\d{3} \d{3}", text)
    assert found, text
    return found[0]


def wrong(code: str) -> str:
    """Another code."""
    return f"{(int(code.replace(' ', '')) + 1) % 10**6:06}"


async def kept(town: Town) -> list[tuple[Any, str, int]]:
    """Every claim: the older contact, how it stands, the tries."""
    return [(r.known_id, r.status, r.tries) for r in await rows(town, claims)]


# --- by a code ------------------------------------------------------------------------------------------------------


async def test_a_code_from_the_older_chat_makes_two_contacts_one(town: Town, channel: str) -> None:
    old = await older(town, channel)
    new = await newer(town, channel)
    known, fresh = (await contact_of(old)).id, (await contact_of(new)).id
    assert line("claim.code") in await new.press_late(WROTE)
    came = old.receive()
    assert "Мария" not in came, "whoever asks for a code may be anybody"
    code = code_in(came)
    assert line("claim.who") in await new.say(code)
    assert "М. И." in new.labels[0]
    assert line("claim.linked") in await new.press("М. И.")
    assert (await contact_of(new)).id == known
    assert [r.id for r in await rows(town, contacts)] == [known], "the newer contact is no more"
    assert fresh != known
    mine = await profile_of(new)
    assert (mine.name, list(mine.interests)) == ("Мария Иванова", ["vocational"])
    linked = [r.linked_at for r in await rows(town, residents)]
    assert [at is not None for at in linked] == [False, True]
    channels = sorted(r.purpose for r in await rows(town, consents) if r.contact_id == known)
    assert channels == sorted(f"channel_{name}" for name in (channel, other(channel)))
    assert await new.say("/data"), "and they go on as that person"
    assert "unlink" in str(new.last.rows)


async def test_what_was_chosen_in_the_new_chat_is_added_and_answers_stand(town: Town, channel: str) -> None:
    old = await older(town, channel)
    new = await newer(town, channel)
    await change(town, lambda c: c.execute(children.insert().values(
        contact_id=select(contacts.c.id).order_by(contacts.c.id.desc()).limit(1).scalar_subquery(), institution="mir",
        group="втора",
    )))  # fmt: skip
    staff = await staff_of(town, channel)
    known, fresh = (await contact_of(old)).id, (await contact_of(new)).id
    both = await event(staff, [known, fresh])
    alone = await event(staff, [fresh])
    await new.say(f"/rsvp {both.id}.{fresh} yes")
    await new.say("/claim chat")
    await new.say(code_in(old.receive().rpartition("🔑")[2]))
    await new.press("М. И.")
    assert [child.institution for child in (await profile_of(new)).children] == ["mir"]
    answered = await invitation(town, both.id, known)
    assert (answered.rsvp, answered.seat) == ("yes", "seat")
    assert await invitation(town, alone.id, known)
    assert not await invitation(town, both.id, fresh)


async def test_somebody_else_who_reads_the_older_chat_may_say_that_they_are_none_of_them(
    town: Town, channel: str
) -> None:
    old = await older(town, channel)
    new = await newer(town, channel, name="Петър Петров")
    await new.press_late(WROTE)
    await new.say(code_in(old.receive()))
    assert line("claim.stays") in await new.press("Никой")
    assert (await contact_of(new)).id != (await contact_of(old)).id


async def test_five_wrong_codes_end_it_and_the_right_one_comes_too_late(town: Town, channel: str) -> None:
    old = await older(town, channel)
    new = await newer(town, channel)
    await new.press_late(WROTE)
    code = code_in(old.receive())
    for left in (4, 3, 2, 1):
        assert t("claim.wrong", left=left) in await new.say(wrong(code))
    assert line("claim.over") in await new.say(wrong(code))
    await new.say(code)
    assert (await contact_of(new)).id != (await contact_of(old)).id
    assert line("claim.told_staff") in await new.say("/claim met"), "a person can still look"


async def test_after_a_quarter_of_an_hour_a_code_opens_nothing(town: Town, channel: str) -> None:
    old = await older(town, channel)
    new = await newer(town, channel)
    await new.press_late(WROTE)
    code = code_in(old.receive())
    town.now += claim_store.VALID
    assert line("claim.late") in await new.say(code)
    assert (await contact_of(new)).id != (await contact_of(old)).id
    assert line("claim.code") in await new.press_late(WROTE)
    fresh = code_in(old.receive())
    if fresh != code:
        assert line("claim.wrong") in await new.say(code)
    assert line("claim.who") in await new.say(fresh)


async def test_a_code_leaves_the_words_when_it_opens_nothing_any_more(town: Town, channel: str) -> None:
    old = await older(town, channel)
    new = await newer(town, channel)
    await new.press_late(WROTE)
    assert code_in(old.receive())
    town.now += claim_store.VALID
    await change(town, lambda c: housekeeping.often(c, town.now))
    (sent,) = [r for r in await rows(town, outbox) if r.key.startswith("code:")]
    assert sent.body is None
    town.now += timedelta(days=1)
    await change(town, lambda c: housekeeping.often(c, town.now))
    assert await rows(town, claims) == []


async def test_a_code_whose_sending_is_in_doubt_is_never_sent_again(town: Town, channel: str) -> None:
    old = await older(town, channel)
    new = await newer(town, channel)
    post = town.channels[other(channel)]
    post.outcome = lambda d: Failure("timeout", "", retryable=True, ambiguous=True)
    await new.press_late(WROTE)
    (row,) = [r for r in await rows(town, outbox) if r.key.startswith("code:")]
    assert (row.status, row.attempts) == ("uncertain", 1)
    assert old.receive() == ""


# --- what a stranger learns -----------------------------------------------------------------------------------------


async def test_a_number_that_nobody_has_is_answered_in_the_same_words(town: Town, channel: str) -> None:
    """Pressed, mistyped five times, asked for again: nothing tells whether anybody is registered with a number."""
    await older(town, channel)
    said: list[list[str]] = []
    for external, phone in (("81", PHONE), ("82", "0888 999 111")):
        stranger = town.person(channel, external, "Никой Никоев")
        await register(stranger, phone=phone, name="Никой Никоев", like="")
        heard = [stranger.last.text, await stranger.press_late(WROTE)]
        heard += [await stranger.say(f"00000{n}") for n in range(5)]
        heard += [await stranger.say(f"/claim {how}") for how in ("chat", "met", "chat")]
        said.append(heard)
    assert said[0] == said[1]


async def test_by_night_nobody_is_sent_a_code(town: Town, channel: str) -> None:
    old = await older(town, channel)
    new = await newer(town, channel)
    town.now = datetime(2026, 11, 27, 21, 0, tzinfo=town.now.tzinfo)
    assert line("claim.night") in await new.say("/claim chat")
    assert old.receive() == ""


async def test_to_somebody_of_the_staff_leads_no_claim(town: Town, channel: str) -> None:
    old = await older(town, channel)
    await make_staff(town, old, "mediator")
    new = await newer(town, channel)
    await new.press_late(WROTE)
    assert "🔑" not in old.receive()
    await new.press(t("button.claim_no_access"))
    assert {(r.known_id) for r in await rows(town, claims)} == {None}


async def test_of_a_vouched_number_nothing_is_asked_and_a_shared_one_of_viber_is_none(town: Town, channel: str) -> None:
    person = town.person(channel, "90")
    await register(person, own=True)
    is_vouched = channel != "viber"
    assert (t("button.claim_wrote") in str(person.seen)) != is_vouched
    assert (line("claim.needless") in await person.say("/claim chat")) == is_vouched


async def test_whoever_types_another_number_later_is_asked_then(town: Town, channel: str) -> None:
    person = town.person(channel, "90")
    await register(person, phone="0888 999 111")
    await person.say("/data")
    await person.press(t("data.correct"))
    await person.press(t("button.change"))
    await person.press(t("change.phone"))
    await person.say(PHONE)
    assert line("claim.offer") in await person.press("✅ Всичко")


# --- „not me“ -------------------------------------------------------------------------------------------------------


async def test_not_me_ends_it_tells_staff_and_the_newcomer_hears_nothing_of_it(town: Town, channel: str) -> None:
    staff = await staff_of(town, channel, "coordinator")
    old = await older(town, channel)
    new = await newer(town, channel)
    await new.press_late(WROTE)
    code = code_in(old.receive())
    assert line("claim.denied") in await old.press(t("button.claim_not_me"))
    assert t("claim.wrong", left=4) in await new.say(code), "the right code is a wrong one now"
    await town.deliver()
    assert "Не бях аз" in staff.receive()
    for _ in range(4):
        await new.say(wrong(code))
    await new.say("/claim chat")
    await new.say("/claim met")
    await town.deliver()
    assert "🔑" not in old.receive()
    assert "Един и същи" not in staff.receive(), "no further try that day"


async def test_not_me_from_anywhere_else_does_nothing(town: Town, channel: str) -> None:
    old = await older(town, channel)
    new = await newer(town, channel)
    await new.press_late(WROTE)
    code = code_in(old.receive())
    (claim,) = await rows(town, claims)
    for forged in (f"/not_me {claim.id}", "/not_me 999", "/not_me x"):
        await new.press_data(forged)
    assert [status for _, status, _ in await kept(town)] == ["code"]
    assert line("claim.who") in await new.say(code)


# --- by a mediator's word -------------------------------------------------------------------------------------------


async def at_the_door(town: Town, staff: Talker, name: str = "Мария Иванова") -> int:
    """Somebody whom this one of the staff registered by hand, without a chat."""
    (number,) = await people(town, name, phone="+359888123456")
    await set_columns(town, contacts, number, source=f"staff-{(await contact_of(staff)).id}")
    town.now += timedelta(days=1)
    return number


async def test_a_mediators_word_joins_whom_they_registered_at_the_door(town: Town, channel: str) -> None:
    staff = await staff_of(town, channel)
    known = await at_the_door(town, staff)
    new = await newer(town, channel)
    assert line("claim.told_staff") in await new.press_late(MET)
    assert line("menu.home") in await new.say("/menu"), "until then they are served as who they are"
    await town.deliver()
    card = staff.receive()
    assert "Мария Иванова" in card
    assert "+359 88… 456" in card
    assert "888123456" not in card.replace(" ", "")
    assert t("claim.card_linked", known="Мария Иванова") in await staff.press(t("button.claim_same"))
    await town.deliver()
    assert line("claim.word_same") in new.receive()
    assert (await contact_of(new)).id == known
    assert (await deeds(town))[-1].startswith(f"same_person contact:{known}:")
    await staff.press(t("button.claim_contact"))
    assert "Мария" in staff.last.text


async def test_another_persons_word_leaves_them_apart_and_they_are_told_kindly(town: Town, channel: str) -> None:
    staff = await staff_of(town, channel)
    known = await at_the_door(town, staff)
    new = await newer(town, channel)
    await new.press_late(MET)
    await town.deliver()
    staff.receive()
    await staff.press(t("button.claim_other"))
    await town.deliver()
    assert line("claim.word_other") in new.receive()
    assert (await contact_of(new)).id != known
    assert (await deeds(town))[-1].startswith(f"other_person contact:{known}:")


async def test_whoever_has_no_way_to_the_older_chat_asks_a_person(town: Town, channel: str) -> None:
    staff = await staff_of(town, channel, "coordinator")
    old = await older(town, channel)
    new = await newer(town, channel)
    await new.press_late(WROTE)
    assert line("claim.told_staff") in await new.press(t("button.claim_no_access"))
    await town.deliver()
    staff.receive()
    await staff.press(t("button.claim_same"))
    assert (await contact_of(new)).id == (await contact_of(old)).id


async def test_a_household_number_means_whose_name_is_alike(town: Town, channel: str) -> None:
    staff = await staff_of(town, channel)
    mother, son = [await at_the_door(town, staff, name) for name in ("Мария Иванова", "Иван Иванов")]
    new = await newer(town, channel, name="Иван Иванов")
    await new.press_late(MET)
    await town.deliver()
    assert "Казва, че е Иван Иванов" in staff.receive()
    await staff.press(t("button.claim_same"))
    assert (await contact_of(new)).id == son
    assert mother in [r.id for r in await rows(town, contacts)]


async def test_somebody_with_an_unknown_number_is_called_all_the_same(town: Town, channel: str) -> None:
    staff = await staff_of(town, channel, "coordinator")
    new = await newer(town, channel)
    await new.press_late(MET)
    await town.deliver()
    assert line("claim.card_unknown").partition("{")[0] in staff.receive()
    with pytest.raises(AssertionError, match="no button"):
        staff.find(t("button.claim_same"))
    (claim,) = await rows(town, claims)
    await staff.say(f"/claimed {claim.id} yes")
    assert [status for _, status, _ in await kept(town)] == ["asked"]
    await staff.say(f"/claimed {claim.id} no")
    await town.deliver()
    assert line("claim.word_other") in new.receive()


async def test_who_was_erased_meanwhile_is_nobody_to_be(town: Town, channel: str) -> None:
    old = await older(town, channel)
    new = await newer(town, channel)
    await new.press_late(WROTE)
    code = code_in(old.receive())
    await old.say("/data")
    await old.press(t("data.delete"))
    await old.press(t("button.yes_sure"))
    assert t("claim.wrong", left=4) in await new.say(code)
    assert (await contact_of(new)).name == "Мария Иванова"


async def test_a_word_comes_too_late_for_who_was_erased(town: Town, channel: str) -> None:
    staff = await staff_of(town, channel, "coordinator")
    known = await at_the_door(town, staff)
    new = await newer(town, channel)
    await new.press_late(MET)
    await town.deliver()
    staff.receive()
    await staff.say(f"/erase {known} sure")
    await staff.press_late(t("button.claim_same"))
    assert (await contact_of(new)).id != known


async def test_nobody_but_those_who_may_see_the_older_contact_can_say_it(town: Town, channel: str) -> None:
    staff = await staff_of(town, channel)
    stranger = await staff_of(town, channel, external="s2")
    trainer = await staff_of(town, channel, "trainer", external="s3")
    known = await at_the_door(town, staff)
    new = await newer(town, channel)
    await new.press_late(MET)
    (claim,) = await rows(town, claims)
    assert line("claim.none_such") in await stranger.say(f"/claimed {claim.id} yes")
    for person in (trainer, new):
        nonsense = await person.say(f"/nonsense {claim.id} yes")
        assert await person.say(f"/claimed {claim.id} yes") == nonsense
    await town.deliver()
    assert stranger.receive() == ""
    assert trainer.receive() == ""
    assert (await contact_of(new)).id != known


async def test_of_two_colleagues_the_first_word_counts(town: Town, channel: str) -> None:
    first = await staff_of(town, channel, "coordinator")
    second = await staff_of(town, channel, "coordinator", external="s2")
    known = await at_the_door(town, first)
    new = await newer(town, channel)
    await new.press_late(MET)
    (claim,) = await rows(town, claims)
    await first.say(f"/claimed {claim.id} no")
    assert line("claim.card_refused") in await second.say(f"/claimed {claim.id} yes")
    assert (await contact_of(new)).id != known


async def test_an_older_contact_who_stopped_gets_no_code_and_can_be_joined_by_word(town: Town, channel: str) -> None:
    staff = await staff_of(town, channel, "coordinator")
    old = await older(town, channel)
    await old.say("стоп")
    new = await newer(town, channel)
    await new.press_late(WROTE)
    assert old.receive() == ""
    await new.press(t("button.claim_no_access"))
    await town.deliver()
    staff.receive()
    await staff.press(t("button.claim_same"))
    assert (await contact_of(new)).status == "active"
    states = await town.look(lambda c: c.execute(select(addresses.c.channel, addresses.c.status)).all())
    assert (other(channel), "stopped") in [tuple(row) for row in states], "the older chat stays silent"
