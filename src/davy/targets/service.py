"""Core Service: released by what it selects; nothing is scaled, and its copies are backends inside the cluster."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

from davy.api.canary import Canary
from davy.api.ref import Manifest, Ref, ref_of
from davy.core import names
from davy.core.edit import Edit
from davy.core.snapshot import Readiness, Ready
from davy.targets import metadata
from davy.targets.base import NO_SELECTOR, Making, Objects, Selector, Spell

EXTERNAL_NAME, CLUSTER_IP = "ExternalName", "ClusterIP"

OF_THE_SERVER = frozenset({"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort"})
"""Fields of the spec that the API server chooses for each Service; it refuses them twice, or refuses to change them."""

OF_THE_OUTSIDE = frozenset(
    {
        "externalIPs",
        "externalTrafficPolicy",
        "allocateLoadBalancerNodePorts",
        "loadBalancerClass",
        "loadBalancerIP",
        "loadBalancerSourceRanges",
    }
)
"""Fields by which a Service is reached from outside. There is one way in, and it stays the target's."""

DISTRIBUTION = "trafficDistribution"


@dataclass(frozen=True, slots=True)
class Service:
    """The kind `Service` of the core group."""

    @property
    def scalable(self) -> bool:
        """There are no pods that Davy could count."""
        return False

    def reads(self, canary: Canary, objects: Objects) -> Sequence[Ref]:
        """The copy in front of what the target selects now; named like the target, whatever the apex is called."""
        return (canary_copy(canary),)

    def target(self, canary: Canary, objects: Objects) -> Manifest | None:
        """The object, fenced."""
        return fenced(objects.get(canary.target))

    def primary(self, canary: Canary, objects: Objects) -> Manifest | None:
        """The object, fenced."""
        return fenced(objects.get(names.primary(canary)))

    def template(self, side: Manifest) -> object:
        """What its copies take over: what a server or a cloud fills in makes no revision."""
        return backend(side["spec"])

    def pod(self, side: Manifest) -> Manifest:
        """None."""
        return {}

    def selector(self, target: Manifest, keys: Sequence[str]) -> Selector:
        """Its pods are not Davy's to tell apart."""
        return NO_SELECTOR

    def replicas(self, side: Manifest) -> int:
        """1 for "some"."""
        return 1

    def serving(self, side: Manifest) -> int:
        """1 for "some": whoever made the pods answers for them."""
        return 1

    def lingering(self, side: Manifest) -> int:
        """None: it is never taken to zero."""
        return 0

    def readiness(self, side: Manifest, threshold: int, spell: Spell) -> Readiness:
        """Always, as in Flagger: the metrics alone judge it."""
        return Ready()

    def created(self, target: Manifest, making: Making) -> Manifest:
        """`<target>-primary`, with all labels and annotations that are true of it too."""
        made = copied(names.primary(making.canary), target, None, making.canary)
        if making.run:
            made["metadata"].setdefault("annotations", {}).update(metadata.note(making.run))
        return made

    def carrying(self, target: Manifest, primary: Manifest, making: Making) -> Edit:
        """The spec as the target's; address and node ports stay the primary's own, and so does its owner."""
        wanted, present = backed(target, making.canary), backend(primary["spec"])
        present_labels = primary["metadata"].get("labels")
        return Edit(
            ref_of(primary),
            {
                "/metadata/labels": metadata.merged(present_labels, target["metadata"].get("labels"), making.prefixes)
                or None,
                "/metadata/annotations": metadata.promoted(primary, target, making) or None,
                **{f"/spec/{field}": wanted.get(field) for field in sorted(wanted.keys() | present.keys())},
            },
        )

    def carried_replicas(self, canary: Canary, target: Manifest) -> int | None:
        """There are none."""
        return None

    def sized(self, side: Manifest, replicas: int) -> Edit | None:
        """Never asked."""
        return None

    def empties(self, target: Manifest, primary: Manifest) -> bool:
        """Never: nothing of it is taken away."""
        return False

    def run(self, primary: Manifest) -> str:
        """The revision noted by `created` or `carrying`; empty for a primary of Flagger's."""
        return metadata.noted(primary)

    def alike(self, target: Manifest, primary: Manifest, selector: Selector) -> bool:
        """The spec without what is each Service's own; a distribution that only the Canary asks for does not count."""
        ours, theirs = backend(target["spec"]), backend(primary["spec"])
        if DISTRIBUTION not in ours:
            theirs.pop(DISTRIBUTION, None)
        return ours == theirs

    def services(self, target: Manifest, making: Making, existing: Objects) -> Sequence[Manifest]:
        """`<target>-canary`. The Service in front of the primary is the primary."""
        ref = canary_copy(making.canary)
        return (copied(ref, target, existing.get(ref), making.canary),)

    def apex(self, side: str, target: Manifest, making: Making, existing: Objects) -> Manifest | None:
        """None of ours: clients call the target, or a route that leads to its copies."""
        return None

    def apex_selects(self, canary: Canary, selector: Selector, existing: Objects) -> str:
        """There is nothing to move."""
        return "any"


def fenced(service: Manifest | None) -> Manifest | None:
    """With a generation. A Service has none of its own; while its version stands still nobody has edited it either."""
    if service is None:
        return None
    metadata = service["metadata"]
    return {**service, "metadata": {**metadata, "generation": metadata.get("resourceVersion", "")}}


def canary_copy(canary: Canary) -> Ref:
    """The address of the copy that follows the target at once."""
    return canary.target._replace(name=f"{canary.spec.target_ref.name}-canary")


def copied(ref: Ref, target: Manifest, live: Manifest | None, canary: Canary) -> Manifest:
    """A copy of the target, whole; the metadata of somebody else's Service of that name stays its owner's."""
    return {
        "apiVersion": ref.api_version,
        "kind": ref.kind,
        "metadata": {
            "name": ref.name,
            "namespace": ref.namespace,
            **({} if names.adopted(canary, live) else own_metadata(target, canary)),
        },
        "spec": {**address(target, live), **backed(target, canary)},
    }


def own_metadata(target: Manifest, canary: Canary) -> Manifest:
    """As in Flagger: all of the target's. (An empty map would never be found applied: the server drops it.)"""
    words = {"labels": names.without_flux(target["metadata"].get("labels")), "annotations": metadata.copyable(target)}
    return {**{field: word for field, word in words.items() if word}, "ownerReferences": [names.owner(canary)]}


def address(target: Manifest, live: Manifest | None) -> Manifest:
    """A Service is born headless or not; the API server refuses to change it later, so the live one decides."""
    if target["spec"].get("type") == EXTERNAL_NAME:
        return {}
    born = live if live is not None and live["spec"].get("clusterIP") else target
    return {"clusterIP": "None"} if born["spec"].get("clusterIP") == "None" else {}


def backed(target: Manifest, canary: Canary) -> Manifest:
    """The spec of a copy. Which endpoints are preferred is the Canary's to say where the target says nothing."""
    distribution = canary.spec.service.traffic_distribution
    return {**({DISTRIBUTION: distribution} if distribution else {}), **backend(target["spec"])}


def backend(spec: Manifest) -> Manifest:
    """All of a Service's spec that a copy has too: without its address, and without the ways in from outside."""
    kept = {key: value for key, value in spec.items() if key not in OF_THE_SERVER | OF_THE_OUTSIDE | {"type", "ports"}}
    external = spec.get("type") == EXTERNAL_NAME
    return {
        **copy.deepcopy(kept),
        "type": EXTERNAL_NAME if external else CLUSTER_IP,
        **({"ports": [inner(port) for port in spec["ports"]]} if spec.get("ports") else {}),
    }


def inner(port: Manifest) -> Manifest:
    """A port without its number on the nodes."""
    return {key: value for key, value in port.items() if key != "nodePort"}
