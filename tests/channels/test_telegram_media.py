"""Pictures, voice notes and files on Telegram: what is sent, deleted and fetched, and what may go wrong."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.channels import Brings, Unavailable
from bot.channels.telegram import TelegramChannel
from bot.channels.telegram_update import read_update
from bot.messages import Address, Button, Delivery, Failure, Incoming, Media, Outgoing, Sent
from tests.channels.telegram_kit import Inbox, channel
from tests.fakes.pictures import JPEG, OGG, PDF, png
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_people import Person

YES = Button("👍 Да", press="r:q:yes")
LARGEST = 1000
KEPT = {1: JPEG, 2: OGG, 3: PDF, 4: b"no picture at all", 5: png(30, 1000)}
PHOTO, VOICE, FILE = (Media(kind, "telegram", f"{kind}-1") for kind in ("photo", "voice", "document"))


async def content(number: int) -> bytes | None:
    if number == 9:
        raise Unavailable
    return KEPT.get(number)


@pytest.fixture
async def telegram(fake: FakeTelegram) -> AsyncIterator[TelegramChannel]:
    made = channel(fake, Inbox(), content=content, answer_seconds=0.1)
    yield made
    await made.close()


def delivery(text: str = "Ето", **more: Any) -> Delivery:
    return Delivery(1, Address("telegram", "7"), Outgoing(text, **more))


def seen(person: Person) -> tuple[str, bytes]:
    """Which kind stands in the chat, and what it holds."""
    last, files = person.last, person.network.files  # type: ignore[attr-defined]
    if last.document:
        return "document", last.document[1]
    return ("photo", files.get(last.photo).content) if last.photo else ("voice", files.get(last.voice).content)


SENT: dict[str, tuple[Media, tuple[str, bytes]]] = {
    "a photo that came by Telegram": (PHOTO, ("photo", b"p")),
    "a voice note that came by Telegram": (VOICE, ("voice", b"v")),
    "a document that came by Telegram": (FILE, ("document", b"d")),
    "what came by Telegram and is kept too": (Media("photo", "telegram", "photo-1", number=1), ("photo", b"p")),
    "a photo that came by another channel": (Media("photo", "viber", "url", number=1), ("photo", JPEG)),
    "a voice note that came by another channel": (Media("voice", "viber", "url", number=2), ("voice", OGG)),
    "a document that came by another channel": (Media("document", "viber", "url", number=3), ("document", PDF)),
    "a chart of ours": (Media("photo", data=png(4, 3)), ("photo", png(4, 3))),
}


@pytest.mark.parametrize(("media", "expected"), SENT.values(), ids=SENT.keys())
async def test_it_arrives_with_words_and_buttons(
    media: Media, expected: tuple[str, bytes], person: Person, telegram: TelegramChannel
) -> None:
    assert await telegram.send(delivery("<b>Ето</b>", media=media, rows=((YES,),))) == Sent(str(person.last.id))
    assert seen(person) == expected
    assert (person.last.text, person.last.labels) == ("<b>Ето</b>", ["👍 Да"])


async def test_it_arrives_without_words_and_with_the_menu(person: Person, telegram: TelegramChannel) -> None:
    assert isinstance(await telegram.send(delivery("", media=PHOTO, menu=(("Питай",),))), Sent)
    assert (person.last.text, person.keyboard) == ("", [["Питай"]])


async def test_a_document_keeps_its_name_and_never_its_sender_s_type(person: Person, telegram: TelegramChannel) -> None:
    await telegram.send(delivery(media=Media("document", number=3, filename="план.pdf", mime="text/html")))
    await telegram.send(delivery(media=Media("document", number=4)))
    assert [m.document for m in person.messages] == [
        ("план.pdf", PDF, "application/pdf"),
        ("document", KEPT[4], "application/octet-stream"),
    ]


async def test_what_was_uploaded_once_goes_by_its_handle(
    fake: FakeTelegram, person: Person, telegram: TelegramChannel
) -> None:
    for _ in range(2):
        await telegram.send(delivery(media=Media("photo", "viber", "url", number=1)))
    first, second = (call.params["photo"] for call in fake.of("sendPhoto"))
    assert (first[1], second) == (JPEG, person.messages[0].photo)
    assert len({message.photo for message in person.messages}) == 1


REFUSED: dict[str, tuple[Media, str, Failure]] = {
    "another bot's handle": (
        Media("photo", "telegram", "elsewhere"),
        "Ето",
        Failure("bad_media", "Wrong file identifier/http url specified"),
    ),
    "a voice note as a photo": (
        Media("photo", "telegram", "voice-1"),
        "Ето",
        Failure("bad_media", "Type of file mismatch: can't use voice-1 as photo"),
    ),
    "a content that is no picture": (Media("photo", number=4), "Ето", Failure("bad_media", "Image_process_failed")),
    "a picture like a ribbon": (Media("photo", number=5), "Ето", Failure("bad_media", "Photo_invalid_dimensions")),
    "a content that is not kept": (
        Media("photo", "viber", "url", number=8),
        "Ето",
        Failure("bad_media", "its content is not kept"),
    ),
    "nothing": (Media("photo"), "Ето", Failure("bad_media", "its content is not kept")),
    "a kind that Telegram has no call for": (
        Media("video", "telegram", "x"),
        "Ето",
        Failure("bad_media", "neither a photo, a voice note nor a document"),
    ),
    "words that do not fit under it": (
        PHOTO,
        "я" * 1025,
        Failure("too_long", "the text is longer than what stands under a picture"),
    ),
    "a content that cannot be read now": (
        Media("photo", "viber", "url", number=9),
        "Ето",
        Failure("not_sent", "a content could not be read", retryable=True),
    ),
}


@pytest.mark.parametrize(("media", "text", "expected"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_cannot_be_sent_ends_as_one_clear_failure(
    media: Media, text: str, expected: Failure, person: Person, telegram: TelegramChannel
) -> None:
    """Final wherever another try cannot help: the sender does not repeat what is not retryable."""
    assert await telegram.send(delivery(text, media=media)) == expected
    assert person.messages == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("Bad Request: PHOTO_INVALID_DIMENSIONS", "bad_media"),
        ("Bad Request: wrong type of the web page content", "bad_media"),
        ("Bad Request: wrong remote file identifier specified: Wrong string length", "bad_media"),
        ("Bad Request: VOICE_MESSAGES_FORBIDDEN", "no_voice"),
        ("Bad Request: chat not found", "chat_not_found"),
        ("Bad Request: something else", "bad_request"),
    ],
)
async def test_telegram_s_refusals_have_names(
    words: str, code: str, fake: FakeTelegram, person: Person, telegram: TelegramChannel
) -> None:
    fake.fail_next("sendVoice", 400, words)
    failed = await telegram.send(delivery(media=VOICE))
    assert isinstance(failed, Failure)
    assert (failed.code, failed.retryable) == (code, False)


class TestChanging:
    """What was sent is changed or taken away."""

    async def test_the_words_under_a_picture_change_in_place(self, person: Person, telegram: TelegramChannel) -> None:
        first = await telegram.send(delivery("Петък", media=PHOTO, rows=((YES,),)))
        assert isinstance(first, Sent)
        assert await telegram.send(delivery("Събота", media=PHOTO, replaces=first.platform_id)) == first
        assert await telegram.send(delivery("Събота", media=PHOTO, replaces=first.platform_id)) == first
        assert [(m.text, m.photo, m.labels, m.edits) for m in person.messages] == [("Събота", "photo-1", [], 1)]

    async def test_a_picture_that_takes_the_place_of_words_is_sent_anew(
        self, person: Person, telegram: TelegramChannel
    ) -> None:
        first = await telegram.send(delivery("Петък"))
        assert isinstance(first, Sent)
        assert await telegram.send(delivery("Събота", media=PHOTO, replaces=first.platform_id)) != first
        assert [(m.text, m.photo) for m in person.messages] == [("Петък", ""), ("Събота", "photo-1")]

    async def test_words_never_take_the_place_of_a_picture(self, person: Person, telegram: TelegramChannel) -> None:
        photo = await telegram.send(delivery("Ето", media=PHOTO, rows=((YES,),)))
        assert isinstance(photo, Sent)
        assert await telegram.send(delivery("Готово", replaces=photo.platform_id)) == Sent(str(person.last.id))
        assert [(m.text, m.edits) for m in person.messages] == [("Ето", 0), ("Готово", 0)]

    async def test_a_message_is_taken_away(self, fake: FakeTelegram, person: Person, telegram: TelegramChannel) -> None:
        first = await telegram.send(delivery("Петък", media=PHOTO))
        assert isinstance(first, Sent)
        assert await telegram.send(delivery("", removes=first.platform_id)) == first
        assert person.messages == []
        assert fake.of("deleteMessage")[0].params == {"chat_id": 7, "message_id": int(first.platform_id)}

    async def test_after_two_days_it_cannot_be_taken_away(self, person: Person, telegram: TelegramChannel) -> None:
        await telegram.send(delivery("Петък"))
        person.last.date -= 48 * 3600
        failed = await telegram.send(delivery("", removes=str(person.last.id)))
        assert failed == Failure("cannot_delete", "Message can't be deleted")
        assert len(person.messages) == 1

    @pytest.mark.parametrize(("number", "words"), [("99", "Message to delete not found"), ("w-5", "not a message of")])
    async def test_what_is_not_there_cannot_be_taken_away(
        self, number: str, words: str, person: Person, telegram: TelegramChannel
    ) -> None:
        failed = await telegram.send(delivery("", removes=number))
        assert isinstance(failed, Failure)
        assert (failed.code, failed.retryable, failed.text[: len(words)]) == ("cannot_delete", False, words)
        assert person.messages == []

    async def test_who_blocked_us_is_noted_then_too(
        self, fake: FakeTelegram, person: Person, telegram: TelegramChannel
    ) -> None:
        fake.fail_next("deleteMessage", 403, "Forbidden: bot was blocked by the user")
        failed = await telegram.send(delivery("", removes="5"))
        assert isinstance(failed, Failure)
        assert failed.contact_gone


# Fetching


async def handle_of(fake: FakeTelegram) -> str:
    """By which handle the latest update says that a content can be fetched."""
    read = read_update(fake.updates.waiting()[-1].raw, 7, now=fake.now())
    assert isinstance(read, Incoming)
    assert read.media
    return read.media.handle


async def test_telegram_is_a_channel_that_brings(telegram: TelegramChannel) -> None:
    assert isinstance(telegram, Brings)


async def test_a_photo_is_fetched_in_its_largest_size(
    fake: FakeTelegram, person: Person, telegram: TelegramChannel, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await person.send_photo("ето", JPEG)
        assert await telegram.fetch(await handle_of(fake), LARGEST) == JPEG
        await person.send_document(content=PDF)
        assert await telegram.fetch(await handle_of(fake), LARGEST) == PDF
    assert fake.token not in caplog.text
    assert {call.method for call in fake.calls} == {"getfile", "file"}


UNFETCHED: dict[str, tuple[str, dict[str, Any], Failure]] = {
    "a file above 20 MB": (
        "getFile",
        {"status": 400, "description": "Bad Request: file is too big"},
        Failure("too_big", "larger than what a bot may fetch"),
    ),
    "a file that is away for now": (
        "getFile",
        {"status": 400, "description": "Bad Request: wrong file_id or the file is temporarily unavailable"},
        Failure("bad_media", "Wrong file_id or the file is temporarily unavailable", retryable=True),
    ),
    "a handle that is none": (
        "getFile",
        {"status": 400, "description": "Bad Request: invalid file_id"},
        Failure("bad_media", "Invalid file_id"),
    ),
    "a path that leads elsewhere": (
        "getFile",
        {"html": '{"ok":true,"result":{"file_path":"../../bot1:x/getMe"}}'},
        Failure("bad_media", "Telegram does not say where the file is"),
    ),
    "a path with a host": (
        "getFile",
        {"html": '{"ok":true,"result":{"file_path":"//elsewhere.example/x"}}'},
        Failure("bad_media", "Telegram does not say where the file is"),
    ),
    "no path": (
        "getFile",
        {"html": '{"ok":true,"result":true}'},
        Failure("bad_media", "Telegram does not say where the file is"),
    ),
    "a token that was revoked": (
        "getFile",
        {"status": 401, "description": "Unauthorized"},
        Failure(
            "unauthorized",
            "Either the bot token was rejected by Telegram or the endpoint 'getfile' does not exist.",
            retryable=True,
            channel_down=True,
        ),
    ),
    "a flood": (
        "getFile",
        {"status": 429, "description": "x", "retry_after": 7},
        Failure("too_many_requests", "Flood control exceeded. Retry in 0:00:07", retryable=True, retry_after=7.0),
    ),
    "a path that has expired": ("file", {"status": 404}, Failure("not_there", "HTTP 404", retryable=True)),
    "a redirection": ("file", {"status": 302, "html": "x"}, Failure("not_there", "HTTP 302", retryable=True)),
    "a server in trouble": ("file", {"status": 500}, Failure("server_error", "HTTP 500", retryable=True)),
    "a line that is cut": (
        "file",
        {"half_body": True, "after": True},
        Failure("no_answer", "the connection broke (ClientPayloadError)", retryable=True, ambiguous=True),
    ),
    "a line that hangs": (
        "file",
        {"hang": True},
        Failure("timeout", "no answer in time (SocketTimeoutError)", retryable=True, ambiguous=True),
    ),
}


@pytest.mark.parametrize(("method", "how", "expected"), UNFETCHED.values(), ids=UNFETCHED.keys())
async def test_what_cannot_be_fetched_becomes_one_failure(
    method: str, how: dict[str, Any], expected: Failure, fake: FakeTelegram, person: Person, telegram: TelegramChannel
) -> None:
    await person.send_photo("", JPEG)
    fake.fail_next(method, **how)
    assert await telegram.fetch(await handle_of(fake), LARGEST) == expected
    assert await telegram.fetch(await handle_of(fake), LARGEST) == JPEG


@pytest.mark.parametrize(("size", "fits"), [(LARGEST, True), (LARGEST + 1, False), (3_000_000, False)])
async def test_a_content_is_read_up_to_its_limit(
    size: int, fits: bool, fake: FakeTelegram, person: Person, telegram: TelegramChannel
) -> None:
    await person.send_document(content=b"x" * size)
    found = await telegram.fetch(await handle_of(fake), LARGEST)
    assert found == (b"x" * size if fits else Failure("too_big", "larger than what is kept"))


async def test_after_the_end_nothing_is_fetched(fake: FakeTelegram) -> None:
    telegram = channel(fake, Inbox())
    await telegram.close()
    failed = await telegram.fetch("photo-1", LARGEST)
    assert isinstance(failed, Failure)
    assert failed.channel_down
