"""What becomes of an object when its owners go."""

from __future__ import annotations

import pytest

from davy.cluster.workloads.graph import FOREGROUND, ORPHAN, Collect, Graph, Keep, Metadata, Node, Owner, verdict
from davy.kube.kinds import Kind


def _node(uid: str, *owners: str, finalizers: tuple[str, ...] = (), leaving: bool = False) -> Node:
    refs = tuple(Owner(uid=owner) for owner in owners)
    metadata = Metadata("1", "2026-01-01T00:00:00Z" if leaving else None, finalizers, refs)
    return Node(Kind("v1", "ConfigMap"), "default", uid, uid, metadata)


@pytest.mark.parametrize(
    ("node", "absent", "waiting", "has_dependents", "expected"),
    [
        pytest.param(_node("x"), "", "", False, Keep(), id="never had an owner"),
        pytest.param(_node("x", "a"), "", "", False, Keep(), id="its owner is there"),
        pytest.param(_node("x", "a"), "a", "", False, Collect("Background"), id="its owner is gone"),
        pytest.param(_node("x", "a", "b"), "a", "", False, Keep(frozenset("a")), id="one of two is gone"),
        pytest.param(_node("x", "a", "b"), "a", "b", False, Collect("Background"), id="one gone, one waits"),
        pytest.param(_node("x", "a"), "", "a", True, Collect("Foreground"), id="waited for, has dependents"),
        pytest.param(_node("x", "a"), "", "a", False, Collect("Background"), id="waited for, has none"),
        pytest.param(_node("x", "a", finalizers=(ORPHAN,)), "a", "", False, Collect("Orphan"), id="orphans its own"),
        pytest.param(_node("x", "a", finalizers=(FOREGROUND,)), "a", "", False, Collect("Foreground"), id="foreground"),
        pytest.param(_node("x", "a", leaving=True), "a", "", False, Keep(), id="leaving already"),
    ],
)
def test_verdicts(node: Node, absent: str, waiting: str, has_dependents: bool, expected: Keep | Collect) -> None:
    assert verdict(node, frozenset(absent), frozenset(waiting), has_dependents=has_dependents) == expected


def test_the_graph_knows_dependents_of_owners_it_has_never_seen() -> None:
    graph = Graph()
    graph.put(_node("x", "a", "b"))
    graph.put(_node("y", "a"))
    assert [each.uid for each in graph.dependents("a")] == ["x", "y"]
    graph.put(_node("x", "b"))
    assert [each.uid for each in graph.dependents("a")] == ["y"]
    graph.drop("y")
    assert list(graph.dependents("a")) == []
    assert graph.get("x") == _node("x", "b")
