"""Protobuf bodies: the few kinds that kubectl sends so (imperative create and the like), decoded by table.

Every table maps a field's number to its JSON name and type. Zero values that Go writes and JSON omits are dropped.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from davy.cluster.api.errors import unsupported_media_type

MEDIA = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"

TEXT, INT, BOOL, TEXTS, BYTES, INT_OR_TEXT, QUANTITIES = (
    "text",
    "int",
    "bool",
    "texts",
    "bytes",
    "int-or-text",
    "quantities",
)
Table = dict[int, tuple[str, Any]]

_OWNER: Table = {
    1: ("kind", TEXT),
    3: ("name", TEXT),
    4: ("uid", TEXT),
    5: ("apiVersion", TEXT),
    6: ("controller", BOOL),
    7: ("blockOwnerDeletion", BOOL),
}
_METADATA: Table = {
    1: ("name", TEXT),
    2: ("generateName", TEXT),
    3: ("namespace", TEXT),
    5: ("uid", TEXT),
    6: ("resourceVersion", TEXT),
    11: ("labels", TEXTS),
    12: ("annotations", TEXTS),
    13: ("ownerReferences", [_OWNER]),
    14: ("finalizers", [TEXT]),
}
_REQUIREMENT: Table = {1: ("key", TEXT), 2: ("operator", TEXT), 3: ("values", [TEXT])}
_SELECTOR: Table = {1: ("matchLabels", TEXTS), 2: ("matchExpressions", [_REQUIREMENT])}
_CONTAINER_PORT: Table = {
    1: ("name", TEXT),
    2: ("hostPort", INT),
    3: ("containerPort", INT),
    4: ("protocol", TEXT),
    5: ("hostIP", TEXT),
}
_ENV: Table = {1: ("name", TEXT), 2: ("value", TEXT)}
_RESOURCES: Table = {1: ("limits", QUANTITIES), 2: ("requests", QUANTITIES)}
_MOUNT: Table = {1: ("name", TEXT), 2: ("readOnly", BOOL), 3: ("mountPath", TEXT), 4: ("subPath", TEXT)}
_CONTAINER: Table = {
    1: ("name", TEXT),
    2: ("image", TEXT),
    3: ("command", [TEXT]),
    4: ("args", [TEXT]),
    5: ("workingDir", TEXT),
    6: ("ports", [_CONTAINER_PORT]),
    7: ("env", [_ENV]),
    8: ("resources", _RESOURCES),
    9: ("volumeMounts", [_MOUNT]),
    14: ("imagePullPolicy", TEXT),
    16: ("stdin", BOOL),
    18: ("tty", BOOL),
}
_POD: Table = {
    2: ("containers", [_CONTAINER]),
    3: ("restartPolicy", TEXT),
    4: ("terminationGracePeriodSeconds", INT),
    6: ("dnsPolicy", TEXT),
    7: ("nodeSelector", TEXTS),
    8: ("serviceAccountName", TEXT),
    20: ("initContainers", [_CONTAINER]),
}
_TEMPLATE: Table = {1: ("metadata", _METADATA), 2: ("spec", _POD)}
_ROLLING: Table = {1: ("maxUnavailable", INT_OR_TEXT), 2: ("maxSurge", INT_OR_TEXT)}
_DEPLOYMENT: Table = {
    1: ("replicas", INT),
    2: ("selector", _SELECTOR),
    3: ("template", _TEMPLATE),
    4: ("strategy", {1: ("type", TEXT), 2: ("rollingUpdate", _ROLLING)}),
    5: ("minReadySeconds", INT),
    6: ("revisionHistoryLimit", INT),
    7: ("paused", BOOL),
    9: ("progressDeadlineSeconds", INT),
}
_SERVICE_PORT: Table = {
    1: ("name", TEXT),
    2: ("protocol", TEXT),
    3: ("port", INT),
    4: ("targetPort", INT_OR_TEXT),
    5: ("nodePort", INT),
}
_SERVICE: Table = {
    1: ("ports", [_SERVICE_PORT]),
    2: ("selector", TEXTS),
    3: ("clusterIP", TEXT),
    4: ("type", TEXT),
    10: ("externalName", TEXT),
}
_REVIEW: Table = {
    1: ("namespace", TEXT),
    2: ("verb", TEXT),
    3: ("group", TEXT),
    4: ("version", TEXT),
    5: ("resource", TEXT),
    6: ("subresource", TEXT),
    7: ("name", TEXT),
}
_TARGET: Table = {1: ("kind", TEXT), 2: ("name", TEXT), 3: ("apiVersion", TEXT)}
_METRIC_TARGET: Table = {1: ("type", TEXT), 4: ("averageUtilization", INT)}
_METRIC: Table = {1: ("type", TEXT), 4: ("resource", {1: ("name", TEXT), 2: ("target", _METRIC_TARGET)})}
_AUTOSCALER: Table = {
    1: ("scaleTargetRef", _TARGET),
    2: ("minReplicas", INT),
    3: ("maxReplicas", INT),
    4: ("metrics", [_METRIC]),
}
_DELETION: Table = {
    1: ("gracePeriodSeconds", INT),
    2: ("preconditions", {1: ("uid", TEXT), 2: ("resourceVersion", TEXT)}),
    3: ("orphanDependents", BOOL),
    4: ("propagationPolicy", TEXT),
    5: ("dryRun", [TEXT]),
}
_KEPT_ZEROS = {"replicas", "gracePeriodSeconds", "terminationGracePeriodSeconds"}

TABLES: dict[str, Table] = {
    "Namespace": {1: ("metadata", _METADATA)},
    "ServiceAccount": {1: ("metadata", _METADATA)},
    "ConfigMap": {1: ("metadata", _METADATA), 2: ("data", TEXTS), 3: ("binaryData", BYTES), 4: ("immutable", BOOL)},
    "Secret": {1: ("metadata", _METADATA), 2: ("data", BYTES), 3: ("type", TEXT), 4: ("stringData", TEXTS)},
    "Pod": {1: ("metadata", _METADATA), 2: ("spec", _POD)},
    "Deployment": {1: ("metadata", _METADATA), 2: ("spec", _DEPLOYMENT)},
    "Service": {1: ("metadata", _METADATA), 2: ("spec", _SERVICE)},
    "HorizontalPodAutoscaler": {1: ("metadata", _METADATA), 2: ("spec", _AUTOSCALER)},
    "SelfSubjectAccessReview": {1: ("metadata", _METADATA), 2: ("spec", {1: ("resourceAttributes", _REVIEW)})},
    "DeleteOptions": _DELETION,
}


def decode(raw: bytes) -> dict[str, Any]:
    """The object in a protobuf body; raises 415 for kinds (or bytes) that are not known here."""
    try:
        envelope = dict(_fields(_unwrapped(raw)))
        types = {number: _bytes(value).decode() for number, value in _fields(_bytes(envelope[1]))}
        value = _message(_bytes(envelope.get(2, b"")), TABLES[types[2]])
    except (KeyError, IndexError, ValueError):
        raise unsupported_media_type(("application/json", "application/yaml")) from None
    return {"apiVersion": types[1], "kind": types[2], **value}


def _unwrapped(raw: bytes) -> bytes:
    if not raw.startswith(_MAGIC):
        raise ValueError("not a Kubernetes envelope")
    return raw[len(_MAGIC) :]


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a message was expected")  # noqa: TRY004
    return value


def _varint(raw: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = raw[place]
        place += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, place


def _fields(raw: bytes) -> Iterator[tuple[int, int | bytes]]:
    place = 0
    while place < len(raw):
        tag, place = _varint(raw, place)
        match tag & 7:
            case 0:
                number, place = _varint(raw, place)
                yield tag >> 3, number
            case 2:
                length, place = _varint(raw, place)
                yield tag >> 3, raw[place : place + length]
                place += length
            case 1 | 5 as wire:
                size = 8 if wire == 1 else 4
                yield tag >> 3, raw[place : place + size]
                place += size
            case wire:
                raise ValueError(f"wire type {wire}")


def _message(raw: bytes, table: Table) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, value in _fields(raw):
        if number in table:
            _put(found, *table[number], value)
    return found


def _put(found: dict[str, Any], name: str, kind: Any, value: int | bytes) -> None:
    if isinstance(kind, list):
        found.setdefault(name, []).append(_single(kind[0], value))
    elif kind in (TEXTS, BYTES, QUANTITIES):
        pair = dict(_fields(_bytes(value)))
        found.setdefault(name, {})[_bytes(pair.get(1, b"")).decode()] = _map_item(kind, _bytes(pair.get(2, b"")))
    else:
        single = _single(kind, value)
        if single not in ("", 0, False, None) or (single == 0 and name in _KEPT_ZEROS):
            found[name] = single


def _map_item(kind: str, raw: bytes) -> str:
    if kind == BYTES:
        return base64.b64encode(raw).decode()
    if kind == QUANTITIES:
        return _bytes(dict(_fields(raw)).get(1, b"")).decode()
    return raw.decode()


def _single(kind: Any, value: int | bytes) -> Any:
    match kind:
        case dict():
            return _message(_bytes(value), kind)
        case "text":
            return _bytes(value).decode()
        case "bool":
            return bool(value)
        case "int-or-text":
            parts = dict(_fields(_bytes(value)))
            return _bytes(parts.get(3, b"")).decode() if parts.get(1) else _signed(parts.get(2, 0))
        case _:
            return _signed(value)


def _signed(value: int | bytes) -> int:
    number = value if isinstance(value, int) else int.from_bytes(value, "little")
    return number - (1 << 64) if number >= 1 << 63 else number
