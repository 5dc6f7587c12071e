"""Pictures as a messenger takes them by address: small, upright, and without what a camera writes into them.

Pure: bytes in, bytes out; slow enough to be called in a thread. What cannot be read as a picture is left as it is.
"""

from __future__ import annotations

from io import BytesIO
from typing import Final

from PIL import Image, ImageOps

from bot.kinds import IMAGES, mime_of

LARGEST: Final = 1_000_000  # bytes; Viber shows no larger one on iOS
SIDE: Final = 1600  # pixels
_WORTH_A_LOOK: Final = 64_000_000  # pixels; what claims to have more is a trap
_QUALITIES: Final = (85, 75, 60, 40)
_SHOWN: Final = frozenset({"image/jpeg", "image/png", "image/gif"})  # what every messenger draws
_HEAD: Final = 64 * 1024  # bytes at the beginning, where a camera writes
_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning)


def to_be_redrawn(content: bytes) -> bool:
    """Whether a picture is too large, of a kind that messengers do not draw, or says where it was taken."""
    mime = mime_of(content)
    if mime not in IMAGES:
        return False
    return len(content) > LARGEST or mime not in _SHOWN or b"Exif\0\0" in content[:_HEAD] or b"eXIf" in content[:_HEAD]


def redrawn(content: bytes) -> bytes:
    """The same picture as a JPEG of at most LARGEST bytes and SIDE pixels, upright, with nothing but its pixels."""
    try:
        with Image.open(BytesIO(content)) as picture:
            if picture.width * picture.height > _WORTH_A_LOOK:
                return content
            picture.draft("RGB", (SIDE, SIDE))  # a large JPEG is read at a half or a quarter: less memory, less time
            drawn = _on_paper(ImageOps.exif_transpose(picture))
    except _UNREADABLE:
        return content
    drawn.thumbnail((SIDE, SIDE))
    return _small_enough(drawn)


def _on_paper(picture: Image.Image) -> Image.Image:
    """On white where it is transparent, and in the colours that a JPEG has."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    above = picture.convert("RGBA")
    paper = Image.new("RGB", above.size, "white")
    paper.paste(above, mask=above.getchannel("A"))
    return paper


def _small_enough(picture: Image.Image) -> bytes:
    for quality in _QUALITIES:
        out = BytesIO()
        picture.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
        if out.tell() <= LARGEST:
            break
    return out.getvalue()
