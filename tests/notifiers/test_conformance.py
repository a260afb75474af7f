"""What every notifier must do; a new line in the table is a new subject of these tests."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from davy.notifiers import NOTIFIERS
from davy.notifiers.base import Address, Misconfigured, Notice

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
UPDATE = "DAVY_UPDATE_GOLDEN"
FLAGGER: dict[str, list[dict[str, Any]]] = json.loads((HERE / "recorded" / "flagger.json").read_text())

ADDRESS = Address(url="https://hooks.example.com/s3cret", channel="ops", username="bot")
FACTS = (("Target", "Deployment/app.shop"), ("Failed checks threshold", "2"), ("Traffic routing", "Blue/Green"))
INFO = Notice("app.shop", "info", "New revision detected, progressing canary analysis.", FACTS)
ERROR = Notice("app.shop", "error", "Failed checks threshold reached 2")

every_service = pytest.mark.parametrize("name", sorted(NOTIFIERS))


def sent(name: str, notice: Notice = INFO, address: Address = ADDRESS) -> Any:
    """The body of the request."""
    return json.loads(NOTIFIERS[name].request(notice, address).body)


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for below in value.values():
            yield from texts(below)
    if isinstance(value, list):
        for item in value:
            yield from texts(item)
    if isinstance(value, str):
        yield value


def notices(calls: list[dict[str, Any]]) -> Iterator[Notice]:
    """What was told in a scenario, read from the calls in Slack's form."""
    for call in calls:
        if call["path"] in ("slack", "global-slack"):
            (told,) = call["body"]["attachments"]
            severity = "error" if told["color"] == "danger" else "info"
            fields = tuple((field["title"], field["value"]) for field in told["fields"])
            yield Notice(told["author_name"], severity, told["text"], fields)


@every_service
def test_the_message_is_the_one_flagger_sends(name: str) -> None:
    calls = [call for call in FLAGGER["istio-alerts"] if call["path"].partition("/")[0] == name]
    told = list(notices(FLAGGER["istio-alerts"]))
    address = Address(url=f"http://127.0.0.1/hook/{name}", channel="ops", username="bot")
    assert len(calls) == len(told) == 3
    for call, notice in zip(calls, told, strict=True):
        request = NOTIFIERS[name].request(notice, address)
        assert request.url == f"http://127.0.0.1/hook/{call['path']}"
        assert json.loads(request.body) == call["body"]


def test_what_the_operators_own_address_gets_is_what_flagger_sends() -> None:
    calls = [call["body"] for call in FLAGGER["flags-alerts"]]
    address = Address(url="http://127.0.0.1/global-slack", channel="ops", username="flagger")
    assert [sent("slack", notice, address) for notice in notices(FLAGGER["flags-alerts"])] == calls
    assert {call["attachments"][0]["color"] for call in calls} == {"good", "danger"}


@every_service
def test_it_tells_who_what_and_all_facts(name: str) -> None:
    said = "\n".join(texts(sent(name)))
    for word in (INFO.canary, INFO.message, *(text for fact in INFO.fields for text in fact)):
        assert word in said


@every_service
def test_an_error_looks_different_where_the_service_has_colours(name: str) -> None:
    quiet, loud = sent(name, replace(ERROR, severity="warn")), sent(name, ERROR)
    assert quiet == sent(name, replace(ERROR, severity="info"))
    assert (quiet == loud) is (name == "gchat")


@every_service
@given(message=st.text(), fields=st.lists(st.tuples(st.text(), st.text()), max_size=3))
def test_every_text_makes_a_request(name: str, message: str, fields: list[tuple[str, str]]) -> None:
    body = sent(name, Notice("app.shop", "warn", message, tuple(fields)))
    assert len(list(texts(body))) >= 2 * len(fields)


@every_service
def test_the_same_notice_is_the_same_request(name: str) -> None:
    assert NOTIFIERS[name].request(INFO, ADDRESS) == NOTIFIERS[name].request(INFO, ADDRESS)


@every_service
@pytest.mark.parametrize(
    "url", ["", "hooks.example.com/s3cret", "ftp://h/s3cret", "http://", "/s3cret", "http://[s3cret"]
)
def test_an_address_that_is_none_is_refused_without_being_shown(name: str, url: str) -> None:
    with pytest.raises(Misconfigured) as told:
        NOTIFIERS[name].request(INFO, replace(ADDRESS, url=url))
    assert "URL" in str(told.value)
    assert "s3cret" not in str(told.value)


@every_service
def test_the_token_is_in_no_body(name: str) -> None:
    request = NOTIFIERS[name].request(INFO, replace(ADDRESS, token="t0ken"))
    assert b"t0ken" not in request.body
    assert request.headers.get("Authorization") == ("Bearer t0ken" if name == "slack" else None)
    assert request.headers["Content-Type"] == "application/json"
    assert "Authorization" not in NOTIFIERS[name].request(INFO, ADDRESS).headers


@every_service
def test_the_message_is_the_golden_one(name: str) -> None:
    requests = [NOTIFIERS[name].request(notice, ADDRESS) for notice in (INFO, ERROR)]
    shown = [{"url": request.url, "body": json.loads(request.body)} for request in requests]
    text = json.dumps(shown, indent=1, ensure_ascii=False) + "\n"
    path = GOLDEN / f"{name}.json"
    if os.environ.get(UPDATE):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.exists(), f"write {path} by running this test with {UPDATE}=1, and read what it wrote"
    assert text == path.read_text()


def test_no_golden_file_is_left_of_a_service_that_is_gone() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(NOTIFIERS)
