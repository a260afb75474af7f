"""Properties of what crosses the cluster's border: hooks and alerts that are called, gates, commands, cookies."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from davy.api.canary import Canary
from davy.api.status import CanaryStatus, Phase
from davy.core import times
from davy.core.snapshot import Passed
from davy.sim.broken import Gatecrashed, Misled, Repeated, Twice, Untold
from davy.sim.deeds import COMMAND
from davy.sim.outside import Call, Desk
from davy.sim.view import View

POLLED = ("confirm-rollout", "rollback")
"""Types of hooks that are asked again and again under one id, an interval apart."""
GRAIN = timedelta(milliseconds=1)


@dataclass
class Ledger:
    """All calls, and what they must answer for."""

    checked: int = 0
    """Calls that were looked at."""
    made: dict[str, datetime] = field(default_factory=dict)
    """Ids of an operator that has not died since, and when they were last called."""
    prepared: set[tuple[str, str | None]] = field(default_factory=set)
    """Revision and start of the runs whose pre-rollout hooks have all passed."""
    ends: list[Phase] = field(default_factory=list)
    """How runs have ended."""
    cookies: dict[str, str | None] = field(default_factory=dict)
    """The canary's cookie → start of the run that it belongs to."""
    ordered: str | None = None
    """Start of the run that a human promoted without the rest of its analysis."""
    text: str = ""
    """The command that stands on the canary."""
    given: dict[str, int] = field(default_factory=dict)
    acted: dict[str, int] = field(default_factory=dict)
    """How often each command was given, and carried out or refused."""

    def fork(self) -> Ledger:
        return replace(self, **{name: getattr(self, name).copy() for name in COPIED})

    def died(self) -> None:
        """A crash may repeat a call."""
        self.made.clear()
        self.prepared.clear()

    def called(self, desk: Desk, canary: Canary, interval: timedelta) -> None:
        """The calls that are new are looked at."""
        for call in desk.calls[self.checked :]:
            self._once(call, interval)
            if call.type == "pre-rollout":
                self._prepared(call, canary)
        self.checked = len(desk.calls)

    def _once(self, call: Call, interval: timedelta) -> None:
        before = self.made.get(call.id)
        self.made[call.id] = call.at
        if before is None or (call.type in POLLED and call.at - before + GRAIN >= interval):
            return
        raise Repeated(f"{call.id} is called {call.at - before} after it was called before")

    def _prepared(self, call: Call, canary: Canary) -> None:
        run = call.revision, canary.status.run_started_at
        if run in self.prepared:
            raise Repeated(f"{call.id} is called though the pre-rollout hooks of {call.revision} have all passed")
        last = [index for index, hook in enumerate(canary.analysis.webhooks) if hook.kind == "pre-rollout"][-1]
        if call.place == last and isinstance(call.reply, Passed):
            self.prepared.add(run)

    def commanded(self, canary: Canary) -> None:
        """Somebody may have given a command."""
        text = canary.metadata.annotations.get(COMMAND, "")
        if text and text != self.text:
            self.given[text] = self.given.get(text, 0) + 1
        self.text = text

    def remembered(self, old: CanaryStatus, now: View, desk: Desk, moment: datetime) -> None:
        """The status was written."""
        new = now.canary.status
        self._acted(old, new)
        self._cookie(old, new)
        if new.run_ended_at and not old.run_ended_at and old.run_started_at:
            self.ends.append(new.phase)
        if new.command == old.command:
            for kind in approvals(old, now):
                approved(kind, old, now.canary, desk, moment)

    def _acted(self, old: CanaryStatus, new: CanaryStatus) -> None:
        if new.command is None or new.command == old.command:
            return
        text = new.command.command
        if new.phase is Phase.PROMOTING and old.phase is not Phase.PROMOTING:
            self.ordered = new.run_started_at
        self.acted[text] = self.acted.get(text, 0) + 1
        if self.acted[text] > self.given.get(text, 0):
            raise Twice(f"{text!r} was given {self.given.get(text, 0)} times and handled {self.acted[text]} times")

    def _cookie(self, old: CanaryStatus, new: CanaryStatus) -> None:
        cookie = new.session_affinity_cookie
        if not cookie or cookie == old.session_affinity_cookie:
            return
        if self.cookies.setdefault(cookie, new.run_started_at) != new.run_started_at:
            raise Misled(f"{cookie} was the cookie of a run before")

    def over(self, canary: Canary, desk: Desk) -> None:
        """Nothing is owed at the end."""
        if canary.status.pending:
            raise Untold(f"still owed: {[call.type for call in canary.status.pending]}")
        if not canary.analysis.hooks("post-rollout"):
            return
        for phase in (Phase.SUCCEEDED, Phase.FAILED):
            told = sum(call.type == "post-rollout" and call.phase is phase for call in desk.calls)
            if told < self.ends.count(phase):
                raise Untold(f"{self.ends.count(phase)} runs ended as {phase}; post-rollout was called {told} times")


COPIED = ("made", "prepared", "ends", "cookies", "given", "acted")
"""What a fork has copies of."""

RUNNING = (Phase.PROGRESSING, Phase.WAITING_PROMOTION)


def approvals(old: CanaryStatus, now: View) -> tuple[str, ...]:
    """Types of the gates that this move passes."""
    new, analysis = now.canary.status, now.canary.analysis
    begun = new.run_started_at != old.run_started_at
    if begun:
        fresh = new.phase is Phase.PROGRESSING and old.phase not in (*RUNNING, Phase.PROMOTING)
        return ("confirm-rollout",) if fresh else ()
    if now.canary.skips_analysis:
        return ()
    if new.phase is Phase.PROMOTING and old.phase in RUNNING:
        return ("confirm-promotion",)
    if new.phase is Phase.PROGRESSING and new.canary_weight > old.canary_weight:
        return ("confirm-promotion",) if analysis.iterations or not now.shifts else ("confirm-traffic-increase",)
    return ()


def approved(kind: str, old: CanaryStatus, canary: Canary, desk: Desk, moment: datetime) -> None:
    """Each gate of the type said yes when it was last asked, and that was about this very step."""
    since = times.read(old.last_step_at or (old.run_started_at if kind not in POLLED else None))
    for index, hook in enumerate(canary.analysis.webhooks):
        if hook.kind != kind:
            continue
        asked = [call for call in desk.calls if call.type == kind and call.place == index]
        if not asked or not isinstance(asked[-1].reply, Passed) or asked[-1].due > moment:
            raise Gatecrashed(f"{hook.name} ({kind}) was not found open: {asked[-1].reply if asked else 'never asked'}")
        if since is not None and kind not in POLLED and asked[-1].at < since:
            raise Gatecrashed(f"{hook.name} ({kind}) was last asked at {asked[-1].at}, before the step at {since}")
