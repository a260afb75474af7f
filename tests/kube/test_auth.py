"""Credentials that change under us, and TLS with certificates of our own."""

import asyncio
import json
import os
import ssl
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.kube.scripted import Server, ok

from davy.kube import auth, tls
from davy.kube.auth import AuthError, Command, ExecPlugin, TokenFile
from davy.kube.client import Client
from davy.kube.errors import Unauthorized, Untrusted
from davy.kube.identity import Config

TLS = Path(__file__).parent / "tls"
V1 = "client.authentication.k8s.io/v1"


# -- token files


async def test_a_token_file_is_read_again_after_a_minute(tmp_path: Path) -> None:
    now = 1000.0
    file = tmp_path / "token"
    file.write_text("one\n")
    source = TokenFile(file, clock=lambda: now)
    assert (await source.access()).headers == {"Authorization": "Bearer one"}
    file.write_text("two\n")
    now += 59
    assert (await source.access()).headers == {"Authorization": "Bearer one"}
    now += 1
    assert (await source.access()).headers == {"Authorization": "Bearer two"}


async def test_a_token_refused_is_read_again_at_once(tmp_path: Path, server: Server) -> None:
    file = tmp_path / "token"
    file.write_text("old")

    async def rotate(request: web.BaseRequest) -> web.StreamResponse:
        file.write_text("new")
        return web.Response(status=401 if request.headers["Authorization"] == "Bearer old" else 200, body=b"{}")

    server.on("DELETE", "/x", rotate)
    async with Client(Config(server.url, auth=TokenFile(file))) as client:
        await client.request("DELETE", "/x")
    assert [seen.headers["Authorization"] for seen in server.seen] == ["Bearer old", "Bearer new"]


@pytest.mark.parametrize(("content", "words"), [(None, "cannot read the token file"), ("\n", "is empty")])
async def test_a_token_that_cannot_be_read_is_an_error_of_ours(tmp_path: Path, content: str | None, words: str) -> None:
    if content is not None:
        (tmp_path / "token").write_text(content)
    async with Client(Config("http://127.0.0.1:1", auth=TokenFile(tmp_path / "token"))) as client:
        with pytest.raises(Unauthorized, match=words):
            await client.request("GET", "/x")


# -- exec plugins


class Plugin:
    """A log-in program that counts its runs and prints what it is given."""

    def __init__(self, folder: Path) -> None:
        self.answer, self.runs = folder / "answer", folder / "runs"
        self.runs.write_text("")
        code = (
            f"open({str(self.runs)!r}, 'a').write('x'); print(open({str(self.answer)!r}).read()); "
            "import os, sys; sys.exit(0 if os.environ['KUBERNETES_EXEC_INFO'] else 3)"
        )
        self.command = Command((sys.executable, "-c", code), env=dict(os.environ), api_version=V1)

    def gives(self, *, version: str = V1, **status: Any) -> None:
        self.answer.write_text(json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status}))

    @property
    def count(self) -> int:
        return len(self.runs.read_text())


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    return Plugin(tmp_path)


def source(plugin: Plugin, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> ExecPlugin:
    return ExecPlugin(plugin.command, secure=lambda pair: tls.context(client=pair), now=lambda: now)


async def test_a_plugin_is_asked_once_by_many_and_again_when_refused(plugin: Plugin) -> None:
    plugin.gives(token="t1")
    asked = source(plugin)
    got = await asyncio.gather(*(asked.access() for _ in range(5)))
    assert {each.headers["Authorization"] for each in got} == {"Bearer t1"}
    assert plugin.count == 1
    plugin.gives(token="t2")
    assert asked.renew()
    assert (await asked.access()).headers["Authorization"] == "Bearer t2"
    assert plugin.count == 2


@pytest.mark.parametrize(("left", "runs"), [(3600, 1), (11, 1), (9, 2), (-5, 2)])
async def test_a_plugin_is_asked_again_shortly_before_expiry(plugin: Plugin, left: int, runs: int) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    plugin.gives(token="t1", expirationTimestamp=(now + timedelta(seconds=left)).isoformat())
    asked = source(plugin, now)
    await asked.access()
    await asked.access()
    assert plugin.count == runs


async def test_a_plugin_may_give_a_certificate(plugin: Plugin) -> None:
    plugin.gives(clientCertificateData=(TLS / "client.pem").read_text(), clientKeyData=(TLS / "client.key").read_text())
    access = await source(plugin).access()
    assert access.headers == {}
    assert isinstance(access.ssl, ssl.SSLContext)


async def test_a_plugin_that_gives_nothing(plugin: Plugin) -> None:
    plugin.gives()
    with pytest.raises(AuthError, match="neither a token nor a client certificate"):
        await source(plugin).access()


async def test_a_plugin_that_answers_another_version(plugin: Plugin) -> None:
    plugin.gives(version="client.authentication.k8s.io/v1alpha1", token="t")
    with pytest.raises(
        AuthError, match=r"answered client.authentication.k8s.io/v1alpha1 ExecCredential, the kubeconfig"
    ):
        await source(plugin).access()


async def test_a_plugin_that_prints_something_else(plugin: Plugin) -> None:
    plugin.answer.write_text("please visit https://login")
    with pytest.raises(AuthError, match="its output is not an ExecCredential"):
        await source(plugin).access()


async def test_a_plugin_that_is_not_installed(tmp_path: Path) -> None:
    missing = Command((str(tmp_path / "aws"),), env={}, api_version=V1, install_hint="install the AWS CLI")
    with pytest.raises(AuthError, match="cannot be started: No such file or directory; install the AWS CLI"):
        await auth.run(missing)


async def test_a_plugin_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "PLUGIN_TIMEOUT", 0.1)
    with pytest.raises(AuthError, match="gave no answer"):
        await auth.run(Command((sys.executable, "-c", "import time; time.sleep(60)"), env={}, api_version=V1))


# -- TLS


@pytest.fixture
async def secure() -> AsyncIterator[tuple[str, Server]]:
    """A TLS server that asks for a client certificate, and names who called in a header."""
    scripted = Server()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(TLS / "ca.pem"))
    context.load_cert_chain(TLS / "server.pem", TLS / "server.key")
    context.verify_mode = ssl.CERT_OPTIONAL
    runner = web.ServerRunner(web.Server(scripted.handle), shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield f"https://127.0.0.1:{runner.addresses[0][1]}", scripted
    await runner.cleanup()


async def caller(request: web.BaseRequest) -> web.StreamResponse:
    assert request.transport is not None
    certificate = request.transport.get_extra_info("peercert")
    return await ok({"subject": certificate and certificate["subject"][0][0][1]})(request)


def ours() -> tls.Certificate:
    return tls.Certificate((TLS / "client.pem").read_text(), (TLS / "client.key").read_text())


async def test_a_client_certificate_says_who_we_are(secure: tuple[str, Server]) -> None:
    url, server = secure
    server.on("GET", "/x", caller)
    context = tls.context(ca=(TLS / "ca.pem").read_text(), client=ours())
    async with Client(Config(url, ssl=context, server_name="kube.test")) as client:
        assert await client.request("GET", "/x") == b'{"subject": "client"}'


async def test_an_exec_plugins_certificate_is_used(secure: tuple[str, Server], plugin: Plugin) -> None:
    url, server = secure
    server.on("GET", "/x", caller)
    plugin.gives(clientCertificateData=ours().certificate, clientKeyData=ours().key)
    ca = (TLS / "ca.pem").read_text()
    asked = ExecPlugin(plugin.command, secure=lambda pair: tls.context(ca=ca, client=pair))
    async with Client(Config(url, ssl=tls.context(ca=ca), auth=asked, server_name="kube.test")) as client:
        assert await client.request("GET", "/x") == b'{"subject": "client"}'


@pytest.mark.parametrize(("ca", "name"), [(None, "kube.test"), ("ca.pem", "other.test"), ("ca.pem", None)])
async def test_a_server_that_cannot_be_trusted_is_not_asked_again(
    secure: tuple[str, Server], ca: str | None, name: str | None, pauses: list[float]
) -> None:
    url, server = secure

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    context = tls.context(ca=(TLS / ca).read_text() if ca else None)
    async with Client(Config(url, ssl=context, server_name=name), sleep=sleep) as client:
        with pytest.raises(Untrusted, match="cannot be trusted"):
            await client.request("GET", "/x")
    assert (server.seen, pauses) == ([], [])


async def test_verification_can_be_switched_off(secure: tuple[str, Server]) -> None:
    url, server = secure
    server.on("GET", "/x", ok({}))
    async with Client(Config(url, ssl=tls.context(verify=False))) as client:
        assert await client.request("GET", "/x") == b"{}"


def test_a_clients_key_leaves_nothing_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    tls.context(client=ours())
    with pytest.raises(ssl.SSLError):
        tls.context(client=tls.Certificate("no", "key"))
    assert list(tmp_path.iterdir()) == []
