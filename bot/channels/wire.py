"""Requests to a platform over aiohttp: how long they take, and what it means that no whole answer came.

Must never put a URL, a header or a payload into a failure, and never retry: a request that has left may have been
carried out. What a platform itself answers is for its own file to read.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import aiohttp

from bot.messages import Failure

CONNECT_SECONDS: Final = 10.0  # for a free connection, name look-up, TCP and TLS together
ANSWER_SECONDS: Final = 20.0
IDLE_SECONDS: Final = 30.0  # under the usual 60 to 75 of servers, so that we seldom write into a closed connection
NO_ANSWER: Final = (aiohttp.ClientError, OSError, ValueError)  # what a request can raise; see lost()


class TooLarge(Exception):
    """A file is larger than it may be; the rest of it was left where it is."""


def timeout(seconds: float) -> aiohttp.ClientTimeout:
    """Of one request whose answer may take so long."""
    return aiohttp.ClientTimeout(total=CONNECT_SECONDS + seconds, connect=CONNECT_SECONDS, sock_read=seconds)


async def body(answer: aiohttp.ClientResponse, largest: int) -> bytes:
    """A file, read piece by piece. Raises TooLarge as soon as it is, whatever Content-Length says."""
    pieces, size = [], 0
    async for piece in answer.content.iter_any():
        size += len(piece)
        if size > largest:  # leaving closes the connection
            raise TooLarge
        pieces.append(piece)
    return b"".join(pieces)


def lost(error: Exception) -> Failure:
    """What became of a request without a whole answer. Names the kind of trouble only."""
    kind = type(error).__name__
    match error:
        case aiohttp.ConnectionTimeoutError():
            return Failure("not_sent", f"no connection in time ({kind})", retryable=True)
        case aiohttp.ClientConnectorError() | aiohttp.ClientSSLError():
            return Failure("not_sent", f"no connection ({kind})", retryable=True, channel_down=True)
        case aiohttp.InvalidURL():
            return Failure("not_sent", "closed, or the address cannot be read", retryable=True, channel_down=True)
        case TimeoutError():
            return Failure("timeout", f"no answer in time ({kind})", retryable=True, ambiguous=True)
    return Failure("no_answer", f"the connection broke ({kind})", retryable=True, ambiguous=True)


def unreadable(text: str) -> Failure:
    """An answer came of which nobody can tell whether the request was carried out."""
    return Failure("no_answer", text, retryable=True, ambiguous=True)


def no_decision(status: int, text: str = "") -> Failure:
    """An HTTP status that is no word of the platform's: a server's trouble, or a page of what stands between.

    The latter are below 500: of a proxy or a firewall, and nobody can be written to.
    """
    down = status < HTTPStatus.INTERNAL_SERVER_ERROR
    return Failure("server_error", text or f"HTTP {status}", retryable=True, channel_down=down)
