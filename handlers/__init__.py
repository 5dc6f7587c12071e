"""What Мост says: one conversation a file. No clock, no randomness and no channel may enter here."""

from __future__ import annotations

from bot.talks import Command, Talks
from handlers.activities import activities
from handlers.info import about, my_events, person, privacy
from handlers.language import language
from handlers.my_data import forget, my_data, people
from handlers.question import question, stray
from handlers.registration import registration

TALKS = Talks(
    scripts={
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
    },
    menu=(
        ("menu.events", "my_events"),
        ("menu.activities", "activities"),
        ("menu.question", "question"),
        ("menu.person", "person"),
        ("menu.language", "language"),
        ("menu.data", "my_data"),
    ),
    commands={
        "about": Command("about", unregistered=True, stopped=True),
        "activities": Command("activities"),
        "activity": Command("activities", takes=("which",), given={"kind": "all"}),
        "ask": Command("question"),
        "data": Command("my_data", stopped=True),
        "events": Command("my_events"),
        "help": Command("person", stopped=True),
        "language": Command("language"),
        "people": Command("people", unregistered=True),
        "person": Command("person", unregistered=True, stopped=True),
        "privacy": Command("privacy", unregistered=True, stopped=True),
    },
)
