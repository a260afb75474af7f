"""What the operator sees: the truth, told late, and at once the replies to its own writes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from davy.api.ref import Manifest, Ref
from davy.sim.world import World


@dataclass
class Cache:
    """Objects as the watches have told them. Never an older version over a newer one."""

    objects: dict[Ref, Manifest] = field(default_factory=dict)
    told: int = 0
    """Events of the world's log that have come."""

    def relist(self, world: World) -> None:
        """Everything as it is now."""
        self.objects = dict(world.objects)
        self.told = len(world.log)

    def fork(self) -> Cache:
        return replace(self, objects=self.objects.copy())

    def catch_up(self, world: World, lag: int = 0) -> set[Ref]:
        """All events but the last `lag`; the objects that they were about."""
        events = world.log[self.told : max(len(world.log) - lag, self.told)]
        for event in events:
            self.told += 1
            if event.manifest is not None:
                self.put(event.ref, event.manifest)
            elif event.ref not in world.objects:
                self.objects.pop(event.ref, None)
        return {event.ref for event in events}

    def replied(self, ref: Ref, manifest: Manifest) -> None:
        """The answer to our own write: no tick may begin from an older state."""
        self.put(ref, manifest)

    def put(self, ref: Ref, manifest: Manifest) -> None:
        """An event, or a reply."""
        held = self.objects.get(ref)
        if held is None or version(held) < version(manifest):
            self.objects[ref] = manifest

    def misses(self, world: World) -> bool:
        """Somebody else did something that has not been told yet."""
        return any(event.foreign for event in world.log[self.told :])


def version(manifest: Manifest) -> int:
    return int(manifest["metadata"]["resourceVersion"])
