"""The README stays true: its settings are the program's."""

from __future__ import annotations

import re

from bot.settings import Settings
from tests import ROOT


def test_every_setting_stands_in_the_readme_with_its_default_and_its_help() -> None:
    rows = re.findall(r"^\| `BOT_(\w+)` \| (.+?) \| (.+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    told = {name.lower(): (default.strip("`"), text) for name, default, text in rows}
    actual = {}
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = str(default.get_secret_value() if hasattr(default, "get_secret_value") else default)
        actual[name] = (shown or "empty", field.description)
    assert told == actual


def test_files_that_the_readme_links_to_exist() -> None:
    text = (ROOT / "README.md").read_text()
    linked = re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"", text)
    paths = [a or b for a, b in linked if not (a or b).startswith("http")]
    assert paths
    assert [p for p in paths if not (ROOT / p).exists()] == []
