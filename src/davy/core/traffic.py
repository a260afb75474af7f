"""Which side may take traffic, and when the routing counts as in force. The safety rules live here."""

from __future__ import annotations

from datetime import datetime, timedelta

from davy.api.status import Phase
from davy.core import runs, times
from davy.core.snapshot import TO_PRIMARY, Confirmed, Pending, Ready, Routing, Snapshot, Stuck, Workload

LONGEST_SETTLE = timedelta(seconds=60)
TO_CANARY = Routing(0, 100)
ANY = "any"
"""There is no apex Service to move."""


def serves(side: Workload | None) -> bool:
    return side is not None and side.serving > 0


def intact(s: Snapshot) -> bool:
    """The primary carries what was last promoted; one that a promotion has changed is no way back (flagger#1898)."""
    if s.primary is None:
        return False
    if s.primary.carries:
        return s.primary.carries == runs.promoted(s.canary.status)
    return not isinstance(s.primary.readiness, Stuck)  # a primary of Flagger's, which noted nothing


def follows(s: Snapshot) -> bool:
    """The primary is made from the target as it stands: it notes so (a webhook may have changed it), or it looks so
    and no configs are behind its looks."""
    if s.primary is None or s.target is None:
        return False
    if s.primary.carries == runs.seen(s, s.target):
        return True
    return s.primary.like_target and not (s.primary.carries and s.configs)


def safe(s: Snapshot, wanted: Routing) -> Routing:
    """The wanted split, but no weight on a side without a ready endpoint while the other has one.

    During a run a side that has none of the traffic gets its share (back) when it is ready for it, and not with its
    first pod. But whoever is to have all of it at the end gets that as soon as it serves at all.
    """
    now = s.traffic.routing or wanted
    running = s.canary.status.phase is not Phase.FAILED
    if wanted.canary and serves(s.primary) and not takes(s.target, whole=running and not now.canary):
        return TO_PRIMARY
    if wanted.primary and serves(s.target) and not takes(s.primary, whole=wanted.canary > 0 and not now.primary):
        return TO_CANARY
    return wanted


def takes(side: Workload | None, *, whole: bool) -> bool:
    """It serves; `whole`: with all its pods."""
    return side is not None and serves(side) and (not whole or isinstance(side.readiness, Ready))


def split(weight: int, mirrored: bool = False) -> Routing:
    return Routing(100 - weight, weight, mirrored)


def wanted(s: Snapshot) -> Routing:
    """The split that the status says. In an A/B test it is that of the requests that match: they all go to the canary.

    The weight in the status stays 0 then, as in Flagger: it is no share of all requests.
    """
    status = s.canary.status
    if tests_matches(s) and status.iterations > 0 and not status.canary_weight:
        return TO_CANARY
    return split(status.canary_weight, status.mirrored)


def everyone(s: Snapshot) -> bool:
    """The split is that of all requests, also of those that do not match: the primary is no place for them.

    It has no pods, or will have none in a moment, or carries what was not promoted. In an A/B test nothing else gives
    the canary a weight; with weights 100 % may be the last step of those that match, and of nobody else.
    """
    if not serves(s.primary) and serves(s.target):
        return True
    status = s.canary.status
    emptied = s.primary is not None and s.primary.empties
    broken = not intact(s) and (emptied or status.phase is not Phase.PROMOTING)
    return status.canary_weight == 100 and (broken or s.canary.strategy() == "ab-testing")


def tests_matches(s: Snapshot) -> bool:
    """A/B, with a provider that can tell the requests apart."""
    return s.shifts and s.matches and s.canary.strategy() == "ab-testing"


def apex(s: Snapshot) -> str:
    """The side that the apex Service selects: the primary.

    Unless the side selected has no ready endpoint and the other has; and back only when the primary is ready again.
    """
    if s.apex_selects == ANY:
        return ANY
    if vacates(s) and (not s.shifts or s.canary.status.canary_weight == 100):
        return "target"
    if s.apex_selects == "target":
        back = s.primary is not None and serves(s.primary) and isinstance(s.primary.readiness, Ready)
        return "primary" if back or not serves(s.target) else "target"
    return "target" if not serves(s.primary) and serves(s.target) else "primary"


def renamed(s: Snapshot) -> bool:
    """The primary carries what was analysed, under the hash of before: the server serves it differently since."""
    status, primary = s.canary.status, s.primary
    if primary is None or s.target is None or not primary.carries or not primary.like_target:
        return False
    configs = primary.carries.partition("+")[2]
    current = s.target.revision == status.last_applied_spec and configs == runs.configs(status)
    return current and primary.carries != runs.applied(status)


def vacates(s: Snapshot) -> bool:
    """The copy that is due takes all pods of the primary away at once: its traffic has to go before."""
    status = s.canary.status
    due = s.primary is not None and s.primary.empties and s.primary.carries != runs.applied(status)
    return due and status.phase is Phase.PROMOTING and serves(s.target)


def vacated(s: Snapshot) -> bool:
    """All traffic is on the canary, and has been for the settle time."""
    return settled(s, TO_CANARY) if s.shifts else settled(s, TO_PRIMARY, "target")


def grown(s: Snapshot) -> bool:
    """The primary has pods for what it is about to get: an autoscaler may have taken them away while it had less.

    Not for ever: the autoscaler's own bounds have the last word.
    """
    if not s.scaler_floor or s.primary is None or s.target is None or not s.primary.scalable:
        return True
    until = times.after(s.canary.status.last_transition_time, s.interval)
    return s.primary.replicas >= s.target.replicas or until is None or s.now >= until


def pending(s: Snapshot, wanted: Routing, selects: str = "") -> str | None:
    """Why the wanted routing is not in force; None if it is, as far as anybody can tell.

    `selects`: the side that the apex Service must select; empty: the one that it should select now.
    """
    if isinstance(s.traffic.confirmation, Pending):
        return s.traffic.confirmation.why
    if s.traffic.routing != wanted:
        return "the routing has just been written"
    side = selects or apex(s)
    if s.apex_selects in (side, ANY):
        return None
    if s.apex_selects == apex(s):
        return f"the apex Service selects the {s.apex_selects} until the {side} is ready"
    return "the apex Service has just been written"


def settle_time(s: Snapshot) -> timedelta:
    """How long a new routing is given to take effect before capacity goes."""
    if isinstance(s.traffic.confirmation, Confirmed) and s.traffic.confirmation.at_once:
        return timedelta(0)
    asked = s.canary.spec.service.drain_seconds
    if asked is not None:
        return timedelta(seconds=asked)
    return min(s.interval, LONGEST_SETTLE)


def settles_at(s: Snapshot) -> datetime | None:
    """When capacity may go; None before the routing was seen in force."""
    return times.after(s.canary.status.routed_at, settle_time(s))


def settled(s: Snapshot, wanted: Routing, selects: str = "") -> bool:
    """The wanted routing is in force and has been for the settle time."""
    due = settles_at(s)
    return pending(s, wanted, selects) is None and due is not None and s.now >= due


def slipped(s: Snapshot, wanted: Routing = TO_PRIMARY, selects: str = "primary") -> bool:
    """What was in force and settling is so no more. That is forgotten before it is put back: put back first, and cut
    short there, it would count as settled since long ago."""
    return bool(s.canary.status.routed_at) and pending(s, wanted, selects) is not None


def back_on_primary(s: Snapshot) -> bool:
    """All traffic is on the primary, has been for the settle time, and the primary serves it."""
    return serves(s.primary) and settled(s, TO_PRIMARY, "primary")


def back_on_target(s: Snapshot) -> bool:
    """All traffic is on the target, has been for the settle time, and the target serves it."""
    return serves(s.target) and settled(s, to_target(s), "target")


def to_target(s: Snapshot) -> Routing:
    """The split of a canary that is let go, as far as its routing is ours to write."""
    return TO_CANARY if s.shifts and s.valid else TO_PRIMARY
