"""Lists: selection, order, pages of one consistent snapshot, and what resourceVersion means to them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from davy.cluster.api.errors import ApiError, Cause, bad_request, expired, invalid_kind
from davy.cluster.api.resources import Resource
from davy.cluster.api.selectors import Selector, parse_fields, parse_labels
from davy.cluster.api.store import Entry, Key, Store

Query = dict[str, str]


class Mark(msgspec.Struct, frozen=True):
    """Where a page ended: the snapshot's revision and the last key given."""

    rv: int
    start: Key


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, with the metadata that tells how to go on."""

    entries: list[Entry]
    metadata: dict[str, Any]


def selector(resource: Resource, namespace: str | None, query: Query, name: str = "") -> Selector:
    """What a request selects; `namespace` None means all of them."""
    fields = parse_fields(query.get("fieldSelector", ""), resource.fields)
    if name:
        fields = (*fields, *parse_fields(f"metadata.name={name}", resource.fields))
    return Selector(namespace, parse_labels(query.get("labelSelector", "")), fields)


def select(objects: dict[Key, Entry], chosen: Selector) -> list[tuple[Key, Entry]]:
    """The selected objects in the order of their keys."""
    namespace = chosen.namespace
    found = [item for item in objects.items() if namespace is None or item[0][0] == namespace]
    if chosen.narrow:
        found = [item for item in found if chosen.matches(item[1].manifest)]
    return sorted(found, key=lambda item: item[0])


def check_options(query: Query) -> None:
    """Refuse (422) options that do not go together."""
    match = query.get("resourceVersionMatch", "")
    watching = query.get("watch") in ("true", "1")
    initial = query.get("sendInitialEvents")
    causes: list[Cause] = []
    if match and match not in ("Exact", "NotOlderThan"):
        text = f'Unsupported value: "{match}": supported values: "Exact", "NotOlderThan", ""'
        causes.append(Cause("FieldValueNotSupported", "resourceVersionMatch", text))
    elif watching:
        causes += _watch_options(match, initial)
    else:
        causes += _list_options(query, match, initial)
    if causes:
        raise invalid_kind("meta.k8s.io", "ListOptions", "", causes)


def _forbidden(field: str, why: str) -> Cause:
    return Cause("FieldValueForbidden", field, f"Forbidden: {why}")


def _watch_options(match: str, initial: str | None) -> Iterator[Cause]:
    if initial is not None and match != "NotOlderThan":
        yield _forbidden(
            "resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        )
    if initial is None and match:
        why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        yield _forbidden("resourceVersionMatch", why)


def _list_options(query: Query, match: str, initial: str | None) -> Iterator[Cause]:
    version, token = query.get("resourceVersion", ""), query.get("continue", "")
    if initial is not None:
        yield _forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")
    if match and not version:
        yield _forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided")
    if match and token:
        yield _forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided")
    if match == "Exact" and version == "0":
        why = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
        yield _forbidden("resourceVersionMatch", why)


def page(store: Store, resource: Resource, chosen: Selector, query: Query) -> Page:
    """One page (or all) of a list; raises 400 for bad parameters, 410 for a snapshot no longer known."""
    limit = _limit(query)
    mark = _mark(query)
    revision = _revision(store, query) if mark is None else (mark.rv if mark.rv > 0 else store.revision)
    try:
        objects = (
            store.items(resource.collection) if revision == store.revision else store.at(resource.collection, revision)
        )
    except ApiError:
        if mark is None:
            raise
        raise expired(_LOST, {"continue": _token(Mark(-1, mark.start))}) from None
    found = select(objects, chosen)
    if mark is not None:
        found = [item for item in found if item[0] > mark.start]
    metadata: dict[str, Any] = {"resourceVersion": str(revision)}
    if limit and len(found) > limit:
        metadata["continue"] = _token(Mark(revision, found[limit - 1][0]))
        if not chosen.narrow:
            metadata["remainingItemCount"] = len(found) - limit
        found = found[:limit]
    return Page([entry for _, entry in found], metadata)


_LOST = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


def _limit(query: Query) -> int:
    try:
        return max(0, int(query.get("limit") or 0))
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{query["limit"]}": invalid syntax') from None


def _revision(store: Store, query: Query) -> int:
    wanted, match = query.get("resourceVersion", ""), query.get("resourceVersionMatch", "")
    if not wanted or wanted == "0":
        return store.revision
    revision = parse_revision(wanted)
    if revision > store.revision:
        raise too_large(revision, store.revision)
    exact = match == "Exact" or (not match and query.get("limit") not in (None, "", "0"))
    return revision if exact else store.revision


def parse_revision(text: str) -> int:
    """A list's resourceVersion as a number; raises 400."""
    if not text.isdigit():
        why = f'strconv.ParseUint: parsing "{text}": invalid syntax'
        raise bad_request(f'invalid resource version: resourceVersion: Invalid value: "{text}": {why}')
    return int(text)


def too_large(wanted: int, present: int) -> ApiError:
    """504: a revision that does not exist yet."""
    message = f"Timeout: Too large resource version: {wanted}, current: {present}"
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    return ApiError(504, "Timeout", message, {"causes": causes, "retryAfterSeconds": 1})


def _token(mark: Mark) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(mark)).decode().rstrip("=")


def _mark(query: Query) -> Mark | None:
    token = query.get("continue", "")
    if not token:
        return None
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError) as error:
        raise bad_request(f"invalid continue token: continue key is not valid: {error}") from None
    try:
        return msgspec.json.decode(raw, type=Mark)
    except (msgspec.DecodeError, UnicodeDecodeError):
        first = raw[:1].decode() if raw[:1].isascii() else f"\\u{raw[0]:04x}"
        why = f"invalid character '{first}' looking for beginning of value"
        raise bad_request(f"invalid continue token: continue key is not valid: {why}") from None
