"""TLS contexts from the PEM texts that a kubeconfig holds."""

from __future__ import annotations

import os
import ssl
import tempfile
from typing import NamedTuple


class Certificate(NamedTuple):
    """A client certificate and its key, both PEM texts."""

    certificate: str
    key: str


def context(*, ca: str | None = None, verify: bool = True, client: Certificate | None = None) -> ssl.SSLContext:
    """A client-side context. Raises ssl.SSLError or ValueError for a PEM text that is none."""
    made = ssl.create_default_context(cadata=ca)
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if client is not None:
        _load(made, client)
    return made


def _load(made: ssl.SSLContext, client: Certificate) -> None:
    # The ssl module reads keys from files only; this one is readable by us alone, and gone at once.
    descriptor, path = tempfile.mkstemp(prefix="davy-", suffix=".pem")
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(f"{client.certificate.strip()}\n{client.key.strip()}\n")
        made.load_cert_chain(path)
    finally:
        os.unlink(path)
