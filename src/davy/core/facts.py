"""The facts about a release that an alert tells: target, threshold, deadline, routing; in Flagger's words."""

from __future__ import annotations

from davy.api.canary import Canary


def facts(canary: Canary) -> tuple[tuple[str, str], ...]:
    """Title and value of each."""
    target = canary.spec.target_ref
    return (
        ("Target", f"{target.kind}/{target.name}.{canary.namespace}"),
        ("Failed checks threshold", str(canary.analysis.failures_allowed)),
        ("Progress deadline", f"{canary.spec.progress_deadline_seconds}s"),
        *routing(canary),
    )


def routing(canary: Canary) -> tuple[tuple[str, str], ...]:
    """How the traffic is to move; nothing if no step is defined. `maxWeight` is told as it was written, 0 included."""
    steps = TRAFFIC.get(canary.strategy()) or weights(canary)
    return (("Traffic routing", steps),) if steps else ()


def weights(canary: Canary) -> str:
    analysis = canary.analysis
    if analysis.step_weight > 0:
        return f"Weight step: {analysis.step_weight} max: {analysis.max_weight}"
    if analysis.step_weights:
        return f"Weight steps: {','.join(map(str, analysis.step_weights))} max: {analysis.max_weight}"
    return ""


TRAFFIC = {"ab-testing": "A/B Testing", "blue-green": "Blue/Green"}
