"""Anybody may press and write anything in any order: what must hold then, tried at random on one small town."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import AsyncExitStack
from itertools import count
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from sqlalchemy import select

from bot.messages import Kind
from bot.privacy import is_stop
from storage.tables import addresses, answers, conversations, notices, outbox
from storage.tables import contacts as contact_rows
from tests.conversations.client import Talker, Town
from tests.conversations.people import line, t

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path
    from typing import Any

WORDS = ("Здравейте", "да", "не", "назад", "меню", "Мария", "0888123456", "видин", "3а", "1", "кога е курсът", "👍")
COMMANDS = ("/start", "/menu", "/help", "/data", "/language", "/ask", "/activities", "/people", "/forget", "/resume")
LABELS = tuple(t(key) for key in ("menu.events", "menu.activities", "menu.question", "menu.language", "menu.data"))
SHRINKS = (t("button.back")[0], "✏", "👤", "📞", "📍", "🎯", "🏫", "🔊")  # back, and the changes of a summary
OTHER_DEEDS = (Kind.OTHER, Kind.EDITED, Kind.BLOCKED, Kind.UNBLOCKED, Kind.START)
ADDRESSES = (("telegram", "1"), ("telegram", "2"), ("web", "3"))
PHONES = ("+359888123456", "+359899111222")


class Anybody(RuleBasedStateMachine):
    """Three chats, two phones, and every button that was ever shown."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self.town = Town(self.url)
        self.chats = [self.town.person(channel, external, name="Мария") for channel, external in ADDRESSES]
        self.life = AsyncExitStack()
        self.run(self.life.enter_async_context(self.town.awake()))

    def run(self, job: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(job)

    def teardown(self) -> None:
        self.run(self.life.aclose())
        self.runner.close()

    # --- what people do -------------------------------------------------------------------------------------------

    @rule(chat=st.integers(0, 2), which=st.integers(0, 9))
    def press_a_button_of_the_last_message(self, chat: int, which: int) -> None:
        buttons = [b for row in self.chats[chat].last.rows for b in row] if self.chats[chat].seen else []
        buttons = [button for button in buttons if button.press or button.shares_phone]
        if buttons:
            button = buttons[which % len(buttons)]
            if button.shares_phone:
                self.step(chat, Kind.PHONE, phone=PHONES[which % 2], phone_is_own=True)
            else:
                self.step(chat, Kind.PRESS, label=button.label, press=button.press)

    @rule(chat=st.integers(0, 2), back=st.integers(0, 30), which=st.integers(0, 9), whose=st.integers(0, 2))
    def press_any_button_ever_shown(self, chat: int, back: int, which: int, whose: int) -> None:
        seen = self.chats[whose].seen
        buttons = [b for row in seen[-1 - back % len(seen)].message.rows for b in row if b.press] if seen else []
        if buttons:
            button = buttons[which % len(buttons)]
            self.step(chat, Kind.PRESS, label=button.label, press=button.press)

    @rule(chat=st.integers(0, 2), text=st.sampled_from(WORDS + COMMANDS + LABELS) | st.text(max_size=30))
    def write(self, chat: int, text: str) -> None:
        self.step(chat, Kind.TEXT, label=text, text=text)

    @rule(chat=st.integers(0, 2))
    def register_quickly(self, chat: int) -> None:
        """Take the first button of each question, so that much happens after a registration too."""
        for _ in range(14):
            last = self.chats[chat].last if self.chats[chat].seen else None
            if last is None:
                self.step(chat, Kind.START)
            elif line("registration.name") in last.text:
                self.step(chat, Kind.TEXT, label="Мария Иванова", text="Мария Иванова")
            elif last.rows and not last.rows[0][0].shares_phone:
                self.step(chat, Kind.PRESS, label=last.rows[0][0].label, press=last.rows[0][0].press)
            elif last.rows:
                self.step(chat, Kind.PHONE, phone=PHONES[0], phone_is_own=True)

    @rule(chat=st.integers(0, 2), kind=st.sampled_from(OTHER_DEEDS))
    def do_something_else(self, chat: int, kind: Kind) -> None:
        self.step(chat, kind, text="Мария" if kind is Kind.EDITED else "")

    @rule(chat=st.integers(0, 2), said=st.sampled_from(["стоп", "СПРИ!", "/stop"]))
    def stop(self, chat: int, said: str) -> None:
        self.step(chat, Kind.TEXT, label=said, text=said)

    @rule()
    def restart(self) -> None:
        self.run(self.life.aclose())
        self.run(self.life.enter_async_context(self.town.awake()))

    # --- what must hold -------------------------------------------------------------------------------------------

    def step(self, chat: int, kind: Kind, *, label: str = "", **more: Any) -> None:
        person = self.chats[chat]
        before = self.run(self.open_answers())
        stopped = self.run(self.is_stopped(person))
        said = self.run(person.send(kind, **more))
        assert said or kind in (Kind.BLOCKED, Kind.UNBLOCKED), "everybody who writes is answered"
        if stopped and is_stop(more.get("text", "")):
            assert said == t("stopped.done")
        self.run(self.check())
        if not label.startswith(SHRINKS) and "назад" not in label:
            for talk, keys in self.run(self.open_answers()).items():
                assert before.get(talk, set()) <= keys, f"{label!r} lost an answer"

    async def check(self) -> None:
        def read(connection: Any) -> None:
            assert connection.execute(select(notices)).all() == [], "a script broke"
            talks = connection.execute(select(conversations.c.contact_id).where(conversations.c.state == "open"))
            open_ = list(talks.scalars())
            assert len(open_) == len(set(open_)), "two conversations at once"
            waiting = select(outbox.c.id).join(contact_rows, contact_rows.c.id == outbox.c.contact_id)
            late = waiting.where(outbox.c.status == "queued", contact_rows.c.status == "stopped")
            assert connection.execute(late).all() == [], "a message waits for somebody who said stop"
            assert set(connection.execute(select(contact_rows.c.status)).scalars()) <= STATUSES

        await self.database.read(read)

    async def open_answers(self) -> dict[int, set[str]]:
        """The keys of each open conversation that are answered, ticks and letters aside."""
        here = (conversations.c.state == "open") & answers.c.complete
        complete = select(answers.c.conversation_id, answers.c.key).join(conversations).where(here)
        found: dict[int, set[str]] = {}
        for talk, key in await self.database.read(lambda c: c.execute(complete).all()):
            found.setdefault(talk, set()).add(key)
        return found

    async def is_stopped(self, person: Talker) -> bool:
        where = (addresses.c.channel == person.address.channel) & (addresses.c.status == "stopped")
        found = await self.database.read(lambda c: c.execute(select(addresses.c.external).where(where)).scalars().all())
        return person.address.external in found

    @property
    def database(self) -> Any:
        assert self.town.running is not None
        return self.town.running.database


STATUSES = {"active", "stopped", "blocked", "archived"}


def test_whatever_is_pressed_and_written_in_any_order(sqlite_template: Path, tmp_path: Path) -> None:
    """Everybody is answered, no script breaks, no answer is lost, one talk at a time, silence after „стоп“."""
    numbers = count(1)

    class Here(Anybody):
        def __init__(self) -> None:
            path = tmp_path / f"{next(numbers)}.db"
            shutil.copyfile(sqlite_template, path)
            self.url = f"sqlite+aiosqlite:///{path}"
            super().__init__()

    some = settings(
        max_examples=15, stateful_step_count=20, deadline=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(Here, settings=some)
