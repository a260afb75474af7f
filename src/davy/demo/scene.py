"""All that the demo has seen so far: canaries, pods, Events and counts; every change wakes those who wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from typing import TypeVar

from davy.api.canary import Canary
from davy.demo.errors import DemoFailed
from davy.demo.load.tally import Progress, failed_otherwise
from davy.demo.seen import Deployment
from davy.demo.view import AppView, Check, Event, Side, View

T = TypeVar("T")


class Anyone:
    """All releases of all apps."""

    def __contains__(self, release: object) -> bool:
        return True


class Scene:
    """The present state of the run. The `take_…` methods are called as news come in; nothing here asks for any."""

    def __init__(self, clock: Callable[[], float], bad: frozenset[tuple[str, str]] = frozenset()) -> None:
        self.clock = clock
        self.forgiven: Container[tuple[str, str]] = bad  # whose own errors are no failures, as (target, version)
        self.chapter = ""
        self.canaries: dict[str, Canary] = {}
        self.deployments: dict[str, Deployment] = {}
        self.ready_endpoints: dict[str, int] = {}
        self.events: list[Event] = []
        self.load = Progress()
        self.first_pod = 0.0  # when the first pod was ready
        self.loaded = 0.0  # when the first requests were to be sent
        self._listeners: list[Callable[[], None]] = []
        self._news = asyncio.Event()

    @contextmanager
    def listening(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call `listener` after every change, as long as this lasts."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def changed(self) -> None:
        """Something is new: wake everybody."""
        self._news.set()
        self._news = asyncio.Event()
        for listener in tuple(self._listeners):
            listener()

    def begin(self, chapter: str) -> None:
        """A new part of the story."""
        self.chapter = chapter
        self.changed()

    def take_canary(self, canary: Canary) -> None:
        self.canaries[canary.name] = canary
        self.changed()

    def take_deployment(self, deployment: Deployment) -> None:
        self.deployments[deployment.metadata.name] = deployment
        self.changed()

    def take_endpoints(self, service: str, ready: int) -> None:
        self.ready_endpoints[service] = ready
        self.changed()

    def take_event(self, app: str, text: str, *, warning: bool) -> None:
        self.events.append(Event(self.clock(), app, warning, text))
        self.changed()

    def take_load(self, progress: Progress) -> None:
        self.load = progress
        self.changed()

    @property
    def failed(self) -> int:
        """Requests that failed and not by a bad release's own error."""
        return failed_otherwise(self.load.counts, self.forgiven)

    async def until(self, seen: Callable[[], T | None], within: float, what: str) -> T:
        """Wait until `seen` gives something. Raises DemoFailed after `within` seconds, saying what all canaries say."""
        try:
            async with asyncio.timeout(within):
                while True:
                    news = self._news
                    if (found := seen()) is not None:
                        return found
                    await news.wait()
        except TimeoutError:
            raise DemoFailed(f"waited {within:g} s in vain for {what}", *self.words()) from None

    def words(self) -> tuple[str, ...]:
        """What each canary says about itself, for whoever has to find out why nothing happens."""
        return tuple(_words(canary) for canary in self.canaries.values()) or ("there is no Canary yet",)

    def view(self) -> View:
        """What there is to see now."""
        return View(
            elapsed=self.clock(),
            chapter=self.chapter,
            apps=tuple(self._app(canary) for canary in self.canaries.values()),
            rates=self.load.rates,
            requests=self.load.requests,
            failed=self.failed,
            events=tuple(self.events),
        )

    def _app(self, canary: Canary) -> AppView:
        status = canary.status
        wanted = canary.analysis.iterations
        return AppView(
            name=canary.name,
            provider=canary.spec.provider,
            phase=status.phase,
            weight=status.canary_weight,
            step=f"{status.iterations} of {wanted}" if wanted else "",
            failed_checks=status.failed_checks,
            primary=self._side(canary.primary_name),
            canary=self._side(canary.spec.target_ref.name),
            checks=latest_checks(canary),
            judged=max((entry.time or "" for entry in status.analysis), default=""),
            message=status.message,
        )

    def _side(self, name: str) -> Side:
        deployment = self.deployments.get(name)
        return deployment.side if deployment else Side()


def latest_checks(canary: Canary) -> tuple[Check, ...]:
    """The last measurement of each metric, in the order of the spec."""
    latest = {
        entry.metric: Check(entry.metric, entry.value, entry.verdict, entry.min, entry.max, entry.time or "")
        for entry in canary.status.analysis
    }
    return tuple(latest[metric.name] for metric in canary.analysis.metrics if metric.name in latest)


def _words(canary: Canary) -> str:
    said = [f"{canary.name} is {canary.status.phase or 'new'}", *filter(None, [canary.status.message])]
    conditions = (f"{c.type}={c.status} ({c.reason}): {c.message}" for c in canary.status.conditions)
    return "; ".join((*said, *conditions))
