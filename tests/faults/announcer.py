"""What the service has to say by itself while people register and it dies: events, published and changed beside it.

The database is written directly, as another process would, so that moments come due in the middle of a life, between
two lives, and while nobody is there. Afterwards every line of the ledger and every message is accounted for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, func, select

from bot.calendar import Rules, is_holiday
from bot.chat import Acting
from storage import events
from storage.cipher import Cipher
from storage.database import Database
from storage.events import Draft
from storage.pulse import ARRIVED
from storage.tables import contacts, moments, notifications, outbox
from storage.tables import events as event_rows
from tests.faults.service import ROOT

HOUR = timedelta(hours=1)
AT_FIRST = 2  # events before anybody comes: whoever registers is invited to both by one message
ACTS = ((0.25, "publish"), (0.45, "relocate"), (0.6, "publish"), (0.75, "relocate"), (0.9, "publish"))  # by share


def noon() -> ZoneInfo:
    """A zone in which it is about noon: the test runs at any hour, and the service writes to nobody at night."""
    ahead = 12 - datetime.now(UTC).hour
    return ZoneInfo(f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT")


def programme_at(zone: ZoneInfo, folder: Path) -> Path:
    """The programme's file, with its clocks in another zone."""
    text = (ROOT / "storage/programmes/vidin.toml").read_text(encoding="utf-8")
    there = folder / "programme.toml"
    there.write_text(text.replace('zone = "Europe/Sofia"', f'zone = "{zone}"', 1), encoding="utf-8")
    return there


@dataclass(slots=True)
class Announcer:
    """Staff, as it were, at another desk."""

    database_url: str
    key: bytes
    rules: Rules
    left: list[tuple[float, str]] = field(default_factory=lambda: list(ACTS))
    made: list[int] = field(default_factory=list)

    async def begin(self) -> None:
        """The first events. On a public holiday there are none: nobody would hear of them that day."""
        if is_holiday(self.rules, datetime.now(self.rules.zone).date()):
            self.left.clear()
            return
        for _ in range(AT_FIRST):
            await self._act("publish")

    async def go_on(self, share: float) -> None:
        """What is to happen by that share of all lives."""
        while self.left and self.left[0][0] <= share:
            await self._act(self.left.pop(0)[1])

    async def _act(self, act: str) -> None:
        async with Database(self.database_url, Cipher(self.key)) as database:
            await database.write(self._publish if act == "publish" else self._relocate)

    def _publish(self, connection: Connection) -> None:
        number = len(self.made)
        starts = datetime.now(UTC) + (5 + number) * HOUR
        dates = [(starts, starts + HOUR)]
        draft = Draft(
            "public", "open_day", f"Среща {number}", "Читалището", "до пазара", "", dates, None, None, {"all": True}, ()
        )
        events.publish(connection, _nobody(), draft=draft, rules=self.rules)
        self.made.append(connection.execute(select(func.max(event_rows.c.id))).scalar_one())

    def _relocate(self, connection: Connection) -> None:
        number = self.made[len(self.left) % 2]
        event = events.by_id(connection, number)
        assert event is not None
        events.relocate(
            connection, _nobody(), event_id=number, version=event.version, place=f"Зала {event.version}", landmark="",
            rules=self.rules,
        )  # fmt: skip


def _nobody() -> Acting:
    """Whoever sits at a desk without being a contact."""
    return Acting(None, 0, "", "bg", "desk", datetime.now(UTC))  # type: ignore[arg-type]


# --- afterwards -------------------------------------------------------------------------------------------------------

Line = Row[tuple[object, ...]]


def due(connection: Connection) -> int:
    """How many moments have come and are not decided."""
    come = (moments.c.state == "waiting") & (moments.c.due_at <= datetime.now(UTC))
    return connection.execute(select(func.count()).select_from(moments).where(come)).scalar_one()


def check_told(connection: Connection, made: Sequence[int]) -> list[str]:
    """Everybody has one line for each event, whoever knew of it one for its change, and each line has its message."""
    lines = {(n.event_id, n.offset, n.contact_id): n for n in connection.execute(select(notifications))}
    registered = connection.execute(select(contacts.c.id).where(contacts.c.registered_at.is_not(None))).scalars().all()
    missing = [(number, who) for number in made for who in registered if (number, "invite", who) not in lines]
    wrong = [f"contact {who} has no line for event {number}" for number, who in missing]
    wrong += [f"{count} moments never came"] if (count := due(connection)) else []
    rows = connection.execute(select(outbox).where(outbox.c.key.like("reminder:%"))).all()
    return [*wrong, *_messages(list(lines.values()), rows), *_changes(connection, list(lines.values()), rows)]


def _messages(lines: Sequence[Line], rows: Sequence[Line]) -> list[str]:
    """Each line that tells has a message, each message a line. A change may have been told by a later invitation."""
    gone = {row.key for row in rows if row.status in (*ARRIVED, "uncertain") or _is_spared(row)}
    told = {n.message for n in lines if n.status in ("queued", "joint")}
    lost = [f"{key} was decided and is not sent" for key in sorted(told - gone)]
    return [*lost, *(f"{key} is in no ledger" for key in sorted(gone - told))]


def _is_spared(row: Line) -> bool:
    return bool(row.status == "cancelled" and ":change" in row.key)


def _changes(connection: Connection, lines: Sequence[Line], rows: Sequence[Line]) -> list[str]:
    """Who had been told of an event when a change of it was decided was told of the change."""
    heard = {row.key: row.sent_at for row in rows if row.sent_at}
    have = {(n.event_id, n.offset, n.contact_id) for n in lines}
    done = connection.execute(select(moments).where(moments.c.offset.like("change%"), moments.c.state == "done")).all()
    return [
        f"contact {n.contact_id} was not told of {m.offset} of event {m.event_id}"
        for m in done
        for n in lines
        if (n.event_id, n.offset) == (m.event_id, "invite") and n.message in heard and heard[n.message] < m.due_at
        if (m.event_id, m.offset, n.contact_id) not in have
    ]
