"""Values that differ from run to run get placeholders: equal values equal ones."""

import pytest
from tests.oracle.kinds import Json
from tests.oracle.masking import masked

PLACES = {"NS": "shop", "METRICS": "http://127.0.0.1:1/prom/shop", "HOOKS": "http://127.0.0.1:1/hook/shop"}


def trace(**parts: Json) -> Json:
    return {"status": [], "webhooks": [], "events": [], "objects": {}} | parts


def test_hashes_are_numbered_in_order_of_first_appearance_and_stay_equal_where_they_were() -> None:
    status = [
        {"lastAppliedSpec": "5c", "lastPromotedSpec": "5c"},
        {"lastAppliedSpec": "7f", "lastPromotedSpec": "5c"},
    ]
    found, real = masked(trace(status=status, events=[{"message": "5c, not 5cc"}]), PLACES)
    assert found["status"] == [
        {"lastAppliedSpec": "<hash-1>", "lastPromotedSpec": "<hash-1>"},
        {"lastAppliedSpec": "<hash-2>", "lastPromotedSpec": "<hash-1>"},
    ]
    assert found["events"] == [{"message": "<hash-1>, not 5cc"}]
    assert real == {"<hash-1>": "5c", "<hash-2>": "7f"}


def test_a_cookie_keeps_its_name() -> None:
    status = [{"sessionAffinityCookie": "fcookie=AbcdEfghij"}]
    objects = {"HTTPRoute/app": {"states": [{"spec": {"value": "fcookie=AbcdEfghij; Max-Age=1"}}]}}
    found, _ = masked(trace(status=status, objects=objects), PLACES)
    assert found["status"] == [{"sessionAffinityCookie": "fcookie=<fcookie-1>"}]
    assert found["objects"]["HTTPRoute/app"]["states"] == [{"spec": {"value": "fcookie=<fcookie-1>; Max-Age=1"}}]


def test_a_cookie_without_a_name_is_called_so() -> None:
    found, _ = masked(trace(status=[{"primarySessionAffinityCookie": "=AbcdEfghij"}]), PLACES)
    assert found["status"] == [{"primarySessionAffinityCookie": "=<nameless-1>"}]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://127.0.0.1:1/hook/shop/gate", "${HOOKS}/gate"),
        ("http://127.0.0.1:1/prom/shop", "${METRICS}"),
        ("dial tcp 10.0.3.44:80", "dial tcp <ip>:80"),
        ("app.shop", "app.shop"),
    ],
)
def test_addresses_are_named(text: str, shown: str) -> None:
    found, _ = masked(trace(events=[{"message": text}]), PLACES)
    assert found["events"] == [{"message": shown}]


def test_ids_are_numbered_but_not_told() -> None:
    annotations = [{"flagger-id": "one"}, {"flagger-id": "two"}, {"flagger-id": "one"}]
    found, real = masked(trace(objects={"x": annotations}), PLACES)
    assert found["objects"] == {"x": [{"flagger-id": "<id-1>"}, {"flagger-id": "<id-2>"}, {"flagger-id": "<id-1>"}]}
    assert real == {}


def test_a_call_has_no_time_and_a_numbered_checksum() -> None:
    calls = [{"body": {"checksum": "758df7c9fc", "metadata": {"timestamp": "1700000000000"}}}, {"body": None}]
    found, real = masked(trace(webhooks=calls), PLACES)
    assert found["webhooks"][0]["body"] == {"checksum": "<checksum-1>", "metadata": {"timestamp": "<milliseconds>"}}
    assert real == {"<checksum-1>": "758df7c9fc"}
