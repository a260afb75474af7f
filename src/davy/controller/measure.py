"""Measures: renders a metric's query, asks its provider, brings back one reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from davy.api import codec, durations
from davy.api.analysis import Metric
from davy.api.canary import Canary
from davy.api.gotemplate import TemplateError, parse
from davy.api.metric_template import MetricTemplate
from davy.api.metric_template import Provider as ProviderSpec
from davy.api.ref import Ref
from davy.controller.credentials import Unreadable, credentials
from davy.controller.world import METRIC_TEMPLATE, World
from davy.core.analysis import DURATION
from davy.core.plan import MetricCheck, PingCheck
from davy.core.snapshot import Answer, Error, Reading, Value
from davy.kube.client import Client
from davy.providers import UnknownProvider, provider_for
from davy.providers.base import Http, Misconfigured, Provider, Window
from davy.providers.builtin import UnknownObserver, Variables, milliseconds, query
from davy.settings import Settings

DEFAULT_WINDOW = "1m"
"""Window of built-in and inline queries that name none (Flagger's)."""


class Unanswerable(Exception):  # noqa: N818 - it becomes a reading
    """The question cannot even be asked; the text says why, for the canary's owner."""


class Meter:
    """Knows whom to ask. Whatever goes wrong is a reading too, never an exception."""

    def __init__(
        self, client: Client, world: World, http: Http, settings: Settings, clock: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._world = world
        self._http = http
        self._settings = settings
        self._clock = clock

    async def answer(self, canary: Canary, question: MetricCheck | PingCheck) -> Answer:
        metric = canary.analysis.metrics[question.index]
        try:
            provider, text = await self._prepared(canary, metric)
        except Unanswerable as cannot:
            return Answer(Error("configuration", str(cannot)))
        if not isinstance(question, MetricCheck):
            return Answer(await provider.ping(self._http), text)
        window = Window(self._clock(), timedelta(seconds=durations.seconds_or(metric.interval, 60.0)))
        reading = await provider.query(self._http, text, window)
        return Answer(in_unit(reading, metric, observed(canary, self._settings)), text)

    async def _prepared(self, canary: Canary, metric: Metric) -> tuple[Provider, str]:
        """The provider to ask, and the query with its variables filled in."""
        server = canary.spec.metrics_server or self._settings.metrics_server
        try:
            if metric.template_ref is not None:
                return await self._from_template(canary, metric)
            provider = provider_for(ProviderSpec(type="prometheus", address=server))
            if metric.query:
                return provider, rendered(metric.query, canary, metric, self._route(canary), DEFAULT_WINDOW)
            return provider, built_in(canary, metric, self._route(canary), observed(canary, self._settings))
        except (UnknownProvider, UnknownObserver, Misconfigured, TemplateError, codec.DecodeError) as error:
            raise Unanswerable(str(error)) from error

    async def _from_template(self, canary: Canary, metric: Metric) -> tuple[Provider, str]:
        template = self._template(canary, metric)
        secret = await self._secret(template)
        spec = template.spec
        return provider_for(spec.provider, secret), rendered(spec.query, canary, metric, self._route(canary), "")

    def _route(self, canary: Canary) -> str:
        """Of Knative: the revision that is tried, for there is no route of its own."""
        if (canary.spec.provider or self._settings.mesh_provider) == "knative":
            service = self._world.get(canary.target) or {}
            return str((service.get("status") or {}).get("latestCreatedRevisionName", ""))
        return canary.spec.route_ref.name if canary.spec.route_ref else canary.spec.target_ref.name

    def _template(self, canary: Canary, metric: Metric) -> MetricTemplate:
        ref = template_ref(canary, metric)
        found = self._world.find(ref)
        if found is None:
            raise Unanswerable(f"metric {metric.name} refers to {ref}, which does not exist")
        return codec.decode_metric_template(found.raw)

    async def _secret(self, template: MetricTemplate) -> Mapping[str, str] | None:
        ref = template.spec.provider.secret_ref
        if ref is None:
            return None
        try:
            return await credentials(self._client, template.metadata.namespace, ref.name)
        except Unreadable as error:
            raise Unanswerable(f"MetricTemplate {template.metadata.name}: {error}") from error


def template_ref(canary: Canary, metric: Metric) -> Ref:
    """The address of the MetricTemplate that the metric refers to."""
    ref = metric.template_ref
    namespace = (ref.namespace if ref else "") or canary.namespace
    return Ref(METRIC_TEMPLATE.api_version, METRIC_TEMPLATE.kind, namespace, ref.name if ref else "")


def observed(canary: Canary, settings: Settings) -> str:
    """The provider whose proxies report; in a Linkerd mesh that is Linkerd, whoever splits the traffic."""
    own = canary.spec.provider
    return "linkerd" if own and "linkerd" in settings.mesh_provider else own or settings.mesh_provider


def in_unit(reading: Reading, metric: Metric, provider: str) -> Reading:
    """The built-in latency in whole milliseconds, whatever the proxy counts in; everything else as it is."""
    if not isinstance(reading, Value) or metric.name != DURATION or metric.query or metric.template_ref:
        return reading
    return Value(milliseconds(provider, reading.number), reading.series)


def built_in(canary: Canary, metric: Metric, route: str, provider: str) -> str:
    """Raises `UnknownObserver`."""
    variables = Variables(
        namespace=canary.namespace,
        target=canary.spec.target_ref.name,
        service=canary.apex,
        ingress=ingress_of(canary),
        route=route,
        interval=metric.interval or DEFAULT_WINDOW,
    )
    return query(provider, metric.name, variables)


def rendered(text: str, canary: Canary, metric: Metric, route: str, default_window: str) -> str:
    """A user's query with Flagger's functions. Raises `TemplateError`."""
    words: dict[str, str | dict[str, str]] = {
        "name": canary.name,
        "namespace": canary.namespace,
        "target": canary.spec.target_ref.name,
        "service": canary.apex,
        "ingress": ingress_of(canary),
        "route": route,
        "interval": metric.interval or default_window,
        "variables": dict(metric.template_variables),
    }
    return parse(text).render({name: constant(value) for name, value in words.items()})


def constant(value: str | dict[str, str]) -> Callable[[], str | dict[str, str]]:
    return lambda: value


def ingress_of(canary: Canary) -> str:
    return canary.spec.ingress_ref.name if canary.spec.ingress_ref else canary.spec.target_ref.name
