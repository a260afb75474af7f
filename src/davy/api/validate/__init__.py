"""Everything that can be refused before the first tick: all problems of an object, each with its field and its cure.

What Flagger runs is never refused, however odd: it gets a warning. An error is only what never worked in Flagger, or an
added field used wrongly.
"""

from davy.api.alert_provider import AlertProvider
from davy.api.canary import Canary
from davy.api.metric_template import MetricTemplate
from davy.api.validate import analysis, metrics, service, target, webhooks
from davy.api.validate.known import KNOWN as KNOWN
from davy.api.validate.known import Known as Known
from davy.api.validate.metrics import FUNCTIONS as FUNCTIONS
from davy.api.validate.problem import Problem as Problem
from davy.api.validate.problem import error, unknown
from davy.settings import Settings

CHECKS = (
    target.problems,
    service.problems,
    analysis.problems,
    metrics.problems,
    webhooks.problems,
)


def validate(canary: Canary, *, settings_of: Settings | None = None, known: Known = KNOWN) -> tuple[Problem, ...]:
    """All problems of a Canary's spec, in the order of its fields; `known` are the names this program can work with."""
    settings = settings_of or Settings()
    return tuple(problem for check in CHECKS for problem in check(canary, settings, known))


def validate_metric_template(template: MetricTemplate, *, known: Known = KNOWN) -> tuple[Problem, ...]:
    """All problems of a MetricTemplate."""
    found = [
        *metrics.address_problems(template.spec.provider, "spec.provider.address"),
        *metrics.template_problems(template.spec.query, "spec.query"),
    ]
    if template.spec.provider.type not in known.metric_providers:
        name, names = template.spec.provider.type, known.metric_providers
        found.insert(0, unknown("spec.provider.type", "UnknownMetricsProvider", "metrics provider", name, names))
    return tuple(found)


def validate_alert_provider(provider: AlertProvider, *, known: Known = KNOWN) -> tuple[Problem, ...]:
    """All problems of an AlertProvider."""
    found = []
    if provider.spec.type not in known.alert_providers:
        name, names = provider.spec.type, known.alert_providers
        found.append(unknown("spec.type", "UnknownAlertProvider", "alert provider", name, names))
    if not provider.spec.address and provider.spec.secret_ref is None:
        message = "there is no address to send alerts to; set address, or secretRef to a Secret with the key address"
        found.append(error("spec", "AddressMissing", message))
    return tuple(found)
