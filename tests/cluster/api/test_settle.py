"""Bodies of builtin kinds as the server's types hold them."""

from typing import Any

import pytest

from davy.cluster.api.schema import builtin
from davy.cluster.api.settle import MismatchError, settle

DEPLOYMENT, POD = builtin("apps", "v1", "Deployment"), builtin("", "v1", "Pod")


def test_unknown_fields_are_dropped_and_named() -> None:
    body = {"spec": {"replica": 1, "template": {"spec": {"containers": [{"name": "c", "odd": 1}]}}}}
    settled = settle(DEPLOYMENT, body)
    assert settled.unknown == ["spec.replica", "spec.template.spec.containers[0].odd"]
    assert settled.value["spec"]["template"]["spec"]["containers"] == [{"name": "c", "resources": {}}]


@pytest.mark.parametrize(
    ("spec", "kept"),
    [
        ({"nodeSelector": {}, "volumes": []}, {}),
        ({"hostNetwork": False, "hostname": ""}, {}),
        ({"securityContext": {}}, {"securityContext": {}}),
        ({"volumes": [{"name": "v", "emptyDir": {}}]}, {"volumes": [{"name": "v", "emptyDir": {}}]}),
        ({"terminationGracePeriodSeconds": 0}, {"terminationGracePeriodSeconds": 0}),
        ({"hostname": None}, {}),
    ],
)
def test_empty_fields_are_left_out_as_go_does(spec: dict[str, Any], kept: dict[str, Any]) -> None:
    settled = settle(POD, {"spec": spec}).value["spec"]
    assert {key: value for key, value in settled.items() if key in spec} == kept


@pytest.mark.parametrize(
    ("schema", "body", "text"),
    [
        (
            DEPLOYMENT,
            {"spec": {"replicas": "x"}},
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            builtin("", "v1", "ConfigMap"),
            {"data": {"k": 5}},
            "json: cannot unmarshal number into Go struct field ConfigMap.data of type string",
        ),
        (POD, {"spec": {"containers": {}}}, "of type []v1.Container"),
        (
            POD,
            {"spec": {"containers": [{"resources": {"limits": {"cpu": "lots"}}}]}},
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
        (builtin("", "v1", "Secret"), {"data": {"k": "!"}}, "illegal base64 data at input byte 0"),
    ],
)
def test_a_wrong_type_is_told_as_gos_decoder_does(schema: Any, body: dict[str, Any], text: str) -> None:
    with pytest.raises(MismatchError) as raised:
        settle(schema, body)
    assert str(raised.value).endswith(text)
