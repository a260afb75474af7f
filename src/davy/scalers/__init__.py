"""Autoscalers of targets, one kind per file: what the primary's copy looks like, and how the target's is held still."""

from collections.abc import Mapping

from davy.scalers.base import Scaler

SCALERS: Mapping[tuple[str, str], Scaler] = {}
"""(API group, kind) → the autoscaler of that kind. None is supported yet."""
