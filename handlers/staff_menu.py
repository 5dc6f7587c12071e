"""What staff can do here: one list, and each sees the lines of their own role."""

from __future__ import annotations

from collections.abc import Sequence

from bot.chat import Chat, Option
from storage.staff import ALL, COORDINATOR, LEADS, TRAINER

SCREENS: Sequence[tuple[str, str, frozenset[str]]] = (  # a command, its label, and whose it is
    ("agenda", "agenda.button", LEADS | {TRAINER}),
    ("new_event", "agenda.new", LEADS),
    ("add_person", "door.new", LEADS),
    ("people_in", "button.participant_list", LEADS),
    ("results", "button.results", LEADS),
    ("numbers", "button.numbers", ALL),
    ("team", "button.team", frozenset({COORDINATOR})),
)


async def staff_menu(chat: Chat) -> None:
    """Where a working day begins."""
    mine = [[Option(f"/{command}", label)] for command, label, roles in SCREENS if chat.person.role in roles]
    chat.card("staff.today", *mine, [Option("/menu", "button.menu")])
