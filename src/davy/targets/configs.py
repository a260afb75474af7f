"""ConfigMaps and Secrets that a pod uses: which they are, what is in them, and the primary's copies of them."""

from __future__ import annotations

import copy as copying
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from davy.api.canary import API_VERSION, Canary
from davy.api.ref import Manifest, Ref, ref_of
from davy.core import names
from davy.core.edit import Edit
from davy.targets.base import Making, Objects
from davy.targets.metadata import merged

KINDS = {"configmap": "ConfigMap", "secret": "Secret"}
COPY = "-primary"

TRACKING = "flagger.app/config-tracking"
"""Annotation of a config by which its owner says that changes of it are nobody's business."""
DISABLED = "disable"

OWN_SECRETS = frozenset({"Opaque", "kubernetes.io/basic-auth", "kubernetes.io/ssh-auth", "kubernetes.io/tls"})
"""Types of Secrets that people write. All others are kept by programs, which change them as they like."""

CONTENT = ("data", "binaryData")

Place = tuple[str, str, str]
"""Word of the kind, field that holds the reference, field of it that holds the name."""

VOLUME: tuple[Place, ...] = (("configmap", "configMap", "name"), ("secret", "secret", "secretName"))
PROJECTED: tuple[Place, ...] = (("configmap", "configMap", "name"), ("secret", "secret", "name"))
VARIABLE: tuple[Place, ...] = (("configmap", "configMapKeyRef", "name"), ("secret", "secretKeyRef", "name"))
VARIABLES: tuple[Place, ...] = (("configmap", "configMapRef", "name"), ("secret", "secretRef", "name"))

PLACES = frozenset((holder, field) for _, holder, field in (*VOLUME, *PROJECTED, *VARIABLE, *VARIABLES))
"""(field, field in it) where a pod spec names a ConfigMap or a Secret."""

ESCAPES = str.maketrans(
    {
        "<": "\\u003c",
        ">": "\\u003e",
        "&": "\\u0026",
        "\N{LINE SEPARATOR}": "\\u2028",
        "\N{PARAGRAPH SEPARATOR}": "\\u2029",
    }
)
"""Characters that Go's JSON does not write as they are."""


def refs(namespace: str, name: str) -> tuple[Ref, Ref]:
    """The addresses of a tracked config (`configmap/name`, `secret/name`) and of the primary's copy of it."""
    word, _, own = name.partition("/")
    return Ref("v1", KINDS[word], namespace, own), Ref("v1", KINDS[word], namespace, own + COPY)


def references(pod: Manifest) -> dict[str, bool]:
    """`configmap/name` and `secret/name` of all that the pod refers to → whether it may be missing.

    Where several references to one config disagree, the last one counts: volumes, containers, init containers.
    """
    return {f"{word}/{held[field]}": bool(held.get("optional")) for word, held, field in _places(pod)}


def rewritten(pod: Manifest, names: frozenset[str]) -> Manifest:
    """The pod spec with every reference to one of these configs made one to its copy."""
    made = copying.deepcopy(pod)
    for word, held, field in _places(made):
        if f"{word}/{held[field]}" in names:
            held[field] += COPY
    return made


def _places(pod: Manifest) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Every reference: word of the kind, the object that holds the name, and the field of it."""
    for volume in pod.get("volumes") or ():
        yield from _held(volume, VOLUME)
        for source in (volume.get("projected") or {}).get("sources") or ():
            yield from _held(source, PROJECTED)
    for container in (*(pod.get("containers") or ()), *(pod.get("initContainers") or ())):
        for variable in container.get("env") or ():
            yield from _held(variable.get("valueFrom") or {}, VARIABLE)
        for source in container.get("envFrom") or ():
            yield from _held(source, VARIABLES)


def _held(part: Manifest, places: tuple[Place, ...]) -> Iterator[tuple[str, dict[str, Any], str]]:
    for word, holder, field in places:
        held = part.get(holder) or {}
        if held.get(field):
            yield word, held, field


def tracked(config: Manifest) -> bool:
    """Whether changes of it are to be tried: not if it says so itself, nor for Secrets of types that others keep."""
    annotations = config["metadata"].get("annotations") or {}
    if str(annotations.get(TRACKING, "")).startswith(DISABLED):
        return False
    return config.get("kind") != KINDS["secret"] or config.get("type", "Opaque") in OWN_SECRETS


def checksum(config: Manifest) -> str:
    """Flagger's: the first 8 bytes of SHA-256 over the JSON of `data`, in hex.

    Flagger does not look at `binaryData`. Where there is some its checksum follows after a `+`, so that a change of it
    is a revision too and everything else has the checksum that Flagger gave it.
    """
    binary = config.get("binaryData")
    return _digest(config.get("data")) + (f"+{_digest(binary)}" if binary else "")


def _digest(content: object) -> str:
    """As Go writes JSON: keys sorted, no blanks, what is special in HTML escaped."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.translate(ESCAPES).encode()).hexdigest()[:16]


def copied(source: Manifest, copy: Manifest | None, making: Making) -> Manifest | Edit:
    """The primary's copy as it should be: whole if it is not there yet, else as an edit of the one that is.

    Chosen labels come along, annotations do not; neither does `immutable`, for a copy changes with every promotion.
    """
    chosen = source["metadata"].get("labels")
    if copy is None:
        return _made(source, merged({}, chosen, making.prefixes), making.canary)
    present = copy["metadata"]
    return Edit(
        ref_of(copy),
        {
            "/metadata/labels": merged(present.get("labels"), chosen, making.prefixes) or None,
            "/metadata/ownerReferences": _owners(copy, making.canary) or None,
            **{f"/{field}": copying.deepcopy(source.get(field)) or None for field in CONTENT},
        },
    )


def _made(source: Manifest, labels: Mapping[str, str], canary: Canary) -> Manifest:
    metadata = {
        "name": source["metadata"]["name"] + COPY,
        "namespace": canary.namespace,
        "labels": dict(labels),
        "ownerReferences": [names.owner(canary)],
    }
    content = {field: copying.deepcopy(source[field]) for field in (*CONTENT, "type") if source.get(field)}
    return {"apiVersion": "v1", "kind": source["kind"], "metadata": metadata, **content}


def _owners(copy: Manifest, canary: Canary) -> list[Manifest]:
    """Whose the copy is: several canaries may use one config, and the last one to come controls it.

    Who is an owner already stays as it is, else two canaries would take the control from each other for ever. A copy
    that no canary has made is somebody else's: it must outlive the canary.
    """
    present: list[Manifest] = copying.deepcopy(copy["metadata"].get("ownerReferences") or [])
    if foreign(copy) or any(owner.get("uid") == canary.metadata.uid for owner in present):
        return present
    return [names.owner(canary), *({**owner, "controller": False} for owner in present)]


def foreign(copy: Manifest) -> bool:
    """It only happens to be called like a copy: no canary has made it, and its content is somebody's."""
    owners = copy["metadata"].get("ownerReferences") or ()
    return not any((owner.get("apiVersion"), owner.get("kind")) == (API_VERSION, "Canary") for owner in owners)


def changed_keys(objects: Objects, namespace: str, known: Mapping[str, object]) -> tuple[str, ...]:
    """`configmap/name: key` for each key that differs between a tracked config and the copy, where both are read.

    Keys only: what is in a Secret is never shown.
    """
    return tuple(
        f"{name}: {key}"
        for name in sorted(known)
        for key in _differing(*(objects.get(ref) for ref in refs(namespace, name)))
    )


def _differing(source: Manifest | None, copy: Manifest | None) -> list[str]:
    if source is None or copy is None or not tracked(source):
        return []
    ours, theirs = _content(source), _content(copy)
    return sorted({place[1] for place in ours.keys() | theirs.keys() if ours.get(place) != theirs.get(place)})


def _content(config: Manifest) -> dict[tuple[str, str], object]:
    return {(field, key): value for field in CONTENT for key, value in (config.get(field) or {}).items()}
