"""ConfigMaps and Secrets are read when their version moves, once for all, and never taken for gone by mistake."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, cast

import msgspec
import pytest

from davy.api.ref import Ref
from davy.controller.contents import AT_ONCE, PATIENCE, Contents
from davy.controller.queue import Key
from davy.kube import objects
from davy.kube.errors import Forbidden, NotFound, ServerError, Unreachable
from davy.kube.kinds import Kind
from davy.kube.objects import Object
from davy.perceive import Tracked

pytestmark = pytest.mark.looptime

ONE, OTHER = Ref("v1", "Secret", "test", "one"), Ref("v1", "ConfigMap", "test", "other")
KEY: Key = ("test", "app")
EMPTY = "74234e98afe7498f"


class Server:
    """What is stored, and what a watch tells of it."""

    def __init__(self) -> None:
        self.stored: dict[Ref, dict[str, Any]] = {}
        self.told: dict[Ref, Object] = {}
        self.reads: Counter[Ref] = Counter()
        self.woken: list[Ref] = []
        self.answer: Callable[[Ref], Awaitable[None]] | None = None
        self.under_way = self.most_at_once = 0

    def store(self, ref: Ref, version: str, **fields: Any) -> None:
        metadata = {"name": ref.name, "namespace": ref.namespace, "uid": f"uid-{ref.name}", "resourceVersion": version}
        self.stored[ref] = {"metadata": metadata, **fields}
        raw = msgspec.json.encode({"metadata": metadata})
        self.told[ref] = objects.read(Kind(ref.api_version, ref.kind), raw)

    async def get(self, kind: Kind, namespace: str, name: str, *, type: object) -> bytes:  # noqa: A002
        ref = Ref(kind.api_version, kind.kind, namespace, name)
        self.reads[ref] += 1
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            await (self.answer(ref) if self.answer else asyncio.sleep(0.1))
        finally:
            self.under_way -= 1
        if ref not in self.stored:
            raise NotFound("gone")
        return msgspec.json.encode(self.stored[ref])


@pytest.fixture
async def server() -> Server:
    return Server()


@pytest.fixture
async def contents(server: Server) -> Contents:
    made = Contents(cast(Any, server), server.told.get, server.woken.append)
    made.use(KEY, [ONE, OTHER])
    return made


async def test_nothing_is_read_while_no_version_moves(server: Server, contents: Contents) -> None:
    server.store(ONE, "1")
    for _ in range(3):
        await contents.read([ONE], whole=False)
    assert server.reads == {ONE: 1}
    assert contents.tracked(ONE, optional=False) == Tracked(EMPTY)
    server.store(ONE, "2", data={"k": "djE="})
    assert contents.tracked(ONE, optional=False).unread
    await contents.read([ONE], whole=False)
    assert server.reads == {ONE: 2}
    assert contents.tracked(ONE, optional=False).checksum not in (None, EMPTY)


async def test_an_object_of_the_same_name_made_anew_is_read_anew(server: Server, contents: Contents) -> None:
    server.store(ONE, "5")
    await contents.read([ONE], whole=False)
    server.store(ONE, "4")
    server.told[ONE] = msgspec.structs.replace(server.told[ONE], uid="another")
    await contents.read([ONE], whole=False)
    assert server.reads == {ONE: 2}


async def test_what_two_canaries_use_is_read_once(server: Server, contents: Contents) -> None:
    server.store(ONE, "1")
    contents.use(("test", "second"), [ONE])
    await asyncio.gather(contents.read([ONE], whole=False), contents.read([ONE], whole=True))
    assert server.reads == {ONE: 1}


async def test_many_are_read_at_once_but_not_all(server: Server, contents: Contents) -> None:
    refs = [Ref("v1", "Secret", "test", str(number)) for number in range(44)]
    contents.use(KEY, refs)
    for ref in refs:
        server.store(ref, "1")
    began = asyncio.get_running_loop().time()
    await contents.read(refs, whole=False)
    assert asyncio.get_running_loop().time() - began < 0.5
    assert server.most_at_once == AT_ONCE
    assert all(contents.tracked(ref, optional=False) == Tracked(EMPTY) for ref in refs)


async def test_content_is_kept_as_long_as_somebody_needs_it(server: Server, contents: Contents) -> None:
    second: Key = ("test", "second")
    server.store(OTHER, "1", data={"k": "v"})
    contents.use(second, [OTHER])
    for key in (KEY, second):
        contents.keep(key, [OTHER])
    await contents.read([OTHER], whole=True)
    contents.keep(KEY, ())
    found = contents.whole(OTHER)
    assert found is not None
    assert (found["kind"], found["data"]) == ("ConfigMap", {"k": "v"})
    contents.keep(second, ())
    assert contents.whole(OTHER) is None
    assert contents.tracked(OTHER, optional=False).checksum
    await contents.read([OTHER], whole=True)
    assert server.reads == {OTHER: 2}


async def test_what_is_not_used_any_more_is_forgotten(server: Server, contents: Contents) -> None:
    server.store(ONE, "1")
    await contents.read([ONE], whole=True)
    contents.forget(KEY)
    assert contents.whole(ONE) is None
    contents.use(KEY, [ONE])
    await contents.read([ONE], whole=False)
    assert server.reads == {ONE: 2}


async def test_what_does_not_exist_is_missing_only_if_it_is_needed(server: Server, contents: Contents) -> None:
    await contents.read([ONE], whole=False)
    assert server.reads == {}
    assert contents.tracked(ONE, optional=True) == Tracked(None)
    assert contents.tracked(ONE, optional=False) == Tracked(None, "Secret test/one does not exist", missing=True)


@pytest.mark.parametrize("fields", [{"type": "kubernetes.io/dockerconfigjson"}, {"type": "helm.sh/release.v1"}])
async def test_what_others_keep_is_not_tracked(server: Server, contents: Contents, fields: dict[str, Any]) -> None:
    server.store(ONE, "1", data={"k": "djE="}, **fields)
    await contents.read([ONE], whole=False)
    assert contents.tracked(ONE, optional=False) == Tracked(None)


@pytest.mark.parametrize("optional", [True, False])
@pytest.mark.parametrize("error", [Forbidden("no"), ServerError("no"), Unreachable("no"), ZeroDivisionError("fault")])
async def test_what_cannot_be_read_is_not_gone_and_is_tried_again_ever_more_seldom(
    server: Server, contents: Contents, error: Exception, optional: bool
) -> None:
    async def fails(ref: Ref) -> None:
        raise error

    server.store(ONE, "1")
    server.answer = fails
    loop = asyncio.get_running_loop()
    begun, moments = loop.time(), []
    await contents.read([ONE], whole=False)
    for _ in range(8):
        assert "Secret test/one cannot be" in contents.tracked(ONE, optional=optional).unread
        await contents.read([ONE], whole=False)
        while not server.woken:
            await asyncio.sleep(0.5)
        server.woken.clear()
        moments.append(loop.time() - begun)
        await contents.read([ONE], whole=False)
    pauses = [later - earlier for earlier, later in zip([0.0, *moments], moments, strict=False)]
    assert pauses == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60], abs=0.6)
    assert server.reads == {ONE: 9}
    server.answer = None
    await asyncio.sleep(61)
    await contents.read([ONE], whole=False)
    assert contents.tracked(ONE, optional=optional) == Tracked(EMPTY)
    await contents.close()


async def test_what_was_known_before_it_could_not_be_read_is_not_taken_for_the_truth(
    server: Server, contents: Contents
) -> None:
    async def fails(ref: Ref) -> None:
        raise Forbidden("no")

    server.store(ONE, "1")
    await contents.read([ONE], whole=False)
    server.answer = fails
    server.store(ONE, "2")
    await contents.read([ONE], whole=False)
    assert contents.tracked(ONE, optional=False) == Tracked(None, "Secret test/one cannot be read: no")
    await contents.close()


async def test_a_slow_read_does_not_hold_up_the_tick_and_wakes_it_in_the_end(
    server: Server, contents: Contents
) -> None:
    async def slow(ref: Ref) -> None:
        await asyncio.sleep(30 if ref == ONE else 0.1)

    server.store(ONE, "1")
    server.store(OTHER, "1")
    server.answer = slow
    begun = asyncio.get_running_loop().time()
    await contents.read([ONE, OTHER], whole=False)
    assert asyncio.get_running_loop().time() - begun == pytest.approx(PATIENCE)
    assert contents.tracked(ONE, optional=False) == Tracked(None, "Secret test/one has not been read yet")
    assert contents.tracked(OTHER, optional=False) == Tracked(EMPTY)
    assert server.woken == []
    await asyncio.sleep(30)
    assert server.woken == [ONE]
    assert contents.tracked(ONE, optional=False) == Tracked(EMPTY)


async def test_what_went_while_it_was_read_is_no_failure(server: Server, contents: Contents) -> None:
    server.store(ONE, "1")
    del server.stored[ONE]
    await contents.read([ONE], whole=False)
    assert contents.tracked(ONE, optional=True).unread  # until the watch says that it is gone
    del server.told[ONE]
    assert contents.tracked(ONE, optional=True) == Tracked(None)
    assert server.woken == []
