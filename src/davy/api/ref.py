"""The address of one Kubernetes object, and the shape of a raw one."""

from typing import Any, NamedTuple

Manifest = dict[str, Any]


class Ref(NamedTuple):
    """Which object is meant. `namespace` is empty for an object that belongs to no namespace."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @property
    def group(self) -> str:
        """The API group, empty for the core group."""
        group, slash, _ = self.api_version.rpartition("/")
        return group if slash else ""

    def __str__(self) -> str:
        """As people write it: `Deployment shop/podinfo`, with the group where the kind alone is not enough."""
        kind = f"{self.kind}.{self.group}" if "." in self.group else self.kind
        return f"{kind} {self.namespace}/{self.name}" if self.namespace else f"{kind} {self.name}"


def ref_of(manifest: Manifest) -> Ref:
    """The address of a raw object; what it does not say is empty."""
    metadata = manifest.get("metadata") or {}
    return Ref(
        manifest.get("apiVersion", ""),
        manifest.get("kind", ""),
        metadata.get("namespace", ""),
        metadata.get("name", ""),
    )
