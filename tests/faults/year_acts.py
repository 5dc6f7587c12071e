"""What people and staff of the simulated town do. Each act runs in a transaction of its own and says what it was."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Table, func, insert, select

from bot.chat import Acting
from bot.messages import Address
from storage import attendance, events, housekeeping, invitations, stopping
from storage.people import hash_of
from storage.tables import addresses, children, contacts, interests, residents, staff
from storage.tables import events as event_rows
from storage.tables import invitations as guest_rows
from storage.tables import moments as moment_rows
from storage.tables import notifications as ledger
from tests.faults import year_people
from tests.faults.year_history import (
    AFTER,
    CHANGE,
    INVITE,
    MISSED,
    PLACE,
    TIMED,
    Answered,
    Blocked,
    Changed,
    Entry,
    Erased,
    Facts,
    Finished,
    Joined,
    Marked,
    Planned,
    Published,
    Registered,
    Resumed,
    Row,
    Sent,
    Stopped,
    TookSlot,
    Traits,
    Unblocked,
    base_of,
)
from tests.faults.year_hours import DAY, HOUR, local

if TYPE_CHECKING:
    from tests.faults.year_town import Year

LEADER, FIRST = 1, 100
MINUTE = timedelta(minutes=1)
GRID = 30 * MINUTE  # answers come in such steps, so that many share a transaction
Entries = Sequence[Entry]


def by(contact: int, now: datetime, address: int = 0) -> Acting:
    """Whoever acts."""
    return Acting(contact, address, "telegram", "bg", "event", now)


# --- the beginning ---------------------------------------------------------------------------------------------------


def settle(year: Year, connection: Connection) -> Entries:
    """People who registered before the year began, and the coordinator who makes every event."""
    people = year_people.settlers(year.chance, year.town, year.plan.people, FIRST)
    born = year.now - 30 * DAY
    person = {"status": "active", "language": "bg", "created_at": born, "registered_at": born}
    connection.execute(insert(contacts).values(person | {"id": LEADER, "name": "Ани"}))
    connection.execute(insert(staff).values(contact_id=LEADER, role="coordinator", since=born))
    rows = [
        person | {"id": p.contact, "name": f"Човек {p.contact}", "language": p.traits.language,
                  "settlement": p.traits.settlement, "purpose": p.traits.purpose}
        for p in people
    ]  # fmt: skip
    connection.execute(insert(contacts), rows)
    homes = {number: (channel, p.contact) for p in reversed(people) for number, channel in p.addresses}
    rooms = [_address(connection, f"{n}", c, who, born) | {"id": n} for n, (c, who) in homes.items()]
    connection.execute(insert(addresses), rooms)
    lives = [{"address_id": number, "contact_id": p.contact} for p in people for number, _ in p.addresses]
    connection.execute(insert(residents), lives)
    for one in people:
        _say(connection, one.contact, one.traits, born)
    _count_on(connection)
    staffed = Registered(year.now, LEADER, Traits("bg", "", ""), ())
    return [staffed, *(Registered(year.now, p.contact, p.traits, p.addresses) for p in people)]


def _address(connection: Connection, external: str, channel: str, who: int, now: datetime) -> dict[str, Any]:
    return {
        "channel": channel, "external": external, "status": "active", "contact_id": who,
        "lookup": hash_of(connection, Address(channel, external)), "created_at": now,
    }  # fmt: skip


def _say(connection: Connection, contact: int, traits: Traits, now: datetime) -> None:
    kids = [{"contact_id": contact, "institution": i, "group": g} for i, g in traits.children]
    likes = [{"contact_id": contact, "activity": code, "created_at": now} for code in traits.activities]
    if kids:
        connection.execute(insert(children), kids)
    if likes:
        connection.execute(insert(interests), likes)


def _count_on(connection: Connection) -> None:
    """PostgreSQL's counters know nothing of ids that were given."""
    tables: tuple[Table, ...] = (contacts, addresses)
    for table in tables if connection.dialect.name == "postgresql" else ():
        last = select(func.max(table.c.id)).scalar_subquery()
        connection.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), last)))


def plan(year: Year) -> None:
    """Spread over the year what will happen whatever comes."""
    size, chance = year.plan, year.chance
    span = size.ends - size.begins

    def spread(times: int, act: Any) -> None:
        for number in range(times):
            year.at(size.begins + span * chance.random(), partial(act, year, number))

    for number in range(round(size.events / 1.84)):  # a course has several dates, an appointment several slots
        starts = year_people.special(number)
        early = timedelta(days=chance.choice((2, 5, 9, 20)), hours=chance.random() * 9)
        moment = starts - early if starts else size.begins + span * chance.random() * 0.97
        year.at(moment, partial(publish, year, number))
    spread(size.share(250), stop)
    spread(size.share(120), block)
    spread(size.share(60), erase)
    spread(size.share(150), arrive)
    spread(size.share(100), join)
    spread(40, crash)
    for day in range(0, span.days, 3):
        year.at(size.begins + timedelta(days=day, hours=20.5 + chance.random()), partial(clear, year, day))


def outage(chance: random.Random) -> timedelta:
    """How long nobody runs: seconds, hours, days."""
    seconds = chance.choice((1, 30, 600, 7_200, 25_000, 50_000, 90_000, 260_000))
    return timedelta(seconds=seconds * chance.uniform(0.5, 1.5))


def crash(year: Year, number: int, connection: Connection) -> Entries:
    """Let the process die: now, or where it hurts next."""
    year.crash = ("now", "bites", "queued", "claimed", "wire")[number % 5]
    return ()


def clear(year: Year, number: int, connection: Connection) -> Entries:
    """Housekeeping, as its jobs do it."""
    housekeeping.often(connection, year.now)
    if number % 2 == 0:
        housekeeping.daily(connection, year.now)
    return year.lost(connection, list(year.waiting))


# --- staff -----------------------------------------------------------------------------------------------------------


def publish(year: Year, number: int, connection: Connection) -> Entries:
    """Somebody publishes an event, and means to change it or not."""
    chance, now = year.chance, year.now
    day = local(now).date() + timedelta(days=chance.choice((0, 1, 2, 3, 4, 6, 8, 10, 14, 20, 30)))
    starts = year_people.special(number) or year_people.start_of(chance, day)
    if starts <= now:
        starts = now.replace(minute=0, second=0, microsecond=0) + chance.randint(2, 8) * HOUR
    last = connection.execute(select(func.coalesce(func.max(event_rows.c.id), 0))).scalar_one()
    draft = year_people.draft(chance, year.town, starts, LEADER)
    events.publish(connection, by(LEADER, now), draft=draft, rules=year_people.RULES)
    made = _facts(connection, event_rows.c.id > last)
    for event in made:
        year.at(event.ends + chance.uniform(0.5, 20) * HOUR, partial(attend, year, event.id))
        if event.kind != "slot":
            for _ in range(chance.choice((0, 0, 0, 0, 1, 1, 2))):
                year.at(now + (event.starts - now) * chance.random(), partial(change, year, event.id))
    return [Published(now, tuple(made), _planned(connection, made))]


def change(year: Year, number: int, connection: Connection) -> Entries:
    """An event is moved, or its place changes, or it is cancelled."""
    event, chance, now = events.by_id(connection, number), year.chance, year.now
    if event is None or event.status != events.PUBLISHED or event.starts_at <= now:
        return ()
    series = (event_rows.c.id == event.series) | (event_rows.c.lead_id == event.series)
    before = {one.id: one for one in _facts(connection, series)}
    keys = [key for key in year.waiting if int(key.split(":")[1]) in before]
    told = year.joint(connection, keys)
    same: dict[str, Any] = {"event_id": number, "version": event.version, "rules": year_people.RULES}
    match chance.choice(("move", "move", "relocate", "cancel")):
        case "move":
            day = local(now).date() + timedelta(days=chance.choice((0, 1, 2, 4, 7, 12)))
            starts = max(year_people.start_of(chance, day), now + 2 * HOUR)
            events.move(connection, by(LEADER, now), starts_at=starts, **same)
        case "relocate":
            place = f"Зала {chance.randint(10, 99)}"
            events.relocate(connection, by(LEADER, now), place=place, landmark="", **same)
        case "cancel":
            events.cancel(connection, by(LEADER, now), whole=chance.random() < 0.5, **same)
    after = _facts(connection, series)
    changed = [one for one in after if one.version != before[one.id].version]
    reopened = tuple(told - year.joint(connection, keys))
    return [Changed(now, tuple(changed), _planned(connection, after), reopened), *year.lost(connection, keys)]


def attend(year: Year, number: int, connection: Connection) -> Entries:
    """Somebody marks who came, and mostly says that the list is complete."""
    event, chance, now = events.by_id(connection, number), year.chance, year.now
    if event is None or event.status != events.PUBLISHED:
        return ()
    if event.ends_at > now:  # it was moved
        year.at(event.ends_at + HOUR, partial(attend, year, number))
        return ()
    here = (guest_rows.c.event_id == number) & (guest_rows.c.rsvp == "yes") & (guest_rows.c.seat == "seat")
    alive = guest_rows.c.contact_id.in_(select(contacts.c.id).where(contacts.c.status != "archived"))
    expected = connection.execute(select(guest_rows.c.contact_id).where(here, alive)).scalars()
    entries: list[Entry] = []
    for contact in [who for who in sorted(expected) if chance.random() < 0.6][:6]:
        attendance.mark(connection, by(LEADER, now), event_id=number, contact_id=contact, came=True)
        entries.append(Marked(now, number, contact))
    if event.kind == "slot" or chance.random() < 0.2:
        return entries
    attendance.finish(connection, by(LEADER, now), event_id=number, rules=year_people.RULES)
    mine = list(_facts(connection, (event_rows.c.id == number) | (event_rows.c.lead_id == number)))
    asks = [p for p in _planned(connection, mine) if base_of(p.offset) in (AFTER, MISSED)]
    return [*entries, Finished(now, number, tuple(asks))]


def _facts(connection: Connection, which: Any) -> list[Facts]:
    rows = map(events.event_of, connection.execute(select(event_rows).where(which).order_by(event_rows.c.id)))
    return [
        Facts(
            e.id, e.lead_id, e.kind, e.activity, e.starts_at, e.ends_at, e.place, e.capacity, e.audience, e.offsets,
            e.status, e.version,
        )
        for e in rows
    ]  # fmt: skip


def _planned(connection: Connection, of: Iterable[Facts]) -> tuple[Planned, ...]:
    columns = (moment_rows.c.event_id, moment_rows.c.offset, moment_rows.c.due_at, moment_rows.c.until)
    mine = moment_rows.c.event_id.in_([event.id for event in of]) & (moment_rows.c.state == "waiting")
    return tuple(Planned(*row) for row in connection.execute(select(*columns).where(mine)))


# --- people ----------------------------------------------------------------------------------------------------------


def react(year: Year, sent: Sent) -> None:
    """Who was written to may answer, some hours later."""
    for part in sent.parts:
        asks = base_of(part.base) in (INVITE, CHANGE, PLACE, *TIMED) and part.status == "published"
        if asks and year.chance.random() < 0.2:
            later = sent.at + year.chance.choice((0.2, 1, 3, 8, 20, 40)) * HOUR
            steps = -(-(later - year.plan.begins) // GRID)
            year.at(year.plan.begins + steps * GRID, partial(answer, year, part.event, sent.contact))


def answer(year: Year, number: int, contact: int, connection: Connection) -> Entries:
    """„Ще дойда“, „Не мога“, „Питане“; of an appointment, a slot."""
    event, chance, now = events.by_id(connection, number), year.chance, year.now
    here = connection.execute(select(contacts.c.status).where(contacts.c.id == contact)).scalar()
    if event is None or event.status != events.PUBLISHED or event.starts_at <= now or here != "active":
        return ()
    acting = by(contact, now)
    if event.kind == "appointment" and chance.random() < 0.8:
        return _take_slot(year, connection, acting, number)
    said = chance.choice(("yes",) * 5 + ("no",) * 3 + ("maybe",))
    whole = event.kind == "course" and chance.random() < 0.3
    dates = [one.id for one in events.series(connection, event)] if whole else [number]
    invitations.answer(
        connection, acting, event_id=number, contact_id=contact, said=said, rules=year_people.RULES, whole=whole
    )
    return [Answered(now, number, contact, said, whole, _promoted(year, connection, dates))]


def _take_slot(year: Year, connection: Connection, acting: Acting, number: int) -> Entries:
    free = invitations.slots(connection, acting, event_id=number)
    if not free:
        return ()
    slot = year.chance.choice(free).id
    invitations.take_slot(
        connection, acting, event_id=number, contact_id=acting.contact_id, slot_id=slot, rules=year_people.RULES
    )
    return [TookSlot(acting.now, number, slot, acting.contact_id)]


def _promoted(year: Year, connection: Connection, dates: Sequence[int]) -> tuple[Row, ...]:
    """To whom seats went just now."""
    return year.told(connection, ledger.c.event_id.in_(dates), ledger.c.offset.like(f"{PLACE}%"))


def arrive(year: Year, number: int, connection: Connection) -> Entries:
    """Somebody registers, now and then at a home that is known already."""
    chance, now = year.chance, year.now
    (one,) = year_people.settlers(chance, year.town, 1, FIRST)
    person = {
        "status": "active", "language": one.traits.language, "settlement": one.traits.settlement, "name": "Нов човек",
        "purpose": one.traits.purpose, "created_at": now, "registered_at": now,
    }  # fmt: skip
    who = connection.execute(insert(contacts).values(person).returning(contacts.c.id)).scalar_one()
    _say(connection, who, one.traits, now)
    home = _somebody(year, connection) if chance.random() < 0.4 else None
    found: list[tuple[int, str]] = [(home[1], home[2])] if home else []
    for mark, channel in one.addresses if not home else ():
        new = _address(connection, f"new {number} {mark}", channel, who, now)
        made = connection.execute(insert(addresses).values(new).returning(addresses.c.id)).scalar_one()
        found.append((made, channel))
    for address, _ in found:
        connection.execute(insert(residents).values(address_id=address, contact_id=who))
    invitations.welcome(connection, by(who, now), year_people.RULES)
    told = year.told(connection, ledger.c.contact_id == who, ledger.c.offset == INVITE)
    return [Registered(now, who, one.traits, tuple(found), welcome=True, told=told)]


def join(year: Year, number: int, connection: Connection) -> Entries:
    """Somebody would like an activity."""
    found = _somebody(year, connection)
    if found is None:
        return ()
    contact, code = found[0], year.chance.choice(year.town.activities)
    invitations.join(connection, by(contact, year.now), activity=code, rules=year_people.RULES)
    told = year.told(connection, ledger.c.contact_id == contact, ledger.c.offset == INVITE)
    return [Joined(year.now, contact, code, told)]


def stop(year: Year, number: int, connection: Connection) -> Entries:
    """„Стоп“; half of them come back some day."""
    found = _somebody(year, connection)
    if found is None:
        return ()
    contact, address, _ = found
    stopping.stop(connection, by(contact, year.now, address), "typed word")
    if year.chance.random() < 0.5:
        year.at(year.now + year.chance.uniform(0.1, 60) * DAY, partial(resume, year, contact, address))
    return [Stopped(year.now, contact, address), *year.lost(connection, list(year.waiting))]


def resume(year: Year, contact: int, address: int, connection: Connection) -> Entries:
    """They want to hear from us again."""
    if _status(connection, contact, address) != ("stopped", "stopped"):
        return ()
    stopping.resume(connection, by(contact, year.now, address), "typed word")
    return [Resumed(year.now, contact, address)]


def block(year: Year, number: int, connection: Connection) -> Entries:
    """Somebody blocks us on a platform; half of them come back."""
    found = _somebody(year, connection)
    if found is None:
        return ()
    contact, address, _ = found
    stopping.block(connection, by(contact, year.now, address))
    if year.chance.random() < 0.5:
        year.at(year.now + year.chance.uniform(0.1, 60) * DAY, partial(unblock, year, contact, address))
    return [Blocked(year.now, address), *year.lost(connection, list(year.waiting))]


def unblock(year: Year, contact: int, address: int, connection: Connection) -> Entries:
    """They are back on the platform."""
    if _status(connection, contact, address)[1] != "blocked":
        return ()
    stopping.unblock(connection, by(contact, year.now, address))
    return [Unblocked(year.now, contact, address)]


def erase(year: Year, number: int, connection: Connection) -> Entries:
    """Somebody wants to be forgotten."""
    found = _somebody(year, connection)
    if found is None:
        return ()
    contact, address, _ = found
    acting, held = by(contact, year.now, address), _held(connection, contact)
    stopping.erase(connection, acting, rules=year_people.RULES)
    erased = Erased(year.now, contact, _promoted(year, connection, held))
    return [erased, *year.lost(connection, list(year.waiting))]


def _somebody(year: Year, connection: Connection) -> tuple[int, int, str] | None:
    """Somebody at random who writes at an address: contact, address, channel."""
    top = connection.execute(select(func.max(addresses.c.id)).where(addresses.c.id < 1_000_000)).scalar_one()
    wanted = (
        select(contacts.c.id, addresses.c.id, addresses.c.channel)
        .join(contacts, contacts.c.id == addresses.c.contact_id)
        .join(residents, (residents.c.address_id == addresses.c.id) & (residents.c.contact_id == contacts.c.id))
        .where(addresses.c.id >= year.chance.randint(FIRST, top), addresses.c.status == "active")
        .where(contacts.c.status == "active", contacts.c.registered_at.is_not(None), addresses.c.channel != "tel")
    )
    row = connection.execute(wanted.order_by(addresses.c.id).limit(1)).first()
    return (row[0], row[1], row[2]) if row else None


def _held(connection: Connection, contact: int) -> list[int]:
    mine = (guest_rows.c.contact_id == contact) & (guest_rows.c.seat != "")
    return list(connection.execute(select(guest_rows.c.event_id).where(mine)).scalars())


def _status(connection: Connection, contact: int, address: int) -> tuple[str, str]:
    person = connection.execute(select(contacts.c.status).where(contacts.c.id == contact)).scalar() or ""
    there = (addresses.c.id == address) & (addresses.c.contact_id == contact)
    return person, connection.execute(select(addresses.c.status).where(there)).scalar() or ""
