"""Which requests a rule takes: Gateway API matches as Envoy's, and which match goes first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from davy.cluster.gateway.objects import PathMatch, RouteMatch, ValueMatch

# Of two matches for one request, the better kind of path wins.
_PATH_RANK = {"Exact": 0, "RegularExpression": 1, "PathPrefix": 2}


class Precedence(NamedTuple):
    """Sorts matches: smaller goes first. After it: the older route, its name, the order of its rules."""

    path: int
    path_length: int
    method: int
    headers: int
    query_params: int


def precedence(match: RouteMatch) -> Precedence:
    return Precedence(
        _PATH_RANK.get(match.path.type, len(_PATH_RANK)),
        -len(match.path.value),
        0 if match.method else 1,
        -len(match.headers),
        -len(match.query_params),
    )


def envoy_match(match: RouteMatch) -> dict[str, Any]:
    """Envoy's RouteMatch."""
    found = _path(match.path)
    headers = [_named(header, "string_match") for header in _first_of_each(match.headers)]
    if match.method:
        headers.append({"name": ":method", "string_match": {"exact": match.method}})
    if headers:
        found["headers"] = headers
    if match.query_params:
        found["query_parameters"] = [_named(param, "string_match") for param in match.query_params]
    return found


def prefix_of(path: PathMatch) -> str:
    """The prefix without a slash at its end, which Gateway API ignores; "" is every path."""
    return path.value.rstrip("/")


def _path(path: PathMatch) -> dict[str, Any]:
    match path.type:
        case "Exact":
            return {"path": path.value}
        case "RegularExpression":
            return {"safe_regex": {"regex": path.value}}
        case _:
            prefix = prefix_of(path)
            # /foo takes /foo and /foo/bar, but not /foobar.
            return {"path_separated_prefix": prefix} if prefix else {"prefix": "/"}


def _named(wanted: ValueMatch, field: str) -> dict[str, Any]:
    regex = wanted.type == "RegularExpression"
    return {"name": wanted.name, field: {"safe_regex": {"regex": wanted.value}} if regex else {"exact": wanted.value}}


def _first_of_each(headers: Iterable[ValueMatch]) -> Iterable[ValueMatch]:
    """Header names are compared without case; of two entries with one name only the first counts."""
    seen: dict[str, ValueMatch] = {}
    for header in headers:
        seen.setdefault(header.name.lower(), header)
    return seen.values()
