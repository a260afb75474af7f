"""The demo app's histogram, as Prometheus reads it."""

from prometheus_client.parser import text_string_to_metric_families

from davy.demo_app.histogram import BOUNDS, Histogram, Labels


def _samples(histogram: Histogram) -> dict[tuple[str, str], float]:
    (family,) = text_string_to_metric_families(histogram.text())
    return {(s.name, s.labels.get("le", "")): s.value for s in family.samples}


def test_a_request_counts_in_every_bucket_from_its_duration_up() -> None:
    histogram = Histogram()
    for seconds in (0.001, 0.005, 0.3, 99):
        histogram.observe(Labels("GET", "/", "200"), seconds)
    samples = _samples(histogram)
    name = "http_request_duration_seconds"
    assert samples[f"{name}_bucket", "0.005"] == 2
    assert samples[f"{name}_bucket", "0.5"] == 3
    assert samples[f"{name}_bucket", "+Inf"] == 4
    assert samples[f"{name}_count", ""] == 4
    assert samples[f"{name}_sum", ""] == 99.306
    assert len(samples) == len(BOUNDS) + 3


def test_labels_are_escaped() -> None:
    histogram = Histogram()
    histogram.observe(Labels("GET", '/a"b\\c\n', "200"), 0.1)
    (family,) = text_string_to_metric_families(histogram.text())
    assert family.samples[0].labels == {"method": "GET", "path": '/a"b\\c\n', "status": "200", "le": "0.005"}
