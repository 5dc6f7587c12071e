"""Claims of people whose number nobody vouches for: tries, limits, races, and everything that must open nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from bot.chat import Acting, Conflict
from bot.messages import Failure, Lane
from bot.office import Office
from bot.outbox import decide
from storage import claim_desk, claims, contacts, housekeeping, outbox, staff, stopping
from storage.claim_desk import ASKED, CODE, LATE, LINKED, OVER, PROVEN
from storage.claims import A_DAY, TRIES, VALID
from storage.database import Database
from storage.outbox import CODE as PREFIX
from storage.people import blank
from storage.tables import addresses, audit, residents
from storage.tables import claims as rows
from storage.tables import contacts as contact_rows
from storage.tables import outbox as outbox_rows
from tests.conversations.client import programme
from tests.storage.events_kit import RULES
from tests.storage.kit import NOW, acting, everything, meet

PHONE = "+359888123456"
DAY = timedelta(days=1)


def office() -> Office:
    return programme().desk


def somebody(
    connection: Connection, external: str, channel: str = "web", name: str = "Мария Иванова", phone: str = PHONE, *,
    at: timedelta = timedelta(), own: bool = False,
) -> Acting:  # fmt: skip
    """A registered contact in a chat of their own."""
    who = acting(meet(connection, external, channel), NOW + at)
    keep(connection, who, name, phone, own=own)
    return who


def keep(connection: Connection, who: Acting, name: str = "Мария Иванова", phone: str = PHONE, *, own: bool) -> None:
    contacts.keep(
        connection, who, name=name, phone=phone, phone_is_own=own, settlement="vidin", purpose="work", work="",
        children=[], again=True,
    )  # fmt: skip


def pair(connection: Connection) -> tuple[Acting, Acting]:
    """An older contact on Telegram, and the same number typed on the web a day later."""
    old, new = somebody(connection, "1", "telegram", own=True), somebody(connection, "2", at=DAY)
    return replace(old, now=new.now), new


def sent(connection: Connection, now: Any = NOW + DAY) -> dict[str, str]:
    """The codes that go now, by the key of their message."""
    keys = connection.execute(select(outbox_rows.c.key).where(outbox_rows.c.key.like(f"{PREFIX}:%"))).scalars().all()
    return {key: one.code for key, one in claims.draw(connection, keys, now).items()}


def code_for(connection: Connection, new: Acting) -> str:
    claims.begin(connection, new)
    (code,) = sent(connection, new.now).values()
    return code


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


def attempt(connection: Connection, who: Acting, code: str) -> str:
    """How the claim stands after a try; "again" where it may be typed once more."""
    try:
        claims.prove(connection, who, code=code)
    except Conflict:
        return "again"
    return claims.standing(connection, who)


# --- what opens, and what does not ----------------------------------------------------------------------------------

TABLE: dict[str, tuple[Callable[[Connection, Acting, Acting, str], str], str]] = {
    "the code": (lambda c, old, new, code: attempt(c, new, code), PROVEN),
    "another code": (lambda c, old, new, code: attempt(c, new, other_than(code)), "again"),
    "no code": (lambda c, old, new, code: attempt(c, new, ""), "again"),
    "the code a second before its end": (
        lambda c, old, new, code: attempt(c, replace(new, now=new.now + VALID - timedelta(seconds=1)), code), PROVEN,
    ),
    "the code at its end": (lambda c, old, new, code: attempt(c, replace(new, now=new.now + VALID), code), LATE),
    "the code after four others": (
        lambda c, old, new, code: [attempt(c, new, x) for x in [other_than(code)] * (TRIES - 1) + [code]][-1], PROVEN,
    ),
    "the code after five others": (
        lambda c, old, new, code: [attempt(c, new, x) for x in [other_than(code)] * TRIES + [code]][-1], OVER,
    ),
    "the code from another address": (
        lambda c, old, new, code: attempt(c, somebody(c, "9", at=DAY), code), "",
    ),
    "the code in the older chat itself": (lambda c, old, new, code: attempt(c, old, code), ""),
    "the code when it was not them": (
        lambda c, old, new, code: [claims.deny(c, old, claim_id=only(c).id, office=office()), attempt(c, new, code)][1],
        "again",
    ),
    "the code when the newcomer says not me": (
        lambda c, old, new, code: [claims.deny(c, new, claim_id=only(c).id, office=office()), attempt(c, new, code)][1],
        PROVEN,
    ),
    "the code when the older one was erased": (
        lambda c, old, new, code: [stopping.erase(c, old, rules=RULES), attempt(c, new, code)][1], "again",
    ),
    "the code when the older one came to a role": (
        lambda c, old, new, code: [promote(c, old), attempt(c, new, code)][1], "again",
    ),
    "the code when the older one has another number": (
        lambda c, old, new, code: [keep(c, old, phone="+359888999111", own=True), attempt(c, new, code)][1], "again",
    ),
    "the code when the newcomer came to a role": (
        lambda c, old, new, code: [promote(c, new), attempt(c, new, code)][1], "again",
    ),
    "the code when the older one stopped": (
        lambda c, old, new, code: [stopping.stop(c, old, "button"), attempt(c, new, code)][1], PROVEN,
    ),
}  # fmt: skip


async def test_a_claim_that_was_denied_while_staff_were_asked_looks_like_one_that_waits_for_its_code(
    database: Database,
) -> None:
    def go(connection: Connection) -> None:
        old, new = pair(connection)
        code_for(connection, new)
        claims.ask_staff(connection, new, office=office())
        assert claims.standing(connection, new) == ASKED
        claims.deny(connection, old, claim_id=only(connection).id, office=office())
        assert claims.standing(connection, new) == CODE
        assert claims.standing(connection, replace(new, now=new.now + VALID)) == LATE

    await database.write(go)


def only(connection: Connection) -> Any:
    return connection.execute(select(rows)).one()


def promote(connection: Connection, who: Acting) -> None:
    code = staff.invite_by_command_line(connection, NOW, "mediator")
    staff.join(connection, who, code=code, name="Росица", phone="")


@pytest.mark.parametrize("case", TABLE)
async def test_what_a_code_opens(database: Database, case: str) -> None:
    def go(connection: Connection) -> None:
        old, new = pair(connection)
        code = code_for(connection, new)
        act, becomes = TABLE[case]
        assert act(connection, old, new, code) == becomes

    await database.write(go)


async def test_a_code_is_kept_as_a_keyed_hash_alone_and_each_is_its_claims_own(database: Database) -> None:
    def go(connection: Connection) -> None:
        _, new = pair(connection)
        code = code_for(connection, new)
        row = only(connection)
        assert len(code) == 6
        assert len(row.code_hash) == 16
        assert code.encode() not in bytes(row.code_hash)
        assert claims._hash(connection, row.id, code) == bytes(row.code_hash) != claims._hash(connection, 99, code)
        keys = connection.execute(select(outbox_rows.c.body, outbox_rows.c.lane)).all()
        assert [tuple(row) for row in keys] == [(None, int(Lane.REPLY))]

    await database.write(go)


async def test_proven_is_linked_only_to_whoever_reads_where_the_code_went(database: Database) -> None:
    def go(connection: Connection) -> None:
        old, new = pair(connection)
        door = Acting(blank(connection, NOW, language="bg"), 0, "tel", "bg", "e", NOW)
        keep(connection, door, "Баба Мария", own=False)
        family = Acting(blank(connection, NOW, language="bg"), old.address_id, "telegram", "bg", "e", NOW)
        keep(connection, family, "Петър Иванов", own=False)
        connection.execute(insert(residents).values(address_id=old.address_id, contact_id=family.contact_id))
        code = code_for(connection, new)
        assert claims.link(connection, new, contact_id=old.contact_id, rules=RULES) is None, "not proven yet"
        assert attempt(connection, new, code) == PROVEN
        assert [n for n, _ in claims.candidates(connection, new)] == [old.contact_id, family.contact_id]
        for forged in (door.contact_id, new.contact_id, 999):
            assert claims.link(connection, new, contact_id=forged, rules=RULES) is None
        outcome = claims.link(connection, new, contact_id=family.contact_id, rules=RULES)
        assert outcome is not None
        assert outcome.contact_id == family.contact_id
        assert claims.link(connection, new, contact_id=old.contact_id, rules=RULES) is None, "once"

    await database.write(go)


# --- limits ---------------------------------------------------------------------------------------------------------


async def test_an_older_contact_is_written_to_three_times_a_day_however_many_ask(database: Database) -> None:
    def go(connection: Connection) -> None:
        pair(connection)
        for number in range(6):
            claims.begin(connection, somebody(connection, f"n{number}", at=DAY))
        assert len(sent(connection)) == A_DAY
        assert [r["known_id"] is not None for r in everything(connection, rows)] == [True] * 3 + [False] * 3
        assert {r["status"] for r in everything(connection, rows)} == {CODE}, "they all look alike"
        claims.begin(connection, somebody(connection, "later", at=2 * DAY + timedelta(minutes=1)))
        assert everything(connection, rows)[-1]["known_id"] is not None, "and the next day again"

    await database.write(go)


async def test_an_address_may_ask_three_times_a_day_and_has_one_claim_at_a_time(database: Database) -> None:
    def go(connection: Connection) -> None:
        _, new = pair(connection)
        for minutes in (0, 1, 20, 40, 60, 80):
            claims.begin(connection, replace(new, now=new.now + timedelta(minutes=minutes)))
        assert [r["created_at"] - new.now for r in everything(connection, rows)] == [
            timedelta(minutes=minutes) for minutes in (0, 20, 40)
        ]

    await database.write(go)


async def test_where_somebody_said_not_me_nothing_comes_any_more_that_day(database: Database) -> None:
    def go(connection: Connection) -> None:
        old, new = pair(connection)
        code_for(connection, new)
        claims.deny(connection, old, claim_id=only(connection).id, office=office())
        later = replace(new, now=new.now + VALID)
        claims.begin(connection, later)
        claims.ask_staff(connection, somebody(connection, "5", at=DAY), office=office())
        assert [r["known_id"] for r in everything(connection, rows)] == [old.contact_id, None, None]

    await database.write(go)


@pytest.mark.parametrize("who", ["own number", "no number", "not registered", "staff"])
async def test_who_has_nothing_to_claim(database: Database, who: str) -> None:
    def go(connection: Connection) -> None:
        old, new = pair(connection)
        values: dict[str, dict[str, Any]] = {
            "own number": {"phone_is_own": True}, "no number": {"phone_hash": None},
            "not registered": {"registered_at": None},
        }  # fmt: skip
        if who == "staff":
            promote(connection, new)
        else:
            mine = contact_rows.c.id == new.contact_id
            connection.execute(update(contact_rows).where(mine).values(values[who]))
        assert not claims.may_claim(connection, new)
        claims.begin(connection, new)
        claims.ask_staff(connection, new, office=office())
        assert {r["known_id"] for r in everything(connection, rows)} <= {None}
        assert old.contact_id

    await database.write(go)


async def test_the_newer_of_two_is_never_the_known_one(database: Database) -> None:
    def go(connection: Connection) -> None:
        old = somebody(connection, "1", "telegram")
        somebody(connection, "2", at=DAY)
        claims.begin(connection, replace(old, now=NOW + 2 * DAY))
        assert only(connection).known_id is None

    await database.write(go)


# --- races ----------------------------------------------------------------------------------------------------------


async def test_claims_at_one_moment_share_the_limit(database: Database) -> None:
    def go(connection: Connection) -> list[Acting]:
        pair(connection)
        return [somebody(connection, f"n{number}", at=DAY) for number in range(6)]

    people = await database.write(go)
    begun = [database.write(lambda c, who=who: claims.begin(c, who)) for who in people]
    await asyncio.gather(*begun)
    found = await database.read(lambda c: everything(c, rows))
    assert sum(r["known_id"] is not None for r in found) == A_DAY


async def test_tries_at_one_moment_are_counted_each(database: Database) -> None:
    def go(connection: Connection) -> tuple[Acting, str]:
        _, new = pair(connection)
        return new, code_for(connection, new)

    new, code = await database.write(go)
    tried = [database.write(lambda c: attempt(c, new, other_than(code))) for _ in range(8)]
    found = await asyncio.gather(*tried)
    assert sorted(found) == ["again"] * (TRIES - 1) + [OVER] * (8 - TRIES + 1)
    assert (await database.read(only)).tries == TRIES


async def test_of_two_words_at_one_moment_one_counts(database: Database) -> None:
    def go(connection: Connection) -> tuple[Acting, Acting, int]:
        _, new = pair(connection)
        team = []
        for external in ("s1", "s2"):
            team.append(acting(meet(connection, external), NOW + DAY))
            code = staff.invite_by_command_line(connection, NOW, "coordinator")
            staff.join(connection, team[-1], code=code, name=f"Ани {external}", phone="")
        claims.ask_staff(connection, new, office=office())
        return team[0], team[1], int(only(connection).id)

    first, second, number = await database.write(go)

    def say(by: Acting, *, is_same: bool) -> Any:
        given = {"claim_id": number, "is_same": is_same, "rules": RULES}
        return database.write(lambda c: claim_desk.decide(c, by, **given))

    await asyncio.gather(say(first, is_same=True), say(second, is_same=False))

    def look(connection: Connection) -> tuple[str, list[str]]:
        done = connection.execute(select(audit.c.action).where(audit.c.action.like("%_person"))).scalars().all()
        return only(connection).status, list(done)

    status, done = await database.read(look)
    assert done == ["same_person" if status == LINKED else "other_person"]


# --- the word of staff ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "counts"),
    [("as it is", True), ("a week later", False), ("erased", False), ("another number", False), ("a role", False)],
)
async def test_when_a_word_makes_two_one(database: Database, how: str, counts: bool) -> None:
    def go(connection: Connection) -> None:
        old, new = pair(connection)
        by = acting(meet(connection, "s"), NOW + DAY)
        code = staff.invite_by_command_line(connection, NOW, "coordinator")
        staff.join(connection, by, code=code, name="Ани", phone="")
        claims.ask_staff(connection, new, office=office())
        number = only(connection).id
        if how == "a week later":
            by = replace(by, now=by.now + claims.WORD)
        elif how == "erased":
            stopping.erase(connection, old, rules=RULES)
        elif how == "another number":
            keep(connection, new, phone="+359888999111", own=False)
        elif how == "a role":
            promote(connection, old)
        claim_desk.decide(connection, by, claim_id=number, is_same=True, rules=RULES)
        here = connection.execute(select(addresses.c.contact_id).where(addresses.c.id == new.address_id)).scalar_one()
        assert here == (old.contact_id if counts else new.contact_id)
        assert (
            bool(connection.execute(select(contact_rows).where(contact_rows.c.id == new.contact_id)).first()) != counts
        )

    await database.write(go)


async def test_a_claim_waits_for_a_word_a_week_and_is_swept_then(database: Database) -> None:
    def go(connection: Connection) -> None:
        _, new = pair(connection)
        claims.ask_staff(connection, new, office=office())
        claims.ask_staff(connection, new, office=office())
        assert claims.standing(connection, new) == ASKED
        housekeeping.often(connection, new.now + claims.WORD - DAY)
        assert everything(connection, rows)
        (before,) = everything(connection, rows)
        housekeeping.often(connection, new.now + claims.WORD)
        assert not everything(connection, rows)
        claims.begin(connection, replace(new, now=new.now + claims.WORD))
        assert only(connection).id > before["id"], "an old button names nobody else's claim"

    await database.write(go)


# --- never twice ----------------------------------------------------------------------------------------------------


async def test_a_code_on_the_wire_at_a_crash_is_uncertain_at_once_and_a_reply_is_repeated(database: Database) -> None:
    def go(connection: Connection) -> None:
        _, new = pair(connection)
        claims.begin(connection, new)
        row = dict(everything(connection, outbox_rows)[0])
        connection.execute(update(outbox_rows).values(status="sending", owner="dead"))
        connection.execute(insert(outbox_rows).values({**row, "id": None, "key": "reply:1"} | {
            "id": row["id"] + 1, "status": "sending", "owner": "dead",
        }))  # fmt: skip
        outbox.recover(connection, "telegram", new.now)
        found = {r["key"].partition(":")[0]: r["status"] for r in everything(connection, outbox_rows)}
        assert found == {PREFIX: "uncertain", "reply": "queued"}
        connection.execute(delete(outbox_rows))

    await database.write(go)


@pytest.mark.parametrize(
    ("key", "ambiguous", "becomes"),
    [
        ("code:1", True, "uncertain"),
        ("code:1", False, "queued"),
        ("reply:1", True, "queued"),
        ("codes:1", True, "queued"),
    ],
)
def test_a_send_in_doubt_is_not_tried_again_for_a_code(key: str, ambiguous: bool, becomes: str) -> None:
    held: Any = type("Row", (), {"key": key, "ambiguous": 0, "attempts": 0})()
    assert decide(held, Failure("timeout", "", retryable=True, ambiguous=ambiguous), NOW).status == becomes
