"""HTTP proxies that the environment names, by the rules of Go's programs, so that a chart's values go on working."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from msgspec import Struct
from yarl import URL

Address = IPv4Address | IPv6Address


class Proxies(Struct, frozen=True):
    """`bypass`: the entries of NO_PROXY."""

    http: str = ""
    https: str = ""
    bypass: tuple[str, ...] = ()

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Proxies:
        """HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in capitals or not."""

        def named(name: str) -> str:
            return environ.get(name) or environ.get(name.lower(), "")

        entries = (entry.strip().lower() for entry in named("NO_PROXY").split(","))
        return cls(
            http=spelled(named("HTTP_PROXY")),
            https=spelled(named("HTTPS_PROXY")),
            bypass=tuple(entry for entry in entries if entry),
        )

    def proxy_for(self, url: URL) -> str | None:
        """The proxy through which this address is reached; None: directly."""
        chosen = self.https if url.scheme == "https" else self.http
        return chosen if chosen and not self._bypassed(url) else None

    def _bypassed(self, url: URL) -> bool:
        host = (url.host or "").lower().rstrip(".")
        address = address_of(host)
        if host == "localhost" or (address is not None and address.is_loopback):
            return True
        return any(covers(entry, host, address, url.port) for entry in self.bypass)


def spelled(proxy: str) -> str:
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def address_of(host: str) -> Address | None:
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


def covers(entry: str, host: str, address: Address | None, port: int | None) -> bool:
    """`*`, an address, a network (10.0.0.0/8), or a domain: `x.y` with all below it, `.x.y` only those below it."""
    if entry == "*":
        return True
    if "/" in entry:
        return address is not None and in_network(address, entry)
    name, colon, wanted = entry.rpartition(":")
    if colon and wanted.isdigit() and (name.count(":") == 0 or name.endswith("]")):
        return str(port) == wanted and covers(name, host, address, port)
    if address is not None:
        return address_of(entry) == address
    below = entry.removeprefix("*")
    if below.startswith("."):
        return host.endswith(below)
    return host == entry or host.endswith(f".{entry}")


def in_network(address: Address, entry: str) -> bool:
    try:
        return address in ip_network(entry, strict=False)
    except ValueError:
        return False
