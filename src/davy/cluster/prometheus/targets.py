"""What is scraped: pods that ask for it by annotation, labelled as Prometheus' usual relabelling does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

JOB = "kubernetes-pods"
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_]")


@dataclass(frozen=True, slots=True)
class Target:
    """One page of metrics, and the labels that all its series get."""

    url: str
    labels: tuple[tuple[str, str], ...]


class _Metadata(msgspec.Struct, frozen=True):
    name: str
    namespace: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class _Port(msgspec.Struct, frozen=True, rename="camel"):
    container_port: int = 0


class _Container(msgspec.Struct, frozen=True):
    ports: tuple[_Port, ...] | None = None


class _Spec(msgspec.Struct, frozen=True):
    containers: tuple[_Container, ...] = ()


class _Status(msgspec.Struct, frozen=True):
    phase: str = ""
    pod_ip: str = msgspec.field(default="", name="podIP")


class Pod(msgspec.Struct, frozen=True):
    metadata: _Metadata
    spec: _Spec = _Spec()
    status: _Status = _Status()


def pod_targets(pod: Pod) -> Iterator[Target]:
    """One target for the annotated port, or one for each port of its containers if none is named."""
    annotations = pod.metadata.annotations or {}
    if annotations.get("prometheus.io/scrape") != "true" or pod.status.phase != "Running" or not pod.status.pod_ip:
        return
    path = "/" + annotations.get("prometheus.io/path", "/metrics").lstrip("/")
    for port in _ports(pod, annotations):
        instance = f"{pod.status.pod_ip}:{port}"
        yield Target(f"http://{instance}{path}", tuple(sorted(_labels(pod, instance).items())))


def _ports(pod: Pod, annotations: Mapping[str, str]) -> list[str]:
    named = annotations.get("prometheus.io/port", "")
    if named.isdigit():
        return [named]
    return [str(port.container_port) for container in pod.spec.containers for port in container.ports or ()]


def _labels(pod: Pod, instance: str) -> dict[str, str]:
    mapped = {_NOT_IN_NAMES.sub("_", name): value for name, value in (pod.metadata.labels or {}).items()}
    return {
        **mapped,
        "instance": instance,
        "job": JOB,
        "kubernetes_namespace": pod.metadata.namespace,
        "kubernetes_pod_name": pod.metadata.name,
    }
