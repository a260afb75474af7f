"""The life of objects: create, update, apply, delete, and what the server adds to and keeps from what it is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from davy.cluster.api import crd, defaults, managers, names, rules, structural
from davy.cluster.api.conversion import from_stored, to_stored
from davy.cluster.api.errors import (
    ApiError,
    Cause,
    already_exists,
    bad_request,
    forbidden,
    invalid_kind,
    not_found,
)
from davy.cluster.api.intake import Options, take, title
from davy.cluster.api.managers import Writer
from davy.cluster.api.patch import copy
from davy.cluster.api.preconditions import Deletion, check_preconditions, check_version, identify, keep
from davy.cluster.api.resources import Registry, Resource
from davy.cluster.api.settle import MismatchError
from davy.cluster.api.store import Entry, Key, Manifest, Store

_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"

Change = Callable[[Manifest], Manifest]


def stamp(moment: datetime) -> str:
    """A moment as `metav1.Time`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Life:
    """Writes to a store, by the rules of the kinds in the registry."""

    store: Store
    registry: Registry
    clock: Callable[[], datetime] = _now
    random: Random = field(default_factory=Random)

    def now(self) -> str:
        """This moment, as `metav1.Time`."""
        return stamp(self.clock())

    def writer(self, resource: Resource, options: Options, subresource: str = "") -> Writer:
        """Who is writing, for managedFields."""
        withheld = rules.withheld(resource, subresource)
        time = None if subresource == "scale" else self.now()  # a real server loses it on this way
        return Writer(options.manager, resource.group_version, time, subresource, withheld)

    # -- create ------------------------------------------------------------------------------------------------

    def create(self, resource: Resource, namespace: str, manifest: Manifest, options: Options) -> Entry:
        """Write a new object; raises AlreadyExists, NotFound (its namespace), Invalid."""
        self._check_kind(resource)
        self._place(resource, namespace, manifest)
        try:
            manifest = take(resource, manifest, options)
        except MismatchError as error:
            raise bad_request(f"{title(resource)}: {error}") from None
        writer = self.writer(resource, options)
        manifest = managers.update(resource.schema, resource.empty(), manifest, writer)
        return self._begin(resource, manifest, options)

    def apply_new(self, resource: Resource, key: Key, config: Manifest, options: Options) -> Entry:
        """Write a new object from an applied configuration."""
        named = identify(resource, key, config)
        self._place(resource, key[0], named)
        writer = self.writer(resource, options)
        manifest = managers.apply(resource.schema, resource.empty(), config, writer, force=options.force)
        self._place(resource, key[0], manifest)
        return self._begin(resource, self._applied(resource, manifest, options), options)

    def _check_kind(self, resource: Resource) -> None:
        definition = self.store.get(crd.DEFINITIONS, ("", resource.collection)) if resource.custom else None
        if definition is not None and crd.is_ending(definition.manifest):
            message = "create not allowed while custom resource definition is terminating"
            raise ApiError(405, "MethodNotAllowed", message, {"group": resource.group, "kind": resource.plural})

    def _applied(self, resource: Resource, manifest: Manifest, options: Options) -> Manifest:
        try:
            return take(resource, copy(manifest), options, applied=True)
        except MismatchError as error:
            raise bad_request(f"{title(resource)}: {error}") from None

    def _begin(self, resource: Resource, manifest: Manifest, options: Options) -> Entry:
        metadata = manifest["metadata"]
        if metadata.get("resourceVersion"):
            raise ApiError(500, "", "resourceVersion should not be set on objects to be created")
        self._name(resource, metadata)
        self._give_birth(resource, metadata)
        if "status" in resource.subresources:
            manifest.pop("status", None)
        defaults.begin(resource, manifest, self.store)
        if resource.collection == crd.DEFINITIONS:
            manifest["status"] = crd.new_status(manifest)
        self._validate(resource, manifest, None, options)
        key = (metadata.get("namespace", ""), metadata["name"])
        known = self.store.get(resource.collection, key)
        if known is not None:
            ending = "deletionTimestamp" in known.manifest["metadata"]
            raise already_exists(resource, metadata["name"], being_deleted=ending)
        entry = self._write(resource, key, manifest, options)
        if resource.collection == crd.DEFINITIONS and not options.dry_run:
            accepted = {**entry.manifest, "metadata": dict(entry.manifest["metadata"])}
            self.store.put(resource.collection, key, {**accepted, "status": crd.status(manifest, self.now())})
        return entry

    def _give_birth(self, resource: Resource, metadata: Manifest) -> None:
        for name in ("selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"):
            metadata.pop(name, None)
        metadata["uid"] = str(UUID(int=self.random.getrandbits(128), version=4))
        metadata["creationTimestamp"] = stamp(self.clock())
        if resource.counted:
            metadata["generation"] = 1

    def _place(self, resource: Resource, namespace: str, manifest: Manifest) -> None:
        metadata = manifest["metadata"] = dict(manifest.get("metadata") or {})
        if not resource.namespaced:
            metadata.pop("namespace", None)
            return
        if metadata.get("namespace") not in (namespace, "", None):
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        metadata["namespace"] = namespace
        home = self.store.get("namespaces", ("", namespace))
        if home is None:
            raise not_found(self._namespaces(), namespace)
        if "deletionTimestamp" in home.manifest["metadata"]:
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            message = f"namespace {namespace} is being terminated"
            cause = {"reason": "NamespaceTerminating", "message": message, "field": "metadata.namespace"}
            raise forbidden(resource, metadata.get("name", ""), why, [cause])

    def _namespaces(self) -> Resource:
        found = self.registry.find("", "v1", "namespaces")
        assert found is not None
        return found

    def _name(self, resource: Resource, metadata: Manifest) -> None:
        stem = metadata.get("generateName")
        while stem and not metadata.get("name"):
            name = stem[:58] + "".join(self.random.choices(_SUFFIX, k=5))
            if self.store.get(resource.collection, (metadata.get("namespace", ""), name)) is None:
                metadata["name"] = name

    def _validate(
        self, resource: Resource, new: Manifest, old: Manifest | None, options: Options, subresource: str = ""
    ) -> None:
        causes = list(rules.broken(resource, new, old, subresource))
        if causes:
            group = "" if resource.stored_as == "events" else resource.group  # both Events are told as the old one
            raise invalid_kind(group, resource.kind, new["metadata"].get("name", ""), causes)
        options.warn(rules.warnings(resource, new, old))

    # -- update ------------------------------------------------------------------------------------------------

    def update(self, resource: Resource, key: Key, change: Change, options: Options, subresource: str = "") -> Entry:
        """Write what `change` makes of the object; raises NotFound, Conflict, Invalid. No change, no new revision."""
        old = from_stored(resource, self._present(resource, key).manifest)
        new = identify(resource, key, change(old))
        if options.patches:
            self._check_patched_kind(resource, new, options)
        try:
            taken = take(resource, new, options)
        except MismatchError as error:
            raise self._unfit(resource, new, error, options) from None
        writer = self.writer(resource, options, subresource)
        taken = managers.update(resource.schema, old, taken, writer)
        return self._change(resource, key, taken, options, subresource)

    def _check_patched_kind(self, resource: Resource, new: Manifest, options: Options) -> None:
        kind, version = new.get("kind", resource.kind), new.get("apiVersion", resource.group_version)
        if (kind, version) == (resource.kind, resource.group_version):
            return
        if resource.custom is None:
            raise self._unfit(resource, new, MismatchError(f'no kind "{kind}" is registered for "{version}"'), options)
        text = f'Invalid value: "{kind}": must be {resource.kind}'
        raise invalid_kind(resource.group, resource.kind, "", [Cause("FieldValueInvalid", "kind", text)])

    def _unfit(self, resource: Resource, new: Manifest, error: MismatchError, options: Options) -> ApiError:
        if not options.patches:
            return bad_request(f"{title(resource)}: {error}")
        shown = {"apiVersion": resource.group_version, "kind": resource.kind, **new}
        text = names.quoted(options.patch or structural.shown(shown, sort=bool(resource.custom)))
        return invalid_kind("", "", "", [Cause("FieldValueInvalid", "patch", f"Invalid value: {text}: {error}")])

    def apply(self, resource: Resource, key: Key, config: Manifest, options: Options, subresource: str = "") -> Entry:
        """Apply a configuration to the object; raises NotFound, Conflict, Invalid."""
        old = from_stored(resource, self._present(resource, key).manifest)
        identify(resource, key, config)
        writer = self.writer(resource, options, subresource)
        new = managers.apply(resource.schema, old, config, writer, force=options.force)
        return self._change(resource, key, self._applied(resource, new, options), options, subresource)

    def _present(self, resource: Resource, key: Key) -> Entry:
        entry = self.store.get(resource.collection, key)
        if entry is None:
            raise not_found(resource, key[1])
        return entry

    def _change(self, resource: Resource, key: Key, new: Manifest, options: Options, subresource: str) -> Entry:
        entry = self._present(resource, key)
        old = from_stored(resource, entry.manifest)
        check_version(resource, key, new["metadata"], old["metadata"])
        keep(new["metadata"], old["metadata"])
        new = rules.restrict(resource, old, new, subresource)
        defaults.keep(resource, old, new)
        if resource.collection == crd.DEFINITIONS and not subresource:
            new["status"] = crd.status(new, stamp(self.clock()))
        if resource.counted and rules.moved(resource, old, new):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        self._validate(resource, new, old, options, subresource)
        if _same(new, old):
            return entry
        metadata = new["metadata"]
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers") and not _held(new):
            self._drop(resource, key, options)
            return Entry(new, entry.revision)
        return self._write(resource, key, new, options)

    # -- delete ------------------------------------------------------------------------------------------------

    def delete(self, resource: Resource, key: Key, how: Deletion, options: Options) -> tuple[Entry, bool]:
        """End an object, or mark it to be ended; gives its (last) state and whether it is gone."""
        entry = self._present(resource, key)
        check_preconditions(resource, key, how, entry.manifest["metadata"])
        new = copy(entry.manifest)
        if resource.collection == crd.DEFINITIONS and not options.dry_run:
            return self._end_definition(key, entry, new, options)
        metadata = new["metadata"]
        finalizers = _finalizers(metadata.get("finalizers") or [], how.propagation)
        metadata.pop("finalizers", None)
        if finalizers:
            metadata["finalizers"] = finalizers
        grace = _grace(resource, entry.manifest, how)
        if resource.collection == "namespaces":
            new.setdefault("status", {})["phase"] = "Terminating"
        if finalizers or grace or (resource.collection == "namespaces" and _held(new)):
            self._mark(metadata, grace)
            return (entry if new == entry.manifest else self._write(resource, key, new, options)), False
        gone = self._drop(resource, key, options)
        if resource.collection == "pods":
            self._mark(metadata, 0)
            metadata["resourceVersion"] = gone.manifest["metadata"]["resourceVersion"]
            gone = Entry(new, gone.revision)
        return gone, True

    def _end_definition(self, key: Key, entry: Entry, new: Manifest, options: Options) -> tuple[Entry, bool]:
        """End a kind: first all its objects, then its definition."""
        definitions = self.registry.of_collection(crd.DEFINITIONS)
        kind = self.registry.of_collection(crd.collection(new))
        assert definitions is not None
        if not crd.is_ending(entry.manifest):
            self._mark(new["metadata"], 0)
            entry = self._write(definitions, key, crd.ending(new, stamp(self.clock())), options)
        if kind is not None:
            for object_key in list(self.store.items(kind.collection)):
                self.delete(kind, object_key, Deletion(), options)
        return self._end_of_kind(entry)

    def _end_of_kind(self, entry: Entry) -> tuple[Entry, bool]:
        """Let go of a definition when the last of its objects is gone."""
        key = ("", entry.manifest["metadata"]["name"])
        if self.store.items(crd.collection(entry.manifest)) or self.store.get(crd.DEFINITIONS, key) is None:
            return entry, False
        finalizers = [name for name in entry.manifest["metadata"].get("finalizers") or () if name != crd.CLEANUP]
        if not finalizers:
            self.store.drop(crd.DEFINITIONS, key)
            return entry, False
        metadata = {**entry.manifest["metadata"], "finalizers": finalizers}
        return self.store.put(crd.DEFINITIONS, key, {**entry.manifest, "metadata": metadata}), False

    def _gone(self, collection: str) -> None:
        """Look, after an object has gone, whether its definition waited for that."""
        definition = self.store.get(crd.DEFINITIONS, ("", collection))
        if definition is not None and crd.is_ending(definition.manifest):
            self._end_of_kind(definition)

    def _mark(self, metadata: Manifest, grace: int) -> None:
        known = metadata.get("deletionGracePeriodSeconds")
        if "deletionTimestamp" not in metadata:
            metadata["deletionTimestamp"] = stamp(self.clock() + timedelta(seconds=grace))
            metadata["deletionGracePeriodSeconds"] = grace
            if metadata.get("generation"):
                metadata["generation"] += 1
        elif known is not None and grace < known:
            sooner = datetime.fromisoformat(metadata["deletionTimestamp"]) - timedelta(seconds=known - grace)
            metadata["deletionTimestamp"] = stamp(sooner)
            metadata["deletionGracePeriodSeconds"] = grace

    # -- the store ---------------------------------------------------------------------------------------------

    def _write(self, resource: Resource, key: Key, manifest: Manifest, options: Options) -> Entry:
        manifest = _arranged(resource, to_stored(resource, manifest))
        if options.dry_run:
            return Entry(manifest, self.store.revision)
        return self.store.put(resource.collection, key, manifest)

    def _drop(self, resource: Resource, key: Key, options: Options) -> Entry:
        if options.dry_run:
            return self.store.items(resource.collection)[key]
        entry = self.store.drop(resource.collection, key)
        if resource.custom:
            self._gone(resource.collection)
        return entry


_METADATA = (
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)


def _arranged(resource: Resource, manifest: Manifest) -> Manifest:
    """The object in the order a real server writes it, in its stored version."""
    metadata = manifest["metadata"]
    metadata.setdefault("resourceVersion", "")
    order = sorted(metadata) if resource.custom else [name for name in _METADATA if name in metadata]
    rest = {key: value for key, value in manifest.items() if key not in ("kind", "apiVersion", "metadata")}
    arranged = {
        "kind": resource.kind,
        "apiVersion": manifest["apiVersion"],
        "metadata": {name: metadata[name] for name in order},
        **rest,
    }
    return {name: arranged[name] for name in sorted(arranged)} if resource.custom else arranged


def _same(new: Manifest, old: Manifest) -> bool:
    """Whether a write would change nothing but the hours in managedFields."""
    if new == old:
        return True
    if managers.bare(new) != managers.bare(old):
        return False
    return _timeless(new) == _timeless(old)


def _timeless(manifest: Manifest) -> list[Any]:
    entries = manifest["metadata"].get("managedFields") or ()
    return [{key: value for key, value in entry.items() if key != "time"} for entry in entries]


def _finalizers(present: list[str], propagation: str | None) -> list[str]:
    if propagation is None:
        return present
    others = [name for name in present if name not in ("foregroundDeletion", "orphan")]
    return others + {"Foreground": ["foregroundDeletion"], "Orphan": ["orphan"]}.get(propagation, [])


def _grace(resource: Resource, manifest: Manifest, how: Deletion) -> int:
    if resource.collection != "pods":
        return 0
    spec: dict[str, Any] = manifest.get("spec") or {}
    phase = (manifest.get("status") or {}).get("phase")
    if not spec.get("nodeName") or phase in ("Succeeded", "Failed"):
        return 0
    return how.grace if how.grace is not None else int(spec.get("terminationGracePeriodSeconds", 30))


def _held(manifest: Manifest) -> bool:
    """Whether an object without finalizers still has to wait: for its node, or for its namespace to be emptied."""
    if manifest["kind"] == "Namespace" and manifest["apiVersion"] == "v1":
        return bool((manifest.get("spec") or {}).get("finalizers"))
    return bool(manifest["metadata"].get("deletionGracePeriodSeconds"))
