"""What stops a start and has a cure: one sentence in Bulgarian and one in English.

Must import nothing: the bootstrap raises it before any package is installed, and storage raises it too.
"""

from __future__ import annotations


class Problem(Exception):
    """Something the person who starts the service can put right. Shown without a traceback; must hold no secret."""

    def __init__(self, bg: str, en: str, details: str = "") -> None:
        super().__init__(en)
        self.bg = bg
        self.en = en
        self.details = details  # the end of another program's output, where that helps

    def __str__(self) -> str:
        return "\n".join(line for line in (self.bg, self.en, self.details) if line)
