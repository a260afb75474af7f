"""The routes that the operator's own router writes, taken by a real Envoy under load: nobody fails, nobody strays."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from davy.api.canary import Canary
from davy.core.snapshot import TO_PRIMARY, Routing
from davy.routers import ROUTERS

from .conftest import NAMESPACE, Arena, until

Json = dict[str, Any]
ROUTER = ROUTERS["gatewayapi:v1"]
COOKIES = {"sessionAffinityCookie": "fcookie=AAAAAAAAAA", "primarySessionAffinityCookie": "pcookie=BBBBBBBBBB"}
ENDED = {"previousSessionAffinityCookie": COOKIES["sessionAffinityCookie"]}
AFFINITY = {"cookieName": "fcookie", "primaryCookieName": "pcookie", "maxAge": 600, "path": "/", "httpOnly": True}
MATCH = [{"headers": {"x-user": {"exact": "insider"}}}, {"queryParams": {"beta": {"regex": "[0-9]+"}}}]


def canary(analysis: Json, status: Mapping[str, str] | None = None, **service: Any) -> Canary:
    manifest = {
        "metadata": {"name": "app", "namespace": NAMESPACE, "uid": "c0ffee"},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"},
            "service": {"port": 80, "gatewayRefs": [{"name": "public"}], **service},
            "analysis": {"interval": "10s", **analysis},
        },
        "status": status or {},
    }
    return msgspec.convert(manifest, Canary)


async def write(arena: Arena, spec: Canary, routing: Routing) -> None:
    """The routing is in force when this returns."""
    (manifest,) = ROUTER.route(spec, routing, {})
    assert isinstance(manifest, dict)
    written = await arena.client.apply(manifest)
    conditions = await arena.in_force("app", written["metadata"]["generation"])
    assert conditions["Accepted"]["status"] == "True", conditions["Accepted"]["message"]
    assert ROUTER.routing(spec, {ROUTER.reads(spec)[0]: written}) == routing


class Users:
    """People who call as fast as they are answered; what they got, by kind of user."""

    def __init__(self, arena: Arena, kinds: Mapping[str, tuple[str, Mapping[str, str]]]) -> None:
        self._arena = arena
        self._kinds = kinds
        self.failed: list[object] = []
        self._got: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
        self._over = False

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[Users]:
        async with asyncio.TaskGroup() as group:
            for kind, (path, headers) in self._kinds.items():
                group.create_task(self._call(kind, path, headers))
            try:
                yield self
            finally:
                self._over = True

    async def _call(self, kind: str, path: str, headers: Mapping[str, str]) -> None:
        while not self._over:
            status, answer = await self._arena.get(path, **headers)
            if status != 200:
                self.failed.append((kind, status, answer))
            self._got[kind][answer] += 1

    async def then(self, requests: int = 25) -> dict[str, set[str]]:
        """Who answered each kind of user from now on. What is under way still belongs to before."""
        for kind in self._kinds:
            await self._answers(kind, 2)
        for got in self._got.values():
            got.clear()
        for kind in self._kinds:
            await self._answers(kind, requests)
        return {kind: set(got) for kind, got in self._got.items()}

    async def _answers(self, kind: str, number: int) -> None:
        begun = self._got[kind].total()
        await until(lambda: self._got[kind].total() >= begun + number)


KINDS = {
    "by header": ("/", {"x-user": "insider"}),
    "by query": ("/any?beta=7", {}),
    "wrong header": ("/", {"x-user": "insiders"}),
    "wrong query": ("/?beta=no", {}),
    "others": ("/", {}),
}
INSIDERS = {"by header", "by query"}


async def test_in_an_ab_test_the_matching_users_move_and_no_others(arena: Arena) -> None:
    spec = canary({"iterations": 5, "match": MATCH})
    users = Users(arena, KINDS)
    await write(arena, spec, TO_PRIMARY)
    async with users.calling():
        assert await users.then() == {kind: {"primary"} for kind in KINDS}
        await write(arena, spec, Routing(0, 100))
        assert await users.then() == {kind: {"canary" if kind in INSIDERS else "primary"} for kind in KINDS}
        await write(arena, spec, TO_PRIMARY)
        assert await users.then() == {kind: {"primary"} for kind in KINDS}
    assert users.failed == []


async def test_a_test_holds_within_the_services_own_match(arena: Arena) -> None:
    spec = canary(
        {"iterations": 5, "match": MATCH[:1]},
        match=[{"uri": {"prefix": "/shop"}}],
        rewrite={"type": "ReplacePrefixMatch", "uri": "/"},
    )
    await write(arena, spec, Routing(0, 100))
    assert await arena.get("/shop/x", **{"x-user": "insider"}) == (200, "canary")
    assert await arena.get("/shop/x") == (200, "primary")
    assert (await arena.get("/", **{"x-user": "insider"}))[0] == 404
    assert arena.backends["canary"].headers[-1].startswith("GET /x ")


async def test_with_weights_only_the_matching_users_are_split(arena: Arena) -> None:
    await write(arena, canary({"stepWeight": 50, "match": MATCH}), Routing(50, 50))
    users = Users(arena, KINDS)
    async with users.calling():
        found = await users.then(60)
    assert found == {kind: {"primary", "canary"} if kind in INSIDERS else {"primary"} for kind in KINDS}
    assert users.failed == []


async def test_a_mirror_stage_copies_every_request_and_its_end_copies_none(arena: Arena) -> None:
    spec = canary({"mirror": True, "stepWeight": 10})
    copies = arena.backends["canary"]
    users = Users(arena, {"others": ("/", {})})
    await write(arena, spec, TO_PRIMARY)
    async with users.calling():
        assert await users.then() == {"others": {"primary"}}
        assert copies.served == 0
        await write(arena, spec, Routing(100, 0, True))
        assert await users.then() == {"others": {"primary"}}
        await until(lambda: copies.served >= 25)
        await write(arena, spec, TO_PRIMARY)
        await users.then(2)
        ended = copies.served
        await users.then()
    assert copies.served <= ended + 1  # a copy may have been on its way
    assert users.failed == []


async def test_a_mirror_that_hangs_or_dies_is_not_noticed(arena: Arena) -> None:
    await write(arena, canary({"mirror": True, "stepWeight": 10}), Routing(100, 0, True))
    arena.backends["primary"].hold.set()
    for _ in range(10):
        assert await arena.get("/slow") == (200, "primary")  # the canary holds it
    arena.backends["canary"].stop()
    assert set(await arena.counts(20)) == {"primary"}


async def test_a_part_of_the_requests_is_copied(arena: Arena) -> None:
    await write(arena, canary({"mirror": True, "mirrorWeight": 20, "stepWeight": 10}), Routing(100, 0, True))
    assert set(await arena.counts(300)) == {"primary"}
    assert 20 <= arena.backends["canary"].served <= 110  # 60 are expected; 99.9999 % lie between 26 and 98


async def given(arena: Arena) -> tuple[str, str | None]:
    """The answer to a user who comes for the first time, and the cookie that comes with it."""
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as fresh,
        fresh.get(arena.url) as response,
    ):
        assert response.status == 200
        return await response.text(), response.headers.get("Set-Cookie")


def holder(cookie: str) -> tuple[str, dict[str, str]]:
    return "/", {"Cookie": f"theme=dark; {cookie}; lang=en"}


async def test_users_stay_where_they_were_first_while_the_weight_grows_and_are_let_go_after(arena: Arena) -> None:
    analysis = {"stepWeight": 30, "sessionAffinity": AFFINITY}
    service: Json = {"headers": {"response": {"add": {"x-res": "1"}}}}
    kept = {"canary": holder("fcookie=AAAAAAAAAA"), "primary": holder("pcookie=BBBBBBBBBB")}
    users = Users(arena, kept | {"stranger": holder("fcookie=ZZZZZZZZZZ")})
    await write(arena, canary(analysis, **service), TO_PRIMARY)
    async with users.calling():
        for weight in (30, 60):
            await write(arena, canary(analysis, COOKIES, **service), Routing(100 - weight, weight))
            found = await users.then(40)
            assert found == {"canary": {"canary"}, "primary": {"primary"}, "stranger": {"canary", "primary"}}
        seen = {await given(arena) for _ in range(60)}
        attributes = "HttpOnly; Path=/"
        assert seen == {
            ("canary", f"fcookie=AAAAAAAAAA; Max-Age=600; {attributes}"),
            ("primary", f"pcookie=BBBBBBBBBB; Max-Age=10; {attributes}"),
        }
        await write(arena, canary(analysis, COOKIES, **service), Routing(0, 100))
        assert await users.then() == {kind: {"canary"} for kind in ("canary", "primary", "stranger")}
        await write(arena, canary(analysis, ENDED, **service), TO_PRIMARY)
        assert await users.then() == {kind: {"primary"} for kind in ("canary", "primary", "stranger")}
        assert await given(arena) == ("primary", None)
    assert users.failed == []
    async with arena.http.get(arena.url, headers=kept["canary"][1]) as response:
        assert response.headers.getall("Set-Cookie") == [f"fcookie=AAAAAAAAAA; Max-Age=-1; {attributes}"]
        assert response.headers["x-res"] == "1"


async def test_a_cookie_is_taken_away_though_the_service_gives_one_of_its_own(arena: Arena) -> None:
    service: Json = {"headers": {"response": {"add": {"Set-Cookie": "lang=en"}}}}
    await write(arena, canary({"stepWeight": 30, "sessionAffinity": AFFINITY}, ENDED, **service), TO_PRIMARY)
    async with arena.http.get(arena.url, headers=holder("fcookie=AAAAAAAAAA")[1]) as response:
        assert sorted(response.headers.getall("Set-Cookie")) == [
            "fcookie=AAAAAAAAAA; Max-Age=-1; HttpOnly; Path=/",
            "lang=en",
        ]
