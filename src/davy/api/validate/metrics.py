"""`spec.analysis.metrics`: where each value comes from, its bounds and its window."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from davy.api.analysis import BUILTIN_METRICS, Metric, ThresholdRange
from davy.api.canary import Canary
from davy.api.gotemplate import TemplateError, parse
from davy.api.metric_template import Provider
from davy.api.validate.known import Known
from davy.api.validate.problem import Problem, error, warning
from davy.settings import Settings

FUNCTIONS = ("name", "namespace", "target", "service", "ingress", "route", "interval", "variables")
"""The functions that queries can call."""

WINDOW = re.compile(r"([0-9]+(ms|s|m|h|d|w|y))+")
"""A duration in PromQL."""


def problems(canary: Canary, settings: Settings, known: Known) -> Iterator[Problem]:
    """All problems of the metrics. Those of a canary that skips its analysis are warnings: nobody asks them."""
    for index, metric in enumerate(canary.analysis.metrics):
        for problem in metric_problems(metric, f"spec.analysis.metrics[{index}]"):
            if canary.skips_analysis:
                yield warning(problem.path, problem.reason, problem.message)
            else:
                yield problem


def metric_problems(metric: Metric, path: str) -> Iterator[Problem]:
    """All problems of one metric."""
    if not (metric.builtin or metric.query or metric.template_ref):
        # Flagger finds this out at each step, counts it as a failed check and takes every release back.
        builtin = " or ".join(BUILTIN_METRICS)
        message = f"{metric.name!r} has no query: name a MetricTemplate in templateRef, or call it {builtin}"
        yield error(path, "NoQuery", message)
    if metric.query:
        yield from template_problems(metric.query, f"{path}.query")
    yield from bounds(metric, path)
    yield from window(metric, path)


def template_problems(query: str, path: str) -> Iterator[Problem]:
    """A query that is no template."""
    try:
        parse(query, FUNCTIONS)
    except TemplateError as wrong:
        yield error(path, "BadTemplate", str(wrong))


def address_problems(provider: Provider, path: str) -> Iterator[Problem]:
    """A Prometheus that nobody can ask: Flagger starts each release all the same, and takes it back."""
    if provider.type == "prometheus" and not is_url(provider.address):
        what = f"{provider.address!r} is not a URL" if provider.address else "is missing"
        yield error(path, "BadAddress", f"{what}; write for example http://prometheus.monitoring:9090")


def is_url(address: str) -> bool:
    """Whether queries can be sent there."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def bounds(metric: Metric, path: str) -> Iterator[Problem]:
    """Bounds that no value can meet, or every one."""
    span = metric.threshold_range or ThresholdRange()
    if span.min is not None and span.max is not None and span.min > span.max:
        message = f"no value is at least {span.min:g} and at most {span.max:g}; swap them"
        yield error(f"{path}.thresholdRange", "EmptyRange", message)
    if metric.threshold_range is None and metric.threshold == 0:
        rule = "passes with any value" if metric.name == BUILTIN_METRICS[0] else "fails with any value above 0"
        yield warning(path, "NoBounds", f"has no bounds, so it {rule}; write thresholdRange with min or max")
    elif metric.threshold_range is not None and span.min is None and span.max is None:
        yield warning(f"{path}.thresholdRange", "NoBounds", "has no bounds, so any value passes; write min or max")


def window(metric: Metric, path: str) -> Iterator[Problem]:
    """The window of the measurement. A template may do without it, or with a window that only its server reads."""
    if metric.interval and not WINDOW.fullmatch(metric.interval):
        say = error if metric.builtin else warning
        message = f"{metric.interval!r} is not a duration; write for example 30s or 1m30s"
        yield say(f"{path}.interval", "BadDuration", message)
    if not metric.interval and metric.template_ref:
        message = "is missing, so it is empty in the template's query; write for example 1m if the query uses it"
        yield warning(f"{path}.interval", "NoWindow", message)
