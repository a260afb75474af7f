"""What people who are not looking are told of a release, in Flagger's words."""

from __future__ import annotations

from davy.api.canary import Canary
from davy.core.plan import Alert


def initialized(canary: Canary) -> Alert:
    return Alert("info", f"New {canary.spec.target_ref.kind} detected, initialization completed.", fields=True)


def new_revision() -> Alert:
    return Alert("info", "New revision detected, progressing canary analysis.", fields=True)


def promoted() -> Alert:
    return Alert("info", "Canary analysis completed successfully, promotion finished.")


def promoted_unanalysed() -> Alert:
    return Alert("info", "Canary analysis was skipped, promotion finished.")


GATES = {
    "confirm-rollout": "Canary is waiting for approval.",
    "confirm-traffic-increase": "Canary traffic increase is waiting for approval.",
    "confirm-promotion": "Canary promotion is waiting for approval.",
}


def gate_closed(kind: str) -> Alert:
    return Alert("warn", GATES[kind])


def rollback_signalled() -> Alert:
    return Alert("warn", "Rolling back manual webhook invoked")


def threshold_reached(failed: int) -> Alert:
    return Alert("error", f"Failed checks threshold reached {failed}")


def deadline_exceeded(why: str) -> Alert:
    return Alert("error", f"Progress deadline exceeded {why}")


def promotion_failed(why: str) -> Alert:
    return Alert("error", f"Promotion failed, primary not ready: {why}")


def restart_loop(between: str) -> Alert:
    return Alert("error", f"The target was changed back and forth between {between}; stopped.")
