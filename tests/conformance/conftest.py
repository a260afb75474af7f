"""What every conformance test shares: a missing part skips with its reason, and fails where it could have been had."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import NoReturn

import pytest
from tests.conformance.api.play import Server
from tests.conformance.api.servers import FOLDERS, SERVERS
from tests.conformance.parts.build import MissingPartError


@pytest.fixture(scope="session")
def servers() -> Iterator[Callable[[str, str], Server]]:
    """Servers by name and folder of behaviours, each started when first asked for and ended with the session."""
    started: dict[tuple[str, str], Server | MissingPartError] = {}
    with ExitStack() as stack:

        def named(name: str, folder: str) -> Server:
            if (name, folder) not in started:
                started[name, folder] = _started(name, folder, stack)
            server = started[name, folder]
            if isinstance(server, MissingPartError):
                missing(server)
            return server

        yield named


@pytest.fixture(params=list(SERVERS))
def server(request: pytest.FixtureRequest, servers: Callable[[str, str], Server]) -> Server:
    """Each of the servers in turn, with no controllers but the collectors."""
    return servers(request.param, "behaviours")


@pytest.fixture(params=list(SERVERS))
def workshop(request: pytest.FixtureRequest, servers: Callable[[str, str], Server]) -> Server:
    """Each of the servers in turn, with the workload controllers at work."""
    return servers(request.param, "kubectl")


def _started(name: str, folder: str, stack: ExitStack) -> Server | MissingPartError:
    try:
        return stack.enter_context(SERVERS[name](FOLDERS[folder]))
    except MissingPartError as error:
        return error


def missing(part: MissingPartError) -> NoReturn:
    """Skips, saying what is missing; with CI=true a part that could have been had is a failure."""
    if os.environ.get("CI") == "true" and part.obtainable:
        pytest.fail(str(part))
    pytest.skip(str(part))
