"""Webhooks: what is sent, how often it is tried, and what the answer means."""

from __future__ import annotations

from typing import Any

import pytest

from davy.api import codec
from davy.api.canary import Canary
from davy.api.status import Phase
from davy.controller.hooks import KEY, Hooks, Outcome
from davy.controller.outside import Reply, Unheard
from davy.core.plan import HookCheck
from davy.core.snapshot import Error, Passed, Refused

from . import manifests
from .receivers import AWAY, CLOSED, YES, Reaction, Receivers

URL = "http://hooks.test/gate"
GIVEN_UP = f"POST {URL} giving up after"


def canary(uid: str = "u1", **hook: Any) -> Canary:
    hooks = [{"name": "other", "url": "http://other.test"}, {"name": "gate", "type": "rollout", "url": URL, **hook}]
    made = manifests.canary(analysis={"iterations": 1, "webhooks": hooks})
    made["metadata"]["uid"] = uid
    made["status"] = {"phase": "Waiting", "trackedConfigs": {}, "lastAppliedSpec": "old"}
    return codec.decode_canary(made)


def question(id_: str = "rollout/1", applied: str = "788c96674f") -> HookCheck:
    return HookCheck(id=id_, index=1, phase=Phase.PROGRESSING, applied=applied)


async def outcome(receivers: Receivers, **hook: Any) -> object:
    return (await Hooks(receivers, receivers.sleep).answer(canary(**hook), question())).reading


async def test_the_body_is_flaggers() -> None:
    receivers = Receivers(YES)
    assert await outcome(receivers, metadata={"cmd": "hey", "a": "1"}) == Passed()
    assert receivers.bodies == [
        {
            "name": "app",
            "namespace": "test",
            "phase": "Progressing",
            "checksum": "796ccd6556",
            "metadata": {"cmd": "hey", "a": "1"},
        }
    ]
    (post,) = receivers.posts
    assert (post.url, post.headers["Content-Type"]) == (URL, "application/json")


async def test_no_metadata_is_left_out() -> None:
    receivers = Receivers(YES)
    await outcome(receivers)
    assert receivers.bodies == [{"name": "app", "namespace": "test", "phase": "Progressing", "checksum": "796ccd6556"}]


async def test_a_call_has_one_id_for_canary_revision_step_and_hook() -> None:
    async def ids(made: Canary, asked: HookCheck) -> list[str]:
        receivers = Receivers(AWAY, YES)
        await Hooks(receivers, receivers.sleep).answer(made, asked)
        return [post.headers[KEY] for post in receivers.posts]

    first = await ids(canary(retries=1), question())
    assert len(set(first)) == 1
    assert len(first[0]) == 32
    assert await ids(canary(retries=1), question()) == first
    others = [*await ids(canary("u2"), question()), *await ids(canary(), question("rollout/2"))]
    assert len({first[0], *others}) == 3


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(200, b""), Passed()),
        (Reply(202, b"<html>"), Passed()),
        (Reply(203, b"not authoritative"), Refused("not authoritative")),
        (Reply(204, b""), Refused("it answered 204")),
        (Reply(304, b""), Refused("it answered 304")),
        (CLOSED, Refused("Forbidden")),
        (Reply(400, b"  two\n lines "), Refused("two lines")),
        (Reply(400, b"x" * 201), Refused("it answered 400")),
        (Reply(400, b"\x1b[31mred"), Refused("it answered 400")),
        (Reply(400, b"\xff\xfe"), Refused("it answered 400")),
        (Reply(501, b"not built"), Refused("not built")),
        (Reply(429, b"secret"), Error("refused", f"{GIVEN_UP} 1 attempt(s)")),
        (Reply(500, b"secret"), Error("refused", f"{GIVEN_UP} 1 attempt(s)")),
        (AWAY, Error("unreachable", f"{GIVEN_UP} 1 attempt(s): {AWAY}")),
        (Unheard("no trust", again=False), Error("unreachable", f"POST {URL}: no trust")),
    ],
)
async def test_what_an_answer_means(reply: Reaction, expected: Outcome) -> None:
    assert await outcome(Receivers(reply)) == expected


@pytest.mark.parametrize("reply", [AWAY, Reply(429, b""), Reply(500, b""), Reply(503, b"")])
async def test_it_is_tried_as_often_as_the_hook_allows_with_growing_pauses(reply: Reaction) -> None:
    receivers = Receivers(reply)
    found = await outcome(receivers, retries=7)
    assert isinstance(found, Error)
    assert found.words.startswith(f"{GIVEN_UP} 8 attempt(s)")
    assert len(receivers.posts) == 8
    assert receivers.slept == [1, 2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize("reply", [CLOSED, Reply(501, b""), Reply(404, b""), Unheard("no trust", again=False)])
async def test_what_will_not_change_is_not_tried_again(reply: Reaction) -> None:
    receivers = Receivers(reply)
    await outcome(receivers, retries=7)
    assert len(receivers.posts) == 1


async def test_a_yes_ends_the_attempts() -> None:
    receivers = Receivers(AWAY, Reply(503, b""), YES)
    assert await outcome(receivers, retries=7) == Passed()
    assert receivers.slept == [1, 2]


@pytest.mark.parametrize(
    ("reply", "pause"),
    [
        (Reply(429, b"", 7.0), 7.0),
        (Reply(503, b"", 0.0), 0.0),
        (Reply(503, b"", 86400.0), 300.0),
        (Reply(500, b"", 7.0), 1.0),
    ],
)
async def test_the_servers_own_wish_counts_where_it_has_one(reply: Reply, pause: float) -> None:
    receivers = Receivers(reply, YES)
    await outcome(receivers, retries=1)
    assert receivers.slept == [pause]


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [("", 10.0), ("5", 10.0), ("5s", 5.0), ("1m30s", 90.0), ("500ms", 0.5), ("0s", 600.0), ("-5s", 600.0)],
)
async def test_each_attempt_has_its_timeout(timeout: str, seconds: float) -> None:
    receivers = Receivers(YES)
    await outcome(receivers, timeout=timeout)
    assert [post.timeout for post in receivers.posts] == [seconds]


async def test_a_timeout_that_is_none_fails_the_hook_without_a_call() -> None:
    receivers = Receivers(YES)
    found = await outcome(receivers, timeout="soon")
    assert isinstance(found, Error)
    assert "'soon' is not a duration" in found.words
    assert receivers.posts == []


@pytest.mark.parametrize("disabled", [True, False])
async def test_a_certificate_is_looked_at_unless_the_hook_says_otherwise(disabled: bool) -> None:
    receivers = Receivers(YES)
    await outcome(receivers, disableTLS=disabled)
    assert [post.verify for post in receivers.posts] == [not disabled]


async def test_a_password_in_the_address_is_not_told() -> None:
    found = await outcome(Receivers(AWAY), url="http://u:hidden@hooks.test/x")
    assert isinstance(found, Error)
    assert "http://u:xxxxx@hooks.test/x" in found.words
