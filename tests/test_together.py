"""The sender where one call brings the same to many: who goes together, and what that costs of rate and places."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.calls import by_call, outcomes
from bot.messages import Delivery, Failure, Lane, Limits, Outgoing, Sent
from bot.outbox import Sender
from bot.retry import UNPAID, decide
from storage.outbox import Held, Mark
from tests.test_outbox import NOW, T, held

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.database import Database

MANY = Limits(bulk_rate=1.0, bulk_burst=20.0, chat_rate=1.0, chat_burst=20.0, concurrency=4, together=300)


@dataclass
class Crowd:
    """A channel on which one call reaches many, while it is not refused that."""

    name: str = "viber"
    limits: Limits = MANY
    together: int = 300
    calls: list[list[int]] = field(default_factory=list)
    outcome: Sent | Failure = field(default_factory=lambda: Sent("1"))
    lost: int = 0  # outcomes that it forgets to give

    async def send(self, delivery: Delivery) -> Sent | Failure:
        self.calls.append([delivery.id])
        return self.outcome

    async def send_together(self, deliveries: Sequence[Delivery]) -> Sequence[Sent | Failure]:
        self.calls.append([d.id for d in deliveries])
        return [self.outcome] * (len(deliveries) - self.lost)

    def sender(self) -> Sender:
        return Sender(cast("Database", None), cast("Any", self), {}, me="me", clock=lambda: NOW)


def news(*numbers: int, text: str = "x", lane: Lane = Lane.BROADCAST) -> list[Held]:
    rows = [held(n, lane=lane) for n in numbers]
    return [replace(row, delivery=replace(row.delivery, message=Outgoing(text))) for row in rows]


def numbers(rows: Sequence[Held]) -> list[int]:
    return [row.delivery.id for row in rows]


def test_what_says_the_same_goes_in_one_call_that_takes_one_place() -> None:
    sender = Crowd().sender()
    sender.hand(news(*range(1, 1000)))
    first, _ = sender._choose(T)
    assert [numbers(call) for call in by_call(first)] == [list(range(1, 301)), list(range(301, 601))]
    assert sender._choose(T) == ([], None), "two such calls at once: so few can be in doubt after a crash"
    assert sender._line.under_way == 2
    for row in first:
        sender._line.release(row)
    assert sender._line.under_way == 0
    assert [len(call) for call in by_call(sender._choose(T + 9)[0])] == [300, 99]


def test_replies_and_reminders_do_not_wait_for_calls_to_many() -> None:
    sender = Crowd().sender()
    sender.hand(news(*range(1, 1000)))
    sender._choose(T)
    sender.hand([held(2000), held(2001, lane=Lane.REMINDER)])
    assert numbers(sender._choose(T + 9)[0]) == [2000, 2001]


def test_each_call_takes_one_of_the_rate_however_many_it_brings() -> None:
    sender = Crowd(limits=replace(MANY, together=2, concurrency=99), together=2).sender()
    sender.hand(news(*range(1, 101)))
    went = 0
    while chosen := sender._choose(T)[0]:
        went += len(chosen)
        for row in chosen:
            sender._line.release(row)
    assert went == 28, "fourteen calls: six of a burst of twenty are left for replies"


def test_where_the_first_of_a_call_was_cancelled_the_next_holds_its_place() -> None:
    sender = Crowd().sender()
    sender.hand(news(1, 2, 3))
    first, second, third = sender._choose(T)[0]
    sender._line.release(first)
    going = [second, third]
    sender._line.count_first(going)
    assert ([row.counted for row in going], sender._line.under_way) == ([True, False], 1)
    sender._line.free_places(going)
    assert sender._line.under_way == 0


async def test_a_channel_that_gives_too_few_outcomes_leaves_all_in_doubt() -> None:
    crowd = Crowd(lost=1)
    found = await outcomes(crowd, news(1, 2, 3))  # type: ignore[arg-type]
    assert [isinstance(one, Failure) and one.ambiguous for one in found] == [True] * 3


def test_other_words_and_other_lanes_go_alone() -> None:
    sender = Crowd().sender()
    sender.hand([*news(1, 3, 5), *news(2, 4, text="y"), *news(6, 7, lane=Lane.REMINDER)])
    first, _ = sender._choose(T)
    assert [numbers(call) for call in by_call(first)] == [[6], [7], [1, 3, 5], [2, 4]]


def test_a_person_who_was_written_to_a_moment_ago_waits_while_the_others_go() -> None:
    sender = Crowd().sender()
    sender.hand([held(1), *news(2, 3)])
    for row in sender._choose(T)[0]:
        sender._line.release(row)
    sender.hand(news(11, 12))
    sender.hand([replace(news(13)[0], address_id=1)])
    first, wait = sender._choose(T)
    assert numbers(first) == [11, 12]
    assert wait == pytest.approx(1.0)


def test_one_by_one_while_the_platform_refuses_more() -> None:
    sender = Crowd(together=1).sender()
    sender.hand(news(1, 2, 3))
    assert [numbers(call) for call in by_call(sender._choose(T)[0])] == [[1], [2], [3]]


async def test_one_failure_for_all_is_noted_once_and_each_row_gets_its_own_mark() -> None:
    crowd = Crowd()
    sender = crowd.sender()
    rows = news(1, 2, 3)
    for row in rows:
        sender._line.busy.add(row.address_id)
    await sender._send(rows)
    assert crowd.calls == [[1, 2, 3]]
    assert [(mark.row.delivery.id, mark.status) for mark in sender._done] == [(1, "sent"), (2, "sent"), (3, "sent")]


# --- what becomes of a refusal ----------------------------------------------------------------------------------------

REST = Failure("too_many_requests", retryable=True, rest=90.0)
QUOTA = Failure("quota", retryable=True, unpaid="quota")


def test_a_chat_rests_as_long_as_the_channel_says_and_uses_up_no_try() -> None:
    row = held(1, attempts=40)
    again = NOW + timedelta(seconds=90)
    assert decide(row, REST, NOW) == Mark(row, "queued", error="too_many_requests: ", again=again, untried=True)


async def test_a_reply_does_not_wait_behind_a_reminder_whose_chat_is_full() -> None:
    """By writing, they have just made room."""
    sender = Crowd(outcome=REST).sender()
    row = held(1, 7, lane=Lane.REMINDER)
    sender._line.busy.add(7)
    await sender._send([row])
    sender.hand([held(2, 7)])
    assert numbers(sender._choose(T)[0]) == [2]


@pytest.mark.parametrize("lane", Lane)
def test_what_is_not_paid_for_waits_and_uses_up_no_try(lane: Lane) -> None:
    row = held(1, lane=lane, attempts=40)
    assert decide(row, QUOTA, NOW) == Mark(
        row, "queued", error="quota: ", again=NOW + UNPAID, unpaid=("quota", NOW), untried=True, aside=True
    )  # fmt: skip


async def test_nobodys_reply_waits_for_what_waits_for_money_and_what_is_in_hand_goes_back() -> None:
    sender = Crowd(outcome=QUOTA).sender()
    sender.hand(news(*range(1, 1000)))
    sender.hand([held(5000, 900)])
    first = [row for row in sender._choose(T)[0] if row.delivery.lane is Lane.BROADCAST]
    await sender._send(first[:300])
    assert {mark.status for mark in sender._done} == {"queued"}
    assert len(sender._done) == 300 + 399, "those of the call, and those that nobody called for yet"
    assert sender._held_back == {}
    sender.hand([replace(held(6000), address_id=1)])
    assert numbers(sender._choose(T)[0]) == [6000]
