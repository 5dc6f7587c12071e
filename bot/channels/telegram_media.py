"""Pictures, voice notes and files on Telegram: how they are sent, and how their content is fetched.

Must never let a path of the platform's lead anywhere but below the Bot API's own address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from telegram import InputFile
from telegram.error import BadRequest, TelegramError

from bot.channels.telegram_wire import Api, Missing, failure
from bot.channels.wire import TooLarge
from bot.kinds import mime_of, named
from bot.lengths import CAPTION, split, units
from bot.messages import Document, Failure, Media

SENDS: Final[Mapping[str, str]] = {"photo": "sendPhoto", "voice": "sendVoice", "document": "sendDocument"}
PATIENCE: Final = 3  # times as long as for other calls: ten megabytes take their time both ways

_PATH: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")


def document(document: Document, text: str) -> dict[str, Any]:
    """What sendDocument takes for a person's own data. Their words are short, and cut where a caption ends."""
    file = _upload(document.text.encode("utf-8", "replace"), document.filename, document.mime)
    return {"document": file, **caption(text if units(text) <= CAPTION else split(text, CAPTION - 1)[0] + "…")}


def uploaded(media: Media, content: bytes) -> InputFile:
    """A content that Telegram does not have yet."""
    return _upload(content, media.filename or named(media.kind, content), mime_of(content))


def caption(text: str) -> dict[str, Any]:
    """The words under something; none where there are none."""
    return {"caption": text} if text else {}


def handle_in(result: object, kind: str) -> str:
    """By which handle Telegram would send the same again, as its answer tells; empty where it does not."""
    sent = result.get(kind) if isinstance(result, dict) else None
    largest = sent[-1] if isinstance(sent, list) and sent else sent
    handle = largest.get("file_id") if isinstance(largest, dict) else None
    return handle if isinstance(handle, str) else ""


async def fetch(api: Api, handle: str, largest: int) -> bytes | Failure:
    """The content behind a handle: getFile tells the path, which is good for an hour, and the file lies there."""
    try:
        described = await api.call("getFile", {"file_id": handle})
        path = described.get("file_path") if isinstance(described, dict) else None
        if not isinstance(path, str) or not _PATH.fullmatch(path):
            return Failure("bad_media", "Telegram does not say where the file is")
        return await api.download(path, largest)
    except TooLarge:
        return Failure("too_big", "larger than what is kept")
    except Missing as missing:
        return Failure("not_there", str(missing), retryable=True)
    except BadRequest as error:
        return _refused(error)
    except TelegramError as error:
        return failure(error)


def _refused(error: BadRequest) -> Failure:
    """Why getFile says no. Above 20 MB it always will; „temporarily unavailable“ may be true."""
    text = str(error).casefold()
    if "file is too big" in text:
        return Failure("too_big", "larger than what a bot may fetch")
    return Failure("bad_media", failure(error).text, retryable="temporarily unavailable" in text)


def _upload(content: bytes, filename: str, mime: str) -> InputFile:
    file = InputFile(content, filename=filename)
    file.mimetype = mime
    return file
