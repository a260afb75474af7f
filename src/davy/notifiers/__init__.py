"""Receivers of alerts, one service per file: an alert becomes the request that the service understands."""

from collections.abc import Mapping

from davy.notifiers.base import Notifier
from davy.notifiers.discord import Discord
from davy.notifiers.gchat import GoogleChat
from davy.notifiers.msteams import MicrosoftTeams
from davy.notifiers.rocket import Rocket
from davy.notifiers.slack import Slack

NOTIFIERS: Mapping[str, Notifier] = {
    "discord": Discord(),
    "gchat": GoogleChat(),
    "msteams": MicrosoftTeams(),
    "rocket": Rocket(),
    "slack": Slack(),
}
"""AlertProvider type → the service."""
