"""Samples, queries and what Prometheus answers to them."""

from __future__ import annotations

import math
from collections.abc import Sequence

NAN = math.nan
INF = math.inf
START = 1_700_000_000  # seconds
STEP = 10.0  # seconds between samples
SHIFT = 0.5  # seconds after the full step, so that no sample lies on the edge of a range
NOW = START + 300

# One value for every step; None: not scraped.
SERIES: dict[str, Sequence[float | None]] = {
    'requests_total{app="podinfo", pod="a", code="200"}': [float(10 * i) for i in range(30)],
    'requests_total{app="podinfo", pod="b", code="200"}': [float(100 + 7 * i) for i in range(30)],
    'requests_total{app="podinfo", pod="a", code="500"}': [float(3 * i) for i in range(15)]
    + [float(2 * i) for i in range(15)],
    'requests_total{app="podinfo", pod="b", code="404"}': [float(5 + i) for i in range(30)],
    'requests_total{app="other", pod="c", code="200"}': [None] * 25 + [float(4 * i) for i in range(5)],
    'temperature{room="north"}': [20.0 + (i % 4) for i in range(30)],
    'temperature{room="south"}': [18.5 - i / 2 for i in range(30)],
    'limit{room="north"}': [22.0] * 30,
    'limit{room="south"}': [0.0] * 30,
    'limit{room="attic"}': [7.0] * 30,
    'owner{room="north", team="blue"}': [1.0] * 30,
    'owner{room="south", team="red"}': [1.0] * 30,
    'odd{kind="nan"}': [NAN] * 30,
    'odd{kind="inf"}': [INF] * 30,
    'odd{kind="low"}': [-2.5] * 30,
    **{
        f'duration_bucket{{app="podinfo", pod="{pod}", le="{le}"}}': [float(i * count) for i in range(30)]
        for pod, counts in (("a", (1, 6, 9, 10)), ("b", (0, 2, 8, 8)))
        for le, count in zip(("0.1", "0.5", "1", "+Inf"), counts, strict=True)
    },
}

# Result: a number, or for each series its labels (as they are spelled) and its value.
Expected = float | dict[str, float]
CASES: dict[str, Expected] = {
    "vector(1)": {"{}": 1.0},
    "scalar(vector(3)) * 2": 6.0,
    "1 / 0": INF,
    "0 / 0": NAN,
    "-7 % 3": -1.0,
    "2 ^ 10": 1024.0,
    "1 > bool 2": 0.0,
    "time()": 1700000300.0,
    "temperature": {'temperature{room="north"}': 21.0, 'temperature{room="south"}': 4.0},
    'temperature{room="north"}': {'temperature{room="north"}': 21.0},
    'temperature{room!="north"}': {'temperature{room="south"}': 4.0},
    'temperature{room=~"n.*|attic"}': {'temperature{room="north"}': 21.0},
    'temperature{room!~"n.*"}': {'temperature{room="south"}': 4.0},
    '{__name__=~"temperature|limit", room="south"}': {'limit{room="south"}': 0.0, 'temperature{room="south"}': 4.0},
    "temperature offset 1m": {'temperature{room="north"}': 23.0, 'temperature{room="south"}': 7.0},
    "-temperature": {'{room="north"}': -21.0, '{room="south"}': -4.0},
    "temperature + 1": {'{room="north"}': 22.0, '{room="south"}': 5.0},
    "10 - temperature": {'{room="north"}': -11.0, '{room="south"}': 6.0},
    "temperature > 21": {},
    "21 < temperature": {},
    "temperature > bool 21": {'{room="north"}': 0.0, '{room="south"}': 0.0},
    "temperature - limit": {'{room="north"}': -1.0, '{room="south"}': 4.0},
    "temperature > limit": {'temperature{room="south"}': 4.0},
    "temperature > bool limit": {'{room="north"}': 0.0, '{room="south"}': 1.0},
    "temperature - on(room) limit": {'{room="north"}': -1.0, '{room="south"}': 4.0},
    "temperature * ignoring(team) group_left(team) owner": {
        '{room="north", team="blue"}': 21.0,
        '{room="south", team="red"}': 4.0,
    },
    "temperature * on(room) group_left(team) owner": {
        '{room="north", team="blue"}': 21.0,
        '{room="south", team="red"}': 4.0,
    },
    "owner * on(room) group_right temperature": {'{room="north"}': 21.0, '{room="south"}': 4.0},
    'temperature and limit{room="north"}': {'temperature{room="north"}': 21.0},
    'temperature unless limit{room="north"}': {'temperature{room="south"}': 4.0},
    "limit or temperature": {'limit{room="attic"}': 7.0, 'limit{room="north"}': 22.0, 'limit{room="south"}': 0.0},
    "limit or on(room) temperature": {
        'limit{room="attic"}': 7.0,
        'limit{room="north"}': 22.0,
        'limit{room="south"}': 0.0,
    },
    'requests_total{code="500"}': {'requests_total{app="podinfo", code="500", pod="a"}': 28.0},
    "rate(requests_total[1m])": {
        '{app="other", code="200", pod="c"}': 0.33,
        '{app="podinfo", code="200", pod="a"}': 1.0,
        '{app="podinfo", code="200", pod="b"}': 0.7000000000000001,
        '{app="podinfo", code="404", pod="b"}': 0.1,
        '{app="podinfo", code="500", pod="a"}': 0.2,
    },
    "rate(requests_total[2m])": {
        '{app="other", code="200", pod="c"}': 0.165,
        '{app="podinfo", code="200", pod="a"}': 1.0,
        '{app="podinfo", code="200", pod="b"}': 0.7,
        '{app="podinfo", code="404", pod="b"}': 0.09999999999999999,
        '{app="podinfo", code="500", pod="a"}': 0.19999999999999998,
    },
    "increase(requests_total[2m])": {
        '{app="other", code="200", pod="c"}': 19.8,
        '{app="podinfo", code="200", pod="a"}': 119.99999999999999,
        '{app="podinfo", code="200", pod="b"}': 84.0,
        '{app="podinfo", code="404", pod="b"}': 12.0,
        '{app="podinfo", code="500", pod="a"}': 24.0,
    },
    "increase(requests_total[5m])": {
        '{app="other", code="200", pod="c"}': 19.8,
        '{app="podinfo", code="200", pod="a"}': 299.49999999999994,
        '{app="podinfo", code="200", pod="b"}': 210.0,
        '{app="podinfo", code="404", pod="b"}': 30.000000000000004,
        '{app="podinfo", code="500", pod="a"}': 72.29310344827586,
    },
    "irate(requests_total[1m])": {
        '{app="other", code="200", pod="c"}': 0.4,
        '{app="podinfo", code="200", pod="a"}': 1.0,
        '{app="podinfo", code="200", pod="b"}': 0.7,
        '{app="podinfo", code="404", pod="b"}': 0.1,
        '{app="podinfo", code="500", pod="a"}': 0.2,
    },
    "delta(temperature[1m])": {'{room="north"}': 1.2, '{room="south"}': -3.0},
    "idelta(temperature[1m])": {'{room="north"}': 1.0, '{room="south"}': -0.5},
    'rate(requests_total{app="podinfo"}[1m] offset 1m)': {
        '{app="podinfo", code="200", pod="a"}': 1.0,
        '{app="podinfo", code="200", pod="b"}': 0.7000000000000001,
        '{app="podinfo", code="404", pod="b"}': 0.1,
        '{app="podinfo", code="500", pod="a"}': 0.2,
    },
    "sum(rate(requests_total[1m]))": {"{}": 2.3300000000000005},
    "sum by (code) (rate(requests_total[1m]))": {
        '{code="200"}': 2.0300000000000002,
        '{code="404"}': 0.1,
        '{code="500"}': 0.2,
    },
    "sum without (pod) (rate(requests_total[1m]))": {
        '{app="other", code="200"}': 0.33,
        '{app="podinfo", code="200"}': 1.7000000000000002,
        '{app="podinfo", code="404"}': 0.1,
        '{app="podinfo", code="500"}': 0.2,
    },
    "avg by (app) (requests_total)": {'{app="other"}': 16.0, '{app="podinfo"}': 163.75},
    "min(temperature)": {"{}": 4.0},
    "max by (room) (temperature)": {'{room="north"}': 21.0, '{room="south"}': 4.0},
    "count(requests_total)": {"{}": 5.0},
    "count by (app) (requests_total)": {'{app="other"}': 1.0, '{app="podinfo"}': 4.0},
    "stddev(temperature)": {"{}": 8.5},
    "quantile(0.5, requests_total)": {"{}": 34.0},
    "topk(2, requests_total)": {
        'requests_total{app="podinfo", code="200", pod="b"}': 303.0,
        'requests_total{app="podinfo", code="200", pod="a"}': 290.0,
    },
    "bottomk(1, temperature)": {'temperature{room="south"}': 4.0},
    "topk by (app) (1, requests_total)": {
        'requests_total{app="other", code="200", pod="c"}': 16.0,
        'requests_total{app="podinfo", code="200", pod="b"}': 303.0,
    },
    'sum(rate(requests_total{app="podinfo", code!~"5.*"}[1m])) / sum(rate(requests_total{app="podinfo"}[1m])) * 100': {
        "{}": 89.99999999999999
    },
    '100 - sum(rate(requests_total{code=~"5.."}[1m])) / sum(rate(requests_total[1m])) * 100': {"{}": 91.41630901287553},
    "sum(rate(nothing[1m])) / sum(rate(requests_total[1m]))": {},
    "sum(nothing) or vector(0)": {"{}": 0.0},
    'absent(nothing{app="podinfo", code=~"5.."})': {'{app="podinfo"}': 1.0},
    "absent(temperature)": {},
    "histogram_quantile(0.99, sum(rate(duration_bucket[1m])) by (le))": {"{}": 1.0},
    'histogram_quantile(0.5, sum by (le) (rate(duration_bucket{app="podinfo"}[1m])))': {"{}": 0.5555555555555556},
    "histogram_quantile(0.9, rate(duration_bucket[2m]))": {
        '{app="podinfo", pod="a"}': 1.0,
        '{app="podinfo", pod="b"}': 0.9333333333333333,
    },
    "histogram_quantile(0.05, sum by (le) (rate(duration_bucket[1m])))": {"{}": 0.09000000000000001},
    "histogram_quantile(1.5, sum by (le) (duration_bucket))": {"{}": INF},
    "histogram_quantile(0.5, sum by (le) (rate(nothing[1m])))": {},
    "avg_over_time(temperature[1m])": {'{room="north"}': 21.166666666666668, '{room="south"}': 5.25},
    "sum_over_time(temperature[1m])": {'{room="north"}': 127.0, '{room="south"}': 31.5},
    "min_over_time(temperature[1m])": {'{room="north"}': 20.0, '{room="south"}': 4.0},
    "max_over_time(temperature[1m])": {'{room="north"}': 23.0, '{room="south"}': 6.5},
    "count_over_time(temperature[1m])": {'{room="north"}': 6.0, '{room="south"}': 6.0},
    "last_over_time(temperature[1m])": {'temperature{room="north"}': 21.0, 'temperature{room="south"}': 4.0},
    "stddev_over_time(temperature[1m])": {'{room="north"}': 1.0671873729054746, '{room="south"}': 0.8539125638299665},
    "changes(temperature[1m])": {'{room="north"}': 5.0, '{room="south"}': 5.0},
    'resets(requests_total{code="500"}[5m])': {'{app="podinfo", code="500", pod="a"}': 1.0},
    "clamp_min(temperature, 21)": {'{room="north"}': 21.0, '{room="south"}': 21.0},
    "clamp_max(temperature, 21)": {'{room="north"}': 21.0, '{room="south"}': 4.0},
    "clamp(temperature, 5, 10)": {'{room="north"}': 10.0, '{room="south"}': 5.0},
    'abs(odd{kind="low"})': {'{kind="low"}': 2.5},
    "ceil(odd)": {'{kind="inf"}': INF, '{kind="low"}': -2.0, '{kind="nan"}': NAN},
    "floor(odd)": {'{kind="inf"}': INF, '{kind="low"}': -3.0, '{kind="nan"}': NAN},
    "round(odd)": {'{kind="inf"}': INF, '{kind="low"}': -2.0, '{kind="nan"}': NAN},
    "round(temperature, 5)": {'{room="north"}': 20.0, '{room="south"}': 5.0},
    "sqrt(limit)": {'{room="attic"}': 2.6457513110645907, '{room="north"}': 4.69041575982343, '{room="south"}': 0.0},
    "ln(limit)": {'{room="attic"}': 1.9459101490553132, '{room="north"}': 3.091042453358316, '{room="south"}': -INF},
    "sgn(odd)": {'{kind="inf"}': 1.0, '{kind="low"}': -1.0, '{kind="nan"}': NAN},
    "max(odd)": {"{}": INF},
    "min(odd)": {"{}": -2.5},
    "sum(odd)": {"{}": NAN},
    "odd == odd": {'odd{kind="inf"}': INF, 'odd{kind="low"}': -2.5},
    'label_replace(temperature, "where", "$1-side", "room", "(nor|sou).*")': {
        'temperature{room="north", where="nor-side"}': 21.0,
        'temperature{room="south", where="sou-side"}': 4.0,
    },
    'scalar(limit{room="attic"}) + 1': 8.0,
    "scalar(limit)": NAN,
    "sort_desc(limit)": {'limit{room="north"}': 22.0, 'limit{room="attic"}': 7.0, 'limit{room="south"}': 0.0},
    "limit / limit": {'{room="attic"}': 1.0, '{room="north"}': 1.0, '{room="south"}': NAN},
    "limit % 4": {'{room="attic"}': 3.0, '{room="north"}': 2.0, '{room="south"}': 0.0},
    'requests_total{app="podinfo"} / ignoring(code, pod) group_left requests_total{app="podinfo", code="404"}': {
        '{app="podinfo", code="200", pod="a"}': 8.529411764705882,
        '{app="podinfo", code="200", pod="b"}': 8.911764705882353,
        '{app="podinfo", code="404", pod="b"}': 1.0,
        '{app="podinfo", code="500", pod="a"}': 0.8235294117647058,
    },
    "(temperature + limit) * 2": {'{room="north"}': 86.0, '{room="south"}': 8.0},
    "sum(temperature) by (room) > 4 and sum(limit) by (room) > 5": {'{room="north"}': 21.0},
}
