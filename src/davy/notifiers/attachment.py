"""Slack's form of a message, which other services understand too: one coloured attachment in a channel."""

from typing import Any
from urllib.parse import urlsplit

import msgspec

from davy.notifiers.base import Address, Misconfigured, Notice

MANDATORY = ("username", "channel")


def message(service: str, notice: Notice, address: Address, color: str) -> bytes:
    """Raises `Misconfigured` if nobody is told whose message it is, or where it is to stand."""
    for field in MANDATORY:
        if not getattr(address, field):
            raise Misconfigured(f"{service} needs a {field}, and none is set")
    payload: dict[str, Any] = {
        "channel": address.channel,
        "username": address.username,
        "icon_url": "",
        "icon_emoji": ":rocket:",
        "attachments": [
            {
                "color": color,
                "author_name": notice.canary,
                "text": notice.message,
                "mrkdwn_in": ["text"],
                "fields": [{"title": title, "value": value, "short": False} for title, value in notice.fields],
            }
        ],
    }
    return msgspec.json.encode(payload)


def checked(service: str, url: str) -> str:
    """The address, if it is one. It is not repeated in the text: whoever knows it may write into the channel."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise Misconfigured(f"{service} needs the URL of a webhook (http:// or https://), and its address is none")
    return url
