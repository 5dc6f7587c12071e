"""The pictures that we draw ourselves: read by a camera, legible on a telephone, the same for the same values."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from bot import pictures
from bot.pictures import FLOOR, LOWEST, MARGIN, SIZE, TITLE, Bar

WEEKS = [Bar("1–7", 300, "300"), Bar("8–14", 2, "под 5"), Bar("15–21", 0, "0"), Bar("22–28", 848, "848", best=True)]
LONGEST = "Записаха се 12480 души, най-много 22–28 септември"


def opened(data: bytes) -> Image.Image:
    picture = Image.open(BytesIO(data))
    assert picture.format == "PNG"
    return picture.convert("RGB")


def is_paper(picture: Image.Image, box: tuple[int, int, int, int]) -> bool:
    return picture.crop(box).getcolors() == [(len(picture.crop(box).tobytes()) // 3, (255, 255, 255))]


def columns_of(picture: Image.Image, row: int, colour: str) -> int:
    """How wide the bars of one colour are at a height."""
    wanted = tuple(int(colour[n : n + 2], 16) for n in (1, 3, 5))
    near = [abs(a - b) for x in range(SIZE[0]) for a, b in [(sum(picture.getpixel((x, row))), sum(wanted))]]  # type: ignore[arg-type]
    return sum(difference < 12 for difference in near)


def test_the_same_weeks_give_the_same_picture_small_enough_for_a_weak_signal() -> None:
    first, second = (pictures.bars(LONGEST, "По седмици", WEEKS) for _ in range(2))
    assert first == second
    assert opened(first).size == SIZE
    assert len(first) < 40_000


def test_nothing_touches_the_border_and_the_title_leaves_the_bars_their_room() -> None:
    picture = opened(pictures.bars(LONGEST, "По седмици", WEEKS))
    width, height = SIZE
    for border in (
        (0, 0, width, 20),
        (0, height - 20, width, height),
        (0, 0, 20, height),
        (width - 20, 0, width, height),
    ):
        assert is_paper(picture, border)
    assert is_paper(picture, (MARGIN, TITLE * 4 + 50, width // 2, TITLE * 4 + 70)), "between the words and the bars"


def test_the_best_week_stands_out_and_a_small_one_can_still_be_seen() -> None:
    picture = opened(pictures.bars("Дойдоха", "По седмици", WEEKS))
    assert columns_of(picture, FLOOR - 200, pictures.BEST) > 100
    assert columns_of(picture, FLOOR - LOWEST // 2, pictures.BAR) > 200, "two light bars, one of them tiny"


@pytest.mark.parametrize("weeks", [[], WEEKS[:1], [Bar("1", 0, "0")], [Bar("1–7", 5, "5")] * 5])
def test_any_number_of_weeks_can_be_drawn(weeks: list[Bar]) -> None:
    assert opened(pictures.bars("Дойдоха", "По седмици", weeks)).size == SIZE


def test_cyrillic_letters_are_letters_and_no_boxes() -> None:
    drawn = {pictures.bars(letter, "", []) for letter in "БДЖЙЩЪЬЮЯѝ№„“–"}
    assert len(drawn) == 14


def test_a_code_is_black_on_white_with_room_around_it() -> None:
    picture = opened(pictures.qr("https://t.me/most_vidin_bot?start=ot-abcdefghij"))
    assert {colour for _, colour in picture.getcolors() or []} == {(0, 0, 0), (255, 255, 255)}
    assert is_paper(picture, (0, 0, picture.width, 64)), "a camera needs four modules of quiet"
    assert min(picture.size) >= 500
