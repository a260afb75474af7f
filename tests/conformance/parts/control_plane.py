"""A real control plane on loopback: etcd, kube-apiserver and, where asked for, some of kube-controller-manager.

By hand: `python -m tests.conformance.parts.control_plane [CONTROLLER…]` prints the `KUBECONFIG=` line; Ctrl-C ends it.
"""

import base64
import json
import secrets
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.conformance.parts import build
from tests.conformance.parts.processes import Part, free_ports, start

COLLECTORS = ("garbage-collector-controller", "namespace-controller")
WORKLOADS = (
    "deployment-controller",
    "replicaset-controller",
    "endpointslice-controller",
    "endpoints-controller",
)
DAEMONS = ("daemonset-controller",)


@dataclass(slots=True)
class ControlPlane:
    """A context manager. Controllers are started when asked for: they learn of new kinds only every 30 seconds."""

    patience: float = 30.0
    directory: Path = field(init=False)
    url: str = field(init=False)
    token: str = field(init=False, repr=False)
    _etcd_url: str = field(init=False)
    _stack: ExitStack = field(init=False, default_factory=ExitStack)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="davy-control-plane-")))
            self.token = secrets.token_urlsafe(24)
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    @property
    def kubeconfig(self) -> Path:
        """The path of an administrator's kubeconfig."""
        return self.directory / "kubeconfig"

    def compact(self) -> None:
        """Makes etcd forget all old revisions, as the API server has it do every five minutes."""
        revision = self._etcd("kv/range", {"key": _text64("compact_rev_key")})["header"]["revision"]
        self._etcd("kv/compaction", {"revision": revision, "physical": True})

    def _start(self, stack: ExitStack) -> None:
        secure, client, peer = free_ports(3)
        self.url = f"https://127.0.0.1:{secure}"
        self._etcd_url = f"http://127.0.0.1:{client}"
        self._start_etcd(stack, peer)
        self._start_server(stack, secure)
        self.kubeconfig.write_text(json.dumps(self._config()))
        self.kubeconfig.chmod(0o600)

    def _start_etcd(self, stack: ExitStack, peer: int) -> None:
        peers = f"http://127.0.0.1:{peer}"
        flags = {
            "data-dir": self.directory / "etcd",
            "listen-client-urls": self._etcd_url,
            "advertise-client-urls": self._etcd_url,
            "listen-peer-urls": peers,
            "initial-advertise-peer-urls": peers,
            "initial-cluster": f"default={peers}",
            "unsafe-no-fsync": "true",
        }
        part = self._run(stack, build.program("etcd"), flags)
        part.wait_until(lambda: _answers(f"{self._etcd_url}/health"))

    def _start_server(self, stack: ExitStack, port: int) -> None:
        certificates = self.directory / "certificates"
        flags = {
            "etcd-servers": self._etcd_url,
            "secure-port": port,
            "bind-address": "127.0.0.1",
            "advertise-address": "10.0.0.1",
            "cert-dir": certificates,
            "service-account-key-file": self._signing_key(),
            "service-account-signing-key-file": self._signing_key(),
            "service-account-issuer": "https://kubernetes.default.svc",
            "token-auth-file": self._tokens(),
            "authorization-mode": "RBAC",
            "service-cluster-ip-range": "10.0.0.0/16",
            "endpoint-reconciler-type": "none",
            "disable-admission-plugins": "ServiceAccount",
            "enable-priority-and-fairness": "false",
            # Snapshots outlive a compaction by minutes; without them a token that is too old is refused at once.
            "feature-gates": "ListFromCacheSnapshot=false",
        }
        part = self._run(stack, build.program("kube-apiserver"), flags)
        part.wait_until(lambda: _answers(f"{self.url}/readyz", certificates / "apiserver.crt", self.token))

    def run_controllers(self, names: Sequence[str]) -> None:
        """Starts a kube-controller-manager with just these of its controllers."""
        [port] = free_ports(1)
        flags = {
            "kubeconfig": self.kubeconfig,
            "controllers": ",".join(names),
            "secure-port": port,
            "bind-address": "127.0.0.1",
            "cert-dir": self.directory / "controller-certificates",
            "leader-elect": "false",
            "concurrent-gc-syncs": 5,
            # A whole suite of releases runs side by side; as it comes, each controller makes 20 requests a second.
            "kube-api-qps": 1000,
            "kube-api-burst": 2000,
        }
        part = self._run(self._stack, build.program("kube-controller-manager"), flags)
        authority = self.directory / "controller-certificates" / "kube-controller-manager.crt"
        part.wait_until(lambda: _answers(f"https://127.0.0.1:{port}/healthz", authority))

    def _run(self, stack: ExitStack, program: Path, flags: dict[str, object]) -> Part:
        part = start([program, *(f"--{name}={value}" for name, value in flags.items())], self.directory)
        stack.callback(part.end)
        return part

    def _signing_key(self) -> Path:
        path = self.directory / "service-accounts.key"
        if not path.exists():
            openssl = shutil.which("openssl")
            if openssl is None:
                raise build.MissingPartError(
                    "kube-apiserver: openssl is needed to make its signing key", obtainable=True
                )
            subprocess.run([openssl, "genrsa", "-out", str(path), "2048"], check=True, capture_output=True)
        return path

    def _tokens(self) -> Path:
        path = self.directory / "tokens.csv"
        path.touch(mode=0o600)
        path.write_text(f'{self.token},admin,admin,"system:masters"\n')
        return path

    def _config(self) -> dict[str, Any]:
        authority = (self.directory / "certificates" / "apiserver.crt").read_bytes()
        cluster = {"server": self.url, "certificate-authority-data": base64.b64encode(authority).decode()}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "real", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": self.token}}],
            "contexts": [{"name": "real", "context": {"cluster": "real", "user": "admin", "namespace": "default"}}],
            "current-context": "real",
        }

    def _etcd(self, call: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(f"{self._etcd_url}/v3/{call}", data=json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


def _answers(url: str, authority: Path | None = None, token: str = "") -> bool:
    """Whether a GET of `url` gives 2xx; `authority` is the certificate that the server made for itself."""
    if authority and not authority.exists():
        return False
    context = ssl.create_default_context(cafile=str(authority)) if authority else None
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=5, context=context):
            return True
    except (urllib.error.URLError, ConnectionError, TimeoutError, ssl.SSLError):
        return False


def _text64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _main(controllers: Sequence[str]) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ControlPlane() as plane, suppress(KeyboardInterrupt):
        plane.run_controllers(controllers)
        print(f"KUBECONFIG={plane.kubeconfig}", flush=True)  # noqa: T201
        signal.pause()


if __name__ == "__main__":
    _main(tuple(sys.argv[1:]) or COLLECTORS)
