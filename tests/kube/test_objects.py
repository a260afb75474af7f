"""What an object's header tells, and which version replaces which."""

import json
from typing import Any

import msgspec
import pytest
from tests.kube.scripted import thing

from davy.kube.kinds import Kind
from davy.kube.objects import Change, Object, Objects, bookmark, older, read, without_content

POD = Kind("v1", "Pod")


def obj(name: str, version: int | str, **fields: Any) -> Object:
    return read(POD, json.dumps(thing(name, version, **fields)).encode())


def test_the_header_is_read_and_the_bytes_are_kept() -> None:
    sent = json.dumps(
        {
            "metadata": {
                "name": "a",
                "namespace": "test",
                "uid": "u",
                "resourceVersion": "7",
                "generation": 3,
                "labels": {"app": "x"},
                "ownerReferences": [{"uid": "o1"}, {"uid": "o2", "controller": True}],
            },
            "spec": {"unknown": [1.50]},
        }
    ).encode()
    got = read(POD, msgspec.Raw(sent))
    assert (got.kind, got.namespace, got.name, got.uid) == (POD, "test", "a", "u")
    assert (got.resource_version, got.generation, got.labels, got.owners) == ("7", 3, {"app": "x"}, ("o1", "o2"))
    assert got.raw == sent
    assert got.manifest() == {**json.loads(sent), "apiVersion": "v1", "kind": "Pod"}


def test_metadata_only_objects_say_what_they_really_are() -> None:
    partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", **thing("a")}
    assert Kind.of(read(POD, json.dumps(partial).encode()).manifest()) == POD


def test_absent_and_null_fields_are_alike() -> None:
    nothing = {"name": "a", "namespace": None, "generation": None, "labels": None, "ownerReferences": None}
    for metadata in ({"name": "a"}, nothing):
        got = read(POD, json.dumps({"metadata": metadata}).encode())
        assert (got.namespace, got.generation, got.labels, got.owners) == ("", 0, {}, ())


@pytest.mark.parametrize("raw", [b"{}", b'{"metadata":{}}', b'{"metadata":{"name":"a","labels":{"b":1}}}', b"["])
def test_an_object_without_a_readable_header_is_none(raw: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        read(POD, raw)


def test_a_bookmark_has_a_version_but_no_name() -> None:
    assert bookmark(b'{"kind":"Pod","metadata":{"resourceVersion":"9","creationTimestamp":null}}') == "9"


def test_content_can_be_left_behind() -> None:
    assert without_content(b'{"data":{"password":"x"},"metadata":{"name":"a"},"kind":"Secret"}') == (
        b'{"metadata":{"name":"a"}}'
    )


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("9", "10", True), ("10", "9", False), ("9", "9", False), ("a", "b", False), ("", "9", False), ("9", "", False)],
)
def test_versions_are_compared_as_numbers_or_not_at_all(one: str, other: str, expected: bool) -> None:
    assert older(one, other) is expected


def held(*objects: Object, position: str) -> Objects:
    made = Objects()
    made.relisted(objects, position)
    return made


A5, A7, A9 = obj("a", 5), obj("a", 7), obj("a", 9)
NEW_A9 = obj("a", 9, uid="another")


@pytest.mark.parametrize(
    ("event", "told", "expected"),
    [
        ("ADDED", obj("b", 8), (Change("ADDED", obj("b", 8)),)),
        ("MODIFIED", A9, (Change("MODIFIED", A9, A7),)),
        ("DELETED", A9, (Change("DELETED", A9, A7),)),
        ("DELETED", A7, (Change("DELETED", A7, A7),)),
        ("DELETED", obj("b", 8), ()),
        # what was overtaken by the reply to a write of ours
        ("MODIFIED", A7, ()),
        ("MODIFIED", A5, ()),
        ("DELETED", A5, ()),
        # somebody else of the same name
        ("ADDED", NEW_A9, (Change("DELETED", A7, A7), Change("ADDED", NEW_A9))),
        # versions that are no numbers are taken as they come
        ("MODIFIED", obj("a", "x"), (Change("MODIFIED", obj("a", "x"), A7),)),
    ],
)
def test_what_an_event_changes(event: str, told: Object, expected: tuple[Change, ...]) -> None:
    objects = held(A7, position="7")
    assert objects.told(event, told) == expected
    assert objects.position == told.resource_version


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (A9, (Change("MODIFIED", A9, A7),)),
        (A7, ()),
        (A5, ()),
        (obj("b", 9), (Change("ADDED", obj("b", 9)),)),
        (obj("b", 8), ()),  # the watch has passed version 8 and holds no b: it was deleted in the meantime
        (obj("b", 6), ()),
        (obj("b", "x"), (Change("ADDED", obj("b", "x")),)),
    ],
)
def test_what_the_reply_to_a_write_changes(written: Object, expected: tuple[Change, ...]) -> None:
    objects = held(A7, position="8")
    assert objects.put(written) == expected
    assert objects.position == "8"


def test_a_list_tells_what_is_new_what_changed_and_what_is_gone() -> None:
    objects = held(A7, obj("b", 6), obj("c", 3), position="8")
    changes = objects.relisted([A9, obj("c", 3), obj("d", 4)], "12")
    assert changes == (
        Change("DELETED", obj("b", 6), obj("b", 6)),
        Change("MODIFIED", A9, A7),
        Change("ADDED", obj("d", 4)),
    )
    assert objects.list() == [A9, obj("c", 3), obj("d", 4)]


def test_what_we_wrote_after_the_list_was_made_outlives_it() -> None:
    objects = held(obj("a", 5), position="8")
    objects.put(obj("a", 20))
    objects.put(obj("new", 21))
    assert objects.relisted([A9], "15") == ()
    assert objects.list() == [obj("a", 20), obj("new", 21)]


def test_a_server_restored_from_a_backup_is_believed() -> None:
    objects = held(obj("a", 90), obj("b", 95), position="100")
    assert [change.type for change in objects.relisted([A5], "40")] == ["DELETED", "MODIFIED"]
    assert objects.list() == [A5]


def test_objects_are_found_by_namespace() -> None:
    other = obj("a", 2, namespace="other")
    objects = held(A7, other, position="8")
    assert objects.list("other") == [other]
    assert objects.list("none") == []
    assert objects.get("test", "a") == A7
    assert objects.get("none", "a") is None
