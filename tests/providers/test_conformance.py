"""What every metrics provider must do with what servers really answer; one folder of recordings for each."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from davy.api.metric_template import Provider as ProviderSpec
from davy.core.snapshot import Error, NoData, Reading, Value
from davy.providers import PROVIDERS, UnknownProvider, provider_for
from davy.providers.base import Provider, Window

RECORDED = Path(__file__).parent / "recorded"
CASES = [(name, path) for name in PROVIDERS for path in sorted((RECORDED / name).glob("*.json"))]
IDS = [f"{name}-{path.stem}" for name, path in CASES]
NEEDED = {"number", "empty", "wrong-credentials", "timeout", "html-with-200", "several-series", "nan", "bad-query"}
WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), timedelta(minutes=1))
SECRET = {"token": "s3cret", "username": "u", "password": "s3cret"}

SPECS: Mapping[str, ProviderSpec] = {
    "prometheus": ProviderSpec(type="prometheus", address="http://prometheus:9090"),
}


def made(name: str) -> Provider:
    return provider_for(SPECS[name], SECRET)


def agrees(reading: Reading, expected: dict[str, Any]) -> bool:
    match reading:
        case Value(number, series):
            return expected == {"type": "value", "number": number, "series": series}
        case NoData():
            return expected == {"type": "no-data"}
        case Error(kind, words):
            return (expected["type"], expected.get("kind")) == ("error", kind) and expected["words"] in words


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider_has_the_recordings_that_all_must_have(name: str) -> None:
    assert {path.stem for provider, path in CASES if provider == name} >= NEEDED


@pytest.mark.parametrize(("name", "path"), CASES, ids=IDS)
async def test_an_answer_is_read_for_what_it_is(name: str, path: Path, recording: Any) -> None:
    case = json.loads(path.read_text())
    reading = await made(name).query(recording(case), "up", WINDOW)
    assert agrees(reading, case["reading"]), reading


@pytest.mark.parametrize(("name", "path"), CASES, ids=IDS)
async def test_an_error_is_short_on_one_line_and_says_who_answered(name: str, path: Path, recording: Any) -> None:
    reading = await made(name).query(recording(json.loads(path.read_text())), "up", WINDOW)
    if isinstance(reading, Error):
        assert len(reading.words) < 320
        assert "\n" not in reading.words
        assert reading.words.startswith(name)


@pytest.mark.parametrize(("name", "path"), CASES, ids=IDS)
async def test_only_a_value_is_taken_for_a_sign_of_life(name: str, path: Path, recording: Any) -> None:
    case = json.loads(path.read_text())
    reading = await made(name).ping(recording(case))
    assert isinstance(reading, Value | Error)
    if case["reading"]["type"] == "error":
        assert isinstance(reading, Error)


@pytest.mark.parametrize("name", PROVIDERS)
def test_no_credential_is_shown(name: str) -> None:
    assert "s3cret" not in repr(made(name))


def test_an_unknown_type_is_told_the_known_ones() -> None:
    with pytest.raises(UnknownProvider, match=r"unknown metrics provider 'promeheus'; known: .*prometheus"):
        provider_for(ProviderSpec(type="promeheus", address="http://x"), None)
