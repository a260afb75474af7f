"""The embedded API server in a process of its own, started and ended as the real one is.

By hand: `python -m tests.conformance.parts.embedded KUBECONFIG [CONTROLLER…]` writes that file; Ctrl-C ends it.
"""

import asyncio
import functools
import importlib.util
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tests.conformance.parts.build import MissingPartError
from tests.conformance.parts.control_plane import COLLECTORS, WORKLOADS
from tests.conformance.parts.processes import Part, start

if TYPE_CHECKING:
    from davy.kube.client import Client

COMPACTED = "compacted"


@dataclass(slots=True)
class Embedded:
    """A context manager; `controllers` carry kube-controller-manager's names."""

    controllers: Sequence[str] = COLLECTORS
    patience: float = 6.0
    directory: Path = field(init=False)
    _part: Part = field(init=False)
    _stack: ExitStack = field(init=False, default_factory=ExitStack)

    def __enter__(self) -> Self:
        if importlib.util.find_spec("davy.cluster") is None or importlib.util.find_spec("davy.cluster.server") is None:
            raise MissingPartError("davy.cluster.server is not written yet", obtainable=False)
        with ExitStack() as stack:
            self.directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="davy-embedded-")))
            command = [sys.executable, "-m", "tests.conformance.parts.embedded", self.kubeconfig, *self.controllers]
            self._part = start([str(word) for word in command], self.directory)
            stack.callback(self._part.end)
            self._part.wait_until(lambda: self.kubeconfig.exists() and self.kubeconfig.stat().st_size > 0)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    @property
    def kubeconfig(self) -> Path:
        """The path of an administrator's kubeconfig."""
        return self.directory / "kubeconfig"

    def compact(self) -> None:
        """Forgets all revisions but the newest."""
        done = self.directory / COMPACTED
        done.unlink(missing_ok=True)
        self._part.process.send_signal(signal.SIGUSR1)
        self._part.wait_until(done.exists)


async def _serve(kubeconfig: Path, controllers: Sequence[str]) -> None:
    from davy.cluster.server import ApiServer
    from davy.kube.client import Client
    from davy.kube.config import load_config

    async with ApiServer() as server:
        compact = functools.partial(_compact, server.store.compact, kubeconfig)
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, compact)
        server.write_kubeconfig(kubeconfig)
        async with Client(load_config(str(kubeconfig)), manager="embedded-controllers") as client:
            await _control(client, set(controllers) >= set(WORKLOADS))


def _compact(forget: Callable[[], None], kubeconfig: Path) -> None:
    forget()
    kubeconfig.with_name(COMPACTED).touch()


async def _control(client: "Client", workloads: bool) -> None:
    """All workload controllers, or only those that collect what was left behind."""
    from davy.cluster.workloads.caches import Caches
    from davy.cluster.workloads.controllers import Controllers
    from davy.cluster.workloads.events import Events
    from davy.cluster.workloads.garbage import Garbage
    from davy.cluster.workloads.inventory import Inventory
    from davy.cluster.workloads.namespace import Namespaces
    from davy.cluster.workloads.writes import Hand

    caches = Caches(client)
    inventory = Inventory(client, caches)
    hand = Hand(client, caches, Events(client, "collectors", _now))
    garbage, namespaces = Garbage(client, inventory, hand), Namespaces(client, caches, inventory, hand)
    parts = [Controllers(client, caches, _now)] if workloads else [garbage, namespaces, inventory]
    async with asyncio.TaskGroup() as tasks:
        for each in (caches, *parts):
            tasks.create_task(each.run())


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), sys.argv[2:]))
