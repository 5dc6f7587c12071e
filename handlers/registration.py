"""A resident signs up, in a dozen short steps; or corrects what they said, beginning at the summary."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from bot.chat import (
    Answer,
    Chat,
    Choice,
    Finish,
    Many,
    Option,
    Phone,
    Reading,
    Said,
    Search,
    Summary,
    Text,
    YesNo,
    literal,
    words,
)
from bot.messages import Incoming
from bot.privacy import initials
from bot.texts import Lines, Words
from handlers.claim import offer
from handlers.question import who_answers
from handlers.words import activity_label, child_shown, class_of, languages, phone_shown, read_phone
from storage import contacts, invitations, shared, stopping, ticket_view
from storage.contacts import Child

if TYPE_CHECKING:
    from storage.programme import Institution

PURPOSES = ("work", "school", "both", "other")
WITH_WORK = ("work", "both")  # the purposes for which we ask about work
WITH_SCHOOL = ("school", "both")  # and those for which we ask about school
WORK = ("no_searching", "no_not_searching", "yes", "studying")


async def registration(chat: Chat) -> Finish:
    """From the first message to the menu."""
    await chat.ask("language", Choice("registration.language", languages()))
    await chat.ask("practice", Choice("registration.practice", [Option("ok", "button.thumb")]))
    agreed = await chat.ask("consent", _consent(chat))
    if agreed == "no":
        again = [Option("/start", "button.begin")]
        chat.say(words("registration.declined", phone=chat.programme.person.phone), buttons=again)
        text, version = chat.programme.privacy.short, chat.programme.privacy.version
        return Finish(contacts.consent, {"action": "refused", "form": "button", "text": text, "version": version})
    if not await chat.ask("adult", YesNo("registration.age", "button.age_yes", "button.age_no")):
        chat.say("registration.too_young", buttons=[Option("/start", "button.begin")])
        return Finish(stopping.erase, {"rules": chat.programme.rules})
    phone = await chat.ask("phone", Phone("registration.phone", chat.person.can_share_phone, read_phone))
    vouched = phone["own"] and not chat.person.registered  # a correction never takes the chat to somebody else
    if vouched and (known := await chat.fetch(contacts.known_by_phone, phone=phone["number"])):
        name = await chat.fetch(contacts.name_of, contact_id=known)
        if await chat.ask("same", YesNo(words("registration.same", initials=initials(name)))):
            chat.say("registration.linked")
            return Finish(shared.link, {"contact_id": known, "consent_text": chat.programme.privacy.short})
    offers = [chat.person.profile_name] if chat.person.profile_name else []
    name = await chat.ask("name", Text("registration.name", offers=offers, letters=True))
    settlement = await chat.ask("settlement", where_lives(chat, "registration.settlement"))
    purpose = await chat.ask("purpose", Choice("registration.purpose", [Option(p, f"purpose.{p}") for p in PURPOSES]))
    children = await children_of(chat) if purpose in WITH_SCHOOL else []
    work = await chat.ask("work", _work()) if purpose in WITH_WORK else ""
    liked = await _interests(chat, purpose)
    said = {"name": name, "phone": phone, "settlement": settlement, "purpose": purpose, "work": work}
    await chat.ask("confirm", await _summary(chat, said, children, liked))
    if chat.person.registered:
        chat.say("registration.corrected", apart=True)
    return Finish(
        invitations.register,
        {
            "name": name, "phone": phone["number"], "phone_is_own": phone["own"], "settlement": settlement,
            "purpose": purpose, "work": "" if work == "skip" else work, "children": children, "interests": liked,
            "consent_text": chat.programme.privacy.short, "consent_version": chat.programme.privacy.version,
            "rules": chat.programme.rules,
        },
        then="registered" if not chat.person.registered else "claim_offer" if await _is_other(chat, phone) else "",
    )  # fmt: skip


async def _is_other(chat: Chat, phone: dict[str, Any]) -> bool:
    """Whether a correction brings another number, of which only they say that it is theirs."""
    return bool(phone["number"]) and not phone["own"] and (await chat.fetch(contacts.profile)).phone != phone["number"]


async def registered(chat: Chat) -> None:
    """They are in: who will call, and that is whoever would answer their questions too."""
    name = who_answers(chat.programme, await chat.fetch(ticket_view.mediators))
    phone = chat.programme.person.phone
    chat.say(words("registration.done", name=name, answer_within=chat.programme.answer_within, phone=phone))
    await offer(chat)
    chat.say("registration.menu", apart=True)


def _consent(chat: Chat) -> Choice:
    """Who writes and why. Always in Bulgarian: that text is the valid one."""
    options = [Option("yes", "button.agree"), Option("no", "button.disagree")]
    return Choice(literal(chat.programme.privacy.short), options, more=literal(chat.programme.privacy.full))


def where_lives(chat: Chat, prompt: str) -> Search:
    """A town, or the first letters of a village."""
    programme = chat.programme
    towns = [Option(s.code, literal(s.label)) for s in programme.settlements if s.kind == "town"]

    def find(typed: str) -> list[Option]:
        return [Option(s.code, literal(s.label)) for s in programme.suggest(typed)]

    return Search(prompt, towns, find)


@dataclass(frozen=True, slots=True)
class Schools(Many):
    """The schools we know. Whoever means another one goes on with none of them: no class of it can be kept."""

    def read(self, incoming: Incoming, code: str, draft: Any, said: Said) -> Reading:
        """The ticks; or words for another school, as long as nothing is ticked."""
        if not code and not (draft and draft["ticked"]) and said.is_like("said.other_school"):
            return Answer([])
        return Many.read(self, incoming, code, draft, said)


async def children_of(chat: Chat) -> list[Child]:
    """Which classes or groups somebody wants to hear about."""
    programme = chat.programme
    known = [Option(i.code, literal(i.short)) for i in programme.institutions]
    chosen = await chat.ask("institutions", Schools("registration.institutions", known, none="button.other_school"))
    found: list[Child] = []
    for institution in programme.institutions:
        if institution.code in chosen:
            groups = await chat.ask(f"class-{institution.code}", _groups(institution))
            found += [Child(institution.code, group) for group in groups] or [Child(institution.code, "")]
    return found


def _groups(institution: Institution) -> Many:
    prompt = "registration.group" if institution.kind == "kindergarten" else "registration.class"
    options = [Option(group, literal(group)) for group in institution.groups]
    asked = words(prompt, institution=literal(institution.short))
    columns = 1 if institution.kind == "kindergarten" else 4
    typed = partial(class_of, groups=institution.groups)
    return Many(asked, options, none="button.dont_know", typed=typed, columns=columns)


def _work() -> Choice:
    return Choice("registration.work", [*(Option(w, f"work.{w}") for w in WORK), Option("skip", "button.skip")])


async def _interests(chat: Chat, purpose: str) -> list[str]:
    """What suits the purpose; in a correction also what was joined from the menu, or it would be lost unseen."""
    mine = (await chat.fetch(contacts.profile)).interests if chat.person.registered else []
    suited = {a.code for a in chat.programme.activities_for(purpose)}
    offered = [a for a in chat.programme.activities if a.code in suited or a.code in mine]
    options = [Option(a.code, activity_label(a)) for a in offered]
    start = [a.code for a in offered if a.code in mine]
    liked: list[str] = await chat.ask(f"interests-{purpose}", Many("registration.interests", options, start=start))
    return liked


async def _summary(chat: Chat, said: dict[str, Any], children: list[Child], liked: list[str]) -> Summary:
    programme, purpose = chat.programme, said["purpose"]
    number = said["phone"]["number"]
    lines = {
        "name": _line("👤", literal(said["name"])),
        "phone": _line("📞", literal(phone_shown(number)) if number else words("summary.no_phone")),
        "settlement": _line("📍", literal(programme.settlement(said["settlement"]).label)),
        "purpose": words(f"purpose.{purpose}"),
    }
    if children:
        shown = [child_shown(programme.institution(c.institution), c.group) for c in children]
        lines["institutions"] = _line("🏫", literal(", ".join(shown)))
    elif purpose in WITH_SCHOOL:
        lines["institutions"] = words("button.other_school")
    if said["work"]:
        lines["work"] = words("summary.no_work" if said["work"] == "skip" else f"work.{said['work']}")
    names = ", ".join(a.name for a in programme.activities if a.code in liked)
    lines["interests"] = _line("⭐", literal(names) if names else words("summary.nothing"))
    withdraws = {
        "phone": ("phone", "same"), "interests": (f"interests-{purpose}",), "institutions": children_keys(chat),
    }  # fmt: skip
    changes = [Option(key, f"change.{key}") for key in (*lines, "language")]
    return Summary(words("summary.ask", lines=Lines(tuple(lines.values()))), changes, withdraws)


def _line(icon: str, value: Words) -> Words:
    return words("summary.line", icon=icon, value=value)


def children_keys(chat: Chat) -> tuple[str, ...]:
    """The answers that children_of asks for."""
    return ("institutions", *(f"class-{i.code}" for i in chat.programme.institutions))
