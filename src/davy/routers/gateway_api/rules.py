"""What an HTTPRoute's rule is for and what it changes on the way: matches and filters, from the Canary's words."""

from collections.abc import Iterator, Mapping, Sequence

from davy.api import durations
from davy.api.match import HTTPMatch, StringMatch
from davy.api.ref import Manifest
from davy.api.service import CorsPolicy, HeaderOperations, RequestMirror, Rewrite, Service
from davy.routers.base import Inexpressible

EVERYTHING: Manifest = {"path": {"type": "PathPrefix", "value": "/"}}
CORS_MAX_AGE = 5
"""The schema's default, in seconds."""


def given(field: str, value: object) -> Manifest:
    """The field if there is something to say."""
    return {field: value} if value else {}


def matches(wanted: Sequence[HTTPMatch]) -> list[Manifest]:
    """One match for each of the spec's that says something this API can say; everything if none does."""
    made = [match(item, f"spec.service.match[{index}]") for index, item in enumerate(wanted)]
    return [EVERYTHING | item for item in made if item] or [dict(EVERYTHING)]


def match(wanted: HTTPMatch, field: str) -> Manifest:
    """One match without defaults. Istio's other words (scheme, authority, port, …) are passed over, as in Flagger."""
    return {
        **(path(wanted.uri, f"{field}.uri") if wanted.uri else {}),
        **given("headers", values(wanted.headers, f"{field}.headers")),
        **given("queryParams", values(wanted.query_params, f"{field}.queryParams")),
        **(method(wanted.method, f"{field}.method") if wanted.method else {}),
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


def filters(service: Service, *, cors: bool) -> list[Manifest]:
    """The filters in Flagger's order. `cors`: the version has that filter."""
    made = [*header_filters(service), *rewrites(service.rewrite), *mirrors(service.mirror)]
    if cors and service.cors_policy:
        made.append({"type": "CORS", "cors": cors_of(service.cors_policy)})
    return made


def header_filters(service: Service) -> Iterator[Manifest]:
    """At most one filter for requests and one for responses."""
    headers = service.headers
    if headers and headers.request:
        yield {"type": "RequestHeaderModifier", "requestHeaderModifier": operations(headers.request)}
    if headers and headers.response:
        yield {"type": "ResponseHeaderModifier", "responseHeaderModifier": operations(headers.response)}


def operations(wanted: HeaderOperations) -> Manifest:
    """Changes to headers, sorted by name."""
    return {
        **given("add", [{"name": name, "value": wanted.add[name]} for name in sorted(wanted.add)]),
        **given("set", [{"name": name, "value": wanted.set[name]} for name in sorted(wanted.set)]),
        **given("remove", list(wanted.remove)),
    }


def rewrites(wanted: Rewrite | None) -> Iterator[Manifest]:
    """A new host, a new path or both."""
    if wanted is None:
        return
    form, field = ("ReplaceFullPath", "replaceFullPath")
    if wanted.type == "ReplacePrefixMatch":
        form, field = ("ReplacePrefixMatch", "replacePrefixMatch")
    replaced = {"type": form, field: wanted.uri} if wanted.uri else {}
    yield {"type": "URLRewrite", "urlRewrite": given("hostname", wanted.authority) | given("path", replaced)}


def mirrors(wanted: Sequence[RequestMirror]) -> Iterator[Manifest]:
    """The copies that the spec asks for at all times."""
    for mirror in wanted:
        to = mirror.backend_ref
        reference = {
            "group": to.group,
            "kind": to.kind,
            **given("namespace", to.namespace),
            "name": to.name,
            **given("port", to.port),
        }
        yield {"type": "RequestMirror", "requestMirror": {"backendRef": reference}}


def cors_of(wanted: CorsPolicy) -> Manifest:
    """The policy as far as this API has words for it: `allowOrigins` (matchers) is passed over, as in Flagger."""
    return {
        **given("allowOrigins", list(wanted.allow_origin)),
        **given("allowMethods", list(wanted.allow_methods)),
        **given("allowHeaders", list(wanted.allow_headers)),
        **given("exposeHeaders", list(wanted.expose_headers)),
        **given("allowCredentials", wanted.allow_credentials),
        "maxAge": int(durations.seconds_or(wanted.max_age or "", 0)) or CORS_MAX_AGE,
    }
