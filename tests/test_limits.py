"""How fast a channel may send, with the time given: a bucket for all, one for each chat, and bulk's one a second."""

from __future__ import annotations

import pytest

from bot import limits as module
from bot.limits import BITE, Bucket, Gate, bites
from bot.messages import Lane, Limits

TELEGRAM = Limits(bulk_rate=29.5, bulk_burst=29.0, chat_rate=1.0, chat_burst=20.0)
T = 1000.0
BULK = (Lane.REMINDER, Lane.BROADCAST)


def sends(gate: Gate, lane: Lane, chats: list[int], start: float = T) -> list[float]:
    """When each of these messages goes, one after another, waiting exactly as long as the gate says."""
    now, times = start, []
    for chat in chats:
        while wait := max(gate.wait_all(lane, now), gate.wait_chat(lane, chat, now)):
            now += wait  # and asks again, as the sender does
        gate.took(chat, now)
        times.append(now)
    return times


@pytest.mark.parametrize("lane", BULK)
def test_bulk_to_many_goes_in_a_short_burst_and_then_at_the_platforms_rate(lane: Lane) -> None:
    """23 at once, then 29.5 a second, eight by eight: never Telegram's 30 a second for long, and a reply finds room."""
    times = sends(Gate(TELEGRAM, T), lane, list(range(400)))
    assert times == pytest.approx([T + max(0, (n - 15) // 8 * 8) / 29.5 for n in range(400)], abs=1e-6)
    for first, start in enumerate(times):
        within = sum(start <= t <= start + 10 for t in times[first:])
        assert within <= 29 + 10 * 29.5 + 1


@pytest.mark.parametrize("lane", BULK)
def test_bulk_to_one_chat_goes_once_a_second_and_never_in_a_burst(lane: Lane) -> None:
    assert sends(Gate(TELEGRAM, T), lane, [7] * 5) == [T, T + 1, T + 2, T + 3, T + 4]


def test_bulk_waits_a_second_after_a_reply_to_the_same_chat_and_not_after_others() -> None:
    gate = Gate(TELEGRAM, T)
    gate.took(7, T)
    assert gate.wait_chat(Lane.BROADCAST, 7, T + 0.25) == 0.75
    assert gate.wait_chat(Lane.BROADCAST, 8, T + 0.25) == 0


def test_replies_to_one_chat_burst_and_then_go_once_a_second() -> None:
    assert sends(Gate(TELEGRAM, T), Lane.REPLY, [7] * 23) == [*[T] * 20, T + 1, T + 2, T + 3]


def test_replies_to_many_wait_for_nothing_and_bulk_pays_for_them() -> None:
    gate = Gate(TELEGRAM, T)
    assert sends(gate, Lane.REPLY, list(range(200))) == [T] * 200
    wait = gate.wait_all(Lane.BROADCAST, T)
    assert wait == pytest.approx((29 + 6 + 8) / 29.5), "overdrawn by a burst at most, so bulk is not silent for minutes"


@pytest.mark.parametrize(
    ("lane", "wait"),
    [(Lane.REPLY, 0), (Lane.REMINDER, 7), (Lane.BROADCAST, 7)],
)
def test_what_the_platform_asked_us_to_wait_holds_bulk_alone(lane: Lane, wait: float) -> None:
    gate = Gate(TELEGRAM, T)
    gate.bulk_paused_until = T + 7
    assert gate.wait_all(lane, T) == wait
    assert gate.wait_all(lane, T + 8) == 0


def test_a_bucket_never_holds_more_than_its_burst_however_long_it_rests() -> None:
    bucket = Bucket(2.0, 3.0, T)
    bucket.take(T)
    assert not bucket.is_full(T)
    assert bucket.is_full(T + 3600)
    for _ in range(3):
        assert bucket.wait(T + 3600) == 0
        bucket.take(T + 3600)
    assert bucket.wait(T + 3600) == 0.5


def test_a_gate_forgets_chats_that_have_long_been_quiet_and_only_those(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory must not grow with the number of people; a chat that is still limited stays limited."""
    monkeypatch.setattr(module, "FORGET", 10)
    gate = Gate(TELEGRAM, T)
    for chat in range(10):
        gate.took(chat, T)
    sends(gate, Lane.REPLY, [9] * 19, T + 1)
    gate.took(100, T + 1)
    assert gate.wait_chat(Lane.BROADCAST, 9, T + 1.5) == 0.5
    assert gate.wait_chat(Lane.BROADCAST, 0, T + 1.5) == 0
    assert len(gate._chats) == len(gate._last) == 2


@pytest.mark.parametrize(
    ("limits", "taken"),
    [
        (
            {Lane.REPLY: 9, Lane.REMINDER: 4, Lane.BROADCAST: 16},
            [{Lane.REPLY: 9, Lane.REMINDER: 4, Lane.BROADCAST: 16}],
        ),
        ({Lane.REPLY: 9, Lane.BROADCAST: BITE}, [{Lane.REPLY: 9, Lane.BROADCAST: BITE}]),
        (
            {Lane.REPLY: 9, Lane.BROADCAST: 2 * BITE + 1},
            [{Lane.REPLY: 9, Lane.BROADCAST: BITE}, {Lane.BROADCAST: BITE}, {Lane.BROADCAST: 1}],
        ),
        ({Lane.REPLY: 9}, [{Lane.REPLY: 9, Lane.BROADCAST: 0}]),
    ],
)
def test_much_is_taken_bite_by_bite(limits: dict[Lane, int], taken: list[dict[Lane, int]]) -> None:
    assert list(bites(limits)) == taken
