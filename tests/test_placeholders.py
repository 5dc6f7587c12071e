"""Placeholders in words that staff wrote: known ones are filled, unknown ones are named, and none leaves a gap."""

from __future__ import annotations

import pytest

from bot.placeholders import NAME, WHEN, fill, unknown

FILLED = {
    "a name": ("Здравейте, ((име))!", "Здравейте, Мария!"),
    "in capitals and with gaps": ("(( ИМЕ )), елате", "Мария, елате"),
    "on a Latin keyboard": ("((ime)), елате", "Мария, елате"),
    "without a value": ("Здравейте, ((кога))!", "Здравейте!"),
    "without a value at the beginning": ("((кога)) елате", "елате"),
    "of nobody knows what": ("((цена)) лева", "((цена)) лева"),
    "single brackets": ("Елате (утре)", "Елате (утре)"),
    "markup": ("<b>*Елате*</b> & елате", "<b>*Елате*</b> & елате"),
}


@pytest.mark.parametrize(("typed", "shown"), [pytest.param(*case, id=name) for name, case in FILLED.items()])
def test_a_placeholder_becomes_its_value(typed: str, shown: str) -> None:
    assert fill(typed, {NAME: "Мария", WHEN: ""}) == shown


def test_what_a_name_holds_is_not_filled_again() -> None:
    assert fill("((име))", {NAME: "((кога))", WHEN: "утре"}) == "((кога))"


def test_unknown_ones_are_named_once_as_they_were_typed() -> None:
    assert unknown("((име)) ((Цена)) ((цена)) ((Цена)) (())", [NAME]) == ["Цена", "цена", ""]
