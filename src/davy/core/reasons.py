"""The vocabulary of reasons: why a release stands where it stands. Each word is API; scripts may match it."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Reason of the conditions Ready, Reconciling and Stalled."""

    def __new__(cls, word: str, stalled: bool, meaning: str) -> Reason:
        member = str.__new__(cls, word)
        member._value_ = word
        return member

    def __init__(self, word: str, stalled: bool, meaning: str) -> None:
        self.stalled = stalled
        """Nothing will change without a human (or without something outside Davy changing)."""
        self.meaning = meaning

    AT_REST = "AtRest", False, "the primary runs the last promoted revision and takes all traffic"
    ROLLED_BACK = "RolledBack", False, "the last revision was taken back; the primary takes all traffic"
    PROMOTION_FAILED = (
        "PromotionFailed",
        True,
        "the primary did not come up with the new revision; the canary keeps all traffic",
    )
    SUSPENDED = "Suspended", False, "spec.suspend is set: nothing is touched"
    INVALID_SPEC = "InvalidSpec", True, "the spec has errors; nothing is started and nothing that runs is broken"
    TARGET_MISSING = "TargetMissing", True, "the target does not exist"
    INITIALIZING = "Initializing", False, "the primary is made from the target"
    PRIMARY_NOT_READY = "PrimaryNotReady", False, "the primary's rollout is not complete"
    PRIMARY_STUCK = "PrimaryStuck", True, "the primary's rollout exceeded its progress deadline"
    CANARY_STARTING = "CanaryStarting", False, "the target's pods with the new revision are starting"
    CANARY_NOT_READY = "CanaryNotReady", False, "the target's rollout is not complete"
    STEP_RUNNING = "StepRunning", False, "the present step lasts until its interval is over; then it is judged"
    NO_STEP = "NoStep", True, "the analysis defines no further step"
    ROUTING_PENDING = "RoutingPending", False, "the routing is not in force yet"
    DRAINING = "Draining", False, "the new routing is in force; capacity stays until it has settled"
    SCALING_DOWN = "ScalingDown", False, "the target is being scaled to zero"
    GATE_CLOSED = "GateClosed", False, "a hook of the spec has not approved yet; it is asked once per interval"
    GATE_UNREACHABLE = "GateUnreachable", False, "a hook that must approve cannot be reached; it is asked again"
    PAUSED = "Paused", False, "a human holds the release where it is; analysis and rollback go on"
    RESTART_LOOP = "RestartLoop", True, "the target keeps changing back and forth between the same revisions"
    CONFIG_UNREAD = "ConfigUnread", False, "a ConfigMap or Secret of the target could not be read; nothing is concluded"
    CONFIG_MISSING = "ConfigMissing", True, "a ConfigMap or Secret that the target's pods need does not exist"
    COPYING = "Copying", False, "the analysed revision is being copied to the primary"
    TERMINATING = "Terminating", False, "the canary is being deleted; the target gets its replicas back first"
    MOVED = "Progressing", False, "a step was just taken"
