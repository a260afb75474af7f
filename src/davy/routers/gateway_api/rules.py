"""The rules of an HTTPRoute: one with both sides, the two of an A/B test, and those that keep sessions."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from davy.api.canary import Canary, SessionAffinity
from davy.api.ref import Manifest
from davy.core import set_cookie
from davy.core.set_cookie import kept_primary, pattern, usable
from davy.core.snapshot import TO_PRIMARY, Routing
from davy.routers.gateway_api.filters import copied, filters, joined, replaces_prefix, setting
from davy.routers.gateway_api.matches import carrying, served, tried
from davy.routers.gateway_api.words import backend, backends, given

TO_CANARY = Routing(0, 100)


class Common(Struct, frozen=True):
    """What all rules of a route do alike."""

    canary: Canary
    newer: bool
    """Of version v1, which has words that v1beta1 lacks: time-outs, CORS, a cookie of the primary's."""
    filters: Sequence[Manifest]

    def rule(
        self, matches: Sequence[Manifest], backends: Sequence[Manifest], own: Sequence[Manifest] | None = None
    ) -> Manifest:
        """One rule. `own`: its filters, where they are not the common ones."""
        service = self.canary.spec.service
        timeouts = given("request", service.timeout) | given("backendRequest", service.backend_timeout)
        return {
            "matches": list(matches),
            **given("filters", list(self.filters if own is None else own)),
            **given("timeouts", timeouts if self.newer else {}),
            "backendRefs": list(backends),
        }

    def split(self, matches: Sequence[Manifest], routing: Routing) -> Manifest:
        """One rule with both sides."""
        return self.rule(matches, backends(self.canary, routing.primary, routing.canary))


def rules(canary: Canary, routing: Routing, *, newer: bool) -> list[Manifest]:
    """All rules, in order. Raises `Inexpressible`."""
    common = common_of(canary, newer=newer, mirrored=routing.mirrored)
    made = tested(common, routing) if canary.analysis.match else kept(common, routing)
    return [part for rule in made for part in spread(rule)]


def common_of(canary: Canary, *, newer: bool, mirrored: bool) -> Common:
    """What the spec says of all rules."""
    copy = [copied(canary)] if mirrored else []
    return Common(canary, newer, [*filters(canary.spec.service, cors=newer), *copy])


def without_canary(canary: Canary, *, newer: bool) -> list[Manifest]:
    """The rules of a route that knows the apex Service only."""
    common = common_of(canary, newer=newer, mirrored=False)
    apex = backend(canary.apex, canary.spec.service.port, 1)
    return list(spread(common.rule(served(canary), [apex])))


def tested(common: Common, routing: Routing) -> Iterator[Manifest]:
    """The requests of `analysis.match` are split; all others stay with the primary."""
    canary = common.canary
    yield common.split(tried(canary), routing)
    primary = backend(canary.primary_service, canary.spec.service.port, 100)
    yield common.rule(served(canary), [primary], filters(canary.spec.service, cors=common.newer))


def kept(common: Common, routing: Routing) -> Iterator[Manifest]:
    """All requests are split, but those of users who are to stay where they were first."""
    status, affinity = common.canary.status, common.canary.analysis.session_affinity
    if affinity and routing.canary and usable(status.session_affinity_cookie):
        yield from sticky(common, routing)
        yield giving(common, routing, affinity)
        return
    if affinity and not routing.canary and usable(status.previous_session_affinity_cookie):
        yield forgetting(common, routing, affinity)
    yield common.split(served(common.canary), routing)


def sticky(common: Common, routing: Routing) -> Iterator[Manifest]:
    """Users with a cookie. None is kept with a primary that gets no traffic: it may have nobody to answer."""
    canary = common.canary
    yield common.split(carrying(canary, pattern(canary.status.session_affinity_cookie)), TO_CANARY)
    if routing.primary and primary_keeps(common):
        mark = pattern(canary.status.primary_session_affinity_cookie)
        yield common.split(carrying(canary, mark), TO_PRIMARY)


def primary_keeps(common: Common) -> bool:
    """The primary gives a cookie too."""
    affinity = common.canary.analysis.session_affinity
    named = affinity is not None and bool(affinity.primary_cookie_name)
    return common.newer and named and usable(common.canary.status.primary_session_affinity_cookie)


def giving(common: Common, routing: Routing, affinity: SessionAffinity) -> Manifest:
    """All other users; each side gives them its cookie."""
    canary, status = common.canary, common.canary.status
    primary, trial = backends(canary, routing.primary, routing.canary)
    if primary_keeps(common):
        said = kept_primary(canary.analysis, affinity, status.primary_session_affinity_cookie)
        primary["filters"] = [setting(said)]
    trial["filters"] = [setting(set_cookie.kept(affinity, status.session_affinity_cookie))]
    return common.rule(served(canary), [primary, trial])


def forgetting(common: Common, routing: Routing, affinity: SessionAffinity) -> Manifest:
    """Users with the cookie of the run before lose it."""
    canary, cookie = common.canary, common.canary.status.previous_session_affinity_cookie
    matches, sides = carrying(canary, pattern(cookie)), backends(canary, routing.primary, routing.canary)
    said = set_cookie.dropped(affinity, cookie)
    if (with_it := joined(common.filters, said)) is not None:
        return common.rule(matches, sides, with_it)
    return common.rule(matches, [side | {"filters": [setting(said)]} for side in sides])


def spread(rule: Manifest) -> Iterator[Manifest]:
    """The rule; one for each of its matches where the API allows no more than one."""
    if replaces_prefix(rule.get("filters", ())):
        yield from (rule | {"matches": [match]} for match in rule["matches"])
    else:
        yield rule
