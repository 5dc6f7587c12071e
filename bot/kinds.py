"""What a file is, by its first bytes. What a sender or a platform says of it is never believed."""

from __future__ import annotations

IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
SOUNDS = frozenset({"audio/ogg", "audio/mpeg", "audio/mp4"})
UNKNOWN = "application/octet-stream"

_OFFICE = "application/vnd.openxmlformats-officedocument."
_BEGINS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
    (b"%PDF-", "application/pdf"),
    (b"{\\rtf", "application/rtf"),
)
_INSIDE_ZIP = (  # the name of the part that only such a file has
    (b"word/document.xml", _OFFICE + "wordprocessingml.document"),
    (b"xl/workbook.xml", _OFFICE + "spreadsheetml.sheet"),
    (b"ppt/presentation.xml", _OFFICE + "presentationml.presentation"),
    (b"mimetypeapplication/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text"),
    (b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "application/vnd.oasis.opendocument.spreadsheet"),
)
_ENDINGS = {
    "image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/webp": ".webp", "audio/ogg": ".ogg",
    "audio/mpeg": ".mp3", "audio/mp4": ".m4a", "application/pdf": ".pdf",
}  # fmt: skip


def mime_of(content: bytes) -> str:
    """The media type of a photo, a voice note or a common document; UNKNOWN for all else, which may only be saved."""
    for begin, mime in _BEGINS:
        if content.startswith(begin):
            return mime
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content[4:8] == b"ftyp" and content[8:11] in (b"M4A", b"M4B"):
        return "audio/mp4"
    if content.startswith(b"PK\x03\x04"):
        return next((mime for part, mime in _INSIDE_ZIP if part in content), UNKNOWN)
    return UNKNOWN


def ending_of(mime: str) -> str:
    """How the name of such a file ends, `.jpg`; nothing where we do not know."""
    return _ENDINGS.get(mime, "")


def named(kind: str, content: bytes) -> str:
    """A filename for what came without one: `photo.jpg`, `voice.ogg`."""
    return f"{kind}{ending_of(mime_of(content))}"
