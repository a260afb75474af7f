"""`spec.analysis`: steps, metrics, webhooks, alerts and session affinity."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from davy.api import durations
from davy.api.match import AnalysisMatch
from davy.api.words import NamedRef, Words

BUILTIN_METRICS = ("request-success-rate", "request-duration")
"""Metrics with a query of their own for each provider."""

Otherwise = Literal["fail", "pass", "hold"]
"""What a metric without a value does: counts as failed, is passed over, or holds the step until there is one."""


class ThresholdRange(Words, frozen=True):
    """Bounds of a metric, both inclusive.

    - `min`: least value accepted
    - `max`: greatest value accepted
    """

    min: float | None = None
    max: float | None = None


class Metric(Words, frozen=True):
    """One measurement that decides whether the release goes on.

    - `name`: `request-success-rate`, `request-duration` or a name of your own
    - `interval`: the window that is measured; 1m for built-in and inline queries if left out
    - `threshold`: older form of `thresholdRange`: least success rate, or greatest value of any other metric
    - `threshold_range`: bounds of the value
    - `query`: older form of `templateRef`: PromQL, as a Go template
    - `template_ref`: the MetricTemplate with the query
    - `template_variables`: values for the template's function `variables`
    - `on_no_data`: what happens when the server has no values: fail (as Flagger), pass or hold
    - `on_error`: what happens when the server cannot be asked or answers with an error: fail (as Flagger), pass or hold
    """

    name: str
    interval: str = ""
    threshold: float = 0.0
    threshold_range: ThresholdRange | None = None
    query: str = ""
    template_ref: NamedRef | None = None
    template_variables: Mapping[str, str] = {}
    on_no_data: Otherwise | None = None
    on_error: Otherwise | None = None

    @property
    def builtin(self) -> bool:
        """Whether the name stands for a query of the provider's."""
        return self.name in BUILTIN_METRICS


class Webhook(Words, frozen=True):
    """A call to a service of the user's.

    - `name`: name of the hook, for messages
    - `type`: when it is called; `rollout` if left out
    - `mute_alert`: send no alert when this gate is closed
    - `url`: where the request goes
    - `timeout`: timeout of each attempt; 10s if left out
    - `retries`: further attempts after a connection error, 429 or 5xx
    - `disable_tls`: do not check the server's certificate
    - `metadata`: passed on in the body
    """

    name: str
    url: str
    type: str = ""
    mute_alert: bool = False
    timeout: str = ""
    retries: int = 0
    disable_tls: bool = msgspec.field(default=False, name="disableTLS")
    metadata: Mapping[str, str] = {}

    @property
    def kind(self) -> str:
        """The type, with Flagger's default."""
        return self.type or "rollout"


class Alert(Words, frozen=True):
    """Who is told of what.

    - `name`: name of the alert
    - `severity`: `info` gets everything, `warn` warnings and errors, `error` errors; empty gets nothing, as in Flagger
    - `provider_ref`: the AlertProvider
    """

    name: str
    provider_ref: NamedRef
    severity: str = ""


class SessionAffinity(Words, frozen=True):
    """Users who came to the canary once stay with it.

    - `cookie_name`: name of the canary's cookie
    - `primary_cookie_name`: name of the cookie that keeps users at the primary
    - `domain`: Domain attribute of the cookie
    - `http_only`: HttpOnly attribute of the cookie
    - `max_age`: Max-Age attribute of the cookie, in seconds
    - `partitioned`: Partitioned attribute of the cookie
    - `path`: Path attribute of the cookie
    - `same_site`: SameSite attribute of the cookie
    - `secure`: Secure attribute of the cookie
    """

    cookie_name: str
    primary_cookie_name: str = ""
    domain: str = ""
    http_only: bool = False
    max_age: int = 86400
    partitioned: bool = False
    path: str = ""
    same_site: str = ""
    secure: bool = False

    @property
    def lifetime(self) -> int:
        """Max-Age in seconds; 0 counts as a day, as in Flagger."""
        return self.max_age or 86400


class Analysis(Words, frozen=True):
    """How a release is tried.

    - `interval`: time between two steps; below 10s counts as 10s, unreadable as 60s
    - `iterations`: number of checks of an A/B or blue/green release
    - `threshold`: failed checks after which the release is taken back; at least 1
    - `max_weight`: weight at which the canary is promoted; 100 if left out or 0
    - `step_weight`: weight added at each step
    - `step_weights`: the weights of the steps
    - `step_weight_promotion`: weight given back to the primary at each step of the promotion; 0 for all at once
    - `mirror`: begin with a copy of the requests
    - `mirror_weight`: share of the requests that is copied; 0 for the provider's default
    - `primary_ready_threshold`: percentage of the primary's pods that must be ready
    - `canary_ready_threshold`: percentage of the canary's pods that must be ready
    - `match`: requests that go to the canary during A/B testing
    - `metrics`: measurements that decide whether the release goes on
    - `alerts`: who is told of what
    - `webhooks`: calls to services of the user's
    - `session_affinity`: users who came to the canary once stay with it
    """

    interval: str = ""
    iterations: int = 0
    threshold: int = 0
    max_weight: int = 0
    step_weight: int = 0
    step_weights: tuple[int, ...] = ()
    step_weight_promotion: int = 0
    mirror: bool = False
    mirror_weight: int = 0
    primary_ready_threshold: int = 100
    canary_ready_threshold: int = 100
    match: tuple[AnalysisMatch, ...] = ()
    metrics: tuple[Metric, ...] = ()
    alerts: tuple[Alert, ...] = ()
    webhooks: tuple[Webhook, ...] = ()
    session_affinity: SessionAffinity | None = None

    @property
    def failures_allowed(self) -> int:
        """Failed checks at which the release is taken back: `threshold`, at least 1."""
        return max(self.threshold, 1)

    @property
    def weight_limit(self) -> int:
        """The weight at which the canary is promoted, in percent."""
        if self.step_weights:
            return min(100, self.step_weights[-1])
        return self.max_weight if self.max_weight > 0 else 100

    def interval_seconds(self, floor: float = durations.FLOOR) -> float:
        """Seconds between two steps, as Flagger counts them."""
        return durations.effective_interval(self.interval, floor)

    def hooks(self, kind: str) -> tuple[Webhook, ...]:
        """The webhooks of one type, in list order."""
        return tuple(hook for hook in self.webhooks if hook.kind == kind)
