"""Links of ours: what they look like, who may open them, and what is given."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest
from PIL import Image

from bot.channels.public import PERSONAL, REFUSALS
from bot.channels.public_picture import LARGEST
from bot.messages import Delivery, Media, Outgoing
from tests.channels.public_kit import (
    ANOTHER,
    CALENDAR,
    OWN_DATA,
    SITE,
    SOMEBODY,
    Stage,
    noise,
    opening,
    path,
    saved,
    seen,
)
from tests.fakes.pictures import JPEG, OGG, PDF, png
from tests.fakes.sounds import opus
from tests.web.fake_bot import listening

PNG = png(4, 3)
GIF = b"GIF89a" + b"g" * 20
WEBP = saved(Image.new("RGB", (8, 6), "teal"), "WEBP")
HUGE = png(40, 30) + b"\0" * LARGEST
PHOTO, VOICE = Media("photo", number=1), Media("voice", number=1)


def file(name: str = "", mime: str = "") -> Media:
    return Media("document", number=1, filename=name, mime=mime)


@pytest.mark.parametrize(
    ("label", "media", "content", "name"),
    [
        ("a photo", PHOTO, JPEG, "photo.jpg"),
        ("a drawing", PHOTO, PNG, "photo.png"),
        ("a picture of few colours", PHOTO, GIF, "photo.gif"),
        ("a kind that no messenger draws", PHOTO, WEBP, "photo.jpg"),
        ("a drawing that is served smaller", PHOTO, HUGE, "photo.jpg"),
        ("a photo that is none", PHOTO, b"<svg>", "photo"),
        ("a photo not yet here", PHOTO, None, "photo.jpg"),
        ("a drawing not yet here", Media("photo", number=1, mime="image/png"), None, "photo.png"),
        ("our own chart", Media("photo", data=PNG), None, "photo.png"),
        ("a voice note", VOICE, OGG, "voice.ogg"),
        ("a voice note of an iPhone", VOICE, b"\x00\x00\x00\x1cftypM4A rest", "voice.m4a"),
        ("a voice note not yet here", VOICE, None, "voice.ogg"),
        ("a page", file("План за срещата.pdf"), PDF, "plan-za-sreshtata.pdf"),
        ("a page that says it is a program", file("plan.exe"), PDF, "plan.pdf"),
        ("a table that we do not know", file("Списък.csv"), b"a;b", "spisak.csv"),
        ("a long name", file("Много дълго име на един обикновен файл.pdf"), PDF, "mnogo-dalgo-ime-na-edin.pdf"),
        ("a name without letters", file("?!.pdf"), PDF, "file.pdf"),
        ("no name", file(), PDF, "file.pdf"),
        ("nothing known", file(), None, "file"),
        ("a name that tries to leave", file("../../etc/passwd"), None, "etc-passwd"),
    ],
)
def test_an_address_ends_as_the_content_says(label: str, media: Media, content: bytes | None, name: str) -> None:
    link = Stage().public.link(Delivery(9_000_000_000, SOMEBODY, Outgoing("", media=media)), content)
    assert link.rpartition("/")[2] == name, label
    assert len(link) < 120, label


async def test_what_many_get_has_one_address_and_what_one_gets_has_their_own() -> None:
    stage = Stage()

    def links(**brings: object) -> set[str]:
        to_two = [stage.row(number, to, **brings) for number, to in ((7, SOMEBODY), (8, ANOTHER))]
        return {stage.public.link(delivery, JPEG) for delivery in to_two}

    assert len(links(media=PHOTO)) == 1
    assert len(links(media=Media("photo", data=PNG))) == 2
    assert len(links(document=OWN_DATA)) == 2
    assert len({stage.public.player(stage.row(n, media=VOICE)) for n in (7, 8)}) == 1


@pytest.mark.parametrize("brings", [{}, {"media": PHOTO}, {"document": OWN_DATA}])
def test_only_a_voice_note_has_a_player_and_nothing_has_no_address(brings: dict[str, object]) -> None:
    stage = Stage()
    with pytest.raises(ValueError, match="voice"):
        stage.public.player(stage.row(7, **brings))
    with pytest.raises(ValueError, match="nothing"):
        stage.public.link(stage.row(7), None)


# --- what is given --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "brings", "content", "mime", "cached"),
    [
        ("a photo", {"media": PHOTO}, JPEG, "image/jpeg", "private, max-age=3600"),
        ("a voice note", {"media": VOICE}, OGG, "audio/ogg", "private, max-age=3600"),
        ("a file", {"media": file("план.pdf")}, PDF, "application/pdf", "private, max-age=3600"),
        ("a script", {"media": PHOTO}, b"<script>", "application/octet-stream", "private, max-age=3600"),
        ("our own chart", {"media": Media("photo", data=PNG)}, PNG, "image/png", "no-store"),
        ("a calendar", {"document": CALENDAR}, CALENDAR.text.encode(), "text/calendar; charset=utf-8", "no-store"),
    ],
)
async def test_it_is_given_as_what_it_is(
    label: str, brings: dict[str, object], content: bytes, mime: str, cached: str
) -> None:
    stage = Stage(contents={1: content})
    link = stage.link(7, content, **brings)
    async with opening(stage) as http:
        got = await http.get(link)
    assert (got.status_code, got.content, got.headers["content-type"]) == (200, content, mime), label
    assert got.headers["cache-control"] == cached
    shown = mime.startswith(("image/", "audio/"))
    assert got.headers["content-disposition"].startswith("inline" if shown else "attachment")
    safe(got)


def safe(got: httpx.Response) -> None:
    """Every answer of ours, whatever it is."""
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["referrer-policy"] == "no-referrer"
    assert got.headers["x-robots-tag"] == "noindex, nofollow, noarchive"
    assert got.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    assert "script" not in got.headers["content-security-policy"]
    assert got.headers["strict-transport-security"]


async def test_a_player_gets_the_piece_it_asks_for() -> None:
    stage = Stage(contents={1: OGG})
    link = stage.link(7, OGG, media=VOICE)
    async with opening(stage) as http:
        got = await http.get(link, headers={"Range": "bytes=0-1"})
    assert (got.status_code, got.headers["content-range"], got.content) == (206, "bytes 0-1/66", OGG[:2])
    assert got.headers["accept-ranges"] == "bytes"


async def test_a_head_has_the_headers_and_no_body() -> None:
    stage = Stage(contents={1: JPEG})
    link = stage.photo(JPEG)
    async with listening(stage.public.routes()) as url, httpx.AsyncClient() as http:
        got = await http.head(url + link)
    assert (got.status_code, got.content) == (200, b"")
    assert (got.headers["content-length"], got.headers["content-type"]) == (str(len(JPEG)), "image/jpeg")


async def test_the_page_of_a_voice_note_plays_it_without_a_script() -> None:
    stage = Stage(contents={1: opus(1)})
    async with opening(stage) as http:
        page = await http.get(path(stage.public.player(stage.row(7, media=VOICE))))
        sound = page.text.split('<audio controls preload="metadata" src="')[1].partition('"')[0]
        played = await http.get(sound)
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    assert "Община Видин" in page.text
    assert "Гласово съобщение" in page.text
    assert "Ето" not in page.text, "the words stay in the chat"
    assert '<meta name="robots" content="noindex, nofollow, noarchive">' in page.text
    assert "<script" not in page.text
    assert "https://" not in page.text
    assert (played.content, played.headers["content-type"]) == (stage.contents[1], "audio/ogg")
    assert sound.endswith("/voice.ogg")
    safe(page)


# --- who may open it ------------------------------------------------------------------------------------------------

PHOTO_LINK = Stage().link(7, JPEG, media=PHOTO)
FORGED = {
    "another signature": PHOTO_LINK.replace(".", ".A", 1).replace(PHOTO_LINK[-12], "", 1),
    "one letter of it": PHOTO_LINK[:7] + ("x" if PHOTO_LINK[7] != "x" else "y") + PHOTO_LINK[8:],
    "in other letters": PHOTO_LINK.swapcase().replace("/F/PN", "/f/pn").replace("PHOTO.JPG", "photo.jpg"),
    "no signature": "/f/pn1/photo.jpg",
    "an empty one": "/f/pn1./photo.jpg",
    "cut in the signature": PHOTO_LINK[:20],
    "cut before the name": PHOTO_LINK[: -len("/photo.jpg")],
    "cut in the name": PHOTO_LINK[:-4],
    "another number": PHOTO_LINK.replace("pn1.", "pn2."),
    "by row": PHOTO_LINK.replace("pn1.", "pr1."),
    "another kind": PHOTO_LINK.replace("pn1.", "fn1."),
    "a longer life": PHOTO_LINK.replace("pn1.", "pn1-ffffffff."),
    "another name": PHOTO_LINK.replace("photo.jpg", "photo.exe"),
    "something behind": f"{PHOTO_LINK}/more",
    "an end behind": f"{PHOTO_LINK}%00",
    "letters that are none": f"/f/pn1.{'%D0%B0' * 24}/photo.jpg",
    "digits that are none": "/f/pn%D9%A1." + PHOTO_LINK.split(".", 1)[1],
    "nothing": "/f/",
    "another secret": path(
        Stage().made(b"of somebody else").link(Delivery(7, SOMEBODY, Outgoing("", media=PHOTO)), JPEG)
    ),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
async def test_what_we_did_not_sign_asks_nothing_and_gets_a_kind_page(forged: str) -> None:
    assert forged != PHOTO_LINK
    stage = Stage(contents={1: JPEG, 2: JPEG})
    async with opening(stage) as http:
        answers = [await http.get(forged), await http.post(forged)]
    for got in answers:
        assert (got.status_code, REFUSALS["unknown"][1] in got.text) == (404, True)
        safe(got)
    assert stage.asked == [], "the signature comes first"


async def test_the_signature_covers_a_row_so_that_nobody_gets_another_persons_data() -> None:
    stage = Stage()
    mine, theirs = (stage.link(row, document=OWN_DATA) for row in (7, 8))
    assert mine != theirs
    async with opening(stage) as http:
        got = await http.post(mine.replace("dr7", "dr8"))
    assert (got.status_code, stage.asked) == (404, [])


@pytest.mark.parametrize("link", [PHOTO_LINK, Stage().link(7, document=CALENDAR)])
async def test_only_a_personal_document_is_posted_for(link: str) -> None:
    async with opening(stage := Stage(contents={1: JPEG})) as http:
        got = await http.post(link)
    assert (got.status_code, got.headers["allow"], stage.asked) == (405, "GET, HEAD", [])


# --- personal -------------------------------------------------------------------------------------------------------


async def test_a_preview_of_somebodys_data_shows_a_button_and_nothing_of_them() -> None:
    stage = Stage()
    link = stage.link(7, document=OWN_DATA)
    async with opening(stage) as http:
        page = await http.get(link)
        got = await http.post(link)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert '<form method="post"><button class="button">⬇ Свали</button></form>' in page.text
    assert "до 25.11.2026, 14:00" in page.text
    assert "Проба" not in page.text
    assert (got.status_code, got.content) == (200, OWN_DATA.text.encode())
    assert got.headers["content-type"] == "application/json"
    assert "attachment" in got.headers["content-disposition"]
    assert "moite-danni.json" in got.headers["content-disposition"]
    for answer in (page, got):
        assert answer.headers["cache-control"] == "no-store"
        safe(answer)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_such_a_link_lives_a_day(method: str) -> None:
    stage = Stage()
    link = stage.link(7, document=OWN_DATA)
    async with opening(stage) as http:
        stage.now += PERSONAL - timedelta(seconds=1)
        last = await http.request(method, link)
        stage.now += timedelta(seconds=1)
        stage.asked.clear()
        late = await http.request(method, link)
    assert last.status_code == 200
    assert (late.status_code, REFUSALS["old"][1] in late.text, stage.asked) == (410, True, [])
    assert late.headers["cache-control"] == "no-store"


# --- gone, and not to be had now ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "brings",
    [
        {"media": PHOTO}, {"media": VOICE}, {"media": file("план.pdf")}, {"media": Media("photo", data=PNG)},
        {"document": CALENDAR}, {"document": OWN_DATA},
    ],
)  # fmt: skip
@pytest.mark.parametrize(("why", "status"), [("gone", 410), ("busy", 503)])
async def test_what_is_gone_and_what_cannot_be_read_now_is_told_kindly(
    brings: dict[str, Media], why: str, status: int
) -> None:
    stage = Stage(down=why == "busy")
    links = [stage.link(7, **brings)]
    if brings.get("media") == VOICE:
        links.append(path(stage.public.player(stage.row(7, **brings))))
    stage.messages.clear()
    async with opening(stage) as http:
        for link in links:
            got = await http.get(link)
            assert (got.status_code, REFUSALS[why][1] in got.text) == (status, True)
            assert got.headers["cache-control"] == "no-store"
            assert got.headers.get("retry-after") == ("2" if why == "busy" else None)
            assert ("Опитай пак" in got.text) == (why == "busy")
            safe(got)


async def test_a_row_that_says_something_else_by_now_gives_nothing() -> None:
    stage = Stage()
    links = [stage.link(7, document=OWN_DATA), stage.link(7, media=Media("photo", data=PNG))]
    stage.messages[7] = Outgoing("Само думи")
    async with opening(stage) as http:
        assert [(await http.get(link)).status_code for link in links] == [410, 410]


async def test_what_was_erased_is_shown_no_longer_than_a_minute() -> None:
    stage = Stage()
    link = stage.photo(JPEG)
    async with opening(stage) as http:
        assert (await http.get(link)).status_code == 200
        stage.contents.clear()
        stage.now += timedelta(minutes=1)
        assert (await http.get(link)).status_code == 410


# --- pictures -------------------------------------------------------------------------------------------------------


def with_a_place() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned
    exif[0x8825] = {1: "N", 2: (43.0, 59.0, 0.0)}
    return saved(Image.new("RGB", (40, 20), "teal"), exif=exif)


@pytest.mark.parametrize(
    ("label", "content", "size"),
    [
        ("a large photo", noise(2400, 1200), (1600, 800)),
        ("a large drawing", noise(1000, 800, "PNG"), (1000, 800)),
        ("a small one that says where it was taken", with_a_place(), (20, 40)),
        ("a kind that messengers do not draw", WEBP, (8, 6)),
        ("see-through", saved(Image.new("RGBA", (8, 6), (0, 0, 0, 0)), "WEBP"), (8, 6)),
    ],
)
async def test_a_picture_is_given_as_a_messenger_takes_it(label: str, content: bytes, size: tuple[int, int]) -> None:
    stage = Stage()
    link = stage.photo(content)
    async with opening(stage) as http:
        got = await http.get(link)
    assert (got.status_code, got.headers["content-type"], link[-4:]) == (200, "image/jpeg", ".jpg"), label
    assert len(got.content) <= LARGEST
    picture = seen(got.content)
    assert picture.size == size
    assert dict(picture.getexif()) == {}
    assert label != "see-through" or picture.convert("RGB").getpixel((2, 2)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("label", "content"),
    [
        ("small and plain", saved(Image.new("RGB", (40, 20), "teal"))),
        ("large and broken", b"\xff\xd8\xff\xe0" + b"j" * LARGEST),
        ("large and cut", noise(2400, 1200)[:LARGEST + 9]),
        ("a drawing that claims to be a field", png(4, 3).replace(b"\0\0\0\4\0\0\0\3", b"\0\0\x1f\xff\0\0\x2f\xff")),
    ],
)  # fmt: skip
async def test_another_picture_is_left_as_it_is(label: str, content: bytes) -> None:
    stage = Stage()
    link = stage.photo(content)
    async with opening(stage) as http:
        got = await http.get(link)
    assert (got.status_code, got.content) == (200, content), label


async def test_a_thousand_phones_at_once_read_a_picture_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    link = stage.photo(noise(2000, 1000))
    async with opening(stage) as http:
        answers = await asyncio.gather(*(http.get(link) for _ in range(50)))
    assert {got.status_code for got in answers} == {200}
    assert stage.asked == ["content 1"]


async def test_only_some_pictures_are_kept_at_hand() -> None:
    stage = Stage(contents=dict.fromkeys(range(1, 31), JPEG))
    links = [stage.link(7, JPEG, media=Media("photo", number=number)) for number in stage.contents]
    async with opening(stage) as http:
        for link in links:
            await http.get(link)
        assert len(stage.public._kept._there) == 16
        await http.get(links[0])
    assert stage.asked.count("content 1") == 2


async def test_a_long_note_is_read_once_however_many_pieces_of_it_are_asked_for() -> None:
    note = OGG + b"\0" * 9_000_000
    stage = Stage(contents={1: note, 2: note[:-1]})
    links = [stage.link(7, note, media=Media("voice", number=number)) for number in (1, 2)]
    async with opening(stage) as http:
        for begin in range(0, 9_000_000, 90_000):
            got = await http.get(links[0], headers={"Range": f"bytes={begin}-{begin + 1}"})
            assert (got.status_code, got.content) == (206, note[begin : begin + 2])
        assert stage.asked == ["content 1"]
        assert len((await http.get(links[1])).content) == len(note) - 1
        await http.get(links[0])
        assert stage.asked == ["content 1", "content 2", "content 1"], "one large content is kept, no two"
        stage.now += timedelta(minutes=1)
        stage.contents.clear()
        assert (await http.get(links[0])).status_code == 410, "and for a minute alone"


async def test_a_large_content_takes_no_small_ones_place() -> None:
    stage = Stage(contents={1: JPEG, 2: PDF + b"\0" * 2_000_000})
    small, large = (stage.link(7, JPEG, media=media) for media in (PHOTO, Media("document", number=2)))
    async with opening(stage) as http:
        for link in (small, large, small, large):
            await http.get(link)
    assert stage.asked == ["content 1", "content 2"]


async def test_the_site_may_end_with_a_stroke() -> None:
    stage = Stage()
    delivery = stage.row(7, media=PHOTO)
    assert stage.made(b"k", f"{SITE}/").link(delivery, JPEG) == stage.made(b"k").link(delivery, JPEG)
