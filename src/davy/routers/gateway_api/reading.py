"""The split that an HTTPRoute says, read back from its rules."""

from davy.api.canary import Canary
from davy.api.ref import Manifest
from davy.core.snapshot import Routing


def split(canary: Canary, route: Manifest) -> Routing | None:
    """The weights of the last rule that has exactly our two backends: rules that keep sessions stand before it."""
    rules = route.get("spec", {}).get("rules") or ()
    splits = [split for rule in rules if (split := weights(canary, rule)) is not None]
    if not splits or sum(splits[-1]) != 100 or min(splits[-1]) < 0:
        return None
    return Routing(*splits[-1], mirrored=any(mirrored(canary, rule) for rule in rules))


def weights(canary: Canary, rule: Manifest) -> tuple[int, int] | None:
    """The primary's and the canary's weight in a rule; None if its backends are not exactly these two."""
    backends = {item.get("name"): item.get("weight", 1) for item in rule.get("backendRefs") or ()}
    if backends.keys() != {canary.primary_service, canary.canary_service} or len(rule["backendRefs"]) != 2:
        return None
    return backends[canary.primary_service], backends[canary.canary_service]


def mirrored(canary: Canary, rule: Manifest) -> bool:
    """The rule copies requests to the canary, and not because the spec asks for it at all times."""
    if always_copied(canary):
        return False
    copies = (item.get("requestMirror", {}).get("backendRef", {}) for item in rule.get("filters") or ())
    return any(copy.get("name") == canary.canary_service for copy in copies)


def always_copied(canary: Canary) -> bool:
    """The spec itself copies all requests to the canary: a stage that does so could not be told from any other."""
    return any(mirror.backend_ref.name == canary.canary_service for mirror in canary.spec.service.mirror)
