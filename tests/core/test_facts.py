"""The facts of an alert read as Flagger's."""

from __future__ import annotations

from typing import Any

import pytest

from davy.api import codec
from davy.core.facts import facts

MATCH = [{"headers": {"x-user": {"exact": "insider"}}}]


@pytest.mark.parametrize(
    ("analysis", "routing"),
    [
        ({"stepWeight": 20, "maxWeight": 40}, "Weight step: 20 max: 40"),
        ({"stepWeight": 20}, "Weight step: 20 max: 0"),
        ({"stepWeights": [1, 5, 50], "maxWeight": 0}, "Weight steps: 1,5,50 max: 0"),
        ({"iterations": 5}, "Blue/Green"),
        ({"iterations": 5, "match": MATCH}, "A/B Testing"),
        ({"maxWeight": 50}, None),
    ],
)
def test_the_facts_are_flaggers(analysis: dict[str, Any], routing: str | None) -> None:
    spec = {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"},
        "service": {"port": 80},
        "progressDeadlineSeconds": 60,
        "analysis": {"threshold": 2, **analysis},
    }
    canary = codec.decode_canary({"metadata": {"name": "app", "namespace": "test"}, "spec": spec})
    expected = [
        ("Target", "Deployment/app.test"),
        ("Failed checks threshold", "2"),
        ("Progress deadline", "60s"),
        *([("Traffic routing", routing)] if routing else []),
    ]
    assert list(facts(canary)) == expected
