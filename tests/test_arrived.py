"""Whatever counts a message as sent counts one that was delivered or read: on some channels none stays only sent."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from bot.messages import Lane
from storage import outbox, pulse, ticket_copies, today
from storage import recipients as recipients_of
from storage.notifications import went_out
from storage.tables import outbox as rows
from tests import ROOT
from tests.storage.kit import DAY, NOW, meet, opened

MOVES = ("reported.py",)  # where a message goes from one to the next
ARRIVED = {"sent", "delivered", "read"}


def sources() -> list[Path]:
    """All but the channels, which speak of a platform's events."""
    found = (path for room in ("bot", "handlers", "storage") for path in (ROOT / room).rglob("*.py"))
    return [path for path in found if path.name not in MOVES and "channels" not in path.parts]


def lists(tree: ast.AST) -> Iterator[tuple[int, set[str]]]:
    """Tuples, lists and sets of words that name a message's status."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            words = {e.value for e in node.elts if isinstance(e, ast.Constant) and isinstance(e.value, str)}
            if words & {"sent", "delivered"}:
                yield node.lineno, words


def test_every_list_with_sent_in_it_has_delivered_and_read() -> None:
    found = [(path.name, line, words) for path in sources() for line, words in lists(ast.parse(path.read_text()))]
    assert len(found) > 5, "the lists are looked for where they stand no more"
    assert not [(name, line) for name, line, words in found if not words >= ARRIVED]


def test_no_row_is_compared_with_sent_alone() -> None:
    assert not [
        (path.name, node.lineno)
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare) and ast.unparse(node.left).endswith(".c.status")
        if any(isinstance(side, ast.Constant) and side.value in ("sent", "delivered") for side in node.comparators)
    ]


def test_the_lists_by_name() -> None:
    for listed in (pulse.ARRIVED, today.ARRIVED, ticket_copies.WENT, recipients_of._SENT):
        assert set(listed) == ARRIVED


@pytest.mark.parametrize("status", sorted(ARRIVED))
async def test_what_went_out_has_gone_out_however_far_it_came(database_url: str, status: str) -> None:
    def look(connection: Connection) -> int:
        known = meet(connection, channel="viber")
        row = {
            "key": "a", "channel": "viber", "address_id": known.address_id, "contact_id": known.contact_id,
            "lane": int(Lane.REMINDER), "status": status, "not_before": NOW, "expires_at": NOW + DAY, "created_at": NOW,
        }  # fmt: skip
        connection.execute(insert(rows).values(row))
        assert outbox.cancel(connection, address_ids=[known.address_id]) == 0, "it cannot be taken back"
        return len(connection.execute(rows.select().where(went_out())).all())

    async with opened(database_url) as database:
        assert await database.write(look) == 1
