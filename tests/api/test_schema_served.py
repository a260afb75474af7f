"""API servers take our definitions, keep what we write, and accept what Flagger's users write (conformance)."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.api.play import Server
from tests.conformance.api.servers import DEFINITIONS, SERVERS
from tests.conformance.api.wire import PATIENCE, Wire
from tests.conformance.conftest import missing as skip_or_fail
from tests.conformance.parts.build import MissingPartError

from davy.api import codec
from davy.api.schema import crds, missing
from davy.api.status import Call, CanaryStatus, ClosedGate, Condition, Handled, Measured, Phase

pytestmark = pytest.mark.conformance

RECORDED: list[dict[str, Any]] = json.loads((Path(__file__).parent / "canaries.json").read_text())
KINDS = "/apis/flagger.app/v1beta1/namespaces/default"
PLURALS = {crd["spec"]["names"]["kind"]: crd["spec"]["names"]["plural"] for crd in crds()}
TIME = "2026-01-02T03:04:05.678Z"
STATUS = CanaryStatus(
    phase=Phase.PROGRESSING,
    failed_checks=1,
    canary_weight=20,
    iterations=2,
    tracked_configs={"configmap/a": "0123456789abcdef"},
    last_applied_spec="a",
    last_promoted_spec="b",
    last_transition_time="2026-01-02T03:04:05Z",
    session_affinity_cookie="a=b",
    primary_session_affinity_cookie="c=d",
    previous_session_affinity_cookie="e=f",
    conditions=(Condition("Ready", "False", "Waiting", "words", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z", 1),),
    observed_generation=1,
    message="words",
    run_started_at=TIME,
    run_ended_at=TIME,
    last_step_at=TIME,
    next_step_at=TIME,
    routed_at=TIME,
    target_fence="uid/1",
    closed_gate=ClosedGate("gate", "confirm-promotion", TIME, "words"),
    ready_by=TIME,
    mirrored=True,
    pre_rollout_passed=True,
    analysis_passed=True,
    promoted_configs="0123456789ab",
    restarts=("v1:a",),
    pending=(Call("id", "alert", Phase.FAILED, "error", "words", True),),
    command=Handled("abort", "done", TIME),
    ended_because="words",
    paused_at=TIME,
    analysis=(Measured("m", "q", 80.5, 99, 100, "fail", "words", TIME),),
)


@pytest.fixture(scope="module", params=list(SERVERS))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    try:
        with SERVERS[request.param]() as started:
            yield started
    except MissingPartError as error:
        skip_or_fail(error)


@pytest.fixture
async def wire(server: Server) -> AsyncIterator[Wire]:
    """A connection to a server that serves our kinds."""
    async with Wire(server.kubeconfig) as wire:
        for crd in crds():
            made = await wire.ask("POST", DEFINITIONS, crd)
            assert made.code in (201, 409), made.body
            await served(wire, crd["spec"]["names"]["plural"])
        yield wire


async def served(wire: Wire, plural: str) -> None:
    """Returns when the kind answers, a moment after its definition was made."""
    async with asyncio.timeout(PATIENCE):
        while (await wire.ask("GET", f"{KINDS}/{plural}")).code != 200:
            await asyncio.sleep(0.05)


async def test_what_is_served_keeps_all_that_is_needed(wire: Wire) -> None:
    found = await wire.ask("GET", f"{DEFINITIONS}/canaries.flagger.app")
    assert missing(found.body) == ()
    conditions = {each["type"]: each["status"] for each in found.body["status"]["conditions"]}
    assert conditions["Established"] == "True"
    assert conditions.get("NonStructuralSchema", "False") == "False"


async def test_recorded_objects_are_accepted_and_nothing_of_them_is_pruned(wire: Wire) -> None:
    refused = []
    for number, recorded in enumerate(RECORDED):
        manifest = {
            "apiVersion": "flagger.app/v1beta1",
            "kind": recorded["kind"],
            "metadata": {"name": f"app-{number}"},
            "spec": recorded["spec"],
        }
        path = f"{KINDS}/{PLURALS[recorded['kind']]}?dryRun=All&fieldValidation=Strict"
        made = await wire.ask("POST", path, manifest)
        if made.code != 201:
            refused.append((recorded["trace"], made.body))
    assert refused == []


async def test_a_full_status_is_kept_whole(wire: Wire) -> None:
    assert all(getattr(STATUS, name) for name in STATUS.__struct_fields__), "a field is at its default"
    manifest = {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": {"name": "full"}}
    made = await wire.ask("POST", f"{KINDS}/canaries", manifest | {"spec": RECORDED[0]["spec"]})
    assert made.code == 201, made.body
    written = await wire.ask(
        "PUT", f"{KINDS}/canaries/full/status", made.body | {"status": codec.encode_status(STATUS)}
    )
    assert written.code == 200, written.body
    assert written.body["status"] == codec.encode_status(STATUS)
    assert codec.decode_canary(written.body).status == STATUS
