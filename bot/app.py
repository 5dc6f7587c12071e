"""The composition root: settings → storage → channels → web app, scheduler, senders. Only here does everything meet.

Starts in this order and stops in the reverse: first nothing new comes in, then what is under way ends, then the
database closes. No shutdown step is needed for correctness; a stop only spares people a repeated message.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import uvicorn
from sqlalchemy import Connection
from starlette.applications import Starlette

from bot import broadcasts, claims, logs, profile, purse, tickets
from bot.broadcasts import Broadcasts
from bot.channels import Channel, Content, Unavailable
from bot.channels.web import Rates, Title, WebChannel
from bot.channels.web_demo import Stage
from bot.inbox import Clock, Inbox, utc_now
from bot.interruptions import putting_again
from bot.media import Fetcher, message_reader, reader
from bot.messages import Address, Shown
from bot.money import Tariff
from bot.outbox import Sender, Senders
from bot.problem import Problem
from bot.purse import Purse
from bot.receipts import reporter
from bot.reminders import Reminders, about_events, composer, digest, follow_ups, opens
from bot.settings import Settings, master_key, webhook_secret
from bot.texts import Texts, literal, words
from bot.tickets import Overdue
from bot.visit import World
from bot.watch import Watch
from handlers import TALKS, notices
from handlers.broadcast_notes import compose_broadcast, compose_plea, compose_progress
from handlers.claim_notices import compose_card, compose_code, compose_word
from handlers.costs import compose_money
from handlers.digest import compose_digest
from handlers.followup import compose_followup
from handlers.ticket_notices import compose_copy, compose_reply
from storage import digests, followups, housekeeping, notifications, transcript
from storage.cipher import Cipher, WrongKey, derive
from storage.database import Database, Down
from storage.migrations import Newer
from storage.outbox import Compose
from storage.programme import Programme, ProgrammeError, load

if TYPE_CHECKING:
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

log = logging.getLogger(__name__)

RATES = Rates(chat_burst=60)  # a registration is 25 taps, and nobody may be stopped in the middle of it
STOP = 2  # seconds that open requests may still take at a stop


def main(settings: Settings, opened: Opened | None = None, hint: str = "") -> int:
    """Run until interrupted; `opened` is what to run instead of the service alone, and `hint` what to say of it.

    Problem when something must be put right first.
    """
    logs.configure(settings.log_level)
    loop_factory = None
    if sys.platform != "win32":
        import uvloop

        loop_factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(_main((opened or running)(settings), hint))


async def _main(opening: AbstractAsyncContextManager[Service], hint: str) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C arrives as KeyboardInterrupt there
            loop.add_signal_handler(number, stop.set)
    async with opening as service:
        gc.collect()
        gc.freeze()  # what a start leaves behind stays for good; looking through it again costs a tenth of the time
        print(f"\n  Мост · {service.address}\n{hint}", flush=True)  # noqa: T201  (what a newcomer looks for)
        await stop.wait()
    return 0


@dataclass(frozen=True, slots=True)
class Service:
    """A service that listens."""

    address: str
    database: Database
    inbox: Inbox
    reminders: Reminders


Opened = Callable[[Settings], AbstractAsyncContextManager[Service]]
"""A service that listens for as long as the context lasts."""


@contextlib.asynccontextmanager
async def running(settings: Settings, *, clock: Clock = utc_now, stage: Stage | None = None) -> AsyncIterator[Service]:
    """A whole service, listening, for as long as the context lasts.

    A demonstration brings a clock of its own, and a stage by which the page can turn it.
    """
    programme = programme_of(settings)
    if programme.person.placeholder and stage is None:
        log.warning("the phone in %s is a placeholder: put your own there", settings.programme.name)
    key = master_key(settings)
    listener = _listen(settings)
    try:
        async with (
            open_database(settings, key) as database,
            _serving(settings, programme, key, database, listener, clock, stage) as service,
        ):
            yield service
    finally:
        listener.close()


@contextlib.asynccontextmanager
async def _serving(
    settings: Settings, programme: Programme, key: bytes, database: Database, listener: socket.socket, clock: Clock,
    stage: Stage | None,
) -> AsyncIterator[Service]:  # fmt: skip
    owners: dict[str, str] = {}
    senders = Senders()
    channels: list[Channel] = []
    world = replace(
        world_of(programme), links=lambda: {c.name: c.link for c in channels if c.link}, tariffs=tariffs_of(settings)
    )
    inbox = Inbox(database, world, takers=senders, clock=clock)
    watch = Watch(database, settings.data_dir, clock)
    inbox.seen = watch.seen
    site = settings.public_url or (_address(settings, listener) if stage else "")  # nobody else opens this machine's
    channels += _channels(settings, programme, key, database, inbox, clock, site, stage)
    for channel in channels:
        senders[channel.name] = Sender(
            database,
            channel,
            owners,
            clock=clock,
            compose=composer_of(world),
            opens=opens(programme.rules),
            tariff=world.tariffs.get(channel.name),
        )
        senders[channel.name].sent = watch.sent
    routes = [*watch.routes(), *(route for channel in channels for route in channel.routes())]
    server = _Server(_config(Starlette(routes=routes)))
    async with asyncio.TaskGroup() as tasks:
        working = [tasks.create_task(inbox.run(), name="inbox")]
        working += [tasks.create_task(s.run(), name=f"sender {name}") for name, s in senders.items()]
        serving = tasks.create_task(server.serve(sockets=[listener]), name="server")
        await server.up.wait()
        receiving = [tasks.create_task(c.run(), name=f"channel {c.name}") for c in channels]
        scheduler = _scheduler(database, clock)
        reminders = Reminders(database, programme.rules, scheduler, clock)
        await reminders.start()
        Broadcasts(database, programme.rules, scheduler, clock).start()
        Fetcher(database, channels, scheduler, clock).start()
        Overdue(database, programme.desk, scheduler, clock).start()
        Purse(database, world.tariffs, programme.rules, scheduler, clock).start()
        try:
            yield Service(_address(settings, listener), database, inbox, reminders)
        finally:
            scheduler.shutdown(wait=False)
            await _stop(server, serving, receiving, senders, working)
            for channel in channels:
                await channel.close()


async def _stop(
    server: _Server, serving: asyncio.Task[None], receiving: Sequence[asyncio.Task[None]], senders: Senders,
    working: Sequence[asyncio.Task[None]],
) -> None:  # fmt: skip
    for task in receiving:
        task.cancel()
    server.should_exit = True
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOP + 2):  # whatever is not done by then is taken up at the next start
            await asyncio.wait([serving, *receiving], timeout=STOP + 1)
            await asyncio.gather(*(sender.drain() for sender in senders.values()))
    for task in (*working, serving):
        task.cancel()


def programme_of(settings: Settings) -> Programme:
    """The programme that the settings name. Problem when its file has a mistake."""
    try:
        programme = load(settings.programme)
    except ProgrammeError as error:
        raise Problem(
            bg=f"Файлът на програмата има грешка: {error}", en=f"The programme's file has a mistake: {error}"
        ) from None
    return programme


def world_of(programme: Programme) -> World:
    """What every visit shares."""
    return World(Texts.load(), programme, TALKS).with_labels()


def tariffs_of(settings: Settings) -> Mapping[str, Tariff]:
    """What messages cost, by channel; nothing where no such channel runs."""
    if not settings.viber_token.get_secret_value():
        return {}
    return {"viber": Tariff(settings.viber_price, settings.viber_budget)}


@contextlib.asynccontextmanager
async def open_database(settings: Settings, key: bytes) -> AsyncIterator[Database]:
    """The database that the settings name. Problem when it cannot be opened."""
    database = Database(settings.database_url, Cipher(key))
    try:
        await database.__aenter__()
    except Newer as newer:
        raise Problem(
            bg=f"Базата е от по-нова версия на Мост ({newer}). Обновете програмата.",
            en=f"The database was written by a newer Мост ({newer}). Update the program.",
        ) from None
    except WrongKey:
        raise Problem(
            bg="Този ключ не отваря базата. Върнете data/secret.key (или BOT_SECRET_KEY), с който е записана.",
            en="This key does not open the database. Put back the data/secret.key (or BOT_SECRET_KEY) of its time.",
        ) from None
    except Down as down:
        raise Problem(bg=f"Базата не може да се отвори: {down}", en=f"The database cannot be opened: {down}") from None
    try:
        yield database
    finally:
        await database.__aexit__(None, None, None)


def _channels(
    settings: Settings, programme: Programme, key: bytes, database: Database, inbox: Inbox, clock: Clock,
    site: str, stage: Stage | None,
) -> Sequence[Channel]:  # fmt: skip
    """The channels. One line each."""
    made: list[Channel] = [_web(settings, programme, key, database, inbox, clock, site, stage)]
    if settings.telegram_token.get_secret_value():
        made.append(_telegram(settings, programme, key, inbox, reader(database)))
    if settings.viber_token.get_secret_value():
        made.append(_viber(settings, programme, key, database, inbox, clock))
    return made


def _web(
    settings: Settings, programme: Programme, key: bytes, database: Database, inbox: Inbox, clock: Clock,
    site: str, stage: Stage | None,
) -> Channel:  # fmt: skip

    async def lines(address: Address, after: int) -> Sequence[Shown]:
        try:
            return await database.read(lambda c: transcript.lines(c, address, after))
        except Down as down:
            raise Unavailable(str(down)) from None

    return WebChannel(
        inbox.accept, lines, content=reader(database), rates=RATES, clock=clock, site=site, stage=stage,
        secret=derive(key, "web"), title=_title(programme), secure=settings.public_url.startswith("https"),
    )  # fmt: skip


def _telegram(settings: Settings, programme: Programme, key: bytes, inbox: Inbox, content: Content) -> Channel:
    from bot.channels.telegram import Profile, TelegramChannel

    shown = {language: Profile(*words) for language, words in profile.by_language(programme).items()}
    return TelegramChannel(
        settings.telegram_token.get_secret_value(), inbox.accept, api_url=settings.telegram_api_url,
        public_url=settings.public_url, webhook_secret=webhook_secret(settings, key),
        path_secret=derive(key, "telegram path").hex()[:32], profile=shown, content=content,
    )  # fmt: skip


def _viber(
    settings: Settings, programme: Programme, key: bytes, database: Database, inbox: Inbox, clock: Clock
) -> Channel:
    from bot.channels.public import Public
    from bot.channels.viber import ViberChannel, Welcome

    texts, content = Texts.load(), reader(database)
    public = Public(
        settings.public_url, derive(key, "public links"), content, message_reader(database), title=_title(programme),
        clock=clock,
    )  # fmt: skip
    hello = texts(words("welcome.open", short=literal(programme.profile().short)), programme.language)
    welcome = Welcome(hello, texts("button.begin", programme.language))
    return ViberChannel(
        settings.viber_token.get_secret_value(), inbox.accept, reporter(database, clock),
        name=settings.viber_name, api_url=settings.viber_api_url, public_url=settings.public_url,
        path_secret=derive(key, "viber path").hex()[:32], welcome=welcome, public=public, content=content,
    )  # fmt: skip


def _title(programme: Programme) -> Title:
    """What stands at the head of our own pages."""
    return Title(
        name=programme.beneficiary, subtitle="Мост – за срещи и обучения",
        funding=programme.funding.header.lstrip("🇪🇺 "),
        person=programme.person.name, phone=programme.person.phone, about=programme.funding.statement,
        zone=str(programme.zone),
    )  # fmt: skip


def composer_of(world: World) -> Compose:
    """The words of what is queued for many at once, each kind by its key."""
    here = (world.texts, world.programme)
    writers = {
        notifications.PREFIX: about_events(partial(notices.compose, *here)),
        followups.PREFIX: follow_ups(partial(compose_followup, *here)),
        digests.PREFIX: digest(partial(compose_digest, *here)),
        **broadcasts.writers(
            partial(compose_broadcast, *here), partial(compose_progress, *here), partial(compose_plea, *here),
            world.programme.rules,
        ),
        **claims.writers(
            partial(compose_code, *here), partial(compose_card, *here), partial(compose_word, *here)
        ),
        **tickets.writers(partial(compose_copy, *here), partial(compose_reply, *here)),
        **purse.writers(partial(compose_money, *here), world.tariffs),
    }  # fmt: skip
    return composer(writers, putting_again(world))


def _scheduler(database: Database, clock: Clock) -> AsyncIOScheduler:
    """APScheduler, with the clearing up. A run that was missed is made up for once, however late."""
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

    async def clear(job: Callable[[Connection, datetime], None]) -> None:
        with contextlib.suppress(Down):
            await database.write(lambda c: job(c, clock()))

    scheduler = AsyncIOScheduler(timezone="UTC", job_defaults={"coalesce": True, "misfire_grace_time": None})
    scheduler.add_job(clear, "interval", minutes=5, args=[housekeeping.often], id="often")
    scheduler.add_job(clear, "cron", hour=2, minute=30, args=[housekeeping.daily], id="daily")
    scheduler.start()
    return scheduler


# --- listening ------------------------------------------------------------------------------------------------------


class _Server(uvicorn.Server):
    """uvicorn inside our own loop: signals are ours, because the channels must stop before the server."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say when requests are taken: only then may a platform be told where we are."""
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
        timeout_graceful_shutdown=STOP, timeout_keep_alive=75, proxy_headers=True,
    )  # fmt: skip


def _listen(settings: Settings) -> socket.socket:
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(found[0], socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(found[4])
        listener.listen(1024)
    except OSError as error:
        raise Problem(
            bg=f"Не може да се отвори {settings.host}:{settings.port} ({error.strerror}). Спрете другата програма "
            f"там или изберете друг порт: напишете BOT_PORT={settings.port + 1} пред командата.",
            en=f"Cannot listen on {settings.host}:{settings.port} ({error.strerror}). Stop the other program there, "
            f"or choose another port: put BOT_PORT={settings.port + 1} before the command.",
        ) from None
    return listener


def _address(settings: Settings, listener: socket.socket) -> str:
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    return f"http://{host}:{listener.getsockname()[1]}/"
