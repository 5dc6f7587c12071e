"""The demonstration: the whole service among made-up people, with a clock that can be turned forward.

It has a database and a key of its own, made anew at every start, and no platform. Must never open the real database,
whatever the settings say, and never turn the clock back: what was told cannot be untold.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr
from sqlalchemy import Connection

from bot import app, calendar
from bot.calendar import Rules
from bot.channels.web_demo import Persona
from bot.inbox import Clock, drafts, utc_now
from bot.messages import Address, Incoming
from bot.problem import Problem
from bot.router import route
from bot.settings import ROOT, Settings, master_key
from bot.visit import Visit, World
from storage import demo, demo_story, moments, outbox, people
from storage.people import Changes

if TYPE_CHECKING:
    from bot.app import Service
    from storage.moments import Due

FILES = ("demo.db", "demo.db-wal", "demo.db-shm", "secret.key")
TUESDAY, FRIDAY = 1, 4
OPENS_AT = time(9)
A_DAY, AN_HOUR, A_SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
SOON = 3.0  # seconds that a step of the clock waits, at most, for what it set going
LOOK = 0.05  # seconds between two looks whether it has gone out
STEPS = 200  # moments that one turn of the clock passes, at most

PEOPLE = tuple(
    Persona(key, picture, name, what, demo.chat_of(key).external)
    for key, picture, name, what in (
        ("maria", "👩", "Мария", "майка"),
        ("ivan", "👨", "Иван", "търси работа"),
        ("ani", "🧑‍🏫", "Ани", "медиатор"),
        ("petya", "👩‍💼", "Петя", "координатор"),
    )
)

HINT: Final = """
  Демонстрация: хората са измислени. Отворете адреса и опитайте:
    1. Вие сте Мария, майка. Натиснете „⏩ До следващото напомняне“ и отговорете.
    2. Станете Ани, медиаторът. Вижте кой ще дойде, а след срещата отбележете кой е дошъл.
       Пратете съобщение на хората си.
    3. Натиснете „➕ Нов човек“ и се запишете, както се записва всеки.
"""


def main(settings: Settings) -> int:
    """Run until interrupted. Problem when something must be put right first."""
    if "log_level" not in settings.model_fields_set:  # a newcomer looks for three lines, not for a log
        settings = settings.model_copy(update={"log_level": "WARNING"})
    return app.main(settings, opened, HINT)


def own(settings: Settings) -> Settings:
    """The settings of a demonstration: as they are, but for everything that could touch somebody real."""
    folder = settings.data_dir / "demo"
    return settings.model_copy(
        update={
            "database_url": f"sqlite+aiosqlite:///{folder / 'demo.db'}",
            "data_dir": folder,
            "secret_key": SecretStr(""),
            "telegram_token": SecretStr(""),
            "viber_token": SecretStr(""),
            "public_url": "",  # its page is opened on this machine, where a cookie for https would not come back
            "programme": ROOT / Settings.model_fields["programme"].default,  # the made-up people belong to this one
        }
    )


@contextlib.asynccontextmanager
async def opened(settings: Settings, *, now: Clock = utc_now) -> AsyncIterator[Service]:
    """The demonstration, listening, for as long as the context lasts. `settings` are the real service's."""
    mine = own(settings)
    world = app.world_of(app.programme_of(mine))
    opening = next_opening(world.programme.rules, now())
    _clear(mine)
    async with app.open_database(mine, master_key(mine)) as database:
        await database.write(lambda connection: fill(connection, world, opening))
    clock = TurnedClock(opening, now)
    stage = Stage(clock, world.programme.rules)
    async with app.running(mine, clock=clock, stage=stage) as service:
        stage.begin(service)
        yield service


def _clear(mine: Settings) -> None:
    """Take away what the last demonstration left, and nothing else."""
    try:
        for name in FILES:
            (mine.data_dir / name).unlink(missing_ok=True)
    except OSError as error:
        raise Problem(
            bg=f"Старата демонстрация в {mine.data_dir} не може да се изтрие: {error.strerror}.",
            en=f"The last demonstration in {mine.data_dir} cannot be deleted: {error.strerror}.",
        ) from None


# --- before it opens ------------------------------------------------------------------------------------------------


def next_opening(rules: Rules, now: datetime) -> datetime:
    """Nine o'clock on the next Tuesday of a working week without a holiday; UTC."""
    day = now.astimezone(rules.zone).date()
    while True:
        at = datetime.combine(day, OPENS_AT, rules.zone).astimezone(UTC)
        week = [day + n * A_DAY for n in range(FRIDAY - TUESDAY + 1)]
        if day.weekday() == TUESDAY and at > now and not any(calendar.is_holiday(rules, one) for one in week):
            return at
        day += A_DAY


def fill(connection: Connection, world: World, opening: datetime) -> None:
    """Enter the made-up people and let their days before the opening happen."""

    def hear(event: Incoming, at: datetime) -> None:
        known = people.load(connection, [event], at)
        rows = people.take(connection, [event], at, known=known)
        changes = Changes()
        visit = Visit(world, connection, event, known[event.address], rows[event.key], at, changes)
        route(visit)
        people.write(connection, changes)
        outbox.enqueue(connection, drafts(visit), at, {})

    cast = demo.settle(connection, opening - demo_story.BEFORE, world.programme)
    demo_story.tell(connection, cast, opening, world.programme.rules, hear, app.composer_of(world))


# --- while it runs --------------------------------------------------------------------------------------------------


class TurnedClock:
    """The real time and a shift, which only grows."""

    def __init__(self, at: datetime, real: Clock = utc_now) -> None:
        self._real = real
        self.shift = at - real()

    def __call__(self) -> datetime:
        """The time by this clock, UTC."""
        return self._real() + self.shift

    def to(self, at: datetime) -> None:
        """Turn it forward; what has passed already changes nothing."""
        self.shift += max(at - self(), timedelta(0))


class Stage:
    """What the page's ribbon plays on: four people and the clock."""

    people = PEOPLE

    def __init__(self, clock: TurnedClock, rules: Rules) -> None:
        self._clock, self._rules = clock, rules
        self._service: Service | None = None
        self._one_at_a_time = asyncio.Lock()

    def begin(self, service: Service) -> None:
        """The service is there: from now on the clock can be turned."""
        self._service = service

    def now(self) -> datetime:
        """The demonstration's time, UTC."""
        return self._clock()

    @property
    def shift(self) -> timedelta:
        """How far that is ahead of the real time."""
        return self._clock.shift

    async def turn(self, by: str, chat: Address) -> None:
        """Let time pass, moment by moment, so that everything comes when it would have come."""
        service = self._service
        if service is None:
            return
        async with self._one_at_a_time:
            if by == "next":
                await self._to_next(service, chat)
            else:
                await self._until(service, self._later(AN_HOUR if by == "hour" else A_DAY))
            await service.reminders.keep_step()
            await service.reminders.follow_up()

    def _later(self, by: timedelta) -> datetime:
        """A day later is the same hour of the local clock, also when the clocks change."""
        return (self.now().astimezone(self._rules.zone) + by).astimezone(UTC) if by == A_DAY else self.now() + by

    async def _until(self, service: Service, at: datetime) -> None:
        for _ in range(STEPS):
            moment = await _first(service, at)
            if moment is None:
                break
            await self._let(service, moment)
        self._clock.to(at)

    async def _to_next(self, service: Service, chat: Address) -> None:
        """Until something is said in this chat; where nothing is to be expected, one moment on."""
        look = service.database.read
        last, before = await look(lambda c: (demo.last_concerning(c, chat), demo.newest(c, chat)))
        for _ in range(STEPS):
            moment = await _first(service)
            if moment is None:
                return
            await self._let(service, moment)
            if last is None or moment.due >= last or await look(lambda c: demo.newest(c, chat)) > before:
                return

    async def _let(self, service: Service, moment: Due) -> None:
        """A moment comes, and what it sets going goes out at its time and not at a later one."""
        self._clock.to(moment.due + A_SECOND)
        await service.reminders.run(moment.event_id, moment.offset)
        now = self.now()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SOON):
                # The sender is a task of its own that nobody waits for anywhere else.
                while await service.database.read(lambda c: demo.on_the_way(c, now)):  # noqa: ASYNC110
                    await asyncio.sleep(LOOK)


async def _first(service: Service, before: datetime | None = None) -> Due | None:
    due = await service.database.read(lambda c: moments.waiting(c, before))
    return due[0] if due else None
