"""What it means for a message that no whole answer came, on every channel that calls a platform."""

from __future__ import annotations

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from bot.channels import wire
from bot.channels.telegram_wire import NoAnswer, failure
from bot.messages import Failure
from tests.fakes.telegram import TOKEN

KEY = ConnectionKey("h", 443, True, True, None, None, None)
LOST: dict[str, tuple[Exception, Failure]] = {
    "no such name": (
        aiohttp.ClientConnectorDNSError(KEY, OSError(f"https://h/bot{TOKEN}")),
        Failure("not_sent", "no connection (ClientConnectorDNSError)", retryable=True, channel_down=True),
    ),
    "TLS": (
        aiohttp.ClientConnectorCertificateError(KEY, ValueError(TOKEN)),
        Failure("not_sent", "no connection (ClientConnectorCertificateError)", retryable=True, channel_down=True),
    ),
    "no connection in time": (
        aiohttp.ConnectionTimeoutError(f"https://h/bot{TOKEN}"),
        Failure("not_sent", "no connection in time (ConnectionTimeoutError)", retryable=True),
    ),
    "no answer in time": (
        TimeoutError(TOKEN),
        Failure("timeout", "no answer in time (TimeoutError)", retryable=True, ambiguous=True),
    ),
    "reset": (
        ConnectionResetError(TOKEN),
        Failure("no_answer", "the connection broke (ConnectionResetError)", retryable=True, ambiguous=True),
    ),
    "no HTTP": (
        aiohttp.ServerConnectionError(TOKEN),
        Failure("no_answer", "the connection broke (ServerConnectionError)", retryable=True, ambiguous=True),
    ),
}


@pytest.mark.parametrize(("error", "expected"), LOST.values(), ids=LOST.keys())
def test_only_a_request_that_never_left_is_called_unsent(error: Exception, expected: Failure) -> None:
    assert wire.lost(error) == expected
    assert failure(NoAnswer(wire.lost(error))) == expected
