"""Knative: the traffic block of the Knative Service itself, between its latest Revision and the primary one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.core import names
from davy.core.edit import Edit
from davy.core.snapshot import Confirmation, Confirmed, Pending, Routing, Unknown
from davy.routers.base import Existing, Feature

PRIMARY = "flagger.app/primary-revision"
"""Annotation of the Knative Service: the Revision that is regarded as the primary."""


@dataclass(frozen=True, slots=True)
class Knative:
    """The provider `knative`. The Knative Service is the user's: it is edited, never made, and outlives the Canary."""

    def features(self, canary: Canary) -> Feature:
        """Weights. A Revision cannot be chosen by what a request says, but by its tag's own host name."""
        return Feature.WEIGHT

    def reads(self, canary: Canary) -> Sequence[Ref]:
        """The Knative Service."""
        return (canary.target,)

    def route(self, canary: Canary, routing: Routing, existing: Existing) -> Sequence[Manifest | Edit]:
        """The traffic block; nothing while no Revision is the primary."""
        service = existing.get(canary.target, {})
        revision = primary_of(service)
        if not revision:
            return ()
        split: list[Manifest] = [
            {"latestRevision": True, "percent": routing.canary},
            {"revisionName": revision, "percent": routing.primary},
        ]
        return (Edit(canary.target, {"/spec/traffic": [*split, *tags(service["spec"])]}),)

    def routing(self, canary: Canary, existing: Existing) -> Routing | None:
        """The split that the spec says."""
        service = existing.get(canary.target, {})
        return split(service.get("spec", {}).get("traffic"), primary_of(service))

    def confirmed(self, canary: Canary, routing: Routing, existing: Existing) -> Confirmation:
        """What Knative says: it reports a split after its gateways have it."""
        service = existing.get(canary.target)
        if service is None or self.routing(canary, existing) != routing:
            return Pending(f"{canary.target} does not say {routing.primary}/{routing.canary} yet")
        status = service.get("status") or {}
        if "traffic" not in status:
            return Unknown()
        why = next(objections(service, status, routing), "")
        return Pending(f"{canary.target}: {why}") if why else Confirmed()

    def restored(self, canary: Canary, existing: Existing) -> Sequence[Edit]:
        """The annotations go. The traffic stays where it is, but for our entry if it has none."""
        service = existing.get(canary.target)
        if service is None or not primary_of(service):
            return ()
        annotations = {
            key: value
            for key, value in service["metadata"]["annotations"].items()
            if key not in (PRIMARY, names.REVISION)
        }
        parts: dict[str, Any] = {"/metadata/annotations": annotations}
        if self.routing(canary, existing) == Routing(0, 100):
            parts["/spec/traffic"] = [{"latestRevision": True, "percent": 100}, *tags(service["spec"])]
        return (Edit(canary.target, parts),)


def primary_of(service: Manifest) -> str:
    """The Revision that is regarded as the primary; empty while none is."""
    return str((service.get("metadata", {}).get("annotations") or {}).get(PRIMARY, ""))


def tags(spec: Manifest) -> list[Manifest]:
    """Entries of the user's by which Revisions have host names of their own. They have no share of the traffic."""
    named = [entry for entry in spec.get("traffic") or () if entry.get("tag")]
    return [entry | ({"percent": 0} if entry.get("percent") else {}) for entry in named]


def split(traffic: Iterable[Manifest] | None, revision: str) -> Routing | None:
    """The split of a traffic block in which nobody has a share but the latest Revision and this one."""
    shares = list(entries(traffic or (), revision))
    sides = {side for side, _ in shares}
    canary, primary = (sum(percent for side, percent in shares if side == wanted) for wanted in ("canary", "primary"))
    if not sides >= {"canary", "primary"} or canary + primary != 100 or any(p for side, p in shares if not side):
        return None
    return Routing(primary, canary)


def entries(traffic: Iterable[Manifest], revision: str) -> Iterator[tuple[str, int]]:
    """Each entry's side and share. While the latest Revision is the primary, the entries are still told apart."""
    for entry in traffic:
        ours = "canary" if entry.get("latestRevision") else "primary" if entry.get("revisionName") == revision else ""
        yield "" if entry.get("tag") else ours, int(entry.get("percent") or 0)


def objections(service: Manifest, status: Manifest, routing: Routing) -> Iterator[str]:
    """Why the split is not in force yet."""
    generation, seen = service["metadata"].get("generation"), status.get("observedGeneration")
    if generation is not None and seen is not None and seen < generation:
        yield f"Knative has not seen generation {generation} yet"
    for condition in status.get("conditions") or ():
        if condition.get("type") == "RoutesReady" and condition.get("status") != "True":
            said = " ".join(word for word in (condition.get("reason"), condition.get("message")) if word)
            yield f"its routes are not ready: {said}".rstrip(": ")
    if split(status["traffic"], primary_of(service)) != routing:
        yield f"the traffic is not split {routing.primary}/{routing.canary} yet"
