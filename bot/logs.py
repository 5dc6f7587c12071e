"""The log: one line for each event, in UTC, on standard error, with everything secret or personal taken out.

Must be configured once, after everything else that might configure logging. Must never write a token, a phone, a name
or what somebody said: the filter of bot.privacy stands on the one handler, so nothing goes around it.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from types import TracebackType

from bot.privacy import LogFilter

# At INFO these print whole URLs, and a Bot API URL holds the token.
_TALKATIVE = (
    "aiohttp",
    "aiosqlite",
    "alembic",
    "apscheduler",
    "asyncio",
    "httpcore",
    "httpx",
    "sqlalchemy",
    "telegram",
    "urllib3",
    "uvicorn",
)


def configure(level: str) -> None:
    """Send everything from `level` up ("DEBUG", "INFO"…) to standard error. Replaces handlers that others have set."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine())
    handler.addFilter(LogFilter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False  # a broken log call would print its arguments around the filter
    quiet = max(logging.WARNING, logging.getLogger().level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(quiet)
    logging.getLogger("uvicorn.access").disabled = True  # its lines hold people's addresses and link codes
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda args: _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)


class OneLine(logging.Formatter):
    """`2026-11-24T08:00:00.000Z INFO bot.outbox words`, an exception's frames and text behind it on the same line."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Join the lines, so that nobody's text can look like a log line of its own."""
        return " | ".join(line.strip() for line in super().format(record).splitlines() if line.strip())


def _log_uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None, /) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("bot").critical("stopped by an error nobody expected", exc_info=(kind, error or kind(), trace))
