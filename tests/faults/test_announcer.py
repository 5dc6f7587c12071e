"""The check of what the service says by itself can tell: each promise, broken on purpose, is found and named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, delete, update

from storage import events
from storage.tables import moments, notifications, outbox
from tests.faults.announcer import check_told
from tests.storage.events_kit import HOUR, NOW, RULES, by, fire, go_out, lead, published, settle
from tests.storage.kit import opened

ALL = {"all": True}
Damage = Callable[[Connection], Any]

FINDS: dict[str, tuple[Damage, str]] = {
    "nothing is wrong": (lambda c: None, ""),
    "somebody is forgotten": (
        lambda c: c.execute(delete(notifications).where(notifications.c.contact_id == 100, _of("invite"))),
        "contact 100 has no line for event",
    ),
    "a message is lost": (
        lambda c: c.execute(delete(outbox).where(outbox.c.contact_id == 101)), "was decided and is not sent"
    ),
    "a message nobody decided": (
        lambda c: c.execute(delete(notifications).where(notifications.c.contact_id == 102, _of("change@2"))),
        "is in no ledger",
    ),
    "a change is kept from somebody": (
        lambda c: (
            c.execute(delete(notifications).where(notifications.c.contact_id == 103, _of("change@2"))),
            c.execute(delete(outbox).where(outbox.c.key.like("%change@2:103"))),
        ),
        "contact 103 was not told of change@2",
    ),
    "a moment never comes": (lambda c: c.execute(update(moments).values(state="waiting")), "never came"),
}  # fmt: skip


def _of(offset: str) -> Any:
    return notifications.c.offset == offset


def happened(connection: Connection) -> int:
    """An event of which everybody was told, and of its change an hour later."""
    acting = lead(connection)
    settle(connection, 5)
    event = published(connection, acting, NOW + 30 * HOUR, kind="public", audience=ALL, offsets=())
    fire(connection, event, "invite", NOW)
    go_out(connection, NOW)
    later = by(now=NOW + HOUR)
    events.relocate(connection, later, event_id=event.id, version=1, place="Зала 2", landmark="", rules=RULES)
    fire(connection, event, "change@2", NOW + HOUR)
    go_out(connection, NOW + HOUR)
    connection.execute(update(moments).where(moments.c.offset == "after").values(state="done"))
    return event.id


@pytest.mark.parametrize("_new_database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("damage", "sentence"), [pytest.param(*case, id=name) for name, case in FINDS.items()])
async def test_broken_promise_is_found(database_url: str, damage: Damage, sentence: str) -> None:
    def go(connection: Connection) -> list[str]:
        event = happened(connection)
        damage(connection)
        return [line for line in check_told(connection, [event]) if "contact 1 " not in line]

    async with opened(database_url) as database:
        wrong = await database.write(go)
    assert any(sentence in line for line in wrong) if sentence else wrong == []
