"""Objects that somebody else made: edited where the split needs it, and put back when the Canary goes.

The original is kept where Flagger keeps it, so that either program can put back what the other changed.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from davy.api import codec
from davy.api.canary import Canary
from davy.api.ref import Manifest, ref_of
from davy.core import names
from davy.core.edit import Edit, differing, part

ORIGINAL = "flagger.kubernetes.io/original-configuration"
"""Annotation: the spec as it was before we changed it, JSON."""
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Annotation of kubectl's: the whole object as its people applied it last, JSON."""
PROTOCOLS = ("http", "tcp")


# VirtualServices


def edited_service(canary: Canary, wanted: Manifest, live: Manifest) -> Edit:
    """The VirtualService with our rules. Hosts and gateways that the Canary does not name stay, as do other rules."""
    spec = live.get("spec") or {}
    ours = wanted["spec"]
    parts = {**addresses(canary, ours), **rules(canary, ours, spec)} if spec else {"/spec": ours}
    extra = canary.spec.service.apex
    notes = {**extra.annotations, **names.FLUX_OPT_OUT}
    if not leads_to(sides(canary), spec):
        notes |= keepsake(wanted, live, parts)
    labels = {"/metadata/labels": added(live, "labels", extra.labels)} if extra.labels else {}
    return Edit(ref_of(wanted), {**parts, "/metadata/annotations": added(live, "annotations", notes), **labels})


def addresses(canary: Canary, wanted: Manifest) -> dict[str, Any]:
    """Whom the VirtualService is for, as far as the Canary says it."""
    service = canary.spec.service
    if service.delegation:
        return {"/spec/hosts": None, "/spec/gateways": None}
    hosts = {"/spec/hosts": wanted["hosts"]} if service.hosts else {}
    return hosts | ({"/spec/gateways": wanted["gateways"]} if service.gateways else {})


def rules(canary: Canary, wanted: Manifest, live: Manifest) -> dict[str, Any]:
    """Our rules in place of those that led to the app; of the other protocol, none of ours are left."""
    parts = {}
    for protocol in PROTOCOLS:
        ours = wanted.get(protocol, [])
        replaced = {canary.apex, *sides(canary)} if ours else sides(canary)
        parts[f"/spec/{protocol}"] = woven(live.get(protocol) or (), ours, services(canary, replaced)) or None
    return parts


def restored_service(canary: Canary, live: Manifest) -> Edit:
    """The VirtualService as it was. Where nobody knows how it was, or that would lead to a side, all goes to the apex.

    (What Flagger has kept may be a spec of its own, which leads to Services that go with the Canary.)
    """
    spec = live.get("spec") or {}
    parts: dict[str, Any] = {}
    if leads_to(sides(canary), spec):
        original = next((spec for spec in kept(live) if not leads_to(sides(canary), spec)), None)
        parts = {"/spec": original} if original else reunited(canary, spec)
    return Edit(ref_of(live), {**parts, **without(live, (ORIGINAL, *names.FLUX_OPT_OUT))})


def reunited(canary: Canary, live: Manifest) -> dict[str, Any]:
    """One rule that leads to the apex, in place of all that lead to a side."""
    ours, parts = services(canary, sides(canary)), {}
    for protocol in PROTOCOLS:
        rules = live.get(protocol) or ()
        if last := next((rule for rule in reversed(rules) if leads(rule, ours)), None):
            rest = {field: said for field, said in last.items() if field not in ("mirror", "mirrorPercentage")}
            apex = last["route"][0]["destination"] | {"host": canary.apex}
            parts[f"/spec/{protocol}"] = woven(rules, [rest | {"route": [{"destination": apex}]}], ours)
    return parts


def sides(canary: Canary) -> set[str]:
    """The Services that go with the Canary."""
    return {canary.primary_service, canary.canary_service}


def services(canary: Canary, short: Collection[str]) -> set[str]:
    """All spellings of the hosts of these Services."""
    domains = ("", ".svc", ".svc.cluster.local")
    return {*short, *(f"{name}.{canary.namespace}{domain}" for name in short for domain in domains)}


def leads_to(hosts: Collection[str], spec: Manifest) -> bool:
    """Whether any rule leads to one of these hosts."""
    return any(leads(rule, hosts) for protocol in PROTOCOLS for rule in spec.get(protocol) or ())


def leads(rule: Manifest, hosts: Collection[str]) -> bool:
    return any(to.get("destination", {}).get("host") in hosts for to in rule.get("route") or ())


def woven(live: Sequence[Manifest], ours: Sequence[Manifest], hosts: Collection[str]) -> list[Manifest]:
    """The rules with ours in place of the last that leads to one of these hosts (none does: first); others stay.

    In place of the last: a rule of theirs that came before one to the app was not to be hidden by it.
    """
    places = [place for place, rule in enumerate(live) if leads(rule, hosts)]
    cut = places[-1] if places else 0
    before, after = ([rule for rule in some if not leads(rule, hosts)] for some in (live[:cut], live[cut:]))
    return [*before, *ours, *after]


# DestinationRules


def edited_rule(wanted: Manifest, live: Manifest) -> Edit:
    """The DestinationRule with our host and policy. Without a policy of ours, theirs counts."""
    parts: dict[str, Any] = {"/spec/host": wanted["spec"]["host"]}
    before = decoded(live, ORIGINAL)
    if "trafficPolicy" in wanted["spec"]:
        parts["/spec/trafficPolicy"] = wanted["spec"]["trafficPolicy"]
    elif before is not None:
        parts["/spec/trafficPolicy"] = before.get("trafficPolicy")
    if notes := keepsake(wanted, live, parts):
        parts["/metadata/annotations"] = added(live, "annotations", notes)
    return Edit(ref_of(wanted), parts)


def restored_rule(canary: Canary, live: Manifest) -> Edit:
    """The DestinationRule as it was, if we changed it: we noted so, or it has our policy."""
    ours = canary.spec.service.traffic_policy
    changed = decoded(live, ORIGINAL) is not None or (
        ours is not None and part(live, "/spec/trafficPolicy") == codec.encode(ours)
    )
    before = next(kept(live), None) if changed else None
    return Edit(ref_of(live), {"/spec": before, **without(live, (ORIGINAL,))} if before else {})


# What was there before


def keepsake(wanted: Manifest, live: Manifest, parts: dict[str, Any]) -> Manifest:
    """The annotation that keeps the spec before its first change; kubectl keeps it already where it is used."""
    notes = live["metadata"].get("annotations") or {}
    if ORIGINAL in notes or LAST_APPLIED in notes or not differing(live, Edit(ref_of(wanted), parts)):
        return {}
    return {ORIGINAL: msgspec.json.encode(live.get("spec") or {}).decode()}


def kept(live: Manifest) -> Iterator[Manifest]:
    """The spec as its people wanted it: kubectl's word comes first, for it may be newer."""
    applied = decoded(live, LAST_APPLIED) or {}
    yield from (spec for spec in (applied.get("spec"), decoded(live, ORIGINAL)) if spec)


def decoded(live: Manifest, annotation: str) -> Manifest | None:
    """The JSON object in an annotation; None if there is none."""
    try:
        found = msgspec.json.decode((live["metadata"].get("annotations") or {}).get(annotation, "null"))
    except msgspec.DecodeError:
        return None
    return found if isinstance(found, dict) and found else None


def added(live: Manifest, field: str, more: Mapping[str, str]) -> Manifest:
    """Their labels or annotations, and more."""
    return {**(live["metadata"].get(field) or {}), **more}


def without(live: Manifest, keys: Collection[str]) -> dict[str, Any]:
    """The part that takes these annotations away; nothing if they are not there."""
    notes = live["metadata"].get("annotations") or {}
    left = {key: value for key, value in notes.items() if key not in keys}
    return {} if left == notes else {"/metadata/annotations": left or None}
