"""The HTTP rules of a VirtualService: one with the split, or several where some users are told from others."""

from davy.api.analysis import SessionAffinity
from davy.api.canary import Canary
from davy.api.ref import Manifest
from davy.core.set_cookie import dropped, kept, kept_primary, pattern, usable
from davy.core.snapshot import TO_PRIMARY, Routing
from davy.routers.istio.destinations import copies, share, sides
from davy.routers.istio.words import changes, given, service_matches, tested_matches, with_cookie

TO_CANARY = Routing(0, 100)


def http_rules(canary: Canary, routing: Routing) -> list[Manifest]:
    """The rules in their order: the first that matches counts. Raises `Inexpressible`.

    With A/B testing no sessions are kept: the requests of the test go where the test says.
    """
    affinity = canary.analysis.session_affinity
    if canary.analysis.match:
        return tested(canary, routing)
    if affinity is None:
        return [weighted(canary, routing)]
    return keeping(canary, affinity, routing) if routing.canary else forgetting(canary, affinity, routing)


def rule(canary: Canary, match: list[Manifest], route: list[Manifest], copied: Manifest | None = None) -> Manifest:
    """One rule. `match`: empty for all requests."""
    return {**given("match", match), **changes(canary.spec.service), **(copied or {}), "route": route}


def weighted(canary: Canary, routing: Routing, primary_cookie: str = "", canary_cookie: str = "") -> Manifest:
    """The rule with the split. The cookies: what those who are led to a side are told to keep."""
    route = sides(canary, routing, primary_cookie, canary_cookie)
    return rule(canary, service_matches(canary), route, copies(canary, routing))


def tested(canary: Canary, routing: Routing) -> list[Manifest]:
    """The split is for the requests of the test; all others stay with the primary.

    The weight of a single destination means nothing to Istio; it is the primary's share, as Flagger writes it.
    """
    alone = share(canary, canary.primary_service, routing.primary)
    return [
        rule(canary, tested_matches(canary), sides(canary, routing), copies(canary, routing)),
        rule(canary, service_matches(canary), [alone]),
    ]


def keeping(canary: Canary, affinity: SessionAffinity, routing: Routing) -> list[Manifest]:
    """Who has a cookie stays with its side; who has none is told to keep that of the side that the split leads to.

    A primary without a share gets nobody, by cookie neither.
    """
    cookie, primary = canary.status.session_affinity_cookie, canary.status.primary_session_affinity_cookie
    if not usable(cookie):
        return [weighted(canary, routing)]
    made, to_primary = [sticky(canary, cookie, TO_CANARY)], ""
    if affinity.primary_cookie_name and usable(primary):
        to_primary = kept_primary(canary.analysis, affinity, primary)
        made += [sticky(canary, primary, TO_PRIMARY)] if routing.primary else []
    return [*made, weighted(canary, routing, to_primary, kept(affinity, cookie))]


def forgetting(canary: Canary, affinity: SessionAffinity, routing: Routing) -> list[Manifest]:
    """The canary is nobody's any more: those who have its cookie of the run before are told to drop it."""
    cookie = canary.status.previous_session_affinity_cookie
    if not usable(cookie):
        return [weighted(canary, routing)]
    holders = sticky(canary, cookie, routing, copies(canary, routing))
    headers = with_answer(holders.get("headers", {}), dropped(affinity, cookie))
    return [holders | {"headers": headers}, weighted(canary, routing)]


def sticky(canary: Canary, cookie: str, routing: Routing, copied: Manifest | None = None) -> Manifest:
    """The rule for those who have the cookie."""
    return rule(canary, with_cookie(service_matches(canary), pattern(cookie)), sides(canary, routing), copied)


def with_answer(headers: Manifest, cookie: str) -> Manifest:
    """The changes to headers, and `Set-Cookie` in the response."""
    response = headers.get("response", {})
    return {**headers, "response": {**response, "add": {**response.get("add", {}), "Set-Cookie": cookie}}}
