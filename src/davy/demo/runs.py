"""One release from its patch to its end: what was seen of it, and whether that is what it should have been."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from davy.api.canary import Canary
from davy.api.status import CanaryStatus, Phase
from davy.demo.manifests import App, Release
from davy.demo.view import Check

SUCCESS_RATE = "request-success-rate"
TOLERANCE = 5.0  # percentage points around what the bad release really does


class Run(msgspec.Struct, frozen=True):
    """A release and what became of it. `seconds` from its patch to its end; `checks` all of the run, oldest first."""

    app: App
    release: Release
    ended: Phase
    seconds: float
    weights: tuple[int, ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def deciding(self) -> Check | None:
        """The check that the run turned on: the last one failed, or the last success rate of a good run."""
        failed = [check for check in self.checks if check.verdict != "pass"]
        rates = [check for check in self.checks if check.metric == SUCCESS_RATE]
        return next(reversed(failed or rates), None)


class Recorder:
    """Collects what a canary's status tells during one run. `before` is its status when the release was written."""

    def __init__(self, before: CanaryStatus) -> None:
        self._before = before
        self._weights: list[int] = []
        self._checks: dict[tuple[str, str], Check] = {}
        self.ended: Phase | None = None

    def see(self, canary: Canary) -> None:
        """Take in a status, if it belongs to this run."""
        status = canary.status
        if status.last_applied_spec == self._before.last_applied_spec:
            return
        if status.canary_weight and status.canary_weight != next(reversed(self._weights), 0):
            self._weights.append(status.canary_weight)
        for entry in status.analysis:
            key = (entry.time or "", entry.metric)
            self._checks[key] = Check(entry.metric, entry.value, entry.verdict, entry.min, entry.max, entry.time or "")
        if status.phase is Phase.SUCCEEDED or (status.phase is Phase.FAILED and status.run_ended_at):
            self.ended = status.phase

    def run(self, app: App, release: Release, seconds: float) -> Run | None:
        """The whole run, once it has ended."""
        if self.ended is None:
            return None
        checks = tuple(check for _, check in sorted(self._checks.items()))
        return Run(app, release, self.ended, seconds, tuple(self._weights), checks)


def complaints(run: Run) -> Iterator[str]:
    """What the run did not show though it should have, each in a sentence."""
    yield from _not_promoted(run) if run.release.good else _not_found_out(run)


def _not_promoted(run: Run) -> Iterator[str]:
    name = f"release {run.release.version} of {run.app.name}"
    if run.ended is not Phase.SUCCEEDED:
        yield f"{name} is good, but it ended as {run.ended}"
        return
    if run.app.routed and not {10, 50} <= set(run.weights):
        yield f"{name} was to walk from 10 to 50 % of the requests; seen were {list(run.weights)}"
    if not any(check.metric == SUCCESS_RATE and check.verdict == "pass" for check in run.checks):
        yield f"{name} was promoted without a {SUCCESS_RATE} that was measured"


def _not_found_out(run: Run) -> Iterator[str]:
    name = f"release {run.release.version} of {run.app.name}"
    if run.ended is not Phase.FAILED:
        yield f"{name} is bad, but it ended as {run.ended}"
        return
    against = [check for check in run.checks if check.verdict != "pass"]
    if not against:
        yield f"{name} was rolled back, but no check says why"
    for check in against:
        if check.metric != SUCCESS_RATE or check.verdict != "fail":
            yield f"{name} was to fail by {SUCCESS_RATE} alone; {check.metric} said {check.verdict}"
    truth = 100 * (1 - run.release.error_rate)
    found = run.deciding
    if found and found.value is not None and abs(found.value - truth) > TOLERANCE:
        yield f"{name} succeeds in {truth:g} % of its answers; measured were {found.value:.1f} %"
