"""When a run is what it should be, and the sentence for each way in which it is not."""

import pytest

from davy.api.status import Phase
from davy.demo.manifests import BAD, CART, GOOD, SHOP, App, Release
from davy.demo.runs import Run, complaints
from davy.demo.view import Check

RATE, DURATION = "request-success-rate", "request-duration"
WALK = (10, 20, 30, 40, 50)
PASS = Check(RATE, 100.0, "pass", min=99.0)


def fails(value: float) -> Check:
    return Check(RATE, value, "fail", min=99.0)


def run(app: App, release: Release, ended: Phase, *checks: Check, weights: tuple[int, ...] = WALK) -> Run:
    return Run(app, release, ended, 10.0, weights, checks)


@pytest.mark.parametrize(
    "good",
    [
        run(SHOP, GOOD, Phase.SUCCEEDED, PASS),
        run(CART, GOOD, Phase.SUCCEEDED, PASS, weights=()),
        run(SHOP, GOOD, Phase.SUCCEEDED, Check(RATE, None, "no-data"), PASS),
        run(SHOP, BAD, Phase.FAILED, fails(80.0), fails(76.0)),
        run(CART, BAD, Phase.FAILED, fails(84.9), weights=()),
        run(SHOP, BAD, Phase.FAILED, Check(DURATION, 3.0, "pass"), fails(80.0)),
    ],
)
def test_nothing_is_said_of_a_run_that_is_as_it_should_be(good: Run) -> None:
    assert list(complaints(good)) == []


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (run(SHOP, GOOD, Phase.FAILED, PASS), "good, but it ended as Failed"),
        (run(SHOP, GOOD, Phase.SUCCEEDED, PASS, weights=(10, 20)), "10 to 50 %"),
        (run(SHOP, GOOD, Phase.SUCCEEDED), "without a request-success-rate"),
        (run(SHOP, BAD, Phase.SUCCEEDED, fails(80.0)), "bad, but it ended as Succeeded"),
        (run(SHOP, BAD, Phase.FAILED), "no check says why"),
        (run(SHOP, BAD, Phase.FAILED, Check(RATE, None, "no-data")), "said no-data"),
        (run(SHOP, BAD, Phase.FAILED, Check(RATE, None, "no-data"), fails(80.0)), "said no-data"),
        (run(SHOP, BAD, Phase.FAILED, Check(RATE, None, "error")), "said error"),
        (run(SHOP, BAD, Phase.FAILED, Check(DURATION, 900.0, "fail", max=500.0)), "request-duration said fail"),
        (run(SHOP, BAD, Phase.FAILED, fails(74.0)), "measured were 74.0 %"),
        (run(SHOP, BAD, Phase.FAILED, fails(80.0), fails(86.0)), "measured were 86.0 %"),
    ],
)
def test_a_run_that_shows_something_else_is_complained_about(bad: Run, words: str) -> None:
    assert any(words in sentence for sentence in complaints(bad))
