"""Runs the demo app: `python -m davy.demo_app`, set up by environment variables (see settings.py)."""

from __future__ import annotations

import asyncio
import os
import sys

from .app import App
from .server import serve
from .settings import BadSettingError, read


def main() -> int:
    """Serve until told to stop; returns the exit status."""
    try:
        settings = read(os.environ)
        asyncio.run(serve(App(settings)))
    except BadSettingError as error:
        sys.stderr.write(f"demo app: {error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"demo app: cannot listen on {settings.address}:{settings.port}: {error.strerror or error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
