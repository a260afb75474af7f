"""What Istio says about a VirtualService, read from its status: seldom anything."""

from davy.api.ref import Manifest, ref_of
from davy.core.snapshot import Confirmation, Confirmed, Pending, Unknown


def verdict(route: Manifest) -> Confirmation:
    """What the condition `Reconciled` says about this very generation.

    Istio writes it only where status and distribution tracking are switched on, and not at all in newer releases. The
    other condition, `PassedAnalysis`, is advice. `observedGeneration` was seen to stand still (istio#31931): a report
    of another generation says nothing, neither yes nor no.
    """
    status = route.get("status") or {}
    reconciled: Manifest = next(
        (item for item in status.get("conditions") or () if item.get("type") == "Reconciled"), {}
    )
    seen = reconciled.get("observedGeneration", status.get("observedGeneration"))
    if seen is None or str(seen) != str(route["metadata"].get("generation")):
        return Unknown()
    match reconciled.get("status"):
        case "True":
            return Confirmed()
        case "False":
            return Pending(f"{ref_of(route)}: the proxies do not follow it yet: {reconciled.get('message', '')}")
        case _:
            return Unknown()
