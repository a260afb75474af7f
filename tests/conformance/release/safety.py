"""Whether there was a moment in a release at which requests had nowhere to go, read from all that was written."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from tests.conformance.parts.pods import POD, is_ready
from tests.conformance.parts.stage import SERVICE
from tests.conformance.parts.witness import CANARY, Manifest, Seen

from davy.kube.kinds import Kind


@dataclass
class World:
    """The objects of one namespace at one moment."""

    objects: dict[tuple[Kind, str], Manifest] = field(default_factory=dict)

    def take(self, seen: Seen) -> None:
        key = (seen.object.kind, seen.object.name)
        if seen.deleted:
            self.objects.pop(key, None)
        else:
            self.objects[key] = seen.manifest

    def called(self) -> Iterator[str]:
        """The Services that requests go to: the apex, and those that routes give a weight."""
        for (kind, _), manifest in self.objects.items():
            if kind == CANARY:
                yield manifest["spec"].get("service", {}).get("name") or manifest["spec"]["targetRef"]["name"]
            else:
                yield from (each for each in weighted(kind, manifest) if (SERVICE, each) in self.objects)

    def unserved(self) -> set[str]:
        """Those of them that no ready pod stands behind."""
        return {name for name in self.called() if (SERVICE, name) in self.objects and not self.ready(name)}

    def ready(self, service: str) -> bool:
        selector = self.objects[SERVICE, service]["spec"].get("selector")
        if not selector:
            return True  # somebody else knows where it leads
        return any(
            is_ready(pod) and selector.items() <= (pod["metadata"].get("labels") or {}).items()
            for (kind, _), pod in self.objects.items()
            if kind == POD
        )


def weighted(kind: Kind, manifest: Manifest) -> Iterator[str]:
    """The Services to which a provider's object gives a share of the requests."""
    if kind.kind in BACKENDS:
        yield from (name for name, weight in BACKENDS[kind.kind](manifest["spec"]) if weight > 0)


def http_route(spec: Manifest) -> Iterator[tuple[str, int]]:
    for rule in spec.get("rules") or ():
        for backend in rule.get("backendRefs") or ():
            yield backend["name"], backend.get("weight", 1)


def virtual_service(spec: Manifest) -> Iterator[tuple[str, int]]:
    for rule in (*(spec.get("http") or ()), *(spec.get("tcp") or ())):
        for route in rule.get("route") or ():
            yield route["destination"]["host"], route.get("weight", 100)


BACKENDS: Mapping[str, Callable[[Manifest], Iterator[tuple[str, int]]]] = {
    "HTTPRoute": http_route,
    "VirtualService": virtual_service,
}


@dataclass(frozen=True)
class Outage:
    """Services that were called and had no ready pod behind them."""

    services: frozenset[str]
    by: str
    """The object whose change made it so."""
    ended: bool

    def __str__(self) -> str:
        return f"{', '.join(sorted(self.services))} by {self.by}"


def outages(history: list[Seen]) -> list[Outage]:
    """All there were, in their order.

    Counted from when everything called was served: before, the app has not started. When the canary is gone, its
    objects go too.
    """
    world, begun = World(), list[tuple[frozenset[str], str]]()
    before, began = set[str](), False
    for seen in history:
        world.take(seen)
        if not any(kind == CANARY for kind, _ in world.objects):
            if began:
                break
            continue
        unserved = world.unserved()
        began = began or not unserved
        if began and (lost := unserved - before):
            begun.append((frozenset(lost), f"{seen.object.kind.kind}/{seen.object.name}"))
        before = unserved
    return [Outage(services, by, ended=not services & before) for services, by in begun]
