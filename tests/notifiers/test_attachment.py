"""Slack's form: nobody speaks without a name or into no channel."""

import pytest
from msgspec.structs import replace

from davy.notifiers import NOTIFIERS
from davy.notifiers.base import Address, Misconfigured, Notice

ADDRESS = Address(url="https://hooks.example.com/x", channel="ops", username="bot")
NOTICE = Notice("app.shop", "info", "hello")


@pytest.mark.parametrize("name", ["discord", "rocket", "slack"])
@pytest.mark.parametrize("field", ["channel", "username"])
def test_a_channel_and_a_name_are_needed(name: str, field: str) -> None:
    with pytest.raises(Misconfigured, match=f"needs a {field}"):
        NOTIFIERS[name].request(NOTICE, replace(ADDRESS, **{field: ""}))


@pytest.mark.parametrize("name", ["gchat", "msteams"])
def test_a_webhook_that_knows_its_room_needs_neither(name: str) -> None:
    assert NOTIFIERS[name].request(NOTICE, Address(url=ADDRESS.url)) == NOTIFIERS[name].request(NOTICE, ADDRESS)
