"""All traffic goes to the primary: wait until it does, give it time to settle, then take the target's pods away."""

from __future__ import annotations

from msgspec.structs import replace

from davy.core.moves import Move, Stay, Step
from davy.core.readiness import patient_until
from davy.core.reasons import Reason
from davy.core.snapshot import TO_PRIMARY, Snapshot, Workload
from davy.core.times import to_milliseconds
from davy.core.traffic import pending, settles_at, slipped


def forgets(s: Snapshot) -> Move | None:
    """Traffic that had begun to settle has moved again."""
    return Move(replace(s.canary.status, routed_at=None)) if slipped(s) else None


def drained(s: Snapshot, target: Workload) -> Step | None:
    """All traffic is on the primary, settled, and the target is at zero; None when all of that is so."""
    waits = settling(s)
    if waits is None and target.scalable and target.replicas > 0:
        return Stay(reason=Reason.SCALING_DOWN, message=f"Scaling {target.name} to zero.")
    return waits


def settling(s: Snapshot) -> Step | None:
    """Wait until the traffic is on the primary, remember when it first was, and give it time to settle."""
    status = s.canary.status
    why = pending(s, TO_PRIMARY, "primary")
    if why is not None:
        patience = patient_until(s)
        detail = "" if patience else f" ({why})"
        message = f"Waiting for all traffic to reach the primary{detail}."
        return Stay(reason=Reason.ROUTING_PENDING, message=message, until=patience)
    due = settles_at(s)
    if due is None:
        return Move(replace(status, routed_at=to_milliseconds(s.now)))
    if s.now < due:
        message = "All traffic is routed to the primary; the target keeps its pods until requests under way have ended."
        return Stay(reason=Reason.DRAINING, message=message, until=due)
    return None
