"""What must hold after every single write, whatever happens: checked against the truth, not against the status."""

from __future__ import annotations

from datetime import timedelta

from davy.api import codec
from davy.api.canary import Canary
from davy.api.ref import Ref
from davy.api.status import Phase
from davy.core import names
from davy.core.snapshot import Routing
from davy.perceive import router_of
from davy.render import Scale, Write
from davy.settings import Settings
from davy.sim.world import World
from davy.targets import target_for


class Unsafe(AssertionError):  # noqa: N818 - the opposite of safe
    """A property was broken; the text is the sentence of the property, with the numbers."""


def share(world: World, canary: Canary, settings: Settings) -> Routing | None:
    """Where the traffic goes now, by the objects that the proxy reads."""
    router = router_of(canary, settings)
    if router is None:
        return None
    existing = {ref: world.objects[ref] for ref in router.reads(canary) if ref in world.objects}
    if router.reads(canary):
        return router.routing(canary, existing)
    return apex_share(world, canary)


def apex_share(world: World, canary: Canary) -> Routing | None:
    """Without a router the apex Service decides: all to the side that it selects."""
    apex = world.objects.get(names.apex_service(canary))
    if apex is None:
        return None
    selector = apex["spec"].get("selector") or {}
    primary = any(str(value).endswith("-primary") for value in selector.values())
    return Routing(100, 0) if primary else Routing(0, 100)


def pods(world: World, canary: Canary) -> tuple[int, int]:
    """Ready pods of the primary and of the target."""
    return world.ready(names.primary(canary)), world.ready(canary.target)


def check(world: World, canary_ref: Ref, settings: Settings, write: Write | None) -> None:
    """Raises `Unsafe`. `write`: the write that was just made; None after something that was not our doing."""
    found = world.objects.get(canary_ref)
    if found is None:
        return
    canary = codec.decode_canary(found)
    routing = share(world, canary, settings)
    if routing is not None:
        note_share(world, routing)
        served(world, canary, routing)
        drained(world, canary, routing, write, settle_time(canary, settings))
    if canary.status.phase is Phase.SUCCEEDED:
        evident(world, canary)


def note_share(world: World, routing: Routing) -> None:
    if routing.canary:
        world.last_spread = None
    elif world.last_spread is None:
        world.last_spread = world.now


def settle_time(canary: Canary, settings: Settings) -> timedelta:
    """How long the canary must have been without traffic before its pods may go."""
    asked = canary.spec.service.drain_seconds
    seconds = canary.analysis.interval_seconds(settings.minimum_interval.total_seconds()) if asked is None else asked
    return timedelta(seconds=min(seconds, 60))


def served(world: World, canary: Canary, routing: Routing) -> None:
    primary, target = pods(world, canary)
    if routing.primary and not primary and target:
        raise Unsafe(
            f"{routing.primary} % of the traffic goes to the primary, which has no ready pod; the target has {target}"
        )
    if routing.canary and not target and primary:
        raise Unsafe(
            f"{routing.canary} % of the traffic goes to the target, which has no ready pod; the primary has {primary}"
        )


def drained(world: World, canary: Canary, routing: Routing, write: Write | None, grace: timedelta) -> None:
    """The target is never scaled to zero while it carries traffic, nor before requests under way have ended."""
    if not isinstance(write, Scale) or write.ref != canary.target or write.replicas:
        return
    if routing.canary:
        raise Unsafe(f"the target is scaled to zero while {routing.canary} % of the traffic goes to it")
    since = timedelta(0) if world.last_spread is None else world.now - world.last_spread
    if since < grace:
        raise Unsafe(f"the target is scaled to zero {since} after it lost its traffic; {grace} were promised")


def evident(world: World, canary: Canary) -> None:
    """`Succeeded` only with positive evidence."""
    target, primary = world.objects.get(canary.target), world.objects.get(names.primary(canary))
    if target is None or primary is None:
        return
    kind = target_for(canary.target)
    carried = kind.run(primary)
    if carried != canary.status.last_promoted_spec:
        raise Unsafe(f"Succeeded, but the primary carries {carried} and not {canary.status.last_promoted_spec}")
    if not canary.skips_analysis and canary.analysis.metrics and not canary.status.analysis:
        raise Unsafe("Succeeded without a single measurement")
