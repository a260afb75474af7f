"""Rules for names, labels and other metadata, with the texts of Kubernetes' own validation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from davy.cluster.api.errors import Cause

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_LABEL_1123 = re.compile(_LABEL)
_LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")

SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
LABEL_1035_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
QUALIFIED_TEXT = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


def quoted(text: str) -> str:
    """A text in double quotes, as Go quotes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def invalid(path: str, value: str, why: str) -> Cause:
    """A field with a text that is not right."""
    return Cause("FieldValueInvalid", path, f"Invalid value: {quoted(value)}: {why}")


def _long(most: int) -> str:
    return f"must be no more than {most} characters"


def _of_label(value: str, pattern: re.Pattern[str], text: str) -> Iterator[str]:
    if len(value) > 63:
        yield _long(63)
    if not pattern.fullmatch(value):
        yield text


def name_problems(collection: str, value: str) -> Iterator[str]:
    """What is wrong with the name of an object of this collection."""
    if collection == "services":
        yield from _of_label(value, _LABEL_1035, LABEL_1035_TEXT)
    elif collection == "namespaces":
        yield from label_problems(value)
    elif collection.endswith("rbac.authorization.k8s.io"):
        yield from _of_path_segment(value)
    else:
        if len(value) > 253:
            yield _long(253)
        if not _SUBDOMAIN.fullmatch(value):
            yield SUBDOMAIN_TEXT


def label_problems(value: str) -> Iterator[str]:
    """What keeps a text from being an RFC 1123 label."""
    if "." in value:
        yield "must not contain dots"
    else:
        yield from _of_label(value, _LABEL_1123, LABEL_TEXT)


def _of_path_segment(value: str) -> Iterator[str]:
    if value in (".", ".."):
        yield f"may not be '{value}'"
    for illegal in ("/", "%"):
        if illegal in value:
            yield f"may not contain '{illegal}'"


def metadata(collection: str, meta: dict[str, Any], *, custom: bool = False) -> Iterator[Cause]:
    """What is wrong with an object's metadata."""
    if meta.get("generateName"):
        for why in name_problems(collection, meta["generateName"].rstrip("-") + "a"):
            yield invalid("metadata.generateName", meta["generateName"], why)
    if not meta.get("name"):
        yield Cause("FieldValueRequired", "metadata.name", "Required value: name or generateName is required")
    else:
        for why in name_problems(collection, meta["name"]):
            yield invalid("metadata.name", meta["name"], why)
    yield from labels(meta.get("labels") or {}, "metadata.labels")
    yield from annotation_keys(meta.get("annotations") or {})
    yield from _owners(meta.get("ownerReferences") or ())
    yield from _finalizers(meta.get("finalizers") or (), custom)


def labels(found: dict[str, str], path: str) -> Iterator[Cause]:
    """What is wrong with labels."""
    for key, value in sorted(found.items()):
        yield from _qualified(path, key)
        if len(value) > 63:
            yield invalid(path, value, _long(63))
        if not _VALUE.fullmatch(value):
            yield invalid(path, value, VALUE_TEXT)


def annotation_keys(found: dict[str, str]) -> Iterator[Cause]:
    """What is wrong with the keys of annotations."""
    for key in sorted(found):
        yield from _qualified("metadata.annotations", key)


def _qualified(path: str, key: str) -> Iterator[Cause]:
    prefix, slash, name = key.rpartition("/")
    if slash and not _SUBDOMAIN.fullmatch(prefix):
        yield invalid(path, key, f"prefix part {SUBDOMAIN_TEXT}")
    if not name:
        yield invalid(path, key, "name part must be non-empty")
    elif len(name) > 63:
        yield invalid(path, key, f"name part {_long(63)}")
    if not _QUALIFIED.fullmatch(name):
        yield invalid(path, key, QUALIFIED_TEXT)


def _owners(owners: Any) -> Iterator[Cause]:
    path = "metadata.ownerReferences"
    controllers: list[str] = []
    for owner in owners:
        if not owner.get("apiVersion"):
            yield Cause("FieldValueInvalid", f"{path}.apiVersion", 'Invalid value: "": version must not be empty')
        for name in ("kind", "name", "uid"):
            if not owner.get(name):
                yield Cause("FieldValueInvalid", f"{path}.{name}", 'Invalid value: "": must not be empty')
        if owner.get("controller"):
            controllers.append(f"{owner.get('kind')}/{owner.get('name')}")
    if len(controllers) > 1:
        found = f'Found "true" in references for {controllers[0]} and {controllers[1]}'
        text = msgspec.json.encode(owners).decode()
        why = f"Only one reference can have Controller set to true. {found}"
        yield Cause("FieldValueInvalid", path, f"Invalid value: {text}: {why}")


_STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")


def _finalizers(finalizers: Any, custom: bool) -> Iterator[Cause]:
    """Custom resources may have finalizers without a path, such as `finalizer.flagger.app`."""
    for index, name in enumerate(finalizers):
        problems = list(_qualified("metadata.finalizers", name))
        yield from problems
        if not custom and not problems and "/" not in name and name not in _STANDARD_FINALIZERS:
            why = "name is neither a standard finalizer name nor is it fully qualified"
            yield invalid(f"metadata.finalizers[{index}]", name, why)
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        why = "finalizer orphan and foregroundDeletion cannot be both set"
        yield Cause("FieldValueInvalid", "metadata.finalizers", f"Invalid value: [{' '.join(finalizers)}]: {why}")


_IMMUTABLE = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")


def metadata_update(new: dict[str, Any], old: dict[str, Any], *, custom: bool = False) -> Iterator[Cause]:
    """What an update does to metadata that it may not."""
    if "deletionTimestamp" in old:
        added = sorted(set(new.get("finalizers") or ()) - set(old.get("finalizers") or ()))
        if added:
            listed = "[]string{" + ", ".join(f'"{name}"' for name in added) + "}"
            why = f"no new finalizers can be added if the object is being deleted, found new finalizers {listed}"
            yield Cause("FieldValueForbidden", "metadata.finalizers", f"Forbidden: {why}")
    for name in _IMMUTABLE:
        if new.get(name) != old.get(name):
            text = msgspec.json.encode(new.get(name)).decode()
            yield Cause("FieldValueInvalid", f"metadata.{name}", f"Invalid value: {text}: field is immutable")
    if new.get("labels") != old.get("labels"):
        yield from labels(new.get("labels") or {}, "metadata.labels")
    if new.get("annotations") != old.get("annotations"):
        yield from annotation_keys(new.get("annotations") or {})
    if new.get("ownerReferences") != old.get("ownerReferences"):
        yield from _owners(new.get("ownerReferences") or ())
    if new.get("finalizers") != old.get("finalizers"):
        yield from _finalizers(new.get("finalizers") or (), custom)
