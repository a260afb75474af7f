"""What is loaded: an address, a host name and a rate; the only thing that the load generator is ever told."""

from __future__ import annotations

from ipaddress import ip_address

import msgspec

HIGHEST_RATE = 5_000.0  # requests per second: beyond it a typing error is likelier than a wish


class BadTarget(ValueError):  # noqa: N818
    """A target that is not loaded; the message says why."""


class Target(msgspec.Struct, frozen=True):
    """One place to send requests to; a second one of the same name takes the place of the first.

    `rate` is in requests per second, 0 stops. `kept_alive` is the share of requests (0..1) sent over connections that
    are used again; each of the others opens a connection of its own.
    """

    name: str
    address: str
    port: int
    host: str
    rate: float
    path: str = "/"
    kept_alive: float = 0.5

    def request(self, *, keep: bool) -> bytes:
        """The request as it goes over the wire."""
        last = "" if keep else "connection: close\r\n"
        return f"GET {self.path} HTTP/1.1\r\nhost: {self.host}\r\nuser-agent: davy-demo-load\r\n{last}\r\n".encode()


_TARGET = msgspec.json.Decoder(Target)


def read_target(line: bytes) -> Target:
    """Read one line of the control pipe. Raises BadTarget, also for every address that is not a loopback one."""
    try:
        target = _TARGET.decode(line)
    except msgspec.DecodeError as error:
        raise BadTarget(f"not a target: {error}") from None
    if not _loopback(target.address):
        raise BadTarget(f"address is {target.address!r}; only loopback addresses (127.0.0.0/8, ::1) are loaded")
    if not 0 <= target.rate <= HIGHEST_RATE:
        raise BadTarget(f"rate is {target.rate:g}; give 0 to {HIGHEST_RATE:g} requests per second")
    if not 0 <= target.kept_alive <= 1:
        raise BadTarget(f"kept_alive is {target.kept_alive:g}; give a share between 0 and 1")
    return target


def _loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
