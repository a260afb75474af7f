"""From the Canary's words to Istio's: which requests a rule is for, and what it changes on the way.

Most are the same words: Flagger took them from Istio. What Istio has no word for is said in another one, or refused.
"""

from collections.abc import Callable, Mapping, Sequence

from davy.api import codec, durations
from davy.api.canary import AnalysisMatch, Canary, StringMatch
from davy.api.ref import Manifest
from davy.api.service import CorsPolicy, Retries, Rewrite, Service
from davy.api.traffic_policy import TrafficPolicy
from davy.api.words import Words
from davy.core.edit import part
from davy.core.set_cookie import literal
from davy.routers.base import Inexpressible

SHORTEST = 0.001
"""Seconds. Istio's schema refuses a duration that is shorter, or none."""

POLICY_TIMES = (
    "connectionPool.http.idleTimeout",
    "loadBalancer.warmupDurationSecs",
    "outlierDetection.baseEjectionTime",
    "outlierDetection.interval",
)

COOKIE_SPELLINGS = ("Cookie", "cookie", "COOKIE", "cOOKIE")


def given(field: str, value: object) -> Manifest:
    """The field if there is something to say."""
    return {field: value} if value else {}


def spoken(words: Words) -> Manifest:
    """The words without those that say nothing (an empty text, 0, false), as Flagger writes them."""
    return {field: value for field, value in codec.encode(words).items() if value or isinstance(value, dict)}


# Which requests


def service_matches(canary: Canary) -> list[Manifest]:
    """The requests that the service is for; empty: all."""
    return [spoken(match) for match in canary.spec.service.match]


def tested_matches(canary: Canary) -> list[Manifest]:
    """The requests that A/B testing is for: each item of `analysis.match` within each of `service.match`."""
    around = service_matches(canary) or [{}]
    return [joined(outer, tested(match)) for match in canary.analysis.match for outer in around]


def tested(match: AnalysisMatch) -> Manifest:
    """One item of `analysis.match`."""
    return {
        **given("headers", texts(match.headers)),
        **given("queryParams", texts(match.query_params)),
        **given("sourceLabels", dict(match.source_labels)),
    }


def texts(wanted: Mapping[str, StringMatch]) -> Manifest:
    """How each value must look. Istio has no `suffix` (its schema would drop the word and let every value through)."""
    return {
        name: {"regex": f".*{literal(match.suffix)}"} if match.suffix else codec.encode(match)
        for name, match in wanted.items()
    }


def joined(outer: Manifest, inner: Manifest) -> Manifest:
    """The requests that both are for. Where both speak of one header, parameter or label, the inner one counts."""
    return {**outer, **{field: {**others(field, outer, inner), **said} for field, said in inner.items()}}


def others(field: str, outer: Manifest, inner: Manifest) -> Manifest:
    """What is said in that field of names that `inner` is silent about; names of headers know no case."""
    spelt: Callable[[str], str] = str.lower if field == "headers" else str
    taken = {spelt(name) for name in inner[field]}
    return {name: said for name, said in outer.get(field, {}).items() if spelt(name) not in taken}


def with_cookie(matches: Sequence[Manifest], pattern: str) -> list[Manifest]:
    """Those of these requests (none: of all) whose `Cookie` header looks so, whatever else is asked of that header.

    The proxy knows no case in the names of headers, and wants all that is said of one: a second spelling of the name
    is a second demand.
    """
    made = []
    for match in matches or ({},):
        headers = match.get("headers", {})
        name = next(name for name in COOKIE_SPELLINGS if name not in headers)
        made.append({**match, "headers": {**headers, name: {"regex": pattern}}})
    return made


# What is changed on the way


def changes(service: Service) -> Manifest:
    """All of an HTTP rule but its match and its destinations. Raises `Inexpressible`."""
    return {
        **given("rewrite", rewritten(service.rewrite)),
        **given("timeout", lasting(service.timeout, "spec.service.timeout")),
        **given("retries", retried(service.retries)),
        **given("corsPolicy", cross_origin(service.cors_policy)),
        **given("headers", codec.encode(service.headers) if service.headers else {}),
    }


def rewritten(rewrite: Rewrite | None) -> Manifest:
    """A new path or prefix (the match decides which), a new host, or both."""
    return given("uri", rewrite.uri) | given("authority", rewrite.authority) if rewrite else {}


def retried(retries: Retries | None) -> Manifest:
    """When a request is tried again; 0 attempts: never."""
    if retries is None:
        return {}
    return {
        **({} if retries.attempts is None else {"attempts": retries.attempts}),
        **given("perTryTimeout", lasting(retries.per_try_timeout, "spec.service.retries.perTryTimeout")),
        **given("retryOn", retries.retry_on),
    }


def cross_origin(cors: CorsPolicy | None) -> Manifest:
    """Which other sites' pages may call."""
    if cors is None:
        return {}
    return spoken(cors) | given("maxAge", lasting(cors.max_age, "spec.service.corsPolicy.maxAge"))


def policy(wanted: TrafficPolicy | None) -> Manifest:
    """The traffic policy, word for word: there, 0 and false say something. Raises `Inexpressible`."""
    made = codec.encode(wanted) if wanted else {}
    for path in POLICY_TIMES:
        lasting(part(made, "/" + path.replace(".", "/")), f"spec.service.trafficPolicy.{path}")
    return made


def lasting(text: str | None, field: str) -> str:
    """The duration as it is written, or nothing. Raises `Inexpressible` for one that the API server would refuse."""
    if text and durations.seconds_or(text, 0) < SHORTEST:
        raise Inexpressible(f"{field}: {text!r} is not a duration that Istio takes; write for example 30s or 500ms")
    return text or ""
