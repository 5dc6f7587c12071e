"""One message as rows: no word is lost, the buttons stand last, and what is in parts takes nobody's place."""

from __future__ import annotations

import pytest

from bot import abilities
from bot.lengths import CAPTION, LONGEST, units
from bot.messages import Button, Document, Media, Outgoing
from bot.parts import parts

ROWS = ((Button("👍 Да", "y"),),)
PHOTO = Media("photo", "telegram", "AgAC")
WORDS = "дума " * 2000


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("short words", Outgoing("Ето", ROWS, replaces="7")),
        ("as much as fits", Outgoing("я" * LONGEST)),
        ("a picture without words", Outgoing("", media=PHOTO)),
        ("as much as fits under a picture", Outgoing("я" * CAPTION, ROWS, media=PHOTO, replaces="7")),
        ("one's own data, whose words are cut instead", Outgoing(WORDS, document=Document("a", "b", "c"))),
        ("what only takes away", Outgoing("", removes="7")),
    ],
)
def test_what_fits_is_one_row(label: str, message: Outgoing) -> None:
    assert parts(message) == [message], label


def test_what_does_not_fit_under_a_picture_follows_it_whole() -> None:
    message = Outgoing("я" * (CAPTION + 1), ROWS, media=PHOTO, replaces="7")
    assert parts(message) == [Outgoing("", media=PHOTO), Outgoing("я" * (CAPTION + 1), ROWS)]


def test_an_emoji_counts_two_as_telegram_counts() -> None:
    assert len(parts(Outgoing("👍" * (CAPTION // 2), media=PHOTO))) == 1
    assert len(parts(Outgoing("👍" * (CAPTION // 2) + "!", media=PHOTO))) == 2


def test_a_picture_with_very_many_words_goes_first_and_all_of_them_after_it() -> None:
    first, *rest = parts(Outgoing(WORDS, ROWS, media=PHOTO))
    assert (first.media, first.text, [part.media for part in rest]) == (PHOTO, "", [None] * len(rest))
    assert " ".join(part.text for part in rest).split() == WORDS.split()
    assert all(units(part.text) <= LONGEST for part in rest)
    assert [bool(part.rows) for part in rest] == [*[False] * (len(rest) - 1), True]


@pytest.mark.parametrize(("channel", "longest", "caption"), [
    ("telegram", 4096, 1024), ("viber", 7000, 768), ("web", 16_000, 1024),
])  # fmt: skip
def test_each_channel_has_its_own_measure(channel: str, longest: int, caption: int) -> None:
    can = abilities.of(channel)
    assert len(parts(Outgoing("я" * longest), can)) == 1
    assert len(parts(Outgoing("я" * (longest + 1)), can)) == 2
    assert len(parts(Outgoing("я" * caption, media=PHOTO), can)) == 1
    assert len(parts(Outgoing("я" * (caption + 1), media=PHOTO), can)) == 2


def test_a_long_text_is_cut_between_words_on_every_channel() -> None:
    for channel in abilities.ABILITIES:
        can = abilities.of(channel)
        cut = parts(Outgoing(WORDS * 3, ROWS), can)
        assert " ".join(part.text for part in cut).split() == (WORDS * 3).split()
        assert all(units(part.text) <= can.longest for part in cut)
        assert [bool(part.rows) for part in cut] == [*[False] * (len(cut) - 1), True]
