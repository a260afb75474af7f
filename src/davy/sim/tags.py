"""Which release a template, or a whole object, is of: the one word by which the model tells good from bad."""

from __future__ import annotations

from davy.api.ref import Manifest

IMAGE = "registry.example/app:"
VERSION = "version"
"""Label by which a core Service chooses its pods."""


def tag_of(template: Manifest) -> str:
    """The image tag in a pod template, or in Knative's revision template."""
    return str(template["spec"]["containers"][0]["image"]).rpartition(":")[2]


def tagged(template: Manifest, tag: str) -> Manifest:
    """The template with another image tag."""
    container = {**template["spec"]["containers"][0], "image": f"{IMAGE}{tag}"}
    return {**template, "spec": {**template["spec"], "containers": [container]}}


def released(manifest: Manifest) -> str:
    """The release that a workload, or a core Service, is of."""
    spec = manifest["spec"]
    return tag_of(spec["template"]) if "template" in spec else str((spec.get("selector") or {}).get(VERSION, ""))


def releasing(manifest: Manifest, tag: str) -> Manifest:
    """The spec of the same object with another release in it: `kubectl set image`, or an edit of the selector."""
    spec = manifest["spec"]
    if "template" in spec:
        return {**spec, "template": tagged(spec["template"], tag)}
    return {**spec, "selector": {**spec["selector"], VERSION: tag}}
