"""Short words to build the values that the translation works on."""

from __future__ import annotations

from typing import Any

import msgspec

from davy.cluster.gateway.objects import EndpointSlice, Gateway, HTTPRoute, Service
from davy.cluster.gateway.translate import World

Json = dict[str, Any]
PORT = 8080


def gateway(name: str = "public", *listeners: Json, namespace: str = "default") -> Gateway:
    served = listeners or ({"name": "http", "port": PORT},)
    spec = {"gatewayClassName": "davy", "listeners": list(served)}
    return msgspec.convert({"metadata": _made(name, namespace), "spec": spec}, Gateway)


def http_route(name: str = "app", *rules: Json, namespace: str = "default", made: str = "", **spec: Any) -> HTTPRoute:
    metadata = {**_made(name, namespace), "creationTimestamp": made}
    whole = {"parentRefs": [{"name": "public"}], "rules": list(rules), **spec}
    return msgspec.convert({"metadata": metadata, "spec": whole}, HTTPRoute)


def service(name: str, *, namespace: str = "default", ip: str = "", ports: tuple[int, ...] = (80,)) -> Service:
    found = [{"name": f"p{port}", "port": port} for port in ports]
    spec = {"ports": found, "clusterIP": ip}
    return msgspec.convert({"metadata": _made(name, namespace), "spec": spec}, Service)


def piece(
    owner: str, *endpoints: Json, namespace: str = "default", port: int = 9898, name: str = "p80"
) -> EndpointSlice:
    made = {**_made(f"{owner}-x", namespace), "labels": {"kubernetes.io/service-name": owner}}
    ports = [{"name": name, "port": port}]
    return msgspec.convert({"metadata": made, "endpoints": list(endpoints), "ports": ports}, EndpointSlice)


def endpoint(address: str, pod: str = "", **conditions: bool) -> Json:
    ref = {"kind": "Pod", "namespace": "default", "name": pod, "uid": f"uid-{pod}"}
    return {"addresses": [address], "conditions": conditions, **({"targetRef": ref} if pod else {})}


def to(*backends: str, **rule: Any) -> Json:
    """A rule with backends spelled `name` or `name=weight`."""
    refs = []
    for spelled in backends:
        name, _, weight = spelled.partition("=")
        refs.append({"name": name, "port": 80, **({"weight": int(weight)} if weight else {})})
    return {"backendRefs": refs, **rule}


def world(*routes: HTTPRoute, **changes: Any) -> World:
    """Services `a` and `b` with one ready endpoint each, one Gateway."""
    slices = {
        ("default", "a"): (piece("a", endpoint("127.0.1.1")),),
        ("default", "b"): (piece("b", endpoint("127.0.1.2")),),
    }
    services = {("default", "a"): service("a"), ("default", "b"): service("b")}
    return World(**{"gateways": (gateway(),), "routes": routes, "services": services, "slices": slices, **changes})


def _made(name: str, namespace: str) -> Json:
    return {"name": name, "namespace": namespace, "uid": f"uid-{namespace}-{name}", "generation": 1}
