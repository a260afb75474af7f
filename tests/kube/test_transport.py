"""What is repeated, what is not, and how long the pauses are."""

import asyncio
import gzip
from random import Random

import aiohttp
import pytest
from aiohttp import web
from tests.kube.scripted import Answer, Server, broken, ok, raw, silent, status

from davy.kube.auth import Access
from davy.kube.client import Client
from davy.kube.errors import Conflict, KubeError, NotFound, ServerError, Unauthorized, Unreachable
from davy.kube.identity import Config
from davy.kube.kinds import Kind
from davy.kube.transport import Patience

PATH = "/api/v1/namespaces/test/pods/a"


@pytest.mark.parametrize("failure", [status(500), status(502), status(503), status(504), status(429), broken])
async def test_a_read_is_repeated_with_growing_pauses(
    server: Server, client: Client, pauses: list[float], failure: Answer
) -> None:
    server.on("GET", PATH, failure, failure, failure, ok({}))
    assert await client.request("GET", PATH) == b"{}"
    assert len(server.seen) == 4
    for pause, most in zip(pauses, [0.1, 0.2, 0.4], strict=True):
        assert most / 2 <= pause <= most


async def test_a_read_gives_up_after_five_attempts(server: Server, client: Client) -> None:
    server.on("GET", PATH, status(503, "ServiceUnavailable", "try later"))
    with pytest.raises(ServerError, match="try later"):
        await client.request("GET", PATH)
    assert len(server.seen) == 5


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("failure", [status(500), status(502), status(503), status(504)])
async def test_a_write_is_not_repeated_after_a_server_error(
    server: Server, client: Client, method: str, failure: Answer
) -> None:
    server.on(method, PATH, failure, ok({}))
    with pytest.raises(ServerError):
        await client.request(method, PATH, body=b"{}")
    assert len(server.seen) == 1


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("refusal", [status(429, retry_after="2"), status(503, retry_after="2")])
async def test_everything_is_repeated_when_the_server_says_when(
    server: Server, client: Client, pauses: list[float], method: str, refusal: Answer
) -> None:
    server.on(method, PATH, refusal, ok({}))
    await client.request(method, PATH, body=b"{}")
    assert len(server.seen) == 2
    assert 2.05 <= pauses[0] <= 2.1


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_write_cut_off_is_sent_once_and_may_be_in_force(server: Server, client: Client, method: str) -> None:
    # On a kept-alive connection, where the HTTP library itself would repeat a PUT or DELETE.
    server.on("GET", PATH, ok({}))
    await client.request("GET", PATH)
    server.on(method, PATH, broken)
    with pytest.raises(Unreachable) as caught:
        await client.request(method, PATH, body=b"{}")
    assert caught.value.maybe_applied
    assert [each.method for each in server.seen] == ["GET", method]


async def test_a_write_without_an_answer_in_time_may_be_in_force(server: Server, client: Client) -> None:
    server.on("PUT", PATH, silent)
    with pytest.raises(Unreachable, match="no answer in time") as caught:
        await client.request("PUT", PATH, body=b"{}", timeout=0.05)
    assert caught.value.maybe_applied


async def test_a_write_that_never_left_is_repeated_and_not_in_force(pauses: list[float]) -> None:
    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async with Client(Config("http://127.0.0.1:1/k-secret"), sleep=sleep) as client:
        with pytest.raises(Unreachable, match=r"PUT /x: 127.0.0.1:1 cannot be reached") as caught:
            await client.request("PUT", "/x")
    assert not caught.value.maybe_applied
    assert len(pauses) == 4
    assert "k-secret" not in str(caught.value)


@pytest.mark.parametrize(("answer", "error"), [(status(404), NotFound), (status(409), Conflict)])
async def test_a_clear_refusal_is_not_repeated(
    server: Server, client: Client, answer: Answer, error: type[KubeError]
) -> None:
    server.on("GET", PATH, answer, ok({}))
    with pytest.raises(error):
        await client.request("GET", PATH)
    assert len(server.seen) == 1


def test_pauses_double_up_to_a_bound_and_heed_the_server_up_to_one() -> None:
    patience, random = Patience(), Random(0)
    for attempt, most in enumerate([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]):
        assert most / 2 <= patience.pause(attempt, None, random) <= most
    assert 30.0 < patience.pause(0, 3600.0, random) <= 30.1


class _Rotating:
    """Credentials of which the first have just run out."""

    def __init__(self) -> None:
        self.token = "old"

    async def access(self) -> Access:
        return Access({"Authorization": f"Bearer {self.token}"})

    def renew(self) -> bool:
        self.token = "new"
        return True


async def _doorkeeper(request: web.BaseRequest) -> web.StreamResponse:
    good = request.headers["Authorization"] == "Bearer new"
    return await (ok({}) if good else status(401, "Unauthorized", "token expired"))(request)


async def test_refused_credentials_are_renewed_once_even_for_a_write(server: Server) -> None:
    server.on("PATCH", PATH, _doorkeeper)
    async with Client(Config(server.url, auth=_Rotating())) as client:
        await client.request("PATCH", PATH, body=b"{}")
    assert len(server.seen) == 2


async def test_credentials_that_stay_wrong_are_an_error(server: Server) -> None:
    server.on("GET", PATH, status(401, "Unauthorized", "who are you?"))
    async with Client(Config(server.url, auth=_Rotating())) as client:
        with pytest.raises(Unauthorized, match=r"who are you\?"):
            await client.request("GET", PATH)
    assert len(server.seen) == 2


async def test_who_we_are_and_what_we_take(server: Server, client: Client) -> None:
    body = gzip.compress(b'{"a":1}')
    server.on("GET", PATH, raw(body, headers={"Content-Encoding": "gzip"}))
    assert await client.request("GET", PATH) == b'{"a":1}'
    assert server.seen[0].headers["User-Agent"].startswith("davy")
    assert server.seen[0].headers["Accept-Encoding"] == "gzip"


async def test_a_server_with_a_path_prefix_and_names_that_a_url_must_not_hold(server: Server) -> None:
    kind = Kind("rbac.authorization.k8s.io/v1", "ClusterRole")
    prefix = "/k-secret"
    server.on(
        "GET",
        prefix + kind.root,
        ok({"resources": [{"name": "clusterroles", "kind": "ClusterRole", "namespaced": False}]}),
    )
    server.on("GET", f"{prefix}{kind.root}/clusterroles/system:a%2Fb?c", ok({"metadata": {"name": "x"}}))
    async with Client(Config(server.url + prefix)) as client:
        assert await client.get(kind, None, "system:a%2Fb?c") == {"metadata": {"name": "x"}}


async def test_a_redirect_is_an_error_and_takes_no_token_elsewhere(server: Server, client: Client) -> None:
    server.on("GET", PATH, raw(b"", 302, {"Location": "http://127.0.0.1:1/elsewhere"}))
    with pytest.raises(KubeError, match="answered 302"):
        await client.request("GET", PATH)


async def test_a_closed_client_says_so(client: Client) -> None:
    await client.close()
    with pytest.raises(RuntimeError, match="closed"):
        await client.request("GET", PATH)


async def test_an_abandoned_watch_gives_its_connection_back(server: Server, client: Client) -> None:
    closed = asyncio.Event()

    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"type":"ADDED","object":{}}\n')
        try:
            await asyncio.Event().wait()
        finally:
            closed.set()
        return response

    server.on("GET", "/api/v1/pods", endless)
    watch = client.watch(Kind("v1", "Pod"), resource_version="1")
    assert (await anext(watch)).type == "ADDED"
    await watch.aclose()
    await asyncio.wait_for(closed.wait(), 5)


def test_the_http_library_still_has_the_switch_that_keeps_it_from_repeating_writes() -> None:
    assert "_retry_connection" in aiohttp.ClientSession.__init__.__code__.co_names
