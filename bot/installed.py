"""Whether this Python already has what pyproject.toml asks for, as in a container or an environment made by hand.

Standard library only: it runs where nothing is installed. It understands our own pyproject.toml, not every requirement.
"""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

Bounds = list[tuple[str, str]]


def missing(pyproject: Path, extra: str = "") -> list[str]:
    """Name the packages that are absent here, or of a version that pyproject.toml refuses."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"].get(extra, ())]
    return [name for name, bounds in filter(None, map(parse, wanted)) if not _has(name, bounds)]


def parse(requirement: str) -> tuple[str, Bounds] | None:
    """Read `name[extra]>=1,<2; marker` into name and bounds. The one marker we use leaves Windows out: None there."""
    stated, _, marker = requirement.partition(";")
    if "win32" in marker and sys.platform == "win32":
        return None
    found = re.match(r"\s*([A-Za-z0-9._-]+)(?:\[[^]]*\])?", stated)
    if not found:
        raise ValueError(f"not a requirement: {requirement!r}")
    return found[1], re.findall(r"(>=|<)\s*([0-9.]+)", stated[found.end() :])


def within(version: str, bounds: Bounds) -> bool:
    """Whether a version lies between bounds such as `(">=", "22.8"), ("<", "23")`."""
    have = _numbers(version)
    return all(have >= _numbers(bound) if sign == ">=" else have < _numbers(bound) for sign, bound in bounds)


def _has(name: str, bounds: Bounds) -> bool:
    try:
        return within(metadata.version(name), bounds)
    except metadata.PackageNotFoundError:
        return False


def _numbers(version: str) -> tuple[int, ...]:
    numbers = [int(number) for number in re.findall(r"\d+", version.partition("+")[0])[:4]]
    while numbers and numbers[-1] == 0:  # 3.0 is 3
        numbers.pop()
    return tuple(numbers)
