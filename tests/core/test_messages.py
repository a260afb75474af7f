"""The sentences that people's dashboards and scripts read: letter for letter as Flagger 1.44 was recorded."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.core.snapshots import canary, status

from davy.api.canary import Canary, TargetRef
from davy.core import messages
from davy.core.plan import Announcement

TRACES = Path(__file__).parents[1] / "conformance" / "traces" / "flagger-1.44.0"
CANARY = canary(status())
DAEMONS = replace(CANARY, spec=replace(CANARY.spec, target_ref=TargetRef("apps/v1", "DaemonSet", "app")))
NOT_OURS = (
    r"GatewayRefs must be specified .*",
    r"VirtualService \S+ get query error .*",
    r"reconcileCanaryService failed: .*",
    r"failed to get canary .*",
)
"""What Flagger says where Davy has a condition with the field's path, or gets further."""


def recorded() -> set[tuple[str, str]]:
    """Every sentence of every recorded scenario, as if its canary stood in the namespace `test`."""
    said: set[tuple[str, str]] = set()
    for path in TRACES.glob("*.json"):
        trace = json.loads(path.read_text())
        name = trace["scenario"]["name"]
        said |= {(event["type"], event["message"].replace(name, "test")) for event in trace["events"]}
    ours = {each for each in said if not any(re.fullmatch(pattern, each[1]) for pattern in NOT_OURS)}
    return {each for each in ours if "test.test" not in each[1] and "test-primary" not in each[1]}


SENTENCES = sorted(recorded())

Made = Callable[[Canary, re.Match[str]], Announcement]

PATTERNS: tuple[tuple[str, Made], ...] = (
    (r"all the metrics providers .*", lambda c, m: messages.providers_available(c)),
    (r"Initialization done! .*", lambda c, m: messages.initialized(c)),
    (r"New revision detected! Scaling up .*", lambda c, m: messages.new_revision(c)),
    (r"New revision detected! Restarting .*", lambda c, m: messages.restarting(c)),
    (r"Starting canary analysis .*", lambda c, m: messages.starting(c)),
    (r"Advance .* canary weight (\d+)", lambda c, m: messages.weight_advanced(c, int(m[1]))),
    (r"Advance .* iteration (\d+)/(\d+)", lambda c, m: messages.iteration_advanced(c, int(m[1]), int(m[2]))),
    (r"Advance .* primary weight (\d+)", lambda c, m: messages.primary_weight_advanced(c, int(m[1]))),
    (r"Routing all traffic to canary", lambda c, m: messages.all_to_canary(c)),
    (r"Routing all traffic to primary", lambda c, m: messages.all_to_primary(c)),
    (r"Copying .*", lambda c, m: messages.copying(c)),
    (r"Promotion completed! Scaling down .*", lambda c, m: messages.promoted(c)),
    (r"Promotion completed! Canary analysis was skipped .*", lambda c, m: messages.promoted_unanalysed(c)),
    (r"Stop traffic mirroring .*", lambda c, m: messages.mirroring_stopped(c)),
    (r"(\S+) check (\S+) passed", lambda c, m: messages.gate_passed(m[1].lower(), m[2])),
    (r"Rollback hook (\S+) not signaling .*", lambda c, m: messages.not_signalling(m[1])),
    (
        r"Halt \S+ advancement waiting for approval (\S+)",
        lambda c, m: messages.gate_closed(c, "confirm-rollout", m[1]),
    ),
    (
        r"Halt \S+ advancement waiting for traffic increase approval (\S+)",
        lambda c, m: messages.gate_closed(c, "confirm-traffic-increase", m[1]),
    ),
    (
        r"Halt \S+ advancement waiting for promotion approval (\S+)",
        lambda c, m: messages.gate_closed(c, "confirm-promotion", m[1]),
    ),
    (
        r"Halt \S+ advancement pre-rollout check (\S+) failed (.*)",
        lambda c, m: messages.pre_rollout_failed(c, m[1], m[2]),
    ),
    (
        r"Halt \S+ advancement ((?:success rate|request duration|inline) .*)",
        lambda c, m: messages.halted(c, m[1]),
    ),
    (r"Rolling back \S+ failed checks .* (\d+)", lambda c, m: messages.threshold_reached(c, int(m[1]))),
    (r"Canary failed! .*", lambda c, m: messages.failed(c)),
    (r"Promotion of \S+ failed, primary not ready: (.*)", lambda c, m: messages.promotion_failed(c, m[1])),
    (r"app-primary\S+ not ready: (.*)", lambda c, m: messages.primary_not_ready(c, m[1])),
    (r"canary deployment \S+ not ready: (.*)", lambda c, m: messages.canary_not_ready(c, m[1])),
    (r"primary daemonset \S+ not ready: (.*)", lambda c, m: messages.primary_not_ready(DAEMONS, m[1])),
    (
        r"canary damonset \S+ not ready with retryable (true|false): (.*)",
        lambda c, m: messages.canary_not_ready(DAEMONS, m[2], hopeless=m[1] == "false"),
    ),
    (
        r'deployment \S+ get query error: deployments.apps "(\S+)" not found',
        lambda c, m: messages.target_missing(
            replace(c, spec=replace(c.spec, target_ref=TargetRef("apps/v1", "Deployment", m[1])))
        ),
    ),
    (r"Terminating canary .*", lambda c, m: messages.terminating(c)),
    (r"Terminated canary .*", lambda c, m: messages.terminated(c)),
)
"""What Flagger says → how we make the same sentence."""

NO_VALUES = (
    "Halt advancement no values found for istio metric request-success-rate probably app.test is not receiving traffic"
)

UNRECORDED = {
    "invalid",
    "provider_away",
    "no_values",
    "weights_unsupported",
    "matches_unsupported",
    "mirror_unsupported",
    "rolling_back",
    "rollback_signalled",
    "rollout_hook_failed",
    "post_rollout_failed",
    "metric_error",
    "commanded",
    "restart_loop",
    "halted_by",
    "recovered",
}
"""Sentences that none of the recorded scenarios makes Flagger say (`invalid`, `metric_error`,
`commanded`, `restart_loop` and `mirror_unsupported` are ours)."""


@pytest.mark.parametrize(("type_", "text"), SENTENCES, ids=[text[:60] for _, text in SENTENCES])
def test_every_recorded_sentence_is_ours_too(type_: str, text: str) -> None:
    made = [make(CANARY, found) for pattern, make in PATTERNS if (found := re.fullmatch(pattern, text))]
    assert [(said.type, said.message) for said in made] == [(type_, text)]


def test_every_pattern_was_recorded() -> None:
    for pattern, _ in PATTERNS:
        assert any(re.fullmatch(pattern, text) for _, text in SENTENCES), pattern


def test_every_sentence_of_the_module_is_compared_or_known_not_to_be_recorded() -> None:
    functions = inspect.getmembers(messages, inspect.isfunction)
    sentences = {name for name, made in functions if "Announcement" in str(inspect.signature(made).return_annotation)}
    source = Path(__file__).read_text()
    compared = {name for name in sentences if f": messages.{name}(" in source}
    assert sentences == compared | UNRECORDED


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (
            messages.no_values(CANARY, "request-success-rate", "istio"),
            NO_VALUES,
        ),
        (
            messages.provider_away("latency", "timeout"),
            "Metric provider for latency not available: timeout",
        ),
        (messages.rolling_back(CANARY, "manual webhook invoked"), "Rolling back app.test manual webhook invoked"),
        (messages.rollback_signalled("hook"), "Rollback check hook passed"),
        (
            messages.rollout_hook_failed(CANARY, "load", "no such host"),
            "Halt app.test advancement external check load failed no such host",
        ),
        (messages.post_rollout_failed("notify", "403"), "Post-rollout hook notify failed 403"),
        (
            messages.matches_unsupported("kubernetes"),
            "A/B testing is not supported when using the kubernetes provider",
        ),
        (messages.target_missing(CANARY), 'deployment app.test get query error: deployments.apps "app" not found'),
        (
            messages.weights_unsupported(CANARY, "kubernetes", 10)[0],
            "Progressive traffic is not supported when using the kubernetes provider",
        ),
        (messages.weights_unsupported(CANARY, "kubernetes", 10)[1], "Setting canaryAnalysis.iterations: 10"),
    ],
    ids=lambda value: value.action if isinstance(value, Announcement) else "",
)
def test_sentences_that_are_known_from_reading(said: Announcement, text: str) -> None:
    assert (said.type, said.message) == ("Warning", text)


@pytest.mark.parametrize(("type_", "text"), SENTENCES, ids=[text[:60] for _, text in SENTENCES])
def test_every_sentence_has_a_word_that_programs_may_match(type_: str, text: str) -> None:
    made = [make(CANARY, found) for pattern, make in PATTERNS if (found := re.fullmatch(pattern, text))]
    assert all(re.fullmatch(r"([A-Z][a-z]+)+", said.action) for said in made)
