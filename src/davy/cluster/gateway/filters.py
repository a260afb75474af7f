"""Filters of a rule or a backend as the fields that Envoy has for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from davy.cluster.gateway.matches import prefix_of
from davy.cluster.gateway.objects import (
    Cors,
    Filter,
    HeaderModifier,
    Mirror,
    NameValue,
    PathMatch,
    PathModifier,
    Redirect,
    Rewrite,
    Rule,
    ServiceRef,
)

Fields = dict[str, Any]
ON_RULES = {
    "RequestHeaderModifier": "request_header_modifier",
    "ResponseHeaderModifier": "response_header_modifier",
    "RequestRedirect": "request_redirect",
    "URLRewrite": "url_rewrite",
    "RequestMirror": "request_mirror",
    "CORS": "cors",
}
ON_BACKENDS = {name: ON_RULES[name] for name in ("RequestHeaderModifier", "ResponseHeaderModifier")}
CORS_FILTER = "envoy.filters.http.cors"
_CORS_POLICY = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy"
_CODES = {
    301: "MOVED_PERMANENTLY",
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}
_USUAL_PORT = {"http": 80, "https": 443}


def unsupported(rule: Rule) -> Iterator[str]:
    """A sentence for every filter of the rule that this gateway does not have."""
    yield from _unknown(rule.filters, ON_RULES, "a rule")
    for ref in rule.backend_refs:
        yield from _unknown(ref.filters, ON_BACKENDS, f"backend {ref.name}")


def _unknown(filters: Iterable[Filter], known: dict[str, str], place: str) -> Iterator[str]:
    for item in filters:
        if item.type not in known:
            yield f"filter {item.type} on {place} is not supported (supported: {', '.join(known)})"
        elif getattr(item, known[item.type]) is None:
            yield f"filter {item.type} on {place} says nothing: its own field is missing"


# --- headers


def headers(filters: Iterable[Filter]) -> Fields:
    """What header modifiers add to a route or to one weighted cluster."""
    fields: Fields = {}
    for item in filters:
        if item.request_header_modifier is not None:
            _modify(fields, "request", item.request_header_modifier)
        if item.response_header_modifier is not None:
            _modify(fields, "response", item.response_header_modifier)
    return fields


def _modify(fields: Fields, side: str, modifier: HeaderModifier) -> None:
    added = [_header(h, "OVERWRITE_IF_EXISTS_OR_ADD") for h in modifier.set if h.name.lower() != "host"]
    added += [_header(h, "APPEND_IF_EXISTS_OR_ADD") for h in modifier.add if h.name.lower() != "host"]
    if added:
        fields.setdefault(f"{side}_headers_to_add", []).extend(added)
    if modifier.remove:
        fields.setdefault(f"{side}_headers_to_remove", []).extend(modifier.remove)


def _header(header: NameValue, action: str) -> Fields:
    # Envoy reads %…% in values as its own variables.
    value = header.value.replace("%", "%%")
    return {"header": {"key": header.name, "value": value}, "append_action": action, "keep_empty_value": True}


def host_of(filters: Iterable[Filter]) -> str | None:
    """The Host that a header modifier sets. Envoy refuses it as a header: it has a field of its own for it."""
    for item in filters:
        modifier = item.request_header_modifier
        for header in (*modifier.set, *modifier.add) if modifier else ():
            if header.name.lower() == "host":
                return header.value
    return None


# --- rewrites and redirects


def rewrites(filters: Iterable[Filter], path: PathMatch) -> Fields:
    """What host and path become on the way to the backend."""
    filters = tuple(filters)
    fields: Fields = {}
    if host := host_of(filters):
        fields["host_rewrite_literal"] = host
    for item in filters:
        if item.url_rewrite is not None:
            fields |= _rewrite(item.url_rewrite, path)
    return fields


def _rewrite(rewrite: Rewrite, path: PathMatch) -> Fields:
    fields: Fields = {"host_rewrite_literal": rewrite.hostname} if rewrite.hostname else {}
    if rewrite.path is not None:
        fields |= _new_path(rewrite.path, path, full=_whole_path)
    return fields


def _whole_path(new: str) -> Fields:
    return {"regex_rewrite": {"pattern": {"regex": "^.*$"}, "substitution": new.replace("\\", "\\\\")}}


def _new_path(modifier: PathModifier, path: PathMatch, *, full: Callable[[str], Fields]) -> Fields:
    if modifier.type == "ReplaceFullPath":
        return full(modifier.replace_full_path or "/")
    new, prefix = (modifier.replace_prefix_match or "").rstrip("/"), prefix_of(path)
    if new and prefix:
        return {"prefix_rewrite": new}
    if prefix:  # /foo/x → /x: the slash after the prefix goes with it, or the path would begin with two
        return {"regex_rewrite": {"pattern": {"regex": f"^{re.escape(prefix)}/*"}, "substitution": "/"}}
    return {"prefix_rewrite": f"{new}/"}


def redirect(wanted: Redirect, path: PathMatch, listener_port: int) -> Fields:
    """Envoy's RedirectAction."""
    fields: Fields = {"response_code": _CODES.get(wanted.status_code, "FOUND")}
    if wanted.scheme:
        fields["scheme_redirect"] = wanted.scheme
    if wanted.hostname:
        fields["host_redirect"] = wanted.hostname
    if wanted.path is not None:
        fields |= _new_path(wanted.path, path, full=lambda new: {"path_redirect": new})
    usual = _USUAL_PORT.get(wanted.scheme or "", listener_port)
    port = wanted.port or usual
    if port != _USUAL_PORT[wanted.scheme or "http"]:
        fields["port_redirect"] = port
    return fields


# --- mirrors and CORS


def mirrors(filters: Iterable[Filter], cluster_of: Callable[[ServiceRef], str | None]) -> Fields:
    """Where copies of the requests go; a mirror whose Service is missing gets none."""
    wanted = [item.request_mirror for item in filters if item.request_mirror is not None]
    policies = [_mirror(m, cluster) for m in wanted if (cluster := cluster_of(m.backend_ref)) is not None]
    return {"request_mirror_policies": policies} if policies else {}


def _mirror(mirror: Mirror, cluster: str) -> Fields:
    numerator, denominator = 1, 1
    if mirror.fraction is not None:
        numerator, denominator = mirror.fraction.numerator, mirror.fraction.denominator
    elif mirror.percent is not None:
        numerator, denominator = mirror.percent, 100
    part = {"numerator": round(1_000_000 * numerator / denominator), "denominator": "MILLION"}
    # Envoy would add "-shadow" to the Host, which the mirrored application does not know.
    return {"cluster": cluster, "runtime_fraction": {"default_value": part}, "disable_shadow_host_suffix_append": True}


def cors(filters: Iterable[Filter]) -> Fields:
    """The route's own configuration of Envoy's CORS filter."""
    for item in filters:
        if item.cors is not None:
            return {"typed_per_filter_config": {CORS_FILTER: _cors(item.cors)}}
    return {}


def _cors(policy: Cors) -> Fields:
    fields: Fields = {
        "@type": _CORS_POLICY,
        "allow_origin_string_match": [_origin(origin) for origin in policy.allow_origins],
        "allow_methods": ", ".join(policy.allow_methods),
        "allow_headers": ", ".join(policy.allow_headers),
        "expose_headers": ", ".join(policy.expose_headers),
        "max_age": str(policy.max_age),
    }
    if policy.allow_credentials:
        fields["allow_credentials"] = True
    return {key: value for key, value in fields.items() if value}


def _origin(origin: str) -> Fields:
    if "*" not in origin:
        return {"exact": origin}
    return {"safe_regex": {"regex": ".*".join(re.escape(part) for part in origin.split("*"))}}
