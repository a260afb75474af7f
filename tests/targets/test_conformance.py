"""What every kind of target must do; a new line in the table is a new subject of these tests."""

import copy
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.targets.kinds import CASES, KEYS, SPELL, Case, World, edited, making, merged, put

from davy.api.ref import Manifest, ref_of
from davy.core import names
from davy.core.edit import Edit, differing
from davy.core.revisions import revision
from davy.core.snapshot import Ready
from davy.targets import TARGETS, named
from davy.targets.base import Making, Target

GOLDEN = Path(__file__).parent / "golden"
UPDATE = "DAVY_UPDATE_GOLDEN"

PRIVATE = {
    "labels": {"kustomize.toolkit.fluxcd.io/name": "apps"},
    "annotations": {
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "helm.toolkit.fluxcd.io/driftDetection": "enabled",
        "deployment.kubernetes.io/revision": "9",
        "deprecated.daemonset.template.generation": "9",
    },
}
"""What is true of one object only, or by which another program claims it."""

KINDS = sorted(TARGETS)
every_kind = pytest.mark.parametrize("at", KINDS, ids=[named(*at) for at in KINDS])


class Subject:
    """A kind of target in a cluster of its own."""

    def __init__(self, at: tuple[str, str]) -> None:
        self.kind: Target = TARGETS[at]
        self.case: Case = CASES[at]
        self.world: World = self.case.world()

    @property
    def target(self) -> Manifest:
        side = self.kind.target(self.case.canary, self.world)
        assert side is not None
        return side

    @property
    def live(self) -> Manifest:
        """The target's object, which is not always its side."""
        return self.world[self.case.canary.target]

    @property
    def primary(self) -> Manifest:
        side = self.kind.primary(self.case.canary, self.world)
        assert side is not None
        return side

    def making(self, run: str = "v1:a", **more: Any) -> Making:
        return making(self.case, self.target, self.kind, run, **more)

    def put(self, written: Manifest | Edit) -> None:
        self.world = put(self.world, self.case, written)

    def born(self, **more: Any) -> "Subject":
        """With its primary."""
        self.put(self.kind.created(self.target, self.making(**more)))
        return self

    def changed(self) -> None:
        """Somebody pushes a new revision."""
        self.put(copy.deepcopy(self.case.after))

    def carried(self, run: str = "v1:b", **more: Any) -> Edit:
        edit = self.kind.carrying(self.target, self.primary, self.making(run, **more))
        self.put(edit)
        return edit

    def alike(self) -> bool:
        return self.kind.alike(self.target, self.primary, self.kind.selector(self.target, KEYS))

    def resized(self, replicas: int) -> None:
        edit = self.kind.sized(self.target, replicas)
        scale = Edit(ref_of(self.target), {"/spec/replicas": replicas})
        self.put(scale if edit is None else edit)


def keys(manifest: Any) -> Iterator[str]:
    if isinstance(manifest, dict):
        yield from manifest
        for value in manifest.values():
            yield from keys(value)
    if isinstance(manifest, list):
        for item in manifest:
            yield from keys(item)


def test_every_kind_has_a_case() -> None:
    assert CASES.keys() >= TARGETS.keys()


@every_kind
def test_a_new_primary_is_like_its_target_and_notes_its_run(at: tuple[str, str]) -> None:
    subject = Subject(at).born()
    assert subject.alike()
    assert subject.kind.run(subject.primary) == "v1:a"


@every_kind
def test_a_promotion_makes_the_primary_like_the_target_and_only_that(at: tuple[str, str]) -> None:
    subject = Subject(at).born()
    subject.changed()
    assert not subject.alike()
    subject.carried()
    assert subject.alike()
    assert subject.kind.run(subject.primary) == "v1:b"


@every_kind
@pytest.mark.parametrize("prefixes", [(), ("app.kubernetes.io",), ("*",)])
def test_a_promotion_that_is_written_again_changes_nothing(at: tuple[str, str], prefixes: tuple[str, ...]) -> None:
    subject = Subject(at).born(prefixes=prefixes)
    subject.changed()
    subject.carried(prefixes=prefixes)
    again = subject.kind.carrying(subject.target, subject.primary, subject.making("v1:b", prefixes=prefixes))
    assert differing(subject.primary, again) == {}


@every_kind
def test_a_revision_is_what_the_template_says_and_nothing_else(at: tuple[str, str]) -> None:
    subject = Subject(at)
    before = revision(subject.kind.template(subject.target))
    noise = {"metadata": {"annotations": {"x": "y"}, "labels": {"x": "y"}, "resourceVersion": "9"}}
    assert revision(subject.kind.template(merged(subject.target, noise))) == before
    subject.born()
    assert revision(subject.kind.template(subject.target)) == before
    subject.changed()
    assert revision(subject.kind.template(subject.target)) != before


@every_kind
def test_the_fence_moves_with_an_edit_and_stands_while_nobody_writes(at: tuple[str, str]) -> None:
    subject = Subject(at)

    def fence() -> tuple[Any, Any]:
        metadata = subject.target["metadata"]
        return metadata.get("uid"), metadata.get("generation")

    before = fence()
    assert fence() == before
    subject.changed()
    assert fence() != before


@every_kind
def test_no_argument_is_changed_and_none_is_shared_with_a_result(at: tuple[str, str]) -> None:
    subject = Subject(at).born()
    subject.changed()
    kind, canary, world = subject.kind, subject.case.canary, subject.world
    target, primary, made = subject.target, subject.primary, subject.making(tracked=frozenset({"configmap/conf"}))
    before = copy.deepcopy((world, target, primary))
    results: list[Any] = [
        kind.created(target, made),
        kind.carrying(target, primary, made).parts,
        *kind.services(target, made, world),
        *(kind.apex(side, target, made, world) for side in ("primary", "target")),
        *(edit.parts for side in (target, primary) if (edit := kind.sized(side, 0))),
    ]
    kind.alike(target, primary, made.selector)
    kind.readiness(primary, 100, SPELL)
    kind.apex_selects(canary, made.selector, world)
    for result in results:
        scribble(result.parts if isinstance(result, Edit) else result)
    assert (world, target, primary) == before


def scribble(value: Any) -> None:
    if isinstance(value, dict):
        for below in value.values():
            scribble(below)
        value["scribble"] = "1"
    if isinstance(value, list):
        for item in value:
            scribble(item)
        value.append("scribble")


@every_kind
@pytest.mark.parametrize("prefixes", [(), ("*",)])
def test_what_belongs_to_the_original_alone_is_never_copied(at: tuple[str, str], prefixes: tuple[str, ...]) -> None:
    subject = Subject(at)
    subject.put(merged(subject.live, {"metadata": PRIVATE}))
    made = subject.making(prefixes=prefixes)
    written = [subject.kind.created(subject.target, made), *subject.kind.services(subject.target, made, subject.world)]
    private = {key for words in PRIVATE.values() for key in words if "driftDetection" not in key}
    for manifest in written:
        if not isinstance(manifest, Edit):  # an edit leaves an original what it is
            assert not private & set(keys(manifest))
            assert "enabled" not in str(manifest)


@every_kind
def test_fields_that_nobody_knows_yet_are_copied(at: tuple[str, str]) -> None:
    subject = Subject(at)
    if isinstance(subject.kind.created(subject.target, subject.making()), Edit):
        pytest.skip("nothing of it is copied")
    future: Manifest = (
        {"template": {"spec": {"future": [1]}}} if "template" in subject.live["spec"] else {"future": [1]}
    )
    subject.put(merged(subject.live, {"spec": future}))
    subject.born()
    assert "future" in set(keys(subject.primary["spec"]))
    subject.changed()
    subject.carried()
    assert "future" in set(keys(subject.primary["spec"]))
    assert subject.alike()


@every_kind
def test_what_is_made_dies_with_the_canary_and_a_promotion_leaves_that_so(at: tuple[str, str]) -> None:
    subject = Subject(at)
    canary, made = subject.case.canary, subject.making()
    for manifest in subject.kind.services(subject.target, made, subject.world):
        assert manifest["metadata"]["ownerReferences"] == [names.owner(canary)]
    if not isinstance(subject.kind.created(subject.target, made), Edit):
        subject.born()
        assert names.owned(canary, subject.primary)
        subject.changed()
        edit = subject.carried()
        assert not any(pointer.startswith("/metadata/ownerReferences") for pointer in edit.parts)
        assert names.owned(canary, subject.primary)


@every_kind
def test_what_others_wrote_into_the_primary_stays(at: tuple[str, str]) -> None:
    subject = Subject(at).born()
    theirs = {"annotations": {"other.io/note": "1"}, "labels": {"other.io/label": "1"}}
    at_primary = ref_of(subject.primary)
    subject.world[at_primary] = merged(subject.world[at_primary], {"metadata": theirs})
    subject.changed()
    subject.carried()
    for section, words in theirs.items():
        assert subject.primary["metadata"][section].items() >= words.items()


@every_kind
def test_only_what_it_reads_is_written(at: tuple[str, str]) -> None:
    subject = Subject(at)
    canary, made = subject.case.canary, subject.making()
    known = {canary.target, names.primary(canary), *subject.kind.reads(canary, subject.world)}
    known |= {names.apex_service(canary), names.canary_service(canary), names.primary_service(canary)}
    created = subject.kind.created(subject.target, made)
    written = [created.ref if isinstance(created, Edit) else ref_of(created)]
    written += [ref_of(manifest) for manifest in subject.kind.services(subject.target, made, subject.world)]
    written += [
        ref_of(manifest)
        for side in ("primary", "target")
        if (manifest := subject.kind.apex(side, subject.target, made, subject.world))
    ]
    assert set(written) <= known


@every_kind
def test_services_that_are_as_they_should_be_stay_so(at: tuple[str, str]) -> None:
    subject = Subject(at).born()
    once = subject.kind.services(subject.target, subject.making(), subject.world)
    for manifest in once:
        subject.put(manifest)
    assert subject.kind.services(subject.target, subject.making(), subject.world) == once
    for manifest in once:
        live = subject.world[ref_of(manifest)]
        assert merged(live, manifest) == live


@every_kind
def test_the_apex_selects_the_side_that_it_was_told(at: tuple[str, str]) -> None:
    subject = Subject(at)
    made = subject.making()
    for side in ("primary", "target"):
        manifest = subject.kind.apex(side, subject.target, made, subject.world)
        if manifest is not None:
            subject.put(manifest)
        found = subject.kind.apex_selects(subject.case.canary, made.selector, subject.world)
        assert found == ("any" if manifest is None else side)


@every_kind
def test_at_rest_both_sides_are_ready_and_serve(at: tuple[str, str]) -> None:
    subject = Subject(at).born()
    for side in (subject.target, subject.primary):
        assert subject.kind.readiness(side, 100, SPELL) == Ready()
        assert subject.kind.serving(side) >= 1
        assert subject.kind.replicas(side) >= 1


@every_kind
@pytest.mark.parametrize("threshold", [0, 50, 100])
def test_a_workload_at_zero_neither_serves_nor_is_ready(at: tuple[str, str], threshold: int) -> None:
    subject = Subject(at)
    if not subject.kind.scalable:
        pytest.skip("Davy gives it no pods")
    before, revision_before = subject.kind.replicas(subject.target), revision(subject.kind.template(subject.target))
    subject.resized(0)
    assert subject.kind.replicas(subject.target) == 0
    assert subject.kind.serving(subject.target) == 0
    assert subject.kind.readiness(subject.target, threshold, SPELL) != Ready()
    assert revision(subject.kind.template(subject.target)) == revision_before
    subject.born()
    assert subject.alike()
    assert subject.kind.replicas(subject.primary) >= 1
    subject.resized(before)
    assert subject.live["spec"] == Subject(at).live["spec"]


@every_kind
def test_the_primary_uses_copies_of_tracked_configs_and_is_still_alike(at: tuple[str, str]) -> None:
    subject = Subject(at)
    if not subject.kind.pod(subject.target):
        pytest.skip("it has no pods of its own")
    mounted = [
        {"name": "a", "configMap": {"name": "conf"}},
        {"name": "b", "secret": {"secretName": "key"}},
        {"name": "c", "configMap": {"name": "shared"}},
    ]
    subject.put(merged(subject.live, {"spec": {"template": {"spec": {"volumes": mounted}}}}))
    tracked = frozenset({"configmap/conf", "secret/key"})
    subject.born(tracked=tracked)
    for _ in range(2):
        volumes = subject.kind.pod(subject.primary)["volumes"]
        assert [next(iter(part.values())) for part in map(without_name, volumes)] == [
            {"name": "conf-primary"},
            {"secretName": "key-primary"},
            {"name": "shared"},
        ]
        assert subject.alike()
        subject.carried(tracked=tracked)


def without_name(volume: Manifest) -> Manifest:
    return {key: value for key, value in volume.items() if key != "name"}


def documents(at: tuple[str, str]) -> dict[str, list[Any]]:
    """All that is ever written for a target, by name of the golden file."""
    subject = Subject(at)
    made = subject.making()
    created = subject.kind.created(subject.target, made)
    services = [*subject.kind.services(subject.target, made, subject.world)]
    apex = subject.kind.apex("primary", subject.target, made, subject.world)
    subject.born()
    held = subject.kind.sized(subject.target, 0)
    subject.changed()
    found = {
        "created": [shown(created)],
        "carried": [shown(subject.carried())],
        "services": [*services, *([apex] if apex else [])],
        "held": [shown(held)] if held else [],
    }
    return {name: written for name, written in found.items() if written}


def shown(written: Manifest | Edit) -> Any:
    return {"edit": str(written.ref), "parts": dict(written.parts)} if isinstance(written, Edit) else written


class Plain(yaml.SafeDumper):
    """YAML in which everything is spelt out."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


@every_kind
def test_what_is_written_is_the_golden(at: tuple[str, str]) -> None:
    folder = GOLDEN / named(*at)
    texts = {
        name: yaml.dump_all(written, Dumper=Plain, sort_keys=False, width=120)
        for name, written in documents(at).items()
    }
    if os.environ.get(UPDATE):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / f"{name}.yaml").write_text(text)
    assert folder.exists(), f"write {folder} by running this test with {UPDATE}=1, and read what it wrote"
    assert {path.stem: path.read_text() for path in folder.glob("*.yaml")} == texts


def test_no_golden_file_is_left_of_a_kind_that_is_gone() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {named(*at) for at in TARGETS}


def test_an_edit_is_put_where_it_says() -> None:
    live = {"metadata": {"labels": {"a/b": "1"}}, "spec": {"x": 1}}
    edit = Edit(ref_of(live), {"/metadata/labels/a~1b": "2", "/spec/x": None, "/spec/y/z": 3})
    assert edited(live, edit) == {"metadata": {"labels": {"a/b": "2"}}, "spec": {"y": {"z": 3}}}
