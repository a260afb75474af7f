"""A Canary's defaults and derived names are Flagger's; it comes back from JSON as it went."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import NODEFAULT, inspect

from davy.api import codec
from davy.api.alert_provider import AlertProvider
from davy.api.canary import Analysis, Canary, CanarySpec, Service, TargetRef
from davy.api.metric_template import MetricTemplate
from davy.api.words import Metadata

RECORDED: list[dict[str, Any]] = json.loads((Path(__file__).parent / "canaries.json").read_text())
TARGET = TargetRef("apps/v1", "Deployment", "podinfo")
DECODERS: dict[str, Any] = {
    "Canary": codec.decode_canary,
    "MetricTemplate": codec.decode_metric_template,
    "AlertProvider": codec.decode_alert_provider,
}


def canary(service: Service | None = None, **analysis: Any) -> Canary:
    spec = CanarySpec(TARGET, service=service or Service(port=80), analysis=Analysis(**analysis))
    return Canary(spec, metadata=Metadata(name="podinfo", namespace="test"))


def test_names_are_made_from_the_apex_and_the_target() -> None:
    named = canary(Service(name="shop", port=80))
    assert (named.apex, named.canary_service, named.primary_service) == ("shop", "shop-canary", "shop-primary")
    assert named.primary_name == "podinfo-primary"
    assert canary().apex == "podinfo"
    assert str(named.target) == "Deployment test/podinfo"


STRATEGIES: list[tuple[dict[str, Any], str]] = [
    ({}, "canary"),
    ({"step_weight": 10}, "canary"),
    ({"match": ({},)}, "canary"),
    ({"iterations": 5}, "blue-green"),
    ({"iterations": -1, "match": ({},)}, "canary"),
    ({"iterations": 5, "match": ({},)}, "ab-testing"),
]


@pytest.mark.parametrize(("analysis", "strategy"), STRATEGIES)
def test_the_strategy_is_told_from_the_fields(analysis: dict[str, Any], strategy: str) -> None:
    assert canary(**analysis).strategy() == strategy


LIMITS: list[tuple[dict[str, Any], int]] = [
    ({}, 100),
    ({"max_weight": 50}, 50),
    ({"max_weight": 0}, 100),
    ({"max_weight": 50, "step_weights": (10, 30)}, 30),
    ({"step_weights": (10, 130)}, 100),
]


@pytest.mark.parametrize(("analysis", "limit"), LIMITS)
def test_the_weight_at_which_a_canary_is_promoted(analysis: dict[str, Any], limit: int) -> None:
    assert canary(**analysis).analysis.weight_limit == limit


@pytest.mark.parametrize(("threshold", "allowed"), [(-1, 1), (0, 1), (1, 1), (5, 5)])
def test_at_least_one_failure_is_needed(threshold: int, allowed: int) -> None:
    assert canary(threshold=threshold).analysis.failures_allowed == allowed


def test_without_an_analysis_it_is_skipped() -> None:
    assert Canary(CanarySpec(TARGET)).skips_analysis
    assert not canary().skips_analysis
    assert Canary(CanarySpec(TARGET, analysis=Analysis(), skip_analysis=True)).skips_analysis


@pytest.mark.parametrize(("given", "port"), [(None, 80), (0, 80), (8080, 8080), ("http", "http")])
def test_the_containers_port_is_the_services_unless_said_otherwise(given: int | str | None, port: int | str) -> None:
    assert Service(port=80, target_port=given).container_port == port


def test_hooks_of_a_type_keep_their_order_and_an_empty_type_is_rollout() -> None:
    hooks = [{"name": n, "url": "http://h/", "type": t} for n, t in (("a", ""), ("b", "event"), ("c", "rollout"))]
    found = codec.decode({"webhooks": hooks}, Analysis)
    assert [hook.name for hook in found.hooks("rollout")] == ["a", "c"]


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: f"{recorded['kind']}-{recorded['trace']}")
def test_a_recorded_object_is_read_whole_and_comes_back(recorded: dict[str, Any]) -> None:
    decode = DECODERS[recorded["kind"]]
    read = decode(json.dumps({"metadata": {"name": "app"}, "spec": recorded["spec"]}).encode())
    written = codec.encode(read)
    assert decode(written) == read
    assert lost(recorded["spec"], written["spec"]) == []


ONCE_MORE = {0, "", 600, "http", 100, 86400}


def lost(given: Any, written: Any, path: str = "spec") -> list[str]:
    """What was given and is not written; what is at its default need not be."""
    if isinstance(given, dict):
        found = []
        for key, value in given.items():
            if key in written:
                found += lost(value, written[key], f"{path}.{key}")
            elif value not in ([], {}) and not (isinstance(value, str | int | float) and value in ONCE_MORE):
                found.append(f"{path}.{key}")
        return found
    if isinstance(given, list):
        return [p for i, pair in enumerate(zip(given, written, strict=True)) for p in lost(*pair, path=f"{path}[{i}]")]
    return [] if given == written else [path]


def values(info: Any) -> st.SearchStrategy[Any]:
    """Values of any type of the API, made from the type."""
    match info:
        case inspect.StructType(cls=cls):
            return objects(cls)
        case inspect.VarTupleType(item_type=item):
            return st.lists(values(item), max_size=2).map(tuple)
        case inspect.DictType(value_type=value):
            return st.dictionaries(TEXT, values(value), max_size=2)
        case inspect.UnionType(types=types):
            return st.one_of([values(part) for part in types])
        case inspect.LiteralType(values=literals):
            return st.sampled_from(list(literals))
        case inspect.EnumType(cls=enum):
            return st.sampled_from(list(enum))
        case _:
            return SCALARS[type(info)]


@cache
def objects(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Values of a struct."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return st.builds(kind, **{field.name: some(field) for field in info.fields})


def some(field: Any) -> st.SearchStrategy[Any]:
    """A field, which is left at its default as often as not."""
    if field.required:
        return values(field.type)
    default = field.default if field.default is not NODEFAULT else field.default_factory()
    return st.just(default) | values(field.type)


TEXT = st.text(st.characters(codec="utf-8"), max_size=5)
SCALARS: dict[type, st.SearchStrategy[Any]] = {
    inspect.StrType: TEXT,
    inspect.IntType: st.integers(-(2**53), 2**53),
    inspect.FloatType: st.floats(allow_nan=False, allow_infinity=False),
    inspect.BoolType: st.booleans(),
    inspect.NoneType: st.none(),
}


@pytest.mark.parametrize("kind", [Canary, MetricTemplate, AlertProvider])
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_every_value_comes_back_from_json_as_it_went(kind: type[Any], data: st.DataObject) -> None:
    value = data.draw(values(inspect.type_info(kind)))
    written = codec.encode(value)
    assert codec.decode(msgspec.json.encode(written), kind) == value
    assert codec.decode(written, kind) == value
