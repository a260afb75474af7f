"""What `--keep` leaves up: a cluster to play with, which outlives its operator."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from davy.demo.choreography import watched_over
from davy.demo.options import Options
from davy.demo.performance import PLAYED, _kept
from davy.demo.stopping import Stopping

COMMAND = ["/a place/python", "-m", "davy", "run", "--kubeconfig", "/tmp/" + "long/" * 40 + "kubeconfig"]
SHOWN = "'/a place/python' " + " ".join(COMMAND[1:])


@pytest.fixture
async def kept(stage: Any) -> Any:
    """A stage after the play; `lost` is set to the operator's status when it ends."""
    await watched_over(stage)
    stage.cluster = SimpleNamespace(kubeconfig=Path("/kube/config"))
    stage.lost = asyncio.get_running_loop().create_future()
    stage.excused = False

    async def operator_lost() -> tuple[int, list[str]]:
        return await stage.lost, COMMAND

    stage.excuse_operator = lambda: setattr(stage, "excused", True)
    stage.operator_lost = operator_lost
    return stage


class Keeping:
    """`--keep` under way: its task and what it prints."""

    def __init__(self, stage: Any, *, plain: bool) -> None:
        self.console = Console(file=StringIO(), width=80, height=24, force_terminal=not plain, color_system=None)
        self.task = asyncio.ensure_future(_kept(stage, Options(keep=True, plain=plain), self.console, Stopping()))

    @property
    def said(self) -> str:
        return self.console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


@pytest.fixture(params=[True, False], ids=["plain", "live"])
async def keeping(kept: Any, request: pytest.FixtureRequest) -> AsyncIterator[Keeping]:
    """The stage is being kept, with either screen."""
    going_on = Keeping(kept, plain=request.param)
    await asyncio.sleep(1)
    yield going_on
    going_on.task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await going_on.task


@pytest.mark.looptime
async def test_the_last_release_is_no_longer_the_title(kept: Any, keeping: Keeping) -> None:
    assert kept.scene.chapter == PLAYED
    assert "The cluster stays up" in keeping.said


@pytest.mark.looptime
async def test_an_operator_that_has_ended_is_said_once_and_how_to_start_it(kept: Any, keeping: Keeping) -> None:
    assert kept.excused
    assert SHOWN not in keeping.said
    kept.lost.set_result(-9)
    await asyncio.sleep(60)
    assert not keeping.task.done(), "the cluster is kept"
    assert keeping.said.count("The operator has ended by itself, with status -9") == 1
    assert keeping.said.count(SHOWN) == 1
