"""Where `davy run` works: the cluster it talks to, and the lease that it takes there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click
from msgspec import Struct

from davy.kube.config import Config, ConfigError, kubeconfigs, load_config
from davy.kube.identity import proxy_for

LEASE = "flagger-leader-election"
"""Flagger's, so that the two never work at once."""

FLAGGERS_NAMESPACE = "kube-system"


class Place(Struct, frozen=True):
    """A cluster, and whether we run in it as a pod."""

    config: Config
    in_pod: bool


def place(
    kubeconfig: str | None, context: str | None, master: str | None, *, environ: Mapping[str, str] = os.environ
) -> Place:
    """Raises ConfigError. An empty flag is as good as none, as in Flagger."""
    files = kubeconfigs(kubeconfig or None, environ=environ)
    if master and not files:
        return Place(Config(server=master.rstrip("/"), proxy=proxy_for(master, environ)), False)
    config = load_config(kubeconfig or None, context or None, environ=environ)
    if master:
        config = replace(config, server=master.rstrip("/"))
    return Place(config, not files)


def one_cluster(kubeconfig: str | None, mesh: str | None) -> None:
    """Raises UsageError if the mesh has a cluster of its own."""
    files = kubeconfigs(kubeconfig or None)
    if mesh and [Path(mesh).resolve()] != [file.resolve() for file in files]:
        raise click.UsageError(
            f"--kubeconfig-service-mesh {mesh} is another cluster than that of the workloads, and Davy writes routes "
            "only there. Leave the flag out, or run Davy where both are one"
        )


def lease_namespace(where: Place, namespace: str, asked: bool | None, named: str) -> str | None:
    """Where the lease is that makes us the only one; None if none is taken.

    In a pod always, for there may be replicas. With Flagger's flags it is Flagger's own place; without them (where
    Flagger takes none) the pod's own namespace, where writing needs no rights on the whole cluster's.
    """
    if not (asked or where.in_pod):
        return None
    return namespace or named or (FLAGGERS_NAMESPACE if asked else where.config.namespace)


__all__ = ["LEASE", "ConfigError", "Place", "lease_namespace", "one_cluster", "place"]
