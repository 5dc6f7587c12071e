"""The programme's activities: found, read in plain words, and joined where one can join."""

from __future__ import annotations

from bot.chat import Chat, Choice, Finish, Option, literal, words
from handlers.words import activity_label
from storage import contacts, invitations

KINDS = ("work", "school", "everyone")


async def activities(chat: Chat) -> Finish | None:
    """First for whom, then which, then what it is."""
    programme = chat.programme
    kind = await chat.ask("kind", Choice("activities.kind", [Option(k, f"activities.{k}") for k in KINDS]))
    offered = [a for a in programme.activities if kind in a.audience or kind == "all"]
    code = await chat.ask("which", Choice("activities.which", [Option(a.code, activity_label(a)) for a in offered]))
    if code not in {a.code for a in programme.activities}:  # it left the programme, or was mistyped
        chat.say("activities.gone")
        return Finish(then="activities")
    activity = programme.activity(code)
    joined = code in (await chat.fetch(contacts.profile)).interests
    text = literal(f"{activity.emoji} {activity.name}\n\n{activity.text}")
    official = literal(f"{activity.official}\n\n{activity.text}")
    step = await chat.ask("what", Choice(text, _steps(activity.join, joined), more=official))
    if step == "join":
        said = "activities.joined_quietly" if activity.confidential else "activities.joined"
        chat.say(words(said, name=activity.name, answer_within=programme.answer_within), apart=True)
        return Finish(invitations.join, {"activity": code, "rules": programme.rules})
    if step == "leave":
        chat.say("activities.left", apart=True)
        return Finish(contacts.leave, {"activity": code})
    return Finish(then="question", given={"about": code})


def _steps(can_join: bool, joined: bool) -> list[Option]:
    steps = [Option("ask", "menu.question")]
    if joined:
        return [Option("leave", "button.leave_activity"), *steps]
    return [Option("join", "button.join"), *steps] if can_join else steps
