"""Where the cluster serves a kind, learnt from the API server and remembered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec

from davy.kube.errors import KindNotServed, NotFound
from davy.kube.kinds import BUILTIN, Kind, Resource


class _Served(msgspec.Struct, frozen=True):
    name: str
    kind: str
    namespaced: bool


class _ResourceList(msgspec.Struct, frozen=True):
    resources: tuple[_Served, ...] = ()


_RESOURCES = msgspec.json.Decoder(_ResourceList)


class Discovery:
    """Answers `find(kind)`; asks the server at most once per call, and only for kinds it does not know."""

    def __init__(self, fetch: Callable[[str], Awaitable[bytes]], known: Mapping[Kind, Resource] = BUILTIN) -> None:
        self._fetch = fetch  # GET of a path
        self._known = dict(known)

    async def find(self, kind: Kind) -> Resource:
        """Raises KindNotServed. A CRD installed later is found by a later call."""
        if kind not in self._known:
            self._known.update(await self._ask(kind))
        try:
            return self._known[kind]
        except KeyError:
            raise _unknown(kind) from None

    async def serves(self, kind: Kind) -> bool:
        """Whether the cluster serves a kind now; asked anew each time, for nothing is remembered of a removal."""
        return kind in await self._ask(kind)

    async def _ask(self, kind: Kind) -> dict[Kind, Resource]:
        try:
            body = await self._fetch(kind.root)
        except NotFound:
            return {}
        return {
            Kind(kind.api_version, each.kind): Resource(each.name, each.namespaced)
            for each in _RESOURCES.decode(body).resources
            if "/" not in each.name  # deployments/scale and the like
        }


def _unknown(kind: Kind) -> KindNotServed:
    return KindNotServed(
        f"the cluster serves no {kind}: install its CustomResourceDefinition, or check apiVersion and kind",
        status=404,
        reason="KindNotServed",
    )


def path_of(
    kind: Kind, resource: Resource, namespace: str | None, name: str | None = None, subresource: str = ""
) -> str:
    """The path of a collection, an object or its subresource. `namespace` is left out for cluster-wide kinds."""
    parts = [kind.root]
    if namespace and resource.namespaced:
        parts.append(f"namespaces/{namespace}")
    parts.append(resource.plural)
    if name is not None:
        parts.append(name)
    if subresource:
        parts.append(subresource)
    return "/".join(parts)
