"""Traces are written as the recordings of Flagger are."""

import json
from pathlib import Path

import pytest
from tests.oracle.layout import laid_out

RECORDINGS = Path(__file__).parents[1] / "conformance" / "traces" / "flagger-1.44.0"


@pytest.mark.parametrize("name", ["gwv1-promote", "istio-hooks"])
def test_a_trace_is_laid_out_as_it_was(name: str) -> None:
    text = (RECORDINGS / f"{name}.json").read_text()
    assert laid_out(json.loads(text)) + "\n" == text
