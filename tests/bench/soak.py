"""What the record of a soak (`davy demo --soak N --record FILE`) says."""

from __future__ import annotations

import re
from pathlib import Path

from .figure import Figure, Goal

REQUESTS = re.compile(r"^([\d,]+) requests, (\d+) failed that were not a bad release's own errors", re.MULTILINE)
PROMOTED = re.compile(r"^promoted +\w+", re.MULTILINE)


def read(path: Path) -> list[Figure]:
    """Raises ValueError if the file is no such record."""
    text = path.read_text("utf-8")
    found = REQUESTS.search(text)
    if found is None:
        raise ValueError(f"{path} is no record of a soak: it has no line `N requests, M failed …`")
    sent, promoted = found[1], len(PROMOTED.findall(text))
    return [
        Figure(
            what=f"requests failed in {promoted} promotions in a row",
            unit="requests",
            values=(float(found[2]),),
            goal=Goal(0),
            note=f"of {sent} that were sent (kept-alive and fresh connections, no retries); `davy demo --soak`.",
        )
    ]
