"""The embedded API server in a process of its own, started and ended as the real one is.

By hand: `python -m tests.conformance.parts.embedded [CONTROLLER…]` prints the `KUBECONFIG=` line; Ctrl-C ends it.
"""

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.conformance.parts.build import MissingPartError
from tests.conformance.parts.control_plane import COLLECTORS
from tests.conformance.parts.processes import start


@dataclass(slots=True)
class Embedded:
    """A context manager; `controllers` carry kube-controller-manager's names."""

    controllers: Sequence[str] = COLLECTORS
    directory: Path = field(init=False)
    _input: "subprocess.Popen[bytes]" = field(init=False)
    _stack: ExitStack = field(init=False, default_factory=ExitStack)

    def __enter__(self) -> Self:
        if importlib.util.find_spec("davy.cluster") is None or importlib.util.find_spec("davy.cluster.server") is None:
            raise MissingPartError("davy.cluster.server is not written yet", obtainable=False)
        with ExitStack() as stack:
            self.directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="davy-embedded-")))
            command = [sys.executable, "-m", "tests.conformance.parts.embedded", self.kubeconfig, *self.controllers]
            part = start([str(word) for word in command], self.directory)
            stack.callback(part.end)
            part.wait_until(lambda: self.kubeconfig.exists() and self.kubeconfig.stat().st_size > 0)
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
