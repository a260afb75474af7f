"""Metrics providers, one per file: where the numbers come from that an analysis judges."""

from collections.abc import Callable, Mapping

from davy.api.metric_template import Provider as ProviderSpec
from davy.providers.base import Provider
from davy.providers.prometheus import prometheus

Factory = Callable[[ProviderSpec, Mapping[str, str] | None, str], Provider]
"""`spec.provider` of a MetricTemplate, the data of its Secret (decoded), the address where the spec has none."""

PROVIDERS: Mapping[str, Factory] = {
    "prometheus": prometheus,
}
"""`spec.provider.type` of a MetricTemplate → what makes its provider."""


class UnknownProvider(LookupError):  # noqa: N818 - a state of the manifest, not a mistake in the program
    """A type of metrics server that is not there; the text names those that are."""


def provider_for(spec: ProviderSpec, secret: Mapping[str, str] | None = None, default_address: str = "") -> Provider:
    """The metrics server that the spec names, ready to be asked. Raises `UnknownProvider` and `Misconfigured`."""
    try:
        factory = PROVIDERS[spec.type]
    except KeyError:
        known = ", ".join(sorted(PROVIDERS))
        raise UnknownProvider(f"unknown metrics provider {spec.type!r}; known: {known}") from None
    return factory(spec, secret, default_address)
