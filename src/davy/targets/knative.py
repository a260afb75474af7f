"""Knative Service: its Revisions are the sides; the primary is the one that an annotation names, nothing is scaled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from davy.api.canary import KNATIVE, Canary
from davy.api.ref import Manifest, Ref, ref_of
from davy.core import names
from davy.core.edit import Edit
from davy.core.revisions import is_ours, is_revision_of, revision
from davy.core.snapshot import Progressing, Readiness, Ready, Stuck
from davy.targets.base import NO_SELECTOR, Making, Objects, Selector, Spell

PRIMARY = "flagger.app/primary-revision"
"""Annotation of the Knative Service: the Revision that is regarded as the primary."""

REVISION = "revision"
"""Key under which a side carries its Revision: a name, and a status if there is one."""


@dataclass(frozen=True, slots=True)
class KnativeService:
    """The kind `Service` of `serving.knative.dev`.

    A side is the Knative Service with one of its Revisions. Its uid tells which: changes of the traffic move the
    Service's generation too, and a new template moves it some time before there is a Revision of it.
    """

    @property
    def scalable(self) -> bool:
        """Knative sees to that, down to none."""
        return False

    def reads(self, canary: Canary, objects: Objects) -> Sequence[Ref]:
        """The Revisions of both sides, as far as the Service names them."""
        service = objects.get(canary.target)
        if service is None:
            return ()
        return tuple(revision_ref(canary, name) for name in dict.fromkeys((latest(service), primary(service))) if name)

    def target(self, canary: Canary, objects: Objects) -> Manifest | None:
        """The Service with the Revision that was made last."""
        service = objects.get(canary.target)
        return None if service is None else side(canary, service, latest(service), objects)

    def primary(self, canary: Canary, objects: Objects) -> Manifest | None:
        """The Service with the Revision that its annotation names; None while there is no annotation."""
        service = objects.get(canary.target)
        name = "" if service is None else primary(service)
        return side(canary, service, name, objects) if service is not None and name else None

    def template(self, side: Manifest) -> object:
        """The Revision's name: Knative itself makes a new one of each new template."""
        return name_of(side)

    def pod(self, side: Manifest) -> Manifest:
        """None: a Revision never changes, so that what it names cannot be copied for it."""
        return {}

    def selector(self, target: Manifest, keys: Sequence[str]) -> Selector:
        """Requests are sent to Revisions by name."""
        return NO_SELECTOR

    def replicas(self, side: Manifest) -> int:
        """1 for "as many as are needed"."""
        return 1

    def serving(self, side: Manifest) -> int:
        """1 for "some": a ready Revision gets its first pod with its first request; one that is ill may have some."""
        status = side[REVISION].get("status") or {}
        return 1 if is_ready(side) or status.get("actualReplicas") else 0

    def lingering(self, side: Manifest) -> int:
        """None: it is never taken to zero."""
        return 0

    def readiness(self, side: Manifest, threshold: int, spell: Spell) -> Readiness:
        """What the Revision's condition Ready says, with the Canary's deadline."""
        if is_ready(side):
            return Ready()
        why = unready(side)
        return Stuck(why) if Spell(began(side, spell), spell.limit, spell.now).over else Progressing(why)

    def created(self, target: Manifest, making: Making) -> Edit:
        """The annotation that names the primary: the Revision that has the traffic by name, else the last one.

        An annotation that was lost in a run must not make the primary of what is only tried.
        """
        return named(target, settled(target) or name_of(target), making)

    def carrying(self, target: Manifest, primary: Manifest, making: Making) -> Edit:
        """The annotation that makes the last Revision the primary."""
        return named(target, name_of(target), making)

    def carried_replicas(self, canary: Canary, target: Manifest) -> int | None:
        """There are none."""
        return None

    def sized(self, side: Manifest, replicas: int) -> Edit | None:
        """Never asked."""
        return None

    def empties(self, target: Manifest, primary: Manifest) -> bool:
        """Never: nothing of it is taken away."""
        return False

    def run(self, primary: Manifest) -> str:
        """What the annotations say. A note about another Revision than the primary's is out of date."""
        name, noted = name_of(primary), annotations(primary).get(names.REVISION, "")
        stale = is_ours(noted) and not is_revision_of(name, noted)
        return revision(name) if stale or not noted else noted

    def alike(self, target: Manifest, primary: Manifest, selector: Selector) -> bool:
        """Both sides are one Revision."""
        return name_of(target) == name_of(primary)

    def services(self, target: Manifest, making: Making, existing: Objects) -> Sequence[Manifest]:
        """None: Knative has its own."""
        return ()

    def apex(self, side: str, target: Manifest, making: Making, existing: Objects) -> Manifest | None:
        """None of ours."""
        return None

    def apex_selects(self, canary: Canary, selector: Selector, existing: Objects) -> str:
        """There is nothing to move."""
        return "any"


def latest(service: Manifest) -> str:
    """The Revision that was made last; empty before the first."""
    return str((service.get("status") or {}).get("latestCreatedRevisionName") or "")


def primary(service: Manifest) -> str:
    """The Revision that is regarded as the primary; empty while none is."""
    return annotations(service).get(PRIMARY, "")


def annotations(manifest: Manifest) -> dict[str, str]:
    """Its annotations; none is none."""
    return manifest["metadata"].get("annotations") or {}


def revision_ref(canary: Canary, name: str) -> Ref:
    """The address of a Revision."""
    return Ref(KNATIVE, "Revision", canary.namespace, name)


def side(canary: Canary, service: Manifest, name: str, objects: Objects) -> Manifest:
    """The Knative Service seen as one of its Revisions."""
    found = objects.get(revision_ref(canary, name), {})
    metadata: dict[str, Any] = {key: value for key, value in service["metadata"].items() if key != "generation"}
    return {
        **service,
        "metadata": {**metadata, "uid": f"{metadata.get('uid', '')}:{name}"},
        REVISION: {"metadata": {"name": name}, **({"status": found["status"]} if found.get("status") else {})},
    }


def name_of(side: Manifest) -> str:
    """The Revision's name."""
    return str(side[REVISION]["metadata"]["name"])


def ready(side: Manifest) -> Manifest:
    """The Revision's condition Ready; empty if there is none."""
    conditions = (side[REVISION].get("status") or {}).get("conditions") or ()
    return next((item for item in conditions if item.get("type") == "Ready"), {})


def is_ready(side: Manifest) -> bool:
    """The Revision can take requests."""
    return bool(ready(side).get("status") == "True")


def unready(side: Manifest) -> str:
    """Why it cannot, for people."""
    name, condition = name_of(side), ready(side)
    if not name:
        return "Knative has made no revision yet"
    said = " ".join(word for word in (condition.get("reason"), condition.get("message")) if word)
    return f"revision {name} is not ready: {said}" if said else f"revision {name} is not ready yet"


def began(side: Manifest, spell: Spell) -> datetime | None:
    """Since when it is waited for: since its condition changed, if that was after the wait began."""
    changed = ready(side).get("lastTransitionTime")
    moments = [spell.since, datetime.fromisoformat(str(changed)) if changed else None]
    return max((moment for moment in moments if moment), default=None)


def settled(service: Manifest) -> str:
    """The Revision that has most of the traffic by its name; empty if none has any."""
    traffic = service["spec"].get("traffic") or ()
    shares = {item["revisionName"]: item.get("percent") or 0 for item in traffic if item.get("revisionName")}
    return max((name for name, percent in shares.items() if percent), key=lambda name: shares[name], default="")


def named(target: Manifest, name: str, making: Making) -> Edit:
    """The annotations by which that Revision is the primary; nothing while there is none."""
    if not name:
        return Edit(ref_of(target), {})
    note = {names.REVISION: making.run} if making.run and name == name_of(target) else {}
    return Edit(ref_of(target), {"/metadata/annotations": {**annotations(target), PRIMARY: name, **note}})
