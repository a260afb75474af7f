"""What the demo app answers."""

import json
from typing import Any

from davy.demo_app.app import COUNTED_PATHS, App, Request
from davy.demo_app.settings import read


def _app(**env: Any) -> App:
    return App(read({"APP_VERSION": "2.0", "POD_NAME": "app-1", **env}))


def test_the_page_names_version_and_pod() -> None:
    app, request = _app(), Request("GET", "/")
    response = app.answer(request)
    assert json.loads(response.body) == {"version": "2.0", "pod": "app-1"}
    assert b"\r\nx-app-version: 2.0\r\n" in app.encode(request, response, keep=True)


def test_a_fault_is_a_500_that_still_carries_the_version() -> None:
    app, request = _app(APP_ERROR_RATE="1"), Request("GET", "/")
    response = app.answer(request)
    wire = app.encode(request, response, keep=True)
    assert wire.startswith(b"HTTP/1.1 500 ")
    assert b"\r\nx-app-version: 2.0\r\n" in wire


def test_probes_and_metrics_are_neither_failed_nor_delayed_nor_counted() -> None:
    app = _app(APP_ERROR_RATE="1", APP_LATENCY_MS="1000")
    for path in ("/healthz", "/readyz", "/metrics"):
        request = Request("GET", path)
        response = app.answer(request)
        app.count(request, response, 0.1)
        assert (response.status, response.delay) == (200, 0)
    body = app.answer(Request("GET", "/metrics")).body
    counts = [line.rpartition(" ")[2] for line in body.splitlines() if "_count" in line]
    assert set(counts) == {"0"}


def test_the_series_that_tell_good_from_bad_are_there_before_the_first_request() -> None:
    body = _app().answer(Request("GET", "/metrics")).body
    for status in ("200", "500"):
        assert f'http_request_duration_seconds_count{{method="GET",path="/",status="{status}"}} 0' in body


def test_an_app_that_leaves_is_not_ready_but_alive() -> None:
    app = _app()
    app.leaving = True
    assert app.answer(Request("GET", "/readyz")).status == 503
    assert app.answer(Request("GET", "/healthz")).status == 200


def test_a_scanner_does_not_fill_the_histogram() -> None:
    app = _app()
    for n in range(1000):
        request = Request("GET", f"/{n}")
        app.count(request, app.answer(request), 0.1)
    paths = {
        line.partition('path="')[2].partition('"')[0] for line in app.histogram.text().splitlines() if "_count" in line
    }
    assert len(paths - {"/"}) == COUNTED_PATHS + 1


def test_a_head_request_gets_no_body() -> None:
    app, request = _app(), Request("HEAD", "/")
    assert app.encode(request, app.answer(request), keep=False).endswith(b"\r\nconnection: close\r\n\r\n")
