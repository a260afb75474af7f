"""What the types cannot say, and Flagger's definition does: patterns, enums, bounds, defaults, fields that go together.

Nothing here may be narrower than Flagger's definition: on an old cluster an object that breaks a rule could no longer
have its status written.
"""

from davy.api.ref import Manifest

PROVIDERS = (
    "apisix",
    "appmesh",
    "appmesh:v1beta2",
    "contour",
    "gatewayapi:v1",
    "gatewayapi:v1beta1",
    "gloo",
    "istio",
    "knative",
    "kubernetes",
    "kuma",
    "linkerd",
    "nginx",
    "osm",
    "skipper",
    "smi:v1alpha1",
    "smi:v1alpha2",
    "smi:v1alpha3",
    "traefik",
)
METRIC_PROVIDERS = (
    "prometheus",
    "influxdb",
    "datadog",
    "externalmetrics",
    "stackdriver",
    "cloudwatch",
    "newrelic",
    "graphite",
    "dynatrace",
    "keptn",
    "splunk",
)
ALERT_PROVIDERS = ("slack", "msteams", "discord", "rocket", "gchat")
SEVERITIES = ("", "info", "warn", "error")
HOOKS = (
    "",
    "confirm-rollout",
    "pre-rollout",
    "rollout",
    "confirm-promotion",
    "post-rollout",
    "event",
    "rollback",
    "confirm-traffic-increase",
)

DURATION = {"pattern": "^[0-9]+(m|s)"}
SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
GROUP = {"maxLength": 253, "pattern": rf"^$|^{SUBDOMAIN}$"}
KIND = {"maxLength": 63, "minLength": 1, "pattern": "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$"}
NAME = {"maxLength": 253, "minLength": 1}
NAMESPACE = {"maxLength": 63, "minLength": 1, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}


def one_of(*values: str) -> Manifest:
    """The values that a field may have."""
    return {"enum": list(values)}


def together(*fields: str) -> Manifest:
    """Fields that must all be there."""
    return {"required": list(fields)}


FIELDS: dict[tuple[str, str], Manifest] = {
    ("CanarySpec", "provider"): one_of(*PROVIDERS),
    ("TargetRef", "kind"): one_of("DaemonSet", "Deployment", "Service"),
    ("AutoscalerRef", "kind"): one_of("HorizontalPodAutoscaler", "ScaledObject"),
    ("IngressRef", "kind"): one_of("Ingress"),
    ("RouteRef", "kind"): one_of("ApisixRoute"),
    ("UpstreamRef", "kind"): one_of("Upstream"),
    ("Service", "trafficDistribution"): one_of("PreferClose", "PreferSameZone", "PreferSameNode"),
    ("Service", "gatewayRefs"): {"maxItems": 32},
    ("Service", "drainSeconds"): {"minimum": 0},
    ("GatewayRef", "group"): {"default": "gateway.networking.k8s.io"} | GROUP,
    ("GatewayRef", "kind"): {"default": "Gateway"} | KIND,
    ("GatewayRef", "name"): NAME,
    ("GatewayRef", "namespace"): NAMESPACE,
    ("GatewayRef", "sectionName"): NAME | {"pattern": rf"^{SUBDOMAIN}$"},
    ("BackendRef", "group"): {"default": ""} | GROUP,
    ("BackendRef", "kind"): {"default": "Service"} | KIND,
    ("BackendRef", "name"): NAME,
    ("BackendRef", "namespace"): NAMESPACE,
    ("HTTPPool", "h2UpgradePolicy"): one_of("DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"),
    ("LoadBalancer", "simple"): one_of("ROUND_ROBIN", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "LEAST_REQUEST"),
    ("TLSSettings", "mode"): one_of("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"),
    ("Analysis", "interval"): DURATION,
    ("Metric", "interval"): DURATION,
    ("Alert", "severity"): one_of(*SEVERITIES),
    ("Webhook", "type"): one_of(*HOOKS),
    ("Webhook", "timeout"): DURATION,
    ("SessionAffinity", "maxAge"): {"default": 86400},
    ("SessionAffinity", "sameSite"): one_of("Strict", "Lax", "None"),
    ("Provider", "type"): one_of(*METRIC_PROVIDERS),
    ("AlertProviderSpec", "type"): one_of(*ALERT_PROVIDERS),
}
"""(type, field) → what is added to the field's schema."""

EVERYWHERE: dict[str, Manifest] = {
    "Analysis": {
        "oneOf": [
            together("interval", "threshold", "iterations"),
            together("interval", "threshold", "stepWeight"),
            together("interval", "threshold", "stepWeights"),
        ]
    },
    "AlertProviderSpec": {"oneOf": [together("type", "address"), together("type", "secretRef")]},
    "LoadBalancer": {
        "oneOf": [
            together("simple"),
            together("consistentHash")
            | {
                "properties": {
                    "consistentHash": {
                        "oneOf": [
                            together("httpHeaderName"),
                            together("httpCookie"),
                            together("useSourceIp"),
                            together("httpQueryParameterName"),
                        ]
                    }
                }
            },
        ]
    },
    "BackendRef": {
        "x-kubernetes-validations": [
            {
                "message": "a Service needs a port",
                "rule": "(size(self.group) == 0 && self.kind == 'Service') ? has(self.port) : true",
            }
        ]
    },
}
"""Type → what is added to the schema of all its objects."""

REQUIRED: dict[str, list[str]] = {
    "Canary": [],
    "MetricTemplate": [],
    "AlertProvider": [],
    "CanarySpec": ["targetRef", "analysis"],
    "Service": ["port"],
}
"""Where a definition asks for more, or for less, than is needed to read an object."""

FORMS = (("exact", "prefix", "regex"), False)
TEXT_FORMS: dict[tuple[str, str], tuple[tuple[str, ...], bool]] = {
    ("AnalysisMatch", "headers"): (("exact", "prefix", "suffix", "regex"), True),
    ("CorsPolicy", "allowOrigins"): (("exact", "prefix", "regex"), True),
}
"""Where a text is matched: the forms there are, and whether one must be given."""

WHOLE: Manifest = {"type": "integer"}
INT32: Manifest = {"type": "integer", "format": "int32"}
INT64: Manifest = {"type": "integer", "format": "int64"}
PORT: Manifest = INT32 | {"minimum": 1, "maximum": 65535}
AT_LEAST_ONE: Manifest = WHOLE | {"minimum": 1}

INTEGERS: dict[tuple[str, str], Manifest] = {
    ("ScalerReplicas", "minReplicas"): AT_LEAST_ONE,
    ("ScalerReplicas", "maxReplicas"): AT_LEAST_ONE,
    ("HTTPMatch", "port"): WHOLE,
    ("Retries", "attempts"): INT32,
    ("BackendRef", "port"): PORT,
    ("GatewayRef", "port"): PORT,
    ("HTTPPool", "http1MaxPendingRequests"): INT32,
    ("HTTPPool", "http2MaxRequests"): INT32,
    ("HTTPPool", "maxRequestsPerConnection"): INT32,
    ("HTTPPool", "maxRetries"): INT32,
    ("ConsistentHash", "minimumRingSize"): WHOLE,
    ("Distribute", "to"): WHOLE,
    ("OutlierDetection", "consecutive5xxErrors"): WHOLE,
    ("OutlierDetection", "consecutiveErrors"): INT32,
    ("OutlierDetection", "consecutiveGatewayErrors"): INT32,
    ("OutlierDetection", "consecutiveLocalOriginFailures"): INT32,
    ("OutlierDetection", "maxEjectionPercent"): INT32,
    ("OutlierDetection", "minHealthPercent"): INT32,
    ("CanaryStatus", "observedGeneration"): INT64,
    ("Condition", "observedGeneration"): INT64,
}
"""Whole numbers that Flagger's definition calls so; all others are `number` there."""
