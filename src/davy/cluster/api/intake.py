"""What is made of a body before it is written: unknown fields told or dropped, types checked, defaults filled in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from davy.cluster.api import defaults, structural
from davy.cluster.api.resources import Resource
from davy.cluster.api.schema import META, named
from davy.cluster.api.settle import MismatchError, settle
from davy.cluster.api.store import Manifest


@dataclass(frozen=True, slots=True)
class Options:
    """How a write is meant: by whom, for real or dry, how strict; warnings for the client gather in it."""

    manager: str = "unknown"
    dry_run: bool = False
    validation: str = "Warn"
    force: bool = False
    patches: bool = False  # what is written was patched together, so that errors are told of the patch
    patch: str = ""  # the patch as such errors show it; "" for the patched object
    duplicates: tuple[str, ...] = ()  # the paths of fields that the body has twice
    warnings: list[str] = field(default_factory=list)

    def warn(self, texts: Iterable[str]) -> None:
        """Tell the client something about what it has written."""
        self.warnings.extend(text for text in texts if text not in self.warnings)


def take(resource: Resource, manifest: Manifest, options: Options, *, applied: bool = False) -> Manifest:
    """The body as an object of its kind; raises MismatchError for what no object of the kind can hold.

    managedFields are left as they were sent: an empty list there means something. In an applied object nulls stay,
    so that validation finds those that may not be.
    """
    metadata = dict(manifest.get("metadata") or {})
    managed = metadata.pop("managedFields", None)
    manifest = {**manifest, "metadata": metadata}
    taken, unknown = _custom(resource, manifest, applied) if resource.custom else _builtin(resource, manifest)
    _tell(unknown, options)
    defaults.fill(resource, taken)
    if managed is not None:
        taken["metadata"]["managedFields"] = managed
    return taken


def title(resource: Resource) -> str:
    """How messages about a body begin."""
    return f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}'


def _builtin(resource: Resource, manifest: Manifest) -> tuple[Manifest, list[str]]:
    if resource.schema.untyped:
        return {**manifest, "metadata": dict(manifest.get("metadata") or {})}, []
    settled = settle(resource.schema, manifest)
    taken: Manifest = settled.value
    taken["apiVersion"], taken["kind"] = resource.group_version, resource.kind
    return taken, settled.unknown


def _custom(resource: Resource, manifest: Manifest, applied: bool) -> tuple[Manifest, list[str]]:
    taken: Manifest = {**manifest, "apiVersion": resource.group_version, "kind": resource.kind}
    metadata = settle(named(META), taken.get("metadata") or {})
    taken["metadata"] = metadata.value
    unknown = structural.prune(resource.schema, taken)
    structural.default(resource.schema, taken, nulls=applied)
    return taken, [*(f"metadata.{name}" for name in metadata.unknown), *unknown]


def _tell(unknown: list[str], options: Options) -> None:
    if options.validation == "Ignore" or not (unknown or options.duplicates):
        return
    texts = [f'duplicate field "{path}"' for path in options.duplicates]
    texts += [f'unknown field "{path}"' for path in sorted(unknown)]
    if options.validation == "Strict":
        raise MismatchError(f"strict decoding error: {', '.join(texts)}")
    options.warn(texts)
