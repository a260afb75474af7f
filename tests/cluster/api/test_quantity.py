"""Quantities in their canonical form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.cluster.api.quantity import QuantityError, canonical


@pytest.mark.parametrize(
    ("given_", "written"),
    [
        ("0.5Gi", "512Mi"),
        ("1024Mi", "1Gi"),
        (1, "1"),
        ("1000m", "1"),
        ("0.1", "100m"),
        ("1500m", "1500m"),
        ("1000k", "1M"),
        ("0", "0"),
        ("1e3", "1e3"),
        ("100Ki", "100Ki"),
        ("1.5Gi", "1536Mi"),
    ],
)
def test_a_quantity_is_written(given_: str | int, written: str) -> None:
    assert canonical(given_) == written


@pytest.mark.parametrize("text", ["", "lots", "1Q", "1.2.3", "Gi"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(QuantityError):
        canonical(text)


@given(st.integers(0, 10**9), st.sampled_from(["", "m", "k", "M", "Ki", "Mi", "Gi"]))
def test_the_canonical_form_is_its_own(number: int, suffix: str) -> None:
    once = canonical(f"{number}{suffix}")
    assert canonical(once) == once
