"""A second person for what goes to many: also where the group grew, or the words changed; asked when nobody sleeps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, insert, select, update

from bot import calendar
from bot.chat import Acting
from bot.lengths import CAPTION, units
from bot.messages import Media
from bot.texts import Texts
from handlers.broadcast_notes import compose_broadcast
from storage import announcing, broadcasts, deliveries, recipients, wording
from storage.broadcasts import HOLD, MANY, UNDO, Broadcast
from storage.database import Database
from storage.tables import addresses, contacts, outbox, residents
from storage.tables import broadcasts as rows
from tests.conversations.client import programme
from tests.storage.broadcasts_kit import SOON, begin, begun, ledger, published, states, went
from tests.storage.events_kit import CLASS, DAY, HOUR, NOW, RULES, by, lead, settle
from tests.storage.test_broadcasts import refusal

NEW = {"bg": "В събота от 17:00"}
NIGHT = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)  # one in the morning, in Sofia
MORNING = datetime(2026, 11, 25, 6, 30, tzinfo=UTC)


def held(connection: Connection) -> tuple[Acting, Acting, int]:
    """One to many that a colleague has approved, and that two have got."""
    author, colleague = lead(connection), lead(connection, 2, "mediator")
    settle(connection, MANY + 1)
    number = published(connection, author).id
    broadcasts.approve(connection, colleague, broadcast_id=number, rules=RULES)
    assert begin(connection, number)
    went(connection, SOON, "sent", 100, 101)
    return by(now=SOON), by(2, SOON), number


def queued(connection: Connection, prefix: str = "broadcast") -> int:
    return list(states(connection, prefix).values()).count("queued")


def seen(connection: Connection, acting: Acting, number: int) -> Broadcast:
    found = broadcasts.for_staff(connection, acting, number)
    assert found is not None
    return found


# --- other words ------------------------------------------------------------------------------------------------------


async def test_other_words_for_many_wait_for_a_second_person_and_nothing_goes_until_then(database: Database) -> None:
    def go(connection: Connection) -> None:
        author, colleague, number = held(connection)
        assert broadcasts.needs_a_second(connection, author, broadcast_id=number)
        broadcasts.change_sent(connection, author, broadcast_id=number, words=NEW)
        one = seen(connection, author, number)
        assert (one.status, one.approved_by, one.due_at, one.is_questioned) == ("paused", None, SOON + HOLD, True)
        assert (queued(connection), states(connection, "edit")) == (0, {})
        said = refusal(lambda: broadcasts.go_on(connection, author, broadcast_id=number, rules=RULES))
        assert said == ("sure", "announce.waits")
        (key,) = [key for key in states(connection, "approve") if key != f"approve:{number}:2"]
        plea = announcing.pleas(connection, [key], SOON, RULES)[key]
        assert (plea.people, plea.broadcast.words) == (MANY + 1, NEW)
        broadcasts.approve(connection, colleague, broadcast_id=number, rules=RULES)
        one = seen(connection, author, number)
        assert (one.status, one.approved_by, one.is_questioned) == ("running", 2, False)
        assert (queued(connection), sorted(states(connection, "edit"))) == (
            MANY - 1, [f"edit:{number}.2:100", f"edit:{number}.2:101"],
        )  # fmt: skip
        assert announcing.pleas(connection, [key], SOON, RULES) == {}

    await database.write(go)


async def test_unanswered_new_words_go_out_when_the_time_to_say_no_is_over(database: Database) -> None:
    def go(connection: Connection) -> None:
        author, _, number = held(connection)
        broadcasts.change_sent(connection, author, broadcast_id=number, words=NEW)
        early, late = SOON + HOLD - timedelta(seconds=1), SOON + HOLD
        assert not deliveries.needs_a_hand(connection, number, early)
        assert not deliveries.wake(connection, number, early, RULES)
        assert deliveries.needs_a_hand(connection, number, late)
        assert deliveries.wake(connection, number, late, RULES)
        assert (queued(connection), queued(connection, "edit")) == (MANY - 1, 2)
        broadcasts.pause_(connection, author, broadcast_id=number)
        assert not deliveries.needs_a_hand(connection, number, late + DAY), "a pause is a pause"

    await database.write(go)


async def test_a_no_to_other_words_ends_it_and_leaves_what_was_sent(database: Database) -> None:
    def go(connection: Connection) -> None:
        author, colleague, number = held(connection)
        broadcasts.change_sent(connection, author, broadcast_id=number, words=NEW)
        broadcasts.refuse(connection, colleague, broadcast_id=number)
        assert (queued(connection), states(connection, "edit")) == (0, {})
        assert deliveries.finish(connection, number, SOON + HOUR)
        assert seen(connection, author, number).status == "stopped"
        again = refusal(lambda: broadcasts.change_sent(connection, author, broadcast_id=number, words=NEW))
        assert again == ("sure", "announce.correct_instead")

    await database.write(go)


async def test_words_are_changed_at_once_by_another_for_few_or_where_nobody_could_be_asked(database: Database) -> None:
    def go(connection: Connection) -> None:
        _, _, number = held(connection)
        broadcasts.change_sent(connection, lead(connection, 3), broadcast_id=number, words=NEW)
        assert (queued(connection), queued(connection, "edit")) == (MANY - 1, 2)
        settle(connection, 2, first=900, group="4 б")
        few = begun(connection, by(3), words={"bg": "Друго"}, audience={"children": [["sofroniy", "4 б"]]})
        assert not broadcasts.needs_a_second(connection, by(3), broadcast_id=few)

    await database.write(go)


async def test_who_is_alone_changes_what_goes_to_many_as_before(database: Database) -> None:
    def go(connection: Connection) -> None:
        author = lead(connection)
        settle(connection, MANY + 1)
        number = published(connection, author).id
        assert broadcasts.colleagues(connection, author, broadcast_id=number) == 0
        assert begin(connection, number, NOW + HOLD)
        assert not broadcasts.needs_a_second(connection, author, broadcast_id=number)

    await database.write(go)


# --- the group grows --------------------------------------------------------------------------------------------------


async def test_a_group_that_has_grown_beyond_many_waits_when_it_should_start(database: Database) -> None:
    def go(connection: Connection) -> None:
        author, colleague = lead(connection), lead(connection, 2, "mediator")
        settle(connection, 3)
        starts = NOW + DAY
        number = published(connection, author, starts=starts).id
        settle(connection, MANY, first=1000)
        assert not begin(connection, number, starts)
        one = seen(connection, author, number)
        assert (one.status, one.held, one.due_at, one.started_at) == ("waiting", True, starts + HOLD, None)
        assert ledger(connection, number) == {}
        assert list(states(connection, "approve")) == [f"approve:{number}:2"]
        assert broadcasts.may_approve(connection, colleague, broadcast_id=number)
        settle(connection, 1, first=5000)
        assert begin(connection, number, starts + HOLD)
        assert len(ledger(connection, number)) == MANY + 4

    await database.write(go)


# --- when colleagues are asked ----------------------------------------------------------------------------------------


def pleas(connection: Connection) -> list[tuple[datetime, datetime]]:
    mine = select(outbox.c.not_before, outbox.c.expires_at).where(outbox.c.key.like("approve:%"))
    return [(row.not_before, row.expires_at) for row in connection.execute(mine)]


async def test_nobody_is_asked_by_night_and_everybody_has_two_minutes_in_the_morning(database: Database) -> None:
    def go(connection: Connection) -> None:
        lead(connection)
        lead(connection, 2, "mediator")
        settle(connection, MANY + 1)
        number = published(connection, by(now=NIGHT)).id
        assert pleas(connection) == [(MORNING, MORNING + HOLD)]
        assert not begin(connection, number, MORNING)
        assert begin(connection, number, MORNING + HOLD)

    await database.write(go)


async def test_one_for_a_later_hour_asks_in_the_morning_and_its_yes_says_when_it_goes(database: Database) -> None:
    def go(connection: Connection) -> None:
        lead(connection)
        colleague = lead(connection, 2, "mediator")
        settle(connection, MANY + 1)
        later = MORNING + 5 * HOUR
        number = published(connection, by(now=NIGHT), starts=later).id
        assert pleas(connection) == [(MORNING, later)]
        assert broadcasts.goes_at(connection, colleague, broadcast_id=number) is None
        broadcasts.approve(connection, by(2, MORNING), broadcast_id=number, rules=RULES)
        assert broadcasts.goes_at(connection, by(2, MORNING), broadcast_id=number) == later
        assert broadcasts.goes_at(connection, by(3, MORNING), broadcast_id=number) is None

    await database.write(go)


async def test_by_day_they_are_asked_at_once(database: Database) -> None:
    def go(connection: Connection) -> None:
        author, _ = lead(connection), lead(connection, 2, "mediator")
        settle(connection, MANY + 1)
        published(connection, author)
        assert pleas(connection) == [(NOW, NOW + HOLD)]
        assert broadcasts.comes(None, NOW, RULES, held=False) == NOW + UNDO

    await database.write(go)


# --- how long news are news -------------------------------------------------------------------------------------------

CHRISTMAS_EVE = datetime(2026, 12, 23, 17, 50, tzinfo=UTC)  # ten minutes before eight, and four days off follow
AFTER = datetime(2026, 12, 27, 8, 0, tzinfo=UTC)  # Sunday, ten o'clock


async def test_what_waits_through_the_holidays_goes_out_after_them(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 2)
        number = published(connection, acting).id
        connection.execute(update(rows).values(due_at=CHRISTMAS_EVE))
        assert begin(connection, number, CHRISTMAS_EVE)
        went(connection, CHRISTMAS_EVE, "failed", 101, error="blocked: x")
        assert expires(connection, f"broadcast:{number}:100") > AFTER + 6 * HOUR
        row = {"id": 900, "channel": "web", "external": "900", "status": "active", "contact_id": 101}
        connection.execute(insert(addresses).values(**row, lookup=b"0" * 16, created_at=NOW))
        connection.execute(insert(residents).values(address_id=900, contact_id=101))
        on_holiday = by(now=datetime(2026, 12, 24, 8, 0, tzinfo=UTC))
        broadcasts.pause_(connection, on_holiday, broadcast_id=number)
        broadcasts.go_on(connection, on_holiday, broadcast_id=number, rules=RULES)
        recipients.send_other_way(connection, on_holiday, broadcast_id=number, rules=RULES)
        assert expires(connection, f"broadcast:{number}:100") == AFTER + 3 * DAY
        assert expires(connection, f"broadcast:{number}:101:2") == AFTER + 3 * DAY

    await database.write(go)


def expires(connection: Connection, key: str) -> datetime:
    found: datetime = connection.execute(select(outbox.c.expires_at).where(outbox.c.key == key)).scalar_one()
    return found


def test_news_last_at_least_three_days_and_eight_open_hours() -> None:
    open_hours = [not calendar.is_quiet(RULES, NOW + timedelta(hours=n)) for n in range(24 * 420)]
    for hours in range(24 * 400):
        ends = deliveries.lives_until(RULES, NOW + timedelta(hours=hours))
        lasts = int((ends - NOW) / HOUR)
        assert lasts - hours >= 72
        assert sum(open_hours[hours:lasts]) >= 8


# --- under a picture --------------------------------------------------------------------------------------------------

PHOTO = {"bg": Media("photo", "telegram", "h", size=5)}


async def test_words_that_are_too_many_under_a_picture_are_refused(database: Database) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1)
        words = {"bg": "((име)) " * 20 + "а" * 700}
        said = ("words", "announce.over_caption")
        assert refusal(lambda: published(connection, acting, words=words, media=PHOTO)) == said
        assert published(connection, acting, words=words).status == "waiting", "without one it fits"
        number = begun(connection, acting, words={"bg": "Снимка"}, media=PHOTO)
        change = refusal(lambda: broadcasts.change_sent(connection, acting, broadcast_id=number, words=words))
        assert change == said

    await database.write(go)


@pytest.mark.parametrize("text", ["а" * 894, "((име)) " * 20 + "а" * 428, "👍" * 447])
async def test_what_is_just_not_refused_fits_for_a_reader_and_a_writer_of_long_names(
    database: Database, text: str
) -> None:
    def go(connection: Connection) -> None:
        acting = lead(connection)
        settle(connection, 1)
        long = f"{wording.LONG_NAME} Иванов"
        connection.execute(update(contacts).values(name=long))
        wrong = begun(connection, acting)
        went(connection)
        assert wording.over_caption(connection, acting, said={"bg": text + "аа"}, audience=CLASS) > 0
        number = begun(connection, acting, words={"bg": text}, media=PHOTO, corrects=wrong)
        (told,) = announcing.told(connection, [f"broadcast:{number}:100"]).values()
        for language in ("bg", "rom"):
            one = replace(told, language=language, is_shared=deliveries.is_personal({"bg": text}))
            assert units(compose_broadcast(Texts.load(), programme(), one, SOON).text) <= CAPTION

    await database.write(go)
