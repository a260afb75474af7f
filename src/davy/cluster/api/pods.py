"""The rules of pod specs: what containers must have, what may change in a pod, what deserves a warning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from davy.cluster.api import names
from davy.cluster.api.errors import Cause
from davy.cluster.api.patch import copy

Manifest = dict[str, Any]


def _required(path: str) -> Cause:
    return Cause("FieldValueRequired", path, "Required value")


def broken(spec: Manifest, path: str) -> Iterator[Cause]:
    """What is wrong with a pod spec."""
    containers = spec.get("containers") or []
    if not containers:
        yield _required(f"{path}.containers")
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    seen: set[str] = set()
    for group in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(group) or ()):
            place = f"{path}.{group}[{index}]"
            yield from _container(container, place, volumes)
            name = container.get("name", "")
            if name in seen:
                yield Cause("FieldValueDuplicate", f"{place}.name", f'Duplicate value: "{name}"')
            seen.add(name)


def _container(container: Manifest, path: str, volumes: set[Any]) -> Iterator[Cause]:
    name = container.get("name", "")
    if not name:
        yield _required(f"{path}.name")
    else:
        for why in names.label_problems(name):
            yield names.invalid(f"{path}.name", name, why)
    if not container.get("image"):
        yield _required(f"{path}.image")
    for index, port in enumerate(container.get("ports") or ()):
        yield from _port(port, f"{path}.ports[{index}]")
    for index, env in enumerate(container.get("env") or ()):
        if not env.get("name"):
            yield _required(f"{path}.env[{index}].name")
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        yield from _mount(mount, f"{path}.volumeMounts[{index}]", volumes)


def _port(port: Manifest, path: str) -> Iterator[Cause]:
    number = port.get("containerPort", 0)
    if number == 0:
        yield _required(f"{path}.containerPort")
    elif not 1 <= number <= 65535:
        message = f"Invalid value: {number}: must be between 1 and 65535, inclusive"
        yield Cause("FieldValueInvalid", f"{path}.containerPort", message)


def _mount(mount: Manifest, path: str, volumes: set[Any]) -> Iterator[Cause]:
    if mount.get("name") not in volumes:
        yield Cause("FieldValueNotFound", f"{path}.name", f'Not found: "{mount.get("name")}"')
    if not mount.get("mountPath"):
        yield _required(f"{path}.mountPath")


_UPDATES = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def _frozen_part(spec: Manifest) -> Manifest:
    part: Manifest = copy(spec)
    for name in ("activeDeadlineSeconds", "tolerations", "nodeName", "schedulingGates"):
        part.pop(name, None)
    for group in ("initContainers", "containers"):
        for container in part.get(group) or ():
            container.pop("image", None)
    return part


def frozen(new: Manifest, old: Manifest) -> Iterator[Cause]:
    """What of a pod's spec has changed and may not."""
    moved = bool(old.get("nodeName")) and new.get("nodeName") != old.get("nodeName")
    if moved or _frozen_part(new) != _frozen_part(old):
        yield Cause("FieldValueForbidden", "spec", f"Forbidden: {_UPDATES}\n")


def warnings(spec: Manifest, path: str) -> Iterator[str]:
    """What a real server warns of in a pod spec: names defined twice."""
    for group in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(group) or ()):
            yield from _hidden(container, f"{path}.{group}[{index}]")


def _hidden(container: Manifest, path: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, env in enumerate(container.get("env") or ()):
        name = env.get("name", "")
        if name in seen:
            text = f'hides previous definition of "{name}", which may be dropped when using apply'
            yield f"{path}.env[{index}]: {text}"
        seen.add(name)
