"""What counts as the same words, how much one telephone gets in a week, and who reads what was meant for another."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from sqlalchemy import Connection, update

from bot.messages import Media
from storage import announcing, broadcasts, shared
from storage.broadcasts import Reach
from storage.database import Database
from storage.tables import broadcasts as broadcast_rows
from storage.tables import residents
from tests.bench.fill import count_on
from tests.storage.broadcasts_kit import SOON, WORDS, begun, ledger, states, went
from tests.storage.events_kit import CLASS, HOUR, NOW, by, lead, settle
from tests.storage.test_broadcasts import PERSONAL, reached

PHOTO = {"bg": Media("photo", "telegram", "photo-1", size=10)}
OTHER = {"bg": Media("photo", "telegram", "photo-2", size=10)}
SAME: Mapping[str, Mapping[str, str]] = {
    "as they were": WORDS,
    "in capitals, without the full stop": {"bg": f" {WORDS['bg'].upper()[:-1]} \n"},
    "with other marks": {"bg": f"❗ {WORDS['bg'].replace(' ', ', ')}!!"},
    "in Romani too": {**WORDS, "rom": "Sako dive."},
}


@pytest.mark.parametrize("said", [pytest.param(said, id=name) for name, said in SAME.items()])
async def test_the_same_words_are_the_same_however_they_are_dressed(database: Database, said: dict[str, str]) -> None:
    def go(connection: Connection) -> None:
        acting, later = lead(connection), by(now=NOW + HOUR)
        settle(connection, 2)
        begun(connection, acting)
        went(connection)
        assert broadcasts.sent_before(connection, later, words=said, audience=CLASS) == (SOON, 2)
        assert reached(connection, later, words=said).told_today == 2

    await database.write(go)


async def test_other_words_are_others(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1)
        begun(connection, acting)
        for said in ({"bg": WORDS["bg"].replace("17", "18")}, {"bg": ""}, {"bg": "❗"}):
            assert broadcasts.sent_before(connection, acting, words=said, audience=CLASS) is None

    await database.write(go)


async def test_a_picture_without_words_is_asked_about_and_counted_as_it_will_go(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting, later, none = lead(connection), by(now=NOW + HOUR), {"bg": ""}
        settle(connection, 2)
        begun(connection, acting, words=none, media=PHOTO)
        went(connection)
        settle(connection, 1, first=500)
        asked = {"words": none, "audience": CLASS}
        assert broadcasts.sent_before(connection, later, **asked, media=PHOTO) == (SOON, 2)
        assert broadcasts.sent_before(connection, later, **asked, media=OTHER) is None
        promised = reached(connection, later, words=none, media=PHOTO)
        assert promised == Reach(3, 1, 0, 0, told_today=2, week_full=0)
        number = begun(connection, later, SOON + HOUR, words=none, media=PHOTO)
        assert ledger(connection, number) == {100: "told_today", 101: "told_today", 500: "queued"}
        assert reached(connection, later, words=none, media=PHOTO, again=True).get == 3

    await database.write(go)


@pytest.mark.parametrize("words", [WORDS, PERSONAL])
async def test_a_telephone_that_several_share_has_enough_when_one_of_them_has(
    database: Database, words: dict[str, str]
) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1, first=100)
        settle(connection, 2, first=101, home=100)
        settle(connection, 1, first=300)
        for text in "абв":
            begun(connection, acting, words={"bg": text})
            went(connection)
        expected = dict.fromkeys((100, 101, 102, 300), "week_full")
        settle(connection, 1, first=500)
        assert reached(connection, acting, words=words) == Reach(5, 1, 0, 0, 0, week_full=4)
        assert ledger(connection, begun(connection, acting, words=words)) == expected | {500: "queued"}

    await database.write(go)


async def test_who_is_not_of_the_group_but_lives_there_counts_too(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1, first=100, group="4 б")
        settle(connection, 1, first=101, home=100)
        for text in "абв":
            begun(connection, acting, words={"bg": text}, audience={"children": [["sofroniy", "4 б"]]})
        assert reached(connection, acting) == Reach(1, 0, 0, 0, 0, week_full=1)

    await database.write(go)


async def test_whoever_took_an_address_over_reads_no_words_for_another(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 2)
        number = begun(connection, acting, words=PERSONAL)
        went(connection, SOON, "sent", 101)
        connection.execute(update(residents).values(linked_at=NOW))
        count_on(connection)
        for who in (100, 101):
            shared.unlink(connection, by(who))
        assert announcing.told(connection, list(states(connection))) == {}
        connection.execute(update(broadcast_rows).values(version=2))
        assert announcing.changed(connection, [f"edit:{number}.2:101"]) == {}

    await database.write(go)
