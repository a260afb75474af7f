"""Which moments of the recordings are put before Davy."""

from collections.abc import Iterator

from tests.conformance.parts.left import Moment, Trace, traces
from tests.conformance.parts.ways import step


def moments() -> Iterator[Moment]:
    """Every moment of the plainest release of each provider, torn ones too; of the other recordings the telling ones.

    Before its Initialized a canary is none that could be taken over; a recording that did not end is of a hang.
    """
    for trace in traces():
        initialized = next((n for n, status in enumerate(trace.statuses) if status["phase"] == "Initialized"), None)
        if initialized is None or trace.raw["ended"] != "ok":
            continue
        if trace.name.endswith("-promote"):
            yield from (moment for moment in trace.moments() if moment.number >= initialized)
            yield from (Moment(trace, n, torn=True) for n in range(initialized + 1, len(trace.statuses) - 1))
        else:
            yield from telling(trace, initialized)


def telling(trace: Trace, initialized: int) -> Iterator[Moment]:
    """Each phase, within the analysis its first and its second step, and the end."""
    seen: dict[tuple[str, bool], Moment] = {}
    for moment in trace.moments():
        if moment.number > initialized:
            seen.setdefault((moment.status["phase"], step(moment.status) > 0), moment)
    yield from seen.values()
    last = Moment(trace, len(trace.statuses) - 1)
    if last not in seen.values():
        yield last
