"""What every notifier is: a notice becomes the one request that a service understands."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from msgspec import Struct


class Misconfigured(Exception):  # noqa: N818 - a state of the settings, not a mistake in the program
    """The address lacks something that the service needs; the text names it."""


class Notice(Struct, frozen=True):
    """What people are told."""

    canary: str
    """`name.namespace`."""
    severity: str
    """`info`, `warn` or `error`."""
    message: str
    fields: tuple[tuple[str, str], ...] = ()
    """Title and value of facts about the release."""


class Address(Struct, frozen=True, kw_only=True):
    """Where a notice goes: an AlertProvider with its secret, or the operator's own settings."""

    url: str
    channel: str = ""
    username: str = ""
    token: str = ""
    proxy: str = ""


JSON: Mapping[str, str] = MappingProxyType({"Content-Type": "application/json"})


class Request(Struct, frozen=True):
    """One POST. An answer other than 2xx is an error."""

    url: str
    body: bytes
    headers: Mapping[str, str] = JSON


class Notifier(Protocol):
    """One service. Pure: a notice in, a request out."""

    def request(self, notice: Notice, address: Address) -> Request:
        """Raises `Misconfigured`."""
