"""The demonstration: it is the same every time, stands on the clock given, and comes near nothing real."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import Connection, func, select

from bot import cli, demo
from bot.app import Service
from bot.calendar import Rules
from bot.channels.web import WebChannel
from bot.channels.web_demo import Persona
from bot.messages import Address
from bot.problem import Problem
from bot.settings import Settings
from storage import demo as people
from storage import moments, transcript
from storage.cipher import Cipher
from storage.database import Database
from storage.tables import contacts, events, feedback, invitations, outbox, staff
from tests.channels.web_visitor import Visitor, visiting
from tests.conversations.client import world
from tests.web.fake_bot import NOON, SECRET, TITLE, FakeBot

RULES = Rules(ZoneInfo("Europe/Sofia"))
OPENING = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)  # Tuesday, 9:00 in Sofia
TOKEN = "123456789:AAH-made_up_made_up_made_up_made_up"
MARIA, IVAN, ANI, PETYA = (Address("web", persona.token) for persona in demo.PEOPLE)


# --- what is real stays untouched -------------------------------------------------------------------------------------


def test_nothing_that_could_touch_somebody_real_is_taken_over(tmp_path: Path) -> None:
    real = Settings(
        database_url="postgresql+asyncpg://most:secret@db/most", data_dir=tmp_path, telegram_token=TOKEN, port=9000,
        public_url="https://chat.example.bg", secret_key="A" * 43 + "=", viber_token="4dc0ffee4-4dc0ffee4-4dc0ffee4",
    )  # fmt: skip
    mine = demo.own(real)
    assert mine.database_url == f"sqlite+aiosqlite:///{tmp_path}/demo/demo.db"
    assert mine.data_dir == tmp_path / "demo"
    secrets = [mine.telegram_token, mine.viber_token, mine.secret_key]
    assert [secret.get_secret_value() for secret in secrets] + [mine.public_url] == [""] * 4
    assert (mine.port, mine.host) == (9000, real.host)


async def test_a_start_leaves_the_real_files_alone_and_makes_its_own_anew(tmp_path: Path) -> None:
    for name in ("bot.db", "secret.key"):
        (tmp_path / name).write_text("real")
        (tmp_path / "demo").mkdir(exist_ok=True)
        (tmp_path / "demo" / name.replace("bot", "demo")).write_text("of the last time")
    (tmp_path / "demo" / "letter.txt").write_text("somebody else's")
    settings = Settings(data_dir=tmp_path, database_url=f"sqlite+aiosqlite:///{tmp_path}/bot.db", port=0)
    async with demo.opened(settings) as service:
        assert str(tmp_path / "demo" / "demo.db") in service.database.url
    assert [(tmp_path / name).read_text() for name in ("bot.db", "secret.key")] == ["real"] * 2
    assert (tmp_path / "demo" / "letter.txt").read_text() == "somebody else's"
    assert (tmp_path / "demo" / "demo.db").read_bytes().startswith(b"SQLite")


async def test_what_cannot_be_made_anew_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "demo" / "demo.db").mkdir(parents=True)
    with pytest.raises(Problem, match="cannot be deleted"):
        async with demo.opened(Settings(data_dir=tmp_path, port=0)):
            pass


def test_both_ways_to_ask_for_it_start_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(demo, "main", lambda settings: asked.append(settings.log_level) or 0)
    assert [cli.main(["--demo"]), cli.main(["demo"])] == [0, 0]
    assert asked == ["INFO"] * 2
    assert "--demo" in cli.HELP


# --- the clock --------------------------------------------------------------------------------------------------------


def test_the_clock_goes_with_the_real_time_and_is_turned_only_forward() -> None:
    real = [NOON]
    clock = demo.TurnedClock(OPENING, lambda: real[0])
    assert clock() == OPENING
    real[0] += timedelta(minutes=5)
    assert clock() == OPENING + timedelta(minutes=5)
    clock.to(OPENING + timedelta(hours=1))
    assert clock() == OPENING + timedelta(hours=1)
    clock.to(OPENING)
    assert clock() == OPENING + timedelta(hours=1)
    assert clock.shift == OPENING + timedelta(minutes=55) - NOON


@pytest.mark.parametrize(
    ("label", "now", "opening"),
    [
        ("a Monday", (2026, 11, 23, 12), (2026, 11, 24, 7)),
        ("early on a Tuesday", (2026, 11, 24, 6), (2026, 11, 24, 7)),
        ("a Tuesday at nine", (2026, 11, 24, 7), (2026, 12, 1, 7)),
        ("a Wednesday", (2026, 11, 25, 8), (2026, 12, 1, 7)),
        ("before Christmas Eve, a Thursday, and New Year, a Friday", (2026, 12, 20, 8), (2027, 1, 5, 7)),
        ("before Liberation Day, a Wednesday", (2027, 2, 25, 8), (2027, 3, 9, 7)),
        ("in summer", (2026, 7, 1, 8), (2026, 7, 7, 6)),
    ],
)
def test_it_opens_on_a_tuesday_of_a_week_without_a_holiday(
    label: str, now: tuple[int, int, int, int], opening: tuple[int, int, int, int]
) -> None:
    assert demo.next_opening(RULES, datetime(*now, tzinfo=UTC)) == datetime(*opening, tzinfo=UTC), label


# --- what happened before it opens ------------------------------------------------------------------------------------


def told(connection: Connection) -> dict[str, Any]:
    """All of it, without what is drawn anew each time."""
    names = {row.id: row.name for row in connection.execute(select(contacts.c.id, contacts.c.name))}
    guests = connection.execute(select(invitations).order_by(invitations.c.event_id, invitations.c.contact_id))
    return {
        "names": names,
        "events": [tuple(row) for row in connection.execute(select(events).order_by(events.c.id))],
        "guests": [(row.event_id, names[row.contact_id], row.rsvp, row.seat, row.attended) for row in guests],
        "moments": moments.waiting(connection),
        "faces": [tuple(row) for row in connection.execute(select(feedback).order_by(feedback.c.contact_id))],
        "chats": [
            [(line.mine, line.message.text, line.at) for line in transcript.lines(connection, chat)]
            for chat in (MARIA, IVAN, ANI, PETYA)
        ],
    }


@asynccontextmanager
async def filled(url: str, opening: datetime = OPENING, key: bytes = bytes(32)) -> AsyncIterator[Database]:
    async with Database(url, Cipher(key)) as database:
        await database.write(lambda c: demo.fill(c, world(), opening))
        yield database


async def test_it_is_the_same_every_time(database_url: str, tmp_path: Path) -> None:
    elsewhere = f"sqlite+aiosqlite:///{tmp_path}/other.db"
    async with filled(database_url) as one, filled(elsewhere, key=bytes(range(32))) as other:
        assert await one.read(told) == await other.read(told)


async def test_it_stands_on_the_clock_given(tmp_path: Path) -> None:
    """A week later everything is a week later, and nothing is of a time that has not come."""
    week = timedelta(days=7)
    async with (
        filled(f"sqlite+aiosqlite:///{tmp_path}/one.db") as one,
        filled(f"sqlite+aiosqlite:///{tmp_path}/other.db", OPENING + week) as other,
    ):
        first, second = await one.read(told), await other.read(told)
        latest = await one.read(lambda c: c.execute(select(func.max(outbox.c.created_at))).scalar_one())
        left = await one.read(lambda c: c.execute(select(outbox.c.status).distinct()).scalars().all())
    assert [m.due + week for m in first["moments"]] == [m.due for m in second["moments"]]
    assert first["guests"] == second["guests"]
    assert min(m.due for m in first["moments"]) > OPENING
    assert latest < OPENING
    assert left == ["sent"]


async def test_who_is_there(database_url: str) -> None:
    async with filled(database_url) as database:
        found = await database.read(told)
        roles_of = select(contacts.c.name, staff.c.role).join(staff, staff.c.contact_id == contacts.c.id)
        roles = await database.read(lambda c: {row.name: row.role for row in c.execute(roles_of)})
    assert len(found["names"]) == len(set(found["names"].values())) == 40
    families = {name.split()[1] for name in found["names"].values()}
    assert families == {form for pair in people.FAMILIES for form in pair}, "nobody can be taken for somebody real"
    assert roles == {"Петя Измислена": "coordinator", "Ани Примерова": "mediator"}


async def test_what_has_happened(database_url: str) -> None:
    async with filled(database_url) as database:
        found = await database.read(told)
    guests: dict[str, list[tuple[str, str, str, bool | None]]] = {}
    kinds: dict[str, list[str]] = {}
    titles = {row[0]: row[4] for row in found["events"]}
    for row in found["events"]:
        kinds.setdefault(row[4], []).append(row[2])
    for event_id, *guest in found["guests"]:
        guests.setdefault(titles[event_id], []).append(tuple(guest))
    assert ("Мария Примерова", "", "", None) in guests["Родителска среща на 3 а"]
    assert [said for name, said, _, _ in guests["Курс за помощник-готвачи"] if name.startswith("Иван П")] == ["yes"] * 4
    assert kinds["Курс за помощник-готвачи"] == ["course"] * 4
    assert kinds["Разговор за работа"] == ["appointment", *["slot"] * 4]
    assert ("Иван Примеров", "", "", None) in guests["Разговор за работа"]
    seats = [seat for _, _, seat, _ in guests["Как се търси работа"]]
    assert (seats.count("seat"), seats.count("waiting")) == (8, 3)
    came = [came for *_, came in guests["Как да помогнем с уроците"]]
    assert came.count(True) == 8
    assert came.count(False) >= 1
    assert len(found["faces"]) >= 5
    quiet = {a.code for a in world().programme.activities if a.confidential}
    assert "appointment" in [row[2] for row in found["events"] if row[3] in quiet]


async def test_the_four_have_a_past_in_their_chats(tmp_path: Path) -> None:
    async with filled(f"sqlite+aiosqlite:///{tmp_path}/one.db") as database:
        chats = (await database.read(told))["chats"]
    maria, ivan, *leaders = [[(mine, text) for mine, text, _ in chat] for chat in chats]
    assert [text for mine, text in maria if mine] == ["/start", "✅ Ще дойда", "😀 Добре", "👌 Не, благодаря"]
    assert "Родителска среща на 3 а" in maria[-1][1]
    assert [text for mine, text in ivan if mine] == ["/start", "✅ Ще дойда"]
    assert all(mine for chat in leaders for mine, _ in chat[:1])
    assert not any("психолог" in text for chat in (maria, ivan) for _, text in chat)


# --- the ribbon -------------------------------------------------------------------------------------------------------


@dataclass
class FakeStage:
    """Two people and a clock that notes how it was turned."""

    people: tuple[Persona, ...] = demo.PEOPLE[:2]
    shift: timedelta = timedelta(hours=24)
    turned: list[tuple[str, Address]] = field(default_factory=list)

    def now(self) -> datetime:
        return OPENING

    async def turn(self, by: str, chat: Address) -> None:
        self.turned.append((by, chat))
        self.shift += timedelta(hours=1)


@asynccontextmanager
async def shown(stage: FakeStage | None) -> AsyncIterator[Visitor]:
    bot = FakeBot()
    channel = WebChannel(bot.accept, bot.transcript, secret=SECRET, title=TITLE, clock=bot.clock, stage=stage)
    async with visiting(channel) as visitor:
        await visitor.open()
        yield visitor


@pytest.mark.parametrize("path", ["/demo/clock", "/demo/as"])
async def test_a_normal_service_knows_nothing_of_it(path: str) -> None:
    async with shown(None) as visitor:
        answers = [
            await visitor.http.get(path),
            await visitor.http.post(path, data={"csrf": visitor.csrf, "by": "day"}),
        ]
        styles = await visitor.http.get("/static/demo.css")
    assert [answer.status_code for answer in (*answers, styles)] == [404] * 3
    assert "demo" not in visitor.html
    assert "data-shift" not in visitor.html
    assert list(visitor.cookies) == ["chat"]


async def test_the_ribbon_says_that_people_are_made_up_who_one_is_and_what_time_it_is() -> None:
    async with shown(FakeStage()) as visitor:
        assert "измислени хора" in visitor.html
        assert 'value="maria" aria-current="true"' in visitor.html
        assert "вт 01.12, 9:00" in visitor.html
        assert 'data-shift="86400000"' in visitor.html
        assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:", visitor.html)
        assert list(visitor.cookies) == ["demo"], "the chat of a real service on this address keeps its own"


async def test_becoming_somebody_else_gives_their_chat_and_somebody_new_a_new_one() -> None:
    async with shown(FakeStage()) as visitor:
        tokens = []
        for who in ("ivan", "new", "new", "maria"):
            answer = await visitor.http.post("/demo/as", data={"csrf": visitor.csrf, "who": who})
            assert (answer.status_code, answer.headers["location"]) == (303, "/")
            tokens.append(visitor.cookies["demo"].partition(".")[0])
            await visitor.open()
            assert f'value="{who}" aria-current="true"' in visitor.html
    assert [tokens[0], tokens[3]] == [IVAN.external, MARIA.external]
    assert len(set(tokens)) == 4


async def test_the_clock_is_turned_for_the_chat_that_asks() -> None:
    stage = FakeStage()
    async with shown(stage) as visitor:
        plain = await visitor.http.post("/demo/clock", data={"csrf": visitor.csrf, "by": "next"})
        asked = await visitor.http.post(
            "/demo/clock", data={"csrf": visitor.csrf, "by": "day"}, headers={"Accept": "application/json"}
        )
        again = await visitor.http.get("/demo/clock")
    assert [(r.status_code, r.headers.get("location")) for r in (plain, again)] == [(303, "/")] * 2
    assert asked.json() == {"at": "вт 01.12, 9:00", "shift": 26 * 3600 * 1000}
    assert stage.turned == [("next", MARIA), ("day", MARIA)]


FOREIGN = {"sec-fetch-site": "cross-site"}


@pytest.mark.parametrize(
    ("label", "path", "fields", "headers", "status"),
    [
        ("another site", "/demo/clock", {"by": "day"}, FOREIGN, 403),
        ("another site", "/demo/as", {"who": "ivan"}, FOREIGN, 403),
        ("no forgery token", "/demo/clock", {"by": "day", "csrf": ""}, {}, 403),
        ("another's forgery token", "/demo/as", {"who": "ivan", "csrf": "1.x"}, {}, 403),
        ("no such turn", "/demo/clock", {"by": "year"}, {}, 400),
        ("back", "/demo/clock", {"by": "-1"}, {}, 400),
        ("no such person", "/demo/as", {"who": "somebody"}, {}, 400),
        ("nothing", "/demo/as", {}, {}, 400),
    ],
)
async def test_a_form_that_is_not_ours_changes_nothing(
    label: str, path: str, fields: dict[str, str], headers: dict[str, str], status: int
) -> None:
    stage = FakeStage()
    async with shown(stage) as visitor:
        before = visitor.cookies
        answer = await visitor.http.post(path, data={"csrf": visitor.csrf} | fields, headers=headers)
        assert answer.status_code == status, label
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert (stage.turned, visitor.cookies) == ([], before)


# --- time passes ------------------------------------------------------------------------------------------------------


class Turner:
    """Somebody at the page who turns the clock."""

    def __init__(self, service: Service, http: httpx.AsyncClient) -> None:
        self.service, self.http = service, http
        self.csrf = ""

    async def open(self) -> str:
        page = (await self.http.get("/")).text
        self.csrf = re.search(r'name="csrf" value="([^"]+)"', page)[1]  # type: ignore[index]
        return page

    async def turn(self, by: str) -> str:
        form = {"csrf": self.csrf, "by": by}
        return (await self.http.post("/demo/clock", data=form, headers={"Accept": "application/json"})).json()["at"]

    async def become(self, who: str) -> None:
        await self.http.post("/demo/as", data={"csrf": self.csrf, "who": who})
        await self.open()

    async def said(self, chat: Address) -> list[str]:
        lines = await self.service.database.read(lambda c: transcript.lines(c, chat))
        return [line.message.text.partition("\n")[0] for line in lines if not line.mine]


@asynccontextmanager
async def turning(folder: Path) -> AsyncIterator[Turner]:
    async with (
        demo.opened(Settings(data_dir=folder, port=0)) as service,
        httpx.AsyncClient(base_url=service.address) as http,
    ):
        turner = Turner(service, http)
        await turner.open()
        yield turner


async def test_next_goes_on_until_something_is_said_in_this_very_chat(tmp_path: Path) -> None:
    async with turning(tmp_path) as turner:
        before = await turner.said(MARIA), await turner.said(IVAN)
        assert re.fullmatch(r"ср \d\d\.\d\d, 17:30", await turner.turn("next"))
        maria, ivan = await turner.said(MARIA), await turner.said(IVAN)
        assert maria[len(before[0]) :] == ["Мария, наближава: Родителска среща на 3 а."]
        assert len(ivan) > len(before[1]), "what was due on the way came to others"
        now = await turner.service.database.read(
            lambda c: c.execute(select(func.max(outbox.c.created_at))).scalar_one()
        )
        assert not await turner.service.database.read(lambda c: moments.waiting(c, now))
        late = select(outbox.c.key).where(outbox.c.status != "sent")
        assert await turner.service.database.read(lambda c: list(c.execute(late).scalars())) == []


async def test_what_came_on_the_way_was_written_at_its_own_time(tmp_path: Path) -> None:
    """The day before it says „tomorrow“, also to those who look later."""
    async with turning(tmp_path) as turner:
        await turner.turn("day")
        lines = await turner.service.database.read(lambda c: transcript.lines(c, IVAN))
    reminder = next(line for line in lines if "чакаме Ви: Курс за помощник-готвачи" in line.message.text)
    assert "(утре)" in reminder.message.text
    assert f"{reminder.at.astimezone(RULES.zone):%H:%M}" == "10:00"


async def test_each_has_a_next_of_their_own_and_who_awaits_nothing_goes_one_moment_on(tmp_path: Path) -> None:
    async with turning(tmp_path) as turner:
        await turner.become("new")
        first = await turner.service.database.read(lambda c: moments.waiting(c)[0].due)
        assert await turner.turn("next") == at(first)
        await turner.become("ivan")
        assert (await turner.turn("next"))[:2] in ("вт", "ср")
        assert "Иван" in (await turner.said(IVAN))[-1]
        await turner.become("ani")
        before = await turner.said(ANI)
        await turner.turn("next")
        assert len(await turner.said(ANI)) == len(before) + 1, "the day before, a mediator hears how it stands"


def at(moment: datetime) -> str:
    local = moment.astimezone(RULES.zone)
    return f"{('пн', 'вт', 'ср', 'чт', 'пт', 'сб', 'нд')[local.weekday()]} {local:%d.%m}, {local.hour}:{local:%M}"


async def test_an_hour_and_a_day_are_an_hour_and_a_day(tmp_path: Path) -> None:
    async with turning(tmp_path) as turner:
        assert re.fullmatch(r"вт .*, 10:00", await turner.turn("hour"))
        assert re.fullmatch(r"ср .*, 10:00", await turner.turn("day"))
        page = await turner.open()
        assert re.search(r"ср \d\d\.\d\d, 10:00", page)


async def test_what_came_of_a_participation_is_asked_when_its_time_has_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with turning(tmp_path) as turner:
        looked: list[datetime] = []
        clock = turner.service.reminders._clock

        async def look() -> None:
            looked.append(clock())

        monkeypatch.setattr(turner.service.reminders, "follow_up", look)
        await turner.turn("day")
        await turner.turn("next")
        assert len(looked) == 2, "after each turn, by the clock as it then is"
        assert looked[0] < looked[1]


async def test_two_turns_at_once_come_one_after_the_other(tmp_path: Path) -> None:
    async with turning(tmp_path) as turner:
        times = await asyncio.gather(turner.turn("hour"), turner.turn("hour"))
    assert sorted(time[-5:] for time in times) == ["10:00", "11:00"]
