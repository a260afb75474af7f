"""Tracked configs: every way to refer to one, Flagger's checksums and copies, and no word of what is in a Secret."""

import base64
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.targets.kinds import CASES, World, edited, making
from tests.targets.world import bare

from davy.api.ref import Manifest, ref_of
from davy.core import names
from davy.core.edit import Edit, differing
from davy.targets import configs
from davy.targets.base import Making
from davy.targets.deployment import Deployment

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "recorded" / "configs.json").read_text())
CASE = CASES["apps", "Deployment"]
KIND = Deployment()
CANARY_OWNER = {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "other", "uid": "other"}


def made(*prefixes: str) -> Making:
    return making(CASE, CASE.before, KIND, prefixes=prefixes)


def config(kind: str = "ConfigMap", name: str = "conf", **more: Any) -> Manifest:
    metadata = {"name": name, "namespace": "shop", **more.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **more}


def as_served(source: Manifest) -> Manifest:
    """A config of the recording as the API server serves it."""
    manifest = copy.deepcopy(source)
    manifest["metadata"]["namespace"] = "shop"
    texts = manifest.pop("stringData", {})
    secret = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    return manifest | ({"data": {**manifest.get("data", {}), **secret}} if secret else {})


def copied(source: Manifest, live: Manifest | None = None, *prefixes: str) -> Manifest:
    """The copy as it is after the write."""
    result = configs.copied(source, live, made(*prefixes))
    if isinstance(result, Edit):
        assert live is not None
        return edited(live, result)
    return result


class TestFlagger:
    @pytest.mark.parametrize("scenario", RECORDED)
    def test_the_same_configs_are_tracked(self, scenario: str) -> None:
        recorded = RECORDED[scenario]
        sources = {(item["kind"], item["metadata"]["name"]): as_served(item) for item in recorded["sources"]}
        found = configs.references(recorded["target"]["spec"]["template"]["spec"])
        assert found["configmap/absent"]
        assert not found["configmap/conf"]
        for place, known in enumerate(recorded["checksums"]):
            if place:
                patch_in(sources, *recorded["patch"])
            refs = {name: configs.refs("shop", name)[0] for name in found}
            present = {name: sources.get((ref.kind, ref.name)) for name, ref in refs.items()}
            checksums = {
                name: configs.checksum(item) for name, item in present.items() if item and configs.tracked(item)
            }
            assert checksums == known

    @pytest.mark.parametrize("scenario", RECORDED)
    def test_the_copies_are_the_ones_flagger_makes(self, scenario: str) -> None:
        recorded = RECORDED[scenario]
        sources = {(item["kind"], item["metadata"]["name"]): as_served(item) for item in recorded["sources"]}
        lives = {}
        for key, states in recorded["copies"].items():
            kind, _, name = key.partition("/")
            lives[key] = copied(sources[kind, name.removesuffix("-primary")])
            assert written(lives[key]) == written(states[0])
        patch_in(sources, *recorded["patch"])
        for key, states in recorded["copies"].items():
            kind, _, name = key.partition("/")
            assert written(copied(sources[kind, name.removesuffix("-primary")], lives[key])) == written(states[-1])

    @pytest.mark.parametrize("scenario", RECORDED)
    def test_the_primary_refers_to_the_copies_as_flaggers_does(self, scenario: str) -> None:
        recorded = RECORDED[scenario]
        target, primary = (recorded[side]["spec"]["template"]["spec"] for side in ("target", "primary"))
        assert configs.rewritten(target, frozenset(recorded["checksums"][0])) == primary


def patch_in(sources: dict[tuple[str, str], Manifest], kind: str, name: str, patch: Manifest) -> None:
    sources[kind, name] = as_served(sources[kind, name] | patch)


def written(manifest: Manifest) -> Manifest:
    """What was written, without what a recording masks."""
    shown = {key: manifest[key] for key in ("data", "binaryData", "type") if key in manifest}
    metadata = bare({"metadata": manifest["metadata"], "spec": {}})["metadata"]
    return shown | {"metadata": {key: value for key, value in metadata.items() if value}}


class TestReferences:
    PLACES: tuple[tuple[str, Manifest], ...] = (
        ("configmap", {"volumes": [{"name": "v", "configMap": {"name": "NAME"}}]}),
        ("secret", {"volumes": [{"name": "v", "secret": {"secretName": "NAME"}}]}),
        ("configmap", {"volumes": [{"name": "v", "projected": {"sources": [{"configMap": {"name": "NAME"}}]}}]}),
        ("secret", {"volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "NAME"}}]}}]}),
        *(
            (word, {group: [{"name": "c", **use}]})
            for group in ("containers", "initContainers")
            for word, use in (
                ("configmap", {"env": [{"name": "E", "valueFrom": {"configMapKeyRef": {"name": "NAME", "key": "k"}}}]}),
                ("secret", {"env": [{"name": "E", "valueFrom": {"secretKeyRef": {"name": "NAME", "key": "k"}}}]}),
                ("configmap", {"envFrom": [{"configMapRef": {"name": "NAME"}}]}),
                ("secret", {"envFrom": [{"secretRef": {"name": "NAME"}}]}),
            )
        ),
    )

    @pytest.mark.parametrize(("word", "pod"), PLACES)
    @pytest.mark.parametrize("optional", [None, False, True])
    def test_every_way_to_refer_to_a_config_is_found_and_rewritten(
        self, word: str, pod: Manifest, optional: bool | None
    ) -> None:
        given, wanted = of(pod, "conf", optional), of(pod, "conf-primary", optional)
        assert configs.references(given) == {f"{word}/conf": bool(optional)}
        assert configs.rewritten(given, frozenset({f"{word}/conf"})) == wanted
        others = frozenset({f"{word}/other", "secret/conf" if word == "configmap" else "configmap/conf"})
        assert configs.rewritten(given, others) == given

    @pytest.mark.parametrize(
        "pod",
        [
            {"imagePullSecrets": [{"name": "conf"}]},
            {"ephemeralContainers": [{"name": "c", "envFrom": [{"secretRef": {"name": "conf"}}]}]},
            {"volumes": [{"name": "v", "csi": {"nodePublishSecretRef": {"name": "conf"}}}]},
            {"volumes": [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]},
            {"containers": [{"name": "c", "env": [{"name": "E", "value": "conf"}, {"name": "F"}]}]},
            {"containers": [{"name": "c", "envFrom": [{"configMapRef": {}}]}]},
            {"volumes": None, "containers": None, "initContainers": None},
            {},
        ],
    )
    def test_as_in_flagger_nothing_else_is_one(self, pod: Manifest) -> None:
        assert configs.references(pod) == {}
        assert configs.rewritten(pod, frozenset({"secret/conf", "configmap/conf"})) == pod

    def test_where_references_disagree_the_last_one_counts(self) -> None:
        volume, container, first = (of(self.PLACES[place][1], "conf", None) for place in (0, 4, 8))
        pods = {**volume, **container, **first}
        assert configs.references(pods) == {"configmap/conf": False}
        pods["initContainers"][0]["env"][0]["valueFrom"]["configMapKeyRef"]["optional"] = True
        assert configs.references(pods) == {"configmap/conf": True}
        pods["volumes"][0]["configMap"]["optional"] = False
        assert configs.references(pods) == {"configmap/conf": True}

    def test_the_pod_is_left_alone(self) -> None:
        pod = of(self.PLACES[0][1], "conf", None)
        before = copy.deepcopy(pod)
        configs.rewritten(pod, frozenset({"configmap/conf"}))["volumes"].clear()
        assert pod == before


def of(pod: Manifest, name: str, optional: bool | None) -> Manifest:
    text = json.dumps(pod).replace(
        'NAME"', name + '"' + ("" if optional is None else f', "optional": {optional}'.lower())
    )
    found: Manifest = json.loads(text)
    return found


class TestTracked:
    @pytest.mark.parametrize(
        ("type_", "expected"),
        [
            ("Opaque", True),
            ("kubernetes.io/basic-auth", True),
            ("kubernetes.io/ssh-auth", True),
            ("kubernetes.io/tls", True),
            ("kubernetes.io/dockerconfigjson", False),
            ("kubernetes.io/service-account-token", False),
            ("helm.sh/release.v1", False),
        ],
    )
    def test_secrets_that_programs_keep_are_not(self, type_: str, expected: bool) -> None:
        assert configs.tracked(config("Secret", type=type_)) is expected

    @pytest.mark.parametrize(
        ("value", "expected"), [("disabled", False), ("disable", False), ("enabled", True), ("", True), ("no", True)]
    )
    @pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
    def test_its_owner_can_forbid_it(self, kind: str, value: str, expected: bool) -> None:
        metadata = {"annotations": {"flagger.app/config-tracking": value}}
        assert configs.tracked(config(kind, metadata=metadata)) is expected

    def test_a_secret_without_a_type_is_opaque(self) -> None:
        assert configs.tracked(config("Secret"))


class TestChecksum:
    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            (None, "74234e98afe7498f"),
            ({}, "44136fa355b3678a"),
            ({"a": None, "k": "djE="}, "6c1a8f65dfb3478a"),
            ({"a": "é\n\u2028", "b": "x<y&z>"}, "23f545bb6566cd36"),
        ],
    )
    def test_it_is_flaggers(self, data: Any, expected: str) -> None:
        assert configs.checksum(config(data=data)) == expected

    def test_missing_data_are_none(self) -> None:
        assert configs.checksum(config()) == "74234e98afe7498f"

    def test_the_order_of_keys_is_nothing(self) -> None:
        assert configs.checksum(config(data={"a": "1", "b": "2"})) == configs.checksum(
            config(data={"b": "2", "a": "1"})
        )

    def test_a_change_of_binary_data_is_one_too(self) -> None:
        contents: list[Any] = [None, {"x": "AA=="}, {"x": "AQ=="}, {"y": "AA=="}]
        plain, *binary = (configs.checksum(config(data={"a": "1"}, binaryData=content)) for content in contents)
        assert len({plain, *binary}) == 4
        assert {text.partition("+")[0] for text in binary} == {plain}

    def test_metadata_are_not_its_content(self) -> None:
        noise = {"labels": {"x": "y"}, "annotations": {"x": "y"}, "resourceVersion": "9"}
        assert configs.checksum(config(data={"a": "1"}, metadata=noise)) == configs.checksum(config(data={"a": "1"}))


class TestCopied:
    SOURCE = config(
        data={"a": "1"},
        binaryData={"b": "AA=="},
        immutable=True,
        metadata={
            "labels": {"team": "blue", "app.kubernetes.io/part-of": "shop", "kustomize.toolkit.fluxcd.io/name": "apps"},
            "annotations": {"owner": "blue"},
        },
    )

    def test_a_copy_holds_all_the_content_and_chosen_labels_only(self) -> None:
        assert copied(self.SOURCE, None, "app.kubernetes.io") == {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": "conf-primary",
                "namespace": "shop",
                "labels": {"app.kubernetes.io/part-of": "shop"},
                "ownerReferences": [names.owner(CASE.canary)],
            },
            "data": {"a": "1"},
            "binaryData": {"b": "AA=="},
        }

    @pytest.mark.parametrize(
        ("prefixes", "expected"),
        [((), set()), (("te",), {"team"}), (("*",), {"team", "app.kubernetes.io/part-of"})],
    )
    def test_labels_are_chosen_by_prefix_and_fluxs_are_never(
        self, prefixes: tuple[str, ...], expected: set[str]
    ) -> None:
        once = copied(self.SOURCE, None, *prefixes)
        assert once["metadata"]["labels"].keys() == expected
        assert set(copied(self.SOURCE, once, *prefixes)["metadata"].get("labels", {})) == expected

    def test_a_secrets_type_is_its_copys(self) -> None:
        assert copied(config("Secret", type="kubernetes.io/tls"))["type"] == "kubernetes.io/tls"

    @pytest.mark.parametrize("source", [SOURCE, config(), config("Secret", type="Opaque", data={"a": "AA=="})])
    def test_a_copy_that_is_as_it_should_be_is_not_written(self, source: Manifest) -> None:
        live = served(copied(source))
        result = configs.copied(source, live, made())
        assert isinstance(result, Edit)
        assert differing(live, result) == {}

    def test_nothing_that_was_dropped_from_the_source_stays(self) -> None:
        live = copied(self.SOURCE)
        lean = copied(config(data={"c": "3"}), live)
        assert lean["data"] == {"c": "3"}
        assert "binaryData" not in lean
        assert "data" not in copied(config(), live)

    def test_what_others_wrote_into_the_copys_metadata_stays(self) -> None:
        live = copied(self.SOURCE)
        live["metadata"] |= {"labels": {"x": "y"}, "annotations": {"x": "y"}, "finalizers": ["x/y"]}
        metadata = copied(self.SOURCE, live)["metadata"]
        assert metadata["labels"] == {"x": "y"}
        assert metadata["annotations"] == {"x": "y"}
        assert metadata["finalizers"] == ["x/y"]

    def test_the_last_canary_to_come_controls_a_shared_copy_and_no_other_takes_that_back(self) -> None:
        live = copied(self.SOURCE)
        live["metadata"]["ownerReferences"] = [{**CANARY_OWNER, "controller": True, "blockOwnerDeletion": True}]
        shared = copied(self.SOURCE, live)["metadata"]["ownerReferences"]
        assert shared == [
            names.owner(CASE.canary),
            {**CANARY_OWNER, "controller": False, "blockOwnerDeletion": True},
        ]
        live["metadata"]["ownerReferences"] = [
            {**CANARY_OWNER, "controller": True},
            {**names.owner(CASE.canary), "controller": False},
        ]
        owners = copy.deepcopy(live["metadata"]["ownerReferences"])
        assert copied(self.SOURCE, live)["metadata"]["ownerReferences"] == owners

    def test_an_object_that_only_happens_to_be_called_so_is_not_owned(self) -> None:
        theirs = config(name="conf-primary", data={"a": "theirs"})
        assert configs.foreign(theirs)
        assert not configs.foreign(copied(self.SOURCE))
        assert "ownerReferences" not in copied(self.SOURCE, theirs)["metadata"]

    def test_source_and_copy_are_left_alone(self) -> None:
        source, live = copy.deepcopy(self.SOURCE), copied(self.SOURCE)
        before = copy.deepcopy((source, live))
        first, second = configs.copied(source, None, made("*")), configs.copied(source, live, made("*"))
        assert isinstance(first, dict)
        assert isinstance(second, Edit)
        first["data"]["scribble"] = "1"
        second.parts["/data"]["scribble"] = "1"
        second.parts["/metadata/ownerReferences"][0]["scribble"] = "1"
        assert (source, live) == before


def served(manifest: Manifest) -> Manifest:
    """The API server drops empty maps."""
    metadata = {key: value for key, value in manifest["metadata"].items() if value != {}}
    return {**manifest, "metadata": {**metadata, "resourceVersion": "1"}}


class TestChangedKeys:
    def world(self, *objects: Manifest) -> World:
        return {ref_of(item): item for item in objects}

    def test_each_key_that_differs_is_named_and_no_value(self) -> None:
        secret = config("Secret", "key", type="Opaque", data={"same": "AA==", "new": "c2VjcmV0", "other": "c2VjcmV0"})
        before = config("Secret", "key-primary", data={"same": "AA==", "gone": "c2VjcmV0", "other": "AA=="})
        source = config(data={"a": "1"}, binaryData={"b": "AA=="})
        held = config(name="conf-primary", data={"a": "2"}, binaryData={"b": "AQ=="})
        found = configs.changed_keys(
            self.world(secret, before, source, held), "shop", {"secret/key": 1, "configmap/conf": 1}
        )
        assert found == (
            "configmap/conf: a",
            "configmap/conf: b",
            "secret/key: gone",
            "secret/key: new",
            "secret/key: other",
        )
        assert "c2VjcmV0" not in str(found)

    def test_only_what_is_known_and_read_on_both_sides_is_compared(self) -> None:
        source, held = config(data={"a": "1"}), config(name="conf-primary", data={"a": "2"})
        known = {"configmap/conf": None}
        assert configs.changed_keys(self.world(source, held), "shop", {}) == ()
        assert configs.changed_keys(self.world(source), "shop", known) == ()
        assert configs.changed_keys(self.world(held), "shop", known) == ()
        assert configs.changed_keys(self.world(source, held), "elsewhere", known) == ()
        off = config(data={"a": "1"}, metadata={"annotations": {"flagger.app/config-tracking": "disabled"}})
        assert configs.changed_keys(self.world(off, held), "shop", known) == ()

    @given(
        st.dictionaries(st.sampled_from("abc"), st.sampled_from("12")),
        st.dictionaries(st.sampled_from("abc"), st.sampled_from("12")),
    )
    def test_no_key_is_named_where_the_checksums_agree(self, ours: dict[str, str], theirs: dict[str, str]) -> None:
        source, held = config(data=ours), config(name="conf-primary", data=theirs)
        changed = configs.changed_keys(self.world(source, held), "shop", {"configmap/conf": 1})
        assert bool(changed) == (configs.checksum(source) != configs.checksum(held))
