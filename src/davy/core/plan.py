"""What the mind says: ask these questions, or: this is how it should be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum

from msgspec import Struct

from davy.api.status import CanaryStatus, Phase
from davy.core.snapshot import Answer, Routing


class PrimaryWish(Enum):
    """What should become of the primary workload in this tick."""

    LEAVE = "leave"
    EXIST = "exist"
    """Create it from the target if it is not there; touch nothing otherwise."""
    NOTE = "note"
    """It runs the right template already, and is to note the revision's present name."""
    CARRY = "carry"
    """It runs the target's template as it stands."""


class Desired(Struct, frozen=True, kw_only=True):
    """How the world around the canary should be. Render turns it into writes, in the one safe order."""

    services: bool = False
    """The canary's and the primary's Service exist as the spec says."""
    apex: str | None = None
    """Side that the apex Service selects, `primary` or `target`; None: leave the Service alone."""
    primary: PrimaryWish = PrimaryWish.LEAVE
    run: str = ""
    """Revision that the primary notes as its own when it is made to carry the target's template."""
    target_replicas: int | None = None
    """None: leave the target's scale alone."""
    routing: Routing | None = None
    """None: leave the routing objects alone."""
    everyone: bool = False
    """The split is that of all requests, also in an A/B test."""
    primary_replicas: int | None = None
    """The primary is to have at least this many pods; None: leave its scale alone."""
    scaler: bool = False
    """The primary has a copy of the target's autoscaler."""
    scaler_paused: bool | None = None
    """The target's autoscaler is (not) to be held at zero; None: leave it alone."""
    configs: bool = False
    """The primary's copies of the tracked configs hold what the target's hold."""
    restored: bool = False
    """Objects that were the user's before are to be as they were."""
    finalizer: bool | None = None
    """The canary is to have (not to have) our finalizer; None: leave it."""


LEAVE_ALL = Desired()


class Check(Struct, frozen=True, tag=True, kw_only=True):
    """One question to the outside.

    Its id is stable for (canary, revision, step): a late answer to another step's question is dropped.
    """

    id: str
    since: datetime | None = None
    """An answer that was given then or before does not count any more: ask again. See `answer_to`."""


def answer_to(question: Question, answers: Mapping[str, Answer]) -> Answer | None:
    """The answer that still counts; None: there is none yet, or it is too old."""
    answer = answers.get(question.id)
    if answer is None or question.since is None:
        return answer
    return answer if answer.at is not None and answer.at > question.since else None


class MetricCheck(Check, frozen=True, kw_only=True, tag="metric"):
    """Ask a metrics provider for the value of `spec.analysis.metrics[index]`."""

    index: int


class PingCheck(Check, frozen=True, kw_only=True, tag="ping"):
    """Ask whether the provider of `spec.analysis.metrics[index]` is there at all."""

    index: int


class HookCheck(Check, frozen=True, kw_only=True, tag="hook"):
    """Call the webhook `spec.analysis.webhooks[index]`."""

    index: int
    phase: Phase
    """Phase that the body names."""
    applied: str = ""
    """Hash that the body's checksum is made from."""


class AlertCheck(Check, frozen=True, kw_only=True, tag="alert"):
    """Send an alert to all who want it."""

    severity: str
    """`info`, `warn` or `error`."""
    message: str
    fields: bool = False
    """With the facts about the release: target, threshold, deadline, routing."""


Question = MetricCheck | PingCheck | HookCheck | AlertCheck


class Announcement(Struct, frozen=True):
    """One sentence for people, and the word that programs may match."""

    type: str
    """`Normal` or `Warning`."""
    message: str
    """Flagger's wording where Flagger has the sentence."""
    action: str
    """A word of core/messages.py's vocabulary; stands in the Event's `action`."""


class Alert(Struct, frozen=True):
    """What people who are not looking are told."""

    severity: str
    """`info`, `warn` or `error`."""
    message: str
    fields: bool = False
    """With the facts about the release."""


class Ask(Struct, frozen=True, kw_only=True, tag="ask"):
    """All questions of this step, answered or not; meanwhile the world is held as `desired` says."""

    questions: tuple[Question, ...]
    desired: Desired
    again_at: datetime | None = None
    """When to look again though no answer has come: a slow hook keeps nobody from being polled."""


class Plan(Struct, frozen=True, kw_only=True, tag="plan"):
    """How things should be, what to remember, what to say, and when to look again."""

    desired: Desired
    status: CanaryStatus
    says: tuple[Announcement, ...] = ()
    again_at: datetime | None = None
    """None: only an event can change this decision."""
    asks: tuple[Question, ...] = ()
    """Questions that nothing waits for: their answers come with a later decision. Answers to others are dropped."""


Decision = Ask | Plan
