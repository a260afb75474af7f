"""Pod templates: the target's, made into the primary's, and the question whether two are alike."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from davy.api.ref import Manifest
from davy.core import names
from davy.targets import configs
from davy.targets.base import Making, Selector, SelectorMissing


def selector_of(workload: Manifest, keys: Sequence[str]) -> Selector:
    """The first of the keys that the workload selects its pods by; raises `SelectorMissing`."""
    labels = workload.get("spec", {}).get("selector", {}).get("matchLabels") or {}
    for key in keys:
        if key in labels:
            return Selector(key, labels[key])
    metadata = workload.get("metadata", {})
    raise SelectorMissing(
        f"{workload.get('kind')} {metadata.get('namespace')}/{metadata.get('name')}: spec.selector.matchLabels must "
        f"contain one of the labels {', '.join(keys)}, by which the primary's pods are told from the target's"
    )


def for_primary(template: Manifest, making: Making, *, apart: bool = True) -> Manifest:
    """The template that the primary runs: the target's whole, with the primary's identity and copies of configs.

    `apart`: its pods keep their distance from each other, not from the target's.
    """
    made = identified(template, making.selector, apart=apart)
    metadata = made["metadata"]
    mark = names.flagger_id(making.canary, making.run)
    metadata["annotations"] = {**metadata.get("annotations", {}), names.FLAGGER_ID: mark}
    if "spec" in made:
        made["spec"] = configs.rewritten(made["spec"], making.tracked)
    return made


def identified(template: Manifest, selector: Selector, *, apart: bool = True) -> Manifest:
    """The target's template with the primary's label, also where the pods speak of themselves. What is not changed is
    shared with the target's; nobody changes a manifest in place."""
    metadata = {**(template.get("metadata") or {})}
    metadata["labels"] = {**names.without_flux(metadata.get("labels")), selector.key: selector.primary}
    if annotations := unmarked(metadata.pop("annotations", None)):
        metadata["annotations"] = annotations
    made: Manifest = {**template, "metadata": metadata}
    spec = template.get("spec") or {}
    if apart and any(self_selectors(spec)):  # only then: this is asked of every canary in every tick
        made["spec"] = copy.deepcopy(spec)
        for own in self_selectors(made["spec"]):
            rename(own, selector)
    return made


def unmarked(annotations: Mapping[str, str] | None) -> dict[str, str]:
    """Template annotations without Flux's and without the mark of an earlier promotion."""
    return {key: value for key, value in names.without_flux(annotations).items() if key != names.FLAGGER_ID}


def self_selectors(pod: Manifest) -> Iterator[Manifest]:
    """The label selectors by which pods keep their distance from their like."""
    for constraint in pod.get("topologySpreadConstraints") or ():
        yield constraint.get("labelSelector") or {}
    apart = (pod.get("affinity") or {}).get("podAntiAffinity") or {}
    for term in apart.get("requiredDuringSchedulingIgnoredDuringExecution") or ():
        yield term.get("labelSelector") or {}
    for term in apart.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
        yield term.get("podAffinityTerm", {}).get("labelSelector") or {}


def rename(own: Manifest, selector: Selector) -> None:
    """In a label selector, the target's label becomes the primary's."""
    labels = own.get("matchLabels") or {}
    if labels.get(selector.key) == selector.value:
        labels[selector.key] = selector.primary
    for expression in own.get("matchExpressions") or ():
        if expression.get("key") == selector.key:
            values = expression.get("values") or ()
            expression["values"] = [selector.primary if value == selector.value else value for value in values]


def alike(target: Manifest, primary: Manifest, selector: Selector, *, apart: bool = True) -> bool:
    """The primary's template is what copying the target's would give, flagger-id and names of tracked copies apart."""
    return same(identified(target, selector, apart=apart), identified(primary, selector, apart=apart))


def same(source: Any, made: Any, place: tuple[str, str] = ("", "")) -> bool:
    """Equal, or a reference to a config on one side and to its copy on the other. `place`: the last two fields."""
    if isinstance(source, dict) and isinstance(made, dict):
        fields = source.keys()
        return fields == made.keys() and all(same(source[key], made[key], (place[1], key)) for key in fields)
    if isinstance(source, list) and isinstance(made, list):
        return len(source) == len(made) and all(same(*pair, place) for pair in zip(source, made, strict=True))
    return bool(source == made) or (place in configs.PLACES and bool(made == f"{source}{configs.COPY}"))
