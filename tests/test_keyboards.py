"""One keyboard for all that can be pressed: in order, nothing twice, a way home, and never more than is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.keyboards import MOST, one
from bot.messages import Button, Rows

HOME, STAFF, PERSON = Button("🏠 Меню", "/menu"), Button("🧰 За екипа", "/staff"), Button("☎ Човек", "/person")
BACK = Button("⬅ Назад", "5.name.back")
LONG = "дълъг надпис, който не се побира на половин ред"


def column(*labels: str, start: int = 0) -> Rows:
    return tuple((Button(label, f"/do {start + n}"),) for n, label in enumerate(labels))


def shown(rows: Rows) -> list[list[str]]:
    return [[button.label for button in row] for row in rows]


def test_what_was_said_before_stands_above_two_short_ones_to_a_row() -> None:
    before = [column("✅ Ще дойда", "❌ Не мога", LONG)]
    assert shown(one(before, (*column("Да", "Не", start=7), (BACK, HOME)))) == [
        ["✅ Ще дойда", "❌ Не мога"], [LONG], ["Да"], ["Не"], ["⬅ Назад", "🏠 Меню"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("label", "above", "last", "expected"),
    [
        ("once", [((HOME,),)], ((BACK, HOME),), [["⬅ Назад", "🏠 Меню"]]),
        ("last", [((PERSON,),)], (*column("Да"), (BACK, HOME)), [["Да"], ["⬅ Назад", "🏠 Меню", "☎ Човек"]]),
        ("of cards", [((STAFF,), *column("А"))], column("Б", start=3), [["А"], ["Б"], ["🧰 За екипа"]]),
        ("alone", [], column("Да"), [["Да"], ["🏠 Меню"]]),
        ("none beside another", [], ((Button("🔔", "/resume"),),), [["🔔"]]),
        ("after cards without words", [column("А")], (), [["А"], ["🏠 Меню"]]),
        ("of four", [((PERSON,),)], (*column("А"), (BACK, STAFF, HOME)),
         [["А"], ["⬅ Назад", "🧰 За екипа", "🏠 Меню"], ["☎ Човек"]]),
    ],
)  # fmt: skip
def test_the_ways_out(label: str, above: list[Rows], last: Rows, expected: list[list[str]]) -> None:
    assert shown(one(above, last, (HOME,))) == expected, label


def test_who_does_not_know_which_is_meant_sees_one() -> None:
    old, same = Button("Да", "/old"), Button("Напред", "/do 1")
    rows = one([((old,), (same,))], column("А", "Б", "Да"))
    assert [button.press for row in rows for button in row] == ["/do 0", "/do 1", "/do 2"]


def test_two_of_one_message_may_be_called_the_same() -> None:
    """Two people of a list."""
    assert len(one([column("Мария", "Мария")], column("Да", start=9))[0]) == 2


@pytest.mark.parametrize("number", [12, 13, 20, 30, 60])
def test_no_more_rows_than_are_shown(number: int) -> None:
    rows = one([column(*(f"Събитие {n}" for n in range(number)))], (*column("Да", "Не", start=99), (BACK,)), (HOME,))
    assert len(rows) <= MOST
    assert len([button for row in rows for button in row]) == number + 4
    assert rows[-1] == (HOME,)


buttons = st.builds(
    Button, st.text("абвгд ", min_size=1, max_size=60), st.sampled_from([f"/do {n}" for n in range(30)])
)
some_rows = st.lists(st.lists(buttons, min_size=1, max_size=3).map(tuple), max_size=12).map(tuple)


@given(st.lists(some_rows, max_size=3), some_rows)
def test_whatever_is_said_nothing_is_lost_but_doubles(above: list[Rows], last: Rows) -> None:
    rows = one(above, last, (HOME,))
    assert len(rows) <= MOST
    pressed = {button.press for row in rows for button in row}
    called = {button.label for row in rows for button in row}
    for button in (button for earlier in (*above, last) for row in earlier for button in row):
        assert button.press in pressed or button.label in called
    assert HOME in rows[-1]
