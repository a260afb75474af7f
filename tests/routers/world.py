"""What the router tests share: a canary that every router can serve, and what an API server does to what is applied."""

import copy
from collections.abc import Iterable
from typing import Any

import msgspec

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref, ref_of

WEB: Manifest = {
    "apiVersion": "flagger.app/v1beta1",
    "kind": "Canary",
    "metadata": {"name": "podinfo", "namespace": "test", "uid": "c0ffee"},
    "spec": {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
        "service": {
            "port": 9898,
            "hosts": ["www.example.com"],
            "gatewayRefs": [{"name": "gateway", "namespace": "ingress"}],
        },
        "analysis": {"interval": "10s", "threshold": 2, "stepWeight": 10, "maxWeight": 50},
    },
}


def canary(**service: Any) -> Canary:
    """The canary with further fields of `spec.service`, as people write them."""
    manifest = copy.deepcopy(WEB)
    manifest["spec"]["service"] |= service
    return msgspec.convert(manifest, Canary)


def applied(manifests: Iterable[Manifest], existing: dict[Ref, Manifest] | None = None) -> dict[Ref, Manifest]:
    """The objects as the API server serves them after the manifests were applied, defaults filled in."""
    objects = copy.deepcopy(existing or {})
    for manifest in copy.deepcopy(list(manifests)):
        ref = ref_of(manifest)
        objects[ref] = defaulted(merged(objects.get(ref, {}), manifest))
        objects[ref]["metadata"]["generation"] = 1 + objects[ref]["metadata"].get("generation", 0)
    return objects


def merged(live: Any, wanted: Any) -> Any:
    """Server-side apply with force, as far as routing objects need it: objects are merged, lists are atomic."""
    if isinstance(live, dict) and isinstance(wanted, dict):
        return live | {key: merged(live.get(key), value) for key, value in wanted.items()}
    return wanted


def defaulted(served: Manifest) -> Manifest:
    """The defaults of the HTTPRoute's schema (Gateway API 1.5)."""
    if served["kind"] != "HTTPRoute":
        return served
    spec = served["spec"]
    for parent in spec.get("parentRefs", ()):
        fill(parent, group="gateway.networking.k8s.io", kind="Gateway")
    for rule in spec.get("rules", ()):
        default_rule(rule)
    return served


def default_rule(rule: Manifest) -> None:
    fill(rule, matches=[{}])
    for match in rule["matches"]:
        fill(match, path={})
        fill(match["path"], type="PathPrefix", value="/")
        for named in (*match.get("headers", ()), *match.get("queryParams", ())):
            fill(named, type="Exact")
    for backend in rule.get("backendRefs", ()):
        fill(backend, group="", kind="Service", weight=1)
    for part in rule.get("filters", ()):
        if "cors" in part:
            fill(part["cors"], maxAge=5)
        if "requestMirror" in part:
            fill(part["requestMirror"]["backendRef"], group="", kind="Service")


def fill(item: Manifest, **defaults: Any) -> None:
    for field, value in defaults.items():
        item.setdefault(field, value)
