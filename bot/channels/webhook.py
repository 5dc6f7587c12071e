"""What every webhook does before a platform's own rules: read the body, as far as it may go, and parse it.

Pure of any platform. Who may call is for the channel to say, and it says so before it parses.
"""

from __future__ import annotations

import json
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from bot.channels.fields import Malformed

BODY_BYTES: Final = 1024 * 1024
DEPTH: Final = 32  # a press holds its message, which holds what it replies to: real ones stay under 15


async def read(request: Request) -> bytes | Response:
    """The body; or a refusal as soon as it is too large, whatever Content-Length says, or whoever sends it is gone."""
    chunks, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > BODY_BYTES:
                return Response(status_code=413)
            chunks.append(chunk)
    except ClientDisconnect:
        return Response(status_code=400)
    return b"".join(chunks)


def parsed(body: bytes) -> object:
    """JSON in UTF-8, or Malformed where it is none or too deep. Of a key given twice the last counts."""
    try:
        raw: object = json.loads(body.decode())
    except (ValueError, RecursionError):
        return Malformed("not JSON")
    # Counting brackets is a hundred times cheaper than walking, and settles all but hostile bodies.
    if body.count(b"{") + body.count(b"[") > DEPTH and _deeper(raw, DEPTH):
        return Malformed("nested too deep")
    return raw


def _deeper(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inside = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper(item, levels - 1) for item in inside)
