"""The verdict on a recording: what the rules absorbed, and what no rule is about."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.oracle.differences import Difference, Pair, differences
from tests.oracle.kinds import Json
from tests.oracle.predicates import shown
from tests.oracle.rules import Rule, first

WIDTH = 260


@dataclass(frozen=True, slots=True)
class Verdict:
    """One scenario's."""

    name: str
    absorbed: tuple[tuple[Rule, Difference], ...]
    unlisted: tuple[Difference, ...]

    def __str__(self) -> str:
        if not self.unlisted:
            return f"{'by rules' if self.absorbed else 'same    '} {self.name}"
        return "\n".join([f"DIFFERS  {self.name}", *(f"    {line(each)}" for each in self.unlisted)])


def judged(flagger: Json, davy: Json, rules: Sequence[Rule]) -> Verdict:
    """Compares two traces of one scenario."""
    pair = Pair(flagger, davy)
    partings = [each for each in rules if each.parts_ways]
    found = differences(pair, lambda each: bool(first(rules, each)), lambda each: bool(first(partings, each)))
    ruled = [(first(rules, each), each) for each in found]
    absorbed = tuple((rule, each) for rule, each in ruled if rule)
    return Verdict(pair.name, absorbed, tuple(each for rule, each in ruled if not rule))


def line(difference: Difference) -> str:
    """A difference in one line."""
    what = " ".join(part for part in (difference.part, difference.at, difference.pointer) if part)
    return f"{what} [{difference.moment}] Flagger: {cut(difference.flagger)} Davy: {cut(difference.davy)}"


def cut(value: object) -> str:
    text = shown(value)
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


@dataclass(slots=True)
class Report:
    """The verdicts on all scenarios of a recording."""

    rules: Sequence[Rule]
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def alike(self) -> bool:
        return bool(self.verdicts) and not any(each.unlisted for each in self.verdicts)

    def unneeded(self) -> list[Rule]:
        """Rules that absorbed nothing in any scenario."""
        used = {rule.id for each in self.verdicts for rule, _ in each.absorbed}
        return [each for each in self.rules if each.id not in used]

    def lines(self) -> Iterator[str]:
        """All verdicts and the summary."""
        yield from map(str, self.verdicts)
        yield from self.summary()

    def summary(self) -> Iterator[str]:
        """What each rule absorbed, and how many scenarios agree without any."""
        yield from absorbed(self.rules, self.verdicts)
        plain = sum(not each.unlisted and not each.absorbed for each in self.verdicts)
        ruled = sum(not each.unlisted and bool(each.absorbed) for each in self.verdicts)
        differing = len(self.verdicts) - plain - ruled
        yield f"{len(self.verdicts)} scenarios: {plain} agree without any rule, {ruled} by rules, {differing} differ"


def absorbed(rules: Iterable[Rule], verdicts: Iterable[Verdict]) -> Iterator[str]:
    """What each rule absorbed: so many differences in so many scenarios."""
    differences_by_rule: Counter[str] = Counter()
    scenarios_by_rule: Counter[str] = Counter()
    for verdict in verdicts:
        differences_by_rule.update(rule.id for rule, _ in verdict.absorbed)
        scenarios_by_rule.update({rule.id for rule, _ in verdict.absorbed})
    for each in rules:
        count, scenarios = differences_by_rule[each.id], scenarios_by_rule[each.id]
        yield f"rule {each.id}: {count} differences in {scenarios} scenarios"
