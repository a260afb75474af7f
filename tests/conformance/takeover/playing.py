"""Davy takes over from Flagger: a recorded moment is put on a real server, Davy starts, what follows is noted."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from tests.conformance.parts.left import SETTINGS, Moment, leave
from tests.conformance.parts.pods import POD
from tests.conformance.parts.script import answer, play
from tests.conformance.parts.stage import PATIENCE, Scene, Stage
from tests.conformance.parts.ways import FURTHER, way
from tests.conformance.parts.witness import CANARY, Account, Manifest

from davy.kube.kinds import Kind

SETTLED = frozenset({"Initialized", "Succeeded", "Failed"})
GATED = frozenset({"Waiting", "WaitingPromotion"})
QUIET = 2.5
"""Intervals without a write, after which nothing more is expected."""


@dataclass(frozen=True)
class Takeover:
    """What was there before Davy came, what it did, and what was there afterwards."""

    moment: Moment
    before: Mapping[tuple[Kind, str], Manifest]
    since: int
    """The last write before it came."""
    held: int
    """The last write before people did anything again."""
    seen: Account
    unsupported: str = ""
    """Why it did nothing: it cannot do that yet."""
    stuck: str = ""
    """What never came."""

    @property
    def name(self) -> str:
        return self.moment.trace.canary_name

    @property
    def statuses(self) -> list[Manifest]:
        """All that it wrote into the canary's status, in order."""
        return self.written(self.seen.last)

    def written(self, until: int) -> list[Manifest]:
        """The same up to a write."""
        writes = [seen for seen in self.seen.of(CANARY, self.name) if self.since < seen.version <= until]
        statuses = [seen.manifest.get("status", {}) for seen in writes if not seen.deleted]
        return [status for status in statuses if "observedGeneration" in status]

    @property
    def after(self) -> Mapping[tuple[Kind, str], Manifest]:
        return self.seen.now()

    def first(self, phase: str) -> int | None:
        """The write by which the canary came into a phase, after Davy came; None if it did not, or was in it."""
        if self.moment.status["phase"] == phase:
            return self.since + 1
        for seen in self.seen.of(CANARY, self.name):
            if seen.version > self.since and seen.manifest.get("status", {}).get("phase") == phase:
                return seen.version
        return None

    def made(self) -> list[str]:
        """Pods that are new since Davy came."""
        first: dict[str, int] = {}
        for seen in self.seen.history():
            if seen.object.kind == POD:
                first.setdefault(seen.object.name, seen.version)
        return [name for name, version in first.items() if version > self.since]

    def gone(self, until: int | None = None) -> list[str]:
        """Pods that went since Davy came, and before a write."""
        return [
            seen.object.name
            for seen in self.seen.history()
            if seen.object.kind == POD and seen.deleted and self.since < seen.version < (until or seen.version + 1)
        ]


async def take_over(stage: Stage, moment: Moment) -> Takeover:
    """Plays one row."""
    async with stage.scene(moment.trace.name) as scene:
        answer(moment.trace, scene, moment.done)
        await leave(moment, scene, moment.trace.source)
        await scene.settled()
        before, since = scene.seen.now(), scene.seen.last
        unsupported, stuck, held = "", "", since
        async with scene.operator(**SETTINGS[moment.trace.group]):
            try:
                unsupported = await scene.looked_at(moment.trace.canary_name)
                if not unsupported:
                    held = await followed(moment, scene)
            except AssertionError as never:
                stuck = str(never)
        return Takeover(moment, before, since, held, scene.seen, unsupported, stuck)


async def followed(moment: Moment, scene: Scene) -> int:
    """What is settled is only watched; a run is seen to its end, by the rest of the script.

    The last write before the script went on: until then a closed gate was closed.
    """
    phase, held = moment.status["phase"], scene.seen.last
    if phase in GATED:
        await asyncio.sleep(QUIET * moment.trace.interval)  # the analysis goes on behind a closed gate
        held = scene.seen.last
    if phase in SETTLED:
        await scene.seen.quiet(QUIET * moment.trace.interval, within=PATIENCE)
    else:
        await play(moment.trace, scene, moment.rest)
        end, _ = way(moment.trace, moment.number)[-1]
        if end in SETTLED and moment.trace.name not in FURTHER:
            await scene.reached(end, name=moment.trace.canary_name)
        await scene.seen.quiet(1.0, within=PATIENCE)
    return held
