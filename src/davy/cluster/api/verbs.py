"""The verbs on resources: get, list, watch, create, update, patch, delete, and the subresources' own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from davy.cluster.api import body, listing, scale
from davy.cluster.api.accept import view
from davy.cluster.api.errors import (
    Cause,
    bad_request,
    invalid_kind,
    method_not_allowed,
    no_such_path,
    not_found,
    unsupported_media_type,
)
from davy.cluster.api.life import Deletion, Life, Options
from davy.cluster.api.patch import copy, json_patch, merge
from davy.cluster.api.resources import Resource
from davy.cluster.api.routes import Target
from davy.cluster.api.store import Entry, Manifest
from davy.cluster.api.view import encode
from davy.cluster.api.watch import Stream, wish

MERGE, JSON = "application/merge-patch+json", "application/json-patch+json"
STRATEGIC, APPLY = "application/strategic-merge-patch+json", "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request, as far as verbs look at it."""

    method: str
    target: Target
    query: dict[str, str]
    raw: bytes = b""
    media: str = "application/json"
    accept: str = ""
    agent: str = "unknown"

    def options(self) -> Options:
        """How its write is meant; raises 422 for an option that is none."""
        manager = self.query.get("fieldManager") or self.agent.partition("/")[0] or "unknown"
        dry = self.query.get("dryRun", "")
        if dry not in ("", "All"):
            cause = Cause("FieldValueNotSupported", "dryRun", f'Unsupported value: "{dry}": supported values: "All"')
            raise invalid_kind("meta.k8s.io", "PatchOptions", "", [cause])
        validation = self.query.get("fieldValidation") or "Warn"
        return Options(manager, dry == "All", validation, self.query.get("force") in ("true", "1"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back at once."""

    body: bytes
    code: int = 200
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class Verbs:
    """Answers requests on resources."""

    life: Life

    def answer(self, request: Request) -> Answer | Stream:
        """The answer to a request, or the stream of a watch."""
        target = request.target
        resource = self.life.registry.find(target.group, target.version, target.plural)
        if resource is None or (target.subresource and target.subresource not in resource.subresources):
            raise no_such_path()
        if target.namespace and not resource.namespaced:
            raise no_such_path()
        verb = self._verb(request, resource)
        return verb(request, resource)

    def _verb(self, request: Request, resource: Resource) -> Callable[[Request, Resource], Answer | Stream]:
        target = request.target
        if target.subresource == "scale":
            return self._scale
        if target.subresource == "eviction":
            return self._evict
        level = "object" if target.name else "collection"
        verbs: dict[tuple[str, str], Callable[[Request, Resource], Answer | Stream]] = {
            ("GET", "object"): self._get,
            ("GET", "collection"): self._list,
            ("POST", "collection"): self._create,
            ("PUT", "object"): self._replace,
            ("PATCH", "object"): self._patch,
            ("DELETE", "object"): self._delete,
            ("DELETE", "collection"): self._delete_all,
        }
        verb = verbs.get((request.method, level))
        if verb is None:
            raise method_not_allowed()
        return verb

    # -- reading -----------------------------------------------------------------------------------------------

    def _get(self, request: Request, resource: Resource) -> Answer | Stream:
        if request.query.get("watch") in ("true", "1"):
            return self._watch(request, resource)
        seen = view(resource, request.accept, request.query)
        return Answer(seen.one(self._entry(resource, request.target)))

    def _entry(self, resource: Resource, target: Target) -> Entry:
        entry = self.life.store.get(resource.collection, target.key)
        if entry is None:
            raise not_found(resource, target.name)
        return entry

    def _list(self, request: Request, resource: Resource) -> Answer | Stream:
        if request.query.get("watch") in ("true", "1"):
            return self._watch(request, resource)
        seen = view(resource, request.accept, request.query)
        chosen = listing.selector(resource, request.target.namespace or None, request.query)
        page = listing.page(self.life.store, resource, chosen, request.query)
        return Answer(seen.many(page.entries, page.metadata))

    def _watch(self, request: Request, resource: Resource) -> Stream:
        seen = view(resource, request.accept, request.query)
        chosen = listing.selector(resource, request.target.namespace or None, request.query, request.target.name)
        return Stream(self.life.store, resource, seen, wish(chosen, request.query))

    # -- writing -----------------------------------------------------------------------------------------------

    def _create(self, request: Request, resource: Resource) -> Answer:
        manifest = self._manifest(request, resource)
        if resource.namespaced and not request.target.namespace:
            raise method_not_allowed()
        options = request.options()
        entry = self.life.create(resource, request.target.namespace, manifest, options)
        return self._written(request, resource, entry, options, 201)

    def _manifest(self, request: Request, resource: Resource) -> Manifest:
        manifest = body.manifest(request.raw, request.media)
        kind, version = manifest.get("kind", resource.kind), manifest.get("apiVersion", resource.group_version)
        if kind != resource.kind:
            raise bad_request(f"{kind} in version {version} cannot be handled as a {resource.kind}")
        if version != resource.group_version:
            expected = resource.group_version
            raise bad_request(
                f"the API version in the data ({version}) does not match the expected API version ({expected})"
            )
        return manifest

    def _written(self, request: Request, resource: Resource, entry: Entry, options: Options, code: int = 200) -> Answer:
        seen = view(resource, request.accept, request.query)
        return Answer(seen.one(entry), code, tuple(options.warnings))

    def _replace(self, request: Request, resource: Resource) -> Answer:
        manifest, options = self._manifest(request, resource), request.options()
        entry = self.life.update(resource, request.target.key, lambda _: manifest, options, request.target.subresource)
        return self._written(request, resource, entry, options)

    def _patch(self, request: Request, resource: Resource) -> Answer:
        patch, options = body.decode(request.raw, request.media), request.options()
        change = _change(resource, request.media, patch)
        entry = self.life.update(resource, request.target.key, change, options, request.target.subresource)
        return self._written(request, resource, entry, options)

    # -- ending ------------------------------------------------------------------------------------------------

    def _delete(self, request: Request, resource: Resource) -> Answer:
        options = request.options()
        how = _deletion(body.decode(request.raw, request.media) or {}, request.query)
        entry, gone = self.life.delete(resource, request.target.key, how, options)
        if not gone or resource.collection in ("pods", "services"):
            return self._written(request, resource, entry, options)
        details = {
            "name": request.target.name,
            **({"group": resource.group} if resource.group else {}),
            "kind": resource.plural,
            "uid": entry.manifest["metadata"]["uid"],
        }
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        return Answer(encode(status))

    def _delete_all(self, request: Request, resource: Resource) -> Answer:
        options = request.options()
        how = _deletion(body.decode(request.raw, request.media) or {}, request.query)
        chosen = listing.selector(resource, request.target.namespace or None, request.query)
        found = listing.select(self.life.store.items(resource.collection), chosen)
        ended = [self.life.delete(resource, key, how, options)[0] for key, _ in found]
        seen = view(resource, request.accept, request.query)
        return Answer(seen.many(ended, {"resourceVersion": str(self.life.store.revision)}))

    def _evict(self, request: Request, resource: Resource) -> Answer:
        manifest = body.manifest(request.raw, request.media)
        how = _deletion(manifest.get("deleteOptions") or {}, request.query)
        self.life.delete(resource, request.target.key, how, request.options())
        return Answer(encode({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}), 201)

    # -- scale -------------------------------------------------------------------------------------------------

    def _scale(self, request: Request, resource: Resource) -> Answer:
        entry = self._entry(resource, request.target)
        if request.method == "GET":
            return Answer(encode(scale.shown(resource, entry.manifest)))
        value = body.decode(request.raw, request.media)

        def change(manifest: Manifest) -> Manifest:
            new = value
            if request.method == "PATCH":
                new = _patched(request.media, scale.shown(resource, manifest), value)
            return scale.written(resource, manifest, new)

        if request.method not in ("PUT", "PATCH"):
            raise method_not_allowed()
        options = request.options()
        entry = self.life.update(resource, request.target.key, change, options)
        return Answer(encode(scale.shown(resource, entry.manifest)), 200, tuple(options.warnings))


def _patched(media: str, value: Manifest, patch: Any) -> Manifest:
    new = json_patch(value, patch) if media == JSON else merge(value, patch)
    return dict(new)


def _change(resource: Resource, media: str, patch: Any) -> Callable[[Manifest], Manifest]:
    match media:
        case "application/json-patch+json" | "application/merge-patch+json":
            return lambda manifest: copy(_patched(media, manifest, patch))
        case _:
            raise unsupported_media_type((JSON, MERGE, APPLY))


def _deletion(options: Manifest, query: dict[str, str]) -> Deletion:
    preconditions = options.get("preconditions") or {}
    grace = query.get("gracePeriodSeconds") or options.get("gracePeriodSeconds")
    propagation = query.get("propagationPolicy") or options.get("propagationPolicy")
    if options.get("orphanDependents") is not None and propagation is None:
        propagation = "Orphan" if options["orphanDependents"] else "Background"
    return Deletion(
        None if grace is None else int(grace),
        propagation,
        preconditions.get("uid"),
        preconditions.get("resourceVersion"),
    )
