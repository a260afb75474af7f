"""Kubeconfig files, read and merged as kubectl does."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from davy.kube import tls
from davy.kube.auth import Auth, Command, ExecCluster, ExecPlugin, Fixed, TokenFile, basic, bearer
from davy.kube.identity import Config, ConfigError, proxy_for


class _Cluster(msgspec.Struct, frozen=True, rename="kebab"):
    server: str = ""
    certificate_authority: str | None = None
    certificate_authority_data: str | None = None
    insecure_skip_tls_verify: bool = False
    tls_server_name: str | None = None
    proxy_url: str | None = None


class _Env(msgspec.Struct, frozen=True):
    name: str
    value: str = ""


class _Exec(msgspec.Struct, frozen=True, rename="camel"):
    command: str
    api_version: str
    args: list[str] | None = None
    env: list[_Env] | None = None
    install_hint: str = ""
    provide_cluster_info: bool = False
    interactive_mode: str = "IfAvailable"


class _User(msgspec.Struct, frozen=True, rename="kebab"):
    client_certificate: str | None = None
    client_certificate_data: str | None = None
    client_key: str | None = None
    client_key_data: str | None = None
    token: str | None = None
    token_file: str | None = msgspec.field(default=None, name="tokenFile")
    username: str | None = None
    password: str | None = None
    exec: _Exec | None = None
    auth_provider: Any = None


class _Context(msgspec.Struct, frozen=True):
    cluster: str = ""
    user: str = ""
    namespace: str | None = None


class _NamedCluster(msgspec.Struct, frozen=True):
    name: str
    cluster: _Cluster


class _NamedUser(msgspec.Struct, frozen=True):
    name: str
    user: _User | None = None


class _NamedContext(msgspec.Struct, frozen=True):
    name: str
    context: _Context


class _File(msgspec.Struct, frozen=True, rename="kebab"):
    clusters: list[_NamedCluster] | None = None
    users: list[_NamedUser] | None = None
    contexts: list[_NamedContext] | None = None
    current_context: str | None = None


@dataclass(frozen=True, slots=True)
class _Merged:
    """All files as one; the first file that names something wins. Paths are relative to the folder kept beside."""

    clusters: Mapping[str, tuple[_Cluster, Path]]
    users: Mapping[str, tuple[_User, Path]]
    contexts: Mapping[str, _Context]
    current: str
    names: str


E = TypeVar("E")


def load(files: Sequence[Path], context: str | None = None, *, environ: Mapping[str, str]) -> Config:
    """The cluster that `context` (else the current one) names. Raises ConfigError."""
    merged = _merge(files)
    name = context or merged.current
    if not name:
        raise ConfigError(f"{merged.names}: no current-context is set, and none was asked for")
    chosen = _entry(merged.contexts, name, "context", merged)
    cluster, cluster_folder = _entry(merged.clusters, chosen.cluster, f"cluster (of context {name!r})", merged)
    user, user_folder = _User(), Path()
    if chosen.user:
        user, user_folder = _entry(merged.users, chosen.user, f"user (of context {name!r})", merged)
    if not cluster.server:
        raise ConfigError(f"{merged.names}: cluster {chosen.cluster!r} has no server")
    secure = partial(_context, cluster, cluster_folder)
    return Config(
        server=cluster.server.rstrip("/"),
        namespace=chosen.namespace or "default",
        ssl=secure(_certificate(user, user_folder)) if cluster.server.startswith("https:") else None,
        auth=_auth(user, user_folder, cluster, secure, environ),
        proxy=_proxy(cluster, environ),
        server_name=cluster.tls_server_name,
    )


def _merge(files: Sequence[Path]) -> _Merged:
    read = [(_read(file), file.absolute().parent) for file in files]
    return _Merged(
        clusters=_first((each.name, (each.cluster, folder)) for file, folder in read for each in file.clusters or ()),
        users=_first((each.name, (each.user or _User(), folder)) for file, folder in read for each in file.users or ()),
        contexts=_first((each.name, each.context) for file, _ in read for each in file.contexts or ()),
        current=next((file.current_context for file, _ in read if file.current_context), ""),
        names=", ".join(str(file) for file in files),
    )


def _first(pairs: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


def _read(file: Path) -> _File:
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read the kubeconfig {file}: {error.strerror}") from error
    try:
        return msgspec.convert(yaml.load(text, Loader=yaml.CSafeLoader) or {}, _File)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise ConfigError(f"{file} is not a kubeconfig: {' '.join(str(error).split())}") from error


def _entry(entries: Mapping[str, E], name: str, what: str, merged: _Merged) -> E:
    try:
        return entries[name]
    except KeyError:
        known = ", ".join(sorted(entries)) or "none"
        raise ConfigError(f"{merged.names}: there is no {what} named {name!r}; known: {known}") from None


def _context(cluster: _Cluster, folder: Path, client: tls.Certificate | None) -> ssl.SSLContext:
    ca = _pem(cluster.certificate_authority_data, cluster.certificate_authority, folder, "certificate-authority")
    try:
        return tls.context(ca=ca, verify=not cluster.insecure_skip_tls_verify, client=client)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(f"the certificates for {cluster.server} cannot be used: {error}") from error


def _certificate(user: _User, folder: Path) -> tls.Certificate | None:
    certificate = _pem(user.client_certificate_data, user.client_certificate, folder, "client-certificate")
    key = _pem(user.client_key_data, user.client_key, folder, "client-key")
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise ConfigError("a user with a client certificate needs both client-certificate and client-key")
    return tls.Certificate(certificate, key)


def _pem(inline: str | None, file: str | None, folder: Path, field: str) -> str | None:
    if inline:
        try:
            return base64.b64decode(inline, validate=True).decode("ascii")
        except ValueError:  # not base64, or not ASCII
            raise ConfigError(f"{field}-data is not a base64-encoded PEM text") from None
    if not file:
        return None
    try:
        return (folder / file).read_text("ascii")
    except OSError as error:
        raise ConfigError(f"cannot read {field} {folder / file}: {error.strerror}") from error


def _auth(
    user: _User,
    folder: Path,
    cluster: _Cluster,
    secure: Callable[[tls.Certificate | None], ssl.SSLContext],
    environ: Mapping[str, str],
) -> Auth:
    match user:
        case _User(token_file=str(file)) if file:  # wins over token, as with kubectl
            return TokenFile(folder / file)
        case _User(token=str(token)) if token:
            return bearer(token)
        case _User(username=str(name)) if name:
            return basic(name, user.password or "")
        case _User(exec=_Exec() as plugin):
            return ExecPlugin(_command(plugin, folder, cluster, environ), secure=secure)
        case _User(auth_provider=provider) if provider:
            raise ConfigError("auth-provider was removed from Kubernetes; use its exec plugin instead")
    return Fixed()


def _command(plugin: _Exec, folder: Path, cluster: _Cluster, environ: Mapping[str, str]) -> Command:
    if plugin.interactive_mode == "Always":
        raise ConfigError(
            f"exec plugin {plugin.command} wants a terminal (interactiveMode: Always); there is none here"
        )
    # As in kubectl: a path is relative to the kubeconfig, a bare name is looked up in PATH.
    program = str(folder / plugin.command) if "/" in plugin.command else plugin.command
    return Command(
        argv=(program, *(plugin.args or ())),
        env={**environ, **{each.name: each.value for each in plugin.env or ()}},
        api_version=plugin.api_version,
        install_hint=plugin.install_hint,
        cluster=_told(cluster) if plugin.provide_cluster_info else None,
    )


def _told(cluster: _Cluster) -> ExecCluster:
    return ExecCluster(
        server=cluster.server,
        certificate_authority_data=cluster.certificate_authority_data or "",
        insecure_skip_tls_verify=cluster.insecure_skip_tls_verify,
        tls_server_name=cluster.tls_server_name or "",
    )


def _proxy(cluster: _Cluster, environ: Mapping[str, str]) -> str | None:
    proxy = cluster.proxy_url or proxy_for(cluster.server, environ)
    if proxy is not None and not proxy.startswith(("http://", "https://")):
        raise ConfigError(f"proxy {proxy} of cluster {cluster.server}: only http:// and https:// proxies are known")
    return proxy
