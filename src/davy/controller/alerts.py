"""Sends alerts: to whom, in which words, and how often it is tried."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import structlog
from msgspec import Struct

from davy.api import codec
from davy.api.alert_provider import AlertProviderSpec
from davy.api.analysis import Alert
from davy.api.canary import API_VERSION, Canary
from davy.api.ref import Ref
from davy.controller.credentials import Unreadable, credentials
from davy.controller.hooks import KEY, Sleep, stable_id
from davy.controller.outside import Outside, Post, Unheard
from davy.controller.world import World
from davy.core.facts import facts
from davy.core.plan import AlertCheck
from davy.core.snapshot import Answer, Passed
from davy.kube.client import Client
from davy.kube.kinds import Kind
from davy.notifiers import NOTIFIERS
from davy.notifiers.base import Address, Misconfigured, Notice
from davy.settings import Settings

ALERT_PROVIDER = Kind(API_VERSION, "AlertProvider")
TIMEOUT = 5.0
"""Seconds for an attempt; Flagger's."""
PAUSES = (1.0, 4.0)
"""Seconds before the second and the third attempt."""
LISTING = 5.0
"""Seconds that the first list of all AlertProviders may take."""
WANTS = {"info": frozenset({"info", "warn", "error"}), "warn": frozenset({"warn", "error"}), "error": {"error"}}
"""Severity of an entry of `analysis.alerts` → what it gets; an empty one gets nothing, as in Flagger."""

log = structlog.get_logger("davy")


class Unsendable(Exception):  # noqa: N818 - a state of the world
    """This receiver cannot be told; the text says why, without an address."""


class Receiver(Struct, frozen=True):
    """Somebody who wants to hear of it."""

    name: str
    type: str
    address: Address


class Alerts:
    """Answers the mind's wish to tell people: once everybody has been tried. Failures are logged and nothing else."""

    def __init__(
        self, client: Client, world: World, outside: Outside, settings: Settings, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._client = client
        self._world = world
        self._outside = outside
        self._settings = settings
        self._sleep = sleep

    async def answer(self, canary: Canary, question: AlertCheck) -> Answer:
        told = notice(canary, question, self._settings.cluster_name)
        key = stable_id(canary, question.id)
        left = await self._sent(await self._receivers(canary, question.severity), told, key)
        for pause in PAUSES:
            if not left:
                break
            await self._sleep(pause)
            left = await self._sent(left, told, key)
        return Answer(Passed())

    async def _sent(self, receivers: list[Receiver], told: Notice, key: str) -> list[Receiver]:
        """One attempt with each, in order; those with whom another one may help."""
        left = []
        for receiver in receivers:
            try:
                await send(self._outside, receiver, told, key)
            except Unheard as error:
                log.error("alert not sent", canary=told.canary, receiver=receiver.name, error=str(error))  # noqa: TRY400
                left += [receiver] if error.again else []
        return left

    async def _receivers(self, canary: Canary, severity: str) -> list[Receiver]:
        if not canary.analysis.alerts:
            return list(own(self._settings))
        found = []
        for alert in canary.analysis.alerts:
            if severity in WANTS.get(alert.severity, ()):
                try:
                    found.append(await self._receiver(canary, alert))
                except Unsendable as error:
                    log.error("alert not sent", alert=alert.name, error=str(error))  # noqa: TRY400
        return [receiver for receiver in found if receiver.address.url]

    async def _receiver(self, canary: Canary, alert: Alert) -> Receiver:
        """Raises Unsendable."""
        ref = provider_ref(canary, alert)
        if ref.namespace != canary.namespace and self._settings.no_cross_namespace_refs:
            raise Unsendable(f"{ref} is in another namespace, which is not allowed")
        spec = await self._spec(ref)
        secret = await self._secret(ref, spec)
        address = Address(
            url=secret.get("address", "") if spec.secret_ref else spec.address,
            channel=spec.channel or "general",
            username=spec.username or "flagger",
            token=secret.get("token", ""),
            proxy=spec.proxy,
        )
        return Receiver(str(ref), spec.type, address)

    async def _spec(self, ref: Ref) -> AlertProviderSpec:
        try:
            async with asyncio.timeout(LISTING):
                await self._world.watch(ALERT_PROVIDER).synced.wait()
        except TimeoutError as error:
            raise Unsendable("the AlertProviders cannot be listed") from error
        found = self._world.find(ref)
        if found is None:
            raise Unsendable(f"{ref} does not exist")
        try:
            return codec.decode_alert_provider(found.raw).spec
        except codec.DecodeError as error:
            raise Unsendable(f"{ref} cannot be understood: {error}") from error

    async def _secret(self, ref: Ref, spec: AlertProviderSpec) -> dict[str, str]:
        if spec.secret_ref is None:
            return {}
        try:
            secret = await credentials(self._client, ref.namespace, spec.secret_ref.name)
        except Unreadable as error:
            raise Unsendable(f"{ref}: {error}") from error
        if "address" not in secret:
            raise Unsendable(f"{ref}: Secret {ref.namespace}/{spec.secret_ref.name} has no key address")
        return dict(secret)


async def send(outside: Outside, receiver: Receiver, told: Notice, key: str) -> None:
    """Raises Unheard."""
    notifier = NOTIFIERS.get(receiver.type)
    if notifier is None:
        raise Unheard(f"nobody knows the type {receiver.type!r}; known are {', '.join(NOTIFIERS)}", again=False)
    try:
        made = notifier.request(told, receiver.address)
    except Misconfigured as error:
        raise Unheard(str(error), again=False) from error
    headers = {**made.headers, KEY: key}
    post = Post(url=made.url, body=made.body, headers=headers, timeout=TIMEOUT, proxy=receiver.address.proxy)
    reply = await outside.post(post)
    if not 200 <= reply.status < 300:
        raise Unheard(f"it answered {reply.status}", again=reply.status == 429 or reply.status >= 500)


def notice(canary: Canary, question: AlertCheck, cluster: str) -> Notice:
    fields = (("Cluster", cluster),) if cluster else ()
    return Notice(
        canary=f"{canary.name}.{canary.namespace}",
        severity=question.severity,
        message=question.message,
        fields=(*fields, *(facts(canary) if question.fields else ())),
    )


def own(settings: Settings) -> Iterator[Receiver]:
    """The operator's own notifier, which gets everything: Microsoft Teams if its address is set, else Slack."""
    if settings.msteams_url:
        address = Address(url=settings.msteams_url, proxy=settings.msteams_proxy_url)
        yield Receiver("the operator's own notifier", "msteams", address)
    elif settings.slack_url:
        slack = Address(
            url=settings.slack_url,
            channel=settings.slack_channel,
            username=settings.slack_user,
            token=settings.slack_token,
            proxy=settings.slack_proxy_url,
        )
        yield Receiver("the operator's own notifier", "slack", slack)


def provider_ref(canary: Canary, alert: Alert) -> Ref:
    """The address of the AlertProvider that the alert refers to."""
    namespace = alert.provider_ref.namespace or canary.namespace
    return Ref(ALERT_PROVIDER.api_version, ALERT_PROVIDER.kind, namespace, alert.provider_ref.name)
