"""What only some releases can meet: gates and hooks, commands, configs, autoscalers, deletions, odd specs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from davy.sim.cases import Scenario, deed
from davy.sim.faults import Deed
from davy.sim.manifests import ITERATED, MATCH, SERVICE, WEIGHTED, hook
from davy.sim.workloads import MESH

RELEASE = deed("release", "1.1")
BAD = deed("release", "1.2")
GATE_TYPES = ("confirm-rollout", "confirm-traffic-increase", "confirm-promotion")
LONG = 65.0
"""Seconds that a gate stays closed: several intervals."""

WAYS: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any], str]] = {
    "weighted": ({}, WEIGHTED, "weight 20"),
    "blue-green": ({"provider": "kubernetes"}, ITERATED, "iterations 1"),
    "iterated": ({}, ITERATED, "iterations 1"),
    "A/B": (MESH, {**ITERATED, "match": MATCH}, "iterations 1"),
}
"""Name → fields of the scenario, its analysis, a moment in the middle."""


def way(name: str, of: str, script: tuple[Deed, ...], *hooks: str, **more: Any) -> Scenario:
    """One scenario, with these types of hooks."""
    given, analysis, _ = WAYS[of]
    webhooks = {"webhooks": [hook(kind) for kind in hooks]} if hooks else {}
    return Scenario(name=f"{name}, {of}", script=script, analysis={**analysis, **webhooks}, **{**given, **more})


def gated() -> Iterator[Scenario]:
    """Each gate, closed long (it says no, or it cannot be reached) and then open."""
    for of in WAYS:
        for kind in GATE_TYPES:
            if kind == "confirm-traffic-increase" and of != "weighted":
                continue
            for how in ("closed", "broken", "silent"):
                opens = deed("behave", f"{kind} open", f"gate {kind}", LONG)
                script = (deed("behave", f"{kind} {how}"), RELEASE, opens)
                yield way(f"{kind} {how}", of, script, kind, runs="1.1")


def waiting() -> Iterator[Scenario]:
    """What comes while a gate is closed."""
    for of in ("weighted", "blue-green"):
        closed, gate = deed("behave", "confirm-promotion closed"), "gate confirm-promotion"
        shut, barred = deed("behave", "confirm-rollout closed"), "Waiting"
        yield way(
            "metrics turn bad at a gate",
            of,
            (closed, RELEASE, deed("behave", "metrics 80", gate, 15)),
            "confirm-promotion",
            ends="Failed",
            runs="1.0",
        )
        yield way(
            "called back at a gate",
            of,
            (closed, RELEASE, deed("behave", "rollback open", gate, 15)),
            "confirm-promotion",
            "rollback",
            ends="Failed",
            runs="1.0",
        )
        yield way(
            "superseded at a gate",
            of,
            (closed, RELEASE, deed("release", "1.3", gate, 15), deed("behave", "confirm-promotion open", gate, 15)),
            "confirm-promotion",
            runs="1.3",
        )
        yield way(
            "never let in",
            of,
            (shut, RELEASE),
            "confirm-rollout",
            ends="Waiting",
            runs="1.0",
        )
        yield way(
            "superseded before the gate",
            of,
            (shut, RELEASE, deed("release", "1.3", barred, 15), deed("behave", "confirm-rollout open", barred, 15)),
            "confirm-rollout",
            runs="1.3",
        )
        yield way(
            "withdrawn before the gate",
            of,
            (shut, RELEASE, deed("release", "1.0", barred, 15)),
            "confirm-rollout",
            ends="Initialized",
            runs="1.0",
        )
        yield way(
            "called off before the gate",
            of,
            (shut, RELEASE, deed("behave", "rollback open", barred, 15)),
            "confirm-rollout",
            "rollback",
            ends="Failed",
            runs="1.0",
        )


def hooked() -> Iterator[Scenario]:
    """The other hooks, and alerts."""
    everything = (*GATE_TYPES, "pre-rollout", "rollout", "post-rollout", "rollback")
    for of, (_, _, middle) in WAYS.items():
        yield way("all hooks", of, (RELEASE,), *everything, runs="1.1")
        yield way("all hooks, bad", of, (BAD,), *everything, ends="Failed", runs="1.0")
        yield way(
            "slow hooks",
            of,
            (*(deed("behave", f"{kind} slow") for kind in everything if kind != "rollback"), RELEASE),
            *everything,
            runs="1.1",
        )
        yield way(
            "called back", of, (RELEASE, deed("behave", "rollback open", middle)), "rollback", ends="Failed", runs="1.0"
        )
        yield way(
            "prepared at the second attempt",
            of,
            (deed("behave", "pre-rollout closed"), RELEASE, deed("behave", "pre-rollout open", "failedChecks 1")),
            "pre-rollout",
            "pre-rollout",
            runs="1.1",
        )
        yield way(
            "never prepared",
            of,
            (deed("behave", "pre-rollout broken"), RELEASE),
            "pre-rollout",
            "post-rollout",
            ends="Failed",
            runs="1.0",
        )
        yield way("tests fail", of, (deed("behave", "rollout closed"), RELEASE), "rollout", ends="Failed", runs="1.0")
        yield way(
            "nobody hears of the end", of, (deed("behave", "post-rollout gone"), RELEASE), "post-rollout", runs="1.1"
        )
    alerts = [{"name": "people", "severity": "info", "providerRef": {"name": "chat"}}]
    for how in ("open", "gone", "silent"):
        script = (deed("behave", f"alert {how}"), RELEASE, deed("release", "1.2", "ended", 1))
        yield Scenario(name=f"alerts {how}", analysis={**WEIGHTED, "alerts": alerts}, script=script, ends="Failed")


def commanded() -> Iterator[Scenario]:
    """Commands where they make sense; where they make none they change nothing."""
    said = "by=alice at=2030-01-01T00:00:00Z"
    for of, (_, _, middle) in WAYS.items():
        yield way("aborted", of, (RELEASE, deed("command", f"abort {said}", middle)), ends="Failed", runs="1.0")
        yield way("promoted at once", of, (RELEASE, deed("command", f"promote {said}", middle)), runs="1.1")
        paused = (RELEASE, deed("command", f"pause {said}", middle), deed("command", f"resume {said}", middle, LONG))
        yield way("held and let go", of, paused, runs="1.1")
        yield way(
            "aborted while held",
            of,
            (*paused[:2], deed("command", f"abort {said}", middle, LONG)),
            ends="Failed",
            runs="1.0",
        )
        again = deed("command", f"retry {said}", "ended")
        yield way("tried again", of, (BAD, again), ends="Failed", runs="1.0")
        yield way(
            "tried again with better luck", of, (RELEASE, deed("command", f"abort {said}", middle), again), runs="1.1"
        )
    for word in ("abort", "promote", "retry", "pause", "resume", "dance"):
        yield way(f"{word} for nothing", "weighted", (deed("command", f"{word} {said}"),), ends="Initialized")
        yield way(
            f"{word} for another",
            "weighted",
            (RELEASE, deed("command", f"{word} revision=v1:f00", "weight 20")),
            runs="1.1",
        )
        yield way(
            f"{word} after the end", "weighted", (RELEASE, deed("command", f"{word} {said}", "ended")), runs="1.1"
        )
        later = (deed("command", "resume", "Promoting", LONG),) if word == "pause" else ()
        script = (RELEASE, deed("command", f"{word} {said}", "Promoting"), *later)
        yield way(f"{word} during promotion", "weighted", script, ends="*")
    closed = (deed("behave", "confirm-promotion closed"), RELEASE)
    waits = (deed("behave", "confirm-rollout closed"), RELEASE)
    for word, ends in (("abort", "Failed"), ("promote", "Succeeded")):
        there = deed("command", f"{word} {said}", "WaitingPromotion", 15)
        yield way(f"{word} at a gate", "weighted", (*closed, there), "confirm-promotion", ends=ends)
    yield way(
        "abort before the gate",
        "weighted",
        (*waits, deed("command", "abort", "Waiting", 15)),
        "confirm-rollout",
        ends="Failed",
        runs="1.0",
    )


def configured() -> Iterator[Scenario]:
    """Another content of the same configs."""
    given: Mapping[str, Any] = {"configured": True}
    yield Scenario(name="another config", script=(deed("config", "b"),), runs="1.0", **given)
    yield Scenario(name="another secret", script=(deed("secret", "b"),), runs="1.0", **given)
    yield Scenario(name="a bad config", script=(deed("config", "badcfg"),), ends="Failed", **given)
    yield Scenario(
        name="a config and its way back",
        script=(deed("config", "b"), deed("config", "a", "weight 20")),
        ends="*",
        **given,
    )
    yield Scenario(
        name="a bad config taken back",
        script=(deed("config", "badcfg"), deed("config", "a", "ended")),
        ends="Failed",
        **given,
    )
    yield Scenario(
        name="config and image", script=(deed("config", "b"), deed("release", "1.1", "weight 20")), runs="1.1", **given
    )
    yield Scenario(
        name="another config, blue-green",
        provider="kubernetes",
        analysis=ITERATED,
        script=(deed("config", "b"),),
        **given,
    )
    yield Scenario(name="another config of daemons", kind="DaemonSet", script=(deed("config", "b"),), **given)
    yield Scenario(
        name="a config goes in mid-run",
        script=(RELEASE, deed("config gone", 0, "weight 20"), deed("config", "a", "Promoting", LONG)),
        runs="1.1",
        **given,
    )


def scaled() -> Iterator[Scenario]:
    """The load moves while a release is under way."""
    for scaler in ("hpa", "keda"):
        most = {"stepWeight": 40, "maxWeight": 80}
        given: Mapping[str, Any] = {"scaler": scaler, "load": 4, "analysis": most}
        yield Scenario(name=f"more load, {scaler}", script=(RELEASE, deed("load", 8, "weight 40")), runs="1.1", **given)
        yield Scenario(name=f"less load, {scaler}", script=(RELEASE, deed("load", 2, "weight 40")), runs="1.1", **given)
        yield Scenario(
            name=f"superseded at its most, {scaler}",
            script=(RELEASE, deed("release", "1.3", "weight 80")),
            runs="1.3",
            **{**given, "load": 8},
        )
        yield Scenario(
            name=f"bad at its most, {scaler}",
            script=(RELEASE, deed("behave", "metrics 80", "weight 80")),
            ends="Failed",
            **{**given, "load": 8},
        )


def deleted() -> Iterator[Scenario]:
    """Each way to go."""
    ways: Mapping[str, Mapping[str, Any]] = {
        "weighted": {},
        "blue-green": {"provider": "kubernetes", "analysis": ITERATED},
        "mesh": MESH,
        "daemons": {"kind": "DaemonSet"},
        "KEDA": {"scaler": "keda", "load": 4},
        "Knative": {"provider": "knative", "kind": "Knative"},
    }
    for of, given in ways.items():
        middle = "iterations 1" if "analysis" in given else "weight 20"
        revert = {"revertOnDeletion": True}
        yield Scenario(name=f"deleted and put back, {of}", spec=revert, script=(deed("delete"),), ends="", **given)
        yield Scenario(
            name=f"deleted in the foreground, {of}", script=(deed("delete", "Foreground"),), ends="", **given
        )
        for what in ("end namespace", "delete target"):
            then = (deed("delete", 0, "Progressing", 20),) if what == "delete target" else ()
            yield Scenario(
                name=f"{what} in mid-run, {of}", script=(RELEASE, deed(what, 0, middle), *then), ends="", **given
            )
            last = (deed("delete"),) if what == "delete target" else ()
            yield Scenario(name=f"{what} at rest, {of}", script=(deed(what), *last), ends="", **given)
    yield Scenario(
        name="deleted and put back, users' apex",
        provider="kubernetes",
        analysis=ITERATED,
        apex=True,
        fresh=True,
        spec={"revertOnDeletion": True},
        script=(deed("delete"),),
        ends="",
    )
    for phase in ("Initializing", "Promoting", "Finalising", "Failed"):
        first = () if phase == "Initializing" else (BAD,) if phase == "Failed" else (RELEASE,)
        yield Scenario(
            name=f"deleted in {phase}",
            fresh=phase == "Initializing",
            script=(*first, deed("delete", 0, phase)),
            ends="",
        )


def odd() -> Iterator[Scenario]:
    """Specs and people that are not as the others."""
    yield Scenario(
        name="first primary cannot start",
        tag="pbad-0",
        fresh=True,
        script=(deed("release", "1.1", "Initializing"),),
        ends="Initialized",
    )
    yield Scenario(
        name="given back by steps", analysis={**WEIGHTED, "stepWeightPromotion": 30}, script=(RELEASE,), runs="1.1"
    )
    yield Scenario(name="own steps", analysis={"stepWeights": [1, 10, 50]}, script=(RELEASE,), runs="1.1")
    yield Scenario(name="past the maximum", analysis={"stepWeight": 30, "maxWeight": 50}, script=(RELEASE,), runs="1.1")
    twice = (RELEASE, deed("release", "1.2", "ended"))
    yield Scenario(name="our gateway", gateway="ours", script=twice, ends="Failed", runs="1.1")
    yield Scenario(name="slow gateway", gateway="slow", fresh=True, script=twice, ends="Failed", runs="1.1")
    yield Scenario(
        name="users' apex",
        provider="kubernetes",
        analysis=ITERATED,
        apex=True,
        fresh=True,
        script=(RELEASE,),
        runs="1.1",
    )
    drains = {"service": {**SERVICE, "drainSeconds": 25}}
    yield Scenario(name="drains long", spec=drains, script=(RELEASE,), runs="1.1")
    yield Scenario(
        name="suspended in mid-run",
        script=(RELEASE, deed("suspend", 1, "weight 20"), deed("suspend", 0, "weight 20", 90)),
        runs="1.1",
    )
    yield Scenario(
        name="made invalid in mid-run",
        script=(RELEASE, deed("provider", "nonsense", "weight 20"), deed("provider", "gatewayapi:v1", "weight 20", 90)),
        runs="1.1",
    )
    back_and_forth = tuple(deed("release", tag, "weight 20") for tag in ("1.3", "1.1") * 4)
    yield Scenario(name="back and forth", script=(RELEASE, *back_and_forth), ends="Failed")
    yield Scenario(name="remade", script=(RELEASE, deed("remake", "target", "weight 20")), ends="*")


SPECIAL = (*odd(), *gated(), *waiting(), *hooked(), *commanded(), *configured(), *scaled(), *deleted())
"""All of them."""
