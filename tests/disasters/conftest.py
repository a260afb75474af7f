"""All tests of this folder run on virtual time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from tests.disasters.clock import VirtualLoop


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, Callable[[], VirtualLoop]]:
    """pytest-asyncio's way to choose the loop."""
    return {"virtual": VirtualLoop}
