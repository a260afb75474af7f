"""What the scene takes from the cluster's objects; what cannot be read is passed over."""

from typing import Any

import msgspec
import pytest

from davy.demo.manifests import FIRST, SHOP, canary, deployment
from davy.demo.scene import Scene
from davy.demo.view import Side
from davy.demo.watching import TAKES
from davy.kube.cache import Change, Object


def change(manifest: dict[str, Any], type_: str = "ADDED") -> Change:
    metadata = manifest["metadata"]
    known = {
        "kind": next(kind for kind in TAKES if kind.kind == manifest["kind"]),
        "namespace": "demo",
        "name": metadata["name"],
        "uid": "1",
        "resource_version": "1",
        "generation": 1,
        "labels": {},
        "owners": (),
        "raw": msgspec.json.encode(manifest),
    }
    return Change(type_, Object(**known), None)  # type: ignore[arg-type]


def tell(scene: Scene, manifest: dict[str, Any], type_: str = "ADDED") -> None:
    told = change(manifest, type_)
    TAKES[told.object.kind](scene, told)


@pytest.fixture
def seen() -> Scene:
    """A scene whose clock stands at 2 seconds."""
    return Scene(lambda: 2.0)


def test_a_canary_and_its_pods_are_seen(seen: Scene) -> None:
    tell(seen, canary(SHOP))
    tell(seen, {**deployment(SHOP, FIRST), "status": {"readyReplicas": 1}})
    assert seen.view().apps[0].canary == Side("1.0", ready=1, wanted=2)


def test_what_cannot_be_read_changes_nothing(seen: Scene) -> None:
    tell(seen, {**canary(SHOP), "spec": "none"})
    assert seen.canaries == {}


@pytest.mark.parametrize(("type_", "ready"), [("ADDED", 1), ("DELETED", 0)])
def test_ready_endpoints_are_counted(seen: Scene, type_: str, ready: int) -> None:
    piece = {
        "kind": "EndpointSlice",
        "metadata": {"name": "cart-canary-1", "labels": {"kubernetes.io/service-name": "cart-canary"}},
        "endpoints": [{"conditions": {"ready": True}}, {"conditions": {"ready": False}}],
    }
    tell(seen, piece, type_)
    assert seen.ready_endpoints == {"cart-canary": ready}


def test_a_slice_without_endpoints_can_be_null(seen: Scene) -> None:
    tell(seen, {"kind": "EndpointSlice", "metadata": {"name": "x"}, "endpoints": None})
    assert seen.ready_endpoints == {"": 0}


@pytest.mark.parametrize(("kind", "heard"), [("Canary", ["Halt!"]), ("Pod", [])])
def test_only_what_is_said_of_canaries_is_told(seen: Scene, kind: str, heard: list[str]) -> None:
    event = {
        "kind": "Event",
        "metadata": {"name": "shop.1"},
        "involvedObject": {"kind": kind, "name": "shop"},
        "type": "Warning",
        "message": "Halt!",
    }
    tell(seen, event)
    assert [said.text for said in seen.events] == heard


def test_the_first_ready_pod_is_timed(seen: Scene) -> None:
    pod = {
        "kind": "Pod",
        "metadata": {"name": "shop-1"},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    tell(seen, {**pod, "status": {}})
    assert seen.first_pod == 0.0
    tell(seen, pod)
    tell(seen, pod)
    assert seen.first_pod == 2.0
    assert [said.text for said in seen.events] == ["the first pod serves: shop-1"]
