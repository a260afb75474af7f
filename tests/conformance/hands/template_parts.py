"""Everything that can be in a Deployment and be taken out of it again: each a way to put it there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.conformance.parts.left import merge
from tests.conformance.parts.witness import Manifest

Place = tuple[str | int, ...]

PROBE = {"httpGet": {"path": "/ready", "port": 8080}}


@dataclass(frozen=True)
class Part:
    """`added` puts it into the spec of a Deployment whose pods are told by this label's value."""

    what: str
    added: Callable[[Manifest, str], None]

    def __str__(self) -> str:
        return self.what


def container(what: str, **fields: Any) -> Part:
    return Part(what, lambda spec, _: merge(app(spec), fields))


def pod(what: str, **fields: Any) -> Part:
    return Part(what, lambda spec, _: merge(spec["template"]["spec"], fields))


def metadata(what: str, **fields: Any) -> Part:
    return Part(what, lambda spec, _: merge(spec["template"]["metadata"], fields))


def around(what: str, **fields: Any) -> Part:
    return Part(what, lambda spec, _: merge(spec, fields))


def app(spec: Manifest) -> Manifest:
    """The first container."""
    first: Manifest = spec["template"]["spec"]["containers"][0]
    return first


def volume(spec: Manifest, _: str) -> None:
    merge(spec["template"]["spec"], {"volumes": [{"name": "cache", "emptyDir": {}}]})
    merge(app(spec), {"volumeMounts": [{"name": "cache", "mountPath": "/cache"}]})


def second(spec: Manifest, _: str) -> None:
    spec["template"]["spec"]["containers"].append({"name": "side", "image": "side:1"})


def second_port(spec: Manifest, _: str) -> None:
    app(spec)["ports"].append({"name": "admin", "containerPort": 9000})


def apart(label: str) -> Manifest:
    return {"labelSelector": {"matchLabels": {"app": label}}, "topologyKey": "zone"}


def affinity(spec: Manifest, label: str) -> None:
    term = {"requiredDuringSchedulingIgnoredDuringExecution": [apart(label)]}
    merge(spec["template"]["spec"], {"affinity": {"podAntiAffinity": term}})


def spread(spec: Manifest, label: str) -> None:
    constraint = {**apart(label), "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"}
    merge(spec["template"]["spec"], {"topologySpreadConstraints": [constraint]})


PARTS = (
    container("env variable", env=[{"name": "GONE", "value": "1"}]),
    container("envFrom", envFrom=[{"configMapRef": {"name": "absent", "optional": True}}]),
    container("command", command=["app"]),
    container("arguments", args=["--verbose"]),
    container("working directory", workingDir="/srv"),
    container("readiness probe", readinessProbe=PROBE),
    container("liveness probe", livenessProbe=PROBE),
    container("startup probe", startupProbe=PROBE),
    container("lifecycle hook", lifecycle={"preStop": {"sleep": {"seconds": 1}}}),
    container("resources", resources={"requests": {"cpu": "10m"}, "limits": {"memory": "1Gi"}}),
    container("container's security context", securityContext={"readOnlyRootFilesystem": True}),
    Part("port", second_port),
    Part("volume", volume),
    Part("second container", second),
    pod("init container", initContainers=[{"name": "first", "image": "first:1"}]),
    metadata("template label", labels={"gone": "yes"}),
    metadata("template annotation", annotations={"gone": "yes"}),
    pod("node selector", nodeSelector={"zone": "a"}),
    pod("toleration", tolerations=[{"key": "a", "operator": "Exists"}]),
    Part("affinity", affinity),
    Part("topology spread", spread),
    pod("pod's security context", securityContext={"runAsNonRoot": True, "runAsUser": 1000}),
    pod("host alias", hostAliases=[{"ip": "10.0.0.1", "hostnames": ["a"]}]),
    pod("pull secret", imagePullSecrets=[{"name": "absent"}]),
    pod("service account", serviceAccountName="other"),
    pod("grace period", terminationGracePeriodSeconds=5),
    pod("host name", hostname="web", subdomain="web"),
    pod("DNS settings", dnsPolicy="None", dnsConfig={"nameservers": ["10.0.0.2"]}),
    around("surge", strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}}),
    around("progress deadline", progressDeadlineSeconds=90),
    around("seconds until available", minReadySeconds=2),
    around("revision history", revisionHistoryLimit=7),
)


def places(bare: Any, rich: Any, above: Place = ()) -> Iterator[Place]:
    """Where two specs differ; a list that is longer in one of them is one place."""
    match bare, rich:
        case dict(), dict():
            for key in {**bare, **rich}:
                yield from places(bare.get(key), rich.get(key), (*above, key))
        case list(), list() if len(bare) == len(rich):
            for number, (one, other) in enumerate(zip(bare, rich, strict=True)):
                yield from places(one, other, (*above, number))
        case _ if bare != rich:
            yield above


def at(spec: Any, place: Place) -> Any:
    """What is at that place; None if there is nothing."""
    for part in place:
        match spec:
            case dict():
                spec = spec.get(part)
            case list() if isinstance(part, int) and part < len(spec):
                spec = spec[part]
            case _:
                return None
    return spec
