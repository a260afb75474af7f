"""The checksum in webhooks is the one that Flagger's own library makes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from davy.core.checksum import checksum, hashed


@pytest.mark.parametrize(
    ("tracked", "applied", "expected"),
    [
        (None, "", "758df7c9fc"),
        (None, "5978589476", "7ffc6f9f6f"),
        ({}, "5978589476", "54cb946fc6"),
        ({"secret/b": "0123456789abcdef", "configmap/a": "fedcba9876543210"}, "5978589476", "d44fccb5"),
        # as recorded of Flagger 1.44: with tracking on and off, before and after a new revision
        ({}, "788c96674f", "796ccd6556"),
        ({}, "5879697f58", "5f884596d8"),
        (None, "788c96674f", "5cf4664df"),
        (None, "5879697f58", "84dd4bb885"),
    ],
)
def test_the_checksum_is_flaggers(tracked: Mapping[str, str] | None, applied: str, expected: str) -> None:
    assert checksum(tracked, applied) == expected


def test_the_hash_of_a_string_is_that_of_a_knative_revision() -> None:
    assert hashed("(string)podinfo-00001") == "5498f4fcd6"
