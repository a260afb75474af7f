"""Names, keys and ownership."""

import uuid

import msgspec
import pytest

from davy.api.canary import Canary, CanarySpec, TargetRef
from davy.api.ref import Manifest, Ref
from davy.api.service import Service
from davy.api.status import CanaryStatus
from davy.api.words import Metadata
from davy.core import names

CANARY = Canary(
    metadata=Metadata(name="podinfo-release", namespace="shop", uid="u-1"),
    spec=CanarySpec(target_ref=TargetRef("apps/v1", "Deployment", "podinfo"), service=Service(name="web", port=80)),
    status=CanaryStatus(run_started_at="2026-01-01T00:00:00.000Z", tracked_configs={"configmap/a": "1"}),
)


def test_services_are_named_from_the_apex_and_the_primary_workload_from_the_target() -> None:
    assert names.primary(CANARY) == Ref("apps/v1", "Deployment", "shop", "podinfo-primary")
    assert names.apex_service(CANARY) == Ref("v1", "Service", "shop", "web")
    assert names.canary_service(CANARY) == Ref("v1", "Service", "shop", "web-canary")
    assert names.primary_service(CANARY) == Ref("v1", "Service", "shop", "web-primary")


def test_the_flagger_id_of_a_run_is_always_the_same_uuid() -> None:
    first = names.flagger_id(CANARY, "v1:a")
    assert first == names.flagger_id(msgspec.structs.replace(CANARY), "v1:a")
    assert uuid.UUID(first).version == 5


@pytest.mark.parametrize(
    "other",
    [
        msgspec.structs.replace(CANARY, metadata=Metadata(name="podinfo-release", namespace="shop", uid="u-2")),
        msgspec.structs.replace(CANARY, status=CanaryStatus(run_started_at="2026-01-01T00:00:00.001Z")),
        msgspec.structs.replace(
            CANARY,
            status=CanaryStatus(run_started_at=CANARY.status.run_started_at, tracked_configs={"configmap/a": "2"}),
        ),
    ],
    ids=["another canary", "another run", "other configs"],
)
def test_the_flagger_id_of_something_else_is_another(other: Canary) -> None:
    assert names.flagger_id(other, "v1:a") != names.flagger_id(CANARY, "v1:a")
    assert names.flagger_id(CANARY, "v1:b") != names.flagger_id(CANARY, "v1:a")


def test_an_object_is_owned_only_by_the_very_canary_it_was_made_for() -> None:
    mine: Manifest = {"metadata": {"ownerReferences": [names.owner(CANARY)]}}
    namesake: Manifest = {"metadata": {"ownerReferences": [{**names.owner(CANARY), "uid": "older"}]}}
    foreign: Manifest = {"metadata": {}}
    assert [names.owned(CANARY, live) for live in (mine, namesake, foreign)] == [True, False, False]
    assert [names.adopted(CANARY, live) for live in (None, mine, namesake, foreign)] == [False, False, True, True]


def test_what_belongs_to_one_object_alone_is_not_copied() -> None:
    annotations = {
        "kustomize.toolkit.fluxcd.io/checksum": "x",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "deployment.kubernetes.io/revision": "7",
        "team": "blue",
    }
    assert names.without_books(annotations) == {"team": "blue"}
    assert "kustomize.toolkit.fluxcd.io/checksum" not in names.without_flux(annotations)
    assert names.without_flux(None) == {}
