"""What every transcript stands on: a channel and a town with a new database."""

from __future__ import annotations

import pytest

from tests.conversations.client import CHANNELS, Town


@pytest.fixture(params=CHANNELS)
def channel(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def town(database_url: str) -> Town:
    return Town(database_url)
