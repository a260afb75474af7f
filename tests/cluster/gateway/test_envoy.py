"""Finding Envoy, and what is said when it is not there or refuses."""

from __future__ import annotations

import builtins
import errno
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from davy.cluster.gateway.bootstrap import BUCKETS, bootstrap
from davy.cluster.gateway.envoy import Envoy, EnvoyMissingError, find_envoy
from davy.cluster.gateway.sockets import bind_problem


def test_the_installed_envoy_is_found() -> None:
    assert Path(find_envoy({})).exists()


def test_another_envoy_can_be_named() -> None:
    assert find_envoy({"ENVOY": "/bin/sh"}) == "/bin/sh"
    with pytest.raises(EnvoyMissingError, match="ENVOY=/no/such is not an executable file"):
        find_envoy({"ENVOY": "/no/such"})


def test_a_missing_wheel_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = builtins.__import__

    def without_envoy(name: str, *rest: Any) -> Any:
        if name == "envoy":
            raise ImportError(name)
        return usual(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_envoy)
    with pytest.raises(EnvoyMissingError, match=r"pip install 'davy\[demo\]'") as error:
        find_envoy({})
    assert "\n" not in str(error.value)


LOG = """[2026-11-25 12:00:00.000][1][warning][config] [source/common/x.cc:1] REST config for x rejected: old
[2026-11-25 12:00:01.000][1][warning][config] [source/common/x.cc:1] REST config for x rejected: missing ]: [
[2026-11-25 12:00:02.000][1][warning][misc] [source/common/y.cc:1] something else
"""


async def test_the_last_complaint_is_read_from_the_log(tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as session:
        envoy = Envoy("envoy", tmp_path, session)
        assert envoy.complaint() == ""
        envoy.log.write_text(LOG)
        assert envoy.complaint() == "REST config for x rejected: missing ]: ["


def test_histograms_are_cut_finely_enough() -> None:
    assert len(BUCKETS) == 60
    assert (BUCKETS[0], BUCKETS[1]) == (0.5, 0.6)
    config = bootstrap(node="n", xds_port=1)
    assert config["stats_flush_interval"] == "1s"
    assert config["admin"]["address"]["socket_address"] == {"address": "127.0.0.1", "port_value": 0}


def test_a_free_port_has_no_problem_and_a_taken_one_says_so() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert "is in use by another program" in (bind_problem("127.0.0.1", port) or "")
    assert bind_problem("127.0.0.1", port) is None


def test_a_port_that_needs_root_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    assert bind_problem("127.0.0.1", 80) == "127.0.0.1:80 needs root: choose a port above 1023"
