"""What is left out when a command is loaded, and that nothing of that outlives the loading."""

import subprocess
import sys


def said_by(program: str, **environment: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment or None
    )
    return done.stdout.strip()


def test_the_operator_is_loaded_without_rich_which_can_still_be_had() -> None:
    program = """
import sys
from davy.cli.lean import lean
with lean():
    import davy.cli.run
print("rich" in sys.modules)
import rich
print(rich.__name__)
"""
    assert said_by(program).split() == ["False", "rich"]


def test_the_garbage_collector_is_back_even_after_a_failure() -> None:
    program = """
import gc
from davy.cli.lean import lean
try:
    with lean():
        print(gc.isenabled())
        raise ImportError
except ImportError:
    print(gc.isenabled())
"""
    assert said_by(program).split() == ["False", "True"]


def test_the_environment_is_as_it_was() -> None:
    program = """
import os
from davy.cli.lean import aiohttp_for_loopback
aiohttp_for_loopback()
from aiohttp.connector import _SSL_CONTEXT_VERIFIED
print(os.environ["SSL_CERT_FILE"], "SSL_CERT_DIR" in os.environ, len(_SSL_CONTEXT_VERIFIED.get_ca_certs()))
"""
    assert said_by(program, SSL_CERT_FILE="/etc/mine.pem").split() == ["/etc/mine.pem", "False", "0"]
