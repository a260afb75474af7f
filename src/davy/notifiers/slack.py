"""Slack, by incoming webhook or with a bot's token."""

from dataclasses import dataclass

from davy.notifiers import attachment
from davy.notifiers.base import JSON, Address, Notice, Request

GOOD, DANGER = "good", "danger"


@dataclass(frozen=True, slots=True)
class Slack:
    """AlertProvider type `slack`."""

    def request(self, notice: Notice, address: Address) -> Request:
        """With a token it is a bot's message, told by the header."""
        body = attachment.message("Slack", notice, address, DANGER if notice.severity == "error" else GOOD)
        bearer = {"Authorization": f"Bearer {address.token}"} if address.token else {}
        return Request(attachment.checked("Slack", address.url), body, {**JSON, **bearer})
