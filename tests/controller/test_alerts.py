"""Alerts: who hears of what, in which words, and what becomes of those who cannot be reached."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from davy.api import codec
from davy.controller.alerts import ALERT_PROVIDER, Alerts
from davy.controller.outside import Post, Reply
from davy.controller.world import World
from davy.core.plan import AlertCheck
from davy.core.snapshot import Answer, Passed
from davy.kube.client import Client
from davy.settings import Settings

from . import manifests
from .conftest import NAMESPACE, Until
from .receivers import AWAY, YES, Reaction, Receivers

SLACK = "https://hooks.slack.test/services/T0/B0/verysecret"


def alert(severity: str = "info", provider: str = "on-call", **ref: str) -> dict[str, Any]:
    return {"name": provider, "severity": severity, "providerRef": {"name": provider, **ref}}


def provider(name: str = "on-call", namespace: str = NAMESPACE, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": ALERT_PROVIDER.api_version,
        "kind": ALERT_PROVIDER.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"type": "slack", **({"address": SLACK} if "secretRef" not in spec else {}), **spec},
    }


class Bench:
    """Alerts about one canary, sent nowhere."""

    def __init__(self, client: Client, world: World, until: Until) -> None:
        self._client = client
        self._world = world
        self._until = until
        self.receivers = Receivers(YES)

    async def provide(self, *providers: dict[str, Any]) -> None:
        for each in providers:
            await self._client.create(each)
        self._world.watch(ALERT_PROVIDER)

        async def seen() -> bool:
            return len(self._world.watch(ALERT_PROVIDER).list()) == len(providers)

        await self._until(seen)

    async def send(
        self, *alerts: dict[str, Any], settings: Settings | None = None, severity: str = "info", fields: bool = False
    ) -> list[str]:
        """The errors that were logged."""
        canary = codec.decode_canary(manifests.canary(analysis={"stepWeight": 20, "alerts": list(alerts)}))
        asked = AlertCheck(id="alert/1", severity=severity, message="Something happened", fields=fields)
        sender = Alerts(self._client, self._world, self.receivers, settings or Settings(), self.receivers.sleep)
        with capture_logs() as logs:
            assert await sender.answer(canary, asked) == Answer(Passed())
        return [entry["error"] for entry in logs if entry["event"] == "alert not sent"]

    @property
    def called(self) -> list[str]:
        return [post.url for post in self.receivers.posts]


@pytest.fixture
async def bench(client: Client, world: World, until: Until) -> Bench:
    return Bench(client, world, until)


async def test_the_operators_own_slack_gets_everything_in_flaggers_words(bench: Bench) -> None:
    settings = Settings(slack_url=SLACK, slack_channel="ops", cluster_name="c1", slack_token="t", slack_proxy_url="p")
    for severity in ("info", "warn", "error"):
        assert await bench.send(settings=settings, severity=severity, fields=True) == []
    assert bench.called == [SLACK] * 3
    body, *_, last = bench.receivers.bodies
    facts = [
        ("Cluster", "c1"),
        ("Target", "Deployment/app.test"),
        ("Failed checks threshold", "2"),
        ("Progress deadline", "60s"),
        ("Traffic routing", "Weight step: 20 max: 0"),
    ]
    assert body == {
        "channel": "ops",
        "username": "flagger",
        "icon_url": "",
        "icon_emoji": ":rocket:",
        "attachments": [
            {
                "color": "good",
                "author_name": "app.test",
                "text": "Something happened",
                "mrkdwn_in": ["text"],
                "fields": [{"title": title, "value": value, "short": False} for title, value in facts],
            }
        ],
    }
    assert last["attachments"][0]["color"] == "danger"
    assert [(post.headers["Authorization"], post.proxy, post.timeout) for post in bench.receivers.posts] == [
        ("Bearer t", "p", 5.0)
    ] * 3


async def test_without_facts_only_the_cluster_is_told(bench: Bench) -> None:
    await bench.send(settings=Settings(slack_url=SLACK, slack_channel="ops", cluster_name="c1"))
    assert bench.receivers.bodies[0]["attachments"][0]["fields"] == [
        {"title": "Cluster", "value": "c1", "short": False}
    ]


async def test_teams_wins_over_slack_and_has_its_own_proxy(bench: Bench) -> None:
    settings = Settings(
        slack_url=SLACK, slack_channel="ops", slack_proxy_url="s", msteams_url="https://t.test", msteams_proxy_url="m"
    )
    await bench.send(settings=settings)
    assert [(post.url, post.proxy) for post in bench.receivers.posts] == [("https://t.test", "m")]
    assert bench.receivers.bodies[0]["@type"] == "MessageCard"


async def test_a_canary_with_alerts_of_its_own_does_not_use_the_operators(bench: Bench) -> None:
    await bench.provide(provider(channel="shop", username="bot"))
    await bench.send(alert(), settings=Settings(msteams_url="https://t.test"))
    assert bench.called == [SLACK]
    assert [(body["channel"], body["username"]) for body in bench.receivers.bodies] == [("shop", "bot")]


async def test_names_that_a_provider_leaves_out_are_flaggers(bench: Bench) -> None:
    await bench.provide(provider())
    await bench.send(alert())
    assert [(body["channel"], body["username"]) for body in bench.receivers.bodies] == [("general", "flagger")]


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("info", ["info", "warn", "error"]),
        ("warn", ["warn", "error"]),
        ("error", ["error"]),
        ("", []),
    ],
)
async def test_each_gets_what_it_wants_to_hear(bench: Bench, wanted: str, told: list[str]) -> None:
    await bench.provide(provider())
    heard = []
    for severity in ("info", "warn", "error"):
        before = len(bench.called)
        await bench.send({**alert(), "severity": wanted} if wanted else alert(""), severity=severity)
        heard += [severity] * (len(bench.called) - before)
    assert heard == told


async def test_the_address_and_the_token_come_from_the_secret(bench: Bench, client: Client) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "slack", "namespace": NAMESPACE}}
    await client.create({**secret, "stringData": {"address": "https://other.test", "token": "t"}})
    await bench.provide(provider(secretRef={"name": "slack"}))
    assert await bench.send(alert()) == []
    assert [(post.url, post.headers["Authorization"]) for post in bench.receivers.posts] == [
        ("https://other.test", "Bearer t")
    ]


async def test_who_cannot_be_told_is_logged_and_the_others_are_told(bench: Bench, client: Client) -> None:
    await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}})
    await client.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "empty", "namespace": NAMESPACE}})
    await bench.provide(
        provider("no-secret", secretRef={"name": "gone"}),
        provider("no-key", secretRef={"name": "empty"}),
        provider("elsewhere", "other"),
        provider(),
    )
    names = ("missing", "no-secret", "no-key")
    alerts = [*(alert(provider=name) for name in names), alert(provider="elsewhere", namespace="other"), alert()]
    errors = await bench.send(*alerts, settings=Settings(no_cross_namespace_refs=True))
    assert len(errors) == 4
    assert "AlertProvider.flagger.app test/missing does not exist" in errors[0]
    assert "Secret test/gone cannot be read" in errors[1]
    assert "Secret test/empty has no key address" in errors[2]
    assert "other/elsewhere is in another namespace, which is not allowed" in errors[3]
    assert bench.called == [SLACK]
    assert await bench.send(alert(provider="elsewhere", namespace="other")) == []
    assert bench.called == [SLACK] * 2


async def test_a_settings_without_a_channel_is_said_and_not_tried_again(bench: Bench) -> None:
    (error,) = await bench.send(settings=Settings(slack_url=SLACK))
    assert "channel" in error
    assert bench.receivers.slept == []


@pytest.mark.parametrize("reaction", [AWAY, Reply(500, b"verysecret"), Reply(429, b"")])
async def test_each_is_tried_three_times_and_nobody_waits_for_another(bench: Bench, reaction: Reaction) -> None:
    def react(post: Post) -> Reaction:
        return YES if post.url == "https://well.test" else reaction

    bench.receivers = Receivers(react=react)
    await bench.provide(provider("ill"), provider("well", address="https://well.test"))
    errors = await bench.send(alert(provider="ill"), alert(provider="well"))
    assert bench.called == [SLACK, "https://well.test", SLACK, SLACK]
    assert bench.receivers.slept == [1.0, 4.0]
    assert len({post.headers["Idempotency-Key"] for post in bench.receivers.posts}) == 1
    assert len(errors) == 3
    assert "secret" not in " ".join(errors)


@pytest.mark.parametrize("status", [400, 404, 302])
async def test_a_no_is_not_tried_again(bench: Bench, status: int) -> None:
    bench.receivers = Receivers(Reply(status, b"no_service"))
    assert await bench.send(settings=Settings(slack_url=SLACK, slack_channel="ops")) == [f"it answered {status}"]
    assert bench.called == [SLACK]


async def test_providers_that_cannot_be_listed_hold_nobody_up_for_ever(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    monkeypatch.setattr("davy.controller.alerts.LISTING", 0.05)
    crd = {"api_version": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    await client.delete(ALERT_PROVIDER._replace(**crd), None, "alertproviders.flagger.app")
    assert await bench.send(alert()) == ["the AlertProviders cannot be listed"]
