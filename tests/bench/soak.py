"""What the record of a soak (`davy demo --soak N --record FILE`) says."""

from __future__ import annotations

import re
from pathlib import Path

from .figure import Figure, Goal

MOST = Goal(150)

REQUESTS = re.compile(r"^([\d,]+) requests, (\d+) failed that were not a bad release's own errors", re.MULTILINE)
MEMORY = re.compile(r"^memory +(\d+) MiB: (.+)", re.MULTILINE)
UNSENT = re.compile(r"[\d,]+ requests were not sent, too many were open")
PROMOTED = re.compile(r"^promoted +\w+", re.MULTILINE)


def read(path: Path) -> list[Figure]:
    """Raises ValueError if the file is no such record."""
    text = path.read_text("utf-8")
    found = REQUESTS.search(text)
    if found is None:
        raise ValueError(f"{path} is no record of a soak: it has no line `N requests, M failed …`")
    sent, promoted, unsent = found[1], len(PROMOTED.findall(text)), UNSENT.search(text)
    return [
        Figure(
            what=f"requests failed in {promoted} promotions in a row",
            unit="requests",
            values=(float(found[2]),),
            goal=Goal(0),
            load=None,
            note=f"of {sent} that were sent (kept-alive and fresh connections, no retries) by `davy demo --soak`"
            f"{f'; {unsent[0]}' if unsent else ''}.",
        ),
        *(
            Figure(
                what="memory of both processes after that",
                unit="MiB",
                values=(float(total),),
                goal=MOST,
                note=parts,
                load=None,
            )
            for total, parts in MEMORY.findall(text)
        ),
    ]
