"""One performance: the play on the real stage with a screen beside it, then the judgement, and what `--keep` adds."""

from __future__ import annotations

import shlex
from contextlib import nullcontext
from pathlib import Path

from rich.console import Console

from davy.demo import figures
from davy.demo.alongside import alongside
from davy.demo.choreography import SideDoor, bad_ones, play
from davy.demo.errors import DemoFailed
from davy.demo.manifests import CART, NAMESPACE, SHOP
from davy.demo.options import Options
from davy.demo.scene import Anyone, Scene
from davy.demo.show import Recording, say, show
from davy.demo.stopping import Stopping
from davy.demo.summary import Report, summary, wrong
from davy.demo.theatre import Theatre, theatre

PLAYED = "all releases have been played; now it is your turn"
LONGEST_LOAD = 1200.0  # seconds until all requests of a soak are sent


async def perform(options: Options, console: Console, stopping: Stopping, *, port: int, directory: Path) -> int:
    """From the empty stage to the exit code. Raises DemoFailed."""
    scene = Scene(figures.process_age, bad_ones(options.acts))
    recording = Recording(scene)
    async with theatre(scene, directory, port=port, rates=options.rates) as stage:
        with scene.listening(recording.changed) if options.record else nullcontext():
            judged = _judged(stage, options, console, stopping, recording)
            return await alongside(judged, stage.watchers())


async def _judged(stage: Theatre, options: Options, console: Console, stopping: Stopping, recording: Recording) -> int:
    report = await alongside(_played(stage, options), [show(stage.scene, console, plain=options.plain)])
    say(console, summary(report))
    if options.record:
        recording.write(options.record, summary(report))
    code = 1 if wrong(report) else 0
    if options.keep:
        await _kept(stage, options, console, stopping)
    return code


async def _played(stage: Theatre, options: Options) -> Report:
    scene = stage.scene
    try:
        runs = await play(stage, options.acts)
        enough = options.least_requests
        await scene.until(lambda: scene.load.requests >= enough or None, LONGEST_LOAD, f"{enough:,} requests")
    except DemoFailed as failed:
        raise DemoFailed(str(failed), *failed.details, *stage.last_words()) from None
    measured = stage.figures()
    if not options.keep:
        await stage.close_doors()
    return Report(runs, scene.load, bad_ones(options.acts), scene.clock(), scene.loaded, enough, measured)


async def _kept(stage: Theatre, options: Options, console: Console, stopping: Stopping) -> None:
    """Leave all of it up, under load, until a signal; whoever ends the operator is told how to start it again."""
    stage.excuse_operator()
    console.print(f"\nexport KUBECONFIG={stage.cluster.kubeconfig}", soft_wrap=True, highlight=False)
    console.print(f"curl http://{SHOP.host}:{stage.port}/", soft_wrap=True, highlight=False)
    console.print(
        f"kubectl -n {NAMESPACE} set env deployment/{SHOP.name} APP_VERSION=4.0 APP_ERROR_RATE=0", highlight=False
    )
    console.print("The cluster stays up, and the load on. Ctrl-C ends both.\n", style="dim")
    stage.scene.begin(PLAYED)
    stage.scene.forgiven = Anyone()  # which releases are bad is for whoever makes them to say
    door = await SideDoor.of(stage, CART)
    with stage.scene.listening(door.follow):
        showing = show(stage.scene, console, plain=options.plain, resumed=True)
        await alongside(stopping.wait(), [showing, _bereft(stage, console)])


async def _bereft(stage: Theatre, console: Console) -> None:
    """Say it once if the operator ends; whoever starts it by hand watches over that one."""
    status, command = await stage.operator_lost()
    told = f"The operator has ended by itself, with status {status}; the cluster and the load stay up."
    console.print(f"\n{told} To start it again, in another terminal:", style="yellow", soft_wrap=True, highlight=False)
    console.print(f"{shlex.join(command)}\n", soft_wrap=True, markup=False, highlight=False)
