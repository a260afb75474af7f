"""A container's environment."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from davy.cluster.node.environment import ConfigError, Source, content, environment, expand, sources

POD: dict[str, Any] = {
    "metadata": {"name": "app-1", "namespace": "shop", "uid": "u", "labels": {"app": "a"}},
    "spec": {"nodeName": "davy"},
}
FOUND = {
    Source("ConfigMap", "settings"): {"color": "blue", "size": "9"},
    Source("Secret", "keys"): {"token": "s3cret"},
    Source("ConfigMap", "absent"): None,
}


def _environment(*env: dict[str, Any], **container: Any) -> dict[str, str]:
    return environment(POD, {"env": list(env), **container}, "127.16.0.1", FOUND)


def _ref(field: str, **ref: Any) -> dict[str, Any]:
    return {"name": "X", "valueFrom": {field: ref}}


def test_every_pod_finds_who_and_where_it_is() -> None:
    found = _environment(ports=[{"containerPort": 9898}, {"containerPort": 9}])
    assert {key: found[key] for key in ("POD_IP", "POD_NAME", "POD_NAMESPACE", "PORT", "HOSTNAME")} == {
        "POD_IP": "127.16.0.1",
        "POD_NAME": "app-1",
        "POD_NAMESPACE": "shop",
        "PORT": "9898",
        "HOSTNAME": "app-1",
    }


def test_the_manifest_has_the_last_word() -> None:
    assert _environment({"name": "POD_IP", "value": "1.2.3.4"})["POD_IP"] == "1.2.3.4"


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        (_ref("configMapKeyRef", name="settings", key="color"), "blue"),
        (_ref("secretKeyRef", name="keys", key="token"), "s3cret"),
        (_ref("fieldRef", fieldPath="status.podIP"), "127.16.0.1"),
        (_ref("fieldRef", fieldPath="metadata.name"), "app-1"),
        (_ref("fieldRef", fieldPath="metadata.namespace"), "shop"),
        (_ref("fieldRef", fieldPath="metadata.labels['app']"), "a"),
        (_ref("fieldRef", fieldPath="metadata.annotations['none']"), ""),
        (_ref("fieldRef", fieldPath="spec.nodeName"), "davy"),
        (_ref("resourceFieldRef", resource="limits.cpu"), "2"),
        (_ref("configMapKeyRef", name="absent", key="x", optional=True), None),
        (_ref("configMapKeyRef", name="settings", key="x", optional=True), None),
    ],
)
def test_references(variable: dict[str, Any], expected: str | None) -> None:
    assert _environment(variable, resources={"limits": {"cpu": "2"}}).get("X") == expected


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        (_ref("configMapKeyRef", name="absent", key="x"), 'configmap "absent" not found'),
        (_ref("secretKeyRef", name="other", key="x"), 'secret "other" not found'),
        (_ref("configMapKeyRef", name="settings", key="x"), 'find key x in ConfigMap "settings"'),
        (_ref("fieldRef", fieldPath="status.mood"), "env X: fieldPath 'status.mood' is not one of"),
    ],
)
def test_what_is_missing_is_named(variable: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        _environment(variable)


def test_whole_maps_come_in_with_a_prefix_and_env_wins_over_them() -> None:
    maps = [{"configMapRef": {"name": "settings"}, "prefix": "S_"}, {"secretRef": {"name": "keys"}}]
    found = _environment({"name": "S_size", "value": "10"}, envFrom=maps)
    assert (found["S_color"], found["S_size"], found["token"]) == ("blue", "10", "s3cret")


def test_values_may_refer_to_what_came_before() -> None:
    found = _environment({"name": "A", "value": "1"}, {"name": "B", "value": "$(A)-$(C)-$$(A)"})
    assert found["B"] == "1-$(C)-$(A)"
    assert expand("--url=http://$(HOST):80", {"HOST": "h"}) == "--url=http://h:80"


def test_all_sources_are_known_before_anything_is_read() -> None:
    container = {
        "env": [_ref("configMapKeyRef", name="a", key="k"), _ref("secretKeyRef", name="b", key="k"), {"name": "V"}],
        "envFrom": [{"configMapRef": {"name": "c"}}, {"secretRef": {"name": "d"}}],
    }
    assert sources(container) == {
        Source("ConfigMap", "a"),
        Source("Secret", "b"),
        Source("ConfigMap", "c"),
        Source("Secret", "d"),
    }


def test_a_secret_is_decoded() -> None:
    secret = {"kind": "Secret", "data": {"k": base64.b64encode(b"value").decode()}}
    assert content(secret) == {"k": "value"}
    assert content({"kind": "ConfigMap"}) == {}
