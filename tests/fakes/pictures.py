"""Small files that are what they say: a picture, a second of silence, a page."""

from __future__ import annotations

import struct
import zlib

JPEG = b"\xff\xd8\xff\xe0" + b"j" * 60
OGG = b"OggS\x00\x02" + b"o" * 60
PDF = b"%PDF-1.7\n" + b"d" * 60


def png(width: int, height: int) -> bytes:
    """A picture of one colour, which a browser can draw."""
    rows = b"".join(b"\x00" + b"\x12\x61\x6b" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
