"""Label selectors: which objects a workload means, and which of them it takes or lets go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from davy.cluster.workloads.objects import Manifest, controller_uid, is_leaving, labels, uid


def matches(selector: Mapping[str, Any], found: Mapping[str, str]) -> bool:
    """Does a LabelSelector (matchLabels, matchExpressions) choose these labels? An empty one chooses all."""
    wanted: Mapping[str, str] = selector.get("matchLabels") or {}
    expressions: list[Manifest] = selector.get("matchExpressions") or []
    return all(found.get(key) == value for key, value in wanted.items()) and all(
        _holds(expression, found) for expression in expressions
    )


def _holds(expression: Manifest, found: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return found.get(key) in values
        case "NotIn":
            return found.get(key) not in values
        case "Exists":
            return key in found
        case "DoesNotExist":
            return key not in found
        case operator:
            raise ValueError(f"label selector: unknown operator {operator!r} for key {key!r}")


class Claim(NamedTuple):
    """What an owner has and should have: `owned` stay, `adopt` come, `release` go."""

    owned: tuple[Manifest, ...]
    adopt: tuple[Manifest, ...]
    release: tuple[Manifest, ...]


def claim(owner: Manifest, objects: Iterable[Manifest]) -> Claim:
    """Sort objects of the owner's namespace by its selector. An owner that is leaving adopts nothing."""
    selector = owner["spec"]["selector"]
    owned: list[Manifest] = []
    adopt: list[Manifest] = []
    release: list[Manifest] = []
    for each in objects:
        fits = matches(selector, labels(each))
        match controller_uid(each):
            case None if fits and not is_leaving(owner) and not is_leaving(each):
                adopt.append(each)
            case mine if mine == uid(owner):
                (owned if fits else release).append(each)
    return Claim(tuple(owned), tuple(adopt), tuple(release))
