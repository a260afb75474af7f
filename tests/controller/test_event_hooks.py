"""Event webhooks: the pairs of sentence and phase are Flagger's, the order is kept, and nobody waits for anybody."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from davy.api import codec
from davy.api.canary import Canary
from davy.api.status import CanaryStatus, Phase
from davy.controller.event_hooks import WAITING, EventHooks
from davy.controller.hooks import KEY
from davy.controller.outside import Reply
from davy.core import messages
from davy.core.plan import Announcement

from . import manifests
from .receivers import CLOSED, YES, Receivers

OWN = {"name": "events", "type": "event", "url": "http://own.test"}
GLOBAL = "http://global.test"
FIRST, SECOND = "788c96674f", "5879697f58"
"""Two hashes of Flagger's, whose checksums are recorded."""
NONE_YET, OF_FIRST, OF_SECOND = "758df7c9fc", "796ccd6556", "5f884596d8"


def canary(*hooks: dict[str, Any], name: str = "app") -> Canary:
    made = manifests.canary(analysis={"iterations": 1, "webhooks": list(hooks)})
    made["metadata"]["name"] = name
    return codec.decode_canary(made)


CANARY = canary()
HELLO = Announcement("Normal", "hello", "Hello")


def at(phase: Phase, applied: str = "") -> CanaryStatus:
    return CanaryStatus(phase=phase, last_applied_spec=applied, tracked_configs={} if applied else None)


def event_hooks(receivers: Receivers, url: str = "") -> EventHooks:
    return EventHooks(receivers, url, lambda: manifests.BEGIN, receivers.sleep)


@pytest.mark.parametrize(
    ("old", "new", "sentence", "told"),
    [
        (at(Phase.NONE), at(Phase.INITIALIZING), messages.providers_available(CANARY), ("Initializing", NONE_YET)),
        (at(Phase.INITIALIZING), at(Phase.INITIALIZING), HELLO, ("Initializing", NONE_YET)),
        (
            at(Phase.INITIALIZING),
            at(Phase.INITIALIZED, FIRST),
            messages.initialized(CANARY),
            ("Initialized", OF_FIRST),
        ),
        (
            at(Phase.INITIALIZED, FIRST),
            at(Phase.WAITING, FIRST),
            messages.halted(CANARY, "waiting for approval gate"),
            ("Initialized", OF_FIRST),
        ),
        (
            at(Phase.WAITING, FIRST),
            at(Phase.PROGRESSING, SECOND),
            Announcement("Normal", "Confirm-rollout check gate passed", "GatePassed"),
            ("Waiting", OF_FIRST),
        ),
        (
            at(Phase.WAITING, FIRST),
            at(Phase.PROGRESSING, SECOND),
            messages.new_revision(CANARY),
            ("Progressing", OF_FIRST),
        ),
        (at(Phase.PROGRESSING, SECOND), at(Phase.PROGRESSING, SECOND), HELLO, ("Progressing", OF_SECOND)),
        (
            at(Phase.PROGRESSING, SECOND),
            at(Phase.WAITING_PROMOTION, SECOND),
            messages.halted(CANARY, "waiting for promotion approval gate"),
            ("Progressing", OF_SECOND),
        ),
        (
            at(Phase.WAITING_PROMOTION, SECOND),
            at(Phase.PROMOTING, SECOND),
            messages.copying(CANARY),
            ("WaitingPromotion", OF_SECOND),
        ),
        (
            at(Phase.PROMOTING, SECOND),
            at(Phase.FINALISING, SECOND),
            messages.all_to_primary(CANARY),
            ("Promoting", OF_SECOND),
        ),
        (
            at(Phase.FINALISING, SECOND),
            at(Phase.SUCCEEDED, SECOND),
            messages.promoted(CANARY),
            ("Succeeded", OF_SECOND),
        ),
        (
            at(Phase.PROGRESSING, SECOND),
            at(Phase.FAILED, SECOND),
            messages.threshold_reached(CANARY, 2),
            ("Progressing", OF_SECOND),
        ),
        (at(Phase.PROGRESSING, SECOND), at(Phase.FAILED, SECOND), messages.failed(CANARY), ("Failed", OF_SECOND)),
    ],
)
async def test_phase_and_checksum_are_those_that_flagger_tells(
    old: CanaryStatus, new: CanaryStatus, sentence: Announcement, told: tuple[str, str]
) -> None:
    receivers = Receivers(YES)
    hooks = event_hooks(receivers, GLOBAL)
    hooks.say(replace(CANARY, status=old), new, sentence)
    await hooks.flush()
    assert [(body["phase"], body["checksum"]) for body in receivers.bodies] == [told]


async def test_a_sentence_is_told_with_its_type_and_time_which_win_over_the_users_words() -> None:
    receivers = Receivers(YES)
    hooks = event_hooks(receivers)
    mine = {"k": "v", "eventType": "mine", "timestamp": "mine"}
    hooks.say(canary({**OWN, "metadata": mine}), CanaryStatus(), messages.failed(CANARY))
    await hooks.flush()
    (body,) = receivers.bodies
    assert body["metadata"] == {
        "k": "v",
        "eventMessage": "Canary failed! Scaling down app.test",
        "eventType": "Warning",
        "timestamp": "1893456000000",
    }


@pytest.mark.parametrize(
    ("own", "url", "called"),
    [
        ((), "", []),
        ((), GLOBAL, [GLOBAL]),
        ((OWN,), GLOBAL, ["http://own.test"]),
        ((OWN, {**OWN, "url": "http://second.test"}), "", ["http://own.test", "http://second.test"]),
        (({"name": "load", "type": "rollout", "url": "http://load.test"},), GLOBAL, [GLOBAL]),
    ],
)
async def test_all_of_the_canarys_own_are_called_or_else_the_operators(
    own: tuple[dict[str, Any], ...], url: str, called: list[str]
) -> None:
    receivers = Receivers(CLOSED)
    hooks = event_hooks(receivers, url)
    hooks.say(canary(*own), CanaryStatus(), HELLO)
    await hooks.flush()
    assert [post.url for post in receivers.posts] == called
    assert len({post.headers[KEY] for post in receivers.posts}) == len(called)


async def test_calls_are_made_in_order_though_one_has_to_be_repeated() -> None:
    receivers = Receivers(Reply(503, b""), YES)
    hooks = event_hooks(receivers)
    for word in ("one", "two"):
        hooks.say(canary({**OWN, "retries": 1}), CanaryStatus(), Announcement("Normal", word, "Hello"))
    await hooks.flush()
    assert [body["metadata"]["eventMessage"] for body in receivers.bodies] == ["one", "one", "two"]
    assert receivers.posts[0].headers == receivers.posts[1].headers


async def test_a_receiver_that_does_not_answer_holds_up_no_other_canary() -> None:
    receivers = Receivers(YES)
    hooks = event_hooks(receivers)
    receivers.hold = asyncio.Event()
    hooks.say(canary(OWN, name="held"), CanaryStatus(), HELLO)
    await asyncio.sleep(0)
    receivers.hold = None
    hooks.say(canary(OWN, name="free"), CanaryStatus(), HELLO)
    hooks.say(canary(OWN, name="free"), CanaryStatus(), HELLO)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [body["name"] for body in receivers.bodies] == ["held", "free", "free"]
    hooks.close()


async def test_what_a_receiver_cannot_take_is_left_out_and_said() -> None:
    receivers = Receivers(YES)
    hooks = event_hooks(receivers)
    with capture_logs() as logs:
        for _ in range(WAITING + 2):
            hooks.say(canary(OWN), CanaryStatus(), HELLO)
    assert [entry["event"] for entry in logs] == ["event hook left out: it does not take calls fast enough"] * 2
    await hooks.flush()
    assert len(receivers.posts) == WAITING


async def test_a_failure_is_logged_and_the_next_call_is_made() -> None:
    receivers = Receivers(CLOSED, YES)
    hooks = event_hooks(receivers)
    with capture_logs() as logs:
        for _ in range(2):
            hooks.say(canary(OWN), CanaryStatus(), HELLO)
        await hooks.flush()
    assert [(entry["hook"], entry["error"]) for entry in logs] == [("events", "Forbidden")]
    assert len(receivers.posts) == 2
