"""The built-in metrics as data: the series in which each provider's proxies count, and what counts as answered well.

`request-success-rate` is 100 × (requests answered well) / (all requests), `request-duration` the 99th percentile or,
where there is no histogram of it, the mean. The texts are Flagger's to the letter, blanks apart: people have dashboards
and recording rules for them.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct


class UnknownObserver(LookupError):  # noqa: N818 - a state of the manifest, not a mistake in the program
    """A traffic provider (or metric) without built-in queries; the text names those that have them."""


class Variables(Struct, frozen=True, kw_only=True):
    """What the queries speak of; the same words as in MetricTemplates."""

    namespace: str
    target: str
    service: str
    """The apex Service."""
    ingress: str
    route: str
    interval: str
    """The window, a Prometheus duration."""


class Matcher(Struct, frozen=True):
    """One condition on a label; `{namespace}` and the like in the value are filled in."""

    label: str
    operator: Literal["=", "!=", "=~", "!~"]
    value: str

    def text(self, variables: Mapping[str, str]) -> str:
        """As it stands in a query."""
        return f'{self.label}{self.operator}"{self.value.format_map(variables)}"'


class Requests(Struct, frozen=True, kw_only=True):
    """The counter of requests."""

    series: str
    matchers: tuple[Matcher, ...]
    """Which requests are the canary's."""
    well: Matcher
    """Which of them were answered well."""
    more: tuple[Matcher, ...] = ()
    """Further matchers, which Flagger's text has after `well`."""


class Quantile(Struct, frozen=True, kw_only=True):
    """The latency as 99th percentile of a histogram."""

    series: str
    matchers: tuple[Matcher, ...]
    factor: int = 1
    """By which the query itself multiplies."""


class Mean(Struct, frozen=True, kw_only=True):
    """The latency as mean, from a sum in seconds and a count; the query itself makes milliseconds of it."""

    sum: str
    count: str
    matchers: tuple[Matcher, ...]


class Observer(Struct, frozen=True, kw_only=True):
    """The two built-in metrics of one kind of proxy."""

    requests: Requests
    latency: Quantile | Mean
    unit: Literal["ms", "s"] = "ms"
    """Of the number that the latency query answers."""
    comma: bool = False
    """Flagger's text has a comma after the last matcher."""
    words_only: bool = False
    """Every character of a variable that is not a letter, digit or `_` is an `_` in the proxy's labels."""


POD = "{target}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"
ENVOY = "envoy_cluster_upstream_rq"
ENVOY_LATENCY = "envoy_cluster_upstream_rq_time_bucket"
ENVOY_WELL = Matcher("envoy_response_code", "!~", "5.*")


def envoy(*matchers: Matcher, comma: bool) -> Observer:
    """Statistics of Envoy's clusters."""
    return Observer(
        requests=Requests(series=ENVOY, matchers=matchers, well=ENVOY_WELL),
        latency=Quantile(series=ENVOY_LATENCY, matchers=matchers),
        comma=comma,
    )


ISTIO_CANARY = (
    Matcher("reporter", "=", "destination"),
    Matcher("destination_workload_namespace", "=", "{namespace}"),
    Matcher("destination_workload", "=~", "{target}"),
)
ISTIO = Observer(
    requests=Requests(series="istio_requests_total", matchers=ISTIO_CANARY, well=Matcher("response_code", "!~", "5.*")),
    latency=Quantile(series="istio_request_duration_milliseconds_bucket", matchers=ISTIO_CANARY),
)

LINKERD_CANARY = (Matcher("namespace", "=", "{namespace}"), Matcher("deployment", "=~", "{target}"))
LINKERD_INBOUND = Matcher("direction", "=", "inbound")
LINKERD = Observer(
    requests=Requests(
        series="response_total",
        matchers=LINKERD_CANARY,
        well=Matcher("classification", "!=", "failure"),
        more=(LINKERD_INBOUND,),
    ),
    latency=Quantile(series="response_latency_ms_bucket", matchers=(*LINKERD_CANARY, LINKERD_INBOUND)),
)

PODS = (Matcher("kubernetes_namespace", "=", "{namespace}"), Matcher("kubernetes_pod_name", "=~", POD))
HTTP = Observer(
    requests=Requests(series="http_request_duration_seconds_count", matchers=PODS, well=Matcher("status", "!~", "5.*")),
    latency=Quantile(series="http_request_duration_seconds_bucket", matchers=PODS),
    unit="s",
)

APPMESH = envoy(*PODS, comma=False)
CONTOUR = envoy(Matcher("envoy_cluster_name", "=~", "{namespace}_{service}-canary_[0-9a-zA-Z-]+"), comma=True)
GLOO = envoy(
    Matcher("envoy_cluster_name", "=~", "{namespace}-{target}-canaryupstream-[0-9a-zA-Z-]+_[0-9a-zA-Z-]+"), comma=True
)
KUMA = envoy(Matcher("service", "=~", "{target}-canary_{namespace}_svc_[0-9a-zA-Z-]+"), comma=True)
KNATIVE = envoy(Matcher("envoy_cluster_name", "=~", "{namespace}/{route}"), comma=True)

NGINX_CANARY = (
    Matcher("namespace", "=", "{namespace}"),
    Matcher("ingress", "=", "{ingress}"),
    Matcher("canary", "!=", ""),
)
NGINX = Observer(
    requests=Requests(
        series="nginx_ingress_controller_requests", matchers=NGINX_CANARY, well=Matcher("status", "!~", "5.*")
    ),
    latency=Mean(
        sum="nginx_ingress_controller_response_duration_seconds_sum",
        count="nginx_ingress_controller_response_duration_seconds_count",
        matchers=NGINX_CANARY,
    ),
)

ALL_BUCKETS = Matcher("le", "=", "+Inf")
"""The bucket that counts every request."""

SKIPPER_CANARY = (Matcher("route", "=~", "kube(ew)?_{namespace}__{ingress}_canary__.*__{service}_canary(_[0-9]+)?"),)
SKIPPER = Observer(
    requests=Requests(
        series="skipper_response_duration_seconds_bucket",
        matchers=SKIPPER_CANARY,
        well=Matcher("code", "!~", "5.."),
        more=(ALL_BUCKETS,),
    ),
    latency=Mean(
        sum="skipper_serve_route_duration_seconds_sum",
        count="skipper_serve_route_duration_seconds_count",
        matchers=SKIPPER_CANARY,
    ),
    words_only=True,
)

TRAEFIK_CANARY = (Matcher("service", "=~", "{namespace}-{target}-canary-[0-9a-zA-Z-]+@kubernetescrd"),)
TRAEFIK = Observer(
    requests=Requests(
        series="traefik_service_request_duration_seconds_bucket",
        matchers=TRAEFIK_CANARY,
        well=Matcher("code", "!~", "5.."),
        more=(ALL_BUCKETS,),
    ),
    latency=Quantile(series="traefik_service_request_duration_seconds_bucket", matchers=TRAEFIK_CANARY, factor=1000),
)

APISIX_CANARY = (Matcher("route", "=~", "{namespace}_{route}-{target}-canary_.+"),)
APISIX = Observer(
    requests=Requests(series="apisix_http_status", matchers=APISIX_CANARY, well=Matcher("code", "!~", "5..")),
    latency=Quantile(series="apisix_http_latency_bucket", matchers=(Matcher("type", "=~", "request"), *APISIX_CANARY)),
)

OSM_CANARY = (
    Matcher("destination_namespace", "=", "{namespace}"),
    Matcher("destination_kind", "=", "Deployment"),
    Matcher("destination_name", "=", "{target}"),
)
OSM = Observer(
    requests=Requests(series="osm_request_total", matchers=OSM_CANARY, well=Matcher("response_code", "!~", "5.*")),
    latency=Quantile(series="osm_request_duration_ms_bucket", matchers=OSM_CANARY),
)

OBSERVERS: Mapping[str, Observer] = {
    "apisix": APISIX,
    "appmesh": APPMESH,
    "appmesh:v1beta2": APPMESH,
    "contour": CONTOUR,
    "gatewayapi:v1": HTTP,
    "gatewayapi:v1beta1": HTTP,
    "gloo": GLOO,
    "istio": ISTIO,
    "knative": KNATIVE,
    "kubernetes": HTTP,
    "kuma": KUMA,
    "linkerd": LINKERD,
    "nginx": NGINX,
    "osm": OSM,
    "skipper": SKIPPER,
    "smi:v1alpha1": ISTIO,
    "smi:v1alpha2": ISTIO,
    "smi:v1alpha3": ISTIO,
    "traefik": TRAEFIK,
}
"""`spec.provider` → what its proxies report."""


def observer_for(provider: str) -> Observer:
    """The built-in metrics of a traffic provider; raises `UnknownObserver`."""
    try:
        return OBSERVERS[provider]
    except KeyError:
        known = ", ".join(sorted(OBSERVERS))
        raise UnknownObserver(f"no built-in metrics for provider {provider!r}; known: {known}") from None


def query(provider: str, metric: str, variables: Variables) -> str:
    """The PromQL of a built-in metric for a traffic provider, letter for letter as Flagger sends it (its first is a
    blank): recording proxies and query logs are compared by it. Raises `UnknownObserver`."""
    observer = observer_for(provider)
    filled = {field: getattr(variables, field) for field in variables.__struct_fields__}
    if observer.words_only:
        filled |= {field: re.sub(r"\W", "_", text, flags=re.ASCII) for field, text in filled.items()}
    filled["interval"] = variables.interval
    match metric:
        case "request-success-rate":
            return f" {success_rate(observer, filled)}"
        case "request-duration":
            return f" {duration(observer, filled)}"
        case _:
            raise UnknownObserver(f"no built-in metric {metric!r}; known: request-duration, request-success-rate")


def scale(provider: str) -> int:
    """By which the number answered to `request-duration` is multiplied to make milliseconds."""
    return {"ms": 1, "s": 1000}[observer_for(provider).unit]


def milliseconds(provider: str, number: float) -> float:
    """The latency in whole milliseconds, truncated as in Flagger; infinite stays infinite."""
    scaled = number * scale(provider)
    return float(math.trunc(scaled)) if math.isfinite(scaled) else scaled


def success_rate(observer: Observer, filled: Mapping[str, str]) -> str:
    """100 × answered well / all."""
    requests = observer.requests
    well = rate(requests.series, (*requests.matchers, requests.well, *requests.more), filled)
    every = rate(requests.series, (*requests.matchers, *requests.more), filled, comma=observer.comma)
    return f"{well} / {every} * 100"


def duration(observer: Observer, filled: Mapping[str, str]) -> str:
    """The latency in the observer's unit."""
    latency = observer.latency
    if isinstance(latency, Mean):
        spent, times = rate(latency.sum, latency.matchers, filled), rate(latency.count, latency.matchers, filled)
        return f"{spent} / {times} * 1000"
    buckets = rate(latency.series, latency.matchers, filled, comma=observer.comma)
    factor = f" * {latency.factor}" if latency.factor != 1 else ""
    return f"histogram_quantile( 0.99, {buckets} by (le) ){factor}"


def rate(series: str, matchers: Sequence[Matcher], filled: Mapping[str, str], *, comma: bool = False) -> str:
    """The summed rate of a counter over the window."""
    inside = ", ".join(matcher.text(filled) for matcher in matchers) + ("," if comma else "")
    return f"sum( rate( {series}{{ {inside} }}[{filled['interval']}] ) )"
