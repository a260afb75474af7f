"""Commands of a human to one release: read from an annotation, carried out once, refused with a sentence.

`davy.dev/command: "abort revision=v1:0123… by=alice at=2026-01-01T12:00:00Z"`: one word, then what is known about it.
The text as a whole is the command's identity; what became of it stands in the status. Nobody who applies the manifest
owns the annotation, so that GitOps does not take it back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from davy.api.status import CanaryStatus, Handled, Phase
from davy.core import messages, times
from davy.core.moves import Move
from davy.core.names import COMMAND
from davy.core.snapshot import Ready, Snapshot, Workload
from davy.core.times import to_milliseconds

IN_A_RUN = frozenset({Phase.PROGRESSING, Phase.WAITING_PROMOTION})


class Command(Struct, frozen=True):
    """One command, as it was given."""

    text: str
    word: str
    revision: str = ""
    """Revision that it is meant for, or the beginning of it; empty: the one that is under way."""
    by: str = ""

    @property
    def author(self) -> str:
        return f" by {self.by}" if self.by else ""


class Impossible(Exception):  # noqa: N818 - a state of the release
    """The command makes no sense now; the text says why."""


Moves = Mapping[str, Callable[[Snapshot, Workload, Command], Move]]


def command(s: Snapshot) -> Command | None:
    """The command that is still to be carried out."""
    text = s.canary.metadata.annotations.get(COMMAND, "").strip()
    done = s.canary.status.command
    if not text or (done is not None and done.command == text):
        return None
    word, *rest = text.split()
    known = dict(pair.partition("=")[::2] for pair in rest)
    return Command(text, word, known.get("revision", ""), known.get("by", ""))


def commanded(s: Snapshot, target: Workload, moves: Moves) -> Move | None:
    """What a command that was not carried out yet does. `moves`: what each word does; they raise `Impossible`."""
    given = command(s)
    if given is None:
        return forgotten(s)
    try:
        done = carried_out(s, target, given, moves)
    except Impossible as why:
        return refused(s, given, str(why))
    return Move(handled(s, done.status, given, f"{given.word}{given.author}: done"), done.says, done.alerts)


def refused_outright(s: Snapshot, why: str) -> Move | None:
    """A command while nothing is done at all is refused at once: it must not act later, when nobody expects it."""
    given = command(s)
    return refused(s, given, why) if given else None


def carried_out(s: Snapshot, target: Workload, given: Command, moves: Moves) -> Move:
    """Raises `Impossible`."""
    move = moves.get(given.word)
    if move is None:
        raise Impossible(f"it is not one of {', '.join(sorted(moves))}")
    belongs(s, target, given)
    return move(s, target, given)


def forgotten(s: Snapshot) -> Move | None:
    """The annotation is gone: the same words are a new command when they come again."""
    gone = not s.canary.metadata.annotations.get(COMMAND) and s.canary.status.command is not None
    return Move(replace(s.canary.status, command=None)) if gone else None


def refused(s: Snapshot, given: Command, why: str) -> Move:
    outcome = f"{given.word}{given.author} was refused: {why}"
    return Move(handled(s, s.canary.status, given, outcome), (messages.commanded(s.canary, outcome, refused=True),))


def handled(s: Snapshot, status: CanaryStatus, given: Command, outcome: str) -> CanaryStatus:
    return replace(status, command=Handled(given.text, outcome, to_milliseconds(s.now)))


def belongs(s: Snapshot, target: Workload, given: Command) -> None:
    """Raises `Impossible` if the command was given for another revision."""
    meant = target.revision if s.canary.status.phase is Phase.WAITING else s.canary.status.last_applied_spec
    if not meant.startswith(given.revision):
        raise Impossible(f"it was given for revision {given.revision}, and now it is {meant}")


def must_be_in(s: Snapshot, phases: frozenset[Phase], why: str) -> None:
    """Raises `Impossible` unless the release is in one of the phases."""
    if s.canary.status.phase not in phases:
        raise Impossible(f"{why}; the canary is {s.canary.status.phase or 'new'}")


def must_be_ready(target: Workload) -> None:
    """Raises `Impossible` for a revision that has not come up."""
    if not isinstance(target.readiness, Ready):
        raise Impossible(f"{target.name} is not ready: {target.readiness.why}")


def paused(s: Snapshot, target: Workload, given: Command) -> Move:
    must_be_in(s, IN_A_RUN | {Phase.WAITING, Phase.PROMOTING}, "no run is under way that could be held")
    if s.canary.status.paused_at:
        raise Impossible("it is held already")
    status = replace(s.canary.status, paused_at=to_milliseconds(s.now))
    return Move(status, (messages.commanded(s.canary, f"held where it is{given.author}", refused=False),))


def resumed(s: Snapshot, target: Workload, given: Command) -> Move:
    """The step begins anew, and the time of the pause counts against no deadline."""
    status = s.canary.status
    if not status.paused_at:
        raise Impossible("it is not held")
    status = replace(
        status,
        paused_at=None,
        ready_by=later(status.ready_by, s, status.paused_at),
        last_step_at=to_milliseconds(s.now) if status.last_step_at else None,
    )
    return Move(status, (messages.commanded(s.canary, f"goes on{given.author}", refused=False),))


def later(deadline: str | None, s: Snapshot, since: str) -> str | None:
    """The deadline, moved by the time that has passed."""
    begun = times.read(since)
    moved = times.after(deadline, s.now - begun if begun else timedelta())
    return to_milliseconds(moved) if moved else None
