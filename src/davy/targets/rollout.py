"""What a workload's status says: numbers, conditions, and whether it is about the spec as it stands."""

from davy.api.ref import Manifest


def count(workload: Manifest, field: str) -> int:
    """A number in the status; the API server leaves out zeros."""
    return int((workload.get("status") or {}).get(field) or 0)


def condition(workload: Manifest, kind: str) -> Manifest:
    """The condition of that type; empty if there is none."""
    conditions = (workload.get("status") or {}).get("conditions") or ()
    return next((item for item in conditions if item.get("type") == kind), {})


def share(wanted: object, of: int) -> int:
    """A number of pods, or a percentage of them, rounded down as the controllers do for pods that may be missing."""
    if isinstance(wanted, str) and wanted.endswith("%"):
        return of * int(wanted[:-1]) // 100
    return int(str(wanted))


def unseen(workload: Manifest) -> bool:
    """The status is about an earlier spec: it says nothing about this one."""
    return int(workload["metadata"].get("generation") or 0) > count(workload, "observedGeneration")
