"""Kubeconfig files: what is found in them, how several become one, what people read when they are wrong."""

import base64
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from davy.kube import kubeconfig
from davy.kube.auth import AuthError, ExecPlugin
from davy.kube.config import Config, ConfigError, in_cluster, load_config
from davy.kube.identity import proxy_for

TLS = Path(__file__).parent / "tls"


def inline(name: str) -> str:
    return base64.b64encode((TLS / name).read_bytes()).decode()


def write(folder: Path, name: str = "config", **parts: Any) -> Path:
    """A kubeconfig with one cluster, user and context, each `parts` may replace."""
    cluster = parts.pop("cluster", {"server": "https://kube.test:6443"})
    user = parts.pop("user", {"token": "t0"})
    context = parts.pop("context", {"cluster": "c", "user": "u"})
    text = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "x",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": context}],
        **parts,
    }
    file = folder / name
    file.write_text(yaml.safe_dump(text))
    return file


def load(file: Path, context: str | None = None, environ: Mapping[str, str] | None = None) -> Config:
    return kubeconfig.load([file], context, environ=environ or {})


async def headers(config: Config) -> Mapping[str, str]:
    return (await config.auth.access()).headers


# -- what is found


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({}, None),
        ({"token": "t1"}, "Bearer t1"),
        ({"token": "ignored", "tokenFile": "token"}, "Bearer from-file"),
        ({"tokenFile": "token"}, "Bearer from-file"),
        ({"username": "ann", "password": "pä:ss"}, "Basic " + base64.b64encode("ann:pä:ss".encode()).decode()),
    ],
)
async def test_users(tmp_path: Path, user: dict[str, Any], expected: str | None) -> None:
    (tmp_path / "token").write_text("from-file\n")
    config = load(write(tmp_path, user=user))
    assert (await headers(config)).get("Authorization") == expected


def test_a_context_may_do_without_a_user_and_name_a_namespace(tmp_path: Path) -> None:
    config = load(write(tmp_path, context={"cluster": "c", "namespace": "shop"}))
    assert config.namespace == "shop"


def test_the_path_of_a_server_is_kept(tmp_path: Path) -> None:
    config = load(write(tmp_path, cluster={"server": "http://127.0.0.1:1234/k-s3cret/"}))
    assert (config.server, config.ssl, config.namespace) == ("http://127.0.0.1:1234/k-s3cret", None, "default")


@pytest.mark.parametrize(
    "cluster",
    [{"certificate-authority-data": inline("ca.pem")}, {"certificate-authority": "certs/ca.pem"}],
)
def test_authorities_inline_or_beside_the_file(tmp_path: Path, cluster: dict[str, Any]) -> None:
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs" / "ca.pem").write_bytes((TLS / "ca.pem").read_bytes())
    config = load(write(tmp_path, cluster={"server": "https://kube.test", **cluster}))
    assert config.ssl is not None
    assert [each["subject"] for each in config.ssl.get_ca_certs()] == [((("commonName", "davy tests"),),)]


def test_insecure_skips_the_check_and_a_server_name_is_passed_on(tmp_path: Path) -> None:
    cluster = {"server": "https://10.0.0.1", "insecure-skip-tls-verify": True, "tls-server-name": "kube.test"}
    config = load(write(tmp_path, cluster=cluster))
    assert config.ssl is not None
    assert (config.ssl.verify_mode, config.ssl.check_hostname) == (ssl.CERT_NONE, False)
    assert config.server_name == "kube.test"


@pytest.mark.parametrize(
    ("cluster", "environ", "expected"),
    [
        ({"proxy-url": "http://proxy:3128"}, {}, "http://proxy:3128"),
        ({"proxy-url": "http://proxy:3128"}, {"HTTPS_PROXY": "http://other:1"}, "http://proxy:3128"),
        ({}, {"HTTPS_PROXY": "http://other:1"}, "http://other:1"),
        ({}, {"https_proxy": "http://other:1", "no_proxy": "kube.test"}, None),
        ({}, {"HTTPS_PROXY": "http://other:1", "NO_PROXY": ".test"}, None),
        ({}, {"HTTP_PROXY": "http://other:1"}, None),
        ({}, {}, None),
    ],
)
def test_proxies(tmp_path: Path, cluster: dict[str, Any], environ: dict[str, str], expected: str | None) -> None:
    file = write(tmp_path, cluster={"server": "https://kube.test:6443", **cluster})
    assert load(file, environ=environ).proxy == expected


def test_a_server_without_a_host_has_no_proxy() -> None:
    assert proxy_for("unix:/run/x", {"HTTPS_PROXY": "http://other:1"}) is None


def test_credentials_stay_out_of_the_repr(tmp_path: Path) -> None:
    assert "s3cret" not in repr(load(write(tmp_path, user={"token": "s3cret"})))


# -- several files


def test_the_first_file_that_names_something_wins(tmp_path: Path) -> None:
    one = write(tmp_path, "one", cluster={"server": "http://one"}, **{"current-context": ""})
    two = write(
        tmp_path,
        "two",
        cluster={"server": "http://two"},
        contexts=[{"name": "y", "context": {"cluster": "c"}}],
        **{"current-context": "y"},
    )
    environ = {"KUBECONFIG": os.pathsep.join([str(tmp_path / "missing"), "", str(one), str(two)])}
    assert load_config(environ=environ).server == "http://one"
    assert load_config(context="x", environ=environ).server == "http://one"


async def test_each_files_paths_are_relative_to_its_own_folder(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text(f"token-{name}")
    one = write(tmp_path / "a", users=[], cluster={"server": "http://one"})
    two = write(tmp_path / "b", user={"tokenFile": "token"})
    config = kubeconfig.load([one, two], environ={})
    assert (await headers(config))["Authorization"] == "Bearer token-b"


def test_where_a_kubeconfig_is_looked_for(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".kube").mkdir(parents=True)
    write(home / ".kube", cluster={"server": "http://home"})
    named = write(tmp_path, "named", cluster={"server": "http://named"})
    given = write(tmp_path, "given", cluster={"server": "http://given"})
    environ = {"KUBECONFIG": str(named)}
    assert load_config(str(given), environ=environ, home=home).server == "http://given"
    assert load_config(environ=environ, home=home).server == "http://named"
    assert load_config(environ={}, home=home).server == "http://home"


# -- in a pod


def pod(folder: Path, host: str = "10.0.0.1") -> dict[str, str]:
    (folder / "ca.crt").write_bytes((TLS / "ca.pem").read_bytes())
    (folder / "namespace").write_text("shop")
    (folder / "token").write_text("t1")
    return {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "443"}


async def test_in_a_pod_its_service_account_is_used(tmp_path: Path) -> None:
    config = load_config(environ=pod(tmp_path), home=tmp_path, service_account=tmp_path)
    assert (config.server, config.namespace) == ("https://10.0.0.1:443", "shop")
    assert config.ssl is not None
    assert (await headers(config))["Authorization"] == "Bearer t1"


def test_an_ipv6_host_is_put_in_brackets(tmp_path: Path) -> None:
    assert in_cluster(environ=pod(tmp_path, "fd00::1"), service_account=tmp_path).server == "https://[fd00::1]:443"


# -- what people read


def plugin(**fields: Any) -> dict[str, Any]:
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "aws", **fields}}


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"current-context": ""}, "no current-context is set, and none was asked for"),
        ({"current-context": "z"}, "there is no context named 'z'; known: x"),
        ({"context": {"cluster": "q"}}, "there is no cluster (of context 'x') named 'q'; known: c"),
        ({"context": {"cluster": "c", "user": "q"}}, "there is no user (of context 'x') named 'q'; known: u"),
        ({"cluster": {}}, "cluster 'c' has no server"),
        (
            {"cluster": {"server": ["x"]}},
            "is not a kubeconfig: Expected `str`, got `array` - at `$.clusters[0].cluster.server`",
        ),
        (
            {"cluster": {"server": "https://k", "certificate-authority-data": "§"}},
            "certificate-authority-data is not a base64-encoded PEM text",
        ),
        (
            {"cluster": {"server": "https://k", "certificate-authority-data": "eHh4"}},
            "the certificates for https://k cannot be used",
        ),
        ({"cluster": {"server": "https://k", "certificate-authority": "no.pem"}}, "cannot read certificate-authority "),
        ({"user": {"client-certificate-data": inline("client.pem")}}, "needs both client-certificate and client-key"),
        (
            {"user": {"auth-provider": {"name": "gcp"}}},
            "auth-provider was removed from Kubernetes; use its exec plugin",
        ),
        ({"user": plugin(interactiveMode="Always")}, "exec plugin aws wants a terminal"),
        (
            {"cluster": {"server": "https://k", "proxy-url": "socks5://p"}},
            "only http:// and https:// proxies are known",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path, parts: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, **parts))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["[1, 2]", "clusters: [", "clusters: {a: b}"])
def test_a_file_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    with pytest.raises(ConfigError, match=f"{file} is not a kubeconfig"):
        load(file)


@pytest.mark.parametrize("environ", [{}, {"KUBECONFIG": "named"}])
def test_a_missing_file_is_named(tmp_path: Path, environ: dict[str, str]) -> None:
    missing = str(tmp_path / "missing")
    with pytest.raises(ConfigError, match=f"cannot read the kubeconfig {missing}: No such file"):
        load_config(None if environ else missing, environ=dict.fromkeys(environ, missing))


def test_no_cluster_at_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no cluster: neither --kubeconfig"):
        load_config(environ={}, home=tmp_path)


def test_a_pod_without_its_service_account(tmp_path: Path) -> None:
    environ = pod(tmp_path)
    (tmp_path / "ca.crt").unlink()
    with pytest.raises(ConfigError, match=r"cannot read .*ca\.crt: No such file .*automountServiceAccountToken"):
        in_cluster(environ=environ, service_account=tmp_path)


# -- exec plugins: what of the kubeconfig reaches them


async def test_a_plugin_is_found_beside_the_file_and_told_of_the_cluster(tmp_path: Path) -> None:
    script = tmp_path / "login"
    script.write_text('#!/bin/sh\necho "no: $EXTRA $1 $KUBERNETES_EXEC_INFO" >&2\nexit 1\n')
    script.chmod(0o755)
    user = plugin(command="./login", args=["a1"], env=[{"name": "EXTRA", "value": "e1"}], provideClusterInfo=True)
    config = load(write(tmp_path, user=user), environ={"PATH": os.environ["PATH"]})
    assert isinstance(config.auth, ExecPlugin)
    with pytest.raises(AuthError) as caught:
        await config.auth.access()
    told = str(caught.value)
    assert "failed with exit code 1: no: e1 a1 {" in told
    assert '"interactive":false,"cluster":{"server":"https://kube.test:6443"}' in told
