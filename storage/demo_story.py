"""What happened to the demonstration's made-up people before it opens: events, answers, who came, how it was.

Told through the functions that the service itself uses, moment by moment, so that the ledger, the chats and the
numbers are what they would be had it run all the time. Must never be called on a database that holds anybody real.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from bot.chat import Acting
from bot.messages import Incoming, Kind, Lane
from storage import attendance, demo, events, feedback, invitations, moments, outbox, reminders
from storage.demo import CHANNEL, Cast, chat_of
from storage.events import Draft, Event
from storage.outbox import Compose, Mark

if TYPE_CHECKING:
    from bot.calendar import Rules

Hear = Callable[[Incoming, datetime], None]
"""Let somebody do something in their chat at that time (UTC), and answer it as the service does."""

BEFORE = timedelta(days=9)  # how long before the opening everybody is there
ME = "demo"  # who holds the rows that went out before the demonstration opened
MANY = 1000
SCHOOL_PLACE, CENTRE = "ОУ „Епископ Софроний Врачански“", "Читалище „Цвят“, Видин"
FACES = (  # how it was, and a word or two where there is one
    (3, "Разбрах как да помагам с четенето."), (2, "Малко бързо беше."), (3, ""), (1, "Беше студено."),
    (3, "Искам пак."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that is needed to tell it. Days count from the opening, hours are local."""

    connection: Connection
    cast: Cast
    rules: Rules
    opening: datetime
    hear: Hear
    compose: Compose

    def at(self, days: int, hour: int, minute: int = 0) -> datetime:
        """An hour of a day before or after the opening; UTC."""
        day = self.opening.astimezone(self.rules.zone).date() + timedelta(days=days)
        return datetime.combine(day, time(hour, minute), self.rules.zone).astimezone(UTC)

    def until(self, at: datetime) -> None:
        """Let everything happen that is due before `at`, and send what it queues."""
        while due := moments.waiting(self.connection, at):
            moment = due[0]
            while reminders.fire(self.connection, moment.event_id, moment.offset, moment.due, self.rules):
                pass
            self._send(moment.due)

    def _send(self, at: datetime) -> None:
        everything = dict.fromkeys((Lane.REPLY, Lane.REMINDER), MANY)
        rows = outbox.claim(self.connection, CHANNEL, ME, at, everything, self.compose)
        if rows:
            outbox.mark(self.connection, [Mark(row, "sent", at=at) for row in rows], ME)

    def publish(self, leader: Acting, at: datetime, **draft: Any) -> Event:
        """Publish an event when its time has come, and let its invitations go."""
        self.until(at)
        acting = replace(leader, now=at)
        values = {"landmark": "", "bring": "", "capacity": None, "mediator_id": self.cast.ani.contact_id} | draft
        events.publish(self.connection, acting, draft=Draft(**values), rules=self.rules)
        made = events.latest(self.connection, acting)
        assert made is not None  # noqa: S101  (it was published a moment ago)
        self.until(at + timedelta(minutes=1))
        return made

    def answer(self, event: Event, said: str, who: Iterable[Acting], at: datetime, *, whole: bool = False) -> None:
        """Some people answer, one after the other."""
        for minutes, person in enumerate(who):
            acting = replace(person, now=at + timedelta(minutes=minutes))
            invitations.answer(
                self.connection, acting, event_id=event.id, contact_id=person.contact_id, said=said, rules=self.rules,
                whole=whole,
            )  # fmt: skip

    def does(self, key: str, kind: Kind, press: str, at: datetime) -> None:
        """Somebody opens their chat, or taps what stands in it."""
        self.until(at)
        self.hear(Incoming(f"{CHANNEL}:demo:{key}:{at:%d-%H-%M}", chat_of(key), kind, press=press), at)
        self._send(at)

    def taps(self, key: str, command: str, event: Event, said: str, at: datetime) -> None:
        """Somebody taps an answer under what we wrote to them about an event."""
        who = getattr(self.cast, key)
        self.does(key, Kind.PRESS, f"{command} {event.id}.{who.contact_id} {said}", at)

    def some(self, numbers: Iterable[int]) -> list[Acting]:
        """People by their numbers."""
        return [self.cast.others[number] for number in numbers]


def tell(connection: Connection, cast: Cast, opening: datetime, rules: Rules, hear: Hear, compose: Compose) -> None:
    """Let the days before `opening` happen; UTC, a Tuesday morning."""
    story = Story(connection, cast, rules, opening, hear, compose)
    for key in (demo.MARIA.key, demo.IVAN.key, *(key for key, _, _ in demo.LEADERS)):
        story.does(key, Kind.START, "", opening - BEFORE)
    _lessons(story)
    _full_training(story)
    _course(story)
    _parents_meeting(story)
    _in_confidence(story)
    _talks_about_work(story)
    story.until(opening)


def _lessons(story: Story) -> None:
    """A meeting that is over: who came is marked, six said how it was, one face is not a happy one."""
    event = story.publish(
        story.cast.ani, story.at(-8, 10), kind="meeting", activity="parents", title="Как да помогнем с уроците",
        place=SCHOOL_PLACE, landmark="стая 12", dates=[(story.at(-5, 17, 30), story.at(-5, 18, 30))],
        audience={"children": [[demo.SCHOOL, demo.THIRD], [demo.SCHOOL, demo.SECOND]]}, offsets=("1d", "2h"),
    )  # fmt: skip
    came = story.some((0, 1, 2, 3, 5, 7, 11))
    story.taps(demo.MARIA.key, "/rsvp", event, "yes", story.at(-8, 18))
    story.answer(event, "yes", [*came, *story.some((8, 12))], story.at(-7, 12))
    story.answer(event, "no", story.some((6,)), story.at(-7, 13))
    story.until(story.at(-5, 18, 40))
    leader = replace(story.cast.ani, now=story.at(-5, 18, 40))
    for person in (story.cast.maria, *came):
        attendance.mark(story.connection, leader, event_id=event.id, contact_id=person.contact_id, came=True)
    attendance.finish(story.connection, leader, event_id=event.id, rules=story.rules)
    _opinions(story, event, came)


def _opinions(story: Story, event: Event, came: Sequence[Acting]) -> None:
    asked = story.at(-5, 19, 5)
    story.taps(demo.MARIA.key, "/face", event, "3", asked)
    story.does(demo.MARIA.key, Kind.PRESS, "/thanks", asked + timedelta(minutes=1))
    for who, (face, said) in zip(came, FACES, strict=False):
        acting, here = replace(who, now=asked), {"event_id": event.id, "contact_id": who.contact_id}
        feedback.keep(story.connection, acting, face=face, **here)
        if said:
            feedback.comment(story.connection, acting, text=said, **here)


def _full_training(story: Story) -> None:
    """A training with eight seats and eleven who want one."""
    event = story.publish(
        story.cast.ani, story.at(-6, 9), kind="training", activity="motivation", title="Как се търси работа",
        place=CENTRE, landmark="втори етаж", bring="тетрадка и химикалка", capacity=8,
        dates=[(story.at(3, 14), story.at(3, 16))], audience={"activities": ["motivation"]}, offsets=("1d", "2h"),
    )  # fmt: skip
    story.answer(event, "yes", story.some(demo.WANT_COURAGE), story.at(-6, 12))


def _course(story: Story) -> None:
    """A course of four dates that Иван has said yes to."""
    event = story.publish(
        story.cast.petya, story.at(-5, 9), kind="course", activity="vocational", title="Курс за помощник-готвачи",
        place=CENTRE, landmark="кухнята на партера", bring="престилка", capacity=14,
        dates=[(story.at(day, 10), story.at(day, 13)) for day in (1, 3, 6, 8)],
        audience={"activities": ["vocational"]}, offsets=("1d", "2h"),
    )  # fmt: skip
    story.taps(demo.IVAN.key, "/course", event, "yes", story.at(-5, 12))
    story.answer(event, "yes", story.some(demo.WANT_A_TRADE[:7]), story.at(-4, 12), whole=True)
    story.answer(event, "no", story.some(demo.WANT_A_TRADE[7:8]), story.at(-4, 13), whole=True)


def _parents_meeting(story: Story) -> None:
    """Thursday's meeting, to which Мария is invited and has not answered."""
    event = story.publish(
        story.cast.ani, story.at(-4, 10), kind="meeting", activity="parents", title="Родителска среща на 3 а",
        place=SCHOOL_PLACE, landmark="стая 12", dates=[(story.at(2, 17, 30), story.at(2, 18, 30))],
        audience={"children": [[demo.SCHOOL, demo.THIRD]]}, offsets=("1d", "2h"),
    )  # fmt: skip
    story.answer(event, "yes", story.some((0, 1, 2, 3, 5)), story.at(-4, 12))
    story.answer(event, "maybe", story.some((7,)), story.at(-4, 13))
    story.answer(event, "no", story.some((6,)), story.at(-4, 14))


def _in_confidence(story: Story) -> None:
    """Talks with a psychologist: never named where others could read it."""
    event = story.publish(
        story.cast.petya, story.at(-1, 9), kind="appointment", activity="psychological-support",
        title="Разговор с психолог", place=SCHOOL_PLACE, landmark="стая 3", mediator_id=story.cast.petya.contact_id,
        dates=[_span(story, 3, 9 + n) for n in range(3)], audience={"activities": ["psychological-support"]},
        offsets=("1d", "2h"),
    )  # fmt: skip
    _take_first_slots(story, event, story.some((11,)), story.at(-1, 11))


def _talks_about_work(story: Story) -> None:
    """An appointment with slots, two of them taken; Иван has not chosen."""
    event = story.publish(
        story.cast.ani, story.at(-1, 10), kind="appointment", activity="activation", title="Разговор за работа",
        place=CENTRE, landmark="стая 5, при Ани", bring="документ за завършено училище",
        dates=[_span(story, 2, 9 + n) for n in range(4)], audience={"activities": ["activation"]},
        offsets=("1d", "2h"),
    )  # fmt: skip
    _take_first_slots(story, event, story.some(demo.WANT_WORK[:2]), story.at(-1, 12))


def _span(story: Story, day: int, hour: int) -> tuple[datetime, datetime]:
    return story.at(day, hour), story.at(day, hour, 45)


def _take_first_slots(story: Story, event: Event, who: Sequence[Acting], at: datetime) -> None:
    for person in who:
        acting = replace(person, now=at)
        free = invitations.slots(story.connection, acting, event_id=event.id)
        invitations.take_slot(
            story.connection, acting, event_id=event.id, contact_id=person.contact_id, slot_id=free[0].id,
            rules=story.rules,
        )  # fmt: skip
