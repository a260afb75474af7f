"""Gateway API: one HTTPRoute with two weighted backends.

Defaults of the HTTPRoute's schema are written out (path `/`, type `Exact`, `maxAge` 5, …): the object as served is then
the object as written, and nothing is written again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.core import names
from davy.core.edit import Edit
from davy.core.snapshot import Confirmation, Confirmed, Pending, Routing, Unknown
from davy.routers.base import Existing, Feature, Inexpressible
from davy.routers.gateway_api import guests
from davy.routers.gateway_api.matches import tried
from davy.routers.gateway_api.reading import always_copied, split
from davy.routers.gateway_api.reports import GROUP, abandoned, accepts, acknowledged, objections, reports_of
from davy.routers.gateway_api.rules import rules, without_canary
from davy.routers.gateway_api.words import given, parent


@dataclass(frozen=True, slots=True)
class GatewayApi:
    """The providers `gatewayapi:<version>`."""

    version: Literal["v1", "v1beta1"]

    def features(self, canary: Canary) -> Feature:
        """All, as far as the canary's matches have words here. A/B testing keeps no sessions: its matches decide."""
        can = Feature.WEIGHT | Feature.MIRROR | Feature.MATCH | Feature.SESSION_AFFINITY
        if always_copied(canary):
            can &= ~Feature.MIRROR
        if canary.analysis.match:
            can &= ~Feature.SESSION_AFFINITY
            can &= Feature(~0) if expressible(canary) else ~Feature.MATCH
        return can

    def reads(self, canary: Canary) -> Sequence[Ref]:
        """The HTTPRoute named like the apex Service."""
        return (self.ref(canary),)

    def route(self, canary: Canary, routing: Routing, existing: Existing) -> Sequence[Manifest | Edit]:
        """The HTTPRoute. Raises `Inexpressible` for a match that it has no words for."""
        live = existing.get(self.ref(canary))
        wanted = self.whole(canary, routing)
        if live is None or names.owned(canary, live):
            return (wanted,)
        return (guests.edited(canary, live, wanted),)

    def routing(self, canary: Canary, existing: Existing) -> Routing | None:
        """The weights of the last rule that has exactly our two backends."""
        return split(canary, existing.get(self.ref(canary), {}))

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
        """The parts of somebody else's route that were changed."""
        live = existing.get(self.ref(canary))
        if live is None or names.owned(canary, live):
            return ()
        edit = guests.restored(canary, live, without_canary(canary, newer=self.newer))
        return () if edit is None else (edit,)

    @property
    def newer(self) -> bool:
        """Whether the version has all of Flagger's words."""
        return self.version == "v1"

    def ref(self, canary: Canary) -> Ref:
        """The address of the HTTPRoute."""
        return Ref(f"{GROUP}/{self.version}", "HTTPRoute", canary.namespace, canary.apex)

    def whole(self, canary: Canary, routing: Routing) -> Manifest:
        """The HTTPRoute as Davy makes it."""
        ref = self.ref(canary)
        return {
            "apiVersion": ref.api_version,
            "kind": ref.kind,
            "metadata": metadata(canary, ref),
            "spec": {
                "parentRefs": [parent(gateway) for gateway in canary.spec.service.gateway_refs],
                **given("hostnames", list(canary.spec.service.hosts)),
                "rules": rules(canary, routing, newer=self.newer),
            },
        }


def expressible(canary: Canary) -> bool:
    """Whether there are words for the matches of A/B testing."""
    try:
        tried(canary)
    except Inexpressible:
        return False
    return True


def metadata(canary: Canary, ref: Ref) -> Manifest:
    """Metadata as the spec wants it."""
    extra = canary.spec.service.apex
    return {
        "name": ref.name,
        "namespace": ref.namespace,
        **given("labels", dict(extra.labels)),
        "annotations": {**extra.annotations, **names.FLUX_OPT_OUT},
        "ownerReferences": [names.owner(canary)],
    }
