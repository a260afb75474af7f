"""Autoscalers of targets, one kind per file: what the primary's copy looks like, and how the target's is held still."""

from collections.abc import Mapping

from davy.scalers.base import Scaler
from davy.scalers.hpa import HorizontalPodAutoscaler
from davy.scalers.keda import ScaledObject

SCALERS: Mapping[tuple[str, str], Scaler] = {
    ("autoscaling", "HorizontalPodAutoscaler"): HorizontalPodAutoscaler(),
    ("keda.sh", "ScaledObject"): ScaledObject(),
}
"""(API group, kind) → the autoscaler of that kind."""
