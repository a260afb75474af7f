"""The verbs as requests: path, query, content type, body; and what comes back."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from tests.kube.scripted import Server, event, listing, ok, status, stream, thing, torn

from davy.kube.client import Client, Listing
from davy.kube.errors import Expired, Invalid, KindNotServed, Unreachable
from davy.kube.kinds import Kind

POD = Kind("v1", "Pod")
DEPLOYMENT = Kind("apps/v1", "Deployment")
NODE = Kind("v1", "Node")
CANARY = Kind("flagger.app/v1beta1", "Canary")
DEPLOYMENTS = "/apis/apps/v1/namespaces/test/deployments"
WEB: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "test"},
}

Call = Callable[[Client], Awaitable[object]]


@pytest.mark.parametrize(
    ("call", "method", "path", "query", "content", "body"),
    [
        (lambda c: c.create(WEB), "POST", DEPLOYMENTS, {"fieldManager": "davy"}, "application/json", WEB),
        (lambda c: c.replace(WEB), "PUT", f"{DEPLOYMENTS}/web", {"fieldManager": "davy"}, "application/json", WEB),
        (
            lambda c: c.replace(WEB, subresource="status"),
            "PUT",
            f"{DEPLOYMENTS}/web/status",
            {"fieldManager": "davy"},
            "application/json",
            WEB,
        ),
        (
            lambda c: c.apply(WEB),
            "PATCH",
            f"{DEPLOYMENTS}/web",
            {"fieldManager": "davy", "force": "true"},
            "application/apply-patch+yaml",
            WEB,
        ),
        (
            lambda c: c.apply(WEB, force=False),
            "PATCH",
            f"{DEPLOYMENTS}/web",
            {"fieldManager": "davy", "force": "false"},
            "application/apply-patch+yaml",
            WEB,
        ),
        (
            lambda c: c.patch(DEPLOYMENT, "test", "web", {"a": None}, content="merge"),
            "PATCH",
            f"{DEPLOYMENTS}/web",
            {"fieldManager": "davy"},
            "application/merge-patch+json",
            {"a": None},
        ),
        (
            lambda c: c.patch(DEPLOYMENT, "test", "web", [{"op": "remove", "path": "/a"}], content="json"),
            "PATCH",
            f"{DEPLOYMENTS}/web",
            {"fieldManager": "davy"},
            "application/json-patch+json",
            [{"op": "remove", "path": "/a"}],
        ),
        (
            lambda c: c.patch(DEPLOYMENT, "test", "web", {"b": 1}, content="strategic", subresource="status"),
            "PATCH",
            f"{DEPLOYMENTS}/web/status",
            {"fieldManager": "davy"},
            "application/strategic-merge-patch+json",
            {"b": 1},
        ),
        (
            lambda c: c.scale(DEPLOYMENT, "test", "web", 0),
            "PATCH",
            f"{DEPLOYMENTS}/web/scale",
            {"fieldManager": "davy"},
            "application/merge-patch+json",
            {"spec": {"replicas": 0}},
        ),
        (
            lambda c: c.delete(DEPLOYMENT, "test", "web", propagation="Foreground", uid="u1", grace=0),
            "DELETE",
            f"{DEPLOYMENTS}/web",
            {},
            "application/json",
            {
                "apiVersion": "v1",
                "kind": "DeleteOptions",
                "propagationPolicy": "Foreground",
                "preconditions": {"uid": "u1"},
                "gracePeriodSeconds": 0,
            },
        ),
    ],
)
async def test_each_write_is_one_request(
    server: Server, client: Client, call: Call, method: str, path: str, query: Any, content: str, body: Any
) -> None:
    server.on(method, path, ok({"metadata": {}}))
    await call(client)
    (seen,) = server.seen
    assert (seen.query, seen.headers["Content-Type"], seen.json) == (query, content, body)


async def test_the_manager_is_the_clients(server: Server) -> None:
    from davy.kube.identity import Config

    server.on("PATCH", f"{DEPLOYMENTS}/web", ok({}))
    async with Client(Config(server.url), manager="other") as client:
        await client.apply(WEB)
    assert server.seen[0].query["fieldManager"] == "other"


@pytest.mark.parametrize(
    ("kind", "namespace", "name", "path"),
    [
        (POD, "test", "a", "/api/v1/namespaces/test/pods/a"),
        (POD, None, "a", "/api/v1/namespaces/default/pods/a"),
        (NODE, None, "n", "/api/v1/nodes/n"),
        (NODE, "ignored", "n", "/api/v1/nodes/n"),
    ],
)
async def test_a_name_is_looked_up_where_its_kind_lives(
    server: Server, client: Client, kind: Kind, namespace: str | None, name: str, path: str
) -> None:
    server.on("GET", path, ok({"metadata": {"name": name}}))
    assert await client.get(kind, namespace, name) == {"metadata": {"name": name}}


async def test_a_manifest_without_a_namespace_goes_to_the_configured_one(server: Server, client: Client) -> None:
    server.on("POST", "/api/v1/namespaces/default/pods", ok({}, 201))
    await client.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "a-"}})
    assert len(server.seen) == 1


async def test_a_manifest_without_a_kind_is_refused_before_any_request(server: Server, client: Client) -> None:
    with pytest.raises(ValueError, match="manifest without kind"):
        await client.create({"apiVersion": "v1", "metadata": {"name": "a"}})
    assert server.seen == []


async def test_refused_fields_are_named(server: Server, client: Client) -> None:
    cause = {"field": "spec.replicas", "reason": "FieldValueInvalid", "message": "must be positive"}
    server.on("PUT", f"{DEPLOYMENTS}/web", status(422, "Invalid", "no", causes=[cause]))
    with pytest.raises(Invalid) as caught:
        await client.replace(WEB)
    assert caught.value.causes[0].field == "spec.replicas"


# -- lists


async def test_a_list_is_read_page_by_page(server: Server, client: Client) -> None:
    server.on(
        "GET",
        "/api/v1/pods",
        listing(thing("a"), version="7", **{"continue": "t1"}),
        listing(thing("b"), version="7", **{"continue": "t2"}),
        listing(thing("c"), version="7"),
    )
    found = await client.list(POD, page_size=1, labels="app=x", fields="spec.nodeName=n")
    assert ([each["metadata"]["name"] for each in found.items], found.resource_version) == (["a", "b", "c"], "7")
    selectors = {"limit": "1", "labelSelector": "app=x", "fieldSelector": "spec.nodeName=n"}
    assert [seen.query for seen in server.seen] == [
        selectors,
        {**selectors, "continue": "t1"},
        {**selectors, "continue": "t2"},
    ]


async def test_a_page_that_expired_begins_the_list_anew_without_doubles(server: Server, client: Client) -> None:
    server.on(
        "GET",
        "/api/v1/pods",
        listing(thing("a"), thing("gone"), version="7", **{"continue": "t1"}),
        status(410, "Expired"),
        listing(thing("a"), version="9", **{"continue": "t2"}),
        listing(thing("b"), version="9"),
    )
    found = await client.list(POD)
    assert ([each["metadata"]["name"] for each in found.items], found.resource_version) == (["a", "b"], "9")


async def test_a_list_that_always_expires_is_at_last_read_in_one_piece(server: Server, client: Client) -> None:
    first = listing(thing("a"), version="7", **{"continue": "t1"})
    server.on(
        "GET", "/api/v1/pods", first, status(410), first, status(410), listing(thing("a"), thing("b"), version="9")
    )
    assert len((await client.list(POD)).items) == 2
    assert "limit" not in server.seen[-1].query


async def test_a_list_that_expires_even_so_is_an_error(server: Server, client: Client) -> None:
    server.on("GET", "/api/v1/pods", status(410, "Expired"))
    with pytest.raises(Expired):
        await client.list(POD)


async def test_the_items_of_a_list_say_what_they_are(server: Server, client: Client) -> None:
    server.on("GET", "/api/v1/pods", listing(thing("a")))
    (item,) = (await client.list(POD)).items
    assert Kind.of(item) == POD


async def test_an_empty_list_may_be_null(server: Server, client: Client) -> None:
    server.on("GET", "/api/v1/pods", ok({"metadata": {"resourceVersion": "3"}, "items": None}))
    assert await client.list(POD) == Listing((), "3")


# -- typed, raw, metadata only


class Spec(msgspec.Struct, frozen=True):
    replicas: int
    template: msgspec.Raw


class Workload(msgspec.Struct, frozen=True):
    spec: Spec


async def test_partial_decoding_keeps_raw_fields_as_the_server_sent_them(server: Server, client: Client) -> None:
    from tests.kube.scripted import raw

    sent = b'{"kind":"Deployment","spec":{"replicas":2,"template":{"z":1.50, "a":[ ]},"other":{}},"status":{}}'
    server.on("GET", f"{DEPLOYMENTS}/web", raw(sent))
    workload = await client.get(DEPLOYMENT, "test", "web", type=Workload)
    assert (workload.spec.replicas, bytes(workload.spec.template)) == (2, b'{"z":1.50, "a":[ ]}')


async def test_partial_decoding_of_lists(server: Server, client: Client) -> None:
    server.on("GET", "/apis/apps/v1/deployments", listing({"spec": {"replicas": 1, "template": {}}}))
    found = await client.list(DEPLOYMENT, type=Workload)
    assert found.items[0].spec.replicas == 1


async def test_metadata_only_asks_for_nothing_else(server: Server, client: Client) -> None:
    one = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    many = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    server.on("GET", "/api/v1/secrets", listing(), stream())
    server.on("GET", "/api/v1/namespaces/test/secrets/s", ok({"metadata": {}}))
    secret = Kind("v1", "Secret")
    await client.list(secret, metadata_only=True)
    assert [each async for each in client.watch(secret, resource_version="1", metadata_only=True)] == []
    await client.get(secret, "test", "s", metadata_only=True)
    assert [seen.headers["Accept"] for seen in server.seen] == [many, one, one]


# -- watch


async def test_a_watch_asks_for_what_follows_and_for_bookmarks(server: Server, client: Client) -> None:
    server.on("GET", "/api/v1/namespaces/test/pods", stream(event("ADDED", {"a": 1}), event("BOOKMARK", {"b": 2})))
    watch = client.watch(POD, "test", resource_version="41", labels="app=x", timeout=100)
    got = [(each.type, bytes(each.object)) async for each in watch]
    assert got == [("ADDED", b'{"a": 1}'), ("BOOKMARK", b'{"b": 2}')]
    query = dict(server.seen[0].query)
    assert 100 <= int(query.pop("timeoutSeconds")) <= 120
    assert query == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "41",
        "labelSelector": "app=x",
    }
    assert server.seen[0].headers["Accept-Encoding"] == "identity"


async def test_a_watch_too_old_to_start_is_expired(server: Server, client: Client) -> None:
    server.on("GET", "/api/v1/pods", status(410, "Expired", "too old resource version"))
    with pytest.raises(Expired, match="too old"):
        await anext(client.watch(POD, resource_version="1"))


async def test_a_watch_that_breaks_off_says_so_after_its_last_event(server: Server, client: Client) -> None:
    server.on("GET", "/api/v1/pods", torn(event("ADDED", {"a": 1}), b'{"type":'))
    watch = client.watch(POD, resource_version="1")
    assert (await anext(watch)).type == "ADDED"
    with pytest.raises(Unreachable, match="broke off"):
        await anext(watch)


async def test_an_event_of_a_megabyte_is_read(server: Server, client: Client) -> None:
    server.on("GET", "/api/v1/pods", stream(event("ADDED", {"a": "x" * (1 << 20)})))
    assert [len(each.object) async for each in client.watch(POD, resource_version="1")] == [(1 << 20) + 9]


# -- kinds that have to be discovered


async def test_a_kind_installed_later_is_found_later(server: Server, client: Client) -> None:
    group = "/apis/flagger.app/v1beta1"
    served = {"name": "canaries", "kind": "Canary", "namespaced": True}
    server.on("GET", group, status(404), ok({"resources": [served, {**served, "name": "canaries/status"}]}))
    server.on("GET", f"{group}/canaries", listing())
    with pytest.raises(KindNotServed, match=r"serves no flagger\.app/v1beta1 Canary: install"):
        await client.list(CANARY)
    for _ in range(3):
        await client.list(CANARY)
    assert [seen.path for seen in server.seen].count(group) == 2


async def test_a_kind_missing_from_a_served_group_is_not_served(server: Server, client: Client) -> None:
    server.on("GET", "/apis/flagger.app/v1beta1", ok({"resources": []}))
    assert not await client.serves(CANARY)
    with pytest.raises(KindNotServed):
        await client.get(CANARY, "test", "x")
