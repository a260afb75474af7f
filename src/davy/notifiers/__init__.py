"""Receivers of alerts, one service per file: an alert becomes the request that the service understands."""

from collections.abc import Mapping

from davy.notifiers.base import Notifier

NOTIFIERS: Mapping[str, Notifier] = {}
"""AlertProvider type → the service. None is supported yet."""
