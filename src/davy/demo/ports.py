"""Free ports of this machine."""

from __future__ import annotations

import os
import socket

from davy.demo.errors import DemoFailed


def free_port(wanted: int = 0) -> int:
    """A port of 127.0.0.1 that nobody listens on: the wanted one, or any. Raises DemoFailed if it is taken."""
    try:
        with socket.create_server(("127.0.0.1", wanted)) as free:
            return int(free.getsockname()[1])
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise DemoFailed(f"port {wanted} of 127.0.0.1 cannot be used: {why}; try another --port") from None
