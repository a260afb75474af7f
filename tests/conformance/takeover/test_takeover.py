"""Davy takes over what Flagger left: no pod restarts, no run starts, and a run goes on where it was."""

import json
import re
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from tests.conformance.parts.left import Moment
from tests.conformance.parts.pods import POD
from tests.conformance.parts.side_by_side import SideBySide, rows_of
from tests.conformance.parts.stage import Stage
from tests.conformance.parts.ways import FURTHER, steps, way
from tests.conformance.parts.witness import CANARY, Manifest
from tests.conformance.takeover.moments import moments
from tests.conformance.takeover.playing import GATED, SETTLED, Takeover, take_over

from davy.routers import ROUTERS

pytestmark = [pytest.mark.conformance, pytest.mark.asyncio(loop_scope="module")]

AT_ONCE = 24
Rows = SideBySide[Moment, Takeover]


MOMENTS = list(moments())


def table(wanted: Callable[[str], bool]) -> pytest.MarkDecorator:
    """The moments in these phases; those of a provider without a router are skipped where everybody sees it."""
    params = [
        pytest.param(
            moment,
            id=str(moment),
            marks=[]
            if moment.trace.provider in ROUTERS
            else pytest.mark.skip(reason=f"no router for provider {moment.trace.provider} yet"),
        )
        for moment in MOMENTS
        if wanted(moment.status["phase"])
    ]
    return pytest.mark.parametrize("moment", params)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rows(stage: Stage, request: pytest.FixtureRequest) -> AsyncIterator[Rows]:
    """All the moments that a test was collected for, each played once."""
    wanted = rows_of(request, "moment", Moment)
    made: Rows = SideBySide(lambda moment: take_over(stage, moment), wanted, at_once=AT_ONCE)
    yield made
    await made.close()


async def outcome(rows: Rows, moment: Moment) -> Takeover:
    taken = await rows.of(moment)
    if taken.unsupported:
        pytest.skip(taken.unsupported)
    assert not taken.stuck, taken.stuck
    return taken


@table(lambda phase: phase in SETTLED)
async def test_what_is_settled_stays_exactly_as_it_is(moment: Moment, rows: Rows) -> None:
    taken = await outcome(rows, moment)
    assert {status["phase"] for status in taken.statuses} == {moment.status["phase"]}
    assert taken.gone() == []
    assert taken.made() == []
    changed = [
        f"{kind.kind}/{name}"
        for (kind, name), manifest in taken.before.items()
        if kind not in (CANARY, POD) and told(manifest) != told(taken.after[kind, name])
    ]
    assert changed == []


def told(manifest: Manifest) -> str:
    """A spec, but for the attributes of a cookie that is taken back: without them, Flagger's stays in the browser."""
    return re.sub(r"(Max-Age=-1)[^\"]*", r"\1", json.dumps(manifest.get("spec"), sort_keys=True))


@table(lambda phase: phase in GATED)
async def test_a_gate_stays_closed_until_it_is_opened(moment: Moment, rows: Rows) -> None:
    taken = await outcome(rows, moment)
    waiting = taken.written(taken.held)
    assert {status["phase"] for status in waiting} == {moment.status["phase"]}
    assert waiting[-1]["closedGate"]


@table(lambda phase: phase not in SETTLED)
async def test_a_run_goes_on_at_the_same_step(moment: Moment, rows: Rows) -> None:
    taken = await outcome(rows, moment)
    ours, expected = steps(taken.statuses), way(moment.trace, moment.number)
    if moment.torn and ours[0] != expected[0]:
        expected = way(moment.trace, moment.number + 1)  # the traffic had moved already; it was only not written down
    assert (ours[: len(expected)] if moment.trace.name in FURTHER else ours) == expected


@table(lambda phase: phase not in SETTLED)
async def test_the_primarys_pods_are_replaced_by_a_promotion_only(moment: Moment, rows: Rows) -> None:
    taken = await outcome(rows, moment)
    over = ("Terminating", "Progressing" if moment.status["phase"] in ("Promoting", "Finalising") else "Promoting")
    gone = taken.gone(until=min(filter(None, map(taken.first, over)), default=None))
    assert [name for name in gone if "-primary-" in name] == []
