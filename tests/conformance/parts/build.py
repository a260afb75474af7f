"""Build the real parts of the conformance suite once per machine, and say where they are or why they are missing.

By hand: `python -m tests.conformance.parts.build`.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
KUBERNETES = "1.34.4"
# etcd from its module, not from a package of 3.5.1: lists that come as watches need a server of 3.5.13 or later.
PROGRAMS = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
}


class MissingPartError(Exception):
    """A part is not here: the text says why, `obtainable` whether a build or an install could have brought it."""

    def __init__(self, reason: str, *, obtainable: bool) -> None:
        super().__init__(reason)
        self.obtainable = obtainable


def program(name: str) -> Path:
    """Where one of PROGRAMS is; built now if KUBEBUILDER_ASSETS and the cache lack it. Raises MissingPartError."""
    return _given(name) or _built() / name


def _given(program: str) -> Path | None:
    """What KUBEBUILDER_ASSETS offers (the folder that envtest uses); it need not hold every part."""
    folder = os.environ.get("KUBEBUILDER_ASSETS")
    path = Path(folder or "") / program
    return path if folder and path.is_file() else None


def _built() -> Path:
    go = shutil.which("go")
    if go is None:
        raise MissingPartError(
            "kube-apiserver: no Go tool chain to build it, and KUBEBUILDER_ASSETS has none", obtainable=False
        )
    folder = cache() / _key(go)
    with one_at_a_time(folder):
        if not folder.is_dir():
            _build(go, folder)
    return folder


def cache() -> Path:
    """Where parts are kept between runs, whichever clone they were made from."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "davy" / "parts"


def _key(go: str) -> str:
    """Changes when any source (go.sum), the compiler or the machine's architecture does."""
    compiler = subprocess.run([go, "env", "GOVERSION", "GOOS", "GOARCH"], cwd=HERE, check=True, capture_output=True)
    return hashlib.sha256((HERE / "go.sum").read_bytes() + compiler.stdout + KUBERNETES.encode()).hexdigest()[:20]


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Two runs on one machine do not make the same part at once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(go: str, folder: Path) -> None:
    """Builds into a folder aside and renames it, so that a cut build never looks like a finished one."""
    print(f"building {', '.join(PROGRAMS)} {KUBERNETES} (several minutes, once per machine)", file=sys.stderr)  # noqa: T201
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="building-") as aside:
        out = Path(aside, "out")
        for name, package in PROGRAMS.items():
            _compile(go, package, out / name)
        out.rename(folder)


def _compile(go: str, package: str, out: Path) -> None:
    command = ["nice", go, "build", "-trimpath", "-buildvcs=false", "-ldflags", _ldflags(), "-o", str(out), package]
    done = subprocess.run(command, cwd=HERE, env=os.environ | {"CGO_ENABLED": "0"}, capture_output=True, text=True)
    if done.returncode:
        raise MissingPartError(f"{out.name}: go build failed: {done.stderr.strip()[-800:]}", obtainable=True)


def _ldflags() -> str:
    major, minor, _ = KUBERNETES.split(".")
    versions = {"gitVersion": f"v{KUBERNETES}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    stamps = [f"-X k8s.io/component-base/version.{name}={value}" for name, value in versions.items()]
    return " ".join(["-s", "-w", *stamps])


if __name__ == "__main__":
    print(*map(program, PROGRAMS), sep="\n")  # noqa: T201
