"""A chat as its page shows it: in the order of the talk, with the words of what was pressed, and never too long."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, update

from bot.messages import Address, Button, Document, Kind, Outgoing
from storage import outbox, people, transcript
from storage.database import Database
from storage.outbox import Draft
from storage.tables import inbox
from storage.tables import outbox as rows
from tests.storage.kit import NOW, everything, meet, said

HERE = Address("web", "1")


def turn(connection: Connection, number: int, answers: tuple[Outgoing | str, ...] = (), **event: Any) -> None:
    """One event and what was answered to it."""
    known = meet(connection, "1", "web")
    incoming = said(number, channel="web", **event)
    row = people.take(connection, [incoming], NOW, known={HERE: known})[incoming.key]
    say(connection, *answers, inbox_id=row, key=f"reply:{row}")


def say(connection: Connection, *texts: Outgoing | str, inbox_id: int | None = None, key: str = "broadcast") -> None:
    known = meet(connection, "1", "web")
    messages = [t if isinstance(t, Outgoing) else Outgoing(t) for t in texts]
    drafts = [
        Draft(f"{key}:{n}", HERE, known.address_id, known.contact_id, message, inbox_id=inbox_id)
        for n, message in enumerate(messages)
    ]
    outbox.enqueue(connection, drafts, NOW, {})


async def shown(database: Database, after: int = 0) -> list[str]:
    lines = await database.read(lambda c: transcript.lines(c, HERE, after))
    return [("→ " if line.mine else "") + line.message.text for line in lines]


async def test_what_was_answered_stands_after_what_it_answers(database: Database) -> None:
    """Also when two of a person's messages came before the first answer; what nobody asked for stands at its time."""

    def talk(connection: Connection) -> None:
        say(connection, "welcome", key="first")
        turn(connection, 1, ("a1", "a2"), text="one")
        say(connection, "news", key="reminder")
        turn(connection, 2, (), text="two")
        turn(connection, 3, ("b",), text="three")

    await database.write(talk)
    assert await shown(database) == ["welcome", "→ one", "a1", "a2", "news", "→ two", "→ three", "b"]


YES = Outgoing("ask", ((Button("👍 Да", press="1.a.yes"), Button("Виж", url="https://a.bg")),))


@pytest.mark.parametrize(
    ("event", "bubble"),
    [
        pytest.param({"kind": Kind.TEXT, "text": "здравей"}, "здравей", id="typed"),
        pytest.param({"kind": Kind.PRESS, "press": "1.a.yes"}, "👍 Да", id="pressed: the button's words"),
        pytest.param({"kind": Kind.PRESS, "press": "9.z.old"}, None, id="pressed what was never shown"),
        pytest.param({"kind": Kind.START}, "/start", id="opened the chat"),
        pytest.param({"kind": Kind.START, "text": "plakat-7"}, "/start", id="by a link: its code is not shown"),
        pytest.param({"kind": Kind.PHONE, "phone": "+359888123456"}, "+359888123456", id="shared a phone"),
        pytest.param({"kind": Kind.OTHER}, None, id="something without words"),
        pytest.param({"kind": Kind.BLOCKED}, None, id="left"),
    ],
)
async def test_what_a_persons_bubble_says(database: Database, event: dict[str, Any], bubble: str | None) -> None:
    await database.write(lambda c: (turn(c, 1, (YES,), text="hi"), turn(c, 2, ("ok",), **event)))
    assert await shown(database) == ["→ hi", "ask", *([f"→ {bubble}"] if bubble else []), "ok"]


async def test_a_page_that_was_away_gets_only_our_newer_messages(database: Database) -> None:
    await database.write(lambda c: [turn(c, n, (f"answer {n}",), text=f"{n}") for n in range(3)])
    everything_shown = await database.read(lambda c: transcript.lines(c, HERE))
    ours = [line for line in everything_shown if not line.mine]
    assert await shown(database, after=ours[0].id) == ["answer 1", "answer 2"]
    assert await shown(database, after=ours[-1].id) == []
    assert [line.id for line in ours] == sorted(line.id for line in ours)
    assert {line.id for line in everything_shown if line.mine} == {0}


async def test_a_page_knows_its_own_messages_again(database: Database) -> None:
    await database.write(lambda c: turn(c, 7, ("ok",), text="hi"))
    mine, ours = await database.read(lambda c: transcript.lines(c, HERE))
    assert (mine.client_id, mine.at, ours.client_id, ours.at) == ("7", NOW, "", NOW)


@pytest.mark.parametrize("status", ["cancelled", "expired"])
async def test_what_was_taken_back_is_not_shown(database: Database, status: str) -> None:
    await database.write(lambda c: turn(c, 1, ("a", "b"), text="hi"))
    await database.write(lambda c: c.execute(update(rows).where(rows.c.key.like("%:0")).values(status=status)))
    assert await shown(database) == ["→ hi", "b"]


@pytest.mark.parametrize("status", ["queued", "sending", "sent", "uncertain"])
async def test_whatever_may_have_been_seen_is_shown(database: Database, status: str) -> None:
    await database.write(lambda c: turn(c, 1, ("a",), text="hi"))
    await database.write(lambda c: c.execute(update(rows).values(status=status)))
    assert await shown(database) == ["→ hi", "a"]


async def test_words_that_were_thrown_away_leave_no_empty_bubble(database: Database) -> None:
    await database.write(lambda c: turn(c, 1, ("a",), text="hi"))
    for table in (inbox, rows):
        await database.write(lambda c, t=table: c.execute(update(t).values(body=None)))
    assert await shown(database) == []


async def test_a_long_chat_opens_at_its_latest_part(database: Database) -> None:
    """200 of ours, and theirs from there on."""
    await database.write(lambda c: [turn(c, n, (f"a{n}",), text=f"q{n}") for n in range(230)])
    lines = await shown(database)
    assert lines[:2] == ["→ q30", "a30"]
    assert (lines[-1], len(lines)) == ("a229", 400)


async def test_a_long_chat_whose_latest_part_begins_with_news_opens_there_too(database: Database) -> None:
    """What nobody asked for belongs to no event of theirs: the whole past must not come with it."""

    def talk(connection: Connection) -> None:
        for n in range(230):
            turn(connection, n, (f"a{n}",), text=f"q{n}")
            if n == 30:
                say(connection, "news")

    await database.write(talk)
    lines = await shown(database)
    assert (lines[:3], len(lines)) == (["news", "→ q31", "a31"], 399)


async def test_one_chat_never_shows_anothers_words(database: Database) -> None:
    await database.write(lambda c: turn(c, 1, ("a",), text="hi"))
    assert await database.read(lambda c: transcript.lines(c, Address("web", "2"))) == []
    await database.write(lambda c: meet(c, "2", "web"))
    assert await database.read(lambda c: transcript.lines(c, Address("web", "2"))) == []
    assert len(await database.read(lambda c: everything(c, inbox))) == 1


async def test_a_link_finds_what_its_row_says_as_long_as_it_is_said_and_kept(database: Database) -> None:
    file = Outgoing("Ето", document=Document("sreshta.ics", "text/calendar", "BEGIN"))
    await database.write(lambda c: say(c, file, "taken back", "forgotten"))

    def change(connection: Connection) -> None:
        connection.execute(update(rows).where(rows.c.key == "broadcast:1").values(status="cancelled"))
        connection.execute(update(rows).where(rows.c.key == "broadcast:2").values(body=None))

    await database.write(change)
    found = [await database.read(lambda c, n=n: transcript.message_of(c, n)) for n in (1, 2, 3, 4)]  # type: ignore[misc]
    assert found == [file, None, None, None]
