"""What Мост says: one conversation a file. No clock, no randomness and no channel may enter here."""

from __future__ import annotations

from collections.abc import Mapping

from bot.chat import Script
from handlers.activities import activities
from handlers.info import about, my_events, person, privacy
from handlers.language import language
from handlers.my_data import forget, my_data, people
from handlers.question import question, stray
from handlers.registration import registration

CONVERSATIONS: Mapping[str, Script] = {
    "about": about,
    "activities": activities,
    "forget": forget,
    "language": language,
    "my_data": my_data,
    "my_events": my_events,
    "people": people,
    "person": person,
    "privacy": privacy,
    "question": question,
    "registration": registration,
    "stray": stray,
}

MENU = (  # the lasting menu: a label's key and the conversation that it opens
    ("menu.events", "my_events"),
    ("menu.activities", "activities"),
    ("menu.question", "question"),
    ("menu.person", "person"),
    ("menu.language", "language"),
    ("menu.data", "my_data"),
)
