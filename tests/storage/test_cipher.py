"""Personal columns are sealed: only the right key opens them, and only in their own column."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import create_engine, insert, text
from sqlalchemy.exc import StatementError

from storage.cipher import Cipher, Sealed, WrongKey, derive
from storage.database import Database
from storage.tables import UtcTime, contacts, metadata, tickets
from tests.storage.kit import KEY, NOW, enrol, everything, meet

OTHER = bytes(reversed(KEY))


def test_a_sealed_value_opens_again_and_looks_different_each_time() -> None:
    cipher = Cipher(KEY)
    first, second = cipher.seal("Иванка".encode(), "contacts.name"), cipher.seal("Иванка".encode(), "contacts.name")
    assert first != second
    assert cipher.open(first, "contacts.name") == cipher.open(second, "contacts.name") == "Иванка".encode()


@pytest.mark.parametrize(
    ("cipher", "change", "column"),
    [
        pytest.param(Cipher(OTHER), lambda v: v, "contacts.name", id="another key"),
        pytest.param(Cipher(KEY), lambda v: v, "contacts.phone", id="another column"),
        pytest.param(Cipher(KEY), lambda v: v[:-1] + bytes([v[-1] ^ 1]), "contacts.name", id="a bit is changed"),
        pytest.param(Cipher(KEY), lambda v: v[:20], "contacts.name", id="cut short"),
        pytest.param(Cipher(KEY), lambda v: b"Ivanka Petrova in the clear", "contacts.name", id="never sealed"),
    ],
)
def test_what_the_key_did_not_seal_for_this_column_is_refused(cipher: Cipher, change: Any, column: str) -> None:
    sealed = Cipher(KEY).seal("Иванка".encode(), "contacts.name")
    with pytest.raises(WrongKey, match=column):
        cipher.open(change(sealed), column)


def test_look_up_values_differ_by_kind_and_by_key_and_are_the_same_every_time() -> None:
    cipher = Cipher(KEY)
    found = cipher.lookup("phone", "+359888123456")
    assert found == Cipher(KEY).lookup("phone", "+359888123456")
    assert len({found, cipher.lookup("name", "+359888123456"), Cipher(OTHER).lookup("phone", "+359888123456")}) == 3


def test_a_replaced_key_still_opens_what_the_old_one_sealed_and_finds_whom_it_knew() -> None:
    old = Cipher(OTHER)
    both = Cipher(KEY, OTHER)
    assert both.open(old.seal(b"x", "c"), "c") == b"x"
    assert Cipher(KEY).open(both.seal(b"x", "c"), "c") == b"x"
    assert both.lookup("phone", "1") == old.lookup("phone", "1")


def test_no_two_purposes_share_a_key() -> None:
    assert len({derive(KEY, purpose) for purpose in ("data", "index", "web")}) == 3


def test_an_engine_without_a_key_writes_nothing() -> None:
    """A forgotten key is an error, never plaintext."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    row = {"status": "active", "created_at": NOW, "name": "Иванка"}
    with pytest.raises(StatementError, match="without a key"), engine.begin() as connection:
        connection.execute(insert(contacts).values(row))
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM contacts")).scalar() == 0
    engine.dispose()


VALUES = {  # what is kept, and what comes back
    "words": ("Иванка Петрова 👩‍👧", "Иванка Петрова 👩‍👧"),
    "nothing typed": ("", ""),
    "nothing kept": (None, None),
    "a phone": ({"number": "+359888", "own": True}, {"number": "+359888", "own": True}),
    "a list": (["а", "б"], ["а", "б"]),
    "no": (False, False),
    "a zero byte": ("x\x00y", "x\x00y"),
    "half an emoji": ("half \ud83d an emoji", "half ? an emoji"),
}


async def test_any_value_comes_back_from_a_sealed_column(database: Database) -> None:
    def keep(connection: Any) -> None:
        for external, (value, _) in VALUES.items():
            enrol(connection, meet(connection, external), name=value)

    await database.write(keep)
    names = [row["name"] for row in await database.read(lambda c: everything(c, contacts))]
    assert dict(zip(VALUES, names, strict=True)) == {label: back for label, (_, back) in VALUES.items()}


async def test_a_value_moved_to_another_column_does_not_open(database: Database) -> None:
    """Whoever can write to the file still cannot show one person's name as another's quarter."""

    def keep(connection: Any) -> None:
        enrol(connection, meet(connection), name="Иванка")
        connection.execute(text("UPDATE contacts SET quarter = name"))

    await database.write(keep)
    with pytest.raises(WrongKey, match=r"contacts\.quarter"):
        await database.read(lambda c: everything(c, contacts))


def test_every_column_that_can_hold_words_of_a_person_is_sealed() -> None:
    """A new column of free text is either sealed or listed here with what it holds instead."""
    plain = {
        "contacts.status", "contacts.language", "contacts.settlement", "contacts.purpose", "contacts.work",
        "contacts.source", "addresses.channel", "addresses.status", "children.institution", "children.group",
        "interests.activity", "consents.purpose", "consents.action", "consents.text_hash", "consents.language",
        "consents.form", "consents.event_key", "consents.text_version", "conversations.script", "conversations.state",
        "conversations.asked",
        "answers.key", "tickets.status", "tickets.about", "inbox.key", "inbox.channel", "inbox.state", "outbox.key",
        "outbox.channel", "outbox.status", "outbox.owner", "outbox.platform_id", "outbox.error", "seals.name",
        "leases.name", "leases.owner", "notices.kind", "notices.text",
        # what is announced to everybody, and codes
        "events.kind", "events.activity", "events.title", "events.place", "events.landmark", "events.bring",
        "events.offsets", "events.status", "event_versions.place", "event_versions.landmark", "event_versions.status",
        "invitations.source", "invitations.rsvp", "invitations.seat", "invitations.leave_at", "invitations.called",
        "invitations.miss_reason", "moments.offset", "moments.state", "notifications.offset", "notifications.status",
        "notifications.reason", "notifications.message", "participations.activity",
        "participations.entry_work", "participations.exit_kind",
        "participations.exit_reason", "results.due", "results.state", "staff.role", "staff_invites.role",
        "audit.action", "audit.subject", "charges.kind", "charges.code", "links.code", "ticket_lines.side",
        "broadcasts.status", "recipients.status", "recipients.reason", "recipients.message", "recipients.answer",
        "receipts.platform_id", "receipts.status", "receipts.text", "spending.channel", "spending.month",
        "spending.why", "claims.status",
        "recipients.called", "media.kind", "media.channel", "media.mime", "media.state",
    }  # fmt: skip
    columns = [c for t in metadata.sorted_tables for c in t.columns]
    words = {str(c) for c in columns if getattr(c.type, "python_type", None) is str and not isinstance(c.type, Sealed)}
    assert words == plain
    assert all(c.type.column == str(c) for c in columns if isinstance(c.type, Sealed)), "sealed for another column"


async def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    naive = datetime(2026, 11, 24, 8)  # noqa: DTZ001  (that is the point)
    with pytest.raises(Exception, match="must carry its zone"):
        await database.write(lambda c: meet(c, now=naive))


def test_a_stored_time_is_utc_whatever_zone_it_came_in() -> None:
    from zoneinfo import ZoneInfo

    time, dialect = UtcTime(), create_engine("sqlite://").dialect
    sofia = datetime(2026, 11, 24, 10, tzinfo=ZoneInfo("Europe/Sofia"))
    bound = time.process_bind_param(sofia, dialect)
    assert bound == datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert bound.tzinfo is UTC
    assert time.process_result_value(datetime(2026, 11, 24, 8), dialect) == NOW  # noqa: DTZ001  (as SQLite gives it)
    assert time.process_bind_param(None, dialect) is time.process_result_value(None, dialect) is None
    assert tickets.c.created_at.type.__class__ is UtcTime
