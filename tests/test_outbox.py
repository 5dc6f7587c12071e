"""The sender: who goes first, how fast, what becomes of a failure, and what a stop or a crash leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from sqlalchemy import insert, update

from bot import outbox as module
from bot.messages import Address, Delivery, Failure, Lane, Limits, Outgoing, Sent
from bot.outbox import Sender
from bot.retry import RETRIES, decide
from storage import outbox as rows_of
from storage.database import Database, Down
from storage.outbox import Held, Mark, Taker
from storage.tables import addresses, leases
from storage.tables import outbox as rows
from tests.storage.kit import NOW, bulk, everything, meet, opened, queue

T = 1000.0
FAST = Limits(bulk_rate=10_000, bulk_burst=1000, chat_rate=1000, chat_burst=1000)
TELEGRAM = Limits(bulk_rate=29.5, bulk_burst=29.0, chat_rate=1.0, chat_burst=20.0)
LEASE = "sender:telegram"


def held(number: int, address: int | None = None, lane: Lane = Lane.REPLY, **more: Any) -> Held:
    """A row in the sender's hands; each its own address unless told otherwise."""
    delivery = Delivery(number, Address("telegram", f"{address or number}"), Outgoing("x"), lane)
    later = {"attempts": 0, "ambiguous": 0, "not_before": NOW, "expires_at": NOW + timedelta(hours=1)} | more
    return Held(delivery, f"k{number}", address or number, **later)


@dataclass
class Post:
    """A channel that does what it is told, and a clock that stands still."""

    name: str = "telegram"
    limits: Limits = FAST
    now: datetime = NOW
    calls: list[int] = field(default_factory=list)
    answer: Callable[[Delivery], Sent | Failure] = lambda delivery: Sent(f"m{delivery.id}")
    hold: asyncio.Event | None = None  # calls wait for it, as for a slow platform
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, delivery: Delivery) -> Sent | Failure:
        self.calls.append(delivery.id)
        self.changed.set()
        if self.hold:
            await self.hold.wait()
        return self.answer(delivery)

    def sender(self, database: Database | None = None, me: str = "me", owners: dict[str, str] | None = None) -> Sender:
        made = Sender(cast("Database", database), cast("Any", self), {} if owners is None else owners, me=me)
        made._clock = lambda: self.now
        made.sent = lambda row, mark: self.changed.set()
        return made

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for something that follows a call or a mark."""
        async with asyncio.timeout(30):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


# --- what becomes of a call -------------------------------------------------------------------------------------------

RETRY, AMBIGUOUS = Failure("server", "busy", retryable=True), Failure("timeout", retryable=True, ambiguous=True)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


DECISIONS = {
    "taken": (Sent("m1"), {}, {"status": "sent", "platform_id": "m1", "at": NOW}),
    "refused for good": (Failure("bad_request", "x"), {}, {"status": "failed", "error": "bad_request: x"}),
    "blocked": (Failure("blocked", contact_gone=True), {}, {"status": "failed", "contact_gone": True}),
    "blocked, even if unsure before": (
        Failure("blocked", contact_gone=True), {"ambiguous": 1},
        {"status": "failed", "contact_gone": True, "ambiguous": 1},
    ),
    "asked to wait": (Failure("flood", retry_after=17), {}, {"status": "queued", "again": after(17), "untried": True}),
    "asked to wait for the tenth time": (
        Failure("flood", retry_after=17), {"attempts": 9}, {"status": "queued", "again": after(17), "untried": True},
    ),
    **{
        f"failure {n + 1} of those that pass": (RETRY, {"attempts": n}, {"status": "queued", "again": after(pause)})
        for n, pause in enumerate(RETRIES)
    },
    "the eighth failure": (RETRY, {"attempts": 7}, {"status": "failed", "error": "server: busy"}),
    "no network": (
        Failure("network", channel_down=True), {}, {"status": "queued", "again": after(2), "untried": True},
    ),
    "no network for hours": (
        Failure("network", channel_down=True), {"attempts": 40},
        {"status": "queued", "again": after(15), "untried": True},
    ),
    "perhaps delivered": (
        AMBIGUOUS, {}, {"status": "queued", "again": after(2), "ambiguous": 1, "lost_at": NOW},
    ),
    "perhaps delivered, twice": (
        AMBIGUOUS, {"ambiguous": 1}, {"status": "uncertain", "ambiguous": 2, "lost_at": NOW},
    ),
    "refused after one that may have arrived": (
        RETRY, {"ambiguous": 1, "attempts": 1}, {"status": "queued", "again": after(5), "ambiguous": 1},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", DECISIONS)
def test_what_becomes_of_a_row_after_its_call(case: str) -> None:
    outcome, before, expected = DECISIONS[case]
    row = held(1, **before)
    error = f"{outcome.code}: {outcome.text}" if isinstance(outcome, Failure) else ""
    assert decide(row, outcome, NOW) == Mark(row, **({"error": error} | expected))


def test_all_tries_of_a_row_fit_into_an_hour_and_a_bit() -> None:
    assert (len(RETRIES), sum(RETRIES[:-1]) < 3600) == (7, True)


# --- who goes first, and how fast: time is given ----------------------------------------------------------------------


def timetable(sender: Sender, start: float = T) -> list[tuple[float, int]]:
    """When each row goes, if every call is answered at once and the sender waits exactly as long as it says."""
    now, gone = start, []
    while True:
        chosen, wait = sender._choose(now)
        for row in chosen:
            gone.append((round(now - start, 6), row.delivery.id))
            sender._line.release(row)
        if not chosen:
            if wait is None:
                return gone
            now += max(wait, 1e-6)  # a real clock moves on, however short the wait


def test_replies_go_before_reminders_before_broadcasts_and_older_before_newer() -> None:
    sender = Post().sender()
    lanes = [Lane.BROADCAST, Lane.REMINDER, Lane.REPLY] * 3
    sender.hand([held(n, lane=lane) for n, lane in enumerate(lanes, 1)])
    assert [number for _, number in timetable(sender)] == [3, 6, 9, 2, 5, 8, 1, 4, 7]


def test_one_chat_gets_its_rows_one_at_a_time_in_order() -> None:
    """A reply before what is bulk there, and nothing while a call to this chat is under way."""
    sender = Post().sender()
    sender.hand([held(2, 7, Lane.BROADCAST), held(3, 7), held(1, 7), held(4, 8)])
    first, _ = sender._choose(T)
    assert [row.delivery.id for row in first] == [1, 4]
    assert sender._choose(T)[0] == []
    sender._line.release(first[0])
    assert [row.delivery.id for row in sender._choose(T)[0]] == [3]


def test_no_more_calls_are_under_way_than_the_channel_allows() -> None:
    sender = Post(limits=Limits(concurrency=3)).sender()
    sender.hand([held(n) for n in range(1, 9)])
    first, wait = sender._choose(T)
    assert ([row.delivery.id for row in first], wait) == ([1, 2, 3], None)
    assert sender._choose(T)[0] == []
    sender._line.release(first[1])
    assert [row.delivery.id for row in sender._choose(T)[0]] == [4]


def test_a_broadcast_keeps_to_the_platforms_rate() -> None:
    sender = Post(limits=TELEGRAM).sender()
    sender.hand([held(n, lane=Lane.BROADCAST) for n in range(1, 201)])
    times = timetable(sender)
    assert [number for _, number in times] == list(range(1, 201))
    assert [at for at, _ in times] == pytest.approx([max(0, (n - 15) // 8 * 8) / 29.5 for n in range(200)], abs=0.001)


def test_bulk_to_one_chat_waits_its_second_without_holding_up_the_others() -> None:
    sender = Post(limits=TELEGRAM).sender()
    sender.hand([held(1, 7, Lane.BROADCAST), held(2, 7, Lane.BROADCAST), held(3, 8, Lane.BROADCAST)])
    assert timetable(sender) == [(0, 1), (0, 3), (1, 2)]


def test_replies_to_one_chat_burst_and_slow_down_and_others_do_not_notice() -> None:
    sender = Post(limits=TELEGRAM).sender()
    sender.hand([held(n, 7) for n in range(1, 23)] + [held(50, 8)])
    assert sorted(timetable(sender)) == [*((0, n) for n in range(1, 21)), (0, 50), (1, 21), (2, 22)]


def test_a_reply_that_comes_in_the_middle_of_a_broadcast_goes_at_once() -> None:
    sender = Post(limits=TELEGRAM).sender()
    sender.hand([held(n, lane=Lane.BROADCAST) for n in range(1, 1001)])
    for row in sender._choose(T)[0]:
        sender._line.release(row)
    assert sender._choose(T)[0] == []
    sender.hand([held(5000)])
    assert [row.delivery.id for row in sender._choose(T)[0]] == [5000]


async def test_a_flood_answer_pauses_bulk_as_long_as_the_platform_says_and_no_reply() -> None:
    sender = Post(limits=TELEGRAM).sender()
    now = asyncio.get_running_loop().time()
    sender._note(held(1), Failure("flood", retry_after=70))
    sender.hand([held(2, lane=Lane.BROADCAST), held(3)])
    assert [row.delivery.id for row in sender._choose(now + 1)[0]] == [3]
    assert sender._choose(now + 69)[0] == []
    assert [row.delivery.id for row in sender._choose(now + 71)[0]] == [2]


async def test_a_channel_that_is_down_rests_whole_and_comes_back() -> None:
    sender = Post().sender()
    now = asyncio.get_running_loop().time()
    sender._note(held(1), Failure("network", channel_down=True))
    sender.hand([held(2)])
    assert sender._choose(now)[0] == []
    assert [row.delivery.id for row in sender._choose(now + module.DOWN + 1)[0]] == [2]


async def test_a_reply_that_was_marked_when_it_was_written_goes_at_once_in_the_place_booked_for_it() -> None:
    post = Post(limits=Limits(concurrency=3))
    sender = post.sender(owners={"telegram": "me"})
    sender._line.under_way = 3  # as after booking three places, of which two are used
    sender.hand([held(1, marked=True), held(2, marked=True), held(3, 1)], places=3)
    assert [row.delivery.id for row in sender._line.choose_marked(T)[0]] == [1, 2]
    assert sender._line.under_way == 2
    assert sender._choose(T)[0] == [], "the second for the first address waits for its turn"


async def test_a_marked_reply_that_cannot_go_at_once_gives_its_place_back_and_its_chat_keeps_its_order() -> None:
    sender = Post().sender()
    sender._line.under_way = 1
    sender.hand([held(1, 7), held(2, 7, marked=True)], places=1)
    soon = NOW + timedelta(seconds=module.POLL)
    assert sender._line.choose_marked(T) == ([], None)
    assert sender._choose(T)[0] == [], "what stood before it waits with it"
    assert [(m.row.delivery.id, m.status, m.again, m.counted) for m in sender._done] == [
        (1, "queued", soon, False),
        (2, "queued", soon, True),
    ]


async def test_one_chats_flood_leaves_the_places_to_everybody_else() -> None:
    sender = Post(limits=Limits(concurrency=3, chat_burst=2)).sender(owners={"telegram": "me"})
    for number in range(1, 11):
        taker = sender.book(1)
        assert taker is not None
        sender.hand([held(number, 7, marked=bool(taker.places) and 7 not in taker.crowded)], places=taker.places)
        for row in sender._line.choose_marked(asyncio.get_running_loop().time())[0]:
            sender._finish(row, decide(row, Sent("m"), NOW))
        sender._marked(marks := list(sender._done))
        del sender._done[: len(marks)]
    assert sender._line.under_way == 0
    another = sender.book(3)
    assert another is not None
    assert another.places == 3


@pytest.mark.parametrize(
    ("change", "booked"),
    [
        pytest.param({}, Taker("me", 3), id="as many as are free"),
        pytest.param({"under_way": 4}, Taker("me", 1), id="the rest of them"),
        pytest.param({"under_way": 5}, Taker("me", 0), id="none is free"),
        pytest.param({"_stopping": True}, Taker("me", 0), id="stopping"),
        pytest.param({"_resting_until": 1e12}, Taker("me", 0), id="nobody can be reached now"),
        pytest.param({"_owners": {"telegram": "another"}}, None, id="another process sends"),
    ],
)
async def test_how_many_calls_may_start_the_moment_they_are_committed(
    change: dict[str, Any], booked: Taker | None
) -> None:
    sender = Post(limits=Limits(concurrency=5)).sender(owners={"telegram": "me"})
    for name, value in change.items():
        setattr(sender._line if name == "under_way" else sender, name, value)
    before = sender._line.under_way
    assert sender.book(3) == booked
    assert sender._line.under_way == before + (booked.places if booked else 0)


def test_a_failed_row_takes_those_behind_it_back_to_the_queue_so_that_none_overtakes() -> None:
    sender = Post().sender()
    first, second, other = held(1, 7), held(2, 7, Lane.BROADCAST, ambiguous=1), held(3, 8)
    sender.hand([first, second, other])
    chosen = sender._choose(T)[0]
    sender._finish(chosen[0], decide(first, RETRY, NOW))
    assert sender._done == [
        Mark(first, "queued", error="server: busy", again=after(2)),
        Mark(second, "queued", again=after(2), ambiguous=1, counted=False),
    ]
    assert sender._choose(T)[0] == []


# --- with a database --------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL", 0.005)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url) as database:
        yield database


@asynccontextmanager
async def working(*senders: Sender) -> AsyncIterator[None]:
    """Senders at work until the block ends."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(sender.run()) for sender in senders]
        yield
        for task in running:
            task.cancel()


async def status(database: Database) -> dict[str, str]:
    return {row["key"]: row["status"] for row in await database.read(lambda c: everything(c, rows))}


async def test_what_waits_is_found_sent_and_marked(database: Database) -> None:
    post = Post()
    sender = post.sender(database)
    await database.write(lambda c: queue(c, meet(c), "a", "b"))
    async with working(sender):
        await post.until(lambda: len(post.calls) == 2)
        await sender.settled()
    found = await database.read(lambda c: everything(c, rows))
    assert [(r["status"], r["platform_id"], r["attempts"], r["sent_at"]) for r in found] == [
        ("sent", f"m{r['id']}", 1, NOW) for r in found
    ]


async def test_a_row_is_on_the_wire_in_the_database_before_the_call_begins(database: Database) -> None:
    """Else a crash during the call would send it again without anybody knowing."""
    post = Post(hold=asyncio.Event())
    await database.write(lambda c: queue(c, meet(c), "a"))
    async with working(post.sender(database)):
        await post.until(lambda: post.calls)
        assert await status(database) == {"a": "sending"}
        cast("asyncio.Event", post.hold).set()


async def test_replies_overtake_twenty_thousand_waiting_rows(database: Database) -> None:
    """Whoever waits for an answer waits for the calls under way at most, not for a broadcast."""
    post, owners = Post(), {}
    sender = post.sender(database, owners=owners)
    await database.write(lambda c: bulk(c, meet(c), 20_000))
    async with working(sender):
        await post.until(lambda: len(post.calls) > 20)
        replies = [
            row
            for n in range(20)
            for row in await database.write(lambda c, n=n: queue(c, meet(c, f"r{n}"), f"reply:{n}", owner="me"))
        ]
        before = len(post.calls)
        sender.hand(replies)
        wanted = {row.delivery.id for row in replies}
        await post.until(lambda: wanted <= set(post.calls))
    last = max(post.calls.index(number) for number in wanted)
    assert last < before + len(replies) + post.limits.concurrency


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"expires_at": NOW}, "expired", id="too late to be of use"),
        pytest.param({"status": "cancelled", "owner": ""}, "cancelled", id="taken back meanwhile"),
        pytest.param({"owner": "another process"}, "queued", id="another process took over"),
    ],
)
async def test_a_row_that_may_not_go_any_more_is_not_sent(
    database: Database, change: dict[str, Any], expected: str
) -> None:
    sender = Post().sender(database)
    mine = await database.write(
        lambda c: [*queue(c, meet(c), "a", owner="me"), *queue(c, meet(c, "2"), "b", owner="me")]
    )
    sender.hand([replace(mine[0], expires_at=change.get("expires_at", mine[0].expires_at)), mine[1]])
    await database.write(lambda c: c.execute(update(rows).where(rows.c.key == "a").values(change)))
    assert await sender._mark_on_wire(sender._choose(T)[0]) == {mine[1].delivery.id}
    if sender._done:
        await database.write(lambda c: rows_of.mark(c, sender._done, "me"))
    assert await status(database) == {"a": expected, "b": "sending"}


async def test_a_blocked_contact_is_not_written_to_again(database: Database) -> None:
    post = Post(answer=lambda delivery: Failure("blocked", contact_gone=True))
    await database.write(lambda c: queue(c, meet(c), "a", "b", "c"))
    await database.write(lambda c: queue(c, meet(c, "1", "web"), "web"))
    sender = post.sender(database)
    async with working(sender):
        await post.until(lambda: post.calls)
        await sender.settled()
    assert len(post.calls) == 1
    found = await status(database)
    assert (found["a"], found["b"], found["c"], found["web"]) == ("failed", "cancelled", "cancelled", "queued")
    assert [row["status"] for row in await database.read(lambda c: everything(c, addresses))] == ["blocked", "active"]


async def test_a_call_that_ends_without_an_answer_is_repeated_once_and_then_left_to_people(database: Database) -> None:
    post = Post(answer=lambda delivery: AMBIGUOUS)
    marks: list[Mark] = []
    sender = post.sender(database)
    sender.sent = lambda row, mark: (marks.append(mark), post.changed.set())  # type: ignore[func-returns-value]
    await database.write(lambda c: queue(c, meet(c), "a"))
    async with working(sender):
        await post.until(lambda: len(marks) == 1)
        assert await status(database) == {"a": "queued"}
        post.now += timedelta(seconds=RETRIES[0])
        await post.until(lambda: len(marks) == 2)
    assert (len(post.calls), await status(database)) == (2, {"a": "uncertain"})


async def test_a_channel_that_breaks_is_taken_for_a_call_without_an_answer(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake of ours must not stop the sender, and must not put words into the log."""

    def breaks(_delivery: Delivery) -> Sent:
        raise LookupError("Иванка 0888")

    post = Post(answer=breaks)
    marks: list[Mark] = []
    sender = post.sender(database)
    sender.sent = lambda row, mark: (marks.append(mark), post.changed.set())  # type: ignore[func-returns-value]
    await database.write(lambda c: queue(c, meet(c), "a"))
    async with working(sender):
        await post.until(lambda: marks)
    assert (marks[0].status, marks[0].ambiguous, marks[0].error) == ("queued", 1, "bug: LookupError")
    assert "LookupError" in caplog.text
    assert "Иванка" not in caplog.text


async def test_a_row_that_could_not_be_marked_is_sent_when_the_database_is_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays in the sender's hands, in its place."""
    post = Post()
    sender = post.sender(database)
    mine = await database.write(lambda c: queue(c, meet(c), "a", "b", owner="me"))
    sender.hand(mine)

    async def down(_job: object) -> None:
        raise Down("full")

    monkeypatch.setattr(database, "write", down)
    now = asyncio.get_running_loop().time()
    assert await sender._mark_on_wire(sender._choose(now)[0]) == set()
    monkeypatch.undo()
    assert sender._choose(now + 0.5)[0] == [], "it rests a little"
    again = sender._choose(now + 5)[0]
    assert again == mine[:1]
    assert await sender._mark_on_wire(again) == {mine[0].delivery.id}


# --- stops and crashes ------------------------------------------------------------------------------------------------


async def test_a_stop_lets_calls_under_way_end_and_gives_the_rest_back(database: Database) -> None:
    post = Post(hold=asyncio.Event(), limits=Limits(concurrency=1))
    sender = post.sender(database, owners=(owners := {}))
    await database.write(lambda c: queue(c, meet(c), "a", "b"))
    async with working(sender):
        await post.until(lambda: post.calls)
        drained = asyncio.ensure_future(sender.drain())
        await asyncio.sleep(0)
        cast("asyncio.Event", post.hold).set()
        await drained
        assert await status(database) == {"a": "sent", "b": "queued"}
    assert owners == {}
    assert [row["owner"] for row in await database.read(lambda c: everything(c, rows))] == ["me", ""]
    assert await database.read(lambda c: everything(c, leases)) == [], "the next may begin at once"


async def test_another_process_takes_a_dead_ones_rows_over(database: Database) -> None:
    """What it held goes at once; what was on the wire goes once more, a little later."""

    def leave_behind(connection: Any) -> None:
        queue(connection, meet(connection), "held", owner="dead")
        queue(connection, meet(connection, "2"), "on the wire", owner="dead")
        connection.execute(update(rows).where(rows.c.key == "on the wire").values(status="sending"))
        until = NOW - timedelta(seconds=1)
        connection.execute(insert(leases).values(name=LEASE, owner="dead", until=until))

    await database.write(leave_behind)
    post = Post()
    sender = post.sender(database)
    async with working(sender):
        await post.until(lambda: len(post.calls) == 1)
        post.now += rows_of.SWEPT_LATER
        await post.until(lambda: len(post.calls) == 2)
        await sender.settled()
    found = await database.read(lambda c: everything(c, rows))
    assert [(r["key"], r["status"], r["id"]) for r in found] == [
        ("held", "sent", post.calls[0]), ("on the wire", "sent", post.calls[1]),
    ]  # fmt: skip


async def test_of_two_processes_one_sends(database_url: str) -> None:
    """The second waits for the lease, and every row is sent once."""
    post = Post()
    async with opened(database_url) as one, opened(database_url) as two:
        await one.write(lambda c: [queue(c, meet(c, f"{n}"), f"k{n}") for n in range(20)])
        senders = [post.sender(one, "process one"), post.sender(two, "process two")]
        async with working(*senders):
            await post.until(lambda: len(post.calls) == 20)
            assert [sender._holds for sender in senders].count(True) == 1
        assert sorted(post.calls) == sorted(set(post.calls))


async def test_rows_that_were_queued_for_a_sender_that_has_lost_its_lease_are_not_stranded(database: Database) -> None:
    """It was frozen for a while, and somebody else sends now: what it holds goes back to all."""
    post, owners = Post(), {"telegram": "me"}
    sender = post.sender(database, owners=owners)
    later = NOW + timedelta(hours=1)
    await database.write(lambda c: c.execute(insert(leases).values(name=LEASE, owner="the next", until=later)))
    sender.hand(await database.write(lambda c: queue(c, meet(c), "a", owner="me")))
    await sender._try_lease(LEASE)
    assert owners == {}
    assert [row["owner"] for row in await database.read(lambda c: everything(c, rows))] == [""]
