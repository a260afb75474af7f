"""A REST xDS server: long polls hand Envoy its resources, and the next poll says what it made of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, Self

import msgspec
from aiohttp import web

TYPE_URL = "type.googleapis.com/envoy.config."
Resource = dict[str, Any]


class Type(Enum):
    """The four kinds of resource; the value is the last part of the path that Envoy asks."""

    CLUSTER = "clusters"
    ENDPOINT = "endpoints"
    LISTENER = "listeners"
    ROUTE = "routes"

    @property
    def url(self) -> str:
        return f"{TYPE_URL}{_MESSAGES[self]}"


_MESSAGES = {
    Type.CLUSTER: "cluster.v3.Cluster",
    Type.ENDPOINT: "endpoint.v3.ClusterLoadAssignment",
    Type.LISTENER: "listener.v3.Listener",
    Type.ROUTE: "route.v3.RouteConfiguration",
}
# Envoy subscribes to these by name, one poll each; to the other two as a whole.
NAMED = {Type.ENDPOINT, Type.ROUTE}


class Key(NamedTuple):
    """What one poll asks for: all resources of a type, or (endpoints, routes) one of them by name."""

    type: Type
    name: str = "*"


class RejectedError(Exception):
    """Envoy refused a version; what was in force before stays in force."""

    def __init__(self, key: Key, version: int) -> None:
        super().__init__(f"Envoy refused version {version} of {key.type.value} {key.name}")
        self.key, self.version = key, version


class _Node(msgspec.Struct, frozen=True):
    id: str = ""


class _Poll(msgspec.Struct, frozen=True):
    node: _Node = _Node()
    version_info: str = ""
    resource_names: tuple[str, ...] = ()


@dataclass(slots=True)
class _Subscription:
    """What we offer under one key, and what Envoy was seen to have."""

    resources: Sequence[Resource] = ()
    body: bytes = b""
    version: int = 0  # of what we offer; 0: nothing yet
    sent: int = 0
    acked: int = 0
    rejected: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, have: int) -> None:
        """Takes note of a poll that says which version is in force (0: none)."""
        if have == self.version:
            self.acked = have
        elif self._refused(have):
            self.rejected = self.sent
        _pulse(self, "heard")

    def _refused(self, have: int) -> bool:
        if have == 0 and self.acked == self.version:
            return False  # a new subscriber: Envoy replaces a cluster by a second one that asks from the beginning
        return self.sent == self.version != self.rejected and have != self.version

    def wanted(self, have: int) -> bool:
        """Whether a poll with version `have` is to be answered now. A refused version is held, or Envoy would spin."""
        return self.version not in (0, have, self.rejected)

    def forget(self) -> None:
        self.sent = self.acked = self.rejected = 0


def _pulse(subscription: _Subscription, name: str) -> None:
    """Wakes all who wait for the event now, and nobody who comes later."""
    event: asyncio.Event = getattr(subscription, name)
    event.set()
    setattr(subscription, name, asyncio.Event())


class XdsServer:
    """Serves what `offer` was given. Async context manager; listens on loopback, on a port of the system's choice.

    hold: seconds an unanswered poll is kept; must be less than the request timeout that Envoy was given.
    """

    def __init__(self, *, hold: float = 20.0) -> None:
        self._hold = hold
        self._subscriptions: dict[Key, _Subscription] = {}
        self._node = ""
        self._versions = 0
        self._decoder = msgspec.json.Decoder(_Poll)
        self.port = 0

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/v3/discovery:{type}", self._answer)
        # A poll whose connection is gone must not count as one that was answered.
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, keepalive_timeout=3600, shutdown_timeout=0.1
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        for subscription in self._subscriptions.values():
            _pulse(subscription, "changed")
        await self._runner.cleanup()

    def offer(self, key: Key, resources: Sequence[Resource]) -> bool:
        """Makes this what is served under the key. Returns False if it is already."""
        subscription = self._subscription(key)
        body = msgspec.json.encode([{"@type": key.type.url, **resource} for resource in resources])
        if subscription.version and body == subscription.body:
            return False
        self._versions += 1
        subscription.resources, subscription.body, subscription.version = resources, body, self._versions
        _pulse(subscription, "changed")
        return True

    def withdraw(self, key: Key) -> None:
        """Forgets a named resource that nothing refers to any more."""
        self._subscriptions.pop(key, None)

    def offered(self, type_: Type) -> set[str]:
        """The names under which something of this type is offered."""
        return {
            key.name for key, subscription in self._subscriptions.items() if key.type is type_ and subscription.version
        }

    def resources(self, key: Key) -> Sequence[Resource]:
        """What is offered under the key."""
        subscription = self._subscriptions.get(key)
        return subscription.resources if subscription else ()

    async def acked(self, keys: Iterable[Key], *, timeout: float) -> None:
        """Returns when Envoy has taken over what is offered now under every key.

        Raises RejectedError if it refused one, TimeoutError after `timeout` seconds.
        """
        async with asyncio.timeout(timeout):
            for key in keys:
                subscription = self._subscription(key)
                version = subscription.version
                await _settled(subscription, version)
                if subscription.rejected == version:
                    raise RejectedError(key, version)

    def _subscription(self, key: Key) -> _Subscription:
        return self._subscriptions.setdefault(key, _Subscription())

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        type_ = Type(request.match_info["type"])
        poll = self._decoder.decode(await request.read())
        self._meet(poll.node.id)
        have = int(poll.version_info or 0)
        subscription = self._subscription(_key(type_, poll.resource_names))
        subscription.hear(have)
        await self._news(subscription, have)
        if not subscription.wanted(have):
            return web.Response(status=304)
        subscription.sent = subscription.version
        return web.Response(body=_response(type_, subscription), content_type="application/json")

    async def _news(self, subscription: _Subscription, have: int) -> None:
        try:
            async with asyncio.timeout(self._hold):
                while not subscription.wanted(have):
                    await subscription.changed.wait()
                    if not subscription.version:
                        return
        except TimeoutError:
            pass

    def _meet(self, node: str) -> None:
        """Another node id means a new Envoy process, which knows nothing of what the last one had."""
        if node != self._node:
            self._node = node
            for subscription in self._subscriptions.values():
                subscription.forget()


async def _settled(subscription: _Subscription, version: int) -> None:
    while subscription.acked < version and subscription.rejected != version:
        await subscription.heard.wait()


def _key(type_: Type, names: Sequence[str]) -> Key:
    return Key(type_, names[0]) if type_ in NAMED and names else Key(type_)


def _response(type_: Type, subscription: _Subscription) -> bytes:
    head = msgspec.json.encode({"version_info": str(subscription.version), "type_url": type_.url})
    return head[:-1] + b',"resources":' + subscription.body + b"}"
