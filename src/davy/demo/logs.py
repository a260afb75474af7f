"""Where the words of the parts go that run inside the demo: into a file, not across the screen."""

from __future__ import annotations

import logging
from pathlib import Path

import structlog


def into(path: Path) -> None:
    """From now on, everything logged in this process goes into a file."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(path.open("a", encoding="utf-8")),
    )
    logging.basicConfig(filename=path, level=logging.WARNING, force=True)
