"""The fake Telegram's files and deletions keep Telegram's rules."""

from __future__ import annotations

import io
from typing import Any

import aiohttp
import pytest

from tests.channels.test_telegram_fake import Client, Clock, bot, clock, fake, text
from tests.fakes.pictures import JPEG, png
from tests.fakes.telegram import TOKEN, FakeTelegram
from tests.fakes.telegram_files import FETCHED, PHOTO

__all__ = ["bot", "clock", "fake"]  # the fixtures


async def upload(bot: Client, method: str, kind: str, content: bytes, **fields: str) -> tuple[int, Any]:
    form = aiohttp.FormData({"chat_id": "7", **fields})
    form.add_field(kind, io.BytesIO(content), filename="a.txt", content_type="text/plain")
    async with bot.session.post(f"{bot.url}/bot{TOKEN}/{method}", data=form) as answer:
        body = await answer.json()
    return answer.status, body["result"] if body["ok"] else body["description"]


async def download(bot: Client, file_id: str) -> bytes:
    _, described = await bot("getFile", file_id=file_id)
    async with bot.session.get(f"{bot.url}/file/bot{TOKEN}/{described['file_path']}") as answer:
        return await answer.read()


async def test_a_file_that_was_sent_can_be_fetched_and_sent_again(fake: FakeTelegram, bot: Client) -> None:
    _, sent = await upload(bot, "sendDocument", "document", "Ж".encode(), caption="Ето")
    file = sent["document"]["file_id"]
    assert await download(bot, file) == "Ж".encode()
    assert (await bot("sendDocument", chat_id=7, document=file))[0] == 200
    assert fake.user(7).last.document == ("a.txt", "Ж".encode(), "text/plain")
    assert (await bot("sendPhoto", chat_id=7, photo=file))[1].startswith("Bad Request: type of file mismatch")


async def test_a_photo_comes_back_in_sizes_the_last_of_which_is_it(bot: Client) -> None:
    _, sent = await upload(bot, "sendPhoto", "photo", JPEG, caption="Ето")
    assert (sent["caption"], await download(bot, sent["photo"][-1]["file_id"])) == ("Ето", JPEG)


UPLOADS: dict[str, tuple[bytes, str]] = {
    "a text": (b"x", "Bad Request: IMAGE_PROCESS_FAILED"),
    "nothing": (b"", "Bad Request: file must be non-empty"),
    "11 MB": (JPEG + bytes(PHOTO), "Bad Request: file is too big"),
    "a ribbon": (png(1, 21), "Bad Request: PHOTO_INVALID_DIMENSIONS"),
    "a sheet": (png(9000, 1001), "Bad Request: PHOTO_INVALID_DIMENSIONS"),
}


@pytest.mark.parametrize(("content", "words"), UPLOADS.values(), ids=UPLOADS.keys())
async def test_not_everything_is_a_photo(content: bytes, words: str, fake: FakeTelegram, bot: Client) -> None:
    assert await upload(bot, "sendPhoto", "photo", content) == (400, words)
    assert fake.user(7).messages == []


async def test_a_large_file_is_told_of_and_cannot_be_fetched(fake: FakeTelegram, bot: Client) -> None:
    await fake.user(7).send_document(content=bytes(FETCHED + 1))
    document = fake.updates.waiting()[-1].raw["message"]["document"]
    assert document["file_size"] == FETCHED + 1
    assert await bot("getFile", file_id=document["file_id"]) == (400, "Bad Request: file is too big")


async def test_a_download_can_fail_too(fake: FakeTelegram, bot: Client) -> None:
    fake.fail_next("file", 404)
    assert b"error_code" in await download(bot, "photo-1")
    assert await download(bot, "photo-1") == b"p"
    async with bot.session.get(f"{fake.url}/file/bot{TOKEN}/photos/nothing") as answer:
        assert answer.status == 404
    async with bot.session.get(f"{fake.url}/file/bot1:x/photos/photo-1") as answer:
        assert answer.status == 404


@pytest.mark.parametrize(("seconds", "status"), [(48 * 3600 - 1, 200), (48 * 3600, 400)])
async def test_a_message_can_be_deleted_for_two_days(
    seconds: int, status: int, fake: FakeTelegram, bot: Client, clock: Clock
) -> None:
    _, sent = await bot("sendMessage", **text())
    clock.now += seconds
    answer = await bot("deleteMessage", chat_id=7, message_id=sent["message_id"])
    assert (answer[0], len(fake.user(7).messages)) == (status, int(status == 400))
    assert status == 200 or answer[1] == "Bad Request: message can't be deleted"


async def test_words_and_captions_are_changed_by_their_own_calls(fake: FakeTelegram, bot: Client) -> None:
    _, words = await bot("sendMessage", **text())
    _, photo = await bot("sendPhoto", chat_id=7, photo="photo-1", caption="x")
    to = {"chat_id": 7, "message_id": words["message_id"]}
    assert (await bot("editMessageCaption", **to, caption="y"))[1] == (
        "Bad Request: there is no caption in the message to edit"
    )
    to["message_id"] = photo["message_id"]
    assert (await bot("editMessageText", **to, text="y"))[1] == "Bad Request: there is no text in the message to edit"
    assert (await bot("editMessageCaption", **to, caption="x"))[1].startswith("Bad Request: message is not modified")
    assert (await bot("editMessageCaption", **to, caption="y"))[1]["caption"] == "y"
    assert [message.text for message in fake.user(7).messages] == ["x", "y"]


async def test_an_answer_names_the_message_that_it_answers(fake: FakeTelegram, bot: Client) -> None:
    await bot("sendMessage", **text("Кога?"))
    await fake.user(7).say("Утре", answers=fake.user(7).last)
    replied = fake.updates.waiting()[-1].raw["message"]["reply_to_message"]
    assert (replied["message_id"], replied["text"]) == (fake.user(7).last.id, "Кога?")
