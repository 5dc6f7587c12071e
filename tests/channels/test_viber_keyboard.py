"""Keyboards: how rows and labels become a grid of six columns and twelve rows."""

from __future__ import annotations

import pytest

from bot.channels import viber_keyboard
from bot.channels.viber_keyboard import MOST_ROWS, keyboard
from bot.messages import Button, Outgoing


def test_a_keyboard_has_twelve_rows_at_most_and_no_button_is_lost() -> None:
    for count in (1, 11, 12, 13, 24, 30, 36, 40, 72):
        made = keyboard(Outgoing("", tuple((Button(f"Име {n}", f"{n}"),) for n in range(count))))
        assert made is not None
        buttons = made["Buttons"]
        assert [b["ActionBody"] for b in buttons] == [f"tap:{n}" for n in range(count)]
        filled = rows = 0
        for shape in buttons:
            filled = filled + shape["Columns"] if filled % 6 else shape["Columns"]
            assert filled <= 6
            rows += filled == 6
        assert rows <= MOST_ROWS
        assert filled == 6, "the last row is full"


def test_a_link_above_a_full_keyboard_takes_no_thirteenth_row() -> None:
    link = viber_keyboard.opens("🔊 Чуйте", "https://bot.example/f/1")
    made = keyboard(Outgoing("", tuple((Button(f"{n}", f"{n}"),) for n in range(12))), first=link)
    assert made is not None
    assert [shape["ActionBody"] for shape in made["Buttons"]] == [link["ActionBody"], *(f"tap:{n}" for n in range(12))]
    assert sum(shape["Columns"] for shape in made["Buttons"]) == 6 * (1 + 6)


def test_of_more_than_a_keyboard_holds_the_last_way_out_stays() -> None:
    made = keyboard(Outgoing("", tuple((Button(f"{n}", f"{n}"),) for n in range(100))))
    assert made is not None
    assert sum(shape["Columns"] for shape in made["Buttons"]) <= 6 * MOST_ROWS
    assert made["Buttons"][-1]["ActionBody"] == "tap:99"


@pytest.mark.parametrize(("rows", "high"), [(6, 2), (7, 1)])
def test_long_labels_are_two_lines_high_as_long_as_all_fit(rows: int, high: int) -> None:
    made = keyboard(Outgoing("", tuple((Button("Мария Иванова", f"{n}"),) * 3 for n in range(rows))))
    assert made is not None
    assert {shape["Rows"] for shape in made["Buttons"]} == {high}


def test_no_label_is_longer_than_viber_takes_and_no_entity_is_cut() -> None:
    made = keyboard(Outgoing("", ((Button("<" * 300, "x"),),)))
    assert made is not None
    text = made["Buttons"][0]["Text"]
    assert len(text) <= 250
    assert text.removesuffix("…</font>").endswith("&lt;")
