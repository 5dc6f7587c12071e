"""Files of a chat as its page fetches them: pictures and voice notes are shown, all else is only saved.

What a file is, its bytes say; no media type of a sender's ever reaches a browser. Nothing is kept by browsers or
proxies: on a borrowed phone the next person would find it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import Response

from bot.kinds import IMAGES, SOUNDS, mime_of, named

if TYPE_CHECKING:
    from bot.messages import Document, Media

_MIME = re.compile(r"[a-z]+/[a-z0-9.+-]+")
_RANGE = re.compile(r"bytes=([0-9]{0,12})-([0-9]{0,12})")
_LABELS = {"photo": "Снимка, отваря се по-голяма", "voice": "Гласово съобщение", "document": "Файл"}
_GONE = {
    "photo": "🖼 Снимката вече не се пази",
    "voice": "🎤 Гласовото съобщение вече не се пази",
    "document": "📄 Файлът вече не се пази",
}


@dataclass(frozen=True, slots=True)
class Attached:
    """A picture, a voice note or a file as a bubble shows it."""

    kind: str  # photo, voice, document; gone: its content is kept no longer
    href: str
    label: str


def attached(media: Media | None, line: int) -> Attached | None:
    """What a line's bubble shows beside its words."""
    if media is None or media.kind not in _LABELS:
        return None
    if not media.number and not media.data:
        return Attached("gone", "", _GONE[media.kind])
    label = media.filename if media.kind == "document" and media.filename else _LABELS[media.kind]
    return Attached(media.kind, f"/chat/media/{line}", label)


def document(file: Document) -> Response:
    """A person's own data, to be saved."""
    mime = file.mime if _MIME.fullmatch(file.mime) else "application/octet-stream"
    headers = {"Content-Disposition": _disposition("attachment", file.filename), "Cache-Control": "no-store"}
    return Response(file.text.encode(), media_type=mime, headers=headers)


def content(media: Media, found: bytes, asked: str) -> Response:
    """A content, or the piece of it that a player asks for: Safari plays nothing of which it cannot get pieces."""
    mime = mime_of(found)
    how = "inline" if mime in IMAGES or mime in SOUNDS else "attachment"
    headers = {
        "Content-Disposition": _disposition(how, media.filename or named(media.kind, found)),
        "Cache-Control": "private, no-store",
        "Accept-Ranges": "bytes",
    }
    piece = _piece(asked, len(found))
    if piece is None:
        return Response(found, media_type=mime, headers=headers)
    headers["Content-Range"] = f"bytes {piece.start}-{piece.stop - 1}/{len(found)}"
    return Response(found[piece.start : piece.stop], 206, media_type=mime, headers=headers)


def _piece(asked: str, size: int) -> range | None:
    """The one range that was asked for; None for the whole, and for whatever cannot be read."""
    match = _RANGE.fullmatch(asked.strip())
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    start = int(first) if first else max(0, size - int(last))
    stop = min(size, int(last) + 1) if first and last else size
    return range(start, stop) if start < stop else None


def _disposition(how: str, filename: str) -> str:
    return f"{how}; filename=\"file\"; filename*=UTF-8''{quote(filename, safe='')}"
