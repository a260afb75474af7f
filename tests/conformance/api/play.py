"""Play a behaviour's steps against a server and note the answers in the form that the files keep them in."""

import asyncio
import json
import shlex
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any, Protocol

import aiohttp
from tests.conformance.api.behaviour import METHODS, Behaviour, Step
from tests.conformance.api.normal import Normal
from tests.conformance.api.wire import Answer, Watch, Wire

PATHS = {
    "core": "/api/v1/namespaces/$ns",
    "apps": "/apis/apps/v1/namespaces/$ns",
    "test": "/apis/davy.test/v1/namespaces/$ns",
}
CONTENT = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}
ABSENT = "(absent)"


class Server(Protocol):
    """What a behaviour is played against."""

    @property
    def kubeconfig(self) -> Path: ...

    @property
    def patience(self) -> float:
        """Seconds until something awaited counts as never coming."""

    def compact(self) -> None:
        """Forget every revision but the newest."""


@dataclass(slots=True)
class Play:
    """One behaviour on one server, in a namespace of its own."""

    server: Server
    wire: Wire
    namespace: str
    values: dict[str, str] = field(init=False)
    normal: Normal = field(init=False)
    watches: dict[str, Watch] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.values = {name: path.replace("$ns", self.namespace) for name, path in PATHS.items()} | {
            "ns": self.namespace
        }
        self.normal = Normal({self.namespace: "$ns", self.wire.server: "<server>"})

    async def step(self, step: Step) -> Any:
        """What the server answers to one step, normalised and cut to what the step shows."""
        if step.get("first") == "compact":
            self.server.compact()
        match step.verb:
            case "WATCH":
                return await self._watch(step)
            case "EVENTS":
                return await self._events(step)
            case "kubectl":
                return await self._kubectl(step)
        return await self._ask(step)

    async def _ask(self, step: Step) -> Any:
        assert step.verb in METHODS
        deadline = time.monotonic() + self.server.patience
        while True:
            answer = await self.wire.ask(step.verb, self._path(step), self._filled(step.get("send")), _headers(step))
            if _is_so(answer, step.get("until")) or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.05)
        for name, path in step.get("keep", {}).items():
            self.values[name] = str(next(found(answer.body, path), ""))
        return self._noted(answer, step)

    async def _watch(self, step: Step) -> Any:
        opened = await self.wire.watch(self._path(step), _headers(step))
        if isinstance(opened, Answer):
            return self._noted(opened, step)
        self.watches[step.get("as", "watch")] = opened
        return None

    async def _events(self, step: Step) -> Any:
        """`EVENTS: 3` awaits three, `EVENTS: end` all until the end, `EVENTS: BOOKMARK` all up to one of that type."""
        watch, events = self.watches[step.get("of", "watch")], list[Any]()
        while len(events) != step.argument and not (events and events[-1].get("type") == step.argument):
            event = await watch.next()
            if event is None:
                break
            events.append(event)
        return [{"type": event.get("type")} | self._shown(event.get("object", event), step) for event in events]

    async def _kubectl(self, step: Step) -> Any:
        sent = step.get("send")
        stdin = None if sent is None else json.dumps(_documents(self._filled(sent)))
        arguments = shlex.split(Template(step.argument).safe_substitute(self.values))
        kubeconfig = self.server.kubeconfig
        command = ["kubectl", f"--kubeconfig={kubeconfig}", f"--cache-dir={kubeconfig.parent}/cache"]
        command += [f"--namespace={self.namespace}", *arguments]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(self.server.patience):
            out, err = await process.communicate(None if stdin is None else stdin.encode())
        noted = {
            "code": process.returncode,
            "out": self.normal.printed(out.decode()),
            "err": self.normal.printed(err.decode()),
        }
        return {key: value for key, value in noted.items() if value != ""}

    def _noted(self, answer: Answer, step: Step) -> dict[str, Any]:
        seen = {name: answer.headers.get(name, ABSENT) for name in step.get("headers_seen", ())}
        warnings = [self.normal.text(each) for each in answer.warnings]
        return (
            {"code": answer.code} | seen | ({"warnings": warnings} if warnings else {}) | self._shown(answer.body, step)
        )

    def _shown(self, body: Any, step: Step) -> dict[str, Any]:
        normal = self.normal.of(body)
        if step.get("show") == "nothing":
            return {}
        if isinstance(step.get("show"), list):
            return {path: _only(list(found(normal, path)), path) for path in step.get("show")}
        return _failure(normal) or {"body": _without_managers(normal)}

    def _path(self, step: Step) -> str:
        return Template(Template(step.argument).safe_substitute(self.values)).safe_substitute(self.values)

    def _filled(self, value: Any) -> Any:
        match value:
            case dict():
                return {key: self._filled(each) for key, each in value.items()}
            case list():
                return [self._filled(each) for each in value]
            case str():
                return Template(value).safe_substitute(self.values)
        return value


async def play(behaviour: Behaviour, server: Server, namespace: str) -> list[Any]:
    """The answers to all steps, in their order; None for a step that has no answer."""
    async with Wire(server.kubeconfig, server.patience) as wire:
        await wire.ask("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        on = Play(server, wire, namespace)
        return [await _tried(on, step) for step in behaviour.steps]


async def _tried(on: Play, step: Step) -> Any:
    """What a step gives; an answer that never comes is an answer too, so that the steps after it are seen."""
    try:
        return await on.step(step)
    except (TimeoutError, KeyError, aiohttp.ClientError) as error:
        return {"nothing": repr(error)}


def found(value: Any, path: str) -> Iterator[Any]:
    """The values at `path`: keys and indexes between slashes, `*` every entry of a list, `~1` a slash in a key."""
    head, _, rest = path.partition("/")
    for each in _entries(value, head.replace("~1", "/")):
        yield from found(each, rest) if rest else (each,)


def _entries(value: Any, key: str) -> list[Any]:
    match value:
        case dict() if key in value:
            return [value[key]]
        case list() if key == "*":
            return value
        case list() if key.lstrip("-").isdigit() and int(key) < len(value):
            return [value[int(key)]]
    return []


def _only(values: list[Any], path: str) -> Any:
    if "*" in path:
        return values
    return values[0] if values else ABSENT


def _headers(step: Step) -> Mapping[str, str]:
    kind = {"Content-Type": CONTENT[step.get("type")]} if step.get("type") else {}
    return kind | dict(step.get("headers", {}))


def _is_so(answer: Answer, wanted: Mapping[str, Any] | None) -> bool:
    """Whether the answer has every value in `wanted` (path → value, `code` is the status code)."""
    whole = {"code": answer.code}
    return all(
        next(found(whole, p), None) == v or next(found(answer.body, p), None) == v for p, v in (wanted or {}).items()
    )


def _documents(sent: Any) -> Any:
    return {"apiVersion": "v1", "kind": "List", "items": sent} if isinstance(sent, list) else sent


def _failure(body: Any) -> dict[str, Any]:
    """What a failure says, without what all say; empty if the body is not of the one shape that a failure has."""
    shape = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    if not (isinstance(body, dict) and body.items() >= shape.items() and "code" in body):
        return {}
    return {"failure": {key: value for key, value in body.items() if key not in shape and key != "code"}}


def _without_managers(body: Any) -> Any:
    """managedFields are compared where they are the matter, elsewhere they would drown it."""
    if isinstance(body, dict):
        return {key: _without_managers(value) for key, value in body.items() if key != "managedFields"}
    return [_without_managers(each) for each in body] if isinstance(body, list) else body
