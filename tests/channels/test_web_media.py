"""Pictures, voice notes and files on the web chat's page, and who may fetch them."""

from __future__ import annotations

import pytest

from bot.channels import Unavailable
from bot.channels.web_files import Attached, attached
from bot.kinds import mime_of
from bot.messages import Media, Outgoing
from tests.channels.web_visitor import visiting
from tests.fakes.pictures import JPEG, OGG, PDF, png
from tests.web.fake_bot import FakeBot

PNG = png(4, 3)
OFFICE = b"PK\x03\x04" + b"x" * 40 + b"word/document.xml" + b"x" * 40


@pytest.mark.parametrize(
    ("label", "content", "mime"),
    [
        ("a photo", JPEG, "image/jpeg"),
        ("a drawing", PNG, "image/png"),
        ("a picture of few colours", b"GIF89a rest", "image/gif"),
        ("a small photo", b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        ("a voice note", OGG, "audio/ogg"),
        ("music with a title", b"ID3\x04rest", "audio/mpeg"),
        ("music without", b"\xff\xfb\x90rest", "audio/mpeg"),
        ("a voice note of an iPhone", b"\x00\x00\x00\x1cftypM4A rest", "audio/mp4"),
        ("a page", PDF, "application/pdf"),
        ("a letter", OFFICE, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a rich letter", b"{\\rtf1 rest", "application/rtf"),
        ("any other archive", b"PK\x03\x04rest", "application/octet-stream"),
        ("a video", b"\x00\x00\x00\x1cftypmp42rest", "application/octet-stream"),
        ("a page of the web", b"<html><script>", "application/octet-stream"),
        ("a drawing with a script", b"<svg onload=alert(1)>", "application/octet-stream"),
        ("a program", b"MZ\x90", "application/octet-stream"),
        ("music that is none", b"RIFF\x00\x00\x00\x00WAVE", "application/octet-stream"),
        ("nothing", b"", "application/octet-stream"),
    ],
)
def test_a_file_is_what_its_first_bytes_say(label: str, content: bytes, mime: str) -> None:
    assert mime_of(content) == mime, label


@pytest.mark.parametrize(
    ("media", "shown"),
    [
        (None, None),
        (Media("photo", number=3), Attached("photo", "/chat/media/7", "Снимка, отваря се по-голяма")),
        (Media("photo", data=PNG), Attached("photo", "/chat/media/7", "Снимка, отваря се по-голяма")),
        (Media("voice", number=3), Attached("voice", "/chat/media/7", "Гласово съобщение")),
        (Media("document", number=3, filename="план.pdf"), Attached("document", "/chat/media/7", "план.pdf")),
        (Media("document", number=3), Attached("document", "/chat/media/7", "Файл")),
        (Media("photo", "telegram", "AgAC"), Attached("gone", "", "🖼 Снимката вече не се пази")),
        (Media("hologram", number=3), None),
    ],
)
def test_a_bubble_shows_what_can_be_shown(media: Media | None, shown: Attached | None) -> None:
    assert attached(media, 7) == shown


SERVED: dict[str, tuple[Media, str, str]] = {  # what is sent, its media type, how a browser takes it
    "a photo": (Media("photo", number=1), "image/jpeg", "inline; filename=\"file\"; filename*=UTF-8''photo.jpg"),
    "our chart": (Media("photo", data=PNG), "image/png", "inline; filename=\"file\"; filename*=UTF-8''photo.png"),
    "a voice note": (Media("voice", number=2), "audio/ogg", "inline; filename=\"file\"; filename*=UTF-8''voice.ogg"),
    "a document": (
        Media("document", number=3, filename='п"\r\n.pdf', mime="text/html"),
        "application/pdf",
        "attachment; filename=\"file\"; filename*=UTF-8''%D0%BF%22%0D%0A.pdf",
    ),
    "a page that says it is a photo": (
        Media("photo", number=4, mime="image/png"),
        "application/octet-stream",
        "attachment; filename=\"file\"; filename*=UTF-8''photo",
    ),
}
CONTENTS = {1: JPEG, 2: OGG, 3: PDF, 4: b"<script>alert(1)</script>"}


@pytest.mark.parametrize(("media", "mime", "disposition"), SERVED.values(), ids=SERVED.keys())
async def test_it_is_served_as_what_it_is(media: Media, mime: str, disposition: str) -> None:
    bot = FakeBot(answers=lambda _: [Outgoing("Ето", media=media)], contents=CONTENTS)
    async with visiting(bot.channel()) as visitor:
        await visitor.open()
        await visitor.json(text="покажи")
        got = await visitor.http.get("/chat/media/1")
    assert (got.status_code, got.content) == (200, media.data or CONTENTS[media.number])
    assert got.headers["content-type"] == mime
    assert got.headers["content-disposition"] == disposition
    assert got.headers["cache-control"] == "private, no-store"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in got.headers["content-security-policy"]


async def test_the_page_shows_it_with_and_without_the_script() -> None:
    bot = FakeBot(contents=CONTENTS)
    bot.answers = lambda _: [
        Outgoing("Ето", media=Media("photo", number=1)),
        Outgoing("", media=Media("voice", number=2)),
        Outgoing("Вижте", media=Media("document", number=3, filename="<план>.pdf")),
        Outgoing("Стара", media=Media("photo", "telegram", "AgAC")),
    ]
    async with visiting(bot.channel()) as visitor:
        await visitor.open()
        await visitor.json(text="покажи")
        told = (await visitor.http.get("/chat/messages?after=0")).json()
        await visitor.open()
    assert [line["media"][:2] for line in told] == [
        ["photo", "/chat/media/1"],
        ["voice", "/chat/media/2"],
        ["document", "/chat/media/3"],
        ["gone", ""],
    ]
    assert '<img src="/chat/media/1" alt="Снимка, отваря се по-голяма"' in visitor.html
    assert '<audio class="voice" controls preload="none" src="/chat/media/2" aria-label="Гласово' in visitor.html
    assert '<a class="file" href="/chat/media/3" download>📄 &lt;план&gt;.pdf</a>' in visitor.html
    assert '<span class="file">🖼 Снимката вече не се пази</span>' in visitor.html
    assert "AgAC" not in visitor.html + str(told)


async def test_nobody_gets_what_another_chat_got() -> None:
    bot = FakeBot(answers=lambda _: [Outgoing("Ето", media=Media("photo", number=1))], contents=CONTENTS)
    channel = bot.channel()
    async with visiting(channel) as visitor, visiting(channel) as stranger, visiting(channel) as nobody:
        for person in (visitor, stranger):
            await person.open()
            await person.json(text="покажи")
        codes = [(await visitor.http.get(f"/chat/media/{n}")).status_code for n in ("1", "2", "0", "99", "-1", "x")]
        assert (await stranger.http.get("/chat/media/1")).status_code == 404
        assert (await nobody.http.get("/chat/media/1")).status_code == 403
    assert codes == [200, 404, 404, 404, 404, 404]


async def test_what_was_taken_away_cannot_be_fetched_any_more() -> None:
    bot = FakeBot(answers=lambda _: [Outgoing("Ето", media=Media("photo", number=1))], contents=CONTENTS)
    async with visiting(bot.channel()) as visitor:
        await visitor.open()
        await visitor.json(text="покажи")
        bot.put(bot.accepted[0].address, Outgoing("", removes="1"))
        assert (await visitor.http.get("/chat/media/1")).status_code == 404
        await visitor.open()
    assert "/chat/media/1" not in visitor.html
    assert "Ето" not in visitor.html


@pytest.mark.parametrize("media", [None, Media("photo", number=9), Media("photo", "telegram", "AgAC")])
async def test_what_is_not_there_is_a_friendly_404(media: Media | None) -> None:
    bot = FakeBot(answers=lambda _: [Outgoing("Ето", media=media)], contents=CONTENTS)
    async with visiting(bot.channel()) as visitor:
        await visitor.open()
        await visitor.json(text="покажи")
        got = await visitor.http.get("/chat/media/1")
    assert (got.status_code, "вече го няма" in got.text) == (404, True)


async def test_a_database_that_is_down_is_told_friendly_too(monkeypatch: pytest.MonkeyPatch) -> None:
    bot = FakeBot(answers=lambda _: [Outgoing("Ето", media=Media("photo", number=1))])

    async def down(number: int) -> bytes | None:
        raise Unavailable

    monkeypatch.setattr(bot, "content", down)
    async with visiting(bot.channel()) as visitor:
        await visitor.open()
        await visitor.json(text="покажи")
        assert (await visitor.http.get("/chat/media/1")).status_code == 503


@pytest.mark.parametrize(
    ("asked", "status", "told", "piece"),
    [
        ("bytes=0-1", 206, "bytes 0-1/66", OGG[:2]),
        ("bytes=2-", 206, "bytes 2-65/66", OGG[2:]),
        ("bytes=60-900", 206, "bytes 60-65/66", OGG[60:]),
        ("bytes=-4", 206, "bytes 62-65/66", OGG[-4:]),
        ("bytes=66-", 200, None, OGG),
        ("bytes=5-2", 200, None, OGG),
        ("bytes=-", 200, None, OGG),
        ("bytes=0-1,4-5", 200, None, OGG),
        ("lines=0-1", 200, None, OGG),
    ],
)
async def test_a_player_gets_the_piece_it_asks_for(asked: str, status: int, told: str | None, piece: bytes) -> None:
    bot = FakeBot(answers=lambda _: [Outgoing("", media=Media("voice", number=2))], contents=CONTENTS)
    async with visiting(bot.channel()) as visitor:
        await visitor.open()
        await visitor.json(text="покажи")
        got = await visitor.http.get("/chat/media/1", headers={"Range": asked})
    assert (got.status_code, got.headers.get("content-range"), got.content) == (status, told, piece)
