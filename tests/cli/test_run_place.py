"""Which cluster is worked on, and whether and where a lease is taken."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from davy.cli.run_place import Place, lease_namespace, one_cluster, place
from davy.kube.config import Config, ConfigError

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: me, user: {token: mine}}]
"""


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The only one there is, and nothing uses it by itself."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    return str(path)


async def test_master_replaces_the_address_and_nothing_else(kubeconfig: str) -> None:
    where = place(kubeconfig, None, "https://127.0.0.1:2/", environ={})
    assert (where.config.server, where.in_pod) == ("https://127.0.0.1:2", False)
    assert (await where.config.auth.access()).headers == {"Authorization": "Bearer mine"}


@pytest.mark.usefixtures("kubeconfig")
@pytest.mark.parametrize("empty", [None, ""])
async def test_master_alone_is_asked_without_credentials(empty: str | None) -> None:
    pod = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    where = place(empty, empty, "http://127.0.0.1:2", environ=pod)
    assert (where.config.server, where.in_pod) == ("http://127.0.0.1:2", False)
    assert (await where.config.auth.access()).headers == {}


@pytest.mark.usefixtures("kubeconfig")
@pytest.mark.parametrize("empty", [None, ""])
def test_without_any_kubeconfig_it_must_be_a_pod(empty: str | None) -> None:
    with pytest.raises(ConfigError, match="this is not a pod"):
        place(empty, empty, empty, environ={})


@pytest.mark.parametrize("mesh", [None, "", "{same}", "{folder}/../{name}/kubeconfig"])
def test_the_mesh_may_be_named_if_it_is_the_same_cluster(kubeconfig: str, mesh: str | None) -> None:
    folder = Path(kubeconfig).parent
    one_cluster(kubeconfig, mesh and mesh.format(same=kubeconfig, folder=folder, name=folder.name))


@pytest.mark.parametrize("main", ["{same}", None])
def test_a_mesh_of_another_cluster_is_refused(kubeconfig: str, main: str | None) -> None:
    with pytest.raises(click.UsageError, match="is another cluster than that of the workloads"):
        one_cluster(main and main.format(same=kubeconfig), "/mesh/kubeconfig")


OUTSIDE, POD = (Place(Config("http://there", namespace="davy-system"), in_pod) for in_pod in (False, True))


@pytest.mark.parametrize(
    ("where", "namespace", "asked", "named", "expected"),
    [
        (OUTSIDE, "", None, "", None),
        (OUTSIDE, "prod", False, "ops", None),
        (OUTSIDE, "", True, "", "kube-system"),
        (OUTSIDE, "", True, "ops", "ops"),
        (OUTSIDE, "prod", True, "ops", "prod"),
        (POD, "", None, "", "davy-system"),
        (POD, "", False, "", "davy-system"),
        (POD, "", True, "", "kube-system"),
        (POD, "", None, "ops", "ops"),
        (POD, "", True, "ops", "ops"),
        (POD, "prod", None, "ops", "prod"),
        (POD, "prod", True, "", "prod"),
    ],
)
def test_a_pod_always_takes_a_lease_and_with_flaggers_flags_it_is_flaggers(
    where: Place, namespace: str, asked: bool | None, named: str, expected: str | None
) -> None:
    assert lease_namespace(where, namespace, asked, named) == expected
