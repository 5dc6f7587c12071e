"""Events and people in any order, tried at random on one small town: what must hold of every reminder.

The year (tests/faults/year.py) has the numbers; here a mistake comes back as the shortest story that shows it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import Connection, Engine, Row, create_engine, false, func, literal, select
from sqlalchemy.pool import StaticPool

from bot.messages import Lane, Outgoing
from bot.reminders import about_events, composer, opens
from storage import events, invitations, moments, notifications, outbox, reminders, stopping
from storage.cipher import Cipher
from storage.moments import CHANGE, DONE, EXPIRED, INVITE, REMINDERS, TIMED, WAITING, Due, base_of
from storage.outbox import Held, Mark
from storage.tables import addresses, contacts, metadata
from storage.tables import events as event_rows
from storage.tables import invitations as guest_rows
from storage.tables import moments as moment_rows
from storage.tables import notifications as ledger
from storage.tables import outbox as outbox_rows
from storage.telling import Facts
from tests.faults.year_hours import first_allowed
from tests.storage.events_kit import DAY, HOUR, NOW, RULES, by, lead, published, settle
from tests.storage.kit import KEY

PEOPLE = (100, 101, 102, 103, 104)  # the first two at one home, the last one without a channel
APART = 4 * HOUR
CHANNELS = ("telegram", "web")

which = st.integers(0, 9)
someone = st.sampled_from(PEOPLE[:-1])
hours = st.sampled_from((0.25, 1, 2, 3.75, 4, 9, 14, 24, 60))


class Town(RuleBasedStateMachine):
    """Five parents, a handful of events, a service that now runs and now does not, and a clock."""

    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        self.connection = self.engine.connect()
        self.now = NOW
        self.sent: dict[str, tuple[datetime, int, str]] = {}  # key → when, to whom, what kind
        self.told: set[tuple[int, str, int]] = set()

    def teardown(self) -> None:
        self.connection.rollback()
        self.connection.close()

    # --- what people do -------------------------------------------------------------------------------------------

    @initialize(kind=st.sampled_from(("meeting", "training")), ahead=hours)
    def begin(self, kind: str, ahead: float) -> None:
        self.publish(kind, ahead + 24, None, TIMED)

    @rule(
        kind=st.sampled_from(("meeting", "meeting", "training", "course", "public")), ahead=hours,
        capacity=st.sampled_from((None, 1, 2)), offsets=st.sampled_from((TIMED, ("1d", "2h"), ("2h",), ())),
    )  # fmt: skip
    def publish(self, kind: str, ahead: float, capacity: int | None, offsets: tuple[str, ...]) -> None:
        starts = self.now + ahead * HOUR
        dates = [starts + DAY, starts + 3 * DAY] if kind == "course" else []
        published(
            self.connection, by(now=self.now), starts, kind=kind, dates=dates, offsets=offsets,
            capacity=None if kind == "meeting" else capacity,
        )  # fmt: skip

    @rule(ahead=st.sampled_from((2.5, 3, 4)), waits=st.sampled_from((0.25, 1, 2)))
    def publish_at_short_notice(self, ahead: float, waits: float) -> None:
        self.publish("public", ahead, None, TIMED)
        self.run(waits)

    @rule(number=which, ahead=hours)
    def move(self, number: int, ahead: float) -> None:
        if event := self.coming(number):
            events.move(self.connection, by(now=self.now), starts_at=self.now + ahead * HOUR, **same(event))

    @rule(number=which)
    def relocate(self, number: int) -> None:
        if event := self.coming(number):
            place = f"Зала {event.version}"
            events.relocate(self.connection, by(now=self.now), place=place, landmark="", **same(event))

    @rule(number=which, whole=st.booleans())
    def cancel(self, number: int, *, whole: bool) -> None:
        if event := self.coming(number):
            events.cancel(self.connection, by(now=self.now), whole=whole, **same(event))

    @rule(number=which, who=st.sampled_from(PEOPLE), said=st.sampled_from(("yes", "yes", "no", "maybe")))
    def answer(self, number: int, who: int, said: str) -> None:
        event = self.coming(number)
        if event and self.guests(event.id, who):
            acting = by(who, self.now)
            invitations.answer(
                self.connection, acting, event_id=event.id, contact_id=who, said=said, rules=RULES, whole=False
            )

    @rule(who=someone)
    def stop_or_come_back(self, who: int) -> None:
        change = stopping.resume if self.person(who).status == "stopped" else stopping.stop
        change(self.connection, self.at_home(who), "typed word")

    @rule(who=someone)
    def block_or_unblock(self, who: int) -> None:
        change = stopping.unblock if self.person(who).status == "blocked" else stopping.block
        change(self.connection, self.at_home(who))

    # --- what the service does ------------------------------------------------------------------------------------

    @rule(ahead=hours)
    def be_away(self, ahead: float) -> None:
        self.now += ahead * HOUR

    @rule(ahead=hours)
    def run(self, ahead: float) -> None:
        """The service runs so long: each moment comes when it is due, each message goes when it may."""
        end = self.now + ahead * HOUR
        while True:
            due = moments.waiting(self.connection, end)
            rest = select(func.min(outbox_rows.c.not_before)).where(outbox_rows.c.status == "queued")
            box = self.connection.execute(rest).scalar() or end
            self.now = max(self.now, min([end, box, *(one.due for one in due[:1])]))
            if due and due[0].due <= self.now:
                self.decide(due[0], 1000)
            elif box >= end:
                break
            self.go_out()
        self.now = end

    @rule(number=which, bite=st.integers(1, 3), bites=st.integers(1, 2))
    def decide_for_some(self, number: int, bite: int, bites: int) -> None:
        """A process gets as far as that, and dies."""
        if due := moments.waiting(self.connection, self.now):
            self.decide(due[number % len(due)], bite, bites)

    @rule(number=which)
    def decide_again(self, number: int) -> None:
        """A second process has the same job."""
        over = select(moment_rows.c.event_id, moment_rows.c.offset).where(moment_rows.c.state != WAITING)
        done = self.connection.execute(over.order_by(moment_rows.c.event_id, moment_rows.c.offset)).all()
        if done:
            assert reminders.fire(self.connection, *done[number % len(done)], self.now, RULES) == 0

    @rule()
    def go_out(self) -> None:
        for channel in CHANNELS:
            compose = composer({"reminder": about_events(self.words)})
            rows = outbox.claim(self.connection, channel, "me", self.now, {Lane.REMINDER: 100}, compose)
            outbox.on_wire(self.connection, [row.delivery.id for row in rows], "me")
            if rows:
                outbox.mark(self.connection, [self.send(row) for row in rows], "me")

    def decide(self, moment: Due, bite: int, bites: int = 100) -> None:
        for _ in range(bites):
            before = self.lines(moment)
            decided = reminders.fire(self.connection, moment.event_id, moment.offset, self.now, RULES, bite=bite)
            after = self.lines(moment)
            assert before.items() <= after.items(), "decided twice"
            self.check_lines(moment, [line for who, line in after.items() if who not in before])
            if not decided:
                break
        one = (moment_rows.c.event_id == moment.event_id) & (moment_rows.c.offset == moment.offset)
        state = self.connection.execute(select(moment_rows.c.state).where(one)).scalar()
        if state in (DONE, EXPIRED):
            self.check_nobody_is_forgotten(moment)

    def words(self, facts: Facts, now: datetime) -> Outgoing:
        for about in facts.about:
            assert about.event.status == "published" or about.base == CHANGE, "of what was cancelled"
            assert about.rsvp != "no", "to somebody who does not come"
            assert about.base not in TIMED or about.event.starts_at > now, "of what has begun"
        return Outgoing("text")

    def send(self, row: Held) -> Mark:
        at = opens(RULES)(row, self.now)
        if max(at, self.now) >= row.expires_at:
            return Mark(row, "expired")
        if at > self.now:
            return Mark(row, "queued", again=at)
        self.check_sent(row)
        return Mark(row, "sent", at=self.now)

    # --- what must hold -------------------------------------------------------------------------------------------

    def check_sent(self, row: Held) -> None:
        _, _, offset, contact = row.key.split(":")
        who, base = int(contact), base_of(offset)
        assert row.key not in self.sent, "twice"
        assert first_allowed(base, self.now, row.expires_at) == self.now, "at an hour when nobody is written to"
        assert self.person(who).status == "active", "to somebody who said stop"
        lines = select(ledger.c.event_id, ledger.c.offset, ledger.c.contact_id).where(ledger.c.message == row.key)
        told = {(line.event_id, line.offset, line.contact_id) for line in self.connection.execute(lines)}
        assert told, "nobody decided it"
        assert not told & self.told, "of what they were told before"
        self.told |= told
        if base in REMINDERS:
            lately = [key for key, (at, to, kind) in self.sent.items() if to == who and kind in REMINDERS
                      and self.now - at < APART]  # fmt: skip
            assert not lately, "two reminders within four hours"
        self.sent[row.key] = (self.now, who, base)

    def check_lines(self, moment: Due, fresh: Sequence[Row[Any]]) -> None:
        """What was decided a moment ago has a reason that is true, or none."""
        for line in fresh:
            if line.status == "expired":
                assert first_allowed(moment.base, self.now) >= moment.until, "given up too early"
            elif line.status == "queued" or line.reason in PLAIN:
                so = {reason for reason, is_so in self.against(moment, line.contact_id).items() if is_so}
                assert line.reason in so if line.reason else not so, f"queued or left out against the facts: {so}"

    def against(self, moment: Due, who: int) -> dict[str, bool]:
        """What speaks against writing to somebody, as far as that is plain to see."""
        person, (guest, *_) = self.person(who), self.guests(moment.event_id, who) or [None]
        home = select(addresses.c.id).where(addresses.c.id == home_of(who), addresses.c.status == "active")
        return {
            "stopped": person.status == "stopped",
            "blocked": person.status == "blocked",
            "no_channel": self.connection.execute(home).first() is None,
            "said_no": bool(guest) and guest.rsvp == "no" and moment.base in (*TIMED, CHANGE),
            "waiting": bool(guest) and guest.seat == "waiting" and moment.base in TIMED,
        }

    def check_nobody_is_forgotten(self, moment: Due) -> None:
        decided = self.lines(moment)
        assert all(line.reason or line.status in ("queued", "joint") for line in decided.values())
        guests = [guest for who in PEOPLE for guest in self.guests(moment.event_id, who)]
        meant = {
            guest.contact_id
            for guest in guests
            if moment.base in ("3d", "1d", "2h")
            or (moment.base == INVITE and guest.rsvp == "" and guest.source == "audience")
            or (moment.base == CHANGE and guest.seat)
        }
        assert meant <= decided.keys(), f"{moment.offset} forgot {meant - decided.keys()}"

    @invariant()
    def nothing_waits_that_must_not_go(self) -> None:
        wait = (
            select(outbox_rows.c.key, outbox_rows.c.not_before, outbox_rows.c.expires_at, contacts.c.status)
            .join(contacts, contacts.c.id == outbox_rows.c.contact_id)
            .where(outbox_rows.c.status == "queued", outbox_rows.c.key.like("reminder:%"))
        )
        for row in self.connection.execute(wait):
            _, number, offset, _ = row.key.split(":")
            event = events.by_id(self.connection, int(number))
            assert event is not None
            assert row.status == "active", "for somebody who said stop"
            assert event.status == "published" or base_of(offset) == CHANGE, "for what was cancelled"
            assert row.not_before < row.expires_at, "for when it helps nobody any more"
            assert first_allowed(base_of(offset), row.not_before, row.expires_at) == row.not_before, "for the night"

    # --- a look at the town ---------------------------------------------------------------------------------------

    def coming(self, number: int) -> events.Event | None:
        wanted = (event_rows.c.status == "published") & (event_rows.c.starts_at > self.now)
        found = self.connection.execute(select(event_rows).where(wanted).order_by(event_rows.c.id)).all()
        return events.event_of(found[number % len(found)]) if found else None

    def lines(self, moment: Due) -> dict[int, Row[Any]]:
        """The lines of a moment by person."""
        columns = (ledger.c.contact_id, ledger.c.status, ledger.c.reason, ledger.c.message)
        mine = (ledger.c.event_id == moment.event_id) & (ledger.c.offset == moment.offset)
        return {line.contact_id: line for line in self.connection.execute(select(*columns).where(mine))}

    def guests(self, event: int, who: int) -> list[Row[Any]]:
        mine = (guest_rows.c.event_id == event) & (guest_rows.c.contact_id == who)
        return list(self.connection.execute(select(guest_rows).where(mine)))

    def person(self, who: int) -> Row[Any]:
        return self.connection.execute(select(contacts.c.status).where(contacts.c.id == who)).one()

    def at_home(self, who: int) -> Any:
        return invitations.Acting(who, home_of(who), "telegram", "bg", "event", self.now)


PLAIN = ("stopped", "blocked", "no_channel", "said_no", "waiting")


def same(event: events.Event) -> dict[str, Any]:
    return {"event_id": event.id, "version": event.version, "rules": RULES}


def home_of(who: int) -> int:
    """The number of somebody's only address."""
    return 100 if who == PEOPLE[1] else who


# --- the tests --------------------------------------------------------------------------------------------------------


def people(connection: Connection) -> None:
    lead(connection)
    settle(connection, 1)
    settle(connection, 1, first=101, home=100)
    settle(connection, 1, first=102)
    settle(connection, 1, first=103, channel="web")
    settle(connection, 1, first=104, channel="")


@pytest.fixture(scope="module")
def town() -> Iterator[type[Town]]:
    """In memory; each story is taken back when it ends."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    engine.dialect.cipher = Cipher(KEY)  # type: ignore[attr-defined]
    with engine.begin() as connection:
        metadata.create_all(connection)
        people(connection)
    yield type("Here", (Town,), {"engine": engine})
    engine.dispose()


def stories(number: int, steps: int, **more: Any) -> settings:
    return settings(
        max_examples=number, stateful_step_count=steps, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck), **more,
    )  # fmt: skip


def test_whatever_happens_in_any_order(town: type[Town]) -> None:
    """Told once, at a decent hour, of what is still so, four hours apart; or it is written down why not."""
    run_state_machine_as_test(town, settings=stories(30, 25))


Break = Callable[[pytest.MonkeyPatch], Any]

BREAKS: dict[str, tuple[Break, str]] = {
    "nothing speaks against anybody": (
        lambda patch: patch.setattr(notifications, "_reason", lambda base, **_: literal("")), "against the facts"
    ),
    "one reminder after another": (
        lambda patch: patch.setattr(notifications, "_reminded_lately", false), "two reminders within four hours"
    ),
    "no quiet hours": (
        lambda patch: patch.setattr(notifications, "opens_at", lambda rules, base, now, until=None: now),
        "for the night|an hour when",
    ),
    "the first few take themselves for all": (
        lambda patch: patch.setattr(moments, "go_on", lambda c, moment, now: moments.close(c, moment, DONE, now)),
        "forgot",
    ),
    "what was planned stays planned": (
        lambda patch: patch.setattr(moments, "withdraw", lambda *_: None), "for what was cancelled|of what has begun"
    ),
}  # fmt: skip


@pytest.mark.usefixtures("new_statements")
@pytest.mark.parametrize(("broken", "sentence"), [pytest.param(*case, id=name) for name, case in BREAKS.items()])
def test_what_is_broken_is_found(
    town: type[Town], monkeypatch: pytest.MonkeyPatch, broken: Break, sentence: str
) -> None:
    broken(monkeypatch)
    with pytest.raises(AssertionError) as found:
        run_state_machine_as_test(town, settings=stories(300, 30, phases=(Phase.generate,), report_multiple_bugs=False))
    assert re.search(sentence, str(found.value))
