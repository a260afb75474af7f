"""Somebody else's HTTPRoute: its parts are changed and remembered, and put back when the Canary goes."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from davy.api.canary import Canary
from davy.api.ref import Manifest, ref_of
from davy.core.edit import Edit

ORIGINAL = "davy.dev/original"
"""Annotation with what the parts were before."""

APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
T = TypeVar("T")
PARTS = ("parentRefs", "hostnames", "rules")


class Original(Struct, frozen=True, omit_defaults=True):
    """What a route was before; null: that was not there."""

    spec: dict[str, Any] = {}
    """Empty: nobody knows."""
    annotations: dict[str, str | None] = {}
    labels: dict[str, str | None] = {}


class Applied(Struct, frozen=True):
    """What an owner last applied with kubectl."""

    spec: dict[str, Any] = {}


def edited(canary: Canary, live: Manifest, wanted: Manifest) -> Edit:
    """The parts that `wanted` (the route that Davy would make) speaks of; what it is silent about stays."""
    spec, metadata = wanted["spec"], wanted["metadata"]
    labels, annotations = metadata.get("labels", {}), metadata["annotations"]
    note = {ORIGINAL: msgspec.json.encode(memory(canary, live, labels, annotations), order="sorted").decode()}
    return Edit(
        ref_of(live),
        {
            "/metadata/annotations": {**annotations_of(live), **annotations, **note},
            **({"/metadata/labels": {**labels_of(live), **labels}} if labels else {}),
            **{f"/spec/{part}": spec[part] for part in PARTS if part in spec},
        },
    )


def memory(canary: Canary, live: Manifest, labels: Mapping[str, str], annotations: Mapping[str, str]) -> Original:
    """What is about to be changed, as it was before the first change.

    Rules that do not lead to the Canary were written by the owner since then: they are what is to be put back.
    """
    known, led = original(live), leads_here(canary, live["spec"])
    return Original(
        spec=known.spec if led else {part: live["spec"].get(part) for part in PARTS},
        annotations=former(annotations_of(live), annotations, led=led) | known.annotations,
        labels=former(labels_of(live), labels, led=led) | known.labels,
    )


def former(present: Mapping[str, str], wanted: Mapping[str, str], *, led: bool) -> dict[str, str | None]:
    """The values before. What looks like ours on a route that leads here already was written by Flagger."""
    return {key: None if led and present.get(key) == value else present.get(key) for key, value in wanted.items()}


def restored(canary: Canary, live: Manifest, fallback: Iterable[Manifest]) -> Edit | None:
    """The route as it was; None if it is so. `fallback`: rules for one of which nobody knows what it was."""
    known = original(live)
    annotations = changed(annotations_of(live), known.annotations | {ORIGINAL: None})
    labels = changed(labels_of(live), known.labels)
    parts = {
        **(spec_before(canary, live, known, fallback) if leads_here(canary, live["spec"]) else {}),
        **({} if annotations is None else {"/metadata/annotations": annotations}),
        **({} if labels is None else {"/metadata/labels": labels}),
    }
    return Edit(ref_of(live), parts) if parts else None


def spec_before(canary: Canary, live: Manifest, known: Original, fallback: Iterable[Manifest]) -> dict[str, Any]:
    """The parts of the spec: as we noted them, else as kubectl noted them, else the fallback."""
    applied = decoded(annotations_of(live).get(APPLIED), Applied).spec
    noted = applied if applied.get("rules") and not leads_here(canary, applied) else {"rules": list(fallback)}
    spec = known.spec or noted
    return {f"/spec/{part}": spec[part] for part in PARTS if part in spec}


def changed(present: Mapping[str, str], before: Mapping[str, str | None]) -> dict[str, str] | None:
    """The keys with their former values; None if they have them."""
    kept = {key: value for key, value in {**present, **before}.items() if value is not None}
    return None if kept == present else kept


def leads_here(canary: Canary, spec: Manifest) -> bool:
    """A rule knows one of the Services that come and go with the Canary: so these rules are not the owner's."""
    return not {canary.primary_service, canary.canary_service}.isdisjoint(names_in(spec))


def names_in(spec: Manifest) -> Iterator[str]:
    """The backends of all rules."""
    for rule in spec.get("rules") or ():
        for backend in rule.get("backendRefs") or ():
            yield backend.get("name", "")


def original(live: Manifest) -> Original:
    """What was noted of the route; nothing if it never was, or somebody has spoilt it."""
    return decoded(annotations_of(live).get(ORIGINAL), Original)


def decoded(text: str | None, kind: type[T]) -> T:
    """The value that the text says; an empty one if it says none."""
    try:
        return msgspec.json.decode(text or "{}", type=kind)
    except msgspec.DecodeError:
        return kind()


def annotations_of(live: Manifest) -> dict[str, str]:
    """Its annotations; none is none."""
    return live["metadata"].get("annotations") or {}


def labels_of(live: Manifest) -> dict[str, str]:
    """Its labels; none is none."""
    return live["metadata"].get("labels") or {}
