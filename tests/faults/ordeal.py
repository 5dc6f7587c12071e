"""One run of the crash test: a service, people on all channels, and a death every second or so.

Must judge nothing by what the service says of itself: the checker reads the ledger and the final database.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import operator
import random
import signal
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bot.calendar import Rules
from bot.channels import telegram as telegram_channel
from bot.channels import viber as viber_channel
from bot.messages import Address
from bot.texts import Texts
from storage.cipher import Cipher
from storage.database import Database
from storage.programme import load
from tests.faults.announcer import Announcer, noon, programme_at
from tests.faults.check import Findings, check, pending
from tests.faults.ledger import Ledger
from tests.faults.people import Pace, Resident, draw
from tests.faults.phones import Phone, TelegramPhone, WatchedTelegram, WebPhone
from tests.faults.service import ROOT, Place, Service, free_port, nursery
from tests.faults.viber_phone import ViberPhone, WatchedViber

SEND_SECONDS = 0.03  # what a call of a platform takes: most kills then meet one on its way
WIRES = telegram_channel.LIMITS.concurrency + viber_channel.LIMITS.concurrency
STOP_SECONDS = 5.0
LAST_ONES = 60.0  # seconds in which everybody must be done once the killing is over
LONGEST_IDLE = 1.0
PUBLIC = "https://bot.example"
SETTLE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Plan:
    """One run."""

    database_url: str
    mode: str  # how Telegram delivers: polling or webhook; with the webhook, which it needs, Viber is there too
    kills: int
    people: int
    seed: str
    signal: signal.Signals = signal.SIGKILL
    life: tuple[float, float] = (0.2, 1.5)  # seconds from the first answer of /healthz to the kill
    arriving: float = 0.85  # in which part of all lives people come
    pace: Pace = field(default_factory=Pace)

    @property
    def name(self) -> str:
        return f"{self.database_url.partition('+')[0]}, {self.mode}"


@dataclass(frozen=True, slots=True)
class Report:
    """What one run showed."""

    plan: Plan
    ledger: Ledger
    findings: Findings
    seconds: float

    @property
    def bound(self) -> int:
        """How many messages may arrive twice: those that a kill can meet on their way. None at a graceful stop."""
        return self.plan.kills * WIRES if self.plan.signal == signal.SIGKILL else 0

    @property
    def faults(self) -> list[str]:
        """Every promise that was not kept."""
        faults = list(self.findings.wrong)
        if self.findings.duplicates > self.bound:
            faults.append(f"{self.findings.duplicates} messages arrived twice, and {self.bound} may")
        faults += [f"a stop took {s:.1f} s" for s in self.ledger.stops if s > STOP_SECONDS]
        if self.plan.signal != signal.SIGKILL and self.findings.uncertain:
            faults.append(f"{self.findings.uncertain} messages uncertain after graceful stops")
        return faults


# --- one run ----------------------------------------------------------------------------------------------------------


async def run(plan: Plan, folder: Path) -> Report:
    """Let people register while the service dies `kills` times, then check what is left."""
    began = time.monotonic()
    place = Place(plan.database_url, folder, free_port(), random.Random(plan.seed).randbytes(32))
    zone = noon()
    with Ledger(folder / "ledger.jsonl") as ledger:
        async with _network(place, plan, ledger, programme_at(zone, folder)) as (service, net):
            people = _people(plan, place, ledger, net)
            desk = Announcer(plan.database_url, place.key, Rules(zone))
            await _ordeal(plan, service, ledger, people, desk)
            async with Database(plan.database_url, Cipher(place.key)) as database:
                await _settled(database)
                ledger.stops.append(await service.end(signal.SIGTERM))
                known = [(resident, phone.address or Address("web", "")) for resident, phone in people]
                findings = await database.read(lambda connection: check(connection, ledger, known, desk.made))
        findings.wrong += [f"person {r.number} is not registered yet" for r, _ in people if not r.registered]
        findings.wrong += _read_log(place, [resident for resident, _ in people])
    return Report(plan, ledger, findings, time.monotonic() - began)


@dataclass(frozen=True, slots=True)
class Net:
    """What people reach the service through."""

    telegram: WatchedTelegram
    viber: WatchedViber
    http: aiohttp.ClientSession


@contextlib.asynccontextmanager
async def _network(place: Place, plan: Plan, ledger: Ledger, programme: Path) -> AsyncIterator[tuple[Service, Net]]:
    timeout = aiohttp.ClientTimeout(total=10)
    connector = aiohttp.TCPConnector(limit=0, force_close=True)  # a connection dies with the service it led to
    async with (
        WatchedTelegram(ledger, place.url, SEND_SECONDS) as telegram,
        WatchedViber(ledger, place.url, SEND_SECONDS) as viber,
        aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):
        settings = {"BOT_TELEGRAM_TOKEN": telegram.token, "BOT_TELEGRAM_API_URL": telegram.url}
        settings["BOT_PROGRAMME"] = str(programme)
        if plan.mode == "webhook":
            settings |= {"BOT_PUBLIC_URL": PUBLIC, "BOT_VIBER_TOKEN": viber.token, "BOT_VIBER_API_URL": viber.url}
        async with nursery(place, http, settings) as service:
            yield service, Net(telegram, viber, http)


def _people(plan: Plan, place: Place, ledger: Ledger, net: Net) -> list[tuple[Resident, Phone]]:
    programme, texts = load(ROOT / "storage/programmes/vidin.toml"), Texts.load()
    people: list[tuple[Resident, Phone]] = []
    for number in range(plan.people):
        resident = draw(plan.seed, number, programme, texts)
        people.append((resident, _phone(plan, place, ledger, net, resident)))
    return people


def _phone(plan: Plan, place: Place, ledger: Ledger, net: Net, resident: Resident) -> Phone:
    """People are spread evenly over the channels that there are."""
    number, wish = resident.number, resident.wish
    profile = {"phone": wish.phone.removeprefix("+")}
    match number % (3 if plan.mode == "webhook" else 2):
        case 0:
            return TelegramPhone(number, net.telegram, net.telegram.user(1000 + number, wish.name, **profile))
        case 1:
            return WebPhone(number, place.url, net.http, ledger, resident.chance, plan.pace.patience)
        case _:
            return ViberPhone(number, net.viber, net.viber.user(1000 + number, wish.name, **profile))


async def _ordeal(
    plan: Plan, service: Service, ledger: Ledger, people: Sequence[tuple[Resident, Phone]], desk: Announcer
) -> None:
    """New people come in every life of the service, and new events; the last ones finish in peace."""
    chance = random.Random(f"{plan.seed}:kills")
    coming = iter(people)
    await service.start()
    await desk.begin()
    with contextlib.suppress(TimeoutError):  # whoever is not done by then is counted
        async with asyncio.timeout(None) as limit, asyncio.TaskGroup() as tasks:
            for death in range(plan.kills):
                here = plan.people - operator.length_hint(coming)
                due = math.ceil(plan.people * (death + 1) / (plan.kills * plan.arriving)) - here
                _arrive(tasks, coming, due, ledger, plan.pace)
                await desk.go_on((death + 1) / plan.kills)
                await _live(chance.uniform(*plan.life), ledger)
                await _die(plan, service, ledger)
            limit.reschedule(asyncio.get_running_loop().time() + LAST_ONES)


def _arrive(
    tasks: asyncio.TaskGroup, coming: Iterator[tuple[Resident, Phone]], due: int, ledger: Ledger, pace: Pace
) -> None:
    for resident, phone in itertools.islice(coming, max(0, due)):
        tasks.create_task(resident.register(phone, ledger, pace), name=f"person {resident.number}")


async def _live(seconds: float, ledger: Ledger) -> None:
    """A life, on a busy machine a little longer: killing what has not yet answered anybody proves little."""
    ledger.moved.clear()
    await asyncio.sleep(seconds)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_IDLE):
            await ledger.moved.wait()


async def _die(plan: Plan, service: Service, ledger: Ledger) -> None:
    ledger.note("killed", life=service.lives)
    ledger.keep()
    stopped = await service.end(plan.signal)
    if plan.signal != signal.SIGKILL:
        ledger.stops.append(stopped)
    ledger.restarts.append(await service.start())
    ledger.note("ready", life=service.lives)


async def _settled(database: Database) -> None:
    """Wait for the last messages; what never leaves the outbox is found by the checker."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SETTLE_SECONDS):
            while await database.read(pending):  # noqa: ASYNC110  (another process empties it)
                await asyncio.sleep(0.1)


def _read_log(place: Place, people: Sequence[Resident]) -> list[str]:
    """What the service's log must not hold: an error that nobody expected, and anything personal."""
    log = place.log.read_text(encoding="utf-8")
    personal = {word for r in people for word in (r.wish.name, r.wish.phone.removeprefix("+359")) if word}
    wrong = (
        [f"the log holds personal data of {len(found)} people"] if (found := [w for w in personal if w in log]) else []
    )
    return [*wrong, "the log holds a traceback"] if "Traceback" in log else wrong
