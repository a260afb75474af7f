"""Where the demo cannot run, it says so in one line and ends with 1."""

import importlib.util
import socket
from pathlib import Path
from typing import Any

import pytest

from davy.demo.errors import DemoFailed
from davy.demo.options import Options
from davy.demo.program import possible, run


def test_another_platform_is_named() -> None:
    with pytest.raises(DemoFailed, match="Linux only"):
        possible(Options(), platform="darwin")


def test_a_missing_envoy_is_named_and_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec

    def without_envoy(name: str, package: str | None = None) -> Any:
        return None if name == "envoy" else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without_envoy)
    with pytest.raises(DemoFailed, match=r"envoy \(Envoy, the proxy\).*`make demo`"):
        possible(Options())


def test_a_recording_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(DemoFailed, match=r"must end in \.svg or \.txt"):
        possible(Options(record=Path("demo.gif")))


def test_a_recording_into_no_directory_is_refused_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(DemoFailed, match="there is no directory"):
        possible(Options(record=tmp_path / "none" / "demo.svg"))


def test_a_busy_port_is_one_line_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        assert run(Options(port=port)) == 1
    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"davy demo: port {port} of 127.0.0.1 cannot be used: Address already in use; try another --port",
    ]


def test_an_envoy_that_is_none_is_one_line_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENVOY", "/nonexistent/envoy")
    assert run(Options()) == 1
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1
    assert said[0].startswith("davy demo: ENVOY=/nonexistent/envoy is not an executable file")
