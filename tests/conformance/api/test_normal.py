"""The suite can fail: what is literal stays literal, and a difference is told."""

import dataclasses
from pathlib import Path

import pytest
from tests.conformance.api.behaviour import Behaviour, Step, chapters, read, write
from tests.conformance.api.differences import told
from tests.conformance.api.normal import Normal
from tests.conformance.api.play import found

UIDS = ("11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222")


def test_the_same_value_has_the_same_name_and_another_another() -> None:
    normal = Normal({"b1-1": "$ns"})
    first = normal.of({"uid": UIDS[0], "resourceVersion": "7", "namespace": "b1-1"})
    later = normal.of([{"uid": UIDS[1], "resourceVersion": "7"}, {"message": f"uid {UIDS[0]} of b1-1"}])
    assert first == {"uid": "<uid-1>", "resourceVersion": "<rv-1>", "namespace": "$ns"}
    assert later == [{"uid": "<uid-2>", "resourceVersion": "<rv-1>"}, {"message": "uid <uid-1> of $ns"}]


@pytest.mark.parametrize("literal", ["spec.size", "127.0.0.1", "10.1.1.1", "gen-", "3 conflicts", "v1.34"])
def test_words_stay_literal(literal: str) -> None:
    assert Normal({}).of({"message": literal}) == {"message": literal}


def test_another_answer_is_told_with_its_step() -> None:
    behaviour = Behaviour(
        "b", (Step({"GET": "/a", "answer": {"code": 200}}), Step({"GET": "/b", "answer": {"code": 404}}))
    )
    assert told(behaviour, [{"code": 200}, {"code": 404}]) == ""
    assert told(behaviour, [{"code": 200}, {"code": 200}]).splitlines()[0] == "step 2: GET /b"


def test_paths_find_what_they_name() -> None:
    body = {"items": [{"a/b": 1}, {"a/b": 2}]}
    assert list(found(body, "items/*/a~1b")) == [1, 2]
    assert list(found(body, "items/1/a~1b")) == [2]
    assert list(found(body, "items/9")) == []


@pytest.mark.parametrize("folder", ["behaviours", "kubectl"])
def test_chapters_are_written_as_they_are_read(folder: str, tmp_path: Path) -> None:
    for chapter in chapters(folder):
        copy = dataclasses.replace(chapter, path=tmp_path / chapter.path.name)
        write(copy)
        assert read(copy.path).behaviours == chapter.behaviours


def test_every_step_that_can_be_answered_has_its_recording() -> None:
    bare = [
        (chapter.path.stem, behaviour.name, step.argument)
        for folder in ("behaviours", "kubectl")
        for chapter in chapters(folder)
        for behaviour in chapter.behaviours
        for step in behaviour.steps
        if step.verb != "WATCH" and step.get("answer") is None
    ]
    assert bare == []


def test_what_kubectl_logs_of_itself_does_not_count_and_what_it_says_does() -> None:
    log = "W1125 14:51:29.610835  24641 reflector.go:492] k8s.io/client-go: watch ended with: very short watch\n\n"
    said = "Warning: this is deprecated\nerror: timed out waiting for the condition on things/a\n"
    assert Normal({}).printed(log + said) == said
