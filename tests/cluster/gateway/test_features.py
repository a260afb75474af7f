"""What routes can say, taken by a real Envoy and seen in requests and answers."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Arena, route, until, weights

Json = dict[str, Any]
COOKIE = "canary-cookie=AbCdEfGhIj"


async def serve(arena: Arena, *rules: Json) -> None:
    await arena.client.create(route("app", *rules))
    conditions = await arena.in_force("app", 1)
    assert conditions["Accepted"]["status"] == "True", conditions["Accepted"]["message"]


def last_request(arena: Arena, backend: str = "primary") -> dict[str, str]:
    """The request line under "", and the headers by name."""
    lines = arena.backends[backend].headers[-1].strip().split("\r\n")
    return {"": lines[0], **dict(line.split(": ", 1) for line in lines[1:])}


async def test_headers_queries_and_methods_choose_the_backend(arena: Arena) -> None:
    insider = [{"headers": [{"name": "x-canary", "value": "insider"}]}]
    beta = [{"queryParams": [{"name": "beta", "type": "RegularExpression", "value": "[0-9]+"}]}]
    posted = [{"method": "POST", "path": {"type": "Exact", "value": "/form"}}]
    rules = [{**weights(app_canary=1), "matches": matches} for matches in (insider, beta, posted)]
    await serve(arena, *rules, weights(app_primary=1))
    assert (await arena.get())[1] == "primary"
    assert (await arena.get(**{"x-canary": "insider"}))[1] == "canary"
    assert (await arena.get(**{"x-canary": "insiders"}))[1] == "primary"
    assert (await arena.get("/?beta=12"))[1] == "canary"
    assert (await arena.get("/?beta=no"))[1] == "primary"
    assert (await arena.get("/form"))[1] == "primary"
    async with arena.http.post(arena.url + "/form") as response:
        assert await response.text() == "canary"


async def test_a_session_stays_where_its_cookie_says(arena: Arena) -> None:
    sticky = [{"headers": [{"name": "Cookie", "type": "RegularExpression", "value": f".*{COOKIE}.*"}]}]
    header = {"name": "Set-Cookie", "value": f"{COOKIE}; Max-Age=86400"}
    given = {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"add": [header]}}
    split = weights(app_primary=50, app_canary=50)
    split["backendRefs"][1]["filters"] = [given]
    await serve(arena, {**weights(app_primary=0, app_canary=100), "matches": sticky}, split)
    cookies: dict[str, set[str | None]] = {"primary": set(), "canary": set()}
    while not all(cookies.values()):
        async with arena.http.get(arena.url) as response:
            cookies[await response.text()].add(response.headers.get("Set-Cookie"))
        arena.http.cookie_jar.clear()
    assert cookies == {"primary": {None}, "canary": {header["value"]}}
    answers = {(await arena.get(Cookie=f"a=b; {COOKIE}; c=d"))[1] for _ in range(20)}
    assert answers == {"canary"}


async def test_headers_host_and_path_are_rewritten(arena: Arena) -> None:
    changed = {
        "set": [{"name": "x-set", "value": "100%"}],
        "add": [{"name": "x-add", "value": "2"}],
        "remove": ["x-secret"],
    }
    path = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
    filters = [
        {"type": "RequestHeaderModifier", "requestHeaderModifier": changed},
        {"type": "URLRewrite", "urlRewrite": {"hostname": "inner.example.com", "path": path}},
        {"type": "CORS", "cors": {"allowOrigins": ["https://*.example.com"], "allowMethods": ["GET"], "maxAge": 60}},
    ]
    matches = [{"path": {"type": "PathPrefix", "value": "/api"}}]
    await serve(arena, {**weights(app_primary=1), "filters": filters, "matches": matches})
    async with arena.http.get(
        arena.url + "/api/v1?q=1", headers={"x-secret": "s", "x-set": "old", "Origin": "https://a.example.com"}
    ) as response:
        assert response.headers["access-control-allow-origin"] == "https://a.example.com"
    found = last_request(arena)
    assert found[""] == "GET /v1?q=1 HTTP/1.1"
    assert (found["host"], found["x-set"], found["x-add"]) == ("inner.example.com", "100%", "2")
    assert "x-secret" not in found
    assert (await arena.get("/apis"))[0] == 404


@pytest.mark.parametrize(
    ("redirect", "status", "location"),
    [
        ({"scheme": "https", "hostname": "x.com", "statusCode": 301}, 301, "https://x.com/old/a"),
        ({"hostname": "x.com", "port": 8443, "path": {"type": "ReplaceFullPath", "replaceFullPath": "/n"}}, 302, None),
        ({"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/new"}, "statusCode": 308}, 308, None),
    ],
)
async def test_a_redirect_is_answered_by_the_proxy(arena: Arena, redirect: Json, status: int, location: str) -> None:
    matches = [{"path": {"type": "PathPrefix", "value": "/old"}}]
    filters = [{"type": "RequestRedirect", "requestRedirect": redirect}]
    await serve(arena, {"filters": filters, "matches": matches})
    async with arena.http.get(arena.url + "/old/a", allow_redirects=False) as response:
        wanted = {302: "http://x.com:8443/n", 308: f"{arena.url}/new/a"}.get(status, location)
        assert (response.status, response.headers["location"]) == (status, wanted)
    assert not arena.backends["primary"].served


async def test_a_mirror_gets_copies_and_its_answers_are_dropped(arena: Arena) -> None:
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "app-canary", "port": 80}}}
    await serve(arena, {**weights(app_primary=1), "filters": [mirror]})
    assert set(await arena.counts(20)) == {"primary"}
    await until(lambda: arena.backends["canary"].served == 20)
    assert last_request(arena, "canary")["host"] == arena.url.removeprefix("http://")


async def test_a_slow_backend_is_cut_off_after_the_time_out(arena: Arena) -> None:
    await serve(arena, {**weights(app_primary=1), "timeouts": {"request": "100ms"}})
    assert (await arena.get("/slow"))[0] == 504
    arena.backends["primary"].hold.set()


async def test_a_client_cannot_ask_for_retries(arena: Arena) -> None:
    """A retried request would hide the errors that an analysis is looking for."""
    await serve(arena, weights(app_primary=1))
    arena.backends["primary"].stop()
    asked = {"x-envoy-retry-on": "5xx,connect-failure", "x-envoy-max-retries": "5"}
    assert (await arena.get(**asked))[0] == 503
    async with arena.http.get(await stats(arena, "upstream_rq_retry")) as response:
        retries = [line for line in (await response.text()).splitlines() if line.startswith("cluster.default_app")]
    assert retries
    assert {line.rsplit(" ", 1)[1] for line in retries} == {"0"}


async def stats(arena: Arena, name: str) -> str:
    url = arena.gateway.metrics_url()
    assert url is not None
    return f"{url.partition('/stats')[0]}/stats?filter={name}$"
