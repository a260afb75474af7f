"""The verbs on resources: get, list, watch, create, update, patch, apply, delete, and the subresources' own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from davy.cluster.api import body, listing, scale, strategic
from davy.cluster.api.accept import view
from davy.cluster.api.errors import (
    ApiError,
    Cause,
    bad_request,
    conflict,
    invalid_kind,
    method_not_allowed,
    no_such_path,
    not_found,
    unsupported_media_type,
)
from davy.cluster.api.intake import Options
from davy.cluster.api.life import Change, Life
from davy.cluster.api.patch import copy, json_patch, merge
from davy.cluster.api.preconditions import Deletion, check_uid
from davy.cluster.api.resources import Resource
from davy.cluster.api.routes import Target
from davy.cluster.api.store import Entry, Manifest
from davy.cluster.api.structural import prune
from davy.cluster.api.view import encode
from davy.cluster.api.watch import Stream, wish

MERGE, JSON = "application/merge-patch+json", "application/json-patch+json"
STRATEGIC, APPLY = "application/strategic-merge-patch+json", "application/apply-patch+yaml"
_OPTIONS = {"POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions", "DELETE": "DeleteOptions"}
_WHOLE_ANSWERS = ("pods", "services", "serviceaccounts")  # a deletion of these answers with the object
_MADE_BY_PUT = ("leases.coordination.k8s.io", "services", "endpoints", "events")


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
    warnings: list[str] = field(default_factory=list)  # gathered while it is answered

    def options(self, dry_run: list[str] | None = None) -> Options:
        """How its write is meant; raises 422 for an option that is none."""
        manager = self.query.get("fieldManager") or self.agent.partition("/")[0] or "unknown"
        dry = [self.query["dryRun"]] if self.query.get("dryRun") else dry_run or []
        if dry not in ([], ["All"]):
            listed = encode(dry).decode()
            self._refuse("FieldValueNotSupported", "dryRun", f'Unsupported value: {listed}: supported values: "All"')
        validation = self.query.get("fieldValidation") or "Warn"
        if validation not in ("Ignore", "Warn", "Strict"):
            supported = 'supported values: "", "Ignore", "Strict", "Warn"'
            self._refuse("FieldValueNotSupported", "fieldValidation", f'Unsupported value: "{validation}": {supported}')
        self._check_manager(manager)
        self._check_apply()
        patches = self.method == "PATCH" and self.media != APPLY
        return Options(manager, bool(dry), validation, self.force, patches, warnings=self.warnings)

    def _check_manager(self, manager: str) -> None:
        if len(manager) > 128:
            self._refuse("FieldValueTooLong", "fieldManager", "Too long: may not be more than 128 bytes")
        if not manager.isprintable():
            why = f"Invalid value: {encode(manager).decode()}: should only contain printable characters"
            self._refuse("FieldValueInvalid", "fieldManager", why)

    @property
    def force(self) -> bool:
        """Whether an apply takes fields from their owners."""
        return self.query.get("force") in ("true", "1")

    def _check_apply(self) -> None:
        if self.method != "PATCH":
            return
        if self.media == APPLY and not self.query.get("fieldManager"):
            self._refuse("FieldValueRequired", "fieldManager", "Required value: is required for apply patch")
        if self.media != APPLY and "force" in self.query:
            self._refuse("FieldValueForbidden", "force", "Forbidden: may not be specified for non-apply patch")

    def _refuse(self, reason: str, field: str, message: str) -> None:
        raise invalid_kind("meta.k8s.io", _OPTIONS.get(self.method, ""), "", [Cause(reason, field, message)])


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back at once."""

    body: bytes
    code: int = 200


Verb = Callable[[Request, Resource], Answer | Stream]


@dataclass(slots=True)
class Verbs:
    """Answers requests on resources."""

    life: Life

    def answer(self, request: Request) -> Answer | Stream:
        """The answer to a request, or the stream of a watch."""
        target = request.target
        if (target.group, target.plural) == ("authorization.k8s.io", "selfsubjectaccessreviews"):
            return _allowed(request)
        resource = self.life.registry.find(target.group, target.version, target.plural)
        known = resource is not None and not (target.namespace and not resource.namespaced)
        if resource is None or not known:
            raise self._nothing(target)
        if target.subresource and target.subresource not in resource.subresources:
            raise not_found(resource, target.name) if resource.custom else no_such_path()
        if resource.custom is not None and resource.custom.deprecated:
            request.warnings.append(resource.custom.deprecated)
        return self._verb(request)(request, resource)

    def _nothing(self, target: Target) -> ApiError:
        """404 as the part of the server words it that would serve the path: builtin groups alone answer in JSON."""
        served = [r for r in self.life.registry if (r.group, r.version) == (target.group, target.version)]
        return no_such_path() if served and not any(r.custom for r in served) else no_such_page()

    def _verb(self, request: Request) -> Verb:
        target = request.target
        if target.subresource == "scale":
            return self._scale
        if target.subresource in ("eviction", "binding"):
            return self._evict if target.subresource == "eviction" else self._bind
        verbs: dict[tuple[str, bool], Verb] = {
            ("GET", True): self._get,
            ("GET", False): self._list,
            ("POST", False): self._create,
            ("PUT", True): self._replace,
            ("PATCH", True): self._patch,
            ("DELETE", True): self._delete,
            ("DELETE", False): self._delete_all,
        }
        verb = verbs.get((request.method, bool(target.name)))
        if verb is None or (request.method == "DELETE" and target.subresource):
            raise method_not_allowed()
        return verb

    # -- reading -----------------------------------------------------------------------------------------------

    def _get(self, request: Request, resource: Resource) -> Answer:
        seen = view(resource, request.accept, request.query)
        return Answer(seen.one(self._entry(resource, request.target)))

    def _entry(self, resource: Resource, target: Target) -> Entry:
        entry = self.life.store.get(resource.collection, target.key)
        if entry is None:
            raise not_found(resource, target.name)
        return entry

    def _list(self, request: Request, resource: Resource) -> Answer | Stream:
        listing.check_options(request.query)
        watched = request.query.get("watch") in ("true", "1")
        seen = view(resource, request.accept, request.query, many=not watched)
        chosen = listing.selector(resource, request.target.namespace or None, request.query)
        if watched:
            return Stream(self.life.store, resource, seen, wish(chosen, request.query))
        page = listing.page(self.life.store, resource, chosen, request.query)
        return Answer(seen.many(page.entries, page.metadata))

    # -- writing -----------------------------------------------------------------------------------------------

    def _create(self, request: Request, resource: Resource) -> Answer:
        if resource.namespaced and not request.target.namespace:
            raise method_not_allowed()
        options = request.options()
        manifest = body.manifest(request.raw, request.media, resource)
        options = _strictly(request, options)
        entry = self.life.create(resource, request.target.namespace, manifest, options)
        return self._written(request, resource, entry, 201)

    def _written(self, request: Request, resource: Resource, entry: Entry, code: int = 200) -> Answer:
        seen = view(resource, request.accept, request.query)
        return Answer(seen.one(entry), code)

    def _replace(self, request: Request, resource: Resource) -> Answer:
        options, target = request.options(), request.target
        manifest = body.manifest(request.raw, request.media, resource)
        options = _strictly(request, options)
        present = self.life.store.get(resource.collection, target.key)
        if present is None and resource.collection in _MADE_BY_PUT and not target.subresource:
            entry = self.life.create(resource, target.namespace, manifest, options)
            return self._written(request, resource, entry, 201)
        check_uid(resource, target.key, (manifest.get("metadata") or {}).get("uid"), present)
        entry = self.life.update(resource, target.key, lambda _: manifest, options, target.subresource)
        return self._written(request, resource, entry)

    def _patch(self, request: Request, resource: Resource) -> Answer:
        if request.media == APPLY:
            return self._apply(request, resource)
        options = request.options()
        change = _change(resource, request)
        if request.media == STRATEGIC:
            options = replace(options, patch=strategic.shown(body.decode(request.raw, request.media)))
        entry = self.life.update(resource, request.target.key, change, options, request.target.subresource)
        return self._written(request, resource, entry)

    def _apply(self, request: Request, resource: Resource) -> Answer:
        options, target = request.options(), request.target
        config = body.configuration(request.raw, request.media, resource)
        if self.life.store.get(resource.collection, target.key) is None and not target.subresource:
            entry = self.life.apply_new(resource, target.key, config, options)
            return self._written(request, resource, entry, 201)
        entry = self.life.apply(resource, target.key, config, options, target.subresource)
        return self._written(request, resource, entry)

    # -- ending ------------------------------------------------------------------------------------------------

    def _delete(self, request: Request, resource: Resource) -> Answer:
        how, options = _deletion(request)
        entry, gone = self.life.delete(resource, request.target.key, how, options)
        if not gone or resource.collection in _WHOLE_ANSWERS:
            return self._written(request, resource, entry)
        details = {
            "name": request.target.name,
            **({"group": resource.group} if resource.group else {}),
            "kind": resource.plural,
            "uid": entry.manifest["metadata"]["uid"],
        }
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        return Answer(encode(status))

    def _delete_all(self, request: Request, resource: Resource) -> Answer:
        how, options = _deletion(request)
        chosen = listing.selector(resource, request.target.namespace or None, request.query)
        found = listing.select(self.life.store.items(resource.collection), chosen)
        ended = [self.life.delete(resource, key, how, options)[0] for key, _ in found]
        seen = view(resource, request.accept, request.query)
        return Answer(seen.many(ended, {"resourceVersion": str(self.life.store.revision)}))

    def _evict(self, request: Request, resource: Resource) -> Answer:
        manifest = body.decode(request.raw, request.media) or {}
        how = _how(manifest.get("deleteOptions") or {}, request.query)
        self.life.delete(resource, request.target.key, how, request.options())
        return Answer(encode({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}), 201)

    def _bind(self, request: Request, resource: Resource) -> Answer:
        """What a scheduler does: say on which node the pod is to run."""
        node = ((body.decode(request.raw, request.media) or {}).get("target") or {}).get("name", "")
        condition = {
            "type": "PodScheduled",
            "status": "True",
            "lastProbeTime": None,
            "lastTransitionTime": self.life.now(),
        }

        def assign(pod: Manifest) -> Manifest:
            if (pod.get("spec") or {}).get("nodeName"):
                why = f'pod {request.target.name} is already assigned to node "{pod["spec"]["nodeName"]}"'
                raise conflict(resource, request.target.name, why)
            return {**pod, "spec": {**pod["spec"], "nodeName": node}}

        def tell(pod: Manifest) -> Manifest:
            status = pod.get("status") or {}
            return {**pod, "status": {**status, "conditions": [*status.get("conditions", ()), condition]}}

        options = request.options()
        self.life.update(resource, request.target.key, assign, options)
        self.life.update(resource, request.target.key, tell, options, "status")
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
        return Answer(encode(status), 201)

    # -- scale -------------------------------------------------------------------------------------------------

    def _scale(self, request: Request, resource: Resource) -> Answer:
        entry = self._entry(resource, request.target)
        if request.method == "GET":
            return Answer(encode(scale.shown(resource, entry.manifest)))
        if request.method not in ("PUT", "PATCH"):
            raise method_not_allowed()
        options = request.options()
        value = body.decode(request.raw, request.media)
        if request.media == APPLY:
            entry = self.life.apply(
                resource, request.target.key, scale.configuration(resource, value), options, "scale"
            )
            return Answer(encode(scale.shown(resource, entry.manifest)))

        def change(manifest: Manifest) -> Manifest:
            old = scale.shown(resource, manifest)
            return scale.written(resource, manifest, _rescaled(request, old, value))

        entry = self.life.update(resource, request.target.key, change, options, "scale")
        return Answer(encode(scale.shown(resource, entry.manifest)))


def _strictly(request: Request, options: Options) -> Options:
    """The options, with what the body says twice, if anybody wants to know."""
    if options.validation == "Ignore":
        return options
    return replace(options, duplicates=tuple(body.duplicates(request.raw, request.media)))


def _allowed(request: Request) -> Answer:
    """The answer to "may I?": whoever knows the secret path may."""
    review = body.decode(request.raw, request.media) or {}
    review = {**review, "kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1"}
    return Answer(encode({**review, "metadata": {"creationTimestamp": None}, "status": {"allowed": True}}), 201)


def no_such_page() -> ApiError:
    """404 as the mux answers it: in plain text."""
    return ApiError(404, "", "404 page not found\n")


def _rescaled(request: Request, old: Manifest, value: Any) -> Manifest:
    if request.method == "PUT":
        return dict(value)
    if request.media == JSON:
        return dict(json_patch(old, value))
    return dict(merge(old, value))


def _change(resource: Resource, request: Request) -> Change:
    media = request.media
    if media not in (JSON, MERGE, STRATEGIC):
        raise ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
    if media == STRATEGIC and resource.custom is not None:
        raise unsupported_media_type((JSON, MERGE, APPLY))
    try:
        patch = body.decode(request.raw, media)
    except body.BrokenError as error:
        raise bad_request(f"error decoding patch: {error}") from None
    if media == JSON:
        return lambda manifest: _own(resource, json_patch(_served(resource, manifest), patch))
    if not isinstance(patch, dict):
        raise bad_request("error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}")
    if media == MERGE:
        return lambda manifest: _own(resource, merge(_served(resource, manifest), patch))
    return lambda manifest: dict(strategic.patch(resource.schema, _served(resource, manifest), patch))


def _own(resource: Resource, patched: Any) -> Manifest:
    """The patched object, sharing nothing with the stored one that will be written to."""
    return dict(copy(patched) if resource.custom is not None else patched)


def _served(resource: Resource, manifest: Manifest) -> Manifest:
    """What a patch is applied to: in another version than the stored one only what that version knows."""
    served = {**manifest, "apiVersion": resource.group_version}
    if resource.custom is not None and resource.group_version != resource.storage_group_version:
        served = dict(copy(served))
        prune(resource.schema, served)
    return served


def _deletion(request: Request) -> tuple[Deletion, Options]:
    options = body.decode(request.raw, request.media) or {}
    if not isinstance(options, dict):
        raise bad_request("a deletion's body must be DeleteOptions")
    return _how(options, request.query), request.options(options.get("dryRun"))


def _how(options: Manifest, query: dict[str, str]) -> Deletion:
    preconditions = options.get("preconditions") or {}
    grace = query.get("gracePeriodSeconds") or options.get("gracePeriodSeconds")
    propagation = query.get("propagationPolicy") or options.get("propagationPolicy")
    if options.get("orphanDependents") is not None and propagation is None:
        propagation = "Orphan" if options["orphanDependents"] else "Background"
    if propagation not in (None, "Foreground", "Background", "Orphan"):
        listed = '"Foreground", "Background", "Orphan", "nil"'
        text = f'Unsupported value: "{propagation}": supported values: {listed}'
        causes = [Cause("FieldValueNotSupported", "propagationPolicy", text)]
        raise invalid_kind("meta.k8s.io", "DeleteOptions", "", causes)
    return Deletion(
        None if grace is None else int(grace),
        propagation,
        preconditions.get("uid"),
        preconditions.get("resourceVersion"),
    )
