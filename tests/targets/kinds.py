"""One workload of each kind that can be released, and what the API server and its controllers make of a write to it."""

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.targets.world import FLAGGER, NOW, available, canary, progressing

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref, ref_of
from davy.core.edit import Edit
from davy.targets.base import Making, Selector, Spell, Target

World = dict[Ref, Manifest]

DAEMONSET: dict[str, Any] = json.loads((Path(__file__).parent / "recorded" / "daemonset.json").read_text())[
    "istio-daemonset-deadline"
]
KEYS = ("app", "name", "app.kubernetes.io/name")
SPELL = Spell(None, timedelta(seconds=600), NOW)


@dataclass(frozen=True)
class Case:
    """A canary, its target, and the target with another template."""

    canary: Canary
    before: Manifest
    after: Manifest
    controlled: Callable[[World, Manifest], World]
    """What the kind's controller makes of the cluster when such an object was written, until all is at rest."""

    def world(self) -> World:
        """The cluster before the canary was made."""
        return put({}, self, copy.deepcopy(self.before))


def put(world: World, case: Case, written: Manifest | Edit) -> World:
    """The cluster after the write, when everything has come to rest."""
    if isinstance(written, Edit):
        manifest, ref = edited(world[written.ref], written), written.ref
    else:
        manifest, ref = merged(world.get(ref_of(written), {}), written), ref_of(written)
    controlled = addressed if ref.api_version == "v1" else case.controlled
    return {**world, **controlled(world, served(manifest, world.get(ref)))}


def edited(live: Manifest, edit: Edit) -> Manifest:
    whole = copy.deepcopy(live)
    for pointer, value in edit.parts.items():
        *path, last = (step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])
        held = whole
        for step in path:
            held = held.setdefault(step, {})
        held.pop(last, None)
        if value is not None:
            held[last] = copy.deepcopy(value)
    return whole


def merged(live: Any, wanted: Any) -> Any:
    """Server-side apply, as far as Services need it: objects are merged, lists are atomic."""
    if isinstance(live, dict) and isinstance(wanted, dict):
        return live | {key: merged(live.get(key), value) for key, value in wanted.items()}
    return copy.deepcopy(wanted)


def served(manifest: Manifest, before: Manifest | None) -> Manifest:
    """With what every API server adds; a change of the spec is a new generation, where the kind counts them."""
    version = int(before["metadata"]["resourceVersion"]) + 1 if before else 1
    metadata = {
        "uid": f"uid-of-{manifest['metadata']['name']}",
        **manifest["metadata"],
        "resourceVersion": str(version),
    }
    if manifest["apiVersion"] != "v1":
        changed = before is None or before["spec"] != manifest["spec"]
        metadata["generation"] = (before["metadata"]["generation"] if before else 0) + changed
    return {**manifest, "metadata": {key: value for key, value in metadata.items() if value != {}}}


def deployed(world: World, manifest: Manifest) -> World:
    wanted = manifest["spec"].get("replicas", 1)
    numbers = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), wanted)
    seen = {"observedGeneration": manifest["metadata"]["generation"]}
    live = {**manifest, "status": {**seen, **numbers, "conditions": [progressing(), available()]}}
    return {ref_of(live): live}


def daemons(world: World, manifest: Manifest) -> World:
    live = scheduled(manifest)
    return {ref_of(live): live}


def scheduled(manifest: Manifest, nodes: int = 3) -> Manifest:
    """On each of so many nodes, none of which has a label."""
    wanted = 0 if manifest["spec"]["template"]["spec"].get("nodeSelector") else nodes
    metadata = copy.deepcopy(manifest["metadata"])
    generation = metadata["generation"]
    metadata.setdefault("annotations", {})["deprecated.daemonset.template.generation"] = str(generation)
    numbers = dict.fromkeys(
        ("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberAvailable"), wanted
    )
    return {**manifest, "metadata": metadata, "status": {"observedGeneration": generation, **numbers}}


def addressed(world: World, manifest: Manifest) -> World:
    """A Service, with what the server chooses for each."""
    spec = {"sessionAffinity": "None", "type": "ClusterIP", **copy.deepcopy(manifest["spec"])}
    spec["ports"] = [{"protocol": "TCP", **port} for port in spec.get("ports", ())]
    if spec["type"] != "ExternalName":
        own = f"10.0.0.{len(manifest['metadata']['name'])}"
        address = spec.get("clusterIP", own)
        spec |= {"clusterIP": address, "clusterIPs": [address], "internalTrafficPolicy": "Cluster"}
        spec |= {"ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"}
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec["ports"] = [{"nodePort": 30000 + port["port"], **port} for port in spec["ports"]]
    live = {**manifest, "spec": spec, "status": {"loadBalancer": {}}}
    return {ref_of(live): live}


def revised(world: World, manifest: Manifest) -> World:
    """A Knative Service: each new template is a new Revision, ready at once."""
    before = world.get(ref_of(manifest), {})
    names = [ref.name for ref in world if ref.kind == "Revision"]
    if before.get("spec", {}).get("template") == manifest["spec"]["template"]:
        return {ref_of(manifest): {**manifest, "status": before["status"]}}
    name = f"{manifest['metadata']['name']}-{len(names) + 1:05}"
    made: Manifest = {
        "apiVersion": manifest["apiVersion"],
        "kind": "Revision",
        "metadata": {"name": name, "namespace": manifest["metadata"]["namespace"]},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    return {
        ref_of(manifest): {**manifest, "status": {"latestCreatedRevisionName": name}},
        ref_of(made): made,
    }


def named(recorded: Manifest, kind: str, api_version: str, **metadata: Any) -> Manifest:
    manifest = copy.deepcopy(recorded) | {"apiVersion": api_version, "kind": kind}
    manifest["metadata"] = {"name": "app", "namespace": "shop", **manifest.get("metadata", {}), **metadata}
    return manifest


def with_image(workload: Manifest, tag: str) -> Manifest:
    changed = copy.deepcopy(workload)
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = f"registry.example/app:{tag}"
    return changed


def of(kind: str, api_version: str) -> Canary:
    return canary(targetRef={"apiVersion": api_version, "kind": kind, "name": "app"})


_DEPLOYMENT = named(FLAGGER["k8s-promote"]["target"], "Deployment", "apps/v1")
_DAEMONSET = named(DAEMONSET["states"][0], "DaemonSet", "apps/v1", annotations={"owner": "blue"})
SERVICE: Manifest = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "app", "namespace": "shop", "labels": {"mine": "yes"}, "annotations": {"owner": "blue"}},
    "spec": {
        "selector": {"app": "app"},
        "ports": [
            {"name": "web", "port": 80, "targetPort": 8080},
            {"name": "admin", "port": 81, "targetPort": 9797},
        ],
    },
}
"""The target of `istio-service-target`, which Flagger cannot copy on a Kubernetes of today."""

KNATIVE = "serving.knative.dev/v1"
_KNATIVE = named(
    {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "registry.example/app:1.0"}]}}}},
    "Service",
    KNATIVE,
    annotations={"owner": "blue"},
)

CASES: Mapping[tuple[str, str], Case] = {
    ("apps", "Deployment"): Case(of("Deployment", "apps/v1"), _DEPLOYMENT, with_image(_DEPLOYMENT, "1.1"), deployed),
    ("apps", "DaemonSet"): Case(of("DaemonSet", "apps/v1"), _DAEMONSET, with_image(_DAEMONSET, "1.1"), daemons),
    ("serving.knative.dev", "Service"): Case(of("Service", KNATIVE), _KNATIVE, with_image(_KNATIVE, "1.1"), revised),
    ("", "Service"): Case(
        of("Service", "v1"), SERVICE, merged(SERVICE, {"spec": {"selector": {"app": "two"}}}), addressed
    ),
}
"""(API group, kind), as in the table of targets → its case."""


def making(case: Case, target: Manifest, kind: Target, run: str = "v1:a", **more: Any) -> Making:
    selector = kind.selector(target, KEYS)
    return Making(canary=case.canary, run=run, selector=selector, **{"prefixes": ("app.kubernetes.io",)} | more)


def selector(kind: Target, target: Manifest) -> Selector:
    return kind.selector(target, KEYS)
