"""Every button of every conversation fits Telegram, with codes as long as a programme's file may make them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot import dialog
from bot.chat import Person
from bot.dialog import Broken
from bot.messages import Kind, Media
from handlers import TALKS
from storage import broadcasts, claim_desk
from storage.attendance import Sheet, Tally
from storage.broadcasts import ANSWERS, Broadcast
from storage.claim_desk import Claim
from storage.contacts import Child, Profile
from storage.deliveries import Removed
from storage.directory import Card, Meeting
from storage.door import Found
from storage.events import Event
from storage.feedback import Opinions
from storage.followups import Result
from storage.groups import Reach
from storage.invitations import Details, Guest
from storage.months import Line, Month
from storage.participation import Crowd
from storage.programme import Programme
from storage.pulse import Pulse, Week
from storage.recipients import CameBack, Heard, Progress, ToCall
from storage.staff import Member
from storage.ticket_about import Announced
from storage.ticket_desk import Row
from storage.ticket_view import Said, Ticket, Way
from storage.tickets import Received
from storage.today import Calls, Lost, Today
from tests.conversations.client import START, programme
from tests.scripted import Table


@pytest.mark.parametrize(
    ("data", "read"),
    [
        ("7.name.yes", (7, "name", "yes")),
        ("7.class-a.3 а", (7, "class-a", "3 а")),
        ("7.a.b.c", (7, "a", "b.c")),
        *(
            (forged, None)
            for forged in ("", "7", "7.", "7..", "7.a.", "7..b", "x.a.b", "-7.a.b", "٧.a.b", "/menu", ".a.b")
        ),
    ],
)
def test_what_a_button_brings_back(data: str, read: tuple[int, str, str] | None) -> None:
    assert dialog.read_press(data) == read
    if read and "." not in read[2]:
        assert dialog.press(*read) == data


def test_a_button_that_telegram_would_refuse_is_refused_here() -> None:
    assert len(dialog.press(7, "k", "я" * 30).encode()) == 64
    with pytest.raises(Broken, match="64 bytes"):
        dialog.press(7, "k", "я" * 31)


def padded(code: str, length: int) -> str:
    return (code + "-" * length)[:length]


def stretched(groups: int) -> Programme:
    """The programme with every code as long as its file may make it, and groups of so many letters."""
    known = programme()
    schools = [
        replace(i, code=padded(f"{n}", 12), groups=("Я" * (groups - 1) + "1", "Я" * (groups - 1) + "2"))
        for n, i in enumerate(known.institutions)
    ]
    return replace(
        known,
        institutions=tuple(schools),
        activities=tuple(replace(a, code=padded(f"{n}", 24)) for n, a in enumerate(known.activities)),
        settlements=tuple(replace(s, code=padded(f"{n}", 20)) for n, s in enumerate(known.settlements)),
    )


EVENT = Event(  # of version 0, which is what a command without an event's number names
    2**40, "course", "vocational", "Курс", "Читалището", "до пощата", "тетрадка", START + timedelta(days=2),
    START + timedelta(days=2, hours=2), 25, 2**40, {"children": [["mir", "втора"]]}, ("3d", "1d"), "published", 0,
)  # fmt: skip


HOURS = replace(EVENT, kind="appointment")
GUEST = Guest(HOURS, 2**40, "", "", "", None, "")
SHEET = Sheet(EVENT, START, done=False)
COUNTED = Line("", 12, 140, 88, 70, Opinions(60, (30, 8, 2)))
RESULT = Result(
    2**40, "4w", "answered", START, 2**40, "Мария Иванова", "+359888123456", "vocational", START, {"work": "yes"},
    worked=True, trained=True,
)  # fmt: skip


QUESTION = Ticket(
    2**40, 2**40, "Мария Иванова", "+359888123456", "vidin", "bg", "", "open",
    [Said(0, "resident", "", None, "Я" * 1000, Media("voice", "telegram", "x"), START)], START, START, None, None, "",
    None, None, "",
)  # fmt: skip


ANNOUNCED = Broadcast(
    2**40, 2**40, {"bg": "Я" * 1000}, {}, ANSWERS, {"events": [2**40]}, False, 0, "done", START, True, None, START,
    START, START, 1,
)  # fmt: skip


def everybody(known: Programme) -> Callable[[str, Mapping[str, Any]], Any]:
    """What the queries of scripts find: somebody with as much of everything as there is."""
    kids = [Child(i.code, group) for i in known.institutions for group in i.groups]
    profile = Profile(
        1, "Мария Иванова", "+359888123456", True, known.settlements[0].code, "", "both", "yes", "bg", kids,
        [a.code for a in known.activities],
    )  # fmt: skip
    answers: dict[str, Any] = {
        "profile": profile,
        "known_by_phone": 2**40,
        "name_of": "Иван Петров",
        "is_linked": True,
        "people_here": [(1, "Мария Иванова"), (2**40, "Иван Петров")],
        "everything": {},
        "invited": "coordinator",
        "members": [Member(2**40, "Ани Петрова", "+359888123456", "coordinator", START)],
        "new_code": "ekip-23456789",
        "now": START,
        "for_staff": EVENT,
        "latest": EVENT,
        "coming": [EVENT] * 9,
        "past": [EVENT],
        "dates": [EVENT],
        "heads": {EVENT.id: (25, 40)},
        "tally": Tally(40, 25, 4, 1, 8, 3, 0, 0),
        "places": [("Читалището", "до пощата"), ("Я" * 120, "")],
        "reach": Reach(43, 2, 3, 36),
        "hearers": 40,
        "erasable": "Иван Петров",
        "changed_by": "Ани Петрова",
        "sheet": SHEET,
        "ahead": [SHEET] * 6,
        "people": [],
        "at_the_door": [],
        "find": [Found(2**40, "Мария Иванова", known.settlements[0].code, own=True, listed=False)] * 9,
        "alike": [],
        "call_list": [],
        "heard": [],
        "callee": None,
        "slots": [replace(HOURS, id=2**40 + n, starts_at=START + timedelta(hours=12 * n)) for n in range(4)],
        "details": Details(GUEST, START, 3, "Ани Петрова", "+359888123456", [GUEST] * 9),
        "mine": [GUEST] * 9,
        "month": Month(START, COUNTED, [replace(COUNTED, activity=a.code) for a in known.activities]),
        "crowds": [Crowd(a.code, 25, 3) for a in known.activities],
        "listed": [RESULT] * 30,
        "today": Today(
            START,
            3,
            [EVENT] * 2,
            {EVENT.id: (25, 40)},
            [Calls("Курс", 4, EVENT.id)],
            2,
            1,
            [Calls("Работа", 3, broadcast_id=2**40)],
            [EVENT],
            4,
        ),
        "to_call": [Calls("Курс", 4, EVENT.id), Calls("Работа", 3, broadcast_id=2**40)],
        "unreached": [Lost(2**40, "Мария Иванова", START)] * 30,
        "newcomers": [Lost(2**40, "Мария Иванова", START)] * 30,
        "unmarked": [EVENT] * 2,
        "lately": Announced(2**40, ()),
        "mediators": ["Росица Димова"],
        "card": Card(
            2**40,
            "Мария Иванова",
            [Meeting(2**40, "Курс", START, "yes")],
            None,
            known.settlements[0].code,
            "+359 88… 456",
            kids,
            [a.code for a in known.activities],
            [known.activities[0].code],
            "bg",
            ["telegram", "web"],
        ),
        "question_for": QUESTION,
        "slipped": 2**40,
        "questions": [Row(2**40, "Мария Иванова", "open", START, START, 2**40, "Ани Петрова")] * 9,
        "way_back": Way(2**40, "telegram", is_shared=True),
        "colleagues": [Member(2**40 + n, "Ани Петрова", "", "mediator", START) for n in range(9)],
        "received": Received(2**40, 2**40, "voice", ["Росица Димова"], START, START, START),
        "phone_of": "+359888123456",
        "may_claim": True,
        "standing": claim_desk.PROVEN,
        "candidates": [(2**40 + n, "Я" * 80) for n in range(4)],
        "shown": Claim(2**40, claim_desk.ASKED, 2**40, "Я" * 80, "viber", 2**40, "Я" * 80, "+359 88… 456"),
        "code_of": "ot-23456789ab",
        "way_to": Way(2**40, "telegram", is_shared=False),
        "brought": (12, 9),
        "of": [("activity", known.activities[0].code)],
        "how_many": 43,
        "at_institutions": {i.code: 12 for i in known.institutions},
        "pulse": Pulse(START, 40, 30, 12, 9, [Week(1, 7, 10, 2), Week(8, 14, 20, 7)]),
    }
    announced: dict[str, Any] = {
        "reach": broadcasts.Reach(43, 23, 7, 3, 10, 0),
        "sent_before": (START, 38),
        "for_staff": ANNOUNCED,
        "recent": [ANNOUNCED] * 9,
        "written": [ANNOUNCED] * 2,
        "may_approve": True,
        "progress": Progress(400, 380, 0, 15, 5, 0, {"stopped": 7}, {"blocked": 15}, None, {"telegram": 380}),
        "came_back": CameBack(dict.fromkeys(ANSWERS, 20), 20, 0),
        "answers": [Heard(2**40 + n, "Я" * 80, START) for n in range(8)],
        "call_list": [ToCall(2**40 + n, "Я" * 80, "", "asked", "") for n in range(20)],
        "one_to_call": ToCall(2**40, "Я" * 80, "+359888123456", "asked", ""),
        "other_ways": 12,
        "removed": Removed(200, 150, 30),
        "may_correct": "",
        "needs_a_second": True,
        "colleagues": 3,
        "goes_at": START,
        "tallies": {2**40: (380, 400)},
        "over_caption": 0,
    }
    of_announcements = {"audience", "broadcast_id"}
    return lambda query, values: (
        announced[query] if query not in answers or of_announcements & set(values) else answers[query]
    )


def walk(name: str, known: Programme, chance: random.Random, at: type[Table] = Table) -> set[str]:
    """One random way through a conversation; every button on it is built on the way."""
    person = Person(
        1, 1, "telegram", "bg", registered=chance.random() < 0.5, name="Мария Иванова",
        profile_name="Мария", can_share_phone=chance.random() < 0.5,
    )  # fmt: skip
    table = at(TALKS.scripts[name], programme=known, person=person, found=everybody(known))
    table.open()
    seen = set()
    for _ in range(80):
        turn = table.turn
        if turn is None or turn.ask is None:
            break
        seen.add(turn.ask.key)
        if chance.random() < 0.3 or not turn.ask.question.options(turn.draft):
            options = chance.choice(["0888123456", "Мария", "ви", "Генерал", "3 а"])
            table.say(options)
        elif chance.random() < 0.05:
            table.send(Kind.PHONE, phone="+359888123456", phone_is_own=True)
        else:
            table.press(chance.choice(turn.ask.question.options(turn.draft)).code)
    return seen


def test_every_button_of_every_conversation_fits_telegram_with_the_longest_codes_of_a_programme() -> None:
    """Random ways through each script, always the same ones; a button over 64 bytes is an error."""
    chance, known = random.Random(7), stretched(12)
    seen = {name: set[str]().union(*(walk(name, known, chance) for _ in range(40))) for name in TALKS.scripts}
    asked = {key.partition("-")[0] for keys in seen.values() for key in keys}
    assert {"language", "consent", "phone", "settlement", "institutions", "class", "interests", "confirm"} <= asked
    assert {"which", "kind", "what", "who", "text", "day", "slot"} <= asked, "the walk came everywhere"
