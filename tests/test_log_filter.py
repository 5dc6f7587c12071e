"""Secrets and phones planted in log records: none is written, and ids and times stay readable."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pytest

from bot.privacy import LogFilter, scrub

TOKEN = "7123456789:AAH-fakeFAKEfakeFAKEfakeFAKEfake_12"
SCRUBBED = [
    ("a token", f"token {TOKEN} refused", TOKEN),
    ("a token in a path", f"POST https://api.telegram.org/bot{TOKEN}/sendMessage 400", TOKEN),
    ("a token in a file's path", f"https://api.telegram.org/file/bot{TOKEN}/photos/1.jpg", TOKEN),
    ("a token in an encoded path", f"/bot{TOKEN.replace(':', '%3A')}/getMe", "AAH-fake"),
    ("a token in a tuple", f"('{TOKEN}', 1)", TOKEN),
    ("a phone", "to +359888123456 now", "888123456"),
    ("a phone with spaces", "to +359 88 812 3456 now", "812 3456"),
    ("a phone with 00", "to 00359888123456", "888123456"),
    ("a phone without plus", "tel:359888123456", "888123456"),
    ("a phone in an address", "tel=%2B359888123456", "888123456"),
    ("a phone as people write it", "phone='0888 123 456'", "123 456"),
    ("a phone with slashes and dots", "0888/12.34.56", "34.56"),
    ("a landline", "094 600 123", "600 123"),
    ("a landline with its country", "+359 94 600 123", "600 123"),
    ("a contact's address", "tel:+359888123456", "888123456"),
    ("a cookie header", "Cookie: sid=c0ffee; other=c0ffee2", "c0ffee"),
    ("a cookie header, set", "Set-Cookie: __Host-chat=c0ffee; Path=/", "c0ffee"),
    ("a cookie in a dictionary", "{'cookie': 'sid=c0ffee; b=2', 'host': 'x'}", "c0ffee"),
    ("a cookie in raw headers", "[(b'cookie', b'sid=c0ffee; b=2')]", "c0ffee"),
    ("a host cookie alone", "kept __Host-chat=c0ffee", "c0ffee"),
    ("a webhook's secret", "secret_token=c0ffee-c0ffee", "c0ffee"),
    ("a webhook's secret in JSON", '{"secret_token": "c0ffee-c0ffee", "url": "x"}', "c0ffee"),
    ("a webhook's secret header", "x-telegram-bot-api-secret-token: c0ffee", "c0ffee"),
    ("Viber's token header", "X-Viber-Auth-Token: c0ffee-1-2", "c0ffee"),
    ("Viber's token in raw headers", "(b'x-viber-auth-token', b'c0ffee-1-2')", "c0ffee"),
    ("Viber's token in a body", "auth_token='c0ffee-1-2'", "c0ffee"),
    ("authorisation", "Authorization: Bearer c0ffee", "c0ffee"),
    ("a chat's session", "web:c0ffeec0ffeec0ffeec0ffee", "c0ffee"),
    ("a query", "GET https://most.example/?code=c0ffee&a=1 200", "c0ffee"),
    ("a fragment", "https://most.example/login#c0ffee", "c0ffee"),
    ("a database's password", "postgresql+asyncpg://most:c0ffee@db/most", "c0ffee"),
]


@pytest.mark.parametrize(("line", "secret"), [row[1:] for row in SCRUBBED], ids=[row[0] for row in SCRUBBED])
def test_secrets_are_scrubbed_from_a_line(line: str, secret: str) -> None:
    """Whatever shape they come in."""
    assert secret in line
    assert secret not in scrub(line)


HARMLESS = [
    "sent row 123456789 to telegram:987654321 in 12.3 ms",
    "2026-11-23 13:27:05.123456 started on http://127.0.0.1:8080/",
    "update 812345678 committed, 0.003 s, 0.95 of 20000",
    "GET https://most.example/healthz 200",
    "retry after 35 s, attempt 3 of 10, message_id=4021",
    "no cookie, no problem",
    "web:short",
    "file storage/programmes/vidin.toml: activities[3].name: This key is missing.",
]


@pytest.mark.parametrize("line", HARMLESS)
def test_harmless_lines_stay_readable(line: str) -> None:
    """Ids, times and places are what a log is for."""
    assert scrub(line) == line


class Kept(logging.Handler):
    """A handler that keeps what it would have written."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.records: list[logging.LogRecord] = []
        self.addFilter(LogFilter())

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        self.lines.append(self.format(record))


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def log(kept: Kept) -> Iterator[logging.Logger]:
    logger = logging.getLogger("tests.planted")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(kept)
    yield logger
    logger.removeHandler(kept)


class Request:
    """Something that shows a secret only when it is turned into words."""

    def __repr__(self) -> str:
        return f"<Request /bot{TOKEN}/getMe>"


PLANTED: list[tuple[str, str, tuple[object, ...]]] = [
    ("in the message", f"to {TOKEN}", ()),
    ("in an argument", "to %s", (TOKEN,)),
    ("in an argument's repr", "to %r", ((1, TOKEN),)),
    ("in an object", "to %s", (Request(),)),
    ("in a dictionary", "to %(where)s", ({"where": TOKEN},)),
    ("over message and argument", "to 7123456789:%s", (TOKEN.partition(":")[2],)),
    ("where the arguments do not fit", "to %s and %s", (TOKEN,)),
    ("where the kind does not fit", "to %d", (TOKEN,)),
    ("where no argument is wanted", "to", (TOKEN,)),
]


@pytest.mark.parametrize(("message", "args"), [row[1:] for row in PLANTED], ids=[row[0] for row in PLANTED])
def test_no_record_carries_a_planted_token(
    log: logging.Logger, kept: Kept, message: str, args: tuple[object, ...]
) -> None:
    """Neither what is written nor what another formatter could still read in the record."""
    log.error(message, *args)
    (line,), (record,) = kept.lines, kept.records
    assert "fakeFAKE" not in line
    assert "fakeFAKE" not in repr((record.msg, record.args))
    assert line.startswith("to")


def fail() -> None:
    """As a wire library does: the address in one exception, the words in the next."""
    cause = ConnectionError(f"https://api.telegram.org/bot{TOKEN}/getMe?a=c0ffee")
    raise RuntimeError("call +359888123456") from cause


def test_no_traceback_carries_a_planted_token(log: logging.Logger, kept: Kept) -> None:
    """The exception's text, its cause's, and the stack."""
    try:
        fail()
    except RuntimeError:
        log.exception("failed", stack_info=True)
    (line,), (record,) = kept.lines, kept.records
    assert "RuntimeError" in line
    assert "ConnectionError" in line
    assert not [secret for secret in ("fakeFAKEfake", "a=c0ffee", "888123456") if secret in line]
    assert record.exc_info is None


def test_numbers_keep_their_kind(log: logging.Logger, kept: Kept) -> None:
    """%d and %.1f still work, and arguments that tell nothing reach formatters that want them one by one."""
    log.info("%d rows in %.1f ms to %s", 3, 1.25, "telegram:1")
    assert kept.lines == ["3 rows in 1.2 ms to telegram:1"]
    assert kept.records[0].args == (3, 1.25, "telegram:1")


def test_a_second_copy_of_the_message_is_dropped(log: logging.Logger, kept: Kept) -> None:
    """Uvicorn's coloured copy would be printed in place of the scrubbed one."""
    log.info("to %s", TOKEN, extra={"color_message": f"to {TOKEN}"})
    assert TOKEN not in repr(vars(kept.records[0]))


def test_scrubbing_is_not_catastrophic() -> None:
    """A long line costs milliseconds, whatever is in it."""
    for text in ("1" * 10_000, "0" * 10_000, "cookie " * 1_400, "https://" * 1_250, "+359 " * 2_000, "a:" * 5_000):
        began = time.process_time()
        scrub(text)
        assert time.process_time() - began < 0.2, text[:10]
