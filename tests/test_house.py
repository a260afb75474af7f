"""The house rules that imports and types cannot see: the map is true, families are even, the shelf names are honest."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from davy.notifiers import NOTIFIERS
from davy.providers import PROVIDERS
from davy.routers import ROUTERS
from davy.scalers import SCALERS
from davy.targets import TARGETS

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "davy"
MODULES = sorted(path for path in SOURCE.rglob("*.py"))
BANNED = {"manager", "helper", "helpers", "util", "utils", "common", "info", "misc", "base_"}
PURE = ("api", "core", "targets", "scalers", "routers", "notifiers")
PURE_MODULES = [path for path in MODULES if path.relative_to(SOURCE).parts[0] in PURE] + [
    SOURCE / name for name in ("render.py", "perceive.py", "validity.py")
]


def docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs", ROOT / "tools" / "docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def place(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_a_module_begins_by_saying_in_one_line_what_it_is(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    first = text.split("\n", 1)[0]
    assert first.endswith((".", "?")), f"{place(path)} needs a docstring whose first line is a sentence"
    assert len(first) <= 120


def test_what_is_generated_is_fresh() -> None:
    assert docs().stale() == [], "run `make docs`"


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_no_room_is_called_after_nothing(path: Path) -> None:
    assert not BANNED & set(re.split(r"[_/.]", str(path.relative_to(SOURCE))))


@pytest.mark.parametrize("path", PURE_MODULES, ids=place)
def test_the_pure_rooms_ask_no_clock_and_print_nothing(path: Path) -> None:
    names = {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)}
    assert not names & {"datetime.now", "datetime.utcnow", "print", "open", "input", "uuid.uuid4", "uuid4"}


def test_only_the_applier_and_the_refuser_write_the_status() -> None:
    writers = {
        place(path) for path in (SOURCE / "controller").glob("*.py") if 'subresource="status"' in path.read_text()
    }
    assert writers == {"src/davy/controller/apply.py", "src/davy/controller/refuse.py"}


@pytest.mark.parametrize("name", sorted(ROUTERS))
def test_every_router_has_golden_files(name: str) -> None:
    folder = ROOT / "tests" / "routers" / "golden" / name.replace(":", "-")
    # A router without objects of its own has nothing golden to show.
    assert folder.is_dir() or name == "kubernetes"


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_every_provider_has_recorded_answers(name: str) -> None:
    assert list((ROOT / "tests" / "providers" / "recorded" / name).glob("*.json"))


@pytest.mark.parametrize("member", [*ROUTERS, *PROVIDERS, *NOTIFIERS, *(kind for _, kind in (*TARGETS, *SCALERS))])
def test_every_member_of_a_family_is_documented(member: str) -> None:
    assert f"`{member}`" in (ROOT / "docs" / "reference" / "families.md").read_text()


def test_no_path_and_no_address_of_a_registry_is_committed() -> None:
    for path in [*ROOT.glob("requirements/*.lock"), ROOT / "pyproject.toml", ROOT / "Makefile"]:
        assert "://" not in path.read_text().replace("http://127.0.0.1", ""), place(path)


def test_the_architecture_fits_a_page_and_the_first_hour_exists() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text()
    assert len(page.splitlines()) <= 140
    for path in re.findall(r"`(src/davy/[\w/]+\.py)`", page):
        assert (ROOT / path).exists(), path
