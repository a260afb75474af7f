"""Discord, which takes messages in Slack's form at an address of its own."""

from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from davy.notifiers import attachment
from davy.notifiers.base import Address, Notice, Request

GOOD, DANGER = "good", "danger"
SLACK_FORM = "/slack"


@dataclass(frozen=True, slots=True)
class Discord:
    """AlertProvider type `discord`."""

    def request(self, notice: Notice, address: Address) -> Request:
        """The address may be written with or without `/slack`."""
        url = attachment.checked("Discord", address.url)
        body = attachment.message("Discord", notice, address, DANGER if notice.severity == "error" else GOOD)
        return Request(in_slack_form(url), body)


def in_slack_form(url: str) -> str:
    """The address at which Slack's form is understood; a query (`?thread_id=…`) stays where it is."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    return url if path.endswith(SLACK_FORM) else urlunsplit(parts._replace(path=path + SLACK_FORM))
