"""Receivers of alerts, one service per file: an alert becomes the request that the service understands."""

from collections.abc import Mapping

NOTIFIERS: Mapping[str, object] = {}
"""AlertProvider type → the service. None is supported yet."""
