"""Revisions: templates are compared, not hashes; numbers only grow; old ones are forgotten."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from davy.cluster.workloads import revisions


def _template(image: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"labels": {"app": "a", **labels}}, "spec": {"containers": [{"image": image}]}}


def _deployment(image: str = "x:1", **annotations: str) -> dict[str, Any]:
    metadata = {"name": "app", "namespace": "default", "uid": "u", "annotations": annotations}
    spec = {"replicas": 3, "selector": {"matchLabels": {"app": "a"}}, "template": _template(image)}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def _set(name: str, number: int, image: str = "x:1", *, replicas: int = 0, created: str = "") -> dict[str, Any]:
    metadata = {"name": name, "annotations": {revisions.REVISION: str(number)}, "creationTimestamp": created}
    template = _template(image, **{revisions.HASH_LABEL: name})
    return {"metadata": metadata, "spec": {"replicas": replicas, "template": template}, "status": {}}


def test_the_running_revision_is_the_one_with_the_same_template() -> None:
    sets = [_set("a", 1, "x:1"), _set("b", 2, "x:2")]
    found = revisions.newest(_deployment("x:1"), sets)
    assert found is sets[0]
    assert revisions.newest(_deployment("x:3"), sets) is None


def test_of_two_with_the_same_template_the_older_one_runs() -> None:
    sets = [_set("b", 2, created="2026-01-02T00:00:00Z"), _set("a", 1, created="2026-01-01T00:00:00Z")]
    assert revisions.newest(_deployment(), sets) is sets[1]


def test_a_rollback_gets_a_number_above_all_others() -> None:
    sets = [_set("a", 1), _set("b", 2), _set("c", 3)]
    assert revisions.next_revision(sets[0], sets[1:]) == 4
    assert revisions.next_revision(sets[2], sets[:2]) == 3
    assert revisions.next_revision(None, []) == 1


def test_a_new_replicaset_marks_its_pods_with_the_hash() -> None:
    made = revisions.replicaset(_deployment(note="kept", **{revisions.REVISION: "7"}), 2, 8, 4)
    mark = made["metadata"]["labels"][revisions.HASH_LABEL]
    assert made["metadata"]["name"] == f"app-{mark}"
    assert made["spec"]["selector"]["matchLabels"] == {"app": "a", revisions.HASH_LABEL: mark}
    assert made["spec"]["template"]["metadata"]["labels"] == {"app": "a", revisions.HASH_LABEL: mark}
    assert made["metadata"]["annotations"] == {
        "note": "kept",
        revisions.REVISION: "8",
        revisions.DESIRED: "3",
        revisions.MOST: "4",
    }


@given(st.text(max_size=20))
def test_the_hash_is_a_valid_label_and_knows_the_template(image: str) -> None:
    mark = revisions.template_hash(_template(image))
    assert mark == revisions.template_hash(_template(image))
    assert mark != revisions.template_hash(_template(image + "x"))
    assert len(mark) == 10
    assert set(mark) <= set(revisions.ALPHABET)


def test_only_empty_old_revisions_beyond_the_limit_are_forgotten() -> None:
    olds = [_set("a", 1), _set("b", 2, replicas=1), _set("c", 3), _set("d", 4)]
    assert [each["metadata"]["name"] for each in revisions.outdated(olds, 1)] == ["a", "c"]
    assert revisions.outdated(olds, 3) == []
    olds[0]["status"] = {"replicas": 1}
    assert [each["metadata"]["name"] for each in revisions.outdated(olds, 0)] == ["c", "d"]
