"""`davy run`: the operator."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import click
import structlog
import uvloop

from davy.api import durations
from davy.controller.process import operator
from davy.kube.client import Client
from davy.kube.config import ConfigError, load_config
from davy.kube.errors import KubeError
from davy.settings import FLAGGER_MINIMUM_INTERVAL, Settings

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}


EXPECTED = (KubeError, ConfigError, OSError)
"""What can go wrong at the start without a fault in the program: one line for people."""


class Duration(click.ParamType[timedelta]):
    """A Go duration: 10s, 500ms, 1m30s."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            return timedelta(seconds=durations.parse(str(value)))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Url(click.ParamType[str]):
    """Where a server is: http or https, and a host."""

    name = "url"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            parts = urlsplit(str(value))
            whole = parts.scheme in ("http", "https") and parts.hostname
        except ValueError:
            whole = None
        if not whole:
            self.fail(f"{value!r} is not a URL; write for example http://prometheus:9090", param, ctx)
        return str(value)


def listed(ctx: click.Context, param: click.Parameter, value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


@click.command(name="run")
@click.option("--kubeconfig", default=None, help="Kubeconfig; without it $KUBECONFIG, ~/.kube/config or the pod's own.")
@click.option("--context", default=None, help="Context of the kubeconfig; its current one if left out.")
@click.option("--namespace", default="", help="Watch this namespace only.")
@click.option(
    "--mesh-provider", default=Settings().mesh_provider, show_default=True, help="Provider of canaries that name none."
)
@click.option("--metrics-server", type=Url(), default=Settings().metrics_server, show_default=True, help="Prometheus.")
@click.option(
    "--selector-labels",
    default=",".join(Settings().selector_labels),
    show_default=True,
    callback=listed,
    help="Labels that may select a target's pods.",
)
@click.option(
    "--include-label-prefix",
    default="",
    callback=listed,
    help="Prefixes of labels and annotations copied to primaries; * for all.",
)
@click.option("--no-cross-namespace-refs", is_flag=True, help="Refuse references into other namespaces.")
@click.option(
    "--minimum-interval",
    type=Duration(),
    default=FLAGGER_MINIMUM_INTERVAL,
    help="Shortest analysis interval; 10s if left out, as in Flagger.",
)
@click.option("--listen", default="0.0.0.0", show_default=True, help="Address of /metrics, /healthz and /readyz.")
@click.option("--port", default=8080, show_default=True, help="Port of /metrics, /healthz and /readyz.")
@click.option("--log-level", type=click.Choice(sorted(LEVELS)), default="info", show_default=True)
def run(kubeconfig: str | None, context: str | None, listen: str, port: int, log_level: str, **options: object) -> None:
    """Run the operator until it is told to stop (SIGTERM, SIGINT)."""
    log_as_json(LEVELS[log_level])
    settings = Settings(**options)  # type: ignore[arg-type]
    try:
        uvloop.run(operate(kubeconfig, context, settings, listen, port))
    except EXPECTED as error:
        raise click.ClickException(str(error)) from None
    except BaseExceptionGroup as group:
        expected, others = group.split(EXPECTED)
        if others or expected is None:
            raise
        raise click.ClickException("; ".join(sorted({str(error) for error in leaves(expected)}))) from None


async def operate(kubeconfig: str | None, context: str | None, settings: Settings, listen: str, port: int) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    async with (
        Client(load_config(kubeconfig, context)) as client,
        operator(client, settings, clock=lambda: datetime.now(UTC), host=listen, port=port) as at,
    ):
        structlog.get_logger("davy").info("listening", address=f"{listen}:{at}")
        await told.wait()


def leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    return [
        leaf
        for error in group.exceptions
        for leaf in (leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    ]


def log_as_json(level: int) -> None:
    """One JSON object a line on stderr, with Flagger's keys."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            structlog.processors.EventRenamer("msg"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
