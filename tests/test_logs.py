"""The log: one line an event, in UTC, and nothing planted comes out of it, by whatever way it went in."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from bot import logs, settings

TOKEN = "123456789:AAH-made_up_made_up_made_up_made_up"

SCRIPT = f"""
import asyncio, logging, sys, threading, warnings
from bot import logs
logging.basicConfig(level="DEBUG")
logs.configure("DEBUG")
token, phone = "{TOKEN}", "+359888123456"
log = logging.getLogger("bot.test")
log.info("plain words")
log.info("two\\nlines 2026-01-01T00:00:00.000Z ERROR forged")
log.info("with %s and %s", token, phone)
log.info("broken %d", token)
logging.getLogger("httpx").info("POST https://api.telegram.org/bot%s/sendMessage", token)
logging.getLogger("telegram.ext").info("said %s", token)
logging.getLogger("uvicorn.access").critical("GET /?code=%s", token)
warnings.warn("a warning with " + token)
try:
    raise ValueError("bot" + token)
except ValueError:
    log.exception("failed")
thread = threading.Thread(target=lambda: 1 / 0, name=token)
thread.start()
thread.join()
raise RuntimeError("at the end " + token + " " + phone)
"""


@pytest.fixture(scope="module")
def written() -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=settings.ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_log_is_one_line_an_event_without_a_secret_or_a_phone(written: list[str]) -> None:
    assert all(line[:10].count("-") == 2 and line[23] == "Z" for line in written), written
    whole = "\n".join(written)
    assert not [planted for planted in (TOKEN, TOKEN[10:], "+359888123456", "888123456") if planted in whole]
    assert [line.split(" ", 3)[1:] for line in written[:3]] == [
        ["INFO", "bot.test", "plain words"],
        ["INFO", "bot.test", "two | lines 2026-01-01T00:00:00.000Z ERROR forged"],
        ["INFO", "bot.test", "with [token] and [phone]"],
    ]


def test_log_keeps_what_helps_to_find_the_fault(written: list[str]) -> None:
    *_, failed, thread, last = written
    assert "ERROR bot.test failed | Traceback" in failed
    assert "ValueError" in failed
    assert "ZeroDivisionError" in thread
    assert "CRITICAL bot stopped by an error nobody expected" in last
    assert "RuntimeError: at the end [token]" in last


def test_libraries_that_print_addresses_are_silent_below_a_warning(written: list[str]) -> None:
    whole = "\n".join(written)
    assert "sendMessage" not in whole
    assert "telegram.ext" not in whole
    assert "uvicorn" not in whole


def test_time_is_utc_to_the_millisecond() -> None:
    record = logging.LogRecord("bot", logging.INFO, __file__, 1, "words", None, None)
    record.created, record.msecs = 1_795_000_000.25, 250.0
    assert logs.OneLine().format(record) == "2026-11-18T11:06:40.250Z INFO bot words"
