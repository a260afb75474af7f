"""Prometheus: what is asked, with which credentials, and what a spec must say."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from davy.api.metric_template import Provider as ProviderSpec
from davy.api.words import SecretRef
from davy.core.snapshot import Error, Value
from davy.providers import provider_for
from davy.providers.base import Misconfigured, Window
from davy.providers.prometheus import prometheus

ONE = {"status": 200, "body": '{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"1"]}]}}'}
TWO = {"status": 200, "body": '{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"2"]}]}}'}
WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), timedelta(minutes=1))
BASIC = "Basic dTpwOnc="  # u:p:w


def spec(**fields: Any) -> ProviderSpec:
    return ProviderSpec(**({"type": "prometheus", "address": "http://prom:9090"} | fields))


async def asked(provider: Any, recording: Any, query: str = "up") -> dict[str, Any]:
    http = recording(ONE)
    assert await provider.query(http, query, WINDOW) == Value(1.0)
    (call,) = http.asked
    return dict(call)


async def test_a_query_is_sent_on_one_line(recording: Any) -> None:
    call = await asked(provider_for(spec()), recording, "\n  sum(\n\trate(x[1m])\n  )\n")
    assert call["method"] == "GET"
    assert call["url"] == "http://prom:9090/api/v1/query"
    assert call["params"] == {"query": " sum( rate(x[1m]) ) "}
    assert call["timeout"] == timedelta(seconds=5)
    assert call["verify"]


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("http://prom:9090/", "http://prom:9090/api/v1/query"),
        ("https://x.example/tenant/a", "https://x.example/tenant/a/api/v1/query"),
        ("http://prom:9090/p?x=1#f", "http://prom:9090/p/api/v1/query"),
    ],
)
async def test_a_path_prefix_is_kept_and_a_query_string_dropped(address: str, url: str, recording: Any) -> None:
    assert (await asked(provider_for(spec(address=address)), recording))["url"] == url


async def test_the_default_address_is_used_only_where_the_spec_has_none(recording: Any) -> None:
    default = "http://default:9090"
    assert (await asked(provider_for(spec(address=""), None, default), recording))["url"].startswith(default)
    assert (await asked(provider_for(spec(), None, default), recording))["url"].startswith("http://prom:9090")


@pytest.mark.parametrize(
    ("secret", "header"),
    [
        ({"token": "t\n"}, "Bearer t"),
        ({"token": "t", "username": "u", "password": "p:w"}, "Bearer t"),
        ({"username": "u", "password": "p:w"}, BASIC),
        ({"username": "u", "password": ""}, None),
    ],
    ids=["token", "token first", "basic", "empty password"],
)
async def test_credentials_come_from_the_secret(secret: dict[str, str], header: str | None, recording: Any) -> None:
    provider = provider_for(spec(secret_ref=SecretRef("creds")), secret)
    assert (await asked(provider, recording))["headers"].get("Authorization") == header


async def test_a_secret_that_the_spec_does_not_name_is_not_used(recording: Any) -> None:
    assert (await asked(provider_for(spec(), {"token": "t"}), recording))["headers"] == {}


async def test_credentials_in_the_address_are_sent_and_never_shown(recording: Any) -> None:
    provider = provider_for(spec(address="http://u:p%3Aw@prom:9090"))
    call = await asked(provider, recording)
    assert call["headers"] == {"Authorization": BASIC}
    assert call["url"] == "http://prom:9090/api/v1/query"
    failed = await provider.query(recording({"unreachable": "reset"}), "up", WINDOW)
    assert failed == Error("unreachable", "prometheus http://prom:9090: reset")


async def test_headers_and_lax_certificates_are_passed_on(recording: Any) -> None:
    provider = provider_for(spec(headers={"X-Scope-OrgID": ("a", "b")}, insecure_skip_verify=True))
    call = await asked(provider, recording)
    assert (call["headers"], call["verify"]) == ({"X-Scope-OrgID": "a, b"}, False)


async def test_the_sign_of_life_is_the_vector_of_one(recording: Any) -> None:
    http = recording(ONE)
    assert await provider_for(spec()).ping(http) == Value(1.0)
    assert http.asked[0]["params"] == {"query": "vector(1)"}
    assert isinstance(await provider_for(spec()).ping(recording(TWO)), Error)


@pytest.mark.parametrize("address", ["", "prometheus:9090", "ftp://prom", "http://"])
def test_an_address_that_is_no_url_is_told_so(address: str) -> None:
    with pytest.raises(Misconfigured, match=r"prometheus: address .* is not a URL; write for example"):
        prometheus(spec(address=address), None, "")


@pytest.mark.parametrize(
    ("secret", "words"),
    [(None, "no username and no password"), ({"username": "u"}, "no password"), ({"password": "p"}, "no username")],
)
def test_a_secret_without_its_keys_is_told_which(secret: dict[str, str] | None, words: str) -> None:
    with pytest.raises(Misconfigured, match=f"Secret creds has {words}; it needs token"):
        provider_for(spec(secret_ref=SecretRef("creds")), secret)
