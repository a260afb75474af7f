"""`davy run`: the operator."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import click
import structlog
import uvloop
from msgspec import Struct

from davy import __version__
from davy.cli import logs
from davy.cli.go_flags import GoCommand, is_url
from davy.cli.run_flags import FLAGS, klogs
from davy.cli.run_place import LEASE, ConfigError, Place, lease_namespace, one_cluster, place
from davy.controller.process import PACE, Pace, operator
from davy.kube.client import Client
from davy.kube.errors import KubeError
from davy.kube.lease import Lease, LeaseLost
from davy.settings import Settings

EXPECTED = (KubeError, ConfigError, OSError, LeaseLost)
"""What can go wrong without a fault in the program: one line for people."""

STOP_WITHIN = 2.9
"""Seconds from the signal to the end, whatever hangs."""

log = structlog.get_logger("davy")


class Given(Struct, frozen=True, kw_only=True):
    """What was said of the process itself; `Settings` holds what was said of canaries."""

    kubeconfig: str | None
    context: str | None
    master: str | None
    kubeconfig_service_mesh: str | None
    enable_leader_election: bool | None
    leader_election_namespace: str
    threadiness: int
    control_loop_interval: timedelta
    listen: str
    port: int
    log_level: str
    zap_encoding: str

    @property
    def pace(self) -> Pace:
        return Pace(max(self.threadiness, PACE.workers), self.control_loop_interval.total_seconds())


@click.command(
    name="run",
    cls=GoCommand,
    params=[*FLAGS, *klogs()],
    epilog="Every flag may be written with one dash or two, as in Flagger; a variable of the environment that is set "
    "wins over its flag. The flags of klog (-v, -logtostderr, …) are accepted, and have no effect.",
)
def run(version: bool, **said: Any) -> None:
    """Run the operator until it is told to stop (SIGTERM, SIGINT)."""
    if version:
        click.echo(f"davy, version {__version__}")
        return
    given, settings = read(**said)
    one_cluster(given.kubeconfig, given.kubeconfig_service_mesh)
    logs.begin(given.log_level, given.zap_encoding)
    for doubt in doubts(settings):
        log.warning(doubt)
    try:
        uvloop.run(operate(given, settings))
    except EXPECTED as error:
        raise click.ClickException(str(error)) from None
    except BaseExceptionGroup as group:
        expected, others = group.split(EXPECTED)
        if others or expected is None:
            raise
        told = {str(error) for error in leaves(expected) if not isinstance(error, LeaseLost)}
        if not told:
            sys.exit(1)  # the log has told of the lease
        raise click.ClickException("; ".join(sorted(told))) from None


def read(**said: Any) -> tuple[Given, Settings]:
    """The flags, by their names in Python, as what they are about."""
    return (
        Given(**{name: said[name] for name in Given.__struct_fields__}),
        Settings(**{name: said[name] for name in Settings.__struct_fields__}),
    )


async def operate(given: Given, settings: Settings) -> None:
    """Returns once it was told to stop and has."""
    told = told_to_stop()
    where = place(given.kubeconfig, given.context, given.master)
    host = given.listen or everywhere()
    async with (
        Client(where.config) as client,
        operator(
            client,
            settings,
            clock=lambda: datetime.now(UTC),
            host=host,
            port=given.port,
            lease=lease(client, where, given, settings),
            pace=given.pace,
        ) as port,
    ):
        log.info("listening", address=f"{host}:{port}", version=__version__)
        await told.wait()
        log.info("stopping")


def told_to_stop() -> asyncio.Event:
    """Set by the first signal. The second ends the process at once, and so does waiting too long after the first."""
    told, loop = asyncio.Event(), asyncio.get_running_loop()

    def heard() -> None:
        if told.is_set():
            os._exit(1)
        told.set()
        loop.call_later(STOP_WITHIN, os._exit, 1)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, heard)
    return told


def lease(client: Client, where: Place, given: Given, settings: Settings) -> Lease | None:
    asked = given.enable_leader_election
    namespace = lease_namespace(where, settings.namespace, asked, given.leader_election_namespace)
    if namespace is None:
        return None
    if asked is False:
        log.warning("a lease is taken all the same: in a pod, two replicas must never work at once")
    return Lease(client, namespace, LEASE, f"{socket.gethostname()}_{uuid4()}")


def everywhere() -> str:
    """The host that stands for all addresses; some machines know no IPv6."""
    try:
        with socket.socket(socket.AF_INET6) as tried:
            tried.bind(("::", 0))
    except OSError:
        return "0.0.0.0"
    return ""


def doubts(settings: Settings) -> Iterator[str]:
    """What Flagger takes and then sends nothing for."""
    for name in ("slack_url", "msteams_url", "event_webhook"):
        if getattr(settings, name) and not is_url(getattr(settings, name)):
            yield f"--{name.replace('_', '-')} is not a URL; nothing can be sent there"
    if settings.slack_url and not settings.msteams_url and not settings.slack_channel:
        yield "--slack-url is set without --slack-channel; no alerts are sent to Slack"


def leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    return [
        leaf
        for error in group.exceptions
        for leaf in (leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    ]
