"""Objects are read as Go reads them, and an error names the field in the words of the manifest."""

import json
from typing import Any

import msgspec
import pytest

from davy.api import codec
from davy.api.canary import Canary
from davy.api.codec import DecodeError
from davy.api.ref import Manifest
from davy.api.status import CanaryStatus, Condition, Measured, Phase

PLAIN: Manifest = {
    "apiVersion": "flagger.app/v1beta1",
    "kind": "Canary",
    "metadata": {"name": "podinfo", "namespace": "test", "uid": "u", "generation": 3, "resourceVersion": "7"},
    "spec": {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
        "service": {"port": 80, "match": [{"headers": {"x-a": {"exact": "b"}}}]},
        "analysis": {
            "interval": "10s",
            "threshold": 5,
            "stepWeight": 10,
            "metrics": [{"name": "request-success-rate", "interval": "1m"}, {"name": "mine"}],
            "webhooks": [{"name": "gate", "url": "http://gate/", "metadata": {"a": "b", "c": "d"}}],
        },
    },
}


def changed(path: str, value: Any) -> Manifest:
    """The plain Canary with one value in another way; None takes it out."""
    copy: Any = json.loads(json.dumps(PLAIN))
    *way, last = path.split("/")
    at = copy
    for step in way:
        at = at[int(step)] if isinstance(at, list) else at.setdefault(step, {})
    if value is None:
        del at[last]
    else:
        at[last] = value
    assert isinstance(copy, dict)
    return copy


WRONG = [
    ("spec/analysis/metrics/1/interval", 60, "spec.analysis.metrics[1].interval: must be a text, not 60"),
    ("spec/analysis/threshold", "5", 'spec.analysis.threshold: must be a whole number, not "5"'),
    ("spec/analysis/stepWeight", 2.5, "spec.analysis.stepWeight: must be a whole number, not 2.5"),
    ("spec/analysis/stepWeights", [1, 2.5], "spec.analysis.stepWeights[1]: must be a whole number, not 2.5"),
    ("spec/service/targetPort", 1.5, "spec.service.targetPort: must be a whole number or a text, not 1.5"),
    ("spec/service/targetPort", True, "spec.service.targetPort: must be a whole number or a text, not true"),
    ("spec/analysis/mirror", "yes", 'spec.analysis.mirror: must be true or false, not "yes"'),
    ("spec/targetRef/name", None, "spec.targetRef.name: is required"),
    ("spec/targetRef", None, "spec.targetRef: is required"),
    ("spec", None, "spec: is required"),
    ("spec/analysis/metrics", {}, "spec.analysis.metrics: must be a list, not {}"),
    ("spec/analysis", [], "spec.analysis: must be an object, not []"),
    ("spec/analysis/webhooks/0/metadata/c", 3, "spec.analysis.webhooks[0].metadata.c: must be a text, not 3"),
    ("spec/service/match/0/headers/x-a/exact", 3, "spec.service.match[0].headers.x-a.exact: must be a text, not 3"),
    ("metadata/annotations", {"a.b/c": 3}, "metadata.annotations[a.b/c]: must be a text, not 3"),
    (
        "spec/analysis/metrics/0/onNoData",
        "skip",
        'spec.analysis.metrics[0].onNoData: "skip" is not known; known: fail, hold, pass',
    ),
    ("status", {"phase": "Lost"}, 'status.phase: "Lost" is not known; known: Initializing, Initialized, Waiting, '),
    ("spec/provider", ["x" * 99], f'spec.provider: must be a text, not ["{"x" * 55}…'),
]


@pytest.mark.parametrize(("path", "value", "words"), WRONG, ids=[words for _, _, words in WRONG])
@pytest.mark.parametrize("form", ["bytes", "dict"])
def test_an_error_names_the_field_and_what_would_be_right(path: str, value: Any, words: str, form: str) -> None:
    manifest = changed(path, value)
    with pytest.raises(DecodeError) as raised:
        codec.decode_canary(json.dumps(manifest).encode() if form == "bytes" else manifest)
    assert str(raised.value).startswith(words)
    assert raised.value.path == words.split(": ")[0]


@pytest.mark.parametrize("source", [b"", b"{", b"nonsense"])
def test_what_is_not_json_is_said_to_be_so(source: bytes) -> None:
    with pytest.raises(DecodeError, match="the object is not valid JSON"):
        codec.decode_canary(source)


def test_an_object_that_is_a_list_is_an_error_of_the_object_itself() -> None:
    with pytest.raises(DecodeError) as raised:
        codec.decode_canary(b"[]")
    assert (raised.value.path, raised.value.words) == ("", "must be an object, not []")


@pytest.mark.parametrize(
    ("path", "value", "plain"),
    [
        ("spec/analysis/stepWeight", 10.0, 10),
        ("spec/analysis/stepWeights", [10.0, 2e1], [10, 20]),
        ("spec/service/targetPort", 8080.0, 8080),
        ("spec/analysis/metrics/0/threshold", 99, 99.0),
        ("spec/service/retries", {"attempts": 3.0}, {"attempts": 3}),
    ],
)
def test_a_whole_number_may_be_written_as_a_fraction(path: str, value: Any, plain: Any) -> None:
    assert codec.decode_canary(changed(path, value)) == codec.decode_canary(changed(path, plain))


def test_null_is_read_as_absent() -> None:
    source = json.dumps(changed("spec/analysis/stepWeight", 10)).replace('"stepWeight": 10', '"stepWeight": null')
    assert codec.decode_canary(source.encode()).analysis.step_weight == 0


def test_unknown_fields_are_passed_over() -> None:
    odd = changed("spec/analysis/novelty", {"a": [1]})
    assert codec.decode_canary(odd) == codec.decode_canary(PLAIN)


def test_a_canary_whose_spec_cannot_be_read_still_has_its_status() -> None:
    odd = changed("spec/analysis/stepWeight", "ten") | {"status": {"phase": "Progressing", "canaryWeight": 20}}
    left = codec.decode_unread(json.dumps(odd).encode())
    assert (left.metadata.name, left.metadata.generation, left.status.canary_weight) == ("podinfo", 3, 20)


def test_the_fields_that_flagger_always_writes_are_in_every_status() -> None:
    assert codec.encode_status(CanaryStatus()) == {"phase": "", "failedChecks": 0, "canaryWeight": 0, "iterations": 0}


def test_tracking_without_configs_differs_from_no_tracking() -> None:
    assert codec.encode_status(CanaryStatus(tracked_configs={}))["trackedConfigs"] == {}
    assert "trackedConfigs" not in codec.encode_status(CanaryStatus())


def test_a_full_status_comes_back_as_it_went() -> None:
    status = CanaryStatus(
        phase=Phase.WAITING_PROMOTION,
        canary_weight=50,
        conditions=(Condition("Promoted", "Unknown", "WaitingPromotion", "Waiting for approval.", "t", "t", 4),),
        next_step_at="2026-01-02T03:04:05.678Z",
        analysis=(Measured("request-duration", "q", 12.5, None, 500, "pass", "12.5 ms", "t"),),
    )
    written = codec.encode_status(status)
    assert json.loads(json.dumps(written)) == written
    assert written["phase"] == "WaitingPromotion"
    assert codec.decode(written, CanaryStatus) == status


def test_a_status_written_by_flagger_is_read() -> None:
    status = {
        "phase": "Progressing",
        "canaryWeight": 10,
        "failedChecks": 0,
        "iterations": 0,
        "lastAppliedSpec": "5978589476",
        "lastTransitionTime": "2026-01-02T03:04:05Z",
        "trackedConfigs": {},
        "conditions": [
            {
                "type": "Promoted",
                "status": "Unknown",
                "reason": "Progressing",
                "message": "New revision detected, progressing canary analysis.",
                "lastUpdateTime": "2026-01-02T03:04:05Z",
                "lastTransitionTime": "2026-01-02T03:04:05Z",
            }
        ],
    }
    read = codec.decode_canary(PLAIN | {"status": status}).status
    assert (read.phase, read.tracked_configs, read.last_transition_time) == (
        Phase.PROGRESSING,
        {},
        "2026-01-02T03:04:05Z",
    )
    assert codec.encode_status(read) == status


def test_reading_takes_the_short_way_when_nothing_is_odd(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> Any:
        raise AssertionError("the slow way was taken")

    monkeypatch.setattr(codec, "decode_leniently", never)
    assert codec.decode_canary(json.dumps(PLAIN).encode()) == msgspec.convert(PLAIN, Canary)
