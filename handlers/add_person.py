"""Somebody at the door without a telephone in the hand: staff register them in their own chat, one question at a time.

What is done with their data is read aloud first; without a yes nothing is asked and nothing is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot import when
from bot.chat import (
    Answer,
    Chat,
    Choice,
    Finish,
    Miss,
    Option,
    Phone,
    Reading,
    Said,
    Summary,
    Text,
    YesNo,
    literal,
    words,
)
from bot.messages import Incoming, Kind
from bot.texts import Lines, Words
from handlers.event_people import known, sheet_of, to_event
from handlers.registration import PURPOSES, children_keys, children_of, where_lives
from handlers.words import child_shown, languages, phone_shown, read_phone
from storage import attendance, door, invitations
from storage.attendance import Sheet
from storage.contacts import Child
from storage.door import Found
from storage.events import Event

STAFF = Option("/staff", "menu.staff")
OTHER = Option("other", "door.is_other")
HOURS = 8  # free hours of an appointment that one screen holds
WITH_CHILDREN = ("school", "both")
CHANGES = {
    "name": "change.name", "phone": "change.phone", "settlement": "change.settlement", "purpose": "change.purpose",
    "institutions": "change.institutions", "speaks": "change.language",
}  # fmt: skip


async def add_person(chat: Chat) -> Finish | None:
    """From the consent to the event. Somebody who is known already is only entered."""
    sheet = None
    if chat.given("event"):
        sheet = await sheet_of(chat, chat.given("event"))
        if sheet is None:
            return None
    if not await _may_be_asked(chat):
        return _back(chat, sheet)
    phone = await chat.ask("phone", TheirPhone("door.phone", can_share=False, read_number=read_phone))
    number: str = phone["number"]
    contact = await _same(chat, "known", await chat.fetch(door.find, phone=number)) if number else 0
    if contact:
        return await _enter(chat, sheet, door.enter_known, {"contact_id": contact})
    offers = [chat.given("called")] if chat.given("called") else []
    name = await chat.ask("name", Text("door.name", offers=offers, letters=True))
    settlement = await chat.ask("settlement", where_lives(chat, "door.settlement"))
    contact = await _same(chat, "alike", await chat.fetch(door.alike, name=name, settlement=settlement))
    if contact:
        return await _enter(chat, sheet, door.enter_known, {"contact_id": contact})
    purpose = await chat.ask("purpose", Choice("door.purpose", [Option(p, f"purpose.{p}") for p in PURPOSES]))
    children = await children_of(chat) if purpose in WITH_CHILDREN else []
    speaks = await chat.ask("speaks", Choice("door.language", languages()))
    said = {"name": name, "phone": number, "settlement": settlement, "purpose": purpose, "language": speaks}
    await chat.ask("confirm", _summary(chat, said, children))
    return await _enter(chat, sheet, door.register_by_staff, {**said, "children": children})


async def _may_be_asked(chat: Chat) -> bool:
    """Whether they agreed to what was read to them, and are old enough to do so."""
    aloud = Lines((words("door.read_aloud"), literal(""), literal(chat.programme.privacy.aloud)))
    answers = [Option("yes", "door.did_agree"), Option("no", "door.did_refuse")]
    if await chat.ask("consent", Choice(aloud, answers)) == "no":
        chat.say("door.refused")
        return False
    if not await chat.ask("adult", YesNo("door.age", "button.age_yes", "button.age_no")):
        chat.say("door.too_young")
        return False
    return True


def _back(chat: Chat, sheet: Sheet | None) -> Finish | None:
    """To where this began, with nothing kept."""
    if sheet is not None and chat.given("came"):
        return Finish(then="attend", given={"event": str(sheet.event.id)})
    chat.card("door.nothing_kept", [to_event(sheet) if sheet else STAFF])
    return None


@dataclass(frozen=True, slots=True)
class TheirPhone(Phone):
    """The number of somebody else: typed, or as a card from the telephone's own list. None is an answer too."""

    def options(self, draft: Any) -> Sequence[Option]:
        """That they have none."""
        return [Option("none", "door.no_phone")]

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        """A number that is not the writer's own."""
        if code == "none" or said.among(self.options(draft)):
            return Answer({"number": "", "own": False})
        if incoming.kind is Kind.PHONE and incoming.phone_is_own:
            return Miss("door.own_phone")
        number = self.read_number(incoming.phone or incoming.text)
        return Answer({"number": number, "own": False}) if number else Miss("miss.phone")


async def _same(chat: Chat, key: str, found: Sequence[Found]) -> int:
    """The contact that they are, of those who may be meant; 0 if none of them."""
    if not found:
        return 0
    options = [known(chat.programme, one) for one in found]
    choice = await chat.ask(key, Choice("door.is_it", [*options, OTHER]))
    return 0 if choice == OTHER.code else int(choice[1:])


# --- for which event --------------------------------------------------------------------------------------------------


async def _enter(chat: Chat, sheet: Sheet | None, act: Any, said: Mapping[str, Any]) -> Finish:
    """The last questions, and what is kept."""
    came = bool(sheet and chat.given("came"))
    sheet = sheet or await _which(chat)
    slot = 0 if came or sheet is None else await _slot(chat, sheet)
    name = said.get("name", "")
    if came:
        chat.say(words("door.came", name=literal(name)) if name else "door.entered")
    elif name:
        told = words("door.done", name=literal(name), phone=chat.programme.person.phone)
        chat.card(told, *_after(sheet))
    else:
        chat.card("door.entered", *_after(sheet))
    text, version = chat.programme.privacy.aloud, chat.programme.privacy.version
    values = {
        **said, "consent_text": text, "consent_version": version, "rules": chat.programme.rules, "came": came,
        "event_id": sheet.event.id if sheet else 0, "slot_id": slot,
    }  # fmt: skip
    if came and sheet:
        return Finish(act, values, then="attend", given={"event": str(sheet.event.id)})
    return Finish(act, values)


def _after(sheet: Sheet | None) -> list[list[Option]]:
    again = f"/add_person {sheet.event.id}" if sheet else "/add_person"
    return [[Option(again, "door.to_another")], [to_event(sheet) if sheet else STAFF]]


async def _which(chat: Chat) -> Sheet | None:
    """One of the next events, or none."""
    ahead: Sequence[Sheet] = await chat.fetch(attendance.ahead)
    if not ahead:
        return None
    zone = chat.programme.zone
    options = []
    for one in ahead:
        day = when.day_label(one.event.starts_at.astimezone(zone).date(), one.now.astimezone(zone))
        options.append(Option(str(one.event.id), literal(f"📅 {day}: {one.event.title}")))
    code = await chat.ask("which", Choice("door.which_event", [*options, Option("none", "door.no_event")]))
    return next((one for one in ahead if str(one.event.id) == code), None)


async def _slot(chat: Chat, sheet: Sheet) -> int:
    """Which hour of an appointment; 0 where there is none to choose."""
    if sheet.event.kind != "appointment":
        return 0
    free: Sequence[Event] = await chat.fetch(invitations.slots, event_id=sheet.event.id)
    if not free:
        return 0
    zone = chat.programme.zone
    hours = [Option(str(one.id), literal(f"🕙 {one.starts_at.astimezone(zone):%d.%m, %H:%M}")) for one in free[:HOURS]]
    code = await chat.ask("slot", Choice("door.slot", [*hours, Option("none", "door.no_hour")]))
    return int(code) if code != "none" else 0


# --- the summary ------------------------------------------------------------------------------------------------------


def _summary(chat: Chat, said: Mapping[str, str], children: Sequence[Child]) -> Summary:
    programme = chat.programme
    spoken = next(option.label for option in languages() if option.code == said["language"])
    lines = [
        literal(f"👤 {said['name']}"),
        literal(f"📞 {phone_shown(said['phone'])}") if said["phone"] else words("door.without_phone"),
        literal(f"📍 {programme.settlement(said['settlement']).label}"),
        words(f"purpose.{said['purpose']}"),
    ]
    asked = said["purpose"] in WITH_CHILDREN
    if children:
        shown = ", ".join(child_shown(programme.institution(c.institution), c.group) for c in children)
        lines.append(literal(f"🏫 {shown}"))
    elif asked:
        lines.append(words("button.other_school"))
    lines.append(spoken if isinstance(spoken, Words) else words(spoken))
    withdraws = {
        "phone": ("phone", "known"), "name": ("name", "alike"), "settlement": ("settlement", "alike"),
        "institutions": children_keys(chat),
    }  # fmt: skip
    changes = [Option(key, label) for key, label in CHANGES.items() if asked or key != "institutions"]
    return Summary(words("summary.ask", lines=Lines(tuple(lines))), changes, withdraws)
