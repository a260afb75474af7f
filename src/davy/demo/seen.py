"""What the demo reads of the cluster's objects: the few fields that the story needs."""

from __future__ import annotations

from davy.api.words import Metadata, Words
from davy.demo.view import Side


class EnvVar(Words, frozen=True):
    """An environment variable of a container."""

    name: str
    value: str = ""


class Container(Words, frozen=True):
    """A container of a pod template."""

    env: tuple[EnvVar, ...] = ()


class PodSpec(Words, frozen=True):
    """The spec of a pod template."""

    containers: tuple[Container, ...] = ()


class Template(Words, frozen=True):
    """A pod template."""

    spec: PodSpec = PodSpec()


class DeploymentSpec(Words, frozen=True):
    """What a Deployment wants."""

    replicas: int = 1
    template: Template = Template()


class DeploymentStatus(Words, frozen=True):
    """What a Deployment has."""

    ready_replicas: int = 0


class Deployment(Words, frozen=True):
    """A Deployment as one side of a release."""

    metadata: Metadata
    spec: DeploymentSpec = DeploymentSpec()
    status: DeploymentStatus = DeploymentStatus()

    @property
    def version(self) -> str:
        """The release that its pods are made of."""
        pairs = (pair for container in self.spec.template.spec.containers for pair in container.env)
        return next((pair.value for pair in pairs if pair.name == "APP_VERSION"), "")

    @property
    def side(self) -> Side:
        """The Deployment for the screen."""
        return Side(self.version, self.status.ready_replicas, self.spec.replicas)


class Involved(Words, frozen=True):
    """The object that an Event is about."""

    kind: str = ""
    name: str = ""


class KubeEvent(Words, frozen=True):
    """An Event of the cluster."""

    metadata: Metadata
    involved_object: Involved = Involved()
    type: str = "Normal"
    message: str = ""
    count: int = 1


class EndpointConditions(Words, frozen=True):
    """Whether an endpoint may get requests; true if left out, as Kubernetes has it."""

    ready: bool = True


class Endpoint(Words, frozen=True):
    """An address of a Service."""

    conditions: EndpointConditions = EndpointConditions()


class EndpointSlice(Words, frozen=True):
    """Some of the addresses of a Service."""

    metadata: Metadata
    endpoints: tuple[Endpoint, ...] | None = ()

    @property
    def ready(self) -> int:
        """How many endpoints may get requests."""
        return sum(endpoint.conditions.ready for endpoint in self.endpoints or ())


class ServiceSpec(Words, frozen=True, rename={"cluster_ip": "clusterIP"}):
    """Where a Service is reached."""

    cluster_ip: str = ""


class ServiceSeen(Words, frozen=True):
    """A Service."""

    metadata: Metadata
    spec: ServiceSpec = ServiceSpec()


class PodCondition(Words, frozen=True):
    """One statement about a pod."""

    type: str
    status: str


class PodStatus(Words, frozen=True):
    """How a pod fares."""

    conditions: tuple[PodCondition, ...] = ()


class Pod(Words, frozen=True):
    """A pod."""

    metadata: Metadata
    status: PodStatus = PodStatus()

    @property
    def ready(self) -> bool:
        """Whether it serves."""
        return any((condition.type, condition.status) == ("Ready", "True") for condition in self.status.conditions)
