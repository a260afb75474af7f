"""The operator's own Prometheus series: Flagger's as documented, ours under `davy_`."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from davy import __version__
from davy.api.analysis import Metric
from davy.api.canary import Canary
from davy.api.status import CanaryStatus, Phase
from davy.core.analysis import DURATION

disable_created_metrics()  # type: ignore[no-untyped-call]  # one more series beside each, which nobody's dashboard knows

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
STATUS = {Phase.PROGRESSING: 0, Phase.FAILED: 2}
"""`flagger_canary_status`; 1 for every other phase."""


class Series:
    """What is counted. One registry, so that tests do not share it."""

    def __init__(self, mesh_provider: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.info = self._gauge("flagger_info", "Version and default provider.", ["version", "mesh_provider"])
        self.info.labels(__version__, mesh_provider).set(1)
        self.total = self._gauge("flagger_canary_total", "Canaries in a namespace.", ["namespace"])
        self.status = self._gauge(
            "flagger_canary_status", "0 progressing, 1 at rest or waiting, 2 failed.", ["name", "namespace"]
        )
        self.weight = self._gauge(
            "flagger_canary_weight", "Traffic of a workload, in percent.", ["workload", "namespace"]
        )
        self.analysis = self._gauge(
            "flagger_canary_metric_analysis", "Last value of a metric.", ["name", "namespace", "metric"]
        )
        labels = ["name", "namespace", "deployment_strategy", "analysis_status"]
        self.successes = Counter("flagger_canary_successes", "Promotions.", labels, registry=self.registry)
        self.failures = Counter("flagger_canary_failures", "Rollbacks.", labels, registry=self.registry)
        self.duration = Histogram(
            "flagger_canary_duration_seconds",
            "Wall time of a decision that judged a step.",
            ["name", "namespace"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.ticks = Counter("davy_ticks", "Decisions taken.", ["result"], registry=self.registry)
        self.writes = Counter("davy_writes", "Requests that changed something.", registry=self.registry)
        self.queued = self._gauge("davy_queue_length", "Canaries waiting for a worker.", [])

    def _gauge(self, name: str, meaning: str, labels: list[str]) -> Gauge:
        return Gauge(name, meaning, labels, registry=self.registry)

    def moved(self, canary: Canary, new: CanaryStatus) -> None:
        """The canary's status has become `new`."""
        target, namespace = canary.spec.target_ref.name, canary.namespace
        self.status.labels(target, namespace).set(STATUS.get(new.phase, 1))
        self.weight.labels(target, namespace).set(new.canary_weight)
        self.weight.labels(canary.primary_name, namespace).set(100 - new.canary_weight)
        latencies = {metric.name for metric in canary.analysis.metrics if is_latency(metric)}
        for measured in new.analysis[-len(canary.analysis.metrics) :] if canary.analysis.metrics else ():
            if measured.value is not None:
                value = measured.value / 1000 if measured.metric in latencies else measured.value
                self.analysis.labels(target, namespace, measured.metric).set(value)
        self._ended(canary, new)

    def judged(self, canary: Canary, seconds: float) -> None:
        """A tick that judged a step took so long, its writes included."""
        self.duration.labels(canary.spec.target_ref.name, canary.namespace).observe(seconds)

    def _ended(self, canary: Canary, new: CanaryStatus) -> None:
        if new.phase is canary.status.phase:
            return
        strategy = canary.strategy()
        if new.phase is Phase.SUCCEEDED:
            how = "skipped" if canary.skips_analysis else "completed"
            self.successes.labels(canary.spec.target_ref.name, canary.namespace, strategy, how).inc()
        elif new.phase is Phase.FAILED:
            self.failures.labels(canary.spec.target_ref.name, canary.namespace, strategy, "completed").inc()

    def counted(self, namespaces: Iterable[str]) -> None:
        """All canaries, by namespace; a namespace that became empty is dropped."""
        totals: dict[str, int] = {}
        for namespace in namespaces:
            totals[namespace] = totals.get(namespace, 0) + 1
        self.total.clear()
        for namespace, count in totals.items():
            self.total.labels(namespace).set(count)

    def forget(self, canary: Canary) -> None:
        """A deleted canary leaves no series behind, but for the counters, whose history is the point."""
        target, namespace = canary.spec.target_ref.name, canary.namespace
        for gauge, key in ((self.status, target), (self.weight, target), (self.weight, canary.primary_name)):
            gauge.remove_by_labels({gauge._labelnames[0]: key, "namespace": namespace})
        self.analysis.remove_by_labels({"name": target, "namespace": namespace})
        self.duration.remove_by_labels({"name": target, "namespace": namespace})


def is_latency(metric: Metric) -> bool:
    """The built-in one, which is kept in milliseconds and told in seconds."""
    return metric.name == DURATION and not metric.query and metric.template_ref is None
