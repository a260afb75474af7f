"""What is taken out of a canary's spec is gone from the objects, whoever wrote them last: Flagger or Davy."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.conformance.hands.removals import Removal, Removed, removals, remove
from tests.conformance.parts.idle import NOTHING
from tests.conformance.parts.side_by_side import SideBySide, rows_of
from tests.conformance.parts.stage import Stage

pytestmark = [pytest.mark.conformance, pytest.mark.asyncio(loop_scope="module")]

AT_ONCE = 10
Rows = SideBySide[Removal, Removed]


def row(removal: Removal) -> object:
    skip = pytest.mark.skip(reason=f"no router for provider {removal.unroutable} yet")
    return pytest.param(removal, id=str(removal), marks=[skip] if removal.unroutable else [])


every_removal = pytest.mark.parametrize("removal", [row(each) for each in removals()])
every_edit = pytest.mark.parametrize("removal", [row(each) for each in removals() if not each.only_left])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rows(stage: Stage, request: pytest.FixtureRequest) -> AsyncIterator[Rows]:
    wanted = rows_of(request, "removal", Removal)
    made: Rows = SideBySide(lambda removal: remove(stage, removal), wanted, at_once=AT_ONCE)
    yield made
    await made.close()


async def removed(rows: Rows, removal: Removal) -> Removed:
    found = await rows.of(removal)
    if found.unsupported:
        pytest.skip(found.unsupported)
    return found


@every_removal
async def test_nothing_is_left_of_it_in_what_flagger_had_made(removal: Removal, rows: Rows) -> None:
    found = await removed(rows, removal)
    assert found.left != found.fresh, "it was not there before"
    assert found.taken_over == found.fresh


@every_removal
async def test_no_default_of_the_server_is_drift(removal: Removal, rows: Rows) -> None:
    assert (await removed(rows, removal)).idle == NOTHING


@every_edit
async def test_nothing_is_left_of_it_in_what_davy_had_made(removal: Removal, rows: Rows) -> None:
    found = await removed(rows, removal)
    assert found.before != found.fresh, "it was not there before"
    assert found.edited == found.fresh
