"""Say how the answers of a server differ from the recorded ones, as a diff that a person reads at a glance."""

import difflib
from typing import Any

import yaml
from tests.conformance.api.behaviour import Behaviour, Step


def told(behaviour: Behaviour, answers: list[Any]) -> str:
    """Empty if all answers are as recorded; `-` lines are the recorded truth, `+` lines what came."""
    pairs = zip(behaviour.steps, answers, strict=True)
    return "\n".join(
        _step(number, step, answer) for number, (step, answer) in enumerate(pairs, 1) if step.get("answer") != answer
    )


def _step(number: int, step: Step, answer: Any) -> str:
    lines = difflib.unified_diff(_lines(step.get("answer")), _lines(answer), n=2, lineterm="")
    diff = "\n".join(list(lines)[2:])
    return f"step {number}: {step.verb} {step.argument}\n{diff}"


def _lines(answer: Any) -> list[str]:
    return yaml.safe_dump(answer, sort_keys=True, width=1000, allow_unicode=True).splitlines()
