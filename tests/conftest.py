"""Fixtures and settings for all tests."""

from __future__ import annotations

import asyncio

from hypothesis import HealthCheck, settings

settings.register_profile("davy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("davy")


def pytest_configure() -> None:
    """Else Python 3.11 makes an event loop behind our back, and pytest-asyncio finds it never closed."""
    asyncio.set_event_loop(None)
