"""Stand-in for Knative: each new template of a Service becomes a Revision, ready at once, and traffic is as asked."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from davy.kube.cache import Cache
from davy.kube.client import Client
from davy.kube.errors import NotFound
from davy.kube.kinds import Kind
from davy.kube.objects import Change

KNATIVE_SERVICE = Kind("serving.knative.dev/v1", "Service")
REVISION = Kind("serving.knative.dev/v1", "Revision")

Manifest = dict[str, Any]


class Knative:
    """All Knative Services of a cluster; `run` until it is cancelled."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._cache = Cache(client, KNATIVE_SERVICE)
        self._cache.subscribe(self._changed)
        self._changes: asyncio.Queue[Manifest] = asyncio.Queue()
        self._templates: defaultdict[str, list[Manifest]] = defaultdict(list)
        self._generations: dict[str, int] = {}

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._cache.run())
            while True:
                service = await self._changes.get()
                with suppress(NotFound):  # deleted meanwhile
                    await self._reconcile(service)

    def _changed(self, change: Change) -> None:
        found = change.object
        if change.type != "DELETED" and self._generations.get(found.uid) != found.generation:
            self._generations[found.uid] = found.generation
            self._changes.put_nowait(found.manifest())

    async def _reconcile(self, service: Manifest) -> None:
        metadata, spec = service["metadata"], service["spec"]
        latest = await self._revision(service)
        asked = spec.get("traffic") or [{"latestRevision": True, "percent": 100}]
        status = {
            "observedGeneration": metadata["generation"],
            "latestCreatedRevisionName": latest,
            "latestReadyRevisionName": latest,
            "traffic": [each | ({"revisionName": latest} if each.get("latestRevision") else {}) for each in asked],
            "conditions": [ready()],
        }
        await self._report(KNATIVE_SERVICE, metadata["namespace"], metadata["name"], status)

    async def _revision(self, service: Manifest) -> str:
        """The name of the template's Revision, which is made if the template is a new one."""
        metadata, template = service["metadata"], said(service["spec"]["template"])
        templates = self._templates[metadata["uid"]]
        new = not templates or templates[-1] != template
        if new:
            templates.append(template)
        name = f"{metadata['name']}-{len(templates):05d}"
        if new:
            await self._make(metadata["namespace"], name, template)
        return name

    async def _make(self, namespace: str, name: str, template: Manifest) -> None:
        made = {
            "apiVersion": REVISION.api_version,
            "kind": REVISION.kind,
            "metadata": {"name": name, "namespace": namespace},
            "spec": template["spec"],
        }
        await self._client.create(made)
        await self._report(REVISION, namespace, name, {"conditions": [ready()]})

    async def _report(self, kind: Kind, namespace: str, name: str, status: Manifest) -> None:
        body = {"status": status}
        await self._client.patch(kind, namespace, name, body, content="merge", subresource="status")


def said(value: Any) -> Any:
    """Without empty values, which Flagger writes and Knative's own webhook fills with its defaults."""
    match value:
        case dict():
            kept = {key: said(each) for key, each in value.items()}
            return {key: each for key, each in kept.items() if each not in ({}, "")}
        case list():
            return [said(each) for each in value]
    return value


def ready() -> Manifest:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"type": "Ready", "status": "True", "lastTransitionTime": now}
