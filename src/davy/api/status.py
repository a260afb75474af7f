"""`status` of a Canary: where the release stands. It is the only memory of the operator."""

from collections.abc import Mapping
from enum import StrEnum

from davy.api.words import Words


class Phase(StrEnum):
    """Where a release stands, in Flagger's words; empty before the first tick."""

    NONE = ""
    INITIALIZING = "Initializing"
    INITIALIZED = "Initialized"
    WAITING = "Waiting"
    PROGRESSING = "Progressing"
    WAITING_PROMOTION = "WaitingPromotion"
    PROMOTING = "Promoting"
    FINALISING = "Finalising"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    TERMINATING = "Terminating"
    TERMINATED = "Terminated"


class Condition(Words, frozen=True):
    """One statement about the canary.

    - `type`: what the statement is about
    - `status`: True, False or Unknown
    - `reason`: one word for the cause
    - `message`: one sentence for people
    - `last_update_time`: when it was last written (RFC3339, seconds)
    - `last_transition_time`: when its status last changed (RFC3339, seconds)
    - `observed_generation`: generation of the spec that it was made from
    """

    type: str
    status: str
    reason: str
    message: str = ""
    last_update_time: str | None = None
    last_transition_time: str | None = None
    observed_generation: int | None = None


class Measured(Words, frozen=True):
    """One measurement of the analysis, as it was judged.

    - `metric`: name of the metric
    - `query`: the query as it was sent
    - `value`: the answer; absent where there was none
    - `min`: least value accepted
    - `max`: greatest value accepted
    - `verdict`: pass, fail, no-data, error or undecided
    - `reason`: why, in one sentence
    - `time`: when it was judged (RFC3339, milliseconds)
    """

    metric: str
    query: str = ""
    value: float | None = None
    min: float | None = None
    max: float | None = None
    verdict: str = ""
    reason: str = ""
    time: str | None = None


class ClosedGate(Words, frozen=True):
    """The hook that holds the release where it is.

    - `name`: name of the hook
    - `type`: confirm-rollout, confirm-traffic-increase or confirm-promotion
    - `since`: when it was first found closed (RFC3339, milliseconds)
    - `unreachable`: why it could not be asked; absent if it was asked and said no
    """

    name: str
    type: str
    since: str | None = None
    unreachable: str = ""


class Call(Words, frozen=True):
    """A call to the outside that is still to be made, or whose end is not known yet.

    - `id`: the same however often the call is repeated
    - `type`: `post-rollout` or `alert`
    - `phase`: phase in which it arose
    - `severity`: of an alert: info, warn or error
    - `message`: of an alert: its text
    - `fields`: of an alert: whether it tells the facts about the release
    """

    id: str
    type: str
    phase: Phase = Phase.NONE
    severity: str = ""
    message: str = ""
    fields: bool = False


class Handled(Words, frozen=True):
    """The last command, and what became of it.

    - `command`: as it was given
    - `outcome`: one sentence
    - `time`: when it was carried out or refused (RFC3339, milliseconds)
    """

    command: str
    outcome: str = ""
    time: str | None = None


class CanaryStatus(Words, frozen=True):
    """Where the release stands.

    - `phase`: state of the release
    - `failed_checks`: checks that failed in this run
    - `canary_weight`: share of the traffic that goes to the canary, in percent
    - `iterations`: checks done of an A/B or blue/green release
    - `tracked_configs`: `configmap/name` or `secret/name` → checksum of its content; absent without tracking
    - `last_applied_spec`: hash of the target's template as last taken up
    - `last_promoted_spec`: hash of the target's template as last promoted
    - `last_transition_time`: when the phase last changed (RFC3339, seconds)
    - `session_affinity_cookie`: the canary's cookie of this run, `name=value`
    - `primary_session_affinity_cookie`: the primary's cookie, `name=value`
    - `previous_session_affinity_cookie`: the canary's cookie of the run before, which is taken away from users
    - `conditions`: statements about the canary
    - `observed_generation`: generation of the spec that this status was made from
    - `message`: what happened, what is waited for, until when, what to do
    - `run_started_at`: when this run began (RFC3339, milliseconds)
    - `run_ended_at`: when the last effect of this run was in place (RFC3339, milliseconds)
    - `last_step_at`: when the last step was taken (RFC3339, milliseconds)
    - `next_step_at`: when the next step is due (RFC3339, milliseconds)
    - `routed_at`: when the routing in force was first seen to be what the phase wants (RFC3339, milliseconds)
    - `target_fence`: `uid/generation` of the target that the hash was taken from
    - `closed_gate`: the gate that holds the release
    - `ready_by`: when the new revision must have been ready for the first time (RFC3339, milliseconds)
    - `mirrored`: whether requests are copied to the canary
    - `pre_rollout_passed`: whether all pre-rollout hooks have passed for this revision
    - `analysis_passed`: whether this revision has come to its promotion
    - `promoted_configs`: digest of the tracked configs as last promoted
    - `restarts`: revisions that this run was restarted for, newest last
    - `pending`: calls to the outside that are still to be made
    - `command`: the last command and what became of it
    - `ended_because`: why the last run failed, in a few words; absent if it did not
    - `paused_at`: since when a human holds the release where it is (RFC3339, milliseconds)
    - `analysis`: the last measurements and how they were judged
    """

    phase: Phase = Phase.NONE
    failed_checks: int = 0
    canary_weight: int = 0
    iterations: int = 0
    tracked_configs: Mapping[str, str] | None = None
    last_applied_spec: str = ""
    last_promoted_spec: str = ""
    last_transition_time: str | None = None
    session_affinity_cookie: str = ""
    primary_session_affinity_cookie: str = ""
    previous_session_affinity_cookie: str = ""
    conditions: tuple[Condition, ...] = ()
    observed_generation: int = 0
    message: str = ""
    run_started_at: str | None = None
    run_ended_at: str | None = None
    last_step_at: str | None = None
    next_step_at: str | None = None
    routed_at: str | None = None
    target_fence: str = ""
    closed_gate: ClosedGate | None = None
    ready_by: str | None = None
    mirrored: bool = False
    pre_rollout_passed: bool = False
    analysis_passed: bool = False
    promoted_configs: str = ""
    restarts: tuple[str, ...] = ()
    pending: tuple[Call, ...] = ()
    command: Handled | None = None
    ended_because: str = ""
    paused_at: str | None = None
    analysis: tuple[Measured, ...] = ()

    def condition(self, type_: str) -> Condition | None:
        """The condition of that type, if there is one."""
        return next((condition for condition in self.conditions if condition.type == type_), None)
