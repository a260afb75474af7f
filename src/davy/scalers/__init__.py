"""Autoscalers of targets, one kind per file: what the primary's copy looks like, and how the target's is held still."""

from collections.abc import Mapping

SCALERS: Mapping[tuple[str, str], object] = {}
"""(API group, kind) → the autoscaler of that kind. None is supported yet."""
