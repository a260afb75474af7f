"""Properties of capacity: a side that gets traffic, has it, or keeps users by a cookie can take it."""

from __future__ import annotations

from math import ceil

from davy.api.ref import Manifest
from davy.api.status import Phase
from davy.core import names
from davy.render import Scale, Write
from davy.sim import routes
from davy.sim.broken import Misled, Overloaded, Starved
from davy.sim.view import View
from davy.sim.world import World

ENOUGH = 0.5
"""Of the pods that a share needs, this part must be there when the share comes: an autoscaler sees to the rest."""


def fed(now: View, write: Write, before: Manifest | None) -> None:
    """No side that has traffic loses pods by our doing. At a promotion the primary takes over its owner's wish."""
    if not isinstance(write, Scale) or before is None or not write.replicas:
        return
    share, was = now.has(write.ref), int(before["spec"].get("replicas", 1))
    if share and write.replicas < was and now.canary.status.phase is not Phase.PROMOTING:
        raise Starved(
            f"{write.ref} is scaled from {was} to {write.replicas} pods while it has {share} % of the traffic"
        )


def carried(world: World, past: View, now: View) -> None:
    """With autoscalers: whoever gets a greater share of the traffic has pods for a good part of it."""
    if not world.load or not now.canary.spec.autoscaler_ref or now.matched:
        return
    if past.written is None or now.written is None or now.canary.status.phase is Phase.FAILED:
        return  # a rollback is not put off
    for name, was, share, pods, others in (
        ("the primary", past.written.primary, now.written.primary, now.primary, now.target),
        ("the target", past.written.canary, now.written.canary, now.target, now.primary),
    ):
        needed = ceil(world.load * share / 100)
        if share > was and pods < ENOUGH * needed and others:  # else there is nobody else who could take it
            raise Overloaded(f"{name} gets {share} % of the traffic, which needs {needed} pods, and has {pods} ready")


def kept(world: World, past: View, now: View) -> None:
    """No users are kept by a cookie with a canary that does not serve, while the primary does."""
    cookie = now.canary.status.session_affinity_cookie.partition("=")[2]
    if not cookie or now.target or not now.primary or (past.target == now.target == 0 and led(world, past, cookie)):
        return
    if led(world, now, cookie):
        raise Misled(f"users with the cookie {cookie} are led to the canary, which has no ready pod")


def led(world: World, view: View, cookie: str) -> bool:
    """A rule of the routes leads those who have the cookie to the canary."""
    apex = names.apex_service(view.canary).name
    for ref, route in world.objects.items():
        if (ref.group, ref.kind) in routes.KINDS and ref.name == apex:
            return any(cookie in str(rule.get("matches", rule.get("match"))) for rule in rules(route))
    return False


def rules(route: Manifest) -> list[Manifest]:
    found: list[Manifest] = route["spec"].get("rules") or route["spec"].get("http") or []
    return found
