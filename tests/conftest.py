"""Fixtures and settings for all tests."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

SLOW_MACHINES = [HealthCheck.too_slow]
settings.register_profile("davy", deadline=None, suppress_health_check=SLOW_MACHINES)
# What decides about a change draws the same examples for all; whoever runs the tests by hand draws new ones.
settings.register_profile("ci", deadline=None, suppress_health_check=SLOW_MACHINES, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "davy")


def pytest_configure() -> None:
    """Else Python 3.11 makes an event loop behind our back, and pytest-asyncio finds it never closed."""
    asyncio.set_event_loop(None)


@pytest.fixture(autouse=True)
def _logs_as_configured_by_nobody() -> Iterator[None]:
    """A command configures logging for its whole process; the next test must not inherit that."""
    yield
    structlog.reset_defaults()
