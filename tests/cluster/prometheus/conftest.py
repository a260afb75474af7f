"""The samples of `cases`, in a store."""

from __future__ import annotations

import pytest

from davy.cluster.prometheus.exposition import parse_series
from davy.cluster.prometheus.labels import labels
from davy.cluster.prometheus.samples import Store

from .cases import SERIES, SHIFT, START, STEP


@pytest.fixture(scope="session")
def store() -> Store:
    filled = Store()
    for spelling, values in SERIES.items():
        series = filled.series(labels(parse_series(spelling)))
        assert series is not None
        for i, value in enumerate(values):
            if value is not None:
                series.append(round((START + i * STEP + SHIFT) * 1000), value)
    return filled
