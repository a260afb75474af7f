"""The operator's log: one event a line on stderr, with Flagger's keys, as JSON or as zap's console shows it."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

LEVELS: Mapping[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
    "panic": logging.CRITICAL,
}
"""Any other word means info, as in Flagger."""

ENCODINGS = ("json", "console")
ZAP = {"warning": "warn", "critical": "fatal", "exception": "error"}
"""The levels that are called otherwise there."""

log = structlog.get_logger("davy")


def begin(level: str, encoding: str) -> None:
    """From now on the whole process logs so."""
    shown = LEVELS.get(level, logging.INFO)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            structlog.processors.EventRenamer("msg"),
            structlog.processors.format_exc_info,
            as_in_zap,
            console if encoding == "console" else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(shown),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    if level not in LEVELS:
        log.warning("unknown log level; it means info", level_given=level, known=", ".join(LEVELS))


def as_in_zap(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    level, ts, msg = (event.pop(key) for key in ("level", "ts", "msg"))
    if "exception" in event:
        event["stacktrace"] = event.pop("exception")
    return {"level": ZAP.get(level, level), "ts": ts, "msg": msg, **event}


def console(_: object, __: str, event: MutableMapping[str, Any]) -> str:
    """Time, level, message and what else there is, between tabs; a trace on the lines below."""
    trace = event.pop("stacktrace", "")
    head = [str(event.pop(key)) for key in ("ts", "level", "msg")]
    rest = [json.dumps(event, default=str, ensure_ascii=False)] if event else []
    return "\t".join(head + rest) + (f"\n{trace}" if trace else "")
