"""The run in its order: nothing is released before requests flow, the next release waits for the last one's end."""

from collections.abc import Iterator
from typing import Any

import pytest

from davy.api.status import CanaryStatus, Phase
from davy.demo.choreography import ACTS, bad_ones, play, soak
from davy.demo.errors import DemoFailed
from davy.demo.manifests import BAD, CART, GOOD, SHOP, App, Release
from davy.demo.runs import complaints


@pytest.mark.looptime
async def test_all_four_releases_come_to_the_end_that_is_theirs(stage: Any) -> None:
    runs = await play(stage, ACTS)
    assert [(run.app, run.release, run.ended) for run in runs] == [
        (SHOP, GOOD, Phase.SUCCEEDED),
        (SHOP, BAD, Phase.FAILED),
        (CART, GOOD, Phase.SUCCEEDED),
        (CART, BAD, Phase.FAILED),
    ]
    assert [sentence for run in runs for sentence in complaints(run)] == []
    assert runs[0].weights == (10, 20, 30, 40, 50)
    assert runs[0].seconds == pytest.approx(8 * 2.0)


@pytest.mark.looptime
async def test_everything_is_applied_before_it_is_needed(stage: Any) -> None:
    await play(stage, ())
    kinds = [manifest["kind"] for manifest in stage.applied]
    assert kinds == ["Namespace", "Deployment", "Deployment", "Gateway", "Canary", "Canary"]
    assert stage.installed_after == 4


@pytest.mark.looptime
async def test_the_side_door_is_open_while_a_blue_green_release_is_tried_and_only_then(stage: Any) -> None:
    await play(stage, ((CART, GOOD),))
    rates = [target.rate for target in stage.aimed if target.name == "cart-canary"]
    assert rates == [50, 0]


@pytest.mark.looptime
async def test_a_weighted_release_has_no_side_door(stage: Any) -> None:
    await play(stage, ((SHOP, GOOD),))
    assert {target.name for target in stage.aimed} == {"shop", "cart"}


@pytest.mark.looptime
async def test_a_release_that_nobody_takes_up_ends_the_demo_with_what_the_canary_says(stage: Any) -> None:
    def asleep(app: App, release: Release) -> Iterator[CanaryStatus]:
        yield CanaryStatus(phase=Phase.INITIALIZED, last_applied_spec="hash-1.0", message="The operator sleeps.")

    stage.script = asleep
    with pytest.raises(DemoFailed, match=r"waited 120 s in vain for release 2\.0 of shop") as failed:
        await play(stage, ACTS)
    assert any("The operator sleeps." in line for line in failed.value.details)


def test_a_soak_takes_turns_and_has_nothing_bad_in_it() -> None:
    acts = soak(4)
    assert [(app.name, release.version) for app, release in acts] == [
        ("shop", "2.0"),
        ("cart", "3.0"),
        ("shop", "4.0"),
        ("cart", "5.0"),
    ]
    assert bad_ones(acts) == frozenset()


def test_errors_of_a_blue_green_canary_are_expected_at_its_side_door_only() -> None:
    assert bad_ones(ACTS) == {("shop", "3.0"), ("cart-canary", "3.0")}
