"""Sending to many: one call for all of them, and what Viber says when it is too much."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.channels.viber import ALONE, BACK_OFF, LIMITS, LISTED, WAITED_FOR, ViberChannel
from bot.channels.viber_people import UNANSWERED
from bot.channels.viber_wire import Answer
from bot.messages import Button, Failure, Lane, Sent
from tests.channels.viber_bot import Clock
from tests.channels.viber_kit import SENDER, board, button, channel, delivery
from tests.fakes.viber import FakeViber


@pytest.fixture
async def bot(viber: FakeViber) -> AsyncIterator[ViberChannel]:
    made = channel(api_url=viber.url)
    yield made
    await made.close()


async def test_one_call_brings_the_same_to_many_and_names_whom_not(viber: FakeViber, bot: ViberChannel) -> None:
    people = [viber.user(n, subscribed=n not in (3, 4), gone=n == 4) for n in range(1, 6)]
    rows = [
        delivery(user=p.id, row=p.number, lane=Lane.BROADCAST, rows=((Button("✅ Да", "12.sure.yes"),),))
        for p in people
    ]
    outcomes = await bot.send_together(rows)
    (call,) = viber.of("broadcast_message")
    assert call.params == {
        "broadcast_list": [p.id for p in people],
        "type": "text",
        "sender": SENDER,
        "text": "Здравейте",
        "keyboard": board(button("✅ Да", "tap:12.sure.yes")),
    }
    assert outcomes[2:4] == [Failure("not_subscribed", contact_gone=True), Failure("not_registered", contact_gone=True)]
    tokens = {o.platform_id for o in (*outcomes[:2], outcomes[4]) if isinstance(o, Sent)}
    assert tokens == {str(people[0].last.token)}, "one number for all"


@pytest.mark.parametrize("status", [5, 6, 11, 13, 19, 20, 21])
async def test_where_broadcasts_are_refused_nobody_is_given_up_and_they_go_one_by_one_for_an_hour(
    viber: FakeViber, status: int
) -> None:
    clock = Clock()
    bot = channel(api_url=viber.url, clock=clock)
    viber.fail_next("broadcast_message", status)
    person = viber.user(7, subscribed=True)
    assert bot.together == LIMITS.together == 300
    (outcome,) = await bot.send_together([delivery(user=person.id, lane=Lane.BROADCAST)])
    assert outcome == Failure("no_broadcast", retryable=True)
    assert bot.together == 1
    clock.now += 3601
    assert bot.together == 300
    await bot.close()


async def test_who_had_too_many_is_left_in_peace_and_nobody_else(bot: ViberChannel) -> None:
    rows = [delivery(user=f"{n}AAAAAAAAAAAAAAAAAAAAA==", row=n, lane=Lane.BROADCAST) for n in (1, 2)]
    listed = [{"receiver": rows[0].address.external, "status": 12}]
    outcomes = bot._came_of(rows, Answer({"status": 0, "message_token": 2**62, "failed_list": listed}))
    refused = Failure("too_many_requests", "an hour's messages without a reply", retryable=True, rest=LISTED)
    assert outcomes == {1: refused, 2: Sent(str(2**62), shared=True)}


async def test_a_lost_answer_to_many_leaves_all_of_them_in_doubt(viber: FakeViber, bot: ViberChannel) -> None:
    viber.fail_next("broadcast_message", drop_after=True)
    people = [viber.user(n, subscribed=True) for n in (1, 2)]
    outcomes = await bot.send_together([delivery(user=p.id, row=p.number) for p in people])
    assert [isinstance(o, Failure) and o.ambiguous for o in outcomes] == [True, True]


# --- too many -------------------------------------------------------------------------------------------------------


def waits(outcome: Sent | Failure) -> tuple[float, float]:
    """How long this chat shall rest, and how long all that we send of our own accord."""
    assert isinstance(outcome, Failure), outcome
    assert (outcome.code, outcome.retryable) == ("too_many_requests", True)
    return outcome.rest, outcome.retry_after


async def test_too_many_of_several_people_makes_bulk_wait_ever_longer_until_one_goes(
    viber: FakeViber, bot: ViberChannel
) -> None:
    people = [viber.user(n, subscribed=True) for n in range(9)]
    viber.fail_next("send_message", 12, times=9)
    refused = [waits(await bot.send(delivery(user=person.id, lane=Lane.REMINDER))) for person in people]
    assert refused == [(ALONE, 0.0), (ALONE, 0.0), *((0.0, seconds) for seconds in (*BACK_OFF, BACK_OFF[-1]))]
    assert isinstance(await bot.send(delivery(user=people[0].id)), Sent)
    viber.fail_next("send_message", 12)
    assert waits(await bot.send(delivery(user=people[1].id))) == (0.0, BACK_OFF[0])


async def test_a_full_chat_of_which_a_restart_forgot_the_count_rests_alone(viber: FakeViber) -> None:
    clock = Clock()
    viber.clock = clock
    bot = channel(api_url=viber.url, clock=clock)
    full, other = viber.user(7, subscribed=True), viber.user(8, subscribed=True)
    full.session.unanswered = [clock.now] * UNANSWERED
    for _ in range(5):
        assert waits(await bot.send(delivery(user=full.id, lane=Lane.REMINDER))) == (ALONE, 0.0)
        assert isinstance(await bot.send(delivery(user=other.id, lane=Lane.REMINDER)), Sent)
        clock.now += ALONE / 3
    assert waits(await bot.send(delivery(user=full.id))) == (WAITED_FOR, 0.0)
    await full.say("Тук съм")
    assert isinstance(await bot.send(delivery(user=full.id)), Sent)
    await bot.close()


async def test_several_full_chats_a_minute_apart_hold_nobody_else_up(viber: FakeViber) -> None:
    clock = Clock()
    bot = channel(api_url=viber.url, clock=clock)
    for number in range(5):
        viber.fail_next("send_message", 12)
        person = viber.user(number, subscribed=True)
        assert waits(await bot.send(delivery(user=person.id, lane=Lane.REMINDER))) == (ALONE, 0.0)
        clock.now += 31
    await bot.close()


async def test_too_many_of_a_whole_broadcast_is_about_nobody_alone(viber: FakeViber, bot: ViberChannel) -> None:
    viber.fail_next("broadcast_message", 12)
    rows = [delivery(user=viber.user(n, subscribed=True).id, row=n, lane=Lane.BROADCAST) for n in (1, 2)]
    assert [waits(outcome) for outcome in await bot.send_together(rows)] == [(0.0, BACK_OFF[0])] * 2


async def test_who_does_not_answer_gets_a_hundred_an_hour_and_no_call_more(viber: FakeViber) -> None:
    clock = Clock()
    bot = channel(api_url=viber.url, clock=clock)
    person = viber.user(7, subscribed=True)
    for row in range(UNANSWERED):
        assert isinstance(await bot.send(delivery(user=person.id, row=row, lane=Lane.BROADCAST)), Sent)
    clock.now += 600
    full = await bot.send(delivery(user=person.id, lane=Lane.REMINDER))
    assert isinstance(full, Failure)
    assert (full.retryable, full.rest, full.retry_after) == (True, 3000.0, 0.0)
    assert viber.counts["send_message"] == UNANSWERED
    bot._people.met(person.id, 10, wrote=True)
    person.session.unanswered.clear()
    assert isinstance(await bot.send(delivery(user=person.id, lane=Lane.REMINDER)), Sent)
    await bot.close()
