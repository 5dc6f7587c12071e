"""Tables of figures on a terminal: medians, and the target beside each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median


def show(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print one table; the first column stands left, the others right."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    print(f"\n{title}")
    for row in (heads, *rows):
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        print("  " + "   ".join([row[0].ljust(widths[0]), *cells[1:]]), flush=True)


def goal(words: str, met: bool) -> None:
    """Print a target and whether it was met in this run."""
    print(f"  {'met   ' if met else 'MISSED'}  {words}", flush=True)


def middle(values: Sequence[float]) -> float:
    """The median; not a number when there are no values."""
    return median(values) if values else math.nan


def figure(value: float, digits: int = 1) -> str:
    """A number for a cell; a dash where this system could not tell."""
    return "–" if math.isnan(value) else f"{value:,.{digits}f}"
