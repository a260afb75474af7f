"""The log subresource of pods: which container is meant, and which lines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from davy.cluster.api.errors import bad_request
from davy.cluster.api.store import Manifest

Logs = Callable[..., AsyncIterator[bytes]]


def container(pod: Manifest, asked: str) -> str:
    """The container whose log is meant; raises 400 if it is not clear or not there."""
    spec, name = pod.get("spec") or {}, pod["metadata"]["name"]
    names = [c["name"] for group in ("initContainers", "containers") for c in spec.get(group) or ()]
    if asked:
        if asked not in names:
            raise bad_request(f"container {asked} is not valid for pod {name}")
        return asked
    containers = spec.get("containers") or []
    if len(containers) == 1:
        return str(containers[0]["name"])
    choice = f", choose one of: [{' '.join(names)}]" if names else ""
    raise bad_request(f"a container name must be specified for pod {name}{choice}")


def wish(query: dict[str, str], now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> dict[str, Any]:
    """The reader's wishes, as the node takes them; raises 400 for a number that is none."""
    since = None
    if query.get("sinceSeconds"):
        since = now() - timedelta(seconds=_number(query, "sinceSeconds") or 0)
    elif query.get("sinceTime"):
        since = datetime.fromisoformat(query["sinceTime"])
    return {
        "follow": query.get("follow") in ("true", "1"),
        "previous": query.get("previous") in ("true", "1"),
        "timestamps": query.get("timestamps") in ("true", "1"),
        "tail": _number(query, "tailLines"),
        "since": since,
    }


def _number(query: dict[str, str], name: str) -> int | None:
    text = query.get(name)
    if not text:
        return None
    if not text.isdigit():
        raise bad_request(f'{name}: Invalid value: "{text}": must be a number, 0 or more')
    return int(text)
