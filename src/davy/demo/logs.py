"""Where the words of the parts go that run inside the demo: into a file, not across the screen."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import structlog


@contextmanager
def into(path: Path) -> Iterator[None]:
    """Meanwhile, everything logged in this process goes into a file."""
    with path.open("a", encoding="utf-8") as file:
        _configure(file)
        logging.basicConfig(filename=path, level=logging.WARNING, force=True)
        try:
            yield
        finally:
            structlog.reset_defaults()
            logging.basicConfig(level=logging.WARNING, force=True)


def _configure(file: TextIO) -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file),
    )
