"""A voice note that a browser can play: seconds of silence as Opus in Ogg, which is what Telegram brings."""

from __future__ import annotations

import struct

_SILENCE = b"\xf8\xff\xfe"  # twenty milliseconds
_RATE = 48_000  # samples a second, in which Ogg counts Opus whatever it was made from
_FIRST, _MIDDLE, _LAST = 2, 0, 4


def opus(seconds: int) -> bytes:
    """A whole file."""
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, _RATE, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 4) + b"most" + struct.pack("<I", 0)
    pages = [_page(0, 0, _FIRST, [head]), _page(1, 0, _MIDDLE, [tags])]
    for n in range(seconds):
        last = n == seconds - 1
        pages.append(_page(n + 2, (n + 1) * _RATE, _LAST if last else _MIDDLE, [_SILENCE] * 50))
    return b"".join(pages)


def _page(number: int, until: int, kind: int, packets: list[bytes]) -> bytes:
    sizes = bytes(len(packet) for packet in packets)
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, kind, until, 7, number, 0, len(sizes)) + sizes
    page = head + b"".join(packets)
    return page[:22] + struct.pack("<I", _checked(page)) + page[26:]


def _checked(page: bytes) -> int:
    """Ogg's own checksum: the common polynomial, from the other end, beginning at nothing."""
    found = 0
    for byte in page:
        found ^= byte << 24
        for _ in range(8):
            found = (found << 1) ^ 0x04C11DB7 if found & 0x80000000 else found << 1
        found &= 0xFFFFFFFF
    return found
