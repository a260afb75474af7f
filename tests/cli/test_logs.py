"""The log: Flagger's keys and words for levels, whatever it looks like."""

from __future__ import annotations

import json

import pytest
import structlog

from davy.cli import logs

log = structlog.get_logger("davy")
BROKEN = "invalid literal for int() with base 10: 'broken'"
ORDER = ("debug", "info", "warning", "error", "critical")


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("debug", ["debug", "info", "warn", "error", "fatal"]),
        ("info", ["info", "warn", "error", "fatal"]),
        ("warn", ["warn", "error", "fatal"]),
        ("error", ["error", "fatal"]),
        ("fatal", ["fatal"]),
        ("panic", ["fatal"]),
    ],
)
def test_a_level_shows_itself_and_what_is_worse(
    level: str, shown: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    logs.begin(level, "json")
    for word in ORDER:
        getattr(log, word)("x", canary="app.test")
    lines = said(capsys)
    assert [line["level"] for line in lines] == shown
    assert all(list(line) == ["level", "ts", "msg", "canary"] for line in lines)
    assert all((line["msg"], line["canary"]) == ("x", "app.test") for line in lines)


@pytest.mark.parametrize("word", ["warning", "loud", "", "INFO"])
def test_any_other_word_means_info_and_the_log_says_so(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.begin(word, "json")
    log.debug("hidden")
    log.info("shown")
    first, second = said(capsys)
    assert (first["level"], first["msg"], first["level_given"]) == ("warn", "unknown log level; it means info", word)
    assert second["msg"] == "shown"


@pytest.mark.parametrize("encoding", logs.ENCODINGS)
def test_a_fault_is_an_error_with_its_stacktrace(encoding: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.begin("info", encoding)
    try:
        int("broken")
    except ValueError:
        log.exception("a fault")
    shown = capsys.readouterr().err
    if encoding == "json":
        line = json.loads(shown)
        assert (line["level"], "exception" in line) == ("error", False)
        assert line["stacktrace"].endswith("ValueError: " + BROKEN)
    else:
        head, *trace = shown.splitlines()
        assert head.split("\t")[1:] == ["error", "a fault"]
        assert trace[-1] == "ValueError: " + BROKEN


def test_the_console_has_the_message_before_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    logs.begin("info", "console")
    log.warning("held", canary="app.test", why="é")
    ts, *rest = capsys.readouterr().err.rstrip("\n").split("\t")
    assert ts.endswith("Z")
    assert rest == ["warn", "held", '{"canary": "app.test", "why": "é"}']
