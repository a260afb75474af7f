"""A case told moment by moment: what people did, what was asked, written and said, and what was broken at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from davy.api.canary import Canary
from davy.core.plan import Plan, Question
from davy.render import Finalizer, Replace, Scale, Status, Write
from davy.sim.cases import Case
from davy.sim.run import Crashed, Run, named

Say = Callable[[str], None]


@dataclass
class Told(Run):
    """A run that says what it does."""

    say: Say = print

    def line(self, who: str, what: str) -> None:
        self.say(f"{self.second:9.3f}  {who:<7} {what}")

    def happens(self, what: str, value: str | float = 0) -> None:
        self.line("others", f"{what} {value}" if value else what)
        super().happens(what, value)

    def _attempt(self, write: Write) -> None:
        before = self.attempts
        try:
            super()._attempt(write)
        except Crashed:
            self._wrote(write, before)
            self.line("davy", "dies")
            raise
        except Exception as error:
            self._wrote(write, before, f": {type(error).__name__}")
            raise
        self._wrote(write, before)

    def _wrote(self, write: Write, before: int, how: str = "") -> None:
        if self.attempts > before:
            self.line("write", f"{self.attempts:<3} {named(write)} {details(write)}{how}".rstrip())

    def _ask(self, questions: tuple[Question, ...], canary: Canary) -> bool:
        before = {*self.desk.known, *self.desk.coming}
        come = super()._ask(questions, canary)
        for id_ in [question.id for question in questions if question.id not in before]:
            known = self.desk.known.get(id_)
            self.line("ask", f"{id_} → {known.reading if known else 'not answered yet'}")
        return come

    def _remember(self, plan: Plan, before: Canary) -> None:
        super()._remember(plan, before)
        for sentence in plan.says:
            self.line("say", sentence.message)


def details(write: Write) -> str:
    """What is new in a write, in a few words."""
    match write:
        case Status(_, status):
            counts = f"{status.canary_weight} % {status.iterations} iterations {status.failed_checks} failed"
            return f"{status.phase} {counts}: {status.message}"
        case Scale(_, replicas):
            return f"→ {replicas}"
        case Replace(_, _, parts):
            return ", ".join(parts)
        case Finalizer(_, present):
            return "put on" if present else "taken off"
        case _:
            return ""


def told(case: Case, say: Say) -> AssertionError | None:
    """Plays the case from its beginning; the property that it breaks, if any."""
    plain = case.run()
    run = Told(plain.world, plain.canary, plain.readings, faults=case.faults, script=case.scenario.script, say=say)
    try:
        run.to_the_end()
    except AssertionError as broken:
        return broken
    run.line("end", f"{run.phase or 'the canary is gone'}: {run.status.get('message', '')}".rstrip(": "))
    return None
