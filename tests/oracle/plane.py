"""A bare control plane on loopback: etcd and kube-apiserver, with the CRDs of a group and no controllers."""

import asyncio
import json
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import yaml
from tests.conformance.parts.build import MissingPartError
from tests.conformance.parts.processes import Part, start
from tests.oracle.kinds import Json
from tests.oracle.kube import Kube

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
FLAGGERS = "flagger.yaml"
"""The file of the folder of CRDs that an operator's own ones stand in for."""
PATIENCE_SECONDS = 90


class Programs(NamedTuple):
    etcd: Path
    apiserver: Path


class Ports(NamedTuple):
    """All on 127.0.0.1."""

    apiserver: int
    operator: int
    servers: int
    etcd: int
    peers: int


class Plane:
    """A context manager; logs and keys are in `directory`. Two users, so that the operator's name is its own."""

    def __init__(self, directory: Path, programs: Programs, ports: Ports, user: str) -> None:
        self.url = f"https://127.0.0.1:{ports.apiserver}"
        self.token = secrets.token_urlsafe(24)
        self.kubeconfig = directory / "kubeconfig"
        self._operator_token = secrets.token_urlsafe(24)
        self._directory, self._programs, self._ports, self._user = directory, programs, ports, user

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._write_keys()
            self._parts = [
                self._run(stack, self._programs.etcd, self._etcd_flags()),
                self._run(stack, self._programs.apiserver, self._server_flags()),
            ]
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    async def ready(self, kube: Kube) -> None:
        """Waits until the API server is. Raises PartFailedError when a program ends instead, as on a taken port."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await kube.ready():
                self._expect_both()
                await asyncio.sleep(0.2)

    def _expect_both(self) -> None:
        for part in self._parts:
            if part.process.poll() is not None:
                part.wait_until(lambda: False, within=0)

    def _run(self, stack: ExitStack, program: Path, flags: dict[str, object]) -> Part:
        part = start([program, *(f"--{name}={value}" for name, value in flags.items())], self._directory)
        stack.callback(part.end)
        return part

    def _write_keys(self) -> None:
        openssl = shutil.which("openssl")
        if openssl is None:
            raise MissingPartError("kube-apiserver: openssl is needed to make its signing key", obtainable=True)
        command = [openssl, "genrsa", "-out", "signing.key", "2048"]
        subprocess.run(command, cwd=self._directory, check=True, capture_output=True)
        users = {self.token: "oracle", self._operator_token: self._user}
        lines = [f'{token},{name},{name},"system:masters"\n' for token, name in users.items()]
        self._secret("tokens.csv", "".join(lines))
        self._secret("kubeconfig", json.dumps(self._config()))

    def _secret(self, name: str, text: str) -> None:
        path = self._directory / name
        path.touch(mode=0o600)
        path.write_text(text)

    def _config(self) -> Json:
        cluster = {"server": self.url, "insecure-skip-tls-verify": True}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "oracle", "cluster": cluster}],
            "users": [{"name": "operator", "user": {"token": self._operator_token}}],
            "contexts": [{"name": "oracle", "context": {"cluster": "oracle", "user": "operator"}}],
            "current-context": "oracle",
        }

    def _etcd_flags(self) -> dict[str, object]:
        client, peers = (f"http://127.0.0.1:{port}" for port in (self._ports.etcd, self._ports.peers))
        return {
            "data-dir": self._directory / "etcd",
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peers,
            "initial-advertise-peer-urls": peers,
            "initial-cluster": f"default={peers}",
            "unsafe-no-fsync": "true",
        }

    def _server_flags(self) -> dict[str, object]:
        key = self._directory / "signing.key"
        return {
            "etcd-servers": f"http://127.0.0.1:{self._ports.etcd}",
            "secure-port": self._ports.apiserver,
            "bind-address": "127.0.0.1",
            "cert-dir": self._directory / "certificates",
            "service-account-key-file": key,
            "service-account-signing-key-file": key,
            "service-account-issuer": "https://kubernetes.default",
            "token-auth-file": self._directory / "tokens.csv",
            "authorization-mode": "RBAC",
            "service-cluster-ip-range": "10.0.0.0/16",
            "disable-admission-plugins": "ServiceAccount",
            "endpoint-reconciler-type": "none",
        }


async def install(kube: Kube, definitions: list[Json]) -> set[str]:
    """Creates CRDs and waits until they are established; their names."""
    await asyncio.gather(*(kube.call("POST", DEFINITIONS, each) for each in definitions))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not all(map(_established, items := (await kube.call("GET", DEFINITIONS))["items"])):
            await asyncio.sleep(0.5)
    return {each["metadata"]["name"] for each in items}


def _established(definition: Json) -> bool:
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


def definitions(folder: Path, own: Path | None, without: str) -> Iterator[Json]:
    """The CRDs of a folder but those of the file `without`; `own`, a file or a folder, stands in for Flagger's."""
    for path in sorted(folder.glob("*.yaml")):
        if path.name != without:
            yield from documents(own if own and path.name == FLAGGERS else path)


def documents(path: Path) -> Iterator[Json]:
    """The CRDs of a file or of all files of a folder."""
    for file in sorted(path.glob("*.yaml")) if path.is_dir() else [path]:
        for each in yaml.load_all(file.read_text(), yaml.CSafeLoader):
            if each:
                yield {key: value for key, value in each.items() if key != "status"}


def status_fields(folder: Path) -> frozenset[str]:
    """The fields of a Canary's status in Flagger's CRD that are compared."""
    version = next(documents(folder / FLAGGERS))["spec"]["versions"][0]
    properties = version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
    return frozenset(properties) - {"lastTransitionTime", "conditions"}
