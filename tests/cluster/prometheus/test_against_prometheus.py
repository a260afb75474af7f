"""The cases once more, asked of a real Prometheus: the truth that the evaluator is held to."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.conformance.conftest import missing
from tests.conformance.parts import debian
from tests.conformance.parts.build import MissingPartError

from .cases import CASES, NOW, SERIES, SHIFT, START, STEP, Expected

pytestmark = pytest.mark.conformance


def binary(name: str) -> str:
    """On the PATH, in $PROMETHEUS_DIR, or out of Debian's package."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PROMETHEUS_DIR", ""), os.environ["PATH"]]))
    if found is not None:
        return found
    try:
        return str(debian.program(name, "prometheus"))
    except MissingPartError as error:
        missing(error)


def openmetrics() -> str:
    """The series as `promtool` reads them: all samples of a metric together."""
    metrics: dict[str, list[str]] = {}
    for spelling, values in SERIES.items():
        lines = metrics.setdefault(spelling.partition("{")[0], [])
        for i, value in enumerate(values):
            if value is not None:
                lines.append(f"{spelling.replace(', ', ',')} {value!r} {START + i * STEP + SHIFT}")
    pages = (f"# TYPE {name} unknown\n" + "\n".join(lines) for name, lines in metrics.items())
    return "\n".join(pages).replace(" nan ", " NaN ").replace(" inf ", " +Inf ") + "\n# EOF\n"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory: Path = tmp_path_factory.mktemp("prometheus")
    page, data, config = directory / "page.txt", directory / "data", directory / "prometheus.yml"
    page.write_text(openmetrics())
    config.write_text("scrape_configs: []\n")
    promtool, prometheus = binary("promtool"), binary("prometheus")
    load = [promtool, "tsdb", "create-blocks-from", "openmetrics", str(page), str(data)]
    subprocess.run(load, check=True, capture_output=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    flags = [f"--config.file={config}", f"--storage.tsdb.path={data}", f"--web.listen-address={address}"]
    with (directory / "log").open("w") as log:
        process = subprocess.Popen([prometheus, *flags, "--storage.tsdb.retention.time=100y"], stderr=log)
        try:
            wait_until_ready(f"http://{address}")
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait(10)


def wait_until_ready(url: str) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"{url}/-/ready"):
                return
        except OSError:
            time.sleep(0.05)
    pytest.fail("Prometheus did not become ready in 10 s")


@pytest.mark.parametrize("query", CASES)
def test_prometheus_answers_what_the_table_says(url: str, query: str) -> None:
    asked = urllib.parse.urlencode({"query": query, "time": NOW})
    with urllib.request.urlopen(f"{url}/api/v1/query?{asked}") as response:
        data = msgspec.json.decode(response.read())["data"]
    assert plain(data) == pytest.approx(CASES[query], rel=1e-12, nan_ok=True)


def plain(data: dict[str, Any]) -> Expected:
    if data["resultType"] == "scalar":
        return float(data["result"][1])
    return {spelled(found["metric"]): float(found["value"][1]) for found in data["result"]}


def spelled(metric: dict[str, str]) -> str:
    labels = ", ".join(f'{name}="{value}"' for name, value in sorted(metric.items()) if name != "__name__")
    return f"{metric.get('__name__', '')}{{{labels}}}"
