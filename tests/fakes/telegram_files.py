"""The files of the fake Telegram: what people and the bot sent, under handles that hold for one kind only.

Limits: https://core.telegram.org/bots/api#sending-files; refusals: https://github.com/tdlib/telegram-bot-api
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.fakes.telegram_checks import RefusedError

FETCHED = 20 * 1024 * 1024  # bytes that a bot may fetch
PHOTO = 10 * 1024 * 1024  # bytes of a photo that it may upload
UPLOAD = 50 * 1024 * 1024
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class File:
    """One file that Telegram has."""

    id: str
    kind: str
    content: bytes
    name: str = ""
    mime: str = ""

    def described(self, **more: Any) -> dict[str, Any]:
        """As a message shows it."""
        return {"file_id": self.id, "file_unique_id": f"u-{self.id}", "file_size": len(self.content), **more}


class Files:
    """All files of one bot. A handle of another bot's is unknown here, as it is there."""

    def __init__(self) -> None:
        first = {"sticker": b"s", "photo": b"p", "voice": b"v", "document": b"d"}
        self._kept = {f"{kind}-1": File(f"{kind}-1", kind, content) for kind, content in first.items()}

    def add(self, kind: str, content: bytes, name: str = "", mime: str = "") -> File:
        """A new file with a handle of its own."""
        file = File(f"{kind}-{len(self._kept)}", kind, content, name, mime)
        self._kept[file.id] = file
        return file

    def get(self, handle: str) -> File:
        return self._kept[handle]

    def taken(self, params: Mapping[str, Any], kind: str) -> File:
        """What the bot sends: something that was sent before, by its handle, or an upload."""
        given = params.get(kind, "")
        if not given:
            raise RefusedError(400, f"Bad Request: there is no {kind} in the request")
        if isinstance(given, tuple):
            _check(kind, given[1])
            return self.add(kind, given[1], given[0], given[2])
        if given not in self._kept:
            raise RefusedError(400, "Bad Request: wrong file identifier/HTTP URL specified")
        if self._kept[given].kind != kind:
            raise RefusedError(400, f"Bad Request: type of file mismatch: can't use {given} as {kind.capitalize()}")
        return self._kept[given]

    def path(self, handle: str) -> str:
        """Where the content lies, below /file/bot<token>/."""
        if handle not in self._kept:
            raise RefusedError(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        if len(self._kept[handle].content) > FETCHED:
            raise RefusedError(400, "Bad Request: file is too big")
        return f"{self._kept[handle].kind}s/{handle}"

    def at(self, path: str) -> bytes | None:
        """The content at a path."""
        file = self._kept.get(path.rpartition("/")[2])
        return file.content if file else None


def _check(kind: str, content: bytes) -> None:
    if not content:
        raise RefusedError(400, "Bad Request: file must be non-empty")
    if len(content) > UPLOAD:
        raise RefusedError(413, "Request Entity Too Large")
    if kind != "photo":
        return
    if len(content) > PHOTO:
        raise RefusedError(400, "Bad Request: file is too big")
    if not content.startswith((_PNG, b"\xff\xd8\xff", b"RIFF")):
        raise RefusedError(400, "Bad Request: IMAGE_PROCESS_FAILED")
    if content.startswith(_PNG):
        width, height = struct.unpack(">II", content[16:24])
        if width + height > 10_000 or max(width, height) > 20 * min(width, height):
            raise RefusedError(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
