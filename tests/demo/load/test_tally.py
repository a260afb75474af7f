"""What counts as failed, and how rates are taken."""

import pytest

from davy.demo.load.tally import MOST_TROUBLE, Count, Outcome, Rate, Tally, Trouble, failed_otherwise

BAD = {("shop", "3.0")}


@pytest.mark.parametrize(
    ("outcome", "failed"),
    [
        (Outcome("shop", "1.0", 200), 0),
        (Outcome("shop", "2.0", 204), 0),
        (Outcome("shop", "3.0", 500), 0),  # the bad release's own
        (Outcome("shop", "1.0", 500), 1),
        (Outcome("cart", "3.0", 500), 1),  # bad elsewhere, but not bad in the cart
        (Outcome("shop", "2.0", 404), 1),
        (Outcome("shop", "2.0", 302), 1),
        (Outcome("shop", "", 200, "versionless"), 1),
        (Outcome("shop", "", 503, "versionless"), 1),
        (Outcome("shop", "", 0, "connect"), 1),
        (Outcome("shop", "", 0, "reset"), 1),
        (Outcome("shop", "", 0, "timeout"), 1),
    ],
)
def test_only_the_bad_release_s_own_errors_are_forgiven(outcome: Outcome, failed: int) -> None:
    tally = Tally()
    tally.add(outcome)
    assert failed_otherwise(tally.progress(1.0).counts, BAD) == failed


def test_answers_are_counted_by_target_version_and_status() -> None:
    tally = Tally()
    for outcome in [Outcome("a", "1", 200), Outcome("a", "1", 200), Outcome("a", "1", 500), Outcome("b", "1", 200)]:
        tally.add(outcome)
    progress = tally.progress(1.0)
    assert progress.counts == (Count("a", "1", 200, "", 2), Count("a", "1", 500, "", 1), Count("b", "1", 200, "", 1))
    assert progress.requests == 4


def test_rates_are_taken_over_the_last_calls_and_not_since_the_start() -> None:
    tally = Tally()
    for quarter in range(8):
        for _ in range(50 if quarter < 4 else 25):
            tally.add(Outcome("shop", "1", 200))
        progress = tally.progress(quarter * 0.25)
    assert progress.rates == (Rate("shop", "1", 100.0),)


def test_the_first_call_has_no_rates() -> None:
    tally = Tally()
    tally.add(Outcome("shop", "1", 200))
    assert tally.progress(0.0).rates == ()


def test_the_circumstances_of_the_first_failures_are_kept() -> None:
    tally = Tally()
    for number in range(MOST_TROUBLE + 5):
        tally.remember(Trouble(float(number), "shop", 0, "reset", kept_alive=True))
    trouble = tally.progress(0.0).trouble
    assert [entry.elapsed for entry in trouble] == [float(number) for number in range(MOST_TROUBLE)]
