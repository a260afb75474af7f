"""Finds the cluster to talk to: a kubeconfig, or the pod we run in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from davy.kube import kubeconfig, tls
from davy.kube.auth import TokenFile
from davy.kube.identity import Config, ConfigError

__all__ = ["Config", "ConfigError", "in_cluster", "kubeconfigs", "load_config"]

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def load_config(
    path: str | None = None,
    context: str | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    home: Path | None = None,
    service_account: Path = SERVICE_ACCOUNT,
) -> Config:
    """The cluster to talk to: `path`, else $KUBECONFIG, else ~/.kube/config, else the one we run in.

    Raises ConfigError.
    """
    files = kubeconfigs(path, environ=environ, home=home)
    if files:
        return kubeconfig.load(files, context, environ=environ)
    return in_cluster(environ=environ, service_account=service_account)


def kubeconfigs(
    path: str | None = None, *, environ: Mapping[str, str] = os.environ, home: Path | None = None
) -> list[Path]:
    """The files that describe the cluster: `path`, else $KUBECONFIG, else ~/.kube/config; none if there are none."""
    if path is not None:
        return [Path(path)]
    if named := [Path(entry) for entry in environ.get("KUBECONFIG", "").split(os.pathsep) if entry]:
        # A list may name files that do not exist (yet), as with kubectl.
        return [file for file in named if file.exists()] or named[:1]
    usual = (home or Path.home()) / ".kube" / "config"
    return [usual] if usual.exists() else []


def in_cluster(*, environ: Mapping[str, str] = os.environ, service_account: Path = SERVICE_ACCOUNT) -> Config:
    """The cluster this pod runs in, as its service account. Raises ConfigError outside of one."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        raise ConfigError(
            "no cluster: neither --kubeconfig nor $KUBECONFIG nor ~/.kube/config is there, and this is not a pod"
        )
    try:
        authority = (service_account / "ca.crt").read_text("ascii")
        namespace = (service_account / "namespace").read_text("utf-8").strip()
    except OSError as error:
        raise ConfigError(
            f"in a pod, but without its service account: cannot read {error.filename}: {error.strerror} "
            "(is automountServiceAccountToken off?)"
        ) from error
    return Config(
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        namespace=namespace,
        ssl=tls.context(ca=authority),
        auth=TokenFile(service_account / "token"),
    )
