"""The scene wakes whoever waits, and says what is seen when nothing comes."""

import asyncio

import msgspec
import pytest

from davy.api.canary import Canary
from davy.api.status import CanaryStatus, Measured
from davy.demo.errors import DemoFailed
from davy.demo.load.tally import Count, Progress
from davy.demo.manifests import SHOP, canary
from davy.demo.scene import Scene


@pytest.mark.looptime
async def test_whoever_waits_is_woken_by_the_change_that_counts(scene: Scene) -> None:
    waiting = asyncio.ensure_future(scene.until(lambda: scene.ready_endpoints.get("cart"), 10, "endpoints"))
    await asyncio.sleep(1)
    scene.take_endpoints("shop", 2)
    await asyncio.sleep(1)
    assert not waiting.done()
    scene.take_endpoints("cart", 2)
    assert await waiting == 2
    assert scene.clock() == 2


@pytest.mark.looptime
async def test_waiting_in_vain_ends(scene: Scene) -> None:
    with pytest.raises(DemoFailed, match="waited 10 s in vain for endpoints") as failed:
        await scene.until(lambda: None, 10, "endpoints")
    assert failed.value.details == ("there is no Canary yet",)


def test_a_listener_hears_changes_only_as_long_as_it_listens() -> None:
    scene = Scene(lambda: 0.0)
    heard: list[int] = []
    with scene.listening(lambda: heard.append(len(scene.events))):
        scene.take_event("shop", "New revision detected!", warning=False)
    scene.take_event("shop", "Promotion completed!", warning=False)
    assert heard == [1]


def test_the_bad_release_s_own_errors_are_not_in_the_count_of_failures() -> None:
    scene = Scene(lambda: 0.0, frozenset({("shop", "3.0")}))
    scene.take_load(Progress(counts=(Count("shop", "3.0", 500, "", 9), Count("shop", "2.0", 500, "", 1))))
    assert scene.view().failed == 1


def test_a_check_of_a_metric_that_is_no_longer_asked_for_counts_as_made_though_not_shown() -> None:
    scene = Scene(lambda: 0.0)
    found = Measured("of-yesterday", value=1.0, verdict="pass", time="2026-01-01T00:00:07.000Z")
    shop = msgspec.convert(canary(SHOP), Canary)
    scene.take_canary(msgspec.structs.replace(shop, status=CanaryStatus(analysis=(found,))))
    (app,) = scene.view().apps
    assert (app.checks, app.judged) == ((), "2026-01-01T00:00:07.000Z")
