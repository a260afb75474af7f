"""The figures as a table, for the terminal and as docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table

from .figure import MANY, Figure, Goal, quantile, short

HEAD = ("figure", "unit", "goal", "min", "median", "p95", "max", "n", "load", "")
MARKS = {True: "met", False: "**missed**", None: ""}

ABOVE = """# Benchmarks

Written by `make bench`, and committed as it was measured; nothing in the test suite asserts a time.
Measured on {date}: {machine}.{priority}

`load` is the machine's load average over the last minute before a figure was taken. The benchmark itself is about one
process's worth of it; what is above that is other work, which makes every time in its row longer.
Goals hold for the median, or for the percentile that the goal names.
What has no load was counted, or measured at another time.

"""

BELOW = """
## How to repeat it

```
make bench                                             # about three minutes
chrt -r 10 make bench                                  # as root, on a machine with other work
davy demo --soak 20 --record soak.txt                  # some minutes more
.venv/bin/python -m tests.bench --soak soak.txt        # takes the soak's figures into the table
```

Python's bytecode is compiled beforehand, as it is after the first start; the very first start after an installation
compiles it, which takes some tenths of a second more. Times of processes include the interpreter's own start.
"""


def cells(figure: Figure) -> tuple[str, ...]:
    """One row."""
    values = figure.values
    many = len(values) >= MANY
    middle = [short(quantile(values, share)) for share in (0.0, 0.5, 0.95)] + [short(max(values))]
    if len(values) == 1:
        middle = ["", middle[1], "", ""]
    elif not many:
        middle[2] = ""
    return (
        figure.what,
        figure.unit,
        goal(figure.goal),
        *middle,
        str(len(values)),
        "" if figure.load is None else f"{figure.load:.1f}",
        MARKS[figure.met],
    )


def goal(wanted: Goal | None) -> str:
    if wanted is None:
        return ""
    return f"≤ {wanted.most:g}" + ("" if wanted.quantile == 0.5 else f" (p{100 * wanted.quantile:.0f})")


def table(figures: Iterable[Figure]) -> Table:
    """For the terminal."""
    drawn = Table(*HEAD, box=None, pad_edge=False)
    for figure in figures:
        drawn.add_row(*(cell.replace("**", "") for cell in cells(figure)))
    return drawn


def markdown(figures: Sequence[Figure], *, date: str, machine: str, priority: str) -> str:
    """The whole page."""
    rows = [HEAD, ("---", "---", "---", *["--:"] * 6, "---"), *(cells(figure) for figure in figures)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    notes = [f"- **{figure.what}**: {figure.note}" for figure in figures if figure.note]
    return (
        ABOVE.format(date=date, machine=machine, priority=priority)
        + "\n".join([*lines, "", "## What the rows say", "", *notes, ""])
        + BELOW
    )
