"""The store's log: what it remembers, what it forgets, and that it can be replayed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.cluster.api.errors import ApiError
from davy.cluster.api.store import Event, Store

WRITES = st.lists(st.tuples(st.sampled_from(["put", "drop"]), st.sampled_from("abc"), st.integers(0, 9)), max_size=30)


def act(store: Store, writes: list[tuple[str, str, int]]) -> None:
    for verb, name, value in writes:
        if verb == "put":
            store.put("things", ("", name), {"metadata": {"name": name}, "value": value})
        elif store.get("things", ("", name)) is not None:
            store.drop("things", ("", name))


def values(store: Store, revision: int | None = None) -> dict[str, Any]:
    objects = store.items("things") if revision is None else store.at("things", revision)
    return {key[1]: (entry.manifest["value"], entry.revision) for key, entry in objects.items()}


@given(WRITES, WRITES)
def test_a_replayed_watch_equals_the_list(
    first: list[tuple[str, str, int]], second: list[tuple[str, str, int]]
) -> None:
    store = Store()
    act(store, first)
    seen, revision = values(store), store.revision
    act(store, second)
    for event in store.since("things", revision):
        if event.type == "DELETED":
            del seen[event.key[1]]
        else:
            assert (event.type == "ADDED") is (event.key[1] not in seen)
            seen[event.key[1]] = (event.entry.manifest["value"], event.entry.revision)
    assert seen == values(store)


@given(WRITES, WRITES)
def test_a_past_revision_is_as_it_was(first: list[tuple[str, str, int]], second: list[tuple[str, str, int]]) -> None:
    store = Store()
    act(store, first)
    then, revision = values(store), store.revision
    act(store, second)
    assert values(store, revision) == then


def test_below_the_ring_is_gone() -> None:
    store = Store(log_size=3)
    for number in range(5):
        store.put("things", ("", "a"), {"metadata": {}, "value": number})
    assert len(list(store.since("things", store.revision - 3))) == 3
    with pytest.raises(ApiError, match="too old resource version: 2 ") as raised:
        store.since("things", 2)
    assert raised.value.code == 410


def test_compaction_forgets_all_but_the_present() -> None:
    store = Store()
    store.put("things", ("", "a"), {"metadata": {}})
    before = store.revision
    store.put("things", ("", "a"), {"metadata": {}})
    store.compact()
    with pytest.raises(ApiError):
        store.since("things", before)
    assert list(store.since("things", store.revision)) == []


def test_a_dropped_object_is_told_with_the_revision_of_its_end() -> None:
    store = Store()
    store.put("things", ("", "a"), {"metadata": {}})
    told: list[Event] = []
    end = store.subscribe("things", told.append)
    entry = store.drop("things", ("", "a"))
    assert [event.type for event in told] == ["DELETED"]
    assert entry.manifest["metadata"]["resourceVersion"] == str(store.revision)
    end()
    store.put("things", ("", "a"), {"metadata": {}})
    assert len(told) == 1
