"""The team: joining it by a code, who is in it, inviting, another role, going."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.chat import Answer, Chat, Finish, Option, Phone, Reading, Said, Text, YesNo, literal, words
from bot.messages import Incoming
from bot.texts import Words, day
from handlers.words import phone_shown, read_phone
from storage import staff
from storage.staff import COORDINATOR, MEDIATOR, REPORTER, ROLES, Member

TEAM = Option("/team", "button.team")
SKIP = Option("none", "button.skip")


# --- joining --------------------------------------------------------------------------------------------------------


async def join_team(chat: Chat) -> Finish | None:
    """What the role is and whether they want it; then a name and a phone, unless we know them already."""
    if chat.person.role:
        chat.say(words("team.already", role=_role(chat.person.role)))
        return None
    code = chat.given("code")
    role = await chat.fetch(staff.invited, code=code)
    if not role:
        _tell(chat, "team.code_gone")
        return None
    if not await chat.ask("sure", YesNo(words("team.confirm", role=_role(role), duty=words(f"duty.{role}")))):
        _tell(chat, "data.kept")
        return None
    known = {"name": "", "phone": ""} if chat.person.registered else await _details(chat, chat.person.profile_name)
    return Finish(staff.join, {"code": code, **known}, then="joined")


async def joined(chat: Chat) -> None:
    """What became of it: somebody may have used the code a moment earlier."""
    if chat.person.role:
        chat.say(words("team.joined", role=_role(chat.person.role)))
    else:
        _tell(chat, "team.code_gone")


async def details(chat: Chat) -> Finish:
    """Another name or phone, for whoever came by a code and never registered as residents do."""
    said = await _details(chat, chat.person.name)
    chat.say("registration.corrected")
    return Finish(staff.correct, said)


async def _details(chat: Chat, offered: str) -> dict[str, Any]:
    name = await chat.ask("name", Text("team.name", offers=[offered] if offered else [], letters=True))
    phone = await chat.ask("phone", WorkPhone("team.phone", chat.person.can_share_phone, read_phone))
    return {"name": name, "phone": phone["number"], "phone_is_own": phone["own"]}


@dataclass(frozen=True, slots=True)
class WorkPhone(Phone):
    """A phone that residents may call; nobody has to give one."""

    def options(self, draft: Any) -> Sequence[Option]:
        """The phone's own buttons, with a plain „skip“ instead of „I have none“."""
        return [*Phone.options(self, draft)[:-1], SKIP]

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        """A number, or nothing."""
        if said.among([SKIP]):
            return Answer({"number": "", "own": False})
        return Phone.read(self, incoming, code, draft, said)


def _tell(chat: Chat, phrase: str) -> None:
    """The last words of a talk, with a way on for those who have no menu yet."""
    chat.say(phrase, buttons=[] if chat.person.registered else [Option("/start", "button.begin")])


def _button(role: str) -> Words:
    return words("button.role_reporter") if role == REPORTER else words("button.role", role=_role(role))


def _role(role: str) -> Words:
    return words(f"role.{role}")


# --- the coordinator's screens --------------------------------------------------------------------------------------


async def team(chat: Chat) -> None:
    """Who is in the team."""
    people = [[_to(m)] for m in await chat.fetch(staff.members)]
    chat.card("team.title", *people, [Option("/team_invite", "button.invite"), Option("/staff", "menu.staff")])


def _to(member: Member) -> Option:
    label = words("button.member", name=literal(member.name), role=_role(member.role))
    return Option(f"/member {member.contact_id}", label)


async def team_invite(chat: Chat) -> Finish | None:
    """Which role, and then the code: a message of its own, to be sent on and to stay."""
    role = chat.given("role")
    if role not in ROLES:
        chat.card("team.invite_role", *_roles("/team_invite"), [TEAM])
        return None
    code = await chat.fetch(staff.new_code)
    chat.say(words("team.code", role=_role(role), code=code), apart=True)
    for before in chat.links.values():  # a tap is easier than typing; the code goes on working alone
        chat.say(words("team.link", link=literal(f"{before}{code}")), apart=True)
    return Finish(staff.invite, {"role": role, "code": code}, then="team")


async def member(chat: Chat) -> Finish | None:
    """One of the team, and what can be changed."""
    who, _ = await _meant(chat)
    if who is None:
        return _gone(chat)
    number = who.contact_id
    told = words(
        "team.member", name=literal(who.name), role=_role(who.role),
        phone=literal(phone_shown(who.phone)) if who.phone else words("summary.no_phone"),
        since=literal(day(who.since.astimezone(chat.programme.zone))),
    )  # fmt: skip
    change = Option(f"/member_role {number}", "button.change_role")
    charge = [Option(f"/charges {number}", "button.charge")] if who.role == MEDIATOR else []
    chat.card(told, charge, [change], [Option(f"/member_remove {number}", "button.remove")], [TEAM])
    return None


async def member_role(chat: Chat) -> Finish | None:
    """Which other role, and then it is theirs."""
    who, is_last = await _meant(chat)
    if who is None:
        return _gone(chat)
    role, number = chat.given("role"), who.contact_id
    if role not in ROLES:
        asked = words("team.which_role", name=literal(who.name))
        chat.card(asked, *_roles(f"/member_role {number}"), [_to(who)])
        return None
    if is_last and role != COORDINATOR:
        chat.card("team.last", [TEAM])
        return None
    steps_down = number == chat.person.contact_id and role != COORDINATOR  # and has no such card any more
    after = "staff_menu" if steps_down else "member"
    return Finish(staff.set_role, {"contact_id": number, "role": role}, then=after, given={"member": str(number)})


async def member_remove(chat: Chat) -> Finish | None:
    """Whether it is meant, and then they are out at once."""
    who, is_last = await _meant(chat)
    if who is None:
        return _gone(chat)
    if is_last:
        chat.card("team.last", [TEAM])
        return None
    number = who.contact_id
    if chat.given("sure") != "yes":
        sure = Option(f"/member_remove {number} yes", "button.yes_remove")
        chat.card(words("team.sure", name=literal(who.name)), [sure], [Option(f"/member {number}", "button.no_keep")])
        return None
    if number != chat.person.contact_id:
        return Finish(staff.remove, {"contact_id": number}, then="team")
    chat.say("team.left")
    return Finish(staff.remove, {"contact_id": number})


async def _meant(chat: Chat) -> tuple[Member | None, bool]:
    """The member whom a button names, and whether no other coordinator is left."""
    everybody: list[Member] = await chat.fetch(staff.members)
    who = next((m for m in everybody if str(m.contact_id) == chat.given("member")), None)
    coordinators = [m for m in everybody if m.role == COORDINATOR]
    return who, coordinators == [who]


def _roles(command: str) -> list[list[Option]]:
    return [[Option(f"{command} {role}", _button(role))] for role in ROLES]


def _gone(chat: Chat) -> Finish:
    chat.say("team.gone")
    return Finish(then="team")
