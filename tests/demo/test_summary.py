"""The summary and the judgement behind the exit code."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import msgspec
import pytest
from rich.console import Console

from davy.api.status import Phase
from davy.demo.load.tally import Count, Progress, Slowest, Trouble
from davy.demo.manifests import BAD, CART, GOOD, SHOP
from davy.demo.runs import Run
from davy.demo.summary import Figures, Report, summary, wrong
from davy.demo.view import Check

RATE = "request-success-rate"
PASSED = Check(RATE, 100.0, "pass", min=99.0)
FOUND = Check(RATE, 80.2, "fail", min=99.0)
COUNTS = (
    Count("cart", "1.0", 200, "", 2_000),
    Count("cart-canary", "3.0", 500, "", 60),
    Count("shop", "1.0", 200, "", 12_000),
    Count("shop", "3.0", 500, "", 40),
)


@pytest.fixture
def report() -> Report:
    """All as it should be."""
    return Report(
        runs=(
            Run(SHOP, GOOD, Phase.SUCCEEDED, 15.2, (10, 20, 30, 40, 50), (PASSED,)),
            Run(SHOP, BAD, Phase.FAILED, 6.1, (10,), (FOUND, FOUND)),
            Run(CART, GOOD, Phase.SUCCEEDED, 14.0, (), (PASSED,)),
        ),
        load=Progress(60.0, COUNTS, slowest=Slowest(0.042, 25.3, "shop", "1.0")),
        bad=frozenset({("shop", "3.0"), ("cart-canary", "3.0")}),
        seconds=62.0,
        loaded=4.0,
        figures=Figures(0.21, 1.34, 80.4, 44.2),
    )


def test_a_summary_of_a_good_run(report: Report, golden: Callable[[str, Any], None]) -> None:
    assert wrong(report) == ()
    golden("summary.txt", summary(report))


def test_a_summary_of_a_run_in_which_much_went_wrong(report: Report, golden: Callable[[str, Any], None]) -> None:
    lost = (*COUNTS, Count("shop", "", 0, "reset", 1), Count("shop", "", 503, "versionless", 2))
    trouble = (
        Trouble(20.25, "shop", 0, "reset", True, "closed before the answer was complete"),
        Trouble(21.5, "shop", 503, "versionless", False, "no healthy upstream"),
    )
    load = msgspec.structs.replace(report.load, counts=lost, trouble=trouble, held_back=7)
    runs = (Run(SHOP, GOOD, Phase.FAILED, 9.0, (10, 20), (Check(RATE, None, "no-data", min=99.0),)),)
    golden("summary-wrong.txt", summary(msgspec.structs.replace(report, runs=runs, load=load)))


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (Count("shop", "", 0, "connect", 3), "3 requests failed"),
        (Count("shop", "2.0", 500, "", 1), "1 requests failed"),
        (Count("cart", "3.0", 500, "", 1), "1 requests failed"),
        (Count("shop", "", 200, "versionless", 1), "1 requests failed"),
    ],
)
def test_one_request_too_many_is_enough(report: Report, count: Count, words: str) -> None:
    load = msgspec.structs.replace(report.load, counts=(*COUNTS, count))
    assert [words in sentence for sentence in wrong(msgspec.structs.replace(report, load=load))] == [True]


def test_too_few_requests_are_told(report: Report) -> None:
    few = msgspec.structs.replace(report, least_requests=1_000_000)
    assert any("1,000,000 were wanted" in sentence for sentence in wrong(few))
    slow = msgspec.structs.replace(report, load=msgspec.structs.replace(report.load, elapsed=600.0))
    assert any("20 requests/s went through the Gateway" in sentence for sentence in wrong(slow))


def test_versions_are_counted_in_their_order(report: Report) -> None:
    counts = tuple(Count("shop", version, 200, "", 9_000) for version in ("10.0", "9.0", "", "1.0", "beta"))
    console = Console(file=StringIO(), width=100)
    console.print(summary(msgspec.structs.replace(report, load=Progress(60.0, counts))))
    rows = [line.split() for line in console.file.getvalue().splitlines() if line.startswith("shop")]  # type: ignore[attr-defined]
    assert [version for _, version, _, count in rows if count == "9,000"] == ["–", "beta", "1.0", "9.0", "10.0"]
