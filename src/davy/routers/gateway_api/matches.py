"""Which requests a rule is for: those of the service, those of an A/B test, and those that carry a cookie."""

import copy
from collections.abc import Callable, Iterable, Mapping

from davy.api.canary import Canary
from davy.api.match import AnalysisMatch, HTTPMatch, StringMatch
from davy.api.ref import Manifest
from davy.routers.base import Inexpressible
from davy.routers.gateway_api.words import given

MOST_MATCHES = 64
"""The schema's limit of one rule."""


def served(canary: Canary) -> list[Manifest]:
    """The requests that the route is for; all of them if `service.match` says nothing that this API can say."""
    wanted = canary.spec.service.match
    made = [match(item, f"spec.service.match[{index}]") for index, item in enumerate(wanted)]
    return counted([everything() | item for item in made if item] or [everything()], "spec.service.match")


def everything() -> Manifest:
    """What the schema makes of a match that says nothing about the path."""
    return {"path": {"type": "PathPrefix", "value": "/"}}


def tried(canary: Canary) -> list[Manifest]:
    """Those of them that A/B testing sends to the canary. Items are OR; what stands in one item is AND.

    Raises `Inexpressible` for whatever would let more requests through than were asked for.
    """
    items = [trial(item, f"spec.analysis.match[{index}]") for index, item in enumerate(canary.analysis.match)]
    places = served(canary)
    return counted([both(place, item) for item in items for place in places], "spec.analysis.match")


def carrying(canary: Canary, regex: str) -> list[Manifest]:
    """Those of them whose header `Cookie` looks like this."""
    cookie: Manifest = {"headers": [{"type": "RegularExpression", "name": "Cookie", "value": regex}]}
    return [both(place, cookie) for place in served(canary)]


def counted(made: list[Manifest], field: str) -> list[Manifest]:
    """The matches, if one rule can hold them."""
    if len(made) > MOST_MATCHES:
        raise Inexpressible(f"{field}: makes {len(made)} matches; a rule of an HTTPRoute takes {MOST_MATCHES}")
    return made


def both(place: Manifest, narrower: Manifest) -> Manifest:
    """Requests that fit both. Where both name the same header or parameter, the narrower one counts."""
    headers = united(place.get("headers", ()), narrower.get("headers", ()), str.lower)
    parameters = united(place.get("queryParams", ()), narrower.get("queryParams", ()), str)
    return copy.deepcopy(place | given("headers", headers) | given("queryParams", parameters))


def united(wide: Iterable[Manifest], narrow: Iterable[Manifest], spelling: Callable[[str], str]) -> list[Manifest]:
    """The named values of both, sorted by name. `spelling`: names that it makes equal are one name."""
    found = {spelling(item["name"]): item for item in (*wide, *narrow)}
    return sorted(found.values(), key=lambda item: str(item["name"]))


def match(wanted: HTTPMatch, field: str) -> Manifest:
    """One match without defaults. Istio's other words (scheme, authority, port, …) are passed over, as in Flagger."""
    return {
        **(path(wanted.uri, f"{field}.uri") if wanted.uri else {}),
        **named(wanted, field),
        **(method(wanted.method, f"{field}.method") if wanted.method else {}),
    }


def trial(wanted: AnalysisMatch, field: str) -> Manifest:
    """One item of `analysis.match`; nothing of it is passed over."""
    if wanted.source_labels:
        raise Inexpressible(f"{field}.sourceLabels: Gateway API cannot tell clients by their labels")
    found = named(wanted, field)
    if not found:
        raise Inexpressible(f"{field}: says nothing, so it would send all users to the canary")
    return found


def named(wanted: AnalysisMatch, field: str) -> Manifest:
    """Headers and query parameters."""
    return {
        **given("headers", values(wanted.headers, f"{field}.headers")),
        **given("queryParams", values(wanted.query_params, f"{field}.queryParams")),
    }


def path(wanted: StringMatch, field: str) -> Manifest:
    """The first that is set, in Flagger's order."""
    forms = (("RegularExpression", wanted.regex), ("Exact", wanted.exact), ("PathPrefix", wanted.prefix))
    for form, value in forms:
        if value:
            return {"path": {"type": form, "value": value}}
    raise Inexpressible(f"{field}: a path needs one of regex, exact and prefix; Gateway API has no other match")


def method(wanted: StringMatch, field: str) -> Manifest:
    """Methods are compared as they are."""
    if not wanted.exact:
        raise Inexpressible(f"{field}: a method needs exact; Gateway API has no other match")
    return {"method": wanted.exact}


def values(wanted: Mapping[str, StringMatch], field: str) -> list[Manifest]:
    """Headers or query parameters, sorted by name: the same spec is the same route."""
    return [value(name, wanted[name], f"{field}.{name}") for name in sorted(wanted)]


def value(name: str, wanted: StringMatch, field: str) -> Manifest:
    """One header or query parameter."""
    if wanted.exact:
        return {"type": "Exact", "name": name, "value": wanted.exact}
    if wanted.regex:
        return {"type": "RegularExpression", "name": name, "value": wanted.regex}
    raise Inexpressible(f"{field}: needs exact or regex; Gateway API has no other match")
