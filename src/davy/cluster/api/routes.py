"""From a request's path to what it means: a resource, an object, a subresource."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a resource path; empty strings for parts that are not there."""

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """The object's key in the store."""
        return self.namespace, self.name


_OF_NAMESPACES = ("status", "finalize")


def target(path: str) -> Target | None:
    """The target of a resource path such as /apis/apps/v1/namespaces/x/deployments/y/scale; None for any other path."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) >= 3:
        return _within("", parts[1], parts[2:])
    if parts[0] == "apis" and len(parts) >= 4:
        return _within(parts[1], parts[2], parts[3:])
    return None


def _within(group: str, version: str, parts: list[str]) -> Target | None:
    namespace = ""
    if parts[0] == "namespaces" and len(parts) >= 3 and not (group == "" and parts[2] in _OF_NAMESPACES):
        namespace, parts = parts[1], parts[2:]
    if len(parts) > 3 or not all(parts):
        return None
    plural, name, subresource = (*parts, "", "")[:3]
    return Target(group, version, plural, namespace, name, subresource)
