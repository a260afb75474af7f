"""What the router tests share: a canary that every router can serve, and what an API server does to what is applied."""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref, ref_of
from davy.core.edit import Edit

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


def start(name: str, spec: Canary) -> dict[Ref, Manifest]:
    """The world before a router writes for the first time: what it edits and never makes."""
    return STARTS[name](spec) if name in STARTS else {}


def knative_service(spec: Canary) -> dict[Ref, Manifest]:
    target = spec.target
    metadata = {"name": target.name, "namespace": target.namespace, "generation": 1}
    primary = {"annotations": {"flagger.app/primary-revision": f"{target.name}-00001"}}
    made = {"apiVersion": target.api_version, "kind": target.kind, "metadata": metadata | primary}
    return {target: made | {"spec": {"template": {"spec": {"containers": [{"image": "app:1"}]}}}}}


STARTS: Mapping[str, Callable[[Canary], dict[Ref, Manifest]]] = {"knative": knative_service}


def canary(*, analysis: Manifest | None = None, status: Manifest | None = None, **service: Any) -> Canary:
    """The canary with further fields of `spec.service`, `spec.analysis` and `status`, as people write them."""
    manifest = copy.deepcopy(WEB)
    manifest["spec"]["service"] |= service
    manifest["spec"]["analysis"] |= analysis or {}
    return msgspec.convert(manifest | {"status": status or {}}, Canary)


def applied(wanted: Iterable[Manifest | Edit], existing: Mapping[Ref, Manifest] | None = None) -> dict[Ref, Manifest]:
    """The objects as the API server serves them after manifests were applied and edits made, defaults filled in."""
    objects = copy.deepcopy(dict(existing or {}))
    for change in copy.deepcopy(list(wanted)):
        ref = change.ref if isinstance(change, Edit) else ref_of(change)
        before = objects.get(ref, {})
        after = defaulted(edited(before, change) if isinstance(change, Edit) else merged(before, change))
        if after.get("spec") != before.get("spec"):
            after["metadata"]["generation"] = 1 + before.get("metadata", {}).get("generation", 0)
        objects[ref] = after
    return objects


def edited(live: Manifest, edit: Edit) -> Manifest:
    """The object after a JSON patch that adds or removes each part."""
    changed = copy.deepcopy(live)
    for pointer, value in edit.parts.items():
        *above, last = (step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])
        place = changed
        for step in above:
            place = place[step]
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return changed


class Rule(NamedTuple):
    """One rule of a route, whatever the provider: which requests, where they go, who gets copies."""

    match: list[Manifest]
    shares: dict[str, int]
    copies: set[str]
    text: Manifest
    """As it is spelt."""


def rules(manifest: Manifest) -> list[Rule]:
    """The rules of a routing object, in their order; none for an object without rules."""
    return list(RULES.get(manifest["kind"], no_rules)(manifest["spec"]))


def no_rules(spec: Manifest) -> Iterator[Rule]:
    return iter(())


def http_route(spec: Manifest) -> Iterator[Rule]:
    for rule in spec["rules"]:
        filters = (part["requestMirror"]["backendRef"] for part in rule.get("filters", ()) if "requestMirror" in part)
        shares = {backend["name"]: backend["weight"] for backend in rule["backendRefs"]}
        yield Rule(rule["matches"], shares, {backend["name"] for backend in filters}, rule)


def virtual_service(spec: Manifest) -> Iterator[Rule]:
    for rule in (*spec.get("http", ()), *spec.get("tcp", ())):
        shares = {part["destination"]["host"]: part["weight"] for part in rule["route"]}
        yield Rule(rule.get("match", []), shares, {rule["mirror"]["host"]} if "mirror" in rule else set(), rule)


RULES: Mapping[str, Callable[[Manifest], Iterator[Rule]]] = {
    "HTTPRoute": http_route,
    "VirtualService": virtual_service,
}


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
