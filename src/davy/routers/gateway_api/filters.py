"""What is changed on the way of a request and of its response: an HTTPRoute's filters, from the Canary's words."""

from collections.abc import Iterator, Sequence

from davy.api import durations
from davy.api.canary import Canary
from davy.api.ref import Manifest
from davy.api.service import CorsPolicy, HeaderOperations, RequestMirror, Rewrite, Service
from davy.routers.gateway_api.words import given, to_service

CORS_MAX_AGE = 5
"""The schema's default, in seconds."""

MOST_HEADERS = 16
"""The schema's limit of one list of a filter."""

SET_COOKIE = "Set-Cookie"


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


def replaces_prefix(filters: Sequence[Manifest]) -> bool:
    """The prefix that a request was matched by is replaced: a rule with that must have one match only."""
    forms = (item.get("urlRewrite", {}).get("path", {}).get("type") for item in filters)
    return any(form == "ReplacePrefixMatch" for form in forms)


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


def copied(canary: Canary) -> Manifest:
    """The copy to the canary of the mirror stage: of all requests, or of that share which `mirrorWeight` says."""
    share = canary.analysis.mirror_weight
    reference = to_service(canary.canary_service, canary.spec.service.port)
    mirror = {"backendRef": reference, **given("percent", share if 0 < share < 100 else 0)}
    return {"type": "RequestMirror", "requestMirror": mirror}


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


def setting(cookie: str) -> Manifest:
    """The filter that gives this cookie to the client."""
    return {
        "type": "ResponseHeaderModifier",
        "responseHeaderModifier": {"add": [{"name": SET_COOKIE, "value": cookie}]},
    }


def joined(filters: Sequence[Manifest], cookie: str) -> list[Manifest] | None:
    """The filters with one more cookie for the client: a rule may modify responses in one filter only.

    None: that filter has a cookie of its own already, or no room, and each name may stand there once.
    """
    place = next((index for index, item in enumerate(filters) if item["type"] == "ResponseHeaderModifier"), None)
    if place is None:
        return [*filters, setting(cookie)]
    modifier = filters[place]["responseHeaderModifier"]
    present = modifier.get("add", [])
    if len(present) >= MOST_HEADERS or any(header["name"].lower() == SET_COOKIE.lower() for header in present):
        return None
    added = [*present, {"name": SET_COOKIE, "value": cookie}]
    more = filters[place] | {"responseHeaderModifier": modifier | {"add": added}}
    return [*filters[:place], more, *filters[place + 1 :]]
