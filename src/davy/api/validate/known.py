"""The names that a program can work with; the tables they come from live in the families above this package."""

from collections.abc import Collection

from msgspec import Struct

from davy.api.schema.limits import ALERT_PROVIDERS, METRIC_PROVIDERS, PROVIDERS


class Known(Struct, frozen=True, kw_only=True):
    """Names of what there is. The defaults are all that Flagger's definitions list."""

    providers: Collection[str] = PROVIDERS
    """Values of `spec.provider`."""

    targets: Collection[str] = ("DaemonSet", "Deployment", "Service")
    """Kinds of `spec.targetRef`."""

    scalers: Collection[str] = ("HorizontalPodAutoscaler", "ScaledObject")
    """Kinds of `spec.autoscalerRef`."""

    metric_providers: Collection[str] = METRIC_PROVIDERS
    """Values of a MetricTemplate's `spec.provider.type`."""

    alert_providers: Collection[str] = ALERT_PROVIDERS
    """Values of an AlertProvider's `spec.type`."""


KNOWN = Known()
