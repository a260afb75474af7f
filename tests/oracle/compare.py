"""Two folders of traces compared, scenario by scenario."""

from collections.abc import Sequence
from pathlib import Path

from tests.oracle.rules import Rule
from tests.oracle.scenario import traces
from tests.oracle.verdict import Report, judged


def compared(flagger: Path, davy: Path, rules: Sequence[Rule]) -> Report:
    """The report on the scenarios that both folders have."""
    one, other = traces(flagger), traces(davy)
    return Report(rules, [judged(one[name], other[name], rules) for name in sorted(one.keys() & other.keys())])
