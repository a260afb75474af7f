"""Garbage collection at work, on kinds that no other controller touches."""

from __future__ import annotations

from typing import Any

from davy.cluster.workloads.objects import owners, uid
from davy.kube.kinds import Kind

CONFIG_MAP = Kind("v1", "ConfigMap")


async def _create(
    bench: Any, called: str, *of: dict[str, Any], blocking: bool = False, **metadata: Any
) -> dict[str, Any]:
    refs = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": o["metadata"]["name"],
            "uid": uid(o),
            "blockOwnerDeletion": blocking,
        }
        for o in of
    ]
    made = {"name": called, "namespace": "default", "ownerReferences": refs, **metadata}
    created: dict[str, Any] = await bench.client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": made})
    return created


async def _delete(bench: Any, called: str, propagation: str) -> None:
    await bench.client.delete(CONFIG_MAP, "default", called, propagation=propagation)


def _names(bench: Any) -> set[str]:
    return {each["metadata"]["name"] for each in bench.all(CONFIG_MAP)}


async def test_background_takes_the_whole_tree(bench: Any) -> None:
    root = await _create(bench, "root")
    child = await _create(bench, "child", root)
    await _create(bench, "grandchild", child)
    await bench.until(lambda: len(_names(bench)) == 3)
    await _delete(bench, "root", "Background")
    await bench.until(lambda: not _names(bench))


async def test_foreground_keeps_the_owner_until_what_blocks_it_is_gone(bench: Any) -> None:
    root = await _create(bench, "root")
    await _create(bench, "child", root, blocking=True, finalizers=["test/held"])
    await bench.until(lambda: len(_names(bench)) == 2)
    await _delete(bench, "root", "Foreground")
    await bench.until(lambda: bench.get(CONFIG_MAP, "child")["metadata"].get("deletionTimestamp"))
    assert bench.get(CONFIG_MAP, "root")["metadata"]["finalizers"] == ["foregroundDeletion"]
    await bench.client.patch(CONFIG_MAP, "default", "child", {"metadata": {"finalizers": None}}, content="merge")
    await bench.until(lambda: not _names(bench))


async def test_orphan_lets_the_dependents_live_without_the_reference(bench: Any) -> None:
    root = await _create(bench, "root")
    await _create(bench, "child", root)
    await bench.until(lambda: len(_names(bench)) == 2)
    await _delete(bench, "root", "Orphan")
    await bench.until(lambda: _names(bench) == {"child"})
    assert owners(bench.get(CONFIG_MAP, "child")) == []


async def test_one_of_two_owners_goes_and_only_its_reference_with_it(bench: Any) -> None:
    one, two = await _create(bench, "one"), await _create(bench, "two")
    await _create(bench, "child", one, two)
    await bench.until(lambda: len(_names(bench)) == 3)
    await _delete(bench, "one", "Background")
    await bench.until(lambda: [o["name"] for o in owners(bench.get(CONFIG_MAP, "child"))] == ["two"])


async def test_an_object_whose_owner_never_was_is_collected(bench: Any) -> None:
    ghost = {"metadata": {"name": "ghost", "uid": "0000"}}
    await _create(bench, "child", ghost)
    root = await _create(bench, "root")
    impostor = {"metadata": {"name": "root", "uid": "not " + uid(root)}}
    await _create(bench, "other", impostor)
    await bench.until(lambda: _names(bench) == {"root"})


async def test_an_owner_of_an_unknown_kind_is_left_alone(bench: Any) -> None:
    ref = {"apiVersion": "example.com/v1", "kind": "Unheard", "name": "x", "uid": "x"}
    metadata = {"name": "child", "namespace": "default", "ownerReferences": [ref]}
    await bench.client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    ghost = {"metadata": {"name": "ghost", "uid": "0000"}}
    await _create(bench, "later", ghost)
    await bench.until(lambda: "child" in _names(bench) and "later" not in _names(bench))


async def test_custom_objects_take_part_as_soon_as_their_kind_is_served(bench: Any) -> None:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "lamps", "singular": "lamp", "kind": "Lamp"}
    await bench.client.create(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "lamps.example.com"},
            "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]},
        }
    )
    lamp = {"apiVersion": "example.com/v1", "kind": "Lamp", "metadata": {"name": "davy", "namespace": "default"}}
    made = await bench.client.create(lamp)
    ref = {"apiVersion": "example.com/v1", "kind": "Lamp", "name": "davy", "uid": uid(made)}
    metadata = {"name": "flame", "namespace": "default", "ownerReferences": [ref]}
    await bench.client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    await bench.until(lambda: _names(bench) == {"flame"})
    await bench.client.delete(Kind("example.com/v1", "Lamp"), "default", "davy")
    await bench.until(lambda: not _names(bench))
