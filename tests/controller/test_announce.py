"""Sentences become Events: in order, counted when they repeat, told anew when the old Event is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from davy.api.words import Metadata
from davy.controller.announce import EVENT, Announcer, Subject
from davy.core.plan import Announcement
from davy.kube.client import Client

SUBJECT = Subject(Metadata(name="app", namespace="test", uid="u1", resource_version="7"))
HELLO = Announcement("Normal", "Initialization done! app.test", "Initialized")


@pytest.fixture
async def announcer(client: Client) -> AsyncIterator[Announcer]:
    made = Announcer(client, lambda: datetime(2030, 1, 1, tzinfo=UTC))
    task = asyncio.create_task(made.run())
    yield made
    task.cancel()


async def events(client: Client) -> list[dict[str, object]]:
    return list((await client.list(EVENT, "test")).items)


async def test_an_event_is_flaggers_with_our_word_in_its_action(client: Client, announcer: Announcer) -> None:
    announcer.say(SUBJECT, HELLO)
    await announcer.flush()
    (told,) = await events(client)
    shown = {name: told[name] for name in ("type", "reason", "action", "message", "count")}
    assert shown == {
        "type": "Normal",
        "reason": "Synced",
        "action": "Initialized",
        "message": "Initialization done! app.test",
        "count": 1,
    }


async def test_what_is_said_again_is_counted(client: Client, announcer: Announcer) -> None:
    for _ in range(3):
        announcer.say(SUBJECT, HELLO)
    await announcer.flush()
    assert [told["count"] for told in await events(client)] == [3]


async def test_what_is_said_again_after_its_event_expired_is_told_anew(client: Client, announcer: Announcer) -> None:
    announcer.say(SUBJECT, HELLO)
    await announcer.flush()
    (told,) = (await client.list(EVENT, "test")).items
    await client.delete(EVENT, "test", told["metadata"]["name"])
    announcer.say(SUBJECT, HELLO)
    await announcer.flush()
    assert [each["count"] for each in await events(client)] == [1]


async def test_more_than_twenty_five_different_sentences_all_arrive(client: Client, announcer: Announcer) -> None:
    for weight in range(40):
        announcer.say(
            SUBJECT, Announcement("Normal", f"Advance app.test canary weight {weight}", "CanaryWeightAdvanced")
        )
    await announcer.flush()
    assert len(await events(client)) == 40
