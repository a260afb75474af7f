"""ConfigMaps and Secrets that a pod uses: which they are, what is in them, and the primary's copies of them."""

from __future__ import annotations

from collections.abc import Mapping

from davy.api.ref import Manifest, Ref
from davy.core.edit import Edit
from davy.targets.base import Making, Objects

KINDS = {"configmap": "ConfigMap", "secret": "Secret"}
COPY = "-primary"


def refs(namespace: str, name: str) -> tuple[Ref, Ref]:
    """The addresses of a tracked config (`configmap/name`, `secret/name`) and of the primary's copy of it."""
    word, _, own = name.partition("/")
    return Ref("v1", KINDS[word], namespace, own), Ref("v1", KINDS[word], namespace, own + COPY)


def references(pod: Manifest) -> dict[str, bool]:
    """`configmap/name` and `secret/name` of all that the pod refers to → whether it may be missing."""
    raise NotImplementedError


def tracked(config: Manifest) -> bool:
    """Whether changes of it are to be tried: not if it says so itself, nor for Secrets of types that others keep."""
    raise NotImplementedError


def checksum(config: Manifest) -> str:
    """Flagger's: the first 8 bytes of SHA-256 over the JSON of `data`, in hex."""
    raise NotImplementedError


def copied(source: Manifest, copy: Manifest | None, making: Making) -> Manifest | Edit:
    """The primary's copy as it should be: whole if it is not there yet, else as an edit of the one that is."""
    raise NotImplementedError


def rewritten(pod: Manifest, names: frozenset[str]) -> Manifest:
    """The pod spec with every reference to one of these configs made one to its copy."""
    raise NotImplementedError


def changed_keys(objects: Objects, namespace: str, known: Mapping[str, object]) -> tuple[str, ...]:
    """`configmap/name: key` for each key that differs between a tracked config and the copy, where both are read."""
    return ()
