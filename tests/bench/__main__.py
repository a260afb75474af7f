"""Measures everything, prints it as a table, and writes docs/benchmarks.md: `python -m tests.bench`."""

from __future__ import annotations

import argparse
import compileall
import importlib
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from davy.demo import logs

from . import page, soak
from .figure import Figure
from .machine import described, priority

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"

MEASURES = ("starting", "release", "weights", "counts", "idle", "revisions", "ticks", "mind", "kube")
"""Modules with a `measure()`, each loaded when it is its turn: `release` weighs this process, too."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="|".join(MEASURES), help="measure these only; no page is written")
    parser.add_argument("--soak", type=Path, metavar="FILE", help="record of a soak whose figures are taken in")
    wanted = parser.parse_args()
    if unknown := set(wanted.only) - set(MEASURES):
        parser.error(f"there is no measurement called {', '.join(sorted(unknown))}; there are: {', '.join(MEASURES)}")
    compileall.compile_dir(ROOT / "src", quiet=1)
    with TemporaryDirectory(prefix="davy-bench-") as words, logs.into(Path(words) / "bench.log"):
        found = [figure for name in wanted.only or MEASURES for figure in _measured(name)]
    if wanted.soak:
        found += soak.read(wanted.soak)
    Console(width=170).print(page.table(found))
    if not wanted.only:
        date = datetime.now(UTC).date().isoformat()
        PAGE.write_text(page.markdown(found, date=date, machine=described(), priority=priority()), "utf-8")


def _measured(name: str) -> list[Figure]:
    sys.stderr.write(f"{name} …")
    sys.stderr.flush()
    began = time.monotonic()
    found: list[Figure] = importlib.import_module(f"{__package__}.{name}").measure()
    sys.stderr.write(f" {time.monotonic() - began:.0f} s\n")
    return found


if __name__ == "__main__":
    main()
