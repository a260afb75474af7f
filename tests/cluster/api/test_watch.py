"""Watches and lists over HTTP."""

from typing import Any

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
MERGE = "application/merge-patch+json"


def config_map(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}}


async def test_a_watch_resumes_where_a_list_ended(api: Any) -> None:
    await api("POST", CONFIGMAPS, config_map("a"))
    revision = (await api("GET", CONFIGMAPS)).body["metadata"]["resourceVersion"]
    await api("PATCH", f"{CONFIGMAPS}/a", {"data": {"k": "v"}}, media=MERGE)
    await api("DELETE", f"{CONFIGMAPS}/a")
    events = await api.watch(CONFIGMAPS, 2, resourceVersion=revision)
    assert [event["type"] for event in events] == ["MODIFIED", "DELETED"]


async def test_an_object_that_leaves_the_selection_is_told_as_deleted(api: Any) -> None:
    made = (await api("POST", CONFIGMAPS, config_map("a", s="on"))).body
    for value in ("off", "on"):
        await api("PATCH", f"{CONFIGMAPS}/a", {"metadata": {"labels": {"s": value}}}, media=MERGE)
    revision = made["metadata"]["resourceVersion"]
    events = await api.watch(CONFIGMAPS, 2, resourceVersion=revision, labelSelector="s=on")
    assert [(event["type"], event["object"]["metadata"]["labels"]) for event in events] == [
        ("DELETED", {"s": "on"}),
        ("ADDED", {"s": "on"}),
    ]


async def test_a_forgotten_revision_is_an_error_event(server: Any, api: Any) -> None:
    made = (await api("POST", CONFIGMAPS, config_map("a"))).body
    await api("POST", CONFIGMAPS, config_map("b"))
    server.store.compact()
    events = await api.watch(CONFIGMAPS, 1, resourceVersion=made["metadata"]["resourceVersion"])
    assert (events[0]["type"], events[0]["object"]["code"]) == ("ERROR", 410)


async def test_a_list_can_come_as_a_watch(api: Any) -> None:
    await api("POST", CONFIGMAPS, config_map("a"))
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
    events = await api.watch(CONFIGMAPS, 2, **query)
    assert [event["type"] for event in events] == ["ADDED", "BOOKMARK"]
    assert events[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_metadata_alone_can_be_listed(api: Any) -> None:
    await api("POST", CONFIGMAPS, config_map("a"))
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    body = (await api("GET", CONFIGMAPS, accept=accept)).body
    assert body["kind"] == "PartialObjectMetadataList"
    assert set(body["items"][0]) == {"kind", "apiVersion", "metadata"}


async def test_pages_are_of_one_snapshot(api: Any) -> None:
    for name in "abc":
        await api("POST", CONFIGMAPS, config_map(name))
    first = (await api("GET", CONFIGMAPS, limit="2")).body
    await api("DELETE", f"{CONFIGMAPS}/c")
    await api("POST", CONFIGMAPS, config_map("d"))
    token = first["metadata"]["continue"]
    second = (await api("GET", CONFIGMAPS, **{"limit": "2", "continue": token})).body
    assert [item["metadata"]["name"] for item in second["items"]] == ["c"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


async def test_a_table_has_columns_and_rows(api: Any, definition: dict[str, Any]) -> None:
    await api("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
    thing = {"apiVersion": "davy.test/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": {"size": 3}}
    await api("POST", "/apis/davy.test/v1/namespaces/default/things", thing)
    body = (await api("GET", "/apis/davy.test/v1/things", accept="application/json;as=Table;v=v1;g=meta.k8s.io")).body
    assert [column["name"] for column in body["columnDefinitions"]] == ["Name", "Size"]
    assert [row["cells"] for row in body["rows"]] == [["t", 3]]


async def test_items_of_builtin_lists_leave_out_their_kind(api: Any) -> None:
    await api("POST", CONFIGMAPS, config_map("a"))
    assert set((await api("GET", CONFIGMAPS)).body["items"][0]) == {"metadata"}
    events = await api.watch(CONFIGMAPS, 1)
    assert events[0]["object"]["kind"] == "ConfigMap"
