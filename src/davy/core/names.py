"""Every derived name, key and reference: what the objects around a canary are called, and whose they are.

The names of the Services and of the primary stand in `davy.api.canary` beside the fields that they are made from; here
they become addresses, and everything else that is written into objects to tell them apart has its one place.
"""

import hashlib
import uuid
from collections.abc import Mapping

import msgspec

from davy.api.canary import API_VERSION, Canary
from davy.api.ref import Manifest, Ref

MANAGER = "davy"
"""Field manager of everything that Davy applies."""

FINALIZER = "finalizer.flagger.app"
"""Flagger's own, so that either program can finish what the other began."""

SCALER_VERSIONS = {"HorizontalPodAutoscaler": "autoscaling/v2", "ScaledObject": "keda.sh/v1alpha1"}

REVISION = "davy.dev/revision"
"""Annotation of the primary: the analysed revision that was last copied into it."""

COMMAND = "davy.dev/command"
"""Annotation of the Canary: a command of a human to this release, see core/commands.py."""

FLAGGER_ID = "flagger-id"
"""Annotation of the primary's pod template; a new value makes new pods even where the template is the same."""

FLUX = "toolkit.fluxcd.io"
"""Labels and annotations with this in their key belong to Flux and are never copied."""

FLUX_OPT_OUT: Mapping[str, str] = {
    "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
    "helm.toolkit.fluxcd.io/driftDetection": "disabled",
}
"""Annotations that keep Flux away from objects whose content changes during a release."""

BOOKKEEPING = ("kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/")
"""Annotations in which other programs keep their own books about one object; in a copy they would be lies."""

GATEWAY_CONTROLLER = "davy.dev/gateway"
"""Our own gateway writes a route's status only after the proxy's acknowledgement."""

IDS = uuid.uuid5(uuid.NAMESPACE_DNS, "flagger-id.davy.dev")


def primary(canary: Canary) -> Ref:
    """The address of the primary workload."""
    return canary.target._replace(name=canary.primary_name)


def scaler(canary: Canary) -> Ref | None:
    """The address of the target's autoscaler, in the version that this program speaks."""
    source = canary.spec.autoscaler_ref
    if source is None:
        return None
    return Ref(SCALER_VERSIONS.get(source.kind, source.api_version), source.kind, canary.namespace, source.name)


def primary_scaler(canary: Canary) -> Ref | None:
    """The address of the primary's copy of it."""
    source = scaler(canary)
    return source._replace(name=f"{source.name}-primary") if source else None


def apex_service(canary: Canary) -> Ref:
    """The address of the Service that clients call."""
    return Ref("v1", "Service", canary.namespace, canary.apex)


def canary_service(canary: Canary) -> Ref:
    """The address of the Service in front of the target."""
    return Ref("v1", "Service", canary.namespace, canary.canary_service)


def primary_service(canary: Canary) -> Ref:
    """The address of the Service in front of the primary."""
    return Ref("v1", "Service", canary.namespace, canary.primary_service)


def run(revision: str, configs: str) -> str:
    """What a primary notes as its own: the revision of the template, and the digest of the tracked configs if any."""
    return f"{revision}+{configs}" if configs and revision else revision


def digest(configs: Mapping[str, str] | None) -> str:
    """One short word for the content of all tracked configs; empty if there are none."""
    if not configs:
        return ""
    return hashlib.sha256(msgspec.json.encode(sorted(configs.items()))).hexdigest()[:12]


def flagger_id(canary: Canary, run: str) -> str:
    """The mark of the primary's pods: the same for the same canary, revision (configs included) and start of the run.

    Nothing random: a promotion that is written again after a crash is the same write.
    """
    status = canary.status
    configs = sorted((status.tracked_configs or {}).items())
    origin = msgspec.json.encode([canary.metadata.uid, run, status.run_started_at or "", configs])
    return str(uuid.uuid5(IDS, origin.decode()))


def owner(canary: Canary) -> Manifest:
    """The owner reference that binds a generated object to the Canary."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Canary",
        "name": canary.name,
        "uid": canary.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def owned(canary: Canary, live: Manifest) -> bool:
    """Whether the object was made for this very Canary (a Canary of the same name made later is another one)."""
    references = live.get("metadata", {}).get("ownerReferences") or ()
    return any(ref.get("controller") and ref.get("uid") == canary.metadata.uid for ref in references)


def adopted(canary: Canary, live: Manifest | None) -> bool:
    """Whether the object is there and somebody else's: it is used, but must outlive the Canary."""
    return live is not None and not owned(canary, live)


def without_flux(keys: Mapping[str, str] | None) -> dict[str, str]:
    """Labels or annotations as they may be copied to another object."""
    return {key: value for key, value in (keys or {}).items() if FLUX not in key}


def without_books(annotations: Mapping[str, str] | None) -> dict[str, str]:
    """Annotations as they may be copied: without Flux's and without those that are true of the original only."""
    return {key: value for key, value in without_flux(annotations).items() if not key.startswith(BOOKKEEPING)}
