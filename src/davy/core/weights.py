"""How much traffic the canary gets next, as Flagger counts; never below 0, never above 100."""

from __future__ import annotations

from davy.api.analysis import Analysis


def following(analysis: Analysis, weight: int) -> int:
    """The weight of the step after `weight`; `weight` itself if the spec defines no step.

    Like Flagger, a step is not cut down to `maxWeight` (20, 40, 60 with a maximum of 50); unlike it, a weight that is
    not in `stepWeights` (edited during the run) goes to the next greater entry and not straight to 100.
    """
    if analysis.step_weight > 0:
        return bounded(weight + analysis.step_weight)
    greater = [step for step in analysis.step_weights if step > weight]
    return bounded(greater[0]) if greater else weight


def giving_back(analysis: Analysis, weight: int) -> int:
    """The canary's weight after one step of handing traffic back to the promoted primary."""
    if analysis.step_weight_promotion <= 0:
        return 0
    return bounded(weight - analysis.step_weight_promotion)


def bounded(weight: int) -> int:
    return max(0, min(100, weight))
