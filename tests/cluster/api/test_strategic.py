"""Strategic merge patches of builtin kinds."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.cluster.api.errors import ApiError
from davy.cluster.api.schema import builtin
from davy.cluster.api.strategic import patch

POD = builtin("", "v1", "Pod").field("spec")
CONTAINERS = [{"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}, {"name": "b", "image": "2"}]
CASES: list[tuple[str, Any, Any]] = [
    ("merges by name", {"containers": [{"name": "b", "image": "9"}]}, ["1", "9"]),
    ("puts new ones first", {"containers": [{"name": "c", "image": "3"}]}, ["3", "1", "2"]),
    ("deletes by directive", {"containers": [{"name": "a", "$patch": "delete"}]}, ["2"]),
    ("replaces by directive", {"containers": [{"$patch": "replace"}, {"name": "z", "image": "0"}]}, ["0"]),
    ("orders by directive", {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}, ["2", "1"]),
]


@pytest.mark.parametrize(("change", "images"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_list_of_containers(change: Any, images: list[str]) -> None:
    patched = patch(POD, {"containers": CONTAINERS}, change)
    assert [container["image"] for container in patched["containers"]] == images


def test_siblings_survive_a_change_deep_below() -> None:
    change = {"containers": [{"name": "a", "env": [{"name": "Y", "value": "2"}]}]}
    patched = patch(POD, {"containers": CONTAINERS}, change)
    assert patched["containers"][0]["image"] == "1"
    assert {env["name"] for env in patched["containers"][0]["env"]} == {"X", "Y"}


def test_null_removes_and_replace_replaces() -> None:
    value = {"nodeSelector": {"a": "b"}, "hostname": "h"}
    assert patch(POD, value, {"hostname": None}) == {"nodeSelector": {"a": "b"}}
    assert patch(POD, value, {"nodeSelector": {"$patch": "replace", "c": "d"}})["nodeSelector"] == {"c": "d"}


def test_retained_keys_are_all_that_stays() -> None:
    schema = builtin("apps", "v1", "Deployment").field("spec")
    value = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}
    assert patch(schema, value, {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}) == {
        "strategy": {"type": "Recreate"}
    }


def test_an_item_without_its_key_is_refused() -> None:
    with pytest.raises(ApiError, match=r"map: map\[image:j\] does not contain declared merge key: name"):
        patch(POD, {"containers": CONTAINERS}, {"containers": [{"image": "j"}]})


NAMED = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from("abc"), "image": st.sampled_from("12")}),
    max_size=3,
    unique_by=lambda item: item["name"],
)


@given(NAMED, NAMED)
def test_patching_twice_is_patching_once(live: list[Any], change: list[Any]) -> None:
    once = patch(POD, {"containers": live}, {"containers": change})
    assert patch(POD, once, {"containers": change}) == once
    assert {item["name"] for item in once["containers"]} == {item["name"] for item in [*live, *change]}
