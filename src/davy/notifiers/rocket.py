"""Rocket.Chat, by incoming webhook, in Slack's form."""

from dataclasses import dataclass

from davy.notifiers import attachment
from davy.notifiers.base import Address, Notice, Request

BLUE, RED = "#0076D7", "#FF0000"


@dataclass(frozen=True, slots=True)
class Rocket:
    """AlertProvider type `rocket`."""

    def request(self, notice: Notice, address: Address) -> Request:
        """Colours are numbers here, not Slack's words."""
        url = attachment.checked("Rocket.Chat", address.url)
        return Request(
            url, attachment.message("Rocket.Chat", notice, address, RED if notice.severity == "error" else BLUE)
        )
