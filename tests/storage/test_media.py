"""What people sent with a message: entered with its reason, fetched a few times at most, gone with its reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from bot.messages import Address, Lane, Media, Outgoing
from storage import housekeeping, media, outbox, tickets, transcript
from storage.media import LARGEST, Due
from storage.outbox import Draft
from storage.tables import broadcasts
from storage.tables import media as rows
from storage.tables import tickets as ticket_rows
from tests.storage.kit import DAY, NOW, acting, meet, opened

PHOTO = Media("photo", "telegram", "AgAC", mime="image/jpeg", size=7)
CHART = Media("photo", data=b"\x89PNG", filename="chart.png")


def state(connection: Connection, number: int) -> Any:
    return connection.execute(select(rows).where(rows.c.id == number)).first()


def asked_with(connection: Connection, number: int) -> None:
    """A question to which this belongs."""
    known = meet(connection, "1", "telegram")
    tickets.open_(connection, acting(known), text="кога?")
    connection.execute(update(ticket_rows).values(media_id=number))


async def test_what_came_is_entered_once_and_told_back(database_url: str) -> None:
    async with opened(database_url) as database:
        number = await database.write(lambda c: media.keep(c, PHOTO, NOW))
        found = await database.read(lambda c: media.load(c, number))
        assert found == Media("photo", "telegram", "AgAC", number, mime="image/jpeg", size=7)
        assert await database.write(lambda c: media.keep(c, found, NOW)) == number
        assert await database.read(lambda c: media.content(c, number)) is None
        assert await database.read(lambda c: (media.kept(c, [number]), media.coming(c, [number]))) == (set(), {number})
        assert await database.read(lambda c: media.load(c, number + 1)) is None


@pytest.mark.parametrize("nothing", [None, Media("photo"), Media("voice", "telegram")])
async def test_nothing_makes_no_row(database_url: str, nothing: Media | None) -> None:
    async with opened(database_url) as database:
        assert await database.write(lambda c: media.keep(c, nothing, NOW)) == 0
        assert await database.read(lambda c: c.execute(select(rows)).all()) == []


async def test_what_we_draw_is_kept_with_its_content(database_url: str) -> None:
    async with opened(database_url) as database:
        number = await database.write(lambda c: media.keep(c, CHART, NOW))
        assert await database.read(lambda c: media.content(c, number)) == b"\x89PNG"
        assert await database.read(lambda c: media.kept(c, [number, 99])) == {number}
        assert await database.read(lambda c: media.due(c, "telegram", NOW, 9)) == []


async def test_nothing_of_it_can_be_read_in_the_tables(database_url: str) -> None:
    async with opened(database_url) as database:
        number = await database.write(lambda c: media.keep(c, Media("document", "telegram", "BQAC", 0, "дог.pdf"), NOW))
        await database.write(lambda c: media.fetched(c, number, b"%PDF-1", "application/pdf"))
        raw = await database.read(lambda c: str(c.exec_driver_sql("select * from media").all()))
    assert not [word for word in ("BQAC", "дог", "PDF-1", "JVBERi") if word in raw]


class TestFetching:
    """From waiting to kept or lost."""

    async def test_what_was_fetched_is_kept(self, database_url: str) -> None:
        async with opened(database_url) as database:
            number = await database.write(lambda c: media.keep(c, PHOTO, NOW))
            other = await database.write(lambda c: media.keep(c, Media("voice", "viber", "url"), NOW))
            assert await database.read(lambda c: media.due(c, "telegram", NOW, 9)) == [Due(number, "photo", "AgAC")]
            await database.write(lambda c: media.fetched(c, number, b"\xff\xd8\xff", "image/jpeg"))
            assert await database.read(lambda c: media.content(c, number)) == b"\xff\xd8\xff"
            row = await database.read(lambda c: state(c, number))
            assert (row.state, row.size, row.mime) == ("kept", 3, "image/jpeg")
            assert await database.read(lambda c: media.due(c, "telegram", NOW, 9)) == []
            assert await database.read(lambda c: media.coming(c, [number, other])) == {other}

    @pytest.mark.parametrize(
        ("found", "expected"), [(bytes(LARGEST), "kept"), (bytes(LARGEST + 1), "lost"), (b"", "lost")]
    )
    async def test_what_is_too_large_is_never_kept(self, database_url: str, found: bytes, expected: str) -> None:
        async with opened(database_url) as database:
            number = await database.write(lambda c: media.keep(c, PHOTO, NOW))
            await database.write(lambda c: media.fetched(c, number, found, ""))
            row = await database.read(lambda c: state(c, number))
            assert (row.state, row.content is not None) == (expected, expected == "kept")

    async def test_what_is_said_to_be_too_large_is_not_even_fetched(self, database_url: str) -> None:
        async with opened(database_url) as database:
            large = Media("document", "telegram", "BQAC", size=LARGEST + 1)
            number = await database.write(lambda c: media.keep(c, large, NOW))
            assert await database.read(lambda c: media.due(c, "telegram", NOW, 9)) == []
            assert await database.read(lambda c: state(c, number).state) == "lost"
            assert await database.read(lambda c: media.load(c, number)) == Media(
                "document", "telegram", "BQAC", number, size=LARGEST + 1
            ), "its handle still sends it on"

    async def test_five_attempts_with_longer_and_longer_waits(self, database_url: str) -> None:
        async with opened(database_url) as database:
            number = await database.write(lambda c: media.keep(c, PHOTO, NOW))
            for seconds in (0, 30, 300, 3600, 6 * 3600):
                early, ripe = (NOW + timedelta(seconds=s) for s in (seconds - 1, seconds))
                assert await database.read(lambda c, at=early: media.due(c, "telegram", at, 9)) == []
                assert await database.read(lambda c, at=ripe: len(media.due(c, "telegram", at, 9))) == 1
                await database.write(lambda c: media.failed(c, number, final=False))
            assert await database.read(lambda c: state(c, number).state) == "lost"
            await database.write(lambda c: media.fetched(c, number, b"x", ""))
            assert await database.read(lambda c: media.content(c, number)) is None

    async def test_where_another_try_cannot_help_there_is_none(self, database_url: str) -> None:
        async with opened(database_url) as database:
            number = await database.write(lambda c: media.keep(c, PHOTO, NOW))
            await database.write(lambda c: media.failed(c, number, final=True))
            assert await database.read(lambda c: media.due(c, "telegram", NOW + 30 * DAY, 9)) == []
            assert await database.read(lambda c: media.coming(c, [number])) == set()

    async def test_what_is_new_goes_before_what_failed(self, database_url: str) -> None:
        def fill(connection: Connection) -> list[int]:
            numbers = [media.keep(connection, PHOTO, NOW) for _ in range(3)]
            media.failed(connection, numbers[0], final=False)
            return [*numbers[1:], numbers[0]]

        async with opened(database_url) as database:
            order = await database.write(fill)
            later = NOW + timedelta(hours=1)
            assert [d.number for d in await database.read(lambda c: media.due(c, "telegram", later, 9))] == order
            assert [d.number for d in await database.read(lambda c: media.due(c, "telegram", later, 1))] == order[:1]


class TestGrowingOld:
    """Gone with the words that it came with, and with what it belonged to."""

    @pytest.mark.parametrize(("days", "left"), [(89, True), (91, False)])
    async def test_after_ninety_days_the_content_is_emptied(self, database_url: str, days: int, left: bool) -> None:
        async with opened(database_url) as database:
            number = await database.write(lambda c: media.keep(c, CHART, NOW))
            await database.write(lambda c: asked_with(c, number))
            await database.write(lambda c: housekeeping.daily(c, NOW + days * DAY))
            row = await database.read(lambda c: state(c, number))
            assert (row.state, row.content is not None, row.filename is not None) == (
                "kept" if left else "old",
                left,
                left,
            )

    async def test_what_belongs_to_nothing_is_dropped_after_a_day(self, database_url: str) -> None:
        async with opened(database_url) as database:
            number = await database.write(lambda c: media.keep(c, PHOTO, NOW))
            await database.write(lambda c: housekeeping.daily(c, NOW + timedelta(hours=23)))
            assert await database.read(lambda c: media.load(c, number))
            await database.write(lambda c: housekeeping.daily(c, NOW + timedelta(hours=25)))
            assert await database.read(lambda c: media.load(c, number)) is None

    @pytest.mark.parametrize("owner", ["media_id", "media_rom_id"])
    async def test_what_belongs_to_an_announcement_stays(self, database_url: str, owner: str) -> None:
        def announced(connection: Connection, number: int) -> None:
            row = {"words": {"bg": "x"}, "buttons": [], "audience": {}, "fingerprint": bytes(16), "status": "waiting"}
            connection.execute(insert(broadcasts).values(row | {"due_at": NOW, "created_at": NOW, owner: number}))

        async with opened(database_url) as database:
            number = await database.write(lambda c: media.keep(c, PHOTO, NOW))
            await database.write(lambda c: announced(c, number))
            await database.write(lambda c: media.sweep(c, before=NOW + DAY))
            assert await database.read(lambda c: media.load(c, number))

    async def test_it_goes_at_once_with_a_person_who_is_erased(self, database_url: str) -> None:
        async with opened(database_url) as database:
            number = await database.write(lambda c: media.keep(c, PHOTO, NOW))
            await database.write(lambda c: asked_with(c, number))
            await database.write(lambda c: media.sweep(c, before=NOW + DAY))
            assert await database.read(lambda c: media.load(c, number)), "a question holds it"
            await database.write(lambda c: c.execute(delete(ticket_rows)))
            await database.write(lambda c: media.sweep(c, before=NOW + DAY))
            assert await database.read(lambda c: media.load(c, number)) is None


@pytest.mark.parametrize("become", ["waiting", "kept", "lost", "old"])
async def test_a_page_shows_what_is_here_or_still_may_come(database_url: str, become: str) -> None:
    def fill(connection: Connection) -> int:
        known = meet(connection, "w", "web")
        number = media.keep(connection, PHOTO, NOW)
        connection.execute(update(rows).values(state=become))
        message = Outgoing("Ето", media=Media("photo", "telegram", "AgAC", number))
        draft = Draft("k", known.address, known.address_id, known.contact_id, message, Lane.BROADCAST)
        outbox.enqueue(connection, [draft], NOW, {})
        return number

    async with opened(database_url) as database:
        number = await database.write(fill)
        (line,) = await database.read(lambda c: transcript.lines(c, Address("web", "w")))
        assert line.message.media
        assert line.message.media.number == (number if become in ("waiting", "kept") else 0)
