"""An address is a value: it can be a key, and people can read it."""

import pytest

from davy.api.ref import Ref, ref_of

SHOWN = [
    (Ref("apps/v1", "Deployment", "test", "podinfo"), "Deployment test/podinfo"),
    (Ref("v1", "Service", "test", "podinfo"), "Service test/podinfo"),
    (Ref("serving.knative.dev/v1", "Service", "test", "podinfo"), "Service.serving.knative.dev test/podinfo"),
    (Ref("v1", "Namespace", "", "test"), "Namespace test"),
]


@pytest.mark.parametrize(("ref", "text"), SHOWN)
def test_an_address_reads_well(ref: Ref, text: str) -> None:
    assert str(ref) == text


def test_the_address_of_an_object() -> None:
    manifest = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "podinfo", "namespace": "test"}}
    assert {ref_of(manifest): 1}[Ref("v1", "Service", "test", "podinfo")] == 1


def test_what_an_object_does_not_say_is_empty() -> None:
    assert ref_of({}) == Ref("", "", "", "")


@pytest.mark.parametrize(("version", "group"), [("v1", ""), ("apps/v1", "apps"), ("", "")])
def test_the_group_is_what_stands_before_the_version(version: str, group: str) -> None:
    assert Ref(version, "K", "", "n").group == group
