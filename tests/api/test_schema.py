"""The published definitions hold every field of Flagger's, are fresh, and are what the API server can work with."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import inspect

from davy.api.alert_provider import AlertProvider
from davy.api.canary import Canary
from davy.api.metric_template import MetricTemplate
from davy.api.schema import ADDED_SPEC, COLUMNS, crds, missing, paths, required_fields, root
from davy.api.schema.__main__ import as_yaml, file_name, page_name
from davy.api.schema.generate import described
from davy.api.schema.reference import page

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
FLAGGER: dict[str, list[dict[str, Any]]] = json.loads((HERE / "flagger_fields.json").read_text())
FOLDERS = (os.environ.get("DAVY_CRDS"), REPOSITORY.parent / "shared" / "crds")
FILES = [Path(folder) / "flagger.yaml" for folder in FOLDERS if folder]


def extracted(file: Path) -> dict[str, list[dict[str, Any]]]:
    """What the script takes out of a file of definitions."""
    code = f"import sys; sys.path.insert(0, {str(HERE)!r}); import extract_flagger_fields as e, json, pathlib;"
    code += f"print(json.dumps(e.fields_in(pathlib.Path({str(file)!r}))))"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    answer: dict[str, list[dict[str, Any]]] = json.loads(found.stdout)
    return answer


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Our own fields, by the same script: kind → path → field."""
    file = tmp_path_factory.mktemp("crds") / "ours.yaml"
    file.write_text(yaml.safe_dump_all(crds()))
    return {kind: {field["path"]: field for field in fields} for kind, fields in extracted(file).items()}


@pytest.mark.parametrize("kind", FLAGGER)
def test_every_field_of_flaggers_is_there_with_its_type_and_values(kind: str, ours: dict[str, dict[str, Any]]) -> None:
    wrong = []
    for field in FLAGGER[kind]:
        own = ours[kind].get(field["path"], {"type": "missing"})
        if own["type"] != field["type"] or not set(field.get("enum", ())) <= set(own.get("enum", ())):
            wrong.append((field, own))
    assert wrong == []


@pytest.mark.parametrize("kind", FLAGGER)
def test_nothing_is_refused_that_flaggers_definition_accepts(kind: str, ours: dict[str, dict[str, Any]]) -> None:
    theirs = {field["path"]: field for field in FLAGGER[kind]}
    common = [(own, theirs[path]) for path, own in ours[kind].items() if path in theirs]
    stricter = [own for own, field in common if own.get("required") and not field.get("required")]
    narrower = [own for own, field in common if "enum" in own and "enum" not in field]
    # Flagger's definition puts this one on the list instead of its elements, where it says nothing.
    assert [own["path"] for own in stricter] == (["spec.service.mirror[].backendRef"] if kind == "Canary" else [])
    assert narrower == []


def test_the_fields_that_are_added_are_optional_and_few(ours: dict[str, dict[str, Any]]) -> None:
    theirs = {field["path"] for field in FLAGGER["Canary"]}
    added = [own for path, own in ours["Canary"].items() if path not in theirs]
    assert {own["path"] for own in added if own["path"].startswith("spec")} == set(ADDED_SPEC)
    inside = (
        "status.analysis[].metric",
        "status.closedGate.name",
        "status.closedGate.type",
        "status.command.command",
        "status.pending[].id",
        "status.pending[].type",
    )
    assert [own["path"] for own in added if own.get("required") and own["path"] not in inside] == []


@pytest.mark.conformance
def test_the_committed_list_is_what_flaggers_file_holds() -> None:
    file = next((file for file in FILES if file.exists()), None)
    if file is None:
        pytest.skip("there is no flagger.yaml in $DAVY_CRDS or ../shared/crds")
    assert extracted(file) == FLAGGER


@pytest.mark.parametrize("crd", crds(), ids=lambda crd: crd["metadata"]["name"])
def test_the_committed_definition_is_fresh(crd: dict[str, Any]) -> None:
    committed = REPOSITORY / "deploy" / "crds" / file_name(crd)
    assert committed.read_text() == as_yaml(crd), AGAIN


@pytest.mark.parametrize("crd", crds(), ids=lambda crd: crd["metadata"]["name"])
def test_the_committed_reference_is_fresh(crd: dict[str, Any]) -> None:
    assert (REPOSITORY / "docs" / "reference" / page_name(crd)).read_text() == page(crd), AGAIN


def test_the_reference_has_a_row_for_every_field() -> None:
    rows = page(crds()[0])
    named = {path.removesuffix("[]").replace("{}", ".*") for path in paths(root(Canary)) if "." in path}
    fields = {path for path in named if not path.endswith("*")}
    assert [path for path in fields if f"| `{path}` |" not in rows] == []


@pytest.mark.parametrize("crd", crds(), ids=lambda crd: crd["metadata"]["name"])
def test_a_definition_is_kept_shown_and_has_a_status_of_its_own(crd: dict[str, Any]) -> None:
    version = crd["spec"]["versions"][0]
    assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert crd["spec"]["names"]["categories"] == ["all"]
    assert version["subresources"] == {"status": {}}
    columns = [(c["name"], c["type"], c["jsonPath"], c.get("priority", 0)) for c in version["additionalPrinterColumns"]]
    assert tuple(columns) == COLUMNS[crd["spec"]["names"]["kind"]]


AGAIN = "run: python -m davy.api.schema deploy/crds docs/reference"
BARRED = {"type", "description", "default", "additionalProperties", "x-kubernetes-validations"}


def words(part: Any) -> set[str]:
    """All keys in a part of a schema."""
    if isinstance(part, dict):
        return set(part).union(*(words(inner) for inner in part.values()))
    return set().union(*(words(inner) for inner in part)) if isinstance(part, list) else set()


def structural(schema: Any, path: str) -> list[str]:
    """Where a schema breaks the rules of structural schemas."""
    wrong = []
    if "type" not in schema and not schema.get("x-kubernetes-int-or-string"):
        wrong.append(f"{path}: no type")
    wrong += [f"{path}: {word} inside oneOf" for word in words(schema.get("oneOf", ())) & BARRED]
    for name, inner in schema.get("properties", {}).items():
        wrong += structural(inner, f"{path}.{name}")
    for word in ("items", "additionalProperties"):
        wrong += structural(schema[word], f"{path}.{word}") if isinstance(schema.get(word), dict) else []
    return wrong


@pytest.mark.parametrize("kind", [Canary, MetricTemplate, AlertProvider])
def test_a_schema_is_structural(kind: type) -> None:
    assert structural(root(kind), "") == []


@pytest.mark.parametrize("kind", [Canary, MetricTemplate, AlertProvider])
def test_every_field_is_described_and_nothing_else(kind: type) -> None:
    odd: list[str] = []

    def walk(info: Any) -> None:
        for part in getattr(info, "types", (info,)):
            for inner in ("item_type", "value_type"):
                if hasattr(part, inner):
                    walk(getattr(part, inner))
            if isinstance(part, inspect.StructType):
                names = {field.name for field in part.fields}
                odd.extend(f"{part.cls.__name__}.{name}" for name in names ^ set(described(part.cls)))
                for field in part.fields:
                    walk(field.type)

    walk(inspect.type_info(kind))
    assert odd == []


def test_our_own_definition_keeps_all_that_is_needed() -> None:
    assert missing(crds()[0]) == ()


def without(path: str) -> dict[str, Any]:
    """Our definition without one field."""
    crd = copy.deepcopy(crds()[0])
    *way, last = path.replace("[]", ".items").replace("{}", ".additionalProperties").split(".")
    at = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for step in way:
        at = at[step] if step in ("items", "additionalProperties") else at["properties"][step]
    del (at if last in ("items", "additionalProperties") else at["properties"])[last]
    return crd


@pytest.mark.parametrize("path", required_fields())
def test_a_field_that_would_be_pruned_is_missing(path: str) -> None:
    assert missing(without(path))[0] == path


def test_flaggers_own_definition_lacks_what_davy_needs() -> None:
    theirs = {field["path"] for field in FLAGGER["Canary"]}
    lost = [path for path in required_fields() if path not in theirs]
    assert {"status.lastStepAt", "status.analysis", "spec.service.drainSeconds"} <= set(lost)


def test_nothing_is_pruned_where_unknown_fields_are_kept() -> None:
    crd = crds()[0]
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
    }
    assert missing(crd) == ()


def test_a_definition_that_does_not_serve_our_version_keeps_nothing() -> None:
    crd = crds()[0]
    crd["spec"]["versions"][0]["name"] = "v1alpha3"
    assert missing(crd) == required_fields()
