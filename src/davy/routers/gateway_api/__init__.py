"""Gateway API: one HTTPRoute with two weighted backends.

Defaults of the HTTPRoute's schema are written out (path `/`, type `Exact`, `maxAge` 5, …): the object as served is then
the object as written, and nothing is written again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.api.service import GatewayRef
from davy.core import names
from davy.core.edit import Edit
from davy.core.snapshot import Confirmation, Confirmed, Pending, Routing, Unknown
from davy.routers.base import Existing, Feature
from davy.routers.gateway_api.reports import GROUP, abandoned, accepts, acknowledged, objections, reports_of
from davy.routers.gateway_api.rules import filters, given, matches


@dataclass(frozen=True, slots=True)
class GatewayApi:
    """The providers `gatewayapi:<version>`."""

    version: Literal["v1", "v1beta1"]

    def features(self, canary: Canary) -> Feature:
        """Weights; the rest of what Gateway API can do is not built yet."""
        return Feature.WEIGHT

    def reads(self, canary: Canary) -> Sequence[Ref]:
        """The HTTPRoute named like the apex Service."""
        return (self.ref(canary),)

    def route(self, canary: Canary, routing: Routing, existing: Existing) -> Sequence[Manifest | Edit]:
        """The HTTPRoute. Raises `Inexpressible` for a match that it has no words for."""
        ref = self.ref(canary)
        return (
            {
                "apiVersion": ref.api_version,
                "kind": ref.kind,
                "metadata": metadata(canary, ref, existing.get(ref)),
                "spec": {
                    "parentRefs": [parent(gateway) for gateway in canary.spec.service.gateway_refs],
                    **given("hostnames", list(canary.spec.service.hosts)),
                    "rules": [self.rule(canary, routing)],
                },
            },
        )

    def routing(self, canary: Canary, existing: Existing) -> Routing | None:
        """The weights of the last rule that has exactly our two backends."""
        rules = existing.get(self.ref(canary), {}).get("spec", {}).get("rules") or ()
        splits = [split for rule in rules if (split := weights(canary, rule)) is not None]
        if not splits or sum(splits[-1]) != 100 or min(splits[-1]) < 0:
            return None
        return Routing(*splits[-1], mirrored=any(mirrored(canary, rule) for rule in rules))

    def confirmed(self, canary: Canary, routing: Routing, existing: Existing) -> Confirmation:
        """What the controllers of the parents say about the route as it stands."""
        route = existing.get(self.ref(canary))
        if route is None or self.routing(canary, existing) != routing:
            return Pending(f"{self.ref(canary)} does not say {routing.primary}/{routing.canary} yet")
        if abandoned(route):
            return Pending(
                f"{self.ref(canary)}: no Gateway takes it; see whether those of spec.service.gatewayRefs exist"
            )
        reports = list(reports_of(route))
        if waiting := [why for report in reports for why in objections(route, report)]:
            return Pending(f"{self.ref(canary)}: {'; '.join(waiting)}")
        if acknowledged(route):
            return Confirmed(at_once=True)
        return Confirmed() if any(accepts(route, report) for report in reports) else Unknown()

    def restored(self, canary: Canary, existing: Existing) -> Sequence[Edit]:
        """Nothing."""
        return ()

    def ref(self, canary: Canary) -> Ref:
        """The address of the HTTPRoute."""
        return Ref(f"{GROUP}/{self.version}", "HTTPRoute", canary.namespace, canary.apex)

    def rule(self, canary: Canary, routing: Routing) -> Manifest:
        """The one rule: what it is for, what is changed on the way, and the split."""
        service = canary.spec.service
        timeouts = given("request", service.timeout) | given("backendRequest", service.backend_timeout)
        return {
            "matches": matches(service.match),
            **given("filters", filters(service, cors=self.version == "v1")),
            **given("timeouts", timeouts if self.version == "v1" else {}),
            "backendRefs": [
                backend(canary.primary_service, service.port, routing.primary),
                backend(canary.canary_service, service.port, routing.canary),
            ],
        }


def metadata(canary: Canary, ref: Ref, live: Manifest | None) -> Manifest:
    """Metadata as the spec wants it. A route that somebody else made is used, but not bound to the Canary's life."""
    extra = canary.spec.service.apex
    return {
        "name": ref.name,
        "namespace": ref.namespace,
        **given("labels", dict(extra.labels)),
        "annotations": {**extra.annotations, **names.FLUX_OPT_OUT},
        **({} if names.adopted(canary, live) else {"ownerReferences": [names.owner(canary)]}),
    }


def parent(gateway: GatewayRef) -> Manifest:
    """One entry of `parentRefs`."""
    return {
        "group": gateway.group,
        "kind": gateway.kind,
        **given("namespace", gateway.namespace),
        "name": gateway.name,
        **given("sectionName", gateway.section_name),
        **given("port", gateway.port),
    }


def backend(name: str, port: int, weight: int) -> Manifest:
    """One side of the split."""
    return {"group": "", "kind": "Service", "name": name, "port": port, "weight": weight}


def weights(canary: Canary, rule: Manifest) -> tuple[int, int] | None:
    """The primary's and the canary's weight in a rule; None if its backends are not exactly these two."""
    backends = {item.get("name"): item.get("weight", 1) for item in rule.get("backendRefs") or ()}
    if backends.keys() != {canary.primary_service, canary.canary_service} or len(rule["backendRefs"]) != 2:
        return None
    return backends[canary.primary_service], backends[canary.canary_service]


def mirrored(canary: Canary, rule: Manifest) -> bool:
    """The rule copies requests to the canary, and not because the spec asks for it at all times."""
    if any(mirror.backend_ref.name == canary.canary_service for mirror in canary.spec.service.mirror):
        return False
    copies = (item.get("requestMirror", {}).get("backendRef", {}) for item in rule.get("filters") or ())
    return any(copy.get("name") == canary.canary_service for copy in copies)
