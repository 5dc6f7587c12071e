"""The demonstration's made-up people, and what happened to them in the two weeks before it opens.

All of it is made up: the family names say „example“ and „trial“ in Bulgarian. It is entered by the functions that the
service itself uses, each at its time. Must never be called on a database that holds anybody real.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, exists, func, select

from bot.chat import Acting
from bot.messages import Address, Incoming, Kind
from storage import contacts, door, moments, people, staff
from storage.contacts import Child
from storage.tables import addresses, invitations, outbox, residents
from storage.tables import contacts as contact_rows
from storage.tables import events as event_rows
from storage.tables import moments as moment_rows

if TYPE_CHECKING:
    from storage.programme import Programme

WOMEN = (
    "Айше", "Анка", "Васка", "Верка", "Гюлнар", "Данка", "Елена", "Зюмбюла", "Иванка", "Катя", "Лиляна", "Минка",
    "Надежда", "Райна", "Росица", "Севда", "Силвия", "Фатме", "Цветана", "Юлия",
)  # fmt: skip
MEN = (
    "Али", "Ангел", "Асен", "Борис", "Васил", "Георги", "Димитър", "Емил", "Исмаил", "Кирил", "Мехмед", "Митко",
    "Оги", "Румен", "Стефан", "Халил",
)  # fmt: skip
FAMILIES = (("Примерова", "Примеров"), ("Измислена", "Измислен"), ("Пробна", "Пробен"))
VILLAGES = ("vidin", "vidin", "dunavtsi", "gradets", "novoseltsi")
SCHOOL, THIRD, SECOND = "sofroniy", "3 а", "2 б"

# Numbers of the list below: who belongs where.
CLASSMATES, OTHER_PARENTS = range(11), range(11, 16)
WANT_A_TRADE, WANT_COURAGE, WANT_WORK = range(16, 26), range(25, 36), range(28, 34)
ONLY_BY_PHONE, SPEAK_ROMANI = (4, 9, 14), (2, 7, 20)
CHANNEL = "web"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody made up. Without a key they have no chat: a mediator registered them, and only a call reaches them."""

    key: str
    name: str
    purpose: str
    settlement: str
    children: tuple[Child, ...] = ()
    interests: tuple[str, ...] = ()
    language: str = "bg"

    @property
    def address(self) -> Address:
        """Their chat on the web page."""
        return chat_of(self.key)


def chat_of(key: str) -> Address:
    """The chat of a person of the demonstration; its token has the shape of every other, but can be known."""
    return Address(CHANNEL, f"demo-{key}".ljust(32, "-"))


MARIA = Person("maria", "Мария Примерова", "school", "vidin", (Child(SCHOOL, THIRD),), ("parents",))
IVAN = Person("ivan", "Иван Примеров", "work", "vidin", (), ("vocational", "activation"))
LEADERS = (("ani", "Ани Примерова", staff.MEDIATOR), ("petya", "Петя Измислена", staff.COORDINATOR))


def others() -> list[Person]:
    """Everybody beside those whose chat can be opened, always in the same order."""
    return [_person(number, name) for number, name in enumerate((*WOMEN, *MEN))]


def _person(number: int, name: str) -> Person:
    family = FAMILIES[number % len(FAMILIES)][number >= len(WOMEN)]
    parent = number in CLASSMATES or number in OTHER_PARENTS
    return Person(
        "" if number in ONLY_BY_PHONE else f"person-{number}",
        f"{name} {family}",
        "school" if parent else "work",
        VILLAGES[number % len(VILLAGES)],
        (Child(SCHOOL, THIRD if number in CLASSMATES else SECOND),) if parent else (),
        tuple(_interests(number)),
        "rom" if number in SPEAK_ROMANI else "bg",
    )


def _interests(number: int) -> list[str]:
    wanted = {
        "parents": (*CLASSMATES, *OTHER_PARENTS), "psychological-support": OTHER_PARENTS, "vocational": WANT_A_TRADE,
        "motivation": WANT_COURAGE, "activation": WANT_WORK,
    }  # fmt: skip
    return [activity for activity, numbers in wanted.items() if number in numbers]


# --- they register --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody who was entered, as they act; whoever has no chat acts through the mediator who registered them."""

    others: Sequence[Acting]
    maria: Acting
    ivan: Acting
    ani: Acting
    petya: Acting


def settle(connection: Connection, now: datetime, programme: Programme) -> Cast:
    """Enter everybody, within the week before `now`; UTC."""
    everybody = [*others(), MARIA, IVAN]
    each = timedelta(days=7) / len(everybody)
    began = now - each * (len(everybody) + 1)
    ani, petya = (_join(connection, one, len(everybody) + n, began) for n, one in enumerate(LEADERS))
    entered = [
        _enter(connection, replace(ani, now=began + each * (number + 1)), person, number, programme)
        for number, person in enumerate(everybody)
    ]
    return Cast(entered[:-2], entered[-2], entered[-1], ani, petya)


def _join(connection: Connection, leader: tuple[str, str, str], number: int, at: datetime) -> Acting:
    key, name, role = leader
    acting = _meet(connection, chat_of(key), at)
    code = staff.invite_by_command_line(connection, at, role)
    staff.join(connection, acting, code=code, name=name, phone=_phone(number))
    return acting


def _enter(connection: Connection, mediator: Acting, person: Person, number: int, programme: Programme) -> Acting:
    """Somebody registers in their chat, or is registered by a mediator."""
    said: dict[str, Any] = {
        "name": person.name, "phone": _phone(number), "settlement": person.settlement, "purpose": person.purpose,
        "children": person.children, "consent_text": programme.privacy.short,
        "consent_version": programme.privacy.version,
    }  # fmt: skip
    if not person.key:
        door.register_by_staff(connection, mediator, language=person.language, rules=programme.rules, **said)
        newest = connection.execute(select(func.max(contact_rows.c.id))).scalar_one()
        return replace(mediator, contact_id=newest, language=person.language)
    acting = replace(_meet(connection, person.address, mediator.now), language=person.language)
    work = "no_searching" if person.purpose == "work" else ""
    contacts.register(connection, acting, phone_is_own=False, work=work, interests=person.interests, **said)
    return acting


def _meet(connection: Connection, address: Address, at: datetime) -> Acting:
    known = people.load(connection, [Incoming("demo", address, Kind.START)], at)[address]
    return Acting(known.contact_id, known.address_id, address.channel, "bg", "demo", at)


def _phone(number: int) -> str:
    return f"+35988000{number + 1:04}"  # nobody's: so many zeros are given out to no one


# --- for whoever turns the clock ------------------------------------------------------------------------------------


def last_concerning(connection: Connection, address: Address) -> datetime | None:
    """When the last waiting moment is due that may bring a message to this chat; UTC. None: nothing will."""
    here = (
        select(residents.c.contact_id)
        .join(addresses, addresses.c.id == residents.c.address_id)
        .where(addresses.c.lookup == people.hash_of(connection, address))
    )
    invited = exists().where(
        invitations.c.event_id == moment_rows.c.event_id, invitations.c.contact_id.in_(here), invitations.c.rsvp != "no"
    )
    leads = exists().where(event_rows.c.id == moment_rows.c.event_id, event_rows.c.mediator_id.in_(here))
    mine = invited | (leads & moments.of_kinds(moment_rows.c.offset, ("1d",)))  # when leaders hear how it stands
    due = select(func.max(moment_rows.c.due_at)).where(moment_rows.c.state == moments.WAITING, mine)
    found: datetime | None = connection.execute(due).scalar()
    return found


def newest(connection: Connection, address: Address) -> int:
    """The number of the newest message to a chat; 0 if there is none."""
    here = select(addresses.c.id).where(addresses.c.lookup == people.hash_of(connection, address))
    found = connection.execute(select(func.max(outbox.c.id)).where(outbox.c.address_id.in_(here))).scalar()
    return int(found or 0)


def on_the_way(connection: Connection, now: datetime) -> bool:
    """Whether a message that may go now has not gone out yet."""
    waits = outbox.c.status.in_(("queued", "sending")) & (outbox.c.not_before <= now)
    return bool(connection.execute(select(exists().where(waits))).scalar())
