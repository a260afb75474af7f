"""Programs out of Debian packages, unpacked beside the built parts: nothing is installed, and no root is needed."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.conformance.parts.build import MissingPartError, cache, one_at_a_time

TOOLS = ("apt-get", "dpkg-deb")


def program(name: str, package: str) -> Path:
    """Where a program of the package is; fetched now if the cache lacks it. Raises MissingPartError."""
    folder = cache() / f"debian-{package}"
    with one_at_a_time(folder):
        if not folder.is_dir():
            _fetch(package, folder)
    return folder / "usr" / "bin" / name


def _fetch(package: str, folder: Path) -> None:
    """Unpacks into a folder aside and renames it, so that a cut download never looks like a finished one."""
    if not all(map(shutil.which, TOOLS)):
        raise MissingPartError(f"{package}: no Debian here to get it from ({' and '.join(TOOLS)})", obtainable=False)
    with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
        fetched = subprocess.run(["apt-get", "download", package], cwd=aside, capture_output=True, text=True)
        if fetched.returncode:
            # A machine whose package lists were never read finds nothing; reading them needs root.
            subprocess.run(["apt-get", "update"], capture_output=True)
            fetched = subprocess.run(["apt-get", "download", package], cwd=aside, capture_output=True, text=True)
        found = list(Path(aside).glob("*.deb"))
        if not found:
            raise MissingPartError(f"{package}: apt-get download failed: {fetched.stderr[-300:]}", obtainable=True)
        subprocess.run(["dpkg-deb", "-x", str(found[0]), f"{aside}/root"], check=True)
        Path(f"{aside}/root").rename(folder)
