"""The queue of messages: claimed once, fenced by its holder, and never unclear about what may have been sent."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, update

from bot.messages import Button, Lane, Outgoing
from storage import outbox, people
from storage.database import Database
from storage.outbox import Draft, Held, Mark, Taker
from storage.tables import addresses, contacts, notices, residents
from storage.tables import outbox as rows
from tests.storage.events_kit import RULES
from tests.storage.kit import DAY, NOW, acting, bulk, counted, enrol, everything, meet, opened, queue, steps

ME, OTHER = "process me", "process other"
ALL = dict.fromkeys(Lane, 100)


def claim(connection: Connection, owner: str = ME, limits: dict[Lane, int] | None = None) -> list[Held]:
    return outbox.claim(connection, "telegram", owner, NOW, limits or ALL)


async def held(database: Database, *keys: str, owner: str = ME, external: str = "1") -> list[Held]:
    return await database.write(lambda c: queue(c, meet(c, external), *keys, owner=owner))


async def table(database: Database) -> dict[str, Any]:
    """Every row by its key."""
    return {row["key"]: row for row in await database.read(lambda c: everything(c, rows))}


async def status(database: Database) -> dict[str, tuple[str, str]]:
    return {key: (row["status"], row["owner"]) for key, row in (await table(database)).items()}


# --- coming in --------------------------------------------------------------------------------------------------------


async def test_rows_of_a_channel_that_this_process_sends_for_are_held_from_the_start(database: Database) -> None:
    """In the order of the drafts, opened, and equal to what any other process would claim."""
    message = Outgoing("Здравейте", ((Button("Да", press="1.a.yes"), Button("Виж", url="https://a.bg")),), replaces="9")

    def enter(connection: Connection) -> list[Held]:
        known = meet(connection)
        drafts = [
            Draft(f"reply:1:{n}", known.address, known.address_id, known.contact_id, message, Lane.REMINDER, 5)
            for n in (2, 0, 1)
        ]
        return outbox.enqueue(connection, drafts, NOW, {"telegram": Taker(ME)})

    mine = await database.write(enter)
    assert [row.key for row in mine] == ["reply:1:2", "reply:1:0", "reply:1:1"]
    assert [row.delivery.id for row in mine] == sorted(row.delivery.id for row in mine)
    assert mine[0].delivery.message == message
    assert await database.write(claim) == []
    await database.write(lambda c: outbox.let_go(c, "telegram", ME))
    assert await database.write(claim) == mine


async def test_rows_of_other_channels_are_left_to_whoever_sends_for_them(database: Database) -> None:
    def enter(connection: Connection) -> list[Held]:
        known = meet(connection)
        drafts = [Draft("k", known.address, known.address_id, known.contact_id, Outgoing("x"))]
        return outbox.enqueue(connection, drafts, NOW, {"web": Taker(ME)})

    assert await database.write(enter) == []
    assert await status(database) == {"k": ("queued", "")}


async def test_the_first_message_to_each_address_is_on_the_wire_at_once_as_far_as_places_go(database: Database) -> None:
    """That spares a commit; the second to an address waits for the first, and beyond the places all wait."""

    def enter(connection: Connection) -> list[Held]:
        people_here = [meet(connection, name) for name in ("1", "2", "3")]
        drafts = [
            Draft(f"{k.address.external}:{n}", k.address, k.address_id, k.contact_id, Outgoing("x"))
            for k in people_here
            for n in (0, 1)
        ]
        return outbox.enqueue(connection, drafts, NOW, {"telegram": Taker(ME, places=2)})

    mine = await database.write(enter)
    assert [row.key for row in mine if row.marked] == ["1:0", "2:0"]
    found = await table(database)
    assert {key: (row["status"], row["attempts"]) for key, row in found.items()} == {
        "1:0": ("sending", 1), "1:1": ("queued", 0), "2:0": ("sending", 1),
        "2:1": ("queued", 0), "3:0": ("queued", 0), "3:1": ("queued", 0),
    }  # fmt: skip
    assert {row["owner"] for row in found.values()} == {ME}


async def test_a_key_is_queued_once(database: Database) -> None:
    """A reminder or a broadcast that is made twice exists once."""
    await held(database, "reminder:1:2:3")
    with pytest.raises(Exception, match="outbox"):
        await held(database, "reminder:1:2:3")


async def test_nothing_to_say_runs_nothing(database: Database) -> None:
    with counted(database) as seen:
        assert await database.write(lambda c: outbox.enqueue(c, [], NOW, {})) == []
    assert seen == ["COMMIT"] or not [s for s in seen if "outbox" in s]


# --- claiming ---------------------------------------------------------------------------------------------------------


async def test_each_lane_is_claimed_by_itself_oldest_first_and_up_to_its_limit(database: Database) -> None:
    def fill(connection: Connection) -> None:
        known = meet(connection)
        for lane in (Lane.BROADCAST, Lane.REMINDER, Lane.REPLY):
            queue(connection, known, *(f"{lane.name}:{n}" for n in range(3)), lane=lane)

    await database.write(fill)
    limits = {Lane.REPLY: 5, Lane.REMINDER: 2, Lane.BROADCAST: 0}
    taken = await database.write(lambda c: claim(c, limits=limits))
    assert [row.key for row in taken] == ["REPLY:0", "REPLY:1", "REPLY:2", "REMINDER:0", "REMINDER:1"]
    assert {key for key, (_, owner) in (await status(database)).items() if owner} == {row.key for row in taken}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"not_before": NOW + timedelta(seconds=1)}, "not yet due"),
        ({"owner": OTHER}, "in other hands"),
        ({"channel": "web"}, "another channel's"),
        *(({"status": s}, s) for s in ("sending", "sent", "failed", "expired", "cancelled", "uncertain")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_not_waiting_is_not_claimed(database: Database, change: dict[str, Any], why: str) -> None:
    await held(database, "k", owner="")
    await database.write(lambda c: c.execute(update(rows).values(change)))
    assert await database.write(claim) == [], why


async def test_two_who_claim_at_one_moment_share_nothing(database_url: str) -> None:
    """One who lost the lease without knowing, and the next: no row is in both hands."""
    async with opened(database_url) as one, opened(database_url) as two:
        await one.write(lambda c: bulk(c, meet(c), 60))
        limits = {Lane.BROADCAST: 20}
        taken = await asyncio.gather(
            *(d.write(lambda c, o=o: claim(c, o, limits)) for d, o in ((one, ME), (two, OTHER)) for _ in range(3))
        )
        owners = {key: owner for key, (_, owner) in (await status(one)).items()}
    by_owner = {ME: {r.key for part in taken[:3] for r in part}, OTHER: {r.key for part in taken[3:] for r in part}}
    assert not by_owner[ME] & by_owner[OTHER]
    assert {key for key, owner in owners.items() if owner == ME} == by_owner[ME]


async def test_the_senders_looks_stay_in_the_small_index_among_years_of_sent_rows(database: Database) -> None:
    """With 20,000 sent rows behind them; as SQLite's planner tells it."""

    def fill(connection: Connection) -> None:
        known = meet(connection)
        bulk(connection, known, 20_000, "sent")
        bulk(connection, known, 50)

    def look(connection: Connection) -> None:
        assert outbox.next_due(connection, "telegram") == NOW
        assert len(claim(connection)) == 50
        outbox.expire(connection, NOW)
        outbox.recover(connection, "telegram", NOW)
        outbox.let_go(connection, "telegram", ME)

    if database.url.startswith("postgresql"):
        await database.write(lambda c: bulk(c, meet(c), 50))
        await database.write(look)
        return
    await database.write(fill)
    found = await steps(database, look)
    used = [step for step in found if "outbox" in step]
    assert [step for step in used if "ix_outbox_waiting" in step], used
    assert not [step for step in used if "ix_outbox_waiting" not in step and "PRIMARY KEY" not in step], used


async def test_when_the_next_is_due(database: Database) -> None:
    assert await database.read(lambda c: outbox.next_due(c, "telegram")) is None
    await database.write(lambda c: bulk(c, meet(c), 3, not_before=NOW + DAY))
    assert await database.read(lambda c: outbox.next_due(c, "telegram")) == NOW + DAY
    await held(database, "held")
    assert await database.read(lambda c: outbox.next_due(c, "telegram")) == NOW + DAY, "what is held is no news"
    assert await database.read(lambda c: outbox.next_due(c, "web")) is None


# --- on the wire, and after -------------------------------------------------------------------------------------------


async def test_only_a_row_that_is_still_ours_and_still_queued_goes_on_the_wire(database: Database) -> None:
    mine = await held(database, "mine", "cancelled", "twice", "theirs")
    ids = [row.delivery.id for row in mine]

    def meanwhile(connection: Connection) -> None:
        connection.execute(update(rows).where(rows.c.key == "cancelled").values(status="cancelled", owner=""))
        connection.execute(update(rows).where(rows.c.key == "theirs").values(owner=OTHER))
        assert outbox.on_wire(connection, [ids[2]], ME) == {ids[2]}

    await database.write(meanwhile)
    assert await database.write(lambda c: outbox.on_wire(c, ids, ME)) == {ids[0]}
    found = await table(database)
    assert (found["mine"]["status"], found["mine"]["attempts"]) == ("sending", 1)
    assert await database.write(lambda c: outbox.on_wire(c, [], ME)) == set()


async def test_an_outcome_is_written_by_whoever_holds_the_row_and_by_nobody_else(database: Database) -> None:
    """A process that was thought dead comes back with its answer: the one who took over is not overwritten."""
    (row,) = await held(database, "k")
    await database.write(lambda c: outbox.on_wire(c, [row.delivery.id], ME))
    await database.write(lambda c: c.execute(update(rows).values(owner=OTHER)))
    await database.write(lambda c: outbox.mark(c, [Mark(row, "failed", error="late")], ME))
    assert await status(database) == {"k": ("sending", OTHER)}
    await database.write(lambda c: outbox.mark(c, [Mark(row, "sent", platform_id="m9", at=NOW)], OTHER))
    found = (await table(database))["k"]
    assert (found["status"], found["platform_id"], found["sent_at"]) == ("sent", "m9", NOW)


async def test_a_row_that_goes_back_to_the_queue_waits_without_an_owner_until_its_time(database: Database) -> None:
    (row,) = await held(database, "k")
    again = NOW + timedelta(seconds=5)
    mark = Mark(row, "queued", error="timeout: " + "x" * 500, again=again, ambiguous=1)
    await database.write(lambda c: outbox.mark(c, [mark], ME))
    found = (await table(database))["k"]
    assert (found["owner"], found["not_before"], found["ambiguous"], len(found["error"])) == ("", again, 1, 200)
    assert await database.write(claim) == []
    later = await database.write(lambda c: outbox.claim(c, "telegram", ME, again, ALL))
    assert (later[0].key, later[0].ambiguous) == ("k", 1)


# --- a gone address ---------------------------------------------------------------------------------------------------


async def test_a_gone_address_stops_with_its_queue_and_leaves_the_others(database: Database) -> None:
    """What others wait for, and what this person gets elsewhere, goes on."""

    def fill(connection: Connection) -> list[Held]:
        mine, web, neighbour = meet(connection, "1"), meet(connection, "1", "web"), meet(connection, "2")
        linked = {"address_id": web.address_id, "contact_id": mine.contact_id, "linked_at": NOW}
        connection.execute(residents.insert().values(linked))
        connection.execute(update(addresses).where(addresses.c.id == web.address_id).values(contact_id=mine.contact_id))
        queue(connection, web, "web")
        queue(connection, neighbour, "neighbour", owner=ME)
        return queue(connection, mine, "refused", "later", owner=ME)

    refused, _ = await database.write(fill)
    gone = Mark(refused, "failed", error="blocked: ", contact_gone=True)
    await database.write(lambda c: outbox.mark(c, [gone], ME))
    assert {key: s for key, (s, _) in (await status(database)).items()} == {
        "refused": "failed", "later": "cancelled", "web": "queued", "neighbour": "queued",
    }  # fmt: skip
    look = await database.read(lambda c: (everything(c, addresses), everything(c, contacts)))
    assert [row["status"] for row in look[0]] == ["blocked", "active", "active"]
    assert {row["status"] for row in look[1]} == {"active"}, "somebody with another address is still reached"


async def test_a_contact_whose_only_address_is_gone_counts_as_blocked(database: Database) -> None:
    (row,) = await held(database, "k")
    await database.write(lambda c: outbox.mark(c, [Mark(row, "failed", contact_gone=True)], ME))
    assert (await database.read(lambda c: everything(c, contacts)))[0]["status"] == "blocked"


async def test_somebody_who_is_being_deleted_and_has_blocked_us_is_deleted_all_the_same(database: Database) -> None:
    """The farewell could not be delivered; the address must not stay for that."""
    from storage import stopping

    def erase(connection: Connection) -> list[Held]:
        known = meet(connection)
        enrol(connection, known, name="Иванка")
        stopping.erase(connection, acting(known), rules=RULES)
        return queue(connection, meet(connection), "farewell", owner=ME)

    (row,) = await database.write(erase)
    await database.write(lambda c: outbox.mark(c, [Mark(row, "failed", contact_gone=True)], ME))
    assert await database.write(stopping.bury) == 1
    assert await database.read(lambda c: everything(c, addresses)) == []


# --- taking over, letting go, taking back -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "counts"),
    [
        pytest.param(("queued", OTHER, 0), ("queued", "", 0, NOW), (1, 0), id="held, not yet sent: free at once"),
        pytest.param(("sending", OTHER, 0), ("queued", "", 1, NOW + outbox.SWEPT_LATER), (1, 0), id="repeated once"),
        pytest.param(("sending", OTHER, 1), ("uncertain", "", 2, NOW), (0, 1), id="the second time nobody knows"),
        pytest.param(("sent", OTHER, 0), ("sent", OTHER, 0, NOW), (0, 0), id="sent stays sent"),
        pytest.param(("queued", "", 0), ("queued", "", 0, NOW), (0, 0), id="nobody held it"),
    ],
)
async def test_what_a_dead_sender_held(
    database: Database, before: tuple[str, str, int], after: tuple[Any, ...], counts: tuple[int, int]
) -> None:
    await held(database, "k", owner="")
    change = dict(zip(("status", "owner", "ambiguous"), before, strict=True))
    await database.write(lambda c: c.execute(update(rows).values(change)))
    assert await database.write(lambda c: outbox.recover(c, "web", NOW)) == (0, 0), "another channel's"
    assert await database.write(lambda c: outbox.recover(c, "telegram", NOW)) == counts
    found = (await table(database))["k"]
    assert (found["status"], found["owner"], found["ambiguous"], found["not_before"]) == after
    told = await database.read(lambda c: everything(c, notices))
    assert [n["kind"] for n in told] == ["uncertain"] * counts[1], "staff see what nobody can vouch for"


async def test_a_stopping_process_frees_only_what_it_never_began(database: Database) -> None:
    mine = await held(database, "queued", "sending")
    await held(database, "theirs", owner=OTHER)
    await database.write(lambda c: outbox.on_wire(c, [mine[1].delivery.id], ME))
    await database.write(lambda c: outbox.let_go(c, "telegram", ME))
    assert await status(database) == {"queued": ("queued", ""), "sending": ("sending", ME), "theirs": ("queued", OTHER)}


async def test_stop_takes_back_what_is_queued_also_from_a_senders_hands(database: Database) -> None:
    def fill(connection: Connection) -> people.Known:
        mine, other = meet(connection, "1"), meet(connection, "2")
        queue(connection, mine, "waiting")
        queue(connection, mine, "held", owner=ME)
        queue(connection, other, "another's")
        return mine

    mine = await database.write(fill)
    assert await database.write(lambda c: outbox.cancel(c, contact_id=mine.contact_id)) == 2
    assert {key: s for key, (s, _) in (await status(database)).items()} == {
        "waiting": "cancelled", "held": "cancelled", "another's": "queued",
    }  # fmt: skip


async def test_what_was_on_the_wire_at_a_stop_is_not_tried_again_when_the_call_fails(database: Database) -> None:
    """„Стоп“ takes what is queued with it; a retry two seconds later would come after the confirmation."""
    (row,) = await held(database, "k")
    await database.write(lambda c: outbox.on_wire(c, [row.delivery.id], ME))
    assert await database.write(lambda c: outbox.cancel(c, address_ids=[row.address_id])) == 0
    await database.write(lambda c: outbox.mark(c, [Mark(row, "queued", again=NOW)], ME))
    (again,) = await database.write(claim)
    assert again.expires_at <= NOW, "the sender drops it as expired"


async def test_what_came_too_late_expires_unless_a_sender_holds_it(database: Database) -> None:
    await database.write(lambda c: bulk(c, meet(c), 1, expires_at=NOW))
    await held(database, "in time", owner="")
    await held(database, "held")
    late = NOW + outbox.REPLY_LIVES
    assert await database.write(lambda c: outbox.expire(c, NOW)) == 1
    assert await database.write(lambda c: outbox.expire(c, late)) == 1
    assert {key: s for key, (s, _) in (await status(database)).items()} == {
        "bulk:queued:0": "expired", "in time": "expired", "held": "queued",
    }  # fmt: skip


async def test_counts_tell_channel_lane_and_status(database: Database) -> None:
    await database.write(lambda c: bulk(c, meet(c), 2, "sent"))
    await held(database, "a", "b")
    assert sorted(await database.read(outbox.counts)) == [("telegram", 0, "queued", 2), ("telegram", 2, "sent", 2)]
