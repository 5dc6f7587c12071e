"""What a mediator looks after: activities, institutions, places. A coordinator ticks them, and sees how many people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.chat import Chat, Finish, Option, literal, words
from bot.texts import Lines, Words
from handlers.event_people import leaf, pager
from handlers.words import activity_label, number_of
from storage import charges as rows
from storage import directory, staff
from storage.programme import Programme
from storage.staff import MEDIATOR, Member

TITLES = {
    rows.ACTIVITY: "button.charge_activities", rows.INSTITUTION: "button.charge_schools",
    rows.SETTLEMENT: "button.charge_places",
}  # fmt: skip
TEAM = Option("/team", "button.team")


async def charges(chat: Chat) -> None:
    """The three lists with how many are ticked, or one of them, a page at a time."""
    who = await _mediator(chat)
    if who is None:
        return
    held: Sequence[tuple[str, str]] = await chat.fetch(rows.of, staff_id=who.contact_id)
    kind = chat.given("kind")
    if kind in TITLES:
        _list(chat, who, kind, {code for of_kind, code in held if of_kind == kind})
        return
    people = await chat.fetch(directory.how_many, staff_id=who.contact_id)
    told = Lines((words("charge.title", name=literal(who.name)), words("charge.people", count=people)))
    number = who.contact_id
    lists = ([Option(f"/charges {number} {of_kind}", _counted(of_kind, held))] for of_kind in TITLES)
    chat.card(told, *lists, [Option(f"/member {number}", "button.back")])


def _counted(kind: str, held: Sequence[tuple[str, str]]) -> Words:
    return words(TITLES[kind], count=sum(of_kind == kind for of_kind, _ in held))


def _list(chat: Chat, who: Member, kind: str, held: set[str]) -> None:
    every = list(_offered(chat.programme, kind).items())
    page, number, pages = leaf(every, chat.given("page"))
    boxes = ([_box(who, kind, code, label, number, is_on=code in held)] for code, label in page)
    asked = words("charge.which", name=literal(who.name))
    back = Option(f"/charges {who.contact_id}", "button.done")
    chat.card(asked, *boxes, pager(f"/charges {who.contact_id} {kind}", number, pages), [back])


def _box(who: Member, kind: str, code: str, label: str, page: int, *, is_on: bool) -> Option:
    return Option(f"/charge {who.contact_id}.{kind}.{code} {page}", literal(f"{'☑️' if is_on else '⬜'} {label}"))


def _offered(programme: Programme, kind: str) -> Mapping[str, str]:
    """What can be looked after, by its code."""
    match kind:
        case rows.ACTIVITY:
            return {one.code: activity_label(one).key for one in programme.activities}
        case rows.INSTITUTION:
            return {one.code: one.short for one in programme.institutions}
        case rows.SETTLEMENT:
            return {one.code: one.label for one in programme.settlements}
    return {}


async def charge(chat: Chat) -> Finish | None:
    """One tick more or less; then the same page again."""
    _, kind, code = [*chat.given("member").split(".", 2), "", ""][:3]
    who = await _mediator(chat)
    if who is None:
        return None
    again = {"member": str(who.contact_id), "kind": kind, "page": chat.given("page")}
    if code not in _offered(chat.programme, kind):
        return Finish(then="charges", given={"member": str(who.contact_id)})
    return Finish(rows.toggle, {"staff_id": who.contact_id, "kind": kind, "code": code}, then="charges", given=again)


async def _mediator(chat: Chat) -> Member | None:
    """Whom a button names: only mediators look after something, for coordinators see all."""
    number = number_of(chat.given("member").partition(".")[0])
    everybody: Sequence[Member] = await chat.fetch(staff.members)
    who = next((m for m in everybody if m.contact_id == number and m.role == MEDIATOR), None)
    if who is None:
        chat.card("charge.only_mediators", [TEAM])
    return who
