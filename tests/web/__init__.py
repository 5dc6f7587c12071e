"""The web chat seen through a real browser."""

from __future__ import annotations

import importlib.util
import shutil

from tests.conftest import environment_skip

BROWSER_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def need_browser() -> str:
    """Where Chromium is. Without it, or without playwright, the test is skipped; under CI=true it fails."""
    if importlib.util.find_spec("playwright") is None:
        environment_skip("the browser tests need the Python package playwright")
    found = shutil.which("chromium")
    if found is None:
        environment_skip("the browser tests need Chromium as /usr/bin/chromium: apt install chromium")
    return found
