"""Calls to others: how long, how much, where to, and what is said when there is no answer."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from shutil import which
from typing import Protocol

import pytest
from aiohttp import web

from davy import __version__
from davy.controller.outside import LONGEST_BODY, LONGEST_REPLY, MOST_REDIRECTS, Outside, Post, Unheard, outside
from davy.providers.base import Unreachable

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Serve(Protocol):
    """Starts a server on loopback; gives its address."""

    async def __call__(self, handler: Handler, certified: ssl.SSLContext | None = None) -> str: ...


@pytest.fixture
async def way_out() -> AsyncIterator[Outside]:
    async with outside({}) as made:
        yield made


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    runners: list[web.AppRunner] = []

    async def start(handler: Handler, certified: ssl.SSLContext | None = None) -> str:
        app = web.Application()
        app.router.add_route("*", "/{any:.*}", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certified).start()
        return f"{'https' if certified else 'http'}://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


def post(url: str, timeout: float = 5.0, *, verify: bool = True, proxy: str = "") -> Post:
    return Post(url=url, body=b"{}", timeout=timeout, verify=verify, proxy=proxy)


async def silent(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    await request.content.read()
    while request.transport is not None and not request.transport.is_closing():
        await asyncio.sleep(0.01)
    return answer


async def test_a_call_brings_back_status_and_body(way_out: Outside, serve: Serve) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(status=418, text=f"{request.method} {request.query['q']} {request.headers['x-a']}")

    url = await serve(echo)
    answer = await way_out.call("GET", f"{url}/x", headers={"x-a": "1"}, params={"q": "up"})
    assert (answer.status, answer.body) == (418, b"GET up 1")


async def test_no_listener_is_unreachable(way_out: Outside) -> None:
    with pytest.raises(Unreachable):
        await way_out.call("GET", "http://127.0.0.1:1/")


async def test_an_address_that_is_none_is_unreachable(way_out: Outside) -> None:
    with pytest.raises(Unreachable):
        await way_out.call("GET", "not a url")


async def test_silence_is_unreachable_and_says_for_how_long(way_out: Outside, serve: Serve) -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await request.content.read()
        while request.transport is not None and not request.transport.is_closing():
            await asyncio.sleep(0.01)
        return answer

    with pytest.raises(Unreachable, match=r"no answer within 0\.05 s"):
        await way_out.call("GET", await serve(silent), timeout=timedelta(seconds=0.05))


async def test_an_endless_answer_is_cut_off(way_out: Outside, serve: Serve) -> None:
    async def endless(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * (LONGEST_BODY + 1))

    with pytest.raises(Unreachable, match="longer than"):
        await way_out.call("GET", await serve(endless))


async def test_a_post_says_who_we_are_and_brings_back_what_came(way_out: Outside, serve: Serve) -> None:
    async def echo(request: web.Request) -> web.Response:
        told = [request.method, await request.text(), request.headers["Content-Type"], request.headers["User-Agent"]]
        return web.Response(status=203, text=" ".join(told), headers={"Retry-After": "7"})

    reply = await way_out.post(post(await serve(echo)))
    assert (reply.status, reply.retry_after) == (203, 7.0)
    assert reply.body == f"POST {{}} application/json davy/{__version__}".encode()


async def test_no_connection_is_used_twice_for_posts_for_it_may_be_dead_already(way_out: Outside, serve: Serve) -> None:
    peers: set[object] = set()

    async def note(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return web.Response()

    url = await serve(note)
    for _ in range(2):
        await way_out.post(post(url))
    assert len(peers) == 2


async def test_a_long_reply_is_cut_and_no_failure(way_out: Outside, serve: Serve) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(b"x" * 4096)

    assert len((await way_out.post(post(await serve(endless)))).body) == LONGEST_REPLY


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:10 GMT", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 10.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT", "Date": "Wed, 21 Oct 2015 07:28:10 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
async def test_a_wish_for_patience_may_be_a_date(
    way_out: Outside, serve: Serve, headers: dict[str, str], seconds: float | None
) -> None:
    async def busy(request: web.Request) -> web.Response:
        return web.Response(status=503, headers=headers)

    assert (await way_out.post(post(await serve(busy)))).retry_after == seconds


@pytest.mark.parametrize(("status", "method"), [(302, "GET "), (303, "GET "), (307, "POST {}"), (308, "POST {}")])
async def test_a_redirect_within_the_host_is_followed_as_go_does(
    way_out: Outside, serve: Serve, status: int, method: str
) -> None:
    async def elsewhere(request: web.Request) -> web.Response:
        if request.path == "/new":
            return web.Response(text=f"{request.method} {await request.text()}")
        return web.Response(status=status, headers={"Location": "/new"})

    assert (await way_out.post(post(f"{await serve(elsewhere)}/old"))).body == method.encode()


async def test_a_redirect_to_another_host_is_not_followed(way_out: Outside, serve: Serve) -> None:
    asked: list[str] = []

    async def other(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response()

    async def astray(request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": target})

    target = (await serve(other)).replace("127.0.0.1", "localhost")
    with pytest.raises(Unheard, match="redirects to another host, localhost") as caught:
        await way_out.post(post(await serve(astray)))
    assert not caught.value.again
    assert asked == []


async def test_a_circle_of_redirects_ends(way_out: Outside, serve: Serve) -> None:
    asked: list[str] = []

    async def round_and_round(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=307, headers={"Location": "/"})

    with pytest.raises(Unheard, match="more than 10 times"):
        await way_out.post(post(await serve(round_and_round)))
    assert len(asked) == MOST_REDIRECTS + 1


async def test_silence_after_a_post_may_end_if_it_is_tried_again(way_out: Outside, serve: Serve) -> None:
    with pytest.raises(Unheard, match=r"no answer within 0\.05 s") as caught:
        await way_out.post(post(await serve(silent), timeout=0.05))
    assert caught.value.again


@pytest.mark.parametrize(
    ("url", "words", "again"),
    [
        ("http://127.0.0.1:1/secret", "127.0.0.1:1 cannot be reached: Connection refused", True),
        ("http://nowhere.invalid/secret", "nowhere.invalid:80 cannot be reached: ", True),
        ("ftp://127.0.0.1/secret", "its address is not one of http or https", False),
        ("not a url/secret", "its address is not one of http or https", False),
        ("", "its address is not one of http or https", False),
    ],
)
async def test_what_cannot_be_reached_is_said_without_its_path(
    way_out: Outside, url: str, words: str, again: bool
) -> None:
    with pytest.raises(Unheard) as caught:
        await way_out.post(post(url))
    assert str(caught.value).startswith(words)
    assert "secret" not in str(caught.value)
    assert caught.value.again is again


async def test_a_peer_that_hangs_up_may_answer_the_next_time(way_out: Outside, serve: Serve) -> None:
    async def rude(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    with pytest.raises(Unheard, match="hung up without an answer") as caught:
        await way_out.post(post(await serve(rude)))
    assert caught.value.again


async def test_a_proxy_is_used_where_one_is_named(serve: Serve) -> None:
    async def proxy(request: web.Request) -> web.Response:
        return web.Response(text=f"for {request.headers['Host']}")

    through = await serve(proxy)
    async with outside({"HTTP_PROXY": through}) as way_out:
        assert (await way_out.post(post("http://hook.test/"))).body == b"for hook.test"
        assert (await way_out.call("GET", "http://metrics.test/")).body == b"for metrics.test"
        with pytest.raises(Unheard):  # Flagger's clients that skip verification go past the proxy too
            await way_out.post(post("http://hook.invalid/", verify=False))
    async with outside({}) as way_out:
        assert (await way_out.post(post("http://hook.test/", proxy=through))).body == b"for hook.test"


@pytest.fixture(scope="session")
def certified(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate that nobody trusts."""
    openssl = which("openssl")
    if openssl is None:
        pytest.skip("no openssl on this machine to make a certificate with")
    made: Path = tmp_path_factory.mktemp("tls")
    key, certificate = str(made / "key.pem"), str(made / "certificate.pem")
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


async def test_a_certificate_that_nobody_trusts_is_refused_for_good_unless_it_is_not_looked_at(
    way_out: Outside, serve: Serve, certified: ssl.SSLContext
) -> None:
    async def yes(request: web.Request) -> web.Response:
        return web.Response(text="yes")

    url = await serve(yes, certified)
    with pytest.raises(Unheard, match=r"the certificate of 127\.0\.0\.1 cannot be trusted") as caught:
        await way_out.post(post(url))
    assert not caught.value.again
    assert (await way_out.post(post(url, verify=False))).body == b"yes"
