"""Moments as the status keeps them: RFC3339 in UTC, to the second as Flagger's or to the millisecond as ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MILLISECOND = timedelta(milliseconds=1)


def to_seconds(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_milliseconds(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read(text: str | None) -> datetime | None:
    """The moment that was written; None if there is none, or if somebody else wrote what is none."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def after(text: str | None, wait: timedelta) -> datetime | None:
    """The moment that lies `wait` after the one that was written.

    What is written is cut to the millisecond, so a reader that compares with an uncut clock would come early.
    """
    moment = read(text)
    return None if moment is None else moment + wait
