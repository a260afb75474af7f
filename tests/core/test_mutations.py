"""Deliberate bugs: each is caught by the property that was made for it, and the mind without it keeps that property.

The table below is the proof that the properties have teeth. A bug that nothing catches is a hole in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace as changed

import davy.render
import davy.sim.run
from davy.api.status import Phase
from davy.core import (
    change,
    conditions,
    decide,
    hold,
    judgement,
    phases,
    progressing,
    promoting,
    resting,
    settling,
    strategies,
    terminating,
    times,
    traffic,
)
from davy.core.moves import Move, Stay
from davy.core.plan import Ask, Decision, PrimaryWish
from davy.core.reasons import Reason
from davy.core.snapshot import TO_PRIMARY, Snapshot, Workload
from davy.sim import safety
from davy.sim.cache import Cache
from davy.sim.faults import NONE, Crash, Deed, Faults
from davy.sim.run import Backwards, Endless, Fidgety
from davy.sim.scenarios import ALL, Case
from davy.targets import deployment

Patch = pytest.MonkeyPatch


class Mutant(NamedTuple):
    """One bug: what it is, how it is made, which property catches it, and in which run."""

    bug: str
    make: Callable[[Patch], None]
    caught_by: type[AssertionError]
    scenario: str
    faults: Faults = NONE


def at_second(do: str, value: float, second: float) -> Faults:
    return Faults(deeds=(Deed(do=do, value=value, second=second),))


def routes_first(patch: Patch) -> None:
    """Traffic before capacity: the canary gets its share as soon as it is wanted, ready or not."""
    patch.setattr(progressing, "canary_lags", lambda s, target: None)


def capacity_last(patch: Patch) -> None:
    """Within one tick: the write that scales up comes after the routes."""
    render_backwards(patch, first=False)


def capacity_first(patch: Patch) -> None:
    """Within one tick: the write that scales down comes before the routes."""
    render_backwards(patch, first=True)


def render_backwards(patch: Patch, *, first: bool) -> None:
    effects = davy.render.effects

    def backwards(*args: Any) -> Iterator[Any]:
        writes = list(effects(*args))
        moved = [write for write in writes if isinstance(write, davy.render.Scale)]
        rest = [write for write in writes if write not in moved]
        return iter((*moved, *rest) if first else (*rest, *moved))

    patch.setattr(davy.render, "effects", backwards)


def unsettled(patch: Patch) -> None:
    """All is written and confirmed, so the pods may go."""
    patch.setattr(hold, "back_on_primary", lambda s: traffic.serves(s.primary))
    patch.setattr(resting, "drained", lambda s, target: None if target.replicas == 0 else scaling(target))
    patch.setattr(promoting, "drained", lambda s, target: None if target.replicas == 0 else scaling(target))


def scaling(target: Workload) -> Any:
    return Stay(reason=Reason.SCALING_DOWN, message=f"Scaling {target.name} to zero.")


def impatient(patch: Patch) -> None:
    """The settle time is forgotten."""
    patch.setattr(traffic, "settle_time", lambda s: timedelta(0))


def acts_first(patch: Patch) -> None:
    """What the move wants is done in the same tick, before the move is remembered."""
    remembered = decide.decide

    def eager(s: Snapshot) -> Decision:
        plan = remembered(s)
        if isinstance(plan, Ask):
            return plan
        ahead = changed(s, canary=changed(s.canary, status=plan.status))
        return changed(plan, desired=hold.hold(ahead))

    patch.setattr(davy.sim.run, "decide", eager)


def consumed_early(patch: Patch) -> None:
    """The hash is taken up as soon as it is seen; that its run is still to begin is kept in the program's memory."""
    due: set[str] = set()
    begin, forget = resting.begin, davy.sim.run.Run._forget

    def early(s: Snapshot, target: Workload, otherwise: Any) -> Any:
        status = s.canary.status
        if target.revision in due:
            due.clear()
            return Move(resting.started(s, target))
        move = begin(s, target, otherwise)
        if isinstance(move, Move) and move.status.phase is Phase.PROGRESSING:
            due.add(target.revision)
            return Move(changed(status, last_applied_spec=target.revision))
        return move

    def forgotten(self: Any) -> None:
        due.clear()
        forget(self)

    patch.setattr(davy.sim.run.Run, "_forget", forgotten)
    patch.setattr(resting, "begin", early)


def free_step(patch: Patch) -> None:
    """When the last step was is kept in the program's memory: after a restart the next one is due at once."""
    known: set[str | None] = {None}
    unripe = progressing.unripe
    forget, remember = davy.sim.run.Run._forget, davy.sim.run.Run._remember

    def remembered(self: Any, plan: Any, before: Any) -> None:
        known.add(plan.status.last_step_at)
        remember(self, plan, before)

    def forgotten(self: Any) -> None:
        known.clear()
        forget(self)

    patch.setattr(davy.sim.run.Run, "_remember", remembered)
    patch.setattr(davy.sim.run.Run, "_forget", forgotten)
    patch.setattr(
        progressing, "unripe", lambda s, target: unripe(s, target) if s.canary.status.last_step_at in known else None
    )


def stale_cache(patch: Patch) -> None:
    """The reply to our own write is thrown away."""
    patch.setattr(Cache, "replied", lambda self, ref, manifest: None)


def zero_is_ready(patch: Patch) -> None:
    """A workload whose pods all died counts as ready, as a percentage of nothing."""
    patch.setattr(deployment, "unfinished", lambda workload, wanted, threshold: "")
    patch.setattr(deployment.Deployment, "serving", deployment.Deployment.replicas)


def rolls_back_always(patch: Patch) -> None:
    """A promotion that failed is rolled back like any other run (flagger#1898)."""

    def back(s: Snapshot, why: str) -> Move:
        status = changed(s.canary.status, phase=Phase.FAILED, canary_weight=0, routed_at=None, run_ended_at=None)
        return Move(status)

    patch.setattr(promoting, "promotion_failed", back)


def past_readiness(patch: Patch) -> None:
    """One ready pod is enough for the next weight."""
    lags = progressing.canary_lags
    patch.setattr(progressing, "canary_lags", lambda s, target: None if target.serving else lags(s, target))


def without_evidence(patch: Patch) -> None:
    """Promoted as soon as the copy is written; the primary's rollout is not awaited."""
    patch.setattr(promoting, "unready", lambda s, primary, soon: None)
    patch.setitem(phases.PHASES, Phase.FINALISING, succeeds)


def succeeds(s: Snapshot, target: Workload) -> Move:
    status = s.canary.status
    return Move(changed(status, phase=Phase.SUCCEEDED, last_promoted_spec=status.last_applied_spec, run_ended_at="now"))


def unfenced(patch: Patch) -> None:
    """Every other hash is a new revision, whoever runs it already."""
    patch.setattr(change, "unedited", lambda status, target: False)
    patch.setattr(change, "promoted_already", lambda s: False)


def uncounted(patch: Patch) -> None:
    """A failed check is said and not counted."""
    repeated = judgement.repeated
    patch.setattr(judgement, "repeated", lambda s, verdicts, failed: repeated(s, verdicts, 0))


def drift_stays(patch: Patch) -> None:
    """The routing is written when the weight changes, and left alone otherwise."""

    def once(s: Snapshot) -> Any:
        desired = hold.HOLDS[s.canary.status.phase](s)
        moved = s.canary.status.canary_weight and s.traffic.routing != TO_PRIMARY
        return changed(desired, routing=None) if moved else desired

    patch.setattr(decide, "hold", once)


def apex_early(patch: Patch) -> None:
    """The apex Service selects the primary from the first tick, as Flagger's does."""
    patch.setitem(hold.HOLDS, Phase.INITIALIZING, early_apex)


INITIALIZING = hold.HOLDS[Phase.INITIALIZING]


def early_apex(s: Snapshot) -> Any:
    return changed(INITIALIZING(s), apex="primary")


def overshoots(patch: Patch) -> None:
    """A step more than the analysis has."""
    patch.setattr(strategies, "promotion", lambda s, says=(): Move(strategies.stepped(s, canary_weight=100)))


def never_lets_go(patch: Patch) -> None:
    """The finalizer is not put on the canary whose target is scaled to zero."""
    routed = hold.routed
    patch.setattr(hold, "routed", lambda s, split: changed(routed(s, split), finalizer=None))
    patch.setitem(hold.HOLDS, Phase.INITIALIZING, unguarded)


def unguarded(s: Snapshot) -> Any:
    return changed(INITIALIZING(s), finalizer=None)


def last_copy(patch: Patch) -> None:
    """A rollback asks nobody whether the primary serves."""
    patch.setattr(progressing, "serves", lambda side: True)
    patch.setattr(progressing, "primary_lags", lambda s, target: None)


def unsafe(patch: Patch) -> None:
    """The weight is written whether or not the side serves."""
    patch.setattr(hold, "safe", lambda s, wanted: wanted)
    patch.setattr(progressing, "safe", lambda s, wanted: wanted)


def recopies(patch: Patch) -> None:
    """The primary is made like the target whenever it is looked at."""
    patch.setitem(hold.HOLDS, Phase.PROGRESSING, copying)


def copying(s: Snapshot) -> Any:
    return changed(hold.running(s), primary=PrimaryWish.CARRY)


def chatty(patch: Patch) -> None:
    """The status tells the time."""
    remembered = conditions.remembered

    def timed(s: Snapshot, *args: Any) -> Any:
        return changed(remembered(s, *args), message=f"It is {s.now}.")

    patch.setattr(decide, "remembered", timed)


def lets_go(patch: Patch) -> None:
    """The time that is waited for the target counts from the deletion, whoever was there to ask for its pods."""

    def gone(s: Snapshot) -> bool:
        deletion = times.after(s.canary.metadata.deletion_timestamp, timedelta(seconds=60))
        return released(s) or (deletion is not None and s.now >= deletion)

    released = hold.released
    patch.setattr(hold, "released", gone)
    patch.setattr(terminating, "released", gone)


def apex_ignored(patch: Patch) -> None:
    """The routes say that all is back on the primary; where the apex Service points is not asked."""
    pending = traffic.pending
    patch.setattr(traffic, "pending", lambda s, wanted, selects="": pending(s, wanted))
    for module in (progressing, settling, terminating):
        patch.setattr(module, "pending", lambda s, wanted, selects="": pending(s, wanted))
    for module in (settling, promoting):
        patch.setattr(module, "slipped", lambda s: False)
    patch.setattr(hold, "slipped", lambda s, *side: False)


def settles_once(patch: Patch) -> None:
    """Drift is put back first, and that it was there is remembered afterwards."""
    patch.setattr(hold, "slipped", lambda s, *side: False)


MUTANTS = (
    Mutant("the order on the way up: traffic before the canary is ready", routes_first, safety.Hasty, "good, weighted"),
    Mutant("the order on the way up: pods after routes", capacity_last, safety.Disordered, "good, weighted"),
    Mutant("the order on the way down: pods before routes", capacity_first, safety.Disordered, "bad, weighted"),
    Mutant("the order on the way down: pods before the traffic has gone", unsettled, safety.CutShort, "bad, weighted"),
    Mutant("scaling down without the settle time", impatient, safety.CutShort, "bad, weighted"),
    Mutant("acting before remembering", acts_first, safety.Forgetful, "good, weighted"),
    Mutant("the hash consumed early", consumed_early, safety.Swallowed, "good, weighted", Faults(crashes=(Crash(1),))),
    Mutant("a free step after a restart", free_step, safety.FreeStep, "good, weighted", Faults(crashes=(Crash(6, 1),))),
    Mutant("a stale cache", stale_cache, Backwards, "good, weighted", Faults(lag=3)),
    Mutant("zero ready is ready", zero_is_ready, safety.Hasty, "good, weighted"),
    Mutant("a rollback after a failed promotion", rolls_back_always, safety.LastCopy, "promotion fails, weighted"),
    Mutant("weight past the canary's readiness", past_readiness, safety.Hasty, "good, weighted"),
    Mutant("success without evidence", without_evidence, safety.Unproven, "skipped, weighted"),
    Mutant("a restart where only the hash moved", unfenced, safety.Unasked, "only served anew, weighted"),
    Mutant("failed checks never counted", uncounted, Endless, "bad, weighted"),
    Mutant("drift not put back", drift_stays, safety.Untrue, "good, weighted"),
    Mutant("the apex moved too early", apex_early, safety.Unserved, "users' apex"),
    Mutant("weight past the end of the analysis", overshoots, safety.Overshot, "good, weighted"),
    Mutant("no finalizer on a target at zero", never_lets_go, safety.Unguarded, "begins, weighted"),
    Mutant(
        "a rollback to a primary that does not serve",
        last_copy,
        safety.LastCopy,
        "bad, weighted",
        at_second("lose primary", 60, 15),
    ),
    Mutant(
        "traffic for a side that does not serve",
        unsafe,
        safety.Unserved,
        "good, weighted",
        at_second("lose target", 30, 8),
    ),
    Mutant("the primary changed in the middle of the analysis", recopies, safety.Forgetful, "good, weighted"),
    Mutant(
        "a canary let go with its target at zero",
        lets_go,
        safety.Abandoned,
        "deleted, weighted",
        Faults(crashes=(Crash(1, 90),)),
    ),
    Mutant(
        "pods taken from under the apex",
        apex_ignored,
        safety.Unserved,
        "bad, watched",
        at_second("lose primary", 81.9, 31.29),
    ),
    Mutant(
        "drift put back before it is remembered",
        settles_once,
        safety.CutShort,
        "skipped, weighted",
        Faults(lose=(9,), deeds=(Deed(do="weigh", value=17, second=11.01),)),
    ),
    Mutant("a status that changes by itself", chatty, Fidgety, "good, weighted"),
)


def drive(mutant: Mutant) -> None:
    case = Case(ALL[mutant.scenario], mutant.faults)
    case.run().to_the_end()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.bug)
def test_the_bug_is_caught_by_its_property_and_the_mind_without_it_keeps_it(mutant: Mutant, monkeypatch: Patch) -> None:
    drive(mutant)
    with monkeypatch.context() as patch:
        mutant.make(patch)
        with pytest.raises(AssertionError) as caught:
            drive(mutant)
    assert type(caught.value) is mutant.caught_by, f"{type(caught.value).__name__}: {caught.value}"
