"""Canary: what is released, how requests come to it, and how a release is tried."""

from collections.abc import Mapping
from typing import Literal

from davy.api.analysis import Alert as Alert
from davy.api.analysis import Analysis as Analysis
from davy.api.analysis import Metric as Metric
from davy.api.analysis import SessionAffinity as SessionAffinity
from davy.api.analysis import ThresholdRange as ThresholdRange
from davy.api.analysis import Webhook as Webhook
from davy.api.match import AnalysisMatch as AnalysisMatch
from davy.api.match import HTTPMatch as HTTPMatch
from davy.api.match import StringMatch as StringMatch
from davy.api.ref import Ref
from davy.api.service import GatewayRef as GatewayRef
from davy.api.service import Service as Service
from davy.api.status import CanaryStatus
from davy.api.words import Metadata, Words
from davy.api.words import NamedRef as NamedRef

Strategy = Literal["canary", "blue-green", "ab-testing"]

API_VERSION = "flagger.app/v1beta1"
KNATIVE = "serving.knative.dev/v1"
SERVED = {"Deployment": "apps/v1", "DaemonSet": "apps/v1"}
"""The one version in which every cluster of today serves these kinds."""


class TargetRef(Words, frozen=True):
    """The workload that is released.

    - `api_version`: API version of the workload
    - `kind`: kind of the workload
    - `name`: name of the workload
    """

    api_version: str
    kind: str
    name: str

    @property
    def knative(self) -> bool:
        """Whether this is a Knative Service and not a core one."""
        return self.kind == "Service" and self.api_version == KNATIVE


class ScalerReplicas(Words, frozen=True):
    """Bounds of the primary's autoscaler where they differ from the target's.

    - `min_replicas`: least number of replicas
    - `max_replicas`: greatest number of replicas
    """

    min_replicas: int | None = None
    max_replicas: int | None = None


class AutoscalerRef(Words, frozen=True):
    """The target's autoscaler, of which the primary gets a copy.

    - `api_version`: API version of the autoscaler
    - `kind`: kind of the autoscaler
    - `name`: name of the autoscaler
    - `primary_scaler_queries`: KEDA: name of a trigger → its query in the primary's copy
    - `primary_scaler_replicas`: bounds of the primary's copy
    """

    api_version: str
    kind: str
    name: str
    primary_scaler_queries: Mapping[str, str] = {}
    primary_scaler_replicas: ScalerReplicas | None = None


class ObjectRef(Words, frozen=True):
    """An object of the user's that the routing starts from.

    - `api_version`: API version of the object
    - `kind`: kind of the object
    - `name`: name of the object
    """

    api_version: str
    kind: str
    name: str


class IngressRef(ObjectRef, frozen=True):
    """The Ingress that sends requests to the target."""


class RouteRef(ObjectRef, frozen=True):
    """The APISIX route that sends requests to the target."""


class UpstreamRef(ObjectRef, frozen=True):
    """A Gloo Upstream whose settings are copied.

    - `namespace`: namespace of the Upstream; the canary's if left out
    """

    namespace: str = ""


class CanarySpec(Words, frozen=True):
    """What is released and how.

    - `provider`: how traffic is split; the operator's default if left out
    - `metrics_server`: URL of the Prometheus that built-in and inline queries go to
    - `target_ref`: the workload that is released
    - `autoscaler_ref`: the target's autoscaler
    - `ingress_ref`: the Ingress of the target (NGINX, Skipper)
    - `route_ref`: the APISIX route of the target
    - `upstream_ref`: the Gloo Upstream whose settings are copied
    - `service`: the Services and how requests come to them
    - `analysis`: how a release is tried
    - `progress_deadline_seconds`: how long a workload may take to make progress
    - `skip_analysis`: promote without trying
    - `revert_on_deletion`: put everything back when the Canary is deleted
    - `suspend`: leave everything as it is
    """

    target_ref: TargetRef
    provider: str = ""
    metrics_server: str = ""
    autoscaler_ref: AutoscalerRef | None = None
    ingress_ref: IngressRef | None = None
    route_ref: RouteRef | None = None
    upstream_ref: UpstreamRef | None = None
    service: Service = Service()
    analysis: Analysis | None = None
    progress_deadline_seconds: int = 600
    skip_analysis: bool = False
    revert_on_deletion: bool = False
    suspend: bool = False


class Canary(Words, frozen=True):
    """A workload whose new versions are tried on few users before all get them.

    - `api_version`: version of this representation
    - `kind`: the kind of this object
    - `metadata`: standard object metadata
    - `spec`: what is released and how
    - `status`: where the release stands
    """

    spec: CanarySpec
    api_version: str = ""
    kind: str = ""
    metadata: Metadata = Metadata()
    status: CanaryStatus = CanaryStatus()

    @property
    def name(self) -> str:
        """The Canary's own name."""
        return self.metadata.name

    @property
    def namespace(self) -> str:
        """The namespace of the Canary and of all that it makes."""
        return self.metadata.namespace

    @property
    def ref(self) -> Ref:
        """The Canary's address."""
        return Ref(API_VERSION, "Canary", self.namespace, self.name)

    @property
    def target(self) -> Ref:
        """The address of the workload that is released; as in Flagger the kind decides, whatever version is named."""
        target = self.spec.target_ref
        return Ref(SERVED.get(target.kind, target.api_version), target.kind, self.namespace, target.name)

    @property
    def analysis(self) -> Analysis:
        """How a release is tried; without an analysis everything is at its default."""
        return self.spec.analysis or Analysis()

    @property
    def skips_analysis(self) -> bool:
        """Whether a release is promoted without trying: asked for, or there is no analysis at all."""
        return self.spec.skip_analysis or self.spec.analysis is None

    @property
    def apex(self) -> str:
        """Name of the Service that clients call."""
        return self.spec.service.name or self.spec.target_ref.name

    @property
    def canary_service(self) -> str:
        """Name of the Service in front of the target."""
        return f"{self.apex}-canary"

    @property
    def primary_service(self) -> str:
        """Name of the Service in front of the primary."""
        return f"{self.apex}-primary"

    @property
    def primary_name(self) -> str:
        """Name of the primary workload; made from the target's name, never from the apex's."""
        return f"{self.spec.target_ref.name}-primary"

    def strategy(self) -> Strategy:
        """How a release is tried, as Flagger tells it from the fields."""
        if self.analysis.iterations <= 0:
            return "canary"
        return "ab-testing" if self.analysis.match else "blue-green"
