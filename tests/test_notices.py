"""What we write on our own initiative, to the letter; and that a confidential activity is named in none of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.messages import Outgoing
from handlers.notices import compose
from storage.events import Event
from storage.telling import About, Before, Facts
from tests.conversations.client import programme, world

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)  # Tuesday, 10:00 in Sofia
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
TOMORROW = NOW + DAY  # Wednesday 25.11, 10:00
SOFRONIY = "ОУ „Епископ Софроний“"
PHONE = programme().person.phone


def event(number: int = 12, **more: Any) -> Event:
    values: dict[str, Any] = {
        "id": number, "kind": "training", "activity": "motivation", "title": "Обучение", "place": "Клуб",
        "landmark": "до пазара", "bring": "химикалка", "starts_at": TOMORROW, "ends_at": TOMORROW + HOUR,
        "capacity": 10, "mediator_id": 1, "audience": {}, "offsets": (), "status": "published", "version": 1,
    }  # fmt: skip
    return Event(**values | more)


def about(base: str, what: Event | None = None, **more: Any) -> About:
    values: dict[str, Any] = {"rsvp": "", "seat": "", "leave_at": "", "mediator": "Ани"}
    return About(what or event(), base, **values | more)


def told(*abouts: About, name: str = "Мария Иванова", language: str = "bg", now: datetime = NOW) -> Outgoing:
    return compose(world().texts, programme(), Facts(34, name, language, abouts), now)


def buttons(message: Outgoing) -> list[list[str]]:
    return [[f"{b.label} {b.press}" for b in row] for row in message.rows]


YES = {"rsvp": "yes", "seat": "seat"}
ASKING = [
    ["✅ Ще дойда /rsvp 12.34 yes"],
    ["❌ Не мога /rsvp 12.34 no"],
    ["❓ Питам /ask_about 12.34"],
    ["📍 Подробности /meeting 12.34"],
]
COMING = [["❌ Не мога /rsvp 12.34 no"], ["📍 Подробности /meeting 12.34"]]
FACES = [["😀 Добре /face 12.34 3"], ["😐 Горе-долу /face 12.34 2"], ["🙁 Не ми хареса /face 12.34 1"]]
WHY = [
    ["🚌 Път /why 12.34 way", "👶 Дете /why 12.34 child"],
    ["🔧 Работа /why 12.34 work", "💭 Забравих /why 12.34 forgot"],
    ["💬 Друго /why 12.34 other", "✅ Бях там /why 12.34 there"],
]
CHOOSING = [
    ["🕐 Избирам час /slots 12.34"],
    ["❌ Не мога /rsvp 12.34 no"],
    ["❓ Питам /ask_about 12.34"],
]
WHERE = "\n📅 сряда, 25.11, 10:00 (утре)\n📍 Клуб (до пазара)\n"
FRIDAY = event(starts_at=NOW + 3 * DAY)
HOURS = event(kind="appointment", title="Консултация")
SLOT = event(kind="slot", title="Консултация", lead_id=7, capacity=1)
COURSE = event(kind="course", title="Курс за готвачи")
CANCELLED = event(status="cancelled")
WAS = Before(NOW + HOUR * 7.5, "Клуб", "до пазара")  # today, 17:30

ONE = {
    "invited by a mediator": (
        about("invite"),
        f"Мария, имате покана: Обучение.{WHERE}Ще дойдете ли? – Ани, Община Видин\nАко не искате да Ви пишем: Стоп",
        ASKING,
    ),
    "invited by the municipality": (
        about("invite", mediator=""),
        f"Мария, каним Ви: Обучение.{WHERE}Ще дойдете ли? – Община Видин\nАко не искате да Ви пишем: Стоп",
        ASKING,
    ),
    "invited to a course": (
        about("invite", COURSE),
        ("Мария, имате покана: Курс за готвачи.\n📅 Първа дата: сряда, 25.11, 10:00 (утре)\n📍 Клуб (до пазара)\n"
        "Ще дойдете ли? – Ани, Община Видин\nАко не искате да Ви пишем: Стоп"),
        [["✅ Ще дойда /course 12.34 yes"], ["❌ Не мога /course 12.34 no"], *ASKING[2:]],
    ),
    "invited to choose an hour": (
        about("invite", HOURS),
        ("Мария, изберете час: Консултация.\n📅 Часове: сряда, 25.11, 10:00 (утре)\n📍 Клуб (до пазара)\n"
        "– Ани, Община Видин\nАко не искате да Ви пишем: Стоп"),
        CHOOSING,
    ),
    "no hour chosen yet": (
        about("1d", HOURS, rsvp="yes"),
        "Мария, изберете час: Консултация.\n📅 Часове: сряда, 25.11, 10:00 (утре)\n📍 Клуб (до пазара)",
        CHOOSING,
    ),
    "three days before, no answer": (
        about("3d", FRIDAY),
        ("Мария, наближава: Обучение.\n📅 петък, 27.11, 10:00\n📍 Клуб (до пазара)\n🎒 Вземете: химикалка\n"
        "Ще дойдете ли? – Ани"),
        ASKING,
    ),
    "three days before, said yes": (
        about("3d", FRIDAY, **YES),
        "Мария, запазих Ви място: Обучение.\n📅 петък, 27.11, 10:00\n📍 Клуб (до пазара)\n🎒 Вземете: химикалка\n– Ани",
        COMING,
    ),
    "three days before, said yes, nobody leads": (
        about("3d", event(bring="", landmark=""), mediator="", **YES),
        "Мария, запазихме Ви място: Обучение.\n📅 сряда, 25.11, 10:00 (утре)\n📍 Клуб",
        COMING,
    ),
    "three days before, undecided": (
        about("3d", FRIDAY, rsvp="maybe"),
        ("Мария, наближава: Обучение.\n📅 петък, 27.11, 10:00\n📍 Клуб (до пазара)\n🎒 Вземете: химикалка\n"
        "Решихте ли дали ще дойдете?"),
        ASKING,
    ),
    "a seat is kept after a move, no answer since": (
        about("3d", FRIDAY, seat="seat"),
        ("Мария, запазих Ви място: Обучение.\n📅 петък, 27.11, 10:00\n📍 Клуб (до пазара)\n🎒 Вземете: химикалка\n"
        "Ще дойдете ли? – Ани"),
        ASKING,
    ),
    "the day before, said yes": (
        about("1d", **YES),
        f"Мария, чакаме Ви: Обучение.{WHERE}🎒 Вземете: химикалка\nВ колко ще тръгнете?",
        [["🚶 9:00 /leave 12.34 09:00", "🚶 9:30 /leave 12.34 09:30", "🚶 9:45 /leave 12.34 09:45"], *COMING],
    ),
    "the day before, said yes and when they leave": (
        about("1d", leave_at="09:30", **YES),
        f"Мария, чакаме Ви: Обучение.{WHERE}🎒 Вземете: химикалка\nЩе тръгнете в 9:30.",
        COMING,
    ),
    "the day before, no answer": (
        about("1d"),
        f"Мария, наближава: Обучение.{WHERE}🎒 Вземете: химикалка\nЩе дойдете ли? – Ани",
        ASKING,
    ),
    "waiting for a seat": (
        about("1d", rsvp="yes", seat="waiting"),
        f"Мария, още чакате за място: Обучение.{WHERE}🎒 Вземете: химикалка",
        COMING,
    ),
    "an hour of one's own": (
        about("3d", SLOT, **YES),
        f"Мария, часът е Ваш: Консултация.{WHERE}🎒 Вземете: химикалка\n– Ани",
        [["🕐 Друг час /slots 7.34"], *COMING],
    ),
    "two hours before, said yes": (
        about("2h", **YES),
        f"Мария, започваме скоро: Обучение.{WHERE}".rstrip(),
        COMING,
    ),
    "two hours before, no answer": (
        about("2h"),
        f"Мария, започваме скоро: Обучение.{WHERE}Ще дойдете ли? – Ани",
        ASKING,
    ),
    "a place came free": (
        about("place", **YES),
        f"Мария, освободи се място за Вас: Обучение.{WHERE}Ще дойдете ли?",
        ASKING,
    ),
    "moved": (
        about("change", before=WAS),
        ("Мария, има промяна: Обучение.\n"
        "Преместихме: вместо вторник, 24.11, 17:30 (днес) – сряда, 25.11, 10:00 (утре).\n"
        "📍 Клуб (до пазара)\nЩе дойдете ли?"),
        ASKING,
    ),
    "moved, and a seat is kept": (
        about("change", before=WAS, seat="seat"),
        ("Мария, има промяна: Обучение.\n"
        "Преместихме: вместо вторник, 24.11, 17:30 (днес) – сряда, 25.11, 10:00 (утре).\n"
        "📍 Клуб (до пазара)\nПазим мястото Ви. Ще дойдете ли?"),
        ASKING,
    ),
    "another place": (
        about("change", before=Before(TOMORROW, SOFRONIY), **YES),
        "Мария, има промяна: Обучение.\n📅 сряда, 25.11, 10:00 (утре)\nДруго място: Клуб (до пазара).",
        COMING,
    ),
    "only how it is found": (
        about("change", before=Before(TOMORROW, "Клуб", "до гарата"), **YES),
        "Мария, има промяна: Обучение.\n📅 сряда, 25.11, 10:00 (утре)\nДруго място: Клуб (до пазара).",
        COMING,
    ),
    "moved to another place": (
        about("change", before=Before(TOMORROW - HOUR, SOFRONIY)),
        ("Мария, има промяна: Обучение.\nПреместихме: вместо сряда, 25.11, 9:00 (утре) – сряда, 25.11, 10:00 (утре).\n"
        "Друго място: Клуб (до пазара).\nЩе дойдете ли?"),
        ASKING,
    ),
    "changed, and nobody knows what was heard": (
        about("change"),
        f"Мария, има промяна: Обучение.{WHERE}Ще дойдете ли?",
        ASKING,
    ),
    "the hours of an appointment moved": (
        about("change", HOURS, before=Before(TOMORROW - DAY, "Клуб", "до пазара")),
        ("Мария, има промяна: Консултация.\n"
        "Преместихме: вместо вторник, 24.11, 10:00 (днес) – сряда, 25.11, 10:00 (утре).\n📍 Клуб (до пазара)"),
        CHOOSING,
    ),
    "cancelled": (
        about("change", CANCELLED, before=Before(TOMORROW, "Клуб"), **YES),
        f"Мария, срещата няма да се състои: Обучение, сряда, 25.11, 10:00 (утре).\nЗа въпроси: Ани, {PHONE}",
        [["❓ Питам /ask_about 12.34"], ["📅 Моите срещи /events"]],
    ),
    "cancelled, told from what they heard": (
        about("change", CANCELLED, before=WAS, mediator=""),
        (f"Мария, срещата няма да се състои: Обучение, вторник, 24.11, 17:30 (днес).\n"
        f"За въпроси: {programme().person.name}, {PHONE}"),
        [["❓ Питам /ask_about 12.34"], ["📅 Моите срещи /events"]],
    ),
    "afterwards": (about("after", **YES), "Мария, как мина „Обучение“?", FACES),
    "missed": (about("missed", **YES), "Мария, липсвахте ни: Обучение.\nИма ли пречка?", WHY),
    "a course's week": (
        about("week", COURSE, dates=(TOMORROW, NOW + 3 * DAY), **YES),
        ("Мария, браво, че учите: Курс за готвачи.\nНовата седмица пак Ви чакаме:\n📅 сряда, 25.11, 10:00 (утре)\n"
        "📅 петък, 27.11, 10:00\nАко нещо е трудно, питайте. – Ани"),
        [["📅 Моите срещи /events"], ["❓ Питам /ask_about 12.34"]],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("what", "text", "rows"), ONE.values(), ids=ONE)
def test_message_about_one_event(what: About, text: str, rows: list[list[str]]) -> None:
    message = told(what)
    assert message.text == text
    assert buttons(message) == rows


def test_no_place_is_kept_where_there_is_room_for_all() -> None:
    message = told(about("change", event(capacity=None), before=WAS, seat="seat"))
    assert message.text.endswith("\nЩе дойдете ли?")


def test_whoever_has_no_name_is_greeted() -> None:
    assert told(about("after"), name="").text == "Здравейте, как мина „Обучение“?"


def test_messages_are_as_short_as_people_read() -> None:
    """With an ordinary title and place; the way to stop is not counted, nor the dates of a course."""
    for label, (_, text, _) in ONE.items():
        counted = text.replace("\nАко не искате да Ви пишем: Стоп", "")
        assert len(counted) <= 165, label
        assert len([line for line in text.splitlines() if not line.startswith("📅")]) <= 5, label


def test_the_plan_offers_only_what_is_still_ahead() -> None:
    soon = event(starts_at=NOW + timedelta(minutes=40), ends_at=NOW + 2 * HOUR)
    assert buttons(told(about("1d", soon, **YES)))[0] == ["🚶 10:10 /leave 12.34 10:10", "🚶 10:25 /leave 12.34 10:25"]
    assert "тръгнете" not in told(about("1d", replace(soon, starts_at=NOW + timedelta(minutes=10)), **YES)).text


# --- several in one message -----------------------------------------------------------------------------------------

EVENING = event(13, kind="meeting", activity="parents", title="Родителска среща", place=SOFRONIY,
                starts_at=TOMORROW + 7.5 * HOUR)  # fmt: skip
SECRET = event(14, activity="psychological-support", title="Разговор", place="Стая 5", starts_at=TOMORROW + 3 * HOUR)

SEVERAL = {
    "two of one day": (
        (about("1d"), about("1d", EVENING)),
        ("Мария, имате 2 срещи: сряда, 25.11 (утре).\n10:00 – Обучение, Клуб\n"
        f"17:30 – Родителска среща, {SOFRONIY}\nЩе дойдете ли?"),
        [
            ["✅ Ще дойда 10:00 /rsvp 12.34 yes", "❌ Не мога 10:00 /rsvp 12.34 no"],
            ["✅ Ще дойда 17:30 /rsvp 13.34 yes", "❌ Не мога 17:30 /rsvp 13.34 no"],
        ],
    ),
    "one of them is sure": (
        (about("1d", **YES), about("1d", EVENING)),
        ("Мария, имате 2 срещи: сряда, 25.11 (утре).\n✅ 10:00 – Обучение, Клуб\n"
        f"17:30 – Родителска среща, {SOFRONIY}\nЩе дойдете ли?"),
        [
            ["📍 Подробности 10:00 /meeting 12.34"],
            ["✅ Ще дойда 17:30 /rsvp 13.34 yes", "❌ Не мога 17:30 /rsvp 13.34 no"],
        ],
    ),
    "on two days": (
        (about("1d"), about("3d", replace(EVENING, starts_at=NOW + 3 * DAY), **YES)),
        (f"Мария, имате 2 срещи:\nср 25.11, 10:00 – Обучение, Клуб\n✅ пт 27.11, 10:00 – Родителска среща, {SOFRONIY}\n"
        "Ще дойдете ли?"),
        [
            ["✅ Ще дойда ср 25.11, 10:00 /rsvp 12.34 yes"],
            ["❌ Не мога ср 25.11, 10:00 /rsvp 12.34 no"],
            ["📍 Подробности пт 27.11, 10:00 /meeting 13.34"],
        ],
    ),
    "at one hour": (
        (about("1d", **YES), about("1d", event(13, title="Среща"), **YES)),
        "Мария, имате 2 срещи: сряда, 25.11 (утре).\n✅ 10:00 №1 – Обучение, Клуб\n✅ 10:00 №2 – Среща, Клуб",
        [["📍 Подробности 10:00 №1 /meeting 12.34"], ["📍 Подробности 10:00 №2 /meeting 13.34"]],
    ),
    "two invitations": (
        (about("invite", COURSE), about("invite", replace(HOURS, id=13))),
        ("Мария, каним Ви на 2 срещи:\nср 25.11, 10:00 №1 – Курс за готвачи, Клуб\n"
        "ср 25.11, 10:00 №2 – Консултация, Клуб\n"
        "Ще дойдете ли?\nАко не искате да Ви пишем: Стоп"),
        [
            ["✅ Ще дойда ср 25.11, 10:00 №1 /course 12.34 yes"],
            ["❌ Не мога ср 25.11, 10:00 №1 /course 12.34 no"],
            ["🕐 Избирам час /slots 13.34"],
        ],
    ),
    "one of them is nobody else's business": (
        (about("1d", **YES), about("1d", SECRET, **YES)),
        "Мария, имате 2 срещи: сряда, 25.11 (утре).\n✅ 10:00 – Обучение, Клуб\n13:00 – уговорка",
        [["📍 Подробности 10:00 /meeting 12.34"], ["👁 Подробности 13:00 /meeting 14.34"]],
    ),
    "a course's week and a meeting": (
        (about("week", COURSE, dates=(TOMORROW,), **YES), about("3d", EVENING, **YES)),
        ("Мария, браво, че учите: Курс за готвачи.\nНовата седмица пак Ви чакаме:\n📅 сряда, 25.11, 10:00 (утре)\n"
        "Ако нещо е трудно, питайте. – Ани\n\nМария, запазих Ви място: Родителска среща.\n"
        f"📅 сряда, 25.11, 17:30 (утре)\n📍 {SOFRONIY} (до пазара)\n🎒 Вземете: химикалка\n– Ани"),
        [
            ["❌ Не мога /rsvp 13.34 no"], ["📍 Подробности /meeting 13.34"], ["📅 Моите срещи /events"],
            ["❓ Питам /ask_about 12.34"],
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("abouts", "text", "rows"), SEVERAL.values(), ids=SEVERAL)
def test_one_message_about_several_events(abouts: tuple[About, ...], text: str, rows: list[list[str]]) -> None:
    message = told(*abouts)
    assert message.text == text
    assert buttons(message) == rows


def test_romani_words_stand_with_the_bulgarian() -> None:
    message = told(about("1d"), language="rom")
    assert message.text.endswith("Ка авес? – Ани\n\nЩе дойдете ли? – Ани")
    assert [row[0].label for row in message.rows] == [
        "✅ Ка авав · Ще дойда", "❌ Нащи · Не мога", "❓ Пхучав · Питам", "📍 Бутедер · Подробности",
    ]  # fmt: skip


# --- confidential ---------------------------------------------------------------------------------------------------

LOOK = [["👁 Подробности /meeting 14.34"]]
APPOINTMENT = replace(SECRET, kind="appointment")
QUIET = {
    "invited": (about("invite", SECRET), "Имате покана: сряда, 25.11, 13:00 (утре).", LOOK),
    "invited to choose": (about("invite", APPOINTMENT), "Имате покана. Изберете час.", LOOK),
    "three days before": (about("3d", SECRET, **YES), "Имате уговорка: сряда, 25.11, 13:00 (утре).", LOOK),
    "the day before": (about("1d", SECRET, **YES), "Имате уговорка: сряда, 25.11, 13:00 (утре).", LOOK),
    "two hours before": (about("2h", SECRET), "Имате уговорка: сряда, 25.11, 13:00 (утре).", LOOK),
    "a place": (about("place", SECRET, **YES), "Имате уговорка: сряда, 25.11, 13:00 (утре).", LOOK),
    "a week": (about("week", SECRET, dates=(TOMORROW,)), "Имате уговорка тази седмица.", LOOK),
    "moved": (
        about("change", SECRET, before=WAS),
        "Преместихме уговорката: вместо вторник, 24.11, 17:30 (днес) – сряда, 25.11, 13:00 (утре).",
        LOOK,
    ),
    "another place": (
        about("change", SECRET, before=Before(SECRET.starts_at, "Клуб")),
        "Имате уговорка на друго място: сряда, 25.11, 13:00 (утре).",
        LOOK,
    ),
    "cancelled": (
        about("change", replace(SECRET, status="cancelled")),
        "Уговорката няма да се състои: сряда, 25.11, 13:00 (утре).",
        LOOK,
    ),
    "afterwards": (
        about("after", SECRET),
        "Как мина уговорката?",
        [[label.replace("12.34", "14.34") for label in row] for row in FACES],
    ),
    "missed": (
        about("missed", SECRET),
        "Липсвахте ни. Има ли пречка?",
        [[label.replace("12.34", "14.34") for label in row] for row in WHY],
    ),
}


@pytest.mark.parametrize(("what", "text", "rows"), QUIET.values(), ids=QUIET)
def test_what_is_confidential_is_told_without_its_name(what: About, text: str, rows: list[list[str]]) -> None:
    message = told(what)
    assert message.text == text
    assert buttons(message) == rows


BASES = ("invite", "7d", "3d", "1d", "2h", "week", "change", "place", "after", "missed", "something new")
KINDS = ("training", "course", "meeting", "appointment", "slot", "outreach", "public")
SECRETS = ("psychological-support", "an-activity-that-left-the-programme")
OPEN = tuple(a.code for a in programme().activities if not a.confidential)
names = st.text(alphabet="абвгде {}%<\n", max_size=12)


@st.composite
def anything(draw: st.DrawFn, secret: bool) -> About:
    """One event in a message, with words by which it would be known; only those of a secret one are forbidden."""
    mark = "тайна" if secret else "явно"
    starts = NOW + timedelta(minutes=draw(st.integers(-5000, 50_000)))
    what = Event(
        draw(st.integers(1, 2**53)), draw(st.sampled_from(KINDS)), draw(st.sampled_from(SECRETS if secret else OPEN)),
        f"{mark} заглавие {draw(names)}", f"{mark} място {draw(names)}", f"{mark} ориентир", f"{mark} вещ", starts,
        starts + HOUR, draw(st.none() | st.integers(1, 9)), None, {}, (),
        draw(st.sampled_from(("published", "cancelled"))), draw(st.integers(1, 9)), draw(st.none() | st.just(5)),
    )  # fmt: skip
    return About(
        what, draw(st.sampled_from(BASES)), draw(st.sampled_from(("", "yes", "no", "maybe"))),
        draw(st.sampled_from(("", "seat", "waiting"))), draw(st.sampled_from(("", "09:30"))),
        f"{mark} води" if secret else draw(names),
        draw(st.none() | st.builds(Before, st.just(starts) | st.just(NOW), st.just(f"{mark} предишно място"))),
        tuple(draw(st.lists(st.just(starts), max_size=3))),
    )  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_confidential_activity_is_named_in_no_message(data: st.DataObject) -> None:
    abouts = [
        data.draw(anything(True)),
        *data.draw(st.lists(anything(False), max_size=3)),
        *data.draw(st.lists(anything(True), max_size=1)),
    ]
    order = data.draw(st.permutations(abouts))
    facts = Facts(
        data.draw(st.integers(1, 2**53)), data.draw(names), data.draw(st.sampled_from(("bg", "rom", ""))), tuple(order)
    )
    message = compose(world().texts, programme(), facts, NOW)
    said = "\n".join([message.text, *(b.label for row in message.rows for b in row)])
    assert "тайна" not in said
    assert "психолог" not in said.lower()
    assert message.text.strip()
    assert message.rows, "there is always a way on"
    for row in message.rows:
        for button in row:
            assert len(button.press.encode()) <= 64
            assert not button.press.endswith(("психолог", "тайна"))
