"""What the mind may look at: one canary and its world at one moment, as a frozen value.

A snapshot with its answers is plain data: written down as JSON it is the bug report, the replay and the test case.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from davy.api.canary import Canary
from davy.api.validate import Problem


class Ready(Struct, frozen=True, tag="ready"):
    """The rollout of a workload is complete and at least one of its pods serves."""


class Progressing(Struct, frozen=True, tag="progressing"):
    """Not ready yet, and it may still become so."""

    why: str


class Stuck(Struct, frozen=True, tag="stuck"):
    """Not ready, and its progress deadline has passed."""

    why: str


Readiness = Ready | Progressing | Stuck


class Workload(Struct, frozen=True, kw_only=True):
    """One side of a release: the target (which runs the new revision) or the primary."""

    name: str
    kind: str = "Deployment"
    fence: str
    """`uid/generation`: as long as it stands still, nobody has edited the workload's spec."""
    revision: str
    """Hash of the template as the API server serves it, see core/revisions.py."""
    replicas: int
    """Pods wanted."""
    serving: int
    """Pods that are ready to take a request now."""
    readiness: Readiness
    carries: str = ""
    """Primary only: the analysed revision that was last copied into it, as it noted itself."""
    like_target: bool = False
    """Primary only: its template is what copying the target as it stands would give (identity apart)."""
    lingering: int = 0
    """Pods that are still there though none are wanted."""
    empties: bool = False
    """Primary only: carrying the target's template would take all its pods away before new ones serve."""
    scalable: bool = True
    """Davy gives it pods and takes them away. False for kinds that see to that themselves, or have none."""


class Routing(Struct, frozen=True):
    """How the traffic is split, in percent."""

    primary: int
    canary: int
    mirrored: bool = False


TO_PRIMARY = Routing(100, 0)


class Confirmed(Struct, frozen=True, tag="confirmed"):
    """The routing in the router's objects is in force, as far as the provider says so itself."""

    at_once: bool = False
    """The proxy acknowledged it before it was reported: no settle time is needed."""


class Pending(Struct, frozen=True, tag="pending"):
    """The provider has not accepted the routing yet."""

    why: str


class Unknown(Struct, frozen=True, tag="unknown"):
    """The provider reports nothing; only time can tell."""


Confirmation = Confirmed | Pending | Unknown


class Traffic(Struct, frozen=True):
    """What the router's objects say: the split as it stands, and whether it is in force."""

    routing: Routing | None
    """None: there is no routing object, or it says nothing that this router would write."""
    confirmation: Confirmation = Unknown()


class Value(Struct, frozen=True, tag="value"):
    """A metrics provider's answer: one number."""

    number: float
    series: int = 1


class NoData(Struct, frozen=True, tag="no-data"):
    """The query was answered, and the answer is empty (or NaN)."""


class Error(Struct, frozen=True, tag="error"):
    """The question could not be answered."""

    kind: str
    """`unreachable`, `refused`, `malformed`, `configuration`: what went wrong, in one word."""
    words: str


Reading = Value | NoData | Error
"""What a metrics provider answers."""


class Passed(Struct, frozen=True, tag="passed"):
    """A hook said yes; an alert was taken."""


class Refused(Struct, frozen=True, tag="refused"):
    """A hook said no."""

    words: str


Reply = Passed | Refused | Error
"""What a hook or a receiver of alerts answers; `Error`: it could not be reached."""


class Answer(Struct, frozen=True):
    """What the outside said to one check."""

    reading: Reading | Reply
    query: str = ""
    """The query as it was sent, variables filled in."""
    at: datetime | None = None
    """When it was given."""


class Conflict(Struct, frozen=True):
    """Another writer changes what Davy writes, again and again."""

    ref: str
    """The object, as people write it."""
    field: str
    manager: str
    """Field manager of the other writer."""


class Snapshot(Struct, frozen=True, kw_only=True):
    """Everything that one decision may depend on. Time is a field."""

    now: datetime
    canary: Canary
    """With the spec in force: the last valid one while the canary is edited into an invalid one."""
    problems: tuple[Problem, ...] = ()
    """What is wrong with the spec as it stands (and with what it refers to)."""
    valid: bool = True
    """`canary.spec` may be acted upon."""
    target: Workload | None
    primary: Workload | None
    apex_selects: str = ""
    """`primary`, `target`, `any` (no apex Service is ours to move), or empty: there is none, or it selects something
    else."""
    traffic: Traffic
    provider: str
    """The traffic provider in force."""
    shifts: bool
    """The provider can shift traffic by weights; without, iterations are only watched (blue/green)."""
    mirrors: bool = False
    """The provider can copy requests to the canary."""
    matches: bool = False
    """The provider can send the requests of `analysis.match`, and no others, to the canary."""
    keeps_sessions: bool = False
    """The provider can keep users with the side that they came to first."""
    configs: Mapping[str, str] | None = None
    """`configmap/name` or `secret/name` → checksum of every tracked config of the target; None: none are tracked."""
    changed_keys: tuple[str, ...] = ()
    """`configmap/name: key` for what differs between the tracked configs and the primary's copies, as far as read."""
    unread: str = ""
    """Why a tracked config could not be read; nothing is concluded from its absence."""
    missing: bool = False
    """One of those does not exist: only a human can end that."""
    scaler_floor: int = 0
    """Pods that the target's autoscaler begins with; 0: there is no autoscaler."""
    scaler_ceiling: int = 0
    """Pods that it allows at most; 0: it does not say."""
    conflicts: tuple[Conflict, ...] = ()
    """Fields of ours that another writer keeps changing."""
    alerts: bool = False
    """Somebody wants to hear of this canary's alerts."""
    restorable: bool = False
    """Objects that were the user's before are still as a router made them."""
    interval: timedelta
    """The analysis interval in force, floor applied."""
    answers: Mapping[str, Answer] = {}
    """Answers to the checks of this step, by `Check.id`."""
