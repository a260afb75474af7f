"""What a run is about: the target's template and its tracked configs, as seen, as taken up, and as promoted."""

from __future__ import annotations

from davy.api.status import CanaryStatus
from davy.core import names
from davy.core.snapshot import Snapshot, Workload


def seen(s: Snapshot, target: Workload) -> str:
    """The run that the target as it stands would be."""
    return names.run(target.revision, names.digest(s.configs))


def applied(status: CanaryStatus) -> str:
    """The run that was last taken up."""
    return names.run(status.last_applied_spec, configs(status))


def promoted(status: CanaryStatus) -> str:
    """The run that was last promoted: what the primary should carry."""
    return names.run(status.last_promoted_spec, status.promoted_configs)


def configs(status: CanaryStatus) -> str:
    """Digest of the tracked configs of the run that was last taken up."""
    return names.digest(status.tracked_configs)
