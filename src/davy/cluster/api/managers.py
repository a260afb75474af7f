"""managedFields: who owns which field of an object, kept through updates, and what applying does to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from davy.cluster.api import fields as f
from davy.cluster.api import typed
from davy.cluster.api.errors import ApiError, bad_request
from davy.cluster.api.fields import Fields, Path
from davy.cluster.api.schema import Schema

Manifest = dict[str, Any]
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_MOST_UPDATERS = 10
_STRIPPED = f.of(
    [
        ("f:apiVersion",),
        ("f:kind",),
        ("f:metadata",),
        *(
            ("f:metadata", f"f:{name}")
            for name in (
                "name",
                "namespace",
                "creationTimestamp",
                "selfLink",
                "uid",
                "clusterName",
                "generation",
                "managedFields",
                "resourceVersion",
            )
        ),
    ]
)


class Manager(NamedTuple):
    """Who wrote, and how; for appliers the version does not count."""

    name: str
    operation: str
    version: str = ""
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """The fields a manager owns, in which version it named them, and when it last took one."""

    fields: Fields
    version: str
    time: str | None = None


Managed = dict[Manager, Claim]


@dataclass(frozen=True, slots=True)
class Writer:
    """One who writes: its name, the version it speaks, the subresource it writes through, and the hour."""

    name: str
    version: str
    now: str | None
    subresource: str = ""
    withheld: tuple[Path, ...] = field(default=())  # fields this endpoint resets, which it therefore cannot own

    def manager(self, operation: str) -> Manager:
        """Its name in managedFields."""
        return Manager(
            self.name or "unknown", operation, "" if operation == "Apply" else self.version, self.subresource
        )

    def owned(self, fields: Fields) -> Fields:
        """What of these fields it can own."""
        kept = f.difference(fields, _STRIPPED)
        for path in self.withheld:
            kept = f.without(kept, path)
        return kept


# -- on the wire -----------------------------------------------------------------------------------------------


def decode(entries: Any) -> Managed:
    """The managers of an object; raises ValueError for entries that are none."""
    managed: Managed = {}
    for entry in entries or ():
        operation = entry.get("operation")
        if operation not in ("Apply", "Update"):
            raise ValueError("operation must be `Apply` or `Update`")
        if not entry.get("apiVersion"):
            raise ValueError("apiVersion must not be empty")
        if entry.get("fieldsType") != "FieldsV1":
            raise ValueError(f"invalid fieldsType {entry.get('fieldsType')!r}")
        version = "" if operation == "Apply" else entry["apiVersion"]
        manager = Manager(entry.get("manager", ""), operation, version, entry.get("subresource", ""))
        managed[manager] = Claim(entry.get("fieldsV1") or {}, entry["apiVersion"], entry.get("time"))
    return managed


def encode(managed: Managed) -> list[Manifest]:
    """The entries of managedFields: appliers first, older before newer."""
    return [_entry(manager, claim) for manager, claim in sorted(managed.items(), key=_order)]


def _order(item: tuple[Manager, Claim]) -> tuple[str, ...]:
    manager, claim = item
    return manager.operation, claim.time or "", manager.name, claim.version, manager.subresource


def _entry(manager: Manager, claim: Claim) -> Manifest:
    entry: Manifest = {
        "manager": manager.name,
        "operation": manager.operation,
        "apiVersion": claim.version,
        "time": claim.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": claim.fields,
        "subresource": manager.subresource,
    }
    return {key: value for key, value in entry.items() if value or key == "fieldsV1"}


def bare(manifest: Manifest) -> Manifest:
    """The object without its managedFields."""
    metadata = {key: value for key, value in manifest["metadata"].items() if key != "managedFields"}
    return {**manifest, "metadata": metadata}


def _dressed(manifest: Manifest, managed: Managed) -> Manifest:
    if not managed:
        return bare(manifest)
    return {**manifest, "metadata": {**bare(manifest)["metadata"], "managedFields": encode(managed)}}


def _known(old: Manifest, new: Manifest, subresource: str) -> Managed:
    """The managers an update starts from: those the client sent, if it sent any that can be read."""
    sent = new["metadata"].get("managedFields")
    try:
        if subresource:
            return decode(old["metadata"].get("managedFields"))
        if sent is not None and (not sent or sent == [{}]):
            return {}
        try:
            managed = decode(sent)
        except (ValueError, AttributeError):
            managed = {}
        return managed or decode(old["metadata"].get("managedFields"))
    except (ValueError, AttributeError):
        return {}


# -- update ----------------------------------------------------------------------------------------------------


def update(schema: Schema, old: Manifest, new: Manifest, writer: Writer) -> Manifest:
    """The new object with managedFields that say what this update took; `old` is an empty object on creation."""
    managed = _known(old, new, writer.subresource)
    if managed or not old["metadata"].get("uid"):
        try:
            managed = _updated(schema, bare(old), bare(new), writer, managed)
        except typed.UntypedError:
            managed = {}  # as a real server does: an update is not refused because its fields have no names
    return _dressed(new, managed)


def _updated(schema: Schema, old: Manifest, new: Manifest, writer: Writer, managed: Managed) -> Managed:
    changes = typed.compare(schema, old, new)
    changed, removed = writer_sees(writer, changes.changed), writer_sees(writer, changes.removed)
    others = {manager: _less(claim, changed, removed) for manager, claim in managed.items()}
    others = {manager: claim for manager, claim in others.items() if claim.fields}
    taken = writer.owned(changed)
    if taken:
        me = writer.manager("Update")
        mine = others.get(me)
        fields = f.union(mine.fields, taken) if mine else taken
        others[me] = Claim(fields, writer.version, writer.now)
    return _capped(others)


def writer_sees(writer: Writer, fields: Fields) -> Fields:
    """What of a change counts through the endpoint it came by."""
    for path in writer.withheld:
        fields = f.without(fields, path)
    return fields


def _less(claim: Claim, changed: Fields, removed: Fields) -> Claim:
    left = f.difference(f.difference(claim.fields, changed), removed)
    return claim if left == claim.fields else Claim(left, claim.version, claim.time)


def _capped(managed: Managed) -> Managed:
    """At most ten updaters: the oldest are put together as `ancient-changes`."""
    updaters = sorted(
        (manager for manager in managed if manager.operation == "Update"),
        key=lambda manager: (managed[manager].time or "", manager),
    )
    surplus = len(updaters) - _MOST_UPDATERS
    if surplus <= 0:
        return managed
    first: dict[str, Manager] = {}
    kept = dict(managed)
    for manager in updaters:
        if surplus <= 0:
            break
        surplus -= _bury(kept, first, manager)
    return kept


def _bury(kept: Managed, first: dict[str, Manager], manager: Manager) -> int:
    """Move an updater into its version's bucket; gives by how many there are fewer now."""
    claim = kept[manager]
    bucket = Manager("ancient-changes", "Update", claim.version)
    if claim.version not in first:
        first[claim.version] = manager
        return 0
    known = kept.pop(bucket, None) or kept.pop(first[claim.version])
    kept.pop(manager, None)
    kept[bucket] = Claim(f.union(claim.fields, known.fields), claim.version, claim.time)
    return 1


# -- apply -----------------------------------------------------------------------------------------------------


class Conflict(NamedTuple):
    """A field that an applied configuration wants otherwise than its owner."""

    manager: Manager
    version: str
    path: Path


def apply(schema: Schema, live: Manifest, config: Manifest, writer: Writer, *, force: bool) -> Manifest:
    """The object after an apply; raises Conflict (409) unless forced, 500 for a configuration that cannot be typed."""
    if config.get("metadata", {}).get("managedFields") is not None:
        raise bad_request("metadata.managedFields must be nil")
    _check(schema, config)
    managed = decode(live["metadata"].get("managedFields"))
    live = bare(live)
    if not managed and live["metadata"].get("uid"):
        before = Writer("before-first-apply", writer.version, writer.now, writer.subresource, writer.withheld)
        empty = {**schema.nothing, "metadata": {}, "apiVersion": live["apiVersion"], "kind": live["kind"]}
        managed = _updated(schema, empty, live, before, managed)
    new, managed, conflicts = _applied(schema, live, config, writer, managed)
    if conflicts and not force:
        allowed = _from_client_side(schema, live, writer) if writer.name == "kubectl" else {}
        conflicts = [c for c in conflicts if not f.intersection(f.of([c.path]), allowed)]
        if conflicts:
            raise _conflict(conflicts)
    return _dressed(_synced(new, config, writer), managed)


def _check(schema: Schema, config: Manifest) -> None:
    problems = list(dict.fromkeys(typed.check(schema, config)))
    if problems:
        metadata = config.get("metadata") or {}
        where = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
        group, _, version = config["apiVersion"].rpartition("/")
        kind = f"{group}/{version}, Kind={config['kind']}"
        text = problems[0] if len(problems) == 1 else "errors:\n" + "\n".join(f"  {problem}" for problem in problems)
        raise ApiError(500, "", f"failed to create typed patch object ({where}; {kind}): {text}")


def _applied(
    schema: Schema, live: Manifest, config: Manifest, writer: Writer, managed: Managed
) -> tuple[Manifest, Managed, list[Conflict]]:
    me = writer.manager("Apply")
    last = managed.get(me)
    merged = typed.merge(schema, live, config)
    claimed = writer_sees(writer, typed.fieldset(schema, config))
    claims = {**managed, me: Claim(claimed, writer.version, last.time if last else None)}
    new = _pruned(schema, merged, claims, last.fields) if last and last.fields else merged
    changes = typed.compare(schema, live, new)
    changed, removed = writer_sees(writer, changes.changed), writer_sees(writer, changes.removed)
    conflicts = list(_conflicts(claims, me, changed))
    result = {manager: claim if manager == me else _less(claim, changed, removed) for manager, claim in claims.items()}
    time = writer.now if new != live else (last.time if last else None)
    result[me] = Claim(f.difference(claimed, _STRIPPED), writer.version, time)
    return new, {manager: claim for manager, claim in result.items() if claim.fields}, conflicts


def _pruned(schema: Schema, merged: Manifest, claims: Managed, last: Fields) -> Manifest:
    """The merged object without what only this applier had claimed and claims no more."""
    last = typed.named(schema, last)
    everyone: Fields = {}
    for claim in claims.values():
        everyone = f.union(everyone, claim.fields)
    whole = typed.named(schema, typed.fieldset(schema, merged))
    kept = typed.named(schema, typed.fieldset(schema, typed.cut(schema, merged, last) or {}))
    kept = f.union(kept, typed.named(schema, everyone))
    pruned = typed.cut(schema, merged, f.difference(whole, kept)) or {}
    left = typed.named(schema, typed.fieldset(schema, pruned))
    gone = f.intersection(f.difference(whole, left), last)
    result: Manifest = typed.cut(schema, merged, gone) or {}
    return result


def _conflicts(claims: Managed, me: Manager, changed: Fields) -> Iterator[Conflict]:
    for manager, claim in claims.items():
        if manager != me:
            for path in f.paths(f.intersection(claim.fields, changed)):
                yield Conflict(manager, claim.version, path)


def _owner(conflict: Conflict) -> str:
    manager = conflict.manager
    text = f'"{manager.name}"'
    if manager.subresource:
        text += f' with subresource "{manager.subresource}"'
    return f"{text} using {conflict.version}" if manager.operation == "Update" else text


def _conflict(conflicts: list[Conflict]) -> ApiError:
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {_owner(c)}", "field": f.shown(c.path)}
        for c in conflicts
    ]
    return ApiError(409, "Conflict", _conflict_text(conflicts), {"causes": causes})


def _conflict_text(conflicts: list[Conflict]) -> str:
    if len(conflicts) == 1:
        only = conflicts[0]
        return f"Apply failed with 1 conflict: conflict with {_owner(only)}: {f.shown(only.path)}"
    owners: dict[Manager, list[Conflict]] = {}
    for conflict in conflicts:
        owners.setdefault(conflict.manager, []).append(conflict)
    lines: list[str] = []
    for _, found in sorted(owners.items()):
        lines.append(f"conflicts with {_owner(found[0])}:")
        lines += [f"- {f.shown(conflict.path)}" for conflict in found]
    return f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)


# -- between client-side and server-side apply -----------------------------------------------------------------


def _last_applied(live: Manifest) -> Manifest | None:
    text = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    try:
        found = msgspec.json.decode(text) if text else None
    except msgspec.DecodeError:
        return None
    return found if isinstance(found, dict) else None


def _from_client_side(schema: Schema, live: Manifest, writer: Writer) -> Fields:
    """The fields that client-side apply has set and that are still so: kubectl may take them over."""
    last = _last_applied(live)
    if last is None or last.get("apiVersion") != writer.version:
        return {}
    changes = typed.compare(schema, last, live)
    return f.difference(f.difference(typed.fieldset(schema, last), changes.changed), changes.removed)


def _synced(new: Manifest, config: Manifest, writer: Writer) -> Manifest:
    """kubectl's annotation of client-side apply, kept in step when kubectl applies server-side."""
    annotations = new["metadata"].get("annotations") or {}
    if writer.name != "kubectl" or not annotations.get(LAST_APPLIED):
        return new
    own = dict(config.get("metadata") or {})
    if "annotations" in own:
        own["annotations"] = {key: value for key, value in own["annotations"].items() if key != LAST_APPLIED}
        if not own["annotations"]:
            del own["annotations"]
    text = msgspec.json.encode({**config, "metadata": own}, order="sorted").decode() + "\n"
    return {**new, "metadata": {**new["metadata"], "annotations": {**annotations, LAST_APPLIED: text}}}
