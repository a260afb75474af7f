"""Istio: a VirtualService with the split, and a DestinationRule for each side.

Istio's schemas have no defaults: the objects as served are the objects as written.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref, ref_of
from davy.core import names
from davy.core.edit import Edit
from davy.core.snapshot import Confirmation, Pending, Routing
from davy.routers.base import Existing, Feature, Inexpressible
from davy.routers.istio.destinations import MESH, tcp_rules
from davy.routers.istio.http import http_rules
from davy.routers.istio.reports import verdict
from davy.routers.istio.theirs import edited_rule, edited_service, restored_rule, restored_service
from davy.routers.istio.words import given, policy

VERSION = "networking.istio.io/v1beta1"
"""Flagger's; served by every Istio since 1.6."""


@dataclass(frozen=True, slots=True)
class Istio:
    """The provider `istio`."""

    def features(self, canary: Canary) -> Feature:
        """Connections can only be split; with a match for A/B testing no sessions are kept."""
        if tcp(canary):
            return Feature.WEIGHT
        able = Feature.WEIGHT | Feature.MIRROR | Feature.MATCH
        return able if canary.analysis.match else able | Feature.SESSION_AFFINITY

    def reads(self, canary: Canary) -> Sequence[Ref]:
        """The three objects, in the order in which they are written."""
        return (
            Ref(VERSION, "DestinationRule", canary.namespace, canary.canary_service),
            Ref(VERSION, "DestinationRule", canary.namespace, canary.primary_service),
            self.ref(canary),
        )

    def route(self, canary: Canary, routing: Routing, existing: Existing) -> Sequence[Manifest | Edit]:
        """The DestinationRules, then the VirtualService that leads to their hosts. Raises `Inexpressible`."""
        *rules, service = self.reads(canary)
        return (
            *(self.rule(canary, ref, existing.get(ref)) for ref in rules),
            self.service(canary, routing, service, existing.get(service)),
        )

    def routing(self, canary: Canary, existing: Existing) -> Routing | None:
        """The weights of the last rule that leads to exactly our two sides: earlier ones are for those with a cookie.

        With A/B testing it is the first of two; without its match it would say something else.
        """
        spec = existing.get(self.ref(canary), {}).get("spec") or {}
        rules = spec.get("tcp" if tcp(canary) else "http") or ()
        found = [(rule, split) for rule in rules if (split := weights(canary, rule)) is not None]
        if not found:
            return None
        rule, split = found[-1]
        tested = canary.analysis.match and not tcp(canary)
        if sum(split) != 100 or min(split) < 0 or (tested and not rule.get("match")):
            return None
        return Routing(*split, mirrored=rule.get("mirror", {}).get("host") == canary.canary_service)

    def confirmed(self, canary: Canary, routing: Routing, existing: Existing) -> Confirmation:
        """What Istio says about the VirtualService as it stands."""
        ref = self.ref(canary)
        if ref not in existing or self.routing(canary, existing) != routing:
            return Pending(f"{ref} does not say {routing.primary}/{routing.canary} yet")
        return verdict(existing[ref])

    def restored(self, canary: Canary, existing: Existing) -> Sequence[Edit]:
        """The objects of other people's as they were."""
        theirs = (existing[ref] for ref in self.reads(canary) if names.adopted(canary, existing.get(ref)))
        edits = (
            restored_service(canary, live) if ref_of(live) == self.ref(canary) else restored_rule(canary, live)
            for live in theirs
        )
        return tuple(edit for edit in edits if edit.parts)

    def ref(self, canary: Canary) -> Ref:
        """The address of the VirtualService."""
        return Ref(VERSION, "VirtualService", canary.namespace, canary.apex)

    def rule(self, canary: Canary, ref: Ref, live: Manifest | None) -> Manifest | Edit:
        """One DestinationRule."""
        spec = {"host": ref.name, **given("trafficPolicy", policy(canary.spec.service.traffic_policy))}
        wanted = {**address(canary, ref), "spec": spec}
        return edited_rule(wanted, live) if live is not None and names.adopted(canary, live) else wanted

    def service(self, canary: Canary, routing: Routing, ref: Ref, live: Manifest | None) -> Manifest | Edit:
        """The VirtualService."""
        extra = canary.spec.service.apex
        wanted = address(canary, ref)
        wanted["metadata"] |= given("labels", dict(extra.labels))
        wanted["metadata"] |= {"annotations": {**extra.annotations, **names.FLUX_OPT_OUT}}
        rules = {"tcp": tcp_rules(canary, routing)} if tcp(canary) else {"http": http_rules(canary, routing)}
        wanted["spec"] = {**addressed(canary), **rules}
        return edited_service(canary, wanted, live) if live is not None and names.adopted(canary, live) else wanted


def address(canary: Canary, ref: Ref) -> Manifest:
    """An object of ours, without content."""
    return {
        "apiVersion": ref.api_version,
        "kind": ref.kind,
        "metadata": {"name": ref.name, "namespace": ref.namespace, "ownerReferences": [names.owner(canary)]},
    }


def tcp(canary: Canary) -> bool:
    """Whether connections are routed, and not requests."""
    return canary.spec.service.app_protocol.lower() == "tcp"


def addressed(canary: Canary) -> Manifest:
    """For which hosts at which gateways; a delegate has them from the VirtualService that delegates to it."""
    service = canary.spec.service
    if service.delegation:
        for field, said in (("hosts", service.hosts), ("gateways", service.gateways)):
            if said:
                raise Inexpressible(f"spec.service.{field}: a delegate VirtualService has no {field}; leave them out")
        return {"hosts": []}
    own = [] if {canary.apex, "*"} & set(service.hosts) else [canary.apex]
    return {"hosts": [*service.hosts, *own], "gateways": list(service.gateways or (MESH,))}


def weights(canary: Canary, rule: Manifest) -> tuple[int, int] | None:
    """The primary's and the canary's weight in a rule; None if it does not lead to exactly these two."""
    shares = {part.get("destination", {}).get("host"): part.get("weight", 0) for part in rule.get("route") or ()}
    if shares.keys() != {canary.primary_service, canary.canary_service} or len(rule["route"]) != 2:
        return None
    return shares[canary.primary_service], shares[canary.canary_service]
