"""The truth about one canary at one moment: who has the traffic, and who serves."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from davy.api import codec
from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref
from davy.core import names
from davy.core.snapshot import Routing
from davy.perceive import router_of
from davy.routers.base import Existing, Feature
from davy.settings import Settings
from davy.sim import routes
from davy.sim.world import World


@dataclass(frozen=True)
class View:
    """The truth about one canary at one moment."""

    canary: Canary
    written: Routing | None
    """The split that the objects say."""
    in_force: Routing | None
    """The split that the proxies have taken up."""
    primary: int
    target: int
    """Ready pods."""
    shifts: bool
    """The provider can shift traffic by weights."""
    matched: bool
    """The split is that of the requests that match."""

    def unserved(self) -> str | None:
        """The sentence, if a side with weight has no ready endpoint while the other has some."""
        if self.written is None:
            return None
        if self.written.primary and not self.primary and self.target:
            return f"{self.written.primary} % go to the primary, which has no ready pod; the target has {self.target}"
        if self.written.canary and not self.target and self.primary:
            return f"{self.written.canary} % go to the target, which has no ready pod; the primary has {self.primary}"
        return None

    def has(self, ref: Ref) -> int:
        """Percent of the traffic in force that a workload has; of neither side, none."""
        share = self.in_force or self.written or Routing(0, 100)
        return {names.primary(self.canary): share.primary, self.canary.target: share.canary}.get(ref, 0)


def view(world: World, ref: Ref, settings: Settings) -> View | None:
    """None if the canary is gone."""
    found = world.objects.get(ref)
    if found is None:
        return None
    canary = decoded(found)
    router = router_of(canary, settings)
    can = router.features(canary) if router else Feature.NONE
    return View(
        canary=canary,
        written=share(canary, world.objects, world.objects, settings),
        in_force=share(canary, world.objects, world.in_force, settings),
        primary=world.ready(names.primary(canary)),
        target=world.ready(canary.target),
        shifts=Feature.WEIGHT in can,
        matched=canary.strategy() == "ab-testing" and Feature.MATCH in can,
    )


def share(canary: Canary, objects: Existing, taken_up: Existing, settings: Settings) -> Routing | None:
    """Where the traffic goes, by the objects that the proxies read."""
    router = router_of(canary, settings)
    if router is None:
        return None
    refs = router.reads(canary)
    if not refs:
        return apex_share(canary, objects.get(names.apex_service(canary)))
    return router.routing(canary, {ref: found for ref in refs if (found := of(ref, objects, taken_up)) is not None})


def of(ref: Ref, objects: Existing, taken_up: Existing) -> Manifest | None:
    """The object as the proxies know it; those that are no routes as they stand."""
    return (taken_up if (ref.group, ref.kind) in routes.KINDS else objects).get(ref)


def apex_share(canary: Canary, apex: Manifest | None) -> Routing | None:
    """Without a router the apex Service decides: all to the side that it selects."""
    if apex is None or names.apex_service(canary) == canary.target:
        return None
    selector = apex["spec"].get("selector") or {}
    primary = any(str(value).endswith("-primary") for value in selector.values())
    return Routing(100, 0) if primary else Routing(0, 100)


DECODED: OrderedDict[int, tuple[Manifest, Canary]] = OrderedDict()
"""The last manifests that were decoded, by identity: they are never changed in place."""
KEPT = 16


def decoded(manifest: Manifest) -> Canary:
    """The Canary; the same one for the same manifest."""
    known = DECODED.get(id(manifest))
    if known is not None and known[0] is manifest:
        return known[1]
    canary = codec.decode_canary(manifest)
    DECODED[id(manifest)] = manifest, canary
    if len(DECODED) > KEPT:
        DECODED.popitem(last=False)
    return canary
