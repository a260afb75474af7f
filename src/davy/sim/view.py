"""The truth about one canary at one moment: who has the traffic, and who serves."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from msgspec.structs import replace as replaced

from davy.api import codec
from davy.api.canary import Canary, CanarySpec
from davy.api.ref import Manifest, Ref
from davy.core import names
from davy.core.snapshot import Routing
from davy.perceive import of_everyone, router_of, split_by
from davy.routers.base import Existing, Feature, Router
from davy.settings import Settings
from davy.sim import routes, sides
from davy.sim.world import World

T = TypeVar("T")
KNATIVE = "serving.knative.dev"


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
    growing: bool
    """Pods of one side are starting."""
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


def view(world: World, ref: Ref, settings: Settings, provider: str = "") -> View | None:
    """None if the canary is gone. `provider`: for a canary that names one that nobody knows."""
    found = world.objects.get(ref)
    if found is None:
        return None
    canary = decoded(found)
    router = router_of(canary, settings)
    if router is None:
        canary = replaced(canary, spec=replaced(canary.spec, provider=provider))
        router = router_of(canary, settings)
    can = router.features(canary) if router else Feature.NONE
    written, in_force = shares(canary, world, settings)
    return View(
        canary=canary,
        written=written,
        in_force=in_force,
        primary=world.ready(sides.primary_ref(world, canary)),
        target=world.ready(sides.target_ref(world, canary)),
        shifts=Feature.WEIGHT in can,
        growing=any(starting(world, ref) for ref in (canary.target, names.primary(canary))),
        matched=canary.strategy() == "ab-testing" and Feature.MATCH in can,
    )


def starting(world: World, ref: Ref) -> bool:
    crew = world.crews.get(ref)
    return crew is not None and crew.ready(world.now) < len(crew.pods)


def shares(canary: Canary, world: World, settings: Settings) -> tuple[Routing | None, Routing | None]:
    """Where the traffic goes: as the objects say, and as the proxies have taken it up."""
    router = router_of(canary, settings)
    if router is None:
        return None, None
    refs = router.reads(canary)
    if not refs:
        apex = apex_share(canary, world.objects.get(names.apex_service(canary)))
        return apex, apex
    objects, taken_up = (known(refs, world.objects, which) for which in (world.objects, world.in_force))
    written = routing(canary, router, objects)
    if objects.keys() == taken_up.keys() and all(
        taken_up[ref].get("spec") is objects[ref].get("spec") for ref in objects
    ):
        return written, written
    return written, routing(canary, router, taken_up)


def known(refs: Sequence[Ref], objects: Existing, taken_up: Existing) -> dict[Ref, Manifest]:
    return {ref: found for ref in refs if (found := of(ref, objects, taken_up)) is not None}


def routing(canary: Canary, router: Router, existing: Existing) -> Routing | None:
    """As perceive.traffic reads it."""
    return router.routing(split_by(canary, router), existing) or router.routing(of_everyone(canary), existing)


def of(ref: Ref, objects: Existing, taken_up: Existing) -> Manifest | None:
    """The object as the proxies know it; those that are no routes as they stand."""
    follows = (ref.group, ref.kind) in routes.KINDS or ref.group == KNATIVE
    return (taken_up if follows else objects).get(ref)


def apex_share(canary: Canary, apex: Manifest | None) -> Routing | None:
    """Without a router the apex Service decides: all to the side that it selects."""
    if apex is None or names.apex_service(canary) == canary.target:
        return None
    selector = apex["spec"].get("selector") or {}
    primary = any(str(value).endswith("-primary") for value in selector.values())
    return Routing(100, 0) if primary else Routing(0, 100)


DECODED: OrderedDict[int, tuple[Manifest, Canary]] = OrderedDict()
"""The last manifests that were decoded, by identity: they are never changed in place."""
SPECS: OrderedDict[int, tuple[Manifest, CanarySpec]] = OrderedDict()
"""The same of their specs, which change seldom: what hangs on one need not be found out again."""
KEPT = 16


def decoded(manifest: Manifest) -> Canary:
    """The Canary; the same one for the same manifest, with the same spec for the same spec."""
    found = DECODED.get(id(manifest))
    if found is not None and found[0] is manifest:
        return found[1]
    canary = codec.decode_canary(manifest)
    spec = SPECS.get(id(manifest["spec"]))
    if spec is not None and spec[0] is manifest["spec"]:
        canary = replaced(canary, spec=spec[1])
    else:
        keep(SPECS, manifest["spec"], canary.spec)
    keep(DECODED, manifest, canary)
    return canary


def keep(where: OrderedDict[int, tuple[Manifest, T]], manifest: Manifest, value: T) -> None:
    where[id(manifest)] = manifest, value
    if len(where) > KEPT:
        where.popitem(last=False)
