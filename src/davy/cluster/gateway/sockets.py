"""Whether an address can be listened on, and why not."""

from __future__ import annotations

import errno
import socket


def bind_problem(address: str, port: int) -> str | None:
    """None if the port is free; else a sentence. Asked before Envoy is, whose refusal names no listener.

    Envoy shares ports (SO_REUSEPORT), so it would not notice a second Envoy of another cluster that has this one.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError as error:
            return _words(error, f"{address}:{port}")
    return None


def _words(error: OSError, where: str) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"{where} is in use by another program; stop it or choose another port"
        case errno.EACCES:
            return f"{where} needs root: choose a port above 1023"
        case _:
            return f"{where} cannot be listened on: {error.strerror}"
