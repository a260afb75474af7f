"""The Gateway API's kinds as this gateway serves them: schemas for the fields it is driven by, other fields kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from davy.cluster.gateway.objects import GROUP
from davy.cluster.gateway.status import CONTROLLER

Json = dict[str, Any]
CLASS_NAME = "davy"
_ROOT = {"type": "PathPrefix", "value": "/"}


def gateway_api_crds() -> tuple[Json, ...]:
    """CustomResourceDefinitions of GatewayClass, Gateway and HTTPRoute, versions v1 and v1beta1."""
    return (
        _crd("GatewayClass", "gatewayclasses", "gc", _CLASS_SPEC, _CONDITIONS_ONLY, _CLASS_COLUMNS, scope="Cluster"),
        _crd("Gateway", "gateways", "gtw", _GATEWAY_SPEC, _GATEWAY_STATUS, _GATEWAY_COLUMNS),
        _crd("HTTPRoute", "httproutes", None, _ROUTE_SPEC, _ROUTE_STATUS, _ROUTE_COLUMNS),
    )


def gateway_class() -> Json:
    """The class whose Gateways this gateway serves."""
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "GatewayClass",
        "metadata": {"name": CLASS_NAME},
        "spec": {"controllerName": CONTROLLER},
    }


def _crd(
    kind: str,
    plural: str,
    short: str | None,
    spec: Json,
    status: Json,
    columns: Iterable[tuple[str, str, str]],
    *,
    scope: str = "Namespaced",
) -> Json:
    names: Json = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
    names["categories"] = ["gateway-api"]
    if short:
        names["shortNames"] = [short]
    version = {
        "served": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [{"name": name, "type": type_, "jsonPath": path} for name, type_, path in columns],
        "schema": {"openAPIV3Schema": _top(spec, status)},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        # The API server asks for this note in groups of Kubernetes' own.
        "metadata": {
            "name": f"{plural}.{GROUP}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, a subset for davy's embedded cluster"},
        },
        "spec": {
            "group": GROUP,
            "scope": scope,
            "names": names,
            "versions": [
                {"name": "v1", "storage": True, **version},
                {"name": "v1beta1", "storage": False, **version},
            ],
        },
    }


def _top(spec: Json, status: Json) -> Json:
    properties = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": spec,
        "status": status,
    }
    return {"type": "object", "required": ["spec"], "properties": properties}


# --- words for schemas


def _object(required: str = "", default: Any = None, **properties: Json) -> Json:
    """An object that keeps fields which are not listed. `required`: names, separated by spaces."""
    schema: Json = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": properties}
    if required:
        schema["required"] = required.split()
    return schema if default is None else {**schema, "default": default}


def _list(items: Json, *, key: str | None = None, **more: Any) -> Json:
    kind: Json = {"x-kubernetes-list-type": "atomic"}
    if key:
        kind = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}
    return {"type": "array", "items": items, **kind, **more}


def _text(default: str | None = None, **more: Any) -> Json:
    schema: Json = {"type": "string", **more}
    return schema if default is None else {**schema, "default": default}


def _one_of(*words: str, default: str | None = None) -> Json:
    return _text(default, enum=list(words))


def _whole(low: int, high: int, default: int | None = None) -> Json:
    schema: Json = {"type": "integer", "format": "int32", "minimum": low, "maximum": high}
    return schema if default is None else {**schema, "default": default}


def _rules(broken: dict[str, str]) -> Json:
    """`x-kubernetes-validations`: what is said when a rule is broken → the rule in CEL."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for message, rule in broken.items()]}


_PORT = _whole(1, 65535)
_NAME = _text(minLength=1, maxLength=253)
_HOSTNAME = _text(
    minLength=1,
    maxLength=253,
    pattern=r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
)
_DURATION = _text(pattern=r"^([0-9]{1,5}(h|m|s|ms)){1,4}$")

# --- statuses

_CONDITION = _object(
    "type status lastTransitionTime reason message",
    type=_text(),
    status=_one_of("True", "False", "Unknown"),
    observedGeneration={"type": "integer", "format": "int64", "minimum": 0},
    lastTransitionTime=_text(format="date-time"),
    reason=_text(minLength=1),
    message=_text(maxLength=32768),
)
_CONDITIONS = _list(_CONDITION, key="type")
_CONDITIONS_ONLY = _object(conditions=_CONDITIONS)

# --- GatewayClass and Gateway

_CLASS_SPEC = _object("controllerName", controllerName=_text(minLength=1, maxLength=253))
_FROM: Json = {
    **_object(default={"from": "Same"}),
    "properties": {"from": _one_of("All", "Selector", "Same", "None", default="Same")},
}
_LISTENER = _object(
    "name port protocol",
    name=_NAME,
    port=_PORT,
    protocol=_text(minLength=1),
    hostname=_HOSTNAME,
    allowedRoutes=_object(
        default={"namespaces": {"from": "Same"}},
        namespaces=_FROM,
    ),
)
_GATEWAY_SPEC = _object(
    "gatewayClassName listeners",
    gatewayClassName=_NAME,
    listeners=_list(_LISTENER, key="name", minItems=1, maxItems=64),
)
_GATEWAY_STATUS = _object(
    addresses=_list(_object("value", type=_text("IPAddress"), value=_text())),
    conditions=_CONDITIONS,
    listeners=_list(
        _object("name", name=_NAME, attachedRoutes={"type": "integer", "format": "int32"}, conditions=_CONDITIONS),
        key="name",
    ),
)

# --- HTTPRoute

_PARENT_REF = {
    "group": _text(GROUP),
    "kind": _text("Gateway"),
    "namespace": _NAME,
    "name": _NAME,
    "sectionName": _NAME,
    "port": _PORT,
}
_SERVICE_REF = {"group": _text(""), "kind": _text("Service"), "namespace": _NAME, "name": _NAME, "port": _PORT}
_VALUE_MATCH = _object(
    "name value",
    name=_text(minLength=1),
    value=_text(minLength=1),
    type=_one_of("Exact", "RegularExpression", default="Exact"),
)
_MATCH = _object(
    path=_object(
        default=_ROOT,
        type=_one_of("Exact", "PathPrefix", "RegularExpression", default="PathPrefix"),
        value=_text("/", maxLength=1024),
    ),
    headers=_list(_VALUE_MATCH, key="name", maxItems=16),
    queryParams=_list(_VALUE_MATCH, key="name", maxItems=16),
    method=_one_of("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"),
)
_NAME_VALUE = _object("name value", name=_text(minLength=1, maxLength=256), value=_text(minLength=1, maxLength=4096))
_HEADER_MODIFIER = _object(
    set=_list(_NAME_VALUE, key="name", maxItems=16),
    add=_list(_NAME_VALUE, key="name", maxItems=16),
    remove={**_list(_text(), maxItems=16), "x-kubernetes-list-type": "set"},
)
_PATH_MODIFIER = _object(
    "type",
    type=_one_of("ReplaceFullPath", "ReplacePrefixMatch"),
    replaceFullPath=_text(maxLength=1024),
    replacePrefixMatch=_text(maxLength=1024),
)
_ONCE = ("RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite", "CORS")
_FILTERS = _list(
    _object(
        "type",
        type=_one_of(
            "RequestHeaderModifier",
            "ResponseHeaderModifier",
            "RequestMirror",
            "RequestRedirect",
            "URLRewrite",
            "CORS",
            "ExtensionRef",
        ),
        requestHeaderModifier=_HEADER_MODIFIER,
        responseHeaderModifier=_HEADER_MODIFIER,
        requestMirror={
            **_object(
                "backendRef",
                backendRef=_object("name", **_SERVICE_REF),
                percent=_whole(0, 100),
                fraction=_object("numerator", numerator=_whole(0, 2**31 - 1), denominator=_whole(1, 2**31 - 1, 100)),
            ),
            **_rules(
                {
                    "Only one of percent or fraction may be specified in HTTPRequestMirrorFilter": (
                        "!has(self.percent) || !has(self.fraction)"
                    )
                }
            ),
        },
        requestRedirect=_object(
            scheme=_one_of("http", "https"),
            hostname=_HOSTNAME,
            path=_PATH_MODIFIER,
            port=_PORT,
            statusCode={"type": "integer", "enum": [301, 302, 303, 307, 308], "default": 302},
        ),
        urlRewrite=_object(hostname=_HOSTNAME, path=_PATH_MODIFIER),
        cors=_object(
            allowOrigins=_list(_text()),
            allowMethods=_list(_text()),
            allowHeaders=_list(_text()),
            exposeHeaders=_list(_text()),
            allowCredentials={"type": "boolean"},
            maxAge=_whole(1, 2**31 - 1, 5),
        ),
    ),
    maxItems=16,
    **_rules(
        {f"{name} filter cannot be repeated": f"self.filter(f, f.type == '{name}').size() <= 1" for name in _ONCE}
    ),
)
_REPLACES = "has(f.{0}) && has(f.{0}.path) && f.{0}.path.type == 'ReplacePrefixMatch'"
_ONE_PREFIX = "size(self.matches) == 1 && self.matches[0].path.type == 'PathPrefix'"
_RULE = _object(
    matches=_list(_MATCH, maxItems=64, default=[{"path": _ROOT}]),
    filters=_FILTERS,
    backendRefs=_list(
        _object("name", **_SERVICE_REF, weight=_whole(0, 1_000_000, 1), filters=_FILTERS),
        maxItems=16,
    ),
    timeouts=_object(request=_DURATION, backendRequest=_DURATION),
) | _rules(
    {
        f"When using {name} filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified": (
            f"!has(self.filters) || !self.filters.exists(f, {_REPLACES.format(field)}) || ({_ONE_PREFIX})"
        )
        for name, field in (("URLRewrite", "urlRewrite"), ("RequestRedirect", "requestRedirect"))
    }
)
_ROUTE_SPEC = _object(
    parentRefs=_list(_object("name", **_PARENT_REF), maxItems=32),
    hostnames=_list(_HOSTNAME, maxItems=16),
    rules=_list(_RULE, maxItems=16, default=[{"matches": [{"path": _ROOT}]}]),
)
_ROUTE_STATUS = _object(
    "parents",
    parents=_list(
        _object(
            "parentRef controllerName",
            parentRef=_object("name", **_PARENT_REF),
            controllerName=_text(minLength=1, maxLength=253),
            conditions=_CONDITIONS,
        ),
        maxItems=32,
    ),
)

# --- columns of `kubectl get`

_AGE = ("Age", "date", ".metadata.creationTimestamp")
_CLASS_COLUMNS = (
    ("Controller", "string", ".spec.controllerName"),
    ("Accepted", "string", '.status.conditions[?(@.type=="Accepted")].status'),
    _AGE,
)
_GATEWAY_COLUMNS = (
    ("Class", "string", ".spec.gatewayClassName"),
    ("Address", "string", ".status.addresses[*].value"),
    ("Programmed", "string", '.status.conditions[?(@.type=="Programmed")].status'),
    _AGE,
)
_ROUTE_COLUMNS = (("Hostnames", "string", ".spec.hostnames"), _AGE)
