"""Microsoft Teams, by incoming webhook: a message card."""

from dataclasses import dataclass

import msgspec

from davy.notifiers import attachment
from davy.notifiers.base import Address, Notice, Request

BLUE, RED = "0076D7", "FF0000"


@dataclass(frozen=True, slots=True)
class MicrosoftTeams:
    """AlertProvider type `msteams`."""

    def request(self, notice: Notice, address: Address) -> Request:
        """Channel and name are the webhook's own."""
        card = {
            "@type": "MessageCard",
            "@context": "http://schema.org/extensions",
            "themeColor": RED if notice.severity == "error" else BLUE,
            "summary": notice.canary,
            "sections": [
                {
                    "activityTitle": notice.message,
                    "activitySubtitle": notice.canary,
                    "facts": [{"name": title, "value": value} for title, value in notice.fields],
                }
            ],
        }
        return Request(attachment.checked("Microsoft Teams", address.url), msgspec.json.encode(card))
