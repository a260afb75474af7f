"""All tests of this folder run on virtual time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from tests.disasters.clock import VirtualLoop

from davy.cluster.api import watch


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, Callable[[], VirtualLoop]]:
    """pytest-asyncio's way to choose the loop."""
    return {"virtual": VirtualLoop}


@pytest.fixture(autouse=True)
def _rare_bookmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a minute, as a real server sends them: half of what happens in a quiet hour would be these."""
    monkeypatch.setattr(watch, "BOOKMARK_EVERY", 60.0)
