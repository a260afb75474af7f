"""Protobuf bodies, as kubectl sends them."""

import pytest

from davy.cluster.api.errors import ApiError
from davy.cluster.api.protobuf import decode


def field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value


def envelope(version: str, kind: str, body: bytes) -> bytes:
    return b"k8s\0" + field(1, field(1, version.encode()) + field(2, kind.encode())) + field(2, body)


def test_a_config_map() -> None:
    body = field(1, field(1, b"a")) + field(2, field(1, b"k") + field(2, b"v"))
    assert decode(envelope("v1", "ConfigMap", body)) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a"},
        "data": {"k": "v"},
    }


def test_a_deployment_keeps_zero_replicas_and_drops_other_zeros() -> None:
    container = field(1, b"c") + field(2, b"i") + field(6, field(2, 0) + field(3, 80))
    spec = field(1, 0) + field(3, field(2, field(2, container))) + field(7, 0)
    decoded = decode(envelope("apps/v1", "Deployment", field(2, spec)))
    assert decoded["spec"] == {
        "replicas": 0,
        "template": {"spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}]}]}},
    }


def test_secrets_are_base64_and_ports_number_or_name() -> None:
    secret = decode(envelope("v1", "Secret", field(2, field(1, b"p") + field(2, b"q"))))
    assert secret["data"] == {"p": "cQ=="}
    ports = field(1, field(3, 80) + field(4, field(1, 1) + field(3, b"http")))
    assert decode(envelope("v1", "Service", field(2, ports)))["spec"]["ports"] == [{"port": 80, "targetPort": "http"}]


@pytest.mark.parametrize("raw", [b"", b"{}", b"k8s\0", envelope("v1", "Node", b""), b"k8s\0\xff\xff"])
def test_anything_else_is_not_understood(raw: bytes) -> None:
    with pytest.raises(ApiError) as raised:
        decode(raw)
    assert raised.value.code == 415
