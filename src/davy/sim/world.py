"""A cluster as the mind's writes change it: objects, pods that take time to start, and a clock that only we move.

What the API server shows (Deployment status) follows what is true (pods); the safety properties look at the truth.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from davy.api.ref import Manifest, Ref, ref_of
from davy.core.revisions import revision

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
NEVER = timedelta(days=365)
BAD = "bad"
"""A template whose image tag begins so never becomes ready."""
PRIMARY_BAD = "pbad"
"""The same, but only in the primary."""


class Conflict(Exception):  # noqa: N818 - a state of the world
    """The object was changed, or made, or removed, since the writer looked."""


@dataclass
class Pod:
    """One pod: of which template, and when it is ready."""

    template: str
    ready_at: datetime


@dataclass
class World:
    """The whole truth. Methods are what an API server and its controllers would do at once or after a while."""

    now: datetime = BEGIN
    objects: dict[Ref, Manifest] = field(default_factory=dict)
    pods: dict[Ref, list[Pod]] = field(default_factory=dict)
    start_time: timedelta = timedelta(seconds=2)
    version: int = 0
    last_spread: datetime | None = None
    """When the canary last lost its share of the traffic; None while it has one or before it ever had."""

    def create(self, manifest: Manifest) -> None:
        ref = ref_of(manifest)
        if ref in self.objects:
            raise Conflict(f"{ref} exists")
        made = copy.deepcopy(manifest)
        made["metadata"].setdefault("uid", f"uid-{self.version}-{ref.name}")
        made["metadata"]["generation"] = 1
        made["metadata"].setdefault("creationTimestamp", self.now.isoformat())
        self._store(ref, made)

    def update(self, ref: Ref, new: Manifest, resource_version: str | None = None) -> None:
        """The object becomes `new`; the generation moves with the spec only."""
        old = self.objects.get(ref)
        if old is None:
            raise Conflict(f"{ref} is gone")
        if resource_version is not None and old["metadata"]["resourceVersion"] != resource_version:
            raise Conflict(f"{ref} has changed")
        changed = new.get("spec") != old.get("spec")
        new = copy.deepcopy(new)
        new["metadata"]["generation"] = old["metadata"]["generation"] + (1 if changed else 0)
        self._store(ref, new)

    def delete(self, ref: Ref) -> None:
        """Gone at once, or marked, if a finalizer holds it."""
        old = self.objects[ref]
        if old["metadata"].get("finalizers"):
            marked = copy.deepcopy(old)
            marked["metadata"].setdefault("deletionTimestamp", self.now.isoformat().replace("+00:00", "Z"))
            self._store(ref, marked)
            return
        self._drop(ref)

    def _drop(self, ref: Ref) -> None:
        uid = self.objects.pop(ref)["metadata"]["uid"]
        self.pods.pop(ref, None)
        owned = [other for other, manifest in self.objects.items() if owner(manifest) == uid]
        for other in owned:
            self._drop(other)

    def _store(self, ref: Ref, manifest: Manifest) -> None:
        self.version += 1
        manifest["metadata"]["resourceVersion"] = str(self.version)
        self.objects[ref] = manifest
        if manifest["metadata"].get("deletionTimestamp") and not manifest["metadata"].get("finalizers"):
            self._drop(ref)
        elif ref.kind == "Deployment":
            self._reconcile(ref)

    def pass_time(self, span: timedelta) -> None:
        self.now += span
        self.settle()

    def settle(self) -> None:
        """The controllers catch up with the present moment."""
        for ref in [ref for ref in self.objects if ref.kind == "Deployment"]:
            self._reconcile(ref)

    def next_event(self) -> datetime | None:
        """When the next pod becomes ready."""
        coming = [pod.ready_at for pods in self.pods.values() for pod in pods if pod.ready_at > self.now]
        soon = [moment for moment in coming if moment - self.now < NEVER / 2]
        return min(soon, default=None)

    def _reconcile(self, ref: Ref) -> None:
        """One Deployment: new pods first, old ones go one by one as the new become ready; then the status."""
        spec = self.objects[ref]["spec"]
        wanted, template = int(spec.get("replicas", 1)), revision(spec["template"])
        pods = self.pods.setdefault(ref, [])
        new = [pod for pod in pods if pod.template == template]
        old = [pod for pod in pods if pod.template != template]
        new = new[:wanted] + [Pod(template, self.now + self._start(ref, spec)) for _ in range(wanted - len(new))]
        ready = sum(pod.ready_at <= self.now for pod in new)
        serving_old = [pod for pod in old if pod.ready_at <= self.now]
        self.pods[ref] = new + serving_old[: max(wanted - ready, 0)]
        self._show(ref, wanted, template)

    def _start(self, ref: Ref, spec: Manifest) -> timedelta:
        tag = str(spec["template"]["spec"]["containers"][0]["image"]).rpartition(":")[2]
        never = tag.startswith(BAD) or (tag.startswith(PRIMARY_BAD) and ref.name.endswith("-primary"))
        return NEVER if never else self.start_time

    def _show(self, ref: Ref, wanted: int, template: str) -> None:
        """The status as the Deployment controller would write it."""
        shown = self.objects[ref]
        pods = self.pods[ref]
        updated = [pod for pod in pods if pod.template == template]
        available = self.ready(ref)
        status = {
            "observedGeneration": shown["metadata"]["generation"],
            "replicas": len(pods),
            "updatedReplicas": len(updated),
            "readyReplicas": available,
            "availableReplicas": available,
            "conditions": self._conditions(ref, wanted, updated),
        }
        if status != shown.get("status"):
            self.version += 1
            metadata = {**shown["metadata"], "resourceVersion": str(self.version)}
            self.objects[ref] = {**shown, "metadata": metadata, "status": status}

    def _conditions(self, ref: Ref, wanted: int, updated: list[Pod]) -> list[dict[str, Any]]:
        """Progressing=False once the newest pods have been starting for longer than the Deployment's deadline."""
        starting = [pod for pod in updated if pod.ready_at > self.now]
        if not starting or wanted == 0:
            return [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}]
        since = starting[0].ready_at - (NEVER if starting[0].ready_at - self.now > NEVER / 2 else self.start_time)
        deadline = timedelta(seconds=self.objects[ref]["spec"].get("progressDeadlineSeconds", 600))
        if self.now - since >= deadline:
            return [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
        return [{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}]

    def ready(self, ref: Ref) -> int:
        """Pods of the workload that serve now: the truth, not what the status says."""
        return sum(pod.ready_at <= self.now for pod in self.pods.get(ref, ()))

    def serving(self, service: Ref) -> int:
        """Ready pods behind a Service."""
        found = self.objects.get(service)
        if found is None:
            return 0
        selector: Mapping[str, str] = found["spec"].get("selector") or {}
        return sum(
            self.ready(ref)
            for ref, manifest in self.objects.items()
            if ref.kind == "Deployment"
            and ref.namespace == service.namespace
            and selector.items() <= manifest["spec"]["template"]["metadata"]["labels"].items()
        )


def owner(manifest: Manifest) -> str:
    return next((ref["uid"] for ref in manifest["metadata"].get("ownerReferences") or () if ref.get("controller")), "")
