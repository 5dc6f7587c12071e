"""Three ways to press on a bot: so many people at once, so many updates a second, everybody at one moment."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from tests.bench.api import Api
from tests.bench.bots import Running
from tests.bench.people import Person, Tally

QUIET: Final = 0.3  # seconds after a round in which what is still under way arrives


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement."""

    tally: Tally
    seconds: float
    cpu: float  # of the bot, seconds

    @property
    def rate(self) -> float:
        """Updates a second."""
        return self.tally.updates / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Processor time an update, milliseconds."""
        return self.cpu / self.tally.updates * 1000

    def ms(self, share: float) -> float:
        """A percentile of the time from update to sendMessage, milliseconds."""
        return percentile(self.tally.seconds, share) * 1000


@dataclass(slots=True)
class Crowd:
    """People who talk to one bot: who finishes is replaced by a newcomer."""

    api: Api
    running: Running
    tally: Tally = field(default_factory=Tally)
    everybody: list[Person] = field(default_factory=list)

    def newcomer(self) -> Person:
        person = Person(self.api, self.running.bot, self.tally)
        self.everybody.append(person)
        return person

    def leave(self) -> None:
        for person in self.everybody:
            person.leave()


def percentile(values: list[float], share: float) -> float:
    """The value below which this share of all lies; not a number when there is none."""
    return sorted(values)[min(math.ceil(len(values) * share), len(values)) - 1] if values else math.nan


async def at_once(api: Api, running: Running, people: int, seconds: float) -> Round:
    """So many people who each answer as soon as they can."""
    crowd = Crowd(api, running)
    cpu, began = running.cpu(), time.perf_counter()
    ends = began + seconds

    async def lives() -> None:
        person = crowd.newcomer()
        while time.perf_counter() < ends:
            await person.step()
            if person.done:
                person = crowd.newcomer()

    async with asyncio.TaskGroup() as tasks:
        for number in range(people):
            tasks.create_task(lives(), name=f"person {number}")
    took, cpu = time.perf_counter() - began, running.cpu() - cpu
    await asyncio.sleep(QUIET)
    crowd.leave()
    return Round(crowd.tally, took, cpu)


async def at_rate(api: Api, running: Running, rate: float, seconds: float) -> Round:
    """So many updates a second, whether or not the bot keeps up; counted from when each was due."""
    crowd = Crowd(api, running)
    idle = deque(crowd.newcomer() for _ in range(round(rate)))  # so that each writes about once a second
    cpu, began = running.cpu(), time.perf_counter()

    async def writes(person: Person, due: float) -> None:
        await person.step(due)
        idle.append(crowd.newcomer() if person.done else person)

    async with asyncio.TaskGroup() as tasks:
        for number in range(round(rate * seconds)):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            person = idle.popleft() if idle else crowd.newcomer()
            tasks.create_task(writes(person, due), name=f"update {number}")
    took, cpu = time.perf_counter() - began, running.cpu() - cpu
    await asyncio.sleep(QUIET)
    crowd.leave()
    return Round(crowd.tally, took, cpu)


async def at_one_moment(api: Api, running: Running, people: int) -> Round:
    """Everybody presses /start; the longest wait is what counts."""
    crowd = Crowd(api, running)
    cpu, began = running.cpu(), time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(people):
            tasks.create_task(crowd.newcomer().step(began), name="start")
    took, cpu = time.perf_counter() - began, running.cpu() - cpu
    await asyncio.sleep(QUIET)
    crowd.leave()
    return Round(crowd.tally, took, cpu)
