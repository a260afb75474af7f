"""Kinds of workload that can be released, one kind per file: judged, copied and scaled."""

from collections.abc import Mapping

from davy.api.ref import Ref
from davy.targets.base import Target
from davy.targets.daemonset import DaemonSet
from davy.targets.deployment import Deployment
from davy.targets.knative import KnativeService
from davy.targets.service import Service

TARGETS: Mapping[tuple[str, str], Target] = {
    ("", "Service"): Service(),
    ("apps", "DaemonSet"): DaemonSet(),
    ("apps", "Deployment"): Deployment(),
    ("serving.knative.dev", "Service"): KnativeService(),
}
"""(API group, kind) → the target of that kind."""


class UnknownTarget(LookupError):  # noqa: N818 - a state of the manifest, not a mistake in the program
    """A kind that cannot be released; the text names those that can."""


def target_for(ref: Ref) -> Target:
    """The target of the kind that the address is of, in whatever version; raises `UnknownTarget`."""
    try:
        return TARGETS[ref.group, ref.kind]
    except KeyError:
        raise UnknownTarget(f"unknown target {named(ref.group, ref.kind)}; known: {known()}") from None


def known() -> str:
    """The kinds that can be released, as people write them."""
    return ", ".join(sorted(named(*key) for key in TARGETS))


def named(group: str, kind: str) -> str:
    """`Deployment.apps`; the core group has no name."""
    return f"{kind}.{group}" if group else kind
