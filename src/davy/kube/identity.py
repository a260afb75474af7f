"""Which cluster, as whom: the value a Client is made from."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

from davy.kube.auth import Auth, Fixed


class ConfigError(Exception):
    """No cluster could be found, or its description is wrong; the message is one sentence for the user."""


@dataclass(frozen=True, slots=True)
class Config:
    """A cluster and an identity. `server` may have a path (`https://host:6443/k8s/clusters/c-1`)."""

    server: str
    namespace: str = "default"
    ssl: ssl.SSLContext | None = field(default=None, repr=False)
    auth: Auth = field(default_factory=Fixed, repr=False)
    proxy: str | None = None
    server_name: str | None = None  # the name to expect in the certificate, if not the host's


def proxy_for(server: str, environ: Mapping[str, str]) -> str | None:
    """The proxy that the usual variables (HTTPS_PROXY, NO_PROXY …) name for a server."""
    known = {name.lower(): value for name, value in environ.items() if name.lower().endswith("_proxy")}
    parts = urlsplit(server)
    proxies = {name.removesuffix("_proxy"): value for name, value in known.items()}
    if parts.hostname is None or proxy_bypass_environment(parts.hostname, proxies):
        return None
    return proxies.get(parts.scheme)
