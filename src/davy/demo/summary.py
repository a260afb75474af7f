"""The end of the demo: what was promoted, what was rolled back and why, and whether all is as it must be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from davy.demo import words
from davy.demo.load.tally import Count, Progress, Slowest, failed_otherwise
from davy.demo.manifests import SHOP
from davy.demo.runs import Run, complaints

LEAST_RATE = 200.0  # requests per second through the Gateway


class Figures(msgspec.Struct, frozen=True):
    """Measured by the way: seconds since the process started, resident memory in MiB."""

    api_server: float = 0.0
    first_pod: float = 0.0
    cluster_memory: float = 0.0
    operator_memory: float = 0.0


class Report(msgspec.Struct, frozen=True):
    """All that is judged. `bad`: whose errors are to be expected, as (target, version).

    `seconds`: when it ended; `loaded`: when the requests began; both since the start of the process.
    """

    runs: tuple[Run, ...]
    load: Progress
    bad: frozenset[tuple[str, str]]
    seconds: float
    loaded: float
    least_requests: int = 0
    figures: Figures = Figures()

    @property
    def failed(self) -> int:
        """Requests that failed and not by a bad release's own error."""
        return failed_otherwise(self.load.counts, self.bad)


def wrong(report: Report) -> tuple[str, ...]:
    """Every condition that does not hold, each in a sentence; none: the demo has shown what it promises."""
    return (*(sentence for run in report.runs for sentence in complaints(run)), *_about_load(report))


def _about_load(report: Report) -> Iterator[str]:
    if report.failed:
        yield f"{report.failed:,} requests failed that were not a bad release's own errors"
    if report.load.requests < report.least_requests:
        yield f"{report.load.requests:,} requests were sent; {report.least_requests:,} were wanted"
    through = sum(count.count for count in report.load.counts if count.target == SHOP.name)
    rate = through / max(1.0, report.load.elapsed - report.loaded)
    if rate < LEAST_RATE:
        yield f"{rate:.0f} requests/s went through the Gateway; {LEAST_RATE:.0f} were wanted"


def summary(report: Report) -> RenderableType:
    """The summary for the screen."""
    failures = wrong(report)
    verdict = (
        Text("All of it as it should be.", style="bold green")
        if not failures
        else Text("Not as it should be:", "bold red")
    )
    return Group(
        Text(),
        _runs(report.runs),
        Text(),
        _requests(report.load.counts, report.bad),
        _failed(report),
        *_trouble(report),
        Text(),
        _figures(report),
        Text(),
        verdict,
        *(Text(f"✗ {sentence}", style="red") for sentence in failures),
    )


def _runs(runs: Iterable[Run]) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    for run in runs:
        promoted = run.ended == "Succeeded"
        what = Text("promoted" if promoted else "rolled back", style="green" if promoted else "red")
        grid.add_row(what, f"{run.app.name} {run.release.version}", f"{run.seconds:.1f} s", _why(run))
    return grid


def _why(run: Run) -> str:
    walked = " → ".join(map(str, run.weights))
    by = words.check(run.deciding) if run.deciding else "without any check"
    return f"{walked} %  {by}" if walked else by


def _requests(counts: Iterable[Count], bad: frozenset[tuple[str, str]]) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("requests to", "version", "answer"):
        table.add_column(title)
    table.add_column("count", justify="right")
    table.add_column("")
    for count in sorted(counts, key=_in_order):
        remark = "the bad release's own errors" if count.failed and (count.target, count.version) in bad else ""
        answer = count.failure if not count.status else f"{count.status} {count.failure}".strip()
        table.add_row(count.target, count.version or "–", answer, f"{count.count:,}", remark)
    return table


def _in_order(count: Count) -> tuple[str, list[tuple[int, str]], int]:
    """By target, then by version, 9.0 before 10.0."""
    parts = [(int(part), "") if part.isdigit() else (0, part) for part in count.version.split(".")]
    return count.target, parts, count.status


def _failed(report: Report) -> Text:
    requests = report.load.requests
    text = f"{requests:,} requests, {report.failed:,} failed that were not a bad release's own errors"
    return Text(text, style="bold red" if report.failed else "bold green")


def _trouble(report: Report) -> Iterator[Text]:
    for entry in report.load.trouble:
        kept = "kept-alive" if entry.kept_alive else "fresh"
        text = f"  {entry.elapsed:.2f} s  {entry.target}  {entry.failure} {entry.status or ''} ({kept}) {entry.words}"
        yield Text(text, style="red")


def _figures(report: Report) -> RenderableType:
    figures = report.figures
    both = figures.cluster_memory + figures.operator_memory
    grid = Table.grid(padding=(0, 2))
    grid.add_row("API server up after", f"{figures.api_server:.2f} s")
    grid.add_row("first pod ready after", f"{figures.first_pod:.2f} s, from the start of the process")
    grid.add_row(
        "memory", f"{both:.0f} MiB: cluster {figures.cluster_memory:.0f}, operator {figures.operator_memory:.0f}"
    )
    grid.add_row("slowest answer", f"{_slowest(report.load.slowest)}{_held_back(report.load)}")
    grid.add_row("the whole demo", f"{report.seconds:.0f} s")
    return grid


def _slowest(slowest: Slowest) -> str:
    return f"{slowest.seconds:.2f} s, of {slowest.target} {slowest.version}, {slowest.elapsed:.1f} s after the start"


def _held_back(load: Progress) -> str:
    return f"; {load.held_back:,} requests were not sent, too many were open" if load.held_back else ""
