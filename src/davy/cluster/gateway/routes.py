"""One rule and one of its matches as an Envoy route: redirect, weighted backends, or an answer of the proxy itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from davy.cluster.gateway.backends import Backend, Unresolved
from davy.cluster.gateway.durations import envoy_duration, milliseconds
from davy.cluster.gateway.filters import cors, headers, host_of, mirrors, redirect, rewrites, unsupported
from davy.cluster.gateway.matches import envoy_match
from davy.cluster.gateway.objects import BackendRef, RouteMatch, Rule, ServiceRef, Timeouts

Resolve = Callable[[ServiceRef], Backend | Unresolved]
DEFAULT_TIMEOUT = 15_000  # milliseconds
# The share of a backend that does not exist goes to a cluster that does not exist, and is answered with 500.
NOWHERE = "davy_unresolved"


def envoy_route(rule: Rule, match: RouteMatch, resolve: Resolve, listener_port: int) -> dict[str, Any]:
    """Envoy's Route. Nothing in it retries: a failed request is seen by the client, and counted."""
    return {
        "match": envoy_match(match),
        **headers(rule.filters),
        **cors(rule.filters),
        **_action(rule, match, resolve, listener_port),
    }


def problems(rule: Rule) -> Iterator[str]:
    """A sentence for everything in the rule that this gateway cannot do; such a rule answers 500."""
    yield from unsupported(rule)
    for text in (rule.timeouts.request, rule.timeouts.backend_request):
        try:
            milliseconds(text or "0s")
        except ValueError as error:
            yield f"timeouts: {error}"


def _action(rule: Rule, match: RouteMatch, resolve: Resolve, listener_port: int) -> dict[str, Any]:
    if problem := next(problems(rule), None):
        return _answer(500, problem)
    for item in rule.filters:
        if item.request_redirect is not None:
            return {"redirect": redirect(item.request_redirect, match.path, listener_port)}
    if not any(ref.weight for ref in rule.backend_refs):
        return _answer(500, "no backend of this rule has any weight")
    return {"route": _forward(rule, match, resolve)}


def _answer(status: int, words: str) -> dict[str, Any]:
    return {"direct_response": {"status": status, "body": {"inline_string": f"gateway: {words}\n"}}}


def _forward(rule: Rule, match: RouteMatch, resolve: Resolve) -> dict[str, Any]:
    def cluster_of(ref: ServiceRef) -> str | None:
        found = resolve(ref)
        return found.cluster if isinstance(found, Backend) else None

    return {
        "weighted_clusters": {"clusters": [_weighted(ref, cluster_of(ref)) for ref in rule.backend_refs]},
        "cluster_not_found_response_code": "INTERNAL_SERVER_ERROR",
        "timeout": envoy_duration(timeout(rule.timeouts)),
        **rewrites(rule.filters, match.path),
        **mirrors(rule.filters, cluster_of),
    }


def _weighted(ref: BackendRef, cluster: str | None) -> dict[str, Any]:
    fields = {"name": cluster or NOWHERE, "weight": ref.weight, **headers(ref.filters)}
    host = host_of(ref.filters)
    return {**fields, "host_rewrite_literal": host} if host else fields


def timeout(timeouts: Timeouts) -> int:
    """Milliseconds until the client gets a 504; 0 is never. Without retries the two timeouts limit the same thing."""
    given = [milliseconds(text) for text in (timeouts.request, timeouts.backend_request) if text is not None]
    if not given:
        return DEFAULT_TIMEOUT
    return min((value for value in given if value), default=0)
