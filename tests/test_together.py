"""The sender where one call brings the same to many: who goes together, and what that costs of rate and places."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

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

    async def send(self, delivery: Delivery) -> Sent | Failure:
        self.calls.append([delivery.id])
        return self.outcome

    async def send_together(self, deliveries: Sequence[Delivery]) -> Sequence[Sent | Failure]:
        self.calls.append([d.id for d in deliveries])
        return [self.outcome] * len(deliveries)

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
    counted = [row for row in first if row.counted]
    assert [numbers(call) for call in _calls(first)] == [
        list(range(1, 301)), list(range(301, 601)), list(range(601, 901)), list(range(901, 1000)),
    ]  # fmt: skip
    assert (len(counted), sender._under_way) == (4, 4)
    for row in first:
        sender._release(row)
    assert sender._under_way == 0


def test_each_call_takes_one_of_the_rate_however_many_it_brings() -> None:
    sender = Crowd(limits=replace(MANY, together=2, concurrency=99), together=2).sender()
    sender.hand(news(*range(1, 101)))
    first, wait = sender._choose(T)
    assert len(first) == 28, "fourteen calls: six of a burst of twenty are left for replies"
    assert wait
    for row in first:
        sender._release(row)
    assert numbers(sender._choose(T + 1)[0]) == []
    later, _ = sender._choose(T + 9)
    assert len(later) > 2


def test_other_words_and_other_lanes_go_alone() -> None:
    sender = Crowd().sender()
    sender.hand([*news(1, 3, 5), *news(2, 4, text="y"), *news(6, 7, lane=Lane.REMINDER)])
    first, _ = sender._choose(T)
    assert [numbers(call) for call in _calls(first)] == [[6], [7], [1, 3, 5], [2, 4]]


def test_a_person_who_was_written_to_a_moment_ago_waits_while_the_others_go() -> None:
    sender = Crowd().sender()
    sender.hand([held(1), *news(2, 3)])
    for row in sender._choose(T)[0]:
        sender._release(row)
    sender.hand(news(11, 12))
    sender.hand([replace(news(13)[0], address_id=1)])
    first, wait = sender._choose(T)
    assert numbers(first) == [11, 12]
    assert wait == pytest.approx(1.0)


def test_one_by_one_while_the_platform_refuses_more() -> None:
    sender = Crowd(together=1).sender()
    sender.hand(news(1, 2, 3))
    assert [numbers(call) for call in _calls(sender._choose(T)[0])] == [[1], [2], [3]]


async def test_one_failure_for_all_is_noted_once_and_each_row_gets_its_own_mark() -> None:
    crowd = Crowd()
    sender = crowd.sender()
    rows = news(1, 2, 3)
    for row in rows:
        sender._busy.add(row.address_id)
    await sender._send(rows)
    assert crowd.calls == [[1, 2, 3]]
    assert [(mark.row.delivery.id, mark.status) for mark in sender._done] == [(1, "sent"), (2, "sent"), (3, "sent")]


def _calls(rows: Sequence[Held]) -> list[list[Held]]:
    from bot.outbox import _calls as by_call

    return by_call(rows)


# --- what becomes of a refusal ----------------------------------------------------------------------------------------

REST = Failure("too_many_requests", retryable=True, rest=90.0)
QUOTA = Failure("quota", retryable=True, unpaid="quota")


def test_a_chat_rests_as_long_as_the_channel_says_and_uses_up_no_try() -> None:
    row = held(1, attempts=40)
    assert decide(row, REST, NOW) == Mark(
        row, "queued", error="too_many_requests: ", again=NOW + timedelta(seconds=90)
    )  # fmt: skip


@pytest.mark.parametrize("lane", [Lane.REMINDER, Lane.BROADCAST])
def test_what_is_not_paid_for_waits_and_uses_up_no_try(lane: Lane) -> None:
    row = held(1, lane=lane, attempts=40)
    assert decide(row, QUOTA, NOW) == Mark(
        row, "queued", error="quota: ", again=NOW + UNPAID, unpaid=("quota", NOW)
    )  # fmt: skip


def test_a_reply_that_is_refused_for_money_is_tried_as_any_other() -> None:
    row = held(1)
    assert decide(row, QUOTA, NOW) == Mark(
        row, "queued", error="quota: ", again=NOW + timedelta(seconds=2), unpaid=("quota", NOW)
    )  # fmt: skip


async def test_a_reply_does_not_wait_behind_what_waits_for_money() -> None:
    crowd = Crowd()
    crowd.outcome = QUOTA
    sender = crowd.sender()
    row = news(1)[0]
    sender._busy.add(row.address_id)
    await sender._send([row])
    assert [mark.status for mark in sender._done] == ["queued"]
    assert sender._held_back == {}
    sender.hand([replace(held(2), address_id=row.address_id)])
    assert numbers(sender._choose(T)[0]) == [2]
