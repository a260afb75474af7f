"""Who we are: tokens, token files that rotate, passwords, and exec plugins."""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from davy.kube import tls

TOKEN_FILE_AGE = (
    60.0  # seconds a token is used before its file is read again; the kubelet rotates it long before expiry
)
EXPIRY_MARGIN = 10.0  # seconds before its expiry at which an exec plugin is asked anew
PLUGIN_TIMEOUT = 60.0  # seconds an exec plugin may take


class AuthError(Exception):
    """No credentials could be had; the message is one sentence for the user."""


class Access(NamedTuple):
    """What makes a request ours: headers, and a TLS context if it replaces the cluster's."""

    headers: Mapping[str, str]
    ssl: ssl.SSLContext | None = None


NOBODY = Access({})


class Auth(Protocol):
    """A source of credentials."""

    async def access(self) -> Access:
        """The credentials of now. Raises AuthError."""
        ...

    def renew(self) -> bool:
        """The server refused them: forget what is remembered. False if asking again gives the same."""
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """Credentials that never change: none, a token, or a password."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    async def access(self) -> Access:
        return Access(self.headers)

    def renew(self) -> bool:
        return False


def bearer(token: str) -> Fixed:
    return Fixed({"Authorization": f"Bearer {token}"})


def basic(username: str, password: str) -> Fixed:
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    return Fixed({"Authorization": f"Basic {pair}"})


class TokenFile:
    """A token in a file that somebody else rotates (service accounts, `tokenFile`)."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._known: Access | None = None
        self._read_at = 0.0

    async def access(self) -> Access:
        if self._known is None or self._clock() - self._read_at >= TOKEN_FILE_AGE:
            self._known = self._read()
            self._read_at = self._clock()
        return self._known

    def renew(self) -> bool:
        self._known = None
        return True

    def _read(self) -> Access:
        try:
            token = self._path.read_text("utf-8").strip()
        except OSError as error:
            raise AuthError(f"cannot read the token file {self._path}: {error.strerror}") from error
        if not token:
            raise AuthError(f"the token file {self._path} is empty")
        return Access({"Authorization": f"Bearer {token}"})


class ExecCluster(msgspec.Struct, frozen=True, rename="kebab", omit_defaults=True):
    """What a plugin with `provideClusterInfo` is told of the cluster."""

    server: str
    certificate_authority_data: str = ""
    insecure_skip_tls_verify: bool = False
    tls_server_name: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """An exec plugin as the kubeconfig describes it."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    api_version: str
    install_hint: str = ""
    cluster: ExecCluster | None = None

    def info(self) -> str:
        """KUBERNETES_EXEC_INFO: nobody is there to answer a prompt."""
        spec: dict[str, object] = {"interactive": False}
        if self.cluster is not None:
            spec["cluster"] = self.cluster
        return msgspec.json.encode({"apiVersion": self.api_version, "kind": "ExecCredential", "spec": spec}).decode()


class _Issued(msgspec.Struct, frozen=True, rename="camel"):
    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None
    expiration_timestamp: datetime | None = None


class _ExecCredential(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str
    kind: str
    status: _Issued


class ExecPlugin:
    """Credentials from a program (cloud log-ins), kept until they expire or are refused."""

    def __init__(
        self,
        command: Command,
        *,
        secure: Callable[[tls.Certificate], ssl.SSLContext],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._command = command
        self._secure = secure
        self._now = now
        self._known: Access | None = None
        self._expires: datetime | None = None
        self._asking = asyncio.Lock()

    async def access(self) -> Access:
        async with self._asking:  # many requests, one log-in
            if self._known is None or self._stale():
                issued = await self._ask()
                self._known, self._expires = self._granted(issued), issued.expiration_timestamp
            return self._known

    def renew(self) -> bool:
        self._known = None
        return True

    def _stale(self) -> bool:
        return self._expires is not None and (self._expires - self._now()).total_seconds() <= EXPIRY_MARGIN

    async def _ask(self) -> _Issued:
        output = await run(self._command)
        try:
            credential = msgspec.json.decode(output, type=_ExecCredential)
        except msgspec.DecodeError as error:
            raise AuthError(f"exec plugin {self._name}: its output is not an ExecCredential: {error}") from error
        if credential.kind != "ExecCredential" or credential.api_version != self._command.api_version:
            raise AuthError(
                f"exec plugin {self._name}: it answered {credential.api_version} {credential.kind}, "
                f"the kubeconfig asks for {self._command.api_version} ExecCredential"
            )
        return credential.status

    def _granted(self, issued: _Issued) -> Access:
        headers = {"Authorization": f"Bearer {issued.token}"} if issued.token else {}
        secured = None
        if issued.client_certificate_data and issued.client_key_data:
            secured = self._secure(tls.Certificate(issued.client_certificate_data, issued.client_key_data))
        if not headers and secured is None:
            raise AuthError(f"exec plugin {self._name}: it gave neither a token nor a client certificate")
        return Access(headers, secured)

    @property
    def _name(self) -> str:
        return self._command.argv[0]


async def run(command: Command) -> bytes:
    """What the plugin prints. Raises AuthError if it is missing, fails or hangs."""
    name = command.argv[0]
    env = {**command.env, "KUBERNETES_EXEC_INFO": command.info()}
    pipe = asyncio.subprocess.PIPE
    try:
        child = await asyncio.create_subprocess_exec(
            *command.argv, env=env, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
        )
    except OSError as error:
        hint = f"; {command.install_hint}" if command.install_hint else ""
        raise AuthError(f"exec plugin {name} cannot be started: {error.strerror}{hint}") from error
    try:
        output, complaint = await asyncio.wait_for(child.communicate(), PLUGIN_TIMEOUT)
    except TimeoutError:
        raise AuthError(f"exec plugin {name} gave no answer within {PLUGIN_TIMEOUT:.0f} s") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        last = complaint.decode(errors="replace").strip().rpartition("\n")[2]
        raise AuthError(f"exec plugin {name} failed with exit code {child.returncode}: {last}")
    return output
