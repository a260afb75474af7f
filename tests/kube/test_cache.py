"""A cache ends up with what the server has, whatever happens on the way."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kube.scripted import Answer, Server, event, listing, ok, raw, status, stream, thing

from davy.kube.cache import Cache, Change, Object
from davy.kube.client import Client, Listing
from davy.kube.errors import Expired, KubeError, ServerError, TooManyRequests, Unreachable
from davy.kube.identity import Config
from davy.kube.kinds import Kind
from davy.kube.watch import WatchEvent

POD = Kind("v1", "Pod")
PODS = "/api/v1/pods"


# -- any history ends well


class World(Client):
    """The server's truth and its log, without HTTP; a watch can be cut, and the log compacted."""

    def __init__(self) -> None:
        super().__init__(Config("http://nowhere"))
        self.version = 10
        self.objects: dict[str, dict[str, Any]] = {}
        self.log: list[tuple[int, str, dict[str, Any]]] = []
        self.ended: set[str] = set()  # uids
        self.floor = 0
        self.failures: list[KubeError] = []
        self.cut: KubeError | str | None = None
        self.news = asyncio.Event()

    def write(self, name: str) -> bytes:
        """Creates or changes an object; the reply."""
        self.version += 1
        old = self.objects.get(name)
        uid = old["metadata"]["uid"] if old else f"uid-{self.version}"
        self.objects[name] = thing(name, self.version, uid=uid)
        self._log("MODIFIED" if old else "ADDED", self.objects[name])
        return json.dumps(self.objects[name]).encode()

    def remove(self, name: str) -> None:
        if name in self.objects:
            self.version += 1
            last = self.objects.pop(name)
            self.ended.add(last["metadata"]["uid"])
            self._log("DELETED", {**last, "metadata": {**last["metadata"], "resourceVersion": str(self.version)}})

    def bookmark(self) -> None:
        self.version += 1  # something else was written
        self._log("BOOKMARK", {"metadata": {"resourceVersion": str(self.version)}})

    def compact(self) -> None:
        self.floor = self.version

    def interrupt(self, why: KubeError | str) -> None:
        self.cut = why
        self.news.set()

    def _log(self, kind: str, obj: dict[str, Any]) -> None:
        self.log.append((self.version, kind, obj))
        self.news.set()

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop()

    async def list(self, *_: Any, **__: Any) -> Any:
        self._fail()
        items = tuple(msgspec.Raw(json.dumps(each).encode()) for each in self.objects.values())
        version = str(self.version)
        await asyncio.sleep(0)  # the world may go on before the answer arrives
        return Listing(items, version)

    async def watch(self, *_: Any, resource_version: str, **__: Any) -> AsyncGenerator[WatchEvent, None]:
        self._fail()
        at = int(resource_version)
        if at < self.floor:
            raise Expired("too old")
        while True:
            self.news.clear()
            for version, kind, obj in [each for each in self.log if each[0] > at]:
                at = version
                yield WatchEvent(kind, msgspec.Raw(json.dumps(obj).encode()))
                await asyncio.sleep(0)
            if self.cut is not None:
                why, self.cut = self.cut, None
                if isinstance(why, KubeError):
                    raise why
                return
            await self.news.wait()


@dataclass
class Replay:
    """Holds what it is told, and insists that each change fits what it holds."""

    world: World
    objects: dict[str, Object] = field(default_factory=dict)

    def __call__(self, change: Change) -> None:
        assert self.objects.get(change.object.name) == change.old, change
        match change.type:
            case "ADDED":
                assert change.old is None
                self.objects[change.object.name] = change.object
            case "MODIFIED":
                assert change.old is not None
                assert change.old.uid == change.object.uid
                assert int(change.old.resource_version) < int(change.object.resource_version)
                self.objects[change.object.name] = change.object
            case "DELETED":
                assert change.object.uid in self.world.ended
                del self.objects[change.object.name]


NAMES = st.sampled_from("abc")
FAILURES = st.sampled_from(
    [Unreachable("gone"), TooManyRequests("busy", status=429), ServerError("oops", status=500), Expired("too old")]
)
STEPS = st.one_of(
    st.tuples(st.just("write"), NAMES),
    st.tuples(st.just("own write"), NAMES),
    st.tuples(st.just("delete"), NAMES),
    st.tuples(st.just("reply arrives"), st.integers(0, 3)),
    st.tuples(st.just("bookmark"), st.none()),
    st.tuples(st.just("compact"), st.none()),
    st.tuples(st.just("cut"), st.one_of(FAILURES, st.just("the end"))),
    st.tuples(st.just("fail next"), FAILURES),
    st.tuples(st.just("time passes"), st.integers(1, 9)),
)


class History:
    """A world, a cache of it, and the verbs that happen to them."""

    def __init__(self) -> None:
        self.world = World()
        self.replay = Replay(self.world)
        self.cache = Cache(self.world, POD, random=Random(0), sleep=lambda _: asyncio.sleep(0))
        self.cache.subscribe(self.replay)
        self.replies: list[bytes] = []
        self.verbs: dict[str, Callable[[Any], object]] = {
            "write": self.world.write,
            "own write": lambda name: self.replies.append(self.world.write(name)),
            "reply arrives": self._reply,
            "delete": self.world.remove,
            "bookmark": lambda _: self.world.bookmark(),
            "compact": lambda _: self.world.compact(),
            "cut": self.world.interrupt,
            "fail next": self.world.failures.append,
        }

    def _reply(self, which: int) -> None:
        if self.replies:
            self.cache.put(self.replies.pop(which % len(self.replies)))

    async def live(self, steps: list[tuple[str, Any]]) -> None:
        running = asyncio.ensure_future(self.cache.run())
        for verb, what in steps:
            if verb == "time passes":
                await self._pass(what)
            else:
                self.verbs[verb](what)
            assert {each.name: each for each in self.cache.list()} == self.replay.objects
        while self.replies:
            self._reply(0)
        truth = {name: each["metadata"]["resourceVersion"] for name, each in self.world.objects.items()}
        for _ in range(50):
            await self._pass(10)
            if self.told() == truth:
                break
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        assert self.told() == truth
        assert {each.name: each.resource_version for each in self.cache.list()} == truth

    def told(self) -> dict[str, str]:
        return {name: each.resource_version for name, each in self.replay.objects.items()}

    async def _pass(self, turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)


@settings(max_examples=400, deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_any_history_ends_with_the_servers_truth_and_was_told_step_by_step(steps: list[tuple[str, Any]]) -> None:
    asyncio.run(History().live(steps))


# -- over HTTP


@asynccontextmanager
async def running(cache: Cache) -> AsyncIterator[None]:
    task = asyncio.ensure_future(cache.run())
    try:
        await asyncio.wait_for(cache.synced.wait(), 5)
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Told:
    """The changes a cache tells, and a way to wait for them."""

    def __init__(self, cache: Cache) -> None:
        self.names: list[tuple[str, str, str]] = []
        self._more = asyncio.Event()
        cache.subscribe(self._take)

    def _take(self, change: Change) -> None:
        self.names.append((change.type, change.object.name, change.object.resource_version))
        self._more.set()

    async def wait(self, count: int) -> list[tuple[str, str, str]]:
        while len(self.names) < count:
            self._more.clear()
            await asyncio.wait_for(self._more.wait(), 5)
        return self.names


async def until(server: Server, count: int) -> None:
    while len(server.seen) < count:
        await asyncio.sleep(0.001)


def stream_open(*chunks: bytes) -> Answer:
    """A watch that stays open after its chunks."""
    first = stream(*chunks)

    async def answer(request: Any) -> Any:
        response = await first(request)
        await asyncio.Event().wait()
        return response

    return answer


def cache_of(client: Client, pauses: list[float], **options: Any) -> Cache:
    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    return Cache(client, POD, random=Random(1), sleep=sleep, **options)


def bookmark(version: str) -> bytes:
    return event("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": version, "creationTimestamp": None}})


async def test_a_watch_resumes_from_the_last_bookmark(server: Server, client: Client, pauses: list[float]) -> None:
    server.on("GET", PODS, listing(thing("a", 3), version="5"), stream(bookmark("90")), stream_open())
    cache = cache_of(client, pauses)
    async with running(cache):
        await until(server, 3)
    assert [seen.query.get("resourceVersion") for seen in server.seen] == [None, "5", "90"]
    assert pauses == []


async def test_a_watch_resumes_from_the_last_event(server: Server, client: Client, pauses: list[float]) -> None:
    server.on("GET", PODS, listing(version="5"), stream(event("ADDED", thing("a", 8))), stream_open())
    cache = cache_of(client, pauses)
    async with running(cache):
        await until(server, 3)
    assert server.seen[2].query["resourceVersion"] == "8"


@pytest.mark.parametrize(
    "expired", [status(410, "Expired"), stream(event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired"}))]
)
async def test_an_expired_watch_lists_again_and_tells_missed_deletions(
    server: Server, client: Client, pauses: list[float], expired: Answer
) -> None:
    server.on(
        "GET",
        PODS,
        listing(thing("a", 3), thing("b", 4), version="5"),
        expired,
        listing(thing("b", 7), version="9"),
        stream_open(),
    )
    cache = cache_of(client, pauses)
    told = Told(cache)
    async with running(cache):
        assert await told.wait(4) == [
            ("ADDED", "a", "3"),
            ("ADDED", "b", "4"),
            ("DELETED", "a", "3"),
            ("MODIFIED", "b", "7"),
        ]
    assert 0.25 <= pauses[0] <= 0.5


async def test_an_undecodable_object_stops_neither_list_nor_watch(
    server: Server, client: Client, pauses: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    server.on(
        "GET",
        PODS,
        listing({"metadata": {"labels": "hunter2"}}, thing("a", 3), version="5"),
        stream_open(
            event("ADDED", {"metadata": {"name": ["hunter2"]}}),
            b"<hunter2>\n",
            event("BOOKMARK", {"metadata": {}}),
            event("ADDED", thing("b", 8)),
        ),
    )
    cache = cache_of(client, pauses)
    told = Told(cache)
    async with running(cache):
        assert await told.wait(2) == [("ADDED", "a", "3"), ("ADDED", "b", "8")]
    shown = capsys.readouterr().out
    assert shown.count("skipped") == 4
    assert "hunter2" not in shown


async def test_pauses_grow_to_thirty_seconds_and_start_anew_after_a_good_watch(
    server: Server, client: Client, pauses: list[float]
) -> None:
    bad = [listing(version="5"), status(410)]
    server.on(
        "GET", PODS, *(bad * 8), listing(version="5"), stream(bookmark("6")), status(410), listing(), stream_open()
    )
    cache = cache_of(client, pauses)
    async with running(cache):
        await until(server, 21)
    for pause, most in zip(pauses, [0.5, 1, 2, 4, 8, 16, 30, 30, 0.5], strict=True):
        assert most / 2 <= pause <= most


async def test_a_watch_that_always_ends_at_once_is_no_hot_loop(
    server: Server, client: Client, pauses: list[float]
) -> None:
    server.on("GET", PODS, listing(version="5"), stream(), stream(), stream(), stream_open())
    cache = cache_of(client, pauses)
    async with running(cache):
        await until(server, 5)
    assert len(pauses) == 3
    assert pauses[2] > pauses[0]


async def test_a_list_that_is_no_list_is_tried_again(server: Server, client: Client, pauses: list[float]) -> None:
    server.on("GET", PODS, raw(b"<html>"), ok({"metadata": []}), listing(thing("a"), version="5"), stream_open())
    cache = cache_of(client, pauses)
    async with running(cache):
        assert [each.name for each in cache.list()] == ["a"]
    assert len(pauses) == 2


async def test_our_own_write_is_seen_before_the_watch_tells_it_and_told_once(
    server: Server, client: Client, pauses: list[float]
) -> None:
    later = asyncio.Event()

    async def watch(request: Any) -> Any:
        await later.wait()
        return await stream_open(event("MODIFIED", thing("a", 8)), event("MODIFIED", thing("a", 9)))(request)

    server.on("GET", PODS, listing(thing("a", 3), version="5"), watch)
    cache = cache_of(client, pauses)
    told = Told(cache)
    async with running(cache):
        cache.put(json.dumps(thing("a", 8)).encode())
        seen = cache.get("test", "a")
        assert seen is not None
        assert seen.resource_version == "8"
        later.set()
        assert await told.wait(3) == [("ADDED", "a", "3"), ("MODIFIED", "a", "8"), ("MODIFIED", "a", "9")]


async def test_a_metadata_only_cache_keeps_no_content(server: Server, client: Client, pauses: list[float]) -> None:
    server.on("GET", PODS, listing(version="5"), stream_open())
    cache = cache_of(client, pauses, metadata_only=True)
    async with running(cache):
        cache.put(json.dumps(thing("a", 8, data={"password": "hunter2"})).encode())
        (kept,) = cache.list()
        await until(server, 2)
    assert b"hunter2" not in kept.raw
    assert all("PartialObjectMetadata" in seen.headers["Accept"] for seen in server.seen)


async def test_selectors_go_into_both_requests(server: Server, client: Client, pauses: list[float]) -> None:
    server.on("GET", "/api/v1/namespaces/shop/pods", listing(version="5"), stream_open())

    async def sleep(_: float) -> None: ...

    cache = Cache(client, POD, "shop", labels="app=x", sleep=sleep)
    async with running(cache):
        await until(server, 2)
    assert [seen.query["labelSelector"] for seen in server.seen] == ["app=x", "app=x"]
